//! Table of rooms.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::checksum::Checksum;
use crate::chat::policy::nick::fold;
use crate::store::error::{DbError, DbResult};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct StoredRoom {
    pub name: String,
    /// Never reused for another room.
    pub number: i64,
    /// Id of the newest message; 0 if there was none.
    pub last: u64,
    /// Id of the newest pruned message; 0 if none was pruned.
    pub pruned: u64,
}

/// Rooms by folded name.
pub(in crate::store) type Rooms = BTreeMap<String, StoredRoom>;

/// Reads all rooms that have not been removed.
pub(in crate::store) fn read_all(connection: &Connection) -> DbResult<Rooms> {
    let mut statement = connection.prepare_cached("SELECT room, name, last, pruned, sum FROM rooms")?;
    let mut rows = statement.query([])?;
    let mut rooms = Rooms::new();
    while let Some(row) = rows.next()? {
        let (number, name, last, pruned): (i64, Option<String>, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        if sum(number, name.as_deref(), last, pruned) != row.get::<_, i64>(4)? {
            return Err(DbError::Damage(format!("room {number} does not match its checksum")));
        }
        let Some(name) = name else { continue };
        let room = StoredRoom { name, number, last: last as u64, pruned: pruned as u64 };
        if rooms.insert(fold(&room.name), room).is_some() {
            return Err(DbError::Damage(format!("room {number} exists twice")));
        }
    }
    Ok(rooms)
}

impl StoredRoom {
    /// Inserts a new room.
    pub fn create(connection: &Connection, name: &str) -> DbResult<StoredRoom> {
        let mut statement =
            connection.prepare_cached("INSERT INTO rooms (name, last, pruned, sum) VALUES (?1, 0, 0, 0)")?;
        let room = StoredRoom { name: name.into(), number: statement.insert([name])?, last: 0, pruned: 0 };
        room.write(connection)?;
        Ok(room)
    }

    /// Updates the row.
    pub fn write(&self, connection: &Connection) -> DbResult<()> {
        self.update(connection, Some(&self.name))
    }

    /// Removes the room by clearing its name; pruning deletes its messages later.
    pub fn remove(&self, connection: &Connection) -> DbResult<()> {
        self.update(connection, None)
    }

    fn update(&self, connection: &Connection, name: Option<&str>) -> DbResult<()> {
        let (number, last, pruned) = (self.number, self.last as i64, self.pruned as i64);
        let mut statement = connection
            .prepare_cached("UPDATE rooms SET name = ?2, last = ?3, pruned = ?4, sum = ?5 WHERE room = ?1")?;
        match statement.execute(params![number, name, last, pruned, sum(number, name, last, pruned)])? {
            1 => Ok(()),
            _ => Err(DbError::Damage(format!("room {number} is missing"))),
        }
    }
}

fn sum(number: i64, name: Option<&str>, last: i64, pruned: i64) -> i64 {
    let sum = Checksum::of("rooms").int(number).int(last).int(pruned).int(name.is_some().into());
    sum.text(name.unwrap_or_default()).finish()
}
