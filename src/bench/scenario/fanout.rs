//! Fanout: broadcast to many readers. Measures the cost of a delivered line, and its latency.

mod figures;

use clap::{ArgAction, Args};
use serde::Serialize;

pub use self::figures::Fanout;
use super::arguments;
use super::cost::{Cost, MeasuredSlice};
use super::interface::Scenario;
use super::schedule::{Schedule, slices, talk_on_time, wait_until};
use crate::bench::baseline::aead::Aead;
use crate::bench::driver::clock::{self, Nanos, seconds};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::SendWindow;
use crate::bench::driver::tls::Negotiated;
use crate::bench::error::Error;
use crate::bench::process::cost::Processes;
use crate::bench::process::target::{MAX_LINE, SPARE, Target};
use crate::bench::report::addresses::AddressFigures;
use crate::bench::report::encryption::EncryptionCost;
use crate::bench::report::figures::{count, rounded};
use crate::bench::report::own_cost::OwnCost;
use crate::bench::report::ratio::Ratio;
use crate::bench::report::{Figures, Report};
use crate::bench::settings::CommonSettings;
use crate::bench::workload::baseline_room::BaselineRoom;
use crate::bench::workload::message::DEFAULT_SIZE;
use crate::bench::workload::readers::{RoomPlan, capacity};
use crate::bench::workload::room::Room;
use crate::bench::workload::streams::MAX_PREFIX;

/// Maximum number of bytes in flight.
const MAX_IN_FLIGHT: u64 = 64 << 20;

const RATE: f64 = 20.0;
const IN_FLIGHT: usize = 16;

/// How fast senders send: the options.
#[derive(Clone, Copy, Debug, Args, Serialize)]
#[serde(into = "Pace")]
pub struct SendRate {
    /// Messages per second, of all senders in all rooms together
    #[arg(long, value_name = "N", default_value_t = RATE, value_parser = arguments::rate)]
    pub rate: f64,
    /// Send as fast as messages are read
    #[arg(long, conflicts_with = "rate", action = ArgAction::SetTrue)]
    pub saturate: bool,
    /// Messages of each sender in each room in flight at once, with --saturate
    #[arg(long, value_name = "N", default_value_t = IN_FLIGHT, value_parser = arguments::count(10_000))]
    pub in_flight: usize,
}

/// How fast senders send.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Pace {
    /// Messages per second, at times set in advance.
    Rate(f64),
    /// As fast as messages are read.
    Saturate { in_flight: usize },
}

impl From<SendRate> for Pace {
    fn from(SendRate { rate, saturate, in_flight }: SendRate) -> Self {
        if saturate { Pace::Saturate { in_flight } } else { Pace::Rate(rate) }
    }
}

/// The parameters.
#[derive(Clone, Copy, Debug, Args, Serialize)]
pub struct FanoutParams {
    /// Clients that only read [default: 1000, or what the limit of open files allows]
    #[arg(long, value_name = "N", default_value_t = arguments::default_clients(1000), hide_default_value = true, value_parser = arguments::clients())]
    pub readers: usize,
    /// Clients that send, in turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = arguments::count(1000))]
    pub senders: usize,
    /// Rooms that each client follows besides the lobby: r1, r2 and so on
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = arguments::follow())]
    pub follow: usize,
    /// How fast they send.
    #[command(flatten)]
    pub pace: SendRate,
    /// Size of a message
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_SIZE, value_parser = arguments::size())]
    pub size: usize,
    /// How long; the baseline (bare send) is measured for the same time again
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = arguments::seconds)]
    pub seconds: f64,
}

/// A slice of the server, and the slice of the baseline after it.
struct FanoutSlice {
    server: Cost,
    baseline: Option<Cost>,
    /// CPU time to encrypt a line for one reader, in microseconds.
    encryption_us: Option<f64>,
}

struct FanoutRun<'a> {
    generator: &'a mut Generator,
    plan: RoomPlan,
    params: FanoutParams,
    processes: Option<Processes>,
    room: Room,
    baseline: Option<BaselineRoom>,
    /// Encrypts as the server does, if that speaks TLS.
    aead: Option<(Aead, Negotiated)>,
    slices: Vec<FanoutSlice>,
    kept_bytes: Option<i64>,
    /// When messages are due, of the server and of the baseline.
    due: Schedule,
    baseline_due: Schedule,
}

impl Scenario for FanoutParams {
    type Measured = Fanout;

    fn size(&self) -> usize {
        self.size
    }

    fn follow(&self) -> usize {
        self.follow
    }

    fn check(&self) -> Result<(), String> {
        if self.follow > 0 && self.size > MAX_LINE - MAX_PREFIX {
            return Err(format!("--size with --follow: at most {} are allowed", count((MAX_LINE - MAX_PREFIX) as u64)));
        }
        let bytes = (self.senders * (1 + self.follow) * self.pace.in_flight * self.size) as u64;
        if !self.pace.saturate || bytes <= MAX_IN_FLIGHT {
            return Ok(());
        }
        let (bytes, most) = (count(bytes), count(MAX_IN_FLIGHT));
        Err(format!("{bytes} bytes in flight (senders, rooms, --in-flight, --size): at most {most} are allowed"))
    }

    fn options(&self) -> String {
        let FanoutParams { readers, senders, follow, pace, size, seconds } = self;
        let follow = arguments::follow_option(*follow);
        let pace = match Pace::from(*pace) {
            Pace::Rate(rate) => format!("--rate {rate}"),
            Pace::Saturate { in_flight } => format!("--saturate --in-flight {in_flight}"),
        };
        format!("--readers {readers} --senders {senders}{follow} {pace} --size {size} --seconds {seconds}")
    }

    fn run<M: Figures + From<Fanout>>(
        &self,
        generator: &mut Generator,
        settings: &CommonSettings,
        report: &mut Report<M>,
    ) -> Result<(), Error> {
        let params = *self;
        generator.progress.begin("fanout: starting", None);
        let people = params.readers + params.senders;
        let target = Target::open(generator, settings, people, params.size)?;
        let plan = RoomPlan::new(settings, params.senders, params.seconds);
        let baselines = if target.processes.is_some() { 2 } else { 1 };
        // This process holds the same number of readers of the server and of the baseline.
        let here = (capacity().saturating_sub(params.senders + SPARE) / baselines).max(1);
        let result = Room::open(generator, &target.endpoint, params.readers, here, plan).and_then(|room| {
            let due = || Schedule::new(params.pace.rate);
            let mut run = FanoutRun {
                plan,
                params,
                processes: target.processes.clone(),
                room,
                baseline: None,
                aead: None,
                slices: Vec::new(),
                kept_bytes: None,
                due: due(),
                baseline_due: due(),
                generator,
            };
            let result = run.carry_out(here);
            let (fanout, notes) = run.sum_up(result.is_ok());
            report.add(Some(fanout.into()), notes);
            result
        });
        target.end(generator, result)
    }
}

impl FanoutRun<'_> {
    fn carry_out(&mut self, here: usize) -> Result<(), Error> {
        self.generator.progress.begin("fanout: readers log in", None);
        self.room.fill(self.generator, self.plan)?;
        // The baseline holds all of its connections in one process.
        if self.processes.is_some() && self.params.readers + self.params.senders + SPARE <= capacity() {
            self.generator.progress.begin("fanout: baseline readers log in", None);
            let mut baseline = BaselineRoom::open(self.generator, &self.room, here, self.plan)?;
            if let Some(negotiated) = self.tls() {
                let mut aead = Aead::new(negotiated)?;
                baseline.overhead = aead.overhead()?;
                self.aead = Some((aead, negotiated));
            }
            self.baseline = Some(baseline);
        }
        if let Pace::Saturate { in_flight } = self.params.pace.into() {
            let window = SendWindow::new(self.room.said.len(), in_flight as u32, self.room.readers.here());
            self.generator.groups[self.room.readers.group].window = Some(window);
        }
        let (slices, slice) = slices(self.params.seconds);
        let before = self.processes.as_ref().and_then(Processes::user_bytes);
        let baselines = if self.baseline.is_some() { 2 } else { 1 };
        let ends = clock::now() + baselines * slices * slice;
        for number in 0..slices {
            self.generator.progress.begin("fanout", Some(ends));
            let begun = MeasuredSlice::begin(self.generator, self.processes.as_ref(), &self.room)?;
            let result = self.talk(begun.began(), number * slice, slice).and_then(|()| self.room.drain(self.generator));
            let (cost, at_rest) = begun.end(self.generator, &self.room);
            self.slices.push(FanoutSlice { server: cost, baseline: None, encryption_us: None });
            result.and(at_rest)?;
            self.generator.progress.begin("fanout: baseline", Some(ends));
            let baseline = self.baseline_slice(number * slice, slice)?;
            let encryption_us = self.encryption()?;
            if let Some(last) = self.slices.last_mut() {
                (last.baseline, last.encryption_us) = (baseline, encryption_us);
            }
        }
        self.room.drain_all(self.generator, self.plan)?;
        let kept = |processes: &Processes| Some(processes.user_bytes()? as i64 - before? as i64);
        self.kept_bytes = self.processes.as_ref().and_then(kept);
        Ok(())
    }

    /// Sends messages from `begin` on for the time of `slice`; earlier slices had `measured` in total.
    fn talk(&mut self, begin: Nanos, measured: Nanos, slice: Nanos) -> Result<(), Error> {
        if self.params.pace.saturate {
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
            for stream in 0..self.room.said.len() {
                let window = self.generator.groups[self.room.readers.group].window.as_ref();
                let allowed = window.map_or(0, |window| window.allowed(stream));
                if self.room.said[stream] >= allowed {
                    continue;
                }
                let talker = self.generator.context.streams.talker(stream);
                let now = clock::now();
                while self.room.said[stream] < allowed {
                    let tag = self.room.next(stream, now);
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
        let process = baseline.baseline.process.clone();
        self.generator.cpu_at_rest(Some(&process))?;
        let before = Cost::now(Some(&process), &self.room, baseline.readers.delivered(self.generator));
        self.generator.groups[baseline.readers.group].latency.resume(before.took);
        let end = before.took + slice;
        let mut bytes = Vec::new();
        match Pace::from(self.params.pace) {
            Pace::Rate(_) => {
                while let Some((number, due)) = self.baseline_due.next(measured + slice) {
                    let due = before.took + due - measured;
                    wait_until(self.generator, due)?;
                    bytes.clear();
                    let stream = (number % baseline.said.len() as u64) as usize;
                    baseline.line(self.generator, stream, due, &mut bytes);
                    baseline.send(self.generator, &mut bytes);
                }
                wait_until(self.generator, end)?;
            }
            // One send for everything in flight is the minimum.
            Pace::Saturate { in_flight } => {
                while clock::now() < end {
                    bytes.clear();
                    let now = clock::now();
                    for stream in 0..baseline.said.len() {
                        for _ in 0..in_flight {
                            baseline.line(self.generator, stream, now, &mut bytes);
                        }
                    }
                    baseline.send(self.generator, &mut bytes);
                    baseline.drain(self.generator, false, self.plan.timeout)?;
                }
            }
        }
        baseline.drain(self.generator, true, self.plan.timeout)?;
        let mut after = Cost::now(Some(&process), &self.room, baseline.readers.delivered(self.generator));
        after.cpu = self.generator.cpu_at_rest(Some(&process))?;
        self.generator.groups[baseline.readers.group].latency.pause(after.took);
        Ok(Some(after.since(before)))
    }

    /// What the server's connections have agreed on, if it speaks TLS.
    fn tls(&self) -> Option<Negotiated> {
        let is_tls = self.generator.groups[self.room.talkers].endpoint.tls;
        self.generator.context.tls.negotiated().filter(|_| is_tls)
    }

    /// Encrypts what the baseline has sent a reader at once; returns the CPU time of a line in microseconds.
    fn encryption(&mut self) -> Result<Option<f64>, Error> {
        let (Some((aead, _)), Some(baseline)) = (&mut self.aead, &self.baseline) else { return Ok(None) };
        let (mut data, mut lines) = (Vec::new(), 0);
        let (streams, each) = match Pace::from(self.params.pace) {
            Pace::Rate(_) => (1, 1),
            Pace::Saturate { in_flight } => (baseline.said.len(), in_flight),
        };
        for stream in 0..streams {
            for _ in 0..each {
                baseline.write_line(self.generator, stream, 0, &mut data);
                lines += 1;
            }
        }
        Ok(Some(aead.measure(&data)? / 1e3 / f64::from(lines)))
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Fanout, Vec<String>) {
        let server = Cost::sum(self.slices.iter().map(|slice| slice.server));
        let baseline = Cost::sum(self.slices.iter().filter_map(|slice| slice.baseline));
        let mut notes = Vec::new();
        let checked = self.room.check_or_here(self.generator, self.plan, at_the_end, &mut notes);
        let measured = self.processes.is_some() && server.lines > 0;
        let own = server.own(self.room.readers.processes());
        if self.processes.is_some() && self.baseline.is_none() && at_the_end {
            notes.push("no baseline to compare with: one process cannot have that many open files".into());
        }
        notes.extend(own.iter().flat_map(OwnCost::notes));
        let line_bytes = self.generator.groups[self.room.readers.group].line_bytes();
        let baseline_latency = self.baseline.as_mut().and_then(|baseline| {
            // So that readers in helpers count, as they do for the server.
            let _ = baseline.readers.report(self.generator, &baseline.said, self.plan.timeout);
            self.generator.groups[baseline.readers.group].latency.summary()
        });
        let readers = &self.generator.groups[self.room.readers.group];
        let addrs = &readers.endpoint.addrs;
        notes.extend(AddressFigures::note(addrs, self.params.senders));
        let addresses = readers.by_address.as_ref().map_or_else(Vec::new, |it| it.figures(addrs));
        let fanout = Fanout {
            parameters: self.params,
            messages: self.room.said.iter().map(|&said| u64::from(said)).sum(),
            seconds: rounded(seconds(server.took), 3),
            per_second: if server.took > 0 { rounded(server.lines as f64 / seconds(server.took), 1) } else { 0.0 },
            checked,
            line_bytes,
            latency: self.generator.groups[self.room.readers.group].latency.summary(),
            addresses,
            server_cpu_us: measured.then(|| rounded(server.us(), 4)),
            baseline_cpu_us: (baseline.lines > 0).then(|| rounded(baseline.us(), 4)),
            ratio: Ratio::of(self.slices.iter().filter_map(|it| Some((it.server.us(), it.baseline?.us())))),
            tls: self.aead.as_mut().and_then(|(aead, negotiated)| {
                let pairs = self
                    .slices
                    .iter()
                    .filter_map(|slice| Some((slice.server.us(), slice.baseline?.us(), slice.encryption_us?)));
                Some(EncryptionCost::of(*negotiated, aead.overhead().ok()?, pairs))
            }),
            baseline_latency,
            kept_bytes: self.kept_bytes,
            own,
        };
        (fanout, notes)
    }
}
