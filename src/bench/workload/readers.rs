//! Readers of a room: in this process, and in helper processes beyond the file descriptor limit of one process.

use std::io::{self, Write};
use std::process::ChildStdin;
use std::sync::Arc;

use mio::unix::pipe::Receiver;
use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use super::checker::Tally;
use super::transcript::Transcript;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{MILLISECOND, Nanos, SECOND, span};
use crate::bench::driver::context::RunContext;
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Endpoint, Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::process::helper::{OutputStream, Subprocess, end_with_parent};
use crate::bench::report::progress::ProgressLine;
use crate::bench::settings::{AT_ONCE, CommonSettings};
use crate::util::fd_limit;

/// Descriptors of a process that are not for connections.
pub const RESERVE: usize = 64;

/// Interval between status messages of a helper.
const STATUS: Nanos = 20 * MILLISECOND;

/// The task of a helper.
#[derive(Serialize, Deserialize)]
struct HelperTask {
    endpoint: Endpoint,
    count: usize,
    at_once: usize,
    run: u16,
    size: usize,
    talkers: usize,
    follow: usize,
    first_name: u32,
}

/// A message from a helper.
#[derive(Serialize, Deserialize)]
enum HelperMessage {
    Status(HelperStatus),
    Report(ReadersReport),
    Failed(String),
}

/// Number of members of a helper that have got so far, and of deliveries.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct HelperStatus {
    logged_in: usize,
    following: usize,
    ready: usize,
    delivered: u64,
}

/// A request to a helper.
#[derive(Serialize, Deserialize)]
enum HelperRequest {
    /// Its readers are to follow the other rooms.
    Follow,
    /// It is to report what it has read, given the number of messages sent in each stream.
    Report { said: Vec<u32> },
}

/// What all readers have received.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ReadersReport {
    /// What was delivered.
    pub tally: Tally,
    /// Deliveries that did not come.
    pub missing: u64,
    latency: Vec<(u64, u64)>,
    logins: Vec<(u64, u64)>,
}

struct Helper {
    run_helper: Subprocess,
    stdin: ChildStdin,
    count: usize,
    status: HelperStatus,
    report: Option<ReadersReport>,
}

/// The readers of a room, in this process and in helpers.
pub struct Readers {
    /// The group of the readers in this process.
    pub group: usize,
    helpers: Vec<Helper>,
    count: usize,
}

/// Number of connections that a process can have besides its other files.
pub fn capacity() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(1 << 30) as usize;
    limit.saturating_sub(RESERVE).max(1)
}

impl Readers {
    /// Starts `count` readers, at most `here` in this process. They log in with [`Readers::enter`].
    ///
    /// # Errors
    /// If a helper cannot be started.
    pub fn start(
        generator: &mut Generator,
        endpoint: &Endpoint,
        count: usize,
        here: usize,
        plan: RoomPlan,
    ) -> Result<Readers, Error> {
        let first_name = generator.names(count as u32);
        let streams = generator.context.streams.count(plan.talkers);
        let mut group = Group::new(endpoint.clone(), Role::Talker, first_name, streams, plan.span);
        group.transcript = Some(Transcript::default());
        let group = generator.add_group(group);
        let mut readers = Readers { group, helpers: Vec::new(), count };
        let mut left = count - count.min(here);
        while left > 0 {
            let run_helper = Subprocess::start(generator, "a helper", &["readers".into()], OutputStream::Stdout)?;
            let count = left.min(capacity());
            left -= count;
            readers.helpers.push(Helper::start(generator, run_helper, endpoint, count, plan)?);
        }
        Ok(readers)
    }

    /// Waits until all are logged in.
    ///
    /// # Errors
    /// If a login fails, or nothing happens before the timeout.
    pub fn enter(&mut self, generator: &mut Generator, plan: RoomPlan) -> Result<(), Error> {
        self.enter_up_to(generator, plan, self.count)
    }

    /// As [`Readers::enter`], but logs in only as many in this process as needed for `count` in all.
    ///
    /// # Errors
    /// As [`Readers::enter`].
    pub fn enter_up_to(&mut self, generator: &mut Generator, plan: RoomPlan, count: usize) -> Result<(), Error> {
        let here = count - (self.count - self.here());
        let mut timeout = Timeout::new(plan.timeout);
        loop {
            self.refresh(generator)?;
            let logged_in = self.logged_in(generator);
            if logged_in >= count {
                return Ok(());
            }
            let waiting_for = || format!("clients to log in: {logged_in} of {} have", self.count);
            timeout.check(logged_in as u64, waiting_for)?;
            generator.admit(self.group, here, plan.at_once)?;
            generator.turn(clock::now() + 50 * MILLISECOND)?;
        }
    }

    /// Number of readers in this process.
    pub fn here(&self) -> usize {
        self.count - self.helpers.iter().map(|helper| helper.count).sum::<usize>()
    }

    /// Number of readers.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Number of processes that read.
    pub fn processes(&self) -> usize {
        1 + self.helpers.len()
    }

    /// Number of readers logged in.
    pub fn logged_in(&self, generator: &Generator) -> usize {
        generator.groups[self.group].logged_in
            + self.helpers.iter().map(|helper| helper.status.logged_in).sum::<usize>()
    }

    /// Number of readers that follow all rooms of the run.
    pub fn following(&self, generator: &Generator) -> usize {
        generator.groups[self.group].following
            + self.helpers.iter().map(|helper| helper.status.following).sum::<usize>()
    }

    /// Number of readers that have read a probe in each room.
    pub fn ready(&self, generator: &Generator) -> usize {
        generator.groups[self.group].ready + self.helpers.iter().map(|helper| helper.status.ready).sum::<usize>()
    }

    /// Deliveries known so far.
    pub fn delivered(&self, generator: &Generator) -> u64 {
        generator.groups[self.group].room.tally.delivered
            + self.helpers.iter().map(|one| one.status.delivered).sum::<u64>()
    }

    /// CPU time of the helpers.
    pub fn helpers_cpu(&self) -> Nanos {
        self.helpers
            .iter()
            .filter_map(|helper| Process::new(helper.run_helper.pid()).ok())
            .map(|process| process.cpu())
            .sum()
    }

    /// Processes messages from helpers.
    ///
    /// # Errors
    /// If a helper has failed.
    pub fn refresh(&mut self, generator: &mut Generator) -> Result<(), Error> {
        self.helpers.iter_mut().try_for_each(|helper| helper.refresh(generator))
    }

    /// Lets the readers in helpers follow the other rooms; those in this process do with [`Generator::follow`].
    ///
    /// # Errors
    /// If a helper has ended.
    pub fn follow_in_helpers(&mut self) -> Result<(), Error> {
        self.helpers.iter_mut().try_for_each(|helper| helper.request(&HelperRequest::Follow))
    }

    /// The report of all readers, given the number of messages sent in each stream.
    ///
    /// # Errors
    /// If a helper does not answer.
    pub fn report(&mut self, generator: &mut Generator, said: &[u32], timeout: Nanos) -> Result<ReadersReport, Error> {
        let group = &generator.groups[self.group];
        let mut sum =
            ReadersReport { tally: group.room.tally, missing: group.room.missing(said), ..ReadersReport::default() };
        for helper in &mut self.helpers {
            helper.request(&HelperRequest::Report { said: said.to_vec() })?;
            let mut timeout = Timeout::new(timeout);
            let report = loop {
                if let Some(report) = helper.report.take() {
                    break report;
                }
                timeout.check(0, || "the report of a helper".into())?;
                match generator.turn(clock::now() + 50 * MILLISECOND) {
                    // What was measured is reported in any case.
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

/// How readers log in, and what they measure.
#[derive(Clone, Copy, Debug)]
pub struct RoomPlan {
    /// Number of senders.
    pub talkers: usize,
    /// Logins in progress at once.
    pub at_once: usize,
    /// Length of the measurement.
    pub span: Nanos,
    /// How long nothing may happen.
    pub timeout: Nanos,
}

impl RoomPlan {
    /// For `talkers` senders, measured for this number of seconds.
    pub fn new(settings: &CommonSettings, talkers: usize, seconds: f64) -> Self {
        let at_once = settings.at_once.unwrap_or(AT_ONCE);
        RoomPlan { talkers, at_once, span: span(seconds), timeout: settings.timeout }
    }
}

impl Helper {
    fn start(
        generator: &mut Generator,
        mut run_helper: Subprocess,
        endpoint: &Endpoint,
        count: usize,
        plan: RoomPlan,
    ) -> Result<Self, Error> {
        let task = HelperTask {
            endpoint: endpoint.clone(),
            count,
            at_once: plan.at_once,
            run: generator.context.run,
            size: generator.context.format.size(),
            talkers: plan.talkers,
            follow: generator.context.streams.follow(),
            first_name: generator.names(count as u32),
        };
        let stdin = run_helper.child.stdin.take().expect("it is a pipe");
        let mut helper = Helper { run_helper, stdin, count, status: HelperStatus::default(), report: None };
        helper.request(&task)?;
        Ok(helper)
    }

    fn request(&mut self, request: &impl Serialize) -> Result<(), Error> {
        self.stdin.write_all(&json_line(request)).map_err(|error| Error::Subprocess("a helper", error.to_string()))
    }

    fn refresh(&mut self, generator: &mut Generator) -> Result<(), Error> {
        while let Some(line) = self.run_helper.line(generator) {
            match serde_json::from_str(&line) {
                Ok(HelperMessage::Status(status)) => self.status = status,
                Ok(HelperMessage::Report(report)) => self.report = Some(report),
                Ok(HelperMessage::Failed(text)) => return Err(Error::Subprocess("a helper", text)),
                Err(_) => return Err(Error::Subprocess("a helper", line)),
            }
        }
        if generator.pipes[self.run_helper.pipe].open { Ok(()) } else { self.run_helper.check(generator) }
    }
}

fn json_line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("it has only what JSON has");
    line.push(b'\n');
    line
}

/// Runs a helper process.
pub fn run_helper() {
    end_with_parent();
    fd_limit::raise();
    if let Err(error) = read_and_report()
        && !matches!(error, Error::Interrupted(_))
    {
        let _ = io::stdout().write_all(&json_line(&HelperMessage::Failed(error.to_string())));
    }
}

fn read_and_report() -> Result<(), Error> {
    let mut task = String::new();
    io::stdin().read_line(&mut task).map_err(|error| Error::System("no task", error))?;
    let task: HelperTask =
        serde_json::from_str(&task).map_err(|error| Error::Subprocess("a task", error.to_string()))?;
    let context = RunContext::new(task.run, task.size, task.follow, String::new());
    let mut generator = Generator::new(context, ProgressLine::off(), Arc::default())?;
    generator.skip_sources(task.first_name as usize);
    let stdin = rustix::io::dup(rustix::stdio::stdin()).map_err(|error| Error::System("stdin", error.into()))?;
    let orders = generator.watch(Receiver::from(stdin))?;
    let streams = generator.context.streams.count(task.talkers);
    let mut group = Group::new(task.endpoint, Role::Talker, task.first_name, streams, SECOND);
    group.transcript = Some(Transcript::default());
    let group = generator.add_group(group);
    generator.groups[group].latency.resume(clock::now());
    let mut told = HelperStatus::default();
    let mut next = 0;
    let mut follows = false;
    loop {
        generator.admit(group, task.count, task.at_once)?;
        if follows {
            generator.follow(group, &(1..generator.context.streams.rooms()), task.at_once);
        }
        generator.turn(if next > 0 { next } else { Nanos::MAX })?;
        let Group { logged_in, following, ready, ref room, .. } = generator.groups[group];
        let is = HelperStatus { logged_in, following, ready, delivered: room.tally.delivered };
        let now = clock::now();
        if is != told && next == 0 {
            next = now + STATUS;
        } else if next > 0 && now >= next {
            send_to_parent(&HelperMessage::Status(is))?;
            told = is;
            next = 0;
        }
        if let Some(line) = generator.pipes[orders].lines.pop_front() {
            match serde_json::from_str(&line).map_err(|error| Error::Subprocess("a task", error.to_string()))? {
                HelperRequest::Follow => follows = true,
                HelperRequest::Report { said } => {
                    let Group { room, latency, logins, .. } = &mut generator.groups[group];
                    let (tally, missing) = (room.tally, room.missing(&said));
                    let (latency, logins) = (latency.counts(), logins.counts());
                    send_to_parent(&HelperMessage::Report(ReadersReport { tally, missing, latency, logins }))?;
                }
            }
        }
    }
}

fn send_to_parent(told: &HelperMessage) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(&json_line(told)).and_then(|()| out.flush()).map_err(|error| Error::System("cannot report", error))
}
