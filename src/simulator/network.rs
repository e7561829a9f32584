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

use crate::server::connection::transport;
use crate::server::connection::transport::Readiness;
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
    /// It has been read from, or written to, since the last check.
    pub touched: bool,
    /// Calls that returned bytes, an end or an error.
    pub progress: u64,
}

impl Wire {
    fn new(seed: u64, capacity: usize) -> Wire {
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
            touched: false,
            progress: 0,
        }
    }

    /// Bytes arrive at the server.
    pub fn arrive(&mut self, bytes: impl Iterator<Item = u8>) {
        if !self.closed && !self.reset {
            self.inbox.extend(bytes);
            self.edge = true;
        }
    }

    /// The end of the person's bytes arrives.
    pub fn end(&mut self) {
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

/// The server's end of a wire.
pub struct Stream(Rc<RefCell<Wire>>);

impl Read for Stream {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let wire = &mut *self.0.borrow_mut();
        wire.touched = true;
        if wire.random.one_in(24) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if !wire.inbox.is_empty() {
            let n = wire.inbox.len().min(block.len());
            for (place, byte) in block.iter_mut().zip(wire.inbox.drain(..n)) {
                *place = byte;
            }
            wire.progress += 1;
            return Ok(n);
        }
        if !wire.fin && std::mem::take(&mut wire.error) {
            wire.told_error = true;
            wire.progress += 1;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if wire.fin || wire.reset {
            wire.told_end = true;
            wire.progress += 1;
            return Ok(0);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        let wire = &mut *self.0.borrow_mut();
        wire.touched = true;
        if wire.random.one_in(24) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if wire.reset || wire.shut {
            let kind = if wire.error { io::ErrorKind::ConnectionReset } else { io::ErrorKind::BrokenPipe };
            wire.error = false;
            wire.told_error = true;
            wire.progress += 1;
            return Err(kind.into());
        }
        let all: usize = slices.iter().map(|slice| slice.len()).sum();
        let space = wire.capacity.saturating_sub(wire.in_flight);
        let mut n = all.min(space);
        wire.full = n < all;
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if wire.random.one_in(6) {
            n = 1 + wire.random.below(n);
        }
        let mut left = n;
        for slice in slices {
            let step = left.min(slice.len());
            wire.fresh.extend_from_slice(&slice[..step]);
            left -= step;
        }
        wire.progress += 1;
        if wire.abandoned {
            wire.break_off();
        } else {
            wire.in_flight += n;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl transport::Transport for Stream {
    type Poll = Network;

    fn watch(&mut self, network: &Network, slot: usize) -> io::Result<()> {
        if network.refuses_to_watch.replace(false) {
            return Err(Errno::NOSPC.into());
        }
        let wire = &mut *self.0.borrow_mut();
        wire.slot = Some(slot);
        wire.edge = true;
        Ok(())
    }

    fn end_writing(&mut self) -> io::Result<()> {
        let wire = &mut *self.0.borrow_mut();
        if wire.reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        wire.shut = true;
        wire.edge |= wire.fin;
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let wire = &mut *self.0.borrow_mut();
        wire.closed = true;
        wire.slot = None;
        wire.progress += 1;
    }
}

/// Connections that wait to be accepted.
#[derive(Default)]
struct Backlog {
    queue: VecDeque<(Rc<RefCell<Wire>>, SocketAddr)>,
    /// The errors of the next calls of accept.
    faults: VecDeque<Errno>,
    /// File descriptors are exhausted.
    exhausted: bool,
    edge: bool,
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
            Some((wire, addr)) => Ok((Stream(wire), addr)),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn has_waiting(&self) -> bool {
        !self.0.borrow().queue.is_empty()
    }
}

/// The simulated network.
#[derive(Default)]
pub struct Network {
    backlogs: Vec<Rc<RefCell<Backlog>>>,
    pub refuses_to_watch: Cell<bool>,
}

/// An event of the poll.
pub enum Event {
    Listener(usize),
    Stream(usize, Readiness),
}

impl Network {
    /// Adds a listening socket.
    pub fn listen(&mut self) -> Listener {
        let backlog = Rc::new(RefCell::new(Backlog::default()));
        self.backlogs.push(backlog.clone());
        Listener(backlog)
    }

    /// A client connects to a listener.
    pub fn connect(&self, listener: usize, addr: SocketAddr, seed: u64, capacity: usize) -> Rc<RefCell<Wire>> {
        let wire = Rc::new(RefCell::new(Wire::new(seed, capacity)));
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
