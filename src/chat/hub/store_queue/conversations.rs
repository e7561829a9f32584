//! What members have said to each other lately, for CHATHISTORY of IRC. It is in memory alone, and never stored.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::chat::event::{LINE_OVERHEAD, MessageKind};
use crate::chat::id::Holder;
use crate::chat::span::{Dated, millis};

/// Lines that one conversation keeps.
const MAX_LINES: usize = 100;
/// Conversations of one member that are kept: those with the newest lines.
const MAX_CONVERSATIONS: usize = 20;
/// Bytes of all conversations, as [`PrivateLine::cost`] counts them.
const MAX_BYTES: usize = 8 << 20;

/// What one member has said to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateLine {
    /// A number that grows, unless the clock jumps back.
    pub id: u64,
    pub at: OffsetDateTime,
    pub author: Holder,
    /// The name of the author at that time.
    pub from: CompactString,
    /// The name of the recipient at that time.
    pub to: CompactString,
    pub kind: MessageKind,
    pub text: Box<str>,
    /// Whether the recipient was shown it: not if it ignores the author, or if the author is muted.
    pub is_delivered: bool,
}

impl PrivateLine {
    fn cost(&self) -> usize {
        LINE_OVERHEAD + self.from.len() + self.to.len() + self.text.len()
    }

    /// Whether this member is shown it.
    pub fn is_for(&self, reader: Holder) -> bool {
        self.author == reader || self.is_delivered
    }
}

impl Dated for &PrivateLine {
    fn id(&self) -> u64 {
        self.id
    }

    fn millis(&self) -> i64 {
        millis(self.at)
    }
}

/// Two members, the lesser one first.
type Pair = (Holder, Holder);

fn pair(a: Holder, b: Holder) -> Pair {
    if a <= b { (a, b) } else { (b, a) }
}

/// What two members have said to each other, the oldest line first.
#[derive(Clone, Serialize, Deserialize)]
struct Conversation {
    pair: Pair,
    /// A number that is greater the later its newest line came.
    used: u64,
    lines: Vec<PrivateLine>,
}

/// The conversations of all members.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Conversation>", into = "Vec<Conversation>")]
pub struct Conversations {
    table: BTreeMap<Pair, Conversation>,
    /// The pairs in the order of [`Conversation::used`].
    by_use: BTreeMap<u64, Pair>,
    /// The partners of each member's conversations.
    partners: BTreeMap<Holder, Vec<Holder>>,
    bytes: usize,
}

impl Conversations {
    /// Adds a line that a member has said to another one, or to itself.
    pub fn add(&mut self, to: Holder, line: PrivateLine) {
        let pair = pair(line.author, to);
        let used = self.by_use.last_key_value().map_or(1, |(used, _)| used + 1);
        self.bytes += line.cost();
        let conversation = self.table.entry(pair).or_insert_with(|| Conversation { pair, used, lines: Vec::new() });
        self.by_use.remove(&std::mem::replace(&mut conversation.used, used));
        conversation.lines.push(line);
        if conversation.lines.len() > MAX_LINES {
            self.bytes -= conversation.lines.remove(0).cost();
        }
        self.by_use.insert(used, pair);
        self.note_partner(pair.0, pair.1);
        self.note_partner(pair.1, pair.0);
        while self.bytes > MAX_BYTES
            && let Some((_, &oldest)) = self.by_use.first_key_value()
        {
            self.remove(oldest);
        }
    }

    /// Notes that a member has a conversation with another one; if it has too many, the oldest one is removed.
    fn note_partner(&mut self, holder: Holder, other: Holder) {
        let partners = self.partners.entry(holder).or_default();
        if partners.contains(&other) {
            return;
        }
        partners.push(other);
        if partners.len() > MAX_CONVERSATIONS {
            let used = |&other: &Holder| self.table.get(&pair(holder, other)).map_or(0, |found| found.used);
            let oldest = partners.iter().copied().min_by_key(used);
            oldest.into_iter().for_each(|oldest| drop(self.remove(pair(holder, oldest))));
        }
    }

    fn remove(&mut self, pair: Pair) -> Option<Conversation> {
        let removed = self.table.remove(&pair)?;
        self.by_use.remove(&removed.used);
        self.bytes -= removed.lines.iter().map(PrivateLine::cost).sum::<usize>();
        for (holder, other) in [(pair.0, pair.1), (pair.1, pair.0)] {
            if let Some(partners) = self.partners.get_mut(&holder) {
                partners.retain(|partner| *partner != other);
                if partners.is_empty() {
                    self.partners.remove(&holder);
                }
            }
        }
        Some(removed)
    }

    /// The lines of a conversation that `reader` is shown, the oldest first.
    pub fn lines(&self, reader: Holder, other: Holder) -> Vec<&PrivateLine> {
        let found = self.table.get(&pair(reader, other));
        found.into_iter().flat_map(|found| &found.lines).filter(|line| line.is_for(reader)).collect()
    }

    /// The partners of a member's conversations.
    pub fn partners(&self, holder: Holder) -> &[Holder] {
        self.partners.get(&holder).map_or(&[], Vec::as_slice)
    }

    /// Deletes a line; returns it.
    pub fn delete(&mut self, holder: Holder, other: Holder, id: u64) -> Option<PrivateLine> {
        let lines = &mut self.table.get_mut(&pair(holder, other))?.lines;
        let index = lines.iter().position(|line| line.id == id)?;
        let deleted = lines.remove(index);
        self.bytes -= deleted.cost();
        Some(deleted)
    }

    /// Forgets the conversations of a member that has left, or of an account that was removed.
    pub fn forget(&mut self, holder: Holder) {
        for other in self.partners.remove(&holder).unwrap_or_default() {
            self.remove(pair(holder, other));
        }
    }

    /// The conversations of a member are those of an account from now on.
    pub fn adopt(&mut self, member: Holder, account: Holder) {
        let renamed = |holder| if holder == member { account } else { holder };
        let mut adopted = Vec::new();
        for other in self.partners(member).to_vec() {
            let found = self.remove(pair(member, other));
            adopted.extend(
                found.into_iter().flat_map(|found| found.lines.into_iter().map(move |line| (found.pair, line))),
            );
        }
        adopted.sort_by_key(|(_, line)| line.id);
        for ((first, second), line) in adopted {
            let to = if line.author == first { second } else { first };
            let author = renamed(line.author);
            self.add(renamed(to), PrivateLine { author, ..line });
        }
    }
}

impl From<Vec<Conversation>> for Conversations {
    fn from(list: Vec<Conversation>) -> Self {
        let mut conversations = Conversations::default();
        for found in list {
            let (pair, used) = (found.pair, found.used);
            conversations.bytes += found.lines.iter().map(PrivateLine::cost).sum::<usize>();
            conversations.by_use.insert(used, pair);
            conversations.table.insert(pair, found);
            conversations.note_partner(pair.0, pair.1);
            conversations.note_partner(pair.1, pair.0);
        }
        conversations
    }
}

impl From<Conversations> for Vec<Conversation> {
    fn from(conversations: Conversations) -> Self {
        conversations.table.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::chat::id::{MemberId, MemberSlot};
    use crate::util::test_json::through_json;

    fn holder(number: usize) -> Holder {
        Holder::Member(MemberId { slot: MemberSlot::new(number), serial: NonZeroU32::MIN })
    }

    fn line(id: u64, author: Holder, text: &str) -> PrivateLine {
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(id as i64);
        let (from, to, kind) = ("a".into(), "b".into(), MessageKind::Said);
        PrivateLine { id, at, author, from, to, kind, text: text.into(), is_delivered: true }
    }

    fn ids(conversations: &Conversations, reader: Holder, other: Holder) -> Vec<u64> {
        conversations.lines(reader, other).iter().map(|line| line.id).collect()
    }

    /// Checks that the indexes and the count of bytes are those of the lines.
    fn audit(conversations: &Conversations) {
        let Conversations { table, by_use, partners, bytes } = conversations;
        let cost = |found: &Conversation| found.lines.iter().map(PrivateLine::cost).sum::<usize>();
        assert_eq!(*bytes, table.values().map(cost).sum::<usize>());
        assert!(table.values().all(|found| by_use.get(&found.used) == Some(&found.pair)));
        assert_eq!(by_use.len(), table.len());
        let mut pairs: Vec<Pair> = Vec::new();
        for (&holder, others) in partners {
            pairs.extend(others.iter().map(|&other| pair(holder, other)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs, table.keys().copied().collect::<Vec<_>>());
    }

    #[test]
    fn both_members_read_their_lines_and_only_the_author_what_was_not_delivered() {
        let mut conversations = Conversations::default();
        let [alice, bob, carol] = [0, 1, 2].map(holder);
        conversations.add(bob, line(1, alice, "hi"));
        conversations.add(alice, line(2, bob, "ho"));
        conversations.add(bob, PrivateLine { is_delivered: false, ..line(3, alice, "muted") });
        conversations.add(carol, line(4, alice, "other"));
        conversations.add(alice, line(5, alice, "myself"));
        let conversations = through_json(&conversations);
        audit(&conversations);
        assert_eq!((ids(&conversations, alice, bob), ids(&conversations, bob, alice)), (vec![1, 2, 3], vec![1, 2]));
        assert_eq!((ids(&conversations, alice, alice), ids(&conversations, bob, carol)), (vec![5], vec![]));
        assert_eq!(conversations.partners(alice).len(), 3);
    }

    #[test]
    fn oldest_lines_and_conversations_are_dropped() {
        let mut conversations = Conversations::default();
        let alice = holder(0);
        for id in 0..2 * MAX_LINES as u64 {
            conversations.add(holder(1), line(id, alice, "hi"));
        }
        assert_eq!(ids(&conversations, alice, holder(1)).len(), MAX_LINES);
        for other in 2..=MAX_CONVERSATIONS + 1 {
            conversations.add(holder(other), line(1000 + other as u64, alice, "hi"));
        }
        audit(&conversations);
        assert_eq!(conversations.partners(alice).len(), MAX_CONVERSATIONS);
        assert!(ids(&conversations, alice, holder(1)).is_empty() && conversations.partners(holder(1)).is_empty());
        let long = "x".repeat(1 << 20);
        for other in 100..110 {
            conversations.add(holder(other), line(5000 + other as u64, holder(other), &long));
            assert!(conversations.bytes <= MAX_BYTES);
        }
        audit(&conversations);
        assert!(conversations.partners(alice).is_empty() && !conversations.partners(holder(109)).is_empty());
    }

    #[test]
    fn conversations_are_forgotten_and_adopted_with_all_lines() {
        let mut conversations = Conversations::default();
        let [alice, bob, carol, account] = [0, 1, 2, 3].map(holder);
        conversations.add(bob, line(1, alice, "hi"));
        conversations.add(alice, line(2, bob, "ho"));
        conversations.add(alice, line(3, alice, "myself"));
        conversations.add(carol, line(4, bob, "other"));
        conversations.adopt(alice, account);
        audit(&conversations);
        assert_eq!((ids(&conversations, account, bob), ids(&conversations, account, account)), (vec![1, 2], vec![3]));
        assert!(conversations.lines(bob, account)[0].author == account && conversations.partners(alice).is_empty());
        assert_eq!(conversations.delete(bob, account, 1).map(|line| line.id), Some(1));
        assert_eq!(conversations.delete(bob, account, 1), None);
        audit(&conversations);
        conversations.forget(account);
        audit(&conversations);
        assert_eq!((conversations.partners(bob), conversations.table.len()), (&[carol][..], 1));
    }
}
