//! Churn: visitors that log in, send one message and leave.

use clap::Args;
use serde::Serialize;

use super::arguments;
use super::interface::Scenario;
use super::schedule::{Schedule, wait_until};
use crate::bench::driver::clock::{self, MILLISECOND, Nanos, seconds, span};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::{Process, Processes};
use crate::bench::process::target::{self, SPARE, Target};
use crate::bench::report::figures::{count, microseconds, milliseconds, rounded, significant, things, us_each};
use crate::bench::report::latency::LatencySummary;
use crate::bench::report::own_cost::OwnCost;
use crate::bench::report::rows::Rows;
use crate::bench::report::{Figures, Report};
use crate::bench::settings::CommonSettings;
use crate::bench::workload::checker::Checker;
use crate::bench::workload::delivery_check::DeliveryCheck;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::DEFAULT_SIZE;
use crate::bench::workload::readers::{RoomPlan, capacity};
use crate::bench::workload::room::Room;

/// Maximum number of visitors: there are 33 to the power of 4 names, about 1.2 million.
const MAX_VISITS: u64 = 1_000_000;

/// The parameters.
#[derive(Clone, Copy, Debug, Args, Serialize)]
pub struct ChurnParams {
    /// Visitors per second
    #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = arguments::rate)]
    pub rate: f64,
    /// Clients that stay and read the visitors' messages
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = arguments::clients())]
    pub residents: usize,
    /// How long visitors come
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = arguments::seconds)]
    pub seconds: f64,
}

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub struct Churn {
    pub parameters: ChurnParams,
    /// Visitors that came.
    pub came: usize,
    /// Visitors that have left and whose connection the server has closed.
    pub left: usize,
    /// How long that took.
    pub seconds: f64,
    /// Visits per second.
    pub per_second: f64,
    /// Whether each resident got each visitor's message once, and no visitor got a message twice.
    pub checked: DeliveryCheck,
    /// From the due time of a visitor until the answer to the name.
    pub login: Option<LatencySummary>,
    /// From the due time of a visitor until the server had closed.
    pub visit: Option<LatencySummary>,
    /// Server CPU time per visit.
    pub server_cpu_us: Option<f64>,
    /// Server memory after the last visit minus that before the first; bytes.
    pub kept_bytes: Option<i64>,
    /// Server file descriptors after the last visit minus those before the first.
    pub kept_descriptors: Option<i64>,
    /// Cost of the load test per visit.
    pub own: Option<OwnCost>,
}

struct ChurnRun<'a> {
    generator: &'a mut Generator,
    plan: RoomPlan,
    params: ChurnParams,
    processes: Option<Processes>,
    room: Room,
    visitors: usize,
    took: Nanos,
    cpu: Nanos,
    own_cpu: Nanos,
    read_paused: bool,
    kept: (Option<i64>, Option<i64>),
}

impl Scenario for ChurnParams {
    type Measured = Churn;

    fn check(&self) -> Result<(), String> {
        if self.rate * self.seconds > MAX_VISITS as f64 {
            return Err(format!("--rate times --seconds is more than {} visitors", count(MAX_VISITS)));
        }
        Ok(())
    }

    fn options(&self) -> String {
        format!("--rate {} --residents {} --seconds {}", self.rate, self.residents, self.seconds)
    }

    fn run<M: Figures + From<Churn>>(
        &self,
        generator: &mut Generator,
        settings: &CommonSettings,
        report: &mut Report<M>,
    ) -> Result<(), Error> {
        let params = *self;
        generator.progress.begin("churn: starting", None);
        let most = capacity().saturating_sub(4 * SPARE);
        if params.residents > most {
            return Err(Error::Limit(format!(
                "{} residents leave no room for visitors under the limit of open files: {} at most, or raise it (ulimit -Hn)",
                count(params.residents as u64),
                count(most as u64)
            )));
        }
        let seats = target::capacity().saturating_sub(SPARE).max(params.residents);
        let target = Target::open(generator, settings, seats, DEFAULT_SIZE)?;
        let plan = RoomPlan::new(settings, 1, params.seconds);
        let result = Room::open(generator, &target.endpoint, params.residents, capacity(), plan).and_then(|room| {
            // Visitors may speak in another order than they came.
            let residents = &mut generator.groups[room.readers.group];
            residents.room = Checker::new(1, false);
            if target.endpoint.addrs.len() > 1 {
                residents.room.compare_order();
            }
            let first_name = generator.names((params.rate * params.seconds).ceil() as u32 + 1);
            let visitors =
                generator.add_group(Group::new(target.endpoint.clone(), Role::Visitor, first_name, 0, plan.span));
            let (processes, kept) = (target.processes.clone(), (None, None));
            let (took, cpu, own_cpu, read_paused) = (0, 0, 0, false);
            let mut run =
                ChurnRun { plan, params, processes, room, visitors, took, cpu, own_cpu, read_paused, kept, generator };
            let result = run.carry_out();
            let (churn, notes) = run.sum_up(result.is_ok());
            report.add(Some(churn.into()), notes);
            result
        });
        target.end(generator, result)
    }
}

impl Figures for Churn {
    fn is_right(&self) -> bool {
        self.checked.is_right()
    }

    fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)> {
        vec![("login", self.login.as_ref()), ("whole visit", self.visit.as_ref())]
    }

    fn rows(&self, _encoding: Encoding) -> Rows {
        let mut rows = Rows::default();
        let (came, left) = (count(self.came as u64), count(self.left as u64));
        rows.add("visits", format!("{left} of {came}, {} a second", significant(self.per_second)));
        let residents = things(self.parameters.residents, "resident");
        rows.add("room messages", format!("{} ({residents})", self.checked.verdict()));
        rows.latency("login", self.login.as_ref());
        rows.latency("whole visit", self.visit.as_ref());
        rows.cpu("server CPU", self.server_cpu_us, "a visit");
        if let (Some(bytes), Some(descriptors)) = (self.kept_bytes, self.kept_descriptors) {
            rows.add("kept after", format!("{} KiB, {descriptors} file descriptors", bytes / 1024));
        }
        rows.own(self.own.as_ref(), "a visit");
        rows
    }

    fn headline(&self) -> Vec<String> {
        let mut parts = vec![format!("{} visits/s", significant(self.per_second))];
        parts.extend(self.server_cpu_us.map(|us| format!("{} each", microseconds(us))));
        parts.extend(self.login.as_ref().map(|it| format!("login p99 {}", milliseconds(it.p99_ms))));
        parts
    }
}

impl ChurnRun<'_> {
    fn carry_out(&mut self) -> Result<(), Error> {
        self.generator.progress.begin("churn: residents log in", None);
        self.room.fill(self.generator, self.plan)?;
        let before = self.processes.as_ref().map(|it| (it.user_bytes(), it.descriptors()));
        let (begin, cpu, own) = (clock::now(), self.processes.as_ref().map_or(0, Processes::cpu), Process::own_cpu());
        let end = begin + span(self.params.seconds);
        self.generator.progress.begin("churn", Some(end));
        let visitors = &mut self.generator.groups[self.visitors];
        visitors.logins.resume(begin);
        visitors.visits.resume(begin);
        let result = self.visit(begin, end);
        let now = clock::now();
        let visitors = &mut self.generator.groups[self.visitors];
        visitors.logins.pause(now);
        visitors.visits.pause(now);
        self.took = now - begin;
        self.own_cpu = Process::own_cpu() - own;
        let at_rest = self.generator.cpu_at_rest(self.processes.as_ref());
        let now = at_rest.as_ref().ok().copied().or_else(|| Some(self.processes.as_ref()?.cpu()));
        self.cpu = now.unwrap_or(0).saturating_sub(cpu);
        result.and(at_rest)?;
        if let (Some(processes), Some((bytes, descriptors))) = (&self.processes, before) {
            let kept = |now: Option<u64>, before: Option<u64>| Some(now? as i64 - before? as i64);
            let count = |count: Option<usize>| count.map(|count| count as u64);
            self.kept = (kept(processes.user_bytes(), bytes), kept(count(processes.descriptors()), count(descriptors)));
        }
        Ok(())
    }

    fn visit(&mut self, begin: Nanos, end: Nanos) -> Result<(), Error> {
        let mut schedule = Schedule::new(self.params.rate);
        while let Some((_, due)) = schedule.next(end - begin) {
            let due = begin + due;
            wait_until(self.generator, due)?;
            let mut timeout = Timeout::new(self.plan.timeout);
            while self.generator.connections() + SPARE > capacity() {
                self.read_paused = true;
                let left = self.generator.groups[self.visitors].left;
                timeout.check(left as u64, || "visitors to leave, so that more can come".into())?;
                self.generator.turn(clock::now() + MILLISECOND)?;
            }
            self.generator.connect(self.visitors, due, 0..0)?;
        }
        let mut timeout = Timeout::new(self.plan.timeout);
        loop {
            let Group { left, keys, .. } = &self.generator.groups[self.visitors];
            let (left, came) = (*left, keys.len());
            if left == came {
                break;
            }
            timeout.check(left as u64, || format!("visitors to leave: {left} of {came} have"))?;
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
        let mut timeout = Timeout::new(self.plan.timeout);
        loop {
            let delivered = self.room.readers.delivered(self.generator);
            if delivered >= self.expected() || timeout.is_over(delivered) {
                return Ok(());
            }
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    /// Deliveries expected by the residents.
    fn expected(&self) -> u64 {
        (self.generator.groups[self.visitors].logged_in * self.room.readers.count()) as u64
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Churn, Vec<String>) {
        let came = self.generator.groups[self.visitors].keys.len();
        let residents = &self.generator.groups[self.room.readers.group].room;
        let mut tally = residents.tally;
        let orders = residents.orders(&[came as u32]).map(|orders| orders.len());
        tally.duplicates += self.generator.groups[self.visitors].room.tally.duplicates;
        tally.damaged += self.generator.groups[self.visitors].room.tally.damaged;
        let lost = if at_the_end { residents.missing(&[came as u32]) } else { 0 };
        let checked = DeliveryCheck { orders, ..DeliveryCheck::new(self.expected(), tally, lost) };
        let Group { left, logins, visits, .. } = &mut self.generator.groups[self.visitors];
        let (left, login, visit) = (*left, logins.summary(), visits.summary());
        let own = (left > 0).then(|| OwnCost {
            cpu_us: rounded(us_each(self.own_cpu, left as u64), 3),
            busy: OwnCost::busy(self.took, self.own_cpu, 0, 1),
            processes: 1,
        });
        let mut notes = Vec::new();
        if self.read_paused {
            notes.push("some visitors came late, since the limit of open files was reached".into());
        }
        let resets = self.generator.groups[self.visitors].resets;
        if resets > 0 {
            notes.push(format!("{} ended by a reset instead of an orderly close", things(resets, "visit")));
        }
        if own.is_some_and(|own| own.is_bottleneck()) {
            notes.push("the load test itself was the bottleneck: the server can do more".into());
        }
        let churn = Churn {
            parameters: self.params,
            came,
            left,
            seconds: rounded(seconds(self.took), 3),
            per_second: if self.took > 0 { rounded(left as f64 / seconds(self.took), 1) } else { 0.0 },
            checked,
            login,
            visit,
            server_cpu_us: self
                .processes
                .as_ref()
                .filter(|_| left > 0)
                .map(|_| rounded(us_each(self.cpu, left as u64), 3)),
            kept_bytes: self.kept.0,
            kept_descriptors: self.kept.1,
            own,
        };
        (churn, notes)
    }
}
