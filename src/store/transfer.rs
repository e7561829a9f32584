//! Exports all messages from the database and imports messages into it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::batch::{Batch, valid};
use super::error::{DbError, DbResult};
use super::search;
use super::table::message;
use super::table::message::{COLUMNS, VACANT};
use super::table::room::{Rooms, StoredRoom};
use crate::chat::record::Message;

/// Passes all messages of one room or of all to `each`, in order of id, without deleted ones; stops when `each` fails.
pub(super) fn export<E>(
    connection: &Connection,
    rooms: &Rooms,
    only: Option<&StoredRoom>,
    mut each: impl FnMut(Message) -> Result<(), E>,
) -> DbResult<Result<(), E>> {
    // Rooms by number, each with the id of its newest exported message.
    let mut rooms: BTreeMap<i64, (&StoredRoom, u64)> = match only {
        Some(room) => [(room.number, (room, 0))].into(),
        None => rooms.values().map(|room| (room.number, (room, 0))).collect(),
    };
    let mut statement = connection.prepare(&match only {
        Some(room) => format!("SELECT {COLUMNS} FROM messages WHERE room = {} ORDER BY id", room.number),
        None => format!("SELECT {COLUMNS} FROM messages ORDER BY id"),
    })?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some((room, newest)) = rooms.get_mut(&row.get(1)?) else { continue };
        let stored = message::read(row, &room.name)?;
        if stored.previous != *newest && (*newest > 0 || stored.previous > room.pruned) {
            return Err(missing(stored.previous));
        }
        *newest = stored.id;
        if let Some(Err(error)) = stored.message.map(&mut each) {
            return Ok(Err(error));
        }
    }
    match rooms.values().find(|(room, newest)| *newest != room.last && room.last > room.pruned) {
        Some((room, _)) => Err(missing(room.last)),
        None => Ok(Ok(())),
    }
}

/// Inserts a message at the place of its id, which must be free.
pub(super) fn import(batch: &mut Batch, message: &Message) -> DbResult<()> {
    let connection = batch.connection();
    if valid(message.id)? >= batch.next_id() {
        if batch.belongs_to_cluster() {
            let next_id = batch.next_id();
            return Err(DbError::Refused(format!(
                "it is the store of a node, and the log of its cluster gives the ids from {next_id} on; message {} has one of them",
                message.id
            )));
        }
        return batch.add_message(message);
    }
    connection
        .prepare_cached("DELETE FROM messages WHERE id = ?1 AND room = ?2")?
        .execute([message.id as i64, VACANT])?;
    let taken = connection.prepare_cached("SELECT 1 FROM messages WHERE id = ?1")?.exists([message.id as i64])?;
    if taken {
        return Err(DbError::Refused(format!("message id {} is already used", message.id)));
    }
    let room = batch.room_or_create(&message.room)?;
    let before = nearest(connection, "id < ?2 ORDER BY id DESC", room, message.id)?;
    let after = nearest(connection, "id > ?2 ORDER BY id", room, message.id)?;
    // The message before the next one was pruned; if it is older than this one, it is also the one before this.
    let pruned = match after {
        Some(after) => message::previous(connection, after)?,
        None => room.last,
    };
    let previous = before.or((pruned < message.id).then_some(pruned)).unwrap_or(0);
    if previous == 0 {
        room.pruned = 0;
    }
    message::insert(connection, room.number, previous, message)?;
    match after {
        Some(after) => message::set_previous(connection, after, message.id)?,
        None => room.last = message.id,
    }
    search::add(connection, message.id, &message.text)?;
    batch.count_message();
    Ok(())
}

/// The nearest message of a room before or after an id.
fn nearest(connection: &Connection, which: &str, room: &StoredRoom, id: u64) -> DbResult<Option<u64>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT id FROM messages WHERE room = ?1 AND {which} LIMIT 1"))?;
    let found = statement.query_row([room.number, id as i64], |row| row.get::<_, i64>(0)).optional()?;
    Ok(found.map(|id| id as u64))
}

fn missing(id: u64) -> DbError {
    DbError::Damage(format!("message {id} is missing"))
}
