//! Whispers that wait for whom they are to, as rows.

use crate::chat::change::WHISPERS_PER_NAME;
use rusqlite::Connection;

use super::checksum::Checksum;
use super::column::{moment, parts};
use crate::chat::policy::nick::fold;
use crate::store::Whisper;
use crate::store::error::{Attempt, Fault};
/// Whispers that wait for all names together; past it the oldest give way.
pub const IN_ALL: usize = 10_000;

/// How many there are.
pub(in crate::store) fn count(connection: &Connection) -> Attempt<usize> {
    let count: i64 = connection.query_row("SELECT count(*) FROM whispers", [], |row| row.get(0))?;
    Ok(count as usize)
}

/// What waits for a name, in whatever case, the oldest first.
pub(in crate::store) fn read(connection: &Connection, to: &str) -> Attempt<Vec<Whisper>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, reader, recipient, sender, at, minutes, text, sum FROM whispers WHERE reader = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([fold(to)])?;
    let mut whispers = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let damaged = || Fault::Damage(format!("whisper {number} does not match its checksum"));
        let (reader, to, from): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let (at, minutes, text): (i64, i64, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
        if sum([number, at, minutes], [&reader, &to, &from, &text]) != row.get::<_, i64>(7)? {
            return Err(damaged());
        }
        whispers.push(Whisper { to, from, at: moment(at, minutes).ok_or_else(damaged)?, text });
    }
    Ok(whispers)
}

/// Keeps one; by how many there are more or fewer then, of `count`.
pub(in crate::store) fn add(connection: &Connection, whisper: &Whisper, count: usize) -> Attempt<usize> {
    let Whisper { to, from, at, text } = whisper;
    let reader = fold(to);
    let (at, minutes) = parts(*at);
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
    let mut given_way = connection
        .prepare_cached(
            "DELETE FROM whispers WHERE reader = ?1 AND number <=
                 (SELECT number FROM whispers WHERE reader = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute((&reader, WHISPERS_PER_NAME as i64))?;
    if (count + 1).saturating_sub(given_way) > IN_ALL {
        given_way += connection
            .prepare_cached("DELETE FROM whispers WHERE number = (SELECT min(number) FROM whispers)")?
            .execute([])?;
    }
    Ok((count + 1).saturating_sub(given_way))
}

/// Forgets what waits for a name; how many there are then, of `count`.
pub(in crate::store) fn forget(connection: &Connection, to: &str, count: usize) -> Attempt<usize> {
    let forgotten = connection.prepare_cached("DELETE FROM whispers WHERE reader = ?1")?.execute([fold(to)])?;
    Ok(count.saturating_sub(forgotten))
}

fn sum(ints: [i64; 3], texts: [&str; 4]) -> i64 {
    let sum = ints.into_iter().fold(Checksum::of("whispers"), Checksum::int);
    texts.into_iter().fold(sum, Checksum::text).done()
}
