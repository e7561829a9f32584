//! The records of a shared state that is not that of the store: of another node, or begun anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::chat::gaps::Gap;
use crate::chat::hub::{Hub, Shared, Snapshot};
use crate::chat::id::Now;
use crate::chat::policy::nick::fold;
use crate::chat::record::{BanRecord, ClusterRecord, Message, Record, RoomRecord};
use crate::chat::room::record_of;

/// Messages of a snapshot that are stored at most: the newest ones. More would hold up the server for too long.
const MAX_MESSAGES: usize = 20_000;

/// What is stored of a shared state besides messages, by what it is about.
type StoredState = BTreeMap<String, Record>;

impl Hub {
    /// Takes the shared state of another node in place of its own, and records how that differs from what is stored.
    ///
    /// # Errors
    /// Why the store cannot be that of a node of this cluster, and what to do. Then nothing is changed.
    pub fn take_snapshot(&mut self, snapshot: Snapshot, now: &Now) -> Result<(), String> {
        if self.store.as_ref().is_none_or(|store| store.log.is_none()) {
            return self.restore_snapshot(snapshot, now);
        }
        self.check_run(snapshot.run())?;
        // Times of the shared state are those of the log, since 1970.
        let since_1970 = Duration::from_secs(now.local.unix_timestamp().unsigned_abs());
        let log_time = Now { at: since_1970, local: now.local };
        let (before, known) = (self.stored_state(&log_time), self.stored_rooms());
        self.restore_snapshot(snapshot, now)?;
        self.note_stored_rooms(&known);
        self.record_cluster();
        self.record_missed_messages();
        let after = self.stored_state(&log_time);
        self.record_differences(before, &after);
        Ok(())
    }

    /// The folded names of the rooms in memory that the store has.
    fn stored_rooms(&self) -> BTreeSet<Box<str>> {
        let rooms = &self.shared.rooms;
        rooms.numbers().into_iter().filter(|&id| rooms[id].is_stored).map(|id| rooms[id].key.clone()).collect()
    }

    /// The store has these rooms, and those with settings soon.
    fn note_stored_rooms(&mut self, known: &BTreeSet<Box<str>>) {
        for id in self.shared.rooms.numbers() {
            let room = &mut self.shared.rooms[id];
            room.is_stored |= known.contains(&room.key) || room.topic.is_some() || room.rules.has_settings();
        }
    }

    /// The store must have the run of the cluster, or nothing.
    fn check_run(&self, run: u64) -> Result<(), String> {
        let Some(store) = &self.store else { return Ok(()) };
        if self.run == run || store.is_empty {
            return Ok(());
        }
        Err("the store has messages of another server or of another cluster, which this cluster does not have; name another file \
             with --store. The old one stays as it is, and chinwag export reads it"
            .into())
    }

    /// Records that the store belongs to the cluster from now on, and has another state than before. A store with messages of
    /// a single server must be told so before this node says anything to the others.
    pub fn record_cluster(&mut self) {
        let (run, cloak_key) = (self.run, self.cloak_key);
        if let Some(store) = &mut self.store
            && let Some(log) = &mut store.log
        {
            log.note_other_state();
            let name = log.cluster.clone();
            (store.is_paused, store.is_empty) = (false, false);
            store.record(Record::Cluster(Box::new(ClusterRecord { name, run, cloak_key })));
        }
    }

    /// Records the messages of all rooms in memory that the store lacks, and notes a gap for those that are not in memory.
    fn record_missed_messages(&mut self) {
        let Hub { shared: Shared { rooms, .. }, journal, store: Some(store), .. } = self else { return };
        let (first, mut lacks, mut missed) = (store.next_id, store.next_id, Vec::<Message>::new());
        for id in rooms.numbers() {
            let room = &mut rooms[id];
            let history = room.history();
            lacks = lacks.max(history.newest_missing() + 1);
            let (count, _) = history.since(first.saturating_sub(1));
            missed.extend(history.last(count).map(|message| message.to_message(&room.name)));
            room.is_stored |= count > 0;
        }
        if rooms.is_full() {
            // Rooms may have left memory.
            lacks = journal.last_message_id() + 1;
        }
        missed.sort_unstable_by_key(|message| message.id);
        let dropped = missed.len().saturating_sub(MAX_MESSAGES);
        let newest_dropped = missed.drain(..dropped).next_back().map_or(0, |message| message.id);
        store.note_gap(Gap { from: first, to: lacks.max(newest_dropped + 1) });
        missed.iter().for_each(|message| store.record_message_in(&message.room, &message.event()));
    }

    /// What is stored of the shared state besides messages. `now` is the time of the log.
    fn stored_state(&self, now: &Now) -> StoredState {
        let Shared { accounts, rooms, bans, .. } = &self.shared;
        let unix = now.local.unix_timestamp();
        let ban = |(network, ban): (_, &crate::chat::policy::bans::Ban)| {
            let left = ban.until.map(|until| until.saturating_sub(now.at).as_secs() as i64);
            let (network, name) = (ipnet::IpNet::from(network), ban.name.as_deref().map(str::to_owned));
            let until = left.map(|left| unix.saturating_add(left));
            (format!("ban {network}"), Record::Ban(BanRecord { network, name, until }))
        };
        let settings = |name: &str, key: &str, record: RoomRecord| {
            let is_default = RoomRecord { changed: None, ..record.clone() } == RoomRecord::default();
            let room = name.to_owned();
            (!is_default).then(|| (format!("room {key}"), Record::Settings { room, record: Box::new(record) }))
        };
        let account = |account: &crate::chat::account::Account| {
            (format!("account {}", account.name.key), Record::Account(Box::new(account.record())))
        };
        let mut state: StoredState = accounts.iter().map(|(_, found)| account(found)).collect();
        state.extend(bans.list(now.at).map(ban));
        state.extend(rooms.stored().filter_map(|room| {
            settings(&room.name, &fold(&room.name), record_of(room.topic.as_deref(), &room.rules, accounts, now))
        }));
        state.extend(rooms.numbers().into_iter().filter_map(|id| {
            let room = &rooms[id];
            settings(&room.name, &room.key, record_of(room.topic.as_deref(), &room.rules, accounts, now))
        }));
        state
    }

    fn record_differences(&mut self, before: StoredState, after: &StoredState) {
        let Some(store) = &mut self.store else { return };
        let gone =
            before.iter().filter(|(about, _)| !after.contains_key(*about)).filter_map(|(_, record)| match record {
                Record::Account(account) => Some(Record::AccountGone { name: account.name.clone() }),
                Record::Ban(ban) => Some(Record::Unban { network: ban.network }),
                Record::Settings { room, .. } => Some(Record::Settings { room: room.clone(), record: Box::default() }),
                _ => None,
            });
        gone.for_each(|record| store.record(record));
        let new = after.iter().filter(|(about, record)| before.get(*about) != Some(record));
        new.for_each(|(_, record)| store.record(record.clone()));
    }
}
