//! The words of messages, for searching.

use rusqlite::Connection;

use super::error::Attempt;
use super::record::Message;

/// Makes a message's words known.
pub(super) fn add(connection: &Connection, room: i64, message: &Message) -> Attempt<()> {
    let mut statement = connection.prepare_cached("INSERT INTO search (rowid, text, room) VALUES (?1, ?2, ?3)")?;
    statement.execute((message.id as i64, &message.text, room))?;
    Ok(())
}
