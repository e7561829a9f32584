//! Waiting for as long as something still happens.

use super::clock;
use super::clock::{Nanos, seconds};
use crate::bench::error::Error;

/// See the module.
pub struct Timeout {
    most: Nanos,
    last: u64,
    since: Nanos,
}

impl Timeout {
    /// Ends when nothing has happened for `most`.
    pub fn new(most: Nanos) -> Self {
        Timeout { most, last: u64::MAX, since: clock::now() }
    }

    /// Whether it is at an end; `progress` is a figure that changes when something happens.
    pub fn is_over(&mut self, progress: u64) -> bool {
        let now = clock::now();
        if progress != self.last {
            self.last = progress;
            self.since = now;
        }
        now - self.since > self.most
    }

    /// # Errors
    /// If it is at an end.
    pub fn check(&mut self, progress: u64, waiting_for: impl FnOnce() -> String) -> Result<(), Error> {
        if self.is_over(progress) {
            return Err(Error::Stalled { waiting_for: waiting_for(), seconds: seconds(self.most) });
        }
        Ok(())
    }
}
