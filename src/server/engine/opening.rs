//! The opening of connections: TLS handshakes, before the hub or the web side knows them.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use log::debug;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::timers::Timer;
use crate::chat::{ClientId, IpLimit, Network, Now};
use crate::server::connection::transport::{Listener, ListenerKind, Transport};
use crate::server::connection::{Connection, Opening, Phase, Protocol};
use crate::server::http::{Exchange, HEAD_TIMEOUT};

/// Time allowed for a TLS handshake.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that may be opening at a time, in all and from one IPv4 address or IPv6 /64. One more ends the oldest of
/// them, so that clients that never finish do not keep others out.
const MAX_OPENING: usize = 4096;
const MAX_OPENING_PER_IP: usize = 1024;

/// The connections that are opening.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Openings {
    /// Slot, serial number and address of each, the oldest first; some may have been opened since.
    queue: VecDeque<(u32, u32, IpAddr)>,
    counts: IpLimit,
    open: usize,
}

impl Openings {
    /// Counts a new one.
    fn enter(&mut self, slot: usize, serial: u32, addr: IpAddr) {
        self.counts.enter(addr, usize::MAX);
        self.open += 1;
        self.queue.push_back((slot as u32, serial, addr));
    }

    /// Uncounts one.
    pub fn leave(&mut self, addr: IpAddr) {
        self.counts.leave(addr);
        self.open -= 1;
    }

    /// The number of connections that are opening.
    pub fn len(&self) -> usize {
        self.open
    }

    /// The oldest one that has to go before a new one from `addr` enters: slot and serial number. `is_opening` says which
    /// are opening still.
    fn pop_excess(&mut self, addr: IpAddr, is_opening: impl Fn(usize, u32) -> bool) -> Option<usize> {
        self.forget_opened(&is_opening);
        let of_network = self.counts.count(addr) >= MAX_OPENING_PER_IP;
        if !of_network && self.open < MAX_OPENING {
            return None;
        }
        let network = Network::of_client(addr);
        let is_excess = |&&(slot, serial, addr): &&(u32, u32, IpAddr)| {
            (!of_network || Network::of_client(addr) == network) && is_opening(slot as usize, serial)
        };
        let place = self.queue.iter().position(|entry| is_excess(&entry))?;
        self.queue.remove(place).map(|(slot, ..)| slot as usize)
    }

    /// Removes entries of connections that have been opened or closed, when they are more than half of the queue.
    fn forget_opened(&mut self, is_opening: &impl Fn(usize, u32) -> bool) {
        while self.queue.front().is_some_and(|&(slot, serial, _)| !is_opening(slot as usize, serial)) {
            self.queue.pop_front();
        }
        if self.queue.len() > 2 * self.open + 64 {
            self.queue.retain(|&(slot, serial, _)| is_opening(slot as usize, serial));
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}

impl<L: Listener> Engine<L> {
    /// Begins the opening of a connection that has just been accepted.
    pub(super) fn begin_opening(&mut self, slot: usize, opening: Opening, now: Now) {
        let addr = opening.addr.ip();
        let connections = &self.connections;
        let is_opening = |slot: usize, serial: u32| {
            let is_it = |connection: &&Connection<L::Transport>| connection.serial == serial && connection.is_opening();
            connections.get(slot).filter(is_it).is_some_and(|connection| connection.phase == Phase::Open)
        };
        if let Some(oldest) = self.openings.pop_excess(addr, is_opening) {
            debug!("{addr}: too many connections are in a TLS handshake; the oldest one ends");
            self.finish(oldest);
        }
        let connection = &mut self.connections[slot];
        self.openings.enter(slot, connection.serial, addr);
        connection.begin_opening(opening);
        self.set_timer(slot, Timer::Opening, now.at + OPENING_TIMEOUT);
        // The first bytes may have come already; registering raises an event for them.
    }

    /// Goes on with the opening of a connection.
    pub(super) fn open(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        let Protocol::Opening(opening) = &connection.protocol else { return };
        match connection.stream.shake_hands() {
            Ok(()) => {
                let Some(opening) = connection.end_opening() else { return };
                self.openings.leave(opening.addr.ip());
                self.begin(slot, opening, now);
                // Bytes that came with the last of the handshake raise no event any more.
                self.read_soon(slot);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => self.read_soon(slot),
            Err(error) => {
                debug!("{} is not opened: {error}", opening.addr);
                self.shutdown_write(slot, now);
            }
        }
    }

    /// Ends the opening of a connection that has taken too long.
    pub(super) fn give_up_opening(&mut self, slot: usize, now: Now) {
        self.connections[slot].stream.give_up_handshake();
        self.shutdown_write(slot, now);
    }

    /// Begins with the protocol of a connection that is open.
    pub(super) fn begin(&mut self, slot: usize, Opening { addr, kind }: Opening, now: Now) {
        match kind {
            ListenerKind::Plain => self.hub.handle_plain_connection(ClientId::new(slot), addr, now),
            ListenerKind::Web if !self.web.admit(addr.ip()) => {
                debug!("{addr} has too many connections without a request");
                self.finish(slot);
            }
            ListenerKind::Web | ListenerKind::Admin => {
                self.connections[slot].begin_exchange(Exchange::new(addr, kind == ListenerKind::Admin, now));
                self.set_timer(slot, Timer::Exchange, now.at + HEAD_TIMEOUT);
            }
        }
    }
}
