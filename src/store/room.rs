//! Rooms as rows.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::error::{Attempt, Fault};
use super::sum::Sum;

/// What is known of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Never used again for another.
    pub number: i64,
    /// The id of its newest message; 0 if there was none.
    pub last: u64,
    /// The id of the newest message that was pruned; 0 if none was.
    pub pruned: u64,
}

/// The rooms by their names.
pub(super) type Rooms = BTreeMap<String, Room>;

/// All rooms that are not gone.
pub(super) fn read_all(connection: &Connection) -> Attempt<Rooms> {
    let mut statement = connection.prepare_cached("SELECT room, name, last, pruned, sum FROM rooms")?;
    let mut rows = statement.query([])?;
    let mut rooms = Rooms::new();
    while let Some(row) = rows.next()? {
        let (number, name, last, pruned): (i64, Option<String>, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        if sum(number, name.as_deref(), last, pruned) != row.get::<_, i64>(4)? {
            return Err(Fault::Damage(format!("room {number} does not match its checksum")));
        }
        if let Some(name) = name {
            rooms.insert(name, Room { number, last: last as u64, pruned: pruned as u64 });
        }
    }
    Ok(rooms)
}

/// Makes a room.
pub(super) fn make(connection: &Connection, name: &str) -> Attempt<Room> {
    let mut statement =
        connection.prepare_cached("INSERT INTO rooms (name, last, pruned, sum) VALUES (?1, 0, 0, 0)")?;
    let room = Room { number: statement.insert([name])?, last: 0, pruned: 0 };
    update(connection, Some(name), room)?;
    Ok(room)
}

/// Writes what has changed; without a name it is gone.
pub(super) fn update(connection: &Connection, name: Option<&str>, room: Room) -> Attempt<()> {
    let Room { number, last, pruned } = room;
    let (last, pruned) = (last as i64, pruned as i64);
    let mut statement =
        connection.prepare_cached("UPDATE rooms SET name = ?2, last = ?3, pruned = ?4, sum = ?5 WHERE room = ?1")?;
    match statement.execute((number, name, last, pruned, sum(number, name, last, pruned)))? {
        1 => Ok(()),
        _ => Err(Fault::Damage(format!("room {number} is missing"))),
    }
}

fn sum(number: i64, name: Option<&str>, last: i64, pruned: i64) -> i64 {
    let sum = Sum::of("rooms").int(number).int(last).int(pruned).int(name.is_some().into());
    sum.text(name.unwrap_or_default()).done()
}
