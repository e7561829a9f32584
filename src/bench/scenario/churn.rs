//! People who come, talk and go.

use serde::Serialize;

use super::{Plan, SIZE, SPARE, Schedule, plan, span, us_each, wait_until};
use crate::bench::Settings;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{MILLISECOND, Nanos, seconds};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::process::target;
use crate::bench::process::target::Target;
use crate::bench::report::figures::{count, rounded, things};
use crate::bench::report::latency::Summary;
use crate::bench::report::{Checked, Measured, Own, Report};
use crate::bench::workload::checker::Checker;
use crate::bench::workload::readers::capacity;
use crate::bench::workload::room::Room;

/// What is to be done.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Params {
    /// Visitors a second, at times set in advance.
    pub rate: f64,
    /// Those who stay and read what the visitors say.
    pub residents: usize,
    /// How long visitors come.
    pub seconds: f64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Churn {
    /// What was asked for.
    pub parameters: Params,
    /// Visitors that came.
    pub came: usize,
    /// Visitors that have left, the server having closed after them.
    pub left: usize,
    /// How long that took.
    pub seconds: f64,
    /// Visits a second.
    pub per_second: f64,
    /// Whether each resident got what each visitor said, once; and no visitor anything twice.
    pub checked: Checked,
    /// From when a visitor was due until the answer to the name.
    pub login: Option<Summary>,
    /// From when a visitor was due until the server had closed.
    pub visit: Option<Summary>,
    /// Server CPU time for each visit.
    pub server_cpu_us: Option<f64>,
    /// Memory of the server's own after the last visit, beyond that before the first; bytes.
    pub kept_bytes: Option<i64>,
    /// File descriptors of the server's after the last visit, beyond those before the first.
    pub kept_descriptors: Option<i64>,
    /// What the load test took for each visit.
    pub own: Option<Own>,
}

struct Run<'a> {
    generator: &'a mut Generator,
    plan: Plan,
    params: Params,
    process: Option<Process>,
    room: Room,
    visitors: usize,
    took: Nanos,
    cpu: Nanos,
    own_cpu: Nanos,
    read_paused: bool,
    kept: (Option<i64>, Option<i64>),
}

/// Carries it out.
///
/// # Errors
/// If it could not be carried through; what was measured so far is in the report.
pub fn run(generator: &mut Generator, settings: &Settings, params: Params, report: &mut Report) -> Result<(), Error> {
    generator.live.begin("churn: starting", None);
    let most = capacity().saturating_sub(4 * SPARE);
    if params.residents > most {
        return Err(Error::Limit(format!(
            "{} residents leave no room for visitors under the limit of open files: {} at most, or raise it (ulimit -Hn)",
            count(params.residents as u64),
            count(most as u64)
        )));
    }
    let seats = target::capacity().saturating_sub(SPARE).max(params.residents);
    let target = Target::open(generator, settings, seats, SIZE)?;
    let plan = plan(settings, 1, params.seconds);
    let result = Room::open(generator, target.door, params.residents, capacity(), plan).and_then(|room| {
        // Who comes first need not speak first.
        generator.groups[room.crowd.group].room = Checker::new(1, false);
        let first_name = generator.names((params.rate * params.seconds).ceil() as u32 + 1);
        let visitors = generator.add_group(Group::new(target.door, Role::Visitor, first_name, 0, plan.span));
        let (process, kept) = (target.process, (None, None));
        let (took, cpu, own_cpu, read_paused) = (0, 0, 0, false);
        let mut run = Run { plan, params, process, room, visitors, took, cpu, own_cpu, read_paused, kept, generator };
        let result = run.carry_out();
        let (churn, notes) = run.sum_up(result.is_ok());
        report.add(Some(Measured::Churn(churn)), notes);
        result
    });
    target.end(generator, result)
}

impl Run<'_> {
    fn carry_out(&mut self) -> Result<(), Error> {
        self.generator.live.begin("churn: residents come in", None);
        self.room.fill(self.generator, self.plan)?;
        let before = self.process.map(|process| (process.user_bytes(), process.descriptors()));
        let (begin, cpu, own) = (clock::now(), self.process.map_or(0, |it| it.cpu()), Process::own().cpu());
        let end = begin + span(self.params.seconds);
        self.generator.live.begin("churn", Some(end));
        let visitors = &mut self.generator.groups[self.visitors];
        visitors.logins.resume(begin);
        visitors.visits.resume(begin);
        let result = self.visit(begin, end);
        let now = clock::now();
        let visitors = &mut self.generator.groups[self.visitors];
        visitors.logins.pause(now);
        visitors.visits.pause(now);
        self.took = now - begin;
        self.own_cpu = Process::own().cpu() - own;
        let at_rest = self.generator.cpu_at_rest(self.process);
        let now = at_rest.as_ref().ok().copied().or_else(|| Some(self.process?.cpu()));
        self.cpu = now.unwrap_or(0).saturating_sub(cpu);
        result.and(at_rest)?;
        if let (Some(process), Some((bytes, descriptors))) = (self.process, before) {
            let kept = |now: Option<u64>, before: Option<u64>| Some(now? as i64 - before? as i64);
            let count = |count: Option<usize>| count.map(|count| count as u64);
            self.kept = (kept(process.user_bytes(), bytes), kept(count(process.descriptors()), count(descriptors)));
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
                timeout.check(left as u64, || "visitors to leave, so that others can come".into())?;
                self.generator.turn(clock::now() + MILLISECOND)?;
            }
            self.generator.connect(self.visitors, due, None)?;
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
            let delivered = self.room.crowd.delivered(self.generator);
            if delivered >= self.owed() || timeout.is_over(delivered) {
                return Ok(());
            }
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    /// What the residents are to have read.
    fn owed(&self) -> u64 {
        (self.generator.groups[self.visitors].logged_in * self.room.crowd.count()) as u64
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Churn, Vec<String>) {
        let came = self.generator.groups[self.visitors].keys.len();
        let residents = &self.generator.groups[self.room.crowd.group].room;
        let mut tally = residents.tally;
        tally.duplicates += self.generator.groups[self.visitors].room.tally.duplicates;
        tally.damaged += self.generator.groups[self.visitors].room.tally.damaged;
        let lost = if at_the_end { residents.missing(&[came as u32]) } else { 0 };
        let checked = Checked::new(self.owed(), tally, lost);
        let Group { left, logins, visits, .. } = &mut self.generator.groups[self.visitors];
        let (left, login, visit) = (*left, logins.summary(), visits.summary());
        let own = (left > 0).then(|| Own {
            cpu_us: rounded(us_each(self.own_cpu, left as u64), 3),
            busy: Own::busy(self.took, self.own_cpu, 0, 1),
            processes: 1,
        });
        let mut notes = Vec::new();
        if self.read_paused {
            notes.push("visitors had to wait outside, since the limit of open files was reached".into());
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
            server_cpu_us: self.process.filter(|_| left > 0).map(|_| rounded(us_each(self.cpu, left as u64), 3)),
            kept_bytes: self.kept.0,
            kept_descriptors: self.kept.1,
            own,
        };
        (churn, notes)
    }
}
