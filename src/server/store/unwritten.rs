//! Records that are not written to the store yet, in memory.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::chat::gaps::Gap;
use crate::chat::policy::nick::fold;
use crate::chat::record::{AccountData, AccountRecord, RoomRecord, WHISPERS_PER_NAME};
use crate::store::{Message, Record, Whisper};

/// Memory of a record besides its texts, in bytes.
const RECORD_BYTES: usize = 128;

/// What has one state at a time, of which only the newest is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Room,
    Account,
}

/// Unwritten records in their order, with indexes to find messages, whispers, deletions, settings and accounts.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Record>", into = "Vec<Record>")]
pub(super) struct UnwrittenRecords {
    records: Vec<Record>,
    /// Ids of the messages, in ascending order, with their index in `records`.
    messages: Vec<(u64, usize)>,
    bytes: usize,
    /// Indexes of whispers to a name, and of records that they were read, by the folded name.
    whispers: HashMap<String, Vec<usize>>,
    /// Ids of messages that are deleted by these records, by the folded name of their room.
    deleted: HashMap<String, HashSet<u64>>,
    /// The index of the settings of a room or of an account, by its kind and its folded name.
    newest: HashMap<(Kind, String), usize>,
}

impl UnwrittenRecords {
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Memory of the records in bytes, approximately.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first `n` records, in their order.
    pub fn first(&self, n: usize) -> &[Record] {
        &self.records[..n]
    }

    pub fn extend(&mut self, records: Vec<Record>) {
        records.into_iter().for_each(|record| self.push(record));
    }

    fn push(&mut self, record: Record) {
        let index = self.records.len();
        self.bytes += bytes(&record);
        match &record {
            Record::Message(message) => self.messages.push((message.id, index)),
            Record::Whisper(Whisper { to, .. }) | Record::WhispersRead { to } => {
                self.whispers.entry(fold(to)).or_default().push(index);
            }
            Record::Delete { room, ids } => self.deleted.entry(fold(room)).or_default().extend(ids),
            Record::RoomGone { name } => drop(self.newest.remove(&(Kind::Room, fold(name)))),
            Record::AccountGone { name } => drop(self.newest.remove(&(Kind::Account, fold(name)))),
            Record::Settings { room, .. } => return self.push_newest((Kind::Room, fold(room)), record),
            Record::Account(account) => return self.push_newest((Kind::Account, fold(&account.name)), record),
            _ => {}
        }
        self.records.push(record);
    }

    /// Adds the state of a room or an account, in place of an earlier one.
    fn push_newest(&mut self, key: (Kind, String), record: Record) {
        let index = self.records.len();
        match self.newest.insert(key.clone(), index) {
            None => self.records.push(record),
            Some(first) => {
                self.newest.insert(key, first);
                self.bytes -= bytes(&self.records[first]);
                self.records[first] = record;
            }
        }
    }

    /// Removes the first `n` records.
    pub fn remove_first(&mut self, n: usize) {
        let removed: Vec<Record> = self.records.drain(..n).collect();
        self.bytes -= removed.iter().map(bytes).sum::<usize>();
        if removed.iter().any(|record| matches!(record, Record::Delete { .. })) {
            self.index_deleted();
        }
        self.newest.retain(|_, index| {
            let stays = *index >= n;
            *index = index.saturating_sub(n);
            stays
        });
        self.messages.retain_mut(|(_, index)| {
            let stays = *index >= n;
            *index = index.saturating_sub(n);
            stays
        });
        self.whispers.retain(|_, indexes| {
            indexes.retain(|&index| index >= n);
            indexes.iter_mut().for_each(|index| *index -= n);
            !indexes.is_empty()
        });
        if self.records.is_empty() {
            *self = UnwrittenRecords::default();
        }
    }

    fn index_deleted(&mut self) {
        self.deleted.clear();
        for record in &self.records {
            if let Record::Delete { room, ids } = record {
                self.deleted.entry(fold(room)).or_default().extend(ids);
            }
        }
    }

    /// Drops the oldest messages and whispers until at most `most` bytes are left, then the oldest other
    /// records; returns the number of dropped records, and the ids of the messages among them.
    ///
    /// The gap that is left stands before all other records, so that it is stored before any of them.
    pub fn drop_oldest(&mut self, most: usize) -> (usize, Option<Gap>) {
        let (mut held, before, mut lost) = (self.bytes, self.len(), None);
        let mut records = std::mem::take(self).records;
        let mut drop_record = |record: &Record, any: bool| {
            let is_text = matches!(record, Record::Message(_) | Record::Whisper(_));
            let goes = held > most && (any && !is_mark(record) || is_text);
            if goes {
                held -= bytes(record);
                lost = gap_of(record).map_or(lost, |gap| Some(lost.map_or(gap, |lost: Gap| lost.with(gap))));
            }
            !goes
        };
        records.retain(|record| drop_record(record, false));
        records.retain(|record| drop_record(record, true));
        let dropped = before - records.len();
        self.extend(lost.map(Record::Gap).into_iter().chain(records).collect());
        (dropped, lost)
    }

    /// The number of records up to the end of the turn in which the first `n` end, as the log of a cluster tells it.
    pub fn end_of_turn(&self, n: usize) -> usize {
        let rest = self.records[n.saturating_sub(1)..].iter();
        let end = rest.clone().position(|record| matches!(record, Record::Position(_)));
        end.map_or(n, |end| n.saturating_sub(1) + end + 1)
    }

    /// The ids of the messages of a room that are deleted by these records.
    pub fn deleted_in(&self, room: &str) -> Option<&HashSet<u64>> {
        if self.deleted.is_empty() { None } else { self.deleted.get(&fold(room)) }
    }

    /// The messages before an id, the newest first, with those that are deleted by later records.
    pub fn newest_first(&self, before: Option<u64>) -> impl Iterator<Item = &Message> {
        let end = before.map_or(self.messages.len(), |before| self.messages.partition_point(|&(id, _)| id < before));
        self.messages[..end].iter().rev().filter_map(|&(_, index)| message_of(&self.records[index]))
    }

    /// The messages from an id on, the oldest first, with those that are deleted by later records.
    pub fn oldest_first(&self, first: u64) -> impl Iterator<Item = &Message> {
        let begin = self.messages.partition_point(|&(id, _)| id < first);
        self.messages[begin..].iter().filter_map(|&(_, index)| message_of(&self.records[index]))
    }

    /// The id of the first message, of any room, that is not older than a time, by its local time.
    pub fn first_since(&self, is_older: &dyn Fn(OffsetDateTime) -> bool) -> Option<u64> {
        let is_older = |index: usize| message_of(&self.records[index]).is_some_and(|message| is_older(message.at));
        let begin = self.messages.partition_point(|&(_, index)| is_older(index));
        self.messages.get(begin).map(|&(id, _)| id)
    }

    /// The message of that id, if it is not deleted by a later record.
    pub fn message(&self, id: u64) -> Option<&Message> {
        let found = self.messages.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        let message = message_of(&self.records[self.messages[found].1])?;
        let is_deleted = self.deleted_in(&message.room).is_some_and(|deleted| deleted.contains(&id));
        (!is_deleted).then_some(message)
    }

    /// Appends the unwritten whispers to a name to its stored ones.
    pub fn append_whispers(&self, to: &str, found: &mut Vec<Whisper>) {
        let Some(indexes) = self.whispers.get(&fold(to)) else { return };
        let last = indexes.iter().rev().map(|&index| &self.records[index]).map_while(|record| match record {
            Record::Whisper(whisper) => Some(whisper),
            _ => None,
        });
        let mut last: Vec<Whisper> = last.take(WHISPERS_PER_NAME).cloned().collect();
        if last.len() < WHISPERS_PER_NAME && last.len() < indexes.len() {
            found.clear();
        }
        last.reverse();
        found.append(&mut last);
        let too_many = found.len().saturating_sub(WHISPERS_PER_NAME);
        found.drain(..too_many);
    }
}

impl From<Vec<Record>> for UnwrittenRecords {
    fn from(records: Vec<Record>) -> Self {
        let mut unwritten = UnwrittenRecords::default();
        unwritten.extend(records);
        unwritten
    }
}

impl From<UnwrittenRecords> for Vec<Record> {
    fn from(unwritten: UnwrittenRecords) -> Vec<Record> {
        unwritten.records
    }
}

/// Whether a record tells what the others are worth, so that it is never dropped.
fn is_mark(record: &Record) -> bool {
    matches!(record, Record::Gap(_) | Record::Cluster(_) | Record::NoCluster | Record::Position(_))
}

/// The ids of the message that a record stores.
pub(super) fn gap_of(record: &Record) -> Option<Gap> {
    message_of(record).map(|message| Gap { from: message.id, to: message.id + 1 })
}

fn message_of(record: &Record) -> Option<&Message> {
    match record {
        Record::Message(message) => Some(message),
        _ => None,
    }
}

/// Memory of a record in bytes, approximately.
fn bytes(record: &Record) -> usize {
    RECORD_BYTES
        + match record {
            Record::Message(message) => message.room.len() + message.name.len() + message.text.len(),
            Record::Whisper(whisper) => whisper.to.len() + whisper.from.len() + whisper.text.len(),
            Record::Room { name } | Record::RoomGone { name } => name.len(),
            Record::WhispersRead { to } => to.len(),
            Record::Settings { room, record } => room.len() + bytes_of_room(record),
            Record::Delete { room, ids } => room.len() + 2 * size_of_val(&ids[..]),
            Record::Account(account) => {
                let AccountRecord { name, verifier, scram, data } = &**account;
                let scram = scram.as_ref().map_or(0, |scram| scram.len());
                2 * name.len() + verifier.len() + scram + bytes_of_account(data)
            }
            Record::AccountGone { name } => name.len(),
            Record::Ban(ban) => ban.name.as_ref().map_or(0, String::len),
            Record::Cluster(cluster) => cluster.name.len(),
            Record::Checkpoint(record) => record.checkpoint.len() + record.snapshot.len(),
            Record::Unban { .. } | Record::NextId(_) | Record::Gap(_) | Record::NoCluster | Record::Position(_) => 0,
        }
}

/// Memory of what is stored of a room besides its messages, in bytes, approximately.
fn bytes_of_room(record: &RoomRecord) -> usize {
    let topic = record.topic.as_ref().map_or(0, |topic| topic.name.len() + topic.text.len());
    let bans = record.bans.iter().map(|ban| size_of_val(ban) + ban.name.len());
    let masks = record.masks.iter().map(|entry| size_of_val(entry) + entry.mask.text().len() + entry.by.len());
    size_of_val(record) + topic + bans.sum::<usize>() + masks.sum::<usize>()
}

/// Memory of what is stored of an account, in bytes, approximately.
fn bytes_of_account(data: &AccountData) -> usize {
    let names = data.followed.iter().chain(&data.ignored).chain(data.read.iter().map(|(room, _)| room));
    size_of_val(data)
        + names.map(|name| name.len() + 32).sum::<usize>()
        + data.away.as_ref().map_or(0, |text| text.len())
        + data.markers.bytes()
}

#[cfg(test)]
mod tests;
