//! Table with one row, or none: the cluster whose log the store follows.

use rusqlite::{Connection, params};

use super::checksum::Checksum;
use crate::store::error::{DbError, DbResult};

/// The row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct StoredCluster {
    pub name: String,
    /// What the log says up to this position is stored.
    pub position: u64,
}

impl StoredCluster {
    pub fn read(connection: &Connection) -> DbResult<Option<Self>> {
        let mut statement = connection.prepare_cached("SELECT name, position, sum FROM cluster")?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let cluster = StoredCluster { name: row.get(0)?, position: row.get::<_, i64>(1)? as u64 };
        if cluster.sum() != row.get::<_, i64>(2)? {
            return Err(DbError::Damage("its cluster does not match its checksum".into()));
        }
        Ok(Some(cluster))
    }

    /// Writes the row in place of another one, or removes it.
    pub fn write(cluster: Option<&Self>, connection: &Connection) -> DbResult<()> {
        match cluster {
            Some(cluster) => {
                let mut statement = connection.prepare_cached(
                    "INSERT OR REPLACE INTO cluster (one, name, position, sum) VALUES (1, ?1, ?2, ?3)",
                )?;
                statement.execute(params![cluster.name, cluster.position as i64, cluster.sum()])?;
            }
            None => drop(connection.execute("DELETE FROM cluster", [])?),
        }
        Ok(())
    }

    fn sum(&self) -> i64 {
        Checksum::of("cluster").text(&self.name).int(self.position as i64).finish()
    }
}
