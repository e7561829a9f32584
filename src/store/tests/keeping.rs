//! Written records can be read again.

use time::macros::{date, datetime};
use time::{OffsetDateTime, UtcOffset};

use super::*;
use crate::chat::record::WHISPERS_PER_NAME;

#[test]
fn messages_survive_a_restart() {
    let directory = Directory::new();
    let (mut store, first) = directory.open();
    assert_eq!((first.next_id, &*first.rooms, &*first.bans), (1, &[][..], &[][..]));
    let east = UtcOffset::from_hms(5, 45, 0).unwrap();
    let mut waves = Message { kind: MessageKind::Action, ..message(5, "tea", "wâves\u{1f44b}") };
    waves.at = waves.at.to_offset(east);
    store.write(&[Record::Room { name: "lobby".into() }, said(2, "lobby", "one"), said(3, "tea", "two")]).unwrap();
    let notice = Message { kind: MessageKind::Notice, ..message(6, "tea", "ringing") };
    store.write(&[Record::Message(waves.clone()), Record::Message(notice.clone())]).unwrap();
    drop(store);

    let (_, start) = directory.open();
    assert_eq!((start.next_id, start.run), (7, first.run));
    let expected =
        [("lobby", vec![message(2, "lobby", "one")]), ("tea", vec![message(3, "tea", "two"), waves, notice])];
    let room = |(name, messages): (&str, _)| InitialRoom { name: name.into(), messages, ..InitialRoom::default() };
    assert_eq!(start.rooms, expected.map(room));
    assert_eq!(start.rooms[1].messages[1].at.offset(), east);
}

#[test]
fn every_store_has_its_own_run_id() {
    let (one, other) = (Directory::new(), Directory::new());
    let runs = [one.open().1.run, other.open().1.run];
    assert_ne!(runs[0], runs[1]);
    assert!(runs.iter().all(|&run| run < 1 << 53));
}

#[test]
fn key_of_the_hosts_survives_a_restart_and_is_another_one_in_each_store() {
    let (one, other) = (Directory::new(), Directory::new());
    let keys = [&one, &one, &other].map(|directory| directory.open().1.cloak_key);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
    assert_ne!(keys[0][0], keys[0][1]);
}

#[test]
fn ids_grow_without_stored_messages() {
    let directory = Directory::new();
    directory.open().0.write(&[Record::NextId(70), Record::NextId(50)]).unwrap();
    let (mut store, start) = directory.open();
    assert_eq!(start.next_id, 70);
    assert_eq!(
        store.write(&[said(70, "lobby", "fits"), said(69, "lobby", "was given")]).unwrap_err(),
        Error::Refused(directory.options().path, "message id 69 was used before".into())
    );
    assert_eq!(history(&mut store, "lobby", None, 9), Ok(vec![]));
    for id in [0, u64::MAX, 1 << 63, (1 << 63) - 1] {
        assert!(matches!(store.write(&[said(id, "lobby", "")]), Err(Error::Refused(..))), "{id}");
    }
}

#[test]
fn repeated_write_stores_a_message_once() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let records = [said(1, "lobby", "one"), said(2, "tea", "two")];
    store.write(&records).unwrap();
    store.write(&[records[0].clone(), records[1].clone(), said(3, "lobby", "three")]).unwrap();
    assert_eq!(texts(&history(&mut store, "lobby", None, 9).unwrap()), ["one", "three"]);
    for other in [said(1, "tea", "one"), said(1, "lobby", "two"), said(1, "den", "one")] {
        assert!(matches!(store.write(&[other]), Err(Error::Refused(..))));
    }
}

#[test]
fn history_is_paged() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let records: Vec<_> =
        (1..=100).map(|id| said(id, if id % 3 == 0 { "tea" } else { "lobby" }, &id.to_string())).collect();
    store.write(&records).unwrap();
    let page = |store: &mut Store, before, n| {
        let page = history(store, "tea", before, n).unwrap();
        page.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    assert_eq!(page(&mut store, None, 3), [93, 96, 99]);
    assert_eq!(page(&mut store, Some(93), 3), [84, 87, 90]);
    assert_eq!(page(&mut store, Some(92), 2), [87, 90], "an id of another room");
    assert_eq!(page(&mut store, Some(7), 9), [3, 6]);
    assert_eq!(page(&mut store, Some(3), 9), [0; 0]);
    assert_eq!(page(&mut store, Some(0), 9), [0; 0]);
    assert_eq!(page(&mut store, Some(u64::MAX), 1), [99]);
    assert_eq!(page(&mut store, None, 0), [0; 0]);
    assert_eq!(page(&mut store, None, usize::MAX).len(), 33);
    assert_eq!(history(&mut store, "nowhere", None, 9), Ok(vec![]));
}

#[test]
fn first_messages_from_an_id_on_are_found() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let records: Vec<_> =
        (1..=100).map(|id| said(id, if id % 3 == 0 { "tea" } else { "lobby" }, &id.to_string())).collect();
    store.write(&records).unwrap();
    for (first, n, expected) in [
        (0, 2, &[3, 6][..]),
        (3, 2, &[3, 6]),
        (4, 3, &[6, 9, 12]),
        (94, 9, &[96, 99]),
        (99, 9, &[99]),
        (100, 9, &[]),
        (u64::MAX, 9, &[]),
    ] {
        assert_eq!(ids_after(&mut store, "TEA", first, n).unwrap(), expected, "{first}");
    }
    assert_eq!(ids_after(&mut store, "tea", 0, usize::MAX).unwrap().len(), 33);
    assert_eq!(ids_after(&mut store, "nowhere", 0, 9), Ok(vec![]));
}

#[test]
fn beginning_of_a_day_is_found_by_local_times() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    // In UTC the second time is before the first one.
    let times = [datetime!(2026-11-19 23:00 UTC), datetime!(2026-11-20 00:30 +2), datetime!(2026-11-22 12:00 UTC)];
    let said = |id: u64| {
        let room = ["tea", "den"][id as usize % 2];
        Record::Message(Message { at: times[id as usize / 4], ..message(id, room, "red") })
    };
    store.write(&(1..12).map(said).collect::<Vec<_>>()).unwrap();
    for (day, tea, den) in [
        (date!(1970 - 01 - 01), Some(1), Some(1)),
        (date!(2026 - 11 - 19), Some(1), Some(1)),
        (date!(2026 - 11 - 20), Some(3), Some(4)),
        (date!(2026 - 11 - 21), Some(7), Some(8)),
        (date!(2026 - 11 - 22), Some(7), Some(8)),
        (date!(2026 - 11 - 23), None, None),
    ] {
        let is_older = |at: OffsetDateTime| at.date() < day;
        assert_eq!(store.first_since("tea", &is_older), Ok(tea), "{day}");
        assert_eq!(store.first_since("den", &is_older), Ok(den), "{day}");
    }
    assert_eq!(store.first_since("nowhere", &|_| false), Ok(None));
}

#[test]
fn start_reads_at_most_the_history_limits() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let long = "x".repeat(1000);
    store.write(&(1..=50).map(|id| said(id, "lobby", &long)).collect::<Vec<_>>()).unwrap();
    drop(store);
    let ids = |history, history_bytes| {
        let options = Options { history, history_bytes, ..directory.options() };
        let (_, start) = Store::open(&options, NOW).unwrap();
        start.rooms[0].messages.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(3, 1 << 20), [48, 49, 50]);
    assert_eq!(ids(100, 2500), [49, 50]);
    assert_eq!(ids(0, 2500), [0; 0]);
    assert_eq!(ids(100, 0), [0; 0]);
}

#[test]
fn removed_room_loses_its_history() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let gone = || Record::RoomGone { name: "tea".into() };
    store.write(&[said(1, "tea", "old"), gone(), gone(), said(2, "tea", "new")]).unwrap();
    assert_eq!(texts(&history(&mut store, "tea", None, 9).unwrap()), ["new"]);
    store.write(&[gone()]).unwrap();
    assert_eq!(history(&mut store, "tea", None, 9), Ok(vec![]));
    drop(store);
    let (_, start) = directory.open();
    assert_eq!((start.rooms, start.next_id), (vec![], 3));
}

#[test]
fn expired_bans_are_not_read() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let net = |text: &str| text.parse().unwrap();
    let named = ban("2001:db8::/64", Some("bob"), None);
    let until = |network, until| Record::Ban(ban(network, None, until));
    store
        .write(&[
            until("10.0.0.0/8", Some(NOW)),
            until("10.1.0.0/16", Some(NOW)),
            Record::Ban(named.clone()),
            until("10.1.0.0/16", Some(NOW + 1)),
            until("10.2.0.0/16", None),
            Record::Unban { network: net("10.2.0.0/16") },
        ])
        .unwrap();
    drop(store);
    assert_eq!(directory.open().1.bans, [ban("10.1.0.0/16", None, Some(NOW + 1)), named]);
}

fn whisper(to: &str, text: &str) -> Whisper {
    let at = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    Whisper { to: to.into(), from: "carol".into(), at, text: text.into() }
}

#[test]
fn whispers_are_found_by_any_spelling_of_the_nickname() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let [one, two, other] = [whisper("Bob", "1"), whisper("ＢＯＢ", "2"), whisper("dave", "3")];
    store.write(&[&one, &two, &other].map(|whisper| Record::Whisper(whisper.clone()))).unwrap();
    drop(store);
    let (mut store, _) = directory.open();
    assert_eq!(store.whispers("bob"), Ok(vec![one, two]));
    store.write(&[Record::WhispersRead { to: "bOb".into() }]).unwrap();
    assert_eq!(store.whispers("Bob"), Ok(vec![]));
    assert_eq!(store.whispers("dave"), Ok(vec![other]));
}

#[test]
fn oldest_whispers_over_the_limits_are_deleted() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let many = |to: &str, numbers: std::ops::Range<usize>| {
        numbers.map(|number| Record::Whisper(whisper(to, &number.to_string()))).collect::<Vec<_>>()
    };
    let count = |store: &mut Store, to: &str| store.whispers(to).unwrap().len();
    store.write(&many("bob", 0..WHISPERS_PER_NAME + 2)).unwrap();
    assert_eq!(store.whispers("bob").unwrap()[0].text, "2");
    let names = MAX_WHISPERS / WHISPERS_PER_NAME;
    for name in 1..names {
        store.write(&many(&format!("name{name}"), 0..WHISPERS_PER_NAME)).unwrap();
    }
    assert_eq!(count(&mut store, "bob"), WHISPERS_PER_NAME);
    store.write(&many("dave", 0..3)).unwrap();
    assert_eq!((count(&mut store, "bob"), count(&mut store, "dave")), (WHISPERS_PER_NAME - 3, 3));
    drop(store);
    let (mut store, _) = directory.open();
    store.write(&many("dave", 3..4)).unwrap();
    assert_eq!((count(&mut store, "bob"), count(&mut store, "dave")), (WHISPERS_PER_NAME - 4, 4));
}
