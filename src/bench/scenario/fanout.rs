//! Fanout: broadcast to many readers. Measures the cost of a delivered line, and its latency.

use serde::Serialize;

use super::cost::{Cost, MeasuredSlice};
use super::{RoomPlan, SPARE, Schedule, plan, slices, talk_on_time, wait_until};
use crate::bench::Settings;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{Nanos, seconds};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::SendWindow;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::process::target::Target;
use crate::bench::report::figures::rounded;
use crate::bench::report::latency::LatencySummary;
use crate::bench::report::{DeliveryCheck, Measured, OwnCost, Ratio, Report};
use crate::bench::workload::readers::capacity;
use crate::bench::workload::room::{BaselineRoom, Room};

/// How fast senders send.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SendRate {
    /// Messages per second of all senders together, at times set in advance.
    Rate(f64),
    /// As fast as messages are read.
    Saturate {
        /// Messages of each sender in flight at once.
        in_flight: u32,
    },
}

impl SendRate {
    fn rate(self) -> f64 {
        match self {
            SendRate::Rate(rate) => rate,
            SendRate::Saturate { .. } => f64::INFINITY,
        }
    }
}

/// The parameters.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Params {
    /// Clients that only read.
    pub readers: usize,
    /// Clients that send, and read each other.
    pub senders: usize,
    /// How fast they send.
    pub pace: SendRate,
    /// Size of a message in bytes.
    pub size: usize,
    /// How long they send.
    pub seconds: f64,
}

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub struct Fanout {
    /// The parameters.
    pub parameters: Params,
    /// Messages sent.
    pub messages: u64,
    /// How long that took, until all were read.
    pub seconds: f64,
    /// Lines delivered per second.
    pub per_second: f64,
    /// Whether all were delivered.
    pub checked: DeliveryCheck,
    /// Size of a delivered line in bytes.
    pub line_bytes: usize,
    /// From the due time of a message until it was read.
    pub latency: Option<LatencySummary>,
    /// Server CPU time per delivered line.
    pub server_cpu_us: Option<f64>,
    /// CPU time per line of a bare send of the same bytes.
    pub baseline_cpu_us: Option<f64>,
    /// The server's CPU time as a multiple of the baseline's.
    pub ratio: Option<Ratio>,
    /// Latency of the baseline.
    pub baseline_latency: Option<LatencySummary>,
    /// Server memory when everything had been read minus that after all logins; bytes.
    pub kept_bytes: Option<i64>,
    /// Cost of the load test per delivered line.
    pub own: Option<OwnCost>,
}

struct Run<'a> {
    generator: &'a mut Generator,
    plan: RoomPlan,
    params: Params,
    process: Option<Process>,
    room: Room,
    baseline: Option<BaselineRoom>,
    /// Each slice of the server, and the baseline slice after it.
    slices: Vec<(Cost, Option<Cost>)>,
    kept_bytes: Option<i64>,
    /// When messages are due, of the server and of the baseline.
    due: Schedule,
    baseline_due: Schedule,
}

/// Runs the scenario.
///
/// # Errors
/// If it could not be completed; the report has the figures measured until then.
pub fn run(generator: &mut Generator, settings: &Settings, params: Params, report: &mut Report) -> Result<(), Error> {
    generator.progress.begin("fanout: starting", None);
    let people = params.readers + params.senders;
    let target = Target::open(generator, settings, people, params.size)?;
    let plan = plan(settings, params.senders, params.seconds);
    let baselines = if target.process.is_some() { 2 } else { 1 };
    // This process holds the same number of readers of the server and of the baseline.
    let here = (capacity().saturating_sub(params.senders + SPARE) / baselines).max(1);
    let result = Room::open(generator, target.endpoint, params.readers, here, plan).and_then(|room| {
        let due = || Schedule::new(params.pace.rate());
        let mut run = Run {
            plan,
            params,
            process: target.process,
            room,
            baseline: None,
            slices: Vec::new(),
            kept_bytes: None,
            due: due(),
            baseline_due: due(),
            generator,
        };
        let result = run.carry_out(here);
        let (fanout, notes) = run.sum_up(result.is_ok());
        report.add(Some(Measured::Fanout(fanout)), notes);
        result
    });
    target.end(generator, result)
}

impl Run<'_> {
    fn carry_out(&mut self, here: usize) -> Result<(), Error> {
        self.generator.progress.begin("fanout: readers log in", None);
        self.room.fill(self.generator, self.plan)?;
        // The baseline holds all of its connections in one process.
        if self.process.is_some() && self.params.readers + self.params.senders + SPARE <= capacity() {
            self.generator.progress.begin("fanout: baseline readers log in", None);
            self.baseline = Some(BaselineRoom::open(self.generator, &self.room, here, self.plan)?);
        }
        if let SendRate::Saturate { in_flight } = self.params.pace {
            let window = SendWindow::new(self.params.senders, in_flight, self.room.readers.here());
            self.generator.groups[self.room.readers.group].window = Some(window);
        }
        let (slices, slice) = slices(self.params.seconds);
        let before = self.process.and_then(|process| process.user_bytes());
        let baselines = if self.baseline.is_some() { 2 } else { 1 };
        let ends = clock::now() + baselines * slices * slice;
        for number in 0..slices {
            self.generator.progress.begin("fanout", Some(ends));
            let begun = MeasuredSlice::begin(self.generator, self.process, &self.room)?;
            let result = self.talk(begun.began(), number * slice, slice).and_then(|()| self.room.drain(self.generator));
            let (cost, at_rest) = begun.end(self.generator, &self.room);
            self.slices.push((cost, None));
            result.and(at_rest)?;
            self.generator.progress.begin("fanout: baseline", Some(ends));
            let baseline = self.baseline_slice(number * slice, slice)?;
            if let Some(last) = self.slices.last_mut() {
                last.1 = baseline;
            }
        }
        self.room.drain_all(self.generator, self.plan)?;
        let kept = |process: Process| Some(process.user_bytes()? as i64 - before? as i64);
        self.kept_bytes = self.process.and_then(kept);
        Ok(())
    }

    /// Sends messages from `begin` on for the time of `slice`; earlier slices had `measured` in total.
    fn talk(&mut self, begin: Nanos, measured: Nanos, slice: Nanos) -> Result<(), Error> {
        if matches!(self.params.pace, SendRate::Saturate { .. }) {
            return self.talk_without_end(begin + slice);
        }
        talk_on_time(self.generator, &mut self.room, &mut self.due, begin, measured, slice)
    }

    fn talk_without_end(&mut self, end: Nanos) -> Result<(), Error> {
        if let Some(window) = &mut self.generator.groups[self.room.readers.group].window {
            // Messages lost earlier are not waited for.
            window.give_up(&self.room.said);
        }
        while clock::now() < end {
            for talker in 0..self.params.senders {
                let window = self.generator.groups[self.room.readers.group].window.as_ref();
                let allowed = window.map_or(0, |window| window.allowed(talker));
                if self.room.said[talker] >= allowed {
                    continue;
                }
                let now = clock::now();
                while self.room.said[talker] < allowed {
                    let tag = self.room.next(talker, now);
                    self.generator.queue(self.room.talkers, talker, tag);
                }
                self.generator.flush(self.room.talkers, talker);
            }
            self.generator.turn(end)?;
        }
        Ok(())
    }

    fn baseline_slice(&mut self, measured: Nanos, slice: Nanos) -> Result<Option<Cost>, Error> {
        let Some(baseline) = &mut self.baseline else { return Ok(None) };
        baseline.copy_line_format(self.generator, &self.room);
        let process = Some(baseline.baseline.process);
        self.generator.cpu_at_rest(process)?;
        let before = Cost::now(process, &self.room, baseline.readers.delivered(self.generator));
        self.generator.groups[baseline.readers.group].latency.resume(before.took);
        let end = before.took + slice;
        let mut bytes = Vec::new();
        match self.params.pace {
            SendRate::Rate(_) => {
                while let Some((number, due)) = self.baseline_due.next(measured + slice) {
                    let due = before.took + due - measured;
                    wait_until(self.generator, due)?;
                    bytes.clear();
                    let stream = (number % self.params.senders as u64) as usize;
                    baseline.line(self.generator, stream, due, &mut bytes);
                    baseline.baseline.send(self.generator, &bytes);
                }
                wait_until(self.generator, end)?;
            }
            // One send for everything in flight is the minimum.
            SendRate::Saturate { in_flight } => {
                while clock::now() < end {
                    bytes.clear();
                    let now = clock::now();
                    for stream in 0..self.params.senders {
                        for _ in 0..in_flight {
                            baseline.line(self.generator, stream, now, &mut bytes);
                        }
                    }
                    baseline.baseline.send(self.generator, &bytes);
                    baseline.drain(self.generator, false, self.plan.timeout)?;
                }
            }
        }
        baseline.drain(self.generator, true, self.plan.timeout)?;
        let mut after = Cost::now(process, &self.room, baseline.readers.delivered(self.generator));
        after.cpu = self.generator.cpu_at_rest(process)?;
        self.generator.groups[baseline.readers.group].latency.pause(after.took);
        Ok(Some(after.since(before)))
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Fanout, Vec<String>) {
        let server = Cost::sum(self.slices.iter().map(|slice| slice.0));
        let baseline = Cost::sum(self.slices.iter().filter_map(|slice| slice.1));
        let mut notes = Vec::new();
        let checked = self.room.check_or_here(self.generator, self.plan, at_the_end, &mut notes);
        let measured = self.process.is_some() && server.lines > 0;
        let own = server.own(self.room.readers.processes());
        if self.process.is_some() && self.baseline.is_none() && at_the_end {
            notes.push("no baseline to compare with: one process cannot have that many open files".into());
        }
        notes.extend(own.iter().flat_map(OwnCost::notes));
        let line_bytes = self.generator.groups[self.room.readers.group].sample.len();
        let baseline_latency = self.baseline.as_mut().and_then(|baseline| {
            // So that readers in helpers count, as they do for the server.
            let _ = baseline.readers.report(self.generator, &baseline.said, self.plan.timeout);
            self.generator.groups[baseline.readers.group].latency.summary()
        });
        let fanout = Fanout {
            parameters: self.params,
            messages: self.room.said.iter().map(|&said| u64::from(said)).sum(),
            seconds: rounded(seconds(server.took), 3),
            per_second: if server.took > 0 { rounded(server.lines as f64 / seconds(server.took), 1) } else { 0.0 },
            checked,
            line_bytes,
            latency: self.generator.groups[self.room.readers.group].latency.summary(),
            server_cpu_us: measured.then(|| rounded(server.us(), 4)),
            baseline_cpu_us: (baseline.lines > 0).then(|| rounded(baseline.us(), 4)),
            ratio: Ratio::of(
                self.slices.iter().filter_map(|(server, baseline)| Some((server.us(), baseline.as_ref()?.us()))),
            ),
            baseline_latency,
            kept_bytes: self.kept_bytes,
            own,
        };
        (fanout, notes)
    }
}
