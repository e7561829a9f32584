//! Tests of the store writer.

use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::*;
use crate::chat::record::CheckpointRecord;
use crate::chat::{Config, Lang, MessageKind};
use crate::store::{Message, Options, Step};
use crate::util::test_json::through_json;
use crate::wire::renderers;

fn said(id: u64) -> Record {
    let (at, text) = (OffsetDateTime::UNIX_EPOCH, format!("text {id}"));
    Record::Message(Message { id, room: "lobby".into(), at, kind: MessageKind::Said, name: "alice".into(), text })
}

/// Options of a store in a directory of its own.
fn options(name: &str) -> (PathBuf, Options) {
    let dir = std::env::temp_dir().join(format!("chinwag-store-writer-{}-{name}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    let options = options_in(&dir);
    (dir, options)
}

/// A small store without waits for the disk.
pub fn options_in(dir: &Path) -> Options {
    Options::of_test(dir.join("history"), 10)
}

#[test]
fn unwritten_records_are_written_after_a_handover() {
    let (dir, options) = options("handover");
    let seconds = Duration::from_secs;
    let mut store_writer = StoreWriter::new(Store::open(&options, 0).unwrap().0, false);
    assert!(store_writer.write(vec![said(1)], seconds(1)).is_none());
    store_writer.state.fault = Some(StoreFault::new(&Error::Full(options.path.clone()), seconds(2)));
    assert!(store_writer.write(vec![said(2), said(3)], seconds(2)).is_none());

    let state = through_json(&store_writer.into_state());
    let mut store_writer = StoreWriter::restore(Store::open(&options, 0).unwrap().0, false, state);
    assert_eq!((store_writer.works(), store_writer.unwritten()), (false, 2));
    assert_eq!(store_writer.next_deadline(), Some(seconds(3)));
    let status = store_writer.write(vec![said(4)], seconds(3));
    assert!(matches!(status, Some(StoreStatus::Works { written: 3, lost: 0 })));
    assert_eq!((store_writer.works(), store_writer.counts().written), (true, 4));
    let mut step = Step { is_hidden: &|_| false, more: &mut || true };
    let stored = store_writer.store.history("lobby", None, 10, &mut step).unwrap().messages;
    assert_eq!(stored.iter().map(|message| message.id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn deletions_are_followed_by_one_checkpoint() {
    let (dir, options) = options("checkpoint");
    let (ms, path) = (Duration::from_millis, options.path.clone());
    let log = || fs::metadata(dir.join("history-wal")).unwrap().len();
    let delete = |id| Record::Delete { room: "lobby".into(), ids: vec![id] };
    let mut store_writer = StoreWriter::new(Store::open(&options, 0).unwrap().0, false);
    assert!(log() > 0);
    // The log of the process before is emptied; messages wait for the usual checkpoint.
    store_writer.clean(ms(0));
    store_writer.checkpoint(ms(0));
    assert_eq!((log(), store_writer.state.checkpoint), (0, None));
    assert!(store_writer.write((1..=20).map(said).collect(), ms(500)).is_none());
    assert_eq!((store_writer.state.clean, store_writer.state.checkpoint), (None, None));
    for id in 1..=9 {
        let now = ms(1000 + 100 * id);
        assert!(store_writer.write(vec![delete(id)], now).is_none());
        assert_eq!(store_writer.state.clean, Some(now));
        store_writer.clean(now);
        store_writer.checkpoint(now);
        assert_eq!(store_writer.state.clean, None);
    }
    assert!(log() > 0);
    assert_eq!(store_writer.state.checkpoint, Some(ms(2100)));
    let mut store_writer = StoreWriter::restore(store_writer.store, false, through_json(&store_writer.state));
    store_writer.checkpoint(ms(2099));
    assert!(log() > 0);
    store_writer.checkpoint(ms(2100));
    assert_eq!((log(), store_writer.state.checkpoint), (0, None));

    // One that fails is tried again.
    assert!(store_writer.write(vec![delete(10)], ms(3000)).is_none());
    store_writer.clean(ms(3000));
    fs::rename(&path, dir.join("away")).unwrap();
    store_writer.checkpoint(ms(4000));
    assert_eq!(store_writer.state.checkpoint, Some(ms(14_000)));
    fs::rename(dir.join("away"), &path).unwrap();
    store_writer.checkpoint(ms(14_000));
    assert_eq!((log(), store_writer.state.checkpoint), (0, None));
    // A deletion that waited.
    store_writer.state.fault = Some(StoreFault::new(&Error::Full(path), ms(15_000)));
    store_writer.write(vec![delete(11)], ms(15_000));
    assert_eq!(store_writer.state.checkpoint, None);
    assert!(matches!(store_writer.write(vec![], ms(16_000)), Some(StoreStatus::Works { .. })));
    assert_eq!(store_writer.next_deadline(), Some(ms(0)), "that of pruning");
    assert_eq!((store_writer.state.clean, store_writer.state.checkpoint), (Some(ms(16_000)), None));
    store_writer.clean(ms(16_000));
    assert_eq!((store_writer.state.clean, store_writer.state.checkpoint), (None, Some(ms(17_000))));
    fs::remove_dir_all(&dir).unwrap();
}

/// Deleted messages whose words are still in the index.
fn left(options: &Options) -> usize {
    let file = options.path.to_str().unwrap();
    let open = rusqlite::Connection::open(file).unwrap();
    open.query_row("SELECT count(*) FROM removed_texts", [], |row| row.get::<_, i64>(0)).unwrap() as usize
}

/// A copy of the files as SIGKILL would leave them.
fn killed(dir: &Path, number: usize) -> Options {
    let copy = dir.join(format!("killed{number}"));
    fs::create_dir(&copy).unwrap();
    for name in ["history", "history-wal"] {
        fs::copy(dir.join(name), copy.join(name)).unwrap();
    }
    Options { path: copy.join("history"), ..options_in(dir) }
}

#[test]
fn turn_removes_the_words_of_a_bounded_number_of_messages() {
    let (dir, options) = options("cleaning");
    let ms = Duration::from_millis;
    let mut store_writer = StoreWriter::new(Store::open(&options, 0).unwrap().0, false);
    assert!(store_writer.write((1..=200).map(said).collect(), ms(1)).is_none());
    let delete = Record::Delete { room: "lobby".into(), ids: (1..=200).collect() };
    assert!(store_writer.write(vec![delete], ms(2)).is_none());
    assert_eq!(left(&killed(&dir, 0)), 200);
    let (mut now, mut before, mut steps) = (ms(2), 200, 0);
    while before > 0 {
        store_writer.clean(now);
        steps += 1;
        let after = left(&killed(&dir, steps));
        assert!((1..=64).contains(&(before - after)), "{before}, then {after}");
        before = after;
        // A second step in the same turn does nothing.
        if after > 0 {
            let due = store_writer.state.clean.expect("another step is due");
            assert!(due > now && store_writer.state.checkpoint.is_none_or(|due| due == ms(0)));
            store_writer.clean(now);
            assert_eq!(left(&killed(&dir, 1000 + steps)), after);
            now = due;
        }
    }
    assert!(steps >= 4);
    assert_eq!(store_writer.state.clean, None);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn words_that_are_left_are_removed_when_the_server_ends_and_after_the_next_start() {
    let (dir, options) = options("ending");
    let ms = Duration::from_millis;
    let mut store_writer = StoreWriter::new(Store::open(&options, 0).unwrap().0, false);
    let delete = Record::Delete { room: "lobby".into(), ids: (1..=600).collect() };
    assert!(store_writer.write((1..=700).map(said).chain([delete]).collect(), ms(1)).is_none());
    let copy = killed(&dir, 0);
    store_writer.finish_cleaning(ms(1));
    assert_eq!((store_writer.state.clean, store_writer.state.checkpoint), (None, None));
    assert_eq!(fs::metadata(dir.join("history-wal")).unwrap().len(), 0);
    assert_eq!(left(&killed(&dir, 1)), 0);

    let mut store_writer = StoreWriter::new(Store::open(&copy, 0).unwrap().0, false);
    let mut steps = 0;
    while let Some(due) = store_writer.state.clean {
        store_writer.clean(due);
        steps += 1;
    }
    drop(store_writer);
    assert_eq!(left(&copy), 0);
    assert!(steps >= 10);
    fs::remove_dir_all(&dir).unwrap();
}

/// Fills the rest of a store writer's copy; returns its end.
fn end_of_copy(store_writer: &mut StoreWriter, from: Duration) -> CopyStatus {
    for second in 0..10_000 {
        store_writer.copy_step(from + Duration::from_secs(second));
        match store_writer.poll_copy() {
            Some(CopyStatus::Running(_)) => {}
            ended => return ended.expect("a copy"),
        }
    }
    panic!("the copy does not end");
}

#[test]
fn copy_goes_on_in_steps_and_ends_when_the_store_fails() {
    let (dir, options) = options("copy");
    let seconds = Duration::from_secs;
    let mut store_writer = StoreWriter::new(Store::open(&options, 0).unwrap().0, false);
    store_writer.state.prune = None;
    store_writer.clean(seconds(0));
    store_writer.checkpoint(seconds(1));
    assert_eq!(store_writer.next_deadline(), None);
    assert!(store_writer.poll_copy().is_none());

    store_writer.begin_copy(&dir.join("one"), seconds(5)).unwrap();
    assert_eq!(store_writer.next_deadline(), Some(seconds(5)));
    store_writer.copy_step(seconds(4));
    assert!(matches!(store_writer.poll_copy(), Some(CopyStatus::Running(0))));
    assert!(store_writer.write(vec![said(1)], seconds(5)).is_none());
    let CopyStatus::Done(file) = end_of_copy(&mut store_writer, seconds(5)) else { panic!("it fails") };
    assert!(store_writer.poll_copy().is_none());
    assert_eq!(Store::open(&Options { path: file.path().to_owned(), ..options.clone() }, 0).unwrap().1.next_id, 2);
    drop(file);

    // The disk is full, perhaps by the copy: its space is given back before the store is tried again.
    store_writer.begin_copy(&dir.join("two"), seconds(6)).unwrap();
    assert!(dir.join("two").exists());
    store_writer.state.fault = Some(StoreFault::new(&Error::Full(options.path.clone()), seconds(6)));
    store_writer.copy_step(seconds(6));
    assert!(!dir.join("two").exists());
    let Some(CopyStatus::Failed(why)) = store_writer.poll_copy() else { panic!("it goes on") };
    assert!(why.starts_with("the store has failed meanwhile (there is no space left for "), "{why}");
    let why = store_writer.begin_copy(&dir.join("two"), seconds(6)).unwrap_err();
    assert!(why.starts_with("the store fails at the moment ("), "{why}");
    assert!(matches!(store_writer.write(vec![said(2)], seconds(7)), Some(StoreStatus::Works { written: 1, lost: 0 })));
    store_writer.begin_copy(&dir.join("two"), seconds(7)).unwrap();
    store_writer.cancel_copy();
    assert!(store_writer.poll_copy().is_none() && !dir.join("two").exists());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn checkpoint_does_not_wait_while_the_store_fails_and_its_position_does() {
    let (dir, options) = options("cluster-checkpoint");
    let seconds = Duration::from_secs;
    let (store, start) = Store::open(&options, 0).unwrap();
    let mut store_writer = StoreWriter::new(store, false);
    let (checkpoint, snapshot) = (String::from("{}"), "state ".repeat(1000));
    let record = |position| {
        let (cluster, run, ids) = ("office".into(), start.run, 256 * position);
        let (checkpoint, snapshot) = (checkpoint.clone(), snapshot.clone());
        Record::Checkpoint(Box::new(CheckpointRecord { cluster, run, position, ids, checkpoint, snapshot }))
    };
    assert!(store_writer.write(vec![said(256), record(1)], seconds(1)).is_none());
    // What was in its place is not left in the log of the file.
    assert!(store_writer.state.checkpoint.is_some());
    store_writer.state.fault = Some(StoreFault::new(&Error::Full(options.path.clone()), seconds(2)));
    assert!(store_writer.write(vec![said(512), record(2), said(768), Record::Position(3)], seconds(2)).is_none());
    assert_eq!(store_writer.state.unwritten.first(2), [said(512), Record::Position(2)]);
    let status = store_writer.write(vec![], seconds(3));
    assert!(matches!(status, Some(StoreStatus::Works { written: 4, lost: 0 })));
    drop(store_writer);
    let cluster = Store::open(&options, 0).unwrap().1.cluster.unwrap();
    assert_eq!((cluster.position, cluster.checkpoint.unwrap().position), (3, 1), "it goes on at the older one");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn lost_messages_are_noted_as_a_gap_before_newer_ones_are_written() {
    let (dir, options) = options("lost");
    let now = |seconds| Now { at: Duration::from_secs(seconds), local: OffsetDateTime::UNIX_EPOCH };
    let (store, start) = Store::open(&options, 0).unwrap();
    let mut store_writer = StoreWriter::new(store, false);
    let mut hub = Hub::new(Config::default(), renderers(Lang::En));
    hub.restore(start, now(0));
    store_writer.state.fault = Some(StoreFault::new(&Error::Full(options.path.clone()), Duration::from_secs(1)));
    let long = |id| match said(id) {
        Record::Message(message) => Record::Message(Message { text: "long ".repeat(100_000), ..message }),
        other => other,
    };
    let waiting = (UNWRITTEN_BYTES / 500_000) as u64;
    store_writer.write((1..=waiting + 1).map(long).collect(), Duration::from_secs(1));
    let lost = store_writer.state.lost;
    assert!((1..waiting).contains(&lost));
    let gap = Record::Gap(Gap { from: 1, to: lost + 1 });
    assert_eq!(store_writer.state.unwritten.first(1), std::slice::from_ref(&gap));
    store_writer.process(&mut hub, now(1));
    assert_eq!(hub.poll_records(), [gap]);
    assert!(store_writer.write(vec![], Duration::from_secs(2)).is_some());
    drop(store_writer);
    let stored = Store::open(&options, 0).unwrap().1;
    assert!(stored.gaps.touch(1, lost + 1) && !stored.gaps.touch(lost + 1, u64::MAX));
    fs::remove_dir_all(&dir).unwrap();
}
