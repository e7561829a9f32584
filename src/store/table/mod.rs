//! Reads and writes the rows of the database; one file for each table.

pub(super) mod accounts;
pub(super) mod bans;
pub(super) mod checkpoint;
pub(super) mod checksum;
pub(super) mod cloak_key;
pub(super) mod cluster;
pub(super) mod column;
pub(super) mod gaps;
pub(super) mod message;
pub(super) mod removed_texts;
pub(super) mod room;
pub(super) mod state;
pub(super) mod whispers;
