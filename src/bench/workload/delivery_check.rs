//! Checks deliveries against what was expected.

use std::fmt::Write;

use serde::Serialize;

use super::checker::Tally;
use crate::bench::report::figures::count;

/// Whether every expected message arrived once, in order and intact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryCheck {
    /// Deliveries expected.
    pub expected: u64,
    /// Deliveries counted, and their faults.
    #[serde(flatten)]
    pub tally: Tally,
    /// Deliveries that never came.
    pub lost: u64,
}

impl DeliveryCheck {
    /// From the expected deliveries, the counted ones and the lost ones.
    pub fn new(expected: u64, tally: Tally, lost: u64) -> Self {
        DeliveryCheck { expected, tally, lost }
    }

    /// The difference to an earlier check.
    pub fn since(self, before: DeliveryCheck) -> Self {
        DeliveryCheck {
            expected: self.expected - before.expected,
            tally: self.tally - before.tally,
            lost: self.lost.saturating_sub(before.lost),
        }
    }

    /// Whether there was no fault.
    pub fn is_right(&self) -> bool {
        let Tally { duplicates, out_of_order, damaged, .. } = self.tally;
        self.lost + duplicates + out_of_order + damaged == 0
    }

    /// The counts as text.
    pub fn verdict(&self) -> String {
        let DeliveryCheck { expected, tally, lost } = *self;
        if expected == 0 && self.is_right() {
            return "nothing".into();
        }
        let mut text = format!("{} of {}", count(tally.delivered), count(expected));
        if self.is_right() {
            if tally.delivered == expected {
                text.push_str(", each once and in order");
            }
            return text;
        }
        let Tally { duplicates, out_of_order, damaged, .. } = tally;
        for (number, what) in
            [(lost, "lost"), (duplicates, "duplicated"), (out_of_order, "out of order"), (damaged, "damaged")]
        {
            if number > 0 {
                let _ = write!(text, ", {} {what}", count(number));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_fails_the_check() {
        let right = DeliveryCheck::new(5, Tally { delivered: 5, echoed: 3, ..Tally::default() }, 0);
        assert!(right.is_right());
        assert!(!DeliveryCheck { lost: 1, ..right }.is_right());
        for tally in [
            Tally { duplicates: 1, ..right.tally },
            Tally { out_of_order: 1, ..right.tally },
            Tally { damaged: 1, ..right.tally },
        ] {
            assert!(!DeliveryCheck { tally, ..right }.is_right());
        }
    }
}
