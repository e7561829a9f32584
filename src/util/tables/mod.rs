//! Tables that grow and shrink in small steps: slots, short lists, a timer wheel.

pub mod lists;
pub mod shrink;
pub mod slots;
pub mod timer_wheel;
