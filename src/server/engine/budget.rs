//! The budget of a turn.

use crate::chat::DISCONNECTS_PER_TICK;

/// The most that one turn does.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes read from one client at once.
    pub block: usize,
    /// Connections accepted.
    pub accepts: usize,
    /// Reads.
    pub reads: usize,
    /// Reads from HTTP connections, each of which may cause an answer of about 100 KB; part of `reads`.
    pub answers: usize,
    /// Steps of TLS handshakes; part of `reads`. One with an RSA key of 4,096 bits takes 6 ms, others 0.1 to 1 ms.
    pub handshakes: usize,
    /// Clients that are sent private lines.
    pub private_writes: usize,
    /// Bytes written to one client before the next one has its turn.
    pub bytes: usize,
    /// Room members visited by the sweep.
    pub visits: usize,
    /// Bytes of private lines, and as many of rooms; the rest waits for the next
    /// turn. The kernel takes about 7 ms for a megabyte where it has to find memory for it.
    pub turn_bytes: u64,
    /// Sessions disconnected by the tick, and as many between two ticks.
    pub disconnects: usize,
    /// Sockets closed.
    pub reaps: usize,
    /// Deadlines of connections handled.
    pub timers: usize,
}

/// Least number of writes, visits, disconnects and closed sockets of one turn while the server ends.
pub const ENDING_STEP: usize = 512;
/// Least number of bytes that one turn writes while the server ends.
const ENDING_BYTES: u64 = 4 * 1024 * 1024;

impl Budget {
    /// The budget while the server ends: no conversation can be delayed any more, so a turn may be long. It is still
    /// bounded, to about 50 ms, so that a second signal is noticed.
    pub fn ending(self) -> Self {
        Budget {
            private_writes: self.private_writes.max(ENDING_STEP),
            visits: self.visits.max(ENDING_STEP),
            turn_bytes: self.turn_bytes.max(ENDING_BYTES),
            disconnects: self.disconnects.max(ENDING_STEP),
            reaps: self.reaps.max(ENDING_STEP),
            timers: self.timers.max(ENDING_STEP),
            ..self
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            block: 16 * 1024,
            accepts: 128,
            reads: 256,
            answers: 4,
            handshakes: 1,
            private_writes: 256,
            bytes: 256 * 1024,
            visits: 64,
            turn_bytes: 512 * 1024,
            disconnects: DISCONNECTS_PER_TICK,
            reaps: 64,
            timers: 256,
        }
    }
}
