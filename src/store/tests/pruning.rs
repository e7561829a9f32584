//! Retention: expired messages are pruned and their space is reused.

use super::*;
use crate::util::test_support::Random;

const DAY: i64 = 24 * 60 * 60;

fn old(id: u64, room: &str, days: i64) -> Record {
    let at = OffsetDateTime::from_unix_timestamp(NOW - days * DAY).unwrap();
    Record::Message(Message { at, ..message(id, room, &format!("red {id}")) })
}

fn ids(store: &mut Store, room: &str) -> Vec<u64> {
    history(store, room, None, 1000).unwrap().iter().map(|message| message.id).collect()
}

/// Prunes in steps of `most` messages; returns the number of steps.
fn prune(store: &mut Store, most: usize) -> usize {
    (0..).take_while(|_| store.prune(NOW, most).unwrap()).count()
}

fn with_retention(directory: &Directory, keep_days: Option<u32>, keep_messages: Option<u64>) -> Store {
    let options = Options { keep_days, keep_messages, ..directory.options() };
    Store::open(&options, NOW).unwrap().0
}

#[test]
fn messages_over_the_maximum_age_are_pruned() {
    let directory = Directory::new();
    let mut store = with_retention(&directory, Some(7), None);
    store.write(&[old(1, "lobby", 9), old(2, "tea", 8), old(3, "lobby", 8), old(4, "lobby", 6)]).unwrap();
    assert_eq!(prune(&mut store, 2), 2);
    assert_eq!((ids(&mut store, "lobby"), ids(&mut store, "tea")), (vec![4], vec![]));
    assert_eq!(search(&mut store, "lobby", "red", None, 9).unwrap().0.len(), 1);
    assert_eq!(search(&mut store, "tea", "red", None, 9), Ok((vec![], None)));
    drop(store);
    let mut store = with_retention(&directory, Some(5), None);
    assert_eq!(prune(&mut store, 100), 1);
    drop(store);
    let (store, start) = directory.open();
    assert_eq!(start.next_id, 5, "though the newest is pruned");
    assert_eq!(start.rooms, ["lobby", "tea"].map(|name| InitialRoom { name: name.into(), ..InitialRoom::default() }));
    drop(store);
    let (mut store, _) = directory.open();
    store.write(&[said(5, "tea", "more")]).unwrap();
    assert_eq!(ids(&mut store, "tea"), [5]);
}

#[test]
fn messages_over_the_maximum_number_are_pruned() {
    let directory = Directory::new();
    let mut store = with_retention(&directory, None, Some(10));
    let records: Vec<_> = (1..=50).map(|id| old(id, if id % 2 == 0 { "tea" } else { "lobby" }, 0)).collect();
    store.write(&records).unwrap();
    assert_eq!(prune(&mut store, 16), 3);
    assert_eq!(ids(&mut store, "lobby"), [41, 43, 45, 47, 49]);
    assert_eq!(history(&mut store, "lobby", Some(45), 9).unwrap().len(), 2);
    assert_eq!(history(&mut store, "lobby", Some(41), 9), Ok(vec![]));
    assert_eq!(history(&mut store, "lobby", Some(7), 9), Ok(vec![]));
    assert!(!store.prune(NOW, 16).unwrap());
    drop(store);
    assert_eq!(prune(&mut with_retention(&directory, None, None), 16), 0);
    assert_eq!(prune(&mut with_retention(&directory, None, Some(0)), 100), 1);
    assert_eq!(directory.open().1.next_id, 51);
}

#[test]
fn wrong_clock_does_not_prune_new_messages() {
    let directory = Directory::new();
    let mut store = with_retention(&directory, Some(7), None);
    // The clock was in the future for 1 and 2, and at its start for 4.
    let wrong = [old(1, "lobby", -900), old(2, "lobby", -900), old(3, "lobby", 1), old(4, "lobby", 10_000)];
    store.write(&wrong).unwrap();
    assert_eq!(prune(&mut store, 100), 0);
    drop(store);
    let mut store = with_retention(&directory, Some(0), None);
    assert_eq!(prune(&mut store, 100), 1, "what came after them is too old, and so are they");
    assert_eq!(ids(&mut store, "lobby"), [0; 0]);
}

#[test]
fn removed_room_is_pruned_in_steps() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&(1..=25).map(|id| old(id, "tea", 0)).collect::<Vec<_>>()).unwrap();
    store.write(&[Record::RoomGone { name: "Tea".into() }, said(26, "tea", "red again")]).unwrap();
    drop(store);
    let (mut store, _) = directory.open();
    assert_eq!(prune(&mut store, 10), 3);
    assert_eq!(ids(&mut store, "tea"), [26]);
    assert_eq!(search(&mut store, "tea", "red", None, 9).unwrap().0.len(), 1);
    let rows = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        store.connection().unwrap().query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((rows("messages WHERE room > 0"), rows("rooms"), rows("search_docsize")), (1, 1, 1));
    assert_eq!(store.cached.state.messages, 1);
}

#[test]
fn expired_bans_are_pruned() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[Record::Ban(ban("10.0.0.0/8", None, Some(NOW)))]).unwrap();
    assert_eq!(prune(&mut store, 1), 1);
    let count = store.connection().unwrap().query_row("SELECT count(*) FROM bans", [], |row| row.get::<_, i64>(0));
    assert_eq!(count, Ok(0));
}

#[test]
fn space_of_pruned_messages_is_reused() {
    let directory = Directory::new();
    let mut store = with_retention(&directory, None, Some(500));
    let mut random = Random(1);
    let mut next = 1;
    let mut length = || {
        for _ in 0..100 {
            let word = |random: &mut Random| format!("w{} ", random.below(5000));
            let text = |random: &mut Random| (0..20).map(|_| word(random)).collect::<String>();
            let records: Vec<_> = (next..next + 50).map(|id| said(id, "lobby", &text(&mut random))).collect();
            next += 50;
            store.write(&records).unwrap();
            prune(&mut store, 50);
        }
        let log = std::fs::metadata(directory.join("history-wal")).unwrap().len();
        assert!(log < 2 * CHECKPOINT_BYTES, "the log has {log} bytes");
        std::fs::metadata(directory.join("history")).unwrap().len()
    };
    let first = length();
    let later = (0..3).map(|_| length()).max().unwrap();
    assert!(later < first * 3 / 2, "{first} bytes, then {later}");
}

#[test]
fn grown_log_is_emptied() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let length = || std::fs::metadata(directory.join("history-wal")).unwrap().len();
    let mut lengths = vec![length()];
    for id in 1..=200 {
        store.write(&[said(id, "lobby", &"red blue ".repeat(5000))]).unwrap();
        lengths.push(length());
    }
    let emptied = lengths.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(emptied >= 2 && lengths.iter().all(|&length| length < 2 * CHECKPOINT_BYTES), "{lengths:?}");
}
