//! When a scenario sends: slices of measured time, and due times in them.

use crate::bench::driver::clock::{self, Nanos, SECOND, span};
use crate::bench::driver::generator::Generator;
use crate::bench::error::Error;
use crate::bench::workload::room::Room;

/// Figures to be compared are measured in turn, each for about this time, so that both meet the same conditions.
const SLICE: f64 = 2.0;

/// The number of slices, and the length of each.
pub fn slices(seconds: f64) -> (u64, Nanos) {
    let slices = (seconds / SLICE).round().max(1.0);
    (slices as u64, span(seconds / slices))
}

/// Whether the first and the second slice of a pair have stalled clients. The order alternates, so that slow changes
/// cancel out.
pub fn pair_order(pair: u64) -> [bool; 2] {
    if pair.is_multiple_of(2) { [false, true] } else { [true, false] }
}

/// Due times of events that happen `rate` times per second of measured time, which may pause.
pub struct Schedule {
    rate: f64,
    next: u64,
}

impl Schedule {
    /// The first event is due at once.
    pub fn new(rate: f64) -> Self {
        Schedule { rate, next: 0 }
    }

    /// The number of the next event and its due time, if that is before `end`.
    pub fn next(&mut self, end: Nanos) -> Option<(u64, Nanos)> {
        let due = self.due();
        let number = self.next;
        (due < end).then(|| {
            self.next += 1;
            (number, due)
        })
    }

    /// The due time of the next event.
    pub fn due(&self) -> Nanos {
        (self.next as f64 * SECOND as f64 / self.rate) as Nanos
    }
}

/// Handles events until `due`; at least some of them, if that is over.
pub fn wait_until(generator: &mut Generator, due: Nanos) -> Result<(), Error> {
    loop {
        generator.turn(due)?;
        if clock::now() >= due {
            return Ok(());
        }
    }
}

/// Sends, with streams in turn, the messages due in a slice that began at `begin`; earlier slices had `measured` in
/// total.
pub fn talk_on_time(
    generator: &mut Generator,
    room: &mut Room,
    schedule: &mut Schedule,
    begin: Nanos,
    measured: Nanos,
    slice: Nanos,
) -> Result<(), Error> {
    while let Some((number, due)) = schedule.next(measured + slice) {
        let due = begin + due - measured;
        wait_until(generator, due)?;
        let stream = (number % room.said.len() as u64) as usize;
        let tag = room.next(stream, due);
        generator.say(room.talkers, generator.context.streams.talker(stream), tag);
    }
    wait_until(generator, begin + slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_continues_where_it_stopped() {
        let mut schedule = Schedule::new(0.5);
        let mut slices = Vec::new();
        for end in 1..=6 {
            slices.push(schedule.next(end * SECOND));
            assert_eq!(schedule.next(end * SECOND), None);
        }
        assert_eq!(slices, [Some((0, 0)), None, Some((1, 2 * SECOND)), None, Some((2, 4 * SECOND)), None]);
    }

    #[test]
    fn slice_order_alternates() {
        assert_eq!([0, 1, 2].map(pair_order), [[false, true], [true, false], [false, true]]);
    }
}
