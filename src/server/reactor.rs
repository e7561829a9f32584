//! The reactor: one poll, and what is done in one turn of it.
//!
//! A turn: events are noted; who has something to say is read from; timers are looked at; private
//! lines and then the rooms' sweeps are written; who is to go is closed. Each step has a budget,
//! so that however much there is to do, nobody waits for more than a turn.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use log::{debug, info, warn};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;

use super::Limits;
use super::acceptor::Acceptor;
use super::clock::Clock;
use super::connection::{Connection, Flushed, Phase, Received};
use super::console::Console;
use super::timers::{Deadline, Timer};
use crate::chat::{Allowance, ClientId, Hub, Now};
use crate::wheel::Wheel;
use crate::{logging, signals};

const SIGNALS: Token = Token(0);
const CONSOLE: Token = Token(1);
const LISTENERS: usize = 2;
/// Connections have the tokens from here on; below there is room for listeners.
const CONNECTIONS: usize = 1024;

/// Events taken from the kernel at once.
const EVENTS: usize = 1024;
/// Bytes read from one client at once.
const BLOCK: usize = 16 * 1024;
/// Connections accepted in a turn.
const ACCEPTS: usize = 128;
/// Reads in a turn.
const READS: usize = 256;
/// Clients to whom private lines are written in a turn.
const PRIVATE_WRITES: usize = 256;
/// Members of rooms who are visited in a turn.
const VISITS: usize = 64;

/// How soon output that nobody reads is tried again.
const OUTPUT_RETRY: Duration = Duration::from_millis(100);

/// Everything that one server process has.
pub struct Reactor {
    poll: Poll,
    pub(super) hub: Hub,
    pub(super) limits: Limits,
    clock: Clock,
    pub(super) acceptor: Acceptor,
    signals: Signals,
    /// A signal has come.
    signalled: bool,
    console: Option<Console>,
    pub(super) connections: Slab<Connection<TcpStream>>,
    /// Connections that may be open at once.
    pub(super) max_connections: usize,
    serials: u32,
    /// It has been logged that there is no room for more connections.
    pub(super) told_full: bool,
    /// Who is to be read from.
    ready: VecDeque<usize>,
    /// Whose connection has turned out to be broken.
    broken: Vec<usize>,
    /// Who is to be read from once the others' lines have been written.
    after_others: Vec<usize>,
    /// Who is to be taken out of the slab at the end of the turn, when no event can mean them.
    pub(super) closed: Vec<usize>,
    pub(super) timers: Wheel<Deadline>,
    pub(super) block: Box<[u8]>,
    /// Set when the server ends: when it does so whatever is still owed.
    pub(super) ends_at: Option<Duration>,
}

impl Reactor {
    /// Sets up the poll; nothing is accepted before [`Reactor::run`].
    ///
    /// # Errors
    /// If the kernel refuses the poll, the signals' pipe, or a registration.
    pub fn new(
        mut hub: Hub,
        listeners: Vec<TcpListener>,
        limits: Limits,
        max_connections: usize,
        console: bool,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let mut acceptor = Acceptor::new(listeners);
        for (number, socket) in acceptor.sockets().enumerate() {
            if LISTENERS + number >= CONNECTIONS {
                return Err(io::Error::other(format!("more than {} addresses to listen on", CONNECTIONS - LISTENERS)));
            }
            registry.register(socket, Token(LISTENERS + number), Interest::READABLE)?;
        }
        let mut signals = signals::watch()?;
        registry.register(&mut signals, SIGNALS, Interest::READABLE)?;
        let console = console.then(|| Console::new(&mut hub, registry, CONSOLE, limits.max_line)).transpose()?;
        Ok(Reactor {
            poll,
            hub,
            limits,
            clock: Clock::new(),
            acceptor,
            signals,
            signalled: false,
            console,
            connections: Slab::new(),
            max_connections,
            serials: 0,
            told_full: false,
            ready: VecDeque::new(),
            broken: Vec::new(),
            after_others: Vec::new(),
            closed: Vec::new(),
            timers: Wheel::default(),
            block: vec![0; BLOCK].into_boxed_slice(),
            ends_at: None,
        })
    }

    /// The addresses that are really listened on.
    pub fn local_addrs(&mut self) -> Vec<SocketAddr> {
        self.acceptor.sockets().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Serves until a signal, the operator or the peer of p2p ends it; returns the exit code.
    ///
    /// # Errors
    /// If the kernel's poll fails.
    pub fn run(&mut self) -> io::Result<u8> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = self.clock.now();
            for event in &events {
                self.note(event);
            }
            if std::mem::take(&mut self.signalled)
                && let Some(code) = self.take_signals(now)
            {
                return Ok(code);
            }
            for slot in std::mem::take(&mut self.broken) {
                self.lose(slot, now);
            }
            self.read(now);
            self.accept(now);
            if let Some(console) = &mut self.console {
                console.receive(&mut self.hub, self.poll.registry(), now);
            }
            self.expire(now);
            self.hub.tick(now);
            self.write(now);
            self.close(now);
            self.reap(now);
            if self.hub.is_ending() && self.ends_at.is_none() {
                self.begin_shutdown(now);
            }
            if let Some(console) = &mut self.console {
                console.show(&mut self.hub);
            }
            logging::flush();
            if self.ends_at.is_some_and(|end| self.connections.is_empty() || end <= now.at) {
                if let Some(console) = &mut self.console {
                    console.finish(&mut self.hub, OUTPUT_RETRY);
                }
                return Ok(0);
            }
        }
    }

    /// How long the poll may wait.
    fn timeout(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let has_work = !self.ready.is_empty()
            || self.hub.has_work()
            || !self.closed.is_empty()
            || (self.has_room() && self.acceptor.is_ready(now))
            || self.console.as_ref().is_some_and(Console::is_ready);
        if has_work {
            return Some(Duration::ZERO);
        }
        let output = logging::has_pending() || self.console.as_ref().is_some_and(Console::has_pending);
        let retry = self.acceptor.next_deadline().filter(|_| self.has_room());
        [self.timers.next(), self.hub.next_deadline(), retry, self.ends_at, output.then_some(now + OUTPUT_RETRY)]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.saturating_sub(now))
    }

    /// Whether one more connection leaves enough file descriptors.
    fn has_room(&self) -> bool {
        self.connections.len() < self.max_connections && self.ends_at.is_none()
    }

    /// Notes what an event says; nothing is done yet, so that no slot changes its owner meanwhile.
    fn note(&mut self, event: &Event) {
        match event.token() {
            SIGNALS => self.signalled = true,
            CONSOLE => self.console.iter_mut().for_each(Console::notify),
            Token(token) if token < CONNECTIONS => self.acceptor.notify(token - LISTENERS),
            Token(token) => {
                let slot = token - CONNECTIONS;
                if event.is_writable() {
                    self.hub.writable(ClientId::new(slot));
                }
                let Some(connection) = self.connections.get_mut(slot) else { return };
                connection.hung_up |= event.is_read_closed();
                connection.broken |= event.is_error();
                if connection.broken && (connection.held_back || connection.phase == Phase::Closing) {
                    // Nobody will read from it soon, and so nobody would find out.
                    self.broken.push(slot);
                } else if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.read_soon(slot);
                }
            }
        }
    }

    /// Puts a connection into the queue of those to be read from.
    pub(super) fn read_soon(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !connection.queued
            && !connection.held_back
        {
            connection.queued = true;
            self.ready.push_back(slot);
        }
    }

    /// A first signal begins the end; a second one is the end, with the code that it returns.
    fn take_signals(&mut self, now: Now) -> Option<u8> {
        for signal in self.signals.pending() {
            if self.ends_at.is_some() {
                return Some(128 + signal as u8);
            }
            info!("signal {signal}: shutting down");
            self.begin_shutdown(now);
        }
        None
    }

    /// Gives those who are ready a read each.
    fn read(&mut self, now: Now) {
        for _ in 0..READS.min(self.ready.len()) {
            let Some(slot) = self.ready.pop_front() else { return };
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            connection.queued = false;
            if connection.phase == Phase::Open && self.ends_at.is_none() {
                self.receive(slot, now);
            } else if connection.phase == Phase::Draining && connection.drain(&mut self.block) {
                self.finish(slot);
            }
        }
    }

    fn receive(&mut self, slot: usize, now: Now) {
        let id = ClientId::new(slot);
        let connection = &mut self.connections[slot];
        match connection.receive(&mut self.hub, id, now, &mut self.block, self.limits.max_line) {
            Received::All => {}
            Received::More => self.read_soon(slot),
            Received::Until(time) => {
                connection.held_back = true;
                self.set_timer(slot, Timer::Resume, time);
            }
            Received::AfterOthers => {
                connection.held_back = true;
                self.after_others.push(slot);
            }
            Received::AfterReplies => {
                connection.held_back = true;
                connection.after_replies = true;
            }
            Received::End => self.hub.end_of_input(id, now),
            Received::Lost => self.lose(slot, now),
        }
        if self.connections[slot].broken && self.connections[slot].held_back {
            self.lose(slot, now);
        }
        if !self.limits.eol_timeout.is_zero() {
            self.watch_line(slot, now);
        }
    }

    /// Takes in newcomers.
    fn accept(&mut self, now: Now) {
        for _ in 0..ACCEPTS {
            if !self.has_room() {
                if self.acceptor.is_ready(now.at) && !self.told_full {
                    self.told_full = true;
                    warn!(
                        "{} connections, no file descriptors for more; newcomers wait in the kernel's queue",
                        self.connections.len()
                    );
                }
                return;
            }
            let Some((mut stream, addr)) = self.acceptor.accept(now.at) else { return };
            let entry = self.connections.vacant_entry();
            let slot = entry.key();
            let interest = Interest::READABLE | Interest::WRITABLE;
            if let Err(error) = self.poll.registry().register(&mut stream, Token(CONNECTIONS + slot), interest) {
                debug!("{addr} cannot be watched: {error}");
                continue;
            }
            self.serials = self.serials.wrapping_add(1);
            entry.insert(Connection::new(stream, self.serials));
            self.hub.connected(ClientId::new(slot), addr, now);
        }
    }

    /// Writes: to those who are owed something of their own, and to the members of dirty rooms.
    fn write(&mut self, now: Now) {
        for _ in 0..PRIVATE_WRITES {
            let Some(id) = self.hub.poll_private() else { break };
            self.flush(id, now);
        }
        let mut visits = VISITS;
        while let Some(id) = self.hub.poll_sweep(&mut visits) {
            self.flush(id, now);
        }
        for slot in std::mem::take(&mut self.after_others) {
            self.resume(slot);
        }
    }

    fn flush(&mut self, id: ClientId, now: Now) {
        let slot = id.slot();
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if matches!(connection.phase, Phase::Draining | Phase::Closed) {
            return;
        }
        let flushed = connection.flush(&mut self.hub, id);
        if connection.phase == Phase::Closing {
            connection.progress = now.at.as_millis() as u64;
        }
        if connection.after_replies && self.hub.allowance(id, now) != Allowance::AfterReplies {
            self.resume(slot);
        }
        match flushed {
            Flushed::UpToDate if self.connections[slot].phase == Phase::Closing => self.say_no_more(slot, now),
            Flushed::UpToDate if self.ends_at.is_some() => self.say_no_more(slot, now),
            Flushed::UpToDate | Flushed::Blocked => {}
            Flushed::More => self.hub.write_later(id),
            Flushed::Lost => self.lose(slot, now),
        }
    }
}
