//! Messages as rows.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::checksum::Checksum;
use super::column;
use super::column::{moment, parts};
use super::room::Room;
use crate::store::Message;
use crate::store::error::{Attempt, Fault};

/// The columns in the order in which [`read`] takes them.
pub(in crate::store) const COLUMNS: &str = "id, room, previous, at, minutes, kind, name, text, sum";

/// A message, the number of its room, and the one before it there.
pub(in crate::store) struct Stored {
    pub message: Message,
    pub room: i64,
    pub previous: u64,
}

/// Adds a message that comes after that one in its room.
pub(in crate::store) fn insert(connection: &Connection, room: i64, previous: u64, message: &Message) -> Attempt<()> {
    let (id, previous, kind) = (message.id as i64, previous as i64, column::number(message.kind));
    let (at, minutes) = parts(message.at);
    let sum = sum([id, room, previous, at, minutes, kind], &message.name, &message.text);
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (id, room, previous, at, minutes, kind, name, text, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    statement.execute(params![id, room, previous, at, minutes, kind, message.name, message.text, sum])?;
    Ok(())
}

/// Reads a row of [`COLUMNS`]; the room's name is the caller's to know.
pub(in crate::store) fn read(row: &Row, name_of_room: &str) -> Attempt<Stored> {
    let int = |column| row.get::<_, i64>(column);
    let ints = [int(0)?, int(1)?, int(2)?, int(3)?, int(4)?, int(5)?];
    let damaged = || Fault::Damage(format!("message {} does not match its checksum", ints[0]));
    // Not as `String`, whose error would not say which message.
    let text = |column| match row.get_ref(column)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| damaged()),
        _ => Err(damaged()),
    };
    let (name, text) = (text(6)?, text(7)?);
    if sum(ints, name, text) != int(8)? {
        return Err(damaged());
    }
    let [id, room, previous, at, minutes, kind] = ints;
    let at = moment(at, minutes).ok_or_else(damaged)?;
    let kind = column::kind(kind).ok_or_else(damaged)?;
    let message = Message { id: id as u64, room: name_of_room.into(), at, kind, name: name.into(), text: text.into() };
    Ok(Stored { message, room, previous: previous as u64 })
}

/// A message of a room, if it is there.
pub(in crate::store) fn get(connection: &Connection, room: &Room, id: u64) -> Attempt<Option<Stored>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE id = ?1"))?;
    let mut rows = statement.query([id as i64])?;
    let stored = rows.next()?.map(|row| read(row, &room.name)).transpose()?;
    Ok(stored.filter(|stored| stored.room == room.number))
}

/// The id of the message before that one.
pub(in crate::store) fn previous(connection: &Connection, id: u64) -> Attempt<u64> {
    let mut statement = connection.prepare_cached("SELECT previous FROM messages WHERE id = ?1")?;
    Ok(statement.query_row([id as i64], |row| row.get::<_, i64>(0))? as u64)
}

/// Has a message of a room come after another one than before.
pub(in crate::store) fn follow(connection: &Connection, room: &Room, id: u64, previous: u64) -> Attempt<()> {
    let stored = get(connection, room, id)?.ok_or_else(|| Fault::Damage(format!("message {id} is missing")))?;
    connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id as i64])?;
    insert(connection, room.number, previous, &stored.message)
}

impl Message {
    /// Whether that is this one, as far as it is stored, in the same room.
    pub(in crate::store) fn is_same(&self, other: &Message) -> bool {
        let of = |message: &Message| (message.id, message.kind, parts(message.at));
        of(self) == of(other) && (&self.name, &self.text) == (&other.name, &other.text)
    }
}

fn sum(ints: [i64; 6], name: &str, text: &str) -> i64 {
    ints.into_iter().fold(Checksum::of("messages"), Checksum::int).text(name).text(text).done()
}
