//! Connections: number of clients, login rate, and cost per client.

use clap::Args;
use serde::Serialize;

use super::arguments;
use super::interface::Scenario;
use crate::bench::baseline::Baseline;
use crate::bench::driver::clock::{self, MILLISECOND, Nanos, SECOND, seconds, span};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Endpoint, Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::{Process, Processes};
use crate::bench::process::target::{SPARE, Target};
use crate::bench::report::figures::{count, milliseconds, rounded, significant, us_each};
use crate::bench::report::latency::LatencySummary;
use crate::bench::report::own_cost::OwnCost;
use crate::bench::report::ratio::Ratio;
use crate::bench::report::rows::Rows;
use crate::bench::report::{Figures, Report};
use crate::bench::settings::CommonSettings;
use crate::bench::workload::delivery_check::DeliveryCheck;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::DEFAULT_SIZE;
use crate::bench::workload::readers::{RoomPlan, capacity};
use crate::bench::workload::room::{Room, log_in_group};

/// The default number of clients, if the limit of open files allows it.
const CLIENTS: usize = 15_000;

/// Logins are measured in at most this many slices, with the baseline between them.
const SLICES: usize = 10;

/// Minimum number of logins in a slice: fewer cost too little to be compared.
const SLICE: usize = 100;

/// Maximum number of baseline logins per slice.
const BASELINE_LOGINS: usize = 500;

/// The parameters.
#[derive(Clone, Copy, Debug, Default, Args, Serialize)]
pub struct ConnectionsParams {
    /// Clients [default: 15000, or what the limit of open files allows]
    #[arg(long, value_name = "N", default_value_t = arguments::default_clients(CLIENTS), hide_default_value = true, value_parser = arguments::clients())]
    pub count: usize,
    /// Rooms that each client follows besides the lobby: r1, r2 and so on
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = arguments::follow())]
    pub follow: usize,
    /// How long the idle server is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = arguments::seconds)]
    pub seconds: f64,
}

/// The figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Connections {
    pub parameters: ConnectionsParams,
    /// Clients logged in.
    pub logged_in: usize,
    /// Rooms that each client reads.
    pub rooms: usize,
    /// How long that took.
    pub seconds: f64,
    /// Logins per second.
    pub per_second: f64,
    /// From the connection attempt to the answer to the name.
    pub login: Option<LatencySummary>,
    /// Server CPU time per login.
    pub server_cpu_us: Option<f64>,
    /// CPU time of the baseline: an accept, a recv and two sends.
    pub baseline_cpu_us: Option<f64>,
    /// The server's CPU time as a multiple of the baseline's.
    pub ratio: Option<Ratio>,
    /// Server memory per client.
    pub user_bytes: Option<f64>,
    /// The idle server.
    pub idle: Option<Idle>,
    /// One message in each room to all clients.
    pub reach: Option<BroadcastResult>,
    /// Server memory after all have left minus that before; bytes.
    pub kept_bytes: Option<i64>,
    /// Cost of the load test per login.
    pub own: Option<OwnCost>,
}

/// The idle server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Idle {
    /// How long it was measured.
    pub seconds: f64,
    /// Its CPU time meanwhile.
    pub cpu_ms: f64,
}

/// The delivery of one message in each room to all clients.
#[derive(Clone, Debug, Serialize)]
pub struct BroadcastResult {
    /// Whether all got it.
    pub checked: DeliveryCheck,
    /// From the due time until it was read.
    pub latency: Option<LatencySummary>,
}

/// CPU time of server and baseline in one slice, and the number of logins of each.
struct LoginSlice {
    server: Nanos,
    logins: u64,
    baseline: Option<(Nanos, u64)>,
}

struct ConnectionsRun<'a> {
    generator: &'a mut Generator,
    plan: RoomPlan,
    params: ConnectionsParams,
    servers: Option<Processes>,
    room: Option<Room>,
    baseline: Option<(Baseline, usize)>,
    slices: Vec<LoginSlice>,
    /// Number of processes that hold clients.
    processes: usize,
    took: Nanos,
    own_cpu: Nanos,
    helpers_cpu: Nanos,
    /// Memory in bytes and open file descriptors of the servers before the first login.
    before: (Option<u64>, Option<usize>),
    found: Connections,
}

impl Scenario for ConnectionsParams {
    type Measured = Connections;

    fn follow(&self) -> usize {
        self.follow
    }

    fn options(&self) -> String {
        let ConnectionsParams { count, follow, seconds } = *self;
        format!("--count {count}{} --seconds {seconds}", arguments::follow_option(follow))
    }

    fn run<M: Figures + From<Connections>>(
        &self,
        generator: &mut Generator,
        settings: &CommonSettings,
        report: &mut Report<M>,
    ) -> Result<(), Error> {
        let params = *self;
        generator.progress.begin("connections: starting", None);
        let target = Target::open(generator, settings, params.count, DEFAULT_SIZE)?;
        let found = Connections { parameters: params, rooms: 1, ..Connections::default() };
        let mut run = ConnectionsRun {
            plan: RoomPlan::new(settings, 1, params.seconds),
            params,
            servers: target.processes.clone(),
            room: None,
            baseline: None,
            slices: Vec::new(),
            processes: 1,
            took: 0,
            own_cpu: 0,
            helpers_cpu: 0,
            before: target.processes.as_ref().map_or((None, None), |it| (it.user_bytes(), it.descriptors())),
            found,
            generator,
        };
        let result = run.carry_out(&target);
        run.sum_up();
        let mut notes = Vec::new();
        if run.processes > 1 {
            notes.push(format!(
                "split over {} processes, since one cannot have that many open files; their starting time is part of the login time",
                run.processes
            ));
        }
        if run.found.own.is_some_and(|own| own.is_bottleneck()) {
            notes.push("the load test itself was the bottleneck: logins a second are a lower bound".into());
        }
        let found = run.found;
        report.add(Some(found.into()), notes);
        target.end(generator, result)
    }
}

impl Figures for Connections {
    fn is_right(&self) -> bool {
        self.reach.as_ref().is_none_or(|reach| reach.checked.is_right())
    }

    fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)> {
        vec![("login", self.login.as_ref())]
    }

    fn rows(&self, encoding: Encoding) -> Rows {
        let mut rows = Rows::default();
        let asked = count(self.parameters.count as u64);
        rows.add("clients", format!("{} of {asked} logged in", count(self.logged_in as u64)));
        if self.rooms > 1 {
            rows.add("rooms", format!("{} read by each client", self.rooms));
        }
        if self.login.is_some() {
            let per_second = count(self.per_second.round() as u64);
            rows.add("logins", format!("{per_second} a second, {} s in all", significant(self.seconds)));
        }
        rows.latency("login", self.login.as_ref());
        rows.cpu("server CPU", self.server_cpu_us, "a login");
        let calls = match encoding {
            Encoding::Plain => "a login (accept, recv, 2 sends)",
            // One read for the request, and one for the name; on IRC one for the name, and one for the channel.
            Encoding::WebSocket | Encoding::Irc => "a login (accept, recvs, sends)",
        };
        rows.baseline("baseline (bare login)", calls, self.baseline_cpu_us, self.ratio.as_ref());
        rows.add_some("server memory", self.user_bytes.map(|bytes| format!("{} bytes a client", significant(bytes))));
        let idle = |idle: Idle| format!("{} in {:.0} s", milliseconds(idle.cpu_ms), idle.seconds);
        rows.add_some("server CPU, idle", self.idle.map(idle));
        if let Some(reach) = &self.reach {
            rows.add("message to all", reach.checked.verdict());
            rows.latency("", reach.latency.as_ref());
        }
        rows.kept(self.kept_bytes, "all have left");
        rows.own(self.own.as_ref(), "a login");
        rows
    }

    fn headline(&self) -> Vec<String> {
        let mut parts = vec![format!("{} clients", count(self.logged_in as u64))];
        parts.push(format!("{} logins/s", count(self.per_second.round() as u64)));
        parts.extend(self.user_bytes.map(|bytes| format!("{} bytes each", significant(bytes))));
        parts.extend(self.idle.map(|idle| format!("idle {}", milliseconds(idle.cpu_ms))));
        parts
    }
}

impl ConnectionsRun<'_> {
    fn carry_out(&mut self, target: &Target) -> Result<(), Error> {
        let ConnectionsParams { count, seconds: watch, .. } = self.params;
        let begin = (clock::now(), self.servers.as_ref().map_or(0, Processes::cpu));
        // One of the clients is the talker.
        self.room = Some(Room::open(self.generator, &target.endpoint, count - 1, capacity() - SPARE, self.plan)?);
        self.log_in(target, begin)?;
        if let Some(room) = &mut self.room {
            self.generator.progress.begin("connections: following rooms", None);
            room.follow(self.generator, self.plan)?;
            self.found.rooms = self.generator.context.streams.rooms();
            self.generator.progress.begin("connections: waiting until the server is quiet", None);
            room.settle(self.generator, self.plan)?;
        }
        if let (Some(servers), Some(before)) = (&self.servers, self.before.0) {
            let bytes = servers.user_bytes().unwrap_or(before);
            self.found.user_bytes = Some(rounded((bytes as f64 - before as f64) / count as f64, 1));
            let (begin, cpu) = (clock::now(), servers.cpu());
            self.generator.progress.begin("connections: idle", Some(begin + span(watch)));
            while clock::now() < begin + span(watch) {
                self.generator.turn(begin + span(watch))?;
            }
            self.found.idle = Some(Idle {
                seconds: rounded(seconds(clock::now() - begin), 3),
                cpu_ms: rounded(servers.cpu().saturating_sub(cpu) as f64 / 1e6, 3),
            });
        }
        self.broadcast()?;
        self.leave()
    }

    /// Logs in all clients. Helpers have been logging in since `begin`: a time, and the server's CPU time then.
    fn log_in(&mut self, target: &Target, begin: (Nanos, Nanos)) -> Result<(), Error> {
        self.generator.progress.begin("connections: logging in", None);
        let Some(room) = &mut self.room else { return Ok(()) };
        self.processes = room.readers.processes();
        let slices = if room.readers.processes() > 1 { 1 } else { (self.params.count / SLICE).clamp(1, SLICES) };
        if target.processes.is_some() {
            let Group { greeting, endpoint: Endpoint { encoding, .. }, .. } = self.generator.groups[room.talkers];
            let baseline = Baseline::start(self.generator, encoding, greeting)?;
            let visitors = Group::new(baseline.endpoint.clone(), Role::Talker, 0, 1, SECOND);
            self.baseline = Some((baseline, self.generator.add_group(visitors)));
        }
        let readers = room.readers.count();
        let mut before = 0;
        for slice in 1..=slices {
            let up_to = readers * slice / slices;
            let (cpu, begin) = if self.processes > 1 {
                (begin.1, begin.0)
            } else {
                (self.generator.cpu_at_rest(self.servers.as_ref())?, clock::now())
            };
            let own = Process::own_cpu();
            self.generator.groups[room.readers.group].logins.resume(begin);
            let result = room.readers.enter_up_to(self.generator, self.plan, up_to);
            let logged_in = room.readers.logged_in(self.generator);
            let now = clock::now();
            self.generator.groups[room.readers.group].logins.pause(now);
            self.took += now - begin;
            self.own_cpu += Process::own_cpu() - own;
            let server = self.generator.cpu_at_rest(self.servers.as_ref())?.saturating_sub(cpu);
            let logins = (logged_in - before) as u64;
            before = logged_in;
            let mut slice = LoginSlice { server, logins, baseline: None };
            if let (Ok(()), Some((baseline, group))) = (&result, &self.baseline) {
                let count = BASELINE_LOGINS.min(up_to.max(1)).min(capacity().saturating_sub(up_to + SPARE));
                let process = Some(&baseline.process);
                let cpu = self.generator.cpu_at_rest(process)?;
                if count > 0 {
                    log_in_group(self.generator, *group, count, "clients of the baseline", self.plan)?;
                    let baseline = self.generator.cpu_at_rest(process)?.saturating_sub(cpu);
                    slice.baseline = Some((baseline, count as u64));
                }
                self.generator.dismiss(*group);
            }
            self.slices.push(slice);
            result?;
        }
        self.helpers_cpu = room.readers.helpers_cpu();
        Ok(())
    }

    fn broadcast(&mut self) -> Result<(), Error> {
        let Some(room) = &mut self.room else { return Ok(()) };
        if room.readers.count() == 0 {
            return Ok(());
        }
        self.generator.progress.begin("connections: one message to all", None);
        let now = clock::now();
        self.generator.groups[room.readers.group].latency.resume(now);
        for stream in 0..room.said.len() {
            let tag = room.next(stream, now);
            self.generator.say(room.talkers, 0, tag);
        }
        room.drain_all(self.generator, self.plan)?;
        self.generator.groups[room.readers.group].latency.pause(clock::now());
        let checked = room.checked(self.generator, self.plan, true)?;
        let latency = self.generator.groups[room.readers.group].latency.summary();
        self.found.reach = Some(BroadcastResult { checked, latency });
        Ok(())
    }

    /// Disconnects all clients, and measures the server's memory once it has noticed.
    fn leave(&mut self) -> Result<(), Error> {
        self.found.logged_in = self.logged_in();
        let (Some(servers), (Some(before), files)) = (&self.servers, self.before) else { return Ok(()) };
        let Some(room) = self.room.take() else { return Ok(()) };
        self.found.login = self.generator.groups[room.readers.group].logins.summary();
        self.generator.progress.begin("connections: leaving", None);
        self.generator.dismiss(room.readers.group);
        self.generator.dismiss(room.talkers);
        drop(room);
        let mut timeout = Timeout::new(SECOND);
        let end = clock::now() + self.plan.timeout;
        let mut cpu = 0;
        loop {
            let before = std::mem::replace(&mut cpu, servers.cpu());
            // Listing very many descriptors is slow, so this waits until the server is at rest. A node of a cluster never
            // is for long.
            let has_let_go = || servers.descriptors().zip(files).is_none_or(|(open, before)| open <= before);
            if cpu == before && has_let_go() || timeout.is_over(cpu) || clock::now() > end {
                break;
            }
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
        self.found.kept_bytes = servers.user_bytes().map(|bytes| bytes as i64 - before as i64);
        Ok(())
    }

    fn logged_in(&self) -> usize {
        self.room.as_ref().map_or(self.found.logged_in, |room| 1 + room.readers.logged_in(self.generator))
    }

    fn sum_up(&mut self) {
        self.found.logged_in = self.logged_in();
        if let Some(room) = &self.room {
            self.found.login = self.generator.groups[room.readers.group].logins.summary();
        }
        let logins: u64 = self.slices.iter().map(|slice| slice.logins).sum();
        if logins == 0 {
            return;
        }
        self.found.seconds = rounded(seconds(self.took), 3);
        self.found.per_second = rounded(logins as f64 / seconds(self.took), 1);
        self.found.own = Some(OwnCost {
            cpu_us: rounded(us_each(self.own_cpu + self.helpers_cpu, logins), 3),
            busy: OwnCost::busy(self.took, self.own_cpu, self.helpers_cpu, self.processes),
            processes: self.processes,
        });
        if self.servers.is_none() {
            return;
        }
        self.found.server_cpu_us = Some(rounded(us_each(self.slices.iter().map(|it| it.server).sum(), logins), 3));
        let baselines = || self.slices.iter().filter_map(|slice| slice.baseline);
        let (cpu, count) = baselines().fold((0, 0), |sum, baseline| (sum.0 + baseline.0, sum.1 + baseline.1));
        if count > 0 {
            self.found.baseline_cpu_us = Some(rounded(us_each(cpu, count), 3));
            self.found.ratio = Ratio::of(self.slices.iter().filter(|slice| slice.logins > 0).filter_map(|slice| {
                let (cpu, count) = slice.baseline?;
                Some((us_each(slice.server, slice.logins), us_each(cpu, count)))
            }));
        }
    }
}
