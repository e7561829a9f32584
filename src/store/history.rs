//! What was said in a room, from the newest back.

use rusqlite::{Connection, OptionalExtension};

use super::Message;
use super::error::{Attempt, Fault};
use super::table::message;
use super::table::message::COLUMNS;
use super::table::room::Room;

/// The last messages of a room before that id, at most `n` and of about `bytes` bytes, the oldest first.
pub(super) fn read(
    connection: &Connection,
    room: &Room,
    before: Option<u64>,
    n: usize,
    bytes: usize,
) -> Attempt<Vec<Message>> {
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
    // What is missing at the end must have been pruned.
    if found.len() < n && taken <= bytes && expected > room.pruned {
        return Err(missing(expected));
    }
    found.reverse();
    Ok(found)
}

/// The id of the message that is the last before that one; 0 or a pruned one if there is none.
fn before_of(connection: &Connection, room: &Room, id: u64) -> Attempt<u64> {
    let mut statement =
        connection.prepare_cached("SELECT previous FROM messages WHERE room = ?1 AND id >= ?2 ORDER BY id LIMIT 1")?;
    let previous = statement.query_row([room.number, id as i64], |row| row.get::<_, i64>(0)).optional()?;
    // `id` is at most that of the newest, which is pruned if nothing is there.
    match previous {
        Some(previous) => Ok(previous as u64),
        None if room.last <= room.pruned => Ok(room.last),
        None => Err(missing(room.last)),
    }
}

fn missing(id: u64) -> Fault {
    Fault::Damage(format!("message {id} is missing"))
}
