//! Records that are not written to the store yet, in memory.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::chat::policy::nick::fold;
use crate::chat::record::WHISPERS_PER_NAME;
use crate::store::{Message, Record, Whisper};

/// Memory of a record besides its texts, in bytes.
const RECORD_BYTES: usize = 128;

/// Unwritten records in their order, with indexes to find messages and whispers.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Record>", into = "Vec<Record>")]
pub(super) struct UnwrittenRecords {
    records: Vec<Record>,
    /// Ids of the messages, in ascending order, with their index in `records`.
    messages: Vec<(u64, usize)>,
    bytes: usize,
    /// Indexes of whispers to a name, and of records that they were read, by the folded name.
    whispers: HashMap<String, Vec<usize>>,
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
        match &record {
            Record::Message(message) => self.messages.push((message.id, index)),
            Record::Whisper(Whisper { to, .. }) | Record::WhispersRead { to } => {
                self.whispers.entry(fold(to)).or_default().push(index);
            }
            _ => {}
        }
        self.bytes += bytes(&record);
        self.records.push(record);
    }

    /// Removes the first `n` records.
    pub fn remove_first(&mut self, n: usize) {
        self.bytes -= self.records.drain(..n).map(|record| bytes(&record)).sum::<usize>();
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

    /// Drops the oldest messages and whispers until at most `most` bytes are left, then the oldest other
    /// records; returns the number of dropped records.
    pub fn drop_oldest(&mut self, most: usize) -> usize {
        let (mut held, before) = (self.bytes, self.len());
        let mut records = std::mem::take(self).records;
        let mut drop_record = |record: &Record, any: bool| {
            let goes = held > most && (any || matches!(record, Record::Message(_) | Record::Whisper(_)));
            held -= if goes { bytes(record) } else { 0 };
            !goes
        };
        records.retain(|record| drop_record(record, false));
        records.retain(|record| drop_record(record, true));
        self.extend(records);
        before - self.len()
    }

    /// The messages before an id, the newest first.
    pub fn newest_first(&self, before: Option<u64>) -> impl Iterator<Item = &Message> {
        let end = before.map_or(self.messages.len(), |before| self.messages.partition_point(|&(id, _)| id < before));
        self.messages[..end].iter().rev().filter_map(|&(_, index)| message_of(&self.records[index]))
    }

    /// The message of that id.
    pub fn message(&self, id: u64) -> Option<&Message> {
        let found = self.messages.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        message_of(&self.records[self.messages[found].1])
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
            Record::Ban { .. } | Record::Unban { .. } | Record::NextId(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::chat::record::MessageKind;
    use crate::util::test_json::through_json;

    fn said(id: u64) -> Record {
        let (at, room) = (OffsetDateTime::UNIX_EPOCH, "lobby".to_owned());
        Record::Message(Message {
            id,
            room,
            at,
            kind: MessageKind::Said,
            name: "alice".into(),
            text: format!("text {id}"),
        })
    }

    fn whisper(to: &str, text: impl ToString) -> Record {
        let at = OffsetDateTime::UNIX_EPOCH;
        Record::Whisper(Whisper { to: to.into(), from: "alice".into(), at, text: text.to_string() })
    }

    fn ids(waiting: &UnwrittenRecords, before: Option<u64>) -> Vec<u64> {
        waiting.newest_first(before).map(|message| message.id).collect()
    }

    fn whispers(waiting: &UnwrittenRecords, to: &str, stored: &[&str]) -> Vec<String> {
        let whisper_of = |text: &&str| match whisper(to, text) {
            Record::Whisper(whisper) => whisper,
            _ => unreachable!(),
        };
        let mut found: Vec<Whisper> = stored.iter().map(whisper_of).collect();
        waiting.append_whispers(to, &mut found);
        found.into_iter().map(|whisper| whisper.text).collect()
    }

    #[test]
    fn messages_are_found_by_id_after_removals() {
        let mut waiting = UnwrittenRecords::default();
        waiting.extend(vec![said(3), Record::NextId(5), said(5), whisper("bob", "hi"), said(9)]);
        assert_eq!(ids(&waiting, None), [9, 5, 3]);
        assert_eq!(ids(&waiting, Some(9)), [5, 3]);
        assert_eq!(ids(&waiting, Some(6)), [5, 3]);
        assert_eq!(ids(&waiting, Some(3)), [0; 0]);
        assert_eq!(waiting.message(5).map(|message| &*message.text), Some("text 5"));
        assert_eq!(waiting.message(4), None);
        waiting = through_json(&waiting);
        waiting.remove_first(2);
        assert_eq!((ids(&waiting, None), waiting.message(3)), (vec![9, 5], None));
        assert_eq!(waiting.message(9).map(|message| &*message.text), Some("text 9"));
        assert_eq!(whispers(&waiting, "Bob", &[]), ["hi"]);
        waiting.remove_first(3);
        assert_eq!((waiting.len(), waiting.bytes(), ids(&waiting, None)), (0, 0, vec![]));
    }

    #[test]
    fn oldest_messages_and_whispers_are_dropped_first() {
        let mut waiting = UnwrittenRecords::default();
        let ban = Record::Unban { network: "10.0.0.0/8".parse().unwrap() };
        waiting.extend(vec![ban.clone(), whisper("bob", "hi"), said(1), said(2), said(3)]);
        let most = waiting.bytes() - 1 - bytes(&said(1));
        assert_eq!(waiting.drop_oldest(most), 2);
        assert_eq!((ids(&waiting, None), waiting.first(1)), (vec![3, 2], &[ban][..]));
        assert_eq!(whispers(&waiting, "bob", &["stored"]), ["stored"]);
        assert!(waiting.bytes() <= most);
    }

    #[test]
    fn unread_whispers_follow_stored_ones() {
        let mut waiting = UnwrittenRecords::default();
        waiting.extend(vec![whisper("bob", "one"), whisper("carol", "other"), whisper("BOB", "two")]);
        assert_eq!(whispers(&waiting, "Bob", &["stored"]), ["stored", "one", "two"]);
        waiting.extend(vec![Record::WhispersRead { to: "bob".into() }]);
        assert_eq!(whispers(&waiting, "bob", &["stored"]), [""; 0]);
        waiting.extend(vec![whisper("bob", "three")]);
        assert_eq!(whispers(&waiting, "bob", &["stored"]), ["three"]);
        assert_eq!(whispers(&waiting, "carol", &["stored"]), ["stored", "other"]);
        waiting.extend((0..WHISPERS_PER_NAME).map(|n| whisper("carol", n)).collect());
        let carol = whispers(&waiting, "carol", &["stored"]);
        assert_eq!((carol.len(), &*carol[0]), (WHISPERS_PER_NAME, "0"));
    }
}
