//! The history of a room as events, from which the log of any encoding can be made.

use std::collections::VecDeque;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

use super::segment_log::{Entry, EntryKind, Log, Retention};
use crate::chat::encoding::Render;
use crate::chat::event::LINE_OVERHEAD;
use crate::chat::event::{Event, Notice};
use crate::chat::id::Author;

/// One message of the history.
#[derive(Serialize, Deserialize)]
struct HistoryMessage {
    id: u64,
    stamp: u64,
    at: OffsetDateTime,
    author: Author,
    name: CompactString,
    text: Box<str>,
    action: bool,
}

impl HistoryMessage {
    fn bytes(&self) -> usize {
        LINE_OVERHEAD + self.name.len() + self.text.len()
    }

    fn event(&self) -> Event<'_> {
        let HistoryMessage { id, at, ref name, ref text, action, .. } = *self;
        if action { Event::Action { id, at, name, text } } else { Event::Said { id, at, name, text } }
    }
}

/// The history of a room whose readers may have several encodings.
#[derive(Serialize, Deserialize)]
pub struct History {
    retention: Retention,
    messages: VecDeque<HistoryMessage>,
    bytes: usize,
    /// The id of the newest message that is no longer kept; 0 if all are kept.
    newest_dropped: u64,
}

impl History {
    /// An empty history.
    pub fn new(retention: Retention) -> Self {
        History { retention, messages: VecDeque::new(), bytes: 0, newest_dropped: 0 }
    }

    /// Whether there is nothing to replay.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Adds an event; only messages are kept.
    pub fn add(&mut self, entry: &Entry, event: &Event) {
        let (Event::Said { id, at, name, text } | Event::Action { id, at, name, text }) = *event else { return };
        let action = matches!(event, Event::Action { .. });
        let (stamp, author) = (entry.stamp, entry.author());
        let message = HistoryMessage { id, stamp, at, author, name: name.into(), text: text.into(), action };
        self.bytes += message.bytes();
        self.messages.push_back(message);
        while (self.messages.len() > self.retention.messages || self.bytes > self.retention.history_bytes)
            && let Some(oldest) = self.messages.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.newest_dropped = oldest.id;
        }
    }

    /// An empty log, for an encoding that no member reads.
    pub fn no_log(&self) -> Log {
        Log::new(self.retention)
    }

    /// The number of kept messages after `id`, and whether newer ones than `id` are no longer kept.
    pub fn since(&self, id: u64) -> (usize, bool) {
        let old = self.messages.partition_point(|message| message.id <= id);
        (self.messages.len() - old, self.newest_dropped > id)
    }

    /// Makes a log of this history; `stamp` is the newest stamp, and `until` the day of the room's newest entry.
    pub fn log(&self, render: &dyn Render, until: Option<Date>, stamp: u64) -> Log {
        let mut log = Log::new(self.retention);
        let mut day = None;
        for message in &self.messages {
            let today = message.at.date();
            if day.replace(today).is_some_and(|day| day != today) {
                append_day(&mut log, render, today, message.stamp);
            }
            let entry = Entry::new(message.stamp, message.author, EntryKind::Message);
            log.append(entry, day, message.bytes(), |out| render.render(&message.event(), out));
        }
        if let Some(today) = until.filter(|&until| day.is_some_and(|day| day != until)) {
            append_day(&mut log, render, today, stamp);
        }
        log
    }
}

fn append_day(log: &mut Log, render: &dyn Render, day: Date, stamp: u64) {
    let entry = Entry::new(stamp, Author::NONE, EntryKind::Day);
    log.append(entry, Some(day), LINE_OVERHEAD, |out| render.render(&Event::Notice(Notice::Day(day)), out));
}
