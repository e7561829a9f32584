//! Table with one row about the whole store.

use rusqlite::{Connection, params};

use super::checksum::Checksum;
use crate::store::error::{DbError, DbResult};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct State {
    pub run: u64,
    pub next_id: u64,
    /// Number of messages, including those of removed rooms.
    pub messages: u64,
    /// Number of times the file was opened.
    pub starts: u64,
}

impl State {
    /// Inserts the row of a new store.
    pub fn create(connection: &Connection, run: u64) -> DbResult<()> {
        connection
            .execute("INSERT INTO state (one, run, next_id, messages, starts, sum) VALUES (1, 0, 0, 0, 0, 0)", [])?;
        State { run, next_id: 1, messages: 0, starts: 0 }.write(connection)
    }

    pub fn read(connection: &Connection) -> DbResult<Self> {
        let mut statement = connection.prepare_cached("SELECT run, next_id, messages, starts, sum FROM state")?;
        let mut rows = statement.query([])?;
        let row = rows.next()?.ok_or_else(missing)?;
        let int = |column| Ok::<_, DbError>(row.get::<_, i64>(column)? as u64);
        let state = State { run: int(0)?, next_id: int(1)?, messages: int(2)?, starts: int(3)? };
        if state.sum() as u64 != int(4)? {
            return Err(DbError::Damage("its state does not match its checksum".into()));
        }
        Ok(state)
    }

    pub fn write(self, connection: &Connection) -> DbResult<()> {
        let mut statement = connection
            .prepare_cached("UPDATE state SET run = ?1, next_id = ?2, messages = ?3, starts = ?4, sum = ?5")?;
        let State { run, next_id, messages, starts } = self;
        let [run, next_id, messages, starts] = [run, next_id, messages, starts].map(|int| int as i64);
        match statement.execute(params![run, next_id, messages, starts, self.sum()])? {
            1 => Ok(()),
            _ => Err(missing()),
        }
    }

    fn sum(self) -> i64 {
        let ints = [self.run, self.next_id, self.messages, self.starts];
        ints.into_iter().fold(Checksum::of("state"), |sum, int| sum.int(int as i64)).finish()
    }
}

fn missing() -> DbError {
    DbError::Damage("its state is missing".into())
}
