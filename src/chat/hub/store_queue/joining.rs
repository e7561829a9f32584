//! What the store is told when the shared state is that of another node, or begun anew: to which cluster it belongs, and the
//! messages that it lacks. The other records are those of `nodes/recording.rs`.

use crate::chat::gaps::Gap;
use crate::chat::hub::{Hub, Shared, Snapshot};
use crate::chat::id::Now;
use crate::chat::record::{ClusterRecord, Message, Record};

/// Messages of a snapshot that are stored at most: the newest ones. More would hold up the server for too long.
const MAX_MESSAGES: usize = 20_000;

/// The ids of messages, by the folded names of their rooms.
pub type KnownMessages = Vec<(Box<str>, Vec<u64>)>;

impl Hub {
    /// Takes the shared state of another node in place of its own, and records how that differs from what is stored. `continues`: it
    /// follows from that of this node.
    ///
    /// # Errors
    /// Why the node cannot take part, and what to do: for its store, or for its settings. Then nothing is changed.
    pub fn take_other_state(&mut self, snapshot: Snapshot, continues: bool, now: &Now) -> Result<(), String> {
        if self.store.as_ref().is_none_or(|store| store.log.is_none()) {
            return self.restore_snapshot(snapshot, now);
        }
        self.check_run(snapshot.run())?;
        self.note_other_state();
        let known = if continues { self.known_messages() } else { Vec::new() };
        let restored = self.store.as_mut().map(|store| std::mem::take(&mut store.restored)).filter(|_| continues);
        self.restore_snapshot(snapshot, now)?;
        self.record_cluster();
        self.record_deleted_messages(known.into_iter().chain(restored.unwrap_or_default()));
        self.record_missed_messages();
        Ok(())
    }

    /// The messages in memory of rooms that are stored.
    fn known_messages(&self) -> KnownMessages {
        let rooms = &self.shared.rooms;
        let stored = rooms.numbers().into_iter().map(|id| &rooms[id]).filter(|room| room.is_stored);
        stored.map(|room| (room.key.clone(), room.history().authors().map(|(id, _)| id).collect())).collect()
    }

    /// The rooms have the newest messages of the store, which a checkpoint may lack.
    pub(super) fn note_restored(&mut self) {
        let known = self.known_messages();
        self.store.iter_mut().for_each(|store| store.restored.clone_from(&known));
    }

    /// The node takes part: it has the messages in memory.
    pub(in crate::chat::hub) fn forget_restored(&mut self) {
        self.store.iter_mut().for_each(|store| store.restored = KnownMessages::new());
    }

    /// Records that messages were deleted while this node was away: those that it knew, and the other nodes do not
    /// have. Older messages are in the memory of no node, so it is not known whether they were deleted; nor is it if they may be those of
    /// an earlier room with the same name.
    fn record_deleted_messages(&mut self, known: impl Iterator<Item = (Box<str>, Vec<u64>)>) {
        let Hub { shared: Shared { rooms, .. }, store: Some(store), .. } = self else { return };
        for (key, mut ids) in known {
            let Some(room) = rooms.find(&key).map(|id| &rooms[id]) else { continue };
            let history = room.history();
            let newest_unknown = history.newest_missing().max(rooms.newest_forgotten());
            ids.retain(|&id| id > newest_unknown && history.get(id).is_none());
            if !ids.is_empty() {
                store.record(Record::Delete { room: room.name.to_string(), ids });
            }
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
        self.note_other_state();
        let (run, cloak_key) = (self.run, self.cloak_key);
        if let Some(store) = &mut self.store
            && let Some(log) = &store.log
        {
            let name = log.cluster.clone();
            store.is_empty = false;
            store.record(Record::Cluster(Box::new(ClusterRecord { name, run, cloak_key })));
        }
    }

    /// The state was begun anew here. If `lacks_entries`, or if messages were [bridged](Hub::note_bridged), no node has those of
    /// `missed` that this one has not.
    pub fn note_missed(&mut self, missed: Gap, lacks_entries: bool) {
        let log = self.store.as_mut().and_then(|store| store.log.as_mut());
        if log.is_some_and(|log| log.take_missed() > 0) || lacks_entries {
            self.shared.rooms.note_missed(missed.to - 1);
            self.note_gap(missed);
        }
    }

    /// What is applied from now on is not what is stored.
    fn note_other_state(&mut self) {
        if let Some(store) = &mut self.store
            && let Some(log) = &mut store.log
        {
            log.note_other_state();
            store.is_paused = false;
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
        store.log.iter_mut().for_each(|log| _ = log.take_missed());
        missed.iter().for_each(|message| store.record_message_in(&message.room, &message.event()));
    }
}
