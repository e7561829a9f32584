//! A timer wheel: setting a deadline is O(1), and a deadline that is not due costs nothing.
//!
//! Two wheels of 256 slots, as in Varghese and Lauck, "Hashed and Hierarchical Timing Wheels"
//! (1987). A deadline fires up to one tick late and never early. Deadlines cannot be cancelled: the caller
//! checks whether an expired one is still valid.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The resolution in microseconds.
const TICK: u64 = 16_384;
const SLOTS: u64 = 256;
/// The number of words in the set of occupied slots.
const WORDS: usize = SLOTS as usize / 64;

struct Deadline<T> {
    /// Ticks after the base of the wheel. 32 bits, to save memory; enough for two years.
    tick: u32,
    item: T,
}

/// Items with deadlines.
pub struct Wheel<T> {
    /// The tick from which the ticks of deadlines are counted.
    base: u64,
    /// The items of all ticks before this one have been returned.
    now: u64,
    /// Deadlines less than 256 ticks (4.2 s) ahead, by tick.
    near: Slots<T>,
    /// Deadlines less than 256 × 256 ticks (18 min) ahead, by tick / 256; later ones wait in the last
    /// slot in range and are sorted in again from there.
    far: Slots<T>,
}

struct Slots<T> {
    slots: Vec<Vec<Deadline<T>>>,
    occupied: [u64; WORDS],
}

impl<T> Slots<T> {
    fn new() -> Self {
        Slots { slots: (0..SLOTS).map(|_| Vec::new()).collect(), occupied: [0; WORDS] }
    }

    fn push(&mut self, at: u64, deadline: Deadline<T>) {
        let slot = (at % SLOTS) as usize;
        self.slots[slot].push(deadline);
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    fn take(&mut self, at: u64) -> Vec<Deadline<T>> {
        let slot = (at % SLOTS) as usize;
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        std::mem::take(&mut self.slots[slot])
    }

    /// All deadlines in the order of positions, beginning at the slot of `from`.
    fn iter(&self, from: u64) -> impl Iterator<Item = &Deadline<T>> {
        let (before, after) = self.slots.split_at((from % SLOTS) as usize);
        after.iter().chain(before).flatten()
    }

    /// The first occupied position at or after `from`, within one round.
    fn next(&self, from: u64) -> Option<u64> {
        let (word, bit) = ((from % SLOTS) as usize / 64, from % 64);
        let start = from - bit;
        // The first word of the round is checked twice: from `bit`, and up to it.
        (0..=WORDS).find_map(|round| {
            let here = self.occupied[(word + round) % WORDS];
            let bits = match round {
                0 => here & (u64::MAX << bit),
                WORDS => here & !(u64::MAX << bit),
                _ => here,
            };
            (bits != 0).then(|| start + 64 * round as u64 + u64::from(bits.trailing_zeros()))
        })
    }
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Wheel { base: 0, now: 0, near: Slots::new(), far: Slots::new() }
    }
}

impl<T> Wheel<T> {
    /// Sets a deadline: [`Wheel::expire`] returns `item` once `at` has passed.
    pub fn set(&mut self, at: Duration, item: T) {
        let tick = (at.as_micros() as u64).div_ceil(TICK).max(self.now);
        if tick - self.base > u64::from(u32::MAX) && self.is_empty() {
            // The clock is one that began long ago.
            self.base = tick - u64::from(u32::MAX / 2);
            self.now = self.now.max(self.base);
        }
        self.put(Deadline { tick: u32::try_from(tick - self.base).unwrap_or(u32::MAX), item });
    }

    fn is_empty(&self) -> bool {
        self.near.occupied == [0; WORDS] && self.far.occupied == [0; WORDS]
    }

    fn put(&mut self, deadline: Deadline<T>) {
        let tick = self.tick_of(&deadline);
        if tick < self.now + SLOTS {
            self.near.push(tick, deadline);
        } else {
            let reach = self.now / SLOTS + SLOTS - 1;
            self.far.push((tick / SLOTS).min(reach), deadline);
        }
    }

    fn tick_of(&self, deadline: &Deadline<T>) -> u64 {
        self.base + u64::from(deadline.tick)
    }

    /// When [`Wheel::expire`] next has work, which may only be to move items between the wheels.
    pub fn next(&self) -> Option<Duration> {
        let near = self.near.next(self.now);
        // The slot of the current position was emptied when the position was reached.
        let far = self.far.next(self.now / SLOTS + 1).map(|at| at * SLOTS);
        let tick = match (near, far) {
            (Some(near), Some(far)) => near.min(far),
            (near, far) => near.or(far)?,
        };
        Some(Duration::from_micros(tick * TICK))
    }

    /// Takes all items that are due at `now`, in the order of ticks.
    pub fn expire(&mut self, now: Duration) -> Vec<T> {
        let until = now.as_micros() as u64 / TICK;
        let mut due = Vec::new();
        while let Some(next) = self.next().map(|at| at.as_micros() as u64 / TICK).filter(|&tick| tick <= until) {
            if next / SLOTS > self.now / SLOTS {
                self.now = next;
                for deadline in self.far.take(next / SLOTS) {
                    self.put(deadline);
                }
            }
            self.now = next;
            due.extend(self.near.take(next).into_iter().map(|deadline| deadline.item));
        }
        if self.now <= until {
            self.now = until;
        }
        due
    }

    /// Removes all deadlines.
    pub fn clear(&mut self) {
        (self.near, self.far) = (Slots::new(), Slots::new());
    }

    /// The number of set deadlines; visits all slots.
    pub fn pending(&self) -> usize {
        self.near.slots.iter().chain(&self.far.slots).map(Vec::len).sum()
    }
}

/// A wheel as plain data: its time and its deadlines in microseconds, which do not depend on the resolution.
#[derive(Serialize, Deserialize)]
struct WheelState<T> {
    now: u64,
    deadlines: Vec<(u64, T)>,
}

impl<T: Serialize> Serialize for Wheel<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = self.near.iter(self.now).chain(self.far.iter(self.now / SLOTS));
        let deadlines = all.map(|deadline| (self.tick_of(deadline) * TICK, &deadline.item)).collect();
        WheelState { now: self.now * TICK, deadlines }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Wheel<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WheelState { now, deadlines } = WheelState::deserialize(deserializer)?;
        let mut wheel = Wheel { base: now / TICK, now: now / TICK, ..Wheel::default() };
        deadlines.into_iter().for_each(|(at, item)| wheel.set(Duration::from_micros(at), item));
        Ok(wheel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_json::through_json;
    use crate::util::test_support::Random;

    #[test]
    fn empty_wheel_has_nothing_due() {
        let mut wheel: Wheel<()> = Wheel::default();
        assert_eq!(wheel.next(), None);
        assert!(wheel.expire(Duration::from_secs(1_000_000)).is_empty());
    }

    #[test]
    fn wheel_serves_a_clock_that_began_in_1970() {
        let mut wheel = Wheel::default();
        let now = Duration::from_secs(1_796_000_000);
        wheel.set(now + Duration::from_secs(2), 'b');
        wheel.set(now + Duration::from_secs(1), 'a');
        assert!(wheel.expire(now).is_empty());
        let mut wheel: Wheel<char> = through_json(&wheel);
        assert_eq!(wheel.expire(now + Duration::from_millis(1_100)), ['a']);
        assert_eq!(wheel.expire(now + Duration::from_millis(2_100)), ['b']);
    }

    /// Compares with a plain list; deadlines are from a tick to hours ahead.
    #[test]
    fn every_deadline_fires_once_never_early_and_at_most_a_tick_late() {
        let mut wheel = Wheel::default();
        let mut open: Vec<(Duration, u64)> = Vec::new();
        let mut random = Random(1);
        let mut now = Duration::from_secs(5);
        for item in 0..20_000 {
            let most = *random.pick(&[10_000, 1_000_000, 30_000_000, 5_000_000_000]);
            let ahead = Duration::from_micros(random.next() % most);
            wheel.set(now + ahead, item);
            open.push((now + ahead, item));
            if item % 3 == 0 {
                now += Duration::from_micros(random.next() % 2_000_000);
                for fired in wheel.expire(now) {
                    let index = open.iter().position(|&(_, item)| item == fired).expect("fired once");
                    let (at, _) = open.swap_remove(index);
                    assert!(at <= now, "{fired} fired {:?} early", at - now);
                }
                if item % 1000 == 0 {
                    wheel = through_json(&wheel);
                    assert_eq!(wheel.pending(), open.len());
                }
                let late = open.iter().find(|(at, _)| *at + Duration::from_micros(2 * TICK) < now);
                assert_eq!(late, None, "at {now:?}");
            }
        }
        while let Some(next) = wheel.next() {
            now = now.max(next);
            for fired in wheel.expire(now) {
                open.retain(|&(_, item)| item != fired);
            }
        }
        assert!(open.is_empty());
    }
}
