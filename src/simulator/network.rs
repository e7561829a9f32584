//! A simulated kernel, as unreliable as the real one: sockets, their events and their faults.
//!
//! Events are those of Linux, edge-triggered: one comes when bytes or an end arrive, and when there is
//! room again in a socket that was full; an event describes only that moment.
//! Spurious events are possible. A read returns all there is, up to the size of its buffer (epoll(7) lets
//! the event loop rely on that), but only a part may have arrived. A write may take less than fits.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use rustix::io::Errno;

use super::proxy::Proxy;
use super::tls::{Peer, SimulatedTls};
use crate::server::connection::transport;
use crate::server::connection::transport::{Readiness, TransportBuffers};
use crate::util::test_support::Random;

/// One connection, as both kernels see it.
pub struct Wire {
    random: Random,
    /// Its slot in the server, once the server has registered it.
    pub slot: Option<usize>,
    /// An event is pending.
    edge: bool,
    /// Bytes that have arrived and are not read.
    inbox: VecDeque<u8>,
    /// The end of the person's input has arrived.
    fin: bool,
    reset: bool,
    /// No call has returned the reset yet.
    error: bool,
    /// Bytes that the kernel buffers for the person at most, and now.
    pub capacity: usize,
    in_flight: usize,
    /// A write has returned that there is no room.
    full: bool,
    /// The server has shut down writing.
    shut: bool,
    /// The person has closed the socket: a write causes a reset.
    abandoned: bool,
    /// The server has closed it.
    pub closed: bool,
    /// A call has returned the end, or the reset.
    pub told_end: bool,
    pub told_error: bool,
    /// Bytes that the server has written since the last check.
    pub fresh: Vec<u8>,
    /// The person's side of TLS, at a TLS port.
    peer: Option<Peer>,
    /// The proxy through which the person comes.
    proxy: Option<Proxy>,
    /// The server has taken bytes.
    is_read: bool,
    /// The end has come without having been announced by TLS.
    is_cut: bool,
    /// It has been read from, or written to, since the last check.
    pub touched: bool,
    /// Calls that returned bytes, an end or an error.
    pub progress: u64,
}

impl Wire {
    fn new(seed: u64, capacity: usize, peer: Option<Peer>, proxy: Option<Proxy>) -> Wire {
        Wire {
            random: Random(seed),
            slot: None,
            edge: false,
            inbox: VecDeque::new(),
            fin: false,
            reset: false,
            error: false,
            capacity,
            in_flight: 0,
            full: false,
            shut: false,
            abandoned: false,
            closed: false,
            told_end: false,
            told_error: false,
            fresh: Vec::new(),
            peer,
            proxy,
            is_read: false,
            is_cut: false,
            touched: false,
            progress: 0,
        }
    }

    /// The person sends bytes, which arrive at the server.
    pub fn arrive(&mut self, bytes: impl Iterator<Item = u8>) {
        self.transmit(bytes, false);
    }

    /// Bytes that are on the way arrive.
    pub fn arrive_late(&mut self) {
        if self.peer.is_some() || self.proxy.is_some() {
            self.transmit(std::iter::empty(), false);
        }
    }

    fn transmit(&mut self, bytes: impl Iterator<Item = u8>, ends: bool) {
        if self.closed || self.reset || self.fin {
            return;
        }
        let before = self.inbox.len();
        let sent = match &mut self.peer {
            None => bytes.collect(),
            Some(peer) => peer.send(bytes, ends, &mut self.random),
        };
        match &mut self.proxy {
            None => self.inbox.extend(sent),
            Some(proxy) => self.inbox.extend(proxy.send(sent, ends)),
        }
        self.edge |= self.inbox.len() > before;
    }

    /// The end of the person's bytes arrives.
    pub fn end(&mut self) {
        self.transmit(std::iter::empty(), true);
        self.end_socket();
    }

    fn end_socket(&mut self) {
        if !self.reset && !self.fin {
            self.edge = true;
            self.fin = true;
        }
    }

    /// The connection breaks.
    pub fn break_off(&mut self) {
        if !self.reset {
            self.edge = true;
            self.reset = true;
            self.error = true;
        }
    }

    /// The person closes the socket completely: an end, and a reset if anything more is written.
    pub fn abandon(&mut self) {
        if !self.fin && self.peer.as_ref().is_some_and(Peer::speaks_tls) && self.random.one_in(4) {
            // Some programs close the socket without the announcement that TLS asks for.
            self.arrive_late();
            self.is_cut = true;
            self.end_socket();
        }
        self.end();
        self.abandoned = true;
        if self.in_flight > 0 {
            self.break_off();
        }
        self.in_flight = 0;
    }

    /// The person reads up to `n` bytes.
    pub fn take(&mut self, n: usize) {
        self.in_flight -= n.min(self.in_flight);
        if self.full && self.has_space() {
            self.full = false;
            self.edge = true;
        }
    }

    /// Whether a write has returned that there is no room.
    pub fn is_full(&self) -> bool {
        self.full
    }

    pub fn is_reset(&self) -> bool {
        self.reset
    }

    /// Whether the person's data has no proper end: the connection was reset, or ended without the announcement of TLS.
    pub fn is_lost(&self) -> bool {
        self.reset || self.is_cut
    }

    /// Whether bytes of the person are on the way.
    pub fn has_late(&self) -> bool {
        self.peer.as_ref().is_some_and(Peer::has_late) || self.proxy.as_ref().is_some_and(Proxy::has_late)
    }

    /// Whether the header of the proxy and the handshake of TLS must succeed, if there are any.
    pub fn can_open(&self) -> bool {
        // What has not come in its time, since the clock jumped, is given up.
        let is_well = self.peer.as_ref().is_none_or(Peer::speaks_tls);
        !self.shut && is_well && !self.proxy.as_ref().is_some_and(Proxy::is_damaged)
    }

    /// Raises a spurious event.
    pub fn wake(&mut self) {
        self.edge = true;
    }

    /// Linux reports a socket as writable when a third of its buffer is free.
    fn has_space(&self) -> bool {
        3 * self.in_flight <= 2 * self.capacity
    }

    fn take_event(&mut self) -> Option<(usize, Readiness)> {
        let slot = self.slot?;
        std::mem::take(&mut self.edge).then(|| {
            let hung_up = self.fin || self.reset;
            let readiness = Readiness {
                readable: !self.inbox.is_empty() || hung_up,
                writable: self.reset || self.has_space(),
                read_closed: hung_up,
                error: self.error,
                urgent: false,
            };
            (slot, readiness)
        })
    }
}

impl Wire {
    /// The server reads from the kernel.
    pub fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let n = self.peek(block)?;
        if n > 0 {
            self.inbox.drain(..n);
            self.is_read = true;
            self.progress += 1;
        }
        Ok(n)
    }

    /// The server looks at the bytes in the kernel.
    pub fn peek(&mut self, block: &mut [u8]) -> io::Result<usize> {
        self.touched = true;
        if self.random.one_in(24) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if !self.inbox.is_empty() {
            let n = self.inbox.len().min(block.len());
            for (place, &byte) in block.iter_mut().zip(&self.inbox) {
                *place = byte;
            }
            return Ok(n);
        }
        if !self.fin && std::mem::take(&mut self.error) {
            self.told_error = true;
            self.progress += 1;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.fin || self.reset {
            self.told_end = true;
            self.progress += 1;
            return Ok(0);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// The server writes to the kernel.
    pub fn write(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        self.touched = true;
        if self.random.one_in(24) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.reset || self.shut {
            let kind = if self.error { io::ErrorKind::ConnectionReset } else { io::ErrorKind::BrokenPipe };
            self.error = false;
            self.told_error = true;
            self.progress += 1;
            return Err(kind.into());
        }
        let all: usize = slices.iter().map(|slice| slice.len()).sum();
        let space = self.capacity.saturating_sub(self.in_flight);
        let mut n = all.min(space);
        self.full = n < all;
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.random.one_in(6) {
            n = 1 + self.random.below(n);
        }
        let mut left = n;
        for slice in slices {
            let (bytes, _) = slice.split_at(left.min(slice.len()));
            match &mut self.peer {
                // Without a header in time the server answers the proxy, and not the person.
                _ if self.proxy.is_some() && !self.is_read => {}
                None => self.fresh.extend_from_slice(bytes),
                Some(peer) => peer.receive(bytes, &mut self.fresh),
            }
            left -= bytes.len();
        }
        self.progress += 1;
        if self.abandoned {
            self.break_off();
        } else {
            self.in_flight += n;
        }
        Ok(n)
    }
}

/// The server's end of a wire.
pub struct Stream {
    wire: Rc<RefCell<Wire>>,
    tls: Option<SimulatedTls>,
}

impl Read for Stream {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let wire = &mut self.wire.borrow_mut();
        match &mut self.tls {
            None => wire.read(block),
            Some(tls) => tls.read(wire, block),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        let wire = &mut self.wire.borrow_mut();
        match &mut self.tls {
            None => wire.write(slices),
            Some(tls) => tls.write(wire, slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| tls.flush(&mut self.wire.borrow_mut()))
    }
}

impl transport::Transport for Stream {
    type Poll = Network;

    fn watch(&mut self, network: &Network, slot: usize) -> io::Result<()> {
        if network.refuses_to_watch.replace(false) {
            return Err(Errno::NOSPC.into());
        }
        let wire = &mut *self.wire.borrow_mut();
        wire.slot = Some(slot);
        wire.edge = true;
        Ok(())
    }

    fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    fn peek(&mut self, block: &mut [u8]) -> io::Result<usize> {
        self.wire.borrow_mut().peek(block)
    }

    fn take_peeked(&mut self, block: &mut [u8]) -> io::Result<usize> {
        self.wire.borrow_mut().read(block)
    }

    fn needs_handshake(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| !tls.is_open)
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| tls.shake_hands(&mut self.wire.borrow_mut()))
    }

    fn give_up_handshake(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.give_up(&mut self.wire.borrow_mut());
        }
    }

    fn keeps_since(&self) -> Option<u64> {
        self.tls.as_ref().and_then(SimulatedTls::keeps_since)
    }

    fn has_pending_read(&self) -> bool {
        self.tls.as_ref().is_some_and(SimulatedTls::has_pending_read)
    }

    fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(SimulatedTls::wants_write)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        let wire = &mut *self.wire.borrow_mut();
        if wire.reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if let Some(tls) = &mut self.tls {
            tls.end_writing(wire)?;
        }
        wire.shut = true;
        wire.edge |= wire.fin;
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let wire = &mut *self.wire.borrow_mut();
        wire.closed = true;
        wire.slot = None;
        wire.progress += 1;
    }
}

/// Connections that wait to be accepted.
struct Backlog {
    queue: VecDeque<(Rc<RefCell<Wire>>, SocketAddr)>,
    /// The errors of the next calls of accept.
    faults: VecDeque<Errno>,
    /// File descriptors are exhausted.
    exhausted: bool,
    edge: bool,
    buffers: Rc<TransportBuffers>,
}

/// A listening socket.
pub struct Listener(Rc<RefCell<Backlog>>);

impl transport::Listener for Listener {
    type Transport = Stream;

    fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let backlog = &mut *self.0.borrow_mut();
        // Linux looks for a descriptor before it looks for a connection.
        if backlog.exhausted {
            return Err(Errno::MFILE.into());
        }
        if !backlog.queue.is_empty()
            && let Some(errno) = backlog.faults.pop_front()
        {
            if errno == Errno::CONNABORTED
                && let Some((wire, _)) = backlog.queue.pop_front()
            {
                wire.borrow_mut().closed = true;
            }
            return Err(errno.into());
        }
        match backlog.queue.pop_front() {
            Some((wire, addr)) => {
                let is_tls = wire.borrow().peer.is_some();
                let tls = is_tls.then(|| SimulatedTls::new(&backlog.buffers));
                Ok((Stream { wire, tls }, addr))
            }
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn has_waiting(&self) -> bool {
        !self.0.borrow().queue.is_empty()
    }
}

/// The simulated network.
pub struct Network {
    backlogs: Vec<Rc<RefCell<Backlog>>>,
    /// What the server's ends of TLS connections count together.
    pub buffers: Rc<TransportBuffers>,
    pub refuses_to_watch: Cell<bool>,
}

impl Default for Network {
    fn default() -> Self {
        let refuses_to_watch = Cell::default();
        Network { backlogs: Vec::new(), buffers: TransportBuffers::new(1 << 20), refuses_to_watch }
    }
}

/// An event of the poll.
pub enum Event {
    Listener(usize),
    Stream(usize, Readiness),
}

impl Network {
    /// Adds a listening socket.
    pub fn listen(&mut self) -> Listener {
        let (queue, faults, buffers) = (VecDeque::new(), VecDeque::new(), self.buffers.clone());
        let backlog = Rc::new(RefCell::new(Backlog { queue, faults, exhausted: false, edge: false, buffers }));
        self.backlogs.push(backlog.clone());
        Listener(backlog)
    }

    /// A client connects to a listener.
    pub fn connect(&self, listener: usize, addr: SocketAddr, seed: u64, capacity: usize) -> Rc<RefCell<Wire>> {
        self.connect_with(listener, addr, seed, capacity, None, None)
    }

    /// A client connects to a listener, whose port is one for TLS if there is a `peer`; perhaps through a proxy.
    pub fn connect_with(
        &self,
        listener: usize,
        addr: SocketAddr,
        seed: u64,
        capacity: usize,
        peer: Option<Peer>,
        proxy: Option<Proxy>,
    ) -> Rc<RefCell<Wire>> {
        let wire = Rc::new(RefCell::new(Wire::new(seed, capacity, peer, proxy)));
        let backlog = &mut *self.backlogs[listener].borrow_mut();
        backlog.queue.push_back((wire.clone(), addr));
        backlog.edge = true;
        wire
    }

    /// The next accept of a waiting connection fails with this error.
    pub fn fail_to_accept(&self, listener: usize, errno: Errno) {
        self.backlogs[listener].borrow_mut().faults.push_back(errno);
    }

    /// Connections that wait to be accepted.
    pub fn backlog(&self) -> usize {
        self.backlogs.iter().map(|backlog| backlog.borrow().queue.len()).sum()
    }

    /// Exhausts the file descriptors, or frees them again.
    pub fn exhaust(&self, exhausted: bool) {
        self.backlogs.iter().for_each(|backlog| backlog.borrow_mut().exhausted = exhausted);
    }

    /// Whether file descriptors are exhausted.
    pub fn is_exhausted(&self) -> bool {
        self.backlogs.iter().any(|backlog| backlog.borrow().exhausted)
    }

    /// Ends all faults except the exhaustion of descriptors.
    pub fn recover(&self) {
        self.backlogs.iter().for_each(|backlog| backlog.borrow_mut().faults.clear());
        self.refuses_to_watch.set(false);
    }

    /// At most `most` events of streams, in the order of the wires.
    pub fn poll<'a>(&self, wires: impl Iterator<Item = &'a Rc<RefCell<Wire>>>, most: usize) -> Vec<Event> {
        let listeners = self.backlogs.iter().enumerate();
        let listeners = listeners
            .filter(|(_, backlog)| std::mem::take(&mut backlog.borrow_mut().edge))
            .map(|(n, _)| Event::Listener(n));
        let streams = wires.filter_map(|wire| wire.borrow_mut().take_event());
        listeners.chain(streams.map(|(slot, readiness)| Event::Stream(slot, readiness)).take(most)).collect()
    }

    /// Whether a poll would return an event.
    pub fn has_events<'a>(&self, mut wires: impl Iterator<Item = &'a Rc<RefCell<Wire>>>) -> bool {
        let pending = |wire: &Rc<RefCell<Wire>>| {
            let wire = wire.borrow();
            wire.edge && wire.slot.is_some()
        };
        self.backlogs.iter().any(|backlog| backlog.borrow().edge) || wires.any(pending)
    }
}
