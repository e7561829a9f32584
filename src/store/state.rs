//! The one row of what is known of the whole file.

use rusqlite::Connection;

use super::error::{Attempt, Fault};
use super::sum::Sum;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub run: u64,
    pub next_id: u64,
}

/// Writes the first one.
pub(super) fn make(connection: &Connection, run: u64) -> Attempt<()> {
    connection.execute(
        "INSERT INTO state (one, run, next_id, sum) VALUES (1, ?1, 1, ?2)",
        [run as i64, sum(run as i64, 1)],
    )?;
    Ok(())
}

pub(super) fn read(connection: &Connection) -> Attempt<State> {
    let mut statement = connection.prepare_cached("SELECT run, next_id, sum FROM state")?;
    let (run, next_id, stored): (i64, i64, i64) =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if sum(run, next_id) != stored {
        return Err(Fault::Damage("its state does not match its checksum".into()));
    }
    Ok(State { run: run as u64, next_id: next_id as u64 })
}

pub(super) fn write(connection: &Connection, state: State) -> Attempt<()> {
    let (run, next_id) = (state.run as i64, state.next_id as i64);
    let mut statement = connection.prepare_cached("UPDATE state SET next_id = ?1, sum = ?2")?;
    match statement.execute([next_id, sum(run, next_id)])? {
        1 => Ok(()),
        _ => Err(Fault::Damage("its state is missing".into())),
    }
}

fn sum(run: i64, next_id: i64) -> i64 {
    Sum::of("state").int(run).int(next_id).done()
}
