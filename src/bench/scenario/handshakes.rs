//! Handshakes: clients that do a TLS handshake and leave. Measures its cost, and whether many at once delay the others.

mod figures;

use clap::{Args, ValueEnum};
use serde::Serialize;

pub use self::figures::Handshakes;
use self::figures::{HandshakeCost, HandshakeStorm};
use super::arguments;
use super::interface::Scenario;
use super::schedule::{Schedule, wait_until};
use crate::bench::driver::clock::{self, MILLISECOND, Nanos, SECOND, seconds};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Endpoint, Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::driver::tls::TICKETS;
use crate::bench::error::Error;
use crate::bench::process::cost::{Process, Processes};
use crate::bench::process::target::{SPARE, Target};
use crate::bench::report::figures::{count, rounded, us_each};
use crate::bench::report::latency::{Latency, LatencySummary};
use crate::bench::report::own_cost::OwnCost;
use crate::bench::report::{Figures, Report};
use crate::bench::settings::CommonSettings;
use crate::bench::workload::message::{DEFAULT_SIZE, MessageKind, Tag};
use crate::bench::workload::readers::{RoomPlan, capacity};
use crate::bench::workload::room::log_in_group;

/// The default number of handshakes at once.
const AT_ONCE: usize = 1000;

/// Connections at a time while the cost is measured: enough that the server never waits, and no more than have a ticket.
const FEW: usize = 4;
const _: () = assert!(FEW <= TICKETS);

/// How often that many handshakes begin at once.
const STORMS: usize = 5;

/// Pings of the bystander per second, and how long it sends them while nothing else happens.
const PINGS: f64 = 500.0;
const QUIET: Nanos = SECOND;

/// Handshakes that are begun, or connections made, until the bystander is attended to.
const STRIDE: usize = 8;

/// Who is there while many handshakes are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Bystander {
    // These comments are not for `--help`: the option explains both values.
    // A member that sends pings.
    #[default]
    Ping,
    // No member.
    None,
}

/// The parameters.
#[derive(Clone, Copy, Debug, Args, Serialize)]
pub struct HandshakesParams {
    /// Full handshakes, and as many that go on from an earlier session; their cost is measured
    #[arg(long, value_name = "N", default_value_t = 3000, value_parser = arguments::clients())]
    pub count: usize,
    /// ping: a member sends pings while many handshakes are done at once (--at-once); none: for servers without /ping
    #[arg(long, value_enum, default_value_t, value_name = "BYSTANDER")]
    pub bystander: Bystander,
    /// Handshakes at once.
    #[arg(skip = AT_ONCE)]
    pub at_once: usize,
}

struct HandshakesRun<'a> {
    generator: &'a mut Generator,
    plan: RoomPlan,
    params: HandshakesParams,
    endpoint: Endpoint,
    processes: Option<Processes>,
    bystander: Option<usize>,
    /// Number of pings.
    pings: u32,
    found: Handshakes,
}

impl Scenario for HandshakesParams {
    type Measured = Handshakes;

    /// A ticket of one server is of no use at another.
    fn has_many_addresses(&self) -> bool {
        false
    }

    fn options(&self) -> String {
        let bystander = if self.bystander == Bystander::None { " --bystander none" } else { "" };
        format!("--count {}{bystander}", self.count)
    }

    fn run<M: Figures + From<Handshakes>>(
        &self,
        generator: &mut Generator,
        settings: &CommonSettings,
        report: &mut Report<M>,
    ) -> Result<(), Error> {
        let params = HandshakesParams { at_once: settings.at_once.unwrap_or(AT_ONCE), ..*self };
        generator.progress.begin("handshakes: starting", None);
        if params.at_once + SPARE > capacity() {
            return Err(Error::Limit(format!(
                "{} handshakes at once are more than the limit of open files allows: {} at most, or raise it (ulimit -Hn)",
                count(params.at_once as u64),
                count(capacity().saturating_sub(SPARE) as u64)
            )));
        }
        let settings = CommonSettings { tls: true, ..settings.clone() };
        let target = Target::open(generator, &settings, params.at_once, DEFAULT_SIZE)?;
        let mut run = HandshakesRun {
            plan: RoomPlan::new(&settings, 1, seconds(QUIET)),
            params,
            endpoint: target.endpoint.clone(),
            processes: target.processes.clone(),
            bystander: None,
            pings: 0,
            found: Handshakes::new(params),
            generator,
        };
        let result = run.carry_out();
        let notes = run.found.notes();
        report.add(Some(run.found.into()), notes);
        target.end(generator, result)
    }
}

impl HandshakesRun<'_> {
    fn carry_out(&mut self) -> Result<(), Error> {
        if self.params.bystander == Bystander::Ping {
            let first_name = self.generator.names(1);
            let group = Group::new(self.endpoint.clone(), Role::Bystander, first_name, 0, self.plan.span);
            let group = self.generator.add_group(group);
            log_in_group(self.generator, group, 1, "the bystander", self.plan)?;
            self.bystander = Some(group);
        }
        let before = self.processes.as_ref().and_then(Processes::user_bytes);
        self.generator.progress.begin("handshakes: full", None);
        let (full, result) = self.measure(self.params.count);
        self.found.session = self.generator.context.tls.negotiated().map(Into::into);
        self.found.full = full;
        result?;
        self.generator.progress.begin("handshakes: resumed", None);
        self.generator.context.tls.set_resumption(true);
        // These get the first tickets.
        self.measure(TICKETS).1?;
        let (resumed, result) = self.measure(self.params.count);
        self.generator.context.tls.set_resumption(false);
        self.found.resumed = resumed;
        result?;
        if self.bystander.is_some() {
            self.storms()?;
        }
        let kept = |processes: &Processes| Some(processes.user_bytes()? as i64 - before? as i64);
        self.found.kept_bytes = self.processes.as_ref().and_then(kept);
        Ok(())
    }

    /// Does handshakes, a few at a time. What was measured until an error counts too.
    fn measure(&mut self, wanted: usize) -> (Option<HandshakeCost>, Result<(), Error>) {
        let group = self.add_handshakers();
        let at_rest = self.generator.cpu_at_rest(self.processes.as_ref());
        let (begin, own) = (clock::now(), Process::own_cpu());
        self.generator.groups[group].logins.resume(begin);
        let result = self.few_at_a_time(group, wanted);
        let now = clock::now();
        let own = Process::own_cpu() - own;
        let after = self.generator.cpu_at_rest(self.processes.as_ref());
        let Group { logins, handshakes, resumed, .. } = &mut self.generator.groups[group];
        logins.pause(now);
        let (done, resumed) = (*handshakes, *resumed);
        if done == 0 {
            return (None, result.and(at_rest).map(drop));
        }
        let cpu = self.processes.as_ref().and(at_rest.as_ref().ok()).zip(after.as_ref().ok());
        let server_cpu_us = cpu.map(|(before, after)| rounded(us_each(after.saturating_sub(*before), done), 3));
        let cost = HandshakeCost {
            handshakes: done,
            resumed,
            seconds: rounded(seconds(now - begin), 3),
            per_second: rounded(done as f64 / seconds(now - begin), 1),
            server_cpu_us,
            per_core_second: server_cpu_us.filter(|&us| us > 0.0).map(|us| rounded(1e6 / us, 1)),
            latency: logins.summary(),
            own: OwnCost {
                cpu_us: rounded(us_each(own, done), 3),
                busy: OwnCost::busy(now - begin, own, 0, 1),
                processes: 1,
            },
        };
        (Some(cost), result.and(at_rest).and(after).map(drop))
    }

    fn add_handshakers(&mut self) -> usize {
        self.generator.add_group(Group::new(self.endpoint.clone(), Role::Handshaker, 0, 0, self.plan.span))
    }

    fn few_at_a_time(&mut self, group: usize, wanted: usize) -> Result<(), Error> {
        let mut timeout = Timeout::new(self.plan.timeout);
        loop {
            let Group { left, ref keys, .. } = self.generator.groups[group];
            let begun = keys.len();
            if left >= wanted {
                return Ok(());
            }
            timeout
                .check(left as u64, || format!("clients to leave after a TLS handshake: {left} of {wanted} have"))?;
            for _ in begun..wanted.min(left + FEW) {
                self.generator.connect(group, clock::now(), 0..0)?;
            }
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    /// Measures pings while nothing else happens, and while many handshakes are done.
    fn storms(&mut self) -> Result<(), Error> {
        let Some(bystander) = self.bystander else { return Ok(()) };
        let stride = std::mem::replace(&mut self.generator.stride, 1);
        self.generator.progress.begin("handshakes: pings alone", Some(clock::now() + QUIET));
        let mut pings = Schedule::new(PINGS);
        let begin = clock::now();
        while clock::now() < begin + QUIET {
            self.ping(&mut pings, begin);
            self.generator.turn((begin + pings.due()).min(begin + QUIET))?;
        }
        self.found.quiet = self.pongs(bystander)?;
        self.generator.progress.begin("handshakes: many at once", None);
        let mut storm = HandshakeStorm::default();
        let mut latency = Latency::new(self.plan.span);
        let result = (0..STORMS).try_for_each(|_| self.storm(&mut storm, &mut latency));
        let pongs = self.pongs(bystander);
        storm.ping = pongs.as_ref().ok().and_then(Clone::clone);
        storm.latency = latency.summary();
        storm.seconds = rounded(storm.seconds, 3);
        self.found.storm = Some(storm);
        self.generator.stride = stride;
        result.and(pongs.map(drop))
    }

    /// Many handshakes that begin at the same moment.
    fn storm(&mut self, storm: &mut HandshakeStorm, latency: &mut Latency) -> Result<(), Error> {
        let group = self.add_handshakers();
        let wanted = self.params.at_once;
        // First all connections are made. Nothing but the bystander is attended to, so that no handshake begins.
        self.generator.pause(group);
        let mut pings = Schedule::new(PINGS);
        let begin = clock::now();
        for number in 0..wanted {
            self.generator.connect(group, begin, 0..0)?;
            if number % STRIDE == 0 {
                self.attend(&mut pings, begin)?;
            }
        }
        self.generator.groups[group].paused = false;
        let begun = clock::now();
        self.generator.groups[group].logins.resume(begun);
        for index in 0..wanted {
            self.generator.begin_handshake(group, index);
            if index % STRIDE == 0 {
                self.attend(&mut pings, begin)?;
            }
        }
        let mut timeout = Timeout::new(self.plan.timeout);
        let result = loop {
            let Group { left, .. } = self.generator.groups[group];
            if left >= wanted {
                break Ok(());
            }
            let waiting_for = || format!("clients to leave after a TLS handshake: {left} of {wanted} have");
            if let Err(error) = timeout.check(left as u64, waiting_for) {
                break Err(error);
            }
            self.ping(&mut pings, begin);
            if let Err(error) = self.generator.turn(begin + pings.due()) {
                break Err(error);
            }
        };
        let now = clock::now();
        let group = &mut self.generator.groups[group];
        group.logins.pause(now);
        storm.handshakes += group.handshakes;
        storm.seconds += seconds(now - begun);
        latency.append(std::mem::replace(&mut group.logins, Latency::new(self.plan.span)));
        result
    }

    /// Sends the pings that are due since `begin`.
    fn ping(&mut self, pings: &mut Schedule, begin: Nanos) {
        let Some(bystander) = self.bystander else { return };
        while let Some((_, due)) = pings.next(clock::now() - begin) {
            let tag = Tag { kind: MessageKind::Question, stream: 0, seq: self.pings, time: begin + due };
            self.pings += 1;
            self.generator.ping(bystander, 0, tag);
        }
    }

    fn attend(&mut self, pings: &mut Schedule, begin: Nanos) -> Result<(), Error> {
        self.ping(pings, begin);
        self.generator.attend()
    }

    /// The latency of all pings so far, once they are answered.
    fn pongs(&mut self, bystander: usize) -> Result<Option<LatencySummary>, Error> {
        let mut timeout = Timeout::new(self.plan.timeout);
        loop {
            let pongs = self.generator.groups[bystander].private.tally.delivered;
            if pongs >= u64::from(self.pings) {
                break;
            }
            timeout.check(pongs, || "an answer to /ping (try --bystander none)".into())?;
            wait_until(self.generator, clock::now() + MILLISECOND)?;
        }
        let group = &mut self.generator.groups[bystander];
        Ok(std::mem::replace(&mut group.round_trips, Latency::new(self.plan.span)).summary())
    }
}
