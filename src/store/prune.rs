//! What is too old or too much is forgotten, in small steps.

use rusqlite::{Connection, OptionalExtension};

use super::error::Attempt;
use super::search;
use super::table::bans;
use super::table::room::{Room, Rooms};
use super::table::state::State;
use crate::chat::policy::nick::fold;

const DAY: i64 = 24 * 60 * 60;

/// What may stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    /// Messages that were said before this are too old.
    pub since: Option<i64>,
    pub messages: Option<u64>,
    pub now: i64,
}

/// What is to be forgotten in one step.
#[derive(Debug, Default)]
pub(super) struct Expired {
    /// Messages, by id and the number of their room.
    messages: Vec<(u64, i64)>,
    /// A room that was gone, of which nothing is left then.
    room: Option<i64>,
    bans: bool,
}

impl Retention {
    pub fn new(days: Option<u32>, messages: Option<u64>, now: i64) -> Self {
        Retention { since: days.map(|days| now - i64::from(days) * DAY), messages, now }
    }

    /// Looks for at most so many messages.
    pub fn select_expired(self, connection: &Connection, state: State, most: usize) -> Attempt<Expired> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let mut doomed = Expired { bans: bans::are_over(connection, self.now)?, ..Expired::default() };
        let gone = connection.prepare_cached("SELECT room FROM rooms WHERE name IS NULL LIMIT 1")?;
        if let Some(room) = { gone }.query_row([], |row| row.get::<_, i64>(0)).optional()? {
            let mut ids = connection.prepare_cached("SELECT id FROM messages WHERE room = ?1 ORDER BY id LIMIT ?2")?;
            let ids = ids.query_map([room, limit], |row| row.get::<_, i64>(0))?;
            doomed.messages = ids.map(|id| Ok((id? as u64, room))).collect::<Attempt<_>>()?;
            doomed.room = (doomed.messages.len() < most).then_some(room);
            return Ok(doomed);
        }
        let excess = self.messages.map_or(0, |keep| state.messages.saturating_sub(keep)) as usize;
        if excess == 0 && self.since.is_none() {
            return Ok(doomed);
        }
        let mut oldest = connection.prepare_cached("SELECT id, room, at FROM messages ORDER BY id LIMIT ?1")?;
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
            // Else it was said in a future that was none, by a clock that was wrong: what comes after it tells its age.
        }
        passed.truncate(ends);
        doomed.messages = passed;
        Ok(doomed)
    }
}

impl Expired {
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.room.is_none() && !self.bans
    }

    /// Forgets them; the rooms that have changed by that.
    pub fn forget(&self, connection: &Connection, rooms: &Rooms, state: &mut State, now: i64) -> Attempt<Vec<Room>> {
        let mut changed: Vec<Room> = Vec::new();
        let mut name = connection.prepare_cached("SELECT name FROM rooms WHERE room = ?1")?;
        let mut delete = connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?;
        for &(id, number) in &self.messages {
            delete.execute([id as i64])?;
            search::forget(connection, id)?;
            state.messages = state.messages.saturating_sub(1);
            if let Some(room) = changed.iter_mut().find(|room| room.number == number) {
                room.pruned = id;
            } else if let Some(name) =
                name.query_row([number], |row| row.get::<_, Option<String>>(0)).optional()?.flatten()
                && let Some(room) = rooms.get(&fold(&name))
            {
                changed.push(Room { pruned: id, ..room.clone() });
            }
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
