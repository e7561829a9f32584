//! Writes the records of one turn of the event loop in one transaction.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::error::{DbError, DbResult};
use super::prune::Expired;
use super::search;
use super::table::cluster::StoredCluster;
use super::table::message::StoredMessage;
use super::table::room;
use super::table::room::{Rooms, StoredRoom};
use super::table::state::State;
use super::table::{accounts, bans, checkpoint, cloak_key, gaps, message, removed_texts, whispers};
use crate::chat::gaps::Gap;
use crate::chat::policy::nick::fold;
use crate::chat::record::{CheckpointRecord, ClusterRecord, Message, Record, RoomRecord};

/// State of the store that is cached in memory.
#[derive(Debug)]
pub(super) struct CachedState {
    pub state: State,
    pub rooms: Rooms,
    pub whispers: usize,
    pub cluster: Option<StoredCluster>,
}

/// Changes of the cached state, applied once the transaction is committed.
pub(super) struct Changes {
    /// By folded room name; `None` for a room that was removed.
    rooms: BTreeMap<String, Option<StoredRoom>>,
    state: State,
    whispers: usize,
    cluster: Option<StoredCluster>,
}

/// An open transaction and the changes that it makes.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    cached: &'a CachedState,
    changes: Changes,
}

impl<'a> Batch<'a> {
    pub fn new(connection: &'a Connection, cached: &'a CachedState) -> Self {
        let (state, whispers, cluster) = (cached.state, cached.whispers, cached.cluster.clone());
        let changes = Changes { rooms: BTreeMap::new(), state, whispers, cluster };
        Batch { connection, cached, changes }
    }

    pub fn add(&mut self, record: &Record) -> DbResult<()> {
        let Changes { state, whispers, cluster, .. } = &mut self.changes;
        match record {
            Record::Message(message) => self.write_message(message)?,
            Record::Room { name } => self.room_or_create(name).map(|_| ())?,
            Record::RoomGone { name } => self.remove_room(name)?,
            Record::Settings { room, record } => self.write_settings(room, record)?,
            Record::Delete { room, ids } => self.delete_messages(room, ids)?,
            Record::Ban(ban) => bans::add(self.connection, ban)?,
            Record::Unban { network } => bans::remove(self.connection, *network)?,
            Record::Whisper(whisper) => *whispers = whispers::add(self.connection, whisper, *whispers)?,
            Record::WhispersRead { to } => *whispers = whispers::remove(self.connection, to, *whispers)?,
            Record::Account(account) => accounts::write(self.connection, account)?,
            Record::AccountGone { name } => accounts::remove(self.connection, name)?,
            Record::NextId(id) => state.next_id = state.next_id.max(valid(*id)?),
            Record::Gap(Gap { from, to }) => {
                gaps::add(self.connection, Gap { from: *from, to: valid(*to)? })?;
            }
            Record::Cluster(cluster) => self.join_cluster(cluster)?,
            Record::NoCluster => {
                *cluster = None;
                checkpoint::remove(self.connection)?;
            }
            Record::Position(position) => {
                cluster.iter_mut().for_each(|cluster| cluster.position = *position);
            }
            Record::Checkpoint(record) => self.write_checkpoint(record)?,
        }
        Ok(())
    }

    fn write_message(&mut self, message: &Message) -> DbResult<()> {
        if valid(message.id)? < self.next_id() { self.accept_rewrite(message) } else { self.add_message(message) }
    }

    /// Adds a message whose id is higher than all others.
    pub fn add_message(&mut self, message: &Message) -> DbResult<()> {
        let connection = self.connection;
        let room = self.room_or_create(&message.room)?;
        message::insert(connection, room.number, room.last, message)?;
        search::add(connection, message.id, &message.text)?;
        room.last = message.id;
        self.changes.state.next_id = message.id + 1;
        self.count_message();
        Ok(())
    }

    pub fn connection(&self) -> &'a Connection {
        self.connection
    }

    pub fn next_id(&self) -> u64 {
        self.changes.state.next_id
    }

    /// Whether the store belongs to a cluster, whose log gives the next ids.
    pub fn belongs_to_cluster(&self) -> bool {
        self.changes.cluster.is_some()
    }

    /// Adds one to the number of messages.
    pub fn count_message(&mut self) {
        self.changes.state.messages += 1;
    }

    /// Accepts a message that is already stored: a write can succeed, its sync fail, and the write be repeated.
    fn accept_rewrite(&self, message: &Message) -> DbResult<()> {
        let room = self.current_room(&fold(&message.room));
        let there = room.map(|room| message::get(self.connection, room, message.id)).transpose()?.flatten();
        match there {
            // The row does not tell what a deleted message was.
            Some(StoredMessage { message: None, .. }) => Ok(()),
            Some(StoredMessage { message: Some(there), .. }) if there.has_same_columns(message) => Ok(()),
            _ => Err(DbError::Refused(format!("message id {} was used before", message.id))),
        }
    }

    /// Notes the cluster that the store belongs to from now on.
    fn join_cluster(&mut self, record: &ClusterRecord) -> DbResult<()> {
        let ClusterRecord { name, run, cloak_key } = record;
        let Changes { state, cluster, .. } = &mut self.changes;
        if state.run != *run {
            if state.next_id > 1 {
                return Err(DbError::Refused("it has messages of another server or cluster".into()));
            }
            state.run = *run;
            cloak_key::write(self.connection, *cloak_key)?;
        }
        if cluster.as_ref().is_none_or(|cluster| cluster.name != *name) {
            *cluster = Some(StoredCluster { name: name.clone(), position: 0 });
            checkpoint::remove(self.connection)?;
        }
        Ok(())
    }

    fn write_checkpoint(&mut self, record: &CheckpointRecord) -> DbResult<()> {
        let &CheckpointRecord { ref cluster, run, position, ids, ref checkpoint, ref snapshot } = record;
        let state = &mut self.changes.state;
        if run != state.run {
            return Err(DbError::Refused("the checkpoint is that of another cluster".into()));
        }
        state.next_id = state.next_id.max(valid(ids)?);
        self.changes.cluster = Some(StoredCluster { name: cluster.clone(), position });
        checkpoint::write(self.connection, (position, ids), checkpoint, snapshot)
    }

    fn current_room(&self, key: &str) -> Option<&StoredRoom> {
        self.changes.rooms.get(key).map_or_else(|| self.cached.rooms.get(key), Option::as_ref)
    }

    /// The room with that name, created if it does not exist.
    pub fn room_or_create(&mut self, name: &str) -> DbResult<&mut StoredRoom> {
        let key = fold(name);
        let cached = self.cached.rooms.get(&key);
        // A room removed earlier in this transaction is created again.
        let room = self.changes.rooms.entry(key).or_insert_with(|| cached.cloned());
        match room {
            Some(room) => Ok(room),
            none => Ok(none.insert(StoredRoom::create(self.connection, name)?)),
        }
    }

    /// Removes a room; pruning deletes its messages later, in small steps.
    fn remove_room(&mut self, name: &str) -> DbResult<()> {
        let key = fold(name);
        if let Some(room) = self.current_room(&key) {
            room.remove(self.connection)?;
            self.changes.rooms.insert(key, None);
        }
        Ok(())
    }

    fn write_settings(&mut self, room: &str, record: &RoomRecord) -> DbResult<()> {
        self.room_or_create(room)?.set_record(record)
    }

    /// Deletes messages of a room; those that it does not have are skipped. Their words leave the index later.
    fn delete_messages(&mut self, room: &str, ids: &[u64]) -> DbResult<()> {
        let Some(room) = self.current_room(&fold(room)).cloned() else { return Ok(()) };
        for id in ids.iter().copied().filter(|&id| valid(id).is_ok()) {
            if let Some(text) = message::delete(self.connection, &room, id)? {
                removed_texts::add(self.connection, id, &text)?;
            }
        }
        Ok(())
    }

    /// Deletes the expired messages, rooms and bans.
    pub fn delete_expired(&mut self, expired: &Expired, now: i64) -> DbResult<()> {
        let changed = expired.delete(self.connection, &self.cached.rooms, &mut self.changes.state, now)?;
        self.changes.rooms.extend(changed.into_iter().map(|room| (fold(&room.name), Some(room))));
        Ok(())
    }

    /// Writes the changed rooms and the state row; returns the changes to apply after the commit.
    pub fn finish(self) -> DbResult<Changes> {
        let Batch { connection, cached, changes } = self;
        for (key, room) in &changes.rooms {
            if let Some(room) = room.as_ref().filter(|&room| cached.rooms.get(key) != Some(room)) {
                room.write(connection)?;
            }
        }
        if changes.state != cached.state {
            changes.state.write(connection)?;
        }
        if changes.cluster != cached.cluster {
            StoredCluster::write(changes.cluster.as_ref(), connection)?;
        }
        Ok(changes)
    }
}

impl CachedState {
    pub fn read(connection: &Connection) -> DbResult<Self> {
        let (state, rooms) = (State::read(connection)?, room::read_all(connection)?);
        let newest = connection.query_row("SELECT max(id) FROM messages", [], |row| row.get::<_, Option<i64>>(0))?;
        if newest.is_some_and(|newest| newest as u64 >= state.next_id) {
            return Err(DbError::Damage("a message has an id that was not used yet".into()));
        }
        let (whispers, cluster) = (whispers::count(connection)?, StoredCluster::read(connection)?);
        Ok(CachedState { state, rooms, whispers, cluster })
    }

    pub fn apply(&mut self, changes: Changes) {
        for (key, room) in changes.rooms {
            match room {
                Some(room) => self.rooms.insert(key, room),
                None => self.rooms.remove(&key),
            };
        }
        (self.state, self.whispers, self.cluster) = (changes.state, changes.whispers, changes.cluster);
    }
}

/// Checks that a message id fits SQLite's signed integers and has a successor.
pub(super) fn valid(id: u64) -> DbResult<u64> {
    match id {
        1..0x7fff_ffff_ffff_ffff => Ok(id),
        _ => Err(DbError::Refused(format!("{id} is not a valid message id"))),
    }
}
