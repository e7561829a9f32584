//! Table with one row: the secret key of the cloaks of addresses.

use rusqlite::Connection;

use super::checksum::Checksum;
use crate::store::error::{DbError, DbResult};
use crate::util::random::random;

/// Chooses a key at random and inserts it.
pub(in crate::store) fn create(connection: &Connection) -> DbResult<()> {
    let [high, low] = [random(), random()].map(|int| int as i64);
    connection
        .execute("INSERT INTO cloak_key (one, high, low, sum) VALUES (1, ?1, ?2, ?3)", (high, low, sum(high, low)))?;
    Ok(())
}

/// Replaces the key.
pub(in crate::store) fn write(connection: &Connection, key: [u64; 2]) -> DbResult<()> {
    let [high, low] = key.map(|int| int as i64);
    connection.execute("UPDATE cloak_key SET high = ?1, low = ?2, sum = ?3", (high, low, sum(high, low)))?;
    Ok(())
}

pub(in crate::store) fn read(connection: &Connection) -> DbResult<[u64; 2]> {
    let mut statement = connection.prepare_cached("SELECT high, low, sum FROM cloak_key")?;
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or_else(|| DbError::Damage("its key for cloaks is missing".into()))?;
    let (high, low) = (row.get(0)?, row.get(1)?);
    if sum(high, low) != row.get::<_, i64>(2)? {
        return Err(DbError::Damage("its key for cloaks does not match its checksum".into()));
    }
    Ok([high as u64, low as u64])
}

fn sum(high: i64, low: i64) -> i64 {
    Checksum::of("cloak_key").int(high).int(low).finish()
}
