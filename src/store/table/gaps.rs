//! Table of ranges of ids of which messages are missing.

use rusqlite::Connection;

use super::checksum::Checksum;
use crate::chat::gaps::{Gap, Gaps};
use crate::store::error::{DbError, DbResult};

pub(in crate::store) fn read(connection: &Connection) -> DbResult<Gaps> {
    let mut statement = connection.prepare_cached("SELECT from_id, to_id, sum FROM gaps ORDER BY from_id")?;
    let mut rows = statement.query([])?;
    let mut gaps = Gaps::default();
    while let Some(row) = rows.next()? {
        let (from, to): (i64, i64) = (row.get(0)?, row.get(1)?);
        if sum(from, to) != row.get::<_, i64>(2)? {
            return Err(DbError::Damage(format!("the gap from message {from} on does not match its checksum")));
        }
        gaps.add(Gap { from: from as u64, to: to as u64 });
    }
    Ok(gaps)
}

/// Adds a range, which can make one of several.
pub(in crate::store) fn add(connection: &Connection, gap: Gap) -> DbResult<()> {
    let mut gaps = read(connection)?;
    gaps.add(gap);
    connection.execute("DELETE FROM gaps", [])?;
    let mut statement = connection.prepare_cached("INSERT INTO gaps (from_id, to_id, sum) VALUES (?1, ?2, ?3)")?;
    for Gap { from, to } in gaps.iter() {
        let (from, to) = (from as i64, to as i64);
        statement.execute([from, to, sum(from, to)])?;
    }
    Ok(())
}

fn sum(from: i64, to: i64) -> i64 {
    Checksum::of("gaps").int(from).int(to).finish()
}
