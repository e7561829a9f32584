//! The processes of a load test, and what each costs.

pub mod cores;
pub mod cost;
pub mod helper;
pub(super) mod pipe;
pub mod target;
