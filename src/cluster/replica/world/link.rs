//! The connection of one node with the simulated engine.

use std::time::Duration;

use super::super::Replica;
use super::engine::{Engine, Faults};
use crate::util::test_support::Random;

#[derive(Default)]
pub struct Link {
    connection: Option<u64>,
    /// The next entry that the engine sends.
    next: u64,
    /// How often the engine had gone back when the node connected; `None` if this process has not connected.
    restored: Option<usize>,
}

impl Link {
    /// Whether there is a connection.
    pub fn is_up(&self) -> bool {
        self.connection.is_some()
    }

    /// Another process goes on, which has not connected.
    pub fn forget_log(&mut self) {
        self.restored = None;
    }

    /// Connects to the engine, or loses the connection. Returns whether the log is read from the position of the node on, anew.
    pub fn update<O: Clone>(
        &mut self,
        replica: &mut Replica<O>,
        engine: &mut Engine,
        now: Duration,
        faults: Faults,
        random: &mut Random,
    ) -> bool {
        let reads = match self.connection {
            None => engine.is_up && random.one_in(3),
            Some(_) if !engine.is_up || random.below(1_000) < faults.drops => {
                self.drop(replica, engine, now, random);
                false
            }
            Some(_) => faults.drops > 0 && random.one_in(500),
        };
        if reads {
            self.connection.get_or_insert_with(|| engine.connect());
            replica.handle_stream(engine.stream(), now);
            self.next = replica.read_from().expect("a position");
            self.restored = Some(engine.restored);
        }
        reads
    }

    /// Ends the connection, if there is one.
    pub fn drop<O: Clone>(
        &mut self,
        replica: &mut Replica<O>,
        engine: &mut Engine,
        now: Duration,
        random: &mut Random,
    ) {
        if let Some(connection) = self.connection.take() {
            engine.drop_connection(connection, random);
            replica.handle_disconnected(now);
        }
    }

    /// Takes some entries and answers from the engine.
    pub fn receive<O: Clone>(
        &mut self,
        replica: &mut Replica<O>,
        engine: &mut Engine,
        step: usize,
        now: Duration,
        random: &mut Random,
    ) {
        let Some(connection) = self.connection.filter(|_| engine.works(step)) else { return };
        for _ in 0..random.below(9) {
            self.next = self.next.max(engine.first);
            let Some((time, bytes)) = engine.entries.get(self.next as usize - 1).filter(|_| replica.wants_entries())
            else {
                break;
            };
            replica.handle_entry(self.next, *time, bytes, now);
            self.next += 1;
        }
        engine.errors.retain(|error| {
            let is_due = error.connection == connection && error.at <= step;
            if is_due {
                replica.handle_append_error(error.incarnation, error.n, now);
            }
            !is_due
        });
    }

    /// Gives the engine the entries of the node.
    pub fn send<O: Clone>(
        &mut self,
        replica: &mut Replica<O>,
        engine: &mut Engine,
        step: usize,
        now: Duration,
        faults: Faults,
        random: &mut Random,
    ) {
        let Some(connection) = self.connection else { return };
        while let Some(append) = replica.poll_append(now) {
            engine.append(connection, append, step, faults, random);
        }
    }

    /// Whether the node has seen that its log is the one that the engine has now.
    pub fn knows_log<O>(&self, replica: &Replica<O>, engine: &Engine) -> bool {
        self.restored == Some(engine.restored) && !replica.reading.compares
    }
}
