//! Failures of the file: stored records are there, or the store reports an error.

mod checkpoints;

use std::io::Write;
use std::process::Command;

use super::*;
use crate::chat::record::{RoomRecord, TopicRecord};
use crate::util::test_support::Random;

/// Variable with the test's directory; set in the child process in which a test runs again.
const CHILD_DIRECTORY: &str = "CHINWAG_STORE_TEST";

/// Runs a test of this file in a child process, started by `program`; returns its exit code.
fn run_in_child(test: &str, program: &str, args: &[&str], directory: &Path) -> Option<i32> {
    let test = format!("store::tests::faults::{test}");
    let mut command = Command::new(program);
    command.args(args).arg(std::env::current_exe().unwrap()).args([&test, "--exact", "--nocapture"]);
    let output = command.env(CHILD_DIRECTORY, directory).output().unwrap();
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output.status.code()
}

/// The test's directory, in the child process only.
fn child_directory() -> Option<PathBuf> {
    std::env::var_os(CHILD_DIRECTORY).map(PathBuf::from)
}

/// Runs a test in its own mount namespace, in which the directory is a disk of that size. Skips the test if the system
/// does not allow such a namespace.
fn on_small_disk(test: &str, size: &str) {
    let directory = Directory::new();
    let allowed = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    if !allowed {
        return eprintln!("{test}: skipped, since no namespace can be created here");
    }
    let mount = format!("mount -t tmpfs -o size={size} none \"$0\" && exec \"$@\"");
    let path = directory.to_str().unwrap();
    assert_eq!(run_in_child(test, "unshare", &["-rm", "sh", "-c", &mount, path], &directory), Some(0));
}

fn options(directory: &Path) -> Options {
    let path = directory.join("history");
    Options {
        path,
        sync: Sync::Full,
        keep_days: None,
        keep_messages: None,
        rooms: 1000,
        history: 10_000,
        history_bytes: 1 << 30,
    }
}

fn batch(random: &mut Random, next: u64) -> Vec<Record> {
    let text = |random: &mut Random| "word ".repeat(random.below(100));
    (next..next + 1 + random.below(20) as u64).map(|id| said(id, "lobby", &text(random))).collect()
}

/// Writes until a write fails; returns the stored records, the rejected ones and the error.
fn fill(store: &mut Store, random: &mut Random, next: u64) -> (Vec<Record>, Vec<Record>, Error) {
    let mut kept: Vec<Record> = Vec::new();
    loop {
        let records = batch(random, next + kept.len() as u64);
        match store.write(&records) {
            Ok(()) => kept.extend(records),
            Err(error) => return (kept, records, error),
        }
    }
}

fn lobby(store: &mut Store) -> Vec<Record> {
    history(store, "lobby", None, 1_000_000).unwrap().into_iter().map(Record::Message).collect()
}

#[test]
fn full_disk_write_is_all_or_nothing() {
    let Some(directory) = child_directory() else { return on_small_disk("full_disk_write_is_all_or_nothing", "3m") };
    for seed in 0..6 {
        let mut random = Random(seed);
        let ballast = directory.join("ballast");
        fs::write(&ballast, vec![1; 50_000 + random.below(600_000)]).unwrap();
        let (mut store, start) = Store::open(&options(&directory), NOW).unwrap();
        let (mut kept, records, error) = fill(&mut store, &mut random, start.next_id);
        assert_eq!(error, Error::Full(directory.join("history")), "seed {seed}");
        assert!(error.is_transient() && kept.len() > 100, "seed {seed}: {}", kept.len());
        assert_eq!(lobby(&mut store), kept, "seed {seed}");
        assert!(store.write(&records).is_err(), "seed {seed}");
        fs::remove_file(&ballast).unwrap();
        store.write(&records).unwrap();
        kept.extend(records);
        let (more, records, _) = fill(&mut store, &mut random, start.next_id + kept.len() as u64);
        kept.extend(more);
        let _ = store.prune(NOW, 100);
        drop(store);
        // Opening can fail without space, but must not lose records.
        let opened = Store::open(&options(&directory), NOW);
        assert!(matches!(&opened, Ok(_) | Err(Error::Full(_))), "seed {seed}: {:?}", opened.err());
        drop(opened);
        let elsewhere = Directory::new();
        for name in ["history", "history-wal"].into_iter().filter(|name| directory.join(name).exists()) {
            fs::copy(directory.join(name), elsewhere.join(name)).unwrap();
            fs::remove_file(directory.join(name)).unwrap();
        }
        let (mut store, _) = Store::open(&options(&elsewhere), NOW).unwrap();
        assert_eq!(lobby(&mut store), kept, "seed {seed}");
        store.write(&records).unwrap();
    }
}

#[test]
fn full_disk_deletion_is_all_or_nothing() {
    let Some(directory) = child_directory() else { return on_small_disk("full_disk_deletion_is_all_or_nothing", "4m") };
    let topic = Some(TopicRecord { name: "alice".into(), text: "tea ".repeat(2000), at: 0 });
    let record = RoomRecord { topic, ..RoomRecord::default() };
    let (mut failed, rounds) = (0, 16);
    for seed in 0..rounds {
        let mut random = Random(seed);
        let options = options(&directory);
        let (mut store, _) = Store::open(&options, NOW).unwrap();
        let text = |random: &mut Random| format!("red{} {}", random.below(9), "word ".repeat(random.below(100)));
        store.write(&(1..=400).map(|id| said(id, "lobby", &text(&mut random))).collect::<Vec<_>>()).unwrap();
        store.checkpoint().unwrap();
        let before = lobby(&mut store);
        let ids: Vec<u64> = (0..60).map(|_| 1 + random.below(400) as u64).collect();
        let settings = Record::Settings { room: "lobby".into(), record: record.clone().into() };
        let change = [Record::Delete { room: "lobby".into(), ids: ids.clone() }, settings];

        let mut ballast = fs::File::create(directory.join("ballast")).unwrap();
        let length = (0..).take_while(|_| ballast.write_all(&[1; 4096]).is_ok()).count() as u64 * 4096;
        ballast.set_len(length - 4096 * random.below(60) as u64).unwrap();
        let written = store.write(&change);
        drop(ballast);
        fs::remove_file(directory.join("ballast")).unwrap();
        if let Err(error) = written {
            failed += 1;
            assert_eq!(error, Error::Full(options.path.clone()), "seed {seed}");
            assert_eq!(lobby(&mut store), before, "seed {seed}");
            assert_eq!(search(&mut store, "lobby", "red1", None, 999).unwrap().0, found(&before), "seed {seed}");
            store.write(&change).unwrap();
        }
        let left: Vec<Record> = before.into_iter().filter(|record| !ids.contains(&id(record))).collect();
        assert_eq!(lobby(&mut store), left, "seed {seed}");
        assert_eq!(search(&mut store, "lobby", "red1", None, 999).unwrap().0, found(&left), "seed {seed}");
        drop(store);
        assert_eq!(Store::open(&options, NOW).unwrap().1.rooms[0].record, record, "seed {seed}");
        fs::remove_file(&options.path).unwrap();
    }
    assert!(failed > 0 && failed < rounds, "{failed} of {rounds}");
}

fn id(record: &Record) -> u64 {
    let Record::Message(message) = record else { panic!("{record:?}") };
    message.id
}

/// The messages with the word `red1`.
fn found(records: &[Record]) -> Vec<Message> {
    let message = |record: &Record| match record {
        Record::Message(message) => message.clone(),
        _ => panic!("{record:?}"),
    };
    records.iter().map(message).filter(|message| message.text.starts_with("red1 ")).collect()
}

#[test]
fn failed_creation_leaves_no_file() {
    let Some(directory) = child_directory() else { return on_small_disk("failed_creation_leaves_no_file", "40k") };
    let refused = Store::open(&options(&directory), NOW).err();
    assert_eq!(refused, Some(Error::Full(directory.join("history"))));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn read_only_file_is_refused() {
    let Some(directory) = child_directory() else { return on_small_disk("read_only_file_is_refused", "3m") };
    let mount = |how: &str| {
        let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&directory).status();
        assert!(status.unwrap().success());
    };
    let read_only = Some(Error::ReadOnly(directory.join("history")));
    mount("ro");
    assert_eq!(Store::open(&options(&directory), NOW).err(), read_only);
    mount("rw");
    Store::open(&options(&directory), NOW).unwrap().0.write(&[said(1, "lobby", "one")]).unwrap();
    mount("ro");
    assert_eq!(Store::open(&options(&directory), NOW).err(), read_only);
    mount("rw");
    assert_eq!(texts(&Store::open(&options(&directory), NOW).unwrap().1.rooms[0].messages), ["one"]);
}

#[test]
fn full_database_keeps_its_records() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.connection().unwrap().pragma_update(None, "max_page_count", 60).unwrap();
    let (mut kept, records, error) = fill(&mut store, &mut Random(1), 1);
    assert_eq!(error, Error::Full(directory.join("history")));
    assert_eq!(lobby(&mut store), kept);
    store.connection().unwrap().pragma_update(None, "max_page_count", 1000).unwrap();
    store.write(&records).unwrap();
    kept.extend(records);
    assert_eq!(lobby(&mut store), kept);
}

#[test]
fn second_process_is_refused() {
    if let Some(directory) = child_directory() {
        let refused = Store::open(&options(&directory), NOW).err();
        return assert_eq!(refused, Some(Error::InUse(directory.join("history"))));
    }
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let code = |directory: &Directory| run_in_child("second_process_is_refused", "env", &[], directory);
    assert_eq!(code(&directory), Some(0));
    store.write(&[said(1, "lobby", "one")]).unwrap();
    assert_eq!(code(&directory), Some(0));
    store.reopen().unwrap();
    assert_eq!(code(&directory), Some(0));
    drop(store);
    assert_ne!(code(&directory), Some(0), "no process has it open now");
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["one"]);
}

#[test]
fn moved_file_is_not_written_until_it_is_back() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let (path, away) = (directory.join("history"), directory.join("away"));
    store.write(&[said(1, "lobby", "one")]).unwrap();
    fs::rename(&path, &away).unwrap();
    let gone = Err(Error::Gone(path.clone()));
    assert_eq!(store.write(&[said(2, "lobby", "two")]), gone);
    assert_eq!(store.reopen(), gone);
    assert!(!path.exists(), "no new file is created in its place");
    fs::rename(&away, &path).unwrap();
    store.reopen().unwrap();
    store.write(&[said(2, "lobby", "two")]).unwrap();
    drop(store);
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["one", "two"]);
}

#[test]
fn replaced_file_is_not_changed() {
    let (directory, others) = (Directory::new(), Directory::new());
    let (mut store, _) = directory.open();
    store.write(&[said(1, "lobby", "one")]).unwrap();
    others.open().0.write(&[said(1, "lobby", "other")]).unwrap();
    let path = directory.join("history");
    fs::rename(&path, directory.join("away")).unwrap();
    fs::rename(others.join("history"), &path).unwrap();
    let replaced = Err(Error::Replaced(path.clone()));
    assert_eq!(store.write(&[said(2, "lobby", "two")]), replaced);
    assert_eq!(store.reopen(), replaced);
    let log = directory.join("history-wal");
    fs::rename(&log, directory.join("away-wal")).unwrap();
    assert_eq!(store.reopen(), replaced, "it is another store");
    let before = fs::read(&path).unwrap();
    fs::write(&log, "the other one's").unwrap();
    drop(store);
    assert_eq!((fs::read(&path).unwrap(), fs::read(&log).unwrap()), (before, b"the other one's".to_vec()));
    fs::remove_file(&log).unwrap();
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["other"]);
    for name in ["", "-wal"] {
        fs::rename(directory.join(format!("away{name}")), directory.join(format!("history{name}"))).unwrap();
    }
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["one"]);
}

#[test]
fn complete_copy_is_accepted_in_place_of_the_file() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[said(1, "lobby", "one")]).unwrap();
    drop(store);
    let (path, copy) = (directory.join("history"), directory.join("copy"));
    fs::copy(&path, &copy).unwrap();
    let (mut store, _) = directory.open();
    store.write(&[said(2, "lobby", "two")]).unwrap();
    connection::checkpoint(store.connection().unwrap()).unwrap();
    fs::copy(&path, directory.join("newer")).unwrap();
    fs::remove_file(directory.join("history-wal")).unwrap();
    fs::rename(&copy, &path).unwrap();
    assert_eq!(store.reopen(), Err(Error::Older(path.clone())));
    assert_eq!(lobby(&mut store).len(), 2, "the open file still has it");
    let _ = fs::remove_file(directory.join("history-wal"));
    fs::rename(directory.join("newer"), &path).unwrap();
    store.reopen().unwrap();
    store.write(&[said(3, "lobby", "three")]).unwrap();
    drop(store);
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["one", "two", "three"]);
}

#[test]
fn removed_log_is_saved_while_it_is_open() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[said(1, "lobby", "one")]).unwrap();
    fs::remove_file(directory.join("history-wal")).unwrap();
    let error = store.write(&[said(2, "lobby", "two")]).unwrap_err();
    assert_eq!(error, Error::Gone(directory.join("history-wal")));
    store.reopen().unwrap();
    store.write(&[said(2, "lobby", "two")]).unwrap();
    drop(store);
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["one", "two"]);
}

#[test]
fn released_file_can_be_opened_elsewhere_and_taken_back() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    for n in 1..4 {
        store.write(&[said(n, "lobby", "one")]).unwrap();
        store.release();
        assert!(store.write(&[said(100, "lobby", "never")]).is_err());
        if n > 1 {
            // At its end it moves the log into the file.
            let (other, start) = directory.open();
            assert_eq!(start.rooms[0].messages.len(), n as usize);
            drop(other);
            assert!(!directory.join("history-wal").exists());
        }
        store.reopen().unwrap();
    }
    drop(store);
    assert_eq!(directory.open().1.rooms[0].messages.len(), 3);
}

#[test]
fn removed_log_is_saved_on_close() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[said(1, "lobby", "one")]).unwrap();
    fs::remove_file(directory.join("history-wal")).unwrap();
    drop(store);
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["one"]);
}

#[test]
fn foreign_file_is_refused_and_not_changed() {
    let directory = Directory::new();
    let path = directory.join("history");
    let refused = || Store::open(&directory.options(), NOW).err();
    fs::create_dir(&path).unwrap();
    assert_eq!(refused(), Some(Error::Unusable(path.clone(), "it is a directory; name a file".into())));
    fs::remove_dir(&path).unwrap();

    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE notes (text); INSERT INTO notes VALUES ('x')")
        .unwrap();
    let foreign = [fs::read(&path).unwrap(), b"some notes\n".to_vec(), vec![7; 100_000]];
    drop(other);
    for bytes in foreign {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(refused(), Some(Error::Foreign(path.clone())));
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::read_dir(&*directory).unwrap().count(), 1);
    }
    fs::remove_file(&path).unwrap();

    fs::write(directory.join("history-wal"), "left").unwrap();
    let why = refused().unwrap().to_string();
    assert!(why.contains("history-wal exists without it"), "{why}");
    assert!(!path.exists());

    let nowhere = Options { path: directory.join("no/such/history"), ..directory.options() };
    let why = Store::open(&nowhere, NOW).err().unwrap().to_string();
    assert!(why.ends_with("no such file or directory"), "{why}");
}

#[test]
fn empty_file_becomes_a_new_store() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let directory = Directory::new();
    let path = directory.join("history");
    let link = Options { path: directory.join("link"), ..directory.options() };
    symlink(&path, &link.path).unwrap();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    // It contains nothing to export.
    let why = Store::open_existing(&directory.options()).err().unwrap().to_string();
    assert!(why.contains("it is empty"), "{why}");
    // While another process creates a store in it.
    let file = fs::File::open(&path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(Store::open(&link, NOW).err(), Some(Error::InUse(link.path.clone())));
    drop(file);
    // A log that was left behind can contain messages.
    fs::write(directory.join("history-wal"), "left").unwrap();
    let why = Store::open(&link, NOW).err().unwrap().to_string();
    assert!(why.contains("history-wal exists without it"), "{why}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    fs::remove_file(directory.join("history-wal")).unwrap();

    let (mut store, start) = Store::open(&link, NOW).unwrap();
    assert_eq!((start.next_id, start.rooms.len()), (1, 0));
    store.write(&[said(1, "lobby", "one")]).unwrap();
    drop(store);
    assert!(fs::symlink_metadata(&link.path).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert_eq!(texts(&directory.open().1.rooms[0].messages), ["one"]);
    assert_eq!(fs::read_dir(&*directory).unwrap().count(), 2, "no draft is left");
}

#[test]
fn time_after_the_last_valid_one_is_lowered_to_it() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let last = time::macros::datetime!(9999-12-31 23:59:59 -0:01);
    let late = Message { at: last, ..message(1, "lobby", "late") };
    store.write(&[Record::Message(late)]).unwrap();
    let found = history(&mut store, "lobby", None, 1).unwrap();
    assert_eq!(found[0].at, time::macros::datetime!(9999-12-30 0:00 UTC));
    assert_eq!(found[0].at.offset().whole_minutes(), -1);
}

#[test]
fn file_names_special_to_sqlite_are_plain_files() {
    let directory = Directory::new();
    for name in ["file:x?mode=memory", ":memory:", "a%20b", "x?immutable=1"] {
        let options = Options { path: directory.join(name), ..directory.options() };
        Store::open(&options, NOW).unwrap().0.write(&[said(1, "lobby", "one")]).unwrap();
        assert_eq!(texts(&Store::open(&options, NOW).unwrap().1.rooms[0].messages), ["one"], "{name}");
        assert!(options.path.exists());
    }
}

#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&[said(1, "lobby", "one")]).unwrap();
    for name in ["history", "history-wal"] {
        assert_eq!(fs::metadata(directory.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}
