//! Deleted messages: they are in no answer, and after the next checkpoint in no byte of the files.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::util::test_support::Random;

fn delete(room: &str, ids: &[u64]) -> Record {
    Record::Delete { room: room.into(), ids: ids.to_vec() }
}

fn ids(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.id).collect()
}

fn exported(store: &Store) -> Vec<u64> {
    let mut ids = Vec::new();
    let each = |message: Message| {
        ids.push(message.id);
        Ok::<_, Error>(())
    };
    store.export(None, each).unwrap();
    ids
}

#[test]
fn deleted_messages_are_in_no_answer() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store
        .write(&(1..=20).map(|id| said(id, ["lobby", "tea"][id as usize % 2], "red fish")).collect::<Vec<_>>())
        .unwrap();
    // Of another room, unknown, invalid, and twice: no errors.
    let changes = [delete("LOBBY", &[20, 18, 4, 3, 99, 0, u64::MAX, 18]), delete("den", &[1]), delete("lobby", &[20])];
    store.write(&changes).unwrap();
    store.write(&changes).unwrap();
    let check = |store: &mut Store| {
        assert_eq!(ids(&history(store, "lobby", None, 3).unwrap()), [12, 14, 16]);
        assert_eq!(ids(&history(store, "lobby", Some(6), 9).unwrap()), [2]);
        assert_eq!(ids(&history(store, "lobby", Some(4), 9).unwrap()), [2]);
        assert_eq!(ids(&history(store, "tea", None, 99).unwrap()).len(), 10);
        assert_eq!(ids(&search(store, "lobby", "fish", None, 99).unwrap().0), [2, 6, 8, 10, 12, 14, 16]);
        assert_eq!((store.message("lobby", 4), store.message("lobby", 6).unwrap().is_some()), (Ok(None), true));
        assert_eq!(exported(store).len(), 17);
        assert_eq!(store.cached.state.messages, 20);
    };
    check(&mut store);
    drop(store);
    let (mut store, start) = Store::open(&Options { history: 2, ..directory.options() }, NOW).unwrap();
    let room = start.rooms.iter().find(|room| room.name == "lobby").unwrap();
    assert_eq!((ids(&room.messages), start.next_id), (vec![14, 16], 21));
    check(&mut store);
    // The chain is whole for what is said later, too.
    store.write(&[said(21, "lobby", "blue")]).unwrap();
    assert_eq!(ids(&history(&mut store, "lobby", None, 2).unwrap()), [16, 21]);
    store.write(&(1..=21).map(|id| delete("lobby", &[id])).collect::<Vec<_>>()).unwrap();
    assert_eq!(history(&mut store, "lobby", None, 9), Ok(vec![]));
}

#[test]
fn repeated_write_of_a_deleted_message_leaves_it_deleted() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let records = [said(1, "lobby", "one"), said(2, "lobby", "two"), delete("lobby", &[1])];
    store.write(&records).unwrap();
    store.write(&records).unwrap();
    assert_eq!(texts(&history(&mut store, "lobby", None, 9).unwrap()), ["two"]);
    assert!(matches!(store.write(&[said(1, "tea", "one")]), Err(Error::Refused(..))), "of another room");
}

#[test]
fn deleted_messages_are_pruned_as_all_rows() {
    let directory = Directory::new();
    let (mut store, _) = Store::open(&Options { keep_messages: Some(5), ..directory.options() }, NOW).unwrap();
    store.write(&(1..=20).map(|id| said(id, "lobby", "red")).collect::<Vec<_>>()).unwrap();
    store.write(&[delete("lobby", &[3, 15, 17, 20])]).unwrap();
    while store.prune(NOW, 4).unwrap() {}
    assert_eq!(
        (ids(&history(&mut store, "lobby", None, 9).unwrap()), store.cached.state.messages),
        (vec![16, 18, 19], 5)
    );
    assert_eq!(exported(&store), [16, 18, 19]);
    store.write(&[Record::RoomGone { name: "lobby".into() }]).unwrap();
    while store.prune(NOW, 4).unwrap() {}
    check_index(&store);
    clean(&mut store);
    check_index(&store);
    assert_eq!(store.cached.state.messages, 0);
}

#[test]
fn step_over_deleted_messages_is_bounded() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&(1..=500).map(|id| said(id, "lobby", "red")).collect::<Vec<_>>()).unwrap();
    store.write(&[delete("lobby", &(5..=490).collect::<Vec<_>>())]).unwrap();
    let (mut before, mut found, mut steps) = (None, Vec::new(), 0);
    loop {
        let mut left = 50;
        let mut more = || {
            left -= 1;
            left > 0
        };
        let is_hidden = &|id| id == 495;
        let mut step = Step { is_hidden, more: &mut more };
        let read = store.history("lobby", before, 12 - found.len(), &mut step).unwrap();
        found.extend(ids(&read.messages).into_iter().rev());
        steps += 1;
        let Some(next) = read.before else { break };
        assert!(before.is_none_or(|before| next < before), "no progress");
        before = Some(next);
    }
    assert_eq!((found, steps), (vec![500, 499, 498, 497, 496, 494, 493, 492, 491, 4, 3, 2], 10));
}

#[test]
fn step_over_deleted_messages_from_an_id_on_is_bounded() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&(1..=500).map(|id| said(id, "lobby", "red")).collect::<Vec<_>>()).unwrap();
    store.write(&[delete("lobby", &(5..=490).collect::<Vec<_>>())]).unwrap();
    let (mut first, mut found, mut steps) = (3, Vec::new(), 0);
    loop {
        let mut left = 50;
        let mut more = || {
            left -= 1;
            left > 0
        };
        let is_hidden = &|id| id == 495;
        let mut step = Step { is_hidden, more: &mut more };
        let read = store.find_after("lobby", first, 8 - found.len(), &mut step).unwrap();
        found.extend(read.ids);
        steps += 1;
        if read.is_complete {
            break;
        }
        first = read.up_to.expect("progress") + 1;
    }
    assert_eq!((found, steps), (vec![3, 4, 491, 492, 493, 494, 496, 497], 10));
}

#[test]
fn messages_of_an_author_are_found_in_steps() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let by = |id: u64| ["alice", "Bob", "ＢＯＢ"][id as usize % 3];
    let said = |id| Record::Message(Message { name: by(id).into(), ..message(id, "lobby", "red") });
    store.write(&(1..=100).map(said).collect::<Vec<_>>()).unwrap();
    store.write(&[delete("lobby", &[98, 97])]).unwrap();
    let (mut before, mut found, mut steps) = (None, Vec::new(), 0);
    loop {
        let mut left = 10;
        let mut more = || {
            left -= 1;
            left > 0
        };
        let mut step = Step { is_hidden: &|id| id == 95, more: &mut more };
        let read = store.find_of_author("Lobby", "bob", before, 20 - found.len(), &mut step).unwrap();
        found.extend(read.ids);
        steps += 1;
        before = read.before;
        if before.is_none() {
            break;
        }
    }
    let expected: Vec<u64> = (1..=94).rev().filter(|id| id % 3 != 0).take(19).collect();
    assert_eq!((found, steps), ([vec![100], expected].concat(), 4));
}

/// Bytes of the end of a word that are looked for: FTS5 does not write a beginning that is that of the word before, and
/// fewer random bytes would be found in other words.
const END: usize = 11;

/// Checks that no file of the directory contains the end of any of these words.
fn assert_nowhere(directory: &Path, words: &[String], when: &str) {
    let ends: HashSet<&[u8]> = words.iter().map(|word| &word.as_bytes()[word.len() - END..]).collect();
    for name in ["history", "history-wal", "history-shm"] {
        let Ok(bytes) = fs::read(directory.join(name)) else { continue };
        if let Some((at, end)) = bytes.windows(END).enumerate().find(|(_, end)| ends.contains(end)) {
            panic!("{:?} is in {name} {when}, page {}", String::from_utf8_lossy(end), at / 4096 + 1);
        }
    }
}

/// A text, and the words in it that no other message has.
fn random_text(random: &mut Random, id: u64) -> (String, Vec<String>) {
    let hex = |random: &mut Random| format!("{:016x}", random.next());
    let han =
        |random: &mut Random| (0..9).map(|_| char::from_u32(0x4e00 + random.below(3000) as u32).unwrap()).collect();
    let own: Vec<String> = match random.below(8) {
        0 => (0..1 + random.below(200)).map(|_| hex(random)).collect(),
        1 => vec![han(random), han(random)],
        // These share long beginnings with others, so that only the last bytes differ.
        2 => (0..3).map(|_| format!("commonbeginning{:03x}q{id:05}z", random.below(8))).collect(),
        3 => vec![format!("É{}", hex(random)), hex(random).repeat(20)],
        // More than a page.
        4 => (0..300 + random.below(300)).map(|_| hex(random)).collect(),
        _ => vec![hex(random)],
    };
    let usual: String = (0..random.below(12)).map(|_| format!("w{} ", random.below(300))).collect();
    (format!("{usual}{}", own.join(" ")), own)
}

#[test]
fn deleted_words_are_in_no_byte_of_the_files() {
    let seeds = std::env::var("CHINWAG_SEEDS").map_or(6, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let mut random = Random(seed);
        let directory = Directory::new();
        let keep_messages = [None, Some(150)][seed as usize % 2];
        let options = Options { keep_messages, ..directory.options() };
        let (mut store, _) = Store::open(&options, NOW).unwrap();
        // By id: the room, the text and its words.
        let mut kept = BTreeMap::new();
        let (mut deleted, mut next) = (Vec::new(), 1);
        for turn in 0..150 {
            let mut records = Vec::new();
            for _ in 0..random.below([2, 12][turn % 2]) {
                let (text, own) = random_text(&mut random, next);
                let room = *random.pick::<&str>(&["lobby", "tea", "鱼"]);
                records.push(said(next, room, &text));
                kept.insert(next, (room, text, own));
                next += 1;
            }
            // Also some that are new in this turn.
            for _ in 0..random.below(4) {
                let id = 1 + random.below(next as usize) as u64;
                let is_new =
                    records.iter().any(|record| matches!(record, Record::Message(message) if message.id == id));
                if let Some((room, _, own)) = kept.remove(&id)
                    // Words of pruned messages can stay for some time.
                    && (is_new || store.message(room, id).unwrap().is_some())
                {
                    deleted.extend(own);
                    records.push(delete(room, &[id]));
                }
            }
            if random.one_in(40) {
                records.push(Record::RoomGone { name: "tea".into() });
                kept.retain(|_, (room, ..)| *room != "tea");
            }
            store.write(&records).unwrap();
            while random.one_in(2) && store.prune(NOW, 20).unwrap() {}
            for _ in 0..random.below(3) {
                store.clean_index(1 + random.below(3), &mut || true).unwrap();
            }
            if random.one_in(20) {
                clean(&mut store);
                store.checkpoint().unwrap();
                assert_eq!(fs::metadata(directory.join("history-wal")).unwrap().len(), 0);
                assert_nowhere(&directory, &deleted, &format!("while open, seed {seed}, turn {turn}"));
            }
        }
        // As after SIGKILL: nothing was closed, and the deletions are in the log only.
        let killed = Directory::new();
        for name in ["history", "history-wal"] {
            fs::copy(directory.join(name), killed.join(name)).unwrap();
        }
        clean(&mut store);
        check_index(&store);
        drop(store);
        assert_nowhere(&directory, &deleted, &format!("when closed, seed {seed}"));
        for directory in [&directory, &killed] {
            let (mut store, _) =
                Store::open(&Options { path: directory.join("history"), ..options.clone() }, NOW).unwrap();
            while store.prune(NOW, 100).unwrap() {}
            clean(&mut store);
            store.checkpoint().unwrap();
            assert_nowhere(directory, &deleted, &format!("when opened again, seed {seed}"));
            let left = exported(&store);
            assert!(keep_messages.is_some() || left == kept.keys().copied().collect::<Vec<_>>(), "seed {seed}");
            for (room, text, own) in left.iter().map(|id| &kept[id]) {
                let found = search(&mut store, room, &own[0], None, 9).unwrap().0;
                assert!(found.iter().any(|message| message.text == *text), "seed {seed}: {own:?}");
            }
        }
        assert!(deleted.len() > 500, "seed {seed}: {}", deleted.len());
    }
}
