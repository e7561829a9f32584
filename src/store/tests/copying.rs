//! Copies of an open store.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::util::test_support::Random;

/// Options for a copy, opened as a store.
fn options_of(directory: &Directory, copy: &Path) -> Options {
    Options { path: copy.to_owned(), ..directory.options() }
}

/// Runs steps of one piece until the copy is complete.
fn finish(store: &mut Store) -> NewFile {
    loop {
        if let CopyStep::Done(file) = store.copy_step(&mut || false).unwrap() {
            return file;
        }
    }
}

#[test]
fn copy_has_everything_that_was_written_before_its_last_step() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let (mut random, mut next) = (Random(7), 1);
    let mut write = |store: &mut Store, n: usize| {
        let records: Vec<Record> =
            (next..).take(n).map(|id| said(id, "den", &format!("fish {id} ").repeat(200))).collect();
        store.write(&records).unwrap();
        next += n as u64;
        next
    };
    write(&mut store, 1000);
    let copy = directory.join("copy");
    store.begin_copy(&copy).unwrap();
    let mut percents = Vec::new();
    let file = loop {
        match store.copy_step(&mut || false).unwrap() {
            CopyStep::Done(file) => break file,
            CopyStep::More(percent) => percents.push(percent),
        }
        // Rows that are copied already and rows that are not change, and the log is emptied.
        write(&mut store, 1 + random.below(3));
        store.write(&[Record::Delete { room: "den".into(), ids: vec![1 + random.below(900) as u64] }]).unwrap();
        if random.one_in(4) {
            store.checkpoint().unwrap();
        }
    };
    let last = write(&mut store, 0) - 1;
    assert!(percents.len() > 5 && percents.iter().all(|&percent| percent <= 100), "{percents:?}");
    assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let expected = store.recent("den", None, &mut Step { is_hidden: &|_| false, more: &mut || true }).unwrap();
    let rows = |store: &Store| {
        let connection = store.connection().unwrap();
        let sum = "SELECT count(*) || ' ' || total(id) || ' ' || total(length(text)) FROM messages";
        connection.query_row(sum, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let expected_rows = rows(&store);
    drop(store);
    let (mut copied, start) = Store::open(&options_of(&directory, &copy), NOW).unwrap();
    check_index(&copied);
    assert_eq!((start.next_id, rows(&copied)), (last + 1, expected_rows));
    let found = copied.recent("den", None, &mut Step { is_hidden: &|_| false, more: &mut || true }).unwrap();
    assert_eq!(texts(&found.messages), texts(&expected.messages));
    // The copy takes new messages.
    copied.write(&[said(last + 1, "den", "more")]).unwrap();
}

/// A store of 499 messages that is copied: its first step is done.
fn begun_copy() -> (Directory, Store, PathBuf) {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    store.write(&(1..500).map(|id| said(id, "den", &"fish ".repeat(100))).collect::<Vec<_>>()).unwrap();
    let copy = directory.join("copy");
    store.begin_copy(&copy).unwrap();
    assert!(matches!(store.copy_step(&mut || false), Ok(CopyStep::More(_))));
    (directory, store, copy)
}

#[test]
fn copy_that_is_given_up_or_dropped_leaves_no_file_and_a_named_one_stays() {
    let (directory, mut store, copy) = begun_copy();
    assert!(copy.exists());
    store.cancel_copy();
    assert!(!copy.exists() && store.copy_step(&mut || true).is_err());
    // Begun anew, and ended by another one.
    store.begin_copy(&copy).unwrap();
    let other = directory.join("other");
    store.begin_copy(&other).unwrap();
    assert!(!copy.exists() && other.exists());
    drop(finish(&mut store));
    assert!(!other.exists());
    store.begin_copy(&copy).unwrap();
    let file = finish(&mut store);
    fs::rename(&copy, &other).unwrap();
    fs::write(&copy, "another file").unwrap();
    drop(file);
    assert!(other.exists() && copy.exists());
    // While a copy is made the store can be closed.
    fs::remove_file(&copy).unwrap();
    store.begin_copy(&copy).unwrap();
    drop(store);
    assert!(!copy.exists());
    assert_eq!(directory.open().1.next_id, 500);
}

#[test]
fn copy_is_refused_where_a_file_is_or_no_file_can_be() {
    let directory = Directory::new();
    let (mut store, _) = directory.open();
    let taken = directory.join("taken");
    fs::write(&taken, "text").unwrap();
    std::os::unix::fs::symlink(directory.join("nothing"), directory.join("link")).unwrap();
    for (name, why) in [("taken", "there is such a file already"), ("link", "there is such a file already")] {
        let error = store.begin_copy(&directory.join(name)).unwrap_err().to_string();
        assert!(error.ends_with(why), "{name}: {error}");
    }
    let error = store.begin_copy(&directory.join("no/copy")).unwrap_err().to_string();
    assert!(error.ends_with("no such file or directory"), "{error}");
    assert_eq!(fs::read(&taken).unwrap(), b"text");
    store.write(&[said(1, "den", "fish")]).unwrap();
}

#[test]
fn copy_ends_when_the_store_is_opened_again() {
    let (_directory, mut store, copy) = begun_copy();
    store.reopen().unwrap();
    assert!(!copy.exists());
    store.begin_copy(&copy).unwrap();
    finish(&mut store).keep();
    assert!(copy.exists());
}
