//! Some stop reading: whether the others get their lines later for that, and whether they cost more.

use serde::Serialize;

use super::cost::{Cost, Slice};
use super::{Plan, SPARE, Schedule, plan, slices, talk_on_time};
use crate::bench::Settings;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{MILLISECOND, Nanos, SECOND};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Group, Role};
use crate::bench::driver::socket_queue;
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::process::target::Target;
use crate::bench::report::figures::{rounded, things};
use crate::bench::report::latency::{Latency, Summary};
use crate::bench::report::{Checked, Measured, Own, Ratio, Report};
use crate::bench::workload::readers::capacity;
use crate::bench::workload::room::{Room, let_in};

/// Bytes of lines that are said at once before a slice, and again until the server is stuck at those who read
/// nothing. Sockets of those who read take it all.
const BURST: u64 = 16 * 1024;

/// Bytes that a server has to hold for one to be stuck at it: what the kernel takes still grows a little.
const HELD: u64 = 64 * 1024;

/// Owed bytes after which no more is said for that: a socket grows to 4 MiB on its own (tcp_wmem, tcp(7)).
const MOST: u64 = 6 << 20;

/// What is to be done.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Params {
    /// Those who read all the time.
    pub readers: usize,
    /// Those who read nothing in every other slice.
    pub stalled: usize,
    /// Messages a second, at times set in advance.
    pub rate: f64,
    /// Bytes of a message.
    pub size: usize,
    /// How long while they are stalled, and as long while they read.
    pub seconds: f64,
}

/// The readers' figures without, or with, stalled ones.
#[derive(Clone, Debug, Serialize)]
pub struct Half {
    /// From when a message was due until it was read.
    pub latency: Option<Summary>,
    /// Server CPU time for each delivered line.
    pub server_cpu_us: Option<f64>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Stalled {
    /// What was asked for.
    pub parameters: Params,
    /// Messages said, those before the slices included.
    pub messages: u64,
    /// Whether all got all of them, stalled ones too, later, if the server has closed none.
    pub checked: Checked,
    /// While everybody reads.
    pub without: Half,
    /// While some are stalled.
    pub with: Half,
    /// The p99 with stalled ones as a multiple of that without.
    pub p99_ratio: Option<Ratio>,
    /// What was owed to each stalled one when that slice ended in which the server held least of it; `None` if the
    /// server had closed them all.
    pub unread_bytes: Option<u64>,
    /// What of it the kernel held, if that is to be seen.
    pub kernel_bytes: Option<u64>,
    /// How many of them the server has closed; others have come in for them.
    pub closed: usize,
    /// What the load test took for each delivered line.
    pub own: Option<Own>,
}

/// The slices without, or with, stalled ones.
struct Slices {
    due: Schedule,
    costs: Vec<Cost>,
    p99s: Vec<f64>,
    latency: Latency,
}

impl Slices {
    fn new(params: Params, plan: Plan) -> Self {
        Slices {
            due: Schedule::new(params.rate),
            costs: Vec::new(),
            p99s: Vec::new(),
            latency: Latency::new(plan.span),
        }
    }

    fn sum_up(&mut self, process: Option<Process>) -> Half {
        let cost = Cost::sum(self.costs.iter().copied());
        let measured = process.is_some() && cost.lines > 0;
        Half { latency: self.latency.summary(), server_cpu_us: measured.then(|| rounded(cost.us(), 4)) }
    }
}

struct Run<'a> {
    generator: &'a mut Generator,
    plan: Plan,
    params: Params,
    process: Option<Process>,
    room: Room,
    /// The group of those who stop reading, and how many messages had been said when they did so last.
    stalled: usize,
    before: u32,
    without: Slices,
    with: Slices,
    /// What was owed to each of them when a slice ended, and what of it the kernel held.
    owed: Vec<(u64, Option<u64>)>,
}

/// Carries it out.
///
/// # Errors
/// If it could not be carried through; what was measured so far is in the report.
pub fn run(generator: &mut Generator, settings: &Settings, params: Params, report: &mut Report) -> Result<(), Error> {
    generator.live.begin("stalled: starting", None);
    let others = params.stalled + 1;
    let target = Target::open(generator, settings, params.readers + others, params.size)?;
    let plan = plan(settings, 1, params.seconds);
    let here = capacity().saturating_sub(others + SPARE).max(1);
    let result = Room::open(generator, target.door, params.readers, here, plan).and_then(|room| {
        let first_name = generator.names(params.stalled as u32);
        let stalled = generator.add_group(Group::new(target.door, Role::Stalled, first_name, 1, plan.span));
        let mut run = Run {
            plan,
            params,
            process: target.process,
            room,
            stalled,
            before: 0,
            without: Slices::new(params, plan),
            with: Slices::new(params, plan),
            owed: Vec::new(),
            generator,
        };
        let result = run.carry_out();
        let (stalled, notes) = run.sum_up(result.is_ok());
        report.add(Some(Measured::Stalled(stalled)), notes);
        result
    });
    target.end(generator, result)
}

impl Run<'_> {
    fn carry_out(&mut self) -> Result<(), Error> {
        self.generator.live.begin("stalled: readers come in", None);
        // They are first, lest they be the last ones to whom a server sends.
        self.let_in()?;
        self.room.fill(self.generator, self.plan)?;
        let (pairs, slice) = slices(self.params.seconds);
        for pair in 0..pairs {
            for with in order(pair) {
                self.prepare(with)?;
                self.slice(with, pair * slice, slice)?;
            }
        }
        self.room.drain_all(self.generator, self.plan)
    }

    /// Lets those in who stop reading.
    fn let_in(&mut self) -> Result<(), Error> {
        let_in(self.generator, self.stalled, self.params.stalled, "those who stop reading", self.plan)
    }

    /// Before a slice: the server is stuck at those who read nothing, if they are to be stalled, and is quiet.
    fn prepare(&mut self, with: bool) -> Result<(), Error> {
        self.generator.live.begin("stalled: between two slices", None);
        if with {
            self.replace_closed()?;
            self.generator.pause(self.stalled);
            self.before = self.room.said[0];
        }
        let mut settled = false;
        while !settled {
            for _ in 0..(BURST / self.line_bytes()).max(1) {
                let tag = self.room.next(0, clock::now());
                self.generator.queue(self.room.talkers, 0, tag);
            }
            self.generator.flush(self.room.talkers, 0);
            self.room.drain(self.generator)?;
            let enough = |run: &Self| !with || run.unread() >= MOST || run.is_stuck();
            if enough(self) {
                self.room.settle(self.generator, self.plan)?;
                settled = enough(self);
            }
        }
        Ok(())
    }

    /// Lets others in if the server has closed some.
    fn replace_closed(&mut self) -> Result<(), Error> {
        if self.generator.addrs(self.stalled).len() == self.params.stalled {
            return Ok(());
        }
        self.generator.dismiss(self.stalled);
        // The server may not have let go of the names.
        self.generator.groups[self.stalled].first_name = self.generator.names(self.params.stalled as u32);
        self.let_in()
    }

    /// Bytes of a line as it is delivered.
    fn line_bytes(&self) -> u64 {
        self.generator.groups[self.room.crowd.group].sample.len().max(self.params.size) as u64
    }

    /// Bytes of messages that are owed to each stalled one.
    fn unread(&self) -> u64 {
        u64::from(self.room.said[0] - self.before) * self.line_bytes()
    }

    /// What is to be seen of their connections.
    fn look(&self) -> Vec<Option<socket_queue::Queue>> {
        let server = self.generator.groups[self.stalled].door.addr;
        socket_queue::look(server, &self.generator.addrs(self.stalled))
    }

    /// Whether the server holds enough for each of them that it has not closed.
    fn is_stuck(&self) -> bool {
        let stuck = |queue: socket_queue::Queue| !queue.open || queue.bytes + HELD <= self.unread();
        self.look().into_iter().all(|queue| queue.is_some_and(stuck))
    }

    /// A slice, when so much was `measured` before.
    fn slice(&mut self, with: bool, measured: Nanos, slice: Nanos) -> Result<(), Error> {
        let text = if with { "stalled: some read nothing" } else { "stalled: all read" };
        self.generator.live.begin(text, Some(clock::now() + slice));
        let crowd = self.room.crowd.group;
        self.generator.groups[crowd].latency = Latency::new(self.plan.span);
        let begun = Slice::begin(self.generator, self.process, &self.room)?;
        let due = if with { &mut self.with.due } else { &mut self.without.due };
        let result = talk_on_time(self.generator, &mut self.room, due, begun.began(), measured, slice)
            .and_then(|()| self.room.drain(self.generator));
        let (cost, at_rest) = begun.end(self.generator, &self.room);
        let resumed = if with { self.resume() } else { Ok(()) };
        // What comes only when everybody reads again belongs to this slice, for the others have waited.
        let late = Plan { timeout: SECOND, ..self.plan };
        let result = result.and(at_rest).and(resumed).and_then(|()| self.room.drain_all(self.generator, late));
        let unmeasured = Latency::new(self.plan.span);
        let mut latency = std::mem::replace(&mut self.generator.groups[crowd].latency, unmeasured);
        let slices = if with { &mut self.with } else { &mut self.without };
        slices.costs.push(cost);
        slices.p99s.push(latency.summary().map_or(f64::NAN, |it| it.p99_ms));
        slices.latency.append(latency);
        result.and_then(|()| self.catch_up())
    }

    /// Notes how much the stalled ones have not read, and has them read again.
    fn resume(&mut self) -> Result<(), Error> {
        let queues = self.look();
        if queues.iter().any(|queue| queue.is_none_or(|queue| queue.open)) {
            let held = queues.iter().flatten().filter(|queue| queue.open).map(|queue| queue.bytes).max();
            self.owed.push((self.unread(), held));
        }
        self.generator.resume(self.stalled)
    }

    /// Waits until they have read everything, or nothing more comes.
    fn catch_up(&mut self) -> Result<(), Error> {
        let owed = u64::from(self.room.said[0]) * self.params.stalled as u64;
        let mut timeout = Timeout::new(SECOND);
        loop {
            let delivered = self.generator.groups[self.stalled].room.tally.delivered;
            if delivered >= owed || timeout.is_over(delivered) {
                return Ok(());
            }
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Stalled, Vec<String>) {
        let mut notes = Vec::new();
        let mut checked = self.room.checked_or_here(self.generator, self.plan, at_the_end, &mut notes);
        let Group { closed, room: stalled, .. } = &self.generator.groups[self.stalled];
        let closed = *closed;
        if closed == 0 {
            checked.expected += u64::from(self.room.said[0]) * self.params.stalled as u64;
            checked.tally += stalled.tally;
            checked.lost += if at_the_end { stalled.missing(&self.room.said) } else { 0 };
        } else {
            let times = things(closed, "time");
            notes.push(format!("{times} the server closed one that read nothing, and was not stuck at it any more"));
        }
        let costs = self.without.costs.iter().chain(&self.with.costs).copied();
        let own = Cost::sum(costs).own(self.room.crowd.processes());
        notes.extend(own.iter().flat_map(Own::notes));
        if self.room.crowd.processes() > 1 {
            notes.push("latency is that of the readers in the main process".into());
        }
        let (unread_bytes, kernel_bytes) = least_held(&self.owed).unzip();
        let kernel_bytes = kernel_bytes.flatten();
        notes.extend(doubt(unread_bytes, kernel_bytes).map(str::to_owned));
        let pairs = self.with.p99s.iter().copied().zip(self.without.p99s.iter().copied());
        let stalled = Stalled {
            parameters: self.params,
            messages: u64::from(self.room.said[0]),
            checked,
            p99_ratio: Ratio::of(pairs),
            without: self.without.sum_up(self.process),
            with: self.with.sum_up(self.process),
            unread_bytes,
            kernel_bytes,
            closed,
            own,
        };
        (stalled, notes)
    }
}

/// Whether a pair's first slice, and its second one, is with stalled ones: what only grows or shrinks
/// meanwhile cancels out.
fn order(pair: u64) -> [bool; 2] {
    if pair.is_multiple_of(2) { [false, true] } else { [true, false] }
}

/// The slice in which the server held least of what was owed.
fn least_held(owed: &[(u64, Option<u64>)]) -> Option<(u64, Option<u64>)> {
    owed.iter().copied().min_by_key(|&(unread, kernel)| kernel.map(|kernel| unread.saturating_sub(kernel)))
}

/// Why it may be that the server was not stuck at all.
fn doubt(unread: Option<u64>, kernel: Option<u64>) -> Option<&'static str> {
    match (unread?, kernel) {
        (_, None) => Some("what the kernel held cannot be seen here: whether the server was stuck is not certain"),
        (unread, Some(kernel)) if unread <= kernel => {
            Some("the server was not stuck: the kernel held all that was unread (a higher --rate or --size helps)")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_has_both_and_neither_is_always_first() {
        assert_eq!([0, 1, 2].map(order), [[false, true], [true, false], [false, true]]);
    }

    #[test]
    fn a_server_is_stuck_only_past_what_the_kernel_holds() {
        assert_eq!(doubt(Some(1001), Some(1000)), None);
        assert!(doubt(Some(1000), Some(1000)).is_some_and(|text| text.contains("was not stuck")));
        assert!(doubt(Some(1000), None).is_some_and(|text| text.contains("not certain")));
        assert_eq!(doubt(None, None), None, "all were closed, which is told");
        let owed = [(100, Some(90)), (50, Some(45)), (60, Some(30))];
        assert_eq!(least_held(&owed), Some((50, Some(45))));
        assert_eq!(least_held(&[owed[0], (70, None)]), Some((70, None)), "what is not seen counts least");
    }
}
