//! Where this node reads the log: which entries wait, and whether the log is still the one that it has read.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cluster::weakness::{Weakened, Weakness};

/// Entries that wait at most before the node asks for no more.
const MAX_ENTRIES: usize = 1_024;
/// Bytes of entries that wait at most before the node asks for no more.
const MAX_BYTES: usize = 4 << 20;
/// Bytes of entries that wait at most for a snapshot; its pieces are kept elsewhere.
const MAX_BYTES_OF_WAIT: usize = 16 << 20;

/// What the engine says of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The position of the first entry that it has; one more than `last` if it has none.
    pub first: u64,
    /// The position of the last entry that it has had.
    pub last: u64,
}

/// A position in the log, and what was read there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub seq: u64,
    /// The engine's time of the entry and the CRC-32 of its bytes; `None` if it was not read.
    content: Option<(Duration, u32)>,
}

/// An entry that was read and not processed.
#[derive(Clone, Debug)]
pub struct Stored {
    pub seq: u64,
    pub time: Duration,
    /// All of it, or what is still needed.
    pub bytes: Box<[u8]>,
    /// The CRC-32 of all of it.
    crc: u32,
}

impl Stored {
    fn mark(&self) -> Mark {
        Mark { seq: self.seq, content: Some((self.time, self.crc)) }
    }
}

/// How the log differs from the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Entries that were not read do not exist any more.
    Trimmed,
    /// The engine has gone back to an older state, or has another log.
    Restored,
}

/// The entries that wait, and the position after which they stand.
///
/// What waits is not handed over to a successor, which reads it again.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Reading {
    /// The newest entry that was processed; `None` before the log was found.
    processed: Option<Mark>,
    #[serde(skip)]
    waiting: VecDeque<Stored>,
    #[serde(skip)]
    bytes: usize,
    /// Those that wait for a snapshot and were searched for it, and their bytes.
    #[serde(skip)]
    searched: usize,
    #[serde(skip)]
    searched_bytes: usize,
    /// Whether the entry at the position is read once more, to be compared.
    #[serde(skip)]
    pub compares: bool,
}

impl Reading {
    /// Goes on after this mark.
    pub fn after(mark: Mark) -> Reading {
        Reading { processed: Some(mark), ..Reading::default() }
    }

    /// Takes what the engine says of its log, at each connection. If the log begins right after what was read, there is
    /// nothing to compare, and it is taken for the same.
    ///
    /// # Errors
    /// If the log is not the one that was read, or what comes next is missing.
    pub fn handle_stream(&mut self, stream: Stream, weakened: Weakened) -> Result<(), Break> {
        let Some(read) = self.newest() else {
            self.processed = Some(Mark { seq: stream.last, content: None });
            return Ok(());
        };
        if read.seq > stream.last && !weakened.is(Weakness::IgnoresRestoredEngine) {
            return Err(Break::Restored);
        }
        if stream.first > read.seq + 1 && !weakened.is(Weakness::IgnoresHoles) {
            return Err(Break::Trimmed);
        }
        self.compares = read.content.is_some() && stream.first <= read.seq;
        Ok(())
    }

    /// Takes an entry; one that was read before is ignored.
    ///
    /// # Errors
    /// As for [`Reading::handle_stream`].
    pub fn handle_entry(&mut self, seq: u64, time: Duration, bytes: &[u8], weakened: Weakened) -> Result<(), Break> {
        let Some(read) = self.newest_seq() else { return Ok(()) };
        if seq == read && std::mem::take(&mut self.compares) {
            let content = Some((time, crc32fast::hash(bytes)));
            let is_same = self.newest() == Some(Mark { seq, content });
            return if is_same || weakened.is(Weakness::IgnoresRestoredEngine) { Ok(()) } else { Err(Break::Restored) };
        }
        if seq > read + 1 && !weakened.is(Weakness::IgnoresHoles) {
            return Err(Break::Trimmed);
        }
        if seq > read {
            // The entry that was to be compared does not exist any more.
            self.compares = false;
            self.bytes += bytes.len();
            self.waiting.push_back(Stored { seq, time, bytes: bytes.into(), crc: crc32fast::hash(bytes) });
        }
        Ok(())
    }

    /// Forgets what waits, and goes on after this position, whose entry is not known.
    pub fn skip_to(&mut self, seq: u64) {
        *self = Reading::after(Mark { seq, content: None });
    }

    /// Takes the next entry to be processed.
    pub fn pop(&mut self) -> Option<Stored> {
        let stored = self.waiting.pop_front()?;
        self.bytes -= stored.bytes.len();
        if self.searched > 0 {
            self.searched -= 1;
            self.searched_bytes -= stored.bytes.len();
        }
        self.processed = Some(stored.mark());
        Some(stored)
    }

    /// The next entry that was not searched for a snapshot. It goes on waiting.
    pub fn search(&mut self) -> Option<Stored> {
        let stored = self.waiting.get(self.searched)?.clone();
        self.searched += 1;
        self.searched_bytes += stored.bytes.len();
        Some(stored)
    }

    /// Of the entry that was searched last, only so many of its first bytes are needed later.
    pub fn shorten_searched(&mut self, len: usize) {
        let last = self.searched.checked_sub(1).and_then(|index| self.waiting.get_mut(index));
        if let Some(stored) = last.filter(|stored| len < stored.bytes.len()) {
            let dropped = stored.bytes.len() - len;
            stored.bytes = stored.bytes[..len].into();
            self.bytes -= dropped;
            self.searched_bytes -= dropped;
        }
    }

    /// Searches what waits from its beginning.
    pub fn restart_search(&mut self) {
        (self.searched, self.searched_bytes) = (0, 0);
    }

    /// Forgets what waits; the position stays.
    pub fn forget_waiting(&mut self) {
        *self = Reading { processed: self.processed, ..Reading::default() };
    }

    /// The newest entry that was processed.
    pub fn processed(&self) -> Option<Mark> {
        self.processed
    }

    fn newest_seq(&self) -> Option<u64> {
        self.waiting.back().map(|stored| stored.seq).or(self.processed.map(|mark| mark.seq))
    }

    /// The newest entry that was read.
    fn newest(&self) -> Option<Mark> {
        self.waiting.back().map(Stored::mark).or(self.processed)
    }

    /// The first entry to be asked for: the next one, or the newest one once more.
    pub fn read_from(&self) -> Option<u64> {
        self.newest_seq().map(|seq| seq + u64::from(!self.compares))
    }

    /// Whether more entries are asked for. Those that were searched, and wait for the snapshot, do not count.
    pub fn has_room(&self) -> bool {
        self.waiting.len() - self.searched < MAX_ENTRIES && self.bytes - self.searched_bytes < MAX_BYTES
    }

    /// Whether too much was searched, and waits for a snapshot.
    pub fn is_overfull(&self) -> bool {
        self.searched_bytes > MAX_BYTES_OF_WAIT
    }

    /// Entries that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reading: &mut Reading, seq: u64, text: &str) -> Result<(), Break> {
        reading.handle_entry(seq, Duration::from_secs(seq), text.as_bytes(), Weakened::default())
    }

    fn stream(first: u64, last: u64) -> Stream {
        Stream { first, last }
    }

    /// A node that has read the entries 5 and 6 and processed the first of them.
    fn reading() -> Reading {
        let mut reading = Reading::default();
        reading.handle_stream(stream(1, 4), Weakened::default()).unwrap();
        for seq in [5, 6] {
            read(&mut reading, seq, "x").unwrap();
        }
        reading.pop();
        reading
    }

    #[test]
    fn a_node_without_a_position_begins_at_the_end() {
        let mut reading = Reading::default();
        assert_eq!(reading.read_from(), None);
        reading.handle_stream(stream(1, 4), Weakened::default()).unwrap();
        assert_eq!(reading.read_from(), Some(5));
    }

    #[test]
    fn the_entry_at_the_position_is_compared_after_a_reconnect() {
        let mut reading = reading();
        assert_eq!(reading.handle_stream(stream(2, 9), Weakened::default()), Ok(()));
        assert_eq!(reading.read_from(), Some(6));
        assert_eq!(read(&mut reading.clone(), 6, "x"), Ok(()));
        assert_eq!(read(&mut reading.clone(), 6, "y"), Err(Break::Restored));
        let later = reading.handle_entry(6, Duration::from_secs(7), b"x", Weakened::default());
        assert_eq!(later, Err(Break::Restored));
    }

    #[test]
    fn an_entry_that_was_trimmed_before_it_was_compared_is_not_waited_for() {
        let mut reading = reading();
        reading.handle_stream(stream(2, 9), Weakened::default()).unwrap();
        read(&mut reading, 7, "x").unwrap();
        assert!(!reading.compares);
        assert_eq!(reading.read_from(), Some(8));
    }

    #[test]
    fn a_shorter_log_and_missing_entries_are_noticed() {
        let ok = Weakened::default();
        assert_eq!(reading().handle_stream(stream(1, 5), ok), Err(Break::Restored));
        assert_eq!(reading().handle_stream(stream(8, 9), ok), Err(Break::Trimmed));
        let mut reading = reading();
        assert_eq!(reading.handle_stream(stream(7, 6), ok), Ok(()));
        assert_eq!((reading.read_from(), read(&mut reading.clone(), 8, "x")), (Some(7), Err(Break::Trimmed)));
    }

    #[test]
    fn what_was_searched_is_bounded_apart_from_what_was_not() {
        let mut reading = reading();
        let large = "x".repeat(MAX_BYTES);
        read(&mut reading, 7, &large).unwrap();
        assert!(!reading.has_room());
        reading.search();
        reading.search();
        assert!(reading.has_room());
        reading.shorten_searched(10);
        assert_eq!((reading.bytes, reading.searched_bytes), (11, 11));
        for seq in 8..12 {
            assert!(!reading.is_overfull());
            read(&mut reading, seq, &large).unwrap();
            reading.search();
        }
        assert!(reading.is_overfull());
        while reading.pop().is_some() {}
        assert_eq!((reading.bytes, reading.searched_bytes, reading.searched), (0, 0, 0));
    }

    #[test]
    fn a_shortened_entry_is_known_again() {
        let mut reading = reading();
        read(&mut reading, 7, "header\nthe piece of a snapshot").unwrap();
        reading.search();
        reading.search();
        reading.shorten_searched(7);
        while reading.pop().is_some() {}
        assert_eq!(reading.handle_stream(stream(1, 7), Weakened::default()), Ok(()));
        assert_eq!(read(&mut reading, 7, "header\nthe piece of a snapshot"), Ok(()));
    }

    #[test]
    fn repeated_entries_are_ignored() {
        let mut reading = reading();
        for seq in [4, 5, 6, 7, 7] {
            read(&mut reading, seq, "x").unwrap();
        }
        assert_eq!((reading.len(), reading.read_from()), (2, Some(8)));
    }
}
