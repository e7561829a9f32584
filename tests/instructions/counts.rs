//! Compares instruction counts with the recorded ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Maximum increase of a workload's instructions over the recorded count, in percent.
pub const TOLERANCE: f64 = 3.0;

/// Maximum extra cost of the larger of two workloads that should cost the same, in percent: the C library takes longer
/// to allocate memory when much is in use.
pub const MAX_GROWTH: f64 = 10.0;

/// The counts of one workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Number of repetitions.
    pub times: u64,
    /// For all repetitions together.
    pub instructions: u64,
    pub allocations: u64,
}

impl Count {
    /// Instructions per repetition.
    pub fn each(&self) -> f64 {
        self.instructions as f64 / self.times as f64
    }
}

/// Counts of all workloads by name.
pub type Workloads = BTreeMap<String, Count>;

/// Describes each difference that is too large. A lower cost is no error, since what the compiler inlines differs by up to
/// 10 % with the folder of the build.
pub fn differences(recorded: &Workloads, counted: &Workloads) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, old) in recorded {
        let Some(new) = counted.get(name) else {
            differences.push(format!("{name}: recorded, but there is no such workload"));
            continue;
        };
        if new.times != old.times {
            differences.push(format!("{name}: done {} times, recorded {}", new.times, old.times));
            continue;
        }
        let percent = percent(old, new);
        if percent > TOLERANCE {
            differences.push(format!(
                "{name}: {:.1} instructions, recorded {:.1}: {percent:+.1} %, maximum {TOLERANCE} %",
                new.each(),
                old.each()
            ));
        }
        if new.allocations != old.allocations {
            differences.push(format!(
                "{name}: {} allocations in {} times, recorded {}",
                new.allocations, new.times, old.allocations
            ));
        }
    }
    let further = counted.keys().filter(|name| !recorded.contains_key(*name));
    differences.extend(further.map(|name| format!("{name}: not recorded")));
    differences
}

/// Describes each workload whose cost fell by more than the tolerance; record it if this holds in any folder.
pub fn gains(recorded: &Workloads, counted: &Workloads) -> Vec<String> {
    let both = recorded.iter().filter_map(|(name, old)| Some((name, percent(old, counted.get(name)?))));
    both.filter(|(_, percent)| *percent < -TOLERANCE)
        .map(|(name, percent)| format!("{name}: {percent:+.1} %"))
        .collect()
}

/// Describes how much more the larger of two workloads costs, if that is too much.
pub fn growth(counted: &Workloads, small: &str, large: &str) -> Vec<String> {
    let (Some(less), Some(more)) = (counted.get(small), counted.get(large)) else {
        return vec![format!("{small} or {large}: not counted")];
    };
    let percent = percent(less, more);
    if percent <= MAX_GROWTH {
        return Vec::new();
    }
    vec![format!("{large}: {percent:+.1} % against {small}, maximum {MAX_GROWTH} %")]
}

/// Increase of instructions from the first to the second, in percent.
fn percent(old: &Count, new: &Count) -> f64 {
    (new.each() / old.each() - 1.0) * 100.0
}
