//! What members type and read.

pub(crate) mod chinese;
pub(crate) mod entering;
pub(crate) mod ignoring;
pub(crate) mod leaving;
pub(crate) mod limits;
pub(crate) mod operating;
pub(crate) mod p2p;
pub(crate) mod pace;
pub(crate) mod rooms;
pub(crate) mod talking;
pub(crate) mod telnet;
pub(crate) mod waiting;
