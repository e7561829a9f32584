//! One entry of a log, and its kind.

use serde::{Deserialize, Serialize};

use crate::chat::encoding::Optional;
use crate::chat::id::{Author, DayNumber, MemberId};

/// The kind of an entry, for the readers' filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredKind")]
pub enum EntryKind {
    /// A message of a member; part of the history.
    Message,
    /// A join or leave, or a summary of these.
    Presence(Spread),
    /// Another notice of the room, such as a rename.
    Notice(Spread),
    /// A line for sessions with a capability of IRC alone.
    Optional(Optional, u8),
    /// A notice to all sessions of the server, which each reads in its current room alone.
    Server,
    /// The line before the first line of this day; replayed with the history.
    Day(DayNumber),
}

/// Which of several rooms an entry belongs to, if they are shown the same change of a member one after another: its index
/// among them, from 1 on. 0 if the entry is about one room.
///
/// IRC shows such a change once to a session that reads several of the rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread(pub u8);

/// The kind of an entry as it is handed over. Earlier versions wrote two kinds without a [`Spread`].
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredKind {
    Bare(BareKind),
    Full(FullKind),
}

#[derive(Deserialize)]
enum BareKind {
    Message,
    Presence,
    Notice,
    Server,
}

#[derive(Deserialize)]
enum FullKind {
    Presence(Spread),
    Notice(Spread),
    Optional(Optional, u8),
    Day(DayNumber),
}

impl From<StoredKind> for EntryKind {
    fn from(kind: StoredKind) -> Self {
        match kind {
            StoredKind::Bare(BareKind::Message) => EntryKind::Message,
            StoredKind::Bare(BareKind::Presence) => EntryKind::Presence(Spread::default()),
            StoredKind::Bare(BareKind::Notice) => EntryKind::Notice(Spread::default()),
            StoredKind::Bare(BareKind::Server) => EntryKind::Server,
            StoredKind::Full(FullKind::Presence(spread)) => EntryKind::Presence(spread),
            StoredKind::Full(FullKind::Notice(spread)) => EntryKind::Notice(spread),
            StoredKind::Full(FullKind::Optional(what, index)) => EntryKind::Optional(what, index),
            StoredKind::Full(FullKind::Day(day)) => EntryKind::Day(day),
        }
    }
}

impl EntryKind {
    /// The index of the room among those that are shown the same change, from 1 on.
    fn spread(self) -> u8 {
        match self {
            EntryKind::Presence(Spread(index)) | EntryKind::Notice(Spread(index)) | EntryKind::Optional(_, index) => {
                index
            }
            EntryKind::Message | EntryKind::Server | EntryKind::Day(_) => 0,
        }
    }
}

/// One entry of a segment; its bytes end at `end` and begin at the end of the entry before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The position among all lines of the server, private ones included.
    pub stamp: u64,
    member: Option<MemberId>,
    /// Keyed hash of the author's folded name; it stays valid after the member has left.
    name: u64,
    pub kind: EntryKind,
    end: u32,
}

impl Entry {
    /// An entry that is not in a log yet.
    pub fn new(stamp: u64, author: Author, kind: EntryKind) -> Self {
        Entry { stamp, member: author.member, name: author.name, kind, end: 0 }
    }

    /// The entry of a message.
    pub fn message(stamp: u64, author: Author) -> Self {
        Entry::new(stamp, author, EntryKind::Message)
    }

    /// The entry of the line of a new day.
    pub fn day(stamp: u64, day: DayNumber) -> Self {
        Entry::new(stamp, Author::NONE, EntryKind::Day(day))
    }

    /// The author.
    pub fn author(&self) -> Author {
        Author { member: self.member, name: self.name }
    }

    /// Whether this member is the author.
    #[inline]
    pub fn is_by(&self, id: MemberId) -> bool {
        self.member == Some(id)
    }

    /// The number of the change that it shows to several rooms: the last 32 bits of the stamp of the first of the entries. The
    /// others follow with no entry between them.
    #[inline]
    pub fn change(&self) -> Option<u32> {
        match self.kind.spread() {
            0 => None,
            index => Some((self.stamp - u64::from(index - 1)) as u32),
        }
    }

    /// The same entry in a segment, where its bytes end there.
    #[inline]
    pub fn ending_at(self, end: u32) -> Self {
        Entry { end, ..self }
    }

    /// The end of its bytes in the segment.
    #[inline]
    pub fn end(&self) -> u32 {
        self.end
    }
}
