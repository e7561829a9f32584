//! Searches the full-text index for messages, newest first, in steps of bounded time.
//!
//! FTS5 searches a phrase or several words in one call, which can walk through the whole index. So it is only asked for
//! lists of ids, for one token and a bounded number of ids at a time. This module intersects the lists and compares the
//! text of each message in all of them with the search words.

pub(super) mod separators;
mod split_keys;
pub(super) mod words;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, params};

use self::words::{SearchWords, spaced};
use super::error::{DbError, DbResult};
use super::table::removed_texts;
use super::table::room::StoredRoom;

/// The result of one step of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchStep {
    /// Ids of the messages found, newest first.
    pub ids: Vec<u64>,
    /// Continue the search before this id; `None` when all messages were searched.
    pub before: Option<u64>,
}

/// Maximum tokens with a list of ids; further ones are only compared with the text.
const MAX_LISTS: usize = 8;
/// Ids read at once: at first, and at most while a list is read without gaps.
const BLOCK: (usize, usize) = (32, 512);
/// A list this many times as dense as the sparsest one is not read: comparing the text is faster.
const DENSE: u64 = 16;

/// Adds the words of a message to the index.
pub(super) fn add(connection: &Connection, id: u64, text: &str) -> DbResult<()> {
    let mut statement = connection.prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?;
    statement.execute(params![id as i64, spaced(text)])?;
    Ok(())
}

/// Removes the words of a message from the index; `text` is the one that was added.
///
/// Their bytes stay in the index until it is merged; [`overwrite`] leaves none.
pub(super) fn remove(connection: &Connection, id: u64, text: &str) -> DbResult<()> {
    let mut statement =
        connection.prepare_cached("INSERT INTO search (search, rowid, text) VALUES ('delete', ?1, ?2)")?;
    statement.execute(params![id as i64, spaced(text)])?;
    Ok(())
}

/// Must come before [`overwrite`], and be followed by [`end_overwriting`] in the same transaction.
///
/// It makes the index overwrite the words that are removed. That takes about eight times as long, so it is only done for
/// deleted messages, and not for pruned ones.
/// <https://www.sqlite.org/fts5.html#the_secure_delete_configuration_option>
pub(super) fn begin_overwriting(connection: &Connection) -> DbResult<()> {
    set_overwriting(connection, true)
}

/// Removes the words of a message from the index and overwrites them, also where they are kept as keys; `text` is the one
/// that was added.
pub(super) fn overwrite(connection: &Connection, id: u64, text: &str) -> DbResult<()> {
    remove(connection, id, text)?;
    // FTS5 writes its changes, which it has in memory, before a savepoint begins.
    connection.execute_batch("SAVEPOINT removed; RELEASE removed")?;
    split_keys::clean(connection, text)
}

pub(super) fn end_overwriting(connection: &Connection) -> DbResult<()> {
    set_overwriting(connection, false)
}

fn set_overwriting(connection: &Connection, on: bool) -> DbResult<()> {
    let mut statement = connection.prepare_cached("INSERT INTO search (search, rank) VALUES ('secure-delete', ?1)")?;
    Ok(statement.execute([on]).map(drop)?)
}

/// Fills an empty index with the words of all messages.
pub(super) fn rebuild(connection: &Connection) -> DbResult<()> {
    let mut statement = connection.prepare("SELECT id, text FROM messages ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get::<_, i64>(0)? as u64;
        match row.get_ref(1)? {
            // A damaged text is noticed when it is read.
            ValueRef::Text(text) => add(connection, id, &String::from_utf8_lossy(text))?,
            _ => return Err(DbError::Damage(format!("message {id} has no text"))),
        }
    }
    Ok(())
}

/// Finds the last messages of a room before an id that contain all words, at most `n`.
///
/// Stops early, but with some progress, when `more` returns `false`; it is called about every microsecond.
pub(super) fn find(
    connection: &Connection,
    room: &StoredRoom,
    words: &SearchWords,
    before: Option<u64>,
    n: usize,
    more: &mut dyn FnMut() -> bool,
) -> DbResult<SearchStep> {
    let mut found = SearchStep::default();
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
        // If no list lowered it, the id is in all lists.
        if at == newest {
            if has_words(connection, &mut compare, room, words, at)? {
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

/// The lists worth reading from an id down: the sparsest, judged by the ids read so far, and those about as sparse.
fn lists<'a>(
    connection: &'a Connection,
    room: &StoredRoom,
    words: &SearchWords,
    from: u64,
    more: &mut dyn FnMut() -> bool,
) -> DbResult<Vec<IdList<'a>>> {
    let mut lists = vec![IdList::of_room(connection, room)?];
    for (number, token) in words.tokens().iter().take(MAX_LISTS).enumerate() {
        lists.push(IdList::of_token(connection, number, token)?);
    }
    for list in &mut lists {
        list.seek(from, more)?;
    }
    let widest = lists.iter().map(|list| list.distance(from)).max().unwrap_or(0);
    lists.retain(|list| list.distance(from).saturating_mul(DENSE) >= widest);
    lists.sort_by_key(|list| std::cmp::Reverse(list.distance(from)));
    Ok(lists)
}

/// Whether a message is in the room and contains all words.
fn has_words(
    connection: &Connection,
    compare: &mut CachedStatement,
    room: &StoredRoom,
    words: &SearchWords,
    id: u64,
) -> DbResult<bool> {
    let mut rows = compare.query([id as i64])?;
    let Some(row) = rows.next()? else {
        // A deleted message can be pruned before its words are removed.
        if removed_texts::contains(connection, id)? {
            return Ok(false);
        }
        return Err(DbError::Damage(format!("its index has message {id}, which does not exist")));
    };
    if row.get::<_, i64>(0)? != room.number {
        return Ok(false);
    }
    match row.get_ref(1)? {
        ValueRef::Text(text) => Ok(std::str::from_utf8(text).is_ok_and(|text| words.are_in(text))),
        _ => Ok(false),
    }
}

/// A list of ids in descending order, read in blocks.
struct IdList<'a> {
    statement: CachedStatement<'a>,
    /// First parameter of the statement.
    key: ListKey,
    ids: Vec<u64>,
    next: usize,
    /// The last ids have been read.
    ended: bool,
    block: usize,
}

enum ListKey {
    Token(String),
    Room(i64),
}

impl<'a> IdList<'a> {
    /// The messages that contain a token.
    fn of_token(connection: &'a Connection, number: usize, token: &str) -> DbResult<Self> {
        // The comment makes each list's SQL different, since the cache holds one statement per SQL text.
        let statement = connection.prepare_cached(&format!(
            "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid <= ?2 ORDER BY rowid DESC -- {number}"
        ))?;
        Ok(IdList::new(statement, ListKey::Token(format!("\"{token}\""))))
    }

    /// The messages of a room.
    fn of_room(connection: &'a Connection, room: &StoredRoom) -> DbResult<Self> {
        let statement =
            connection.prepare_cached("SELECT id FROM messages WHERE room = ?1 AND id <= ?2 ORDER BY id DESC")?;
        Ok(IdList::new(statement, ListKey::Room(room.number)))
    }

    fn new(statement: CachedStatement<'a>, key: ListKey) -> Self {
        IdList { statement, key, ids: Vec::new(), next: 0, ended: false, block: BLOCK.0 }
    }

    /// The next id that is at most `most`; skips higher ones.
    fn seek(&mut self, most: u64, more: &mut dyn FnMut() -> bool) -> DbResult<Option<u64>> {
        self.next += self.ids[self.next..].partition_point(|&id| id > most);
        if self.next == self.ids.len() && !self.ended {
            self.read(most, more)?;
        }
        Ok(self.ids.get(self.next).copied())
    }

    /// Reads a block of ids from `most` down, fewer when `more` returns `false`, but at least one.
    fn read(&mut self, most: u64, more: &mut dyn FnMut() -> bool) -> DbResult<()> {
        let goes_on = self.ids.last().is_some_and(|&last| last == most + 1);
        self.block = if goes_on { (2 * self.block).min(BLOCK.1) } else { BLOCK.0 };
        self.ids.clear();
        self.next = 0;
        let mut rows = match &self.key {
            ListKey::Token(token) => self.statement.query(params![token, most as i64])?,
            ListKey::Room(room) => self.statement.query(params![room, most as i64])?,
        };
        let mut highest = most;
        while let Some(row) = rows.next()? {
            let id = row.get::<_, i64>(0)? as u64;
            if id == 0 || id > highest {
                return Err(DbError::Damage(format!("its index has message {id} in the wrong place")));
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

    /// Average distance between the ids below `from` that have been read.
    fn distance(&self, from: u64) -> u64 {
        let last = if self.ended { 0 } else { self.ids.last().copied().unwrap_or(0) };
        (from - last.min(from)) / (self.ids.len() as u64).max(1)
    }
}
