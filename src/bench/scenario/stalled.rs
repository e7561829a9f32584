//! Stalled: some clients stop reading. Measures whether that delays the others, and whether they cost more.

use clap::Args;
use serde::Serialize;

use super::arguments;
use super::cost::{Cost, MeasuredSlice};
use super::interface::Scenario;
use super::schedule::{Schedule, pair_order, slices, talk_on_time};
use super::stuck::{fewest_held, stuck_doubt};
use crate::bench::driver::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Group, Role};
use crate::bench::driver::socket_queue;
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::Processes;
use crate::bench::process::target::{SPARE, Target};
use crate::bench::report::figures::{count, milliseconds, rounded, significant, things};
use crate::bench::report::latency::{Latency, LatencySummary};
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

/// Bytes of lines sent at once before a slice, repeatedly, until the server is stuck at the clients that have stopped
/// reading. The sockets of other readers take this much.
const BURST: u64 = 16 * 1024;

/// Bytes that the server must hold for a client to count as stuck: the kernel's buffers still grow a little.
const STUCK_BYTES: u64 = 64 * 1024;

/// Unread bytes after which no more is sent for that: a socket buffer grows to 4 MiB on its own (tcp_wmem, tcp(7)).
const MAX_UNREAD: u64 = 6 << 20;

/// The parameters.
#[derive(Clone, Copy, Debug, Args, Serialize)]
pub struct StalledParams {
    /// Clients that always read [default: 1000, or what the limit of open files allows]
    #[arg(long, value_name = "N", default_value_t = arguments::default_clients(1000), hide_default_value = true, value_parser = arguments::clients())]
    pub readers: usize,
    /// Clients that stop reading in every other slice
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = arguments::clients())]
    pub stalled: usize,
    /// Messages per second
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = arguments::rate)]
    pub rate: f64,
    /// Size of a message
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_SIZE, value_parser = arguments::size())]
    pub size: usize,
    /// How long with stalled clients; the time without them is the same again
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = arguments::seconds)]
    pub seconds: f64,
}

/// The readers' figures with or without stalled clients.
#[derive(Clone, Debug, Serialize)]
pub struct ReadersFigures {
    /// From the due time of a message until it was read.
    pub latency: Option<LatencySummary>,
    /// Server CPU time per delivered line.
    pub server_cpu_us: Option<f64>,
}

/// The figures.
#[derive(Clone, Debug, Serialize)]
pub struct Stalled {
    pub parameters: StalledParams,
    /// Messages sent, including those before the slices.
    pub messages: u64,
    /// Whether all readers got all messages; stalled clients too, later, if the server has closed none.
    pub checked: DeliveryCheck,
    /// While all clients read.
    pub without: ReadersFigures,
    /// While some are stalled.
    pub with: ReadersFigures,
    /// The p99 with stalled clients as a multiple of that without.
    pub p99_ratio: Option<Ratio>,
    /// Unread bytes of each stalled client at the end of the slice in which the server held the fewest; `None` if the
    /// server had closed all of them.
    pub unread_bytes: Option<u64>,
    /// How many of those the kernel held, if known.
    pub kernel_bytes: Option<u64>,
    /// Number of stalled clients that the server has closed; each was replaced by a new client.
    pub closed: usize,
    /// Cost of the load test per delivered line.
    pub own: Option<OwnCost>,
}

/// The slices with or without stalled clients.
struct HalfFigures {
    due: Schedule,
    costs: Vec<Cost>,
    p99s: Vec<f64>,
    latency: Latency,
}

impl HalfFigures {
    fn new(params: StalledParams, plan: RoomPlan) -> Self {
        HalfFigures {
            due: Schedule::new(params.rate),
            costs: Vec::new(),
            p99s: Vec::new(),
            latency: Latency::new(plan.span),
        }
    }

    fn sum_up(&mut self, has_process: bool) -> ReadersFigures {
        let cost = Cost::sum(self.costs.iter().copied());
        let measured = has_process && cost.lines > 0;
        ReadersFigures { latency: self.latency.summary(), server_cpu_us: measured.then(|| rounded(cost.us(), 4)) }
    }
}

struct StalledRun<'a> {
    generator: &'a mut Generator,
    plan: RoomPlan,
    params: StalledParams,
    processes: Option<Processes>,
    room: Room,
    /// The group of stalled clients, and the number of messages sent before they last stopped reading.
    stalled: usize,
    before: u32,
    without: HalfFigures,
    with: HalfFigures,
    /// Unread bytes of each stalled client at the end of a slice, and how many of them the kernel held.
    unread: Vec<(u64, Option<u64>)>,
}

impl Scenario for StalledParams {
    type Measured = Stalled;

    fn size(&self) -> usize {
        self.size
    }

    /// The kernel's queues are looked up for one address.
    fn has_many_addresses(&self) -> bool {
        false
    }

    fn options(&self) -> String {
        let StalledParams { readers, stalled, rate, size, seconds } = self;
        format!("--readers {readers} --stalled {stalled} --rate {rate} --size {size} --seconds {seconds}")
    }

    fn run<M: Figures + From<Stalled>>(
        &self,
        generator: &mut Generator,
        settings: &CommonSettings,
        report: &mut Report<M>,
    ) -> Result<(), Error> {
        let params = *self;
        generator.progress.begin("stalled: starting", None);
        let others = params.stalled + 1;
        let target = Target::open(generator, settings, params.readers + others, params.size)?;
        let plan = RoomPlan::new(settings, 1, params.seconds);
        let here = capacity().saturating_sub(others + SPARE).max(1);
        let result = Room::open(generator, &target.endpoint, params.readers, here, plan).and_then(|room| {
            let first_name = generator.names(params.stalled as u32);
            let stalled =
                generator.add_group(Group::new(target.endpoint.clone(), Role::Stalled, first_name, 1, plan.span));
            let mut run = StalledRun {
                plan,
                params,
                processes: target.processes.clone(),
                room,
                stalled,
                before: 0,
                without: HalfFigures::new(params, plan),
                with: HalfFigures::new(params, plan),
                unread: Vec::new(),
                generator,
            };
            let result = run.carry_out();
            let (stalled, notes) = run.sum_up(result.is_ok());
            report.add(Some(stalled.into()), notes);
            result
        });
        target.end(generator, result)
    }
}

impl Figures for Stalled {
    fn is_right(&self) -> bool {
        self.checked.is_right()
    }

    fn latencies(&self) -> Vec<(&'static str, Option<&LatencySummary>)> {
        vec![
            ("delivery, all read", self.without.latency.as_ref()),
            ("delivery, some stalled", self.with.latency.as_ref()),
        ]
    }

    fn rows(&self, _encoding: Encoding) -> Rows {
        let mut rows = Rows::default();
        let StalledParams { readers, stalled, rate, size, .. } = self.parameters;
        let (readers, rate) = (things(readers, "reader"), significant(rate));
        rows.add("room", format!("{readers}, {rate} messages a second, {size} bytes each"));
        let stalled = count(stalled as u64);
        rows.add("stalled", format!("{stalled} more clients that stop reading in every other slice"));
        rows.add("delivered", self.checked.verdict());
        rows.latency("while all read", self.without.latency.as_ref());
        rows.latency("while some stalled", self.with.latency.as_ref());
        rows.ratio("p99 while some stalled", "that while all read", self.p99_ratio.as_ref());
        rows.cpu("CPU while all read", self.without.server_cpu_us, "a delivered line");
        rows.cpu("CPU while some stalled", self.with.server_cpu_us, "a delivered line");
        if let Some(unread) = self.unread_bytes {
            let held = self.kernel_bytes.map(|bytes| format!(", of which the kernel held {}", count(bytes)));
            rows.add("unread per stalled", format!("{} bytes{}", count(unread), held.unwrap_or_default()));
        }
        rows.own(self.own.as_ref(), "a delivered line");
        rows
    }

    fn headline(&self) -> Vec<String> {
        let mut parts = vec![things(self.parameters.readers, "reader")];
        parts.extend(self.with.latency.as_ref().map(|it| format!("p99 {}", milliseconds(it.p99_ms))));
        let stalled = count(self.parameters.stalled as u64);
        parts.extend(self.p99_ratio.as_ref().map(|it| format!("{:.2} x that without {stalled} stalled", it.median)));
        parts
    }
}

impl StalledRun<'_> {
    fn carry_out(&mut self) -> Result<(), Error> {
        self.generator.progress.begin("stalled: readers log in", None);
        // They log in first, so that the server does not send to them last.
        self.log_in_stalled()?;
        self.room.fill(self.generator, self.plan)?;
        let (pairs, slice) = slices(self.params.seconds);
        for pair in 0..pairs {
            for with in pair_order(pair) {
                self.prepare(with)?;
                self.slice(with, pair * slice, slice)?;
            }
        }
        self.room.drain_all(self.generator, self.plan)
    }

    /// Logs in the clients that will stop reading.
    fn log_in_stalled(&mut self) -> Result<(), Error> {
        log_in_group(self.generator, self.stalled, self.params.stalled, "the clients that stop reading", self.plan)
    }

    /// Prepares a slice: with stalled clients, until the server is stuck at them; then until the server is quiet.
    fn prepare(&mut self, with: bool) -> Result<(), Error> {
        self.generator.progress.begin("stalled: between two slices", None);
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
            let enough = |run: &Self| !with || run.unread() >= MAX_UNREAD || run.is_stuck();
            if enough(self) {
                self.room.settle(self.generator, self.plan)?;
                settled = enough(self);
            }
        }
        Ok(())
    }

    /// Replaces stalled clients that the server has closed.
    fn replace_closed(&mut self) -> Result<(), Error> {
        if self.generator.addrs(self.stalled).len() == self.params.stalled {
            return Ok(());
        }
        self.generator.dismiss(self.stalled);
        // The server may not have released the names yet.
        self.generator.groups[self.stalled].first_name = self.generator.names(self.params.stalled as u32);
        self.log_in_stalled()
    }

    /// Size of a delivered line in bytes.
    fn line_bytes(&self) -> u64 {
        self.generator.groups[self.room.readers.group].line_bytes().max(self.params.size) as u64
    }

    /// Bytes of messages not read by each stalled client.
    fn unread(&self) -> u64 {
        u64::from(self.room.said[0] - self.before) * self.line_bytes()
    }

    /// The socket queues of the stalled clients.
    fn stalled_queues(&self) -> Vec<Option<socket_queue::SocketQueue>> {
        let server = self.generator.groups[self.stalled].endpoint.addr(0);
        socket_queue::socket_queues(server, &self.generator.addrs(self.stalled))
    }

    /// Whether the server itself holds bytes for each stalled client that it has not closed.
    fn is_stuck(&self) -> bool {
        let stuck = |queue: socket_queue::SocketQueue| !queue.open || queue.bytes + STUCK_BYTES <= self.unread();
        self.stalled_queues().into_iter().all(|queue| queue.is_some_and(stuck))
    }

    /// Measures a slice; earlier slices had `measured` in total.
    fn slice(&mut self, with: bool, measured: Nanos, slice: Nanos) -> Result<(), Error> {
        let text = if with { "stalled: some have stopped reading" } else { "stalled: all read" };
        self.generator.progress.begin(text, Some(clock::now() + slice));
        let crowd = self.room.readers.group;
        self.generator.groups[crowd].latency = Latency::new(self.plan.span);
        let begun = MeasuredSlice::begin(self.generator, self.processes.as_ref(), &self.room)?;
        let due = if with { &mut self.with.due } else { &mut self.without.due };
        let result = talk_on_time(self.generator, &mut self.room, due, begun.began(), measured, slice)
            .and_then(|()| self.room.drain(self.generator));
        let (cost, at_rest) = begun.end(self.generator, &self.room);
        let resumed = if with { self.resume() } else { Ok(()) };
        // Messages that come only after all clients read again belong to this slice, because the readers waited for
        // them.
        let late = RoomPlan { timeout: SECOND, ..self.plan };
        let result = result.and(at_rest).and(resumed).and_then(|()| self.room.drain_all(self.generator, late));
        let unmeasured = Latency::new(self.plan.span);
        let mut latency = std::mem::replace(&mut self.generator.groups[crowd].latency, unmeasured);
        let slices = if with { &mut self.with } else { &mut self.without };
        slices.costs.push(cost);
        slices.p99s.push(latency.summary().map_or(f64::NAN, |it| it.p99_ms));
        slices.latency.append(latency);
        result.and_then(|()| self.catch_up())
    }

    /// Records the unread bytes of the stalled clients, and resumes their reading.
    fn resume(&mut self) -> Result<(), Error> {
        let queues = self.stalled_queues();
        if queues.iter().any(|queue| queue.is_none_or(|queue| queue.open)) {
            let held = queues.iter().flatten().filter(|queue| queue.open).map(|queue| queue.bytes).max();
            self.unread.push((self.unread(), held));
        }
        self.generator.resume(self.stalled)
    }

    /// Waits until they have read everything, or nothing more comes.
    fn catch_up(&mut self) -> Result<(), Error> {
        let expected = u64::from(self.room.said[0]) * self.params.stalled as u64;
        let mut timeout = Timeout::new(SECOND);
        loop {
            let delivered = self.generator.groups[self.stalled].room.tally.delivered;
            if delivered >= expected || timeout.is_over(delivered) {
                return Ok(());
            }
            self.generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    fn sum_up(&mut self, at_the_end: bool) -> (Stalled, Vec<String>) {
        let mut notes = Vec::new();
        let mut checked = self.room.check_or_here(self.generator, self.plan, at_the_end, &mut notes);
        let Group { closed, room: stalled, .. } = &self.generator.groups[self.stalled];
        let closed = *closed;
        if closed == 0 {
            checked.expected += u64::from(self.room.said[0]) * self.params.stalled as u64;
            checked.tally += stalled.tally;
            checked.lost += if at_the_end { stalled.missing(&self.room.said) } else { 0 };
        } else {
            let times = things(closed, "time");
            notes.push(format!("{times} the server closed a stalled client, and so was no longer stuck at it"));
        }
        let costs = self.without.costs.iter().chain(&self.with.costs).copied();
        let own = Cost::sum(costs).own(self.room.readers.processes());
        notes.extend(own.iter().flat_map(OwnCost::notes));
        if self.room.readers.processes() > 1 {
            notes.push("latency is that of the readers in the main process".into());
        }
        let (unread_bytes, kernel_bytes) = fewest_held(&self.unread).unzip();
        let kernel_bytes = kernel_bytes.flatten();
        notes.extend(stuck_doubt(unread_bytes, kernel_bytes).map(str::to_owned));
        let pairs = self.with.p99s.iter().copied().zip(self.without.p99s.iter().copied());
        let stalled = Stalled {
            parameters: self.params,
            messages: u64::from(self.room.said[0]),
            checked,
            p99_ratio: Ratio::of(pairs),
            without: self.without.sum_up(self.processes.is_some()),
            with: self.with.sum_up(self.processes.is_some()),
            unread_bytes,
            kernel_bytes,
            closed,
            own,
        };
        (stalled, notes)
    }
}
