//! Tasks that run beside a scenario.

use super::Generator;
use crate::bench::driver::clock::Nanos;
use crate::bench::error::Error;

/// A task beside a scenario, such as upgrades of the server.
pub trait Background {
    /// When [`Background::turn`] has something to do.
    fn next_due(&self) -> Nanos;

    /// Does what is due.
    ///
    /// # Errors
    /// If the load test must end.
    fn turn(&mut self, generator: &mut Generator, now: Nanos) -> Result<(), Error>;

    /// Records that messages were delivered.
    fn record_delivery(&mut self, now: Nanos);

    /// Messages are sent from now on, or no longer. A time in which none are sent does not count as a pause of the server.
    fn pause(&mut self);

    /// What the report says of it.
    fn note(&self) -> String;
}
