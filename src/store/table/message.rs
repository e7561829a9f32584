//! Table of messages.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::checksum::Checksum;
use super::column;
use super::column::{time_columns, time_from_columns};
use super::room::StoredRoom;
use crate::chat::record::Message;
use crate::store::error::{DbError, DbResult};

/// The columns in the order that [`read`] expects.
pub(in crate::store) const COLUMNS: &str = "id, room, previous, at, minutes, kind, name, text, sum";

/// A stored message with the number of its room and the id of the message before it in that room.
pub(in crate::store) struct StoredMessage {
    pub message: Message,
    pub room: i64,
    pub previous: u64,
}

/// Inserts a message that comes after `previous` in its room.
pub(in crate::store) fn insert(connection: &Connection, room: i64, previous: u64, message: &Message) -> DbResult<()> {
    let (id, previous, kind) = (message.id as i64, previous as i64, column::kind_column(message.kind));
    let (at, minutes) = time_columns(message.at);
    let sum = sum([id, room, previous, at, minutes, kind], &message.name, &message.text);
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (id, room, previous, at, minutes, kind, name, text, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    statement.execute(params![id, room, previous, at, minutes, kind, message.name, message.text, sum])?;
    Ok(())
}

/// Reads a row of [`COLUMNS`]; the caller gives the room's name.
pub(in crate::store) fn read(row: &Row, name_of_room: &str) -> DbResult<StoredMessage> {
    let int = |column| row.get::<_, i64>(column);
    let ints = [int(0)?, int(1)?, int(2)?, int(3)?, int(4)?, int(5)?];
    let damaged = || DbError::Damage(format!("message {} does not match its checksum", ints[0]));
    // Not read as `String`, whose error would not name the message.
    let text = |column| match row.get_ref(column)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| damaged()),
        _ => Err(damaged()),
    };
    let (name, text) = (text(6)?, text(7)?);
    if sum(ints, name, text) != int(8)? {
        return Err(damaged());
    }
    let [id, room, previous, at, minutes, kind] = ints;
    let at = time_from_columns(at, minutes).ok_or_else(damaged)?;
    let kind = column::kind_from_column(kind).ok_or_else(damaged)?;
    let message = Message { id: id as u64, room: name_of_room.into(), at, kind, name: name.into(), text: text.into() };
    Ok(StoredMessage { message, room, previous: previous as u64 })
}

/// A message of a room, if it exists.
pub(in crate::store) fn get(connection: &Connection, room: &StoredRoom, id: u64) -> DbResult<Option<StoredMessage>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE id = ?1"))?;
    let mut rows = statement.query([id as i64])?;
    let stored = rows.next()?.map(|row| read(row, &room.name)).transpose()?;
    Ok(stored.filter(|stored| stored.room == room.number))
}

/// The id of the message before another in its room.
pub(in crate::store) fn previous(connection: &Connection, id: u64) -> DbResult<u64> {
    let mut statement = connection.prepare_cached("SELECT previous FROM messages WHERE id = ?1")?;
    Ok(statement.query_row([id as i64], |row| row.get::<_, i64>(0))? as u64)
}

/// Changes which message a message of a room comes after.
pub(in crate::store) fn set_previous(
    connection: &Connection,
    room: &StoredRoom,
    id: u64,
    previous: u64,
) -> DbResult<()> {
    let stored = get(connection, room, id)?.ok_or_else(|| DbError::Damage(format!("message {id} is missing")))?;
    connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id as i64])?;
    insert(connection, room.number, previous, &stored.message)
}

impl Message {
    /// Whether both messages have the same stored columns, apart from the room.
    pub(in crate::store) fn has_same_columns(&self, other: &Message) -> bool {
        let of = |message: &Message| (message.id, message.kind, time_columns(message.at));
        of(self) == of(other) && (&self.name, &self.text) == (&other.name, &other.text)
    }
}

fn sum(ints: [i64; 6], name: &str, text: &str) -> i64 {
    ints.into_iter().fold(Checksum::of("messages"), Checksum::int).text(name).text(text).finish()
}
