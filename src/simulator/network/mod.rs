//! A simulated kernel, as unreliable as the real one: sockets, their events and their faults.
//!
//! Events are those of Linux, edge-triggered: one comes when bytes or an end arrive, and when there is
//! room again in a socket that was full; an event describes only that moment.
//! Spurious events are possible. A read returns all there is, up to the size of its buffer (epoll(7) lets
//! the event loop rely on that), but only a part may have arrived. A write may take less than fits.

pub mod peer;
pub mod proxy;
mod tls;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use rustix::io::Errno;

use self::peer::Peer;
use self::proxy::Proxy;
use self::tls::SimulatedTls;
pub use self::wire::Wire;
use crate::server::connection::transport;
use crate::server::connection::transport::{Readiness, TransportBuffers};

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
