//! Tests of rooms without members, and of rooms that are read from outside.

mod empty;
mod previews;
mod stored;
