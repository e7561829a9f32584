//! What every scenario offers to the load test.

use crate::bench::driver::generator::Generator;
use crate::bench::error::Error;
use crate::bench::report::{Figures, Report};
use crate::bench::settings::CommonSettings;
use crate::bench::workload::message::DEFAULT_SIZE;

/// What a load test does. Implemented by the parameters, which are the options of a subcommand.
pub trait Scenario {
    /// Its figures.
    type Measured;

    /// Size of its messages in bytes.
    fn size(&self) -> usize {
        DEFAULT_SIZE
    }

    /// Number of rooms that each client follows.
    fn follow(&self) -> usize {
        0
    }

    /// Whether its clients may be connected to several addresses of one chat.
    fn has_many_addresses(&self) -> bool {
        true
    }

    /// Checks the parameters against fixed limits.
    ///
    /// # Errors
    /// If there would be too many bytes in flight, or too many visitors.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// The options that repeat it.
    fn options(&self) -> String;

    /// Runs the scenario, and adds its figures to the report in any case.
    ///
    /// # Errors
    /// If it could not be completed; the report has the figures measured until then.
    fn run<M: Figures + From<Self::Measured>>(
        &self,
        generator: &mut Generator,
        settings: &CommonSettings,
        report: &mut Report<M>,
    ) -> Result<(), Error>;
}
