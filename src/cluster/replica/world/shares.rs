//! Runs many worlds, each driven by a seed, in several tests, since each test is a thread.

use super::Counts;
use crate::cluster::weakness::Weakness;

/// How the worlds of one kind are run.
pub struct Worlds {
    /// Seeds of a full test run; `CHINWAG_SEEDS` is another number, or a range such as `5000..9000`.
    pub seeds: u64,
    /// Tests that share the seeds.
    pub shares: u64,
    /// The name of the tests, for the words that say how to replay a seed.
    pub name: &'static str,
    /// Runs a world; returns what has happened, or what is wrong. The last argument: it prints what happens.
    pub run: fn(u64, Option<Weakness>, bool) -> Result<Counts, String>,
}

impl Worlds {
    /// Runs the seeds of a share, or with `CHINWAG_SEED` that seed alone. Panics with a seed that is wrong. Returns how many seeds all
    /// shares have, and what has happened in this one; `None` if these are fewer than usual.
    pub fn run_share(&self, share: u64) -> Option<(u64, Counts)> {
        if let Ok(seed) = std::env::var("CHINWAG_SEED") {
            if share == 0 {
                self.run_seed(seed.parse().expect("a number in CHINWAG_SEED"), true);
            }
            return None;
        }
        let asked = std::env::var("CHINWAG_SEEDS").unwrap_or_else(|_| self.seeds.to_string());
        let (first, end) = asked.split_once("..").unwrap_or(("0", &asked));
        let number = |text: &str| text.parse::<u64>().expect("a number or a range in CHINWAG_SEEDS");
        let (first, end) = (number(first), number(end));
        let mut all = Counts::new();
        for seed in (first + share..end).step_by(self.shares as usize) {
            for (what, count) in self.run_seed(seed, false) {
                *all.entry(what).or_default() += count;
            }
        }
        eprintln!("{all:?}");
        (end - first >= self.seeds).then_some((end - first, all))
    }

    fn run_seed(&self, seed: u64, trace: bool) -> Counts {
        (self.run)(seed, None, trace).unwrap_or_else(|error| {
            let name = self.name;
            panic!("seed {seed}: {error}\nto replay it: CHINWAG_SEED={seed} cargo test --lib {name} -- --nocapture")
        })
    }

    /// The first of some seeds at which it is noticed that a rule is left out, and how.
    pub fn first_notice(&self, weakness: Weakness, seeds: u64) -> Option<(u64, String)> {
        (0..seeds).find_map(|seed| Some((seed, (self.run)(seed, Some(weakness), false).err()?)))
    }
}
