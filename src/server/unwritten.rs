//! Records that could not be written to the store yet, in memory.

use std::collections::HashMap;

use crate::chat::change::WHISPERS_PER_NAME;
use crate::chat::policy::nick::fold;
use crate::store::{Message, Record, Whisper};

/// Bytes that a record takes besides its texts.
const RECORD_BYTES: usize = 128;

/// Records in the order in which they are to be written, and what is needed to find some of them.
#[derive(Default)]
pub(super) struct UnwrittenRecords {
    records: Vec<Record>,
    /// The ids of the messages, which only grow, and where they are.
    messages: Vec<(u64, usize)>,
    bytes: usize,
    /// Where whispers to a name are, and where they are said to have been read, by the folded name.
    whispers: HashMap<String, Vec<usize>>,
}

impl UnwrittenRecords {
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes that the records take in memory, about.
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
        let place = self.records.len();
        match &record {
            Record::Message(message) => self.messages.push((message.id, place)),
            Record::Whisper(Whisper { to, .. }) | Record::WhispersRead { to } => {
                self.whispers.entry(fold(to)).or_default().push(place);
            }
            _ => {}
        }
        self.bytes += bytes(&record);
        self.records.push(record);
    }

    /// Removes the first `n` records.
    pub fn remove_first(&mut self, n: usize) {
        self.bytes -= self.records.drain(..n).map(|record| bytes(&record)).sum::<usize>();
        self.messages.retain_mut(|(_, place)| {
            let stays = *place >= n;
            *place = place.saturating_sub(n);
            stays
        });
        self.whispers.retain(|_, places| {
            places.retain(|&place| place >= n);
            places.iter_mut().for_each(|place| *place -= n);
            !places.is_empty()
        });
        if self.records.is_empty() {
            *self = UnwrittenRecords::default();
        }
    }

    /// Gives up the oldest messages and whispers until no more than `most` bytes are left, and then the oldest of
    /// what else there is; how many records that were.
    pub fn give_up(&mut self, most: usize) -> usize {
        let (mut held, before) = (self.bytes, self.len());
        let mut records = std::mem::take(self).records;
        let mut give_up = |record: &Record, any: bool| {
            let goes = held > most && (any || matches!(record, Record::Message(_) | Record::Whisper(_)));
            held -= if goes { bytes(record) } else { 0 };
            !goes
        };
        records.retain(|record| give_up(record, false));
        records.retain(|record| give_up(record, true));
        self.extend(records);
        before - self.len()
    }

    /// The messages before an id, the newest first.
    pub fn back_from(&self, before: Option<u64>) -> impl Iterator<Item = &Message> {
        let end = before.map_or(self.messages.len(), |before| self.messages.partition_point(|&(id, _)| id < before));
        self.messages[..end].iter().rev().filter_map(|&(_, place)| message_of(&self.records[place]))
    }

    /// The message of that id.
    pub fn message(&self, id: u64) -> Option<&Message> {
        let found = self.messages.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        message_of(&self.records[self.messages[found].1])
    }

    /// Adds to the whispers that the file has for a name those that wait for it.
    pub fn add_whispers(&self, to: &str, found: &mut Vec<Whisper>) {
        let Some(places) = self.whispers.get(&fold(to)) else { return };
        let last = places.iter().rev().map(|&place| &self.records[place]).map_while(|record| match record {
            Record::Whisper(whisper) => Some(whisper),
            _ => None,
        });
        let mut last: Vec<Whisper> = last.take(WHISPERS_PER_NAME).cloned().collect();
        if last.len() < WHISPERS_PER_NAME && last.len() < places.len() {
            found.clear();
        }
        last.reverse();
        found.append(&mut last);
        let too_many = found.len().saturating_sub(WHISPERS_PER_NAME);
        found.drain(..too_many);
    }
}

fn message_of(record: &Record) -> Option<&Message> {
    match record {
        Record::Message(message) => Some(message),
        _ => None,
    }
}

/// Bytes that a record takes in memory, about.
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
    use crate::chat::change::Kind;

    fn said(id: u64) -> Record {
        let (at, room) = (OffsetDateTime::UNIX_EPOCH, "lobby".to_owned());
        Record::Message(Message { id, room, at, kind: Kind::Said, name: "alice".into(), text: format!("text {id}") })
    }

    fn whisper(to: &str, text: impl ToString) -> Record {
        let at = OffsetDateTime::UNIX_EPOCH;
        Record::Whisper(Whisper { to: to.into(), from: "alice".into(), at, text: text.to_string() })
    }

    fn ids(waiting: &UnwrittenRecords, before: Option<u64>) -> Vec<u64> {
        waiting.back_from(before).map(|message| message.id).collect()
    }

    fn whispers(waiting: &UnwrittenRecords, to: &str, stored: &[&str]) -> Vec<String> {
        let whisper_of = |text: &&str| match whisper(to, text) {
            Record::Whisper(whisper) => whisper,
            _ => unreachable!(),
        };
        let mut found: Vec<Whisper> = stored.iter().map(whisper_of).collect();
        waiting.add_whispers(to, &mut found);
        found.into_iter().map(|whisper| whisper.text).collect()
    }

    #[test]
    fn messages_are_found_by_id_whatever_is_removed() {
        let mut waiting = UnwrittenRecords::default();
        waiting.extend(vec![said(3), Record::NextId(5), said(5), whisper("bob", "hi"), said(9)]);
        assert_eq!(ids(&waiting, None), [9, 5, 3]);
        assert_eq!(ids(&waiting, Some(9)), [5, 3]);
        assert_eq!(ids(&waiting, Some(6)), [5, 3]);
        assert_eq!(ids(&waiting, Some(3)), [0; 0]);
        assert_eq!(waiting.message(5).map(|message| &*message.text), Some("text 5"));
        assert_eq!(waiting.message(4), None);
        waiting.remove_first(2);
        assert_eq!((ids(&waiting, None), waiting.message(3)), (vec![9, 5], None));
        assert_eq!(waiting.message(9).map(|message| &*message.text), Some("text 9"));
        assert_eq!(whispers(&waiting, "Bob", &[]), ["hi"]);
        waiting.remove_first(3);
        assert_eq!((waiting.len(), waiting.bytes(), ids(&waiting, None)), (0, 0, vec![]));
    }

    #[test]
    fn oldest_messages_and_whispers_are_given_up_first() {
        let mut waiting = UnwrittenRecords::default();
        let ban = Record::Unban { network: "10.0.0.0/8".parse().unwrap() };
        waiting.extend(vec![ban.clone(), whisper("bob", "hi"), said(1), said(2), said(3)]);
        let most = waiting.bytes() - 1 - bytes(&said(1));
        assert_eq!(waiting.give_up(most), 2);
        assert_eq!((ids(&waiting, None), waiting.first(1)), (vec![3, 2], &[ban][..]));
        assert_eq!(whispers(&waiting, "bob", &["stored"]), ["stored"]);
        assert!(waiting.bytes() <= most);
    }

    #[test]
    fn whispers_follow_those_that_are_stored_unless_they_were_read() {
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
