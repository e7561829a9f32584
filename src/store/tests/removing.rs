//! Words of deleted messages leave the search index in steps, while everything else goes on.

use std::collections::BTreeMap;

use super::*;
use crate::util::test_support::Random;

const ROOMS: [&str; 3] = ["lobby", "tea", "鱼"];

/// Deleted messages whose words are still in the index.
fn left(store: &Store) -> i64 {
    let count = "SELECT count(*) FROM removed_texts";
    store.connection().unwrap().query_row(count, [], |row| row.get(0)).unwrap()
}

fn delete(room: &str, ids: &[u64]) -> Record {
    Record::Delete { room: room.into(), ids: ids.to_vec() }
}

/// What a store must contain: room and text by id.
type Model = BTreeMap<u64, (&'static str, String)>;

fn random_text(random: &mut Random) -> String {
    (0..1 + random.below(30)).map(|_| format!("w{} ", random.below(40))).collect()
}

/// Checks the history and some searches of each room; `is_pruned` if the store may lack the oldest messages.
fn check(store: &mut Store, model: &mut Model, is_pruned: bool, random: &mut Random, when: &str) {
    for room in ROOMS {
        let stored = history(store, room, None, 10_000).unwrap();
        if is_pruned {
            let ids: Vec<u64> = stored.iter().map(|message| message.id).collect();
            model.retain(|id, (its, _)| *its != room || ids.contains(id));
        }
        let of_room = || model.iter().filter(|(_, (its, _))| *its == room);
        let expected: Vec<_> = of_room().map(|(&id, (_, text))| (id, &**text)).collect();
        let stored: Vec<_> = stored.iter().map(|message| (message.id, &*message.text)).collect();
        assert_eq!(stored, expected, "{when}, {room}");
        let word = format!("w{}", random.below(40));
        let found = search(store, room, &word, None, 10_000).unwrap().0;
        let found: Vec<u64> = found.iter().map(|message| message.id).collect();
        let with_word = |text: &str| text.split_whitespace().any(|one| one == word);
        let expected: Vec<u64> = of_room().filter(|(_, (_, text))| with_word(text)).map(|(&id, _)| id).collect();
        assert_eq!(found, expected, "{when}, {room}, {word}");
    }
}

#[test]
fn every_answer_is_right_while_words_are_removed() {
    let seeds = std::env::var("CHINWAG_SEEDS").map_or(8, |seeds| seeds.parse().unwrap());
    let mut waited = 0;
    for seed in 0..seeds {
        let mut random = Random(seed);
        let directory = Directory::new();
        let keep_messages = [None, Some(60)][seed as usize % 2];
        let options = Options { keep_messages, ..directory.options() };
        let (mut store, _) = Store::open(&options, NOW).unwrap();
        let (mut model, mut next) = (Model::new(), 1);
        for turn in 0..120 {
            let when = format!("seed {seed}, turn {turn}");
            match random.below(10) {
                0..4 => {
                    let mut records = Vec::new();
                    for _ in 0..random.below(12) {
                        let (room, text) = (*random.pick::<&str>(&ROOMS), random_text(&mut random));
                        records.push(said(next, room, &text));
                        model.insert(next, (room, text));
                        next += 1;
                    }
                    store.write(&records).unwrap();
                }
                4..6 => {
                    let ids: Vec<u64> = (0..random.below(9)).map(|_| 1 + random.below(next as usize) as u64).collect();
                    let records: Vec<_> = ROOMS.iter().map(|room| delete(room, &ids)).collect();
                    store.write(&records).unwrap();
                    ids.iter().for_each(|id| drop(model.remove(id)));
                }
                6 => while random.one_in(2) && store.prune(NOW, 1 + random.below(20)).unwrap() {},
                7 => {
                    let mut steps = random.below(4);
                    let more = &mut || {
                        steps = steps.saturating_sub(1);
                        steps > 0
                    };
                    let before = left(&store);
                    let is_left = store.clean_index(9, more).unwrap();
                    assert_eq!(is_left, left(&store) > 0, "{when}");
                    assert!(before == 0 || left(&store) < before, "{when}");
                }
                8 => {
                    drop(store);
                    store = Store::open(&options, NOW).unwrap().0;
                }
                _ if random.one_in(4) => {
                    store.write(&[Record::RoomGone { name: "tea".into() }]).unwrap();
                    model.retain(|_, (room, _)| *room != "tea");
                }
                _ => store.checkpoint().unwrap(),
            }
            waited += left(&store);
            check(&mut store, &mut model, keep_messages.is_some(), &mut random, &when);
        }
        check_index(&store);
        while store.prune(NOW, 100).unwrap() {}
        clean(&mut store);
        check_index(&store);
        let count = |sql: &str| store.connection().unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let messages = count("SELECT count(*) FROM messages WHERE room > 0 AND kind != 2");
        assert_eq!((count("SELECT count(*) FROM search_docsize"), left(&store)), (messages, 0), "seed {seed}");
        check(&mut store, &mut model, keep_messages.is_some(), &mut random, "at the end");
    }
    assert!(waited > 500, "{waited}");
}

#[test]
fn step_removes_the_words_of_at_least_one_message_and_at_most_those_asked_for() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    assert_eq!(store.clean_index(1, &mut || true), Ok(false));
    store.write(&(1..=20).map(|id| said(id, "lobby", &format!("red w{id}"))).collect::<Vec<_>>()).unwrap();
    store.write(&[delete("lobby", &(1..=10).collect::<Vec<_>>())]).unwrap();
    let index = |store: &Store| {
        let count = "SELECT count(*) FROM search WHERE search MATCH 'red'";
        store.connection().unwrap().query_row(count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((left(&store), index(&store)), (10, 20), "a deletion does not change the index");
    assert_eq!(store.clean_index(9, &mut || false), Ok(true));
    assert_eq!((left(&store), index(&store)), (9, 19));
    assert_eq!(store.clean_index(4, &mut || true), Ok(true));
    assert_eq!((left(&store), index(&store)), (5, 15));
    assert_eq!(store.clean_index(5, &mut || true), Ok(false));
    assert_eq!((left(&store), index(&store)), (0, 10));
    check_index(&store);
}

#[test]
fn search_skips_words_of_messages_whose_rows_are_gone() {
    let directory = Directory::new();
    let (mut store, _) = Store::open(&Options { keep_messages: Some(5), ..directory.options() }, NOW).unwrap();
    store.write(&(1..=1500).map(|id| said(id, "lobby", "red")).collect::<Vec<_>>()).unwrap();
    store.write(&[delete("lobby", &[1, 2, 3, 1499])]).unwrap();
    while store.prune(NOW, 200).unwrap() {}
    let has_row = |id: i64| {
        let mut statement = store.connection().unwrap().prepare("SELECT 1 FROM messages WHERE id = ?1").unwrap();
        statement.exists([id]).unwrap()
    };
    assert!(!has_row(2) && has_row(1499));
    let words = SearchWords::new("red").unwrap();
    // A search that also looks at the ids of pruned messages, as that of a room with older messages does.
    let room = table::room::StoredRoom { pruned: 0, ..store.cached.rooms["lobby"].clone() };
    let found = |store: &Store| {
        let connection = store.connection().unwrap();
        search::find(connection, &room, &words, None, 99, &mut || true).map(|step| step.ids).map_err(|_| "damage")
    };
    assert_eq!(found(&store), Ok(vec![1500, 1498, 1497, 1496]));
    clean(&mut store);
    assert_eq!(found(&store), Ok(vec![1500, 1498, 1497, 1496]));
    check_index(&store);
}

#[test]
fn import_with_the_id_of_a_deleted_message_is_found() {
    let directory = Directory::new();
    let (mut store, _) = Store::open(&Options { keep_messages: Some(1), ..directory.options() }, NOW).unwrap();
    store.write(&[said(1, "lobby", "red fish"), said(2, "lobby", "blue fish"), said(3, "lobby", "x")]).unwrap();
    store.write(&[delete("lobby", &[1, 2])]).unwrap();
    while store.prune(NOW, 9).unwrap() {}
    assert_eq!(left(&store), 2);
    assert_eq!(store.import([Ok::<_, Error>(message(2, "lobby", "green fish"))]), Ok(1));
    clean(&mut store);
    assert_eq!(texts(&search(&mut store, "lobby", "fish", None, 9).unwrap().0), ["green fish"]);
    assert_eq!(search(&mut store, "lobby", "blue", None, 9), Ok((vec![], None)));
    check_index(&store);
}
