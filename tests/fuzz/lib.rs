//! The properties of the integration tests, for the targets.

#[path = "../it/fuzz/properties/mod.rs"]
pub mod properties;
