//! Readers of a room: in this process, and in helper processes beyond the file descriptor limit of one process.

mod helper;

use std::collections::BTreeSet;

use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

pub use self::helper::run_helper;
use self::helper::{Helper, HelperRequest};
use super::checker::Tally;
use crate::bench::driver::clock::{self, MILLISECOND, Nanos, span};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Endpoint, Group};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::process::cost::Process;
use crate::bench::process::helper::{OutputStream, Subprocess};
use crate::bench::report::latency::Spans;
use crate::bench::settings::{AT_ONCE, CommonSettings};

/// Descriptors of a process that are not for connections.
pub const RESERVE: usize = 64;

/// What all readers have received.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ReadersReport {
    /// What was delivered.
    pub tally: Tally,
    /// Deliveries that did not come.
    pub missing: u64,
    /// The orders in which readers with all messages have read them: [`Checker::orders`].
    ///
    /// [`Checker::orders`]: super::checker::Checker::orders
    pub orders: Option<BTreeSet<u64>>,
    latency: Spans,
    logins: Spans,
    by_address: Vec<[Spans; 2]>,
}

/// The readers of a room, in this process and in helpers.
pub struct Readers {
    /// The group of the readers in this process.
    pub group: usize,
    helpers: Vec<Helper>,
    count: usize,
}

/// Number of connections that a process can have besides its other files.
pub fn capacity() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(1 << 30) as usize;
    limit.saturating_sub(RESERVE).max(1)
}

impl Readers {
    /// Starts `count` readers, at most `here` in this process. They log in with [`Readers::enter`].
    ///
    /// # Errors
    /// If a helper cannot be started.
    pub fn start(
        generator: &mut Generator,
        endpoint: &Endpoint,
        count: usize,
        here: usize,
        plan: RoomPlan,
    ) -> Result<Readers, Error> {
        let first_name = generator.names(count as u32);
        let streams = generator.context.streams;
        let group = Group::of_readers(endpoint.clone(), first_name, streams, plan.talkers, plan.span);
        let group = generator.add_group(group);
        let mut readers = Readers { group, helpers: Vec::new(), count };
        let mut left = count - count.min(here);
        while left > 0 {
            let run_helper = Subprocess::start(generator, "a helper", &["readers".into()], OutputStream::Stdout)?;
            let count = left.min(capacity());
            left -= count;
            readers.helpers.push(Helper::start(generator, run_helper, endpoint, count, plan)?);
        }
        Ok(readers)
    }

    /// Waits until all are logged in.
    ///
    /// # Errors
    /// If a login fails, or nothing happens before the timeout.
    pub fn enter(&mut self, generator: &mut Generator, plan: RoomPlan) -> Result<(), Error> {
        self.enter_up_to(generator, plan, self.count)
    }

    /// As [`Readers::enter`], but logs in only as many in this process as needed for `count` in all.
    ///
    /// # Errors
    /// As [`Readers::enter`].
    pub fn enter_up_to(&mut self, generator: &mut Generator, plan: RoomPlan, count: usize) -> Result<(), Error> {
        let here = count - (self.count - self.here());
        let mut timeout = Timeout::new(plan.timeout);
        loop {
            self.refresh(generator)?;
            let logged_in = self.logged_in(generator);
            if logged_in >= count {
                return Ok(());
            }
            let waiting_for = || format!("clients to log in: {logged_in} of {} have", self.count);
            timeout.check(logged_in as u64, waiting_for)?;
            generator.admit(self.group, here, plan.at_once)?;
            generator.turn(clock::now() + 50 * MILLISECOND)?;
        }
    }

    /// Number of readers in this process.
    pub fn here(&self) -> usize {
        self.count - self.helpers.iter().map(|helper| helper.count).sum::<usize>()
    }

    /// Number of readers.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Number of processes that read.
    pub fn processes(&self) -> usize {
        1 + self.helpers.len()
    }

    /// Number of readers logged in.
    pub fn logged_in(&self, generator: &Generator) -> usize {
        generator.groups[self.group].logged_in
            + self.helpers.iter().map(|helper| helper.status.logged_in).sum::<usize>()
    }

    /// Number of readers that follow all rooms of the run.
    pub fn following(&self, generator: &Generator) -> usize {
        generator.groups[self.group].following
            + self.helpers.iter().map(|helper| helper.status.following).sum::<usize>()
    }

    /// Number of readers that have read a probe in each room.
    pub fn ready(&self, generator: &Generator) -> usize {
        generator.groups[self.group].ready + self.helpers.iter().map(|helper| helper.status.ready).sum::<usize>()
    }

    /// Deliveries known so far.
    pub fn delivered(&self, generator: &Generator) -> u64 {
        generator.groups[self.group].room.tally.delivered
            + self.helpers.iter().map(|one| one.status.delivered).sum::<u64>()
    }

    /// CPU time of the helpers.
    pub fn helpers_cpu(&self) -> Nanos {
        self.helpers
            .iter()
            .filter_map(|helper| Process::new(helper.run_helper.pid()).ok())
            .map(|process| process.cpu())
            .sum()
    }

    /// Processes messages from helpers.
    ///
    /// # Errors
    /// If a helper has failed.
    pub fn refresh(&mut self, generator: &mut Generator) -> Result<(), Error> {
        self.helpers.iter_mut().try_for_each(|helper| helper.refresh(generator))
    }

    /// Lets the readers in helpers follow the other rooms; those in this process do with [`Generator::follow`].
    ///
    /// # Errors
    /// If a helper has ended.
    pub fn follow_in_helpers(&mut self) -> Result<(), Error> {
        self.helpers.iter_mut().try_for_each(|helper| helper.request(&HelperRequest::Follow))
    }

    /// The report of all readers, given the number of messages sent in each stream.
    ///
    /// # Errors
    /// If a helper does not answer.
    pub fn report(&mut self, generator: &mut Generator, said: &[u32], timeout: Nanos) -> Result<ReadersReport, Error> {
        let group = &generator.groups[self.group];
        let (missing, orders) = (group.room.missing(said), group.room.orders(said));
        let mut sum = ReadersReport { tally: group.room.tally, missing, orders, ..ReadersReport::default() };
        for helper in &mut self.helpers {
            helper.request(&HelperRequest::Report { said: said.to_vec() })?;
            let mut timeout = Timeout::new(timeout);
            let report = loop {
                if let Some(report) = helper.report.take() {
                    break report;
                }
                timeout.check(0, || "the report of a helper".into())?;
                match generator.turn(clock::now() + 50 * MILLISECOND) {
                    // What was measured is reported in any case.
                    Ok(()) | Err(Error::Interrupted(_) | Error::Closed { .. }) => {}
                    Err(error) => return Err(error),
                }
                helper.refresh(generator)?;
            };
            sum.tally += report.tally;
            sum.missing += report.missing;
            if let (Some(sum), Some(orders)) = (&mut sum.orders, report.orders) {
                sum.extend(orders);
            }
            let group = &mut generator.groups[self.group];
            group.latency.merge(&report.latency);
            group.logins.merge(&report.logins);
            if let Some(by_address) = &mut group.by_address {
                by_address.merge(&report.by_address);
            }
        }
        Ok(sum)
    }
}

/// How readers log in, and what they measure.
#[derive(Clone, Copy, Debug)]
pub struct RoomPlan {
    /// Number of senders.
    pub talkers: usize,
    /// Logins in progress at once.
    pub at_once: usize,
    /// Length of the measurement.
    pub span: Nanos,
    /// How long nothing may happen.
    pub timeout: Nanos,
}

impl RoomPlan {
    /// For `talkers` senders, measured for this number of seconds.
    pub fn new(settings: &CommonSettings, talkers: usize, seconds: f64) -> Self {
        let at_once = settings.at_once.unwrap_or(AT_ONCE);
        RoomPlan { talkers, at_once, span: span(seconds), timeout: settings.timeout }
    }
}
