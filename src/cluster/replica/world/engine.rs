//! A simulated engine: it loses, delays and doubles what is sent to it, is away, forgets its beginning or its end.

use std::time::Duration;

use super::super::Append;
use super::super::reading::Stream;
use crate::chat::Incarnation;
use crate::util::test_support::Random;

/// How badly the engine and its network behave; chances are in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub loses: usize,
    pub doubles: usize,
    pub drops: usize,
    /// Steps from a send to the log at most.
    pub delay: usize,
}

impl Faults {
    /// Some of many kinds.
    pub fn any(random: &mut Random) -> Faults {
        Faults {
            loses: *random.pick(&[0, 0, 20, 100]),
            doubles: *random.pick(&[0, 20, 100]),
            drops: *random.pick(&[0, 2, 10, 30]),
            delay: *random.pick(&[1, 3, 20]),
        }
    }
}

/// An entry on its way to the log.
struct Flight {
    connection: u64,
    at: usize,
    bytes: Vec<u8>,
    /// What one connection sends arrives in its order, except for copies.
    ordered: bool,
}

/// An answer that says that an entry was not stored.
pub struct AppendError {
    pub connection: u64,
    pub at: usize,
    pub incarnation: Incarnation,
    pub n: u64,
}

#[derive(Default)]
pub struct Engine {
    /// The entry at position `n` is at index `n - 1`.
    pub entries: Vec<(Duration, Box<[u8]>)>,
    /// The first position that it has not forgotten.
    pub first: u64,
    pub is_up: bool,
    /// It takes connections and does nothing until this step.
    pub stalled_until: usize,
    /// How often it has gone back to an older state.
    pub restored: usize,
    pub errors: Vec<AppendError>,
    flight: Vec<Flight>,
    connections: u64,
}

impl Engine {
    pub fn new() -> Engine {
        Engine { first: 1, is_up: true, ..Engine::default() }
    }

    pub fn connect(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }

    pub fn last(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn stream(&self) -> Stream {
        Stream { first: self.first, last: self.last() }
    }

    pub fn works(&self, step: usize) -> bool {
        self.is_up && step >= self.stalled_until
    }

    /// Takes an entry from a node.
    pub fn append(&mut self, connection: u64, append: Append, step: usize, faults: Faults, random: &mut Random) {
        let Append { incarnation, n, entry } = append;
        let mut at = || step + 1 + random.below(faults.delay.max(1));
        let (first, second) = (at(), at() + 10);
        if random.below(1_000) < faults.loses {
            if random.one_in(2) {
                self.errors.push(AppendError { connection, at: first, incarnation, n });
            }
            return;
        }
        if random.below(1_000) < faults.doubles {
            self.flight.push(Flight { connection, at: second, bytes: entry.clone().into(), ordered: false });
        }
        self.flight.push(Flight { connection, at: first, bytes: entry.into(), ordered: true });
    }

    /// Ends a connection: what it has sent is lost, or comes later.
    pub fn drop_connection(&mut self, connection: u64, random: &mut Random) {
        self.errors.retain(|error| error.connection != connection);
        self.flight.retain_mut(|flight| {
            let is_kept = flight.connection != connection || random.one_in(2);
            if flight.connection == connection {
                flight.at += random.below(40);
            }
            is_kept
        });
    }

    /// Puts into the log what has arrived.
    pub fn tick(&mut self, step: usize, random: &mut Random) {
        if !self.works(step) {
            return;
        }
        let mut blocked = Vec::new();
        let mut rest = Vec::new();
        for flight in std::mem::take(&mut self.flight) {
            if flight.at <= step && !(flight.ordered && blocked.contains(&flight.connection)) {
                self.store(flight.bytes, step, random);
            } else {
                if flight.ordered {
                    blocked.push(flight.connection);
                }
                rest.push(flight);
            }
        }
        self.flight = rest;
    }

    /// Puts bytes into the log. The clock of the engine is not always right.
    pub fn store(&mut self, bytes: Vec<u8>, step: usize, random: &mut Random) {
        let millis = 1_800_000_000_000 + step as u64 * 100 - random.below(500) as u64;
        self.entries.push((Duration::from_millis(millis), bytes.into()));
    }

    /// Forgets the beginning, but for some entries.
    pub fn trim(&mut self, kept: usize) {
        self.first = self.first.max((self.last() + 1).saturating_sub(kept as u64));
    }

    /// Goes back to an older state.
    pub fn restore(&mut self, lost: usize) {
        self.entries.truncate(self.entries.len().saturating_sub(lost));
        self.first = self.first.min(self.last() + 1);
        self.restored += 1;
    }
}
