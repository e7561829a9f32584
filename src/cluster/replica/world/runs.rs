//! Runs worlds: as the protocol is, and with each of its rules left out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::shares::Worlds;
use super::{Counts, World};
use crate::cluster::weakness::Weakness;

/// Seeds of a full test run.
const SEEDS: u64 = 2_000;
/// Tests that share the seeds, since each test is a thread.
const SHARES: u64 = 2;
/// Seeds in which a rule that is left out must be noticed.
const SEEDS_OF_WEAKNESS: u64 = 2_000;

/// What must happen often: at least a hundred times in [`SEEDS`] worlds. Each happens half as often again or more.
const RARE: [&str; 13] = [
    "begins without the state",
    "crashes",
    "deaths of running nodes",
    "gaps",
    "geneses",
    "handovers",
    "lines",
    "lines not said",
    "lines of unknown fate",
    "lost names",
    "lost touch",
    "planned ends",
    "restored engines",
];

/// Runs a world; returns what has happened, or what is wrong.
fn run(seed: u64, weakness: Option<Weakness>, trace: bool) -> Result<Counts, String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, weakness, trace);
        world.run();
        match world.errors.is_empty() {
            true => Ok(world.counts),
            false => Err(format!("step {}: {}", world.step, world.errors[0])),
        }
    }));
    outcome.unwrap_or_else(|_| Err("it panics".into()))
}

const WORLDS: Worlds = Worlds { seeds: SEEDS, shares: SHARES, name: "cluster::replica::world", run };

fn run_share(share: u64) {
    let Some((seeds, all)) = WORLDS.run_share(share) else { return };
    for what in RARE {
        let times = all.get(what).map_or(0, |&count| count as u64 * SEEDS * SHARES / seeds);
        assert!(times >= 100, "{what}: {times} times in {SEEDS} worlds");
    }
}

#[test]
fn all_nodes_agree_and_nothing_is_lost_share_1() {
    run_share(0);
}

#[test]
fn all_nodes_agree_and_nothing_is_lost_share_2() {
    run_share(1);
}

#[test]
fn each_rule_that_is_left_out_is_noticed() {
    for &weakness in Weakness::PROTOCOL {
        let found = WORLDS.first_notice(weakness, SEEDS_OF_WEAKNESS);
        let (seed, error) = found.unwrap_or_else(|| panic!("{weakness:?} is not noticed"));
        eprintln!("{weakness:?}: seed {seed}, {error:.100}");
    }
}
