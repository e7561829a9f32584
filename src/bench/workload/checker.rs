//! Checks that each reader gets each message once and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{AddAssign, Range, Sub};

use serde::{Deserialize, Serialize};

use super::read_order::ReadOrder;

/// Deliveries and their faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Deliveries, each counted once per reader.
    pub delivered: u64,
    /// Repeated deliveries.
    pub duplicates: u64,
    /// Deliveries after a later message of the same sender.
    pub out_of_order: u64,
    /// Messages that arrived changed; the original counts as lost too.
    pub damaged: u64,
    /// Messages returned to their own sender, as some servers do.
    pub echoed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.delivered += other.delivered;
        self.duplicates += other.duplicates;
        self.out_of_order += other.out_of_order;
        self.damaged += other.damaged;
        self.echoed += other.echoed;
    }
}

impl Sub for Tally {
    type Output = Tally;

    fn sub(self, before: Tally) -> Tally {
        Tally {
            delivered: self.delivered - before.delivered,
            duplicates: self.duplicates - before.duplicates,
            out_of_order: self.out_of_order - before.out_of_order,
            damaged: self.damaged - before.damaged,
            echoed: self.echoed - before.echoed,
        }
    }
}

/// In place of the next number: messages of the reader itself are not expected.
const OWN: u32 = u32::MAX;

/// Tracks which messages of each stream each reader has received.
#[derive(Debug)]
pub struct Checker {
    streams: usize,
    ordered: bool,
    /// The next expected number, by reader and then stream.
    next: Vec<u32>,
    /// Numbers that were skipped and may still arrive.
    holes: BTreeMap<(usize, usize), Vec<Range<u32>>>,
    /// In which order each reader has read what it has, if that is compared.
    order: Option<ReadOrder>,
    /// The totals.
    pub tally: Tally,
}

impl Checker {
    /// For messages of `streams` senders; if `ordered`, messages of one sender must arrive in order.
    pub fn new(streams: usize, ordered: bool) -> Self {
        Checker { streams, ordered, next: Vec::new(), holes: BTreeMap::new(), order: None, tally: Tally::default() }
    }

    /// Compares the order in which readers read the messages of all streams: [`Checker::orders`]. For a checker without
    /// readers.
    pub fn compare_order(&mut self) {
        self.order = Some(ReadOrder::default());
    }

    /// Adds a reader that expects all messages from number 0 on, except those of its own streams.
    pub fn add_reader(&mut self, own: Range<usize>) {
        let first = self.next.len();
        self.next.resize(first + self.streams, 0);
        self.next[first + own.start..first + own.end].fill(OWN);
        self.order.iter_mut().for_each(ReadOrder::add_reader);
    }

    /// The number of readers.
    pub fn readers(&self) -> usize {
        self.next.len() / self.streams.max(1)
    }

    /// Records message `seq` of a stream; returns whether it is the first time.
    #[inline]
    pub fn record(&mut self, reader: usize, stream: usize, seq: u32) -> bool {
        if stream >= self.streams || seq == OWN {
            self.tally.damaged += 1;
            return false;
        }
        let next = &mut self.next[reader * self.streams + stream];
        if seq == *next {
            *next += 1;
            self.tally.delivered += 1;
        } else if !self.record_unexpected(reader, stream, seq) {
            return false;
        }
        if let Some(order) = &mut self.order {
            order.record(reader, stream, seq);
        }
        true
    }

    #[cold]
    fn record_unexpected(&mut self, reader: usize, stream: usize, seq: u32) -> bool {
        let next = &mut self.next[reader * self.streams + stream];
        if *next == OWN {
            self.tally.echoed += 1;
            return false;
        }
        let holes = self.holes.entry((reader, stream)).or_default();
        if seq > *next {
            holes.push(*next..seq);
            *next = seq.saturating_add(1);
        } else if let Some(at) = holes.iter().position(|hole| hole.contains(&seq)) {
            let hole = holes.swap_remove(at);
            holes.extend([hole.start..seq, seq + 1..hole.end].into_iter().filter(|rest| !rest.is_empty()));
            self.tally.out_of_order += u64::from(self.ordered);
        } else {
            self.tally.duplicates += 1;
            return false;
        }
        self.tally.delivered += 1;
        true
    }

    /// Number of missing deliveries, given the number of messages sent in each stream.
    pub fn missing(&self, said: &[u32]) -> u64 {
        let holes = self.holes.iter().flat_map(|(&(_, stream), holes)| {
            let said = said.get(stream).copied().unwrap_or(0);
            holes.iter().map(move |hole| u64::from(hole.end.min(said).saturating_sub(hole.start)))
        });
        let ends = self.next.chunks(self.streams.max(1)).flat_map(|next| {
            next.iter()
                .zip(said)
                .map(|(&next, &said)| if next == OWN { 0 } else { u64::from(said.saturating_sub(next)) })
        });
        holes.sum::<u64>() + ends.sum::<u64>()
    }

    /// A number for each order in which readers have read the messages of all streams, given the number of messages sent
    /// in each; `None` if it is not compared. Readers that do not have all of them do not count.
    pub fn orders(&self, said: &[u32]) -> Option<BTreeSet<u64>> {
        let order = self.order.as_ref()?;
        let has_all = |&(reader, next): &(usize, &[u32])| {
            let holes = self.holes.range((reader, 0)..(reader + 1, 0)).flat_map(|(&(_, stream), holes)| {
                holes.iter().filter(move |hole| hole.start < said.get(stream).copied().unwrap_or(0))
            });
            next.iter().zip(said).all(|(next, said)| next >= said) && holes.count() == 0
        };
        let readers = self.next.chunks(self.streams.max(1)).enumerate().filter(has_all);
        Some(readers.map(|(reader, _)| order.of(reader)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(streams: usize, got: &[(usize, u32)]) -> (Tally, Checker) {
        let mut checker = Checker::new(streams, true);
        checker.add_reader(0..0);
        for &(stream, seq) in got {
            checker.record(0, stream, seq);
        }
        (checker.tally, checker)
    }

    #[test]
    fn correct_deliveries_have_no_faults() {
        let (tally, checker) = tally(2, &[(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)]);
        assert_eq!(tally, Tally { delivered: 5, ..Tally::default() });
        assert_eq!(checker.missing(&[2, 3]), 0);
    }

    #[test]
    fn each_fault_is_counted_once() {
        let (swapped, checker) = tally(1, &[(0, 1), (0, 0), (0, 2)]);
        assert_eq!(swapped, Tally { delivered: 3, out_of_order: 1, ..Tally::default() });
        assert_eq!(checker.missing(&[3]), 0);
        let (doubled, checker) = tally(1, &[(0, 0), (0, 1), (0, 1), (0, 0), (0, 2)]);
        assert_eq!(doubled, Tally { delivered: 3, duplicates: 2, ..Tally::default() });
        assert_eq!(checker.missing(&[3]), 0);
        let (lost, checker) = tally(1, &[(0, 2), (0, 3), (0, 7)]);
        assert_eq!(lost, Tally { delivered: 3, ..Tally::default() });
        assert_eq!(checker.missing(&[10]), 2 + 3 + 2);
        let (strange, _) = tally(1, &[(0, 0), (1, 0)]);
        assert_eq!(strange, Tally { delivered: 1, damaged: 1, ..Tally::default() });
    }

    #[test]
    fn late_message_counts_once() {
        let (tally, checker) = tally(1, &[(0, 5), (0, 2), (0, 2), (0, 0), (0, 4)]);
        assert_eq!(tally, Tally { delivered: 4, duplicates: 1, out_of_order: 3, ..Tally::default() });
        assert_eq!(checker.missing(&[6]), 2);
    }

    #[test]
    fn own_streams_are_not_expected() {
        let mut checker = Checker::new(4, true);
        checker.add_reader(1..3);
        checker.record(0, 0, 0);
        assert_eq!(checker.missing(&[1, 10, 10, 0]), 0);
        assert_eq!(checker.missing(&[1, 10, 10, 5]), 5);
        assert!(!checker.record(0, 1, 0) && !checker.record(0, 2, 3));
        assert_eq!(checker.tally.echoed, 2);
    }

    #[test]
    fn orders_are_those_of_readers_with_all_messages() {
        let mut checker = Checker::new(2, true);
        assert_eq!(checker.orders(&[2, 1]), None);
        checker.compare_order();
        let all = [
            &[(0, 0), (1, 0), (0, 1)][..],
            // What comes twice counts once.
            &[(0, 0), (1, 0), (1, 0), (0, 1)],
            &[(1, 0), (0, 0), (0, 1)],
            // Both have not read everything.
            &[(1, 0), (0, 1)],
            &[(0, 0), (0, 1)],
        ];
        let mut seen = Vec::new();
        for (reader, read) in all.iter().enumerate() {
            checker.add_reader(0..0);
            for &(stream, seq) in *read {
                checker.record(reader, stream, seq);
            }
            seen.push(checker.orders(&[2, 1]).unwrap().len());
        }
        assert_eq!(seen, [1, 1, 2, 2, 2]);
        assert_eq!(checker.orders(&[3, 1]).unwrap().len(), 0);
    }

    #[test]
    fn unordered_streams_have_no_late_messages() {
        let mut checker = Checker::new(1, false);
        checker.add_reader(0..0);
        for seq in [2, 0, 1, 1] {
            checker.record(0, 0, seq);
        }
        assert_eq!(checker.tally, Tally { delivered: 3, duplicates: 1, ..Tally::default() });
    }
}
