//! The reactor of the load test: one poll for all its connections, timers, signals and helpers.

mod admission;
mod pausing;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::event::Event;
use mio::unix::pipe::Receiver;
use mio::{Events, Interest, Poll, Token};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;

use super::clock;
use super::clock::{MILLISECOND, Nanos};
use super::common::Common;
use super::group::Group;
use super::member::{Flow, Member};
use super::timer::Timer;
use crate::bench::error::Error;
use crate::bench::process::cores::Cores;
use crate::bench::process::cost::Process;
use crate::bench::process::pipe::Pipe;
use crate::bench::report::progress::{Live, Status};
use crate::bench::workload::message::Tag;
use crate::util::signals;

/// Events taken from the kernel at once.
const EVENTS: usize = 1024;

/// Members that are read from before the time, and those who must not wait, are looked at.
const STRIDE: usize = 16;

/// Bytes read at once: more than a socket's buffer holds as a rule.
const BLOCK: usize = 256 * 1024;

const SIGNALS: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);
/// Pipes have the tokens down from here.
const PIPES: usize = usize::MAX - 3;
const MAX_PIPES: usize = 1024;

#[derive(Clone, Copy)]
struct Ready {
    token: Token,
    readable: bool,
    writable: bool,
    closing: bool,
}

impl Ready {
    fn new(event: &Event) -> Self {
        Ready {
            token: event.token(),
            readable: event.is_readable(),
            writable: event.is_writable(),
            closing: event.is_read_closed() || event.is_error(),
        }
    }
}

/// See the module.
///
/// A scenario is plain code that calls [`Generator::turn`] until what it waits for has happened.
pub struct Generator {
    poll: Poll,
    events: Events,
    /// What the kernel has told and nobody has looked at yet, from `at` on.
    batch: Vec<Ready>,
    at: usize,
    /// Those who must not wait until a batch is over; they are in `poll` too.
    urgent: Poll,
    urgent_events: Events,
    urgent_members: usize,
    members: Slab<Member>,
    /// What the members do, and have seen.
    pub groups: Vec<Group>,
    /// What helpers write.
    pub pipes: Vec<Pipe>,
    /// What all members have in common.
    pub common: Common,
    /// The live line.
    pub live: Live,
    /// Set if the server has a core to itself.
    pub cores: Option<Cores>,
    block: Box<[u8]>,
    timer: Timer,
    signals: Signals,
    /// The signal that has asked for the end.
    pub interrupted: Option<i32>,
    impatient: Arc<AtomicBool>,
    /// How many connections have been asked for.
    connects: usize,
    next_name: u32,
    /// Messages and whispers.
    said: u64,
}

impl Generator {
    /// Once a first signal has come, `impatient` is set, for the second one to end the process.
    ///
    /// # Errors
    /// If the kernel refuses the poll, a timer or the signals' pipe.
    pub fn new(common: Common, live: Live, impatient: Arc<AtomicBool>) -> Result<Self, Error> {
        let new = || {
            let (poll, urgent) = (Poll::new()?, Poll::new()?);
            let mut signals = signals::watch()?;
            poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
            let timer = Timer::new(poll.registry(), TIMER)?;
            Ok(Generator {
                poll,
                events: Events::with_capacity(EVENTS),
                batch: Vec::with_capacity(EVENTS),
                at: 0,
                urgent,
                urgent_events: Events::with_capacity(EVENTS),
                urgent_members: 0,
                members: Slab::new(),
                groups: Vec::new(),
                pipes: Vec::new(),
                common,
                live,
                cores: None,
                block: vec![0; BLOCK].into_boxed_slice(),
                timer,
                signals,
                interrupted: None,
                impatient,
                connects: 0,
                next_name: 0,
                said: 0,
            })
        };
        new().map_err(|error| Error::System("cannot start the load test", error))
    }

    /// Adds a group without members; returns its number.
    pub fn add_group(&mut self, group: Group) -> usize {
        self.groups.push(group);
        self.groups.len() - 1
    }

    /// Sets so many names aside; returns the number of the first.
    pub fn names(&mut self, count: u32) -> u32 {
        let first = self.next_name;
        self.next_name += count;
        first
    }

    /// Source addresses go on from there, so that several processes do not use the same first.
    pub fn skip_sources(&mut self, connects: usize) {
        self.connects = connects;
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.members.len()
    }

    /// Reads from a helper's pipe; returns the pipe's number.
    ///
    /// # Errors
    /// If the kernel refuses to watch it.
    pub fn watch(&mut self, mut receiver: Receiver) -> Result<usize, Error> {
        let number = self.pipes.len();
        assert!(number < MAX_PIPES, "few helpers");
        receiver
            .set_nonblocking(true)
            .and_then(|()| self.poll.registry().register(&mut receiver, Token(PIPES - number), Interest::READABLE))
            .map_err(|error| Error::System("cannot watch a helper", error))?;
        self.pipes.push(Pipe::new(receiver));
        Ok(number)
    }

    /// Has a member say something in the room.
    pub fn say(&mut self, group: usize, index: usize, tag: Tag) {
        self.queue(group, index, tag);
        self.flush(group, index);
    }

    /// As [`Generator::say`], but the line waits for [`Generator::flush`].
    pub fn queue(&mut self, group: usize, index: usize, tag: Tag) {
        let key = self.groups[group].keys[index];
        if let Some(member) = self.members.get_mut(key) {
            member.queue(tag, &self.common);
            self.said += 1;
        }
    }

    /// Writes what has been queued.
    pub fn flush(&mut self, group: usize, index: usize) {
        let key = self.groups[group].keys[index];
        if let Some(member) = self.members.get_mut(key) {
            member.flush();
        }
    }

    /// Has a member whisper to another of its group.
    pub fn whisper(&mut self, group: usize, from: usize, to: usize, tag: Tag) {
        let name = self.groups[group].name(to, self.common.run);
        let line = self.common.whisper(&name, tag);
        let key = self.groups[group].keys[from];
        if let Some(member) = self.members.get_mut(key) {
            member.say(&line, &self.common);
        }
        self.said += 1;
    }

    /// Has a member send these bytes.
    pub fn send(&mut self, group: usize, index: usize, bytes: &[u8]) {
        let key = self.groups[group].keys[index];
        if let Some(member) = self.members.get_mut(key) {
            member.send(bytes);
        }
    }

    /// CPU time of another process when it has gone to sleep, since the kernel counts that of one that runs up
    /// to the last tick only; after 50 ms as it is then. 0 without a process.
    ///
    /// # Errors
    /// As [`Generator::turn`].
    pub fn cpu_at_rest(&mut self, process: Option<Process>) -> Result<Nanos, Error> {
        let Some(process) = process else { return Ok(0) };
        let mut cpu = process.cpu();
        for _ in 0..25 {
            let next = clock::now() + 2 * MILLISECOND;
            while clock::now() < next {
                self.turn(next)?;
            }
            let before = std::mem::replace(&mut cpu, process.cpu());
            if before == cpu {
                break;
            }
        }
        Ok(cpu)
    }

    /// Waits for something to happen until `until` at most, and sees to some of it.
    ///
    /// # Errors
    /// If a connection ends that should not, or a signal asks for the end.
    pub fn turn(&mut self, until: Nanos) -> Result<(), Error> {
        if self.at == self.batch.len() {
            self.wait(until)?;
        }
        for _ in 0..STRIDE {
            let Some(&ready) = self.batch.get(self.at) else { break };
            self.at += 1;
            self.handle(ready)?;
        }
        if self.urgent_members > 0 {
            self.see_to_urgent()?;
        }
        let now = clock::now();
        if self.live.is_due(now) {
            self.show(now);
        }
        Ok(())
    }

    fn wait(&mut self, until: Nanos) -> Result<(), Error> {
        let until = until.min(self.live.next_due());
        let timeout = if until <= clock::now() {
            Some(Duration::ZERO)
        } else {
            self.timer.set(until).map_err(|error| Error::System("cannot set a timer", error))?;
            None
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Error::System("cannot poll", error)),
            _ => {}
        }
        // Before any of it is recorded, so that it counts for the interval in which it came.
        let now = clock::now();
        for group in &mut self.groups {
            for measured in [&mut group.latency, &mut group.round_trips, &mut group.logins, &mut group.visits] {
                measured.roll(now);
            }
        }
        self.batch.clear();
        self.at = 0;
        self.batch.extend(self.events.iter().map(Ready::new));
        Ok(())
    }

    fn handle(&mut self, ready: Ready) -> Result<(), Error> {
        match ready.token {
            SIGNALS => match self.signals.pending().next() {
                Some(signal) => {
                    self.interrupted = Some(signal);
                    self.impatient.store(true, Ordering::Relaxed);
                    Err(Error::Interrupted(signal))
                }
                None => Ok(()),
            },
            TIMER => {
                self.timer.is_over();
                Ok(())
            }
            Token(number) if number > PIPES - MAX_PIPES => {
                self.pipes[PIPES - number].read(&mut self.block);
                Ok(())
            }
            Token(key) => self.see_to(key, ready),
        }
    }

    fn see_to(&mut self, key: usize, ready: Ready) -> Result<(), Error> {
        // One that was closed in this batch, or before, may still be told of.
        let Some(member) = self.members.get_mut(key) else { return Ok(()) };
        let group = &mut self.groups[member.group];
        if ready.writable {
            member.writable(group, &self.common)?;
        }
        if !ready.readable && !ready.closing {
            return Ok(());
        }
        if member.readable(group, &self.common, &mut self.block, ready.closing)? == Flow::Closed {
            self.members.remove(key);
        }
        Ok(())
    }

    fn see_to_urgent(&mut self) -> Result<(), Error> {
        match self.urgent.poll(&mut self.urgent_events, Some(Duration::ZERO)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Error::System("cannot poll", error)),
            _ => {}
        }
        let events = std::mem::replace(&mut self.urgent_events, Events::with_capacity(0));
        let seen = events.iter().try_for_each(|event| self.see_to(event.token().0, Ready::new(event)));
        self.urgent_events = events;
        seen
    }

    fn show(&mut self, now: Nanos) {
        let round_trips = self.groups.iter().map(|group| &group.round_trips);
        let mut measured = round_trips.chain(self.groups.iter().map(|group| &group.latency));
        let latency = measured.find_map(|measured| measured.last()).map(|point| (point.p50_ms, point.p99_ms));
        let status = Status {
            connections: self.members.len(),
            said: self.said,
            delivered: self.groups.iter().map(|group| group.room.tally.delivered + group.private.tally.delivered).sum(),
            latency,
        };
        self.live.show(now, &status);
    }
}
