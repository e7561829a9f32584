//! Readers of a room: here, and in helper processes where one process may not have so many files open.

use std::io::{self, Write};
use std::process::ChildStdin;
use std::sync::Arc;

use mio::unix::pipe::Receiver;
use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use super::checker::Tally;
use super::transcript::Transcript;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{MILLISECOND, Nanos, SECOND};
use crate::bench::driver::common::Common;
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Door, Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::process::helper::{Part, Speaks, end_with_parent};
use crate::bench::report::progress::Live;
use crate::util::fd_limit;

/// Descriptors of a process of ours that are not for connections.
const RESERVE: usize = 64;

/// How often a helper tells how far it is.
const STATUS: Nanos = 20 * MILLISECOND;

/// What a helper is to do.
#[derive(Serialize, Deserialize)]
struct Task {
    door: Door,
    count: usize,
    at_once: usize,
    run: u16,
    size: usize,
    streams: usize,
    first_name: u32,
}

/// What a helper tells.
#[derive(Serialize, Deserialize)]
enum Told {
    Status { logged_in: usize, ready: usize, delivered: u64 },
    Report(Report),
    Failed(String),
}

/// What a helper is asked, once it has got its task: how many messages there were of each stream.
#[derive(Serialize, Deserialize)]
struct Asked {
    said: Vec<u32>,
}

/// What readers have had in all.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// What was delivered.
    pub tally: Tally,
    /// What was said and not delivered.
    pub missing: u64,
    latency: Vec<(u64, u64)>,
    logins: Vec<(u64, u64)>,
}

struct Helper {
    part: Part,
    stdin: ChildStdin,
    count: usize,
    logged_in: usize,
    ready: usize,
    delivered: u64,
    report: Option<Report>,
}

/// See the module.
pub struct Crowd {
    /// The group of those in this process.
    pub group: usize,
    helpers: Vec<Helper>,
    count: usize,
}

/// How many connections a process may have that opens no other files.
pub fn capacity() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(1 << 30) as usize;
    limit.saturating_sub(RESERVE).max(1)
}

impl Crowd {
    /// Readers to be: `count` of them, at most `here` in this process. They come in by [`Crowd::enter`].
    ///
    /// # Errors
    /// If a helper cannot be started.
    pub fn gather(
        generator: &mut Generator,
        door: Door,
        count: usize,
        here: usize,
        plan: Plan,
    ) -> Result<Crowd, Error> {
        let first_name = generator.names(count as u32);
        let mut group = Group::new(door, Role::Talker, first_name, plan.streams, plan.span);
        group.transcript = Some(Transcript::default());
        let group = generator.add_group(group);
        let mut crowd = Crowd { group, helpers: Vec::new(), count };
        let mut left = count - count.min(here);
        while left > 0 {
            let part = Part::start(generator, "a helper", &["readers".into()], Speaks::Stdout)?;
            let count = left.min(capacity());
            left -= count;
            crowd.helpers.push(Helper::start(generator, part, door, count, plan)?);
        }
        Ok(crowd)
    }

    /// Waits until all are in.
    ///
    /// # Errors
    /// If one cannot get in, or nothing happens for too long.
    pub fn enter(&mut self, generator: &mut Generator, plan: Plan) -> Result<(), Error> {
        self.enter_up_to(generator, plan, self.count)
    }

    /// As [`Crowd::enter`], but of those in this process only so many that there are `count` in all.
    ///
    /// # Errors
    /// As [`Crowd::enter`].
    pub fn enter_up_to(&mut self, generator: &mut Generator, plan: Plan, count: usize) -> Result<(), Error> {
        let here = count - (self.count - self.here());
        let mut timeout = Timeout::new(plan.timeout);
        loop {
            self.refresh(generator)?;
            let logged_in = self.logged_in(generator);
            if logged_in >= count {
                return Ok(());
            }
            let waiting_for = || format!("newcomers to be let in: {logged_in} of {} are", self.count);
            timeout.check(logged_in as u64, waiting_for)?;
            generator.admit(self.group, here, plan.at_once)?;
            generator.turn(clock::now() + 50 * MILLISECOND)?;
        }
    }

    /// How many are in this process.
    pub fn here(&self) -> usize {
        self.count - self.helpers.iter().map(|helper| helper.count).sum::<usize>()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many processes read.
    pub fn processes(&self) -> usize {
        1 + self.helpers.len()
    }

    /// How many have got in.
    pub fn logged_in(&self, generator: &Generator) -> usize {
        generator.groups[self.group].logged_in + self.helpers.iter().map(|helper| helper.logged_in).sum::<usize>()
    }

    /// How many have read a probe.
    pub fn ready(&self, generator: &Generator) -> usize {
        generator.groups[self.group].ready + self.helpers.iter().map(|helper| helper.ready).sum::<usize>()
    }

    /// Messages delivered so far, as far as is known.
    pub fn delivered(&self, generator: &Generator) -> u64 {
        generator.groups[self.group].room.tally.delivered + self.helpers.iter().map(|one| one.delivered).sum::<u64>()
    }

    /// CPU time of the helpers.
    pub fn helpers_cpu(&self) -> Nanos {
        self.helpers.iter().filter_map(|helper| Process::new(helper.part.pid()).ok()).map(|process| process.cpu()).sum()
    }

    /// Takes in what helpers have told.
    ///
    /// # Errors
    /// If one has failed.
    pub fn refresh(&mut self, generator: &mut Generator) -> Result<(), Error> {
        self.helpers.iter_mut().try_for_each(|helper| helper.refresh(generator))
    }

    /// What all of them have had, if so many messages of each stream were said.
    ///
    /// # Errors
    /// If a helper does not answer.
    pub fn report(&mut self, generator: &mut Generator, said: &[u32], timeout: Nanos) -> Result<Report, Error> {
        let group = &generator.groups[self.group];
        let mut sum = Report { tally: group.room.tally, missing: group.room.missing(said), ..Report::default() };
        for helper in &mut self.helpers {
            let asked = Asked { said: said.to_vec() };
            helper.stdin.write_all(&json_line(&asked)).map_err(|error| Error::Part("a helper", error.to_string()))?;
            let mut timeout = Timeout::new(timeout);
            let report = loop {
                if let Some(report) = helper.report.take() {
                    break report;
                }
                timeout.check(0, || "the report of a helper".into())?;
                match generator.turn(clock::now() + 50 * MILLISECOND) {
                    // What has been measured is to be told all the same.
                    Ok(()) | Err(Error::Interrupted(_) | Error::Closed { .. }) => {}
                    Err(error) => return Err(error),
                }
                helper.refresh(generator)?;
            };
            sum.tally += report.tally;
            sum.missing += report.missing;
            let group = &mut generator.groups[self.group];
            group.latency.merge(&report.latency);
            group.logins.merge(&report.logins);
        }
        Ok(sum)
    }
}

/// How readers come in and what they are to expect.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many senders there are.
    pub streams: usize,
    /// How many are on their way in at once.
    pub at_once: usize,
    /// How long is measured.
    pub span: Nanos,
    /// How long nothing may happen.
    pub timeout: Nanos,
}

impl Helper {
    fn start(generator: &mut Generator, mut part: Part, door: Door, count: usize, plan: Plan) -> Result<Self, Error> {
        let task = Task {
            door,
            count,
            at_once: plan.at_once,
            run: generator.common.run,
            size: generator.common.format.size(),
            streams: plan.streams,
            first_name: generator.names(count as u32),
        };
        let mut stdin = part.child.stdin.take().expect("it is a pipe");
        stdin.write_all(&json_line(&task)).map_err(|error| Error::Part("a helper", error.to_string()))?;
        Ok(Helper { part, stdin, count, logged_in: 0, ready: 0, delivered: 0, report: None })
    }

    fn refresh(&mut self, generator: &mut Generator) -> Result<(), Error> {
        while let Some(line) = self.part.line(generator) {
            match serde_json::from_str(&line) {
                Ok(Told::Status { logged_in, ready, delivered }) => {
                    (self.logged_in, self.ready, self.delivered) = (logged_in, ready, delivered);
                }
                Ok(Told::Report(report)) => self.report = Some(report),
                Ok(Told::Failed(text)) => return Err(Error::Part("a helper", text)),
                Err(_) => return Err(Error::Part("a helper", line)),
            }
        }
        if generator.pipes[self.part.pipe].open { Ok(()) } else { self.part.check(generator) }
    }
}

fn json_line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("it has only what JSON has");
    line.push(b'\n');
    line
}

/// The process of a helper.
pub fn part() {
    end_with_parent();
    fd_limit::raise();
    if let Err(error) = read_and_report()
        && !matches!(error, Error::Interrupted(_))
    {
        let _ = io::stdout().write_all(&json_line(&Told::Failed(error.to_string())));
    }
}

fn read_and_report() -> Result<(), Error> {
    let mut task = String::new();
    io::stdin().read_line(&mut task).map_err(|error| Error::System("no task", error))?;
    let task: Task = serde_json::from_str(&task).map_err(|error| Error::Part("a task", error.to_string()))?;
    let common = Common::new(task.run, task.size, String::new());
    let mut generator = Generator::new(common, Live::off(), Arc::default())?;
    generator.skip_sources(task.first_name as usize);
    let stdin = rustix::io::dup(rustix::stdio::stdin()).map_err(|error| Error::System("stdin", error.into()))?;
    let orders = generator.watch(Receiver::from(stdin))?;
    let mut group = Group::new(task.door, Role::Talker, task.first_name, task.streams, SECOND);
    group.transcript = Some(Transcript::default());
    let group = generator.add_group(group);
    generator.groups[group].latency.resume(clock::now());
    let mut told = (0, 0, 0);
    let mut next = 0;
    loop {
        generator.admit(group, task.count, task.at_once)?;
        generator.turn(if next > 0 { next } else { Nanos::MAX })?;
        let Group { logged_in, ready, room, .. } = &generator.groups[group];
        let is = (*logged_in, *ready, room.tally.delivered);
        let now = clock::now();
        if is != told && next == 0 {
            next = now + STATUS;
        } else if next > 0 && now >= next {
            let (logged_in, ready, delivered) = is;
            tell(&Told::Status { logged_in, ready, delivered })?;
            told = is;
            next = 0;
        }
        if let Some(line) = generator.pipes[orders].lines.pop_front() {
            let asked: Asked = serde_json::from_str(&line).map_err(|error| Error::Part("a task", error.to_string()))?;
            let Group { room, latency, logins, .. } = &mut generator.groups[group];
            let missing = room.missing(&asked.said);
            let (latency, logins) = (latency.counts(), logins.counts());
            tell(&Told::Report(Report { tally: room.tally, missing, latency, logins }))?;
        }
    }
}

fn tell(told: &Told) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(&json_line(told)).and_then(|()| out.flush()).map_err(|error| Error::System("cannot report", error))
}
