//! Checks of a room for the simulator.

use super::*;

impl Room {
    /// The sessions that read the room, in the order of their places.
    pub fn readers(&self) -> &[ClientId] {
        self.readers.readers()
    }

    /// The shapes of IRC in which the room is read.
    pub fn irc_shapes(&self) -> Vec<IrcShape> {
        self.irc_logs.iter().map(|(shape, _)| *shape).collect()
    }

    /// Bytes held by the largest log.
    pub fn held(&self) -> usize {
        let irc = self.irc_logs.iter().map(|(_, open)| open);
        self.logs.iter().flatten().chain(irc).map(|open| open.log.held()).max().unwrap_or(0)
    }

    /// Checks that the log of an encoding is open exactly when it has readers, and has exactly these cursors.
    ///
    /// # Errors
    /// A description of the first fault.
    pub fn audit(&self, encoding: LogEncoding, cursors: &[Cursor]) -> Result<(), String> {
        let open = match encoding.index() {
            Ok(index) => self.logs[index].as_ref(),
            Err(shape) => self.irc_logs.iter().find(|(other, _)| *other == shape).map(|(_, open)| open),
        };
        match open {
            Some(open) if open.readers as usize != cursors.len() || cursors.is_empty() => {
                Err(format!("{} readers are counted, {} are there", open.readers, cursors.len()))
            }
            Some(open) => open.log.audit(cursors),
            None if cursors.is_empty() => Ok(()),
            None => Err("a log with readers is not open".into()),
        }
    }
}
