//! Prunes messages over the retention limits, removed rooms and expired bans, in small steps.

use rusqlite::{Connection, OptionalExtension};

use super::error::DbResult;
use super::search;
use super::table::bans;
use super::table::message;
use super::table::message::VACANT;
use super::table::room::{Rooms, StoredRoom};
use super::table::state::State;
use crate::chat::policy::nick::fold;

const DAY: i64 = 24 * 60 * 60;

/// Vacant rows that stay before the oldest message.
///
/// When rows are deleted, SQLite moves other rows between neighbouring pages, at most three at once, and may leave copies of
/// parts of them in the unused space of a page. These would stay when such a row is deleted later. So only vacant rows may
/// be near rows that are deleted; this many fill more than three pages of 4096 bytes.
const VACANT_ROWS: usize = 1024;

/// The retention limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    /// Messages older than this Unix time are expired.
    pub since: Option<i64>,
    pub messages: Option<u64>,
    pub now: i64,
}

/// What one step of pruning deletes.
#[derive(Debug, Default)]
pub(super) struct Expired {
    /// Messages: id and room number.
    messages: Vec<(u64, i64)>,
    /// A removed room whose last messages are in this step.
    room: Option<i64>,
    bans: bool,
}

impl Retention {
    pub fn new(days: Option<u32>, messages: Option<u64>, now: i64) -> Self {
        Retention { since: days.map(|days| now - i64::from(days) * DAY), messages, now }
    }

    /// Selects at most `most` expired messages, the oldest first.
    pub fn select_expired(self, connection: &Connection, state: State, most: usize) -> DbResult<Expired> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let mut expired = Expired { bans: bans::any_expired(connection, self.now)?, ..Expired::default() };
        let gone = connection.prepare_cached("SELECT room FROM rooms WHERE name IS NULL LIMIT 1")?;
        if let Some(room) = { gone }.query_row([], |row| row.get::<_, i64>(0)).optional()? {
            let mut ids = connection.prepare_cached("SELECT id FROM messages WHERE room = ?1 ORDER BY id LIMIT ?2")?;
            let ids = ids.query_map([room, limit], |row| row.get::<_, i64>(0))?;
            expired.messages = ids.map(|id| Ok((id? as u64, room))).collect::<DbResult<_>>()?;
            expired.room = (expired.messages.len() < most).then_some(room);
            return Ok(expired);
        }
        let excess = self.messages.map_or(0, |keep| state.messages.saturating_sub(keep)) as usize;
        if excess == 0 && self.since.is_none() {
            return Ok(expired);
        }
        let mut oldest =
            connection.prepare_cached("SELECT id, room, at FROM messages WHERE +room > 0 ORDER BY id LIMIT ?1")?;
        let mut oldest = oldest.query([limit])?;
        let (mut passed, mut ends) = (Vec::new(), 0);
        while let Some(row) = oldest.next()? {
            let (id, room, at): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            passed.push((id as u64, room));
            if passed.len() <= excess || self.since.is_some_and(|since| at < since) {
                ends = passed.len();
            } else if at <= self.now {
                break;
            }
            // Otherwise a wrong clock gave it a time in the future; the messages after it show how old it is.
        }
        passed.truncate(ends);
        expired.messages = passed;
        Ok(expired)
    }
}

impl Expired {
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.room.is_none() && !self.bans
    }

    /// Deletes them; returns the rooms that changed.
    pub fn delete(
        &self,
        connection: &Connection,
        rooms: &Rooms,
        state: &mut State,
        now: i64,
    ) -> DbResult<Vec<StoredRoom>> {
        let mut changed: Vec<StoredRoom> = Vec::new();
        let mut name = connection.prepare_cached("SELECT name FROM rooms WHERE room = ?1")?;
        for &(id, number) in &self.messages {
            if let Some(text) = message::vacate(connection, id)? {
                search::remove(connection, id, &text)?;
            }
            state.messages = state.messages.saturating_sub(1);
            if let Some(room) = changed.iter_mut().find(|room| room.number == number) {
                room.pruned = id;
            } else if let Some(name) =
                name.query_row([number], |row| row.get::<_, Option<String>>(0)).optional()?.flatten()
                && let Some(room) = rooms.get(&fold(&name))
            {
                changed.push(StoredRoom { pruned: id, ..room.clone() });
            }
        }
        if !self.messages.is_empty() {
            delete_vacant(connection, self.messages.len())?;
        }
        if let Some(room) = self.room {
            connection.prepare_cached("DELETE FROM rooms WHERE room = ?1")?.execute([room])?;
        }
        if self.bans {
            bans::prune(connection, now)?;
        }
        Ok(changed)
    }
}

/// Deletes the oldest rows that were vacated, at most `most`; the newest of them stay.
fn delete_vacant(connection: &Connection, most: usize) -> DbResult<()> {
    let mut oldest = connection.prepare_cached("SELECT id, room FROM messages ORDER BY id LIMIT ?1")?;
    let mut rows = oldest.query([(VACANT_ROWS + most) as i64])?;
    let mut vacant = Vec::new();
    while let Some(row) = rows.next()?
        && row.get::<_, i64>(1)? == VACANT
    {
        vacant.push(row.get::<_, i64>(0)?);
    }
    drop(rows);
    vacant.truncate(vacant.len().saturating_sub(VACANT_ROWS));
    let mut delete = connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?;
    vacant.into_iter().try_for_each(|id| Ok(delete.execute([id]).map(drop)?))
}
