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
    /// Number of different orders in which readers with all messages have read them; `None` if that was not compared.
    pub orders: Option<usize>,
}

impl DeliveryCheck {
    /// From the expected deliveries, the counted ones and the lost ones.
    pub fn new(expected: u64, tally: Tally, lost: u64) -> Self {
        DeliveryCheck { expected, tally, lost, orders: None }
    }

    /// The difference to an earlier check.
    pub fn since(self, before: DeliveryCheck) -> Self {
        DeliveryCheck {
            expected: self.expected - before.expected,
            tally: self.tally - before.tally,
            lost: self.lost.saturating_sub(before.lost),
            orders: self.orders,
        }
    }

    /// Whether there was no fault.
    pub fn is_right(&self) -> bool {
        let Tally { duplicates, out_of_order, damaged, .. } = self.tally;
        self.lost + duplicates + out_of_order + damaged == 0 && !self.has_orders()
    }

    /// Whether readers got the same messages in different orders.
    fn has_orders(&self) -> bool {
        self.orders.is_some_and(|orders| orders > 1)
    }

    /// The counts as text.
    pub fn verdict(&self) -> String {
        let DeliveryCheck { expected, tally, lost, orders } = *self;
        if expected == 0 && self.is_right() {
            return "nothing".into();
        }
        let mut text = format!("{} of {}", count(tally.delivered), count(expected));
        if self.is_right() {
            if tally.delivered == expected {
                text.push_str(", each once and in order");
                text.push_str(orders.map_or("", |_| ", the same for all readers"));
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
        if let Some(orders) = orders.filter(|_| self.has_orders()) {
            let _ = write!(text, ", read in {} different orders", count(orders as u64));
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
        let compared = |orders| DeliveryCheck { orders: Some(orders), ..right };
        assert_eq!([0, 1, 2].map(|orders| compared(orders).is_right()), [true, true, false]);
        assert_eq!(compared(1).verdict(), "5 of 5, each once and in order, the same for all readers");
        assert_eq!(compared(2).verdict(), "5 of 5, read in 2 different orders");
        for tally in [
            Tally { duplicates: 1, ..right.tally },
            Tally { out_of_order: 1, ..right.tally },
            Tally { damaged: 1, ..right.tally },
        ] {
            assert!(!DeliveryCheck { tally, ..right }.is_right());
        }
    }
}
