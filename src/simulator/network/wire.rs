//! One simulated connection: the bytes on their way, its events and its faults.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use super::peer::Peer;
use super::proxy::Proxy;

use crate::server::connection::transport::Readiness;
use crate::util::test_support::Random;

/// One connection, as both kernels see it.
pub struct Wire {
    random: Random,
    /// Its slot in the server, once the server has registered it.
    pub slot: Option<usize>,
    /// An event is pending.
    pub(super) edge: bool,
    /// Bytes that have arrived and are not read.
    inbox: VecDeque<u8>,
    /// The end of the person's input has arrived.
    pub(super) fin: bool,
    pub(super) reset: bool,
    /// No call has returned the reset yet.
    error: bool,
    /// Bytes that the kernel buffers for the person at most, and now.
    pub capacity: usize,
    in_flight: usize,
    /// A write has returned that there is no room.
    full: bool,
    /// The server has shut down writing.
    pub shut: bool,
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
    pub(super) peer: Option<Peer>,
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
    pub(super) fn new(seed: u64, capacity: usize, peer: Option<Peer>, proxy: Option<Proxy>) -> Wire {
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
    pub(super) fn has_space(&self) -> bool {
        3 * self.in_flight <= 2 * self.capacity
    }

    pub(super) fn take_event(&mut self) -> Option<(usize, Readiness)> {
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
