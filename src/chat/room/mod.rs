//! A room: its logs, its members, and the sweep that offers them new entries.

pub(super) mod history;
pub(super) mod logs;
pub(super) mod rules;
pub(super) mod segment_log;
mod sweep;

use std::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use time::{Date, UtcOffset};

use self::history::History;
use self::logs::{Appending, Logs};
use self::rules::RoomRules;
use self::segment_log::{Cursor, EntryKind, Log, Retention};
use self::sweep::Sweep;
use super::account::table::AccountTable;
use super::encoding::{Detail, LogEncoding, Render};
use super::event::{Event, Notice, Topic};
use super::id::{ClientId, Holder, MemberId, MemberSlot, Now};
use super::irc::metadata::Metadata;
use super::member::RoomRole;
use super::policy::restrictions::Restriction;
use super::record::{RoomBanRecord, RoomRecord, RoomRoleRecord, TopicRecord};
use crate::util::tables::shrink;

/// The numbers of joins and leaves that are announced in one line.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct PresenceSummary {
    pub joined: u32,
    pub left: u32,
}

/// The topic of a room.
#[derive(Clone, Serialize, Deserialize)]
pub struct RoomTopic {
    /// The name of the member that has set it, at that time.
    pub name: CompactString,
    pub text: Box<str>,
    /// In seconds since 1970; 0 if it is not known.
    #[serde(default)]
    pub at: i64,
}

/// Messages of several lines whose ids are known together at most.
const MAX_MULTILINE: usize = 100;
/// Ids between the first and the last line of such a message at most; more are nonsense.
const MAX_MULTILINE_IDS: u64 = 1 << 16;

/// One room.
#[derive(Serialize, Deserialize)]
pub struct Room {
    pub name: Box<str>,
    /// The folded name, its key in the hub's index.
    pub key: Box<str>,
    logs: Logs,
    /// The history as events, from which a log can be made.
    history: History,
    /// Total bytes appended, each line counted in its longest encoding.
    appended: u64,
    pub members: Vec<MemberSlot>,
    /// The sessions of this node that read it.
    readers: Sweep,
    /// The day of the newest entry.
    pub day: Option<Date>,
    pub topic: Option<Box<RoomTopic>>,
    pub rules: RoomRules,
    /// What IRC clients say of it in keys and values; it is not stored.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The first and the last id of the latest messages of several lines, whose lines are messages of the history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    multiline: Vec<(u64, u64)>,
    /// Joins and leaves not yet announced; `Some` while a summary is due.
    pub summary: Option<PresenceSummary>,
    /// The earliest time of the next summary.
    pub next_summary: Duration,
    /// When the hub next checks `summary`; a queue entry with another time belongs to an earlier room with this id.
    pub summary_due: Duration,
    /// Whether it is in the hub's queue of dirty rooms.
    pub dirty: bool,
    /// Whether the store has messages or settings of this room.
    pub is_stored: bool,
    /// The member that created it.
    pub creator: Option<MemberId>,
    /// When it was created, in seconds since 1970; 0 if that is not known: for the lobby, and for a room that was read from
    /// the store after a restart.
    #[serde(default)]
    pub created: i64,
    /// Its number in the order of empty rooms; 0 if it is not empty.
    pub emptied: u64,
}

/// What is stored of a room besides its messages.
pub fn record_of(topic: Option<&RoomTopic>, rules: &RoomRules, accounts: &AccountTable, now: &Now) -> RoomRecord {
    let unix = now.local.unix_timestamp();
    let account = |holder: Holder| match holder {
        Holder::Account(account) => accounts.get(account).map(|account| account.name.shown.to_string()),
        Holder::Member(_) => None,
    };
    let ban = |ban: &Restriction| {
        let left = ban.left(now.at).map(|left| i64::try_from(left.as_secs()).unwrap_or(i64::MAX));
        let until = left.map(|left| unix.saturating_add(left));
        RoomBanRecord { name: ban.name.to_string(), until, account: ban.holder.and_then(account) }
    };
    let role = |&(holder, role): &(Holder, RoomRole)| Some(RoomRoleRecord { account: account(holder)?, role });
    RoomRecord {
        settings: rules.settings.clone(),
        topic: topic.map(|topic| TopicRecord {
            name: topic.name.to_string(),
            text: topic.text.to_string(),
            at: topic.at,
        }),
        bans: rules.bans.in_force(now.at).map(ban).collect(),
        roles: rules.roles().iter().filter_map(role).collect(),
        masks: rules.masks().to_vec(),
        changed: Some(unix),
    }
}

impl Room {
    /// An empty room.
    pub fn new(name: &str, key: &str, retention: Retention) -> Self {
        Room {
            name: name.into(),
            key: key.into(),
            logs: Logs::default(),
            history: History::new(retention),
            appended: 0,
            members: Vec::new(),
            readers: Sweep::default(),
            day: None,
            topic: None,
            rules: RoomRules::default(),
            metadata: Metadata::EMPTY,
            multiline: Vec::new(),
            summary: None,
            next_summary: Duration::ZERO,
            summary_due: Duration::ZERO,
            dirty: false,
            is_stored: false,
            creator: None,
            created: 0,
            emptied: 0,
        }
    }

    /// What is the same on all nodes: the room without its readers, their logs, and what is announced to them later.
    pub fn shared(&self) -> Room {
        let shared = Room::new(&self.name, &self.key, self.history.retention());
        Room {
            history: self.history.shared(),
            members: self.members.clone(),
            topic: self.topic.clone(),
            rules: self.rules.clone(),
            metadata: self.metadata.clone(),
            multiline: self.multiline.clone(),
            is_stored: self.is_stored,
            creator: self.creator,
            created: self.created,
            emptied: self.emptied,
            ..shared
        }
    }

    /// Checks what does not depend on other rooms and members, in a room that another node has given.
    ///
    /// # Errors
    /// What is wrong; `is_id` tells whether a number can be the id of a message, `is_time` whether a Unix time can be one.
    pub fn check(&self, is_id: impl Fn(u64) -> bool, is_time: impl Fn(i64) -> bool) -> Result<(), String> {
        self.history.check(&is_id, &is_time)?;
        let is_multiline =
            |&(first, last): &(u64, u64)| is_id(last) && first <= last && last - first <= MAX_MULTILINE_IDS;
        let is_spoken = |at: Duration| i64::try_from(at.as_secs()).is_ok_and(&is_time);
        let is_right = self.multiline.len() <= MAX_MULTILINE
            && self.multiline.iter().all(is_multiline)
            && is_id(self.emptied)
            && is_time(self.created)
            && self.topic.as_ref().is_none_or(|topic| is_time(topic.at))
            && self.rules.times_spoken().all(is_spoken);
        if is_right { Ok(()) } else { Err("a time or a number of a room is wrong".into()) }
    }

    /// Takes a room of another node: its messages are shown in the time of this one, and the store may have older ones
    /// (`has_store`).
    pub fn adopt(&mut self, offset: UtcOffset, has_store: bool) {
        // What belongs to one node alone is there only if the room is forged.
        *self = self.shared();
        self.day = self.history.localize(offset);
        if has_store {
            self.note_older();
        }
    }

    /// Forgets the members, as after a restart of a server that stores its rooms: what is kept of it besides its messages is what a
    /// store keeps.
    pub fn forget_members(&mut self, accounts: &AccountTable, now: &Now) {
        let record = record_of(self.topic.as_deref(), &self.rules, accounts, now);
        (self.topic, self.rules) = Room::of_record(record, accounts, now);
        (self.metadata, self.creator) = (Metadata::EMPTY, None);
        self.members.clear();
        self.history.forget_members();
    }

    /// The log of an encoding.
    ///
    /// # Panics
    /// If no session reads that encoding.
    #[inline]
    pub fn log(&self, encoding: LogEncoding) -> &Log {
        self.logs.log(encoding)
    }

    /// As [`Room::log`], mutable.
    #[inline]
    pub fn log_mut(&mut self, encoding: LogEncoding) -> &mut Log {
        self.logs.log_mut(encoding)
    }

    /// Whether sessions of IRC read it.
    #[inline]
    pub fn has_irc_readers(&self) -> bool {
        self.logs.has_irc_readers()
    }

    /// The messages that are kept.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether it has a setting or a topic, which are kept when it is empty.
    pub fn has_settings(&self) -> bool {
        self.topic.is_some() || self.rules.has_settings()
    }

    /// The topic and the rules of a room as they were stored, without bans that are over and roles of accounts that were
    /// removed.
    pub fn of_record(record: RoomRecord, accounts: &AccountTable, now: &Now) -> (Option<Box<RoomTopic>>, RoomRules) {
        let RoomRecord { settings, topic, bans, roles, masks, .. } = record;
        let mut rules = RoomRules::new(settings);
        let holder = |account: &str| accounts.find(account).map(Holder::Account);
        for RoomRoleRecord { account, role } in roles {
            holder(&account).into_iter().for_each(|holder| rules.give_role(holder, role, |_| true));
        }
        for RoomBanRecord { name, until, account } in bans {
            let until = match until.map(|until| until - now.local.unix_timestamp()) {
                Some(..=0) => continue,
                left => left.map(|seconds| now.at + Duration::from_secs(seconds.unsigned_abs())),
            };
            rules.bans.add(Restriction::new(&name, account.as_deref().and_then(holder), until), now.at);
        }
        masks.into_iter().for_each(|entry| rules.add_mask(entry));
        let topic =
            topic.map(|topic| Box::new(RoomTopic { name: topic.name.into(), text: topic.text.into(), at: topic.at }));
        (topic, rules)
    }

    /// Notes that the messages with these ids are the lines of one message.
    pub fn note_multiline(&mut self, first: u64, last: u64) {
        if self.multiline.len() >= MAX_MULTILINE {
            self.multiline.remove(0);
        }
        self.multiline.push((first, last));
    }

    /// The ids of the message with this id, and of the lines that belong to it; those that are in the history.
    pub fn lines_of(&self, id: u64) -> Vec<u64> {
        let last = self.multiline.iter().find(|&&(first, _)| first == id).map_or(id, |&(_, last)| last);
        (id..=last).filter(|&line| line == id || self.history.get(line).is_some()).collect()
    }

    /// Whether it has a topic, settings, bans or masks.
    pub fn has_lasting_rules(&self) -> bool {
        self.topic.is_some() || self.rules.limit_entry()
    }

    /// Whether it stays in a cluster when it is empty: it has messages, or what must not be lost. The role of an account alone does
    /// not count, which each room has that such a member has made.
    pub fn is_kept_by_nodes(&self) -> bool {
        let had_messages = self.rules.has_account_roles() && self.history.had_messages();
        !self.history.is_empty() || self.has_lasting_rules() || had_messages
    }

    /// Deletes messages from the history. Members that enter later are not shown them.
    pub fn delete(&mut self, ids: &[u64]) {
        if self.history.delete(ids) {
            self.logs.forget_history();
        }
    }

    /// Notes that the store may have older messages than the history.
    pub fn note_older(&mut self) {
        self.history.note_older();
    }

    /// Notes that messages up to this id may be lost.
    pub fn note_lost(&mut self, id: u64) {
        self.history.note_lost(id);
    }

    /// Notes that messages up to this id are in the store alone.
    pub fn note_missed(&mut self, id: u64) {
        self.history.note_missed(id);
    }

    /// Sets other limits on the history: older messages than they allow are dropped.
    pub fn set_retention(&mut self, retention: Retention) {
        self.history.set_retention(retention);
        self.logs.limit_history(self.history.len());
    }

    /// The topic as it is shown.
    pub fn topic(&self) -> Option<Topic<'_>> {
        self.topic.as_ref().map(|topic| Topic { name: &topic.name, text: &topic.text })
    }

    /// Opens the log of an encoding if it is not open, for a reader that is added next; `stamp` is the newest stamp.
    pub fn open_log(&mut self, encoding: LogEncoding, render: &dyn Render, stamp: u64) {
        self.logs.open(encoding, &self.name, &self.history, render, stamp);
    }

    /// Appends an event to every open log, and a message to the history; possible slow consumers go to `slow_consumers`.
    #[inline]
    pub fn append(&mut self, appending: Appending, detail: Option<&Detail>, slow_consumers: &mut Vec<ClientId>) {
        match (appending.entry.kind, appending.event) {
            (EntryKind::Message, event) => self.history.add(appending.entry.author(), event),
            (_, &Event::Notice(Notice::Day(date))) => self.history.begin_day(date),
            _ => {}
        }
        self.appended += self.logs.append(appending, detail, (&self.name, self.history.len()), slow_consumers);
    }

    /// Appends an event to the logs of IRC alone.
    #[cold]
    pub fn append_to_irc(&mut self, appending: Appending, detail: &Detail, slow_consumers: &mut Vec<ClientId>) {
        self.appended += self.logs.append_to_irc(appending, detail, &self.name, slow_consumers);
    }

    /// Adds a member; returns its index.
    pub fn add_member(&mut self, member: MemberSlot) -> u32 {
        self.members.push(member);
        (self.members.len() - 1) as u32
    }

    /// Removes the member at `place`; returns the member that moved there.
    pub fn remove_member(&mut self, place: u32) -> Option<MemberSlot> {
        self.members.swap_remove(place as usize);
        shrink::vec(&mut self.members);
        self.members.get(place as usize).copied()
    }

    /// Adds a session that reads the room from `cursor` on; returns its index. The log of `encoding` must be open.
    pub fn add_reader(&mut self, id: ClientId, encoding: LogEncoding, cursor: Cursor) -> u32 {
        self.logs.add_reader(encoding, cursor);
        self.readers.add(id, self.appended)
    }

    /// Removes the reader at `place`, whose log is that of `encoding` and which has read up to `cursor`. Returns the
    /// reader that moved to `place` and might miss its visit.
    ///
    /// A log without readers is closed.
    pub fn remove_reader(&mut self, place: u32, encoding: LogEncoding, cursor: Cursor) -> Option<ClientId> {
        self.logs.remove_reader(encoding, cursor);
        self.readers.remove(place)
    }

    /// The number of sessions that read the room.
    pub fn reader_count(&self) -> usize {
        self.readers.len()
    }

    /// Makes the sweep visit every reader again, since the log has grown.
    pub fn restart_sweep(&mut self) {
        self.readers.restart();
    }

    /// The next reader to visit; `None` after all were visited since the last append.
    pub fn next_visit(&mut self) -> Option<ClientId> {
        self.readers.next_visit(self.appended)
    }

    /// Bytes that a reader that is not blocked may not have been offered yet.
    pub fn unswept(&self) -> u64 {
        self.readers.unswept(self.appended)
    }
}

#[cfg(test)]
mod tests;
