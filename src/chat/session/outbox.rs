//! Lines meant for one client alone: replies, whispers, and what it had not read of a room it left.

use std::collections::VecDeque;

/// One private line, or several that were queued as one.
#[derive(Clone, Copy)]
struct Item {
    /// Its place among all lines of the server; 0 goes before everything in the room.
    stamp: u64,
    len: usize,
}

/// A queue of rendered bytes, each stretch with the stamp that places it among the room's lines.
///
/// A client owns one only while something is owed to it.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// How many of `bytes` have been sent.
    sent: usize,
    items: VecDeque<Item>,
}

impl Outbox {
    /// Bytes not yet sent.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Queues what `render` writes.
    pub fn push(&mut self, stamp: u64, render: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        render(&mut self.bytes);
        let len = self.bytes.len() - before;
        match self.items.back_mut() {
            _ if len == 0 => {}
            // Nothing was said anywhere between the two, so they can be one.
            Some(last) if stamp == last.stamp || stamp == last.stamp + 1 => {
                last.stamp = stamp;
                last.len += len;
            }
            _ => self.items.push_back(Item { stamp, len }),
        }
    }

    /// Puts all that is queued before everything in the room, whatever room comes next.
    pub fn release(&mut self) {
        for item in &mut self.items {
            item.stamp = 0;
        }
    }

    /// The stamp and the bytes of the item that holds the unsent byte `at`, from there on.
    pub fn item_at(&self, place: Place) -> Option<(u64, &[u8])> {
        let item = self.items.get(place.item)?;
        let from = self.sent + place.byte;
        Some((item.stamp, &self.bytes[from..from + item.len - place.within]))
    }

    /// Forgets what lies before `place`.
    pub fn forget(&mut self, place: Place) {
        self.items.drain(..place.item);
        if let Some(front) = self.items.front_mut() {
            front.len -= place.within;
        }
        self.sent += place.byte;
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }
}

/// How far a reader has come in an outbox, counted from its first unsent byte.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Place {
    item: usize,
    within: usize,
    byte: usize,
}

impl Place {
    /// `n` bytes further, in an item of which `left` are left.
    pub fn advance(&mut self, n: usize, left: usize) {
        self.byte += n;
        if n == left {
            self.item += 1;
            self.within = 0;
        } else {
            self.within += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_in_pieces_of_any_size() {
        let mut outbox = Outbox::default();
        outbox.push(1, |out| out.extend_from_slice(b"hello "));
        outbox.push(2, |_| ());
        assert_eq!(outbox.items.len(), 1);
        outbox.push(3, |out| out.extend_from_slice(b"world"));
        let mut got = Vec::new();
        while outbox.len() > 0 {
            let mut place = Place::default();
            let (stamp, bytes) = outbox.item_at(place).expect("an item");
            assert_eq!(stamp, if got.len() < 6 { 1 } else { 3 });
            let n = bytes.len().min(4);
            got.extend_from_slice(&bytes[..n]);
            place.advance(n, bytes.len());
            outbox.forget(place);
        }
        assert_eq!(got, b"hello world");
    }
}
