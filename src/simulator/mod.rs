//! The simulator: the whole server below its sockets, driven by a seed.
//!
//! Everything except the poll is the real code: the engine's turn with its budgets, the connections,
//! the wire, the hub. A seed makes a `plan` (options, budgets, faults), a faulty `network` with partial
//! writes and accept errors, and `people` who connect, talk, type nonsense, stall, break off and leave; some use a
//! browser's `page` or another `program`, whose JSON is turned into the lines that a person would read, some have an `irc`
//! client, and some come through a `proxy`. The `scheduler` does that in a random order, in a `world` with its own clocks. After each
//! turn all written bytes are compared with those that the `oracle` expects,
//! and the `invariants` are checked. In the `ending` all clients must catch up with no turn but those
//! that the server asks for, so that a lost edge shows as a stall; and when all have left no state
//! may remain.
//!
//! `CHINWAG_SEED=123 cargo test --lib simulator -- --nocapture` replays a seed and prints its events;
//! `CHINWAG_SEEDS=10000000 cargo test --lib simulator` runs that number of seeds instead of 10,000.

mod cluster;
pub(super) mod network;
mod oracle;
pub(super) mod people;
mod processes;
mod world;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use self::oracle::Counts;
use self::world::World;

/// Seeds of a full test run.
const SEEDS: u64 = 10_000;
/// Tests that share the seeds, since each test is a thread.
const SHARES: u64 = 4;

/// Runs one seed; returns the counts of its rare events.
fn run(seed: u64, trace: bool) -> Counts {
    let step = Rc::new(Cell::new(0));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, step.clone(), trace);
        world.run();
        world.oracle.counts
    }));
    outcome.unwrap_or_else(|panic| {
        eprintln!("seed {seed}, step {}: failed as shown above; to replay it:", step.get());
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
    eprintln!("{all:?}");
    // The limits must be reached often; counted per 10,000 seeds. Each event happens half as often again or
    // more; the 2,500 seeds of a share are few.
    if seeds >= 10_000 {
        let per = |count: usize| count as u64 * 10_000 * SHARES / seeds;
        for (least, what, counts) in [
            (400, "dropped, summed up, admitted from the queue", vec![all.dropped, all.summed, all.admitted]),
            (
                4000,
                "followed, lines of two rooms, topics, JSON, messages of the day",
                vec![all.followed, all.merged, all.topics, all.json_lines, all.motds],
            ),
            (
                200,
                "whispers to the absent, programs that know them, resumed histories",
                vec![all.told_away, all.shown_away, all.listed_away, all.resumed],
            ),
            (
                500,
                "settings, roles, deletions, histories after them",
                vec![all.settings, all.roles_given, all.deleted, all.thinned_histories],
            ),
            (
                200,
                "acts of moderators, shared addresses, restricted, kept out",
                vec![all.moderator_acts, all.shared_addresses, all.restricted, all.kept_out],
            ),
            (300, "refused messages, refused acts", vec![all.refused_speech, all.refused_acts]),
            (
                300,
                "names like those of members, unfit names, rooms like others",
                vec![all.alike_names, all.unfit_names, all.alike_rooms],
            ),
            (
                50,
                "hidden acts, invited, entered with a key, removed from a room, masks",
                vec![all.hidden_acts, all.invited, all.entered_with_key, all.removed_from_room, all.masks],
            ),
            (
                3000,
                "registered, wrong passwords, passwords after too many",
                vec![all.registered, all.wrong_passwords, all.refused_passwords],
            ),
            (
                500,
                "second sessions, switched, removed accounts, sessions that outlived another",
                vec![all.second_sessions, all.switched, all.unregistered, all.outlived],
            ),
            (250, "members of accounts, keys made at a login", vec![all.account_logins, all.late_keys]),
            (1000, "changes of the settings, persons of proxies", vec![all.configured, all.proxied]),
            (1000, "members with IRC clients, their messages in rooms", vec![all.irc_members, all.irc_messages]),
            (1000, "lines that programs have posted", vec![all.posted]),
            (3, "lines of NAMES left out", vec![all.irc_cut_names]),
            (
                150,
                "answers with a label, clients of IRC with frames, histories",
                vec![all.labels, all.irc_frames, all.irc_histories],
            ),
            (
                60,
                "told of monitored members, messages for roles, messages of several lines, metadata",
                vec![all.irc_monitored, all.irc_role_messages, all.irc_multiline, all.irc_metadata],
            ),
            (
                20,
                "messages deleted with IRC, several modes in one line",
                vec![all.irc_redactions, all.irc_joined_modes],
            ),
            (
                200,
                "changes of members that an IRC client knows from several rooms, lines for those with a capability",
                vec![all.irc_shared, all.irc_optional],
            ),
            (
                15,
                "lifted, refused topics, dropped reasons, kept rooms",
                vec![all.lifted, all.refused_topics, all.dropped_reasons, all.kept_rooms],
            ),
        ] {
            let counts: Vec<u64> = counts.into_iter().map(per).collect();
            assert!(counts.iter().all(|&count| count > least), "{what}: {counts:?}, at least {least}");
        }
    }
}

/// Seeds outside the shares that have failed in the past.
const FAILED_ONCE: [u64; 14] = [135, 271, 438, 828, 1600, 2170, 2538, 3888, 4693, 8075, 8535, 11_172, 131_505, 203_704];

#[test]
fn seeds_that_once_failed_pass() {
    if std::env::var_os("CHINWAG_SEED").is_none() {
        for seed in FAILED_ONCE {
            run(seed, false);
        }
    }
}

#[test]
fn every_reader_gets_expected_bytes_share_1() {
    run_share(0);
}

#[test]
fn every_reader_gets_expected_bytes_share_2() {
    run_share(1);
}

#[test]
fn every_reader_gets_expected_bytes_share_3() {
    run_share(2);
}

#[test]
fn every_reader_gets_expected_bytes_share_4() {
    run_share(3);
}
