//! The reactor of the load test: one poll for all connections, timers, signals and helpers.

mod admission;
pub mod background;
mod pausing;
mod probes;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::event::Event;
use mio::unix::pipe::Receiver;
use mio::{Events, Interest, Poll, Token};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;

use self::background::Background;
use super::clock;
use super::clock::{MILLISECOND, Nanos};
use super::context::RunContext;
use super::group::Group;
use super::member::{Flow, Member};
use super::timer::Timer;
use super::tls::BLOCK;
use crate::bench::error::Error;
use crate::bench::process::cores::Cores;
use crate::bench::process::cost::Processes;
use crate::bench::process::pipe::LinePipe;
use crate::bench::report::progress::{ProgressLine, ProgressStatus};
use crate::bench::workload::message::Tag;
use crate::util::signals;

/// Events taken from the kernel per poll.
const EVENTS: usize = 1024;

/// Events handled before the clock and urgent members are checked, unless a scenario says otherwise.
const STRIDE: usize = 16;

const SIGNALS: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);
/// Tokens of pipes count down from here.
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

/// The event loop of the load test.
///
/// A scenario is sequential code that calls [`Generator::turn`] until what it waits for has happened.
pub struct Generator {
    poll: Poll,
    events: Events,
    /// Events from the kernel; those from `at` on are not handled yet.
    batch: Vec<Ready>,
    at: usize,
    /// Members that must not wait for the end of a batch; they are in `poll` too.
    urgent: Poll,
    urgent_events: Events,
    urgent_members: usize,
    members: Slab<Member>,
    /// What the members do and have received.
    pub groups: Vec<Group>,
    /// Pipes from helper processes.
    pub pipes: Vec<LinePipe>,
    /// What all members share.
    pub context: RunContext,
    /// The progress line on the terminal.
    pub progress: ProgressLine,
    /// Set if the server has its own core.
    pub cores: Option<Cores>,
    /// A task that runs beside the scenario.
    pub background: Option<Box<dyn Background>>,
    /// Events handled before the clock and urgent members are checked.
    pub stride: usize,
    block: Box<[u8]>,
    timer: Timer,
    signals: Signals,
    /// The signal that requested the end.
    pub interrupted: Option<i32>,
    second_signal_ends: Arc<AtomicBool>,
    /// Connections opened so far.
    connects: usize,
    next_name: u32,
    /// Messages and whispers sent.
    said: u64,
}

impl Generator {
    /// Creates the poll, the timer and the signal pipe. The first signal sets `second_signal_ends`; a second one then
    /// ends the process.
    ///
    /// # Errors
    /// If the kernel refuses the poll, a timer or the signal pipe.
    pub fn new(
        context: RunContext,
        progress: ProgressLine,
        second_signal_ends: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
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
                context,
                progress,
                cores: None,
                background: None,
                stride: STRIDE,
                block: vec![0; BLOCK].into_boxed_slice(),
                timer,
                signals,
                interrupted: None,
                second_signal_ends,
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

    /// Reserves `count` names; returns the number of the first.
    pub fn names(&mut self, count: u32) -> u32 {
        let first = self.next_name;
        self.next_name += count;
        first
    }

    /// Starts source addresses at this number, so that several processes do not use the same ones first.
    pub fn skip_sources(&mut self, connects: usize) {
        self.connects = connects;
    }

    /// Number of open connections.
    pub fn connections(&self) -> usize {
        self.members.len()
    }

    /// Watches a helper's pipe; returns the number of the pipe.
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
        self.pipes.push(LinePipe::new(receiver));
        Ok(number)
    }

    /// Forgets a pipe whose process has ended, if it is the newest one.
    pub fn forget_pipe(&mut self, number: usize) {
        if number + 1 == self.pipes.len() {
            self.pipes.pop();
        }
    }

    /// Sends a message of a member to the room.
    pub fn say(&mut self, group: usize, index: usize, tag: Tag) {
        self.queue(group, index, tag);
        self.flush(group, index);
    }

    /// As [`Generator::say`], but the line waits for [`Generator::flush`].
    pub fn queue(&mut self, group: usize, index: usize, tag: Tag) {
        let key = self.groups[group].keys[index];
        if let Some(member) = self.members.get_mut(key) {
            member.queue(tag, &self.context);
            self.said += 1;
        }
    }

    /// Writes queued lines of a member.
    pub fn flush(&mut self, group: usize, index: usize) {
        let key = self.groups[group].keys[index];
        if let Some(member) = self.members.get_mut(key) {
            member.flush();
        }
    }

    /// Sends a whisper from one member to another of the same group.
    pub fn whisper(&mut self, group: usize, from: usize, to: usize, tag: Tag) {
        let name = self.groups[group].name(to, self.context.run);
        let line = self.context.whisper(&name, tag);
        let key = self.groups[group].keys[from];
        if let Some(member) = self.members.get_mut(key) {
            member.say(&line, &self.context);
        }
        self.said += 1;
    }

    /// Sends a ping of a member, due at `tag.time`.
    pub fn ping(&mut self, group: usize, index: usize, tag: Tag) {
        let encoding = self.groups[group].endpoint.encoding;
        let mut line = encoding.ping().as_bytes().to_vec();
        self.context.format.write(tag, &mut line);
        let key = self.groups[group].keys[index];
        if let Some(member) = self.members.get_mut(key) {
            member.say(&line, &self.context);
        }
    }

    /// Sends raw bytes of a member.
    pub fn send(&mut self, group: usize, index: usize, bytes: &[u8]) {
        let key = self.groups[group].keys[index];
        if let Some(member) = self.members.get_mut(key) {
            member.send(bytes);
        }
    }

    /// CPU time of other processes once they sleep; 0 without any. The kernel counts the time of a running
    /// process only up to the last tick, so this waits for all of them to sleep, at most 50 ms.
    ///
    /// # Errors
    /// As [`Generator::turn`].
    pub fn cpu_at_rest(&mut self, processes: Option<&Processes>) -> Result<Nanos, Error> {
        let Some(processes) = processes else { return Ok(0) };
        let mut cpu = processes.cpu();
        for _ in 0..25 {
            let next = clock::now() + 2 * MILLISECOND;
            while clock::now() < next {
                self.turn(next)?;
            }
            let before = std::mem::replace(&mut cpu, processes.cpu());
            if before == cpu {
                break;
            }
        }
        Ok(cpu)
    }

    /// Waits for events until `until` at most, and handles some of them.
    ///
    /// # Errors
    /// If a connection ends unexpectedly, or a signal requests the end.
    pub fn turn(&mut self, until: Nanos) -> Result<(), Error> {
        if self.at == self.batch.len() {
            self.wait(until)?;
        }
        for _ in 0..self.stride {
            let Some(&ready) = self.batch.get(self.at) else { break };
            self.at += 1;
            self.handle(ready)?;
        }
        self.attend()?;
        let now = clock::now();
        if self.progress.is_due(now) {
            self.show(now);
        }
        let Some(mut background) = self.background.take() else { return Ok(()) };
        let result = background.turn(self, now);
        self.background = Some(background);
        result
    }

    /// Handles the events of urgent members alone.
    ///
    /// # Errors
    /// As [`Generator::turn`].
    pub fn attend(&mut self) -> Result<(), Error> {
        if self.urgent_members > 0 { self.handle_urgent() } else { Ok(()) }
    }

    fn wait(&mut self, until: Nanos) -> Result<(), Error> {
        let background = self.background.as_ref().map_or(Nanos::MAX, |background| background.next_due());
        let until = until.min(self.progress.next_due()).min(background);
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
        // Before anything is recorded, so that each event counts for the interval in which it came.
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
                    self.second_signal_ends.store(true, Ordering::Relaxed);
                    Err(Error::Interrupted(signal))
                }
                None => Ok(()),
            },
            TIMER => {
                self.timer.is_over();
                Ok(())
            }
            Token(number) if number > PIPES - MAX_PIPES => {
                // One that is forgotten may still have an event.
                self.pipes.get_mut(PIPES - number).into_iter().for_each(|pipe| pipe.read(&mut self.block));
                Ok(())
            }
            Token(key) => self.handle_member(key, ready),
        }
    }

    fn handle_member(&mut self, key: usize, ready: Ready) -> Result<(), Error> {
        // A connection that was closed earlier may still have events.
        let Some(member) = self.members.get_mut(key) else { return Ok(()) };
        let group = &mut self.groups[member.group];
        if ready.writable {
            member.writable(group, &self.context)?;
        }
        if !ready.readable && !ready.closing {
            return Ok(());
        }
        let before = group.room.tally.delivered;
        if member.readable(group, &self.context, &mut self.block, ready.closing)? == Flow::Closed {
            self.members.remove(key);
        }
        if let Some(background) = &mut self.background
            && group.room.tally.delivered > before
        {
            background.record_delivery(clock::now());
        }
        Ok(())
    }

    fn handle_urgent(&mut self) -> Result<(), Error> {
        match self.urgent.poll(&mut self.urgent_events, Some(Duration::ZERO)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Error::System("cannot poll", error)),
            _ => {}
        }
        let events = std::mem::replace(&mut self.urgent_events, Events::with_capacity(0));
        let seen = events.iter().try_for_each(|event| self.handle_member(event.token().0, Ready::new(event)));
        self.urgent_events = events;
        seen
    }

    fn show(&mut self, now: Nanos) {
        let round_trips = self.groups.iter().map(|group| &group.round_trips);
        let mut measured = round_trips.chain(self.groups.iter().map(|group| &group.latency));
        let latency = measured.find_map(|measured| measured.last()).map(|point| (point.p50_ms, point.p99_ms));
        let status = ProgressStatus {
            connections: self.members.len(),
            said: self.said,
            delivered: self.groups.iter().map(|group| group.room.tally.delivered + group.private.tally.delivered).sum(),
            latency,
        };
        self.progress.show(now, &status);
    }
}
