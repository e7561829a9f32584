//! Ranges of message ids of which this server does not have the messages, though there were some.

use serde::{Deserialize, Serialize};

/// Ranges that are noted apart from each other. If there are more, the two oldest ones are noted as one.
const MAX_GAPS: usize = 256;

/// The ids from `from` on and below `to`: messages with these ids may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: u64,
    pub to: u64,
}

impl Gap {
    /// The smallest range that contains both.
    pub fn with(self, other: Gap) -> Gap {
        Gap { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

/// Ranges of ids in ascending order, none of which touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Gap>", into = "Vec<Gap>")]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    /// Whether no message is missing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a range; one without ids changes nothing.
    pub fn add(&mut self, gap: Gap) {
        if gap.from >= gap.to {
            return;
        }
        let begin = self.0.partition_point(|other| other.to < gap.from);
        let end = self.0.partition_point(|other| other.from <= gap.to);
        let merged = self.0[begin..end].iter().fold(gap, |merged, other| merged.with(*other));
        self.0.splice(begin..end, [merged]);
        if self.0.len() > MAX_GAPS {
            let oldest = self.0[0].with(self.0[1]);
            self.0.splice(..2, [oldest]);
        }
    }

    /// Whether messages from one id on and below another may be missing.
    pub fn touch(&self, from: u64, to: u64) -> bool {
        let first = self.0.partition_point(|gap| gap.to <= from);
        from < to && self.0.get(first).is_some_and(|gap| gap.from < to)
    }

    /// The greatest id of a message that may be missing.
    pub fn newest(&self) -> Option<u64> {
        self.0.last().map(|gap| gap.to - 1)
    }

    /// The ranges in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Gap> {
        self.0.iter().copied()
    }
}

impl From<Vec<Gap>> for Gaps {
    fn from(ranges: Vec<Gap>) -> Gaps {
        let mut gaps = Gaps::default();
        ranges.into_iter().for_each(|gap| gaps.add(gap));
        gaps
    }
}

impl From<Gaps> for Vec<Gap> {
    fn from(gaps: Gaps) -> Vec<Gap> {
        gaps.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_json::through_json;
    use crate::util::test_support::Random;

    fn gaps(ranges: &[(u64, u64)]) -> Gaps {
        ranges.iter().map(|&(from, to)| Gap { from, to }).collect::<Vec<_>>().into()
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(gaps(&[(5, 7), (1, 2), (9, 9), (9, 8)]), Gaps(vec![Gap { from: 1, to: 2 }, Gap { from: 5, to: 7 }]));
        assert_eq!(gaps(&[(5, 7), (1, 3), (3, 5)]), gaps(&[(1, 7)]));
        assert_eq!(gaps(&[(1, 9), (2, 3)]), gaps(&[(1, 9)]));
        assert_eq!(through_json(&gaps(&[(1, 3), (5, 7)])), gaps(&[(1, 3), (5, 7)]));
    }

    #[test]
    fn every_missing_id_and_no_other_is_found() {
        for seed in 0..200 {
            let (mut random, mut missing, mut gaps) = (Random(seed), [false; 50], Gaps::default());
            for _ in 0..8 {
                let from = random.below(40);
                let to = from + random.below(9);
                missing[from..to].fill(true);
                gaps.add(Gap { from: from as u64, to: to as u64 });
            }
            for from in 0..50 {
                for to in from..50 {
                    let is_missing = missing[from..to].contains(&true);
                    assert_eq!(gaps.touch(from as u64, to as u64), is_missing, "seed {seed}: {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn number_of_ranges_is_bounded_and_no_missing_id_is_forgotten() {
        let mut gaps = Gaps::default();
        (1..=1000).for_each(|n| gaps.add(Gap { from: 10 * n, to: 10 * n + 1 }));
        assert_eq!(gaps.iter().count(), MAX_GAPS);
        assert!((1..=1000).all(|n| gaps.touch(10 * n, 10 * n + 1)));
        assert!(!gaps.touch(9_991, 10_000));
    }
}
