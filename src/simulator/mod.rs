//! The simulator: the whole server below its sockets, driven by a seed.
//!
//! Everything but the poll is the real thing: the engine's turn with its budgets, the connections,
//! the wire, the hub. A seed makes a `plan` (options, budgets, faults), a `network` that writes and
//! accepts badly, and `person`s who connect, talk, type nonsense, stall, break off and leave. The
//! `scheduler` lets that happen in a random order, in a `world` with clocks of its own. After each
//! turn everything that has been written is compared, byte by byte, with what the `oracle` says is
//! owed, and the `invariants` are looked at. In the `ending` all must settle with no turn but those
//! that the server asks for, so that a lost edge shows as a stall; and when all have gone nothing
//! may be left.
//!
//! `CHINWAG_SEED=123 cargo test --lib simulator -- --nocapture` replays a seed and tells what happens;
//! `CHINWAG_SEEDS=10000000 cargo test --lib simulator` runs so many instead of 100,000.

mod ending;
mod invariants;
pub(super) mod network;
mod oracle;
mod page;
mod person;
mod plan;
mod scheduler;
mod world;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use self::oracle::Counts;
use self::world::World;

/// Seeds that a run of all tests goes through.
const SEEDS: u64 = 100_000;
/// Tests that share them, since each is a thread.
const SHARES: u64 = 4;

/// Runs one seed; returns how often what is rare has happened in it.
fn run(seed: u64, trace: bool) -> Counts {
    let step = Rc::new(Cell::new(0));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, step.clone(), trace);
        world.run();
        world.oracle.counts
    }));
    outcome.unwrap_or_else(|panic| {
        eprintln!("seed {seed}, step {}: it failed as told above; to replay it:", step.get());
        eprintln!("  CHINWAG_SEED={seed} cargo test --lib simulator -- --nocapture");
        resume_unwind(panic)
    })
}

fn run_share(share: u64) {
    if let Ok(seed) = std::env::var("CHINWAG_SEED") {
        if share == 0 {
            run(seed.parse().expect("a number in CHINWAG_SEED"), true);
        }
        return;
    }
    let seeds = std::env::var("CHINWAG_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number in CHINWAG_SEEDS"));
    let mut all = Counts::default();
    for seed in (share..seeds).step_by(SHARES as usize) {
        all += run(seed, false);
    }
    // Or the bounds would hardly be tried; of 10,000 seeds.
    if seeds >= 10_000 {
        let per = |count: usize| count as u64 * 10_000 * SHARES / seeds;
        let rare = [all.dropped, all.summed, all.admitted].map(per);
        // What is rarest happens 1,100 to 1,400 times, and the 2,500 seeds of the smallest share are few.
        assert!(rare.iter().all(|&count| count > 500), "dropped, summed up, admitted from the line: {rare:?}");
    }
}

/// Seeds beyond those of the shares that have failed once.
const FAILED_ONCE: [u64; 2] = [131_505, 203_704];

#[test]
fn seeds_that_failed_once_pass() {
    if std::env::var_os("CHINWAG_SEED").is_none() {
        for seed in FAILED_ONCE {
            run(seed, false);
        }
    }
}

#[test]
fn everybody_is_sent_what_they_are_owed_share_1() {
    run_share(0);
}

#[test]
fn everybody_is_sent_what_they_are_owed_share_2() {
    run_share(1);
}

#[test]
fn everybody_is_sent_what_they_are_owed_share_3() {
    run_share(2);
}

#[test]
fn everybody_is_sent_what_they_are_owed_share_4() {
    run_share(3);
}
