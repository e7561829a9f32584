//! The deadlines of connections.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::util::tables::shrink;
use crate::util::tables::timer_wheel::Wheel;

/// How long a client that has been sent everything may take to close its side; on a WebSocket, with its close frame.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The purpose of a connection's deadline.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {
    /// Reading resumes.
    Resume,
    /// Input without a line end may count as a line.
    EndLine,
    /// The closing connection may have stopped reading, or not have closed its side.
    Farewell,
    /// Its request may be late, or its answer unread.
    Exchange,
    /// It may have been silent for too long and need a ping.
    Ping,
    /// Its handshake may be late.
    Opening,
}

/// A deadline of the connection in `slot`, valid only for this serial number.
#[derive(Serialize, Deserialize)]
pub struct Deadline {
    pub slot: u32,
    pub serial: u32,
    pub timer: Timer,
}

/// The deadlines of all connections.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionTimers {
    wheel: Wheel<Deadline>,
    /// Deadlines that have passed and have not been handled.
    expired: VecDeque<Deadline>,
}

impl ConnectionTimers {
    /// Sets a deadline, which cannot be cancelled.
    pub fn set(&mut self, at: Duration, deadline: Deadline) {
        self.wheel.set(at, deadline);
    }

    /// Collects the deadlines that have passed.
    pub fn expire(&mut self, now: Duration) {
        self.expired.extend(self.wheel.expire(now));
        shrink::queue(&mut self.expired);
    }

    /// Takes the next deadline that has passed.
    pub fn pop(&mut self) -> Option<Deadline> {
        self.expired.pop_front()
    }

    /// Whether a deadline has passed and has not been handled.
    pub fn has_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// The time of the next call of [`ConnectionTimers::expire`].
    pub fn next(&self) -> Option<Duration> {
        self.wheel.next()
    }

    /// The number of deadlines that have not passed, also of closed connections.
    pub fn pending(&self) -> usize {
        self.wheel.pending()
    }
}
