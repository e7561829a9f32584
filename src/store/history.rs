//! Reads the history of a room.

use rusqlite::{Connection, OptionalExtension, Row};
use time::OffsetDateTime;

use super::error::{DbError, DbResult};
use super::search::SearchStep;
use super::table::column::{DELETED, time_from_columns};
use super::table::message;
use super::table::message::COLUMNS;
use super::table::room::StoredRoom;
use crate::chat::policy::nick::fold;
use crate::chat::record::Message;

/// What is read of a history: messages before an id, at most `n` and about `bytes` bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub before: Option<u64>,
    pub n: usize,
    pub bytes: usize,
}

/// How a step of a query goes on.
pub struct Step<'a> {
    /// Whether the message of this id is left out, as if it were deleted.
    pub is_hidden: &'a dyn Fn(u64) -> bool,
    /// Whether the step may take longer; called after each row that is left out, or for each row.
    pub more: &'a mut dyn FnMut() -> bool,
}

/// The result of one step of reading a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryStep {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Continue before this id; `None` when the page is complete.
    pub before: Option<u64>,
}

/// The result of one step of finding messages from an id on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindStep {
    /// Ids of the messages, the oldest first.
    pub ids: Vec<u64>,
    /// The last message that was looked at; continue after it.
    pub up_to: Option<u64>,
    /// No further step is needed.
    pub is_complete: bool,
}

/// The last messages of a room.
///
/// Deleted messages are left out; if there are many of them, the step stops soon after `more` returns `false`.
pub(super) fn read(connection: &Connection, room: &StoredRoom, page: Page, step: &mut Step) -> DbResult<HistoryStep> {
    let Page { before, n, bytes } = page;
    if n == 0 {
        return Ok(HistoryStep::default());
    }
    let before = before.filter(|&before| before <= room.last);
    let mut expected = match before {
        Some(before) => before_of(connection, room, before)?,
        None => room.last,
    };
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE room = ?1 AND id < ?2 ORDER BY id DESC"))?;
    let mut rows = statement.query((room.number, before.map_or(i64::MAX, |id| id as i64)))?;
    let (mut found, mut taken, mut stopped) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        let stored = message::read(row, &room.name)?;
        if stored.id != expected || stored.room != room.number {
            return Err(missing(expected));
        }
        expected = stored.previous;
        let Some(message) = stored.message.filter(|message| !(step.is_hidden)(message.id)) else {
            if (step.more)() {
                continue;
            }
            stopped = Some(stored.id);
            break;
        };
        taken += message.name.len() + message.text.len();
        if taken > bytes {
            break;
        }
        found.push(message);
        if found.len() == n {
            break;
        }
    }
    // Fewer messages than asked for: all older ones must have been pruned.
    if stopped.is_none() && found.len() < n && taken <= bytes && expected > room.pruned {
        return Err(missing(expected));
    }
    found.reverse();
    Ok(HistoryStep { messages: found, before: stopped })
}

/// Finds the last messages of a room before an id whose author has this folded name, at most `n`.
///
/// Stops early, but with some progress, when `more` returns `false`.
pub(super) fn find_of_author(
    connection: &Connection,
    room: &StoredRoom,
    author: &str,
    (before, n): (Option<u64>, usize),
    step: &mut Step,
) -> DbResult<SearchStep> {
    let mut found = SearchStep::default();
    if n == 0 {
        return Ok(found);
    }
    let before = before.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX));
    let mut statement = connection
        .prepare_cached("SELECT id, kind, name FROM messages WHERE room = ?1 AND id < ?2 ORDER BY id DESC")?;
    let mut rows = statement.query((room.number, before))?;
    // The last name that was folded, and whether it is the author's.
    let mut last = (String::new(), false);
    while let Some(row) = rows.next()? {
        let id = row.get::<_, i64>(0)? as u64;
        let name = row.get_ref(2)?.as_str().map_err(|_| missing(id))?;
        if name != last.0 {
            last = (name.to_owned(), fold(name) == author);
        }
        if last.1 && row.get::<_, i64>(1)? != DELETED && !(step.is_hidden)(id) {
            found.ids.push(id);
        }
        if found.ids.len() == n {
            return Ok(found);
        }
        if !(step.more)() {
            found.before = Some(id);
            return Ok(found);
        }
    }
    Ok(found)
}

/// Finds the first messages of a room from an id on, at most `n`.
///
/// Stops early, but with some progress, when `more` returns `false`.
pub(super) fn find_after(
    connection: &Connection,
    room: &StoredRoom,
    first: u64,
    n: usize,
    step: &mut Step,
) -> DbResult<FindStep> {
    let mut found = FindStep::default();
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE room = ?1 AND id >= ?2 ORDER BY id"))?;
    let mut rows = statement.query((room.number, i64::try_from(first).unwrap_or(i64::MAX)))?;
    // The row before the first one has a lower id than `first`, or it was pruned.
    let mut last = first.saturating_sub(1).max(room.pruned);
    while found.ids.len() < n {
        let Some(row) = rows.next()? else {
            found.is_complete = true;
            return if last < room.last { Err(missing(room.last)) } else { Ok(found) };
        };
        let stored = message::read(row, &room.name)?;
        if stored.previous > last || found.up_to.is_some() && stored.previous < last {
            return Err(missing(stored.previous.max(last)));
        }
        (last, found.up_to) = (stored.id, Some(stored.id));
        if stored.message.is_some() && !(step.is_hidden)(stored.id) {
            found.ids.push(stored.id);
        }
        if !(step.more)() {
            return Ok(found);
        }
    }
    found.is_complete = true;
    Ok(found)
}

/// The id from which on the rows of a room are not older than a time, such as a day by the local time of each; `None` if all
/// are older.
///
/// The search halves the ids in each step. If the times do not grow with the ids, it finds one of the places where they pass
/// that time.
pub(super) fn first_since(
    connection: &Connection,
    room: &StoredRoom,
    is_older: &dyn Fn(OffsetDateTime) -> bool,
) -> DbResult<Option<u64>> {
    let mut statement = connection
        .prepare_cached("SELECT id, at, minutes FROM messages WHERE room = ?1 AND id >= ?2 ORDER BY id LIMIT 1")?;
    let (mut low, mut high) = (room.pruned + 1, room.last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = |row: &Row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let (id, at, minutes) =
            statement.query_row((room.number, middle as i64), row).optional()?.ok_or_else(|| missing(room.last))?;
        let at = time_from_columns(at, minutes).ok_or_else(|| missing(id as u64))?;
        match is_older(at) {
            true => low = id as u64 + 1,
            false => high = middle,
        }
    }
    Ok((low <= room.last).then_some(low))
}

/// The id of the last row of a room before an id; 0 or the id of a pruned message if there is none.
fn before_of(connection: &Connection, room: &StoredRoom, id: u64) -> DbResult<u64> {
    let mut statement =
        connection.prepare_cached("SELECT previous FROM messages WHERE room = ?1 AND id >= ?2 ORDER BY id LIMIT 1")?;
    let previous = statement.query_row([room.number, id as i64], |row| row.get::<_, i64>(0)).optional()?;
    // `id` is at most the newest message's, so with no row the newest must have been pruned.
    match previous {
        Some(previous) => Ok(previous as u64),
        None if room.last <= room.pruned => Ok(room.last),
        None => Err(missing(room.last)),
    }
}

fn missing(id: u64) -> DbError {
    DbError::Damage(format!("message {id} is missing"))
}
