//! Values of the options of scenarios.

use clap::builder::RangedU64ValueParser;
use rustix::process::{Resource, getrlimit};

use crate::bench::process::target::SPARE;
use crate::bench::workload::message::MIN_SIZE;
use crate::bench::workload::readers::RESERVE;
use crate::bench::workload::streams::MAX_FOLLOW;
use crate::util::fd_limit;

/// The default number of clients: `wanted`, or what the hard limit of open files allows a server and a load test.
pub fn default_clients(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(1 << 30);
    let most = fd_limit::connection_limits(limit, None, 0).max_clients.min((limit as usize).saturating_sub(RESERVE));
    wanted.min(most.saturating_sub(SPARE)).max(1)
}

/// A number from 1 to `max`.
pub fn count(max: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=max)
}

/// A number of clients: there are few more names than that, and on most machines fewer sockets.
pub fn clients() -> RangedU64ValueParser<usize> {
    count(1_000_000)
}

/// A number of rooms that each client follows.
pub fn follow() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(0..=MAX_FOLLOW as u64)
}

/// The option that repeats a number of followed rooms; empty without any.
pub fn follow_option(follow: usize) -> String {
    if follow > 0 { format!(" --follow {follow}") } else { String::new() }
}

/// The size of a message in bytes.
pub fn size() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(MIN_SIZE as u64..=1_048_576)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from {least} to {most} is allowed")),
    }
}

/// A time in seconds.
pub fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.1, 86_400.0)
}

/// A number per second.
pub fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.1, 1_000_000.0)
}
