//! What the transports of a server count together.

use std::cell::Cell;
use std::rc::Rc;

/// Counts of TLS handshakes since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// Those that are complete, and how many of them have gone on from an earlier session.
    pub complete: u64,
    pub resumed: u64,
    /// Those that failed or were given up.
    pub failed: u64,
}

/// What the transports of one server count together: their handshakes, and the bytes that they keep, which are parts of
/// records that have been received, and records that their sockets have not taken.
#[derive(Debug)]
pub struct TransportBuffers {
    bytes: Cell<usize>,
    most: usize,
    /// The number of times at which a transport has begun to keep bytes.
    order: Cell<u64>,
    handshakes: Cell<Handshakes>,
}

impl TransportBuffers {
    /// The buffers of transports that may keep `most` bytes together.
    pub fn new(most: usize) -> Rc<Self> {
        Rc::new(TransportBuffers { bytes: Cell::new(0), most, order: Cell::new(0), handshakes: Cell::default() })
    }

    /// Whether the transports keep more than they may, so that the slowest have to go.
    pub fn is_full(&self) -> bool {
        self.bytes.get() > self.most
    }

    /// The counts of handshakes.
    pub fn handshakes(&self) -> Handshakes {
        self.handshakes.get()
    }

    /// Changes the counts of handshakes.
    pub(super) fn count(&self, count: impl FnOnce(&mut Handshakes)) {
        let mut handshakes = self.handshakes.get();
        count(&mut handshakes);
        self.handshakes.set(handshakes);
    }

    /// The bytes that are kept.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }
}

/// The share of one transport; it is given back when the transport is dropped.
#[derive(Debug)]
pub struct KeptBytes {
    buffers: Rc<TransportBuffers>,
    bytes: u32,
    /// When it began to keep bytes, in the order of all transports.
    since: u64,
}

impl KeptBytes {
    /// The share of a transport that keeps nothing.
    pub fn new(buffers: &Rc<TransportBuffers>) -> Self {
        KeptBytes { buffers: buffers.clone(), bytes: 0, since: 0 }
    }

    /// Sets how many bytes the transport keeps now.
    pub fn set(&mut self, bytes: usize) {
        let TransportBuffers { bytes: all, order, .. } = &*self.buffers;
        if self.bytes == 0 && bytes > 0 {
            self.since = order.replace(order.get() + 1);
        }
        all.set(all.get() - self.bytes as usize + bytes);
        self.bytes = bytes as u32;
    }

    /// Since when the transport has been keeping bytes; `None` if it keeps none.
    pub fn since(&self) -> Option<u64> {
        (self.bytes > 0).then_some(self.since)
    }
}

impl Drop for KeptBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_added_and_given_back() {
        let buffers = TransportBuffers::new(10);
        let (mut early, mut late) = (KeptBytes::new(&buffers), KeptBytes::new(&buffers));
        early.set(6);
        late.set(4);
        assert_eq!((buffers.bytes(), buffers.is_full()), (10, false));
        early.set(7);
        assert!(buffers.is_full() && early.since() < late.since());
        early.set(0);
        early.set(1);
        assert!(early.since() > late.since());
        drop(late);
        assert_eq!((buffers.bytes(), early.since().is_some()), (1, true));
        early.set(0);
        assert_eq!((buffers.bytes(), early.since()), (0, None));
    }
}
