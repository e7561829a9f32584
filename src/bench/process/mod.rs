//! The processes of a load test, and the cost of each.

mod certificate_folder;
pub mod cores;
pub mod cost;
pub mod helper;
pub(super) mod pipe;
pub mod target;
pub mod upgrades;
