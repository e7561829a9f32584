//! People in one room, of whom some talk and all the others read.

use super::encoding::Encoding;
use super::message::{Kind, Tag};
use super::readers::{Crowd, Plan, Report};
use super::transcript::Transcript;
use crate::bench::baseline::Baseline;
use crate::bench::driver::clock;
use crate::bench::driver::clock::{MILLISECOND, Nanos, SECOND};
use crate::bench::driver::generator::Generator;
use crate::bench::driver::group::{Door, Group, Role};
use crate::bench::driver::timeout::Timeout;
use crate::bench::error::Error;
use crate::bench::report::Checked;

/// Who has not been seen to read is looked for again when nobody has been found for so long.
const PROBE: Nanos = 200 * MILLISECOND;

/// After so long without a line of its own the server has nothing more to tell of who came: chinwag sums
/// up joins once a second, and more rarely where there are very many to read it.
const QUIET: Nanos = 1100 * MILLISECOND;
const QUIET_EACH: Nanos = MILLISECOND / 5;
/// Nobody waits longer than that: among more than 144,000 such a line may come at any time.
const MOST_QUIET: Nanos = 30 * SECOND;

/// How long lines that are owed may fail to come before the next slice begins without them.
const LATE: Nanos = SECOND;

/// See the module.
pub struct Room {
    /// Those who read.
    pub crowd: Crowd,
    /// The group of those who talk; they read each other, and themselves where the server sends that too.
    pub talkers: usize,
    /// How many are to read each message, talkers included.
    readers: usize,
    /// How many messages each has said.
    pub said: Vec<u32>,
    /// What did not come in time.
    written_off: u64,
}

impl Room {
    /// Readers to be, and the talkers in the room.
    ///
    /// # Errors
    /// If somebody cannot get in.
    pub fn open(generator: &mut Generator, door: Door, readers: usize, here: usize, plan: Plan) -> Result<Self, Error> {
        let crowd = Crowd::gather(generator, door, readers, here, plan)?;
        let first_name = generator.names(plan.streams as u32);
        let talkers = generator.add_group(Group::new(door, Role::Talker, first_name, plan.streams, plan.span));
        // Where they read their own lines too, they all read the same.
        if door.encoding == Encoding::WebSocket {
            generator.groups[talkers].transcript = Some(Transcript::default());
        }
        for talker in 0..plan.streams {
            let own = (door.encoding == Encoding::Plain).then_some(talker);
            generator.connect(talkers, clock::now(), own)?;
        }
        let_in(generator, talkers, plan.streams, "those who talk", plan)?;
        let readers = crowd.count() + door.encoding.read_by(plan.streams);
        Ok(Room { crowd, talkers, readers, said: vec![0; plan.streams], written_off: 0 })
    }

    /// Lets all readers in, and waits until each has been seen to read and the server is quiet.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn fill(&mut self, generator: &mut Generator, plan: Plan) -> Result<(), Error> {
        self.crowd.enter(generator, plan)?;
        self.settle(generator, plan)
    }

    /// Waits until each reader has been seen to read and the server is quiet.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn settle(&mut self, generator: &mut Generator, plan: Plan) -> Result<(), Error> {
        let mut timeout = Timeout::new(plan.timeout);
        while self.crowd.ready(generator) < self.crowd.count() {
            let ready = self.crowd.ready(generator);
            let waiting_for = || format!("what is said in the room to be read: {ready} of {} have", self.crowd.count());
            timeout.check(ready as u64, waiting_for)?;
            let probe = Tag { kind: Kind::Probe, stream: 0, seq: 0, time: clock::now() };
            generator.say(self.talkers, 0, probe);
            // Where there are very many, all of them cannot read it in so short a time.
            let mut still = Timeout::new(PROBE);
            while self.crowd.ready(generator) < self.crowd.count() && !still.is_over(self.crowd.ready(generator) as u64)
            {
                generator.turn(clock::now() + PROBE / 4)?;
                self.crowd.refresh(generator)?;
            }
        }
        let quiet = quiet(self.crowd.count());
        let end = clock::now() + 5 * quiet;
        let mut quiet = Timeout::new(quiet);
        while clock::now() < end && !quiet.is_over(generator.groups.iter().map(|group| group.notices).sum()) {
            generator.turn(clock::now() + 50 * MILLISECOND)?;
        }
        Ok(())
    }

    /// The next message of a talker, due at `due`.
    pub fn next(&mut self, talker: usize, due: Nanos) -> Tag {
        let seq = self.said[talker];
        self.said[talker] += 1;
        Tag { kind: Kind::Message, stream: talker as u16, seq, time: due }
    }

    /// Deliveries that are owed for what was said, to readers and to talkers.
    pub fn owed(&self) -> u64 {
        let said: u64 = self.said.iter().copied().map(u64::from).sum();
        said * self.readers as u64
    }

    /// Deliveries so far.
    pub fn delivered(&self, generator: &Generator) -> u64 {
        self.crowd.delivered(generator) + generator.groups[self.talkers].room.tally.delivered
    }

    /// Waits until everything has been delivered, or nothing more has come for a second: what is still owed
    /// then is not waited for again until [`Room::drain_all`].
    ///
    /// # Errors
    /// If the server closes a connection.
    pub fn drain(&mut self, generator: &mut Generator) -> Result<(), Error> {
        self.drain_for(generator, LATE)
    }

    /// Waits until everything has been delivered, or nothing more comes.
    ///
    /// # Errors
    /// If the server closes a connection.
    pub fn drain_all(&mut self, generator: &mut Generator, plan: Plan) -> Result<(), Error> {
        self.written_off = 0;
        self.drain_for(generator, plan.timeout)
    }

    fn drain_for(&mut self, generator: &mut Generator, timeout: Nanos) -> Result<(), Error> {
        let mut timeout = Timeout::new(timeout);
        loop {
            self.crowd.refresh(generator)?;
            let delivered = self.delivered(generator);
            if delivered + self.written_off >= self.owed() {
                return Ok(());
            }
            if timeout.is_over(delivered) {
                self.written_off = self.owed() - delivered;
                return Ok(());
            }
            generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }

    /// As [`Room::checked`], but if a helper does not answer, only those in this process count and a note says so.
    pub fn checked_or_here(
        &mut self,
        generator: &mut Generator,
        plan: Plan,
        at_the_end: bool,
        notes: &mut Vec<String>,
    ) -> Checked {
        self.checked(generator, plan, at_the_end).unwrap_or_else(|error| {
            notes.push(format!("what helper processes have read is not in it: {error}"));
            self.checked_here(generator)
        })
    }

    /// Whether each got each message once and in order; what is under way counts as lost if `at_the_end`.
    ///
    /// # Errors
    /// If a helper does not answer.
    pub fn checked(&mut self, generator: &mut Generator, plan: Plan, at_the_end: bool) -> Result<Checked, Error> {
        let Report { mut tally, mut missing, .. } = self.crowd.report(generator, &self.said, plan.timeout)?;
        let talkers = &generator.groups[self.talkers].room;
        tally += talkers.tally;
        missing += talkers.missing(&self.said);
        Ok(Checked::new(self.owed(), tally, if at_the_end { missing } else { 0 }))
    }

    /// For those in this process alone; what is under way does not count as lost.
    fn checked_here(&self, generator: &Generator) -> Checked {
        let [readers, talkers] = [self.crowd.group, self.talkers].map(|group| generator.groups[group].room.tally);
        let mut tally = readers;
        tally += talkers;
        Checked::new(self.owed(), tally, 0)
    }
}

/// How long the server says nothing of its own once it has told so many readers of all who came.
fn quiet(readers: usize) -> Nanos {
    (QUIET + readers as Nanos * QUIET_EACH).min(MOST_QUIET)
}

/// Lets `wanted` of a group in, at most so many at a time as planned; `what` they are, for errors.
///
/// # Errors
/// If one cannot get in, or nothing happens for too long.
pub fn let_in(generator: &mut Generator, group: usize, wanted: usize, what: &str, plan: Plan) -> Result<(), Error> {
    let mut timeout = Timeout::new(plan.timeout);
    loop {
        let logged_in = generator.groups[group].logged_in;
        if logged_in >= wanted {
            return Ok(());
        }
        let waiting_for = || {
            let hint = if logged_in == 0 { " (--prompt none or --welcome none, if it says nothing then)" } else { "" };
            format!("{what} to be let in: {logged_in} of {wanted} are{hint}")
        };
        timeout.check(logged_in as u64, waiting_for)?;
        generator.admit(group, wanted, plan.at_once)?;
        generator.turn(clock::now() + 50 * MILLISECOND)?;
    }
}

/// As many readers as each message has in a [`Room`], other talkers included, to whom the floor sends the same.
pub struct BaselineRoom {
    /// The process that sends.
    pub baseline: Baseline,
    /// Those who read.
    pub crowd: Crowd,
    /// How many messages of each stream have been sent.
    pub said: Vec<u32>,
    /// What stands before and after a message in a line of the server's.
    around: (Vec<u8>, Vec<u8>),
}

impl BaselineRoom {
    /// Starts the floor and lets the readers in; its lines are made like those in `room`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn open(generator: &mut Generator, room: &Room, here: usize, plan: Plan) -> Result<Self, Error> {
        let Group { greeting, door: Door { encoding, .. }, .. } = generator.groups[room.talkers];
        let baseline = Baseline::start(generator, encoding, greeting)?;
        let mut crowd = Crowd::gather(generator, baseline.door, room.readers, here, plan)?;
        crowd.enter(generator, plan)?;
        let mut room_of_floor =
            BaselineRoom { baseline, crowd, said: vec![0; plan.streams], around: (Vec::new(), Vec::new()) };
        room_of_floor.imitate(generator, room);
        Ok(room_of_floor)
    }

    /// Has lines made like the last one in `room`: numbers in them may have more digits by and by.
    pub fn imitate(&mut self, generator: &Generator, room: &Room) {
        let sample = &generator.groups[room.crowd.group].sample;
        let format = &generator.common.format;
        let at = format.position(sample).unwrap_or(0);
        let end = (at + format.size()).min(sample.len());
        self.around = (sample[..at].to_vec(), sample[end..].to_vec());
    }

    /// Appends the next message of a stream as the server would render it.
    pub fn line(&mut self, generator: &Generator, stream: usize, due: Nanos, to: &mut Vec<u8>) {
        let seq = self.said[stream];
        self.said[stream] += 1;
        to.extend_from_slice(&self.around.0);
        generator.common.format.write(Tag { kind: Kind::Message, stream: stream as u16, seq, time: due }, to);
        to.extend_from_slice(&self.around.1);
    }

    /// Waits until everything has been delivered to those in this process, or to all.
    ///
    /// # Errors
    /// If nothing comes any more.
    pub fn drain(&mut self, generator: &mut Generator, all: bool, most: Nanos) -> Result<(), Error> {
        let said: u64 = self.said.iter().copied().map(u64::from).sum();
        let mut timeout = Timeout::new(most);
        loop {
            self.crowd.refresh(generator)?;
            let (delivered, readers) = if all {
                (self.crowd.delivered(generator), self.crowd.count())
            } else {
                (generator.groups[self.crowd.group].room.tally.delivered, self.crowd.here())
            };
            if delivered >= said * readers as u64 {
                return Ok(());
            }
            timeout.check(delivered, || "what the floor has sent".into())?;
            generator.turn(clock::now() + 20 * MILLISECOND)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_readers_do_not_make_anybody_wait_for_minutes() {
        assert_eq!(quiet(0), 1100 * MILLISECOND);
        assert_eq!(quiet(15_000), 4100 * MILLISECOND);
        assert_eq!(quiet(1_000_000), 30 * SECOND);
    }
}
