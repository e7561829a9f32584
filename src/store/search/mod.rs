//! Searches the index for messages, the newest first, in steps that are short whatever is searched for and stored.
//!
//! FTS5 looks for a phrase, or for several words, in one call that may walk through the whole index. So it is asked
//! only for lists of ids, one token at a time and a bounded number of ids at once; what all lists have in common is
//! found here, and the text of each such message is compared with what was typed.

pub(super) mod separators;
pub(super) mod words;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, params};

use self::words::{Words, spaced};
use super::Message;
use super::error::{Attempt, Fault};
use super::table::room::Room;

/// What was found in a step, and how far was looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The newest first.
    pub ids: Vec<u64>,
    /// If not all messages were looked at: those from this id on were.
    pub before: Option<u64>,
}

/// Tokens of which lists are made; the others are compared with the text only.
const MAX_LISTS: usize = 8;
/// Ids read at once, at first and when a list is read without gaps.
const BLOCK: (usize, usize) = (32, 512);
/// A list with this many times as many ids as the shortest is not read: the text tells the same sooner.
const DENSE: u64 = 16;

/// Makes a message's words known.
///
/// The column `room` is left empty: its numbers would be found as words are. Earlier versions filled it.
pub(super) fn add(connection: &Connection, message: &Message) -> Attempt<()> {
    let mut statement = connection.prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?;
    statement.execute(params![message.id as i64, spaced(&message.text)])?;
    Ok(())
}

/// Forgets them.
pub(super) fn forget(connection: &Connection, id: u64) -> Attempt<()> {
    connection.prepare_cached("DELETE FROM search WHERE rowid = ?1")?.execute([id as i64])?;
    Ok(())
}

/// The last messages of a room before that id that have all of the words, at most `n`.
///
/// Ends early, but with some progress, when `more` says no; it is asked about every microsecond.
pub(super) fn find(
    connection: &Connection,
    room: &Room,
    words: &Words,
    before: Option<u64>,
    n: usize,
    more: &mut dyn FnMut() -> bool,
) -> Attempt<Found> {
    let mut found = Found::default();
    let (first, end) = (room.pruned + 1, before.unwrap_or(u64::MAX).min(room.last + 1));
    if n == 0 || end <= first {
        return Ok(found);
    }
    let mut at = end - 1;
    let mut lists = lists(connection, room, words, at, more)?;
    let mut compare = connection.prepare_cached("SELECT room, text FROM messages WHERE id = ?1")?;
    loop {
        let newest = at;
        for list in &mut lists {
            match list.seek(at, more)? {
                Some(id) if id >= first => at = id,
                _ => return Ok(found),
            }
        }
        // All lists have it if none of them made it smaller.
        if at == newest {
            if has_words(&mut compare, room, words, at)? {
                found.ids.push(at);
            }
            at -= 1;
        }
        if at < first {
            return Ok(found);
        }
        if found.ids.len() == n || !more() {
            found.before = Some(at + 1);
            return Ok(found);
        }
    }
}

/// The lists that are worth reading from an id on: the shortest, as far as one can see from there, and those that are
/// about as short.
fn lists<'a>(
    connection: &'a Connection,
    room: &Room,
    words: &Words,
    from: u64,
    more: &mut dyn FnMut() -> bool,
) -> Attempt<Vec<List<'a>>> {
    let mut lists = vec![List::of_room(connection, room)?];
    for (number, token) in words.tokens().iter().take(MAX_LISTS).enumerate() {
        lists.push(List::of_token(connection, number, token)?);
    }
    for list in &mut lists {
        list.seek(from, more)?;
    }
    let widest = lists.iter().map(|list| list.distance(from)).max().unwrap_or(0);
    lists.retain(|list| list.distance(from).saturating_mul(DENSE) >= widest);
    lists.sort_by_key(|list| std::cmp::Reverse(list.distance(from)));
    Ok(lists)
}

/// Whether a message is of that room and has the words.
fn has_words(compare: &mut CachedStatement, room: &Room, words: &Words, id: u64) -> Attempt<bool> {
    let mut rows = compare.query([id as i64])?;
    let Some(row) = rows.next()? else {
        return Err(Fault::Damage(format!("its index has message {id}, which is not there")));
    };
    if row.get::<_, i64>(0)? != room.number {
        return Ok(false);
    }
    match row.get_ref(1)? {
        ValueRef::Text(text) => Ok(std::str::from_utf8(text).is_ok_and(|text| words.are_in(text))),
        _ => Ok(false),
    }
}

/// Ids in falling order, of which some have been read.
struct List<'a> {
    statement: CachedStatement<'a>,
    /// What the statement is given before the id: a token in quotes, or the number of a room.
    of: Key,
    ids: Vec<u64>,
    next: usize,
    /// No ids are below those that have been read.
    ended: bool,
    block: usize,
}

enum Key {
    Token(String),
    Room(i64),
}

impl<'a> List<'a> {
    /// The messages that have a token.
    fn of_token(connection: &'a Connection, number: usize, token: &str) -> Attempt<Self> {
        // Each list has a text of its own, since the cache has one statement for a text.
        let statement = connection.prepare_cached(&format!(
            "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid <= ?2 ORDER BY rowid DESC -- {number}"
        ))?;
        Ok(List::new(statement, Key::Token(format!("\"{token}\""))))
    }

    /// The messages of a room.
    fn of_room(connection: &'a Connection, room: &Room) -> Attempt<Self> {
        let statement =
            connection.prepare_cached("SELECT id FROM messages WHERE room = ?1 AND id <= ?2 ORDER BY id DESC")?;
        Ok(List::new(statement, Key::Room(room.number)))
    }

    fn new(statement: CachedStatement<'a>, of: Key) -> Self {
        List { statement, of, ids: Vec::new(), next: 0, ended: false, block: BLOCK.0 }
    }

    /// The first id that is at most that one; what is above it is passed over.
    fn seek(&mut self, most: u64, more: &mut dyn FnMut() -> bool) -> Attempt<Option<u64>> {
        self.next += self.ids[self.next..].partition_point(|&id| id > most);
        if self.next == self.ids.len() && !self.ended {
            self.read(most, more)?;
        }
        Ok(self.ids.get(self.next).copied())
    }

    /// Reads ids from that one down: a block of them, or fewer when `more` says no, but one at least.
    fn read(&mut self, most: u64, more: &mut dyn FnMut() -> bool) -> Attempt<()> {
        let goes_on = self.ids.last().is_some_and(|&last| last == most + 1);
        self.block = if goes_on { (2 * self.block).min(BLOCK.1) } else { BLOCK.0 };
        self.ids.clear();
        self.next = 0;
        let mut rows = match &self.of {
            Key::Token(token) => self.statement.query(params![token, most as i64])?,
            Key::Room(room) => self.statement.query(params![room, most as i64])?,
        };
        let mut highest = most;
        while let Some(row) = rows.next()? {
            let id = row.get::<_, i64>(0)? as u64;
            if id == 0 || id > highest {
                return Err(Fault::Damage(format!("its index has message {id} in a wrong place")));
            }
            highest = id - 1;
            self.ids.push(id);
            if self.ids.len() == self.block || !more() {
                return Ok(());
            }
        }
        self.ended = true;
        Ok(())
    }

    /// How far apart its ids are below that one, as far as they have been read.
    fn distance(&self, from: u64) -> u64 {
        let last = if self.ended { 0 } else { self.ids.last().copied().unwrap_or(0) };
        (from - last.min(from)) / (self.ids.len() as u64).max(1)
    }
}
