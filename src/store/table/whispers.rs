//! Table of whispers to nicknames that are not in use.

use crate::chat::record::WHISPERS_PER_NAME;
use rusqlite::{Connection, Rows};

use super::checksum::Checksum;
use super::column::{time_columns, time_from_columns};
use crate::chat::policy::nick::fold;
use crate::chat::record::Whisper;
use crate::store::error::{DbError, DbResult};

/// Maximum stored whispers to all nicknames together; the oldest are deleted.
pub const MAX_WHISPERS: usize = 10_000;

/// The number of stored whispers.
pub(in crate::store) fn count(connection: &Connection) -> DbResult<usize> {
    let count: i64 = connection.query_row("SELECT count(*) FROM whispers", [], |row| row.get(0))?;
    Ok(count as usize)
}

/// Reads the whispers to a nickname in any spelling, oldest first.
pub(in crate::store) fn read(connection: &Connection, to: &str) -> DbResult<Vec<Whisper>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, reader, recipient, sender, at, minutes, text, sum FROM whispers WHERE reader = ?1 ORDER BY number",
    )?;
    collect(statement.query([fold(to)])?)
}

/// Reads all whispers, oldest first.
pub(in crate::store) fn read_all(connection: &Connection) -> DbResult<Vec<Whisper>> {
    let mut statement = connection
        .prepare("SELECT number, reader, recipient, sender, at, minutes, text, sum FROM whispers ORDER BY number")?;
    collect(statement.query([])?)
}

fn collect(mut rows: Rows) -> DbResult<Vec<Whisper>> {
    let mut whispers = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let damaged = || DbError::Damage(format!("whisper {number} does not match its checksum"));
        let (reader, to, from): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let (at, minutes, text): (i64, i64, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
        if sum([number, at, minutes], [&reader, &to, &from, &text]) != row.get::<_, i64>(7)? {
            return Err(damaged());
        }
        whispers.push(Whisper { to, from, at: time_from_columns(at, minutes).ok_or_else(damaged)?, text });
    }
    Ok(whispers)
}

/// Adds a whisper; returns the number of stored whispers, which was `count`.
pub(in crate::store) fn add(connection: &Connection, whisper: &Whisper, count: usize) -> DbResult<usize> {
    let Whisper { to, from, at, text } = whisper;
    let reader = fold(to);
    let (at, minutes) = time_columns(*at);
    let number: i64 = connection
        .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM whispers")?
        .query_row([], |row| row.get(0))?;
    let sum = sum([number, at, minutes], [&reader, to, from, text]);
    connection
        .prepare_cached(
            "INSERT INTO whispers (number, reader, recipient, sender, at, minutes, text, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((number, &reader, to, from, at, minutes, text, sum))?;
    let mut deleted = connection
        .prepare_cached(
            "DELETE FROM whispers WHERE reader = ?1 AND number <=
                 (SELECT number FROM whispers WHERE reader = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute((&reader, WHISPERS_PER_NAME as i64))?;
    if (count + 1).saturating_sub(deleted) > MAX_WHISPERS {
        deleted += connection
            .prepare_cached("DELETE FROM whispers WHERE number = (SELECT min(number) FROM whispers)")?
            .execute([])?;
    }
    Ok((count + 1).saturating_sub(deleted))
}

/// Deletes the whispers to a nickname; returns the number of stored whispers, which was `count`.
pub(in crate::store) fn remove(connection: &Connection, to: &str, count: usize) -> DbResult<usize> {
    let deleted = connection.prepare_cached("DELETE FROM whispers WHERE reader = ?1")?.execute([fold(to)])?;
    Ok(count.saturating_sub(deleted))
}

fn sum(ints: [i64; 3], texts: [&str; 4]) -> i64 {
    let sum = ints.into_iter().fold(Checksum::of("whispers"), Checksum::int);
    texts.into_iter().fold(sum, Checksum::text).finish()
}
