//! What is stored of a room besides its messages.

use super::*;
use crate::chat::record::RoomRoleRecord;
use crate::chat::record::{RoomBanRecord, RoomRecord, TopicRecord};
use crate::chat::settings::RoomSettings;
use crate::chat::{Mask, MaskEntry, MaskKind, RoomRole};

fn record(topic: &str) -> RoomRecord {
    RoomRecord {
        settings: RoomSettings { key: Some("fish \"鱼\"".into()), limit: Some(10), ..RoomSettings::default() },
        topic: Some(TopicRecord { name: "alice".into(), text: topic.into(), at: 0 }),
        bans: vec![
            RoomBanRecord { name: "Bob".into(), until: Some(NOW + 1), account: None },
            RoomBanRecord { name: "eve".into(), until: None, account: None },
        ],
        roles: vec![RoomRoleRecord { account: "Ann".into(), role: RoomRole::Operator }],
        masks: vec![mask(MaskKind::Ban, "*!*@k3xyab2.cloak"), mask(MaskKind::Except, "a:ann")],
        changed: Some(NOW),
    }
}

fn mask(kind: MaskKind, mask: &str) -> MaskEntry {
    MaskEntry { kind, mask: Mask::new(mask).unwrap(), by: "alice".into(), at: NOW }
}

fn settings(room: &str, record: RoomRecord) -> Record {
    Record::Settings { room: room.into(), record: record.into() }
}

fn rooms(options: &Options) -> (Vec<InitialRoom>, Vec<(String, RoomRecord)>) {
    let start = Store::open(options, NOW).unwrap().1;
    (start.rooms, start.stored)
}

#[test]
fn settings_survive_a_restart_and_other_changes() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[settings("Den", record("one")), said(1, "lobby", "x"), settings("LOBBY", record("lobby"))]).unwrap();
    store.write(&[settings("den", record("two")), said(2, "den", "hi")]).unwrap();
    store.write(&[said(3, "den", "more"), settings("tea", record("tea"))]).unwrap();
    store.write(&[settings("tea", RoomRecord::default())]).unwrap();
    drop(store);
    let expected = vec![
        InitialRoom {
            name: "Den".into(),
            record: record("two"),
            messages: vec![message(2, "Den", "hi"), message(3, "Den", "more")],
        },
        InitialRoom { name: "lobby".into(), record: record("lobby"), messages: vec![message(1, "lobby", "x")] },
        InitialRoom { name: "tea".into(), ..InitialRoom::default() },
    ];
    assert_eq!(rooms(&directory.options()), (expected, vec![]));
}

#[test]
fn room_with_settings_is_kept_without_messages() {
    let directory = Directory::new();
    let options = Options { keep_messages: Some(0), ..directory.options() };
    let (mut store, _) = Store::open(&options, NOW).unwrap();
    store.write(&[said(1, "den", "x"), said(2, "tea", "y"), settings("den", record("den"))]).unwrap();
    while store.prune(NOW, 10).unwrap() {}
    assert_eq!(store.empty_rooms(NOW), ["tea"]);
    store.write(&[settings("cup", record("cup")), said(3, "new", "z")]).unwrap();
    drop(store);
    // The lobby is counted among the rooms that are read.
    let (read, stored) = rooms(&Options { rooms: 2, ..directory.options() });
    assert_eq!(read.iter().map(|room| &*room.name).collect::<Vec<_>>(), ["tea", "new"]);
    assert_eq!(stored, [("den".into(), record("den")), ("cup".into(), record("cup"))]);

    let (mut store, _) = directory.open();
    store.write(&[Record::RoomGone { name: "den".into() }, Record::Room { name: "den".into() }]).unwrap();
    drop(store);
    let (read, _) = rooms(&directory.options());
    assert_eq!(read.last(), Some(&InitialRoom { name: "den".into(), ..InitialRoom::default() }));
}

#[test]
fn bans_that_are_over_are_left_out() {
    let directory = Directory::new();
    let ban = |name: &str, until| RoomBanRecord { name: name.into(), until, account: None };
    let with = |bans: &[RoomBanRecord]| RoomRecord { bans: bans.to_vec(), ..record("tea") };
    let [over, later, never] = [ban("a", Some(NOW)), ban("b", Some(NOW + 1)), ban("c", None)];
    let stored = with(&[over, later.clone(), never.clone()]);
    directory.open().0.write(&[settings("den", stored.clone()), settings("tea", stored)]).unwrap();
    let (read, stored) = rooms(&Options { rooms: 2, ..directory.options() });
    let expected = with(&[later, never]);
    assert_eq!((&read[0].record, &stored[0].1), (&expected, &expected));
}

#[test]
fn settings_keep_a_room_for_the_time_of_messages() {
    const DAY: i64 = 24 * 60 * 60;
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let banned = RoomRecord { settings: RoomSettings::default(), topic: None, ..record("x") };
    let topic = RoomRecord { settings: RoomSettings::default(), changed: Some(NOW - 8 * DAY), ..record("topic") };
    let records = [
        settings("banned", banned),
        settings("old", RoomRecord { topic: None, changed: Some(NOW - 7 * DAY - 1), ..record("x") }),
        settings("topic", topic.clone()),
        settings("new", RoomRecord { changed: Some(NOW - 7 * DAY), ..record("x") }),
        settings("unknown", RoomRecord { changed: None, ..record("x") }),
        settings("with message", topic),
        said(1, "with message", "red"),
        Record::Room { name: "nothing".into() },
    ];
    store.write(&records).unwrap();
    assert_eq!(store.empty_rooms(NOW), ["banned", "nothing"]);
    drop(store);
    let (store, start) = Store::open(&Options { keep_days: Some(7), rooms: 0, ..directory.options() }, NOW).unwrap();
    assert_eq!(store.empty_rooms(NOW), ["banned", "nothing", "old", "topic"]);
    // Rooms that nothing keeps are read at start, so that they are removed.
    assert_eq!(start.rooms.iter().map(|room| &*room.name).collect::<Vec<_>>(), ["banned", "nothing"]);
    let mut stored: Vec<_> = start.stored.iter().map(|(name, _)| &**name).collect();
    stored.sort_unstable();
    assert_eq!(stored, ["new", "old", "topic", "unknown", "with message"]);
}

#[test]
fn unreadable_settings_are_damage() {
    let directory = Directory::new();
    directory.open().0.write(&[settings("den", record("x"))]).unwrap();
    for json in [
        "",
        "{",
        "7",
        "[]",
        r#"{"settings": {"limit": "ten"}}"#,
        r#"{"settings": []}"#,
        r#"{"topic": ["bob", "tea"]}"#,
        r#"{"bans": [["bob", null]]}"#,
    ] {
        let sum = table::room::sum(1, Some("den"), 0, 0, Some(json));
        let connection = rusqlite::Connection::open(directory.join("history")).unwrap();
        connection.execute("UPDATE rooms SET record = ?1, sum = ?2", (json, sum)).unwrap();
        drop(connection);
        let opened = Store::open(&directory.options(), NOW).map(|(_, start)| start);
        assert!(
            matches!(&opened, Err(Error::Corrupt(_, why)) if why.contains("settings of room 1")),
            "{json}: {opened:?}"
        );
    }
}
