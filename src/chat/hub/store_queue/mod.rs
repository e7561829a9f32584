//! Records and queries for the store, and the restore at the start. All of it is plain data.

pub(in crate::chat::hub) mod answers;
pub(in crate::chat::hub) mod cluster;
pub(in crate::chat::hub) mod conversations;
pub(in crate::chat::hub) mod joining;
pub(in crate::chat::hub) mod offline_messages;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::cluster::LogUse;
use self::joining::KnownMessages;
use crate::chat::account::Account;
use crate::chat::event::{Event, MessageView, Notice};
use crate::chat::gaps::{Gap, Gaps};
use crate::chat::hub::rooms::stored::{StoreUse, StoredRoom};
use crate::chat::hub::store_queue::offline_messages::UnackedDelivery;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{AccountId, Author, LOBBY, Now, RoomId};
use crate::chat::policy::bans::Ban;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::{Name, fold};
use crate::chat::query::Query;
use crate::chat::record::{AccountRecord, BanRecord, InitialRoom, InitialState, Message, Record, RoomRecord};
use crate::chat::room::segment_log::EntryKind;
use crate::chat::room::{Room, record_of};
use crate::chat::scram_keys::ScramKeys;

/// Message ids that are skipped when the store fails.
///
/// The ids given during the failure may never be stored. After a crash they would be given again, and a client that
/// resumes could not be told from one that has read the new messages.
const SKIPPED_IDS: u64 = 1_000_000;

/// What waits for the store.
#[derive(Default, Serialize, Deserialize)]
pub struct StoreQueue {
    /// Records that have not been taken yet.
    records: Vec<Record>,
    /// Queries that have not been taken yet; at most one for each session.
    queries: VecDeque<Query>,
    /// Deliveries of offline messages that are not acknowledged yet.
    unacked: Vec<UnackedDelivery>,
    /// Greater than the id of every message that was recorded.
    #[serde(default)]
    next_id: u64,
    /// The ids of which messages may be missing in the store.
    #[serde(default, skip_serializing_if = "Gaps::is_empty")]
    gaps: Gaps,
    /// The log that the store follows, if it is that of a node of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<LogUse>,
    /// The messages that were read from the store of a node, by the folded names of their rooms, until the node takes part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    restored: KnownMessages,
    /// What is applied now is stored already, and not recorded again.
    #[serde(default)]
    is_paused: bool,
    /// Accounts that have changed meanwhile, perhaps by what is in no log.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    late_accounts: BTreeSet<AccountId>,
    /// Nothing is in the store, so that it may become that of any cluster.
    #[serde(default)]
    is_empty: bool,
}

impl StoreQueue {
    /// Adds a record.
    pub fn record(&mut self, record: Record) {
        if !self.is_paused {
            self.records.push(record);
        }
    }

    /// Adds a record of an account.
    pub fn record_account(&mut self, id: AccountId, account: &Account) {
        match self.is_paused {
            true => drop(self.late_accounts.insert(id)),
            false => self.records.push(Record::Account(Box::new(account.record()))),
        }
    }

    /// Adds a record of a whisper that waits for its reader, or of whispers that were read. Whispers are in no log, so
    /// they are recorded also while the log is read again.
    pub fn record_whisper(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Notes that messages with these ids may be missing in the store, now and later.
    pub fn note_gap(&mut self, gap: Gap) {
        if gap.from < gap.to {
            self.gaps.add(gap);
            self.records.push(Record::Gap(gap));
        }
    }

    /// The ids of which messages may be missing in the store.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Takes the records in their order.
    fn take_records(&mut self) -> Vec<Record> {
        let mut records = std::mem::take(&mut self.records);
        self.log.iter_mut().for_each(|log| log.finish(&mut records));
        records
    }

    /// Records a message of a room.
    ///
    /// A function of its own, so that a message without a store costs no more.
    #[inline(never)]
    pub fn record_message(&mut self, room: &mut Room, event: &Event) {
        if !std::mem::replace(&mut room.is_stored, true) {
            self.record(Record::Room { name: room.name.to_string() });
        }
        self.record_message_in(&room.name, event);
    }

    /// Records a message of a room that is in the store.
    pub fn record_message_in(&mut self, room: &str, event: &Event) {
        let Some(MessageView { kind, id, at, name, text }) = event.message() else { return };
        if self.is_paused {
            return;
        }
        if id < self.next_id {
            return self.note_used(id);
        }
        self.next_id = id + 1;
        let (room, name, text) = (room.to_owned(), name.to_owned(), text.to_owned());
        self.record(Record::Message(Message { id, room, at, kind, name, text }));
    }

    /// A message has an id below that of a stored one, since the log of the cluster was replaced by an older one: it cannot be
    /// stored.
    #[cold]
    fn note_used(&mut self, id: u64) {
        if !self.gaps.touch(id - 1, id) {
            log::error!("messages from id {id} on cannot be stored: the store has newer ones, of a log that is gone");
        }
        self.note_gap(Gap { from: id, to: id + 1 });
    }

    /// Whether it belongs to the cluster whose log it follows.
    pub fn follows_log(&self) -> bool {
        self.log.as_ref().is_some_and(LogUse::is_recorded)
    }

    /// Adds a query.
    pub fn push_query(&mut self, query: Query) {
        self.queries.push_back(query);
    }

    /// Takes the next query.
    pub fn pop_query(&mut self) -> Option<Query> {
        self.queries.pop_front()
    }

    /// Whether there is a query to take.
    pub fn has_queries(&self) -> bool {
        !self.queries.is_empty()
    }

    /// Deliveries of offline messages that are not acknowledged yet, and the records.
    pub fn unacked_and_records(&mut self) -> (&mut Vec<UnackedDelivery>, &mut Vec<Record>) {
        (&mut self.unacked, &mut self.records)
    }

    /// Deliveries of offline messages that are not acknowledged yet.
    pub fn unacked(&self) -> &[UnackedDelivery] {
        &self.unacked
    }
}

impl Hub {
    /// Restores the state from the store, and records all changes for it from now on.
    ///
    /// Must be called before the first connection.
    pub fn restore(&mut self, start: InitialState, now: Now) {
        let is_empty = start.is_empty();
        let InitialState { next_id, run, cloak_key, rooms, stored, bans, accounts, gaps, cluster } = start;
        let log = cluster.as_ref().map(LogUse::of);
        let missing = gaps.newest();
        let mut store = StoreQueue { next_id, gaps, log, is_empty, ..StoreQueue::default() };
        self.journal.set_last_message_id(next_id.saturating_sub(1));
        self.run = run;
        self.outbound.set_run(run);
        self.cloak_key = cloak_key;
        self.shared.rooms.set_store(StoreUse::Works);
        for BanRecord { network, name, until } in bans {
            match until.map(|until| until - now.local.unix_timestamp()) {
                Some(..=0) => store.record(Record::Unban { network }),
                left => {
                    let until = left.map(|seconds| now.at + Duration::from_secs(seconds.unsigned_abs()));
                    let name = name.map(Into::into);
                    self.shared.bans.add(Network::from(network), Ban { until, name }, now.at);
                }
            }
        }
        // Where there are no roles, no command changes the settings.
        let has_roles = self.config.has_followed_rooms();
        self.restore_accounts(if has_roles { accounts } else { Vec::new() }, &now);
        let mut used = Vec::new();
        for InitialRoom { name, record, messages } in rooms {
            // All its messages were pruned. Like every empty room without history and settings, the room is removed.
            if messages.is_empty() && !record.keeps_room() && fold(&name) != LOBBY {
                store.record(Record::RoomGone { name });
            } else {
                let Some(name) = parse_stored_name(&name) else { continue };
                let room = match self.shared.rooms.find(&name.key) {
                    Some(room) => room,
                    None => self.shared.rooms.add(&name),
                };
                self.restore_messages(room, &messages, missing);
                if has_roles {
                    let restored = &mut self.shared.rooms[room];
                    (restored.topic, restored.rules) = Room::of_record(record, &self.shared.accounts, &now);
                }
                used.push((messages.last().map(|message| message.id), room));
            }
        }
        // The rooms whose last message is oldest leave memory first.
        used.sort_unstable();
        used.into_iter().for_each(|(_, room)| self.shared.rooms.note_empty(room));
        for (name, record) in stored {
            let Some(Name { key, shown }) = parse_stored_name(&name) else { continue };
            if self.shared.rooms.find(&key).is_none() {
                let record = if has_roles { record } else { RoomRecord::default() };
                self.shared.rooms.add_stored(key, StoredRoom::of_record(&shown, record, &self.shared.accounts, &now));
            }
        }
        self.store = Some(Box::new(store));
        if self.is_node() {
            self.adopt_cluster();
        }
    }

    pub(in crate::chat::hub) fn restore_accounts(&mut self, accounts: Vec<AccountRecord>, now: &Now) {
        for AccountRecord { name, verifier, scram, data } in accounts {
            let Ok(name) = Name::room(&name) else {
                log::warn!("the stored account {} has an invalid name and is skipped", name.escape_debug());
                continue;
            };
            // Others are made when the password is given again.
            let scram = scram.filter(|scram| scram.parse::<ScramKeys>().is_ok());
            self.shared.accounts.insert(Account::new(name, verifier, scram, data));
        }
        self.shared.mutes = self.shared.accounts.mutes(now);
        self.warn_of_free_operators();
    }

    /// Adds stored messages to a room that was just added to memory. `missing` is the greatest id of a message that may be missing.
    pub(in crate::chat::hub) fn restore_messages(&mut self, room: RoomId, messages: &[Message], missing: Option<u64>) {
        for message in messages {
            let author = Author { member: None, name: self.shared.members.name_hash(&fold(&message.name)) };
            let mut fanout = self.fanout();
            fanout.begin_room_day(room, message.at.date());
            fanout.append_undated(room, author, EntryKind::Message, message.text.len(), &message.event());
        }
        let restored = &mut self.shared.rooms[room];
        restored.is_stored = true;
        if !messages.is_empty() {
            restored.note_older();
        }
        missing.into_iter().for_each(|id| restored.note_lost(id));
    }

    /// Greater than the id of every message that was recorded; `None` without a store.
    #[cfg(test)]
    pub(crate) fn next_stored_id(&self) -> Option<u64> {
        self.store.as_ref().map(|store| store.next_id)
    }

    /// Takes the records since the last call, in their order.
    ///
    /// They must be stored before any line is written that is gathered from now on.
    pub fn poll_records(&mut self) -> Vec<Record> {
        self.store.as_mut().map(|store| store.take_records()).unwrap_or_default()
    }

    /// The store cannot write for now: skips message ids and tells the operator. In a cluster the ids follow from the log, and none
    /// is given again.
    pub fn handle_store_failure(&mut self, why: &str) {
        if !self.is_node() {
            let skipped = (self.journal.last_message_id() / SKIPPED_IDS + 1) * SKIPPED_IDS;
            self.journal.set_last_message_id(skipped);
        }
        self.shared.rooms.set_store(StoreUse::Fails);
        self.fanout().send_to_console(&Event::Notice(Notice::StoreFails { why }));
    }

    /// The store writes again: tells the operator how many waiting records were written and how many were lost.
    pub fn handle_store_recovery(&mut self, written: u64, lost: u64) {
        self.shared.rooms.set_store(StoreUse::Works);
        // One that came during the failure was not stored.
        self.store.iter_mut().filter_map(|store| store.log.as_mut()).for_each(LogUse::note_outdated);
        self.fanout().send_to_console(&Event::Notice(Notice::StoreWorks { written, lost }));
    }

    /// Notes that messages with these ids may be missing in the store, now and later: clients that read across them are told so.
    /// What was recorded before is not among them.
    pub fn note_gap(&mut self, gap: Gap) {
        if let Some(store) = self.store.as_mut().filter(|store| !store.is_paused) {
            store.note_gap(Gap { from: gap.from.max(store.next_id), ..gap });
        }
    }

    /// Notes that messages with these ids were recorded and are lost.
    pub fn handle_lost_messages(&mut self, gap: Gap) {
        self.store.iter_mut().for_each(|store| store.note_gap(gap));
    }

    /// Whether messages from one id on and below another may be missing in the store.
    pub(in crate::chat::hub) fn has_gap(&self, from: u64, to: u64) -> bool {
        self.store.as_ref().is_some_and(|store| store.gaps.touch(from, to))
    }

    /// Records what is stored of a room besides its messages, if there is a store.
    pub(in crate::chat::hub) fn record_room(&mut self, id: RoomId, now: &Now) {
        self.note_kept_room(id);
        let Some(store) = &mut self.store else { return };
        let room = &mut self.shared.rooms[id];
        room.is_stored = true;
        let record = record_of(room.topic.as_deref(), &room.rules, &self.shared.accounts, now);
        store.record(Record::Settings { room: room.name.to_string(), record: Box::new(record) });
    }

    /// Records the rules of a room by its folded name, if the room is in the store.
    pub(in crate::chat::hub) fn record_rules(&mut self, key: &str, now: &Now) {
        let Shared { rooms, accounts, .. } = &self.shared;
        if let Some(room) = rooms.find(key) {
            match rooms[room].is_stored {
                true => self.record_room(room, now),
                false => self.note_kept_room(room),
            }
        } else if let (Some(StoredRoom { name, topic, rules, .. }), Some(store)) =
            (rooms.find_stored(key), &mut self.store)
        {
            let record = Box::new(record_of(topic.as_deref(), rules, accounts, now));
            store.record(Record::Settings { room: name.to_string(), record });
        }
    }

    /// Adds a record if there is a store.
    pub(in crate::chat::hub) fn record(&mut self, record: impl FnOnce() -> Record) {
        if let Some(store) = &mut self.store {
            store.record(record());
        }
    }
}

/// Parses the name of a stored room; logs a warning if it is invalid.
fn parse_stored_name(name: &str) -> Option<Name> {
    let parsed = Name::room(name).ok();
    if parsed.is_none() {
        log::warn!("the stored room {} has an invalid name and is skipped", name.escape_debug());
    }
    parsed
}
