//! Tests of the whole store.

mod cluster;
mod copying;
mod damage;
mod deleting;
mod faults;
mod keeping;
mod moving;
mod pruning;
mod removing;
mod searching;
mod settings;
mod upgrading;

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use time::OffsetDateTime;

use super::*;
use crate::chat::record::BanRecord;

pub(super) const NOW: i64 = 1_800_000_000;

/// A temporary directory, removed with the value.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("chinwag-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    pub fn options(&self) -> Options {
        Options::of_test(self.join("history"), 100)
    }

    pub fn open(&self) -> (Store, InitialState) {
        Store::open(&self.options(), NOW).unwrap()
    }
}

impl Deref for Directory {
    type Target = PathBuf;

    fn deref(&self) -> &PathBuf {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn message(id: u64, room: &str, text: &str) -> Message {
    let at = OffsetDateTime::from_unix_timestamp(NOW + (id % 1_000_000) as i64).unwrap();
    Message { id, room: room.into(), at, kind: MessageKind::Said, name: "alice".into(), text: text.into() }
}

pub(super) fn said(id: u64, room: &str, text: &str) -> Record {
    Record::Message(message(id, room, text))
}

pub(super) fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.text.as_str()).collect()
}

/// The last messages of a room before an id, in one step.
pub(super) fn history(store: &mut Store, room: &str, before: Option<u64>, n: usize) -> Result<Vec<Message>, Error> {
    let read = store.history(room, before, n, &mut Step { is_hidden: &|_| false, more: &mut || true })?;
    assert_eq!(read.before, None);
    Ok(read.messages)
}

/// The ids of the first messages of a room from an id on, in one step.
pub(super) fn ids_after(store: &mut Store, room: &str, first: u64, n: usize) -> Result<Vec<u64>, Error> {
    let read = store.find_after(room, first, n, &mut Step { is_hidden: &|_| false, more: &mut || true })?;
    assert!(read.is_complete);
    Ok(read.ids)
}

/// Runs all steps that remove words of deleted messages from the index.
pub(super) fn clean(store: &mut Store) {
    while store.clean_index(3, &mut || true).unwrap() {}
}

pub(super) fn check_index(store: &Store) {
    let connection = store.connection().unwrap();
    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')", []).unwrap();
    let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
}

pub(super) fn ban(network: &str, name: Option<&str>, until: Option<i64>) -> BanRecord {
    BanRecord { network: network.parse().unwrap(), name: name.map(str::to_owned), until }
}

/// Searches in one step: the messages found, oldest first, and the id before which the search continues.
pub(super) fn search(
    store: &mut Store,
    room: &str,
    words: &str,
    before: Option<u64>,
    n: usize,
) -> Result<(Vec<Message>, Option<u64>), Error> {
    let Some(words) = SearchWords::new(words) else { return Ok((Vec::new(), None)) };
    let SearchStep { mut ids, before } = store.search(room, &words, before, n, &mut || true)?;
    ids.reverse();
    let message = |id: &u64| store.message(room, *id).transpose().expect("a message that was found exists");
    Ok((ids.iter().map(message).collect::<Result<_, _>>()?, before))
}
