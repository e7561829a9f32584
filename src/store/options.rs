//! How a store is opened.

use std::path::PathBuf;

/// What a finished write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// A crash of the process. A power failure can undo the last writes or damage the file.
    Off,
    /// A crash of the process. A power failure can undo the last writes, but does not damage the file.
    #[default]
    Normal,
    /// A crash of the process and a power failure.
    Full,
}

/// Path of the store, durability, retention, and how much is read at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub path: PathBuf,
    pub sync: Sync,
    /// Maximum age of messages; `None` for no limit.
    pub keep_days: Option<u32>,
    /// Maximum messages, all rooms together; `None` for no limit.
    pub keep_messages: Option<u64>,
    /// Rooms read at start: those with the newest messages.
    pub rooms: usize,
    /// Messages of each room read at start.
    pub history: usize,
    /// Bytes of each room's texts and names read at start.
    pub history_bytes: usize,
}

#[cfg(test)]
impl Options {
    /// The options of tests: no waits for the disk, no limit on the messages, and 1,000 rooms.
    pub fn of_test(path: PathBuf, history: usize) -> Options {
        Options {
            path,
            sync: Sync::Off,
            keep_days: None,
            keep_messages: None,
            rooms: 1000,
            history,
            history_bytes: 1 << 20,
        }
    }
}
