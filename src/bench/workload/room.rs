//! A room of talkers and readers; all of them may follow other rooms too.

use std::ops::Range;

use super::delivery_check::DeliveryCheck;
use super::encoding::Encoding;
use super::message::{MessageKind, Tag};
use super::readers::{Readers, ReadersReport, RoomPlan};
use super::transcript::Transcript;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{MILLISECOND, Nanos, SECOND};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Endpoint, Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::report::figures::things;

/// A new probe is sent when no further reader has read one for this long.
const PROBE: Nanos = 200 * MILLISECOND;

/// After this time without a line from the server itself, it has no more joins to announce: chinwag summarizes joins
/// once a second, and less often with very many readers.
const QUIET: Nanos = 1100 * MILLISECOND;
const QUIET_EACH: Nanos = MILLISECOND / 5;
/// Upper limit of that wait: with more than 144,000 readers such a line may come at any time.
const MAX_QUIET: Nanos = 30 * SECOND;

/// How long missing deliveries delay the next slice.
const LATE: Nanos = SECOND;

/// A room with talkers and readers.
pub struct Room {
    /// The readers.
    pub readers: Readers,
    /// The group of the talkers; they read each other, and themselves if the server sends that too.
    pub talkers: usize,
    /// Number of deliveries expected for each message, talkers included.
    pub(super) deliveries_per_message: usize,
    /// Messages sent in each stream.
    pub said: Vec<u32>,
    /// Deliveries that did not come in time.
    written_off: u64,
}

impl Room {
    /// Starts the readers, and logs in the talkers.
    ///
    /// # Errors
    /// If a login fails, or there are fewer readers than addresses.
    pub fn open(
        generator: &mut Generator,
        endpoint: &Endpoint,
        readers: usize,
        here: usize,
        plan: RoomPlan,
    ) -> Result<Self, Error> {
        let addresses = endpoint.addrs.len();
        if addresses > 1 && readers < addresses {
            return Err(Error::Limit(format!(
                "{addresses} addresses need {addresses} readers at least, one at each, and there would be {readers}: \
                 ask for more readers or fewer addresses"
            )));
        }
        let readers = Readers::start(generator, endpoint, readers, here, plan)?;
        let first_name = generator.names(plan.talkers as u32);
        let streams = generator.context.streams;
        let said = vec![0; streams.count(plan.talkers)];
        let talkers =
            generator.add_group(Group::new(endpoint.clone(), Role::Talker, first_name, said.len(), plan.span));
        // Where talkers read their own messages too, all read the same.
        if endpoint.encoding == Encoding::WebSocket {
            generator.groups[talkers].transcript = Some(Transcript::default());
        }
        for talker in 0..plan.talkers {
            let own = if endpoint.encoding == Encoding::WebSocket { 0..0 } else { streams.of_talker(talker) };
            generator.connect(talkers, clock::now(), own)?;
        }
        log_in_group(generator, talkers, plan.talkers, "the talkers", plan)?;
        let deliveries_per_message = readers.count() + endpoint.encoding.read_by(plan.talkers);
        Ok(Room { readers, talkers, deliveries_per_message, said, written_off: 0 })
    }

    /// Logs in all readers, lets them follow the other rooms, and waits until each has read a probe in each room and
    /// the server is quiet.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn fill(&mut self, generator: &mut Generator, plan: RoomPlan) -> Result<(), Error> {
        self.readers.enter(generator, plan)?;
        self.follow(generator, plan)?;
        self.settle(generator, plan)
    }

    /// Lets talkers and readers follow the other rooms of the run, and waits until the server has said that they do.
    ///
    /// # Errors
    /// If the server refuses it, or does not answer.
    pub fn follow(&mut self, generator: &mut Generator, plan: RoomPlan) -> Result<(), Error> {
        let rooms = generator.context.streams.rooms();
        // A member may make at most 16 rooms on chinwag, so a talker makes one half of them and a reader the other.
        let half = rooms.div_ceil(2);
        let (talkers, readers) = (self.talkers, self.readers.group);
        for (group, rooms) in [(talkers, 1..half), (readers, 1..rooms), (talkers, half..rooms)] {
            if !rooms.is_empty() {
                self.follow_in_group(generator, group, rooms, plan)?;
            }
        }
        Ok(())
    }

    fn follow_in_group(
        &mut self,
        generator: &mut Generator,
        group: usize,
        rooms: Range<usize>,
        plan: RoomPlan,
    ) -> Result<(), Error> {
        let are_readers = group == self.readers.group;
        if are_readers {
            self.readers.follow_in_helpers()?;
        }
        (generator.groups[group].asked, generator.groups[group].following) = (0, 0);
        let wanted = if are_readers { self.readers.count() } else { plan.talkers };
        let mut timeout = Timeout::new(plan.timeout);
        loop {
            self.readers.refresh(generator)?;
            let here = generator.groups[group].following;
            let following = if are_readers { self.readers.following(generator) } else { here };
            if following >= wanted {
                return Ok(());
            }
            let who = if are_readers { "readers" } else { "talkers" };
            let waiting_for = || format!("{who} to follow {}: {following} of {wanted} do", things(rooms.len(), "room"));
            timeout.check(following as u64, waiting_for)?;
            generator.follow(group, &rooms, plan.at_once);
            generator.turn(clock::now() + 50 * MILLISECOND)?;
        }
    }

    /// Waits until each reader has read a probe in each room and the server is quiet.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn settle(&mut self, generator: &mut Generator, plan: RoomPlan) -> Result<(), Error> {
        let mut timeout = Timeout::new(plan.timeout);
        while self.readers.ready(generator) < self.readers.count() {
            let ready = self.readers.ready(generator);
            let waiting_for = || format!("readers to get a room message: {ready} of {} have", self.readers.count());
            let in_time = timeout.check(ready as u64, waiting_for);
            in_time.map_err(|error| self.explain_silence(generator, error))?;
            for stream in generator.context.streams.of_talker(0) {
                let stream = stream as u16;
                generator.queue(self.talkers, 0, Tag { kind: MessageKind::Probe, stream, seq: 0, time: clock::now() });
            }
            generator.flush(self.talkers, 0);
            // Very many readers cannot all read it in that time.
            let mut still = Timeout::new(PROBE);
            while self.readers.ready(generator) < self.readers.count()
                && !still.is_over(self.readers.ready(generator) as u64)
            {
                generator.turn(clock::now() + PROBE / 4)?;
                self.readers.refresh(generator)?;
            }
        }
        let quiet = quiet(self.readers.count());
        let end = clock::now() + 5 * quiet;
        let mut quiet = Timeout::new(quiet);
        while clock::now() < end && !quiet.is_over(generator.groups.iter().map(|group| group.notices).sum()) {
            generator.turn(clock::now() + 50 * MILLISECOND)?;
        }
        Ok(())
    }

    /// Says so if what the first talker says comes to readers at its own address only.
    fn explain_silence(&self, generator: &Generator, error: Error) -> Error {
        let to = generator.unreached_addrs(self.readers.group);
        match error {
            Error::Stalled { seconds, .. } if !to.is_empty() => {
                Error::NotOneChat { from: generator.groups[self.talkers].endpoint.addr(0), to, seconds }
            }
            error => error,
        }
    }

    /// The next message of a stream, due at `due`.
    pub fn next(&mut self, stream: usize, due: Nanos) -> Tag {
        let seq = self.said[stream];
        self.said[stream] += 1;
        Tag { kind: MessageKind::Message, stream: stream as u16, seq, time: due }
    }

    /// Deliveries expected for all messages sent, to readers and talkers.
    pub fn expected(&self) -> u64 {
        let said: u64 = self.said.iter().copied().map(u64::from).sum();
        said * self.deliveries_per_message as u64
    }

    /// Deliveries so far.
    pub fn delivered(&self, generator: &Generator) -> u64 {
        self.readers.delivered(generator) + generator.groups[self.talkers].room.tally.delivered
    }

    /// Waits until everything has been delivered, or nothing has come for a second. Missing deliveries are not waited
    /// for again until [`Room::drain_all`].
    ///
    /// # Errors
    /// If the server closes a connection.
    pub fn drain(&mut self, generator: &mut Generator) -> Result<(), Error> {
        self.drain_for(generator, LATE)
    }

    /// Waits until everything has been delivered, or nothing more comes before the timeout.
    ///
    /// # Errors
    /// If the server closes a connection.
    pub fn drain_all(&mut self, generator: &mut Generator, plan: RoomPlan) -> Result<(), Error> {
        self.written_off = 0;
        self.drain_for(generator, plan.timeout)
    }

    fn drain_for(&mut self, generator: &mut Generator, timeout: Nanos) -> Result<(), Error> {
        let mut timeout = Timeout::new(timeout);
        loop {
            self.readers.refresh(generator)?;
            let delivered = self.delivered(generator);
            if delivered + self.written_off >= self.expected() {
                return Ok(());
            }
            if timeout.is_over(delivered) {
                self.written_off = self.expected() - delivered;
                return Ok(());
            }
            generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    /// As [`Room::checked`], but if a helper does not answer, only readers in this process count and a note says so.
    pub fn check_or_here(
        &mut self,
        generator: &mut Generator,
        plan: RoomPlan,
        at_the_end: bool,
        notes: &mut Vec<String>,
    ) -> DeliveryCheck {
        self.checked(generator, plan, at_the_end).unwrap_or_else(|error| {
            notes.push(format!("what helper processes have read is not in it: {error}"));
            self.checked_here(generator)
        })
    }

    /// Checks that each reader got each message once and in order; with several addresses, in the same order as the other
    /// readers. Missing messages count as lost if `at_the_end`.
    ///
    /// # Errors
    /// If a helper does not answer.
    pub fn checked(
        &mut self,
        generator: &mut Generator,
        plan: RoomPlan,
        at_the_end: bool,
    ) -> Result<DeliveryCheck, Error> {
        let ReadersReport { mut tally, mut missing, orders, .. } =
            self.readers.report(generator, &self.said, plan.timeout)?;
        let talkers = &generator.groups[self.talkers].room;
        tally += talkers.tally;
        missing += talkers.missing(&self.said);
        let check = DeliveryCheck::new(self.expected(), tally, if at_the_end { missing } else { 0 });
        Ok(DeliveryCheck { orders: orders.map(|orders| orders.len()), ..check })
    }

    /// For readers in this process only; missing messages do not count as lost.
    fn checked_here(&self, generator: &Generator) -> DeliveryCheck {
        let [readers, talkers] = [self.readers.group, self.talkers].map(|group| generator.groups[group].room.tally);
        let mut tally = readers;
        tally += talkers;
        DeliveryCheck::new(self.expected(), tally, 0)
    }
}

/// How long the server may be silent before it has announced all joins to this many readers.
fn quiet(readers: usize) -> Nanos {
    (QUIET + readers as Nanos * QUIET_EACH).min(MAX_QUIET)
}

/// Logs in `wanted` members of a group, with the plan's limit of logins in progress; `what` names them in errors.
///
/// # Errors
/// If a login fails, or nothing happens before the timeout.
pub fn log_in_group(
    generator: &mut Generator,
    group: usize,
    wanted: usize,
    what: &str,
    plan: RoomPlan,
) -> Result<(), Error> {
    let mut timeout = Timeout::new(plan.timeout);
    loop {
        let logged_in = generator.groups[group].logged_in;
        if logged_in >= wanted {
            return Ok(());
        }
        let waiting_for = || {
            let hint = if logged_in == 0 { " (try --prompt none or --welcome none)" } else { "" };
            format!("{what} to log in: {logged_in} of {wanted} have{hint}")
        };
        timeout.check(logged_in as u64, waiting_for)?;
        generator.admit(group, wanted, plan.at_once)?;
        generator.turn(clock::now() + 50 * MILLISECOND)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_time_is_limited_for_many_readers() {
        assert_eq!(quiet(0), 1100 * MILLISECOND);
        assert_eq!(quiet(15_000), 4100 * MILLISECOND);
        assert_eq!(quiet(1_000_000), 30 * SECOND);
    }
}
