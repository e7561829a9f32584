//! Answers queries from the store.

use rusqlite::Connection;
use time::OffsetDateTime;

use super::error::{DbResult, Error};
use super::history::{FindStep, HistoryStep, Page, Step};
use super::prune::Retention;
use super::search::SearchStep;
use super::search::words::SearchWords;
use super::table::checkpoint::StoredCheckpoint;
use super::table::cluster::StoredCluster;
use super::table::room::StoredRoom;
use super::{MAX_READ, Options, Store, history, search, table};
use crate::chat::LOBBY;
use crate::chat::policy::nick::fold;
use crate::chat::record::{CheckpointRecord, InitialCluster, InitialRoom, InitialState, Message, Whisper};

impl Store {
    /// What a server starts with; `now` is in Unix seconds.
    pub(super) fn start(&self, connection: &Connection, now: i64) -> DbResult<InitialState> {
        let Options { rooms: most, history, history_bytes, .. } = self.options;
        let mut rooms: Vec<&StoredRoom> = self.cached.rooms.values().collect();
        // The lobby is always needed first. A room that nothing keeps is read to be removed.
        let may_wait = |room: &StoredRoom| (room.has_messages() || room.keeps_room()) && fold(&room.name) != LOBBY;
        rooms.sort_by_cached_key(|room| (may_wait(room), std::cmp::Reverse(room.last)));
        let read = rooms.partition_point(|room| !may_wait(room));
        let stored = rooms.split_off(most.saturating_sub(1).saturating_add(read).min(rooms.len()));
        let stored =
            stored.into_iter().map(|room| Ok((room.name.clone(), room.record(now)?))).collect::<DbResult<_>>()?;
        rooms.sort_unstable_by_key(|room| room.number);
        let page = Page { before: None, n: history, bytes: history_bytes };
        let read = |room: &StoredRoom| {
            let mut step = Step { is_hidden: &|_| false, more: &mut || true };
            let messages = history::read(connection, room, page, &mut step)?.messages;
            Ok(InitialRoom { name: room.name.clone(), record: room.record(now)?, messages })
        };
        let rooms = rooms.into_iter().map(read).collect::<DbResult<_>>()?;
        let bans = table::bans::read_all(connection, now)?;
        let accounts = table::accounts::read_all(connection)?;
        let state = self.cached.state;
        let cloak_key = table::cloak_key::read(connection)?;
        let (gaps, cluster) = (table::gaps::read(connection)?, self.cluster(connection)?);
        let (next_id, run) = (state.next_id, state.run);
        Ok(InitialState { next_id, run, cloak_key, rooms, stored, bans, accounts, gaps, cluster })
    }

    /// The cluster that the store belongs to, and the newest state that is stored of it.
    fn cluster(&self, connection: &Connection) -> DbResult<Option<InitialCluster>> {
        let Some(StoredCluster { name, position }) = self.cached.cluster.clone() else { return Ok(None) };
        let checkpoint = table::checkpoint::read(connection)?.map(|stored| {
            let StoredCheckpoint { position, ids, checkpoint, snapshot } = stored;
            let (cluster, run) = (name.clone(), self.cached.state.run);
            CheckpointRecord { cluster, run, position, ids, checkpoint, snapshot }
        });
        Ok(Some(InitialCluster { name, position, checkpoint }))
    }

    /// One step of reading the last messages of a room before an id, at most `n` and [`MAX_READ`] bytes, oldest first; none
    /// if there is no such room.
    pub fn history(
        &mut self,
        room: &str,
        before: Option<u64>,
        n: usize,
        step: &mut Step,
    ) -> Result<HistoryStep, Error> {
        self.page(room, Page { before, n, bytes: MAX_READ }, step)
    }

    /// One step of reading the last messages of a room before an id, as many as are read at start.
    pub fn recent(&mut self, room: &str, before: Option<u64>, step: &mut Step) -> Result<HistoryStep, Error> {
        let (n, bytes) = (self.options.history, self.options.history_bytes);
        self.page(room, Page { before, n, bytes }, step)
    }

    fn page(&self, room: &str, page: Page, step: &mut Step) -> Result<HistoryStep, Error> {
        self.read(|connection, store| match store.cached.rooms.get(&fold(room)) {
            Some(room) => history::read(connection, room, page, step),
            None => Ok(HistoryStep::default()),
        })
    }

    /// One step of a search for the first messages of a room from an id on, at most `n`.
    ///
    /// It stops soon after [`Step::more`] returns `false`, with some progress; [`FindStep::up_to`] says where to continue.
    pub fn find_after(&mut self, room: &str, first: u64, n: usize, step: &mut Step) -> Result<FindStep, Error> {
        self.read(|connection, store| match store.cached.rooms.get(&fold(room)) {
            Some(room) => history::find_after(connection, room, first, n, step),
            None => Ok(FindStep { is_complete: true, ..FindStep::default() }),
        })
    }

    /// The id from which on the messages of a room are not older than a time, by the local time of each; `None` if all are older.
    pub fn first_since(&mut self, room: &str, is_older: &dyn Fn(OffsetDateTime) -> bool) -> Result<Option<u64>, Error> {
        self.read(|connection, store| match store.cached.rooms.get(&fold(room)) {
            Some(room) => history::first_since(connection, room, is_older),
            None => Ok(None),
        })
    }

    /// One step of a search for the last messages of a room before an id whose author has this name in any case, at most
    /// `n`.
    ///
    /// It stops soon after [`Step::more`] returns `false`, with some progress; [`SearchStep::before`] says where to continue.
    pub fn find_of_author(
        &mut self,
        room: &str,
        author: &str,
        before: Option<u64>,
        n: usize,
        step: &mut Step,
    ) -> Result<SearchStep, Error> {
        self.read(|connection, store| match store.cached.rooms.get(&fold(room)) {
            Some(room) => history::find_of_author(connection, room, &fold(author), (before, n), step),
            None => Ok(SearchStep::default()),
        })
    }

    /// Rooms without messages that their record does not keep, or of which it is as old as messages that expire; `now` is
    /// in Unix seconds.
    pub fn empty_rooms(&self, now: i64) -> Vec<String> {
        let since = Retention::new(self.options.keep_days, None, now).since;
        let is_old = |room: &StoredRoom| since.is_some_and(|since| room.changed().is_some_and(|at| at < since));
        let empty = |room: &&StoredRoom| !room.has_messages() && (!room.keeps_room() || is_old(room));
        self.cached.rooms.values().filter(empty).map(|room| room.name.clone()).collect()
    }

    /// One step of a search for the last messages of a room before an id that contain all words, at most `n`.
    ///
    /// It stops soon after `more` returns `false`, with some progress; [`SearchStep::before`] says where to continue.
    pub fn search(
        &mut self,
        room: &str,
        words: &SearchWords,
        before: Option<u64>,
        n: usize,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<SearchStep, Error> {
        self.read(|connection, store| match store.cached.rooms.get(&fold(room)) {
            Some(room) => search::find(connection, room, words, before, n, more),
            None => Ok(SearchStep::default()),
        })
    }

    /// A message of a room; `None` if it does not exist, or was deleted or pruned.
    pub fn message(&mut self, room: &str, id: u64) -> Result<Option<Message>, Error> {
        self.read(|connection, store| {
            let Some(room) = store.cached.rooms.get(&fold(room)) else { return Ok(None) };
            Ok(table::message::get(connection, room, id)?.and_then(|stored| stored.message))
        })
    }

    /// The whispers to a nickname, oldest first; they stay stored until [`Record::WhispersRead`].
    pub fn whispers(&mut self, to: &str) -> Result<Vec<Whisper>, Error> {
        self.read(|connection, _| table::whispers::read(connection, to))
    }

    /// The whispers to all nicknames, oldest first.
    pub fn all_whispers(&mut self) -> Result<Vec<Whisper>, Error> {
        self.read(|connection, _| table::whispers::read_all(connection))
    }
}
