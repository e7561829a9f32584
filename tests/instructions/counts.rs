//! Counts, and how new ones are compared with those that are written down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// By how many percent the instructions of a workload may exceed what is written down.
pub const TOLERANCE: f64 = 3.0;

/// By how many percent the larger of two workloads that should cost the same may cost more: the C library takes
/// longer to find memory where much of it is in use.
pub const MOST_GROWTH: f64 = 10.0;

/// What one workload took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// How many times the thing was done.
    pub times: u64,
    /// For all those times together.
    pub instructions: u64,
    pub allocations: u64,
}

impl Count {
    /// The instructions for doing it once.
    pub fn each(&self) -> f64 {
        self.instructions as f64 / self.times as f64
    }
}

/// Counts of all workloads by name.
pub type Workloads = BTreeMap<String, Count>;

/// Each difference that is too large, in words; not a gain, since what the compiler takes into a loop differs by up to
/// a tenth from folder to folder in which it is built.
pub fn differences(written: &Workloads, counted: &Workloads) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, old) in written {
        let Some(new) = counted.get(name) else {
            differences.push(format!("{name}: written down, but there is no such workload"));
            continue;
        };
        if new.times != old.times {
            differences.push(format!("{name}: done {} times, written down are {}", new.times, old.times));
            continue;
        }
        let percent = percent(old, new);
        if percent > TOLERANCE {
            differences.push(format!(
                "{name}: {:.1} instructions, written down are {:.1}: {percent:+.1} %, allowed are {TOLERANCE} %",
                new.each(),
                old.each()
            ));
        }
        if new.allocations != old.allocations {
            differences.push(format!(
                "{name}: {} allocations in {} times, written down are {}",
                new.allocations, new.times, old.allocations
            ));
        }
    }
    let further = counted.keys().filter(|name| !written.contains_key(*name));
    differences.extend(further.map(|name| format!("{name}: not written down")));
    differences
}

/// What has become cheaper by more than that, in words: if it is so in any folder, it is to be written down.
pub fn gains(written: &Workloads, counted: &Workloads) -> Vec<String> {
    let both = written.iter().filter_map(|(name, old)| Some((name, percent(old, counted.get(name)?))));
    both.filter(|(_, percent)| *percent < -TOLERANCE)
        .map(|(name, percent)| format!("{name}: {percent:+.1} %"))
        .collect()
}

/// What is to cost the same whatever the size, and does not: by how much the larger costs more.
pub fn growth(counted: &Workloads, small: &str, large: &str) -> Vec<String> {
    let (Some(less), Some(more)) = (counted.get(small), counted.get(large)) else {
        return vec![format!("{small} or {large}: not counted")];
    };
    let percent = percent(less, more);
    if percent <= MOST_GROWTH {
        return Vec::new();
    }
    vec![format!("{large}: {percent:+.1} % against {small}, allowed are {MOST_GROWTH} %")]
}

/// By how many percent the second takes more instructions than the first.
fn percent(old: &Count, new: &Count) -> f64 {
    (new.each() / old.each() - 1.0) * 100.0
}
