//! What was said in a room, as it was said: from this the log of any dialect can be made.

use std::collections::VecDeque;

use compact_str::CompactString;
use time::{Date, OffsetDateTime};

use super::segment_log::{Entry, Kind, Log, Retention};
use crate::chat::event::FRAME;
use crate::chat::event::{Event, Notice, Render};
use crate::chat::id::Author;
use crate::chat::id::Session;

/// A message of the history.
struct Message {
    id: u64,
    stamp: u64,
    at: OffsetDateTime,
    author: Author,
    name: CompactString,
    text: Box<str>,
    action: bool,
}

impl Message {
    fn bytes(&self) -> usize {
        FRAME + self.name.len() + self.text.len()
    }

    fn event(&self) -> Event<'_> {
        let Message { id, at, ref name, ref text, action, .. } = *self;
        if action { Event::Action { id, at, name, text } } else { Event::Said { id, at, name, text } }
    }
}

/// The history of a room whose readers may be of several dialects.
pub struct History {
    keep: Retention,
    messages: VecDeque<Message>,
    bytes: usize,
    /// The newest message that is no longer kept; 0 if all are.
    forgotten: u64,
}

impl History {
    /// Nothing was said yet.
    pub fn new(keep: Retention) -> Self {
        History { keep, messages: VecDeque::new(), bytes: 0, forgotten: 0 }
    }

    /// Whether there is anything to be shown to whoever enters.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Keeps a message; other events are of the moment.
    pub fn add(&mut self, entry: &Entry, event: &Event) {
        // Only messages are kept.
        let (Event::Said { id, at, name, text } | Event::Action { id, at, name, text }) = *event else { return };
        let action = matches!(event, Event::Action { .. });
        let (stamp, author) = (entry.stamp, Author { session: entry.author, name: entry.name });
        let message = Message { id, stamp, at, author, name: name.into(), text: text.into(), action };
        self.bytes += message.bytes();
        self.messages.push_back(message);
        while (self.messages.len() > self.keep.messages || self.bytes > self.keep.history_bytes)
            && let Some(oldest) = self.messages.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.forgotten = oldest.id;
        }
    }

    /// In place of a log, where nobody reads it.
    pub fn no_log(&self) -> Log {
        Log::new(self.keep)
    }

    /// How many messages are younger than that of number `id`, and whether others were that are no longer kept.
    pub fn since(&self, id: u64) -> (usize, bool) {
        let old = self.messages.partition_point(|message| message.id <= id);
        (self.messages.len() - old, self.forgotten > id)
    }

    /// A log that holds it, up to that stamp; the room's newest entry was of the day `until`.
    pub fn log(&self, render: &dyn Render, until: Option<Date>, stamp: u64) -> Log {
        let mut log = Log::new(self.keep);
        let mut day = None;
        for message in &self.messages {
            let today = message.at.date();
            if day.replace(today).is_some_and(|day| day != today) {
                append_day(&mut log, render, today, message.stamp);
            }
            let Author { session: author, name } = message.author;
            let entry = Entry { stamp: message.stamp, author, name, kind: Kind::Message, end: 0 };
            log.append(entry, day, message.bytes(), |out| render.render(&message.event(), out));
        }
        if let Some(today) = until.filter(|&until| day.is_some_and(|day| day != until)) {
            append_day(&mut log, render, today, stamp);
        }
        log
    }
}

fn append_day(log: &mut Log, render: &dyn Render, day: Date, stamp: u64) {
    let entry = Entry { stamp, author: Session::NOBODY, name: 0, kind: Kind::Day, end: 0 };
    log.append(entry, Some(day), FRAME, |out| render.render(&Event::Notice(Notice::Day(day)), out));
}
