//! Table with one row, or none: the state of the whole cluster at a position of its log.

use rusqlite::{Connection, params};

use super::checksum::Checksum;
use crate::store::error::{DbError, DbResult};

/// The row.
pub(in crate::store) struct StoredCheckpoint {
    pub position: u64,
    pub ids: u64,
    pub checkpoint: String,
    pub snapshot: String,
}

pub(in crate::store) fn read(connection: &Connection) -> DbResult<Option<StoredCheckpoint>> {
    let mut statement = connection.prepare_cached("SELECT position, ids, checkpoint, snapshot, sum FROM checkpoint")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (position, ids): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (checkpoint, snapshot): (String, String) = (row.get(2)?, row.get(3)?);
    if sum(position, ids, &checkpoint, &snapshot) != row.get::<_, i64>(4)? {
        return Err(DbError::Damage("its checkpoint does not match its checksum".into()));
    }
    Ok(Some(StoredCheckpoint { position: position as u64, ids: ids as u64, checkpoint, snapshot }))
}

/// Writes the row in place of another one.
pub(in crate::store) fn write(
    connection: &Connection,
    (position, ids): (u64, u64),
    checkpoint: &str,
    snapshot: &str,
) -> DbResult<()> {
    let (position, ids) = (position as i64, ids as i64);
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO checkpoint (one, position, ids, checkpoint, snapshot, sum) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute(params![position, ids, checkpoint, snapshot, sum(position, ids, checkpoint, snapshot)])?;
    Ok(())
}

pub(in crate::store) fn remove(connection: &Connection) -> DbResult<()> {
    connection.execute("DELETE FROM checkpoint", [])?;
    Ok(())
}

fn sum(position: i64, ids: i64, checkpoint: &str, snapshot: &str) -> i64 {
    Checksum::of("checkpoint").int(position).int(ids).text(checkpoint).text(snapshot).finish()
}
