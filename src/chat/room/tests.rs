//! Checks of a room for the simulator.

use super::*;
use crate::chat::encoding::IrcShape;

impl Room {
    /// The sessions that read the room, in the order of their places.
    pub fn readers(&self) -> &[ClientId] {
        self.readers.readers()
    }

    /// The shapes of IRC in which the room is read.
    pub fn irc_shapes(&self) -> Vec<IrcShape> {
        self.logs.irc_shapes()
    }

    /// Bytes held by the largest log.
    pub fn held(&self) -> usize {
        self.logs.held()
    }

    /// Checks that the log of an encoding is open exactly when it has readers, and has exactly these cursors.
    ///
    /// # Errors
    /// A description of the first fault.
    pub fn audit(&self, encoding: LogEncoding, cursors: &[Cursor]) -> Result<(), String> {
        self.logs.audit(encoding, cursors)
    }
}
