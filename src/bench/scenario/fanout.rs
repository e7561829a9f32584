//! What is said is read by very many: what a delivered line costs, and how late it is.

use serde::Serialize;

use super::cost::{Cost, Slice};
use super::{Plan, SPARE, Schedule, plan, slices, talk_on_time, wait_until};
use crate::bench::Settings;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{Nanos, seconds};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::Window;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::process::target::Target;
use crate::bench::report::figures::rounded;
use crate::bench::report::latency::Summary;
use crate::bench::report::{Checked, Measured, Own, Ratio, Report};
use crate::bench::workload::readers::capacity;
use crate::bench::workload::room::{BaselineRoom, Room};

/// How fast is talked.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Messages a second of all senders together, at times set in advance.
    Rate(f64),
    /// As fast as they are read, so many of each sender on their way at once.
    Saturate {
        /// How many.
        in_flight: u32,
    },
}

impl Pace {
    fn rate(self) -> f64 {
        match self {
            Pace::Rate(rate) => rate,
            Pace::Saturate { .. } => f64::INFINITY,
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Params {
    /// Those who only read.
    pub readers: usize,
    /// Those who talk, and read each other.
    pub senders: usize,
    /// How fast.
    pub pace: Pace,
    /// Bytes of a message.
    pub size: usize,
    /// How long.
    pub seconds: f64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Fanout {
    /// What was asked for.
    pub parameters: Params,
    /// Messages said.
    pub messages: u64,
    /// How long that took, until all were read.
    pub seconds: f64,
    /// Lines delivered a second.
    pub per_second: f64,
    /// Whether all came.
    pub checked: Checked,
    /// Bytes of a delivered line.
    pub line_bytes: usize,
    /// From when a message was due until it was read.
    pub latency: Option<Summary>,
    /// Server CPU time for each delivered line.
    pub server_cpu_us: Option<f64>,
    /// What a bare send of the same bytes costs for each line.
    pub floor_cpu_us: Option<f64>,
    /// The server's cost as a multiple of the floor's.
    pub ratio: Option<Ratio>,
    /// Latency at the floor.
    pub floor_latency: Option<Summary>,
    /// Memory of the server's own when everything had been read, beyond that when all were in; bytes.
    pub kept_bytes: Option<i64>,
    /// What the load test took for each delivered line.
    pub own: Option<Own>,
}

struct Run<'a> {
    generator: &'a mut Generator,
    plan: Plan,
    params: Params,
    process: Option<Process>,
    room: Room,
    baseline: Option<BaselineRoom>,
    /// Each slice of the server's, and the floor's that followed it.
    slices: Vec<(Cost, Option<Cost>)>,
    kept_bytes: Option<i64>,
    /// When messages are due, and those of the floor.
    due: Schedule,
    floor_due: Schedule,
}

/// Carries it out.
///
/// # Errors
/// If it could not be carried through; what was measured so far is in the report.
pub fn run(generator: &mut Generator, settings: &Settings, params: Params, report: &mut Report) -> Result<(), Error> {
    generator.live.begin("fanout: starting", None);
    let people = params.readers + params.senders;
    let target = Target::open(generator, settings, people, params.size)?;
    let plan = plan(settings, params.senders, params.seconds);
    let baselines = if target.process.is_some() { 2 } else { 1 };
    // The same number of the server's readers and the floor's are in this process.
    let here = (capacity().saturating_sub(params.senders + SPARE) / baselines).max(1);
    let result = Room::open(generator, target.door, params.readers, here, plan).and_then(|room| {
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
            floor_due: due(),
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
        self.generator.live.begin("fanout: readers come in", None);
        self.room.fill(self.generator, self.plan)?;
        // It has to hold as many in one process.
        if self.process.is_some() && self.params.readers + self.params.senders + SPARE <= capacity() {
            self.generator.live.begin("fanout: readers of the floor come in", None);
            self.baseline = Some(BaselineRoom::open(self.generator, &self.room, here, self.plan)?);
        }
        if let Pace::Saturate { in_flight } = self.params.pace {
            let window = Window::new(self.params.senders, in_flight, self.room.crowd.here());
            self.generator.groups[self.room.crowd.group].window = Some(window);
        }
        let (slices, slice) = slices(self.params.seconds);
        let before = self.process.and_then(|process| process.user_bytes());
        let baselines = if self.baseline.is_some() { 2 } else { 1 };
        let ends = clock::now() + baselines * slices * slice;
        for number in 0..slices {
            self.generator.live.begin("fanout", Some(ends));
            let begun = Slice::begin(self.generator, self.process, &self.room)?;
            let result = self.talk(begun.began(), number * slice, slice).and_then(|()| self.room.drain(self.generator));
            let (cost, at_rest) = begun.end(self.generator, &self.room);
            self.slices.push((cost, None));
            result.and(at_rest)?;
            self.generator.live.begin("fanout: the floor", Some(ends));
            let baseline = self.floor_slice(number * slice, slice)?;
            if let Some(last) = self.slices.last_mut() {
                last.1 = baseline;
            }
        }
        self.room.drain_all(self.generator, self.plan)?;
        let kept = |process: Process| Some(process.user_bytes()? as i64 - before? as i64);
        self.kept_bytes = self.process.and_then(kept);
        Ok(())
    }

    /// Talks from `begin` on for as long as `slice`; so much was `measured` before.
    fn talk(&mut self, begin: Nanos, measured: Nanos, slice: Nanos) -> Result<(), Error> {
        if matches!(self.params.pace, Pace::Saturate { .. }) {
            return self.talk_without_end(begin + slice);
        }
        talk_on_time(self.generator, &mut self.room, &mut self.due, begin, measured, slice)
    }

    fn talk_without_end(&mut self, end: Nanos) -> Result<(), Error> {
        if let Some(window) = &mut self.generator.groups[self.room.crowd.group].window {
            // What was lost before is not waited for.
            window.give_up(&self.room.said);
        }
        while clock::now() < end {
            for talker in 0..self.params.senders {
                let window = self.generator.groups[self.room.crowd.group].window.as_ref();
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

    fn floor_slice(&mut self, measured: Nanos, slice: Nanos) -> Result<Option<Cost>, Error> {
        let Some(baseline) = &mut self.baseline else { return Ok(None) };
        baseline.imitate(self.generator, &self.room);
        let process = Some(baseline.baseline.process);
        self.generator.cpu_at_rest(process)?;
        let before = Cost::now(process, &self.room, baseline.crowd.delivered(self.generator));
        self.generator.groups[baseline.crowd.group].latency.resume(before.took);
        let end = before.took + slice;
        let mut bytes = Vec::new();
        match self.params.pace {
            Pace::Rate(_) => {
                while let Some((number, due)) = self.floor_due.next(measured + slice) {
                    let due = before.took + due - measured;
                    wait_until(self.generator, due)?;
                    bytes.clear();
                    let stream = (number % self.params.senders as u64) as usize;
                    baseline.line(self.generator, stream, due, &mut bytes);
                    baseline.baseline.send(self.generator, &bytes);
                }
                wait_until(self.generator, end)?;
            }
            // Nobody can send fewer times than once for all that is on its way.
            Pace::Saturate { in_flight } => {
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
        let mut after = Cost::now(process, &self.room, baseline.crowd.delivered(self.generator));
        after.cpu = self.generator.cpu_at_rest(process)?;
        self.generator.groups[baseline.crowd.group].latency.pause(after.took);
        Ok(Some(after.since(before)))
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Fanout, Vec<String>) {
        let server = Cost::sum(self.slices.iter().map(|slice| slice.0));
        let baseline = Cost::sum(self.slices.iter().filter_map(|slice| slice.1));
        let mut notes = Vec::new();
        let checked = self.room.checked_or_here(self.generator, self.plan, at_the_end, &mut notes);
        let measured = self.process.is_some() && server.lines > 0;
        let own = server.own(self.room.crowd.processes());
        if self.process.is_some() && self.baseline.is_none() && at_the_end {
            notes.push("no bare send to compare with: one process may not have so many files open".into());
        }
        notes.extend(own.iter().flat_map(Own::notes));
        let line_bytes = self.generator.groups[self.room.crowd.group].sample.len();
        let floor_latency = self.baseline.as_mut().and_then(|baseline| {
            // So that the readers of helpers count, as they do with the server's.
            let _ = baseline.crowd.report(self.generator, &baseline.said, self.plan.timeout);
            self.generator.groups[baseline.crowd.group].latency.summary()
        });
        let fanout = Fanout {
            parameters: self.params,
            messages: self.room.said.iter().map(|&said| u64::from(said)).sum(),
            seconds: rounded(seconds(server.took), 3),
            per_second: if server.took > 0 { rounded(server.lines as f64 / seconds(server.took), 1) } else { 0.0 },
            checked,
            line_bytes,
            latency: self.generator.groups[self.room.crowd.group].latency.summary(),
            server_cpu_us: measured.then(|| rounded(server.us(), 4)),
            floor_cpu_us: (baseline.lines > 0).then(|| rounded(baseline.us(), 4)),
            ratio: Ratio::of(
                self.slices.iter().filter_map(|(server, baseline)| Some((server.us(), baseline.as_ref()?.us()))),
            ),
            floor_latency,
            kept_bytes: self.kept_bytes,
            own,
        };
        (fanout, notes)
    }
}
