//! Random numbers.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random number, which others cannot guess.
pub fn random() -> u64 {
    // `RandomState` takes its keys from the system's random numbers.
    RandomState::new().build_hasher().finish()
}
