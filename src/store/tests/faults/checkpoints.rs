//! Failures of the file of a node: its checkpoint never claims more than is stored, and is stored whole or not at all.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::*;
use crate::chat::record::{CheckpointRecord, InitialCluster};

/// A turn of a node: some messages, and a checkpoint whose snapshot names the last of them.
fn turn(random: &mut Random, next: u64, run: u64) -> Vec<Record> {
    let mut records = batch(random, next);
    let last = next + records.len() as u64 - 1;
    let snapshot = format!("{last} {}", "state ".repeat(random.below(10_000)));
    let (cluster, checkpoint) = ("office".to_owned(), last.to_string());
    let record = CheckpointRecord { cluster, run, position: last, ids: last + 1, checkpoint, snapshot };
    records.push(Record::Checkpoint(Box::new(record)));
    records
}

/// Checks that the newest checkpoint is that of the newest message; returns the id of that message.
fn check(start: &InitialState) -> u64 {
    let Some(InitialCluster { position, checkpoint, .. }) = &start.cluster else { return 0 };
    let checkpoint = checkpoint.as_ref().expect("it came with the cluster");
    let newest = start.rooms[0].messages.last().expect("a message").id;
    assert_eq!((*position, checkpoint.position, checkpoint.ids), (newest, newest, newest + 1));
    assert!(checkpoint.snapshot.starts_with(&format!("{newest} ")));
    newest
}

#[test]
fn full_disk_leaves_the_checkpoint_of_what_is_stored() {
    let Some(directory) = child_directory() else {
        return on_small_disk("checkpoints::full_disk_leaves_the_checkpoint_of_what_is_stored", "4m");
    };
    for seed in 0..8 {
        let mut random = Random(seed);
        let ballast = directory.join("ballast");
        fs::write(&ballast, vec![1; 300_000 + random.below(600_000)]).unwrap();
        let (mut store, start) = Store::open(&options(&directory), NOW).unwrap();
        let mut next = start.next_id;
        let error = loop {
            let records = turn(&mut random, next, start.run);
            match store.write(&records) {
                Ok(()) => next += records.len() as u64 - 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, Error::Full(directory.join("history")), "seed {seed}");
        drop(store);
        fs::remove_file(&ballast).unwrap();
        let (mut store, start) = Store::open(&options(&directory), NOW).unwrap();
        assert_eq!(check(&start) + 1, next, "seed {seed}");
        assert_eq!(lobby(&mut store).len() as u64, next - 1, "seed {seed}: every message is there");
        drop(store);
        fs::remove_file(directory.join("history")).unwrap();
    }
}

#[test]
fn killed_node_has_the_checkpoint_of_what_is_stored() {
    const NAME: &str = "store::tests::faults::checkpoints::killed_node_has_the_checkpoint_of_what_is_stored";
    if let Some(directory) = child_directory() {
        let (mut store, start) = Store::open(&options(&directory), NOW).unwrap();
        let (mut random, mut next) = (Random(start.next_id), start.next_id);
        loop {
            let records = turn(&mut random, next, start.run);
            store.write(&records).unwrap();
            next += records.len() as u64 - 1;
            println!("written {next}");
        }
    }
    let directory = Directory::new();
    let mut random = Random(1);
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(CHILD_DIRECTORY, &*directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut written =
            lines.filter_map(|line| line.strip_prefix("written ").map(|next| next.parse::<u64>().unwrap()));
        let next = written.nth(random.below(20)).expect("it writes until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        let (mut store, start) = Store::open(&options(&directory), NOW).unwrap();
        let newest = check(&start);
        assert!(newest + 1 >= next, "round {round}");
        assert_eq!(lobby(&mut store).len() as u64, newest, "round {round}: every message is there");
    }
}
