//! The counts of instructions: that they are compared, and by which rule.

#[path = "../instructions/counts.rs"]
mod counts;

use std::process::{Command, Stdio};

use counts::{Count, Workloads, differences, gains, growth};

fn workload(name: &str, instructions: u64, allocations: u64) -> Workloads {
    Workloads::from([(name.into(), Count { times: 1000, instructions, allocations })])
}

#[test]
fn what_has_hardly_changed_passes() {
    let written = workload("append", 1_000_000, 7);
    for instructions in [971_000, 1_000_000, 1_029_000] {
        assert_eq!(differences(&written, &workload("append", instructions, 7)), [""; 0]);
    }
}

#[test]
fn what_costs_more_is_a_fault_and_what_costs_less_is_told() {
    let written = workload("append", 1_000_000, 7);
    assert_eq!(
        differences(&written, &workload("append", 1_031_000, 7)),
        ["append: 1031.0 instructions, written down are 1000.0: +3.1 %, allowed are 3 %"]
    );
    let cheaper = workload("append", 969_000, 7);
    assert_eq!(differences(&written, &cheaper), [""; 0]);
    assert_eq!(gains(&written, &cheaper), ["append: -3.1 %"]);
    assert_eq!(gains(&written, &workload("append", 971_000, 7)), [""; 0]);
}

#[test]
fn one_allocation_more_is_told() {
    let written = workload("append", 1_000_000, 7);
    assert_eq!(
        differences(&written, &workload("append", 1_000_000, 8)),
        ["append: 8 allocations in 1000 times, written down are 7"]
    );
}

#[test]
fn workloads_that_were_not_there_or_are_no_longer_are_told() {
    let (append, flush) = (workload("append", 1, 0), workload("flush", 1, 0));
    assert_eq!(
        differences(&append, &flush),
        ["append: written down, but there is no such workload", "flush: not written down"]
    );
    let mut fewer = append.clone();
    fewer.values_mut().for_each(|count| count.times = 10);
    assert_eq!(differences(&append, &fewer), ["append: done 10 times, written down are 1000"]);
}

#[test]
fn what_grows_with_the_room_is_told() {
    let mut counted = workload("append-1", 1_000_000, 0);
    counted.extend(workload("append-10000", 1_099_000, 0));
    assert_eq!(growth(&counted, "append-1", "append-10000"), [""; 0]);
    counted.extend(workload("append-10000", 1_101_000, 0));
    assert_eq!(
        growth(&counted, "append-1", "append-10000"),
        ["append-10000: +10.1 % against append-1, allowed are 10 %"]
    );
    assert_eq!(growth(&counted, "append-1", "append-2"), ["append-1 or append-2: not counted"]);
}

/// At the lowest priority, since other tests look at the clock meanwhile.
#[test]
#[ignore = "needs valgrind"]
fn what_is_done_most_costs_what_is_written_down() {
    let output = Command::new("nice")
        .args(["-n19", env!("CARGO"), "bench", "--quiet", "--bench", "instructions"])
        .stderr(Stdio::inherit())
        .output()
        .expect("nice");
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stdout));
}
