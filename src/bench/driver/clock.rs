//! The clock of the load test, shared by all processes of the machine.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of CLOCK_MONOTONIC (clock_gettime(2)), or between two readings of it.
pub type Nanos = u64;

/// A second.
pub const SECOND: Nanos = 1_000_000_000;

/// A millisecond.
pub const MILLISECOND: Nanos = 1_000_000;

/// The current time.
pub fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

/// Converts from seconds.
pub fn span(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}

/// Converts to seconds.
pub fn seconds(span: Nanos) -> f64 {
    span as f64 / SECOND as f64
}
