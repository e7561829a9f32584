//! The history of a room as events, from which the log of any encoding can be made.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, UtcOffset};

use super::segment_log::{Entry, Log, Retention};
use crate::chat::encoding::{Render, RoomLabel};
use crate::chat::event::{Event, LINE_OVERHEAD, MessageKind, MessageView, Notice, kind_or_flag};
use crate::chat::id::{Author, DayNumber};
use crate::chat::record::Message;
use crate::chat::span::{Dated, millis};

/// Dropped bytes of texts below which the others are not moved.
const MIN_MOVE: usize = 4096;

/// One message of the history, without its texts.
#[derive(Clone, Serialize, Deserialize)]
struct Item {
    id: u64,
    at: OffsetDateTime,
    author: Author,
    name_len: u32,
    text_len: u32,
    #[serde(alias = "action", deserialize_with = "kind_or_flag")]
    kind: MessageKind,
}

impl Item {
    /// Bytes of its texts.
    fn len(&self) -> usize {
        (self.name_len + self.text_len) as usize
    }

    /// Estimated bytes as a line. As JSON it may have twice as many.
    fn cost(&self) -> usize {
        LINE_OVERHEAD + self.len()
    }
}

/// One message of the history.
pub struct HistoryMessage<'a> {
    item: &'a Item,
    name: &'a str,
    text: &'a str,
}

impl<'a> HistoryMessage<'a> {
    /// Its event.
    pub fn event(&self) -> Event<'a> {
        let HistoryMessage { item: &Item { id, at, kind, .. }, name, text } = *self;
        kind.event(id, at, name, text)
    }

    /// The message as it is stored, of the room with this name.
    pub fn to_message(&self, room: &str) -> Message {
        let HistoryMessage { item: &Item { id, at, kind, .. }, name, text } = *self;
        Message { id, room: room.to_owned(), at, kind, name: name.to_owned(), text: text.to_owned() }
    }

    /// The name of its author at that time.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// What was said.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Its author.
    pub fn author(&self) -> Author {
        self.item.author
    }
}

impl Dated for HistoryMessage<'_> {
    fn id(&self) -> u64 {
        self.item.id
    }

    fn millis(&self) -> i64 {
        millis(self.item.at)
    }
}

/// One line of the history.
pub enum HistoryLine<'a> {
    Message(HistoryMessage<'a>),
    /// A new day began here.
    Day(Date),
}

/// A new day: the number of messages before it, since the room was made.
#[derive(Clone, Serialize, Deserialize)]
struct DayBegin {
    messages: u64,
    date: Date,
}

/// The newest messages of a room. Their texts stand in one string, so that a message needs no allocation.
#[derive(Clone, Serialize, Deserialize)]
pub struct History {
    retention: Retention,
    items: VecDeque<Item>,
    /// The number of messages since the room was made.
    added: u64,
    /// The days that began after the first of the messages.
    days: VecDeque<DayBegin>,
    /// The names and texts of the messages; those before `first` are dropped.
    texts: String,
    first: usize,
    /// The sum of all costs.
    cost: usize,
    /// The id of the newest message that is no longer kept; 0 if all are kept.
    newest_dropped: u64,
    /// The greatest id of a message that may have been missing in the store when the history was read from it; 0 if none was.
    #[serde(default, skip_serializing_if = "is_zero")]
    newest_missing: u64,
    /// There may be older messages in the store.
    #[serde(default = "may_be_partial")]
    is_partial: bool,
}

fn is_zero(id: &u64) -> bool {
    *id == 0
}

/// Earlier versions did not note it.
fn may_be_partial() -> bool {
    true
}

impl History {
    /// An empty history.
    pub fn new(retention: Retention) -> Self {
        History {
            retention,
            items: VecDeque::new(),
            added: 0,
            days: VecDeque::new(),
            texts: String::new(),
            first: 0,
            cost: 0,
            newest_dropped: 0,
            newest_missing: 0,
            is_partial: false,
        }
    }

    /// Its limits.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Whether there is nothing to replay.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The number of messages.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Adds a message.
    #[inline]
    pub fn add(&mut self, author: Author, event: &Event) {
        let Some(MessageView { kind, id, at, name, text }) = event.message() else { return };
        if self.retention.messages == 0 {
            self.newest_dropped = id;
            return;
        }
        self.texts.reserve(name.len() + text.len());
        self.texts.push_str(name);
        self.texts.push_str(text);
        let (name_len, text_len) = (name.len() as u32, text.len() as u32);
        let item = Item { id, at, author, name_len, text_len, kind };
        self.cost += item.cost();
        self.items.push_back(item);
        self.added += 1;
        self.drop_oldest();
    }

    /// Notes that there may be older messages in the store.
    pub fn note_older(&mut self) {
        self.is_partial = true;
    }

    /// Notes that messages up to this id may be lost.
    pub fn note_lost(&mut self, id: u64) {
        self.newest_missing = self.newest_missing.max(id);
    }

    /// The id of the newest message that it lacks; 0 if it has all.
    pub fn newest_missing(&self) -> u64 {
        self.newest_dropped.max(self.newest_missing)
    }

    /// What is the same on all nodes of a cluster: the messages, whose times are in UTC.
    pub fn shared(&self) -> History {
        let utc = |item: &Item| Item { at: item.at.to_offset(UtcOffset::UTC), ..item.clone() };
        History {
            items: self.items.iter().map(utc).collect(),
            added: self.items.len() as u64,
            texts: self.texts[self.first..].to_owned(),
            cost: self.cost,
            newest_dropped: self.newest_missing(),
            ..History::new(Retention { backlog_bytes: 0, ..self.retention })
        }
    }

    /// Checks a history that another node has given: the lengths and costs of the messages, their order and times.
    ///
    /// # Errors
    /// What is wrong; `is_time` tells whether a Unix time can be one.
    pub fn check(&self, is_id: impl Fn(u64) -> bool, is_time: impl Fn(i64) -> bool) -> Result<(), String> {
        let (mut rest, mut cost, mut last) = (self.texts.as_str(), 0, None);
        for item in &self.items {
            let Item { id, at, name_len, text_len, .. } = *item;
            let lengths =
                (name_len as usize).checked_add(text_len as usize).filter(|_| name_len.checked_add(text_len).is_some());
            let text = lengths.and_then(|len| rest.split_at_checked(len));
            let Some((_, after)) = text.filter(|(text, _)| text.is_char_boundary(name_len as usize)) else {
                return Err(format!("the length of message {id} is wrong"));
            };
            if !is_id(id) || last.replace(id).is_some_and(|last| last >= id) || !is_time(at.unix_timestamp()) {
                return Err(format!("the id or the time of message {id} is wrong"));
            }
            rest = after;
            cost += item.cost();
        }
        let counts = (rest.len(), cost, self.first, self.added, self.days.len());
        match counts == (0, self.cost, 0, self.items.len() as u64, 0) && is_id(self.newest_missing()) {
            true => Ok(()),
            false => Err("the sizes of the messages are wrong".into()),
        }
    }

    /// Shows the messages of another node in the time of this one. Returns the day of the newest one.
    pub fn localize(&mut self, offset: UtcOffset) -> Option<Date> {
        let (mut day, first) = (None, self.added - self.items.len() as u64);
        self.days.clear();
        for (item, number) in self.items.iter_mut().zip(first..) {
            item.at = item.at.to_offset(offset);
            let date = item.at.date();
            if day.replace(date).is_some_and(|before| before != date) {
                self.days.push_back(DayBegin { messages: number, date });
            }
        }
        day
    }

    /// No member is the author of the messages any more; their names stay.
    pub fn forget_members(&mut self) {
        self.items.iter_mut().for_each(|item| item.author.member = None);
    }

    /// Notes that messages up to this id are not here, though the room has had some.
    pub fn note_missed(&mut self, id: u64) {
        self.newest_dropped = self.newest_dropped.max(id);
    }

    /// Whether the room has had messages that were not deleted, here or not.
    pub fn had_messages(&self) -> bool {
        self.newest() > 0
    }

    /// The newest message that it has had and that was not deleted; 0 if there was none.
    pub fn newest(&self) -> u64 {
        self.items.back().map_or(0, |item| item.id).max(self.newest_dropped)
    }

    /// Whether it has all messages of the room.
    pub fn is_complete(&self) -> bool {
        !self.is_partial && self.newest_missing() == 0
    }

    /// Sets other limits: older messages than they allow are dropped.
    pub fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
        self.drop_oldest();
    }

    /// Drops the oldest messages that are over the limit.
    #[inline]
    fn drop_oldest(&mut self) {
        while self.is_over_limit()
            && let Some(oldest) = self.items.pop_front()
        {
            self.first += oldest.len();
            self.cost -= oldest.cost();
            // Others after it may be missing: see `note_missed`.
            self.newest_dropped = self.newest_dropped.max(oldest.id);
        }
        if !self.days.is_empty() {
            self.drop_days();
        }
        if self.first > MIN_MOVE.max(self.texts.len() / 2) {
            self.texts.drain(..self.first);
            self.first = 0;
        }
    }

    fn is_over_limit(&self) -> bool {
        self.items.len() > self.retention.messages || self.cost > self.retention.history_bytes
    }

    /// Notes that a new day begins.
    pub fn begin_day(&mut self, date: Date) {
        if !self.items.is_empty() {
            self.days.push_back(DayBegin { messages: self.added, date });
        }
    }

    /// Deletes messages; returns whether there was any.
    pub fn delete(&mut self, ids: &[u64]) -> bool {
        let (before, mut from) = (self.items.len(), self.first);
        let mut number = self.added - before as u64;
        let (items, texts) = (std::mem::take(&mut self.items), std::mem::take(&mut self.texts));
        for item in items {
            let text = &texts[from..from + item.len()];
            from += item.len();
            if ids.contains(&item.id) {
                self.cost -= item.cost();
                self.added -= 1;
                self.days.iter_mut().filter(|day| day.messages > number).for_each(|day| day.messages -= 1);
                continue;
            }
            number += 1;
            self.texts.push_str(text);
            self.items.push_back(item);
        }
        self.first = 0;
        self.drop_days();
        self.items.len() < before
    }

    /// Drops the days before the first message.
    fn drop_days(&mut self) {
        let first = self.added - self.items.len() as u64;
        while self.days.front().is_some_and(|day| day.messages <= first) {
            self.days.pop_front();
        }
    }

    /// The ids and authors of the messages, the newest first.
    pub fn authors(&self) -> impl Iterator<Item = (u64, Author)> {
        self.items.iter().rev().map(|item| (item.id, item.author))
    }

    /// The message with this id.
    pub fn get(&self, id: u64) -> Option<HistoryMessage<'_>> {
        let found = self.items.binary_search_by_key(&id, |item| item.id).ok()?;
        self.last(self.items.len() - found).next()
    }

    /// The last `n` messages, oldest first.
    pub fn last(&self, n: usize) -> impl Iterator<Item = HistoryMessage<'_>> {
        let skipped = self.items.len().saturating_sub(n);
        let mut at = self.first + self.items.range(..skipped).map(Item::len).sum::<usize>();
        self.items.range(skipped..).map(move |item| {
            let (name, text) = self.texts[at..at + item.len()].split_at(item.name_len as usize);
            at += item.len();
            HistoryMessage { item, name, text }
        })
    }

    /// The last `n` messages, oldest first, and the days that began between them or after them.
    pub fn last_lines(&self, n: usize) -> impl Iterator<Item = HistoryLine<'_>> {
        let first = self.added - n.min(self.items.len()) as u64;
        let mut days = self.days.iter().skip_while(move |day| day.messages <= first).peekable();
        let mut messages = self.last(n).zip(first..).peekable();
        std::iter::from_fn(move || {
            let next = messages.peek().map(|&(_, number)| number);
            match days.next_if(|day| next.is_none_or(|number| day.messages <= number)) {
                Some(day) => Some(HistoryLine::Day(day.date)),
                None => messages.next().map(|(message, _)| HistoryLine::Message(message)),
            }
        })
    }

    /// The greatest number of messages, at most `n`, that are the newest and cost `max_bytes` together at most.
    pub fn fitting(&self, n: usize, max_bytes: usize) -> usize {
        let mut cost = 0;
        let fits = |item: &&Item| {
            cost += item.cost();
            cost <= max_bytes
        };
        self.items.iter().rev().take(n).take_while(fits).count()
    }

    /// The day of the first of the last `n` messages.
    pub fn first_day(&self, n: usize) -> Option<Date> {
        self.items.range(self.items.len().saturating_sub(n)..).next().map(|item| item.at.date())
    }

    /// The number of kept messages after `id`, and whether newer ones than `id` are no longer kept.
    pub fn since(&self, id: u64) -> (usize, bool) {
        let old = self.items.partition_point(|item| item.id <= id);
        (self.items.len() - old, self.newest_missing() > id)
    }

    /// Makes a log of this history, whose entries all have the newest stamp, `stamp`.
    pub fn log(&self, render: &dyn Render, label: RoomLabel, stamp: u64) -> Log {
        let (mut log, mut messages) = (Log::new(self.retention), 0);
        for line in self.last_lines(self.items.len()) {
            let (entry, hint, event) = match &line {
                HistoryLine::Day(date) => {
                    (Entry::day(stamp, DayNumber::of(*date)), LINE_OVERHEAD, Event::Notice(Notice::Day(*date)))
                }
                HistoryLine::Message(message) => {
                    let entry = Entry::message(stamp, message.author());
                    messages += 1;
                    (entry, LINE_OVERHEAD + message.item.len(), message.event())
                }
            };
            log.append(entry, messages, hint, |out| render.render(&event, label, out));
        }
        log
    }
}

#[cfg(test)]
mod tests;
