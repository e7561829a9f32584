//! The logs of a room: one for each encoding that sessions read.

use serde::{Deserialize, Serialize};

use super::history::History;
use super::segment_log::{Cursor, Entry, EntryKind, Log};
use crate::chat::encoding::{Detail, IrcContext, IrcShape, LogEncoding, Render, Renderers};
use crate::chat::event::Event;
use crate::chat::id::ClientId;
use crate::util::tables::shrink;

/// A log that sessions read, and how many they are.
#[derive(Serialize, Deserialize)]
struct OpenLog {
    log: Log,
    readers: u32,
}

/// What an event is written with.
#[derive(Clone, Copy)]
pub struct Appending<'a> {
    pub entry: Entry,
    /// About how many bytes the event has.
    pub hint: usize,
    pub renders: &'a Renderers,
    pub event: &'a Event<'a>,
}

/// The open logs of a room.
#[derive(Default, Serialize, Deserialize)]
pub struct Logs {
    by_encoding: [Option<Box<OpenLog>>; LogEncoding::COUNT],
    /// One log for each shape of IRC that sessions read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    irc: Vec<(IrcShape, Box<OpenLog>)>,
}

impl Logs {
    /// The log of an encoding.
    ///
    /// # Panics
    /// If no session reads that encoding.
    #[inline]
    pub fn log(&self, encoding: LogEncoding) -> &Log {
        match encoding.index() {
            Ok(index) => &self.by_encoding[index].as_ref().expect("an open log").log,
            Err(shape) => {
                let found = self.irc.iter().find(|(other, _)| *other == shape);
                &found.expect("an open log").1.log
            }
        }
    }

    /// As [`Logs::log`], mutable.
    #[inline]
    pub fn log_mut(&mut self, encoding: LogEncoding) -> &mut Log {
        &mut self.open_mut(encoding).expect("an open log").log
    }

    /// Whether sessions of IRC read it.
    #[inline]
    pub fn has_irc_readers(&self) -> bool {
        !self.irc.is_empty()
    }

    /// Messages were deleted from the history. The bytes in the logs stay, for readers that are within them.
    pub fn forget_history(&mut self) {
        self.by_encoding.iter_mut().flatten().for_each(|open| open.log.forget_history());
    }

    /// The history has this number of messages at most from now on.
    pub fn limit_history(&mut self, messages: usize) {
        self.by_encoding.iter_mut().flatten().for_each(|open| open.log.limit_history(messages));
    }

    /// Opens the log of an encoding if it is not open, for a reader that is added next; `stamp` is the newest stamp. A log of
    /// IRC has no history.
    pub fn open(&mut self, encoding: LogEncoding, room: &str, history: &History, render: &dyn Render, stamp: u64) {
        match encoding.index() {
            Ok(index) if self.by_encoding[index].is_none() => {
                let log = history.log(render, encoding.label(room), stamp);
                self.by_encoding[index] = Some(Box::new(OpenLog { log, readers: 0 }));
            }
            Err(shape) if self.irc.iter().all(|(other, _)| *other != shape) => {
                let log = Log::new(history.retention().without_history());
                self.irc.push((shape, Box::new(OpenLog { log, readers: 0 })));
            }
            _ => {}
        }
    }

    /// Appends an event to every open log, to those of IRC if there is a detail; `messages` is the length of the history.
    /// Possible slow consumers go to `slow_consumers`. Returns by how many bytes the log grew that grew most.
    #[inline]
    pub fn append(
        &mut self,
        appending: Appending,
        detail: Option<&Detail>,
        (room, messages): (&str, usize),
        slow_consumers: &mut Vec<ClientId>,
    ) -> u64 {
        let Appending { entry, hint, renders, event } = appending;
        let mut grown = 0;
        for encoding in LogEncoding::ALL {
            let Some(open) = encoding.index().ok().and_then(|index| self.by_encoding[index].as_mut()) else { continue };
            let (before, label) = (open.log.appended(), encoding.label(room));
            let render = renders.of(encoding.encoding());
            open.log.append(entry, messages, hint, |out| render.render(event, label, out));
            open.log.take_slow_readers(slow_consumers);
            grown = grown.max(open.log.appended() - before);
        }
        match detail {
            Some(detail) if self.has_irc_readers() => {
                grown.max(self.append_to_irc(appending, detail, room, slow_consumers))
            }
            _ => grown,
        }
    }

    /// As [`Logs::append`], to the logs of IRC alone.
    pub fn append_to_irc(
        &mut self,
        Appending { entry, hint, renders, event }: Appending,
        detail: &Detail,
        room: &str,
        slow_consumers: &mut Vec<ClientId>,
    ) -> u64 {
        let (mut grown, room) = (0, Some(room));
        for (shape, open) in &mut self.irc {
            let before = open.log.appended();
            let context = IrcContext { shape: *shape, room, detail: *detail, nick: "", command: "", subject: "" };
            // An optional line is empty for sessions that have none of the capabilities, and not left out: the sessions of its
            // author pass the newest entry, which must be this one.
            let is_shown = shape.contains(IrcShape::OPTIONAL) || !matches!(entry.kind, EntryKind::Optional(..));
            open.log.append(entry, 0, hint, |out| {
                if is_shown {
                    renders.irc.render(event, &context, out);
                }
            });
            open.log.take_slow_readers(slow_consumers);
            grown = grown.max(open.log.appended() - before);
        }
        grown
    }

    /// A session reads the log of an encoding from `cursor` on. That log must be open.
    pub fn add_reader(&mut self, encoding: LogEncoding, cursor: Cursor) {
        if let Some(open) = self.open_mut(encoding) {
            open.log.add_reader(cursor);
            open.readers += 1;
        }
    }

    /// A session that has read the log of an encoding up to `cursor` reads it no longer. A log without readers is closed.
    pub fn remove_reader(&mut self, encoding: LogEncoding, cursor: Cursor) {
        match self.open_mut(encoding) {
            Some(open) if open.readers > 1 => {
                open.readers -= 1;
                open.log.remove_reader(cursor);
            }
            _ => match encoding.index() {
                Ok(index) => self.by_encoding[index] = None,
                Err(shape) => {
                    self.irc.retain(|(other, _)| *other != shape);
                    shrink::vec(&mut self.irc);
                }
            },
        }
    }

    #[inline]
    fn open_mut(&mut self, encoding: LogEncoding) -> Option<&mut OpenLog> {
        match encoding.index() {
            Ok(index) => self.by_encoding[index].as_deref_mut(),
            Err(shape) => self.irc.iter_mut().find(|(other, _)| *other == shape).map(|(_, open)| &mut **open),
        }
    }
}

/// Checks of the logs for the simulator.
#[cfg(test)]
impl Logs {
    pub fn irc_shapes(&self) -> Vec<IrcShape> {
        self.irc.iter().map(|(shape, _)| *shape).collect()
    }

    pub fn held(&self) -> usize {
        let irc = self.irc.iter().map(|(_, open)| open);
        self.by_encoding.iter().flatten().chain(irc).map(|open| open.log.held()).max().unwrap_or(0)
    }

    /// Checks that the log of an encoding is open exactly when it has readers, and has exactly these cursors.
    ///
    /// # Errors
    /// A description of the first fault.
    pub fn audit(&self, encoding: LogEncoding, cursors: &[Cursor]) -> Result<(), String> {
        let open = match encoding.index() {
            Ok(index) => self.by_encoding[index].as_ref(),
            Err(shape) => self.irc.iter().find(|(other, _)| *other == shape).map(|(_, open)| open),
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
