//! A progress line on the terminal.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use super::figures::{count, milliseconds};
use crate::bench::driver::clock::{MILLISECOND, Nanos, seconds};
use crate::util::stdio::Sink;

/// Interval between updates.
const INTERVAL: Nanos = 200 * MILLISECOND;

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgressStatus {
    /// Open connections.
    pub connections: usize,
    /// Messages sent.
    pub said: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Median and 99th percentile in milliseconds.
    pub latency: Option<(f64, f64)>,
}

/// The progress line. Without a terminal on standard error it does nothing.
pub struct ProgressLine {
    sink: Option<Sink>,
    what: String,
    ends: Option<Nanos>,
    shown: Nanos,
    before: ProgressStatus,
}

impl ProgressLine {
    /// On standard error, if it is a terminal.
    pub fn new() -> Self {
        let stderr = io::stderr();
        ProgressLine { sink: stderr.is_terminal().then(|| Sink::new(stderr.as_fd())), ..Self::off() }
    }

    /// Writes nowhere.
    pub fn off() -> Self {
        ProgressLine { sink: None, what: String::new(), ends: None, shown: 0, before: ProgressStatus::default() }
    }

    /// Starts a phase; `ends` is when it is over, if known.
    pub fn begin(&mut self, what: &str, ends: Option<Nanos>) {
        self.what = what.to_owned();
        self.ends = ends;
        self.shown = 0;
    }

    /// Whether an update is due.
    pub fn is_due(&self, now: Nanos) -> bool {
        now >= self.next_due()
    }

    /// When the next update is due.
    pub fn next_due(&self) -> Nanos {
        if self.sink.is_some() { self.shown + INTERVAL } else { Nanos::MAX }
    }

    /// Writes an update.
    pub fn show(&mut self, now: Nanos, status: &ProgressStatus) {
        let Some(sink) = &mut self.sink else { return };
        let span = seconds(now.saturating_sub(self.shown)).max(0.001);
        let mut line = format!("{}: {} connections", self.what, count(status.connections as u64));
        if self.shown > 0 && status.delivered > 0 {
            let a_second = |is: u64, was: u64| count((is.saturating_sub(was) as f64 / span).round() as u64);
            line += &format!(
                ", {} messages/s, {} deliveries/s",
                a_second(status.said, self.before.said),
                a_second(status.delivered, self.before.delivered)
            );
        }
        if let Some((p50, p99)) = status.latency {
            line += &format!(", p50 {} p99 {}", milliseconds(p50), milliseconds(p99));
        }
        if let Some(left) = self.ends.and_then(|ends| ends.checked_sub(now)) {
            line += &format!(", {:.0} s left", seconds(left).ceil());
        }
        let width = rustix::termios::tcgetwinsize(rustix::stdio::stderr()).map_or(0, |size| size.ws_col);
        // Terminals that report no width usually have 80 columns.
        let width = if width == 0 { 80 } else { width };
        let line: String = line.chars().take(usize::from(width) - 1).collect();
        // An update that is not written yet is out of date.
        if !sink.has_pending() {
            sink.push(format!("\r\x1b[K{line}").as_bytes());
        }
        sink.flush();
        self.shown = now;
        self.before = *status;
    }

    /// Erases the line.
    pub fn clear(&mut self) {
        if let Some(sink) = &mut self.sink {
            sink.push(b"\r\x1b[K");
            sink.flush();
        }
    }
}

impl Default for ProgressLine {
    fn default() -> Self {
        Self::new()
    }
}
