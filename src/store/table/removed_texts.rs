//! Table of the texts of deleted messages whose words are still in the search index, by the id of the message.

use rusqlite::{Connection, OptionalExtension, params};

use crate::store::error::DbResult;

/// Adds a text, exactly as it was added to the index.
pub(in crate::store) fn add(connection: &Connection, id: u64, text: &str) -> DbResult<()> {
    let mut statement = connection.prepare_cached("INSERT INTO removed_texts (id, text) VALUES (?1, ?2)")?;
    Ok(statement.execute(params![id as i64, text]).map(drop)?)
}

/// The text with the lowest id, also if it is damaged.
pub(in crate::store) fn first(connection: &Connection) -> DbResult<Option<(u64, String)>> {
    let mut statement = connection.prepare_cached("SELECT id, text FROM removed_texts ORDER BY id LIMIT 1")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let text = row.get_ref(1)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default();
    Ok(Some((row.get::<_, i64>(0)? as u64, text.into_owned())))
}

pub(in crate::store) fn remove(connection: &Connection, id: u64) -> DbResult<()> {
    let mut statement = connection.prepare_cached("DELETE FROM removed_texts WHERE id = ?1")?;
    Ok(statement.execute([id as i64]).map(drop)?)
}

/// Whether the text of this message is in the table.
pub(in crate::store) fn contains(connection: &Connection, id: u64) -> DbResult<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM removed_texts WHERE id = ?1")?.exists([id as i64])?)
}

pub(in crate::store) fn is_empty(connection: &Connection) -> DbResult<bool> {
    let first =
        connection.prepare_cached("SELECT 1 FROM removed_texts LIMIT 1")?.query_row([], |_| Ok(())).optional()?;
    Ok(first.is_none())
}

/// Overwrites the page of an empty table: SQLite may have left copies of removed rows in its unused space.
pub(in crate::store) fn overwrite(connection: &Connection) -> DbResult<()> {
    Ok(connection.prepare_cached("DELETE FROM removed_texts")?.execute([]).map(drop)?)
}
