//! Whisper: round trips of whispers, in a quiet room and in a busy one.

use clap::Args;
use serde::Serialize;

use super::arguments;
use super::interface::Scenario;
use super::schedule::{Schedule, wait_until};
use crate::bench::driver::clock::{self, MILLISECOND, Nanos, span};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::Processes;
use crate::bench::process::target::{SPARE, Target};
use crate::bench::report::figures::{count, milliseconds, rounded, significant, things, us_each};
use crate::bench::report::latency::{Latency, LatencySummary};
use crate::bench::report::rows::Rows;
use crate::bench::report::{Figures, Report};
use crate::bench::settings::CommonSettings;
use crate::bench::workload::delivery_check::DeliveryCheck;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::{DEFAULT_SIZE, MessageKind, Tag};
use crate::bench::workload::readers::{RoomPlan, capacity};
use crate::bench::workload::room::{Room, log_in_group};

/// The parameters.
#[derive(Clone, Copy, Debug, Args, Serialize)]
pub struct WhisperParams {
    /// Clients that only read the room [default: 1000, or what the limit of open files allows]
    #[arg(long, value_name = "N", default_value_t = arguments::default_clients(1000), hide_default_value = true, value_parser = arguments::clients())]
    pub idle: usize,
    /// Pairs of clients that whisper to each other
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = arguments::count(10_000))]
    pub pairs: usize,
    /// Whispers per second that expect an answer, of all pairs together
    #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = arguments::rate)]
    pub rate: f64,
    /// Messages per second in the busy room
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = arguments::rate)]
    pub storm: f64,
    /// How long, half of it in the quiet room
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = arguments::seconds)]
    pub seconds: f64,
}

/// Whispers in one of the two rooms.
#[derive(Clone, Debug, Serialize)]
pub struct RoundTrips {
    /// Whether each was answered once: a round trip is two deliveries.
    pub checked: DeliveryCheck,
    /// From the due time of a whisper until its answer was read.
    pub latency: Option<LatencySummary>,
    /// Server CPU time per round trip.
    pub server_cpu_us: Option<f64>,
}

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub struct Whisper {
    pub parameters: WhisperParams,
    /// In the quiet room.
    pub alone: Option<RoundTrips>,
    /// In the busy room.
    pub busy: Option<RoundTrips>,
    /// Messages of the busy room.
    pub room: DeliveryCheck,
    /// Their latency.
    pub room_latency: Option<LatencySummary>,
}

struct WhisperRun<'a> {
    generator: &'a mut Generator,
    plan: RoomPlan,
    params: WhisperParams,
    processes: Option<Processes>,
    room: Room,
    /// The group of the whisperers, and the number of questions of each pair.
    whisperers: usize,
    asked: Vec<u32>,
    alone: Option<RoundTrips>,
    busy: Option<RoundTrips>,
    /// The count when the current room began.
    counted: DeliveryCheck,
}

impl Scenario for WhisperParams {
    type Measured = Whisper;

    fn options(&self) -> String {
        let WhisperParams { idle, pairs, rate, storm, seconds } = self;
        format!("--idle {idle} --pairs {pairs} --rate {rate} --storm {storm} --seconds {seconds}")
    }

    fn run<M: Figures + From<Whisper>>(
        &self,
        generator: &mut Generator,
        settings: &CommonSettings,
        report: &mut Report<M>,
    ) -> Result<(), Error> {
        let params = *self;
        generator.progress.begin("whisper: starting", None);
        let people = params.idle + 2 * params.pairs;
        let target = Target::open(generator, settings, people, DEFAULT_SIZE)?;
        let plan = RoomPlan::new(settings, 1, params.seconds / 2.0);
        let here = capacity().saturating_sub(2 * params.pairs + SPARE).max(1);
        let result = Room::open(generator, &target.endpoint, params.idle, here, plan).and_then(|room| {
            let first_name = generator.names(2 * params.pairs as u32);
            let whisperers =
                generator.add_group(Group::new(target.endpoint.clone(), Role::Whisperer, first_name, 1, plan.span));
            let mut run = WhisperRun {
                plan,
                params,
                processes: target.processes.clone(),
                room,
                whisperers,
                asked: vec![0; params.pairs],
                alone: None,
                busy: None,
                counted: DeliveryCheck::default(),
                generator,
            };
            let result = run.carry_out();
            let (whisper, notes) = run.sum_up(result.is_ok());
            report.add(Some(whisper.into()), notes);
            result
        });
        target.end(generator, result)
    }
}

impl Figures for Whisper {
    fn is_right(&self) -> bool {
        [&self.alone, &self.busy].into_iter().flatten().all(|it| it.checked.is_right()) && self.room.is_right()
    }

    fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)> {
        let [alone, busy] = [&self.alone, &self.busy].map(|room| room.as_ref().and_then(|it| it.latency.as_ref()));
        vec![("round trip, quiet room", alone), ("round trip, busy room", busy)]
    }

    fn rows(&self, _encoding: Encoding) -> Rows {
        let mut rows = Rows::default();
        let WhisperParams { idle, pairs, rate, storm, .. } = self.parameters;
        let (pairs, rate) = (things(pairs, "pair"), significant(rate));
        rows.add("room", format!("{} readers, {pairs} of whisperers, {rate} whispers a second", count(idle as u64)));
        for (name, room) in [("quiet room", &self.alone), ("busy room", &self.busy)] {
            let Some(room) = room else { continue };
            rows.add(name, room.checked.verdict());
            rows.latency("  round trip", room.latency.as_ref());
            rows.cpu("  server CPU", room.server_cpu_us, "a round trip");
        }
        if self.busy.is_some() {
            rows.add("  room messages", format!("{} ({} a second)", self.room.verdict(), significant(storm)));
            rows.latency("  room latency", self.room_latency.as_ref());
        }
        rows
    }

    fn headline(&self) -> Vec<String> {
        let p99 = |latency: Option<&LatencySummary>| latency.map(|it| format!("p99 {}", milliseconds(it.p99_ms)));
        let [(_, alone), (_, busy)] = self.latencies()[..] else { return Vec::new() };
        let readers = count(self.parameters.idle as u64);
        let alone = p99(alone).map(|p99| format!("{p99} in a quiet room"));
        alone.into_iter().chain(p99(busy).map(|p99| format!("{p99} in a busy room of {readers}"))).collect()
    }
}

impl WhisperRun<'_> {
    fn carry_out(&mut self) -> Result<(), Error> {
        self.generator.progress.begin("whisper: clients log in", None);
        let wanted = 2 * self.params.pairs;
        log_in_group(self.generator, self.whisperers, wanted, "the whisperers", self.plan)?;
        self.room.fill(self.generator, self.plan)?;
        let half = span(self.params.seconds / 2.0);
        self.generator.progress.begin("whisper: quiet room", Some(clock::now() + half));
        let (cpu, result) = self.whisper(half, None);
        self.alone = Some(self.take_round_trips(cpu, result.is_ok()));
        result?;
        self.generator.progress.begin("whisper: busy room", Some(clock::now() + half));
        let (_, result) = self.whisper(half, Some(self.params.storm));
        // Most of the CPU time is for the room messages.
        self.busy = Some(self.take_round_trips(None, result.is_ok()));
        result
    }

    /// Sends whispers for `span`; returns the server's CPU time too.
    fn whisper(&mut self, span: Nanos, storm: Option<f64>) -> (Option<Nanos>, Result<(), Error>) {
        let cpu = self.processes.as_ref().map(Processes::cpu);
        let begin = clock::now();
        self.generator.groups[self.whisperers].round_trips.resume(begin);
        self.generator.groups[self.room.readers.group].latency.resume(begin);
        let result = self.whisper_until(begin, begin + span, storm).and_then(|()| self.drain());
        let now = clock::now();
        self.generator.groups[self.whisperers].round_trips.pause(now);
        self.generator.groups[self.room.readers.group].latency.pause(now);
        match self.generator.cpu_at_rest(self.processes.as_ref()) {
            Ok(after) => (cpu.map(|before| after.saturating_sub(before)), result),
            Err(error) => (None, result.and(Err(error))),
        }
    }

    fn whisper_until(&mut self, begin: Nanos, end: Nanos, storm: Option<f64>) -> Result<(), Error> {
        let span = end - begin;
        let mut whispers = Schedule::new(self.params.rate);
        let mut storm = storm.map(Schedule::new);
        loop {
            let said = storm.as_ref().map_or(Nanos::MAX, Schedule::due);
            if let Some((_, due)) = storm.as_mut().filter(|_| said <= whispers.due()).and_then(|it| it.next(span)) {
                let due = begin + due;
                wait_until(self.generator, due)?;
                let tag = self.room.next(0, due);
                self.generator.say(self.room.talkers, 0, tag);
            } else if let Some((number, due)) = whispers.next(span) {
                let due = begin + due;
                wait_until(self.generator, due)?;
                let pair = (number % self.params.pairs as u64) as usize;
                let tag = Tag { kind: MessageKind::Question, stream: pair as u16, seq: self.asked[pair], time: due };
                self.asked[pair] += 1;
                self.generator.whisper(self.whisperers, 2 * pair, 2 * pair + 1, tag);
            } else if said >= span {
                return wait_until(self.generator, end);
            }
        }
    }

    fn drain(&mut self) -> Result<(), Error> {
        let mut timeout = Timeout::new(self.plan.timeout);
        loop {
            let delivered = self.generator.groups[self.whisperers].private.tally.delivered;
            if delivered >= self.expected() || timeout.is_over(delivered) {
                return self.room.drain_all(self.generator, self.plan);
            }
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    /// Questions and answers.
    fn expected(&self) -> u64 {
        2 * self.asked.iter().map(|&asked| u64::from(asked)).sum::<u64>()
    }

    fn take_round_trips(&mut self, cpu: Option<Nanos>, at_the_end: bool) -> RoundTrips {
        let expected = self.expected();
        let group = &mut self.generator.groups[self.whisperers];
        let missing = if at_the_end { expected.saturating_sub(group.private.tally.delivered) } else { 0 };
        let now = DeliveryCheck::new(expected, group.private.tally, missing);
        let before = std::mem::replace(&mut self.counted, now);
        let checked = now.since(before);
        let latency = std::mem::replace(&mut group.round_trips, Latency::new(self.plan.span)).summary();
        let server_cpu_us =
            cpu.filter(|_| checked.expected > 0).map(|cpu| rounded(us_each(cpu, checked.expected / 2), 3));
        RoundTrips { checked, latency, server_cpu_us }
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Whisper, Vec<String>) {
        let mut notes = Vec::new();
        let mut room = self.room.check_or_here(self.generator, self.plan, at_the_end, &mut notes);
        // The whisperers read room messages too.
        let said: u64 = self.room.said.iter().map(|&said| u64::from(said)).sum();
        let group = &self.generator.groups[self.whisperers].room;
        room.expected += said * group.readers() as u64;
        room.tally += group.tally;
        room.lost += if at_the_end { group.missing(&self.room.said) } else { 0 };
        let room_latency = self.generator.groups[self.room.readers.group].latency.summary();
        let parameters = self.params;
        (Whisper { parameters, alone: self.alone.take(), busy: self.busy.take(), room, room_latency }, notes)
    }
}
