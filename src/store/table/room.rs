//! Table of rooms.

use std::collections::BTreeMap;
use std::rc::Rc;

use rusqlite::{Connection, params};
use serde_json::Value;

use super::checksum::Checksum;
use crate::chat::policy::nick::fold;
use crate::chat::record::RoomRecord;
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
    /// What else is stored of it; `None` for the default.
    pub record: Option<StoredRecord>,
}

/// A [`RoomRecord`] that is not the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct StoredRecord {
    json: Rc<str>,
    /// See [`RoomRecord::keeps_room`].
    keeps_room: bool,
    changed: Option<i64>,
}

impl StoredRecord {
    fn new(json: Rc<str>, record: &RoomRecord) -> Self {
        StoredRecord { json, keeps_room: record.keeps_room(), changed: record.changed }
    }
}

/// Rooms by folded name.
pub(in crate::store) type Rooms = BTreeMap<String, StoredRoom>;

/// Reads all rooms that have not been removed.
pub(in crate::store) fn read_all(connection: &Connection) -> DbResult<Rooms> {
    let mut statement = connection.prepare_cached("SELECT room, name, last, pruned, record, sum FROM rooms")?;
    let mut rows = statement.query([])?;
    let mut rooms = Rooms::new();
    while let Some(row) = rows.next()? {
        let (number, name, last, pruned): (i64, Option<String>, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let json: Option<Rc<str>> = row.get(4)?;
        if sum(number, name.as_deref(), last, pruned, json.as_deref()) != row.get::<_, i64>(5)? {
            return Err(DbError::Damage(format!("room {number} does not match its checksum")));
        }
        let Some(name) = name else { continue };
        let record = json.map(|json| read_record(number, &json).map(|record| StoredRecord::new(json, &record)));
        let record = record.transpose()?;
        let room = StoredRoom { name, number, last: last as u64, pruned: pruned as u64, record };
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
        let number = statement.insert([name])?;
        let room = StoredRoom { name: name.into(), number, last: 0, pruned: 0, record: None };
        room.write(connection)?;
        Ok(room)
    }

    /// Whether it has messages, or deleted ones of which the rows are still there.
    pub fn has_messages(&self) -> bool {
        self.last > self.pruned
    }

    /// Whether it stays without messages.
    pub fn keeps_room(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.keeps_room)
    }

    /// The time of the last change of its record in Unix seconds, if it is known.
    pub fn changed(&self) -> Option<i64> {
        self.record.as_ref()?.changed
    }

    /// What is stored of it besides its messages, without bans that are over; `now` is in Unix seconds.
    pub fn record(&self, now: i64) -> DbResult<RoomRecord> {
        let Some(StoredRecord { json, .. }) = &self.record else { return Ok(RoomRecord::default()) };
        let mut record = read_record(self.number, json)?;
        record.bans.retain(|ban| ban.until.is_none_or(|until| until > now));
        Ok(record)
    }

    /// Changes what is stored of it besides its messages, without writing the row.
    pub fn set_record(&mut self, record: &RoomRecord) -> DbResult<()> {
        let unfit = |error| DbError::Refused(format!("its settings are no JSON: {error}"));
        self.record = match *record == RoomRecord::default() {
            true => None,
            false => Some(StoredRecord::new(serde_json::to_string(record).map_err(unfit)?.into(), record)),
        };
        Ok(())
    }

    /// Updates the row.
    pub fn write(&self, connection: &Connection) -> DbResult<()> {
        self.update(connection, Some(&self.name), self.record.as_ref().map(|record| &*record.json))
    }

    /// Removes the room by clearing its name and its record; pruning deletes its messages later.
    pub fn remove(&self, connection: &Connection) -> DbResult<()> {
        self.update(connection, None, None)
    }

    fn update(&self, connection: &Connection, name: Option<&str>, record: Option<&str>) -> DbResult<()> {
        let (number, last, pruned) = (self.number, self.last as i64, self.pruned as i64);
        let sum = sum(number, name, last, pruned, record);
        let mut statement = connection.prepare_cached(
            "UPDATE rooms SET name = ?2, last = ?3, pruned = ?4, record = ?5, sum = ?6 WHERE room = ?1",
        )?;
        match statement.execute(params![number, name, last, pruned, record, sum])? {
            1 => Ok(()),
            _ => Err(DbError::Damage(format!("room {number} is missing"))),
        }
    }
}

/// Reads the record of a room.
fn read_record(number: i64, json: &str) -> DbResult<RoomRecord> {
    let read = serde_json::from_str(json).and_then(|value: Value| {
        // Serde reads a struct from an array, too; none was written.
        let bans = value["bans"].as_array().into_iter().flatten();
        let is_wrong = [&value, &value["settings"], &value["topic"]].into_iter().chain(bans).any(Value::is_array);
        match is_wrong {
            true => Err(serde::de::Error::custom("an array in place of an object")),
            false => serde_json::from_value(value),
        }
    });
    read.map_err(|error| DbError::Damage(format!("the settings of room {number} cannot be read: {error}")))
}

/// Without a record it is the checksum of version 1 of the schema.
pub(in crate::store) fn sum(number: i64, name: Option<&str>, last: i64, pruned: i64, record: Option<&str>) -> i64 {
    let sum = Checksum::of("rooms").int(number).int(last).int(pruned).int(name.is_some().into());
    let sum = sum.text(name.unwrap_or_default());
    match record {
        Some(record) => sum.text(record).finish(),
        None => sum.finish(),
    }
}
