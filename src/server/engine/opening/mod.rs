//! The opening of connections: headers of proxies and TLS handshakes, before the hub or the web side knows them.

mod proxies;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use log::debug;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::timers::Timer;
use crate::chat::{ClientId, Encoding, IpLimit, IrcShape, Network, NewConnection, Now, ResumeRequest, show_addr};
use crate::server::connection::transport::{Listener, ListenerKind, Transport};
use crate::server::connection::{Connection, Opening, OpeningStep, Phase, Protocol};
use crate::server::http::{Exchange, HEAD_TIMEOUT};

/// Time allowed for the header of a proxy and a TLS handshake together.
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
        self.count_opening(slot, opening.counted_addr());
        self.connections[slot].begin_opening(opening);
        self.set_timer(slot, Timer::Opening, now.at + OPENING_TIMEOUT);
        // The first bytes may have come already; registering raises an event for them.
    }

    /// Counts an opening for an address; the oldest one ends if there are too many.
    pub(super) fn count_opening(&mut self, slot: usize, addr: IpAddr) {
        let connections = &self.connections;
        let is_opening = |slot: usize, serial: u32| {
            let is_it = |connection: &&Connection<L::Transport>| connection.serial == serial && connection.is_opening();
            connections.get(slot).filter(is_it).is_some_and(|connection| connection.phase == Phase::Open)
        };
        if let Some(oldest) = self.openings.pop_excess(addr, is_opening) {
            debug!("too many connections are opening; the oldest one of them, or of {addr}, ends");
            self.finish(oldest);
        }
        self.openings.enter(slot, self.connections[slot].serial, addr);
    }

    /// Goes on with the opening of a connection.
    pub(super) fn open(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        let Protocol::Opening(opening) = &connection.protocol else { return };
        if opening.step == OpeningStep::ProxyHeader {
            return self.read_proxy_header(slot, now);
        }
        match connection.stream.shake_hands() {
            Ok(()) => self.end_opening(slot, now),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => self.read_soon(slot),
            Err(error) => {
                debug!("{} is not opened: {error}", show_addr(opening.addr));
                self.shutdown_write(slot, now);
            }
        }
    }

    /// Ends the opening of a connection that has taken too long.
    pub(super) fn give_up_opening(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        match connection.is_shaking_hands() {
            true => connection.stream.give_up_handshake(),
            false => self.ask_for_proxy_header(slot),
        }
        self.shutdown_write(slot, now);
    }

    /// Lets a connection begin with its protocol.
    pub(super) fn end_opening(&mut self, slot: usize, now: Now) {
        let Some(opening) = self.connections[slot].end_opening() else { return };
        self.openings.leave(opening.counted_addr());
        self.begin(slot, opening.addr, opening.kind, now);
        // Bytes that came with the last of the opening raise no event any more.
        self.read_soon(slot);
    }

    /// Tells the hub that a connection is encrypted, if it is.
    pub(super) fn note_encrypted(&mut self, slot: usize) {
        if self.connections[slot].stream.is_encrypted() {
            self.hub.note_encrypted(ClientId::new(slot));
        }
    }

    /// Begins with the protocol of a connection that is open.
    pub(super) fn begin(&mut self, slot: usize, addr: SocketAddr, kind: ListenerKind, now: Now) {
        match kind {
            ListenerKind::Plain => self.hub.handle_plain_connection(ClientId::new(slot), addr, now),
            ListenerKind::Irc => {
                self.connections[slot].begin_irc();
                let encoding = Encoding::Irc(IrcShape::empty());
                let arrival = NewConnection { addr, encoding, preface: &[], resume_request: ResumeRequest::default() };
                self.hub.handle_connection(ClientId::new(slot), arrival, now);
                self.note_encrypted(slot);
            }
            ListenerKind::Web if !self.web.admit(addr.ip()) => {
                debug!("{} has too many connections without a request", show_addr(addr));
                self.finish(slot);
            }
            ListenerKind::Web | ListenerKind::Admin => {
                self.connections[slot].begin_exchange(Exchange::new(addr, kind == ListenerKind::Admin, now));
                self.set_timer(slot, Timer::Exchange, now.at + HEAD_TIMEOUT);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;
    use std::net::SocketAddr;
    use std::rc::Rc;

    use time::OffsetDateTime;

    use super::super::Budget;
    use super::*;
    use crate::chat::{Config, Hub, Lang};
    use crate::server::connection::transport::TransportBuffers;
    use crate::server::limits::Limits;
    use crate::simulator::network::peer::{Peer, Speech};
    use crate::simulator::network::proxy::Proxy;
    use crate::simulator::network::{Event, Listener as SimulatedListener, Network, Wire};
    use crate::wire::renderers;

    /// A server with a port for lines and one for the web, which are for TLS if their clients are.
    pub struct Server {
        pub engine: Engine<SimulatedListener>,
        network: Network,
        wires: Vec<Rc<RefCell<Wire>>>,
    }

    impl Server {
        fn new(network: Network) -> Server {
            Server::with(network, Config { max_clients: 10_000, ..Config::default() })
        }

        pub fn with(mut network: Network, config: Config) -> Server {
            let limits =
                Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::ZERO, send_buffer: 0 };
            let hub = Hub::new(config, renderers(Lang::En));
            let listeners = [ListenerKind::Plain, ListenerKind::Web].map(|kind| (kind, network.listen())).into();
            let mut engine = Engine::new(hub, listeners, limits, Budget::default(), 10_000);
            engine.set_buffers(network.buffers.clone());
            Server { engine, network, wires: Vec::new() }
        }

        fn connect(&mut self, addr: [u8; 4], speech: Speech, capacity: usize) -> Rc<RefCell<Wire>> {
            self.connect_to(0, addr, capacity, Some(Peer::new(speech, false)), None)
        }

        pub fn connect_to(
            &mut self,
            listener: usize,
            addr: [u8; 4],
            capacity: usize,
            peer: Option<Peer>,
            proxy: Option<Proxy>,
        ) -> Rc<RefCell<Wire>> {
            let (seed, addr) = (self.wires.len() as u64, SocketAddr::from((addr, 1)));
            let wire = self.network.connect_with(listener, addr, seed, capacity, peer, proxy);
            self.wires.push(wire.clone());
            wire
        }

        fn turn(&mut self, seconds: u64) {
            let now = Now { at: Duration::from_secs(seconds), local: OffsetDateTime::UNIX_EPOCH };
            for event in self.network.poll(self.wires.iter(), usize::MAX) {
                match event {
                    Event::Listener(number) => self.engine.notify_listener(number),
                    Event::Stream(slot, readiness) => self.engine.record_event(slot, readiness),
                }
            }
            self.engine.process_input(&self.network, now);
            self.engine.process_output(now);
        }

        pub fn run(&mut self, seconds: u64) {
            self.turn(seconds);
            while self.engine.has_work(Duration::from_secs(seconds)) || self.network.has_events(self.wires.iter()) {
                self.turn(seconds);
            }
        }
    }

    #[test]
    fn handshakes_that_never_end_keep_no_others_out() {
        let mut server = Server::new(Network::default());
        for _ in 0..MAX_OPENING_PER_IP {
            server.connect([10, 0, 0, 1], Speech::Silent, 1000);
        }
        server.run(1);
        assert_eq!(server.engine.opening_count(), MAX_OPENING_PER_IP);
        // One more from the same address ends the oldest; another address is not concerned.
        let late = server.connect([10, 0, 0, 1], Speech::Silent, 1000);
        let other = server.connect([10, 0, 0, 2], Speech::Silent, 1000);
        server.run(2);
        let closed: Vec<bool> = server.wires.iter().map(|wire| wire.borrow().closed).collect();
        assert_eq!(closed.iter().filter(|&&closed| closed).count(), 1);
        assert!(closed[0] && !late.borrow().closed && !other.borrow().closed);
        // Who speaks is let in at once, from the crowded address too.
        let quick = server.connect([10, 0, 0, 1], Speech::Tls, 1000);
        quick.borrow_mut().arrive(b"alice\n".iter().copied());
        server.run(3);
        let read = String::from_utf8_lossy(&quick.borrow().fresh).into_owned();
        assert!(read.contains("You are alice"), "{read:?}");
        for addr in 0..4 {
            (0..MAX_OPENING_PER_IP).for_each(|_| drop(server.connect([10, 0, 1, addr], Speech::Silent, 1000)));
        }
        server.run(4);
        assert!(server.engine.opening_count() <= MAX_OPENING, "{}", server.engine.opening_count());
        // All are given up after their time.
        server.run(20);
        server.run(30);
        assert_eq!((server.engine.opening_count(), server.engine.connection_count()), (0, 1));
        assert!(server.engine.openings.queue.len() <= 1 + MAX_OPENING);
        server.connect([10, 0, 0, 3], Speech::Silent, 1000);
        server.run(31);
        assert_eq!(server.engine.openings.queue.len(), 1, "entries of closed connections are forgotten");
    }

    #[test]
    fn one_turn_does_a_bounded_number_of_handshakes() {
        let mut server = Server::new(Network::default());
        for _ in 0..50 {
            let wire = server.connect([10, 0, 0, 1], Speech::Tls, 1000);
            wire.borrow_mut().arrive(b"".iter().copied());
        }
        let most = Budget::default().handshakes;
        let mut before = 0;
        while before < 50 {
            server.turn(1);
            let now = server.engine.hub.stats().connections as usize;
            assert!(now - before <= most, "{} in one turn", now - before);
            before = now;
        }
    }

    #[test]
    fn slowest_go_when_all_keep_too_many_bytes() {
        let mut network = Network::default();
        network.buffers = TransportBuffers::new(90);
        let mut server = Server::new(network);
        // Their sockets have no room for the greeting, of which a record of 65 bytes at most is kept.
        let stuck: Vec<_> = (0..3).map(|_| server.connect([10, 0, 0, 1], Speech::Tls, 10)).collect();
        for wire in &stuck {
            wire.borrow_mut().arrive(b"".iter().copied());
            server.run(1);
        }
        let closed: Vec<bool> = stuck.iter().map(|wire| wire.borrow().closed).collect();
        assert_eq!(closed, [true, true, false]);
        assert!(server.network.buffers.bytes() <= 90);
    }
}
