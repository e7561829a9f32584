//! Helper processes: further readers, which do what this process asks for.

use std::io::{self, Write};
use std::process::ChildStdin;
use std::sync::Arc;

use mio::unix::pipe::Receiver;
use serde::{Deserialize, Serialize};

use super::{ReadersReport, RoomPlan};
use crate::bench::driver::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::bench::driver::context::RunContext;
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Endpoint, Group};
use crate::bench::error::Error;
use crate::bench::process::helper::{Subprocess, end_with_parent};
use crate::bench::report::addresses::AddressLatencies;
use crate::bench::report::progress::ProgressLine;
use crate::util::fd_limit;

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
pub(super) struct HelperStatus {
    pub(super) logged_in: usize,
    pub(super) following: usize,
    pub(super) ready: usize,
    pub(super) delivered: u64,
}

/// A request to a helper.
#[derive(Serialize, Deserialize)]
pub(super) enum HelperRequest {
    /// Its readers are to follow the other rooms.
    Follow,
    /// It is to report what it has read, given the number of messages sent in each stream.
    Report { said: Vec<u32> },
}

/// A helper process, and what it has said so far.
pub(super) struct Helper {
    pub(super) run_helper: Subprocess,
    stdin: ChildStdin,
    pub(super) count: usize,
    pub(super) status: HelperStatus,
    pub(super) report: Option<ReadersReport>,
}

impl Helper {
    pub(super) fn start(
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

    pub(super) fn request(&mut self, request: &impl Serialize) -> Result<(), Error> {
        self.stdin.write_all(&json_line(request)).map_err(|error| Error::Subprocess("a helper", error.to_string()))
    }

    pub(super) fn refresh(&mut self, generator: &mut Generator) -> Result<(), Error> {
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
    let streams = generator.context.streams;
    let group = generator.add_group(Group::of_readers(task.endpoint, task.first_name, streams, task.talkers, SECOND));
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
                    let Group { room, latency, logins, by_address, .. } = &mut generator.groups[group];
                    send_to_parent(&HelperMessage::Report(ReadersReport {
                        tally: room.tally,
                        missing: room.missing(&said),
                        orders: room.orders(&said),
                        latency: latency.counts(),
                        logins: logins.counts(),
                        by_address: by_address.as_ref().map_or_else(Vec::new, AddressLatencies::counts),
                    }))?;
                }
            }
        }
    }
}

fn send_to_parent(told: &HelperMessage) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(&json_line(told)).and_then(|()| out.flush()).map_err(|error| Error::System("cannot report", error))
}
