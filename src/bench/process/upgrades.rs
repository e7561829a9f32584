//! Upgrades of the server under test: it is asked again and again to be replaced by the program on disk.

use std::io::{self, Write};

use super::cost::Process;
use super::helper::{OutputStream, Subprocess, end_with_parent};
use crate::bench::driver::clock::{self, MILLISECOND, Nanos};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::generator::background::Background;
use crate::bench::error::Error;
use crate::bench::report::figures::{count, milliseconds};
use crate::control::Source;

/// How often the process is looked at while it is replaced.
const LOOK_INTERVAL: Nanos = 2 * MILLISECOND;

/// Has a server replaced again and again, and follows it from process to process.
pub struct Upgrades {
    pid: u32,
    every: Nanos,
    /// The time of the next request or look.
    due: Nanos,
    request: Option<Request>,
    done: u64,
    /// CPU time of the servers during all upgrades.
    cpu: Nanos,
    gaps: Gaps,
}

/// An upgrade that is under way: the process that asks for it.
struct Request {
    process: Subprocess,
    server: Process,
    /// The CPU time of the server when it was asked, and when it was last looked at.
    cpu: (Nanos, Nanos),
}

/// The longest times without a delivery.
#[derive(Default)]
struct Gaps {
    /// When a message was last delivered to any client; `None` before the first one, and where none were to be
    /// delivered.
    last: Option<Nanos>,
    /// Whether an upgrade was under way since then.
    in_upgrade: bool,
    /// The longest ones: in an upgrade, and without.
    longest: [Nanos; 2],
}

impl Gaps {
    fn record(&mut self, now: Nanos, is_under_way: bool) {
        let gap = now.saturating_sub(self.last.replace(now).unwrap_or(now));
        let longest = &mut self.longest[usize::from(!(self.in_upgrade || is_under_way))];
        *longest = gap.max(*longest);
        self.in_upgrade = is_under_way;
    }
}

impl Upgrades {
    /// Upgrades of the server that is process `pid`; `every` is the time between two of them, in nanoseconds.
    pub fn new(pid: u32, every: Nanos) -> Self {
        let due = clock::now() + every;
        Upgrades { pid, every, due, request: None, done: 0, cpu: 0, gaps: Gaps::default() }
    }

    fn ask(&self, generator: &mut Generator) -> Result<Request, Error> {
        let server = Process::new(self.pid).map_err(|error| failed(error.to_string()))?;
        let cpu = server.cpu();
        let args = ["upgrade".into(), self.pid.to_string()];
        let process = Subprocess::start(generator, "an upgrade", &args, OutputStream::Stdout)?;
        Ok(Request { process, server, cpu: (cpu, cpu) })
    }
}

impl Background for Upgrades {
    fn next_due(&self) -> Nanos {
        self.due
    }

    fn record_delivery(&mut self, now: Nanos) {
        self.gaps.record(now, self.request.is_some());
    }

    fn pause(&mut self) {
        self.gaps.last = None;
    }

    fn turn(&mut self, generator: &mut Generator, now: Nanos) -> Result<(), Error> {
        if now < self.due {
            return Ok(());
        }
        self.due = now + LOOK_INTERVAL;
        let Some(request) = &mut self.request else {
            self.request = Some(self.ask(generator)?);
            self.gaps.in_upgrade = true;
            return Ok(());
        };
        // It counts no more when the process has ended.
        request.cpu.1 = request.cpu.1.max(request.server.cpu());
        let Some(answer) = request.process.line(generator) else {
            let is_open = generator.pipes[request.process.pipe].open;
            return if is_open { Ok(()) } else { request.process.check(generator) };
        };
        generator.forget_pipe(request.process.pipe);
        self.pid = answer.parse().map_err(|_| failed(answer))?;
        self.cpu += request.cpu.1 - request.cpu.0 + Process::new(self.pid).map_or(0, |process| process.cpu());
        self.request = None;
        self.done += 1;
        self.due = now + self.every;
        Ok(())
    }

    fn note(&self) -> String {
        let Upgrades { pid, done, cpu, .. } = *self;
        let [pause, otherwise] = self.gaps.longest.map(|gap| milliseconds(gap as f64 / MILLISECOND as f64));
        let cpu = milliseconds(cpu as f64 / MILLISECOND as f64 / done.max(1) as f64);
        format!(
            "{} upgrades of the server, which is process {pid} now: {pause} without a delivery at most (at other times \
             {otherwise}), and {cpu} of CPU time each, with what was delivered meanwhile",
            count(done)
        )
    }
}

fn failed(why: String) -> Error {
    Error::Subprocess("--upgrade-every", why)
}

/// Runs the process that asks for an upgrade of the server that is process `pid`: it writes the number of the process that
/// serves then, or what has failed.
///
/// # Errors
/// If the answer cannot be written.
pub fn ask(pid: u32) -> io::Result<()> {
    end_with_parent();
    let answer = Source { pid: Some(pid), ..Source::default() }.upgrade();
    writeln!(io::stdout(), "{}", answer.map_or_else(|error| error.to_string(), |pid| pid.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_belongs_to_an_upgrade_if_one_was_under_way_in_it() {
        let mut gaps = Gaps::default();
        for (now, is_under_way) in [(500, false), (530, false), (540, true), (600, true), (620, false), (650, false)] {
            gaps.record(now, is_under_way);
        }
        assert_eq!(gaps.longest, [60, 30]);
        // It began and ended between two deliveries.
        gaps.in_upgrade = true;
        gaps.record(750, false);
        assert_eq!(gaps.longest, [100, 30]);
        gaps.last = None;
        gaps.record(2000, false);
        assert_eq!(gaps.longest, [100, 30]);
    }
}
