//! The yes-or-no state of a connection, as one set of bits; in a handed over state it is the names of those that are set.

use serde::{Deserialize, Serialize};

bitflags::bitflags! {
    /// The yes-or-no state of a connection.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct Flags: u16 {
        /// It is queued for reading.
        const QUEUED = 1 << 0;
        /// Reading is paused, whatever events come.
        const READ_PAUSED = 1 << 1;
        /// It is paused until its own replies have been written.
        const AFTER_REPLIES = 1 << 2;
        /// The peer has shut down sending, or sent urgent data; a short read does not mean an empty socket then.
        const HUNG_UP = 1 << 3;
        /// The connection is broken; earlier input may still be read.
        const BROKEN = 1 << 4;
        /// The end of its input has been read.
        const ENDED = 1 << 5;
        /// A deadline for unended input is set.
        const EOL_SET = 1 << 6;
        /// A close frame has been queued.
        const CLOSE_SENT = 1 << 7;
        /// A ping has been sent, and nothing received since.
        const PINGED = 1 << 8;
        /// Its first line has been checked, and is not of another protocol.
        const HAS_BEGUN = 1 << 9;
        /// The peer has sent a close frame, or has broken the protocol, so that nothing more is decoded.
        const CLOSE_RECEIVED = 1 << 10;
    }
}
