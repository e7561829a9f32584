//! Stores of nodes of a cluster: the position in the log, the checkpoint, the run, and gaps.

use super::*;
use crate::chat::gaps::{Gap, Gaps};
use crate::chat::record::{
    AccountData, AccountRecord, CheckpointRecord, ClusterRecord, InitialCluster, RoomRecord, TopicRecord,
};
use crate::util::test_support::Random;

fn checkpoint(run: u64, position: u64) -> CheckpointRecord {
    let (checkpoint, snapshot) = (format!("{{\"at\":{position}}}"), format!("\"state at {position}\""));
    CheckpointRecord { cluster: "office".into(), run, position, ids: 256 * position, checkpoint, snapshot }
}

fn cluster(name: &str, run: u64) -> Record {
    Record::Cluster(Box::new(ClusterRecord { name: name.into(), run, cloak_key: [5, 6] }))
}

/// What a store has of a cluster.
fn stored(directory: &Directory) -> Option<(u64, Option<CheckpointRecord>)> {
    directory.open().1.cluster.map(|InitialCluster { position, checkpoint, .. }| (position, checkpoint))
}

#[test]
fn position_and_checkpoint_are_there_after_a_start() {
    let directory = Directory::new();
    let (mut store, start) = directory.open();
    assert!(start.is_empty() && start.cluster.is_none());
    let run = start.run;
    store.write(&[said(2560, "lobby", "one"), Record::Position(10)]).unwrap();
    assert_eq!(stored_again(&mut store, &directory), None, "it belongs to no cluster");
    store.write(&[cluster("office", run), said(2816, "lobby", "two"), Record::Position(11)]).unwrap();
    assert_eq!(stored_again(&mut store, &directory), Some((11, None)));
    store.write(&[Record::Checkpoint(Box::new(checkpoint(run, 12)))]).unwrap();
    store.write(&[said(3328, "lobby", "three"), Record::Position(13)]).unwrap();
    assert_eq!(stored_again(&mut store, &directory), Some((13, Some(checkpoint(run, 12)))));
    // It takes the place of the other one.
    store.write(&[Record::Checkpoint(Box::new(checkpoint(run, 20)))]).unwrap();
    drop(store);
    let (mut store, start) = directory.open();
    assert_eq!((start.next_id, start.cluster.unwrap().checkpoint), (20 * 256, Some(checkpoint(run, 20))));
    let rows: i64 = store.connection().unwrap().query_row("SELECT count(*) FROM checkpoint", [], |r| r.get(0)).unwrap();
    assert_eq!(rows, 1);
    // The store of a single server has none.
    store.write(&[Record::NoCluster]).unwrap();
    drop(store);
    assert_eq!(stored(&directory), None);
}

/// Opens a store once more, and gives what it has of a cluster.
fn stored_again(store: &mut Store, directory: &Directory) -> Option<(u64, Option<CheckpointRecord>)> {
    store.release();
    let stored = stored(directory);
    store.reopen().unwrap();
    stored
}

#[test]
fn empty_store_takes_the_run_of_a_cluster_and_another_one_does_not() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[cluster("office", 77), said(256, "lobby", "one")]).unwrap();
    store.reopen().unwrap();
    store.write(&[cluster("office", 77)]).unwrap();
    let refused = store.write(&[cluster("office", 78)]).unwrap_err();
    assert!(matches!(refused, Error::Refused(..)), "{refused}");
    let refused = store.write(&[Record::Checkpoint(Box::new(checkpoint(78, 9)))]).unwrap_err();
    assert!(matches!(refused, Error::Refused(..)), "{refused}");
    drop(store);
    let (mut store, start) = directory.open();
    assert_eq!((start.run, start.cloak_key, texts(&start.rooms[0].messages)), (77, [5, 6], vec!["one"]));
    // Another cluster of the same run begins with another log.
    store.write(&[Record::Checkpoint(Box::new(checkpoint(77, 9)))]).unwrap();
    store.write(&[cluster("site", 77)]).unwrap();
    drop(store);
    let found = directory.open().1.cluster;
    assert_eq!(found, Some(InitialCluster { name: "site".into(), position: 0, checkpoint: None }));
}

#[test]
fn import_into_the_store_of_a_node_uses_no_id_of_the_log() {
    let directory = Directory::new();
    let (mut store, start) = directory.open();
    store.write(&[cluster("office", start.run), said(2560, "lobby", "one"), Record::Position(10)]).unwrap();
    let mut import = |id| store.import([Ok::<_, Error>(message(id, "lobby", "imported"))]);
    assert_eq!(import(2000), Ok(1));
    let refused = import(2561).unwrap_err().to_string();
    assert!(refused.contains("the ids from 2561 on; message 2561"), "{refused}");
    store.write(&[said(2816, "lobby", "two")]).unwrap();
    assert_eq!(texts(&history(&mut store, "lobby", None, 9).unwrap()), ["imported", "one", "two"]);
}

#[test]
fn gaps_are_there_after_a_start() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let gap = |from, to| Record::Gap(Gap { from, to });
    store.write(&[gap(10, 20), gap(30, 40), gap(18, 22), gap(30, 40)]).unwrap();
    assert!(matches!(store.write(&[gap(1, u64::MAX)]), Err(Error::Refused(..))));
    drop(store);
    let expected: Gaps = vec![Gap { from: 10, to: 22 }, Gap { from: 30, to: 40 }].into();
    assert_eq!(directory.open().1.gaps, expected);
}

#[test]
fn damaged_rows_of_a_cluster_are_noticed() {
    let directory = Directory::new();
    let (mut store, start) = directory.open();
    store
        .write(&[Record::Checkpoint(Box::new(checkpoint(start.run, 12))), Record::Gap(Gap { from: 3, to: 5 })])
        .unwrap();
    drop(store);
    for (change, back) in [
        ("UPDATE cluster SET position = 13", "UPDATE cluster SET position = 12"),
        ("UPDATE cluster SET name = 'site'", "UPDATE cluster SET name = 'office'"),
        ("UPDATE checkpoint SET snapshot = snapshot || ' '", "UPDATE checkpoint SET snapshot = rtrim(snapshot)"),
        ("UPDATE checkpoint SET ids = ids + 1", "UPDATE checkpoint SET ids = ids - 1"),
        ("UPDATE gaps SET to_id = 6", "UPDATE gaps SET to_id = 5"),
    ] {
        let run = |sql| rusqlite::Connection::open(directory.join("history")).unwrap().execute(sql, []).unwrap();
        run(change);
        let refused = Store::open(&directory.options(), NOW).err();
        assert!(matches!(refused, Some(Error::Corrupt(..))), "{change}: {refused:?}");
        run(back);
    }
    assert_eq!(stored(&directory), Some((12, Some(checkpoint(start.run, 12)))));
}

/// A record as a node writes it, but for whispers, which are not in the log, and the end of a room: see the test below.
fn any_record(random: &mut Random, id: u64, run: u64) -> Record {
    let room = ["lobby", "den", "tea"][random.below(3)];
    match random.below(12) {
        0 => Record::Room { name: room.into() },
        1 => {
            let topic = TopicRecord { name: "alice".into(), text: format!("topic {id}"), at: 0 };
            let record = RoomRecord { topic: Some(topic), ..RoomRecord::default() };
            Record::Settings { room: room.into(), record: record.into() }
        }
        2 => Record::Delete { room: room.into(), ids: vec![1 + random.below(id as usize) as u64] },
        3 => Record::Ban(ban(["10.0.0.0/8", "11.0.0.0/8"][random.below(2)], None, Some(NOW + id as i64))),
        4 => Record::Unban { network: "10.0.0.0/8".parse().unwrap() },
        5 | 6 => {
            let name = ["alice", "bob"][random.below(2)];
            let data = AccountData { since: id as i64, ..AccountData::default() };
            let account = AccountRecord { name: name.into(), verifier: format!("${id}").into(), scram: None, data };
            if random.below(3) > 0 {
                Record::Account(Box::new(account))
            } else {
                Record::AccountGone { name: name.into() }
            }
        }
        7 => Record::NextId(id + 1),
        8 => Record::Gap(Gap { from: id, to: id + 1 }),
        9 => Record::Checkpoint(Box::new(checkpoint(run, id / 256))),
        10 => cluster("office", run),
        _ => said(id, room, &format!("text {id}")),
    }
}

#[test]
fn records_that_are_written_again_from_the_middle_on_change_nothing() {
    for seed in 0..40 {
        let (once, twice) = (Directory::new(), Directory::new());
        let mut random = Random(seed);
        let records: Vec<Record> = (1..80).map(|n| any_record(&mut random, 256 * n, 77)).collect();
        let middle = random.below(records.len());
        for (directory, again) in [(&once, records.len()), (&twice, middle)] {
            let (mut store, _) = directory.open();
            store.write(&[cluster("office", 77)]).unwrap();
            records.chunks(7).chain([&records[again..]]).for_each(|records| store.write(records).unwrap());
            clean(&mut store);
            check_index(&store);
        }
        let [(mut first, start), (mut second, same)] = [once.open(), twice.open()];
        assert_eq!(start, same, "seed {seed}");
        for words in ["text", "topic"] {
            let found = |store: &mut Store| search(store, "lobby", words, None, 999).unwrap();
            assert_eq!(found(&mut first), found(&mut second), "seed {seed}");
        }
    }
}

#[test]
fn end_of_a_room_that_is_written_again_ends_the_room_that_came_after_it() {
    // So a node writes nothing again until the stored position: see `chat/hub/store_queue/cluster.rs`.
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let gone = Record::RoomGone { name: "den".into() };
    store.write(&[said(1, "den", "one"), gone.clone(), said(2, "den", "two")]).unwrap();
    assert_eq!(texts(&history(&mut store, "den", None, 9).unwrap()), ["two"]);
    store.write(&[gone]).unwrap();
    assert_eq!(texts(&history(&mut store, "den", None, 9).unwrap()), [""; 0]);
}
