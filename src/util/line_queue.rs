//! A queue of lines that drops lines instead of growing without a bound.

use memchr::{memchr, memchr_iter, memrchr};

/// The most bytes that wait; enough for a busy turn or two.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Lines that wait to be shown, each with its line end.
#[derive(Debug, Default)]
pub struct LineQueue {
    bytes: Vec<u8>,
    /// The number of `bytes` already taken.
    taken: usize,
    lost: u64,
}

impl LineQueue {
    /// Adds whole lines; drops and counts lines that do not fit.
    pub fn push(&mut self, lines: &[u8]) {
        let room = MAX_BYTES.saturating_sub(self.len());
        let fits =
            if lines.len() <= room { lines.len() } else { memrchr(b'\n', &lines[..room]).map_or(0, |at| at + 1) };
        self.bytes.extend_from_slice(&lines[..fits]);
        self.lost += memchr_iter(b'\n', &lines[fits..]).count() as u64;
    }

    /// The bytes that wait.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the oldest lines: as many as fit into `most` bytes, at least one.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        let rest = &self.bytes[self.taken..];
        let end = if rest.len() <= most {
            rest.len()
        } else {
            let within = memrchr(b'\n', &rest[..most]).or_else(|| memchr(b'\n', rest));
            within.map_or(rest.len(), |at| at + 1)
        };
        let lines = rest[..end].to_vec();
        self.taken += end;
        // Moving the rest only after half was taken keeps the total cost linear.
        if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
            self.bytes.shrink_to(self.bytes.len().max(4096));
        }
        lines
    }

    /// Takes the number of dropped lines.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_whole_and_in_order() {
        let mut queue = LineQueue::default();
        queue.push(b"one\ntwo\nthree\n");
        assert_eq!(queue.take(9), b"one\ntwo\n");
        queue.push(b"four\n");
        assert_eq!(queue.take(2), b"three\n", "one line at least");
        assert_eq!((queue.take(100), queue.is_empty()), (b"four\n".to_vec(), true));
        assert_eq!(queue.take(100), b"");
    }

    #[test]
    fn lines_beyond_the_bound_are_counted() {
        let mut queue = LineQueue::default();
        let line = [&[b'x'; 999][..], b"\n"].concat();
        for _ in 0..5000 {
            queue.push(&line.repeat(2));
        }
        let mut kept = 0;
        while !queue.is_empty() {
            let lines = queue.take(32 * 1024);
            assert!(lines.len() <= 32 * 1024 && lines.ends_with(b"\n"));
            kept += lines.len() / line.len();
        }
        assert_eq!((kept, queue.take_lost(), queue.take_lost()), (MAX_BYTES / 1000, 10_000 - kept as u64, 0));
    }
}
