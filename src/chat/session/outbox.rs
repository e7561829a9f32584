//! Lines for one session alone: replies, whispers, and unread lines of a room that it left.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// One private line, or several that were queued as one.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct OutboxItem {
    /// The position among all lines of the server; 0 goes before every line of the room.
    stamp: u64,
    len: usize,
}

/// A queue of rendered lines, each with the stamp that orders it among the room's lines.
///
/// A session has an outbox only while it has unsent private lines.
#[derive(Default, Serialize, Deserialize)]
pub struct Outbox {
    #[serde(with = "crate::util::base64_bytes")]
    bytes: Vec<u8>,
    /// The number of `bytes` already sent.
    sent: usize,
    items: VecDeque<OutboxItem>,
}

impl Outbox {
    /// Unsent bytes.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Queues the output of `render`.
    pub fn push(&mut self, stamp: u64, render: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        render(&mut self.bytes);
        let len = self.bytes.len() - before;
        match self.items.back_mut() {
            _ if len == 0 => {}
            // No line of any room lies between the two, so they can be one item.
            Some(last) if stamp == last.stamp || stamp == last.stamp + 1 => {
                last.stamp = stamp;
                last.len += len;
            }
            _ => self.items.push_back(OutboxItem { stamp, len }),
        }
    }

    /// Takes the unsent bytes after the first `from` ones. The lines after them have the newest stamp.
    pub fn cut(&mut self, from: usize) -> Vec<u8> {
        let taken = self.bytes.split_off(self.sent + from);
        let mut left = taken.len();
        while left > 0
            && let Some(last) = self.items.back_mut()
        {
            let step = left.min(last.len);
            (last.len, left) = (last.len - step, left - step);
            if last.len == 0 {
                self.items.pop_back();
            }
        }
        taken
    }

    /// Takes all unsent bytes.
    pub fn take(&mut self) -> Vec<u8> {
        let Outbox { mut bytes, sent, .. } = std::mem::take(self);
        bytes.drain(..sent);
        bytes
    }

    /// Moves all queued lines before every line of the next room.
    pub fn release(&mut self) {
        for item in &mut self.items {
            item.stamp = 0;
        }
    }

    /// The stamp of the item at a position, and its bytes from there on.
    pub fn item_at(&self, place: OutboxPosition) -> Option<(u64, &[u8])> {
        let item = self.items.get(place.item as usize)?;
        let from = self.sent + place.byte as usize;
        Some((item.stamp, &self.bytes[from..from + item.len - place.within as usize]))
    }

    /// Removes all bytes before `place`.
    pub fn discard(&mut self, place: OutboxPosition) {
        self.items.drain(..place.item as usize);
        if let Some(front) = self.items.front_mut() {
            front.len -= place.within as usize;
        }
        self.sent += place.byte as usize;
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }
}

/// The position of a reader in an outbox, counted from the first unsent byte. An outbox has less than 4 GiB.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct OutboxPosition {
    item: u32,
    within: u32,
    byte: u32,
}

impl OutboxPosition {
    /// Advances by `n` bytes in an item with `left` bytes left.
    pub fn advance(&mut self, n: usize, left: usize) {
        self.byte += n as u32;
        if n == left {
            self.item += 1;
            self.within = 0;
        } else {
            self.within += n as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outbox_returns_items_in_pieces_of_any_size() {
        let mut outbox = Outbox::default();
        outbox.push(1, |out| out.extend_from_slice(b"hello "));
        outbox.push(2, |_| ());
        assert_eq!(outbox.items.len(), 1);
        outbox.push(3, |out| out.extend_from_slice(b"world"));
        let mut got = Vec::new();
        while outbox.len() > 0 {
            let mut place = OutboxPosition::default();
            let (stamp, bytes) = outbox.item_at(place).expect("an item");
            assert_eq!(stamp, if got.len() < 6 { 1 } else { 3 });
            let n = bytes.len().min(4);
            got.extend_from_slice(&bytes[..n]);
            place.advance(n, bytes.len());
            outbox.discard(place);
        }
        assert_eq!(got, b"hello world");
    }
}
