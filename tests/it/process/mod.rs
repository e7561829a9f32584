//! The process: its start and end, signals, the log, the terminal.

pub(crate) mod attacks;
pub(crate) mod config;
pub(crate) mod descriptors;
pub(crate) mod foreign;
pub(crate) mod hangup;
pub(crate) mod hasher;
pub(crate) mod log;
pub(crate) mod proxies;
pub(crate) mod reload;
pub(crate) mod shared_ports;
pub(crate) mod signals;
pub(crate) mod start_and_end;
pub(crate) mod summary;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod unix;
