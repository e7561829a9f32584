//! Tests of the whole store.

mod damage;
mod faults;
mod keeping;
mod moving;
mod pruning;
mod searching;

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use time::OffsetDateTime;

use super::*;

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
        Options {
            path: self.join("history"),
            sync: Sync::Off,
            keep_days: None,
            keep_messages: None,
            history: 100,
            rooms: 1000,
            history_bytes: 1 << 20,
        }
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
