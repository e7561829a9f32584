//! Whether all readers have read the same messages in the same order.

/// An odd number with random bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash of what each reader has read so far, message by message.
///
/// Two readers have the same hash if they have read the same messages in the same order; otherwise they have different
/// ones, except by a chance of about 1 to 2^64. It takes eight bytes a reader, however much that reads, and processes
/// can compare it.
#[derive(Debug, Default)]
pub struct ReadOrder {
    hashes: Vec<u64>,
}

impl ReadOrder {
    /// Adds a reader that has read nothing.
    pub fn add_reader(&mut self) {
        self.hashes.push(0);
    }

    /// Records that a reader has read message `seq` of a stream.
    #[inline]
    pub fn record(&mut self, reader: usize, stream: usize, seq: u32) {
        let hash = &mut self.hashes[reader];
        // The product is 0 for 0, so the number of the message is never 0 here.
        let mixed = (*hash ^ ((stream as u64 + 1) << 32 | u64::from(seq))).wrapping_mul(FACTOR);
        *hash = mixed ^ mixed >> 32;
    }

    /// The hash of a reader.
    pub fn of(&self, reader: usize) -> u64 {
        self.hashes[reader]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(read: &[(usize, u32)]) -> u64 {
        let mut order = ReadOrder::default();
        order.add_reader();
        read.iter().for_each(|&(stream, seq)| order.record(0, stream, seq));
        order.of(0)
    }

    #[test]
    fn hash_tells_each_order_from_each_other() {
        let messages = [(0, 0), (0, 1), (1, 0), (2, 0)];
        let mut hashes = Vec::new();
        for first in 0..4 {
            for second in (0..4).filter(|&it| it != first) {
                for third in (0..4).filter(|&it| it != first && it != second) {
                    let last = 6 - first - second - third;
                    hashes.push(hash(&[first, second, third, last].map(|at| messages[at])));
                }
            }
        }
        assert_eq!(hashes[0], hash(&messages));
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 24);
    }

    #[test]
    fn hash_tells_what_was_read_more_often_or_not_at_all() {
        let mut hashes = vec![hash(&[]), hash(&[(0, 0)]), hash(&[(0, 0), (0, 0)]), hash(&[(1, 0)]), hash(&[(0, 1)])];
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 5);
    }
}
