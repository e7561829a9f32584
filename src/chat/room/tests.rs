//! Checks of a room for the simulator.

use super::*;

impl Room {
    /// The sessions that read the room, in the order of their places.
    pub fn readers(&self) -> &[ClientId] {
        self.readers.readers()
    }

    /// Bytes held by the larger log.
    pub fn held(&self) -> usize {
        self.plain.held().max(self.web.held())
    }

    /// Checks that the log of an encoding is open exactly when it must be, and has exactly these cursors.
    ///
    /// # Errors
    /// A description of the first fault.
    pub fn audit(&self, encoding: Encoding, cursors: &[Cursor]) -> Result<(), String> {
        let (counted, is_kept) = (self.reader_counts[encoding as usize] as usize, self.history.is_none());
        match self.is_open[encoding as usize] {
            _ if counted != cursors.len() => Err(format!("{counted} readers are counted, {} are there", cursors.len())),
            true if is_kept || counted > 0 => self.log(encoding).audit(cursors),
            true => Err("a log without readers is open".into()),
            false if counted > 0 => Err("a log with readers is not open".into()),
            false => Ok(()),
        }
    }
}
