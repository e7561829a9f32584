//! The requests that wait for an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ReaderId;

/// What the answer to a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A request of the caller to another client.
    Answer {
        tag: u64,
    },
    /// A message for a stream.
    Published {
        tag: u64,
    },
    Stream {
        tag: u64,
    },
    /// The mark of a key is to be removed.
    Purged {
        tag: u64,
    },
    /// The revision of a key.
    Revision {
        tag: u64,
    },
    /// A reader asks for the state of its stream.
    ReaderStream(ReaderId),
    /// A reader makes its consumer.
    ReaderConsumer(ReaderId),
}

/// The requests without an answer, by number and by deadline.
#[derive(Debug, Default)]
pub struct Requests {
    last: u64,
    waiting: BTreeMap<u64, (Purpose, Duration)>,
    deadlines: BTreeSet<(Duration, u64)>,
}

impl Requests {
    /// Notes a request; returns its number, which is never used again.
    pub fn add(&mut self, purpose: Purpose, deadline: Duration) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, (purpose, deadline));
        self.deadlines.insert((deadline, self.last));
        self.last
    }

    /// Takes the request that was answered; `None` if it does not wait.
    pub fn take(&mut self, number: u64) -> Option<Purpose> {
        let (purpose, deadline) = self.waiting.remove(&number)?;
        self.deadlines.remove(&(deadline, number));
        Some(purpose)
    }

    /// Takes a request whose deadline has passed.
    pub fn take_late(&mut self, now: Duration) -> Option<(u64, Purpose)> {
        let &(deadline, number) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.take(number).map(|purpose| (number, purpose))
    }

    /// Takes the oldest request.
    pub fn take_first(&mut self) -> Option<(u64, Purpose)> {
        let &number = self.waiting.keys().next()?;
        self.take(number).map(|purpose| (number, purpose))
    }

    /// The first deadline.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_once_by_number_deadline_or_age() {
        let mut requests = Requests::default();
        let second = Duration::from_secs;
        let [a, b, c] = [(1, 9), (2, 3), (3, 5)].map(|(tag, at)| requests.add(Purpose::Answer { tag }, second(at)));
        assert_eq!(requests.deadline(), Some(second(3)));
        assert_eq!((requests.take_late(second(2)), requests.take(b + 7)), (None, None));
        assert_eq!(requests.take_late(second(3)), Some((b, Purpose::Answer { tag: 2 })));
        assert_eq!((requests.take(b), requests.take_late(second(4))), (None, None));
        assert_eq!(requests.take(c), Some(Purpose::Answer { tag: 3 }));
        assert_eq!(requests.deadline(), Some(second(9)));
        assert_eq!(requests.take_first(), Some((a, Purpose::Answer { tag: 1 })));
        assert_eq!((requests.take_first(), requests.deadline()), (None, None));
    }
}
