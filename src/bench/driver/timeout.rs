//! A timeout that restarts whenever there is progress.

use super::clock;
use super::clock::{Nanos, seconds};
use crate::bench::error::Error;

/// Expires when nothing has happened for a given time.
pub struct Timeout {
    most: Nanos,
    last: u64,
    since: Nanos,
}

impl Timeout {
    /// Expires after `most` without progress.
    pub fn new(most: Nanos) -> Self {
        Timeout { most, last: u64::MAX, since: clock::now() }
    }

    /// Whether it has expired; `progress` is any figure that changes when something happens.
    pub fn is_over(&mut self, progress: u64) -> bool {
        let now = clock::now();
        if progress != self.last {
            self.last = progress;
            self.since = now;
        }
        now - self.since > self.most
    }

    /// Fails if it has expired; `waiting_for` completes the message.
    ///
    /// # Errors
    /// If it has expired.
    pub fn check(&mut self, progress: u64, waiting_for: impl FnOnce() -> String) -> Result<(), Error> {
        if self.is_over(progress) {
            return Err(Error::Stalled { waiting_for: waiting_for(), seconds: seconds(self.most) });
        }
        Ok(())
    }
}
