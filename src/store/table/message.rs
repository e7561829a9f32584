//! Table of messages.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::checksum::Checksum;
use super::column;
use super::column::{DELETED, time_columns, time_from_columns};
use super::room::StoredRoom;
use crate::chat::record::Message;
use crate::store::error::{DbError, DbResult};

/// The columns in the order that [`read`] expects.
pub(in crate::store) const COLUMNS: &str = "id, room, previous, at, minutes, kind, name, text, sum";

/// The number of no room: that of a row of which the message was pruned.
pub(in crate::store) const VACANT: i64 = 0;

/// A row: a message, or what is left of a deleted one.
pub(in crate::store) struct StoredMessage {
    pub id: u64,
    /// The number of its room.
    pub room: i64,
    /// The id of the row before it in that room.
    pub previous: u64,
    /// `None` if it was deleted.
    pub message: Option<Message>,
}

/// The columns of a row whose checksum is right.
struct Columns<'a> {
    /// All numbers but the checksum: id, room, previous, at, minutes, kind.
    ints: [i64; 6],
    name: &'a str,
    text: &'a str,
}

impl<'a> Columns<'a> {
    fn read(row: &'a Row) -> DbResult<Self> {
        let int = |column| row.get::<_, i64>(column);
        let ints = [int(0)?, int(1)?, int(2)?, int(3)?, int(4)?, int(5)?];
        // Not read as `String`, whose error would not name the message.
        let text = |column| match row.get_ref(column)? {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| damaged(ints[0])),
            _ => Err(damaged(ints[0])),
        };
        let columns = Columns { ints, name: text(6)?, text: text(7)? };
        if columns.sum() == int(8)? { Ok(columns) } else { Err(damaged(ints[0])) }
    }

    fn sum(&self) -> i64 {
        self.ints.into_iter().fold(Checksum::of("messages"), Checksum::int).text(self.name).text(self.text).finish()
    }

    fn message(&self, name_of_room: &str) -> DbResult<Option<Message>> {
        let [id, _, _, at, minutes, kind] = self.ints;
        if kind == DELETED {
            return Ok(None);
        }
        let at = time_from_columns(at, minutes).ok_or_else(|| damaged(id))?;
        let kind = column::kind_from_column(kind).ok_or_else(|| damaged(id))?;
        let (room, name, text) = (name_of_room.into(), self.name.into(), self.text.into());
        Ok(Some(Message { id: id as u64, room, at, kind, name, text }))
    }
}

/// Inserts a message that comes after `previous` in its room.
pub(in crate::store) fn insert(connection: &Connection, room: i64, previous: u64, message: &Message) -> DbResult<()> {
    let (id, previous, kind) = (message.id as i64, previous as i64, column::kind_column(message.kind));
    let (at, minutes) = time_columns(message.at);
    let Message { name, text, .. } = message;
    let sum = Columns { ints: [id, room, previous, at, minutes, kind], name, text }.sum();
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (id, room, previous, at, minutes, kind, name, text, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    statement.execute(params![id, room, previous, at, minutes, kind, name, text, sum])?;
    Ok(())
}

/// Reads a row of [`COLUMNS`]; the caller gives the room's name.
pub(in crate::store) fn read(row: &Row, name_of_room: &str) -> DbResult<StoredMessage> {
    let columns = Columns::read(row)?;
    let message = columns.message(name_of_room)?;
    let [id, room, previous, ..] = columns.ints;
    Ok(StoredMessage { id: id as u64, room, previous: previous as u64, message })
}

/// A row of a room, if it exists.
pub(in crate::store) fn get(connection: &Connection, room: &StoredRoom, id: u64) -> DbResult<Option<StoredMessage>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE id = ?1"))?;
    let mut rows = statement.query([id as i64])?;
    let stored = rows.next()?.map(|row| read(row, &room.name)).transpose()?;
    Ok(stored.filter(|stored| stored.room == room.number))
}

/// Deletes a message of a room: its row stays, without its name and text, so that a lost row is still noticed.
///
/// Returns the deleted text; `None` if there is no such message, or it was deleted already.
pub(in crate::store) fn delete(connection: &Connection, room: &StoredRoom, id: u64) -> DbResult<Option<String>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE id = ?1"))?;
    let mut rows = statement.query([id as i64])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let Columns { ints, text, .. } = Columns::read(row)?;
    let [_, number, previous, at, minutes, kind] = ints;
    if number != room.number || kind == DELETED {
        return Ok(None);
    }
    let text = text.to_owned();
    drop(rows);
    let sum = Columns { ints: [ints[0], number, previous, at, minutes, DELETED], name: "", text: "" }.sum();
    connection
        .prepare_cached("UPDATE messages SET kind = ?2, name = '', text = '', sum = ?3 WHERE id = ?1")?
        .execute([ints[0], DELETED, sum])?;
    Ok(Some(text))
}

/// Vacates a row: it belongs to no room any more, and only its id and its time stay.
///
/// Returns the text of its message, also if it is damaged; `None` if it was deleted before.
pub(in crate::store) fn vacate(connection: &Connection, id: u64) -> DbResult<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT at, minutes, kind, text FROM messages WHERE id = ?1")?;
    let mut rows = statement.query([id as i64])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (at, minutes, kind): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let text = row.get_ref(3)?.as_bytes().ok().filter(|_| kind != DELETED);
    let text = text.map(|text| String::from_utf8_lossy(text).into_owned());
    drop(rows);
    let sum = Columns { ints: [id as i64, VACANT, 0, at, minutes, DELETED], name: "", text: "" }.sum();
    connection
        .prepare_cached(
            "UPDATE messages SET room = ?2, previous = 0, kind = ?3, name = '', text = '', sum = ?4 WHERE id = ?1",
        )?
        .execute([id as i64, VACANT, DELETED, sum])?;
    Ok(text)
}

/// The id of the row before another in its room.
pub(in crate::store) fn previous(connection: &Connection, id: u64) -> DbResult<u64> {
    let mut statement = connection.prepare_cached("SELECT previous FROM messages WHERE id = ?1")?;
    Ok(statement.query_row([id as i64], |row| row.get::<_, i64>(0))? as u64)
}

/// Changes which row a row comes after.
pub(in crate::store) fn set_previous(connection: &Connection, id: u64, previous: u64) -> DbResult<()> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE id = ?1"))?;
    let mut rows = statement.query([id as i64])?;
    let row = rows.next()?.ok_or_else(|| DbError::Damage(format!("message {id} is missing")))?;
    let mut columns = Columns::read(row)?;
    columns.ints[2] = previous as i64;
    let sum = columns.sum();
    drop(rows);
    connection.prepare_cached("UPDATE messages SET previous = ?2, sum = ?3 WHERE id = ?1")?.execute([
        id as i64,
        previous as i64,
        sum,
    ])?;
    Ok(())
}

impl Message {
    /// Whether both messages have the same stored columns, apart from the room.
    pub(in crate::store) fn has_same_columns(&self, other: &Message) -> bool {
        let of = |message: &Message| (message.id, message.kind, time_columns(message.at));
        of(self) == of(other) && (&self.name, &self.text) == (&other.name, &other.text)
    }
}

fn damaged(id: i64) -> DbError {
    DbError::Damage(format!("message {id} does not match its checksum"))
}
