//! Reads the history of a room, newest message first.

use rusqlite::{Connection, OptionalExtension};

use super::error::{DbError, DbResult};
use super::table::message;
use super::table::message::COLUMNS;
use super::table::room::StoredRoom;
use crate::chat::record::Message;

/// The last messages of a room before an id, at most `n` and about `bytes` bytes, oldest first.
pub(super) fn read(
    connection: &Connection,
    room: &StoredRoom,
    before: Option<u64>,
    n: usize,
    bytes: usize,
) -> DbResult<Vec<Message>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let before = before.filter(|&before| before <= room.last);
    let mut expected = match before {
        Some(before) => before_of(connection, room, before)?,
        None => room.last,
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM messages WHERE room = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
    ))?;
    let limit = i64::try_from(n).unwrap_or(i64::MAX);
    let mut rows = statement.query((room.number, before.map_or(i64::MAX, |id| id as i64), limit))?;
    let (mut found, mut taken) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let stored = message::read(row, &room.name)?;
        if stored.message.id != expected || stored.room != room.number {
            return Err(missing(expected));
        }
        expected = stored.previous;
        taken += stored.message.name.len() + stored.message.text.len();
        if taken > bytes {
            break;
        }
        found.push(stored.message);
    }
    // Fewer messages than asked for: all older ones must have been pruned.
    if found.len() < n && taken <= bytes && expected > room.pruned {
        return Err(missing(expected));
    }
    found.reverse();
    Ok(found)
}

/// The id of the last message of a room before an id; 0 or the id of a pruned message if there is none.
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
