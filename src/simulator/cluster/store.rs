//! The store of a simulated node: a real one. Its files outlive the processes; they can be lost, or come back as they were before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::{env, fs, process};

use super::person::Shown;
use super::reference::Reference;
use crate::chat::gaps::Gap;
use crate::chat::record::Message;
use crate::store::{Error, Options, Store};

/// The lowest id of a message.
const FIRST_ID: u64 = 256;
/// Where files are in memory.
const MEMORY: &str = "/dev/shm";

/// What a process that begins finds of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    AsTheyWere,
    Lost,
    Older,
}

impl Files {
    /// A begin with these files, as it is counted.
    pub fn begins(self) -> &'static str {
        match self {
            Files::AsTheyWere => "begins with a store",
            Files::Lost => "begins with a new store",
            Files::Older => "begins with an older store",
        }
    }
}

pub struct SimulatedStore {
    folder: PathBuf,
    /// The files as they were some time ago: the database, and its log.
    older: Option<[Option<Vec<u8>>; 2]>,
}

impl SimulatedStore {
    pub fn new() -> SimulatedStore {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let memory = Path::new(MEMORY);
        let parent = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
        let folder = parent.join(format!("chinwag-simulator-{}-{}", process::id(), NEXT.fetch_add(1, Relaxed)));
        fs::create_dir(&folder).expect("a folder for stores");
        SimulatedStore { folder, older: None }
    }

    pub fn options(&self) -> Options {
        Options::of_test(self.paths()[0].clone(), 10)
    }

    fn paths(&self) -> [PathBuf; 2] {
        ["history", "history-wal"].map(|name| self.folder.join(name))
    }

    /// Copies the files between two transactions, for [`Files::Older`].
    pub fn copy(&mut self) {
        self.older = Some(self.paths().map(|path| fs::read(path).ok()));
    }

    /// Prepares the files for the next process. Returns what it finds: there may be no copy.
    pub fn prepare(&mut self, files: Files) -> Files {
        if files == Files::AsTheyWere || files == Files::Older && self.older.is_none() {
            return Files::AsTheyWere;
        }
        let older = self.older.take().filter(|_| files == Files::Older).unwrap_or_default();
        for (path, content) in self.paths().into_iter().zip(older) {
            let _ = fs::remove_file(&path);
            content.into_iter().for_each(|content| fs::write(&path, content).expect("a file"));
        }
        // A copy from before the cluster began is taken for a lost file: it has the run of the cluster, and cannot know that it lacks messages.
        if files == Files::Older && Store::open(&self.options(), 0).expect("a store").1.cluster.is_none() {
            return self.prepare(Files::Lost);
        }
        files
    }

    /// What is wrong with what the store has at the end. Nodes have `remembered` messages of a room in memory.
    pub fn check(&self, reference: &Reference, remembered: usize) -> Vec<String> {
        let (store, initial) = Store::open(&self.options(), 0).expect("a store");
        let mut stored = BTreeMap::new();
        let read = |Message { id, room, name, text, .. }| -> Result<(), Error> {
            assert!(stored.insert(id, Shown { room, name, text }).is_none(), "{id} is stored twice");
            Ok(())
        };
        store.export(None, read).expect("messages");
        let mut errors = Vec::new();
        for (id, shown) in &stored {
            let expected = reference.messages.get(id).map(|(_, expected)| expected);
            if expected != Some(shown) && !reference.forgotten.has(*id, shown) {
                errors.push(format!("{shown:?} is stored at {id}, expected {expected:?}"));
            }
            // A node that was away learns from others what was deleted, as far as they remember, and if there are any.
            let later = reference.messages.range(id + 1..).filter(|(_, (_, other))| other.room == shown.room).count();
            let is_known = |seq: u64| later < remembered && !reference.began_anew_in(seq..=u64::MAX);
            if let Some(seq) = reference.deleted.get(id).filter(|seq| is_known(**seq)) {
                errors.push(format!("{shown:?} is stored at {id}, and was deleted at {seq}"));
            }
        }
        // An older log may have had another message there.
        let forgotten = &reference.forgotten;
        let is_here = |id: &u64| {
            let is_same = |stored: &Shown| match reference.messages.get(id) {
                Some((_, said)) => said == stored,
                None => forgotten.has(*id, stored),
            };
            stored.get(id).is_some_and(is_same)
        };
        let since = reference.messages.iter().filter(|(_, (seq, _))| reference.run_at(*seq - 1) == Some(initial.run));
        let missing = since
            .map(|(&id, _)| id)
            .filter(|_| forgotten.messages.is_empty())
            .find(|id| !is_here(id) && !reference.was_deleted(*id) && !initial.gaps.touch(*id, id + 1));
        errors.extend(missing.map(|id| format!("{id} is not stored, and no gap is noted")));
        for Gap { from, to } in initial.gaps.iter() {
            let said = reference.messages.range(from..to).map(|(id, _)| *id);
            // After the state began anew, no node knows what was said before.
            let is_known = !reference.began_anew_in(from / 256..=to / 256);
            // A room of the bucket may have had messages, which the log does not have.
            if is_known && to > FIRST_ID && said.chain(forgotten.ids(from..to)).all(|id| is_here(&id)) {
                errors.push(format!("a gap is noted from {from} to {to}, and nothing is missing"));
            }
        }
        errors
    }
}

impl Drop for SimulatedStore {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
