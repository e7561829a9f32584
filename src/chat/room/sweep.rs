//! The sweep: rounds over the readers of a room that offer each of them the new bytes of the log.

use serde::{Deserialize, Serialize};

use crate::chat::id::ClientId;
use crate::util::tables::shrink;

/// The readers of a room, and the place of the sweep among them.
///
/// Rounds follow one another while the room is dirty. An append does not restart a round, so that under load
/// all readers get their turn at equal intervals. `appended` is always the total of bytes appended to the room.
#[derive(Default, Serialize, Deserialize)]
pub struct Sweep {
    readers: Vec<ClientId>,
    /// The index of the next reader to visit.
    next: usize,
    /// Visits left until every reader has been offered the newest append.
    left: usize,
    /// `appended` before the first visit of the previous round (`offered`) and of the current
    /// one (`next_offered`): every reader that is not blocked has read at least up to `offered`.
    offered: u64,
    next_offered: u64,
    /// Visits left in the current round.
    round: usize,
}

impl Sweep {
    /// The number of readers.
    pub fn len(&self) -> usize {
        self.readers.len()
    }

    /// Adds a reader; returns its index.
    pub fn add(&mut self, id: ClientId, appended: u64) -> u32 {
        if self.readers.is_empty() {
            // Entries from before have no reader that could still need them.
            *self = Sweep {
                offered: appended,
                next_offered: appended,
                readers: std::mem::take(&mut self.readers),
                ..Sweep::default()
            };
        }
        // One more visit, so that the new reader takes no visit of another reader.
        self.left += usize::from(self.left > 0);
        self.round += usize::from(self.round > 0);
        self.readers.push(id);
        (self.readers.len() - 1) as u32
    }

    /// Removes the reader at `place`; returns the reader that moved there and might miss its visit.
    pub fn remove(&mut self, place: u32) -> Option<ClientId> {
        self.readers.swap_remove(place as usize);
        shrink::vec(&mut self.readers);
        self.readers.get(place as usize).copied()
    }

    /// Makes the sweep visit every reader again, since the log has grown.
    pub fn restart(&mut self) {
        self.left = self.readers.len();
    }

    /// The next reader to visit; `None` after all were visited since the last append.
    pub fn next_visit(&mut self, appended: u64) -> Option<ClientId> {
        self.left = self.left.min(self.readers.len());
        if self.left == 0 {
            self.round = 0;
            self.offered = appended;
            return None;
        }
        if self.round == 0 {
            self.offered = self.next_offered.max(self.offered);
            self.round = self.readers.len();
            self.next_offered = appended;
        }
        self.left -= 1;
        self.round -= 1;
        if self.next >= self.readers.len() {
            self.next = 0;
        }
        let id = self.readers[self.next];
        self.next += 1;
        Some(id)
    }

    /// Bytes that a reader that is not blocked may not have been offered yet.
    pub fn unswept(&self, appended: u64) -> u64 {
        if self.readers.is_empty() { 0 } else { appended - self.offered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sweep {
        /// The readers in the order of their places.
        pub fn readers(&self) -> &[ClientId] {
            &self.readers
        }
    }

    /// A sweep over `readers` readers, and a log of which 0 bytes are appended.
    fn sweep(readers: usize) -> Sweep {
        let mut sweep = Sweep::default();
        for slot in 0..readers {
            sweep.add(ClientId::new(slot), 0);
        }
        sweep
    }

    #[test]
    fn sweep_visits_every_reader_once_after_append() {
        let mut sweep = sweep(5);
        sweep.restart();
        assert_eq!(sweep.unswept(10), 10);
        assert_eq!(sweep.next_visit(10), Some(ClientId::new(0)));
        assert_eq!(sweep.next_visit(10), Some(ClientId::new(1)));
        sweep.restart();
        let mut visited: Vec<_> = std::iter::from_fn(|| sweep.next_visit(20)).map(ClientId::slot).collect();
        assert_eq!(visited, [2, 3, 4, 0, 1]);
        visited.sort_unstable();
        assert_eq!(sweep.unswept(20), 0);
    }

    #[test]
    fn new_reader_takes_no_visit_of_another_reader() {
        let mut sweep = sweep(1);
        sweep.restart();
        assert_eq!(sweep.next_visit(10), Some(ClientId::new(0)));
        sweep.restart();
        sweep.add(ClientId::new(1), 20);
        assert!(std::iter::from_fn(|| sweep.next_visit(20)).any(|id| id == ClientId::new(0)));
    }

    #[test]
    fn entries_from_before_the_first_reader_count_as_swept() {
        let mut sweep = Sweep::default();
        sweep.add(ClientId::new(0), 10);
        assert_eq!(sweep.unswept(10), 0);
    }

    #[test]
    fn unswept_covers_every_reader_that_is_behind() {
        let (mut sweep, mut appended) = (sweep(7), 0);
        let mut read = vec![0u64; 7];
        for step in 0..1000 {
            if step % 31 == 0 {
                sweep.add(ClientId::new(read.len()), appended);
                read.push(appended);
            }
            if step % 3 == 0 {
                appended += 10;
                sweep.restart();
            }
            if let Some(id) = sweep.next_visit(appended) {
                read[id.slot()] = appended;
            }
            let behind = read.iter().map(|at| appended - at).max();
            assert!(behind <= Some(sweep.unswept(appended)), "step {step}: {behind:?} behind");
        }
    }
}
