//! Tests of the comparison of instruction counts.

#[path = "../instructions/counts.rs"]
mod counts;

use std::process::{Command, Stdio};

use counts::{Count, Workloads, differences, gains, growth};

fn workload(name: &str, instructions: u64, allocations: u64) -> Workloads {
    Workloads::from([(name.into(), Count { times: 1000, instructions, allocations })])
}

#[test]
fn small_changes_pass() {
    let recorded = workload("append", 1_000_000, 7);
    for instructions in [971_000, 1_000_000, 1_029_000] {
        assert_eq!(differences(&recorded, &workload("append", instructions, 7)), [""; 0]);
    }
}

#[test]
fn higher_cost_is_an_error_and_lower_cost_is_reported() {
    let recorded = workload("append", 1_000_000, 7);
    assert_eq!(
        differences(&recorded, &workload("append", 1_031_000, 7)),
        ["append: 1031.0 instructions, recorded 1000.0: +3.1 %, maximum 3 %"]
    );
    let cheaper = workload("append", 969_000, 7);
    assert_eq!(differences(&recorded, &cheaper), [""; 0]);
    assert_eq!(gains(&recorded, &cheaper), ["append: -3.1 %"]);
    assert_eq!(gains(&recorded, &workload("append", 971_000, 7)), [""; 0]);
}

#[test]
fn one_more_allocation_is_an_error() {
    let recorded = workload("append", 1_000_000, 7);
    assert_eq!(
        differences(&recorded, &workload("append", 1_000_000, 8)),
        ["append: 8 allocations in 1000 times, recorded 7"]
    );
}

#[test]
fn new_and_removed_workloads_are_reported() {
    let (append, flush) = (workload("append", 1, 0), workload("flush", 1, 0));
    assert_eq!(
        differences(&append, &flush),
        ["append: recorded, but there is no such workload", "flush: not recorded"]
    );
    let mut fewer = append.clone();
    fewer.values_mut().for_each(|count| count.times = 10);
    assert_eq!(differences(&append, &fewer), ["append: done 10 times, recorded 1000"]);
}

#[test]
fn cost_that_grows_with_the_room_is_an_error() {
    let mut counted = workload("append-1", 1_000_000, 0);
    counted.extend(workload("append-10000", 1_099_000, 0));
    assert_eq!(growth(&counted, "append-1", "append-10000"), [""; 0]);
    counted.extend(workload("append-10000", 1_101_000, 0));
    assert_eq!(growth(&counted, "append-1", "append-10000"), ["append-10000: +10.1 % against append-1, maximum 10 %"]);
    assert_eq!(growth(&counted, "append-1", "append-2"), ["append-1 or append-2: not counted"]);
}

/// Runs at the lowest priority, since other tests that measure time run at the same time.
#[test]
#[ignore = "needs valgrind"]
fn instruction_counts_match_the_recorded_ones() {
    let mut command = Command::new("nice");
    // What cargo sets for this test would make it build again what depends on it, such as ring.
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    {
        command.env_remove(name);
    }
    let output = command
        .args(["-n19", env!("CARGO"), "bench", "--quiet", "--bench", "instructions"])
        .stderr(Stdio::inherit())
        .output()
        .expect("nice");
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stdout));
}
