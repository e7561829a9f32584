//! What one client reads next: its room's log and its private lines, merged by stamp.

use super::client::Client;
use super::outbox::Place;
use crate::chat::room::segment_log::{Cursor, Entry, Kind, Log};

/// A walk over all that a client has not been sent, as slices of the log's and the outbox's bytes.
///
/// Call [`Reader::slice`] and [`Reader::consume`] in turn. For whom nothing private is owed and
/// nothing is to be skipped, a slice is all of a segment from the cursor on.
pub struct Reader<'a> {
    client: &'a Client,
    /// The log of the room that it is in.
    log: Option<&'a Log>,
    cursor: Cursor,
    place: Place,
    /// Where the last slice came from: the bytes left of a private item, or the log.
    private: Option<usize>,
    /// The newest stamp, where only the history is wanted.
    replay: Option<u64>,
    /// The index of the entry that begins at a cursor, where that is known.
    known: Option<(Cursor, usize)>,
}

impl<'a> Reader<'a> {
    /// Begins where the client stands.
    pub fn new(client: &'a Client, log: Option<&'a Log>) -> Self {
        Reader { client, log, cursor: client.cursor, place: Place::default(), private: None, replay: None, known: None }
    }

    /// Walks over the messages from `from` to the end of the log alone, as one who enters would.
    pub fn replay(client: &'a Client, log: &'a Log, from: Cursor, newest: u64) -> Self {
        Reader { cursor: from, replay: Some(newest), ..Reader::new(client, Some(log)) }
    }

    /// Where the walk stands: all before it has been consumed or is not for this client.
    pub fn position(&self) -> (Cursor, Place) {
        (self.cursor, self.place)
    }

    /// The next bytes to be sent in one piece; `None` when the client is up to date.
    pub fn slice(&mut self) -> Option<&'a [u8]> {
        let outbox = self.client.outbox.as_ref().filter(|_| self.replay.is_none());
        let private = outbox.and_then(|outbox| outbox.item_at(self.place));
        if let Some(bytes) = self.log.and_then(|log| self.room_slice(log, private.map(|(stamp, _)| stamp))) {
            self.private = None;
            return Some(bytes);
        }
        let (_, bytes) = private?;
        self.private = Some(bytes.len());
        Some(bytes)
    }

    /// Goes `n` bytes on; at most as many as the last slice had.
    pub fn consume(&mut self, n: usize) {
        match self.private {
            Some(left) => self.place.advance(n, left),
            None => self.cursor.offset += n as u32,
        }
    }

    /// The room's next bytes that are older than the stamp of the next private line.
    fn room_slice(&mut self, log: &'a Log, before: Option<u64>) -> Option<&'a [u8]> {
        let end = log.end();
        while self.cursor < end {
            let segment = log.segment(self.cursor);
            if self.cursor.offset as usize == segment.bytes().len() {
                self.cursor = Cursor { segment: self.cursor.segment + 1, offset: 0 };
                continue;
            }
            let limit = match before {
                Some(stamp) if stamp < segment.newest() => segment.first_after(stamp),
                _ => segment.bytes().len() as u32,
            };
            if self.cursor.offset >= limit {
                return None;
            }
            let to = if self.filters() { self.filtered_end(log, limit) } else { limit };
            if to > self.cursor.offset {
                return Some(&segment.bytes()[self.cursor.offset as usize..to as usize]);
            }
        }
        None
    }

    /// Whether anything ahead may have to be skipped.
    fn filters(&self) -> bool {
        self.cursor < self.client.filtered_to || self.client.ignored.is_some() || self.replay.is_some()
    }

    /// Skips what is not for this client and returns where the next thing to be skipped begins.
    fn filtered_end(&mut self, log: &Log, limit: u32) -> u32 {
        let segment = log.segment(self.cursor);
        // A half-written entry was not skipped when it was begun, and is not now: before a filter
        // changes, all that is unread is settled.
        let mut index = match self.known {
            Some((cursor, index)) if cursor == self.cursor => index,
            _ => segment.entry_at(self.cursor.offset),
        };
        let mut to = self.cursor.offset;
        while let Some(entry) = segment.entry(index).filter(|_| to < limit) {
            if !self.skips(entry) {
                to = entry.end;
            } else if to > self.cursor.offset {
                break;
            } else {
                self.cursor.offset = entry.end;
                to = entry.end;
            }
            index += 1;
        }
        self.known = Some((Cursor { offset: to, ..self.cursor }, index));
        to
    }

    fn skips(&self, entry: &Entry) -> bool {
        let client = self.client;
        if entry.kind == Kind::Message && client.skips_message(entry) {
            return true;
        }
        if entry.stamp <= self.replay.unwrap_or(client.entered) {
            return entry.kind == Kind::Notice;
        }
        entry.author == client.session && !(client.echo && entry.kind == Kind::Message)
    }
}
