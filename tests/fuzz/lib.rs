//! The properties of the integration tests, as a library for the fuzzing targets.

#[path = "../it/fuzz/properties/mod.rs"]
pub mod properties;
