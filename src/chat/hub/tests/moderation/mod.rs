//! Tests of bans, mutes, roles and settings, and of ways around them.

mod bans;
mod evasion;
mod masks;
mod operators;
