//! Files of version 1 of the schema.

use rusqlite::Connection;

use super::*;
use crate::chat::record::{AccountData, AccountRecord};

const TEXTS: [&str; 4] = ["the red fish", "number 1", "红烧鱼", "Łódź"];

/// A file as version 1 has written it: with messages of room 1 and 2, and bans. Each index entry has the number of a room.
fn write_version_1(path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    schema::upgrade(&mut connection, &schema::STEPS[..1]).unwrap();
    table::state::State::create(&connection, 7).unwrap();
    for (number, name, last) in [(1, "lobby", 3), (2, "tea", 4)] {
        let sum = table::room::sum(number, Some(name), last, 0, None);
        connection
            .execute(
                "INSERT INTO rooms (room, name, last, pruned, sum) VALUES (?1, ?2, ?3, 0, ?4)",
                (number, name, last, sum),
            )
            .unwrap();
    }
    for (id, text) in (1..).zip(TEXTS) {
        let (room, previous) = if id == 4 { (2, 0) } else { (1, id - 1) };
        table::message::insert(&connection, room, previous, &message(id, "", text)).unwrap();
        let text = search::words::spaced(text);
        connection
            .execute("INSERT INTO search (rowid, text, room) VALUES (?1, ?2, ?3)", (id as i64, text, room))
            .unwrap();
    }
    for (network, until) in [("10.0.0.0/8", None), ("10.1.0.0/16", Some(NOW + 1))] {
        let sum = table::bans::sum(network, until, None);
        connection
            .execute("INSERT INTO bans (network, until, sum) VALUES (?1, ?2, ?3)", (network, until, sum))
            .unwrap();
    }
    table::state::State { run: 7, next_id: 5, messages: 4, starts: 1 }.write(&connection).unwrap();
}

#[test]
fn everything_is_found_after_the_upgrade() {
    let directory = Directory::new();
    write_version_1(&directory.join("history"));
    let (mut store, start) = directory.open();
    assert!(directory.join("history.schema1").exists());
    let room = |name: &str, messages| InitialRoom { name: name.into(), messages, ..InitialRoom::default() };
    let lobby = (1..4).map(|id| message(id, "lobby", TEXTS[id as usize - 1])).collect();
    assert_eq!(start.rooms, [room("lobby", lobby), room("tea", vec![message(4, "tea", TEXTS[3])])]);
    assert_eq!((start.next_id, start.run), (5, 7));
    assert_eq!(start.bans, [ban("10.0.0.0/8", None, None), ban("10.1.0.0/16", None, Some(NOW + 1))]);
    let mut found = |room: &str, words: &str| {
        let (found, _) = search(&mut store, room, words, None, 9).unwrap();
        found.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    for (room, words, ids) in [
        ("lobby", "fish red", &[1][..]),
        ("lobby", "1", &[2]),
        ("lobby", "烧鱼", &[3]),
        ("tea", "łódz", &[4]),
        ("tea", "2", &[]),
    ] {
        assert_eq!(found(room, words), ids, "{words}");
    }
    store.write(&[Record::Delete { room: "lobby".into(), ids: vec![1, 2, 3] }, said(5, "tea", "more")]).unwrap();
    assert_eq!(search(&mut store, "lobby", "1", None, 9), Ok((vec![], None)));
    assert_eq!(history(&mut store, "tea", None, 9).unwrap().len(), 2);
}

#[test]
fn failed_upgrade_leaves_version_1() {
    let directory = Directory::new();
    let path = directory.join("history");
    write_version_1(&path);
    // The table is made by the upgrade, too.
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("ALTER TABLE bans ADD COLUMN name TEXT").unwrap();
    assert!(Store::open(&directory.options(), NOW).is_err());
    assert_eq!(schema::version(&connection).unwrap(), 1);
    connection.execute_batch("ALTER TABLE bans DROP COLUMN name").unwrap();
    drop(connection);
    assert_eq!(directory.open().1.rooms.len(), 2);
}

#[test]
fn account_of_version_3_gets_keys() {
    let directory = Directory::new();
    let path = directory.join("history");
    let mut connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
    schema::upgrade(&mut connection, &schema::STEPS[..3]).unwrap();
    table::state::State::create(&connection, 7).unwrap();
    let data = serde_json::to_string(&AccountData::default()).unwrap();
    let sum = table::accounts::sum(["alice", "Alice", "$argon2id$", &data], None);
    let insert =
        "INSERT INTO accounts (owner, name, verifier, data, sum) VALUES ('alice', 'Alice', '$argon2id$', ?1, ?2)";
    connection.execute(insert, (&data, sum)).unwrap();
    drop(connection);
    let account = |scram: Option<&str>| AccountRecord {
        name: "Alice".into(),
        verifier: "$argon2id$".into(),
        scram: scram.map(Into::into),
        data: AccountData::default(),
    };
    let (mut store, start) = directory.open();
    assert!(directory.join("history.schema3").exists());
    assert_eq!(start.accounts, [account(None)]);
    store.write(&[Record::Account(Box::new(account(Some("SCRAM-SHA-256$"))))]).unwrap();
    drop(store);
    let (store, start) = directory.open();
    assert_eq!(start.accounts, [account(Some("SCRAM-SHA-256$"))]);
    drop(store);
    // Other keys are noticed, and so are none.
    for scram in [Some("SCRAM-SHA-1$"), None] {
        Connection::open(&path).unwrap().execute("UPDATE accounts SET scram = ?1", [scram]).unwrap();
        assert!(matches!(Store::open(&directory.options(), NOW), Err(Error::Corrupt(..))), "{scram:?}");
    }
}
