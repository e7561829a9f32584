//! The store of a node of a cluster: it has what the log of the cluster says, each thing once.
//!
//! Each transaction also stores up to which position of the log it goes. Now and then a checkpoint is stored, which has the whole
//! shared state. After a start the node restores the state of the checkpoint and applies the log from there on. Until the
//! stored position, nothing is recorded again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::gaps::Gap;
use crate::chat::hub::store_queue::StoreQueue;
use crate::chat::hub::{Hub, Snapshot};
use crate::chat::id::Now;
use crate::chat::record::{CheckpointRecord, InitialCluster, Record};

/// Time between two checkpoints, at least. After a crash the log of this time is applied again.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(300);
/// Time between two checkpoints, at least, if the one before has something that was deleted since, or another state.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(5);
/// Bytes of a checkpoint for which the time after it is a second at least: nothing else is done while it is made.
const BYTES_PER_SECOND: usize = 256 << 10;

/// How far the store follows the log of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogUse {
    /// The name of the cluster.
    pub cluster: String,
    /// The position of the newest entry that was applied; 0 before the first one.
    position: u64,
    /// The newest position that was recorded.
    recorded: u64,
    /// What is applied until this position is stored already; 0 once a later one was applied.
    stored: u64,
    /// The store had the run of the cluster when it was read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_run: bool,
    /// Messages with lower ids were in the log and not applied, since the state was not known: they may be missing. 0 if there are none.
    #[serde(skip_serializing_if = "is_zero")]
    missed: u64,
    /// The position of the newest checkpoint, and when it was made.
    checkpoint: Option<(u64, Duration)>,
    /// Its bytes.
    checkpoint_bytes: usize,
    /// The newest checkpoint has something that was deleted since, or another state.
    is_outdated: bool,
}

fn is_zero(id: &u64) -> bool {
    *id == 0
}

impl LogUse {
    /// Goes on where a store ends.
    pub fn of(stored: &InitialCluster) -> LogUse {
        let InitialCluster { name, position, .. } = stored;
        LogUse { cluster: name.clone(), recorded: *position, stored: *position, has_run: true, ..LogUse::default() }
    }

    /// Whether what is applied now is stored already.
    pub fn is_replaying(&self) -> bool {
        self.position > 0 && self.position <= self.stored
    }

    /// Whether something of the log is recorded.
    pub fn is_recorded(&self) -> bool {
        self.recorded > 0
    }

    /// An entry is applied next, or those until this position were.
    fn note_position(&mut self, position: u64) {
        self.position = position;
        if position > self.stored {
            self.stored = 0;
        }
    }

    /// The state is not that of the store: nothing of it is stored.
    pub fn note_other_state(&mut self) {
        (self.stored, self.is_outdated) = (0, true);
    }

    /// What was missed is stored, or noted as a gap. Returns the id below which that was.
    pub fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }

    /// The newest checkpoint is to be replaced soon.
    pub fn note_outdated(&mut self) {
        self.is_outdated = true;
    }

    /// Adds to the records since the last call up to which position they go.
    pub fn finish(&mut self, records: &mut Vec<Record>) {
        let is_deletion = |record: &Record| matches!(record, Record::Delete { .. } | Record::AccountGone { .. });
        self.is_outdated |= records.iter().any(is_deletion);
        let is_whole = !self.is_replaying() && self.missed == 0;
        if !records.is_empty() && is_whole && self.position != self.recorded {
            self.recorded = self.position;
            records.push(Record::Position(self.position));
        }
    }

    fn wants_checkpoint(&self, now: Duration) -> bool {
        if self.position == 0 || self.is_replaying() {
            return false;
        }
        let Some((position, at)) = self.checkpoint else { return true };
        let pause = if self.is_outdated { CHECKPOINT_PAUSE } else { CHECKPOINT_EVERY };
        let pause = pause.max(Duration::from_secs((self.checkpoint_bytes / BYTES_PER_SECOND) as u64));
        (self.is_outdated || position != self.position) && now >= at + pause
    }
}

impl Hub {
    /// The server is a node of this cluster, and its store follows the log. Must be called after [`Hub::restore`], with a store
    /// that may take part.
    pub fn follow_log(&mut self, cluster: &str) {
        let Some(store) = &mut self.store else { return };
        if store.log.as_ref().is_none_or(|log| log.cluster != cluster) {
            store.log = Some(LogUse { cluster: cluster.into(), ..LogUse::default() });
        }
    }

    /// The server is a single one. Its store belongs to no cluster any more, since no log says what is stored from now on. Must
    /// be called after [`Hub::restore`].
    pub fn leave_log(&mut self) {
        let Some(store) = &mut self.store else { return };
        if let Some(LogUse { cluster, .. }) = store.log.take() {
            log::warn!("the store was that of a node of the cluster {cluster}; now it is that of a single server");
            store.record(Record::NoCluster);
        }
    }

    /// An entry at this position of the log is applied next. Must be called before anything is applied.
    pub fn note_position(&mut self, position: u64) {
        if let Some(store) = &mut self.store
            && let Some(log) = &mut store.log
        {
            log.note_position(position);
            store.is_paused = log.is_replaying();
            if !store.is_paused {
                let late = std::mem::take(&mut store.late_accounts);
                late.into_iter().for_each(|account| self.record_account(account));
            }
        }
    }

    /// Messages with ids below this one were in the log and are not applied, since the state there is not known. The state that
    /// comes later has them, or they are missing.
    pub fn note_bridged(&mut self, to: u64) {
        if let Some(log) = self.store.as_mut().and_then(|store| store.log.as_mut()) {
            log.missed = log.missed.max(to);
        }
    }

    /// The node begins after an entry of the log with these ids, and does not read what stands up to there: messages that the store
    /// lacks are as those that are [bridged](Hub::note_bridged). A store without the run of the cluster lacks nothing: should it begin the
    /// cluster anew, that has another run.
    pub fn note_unread(&mut self, newest: Gap) {
        let lacks =
            |store: &StoreQueue| store.log.as_ref().is_some_and(|log| log.has_run) && newest.from >= store.next_id;
        if self.store.as_deref().is_some_and(lacks) {
            self.note_bridged(newest.to);
        }
    }

    /// The log ends at this position at the moment. If the store has more, the log was replaced by an older one: what is applied
    /// after that position is not what is stored.
    pub fn note_end_of_log(&mut self, last: u64) {
        if let Some(log) = self.store.as_mut().and_then(|store| store.log.as_mut()) {
            log.stored = log.stored.min(last);
        }
    }

    /// Restores the shared state of a checkpoint. The entries of the log after its position must be applied next.
    ///
    /// # Errors
    /// If the state cannot be read, or the settings of this server are others than before. Then nothing is changed.
    pub fn restore_checkpoint(&mut self, checkpoint: &CheckpointRecord, now: &Now) -> Result<(), String> {
        let snapshot = Snapshot::read(&checkpoint.snapshot)?;
        self.note_restored();
        // What is stored may be newer, so nothing of this state is recorded.
        self.note_position(checkpoint.position);
        self.restore_snapshot(snapshot, now)
    }

    /// Restores the shared state of a checkpoint, whatever the settings were. No changes may be applied to it, but the cluster may be
    /// begun anew with it, or another state may take its place.
    ///
    /// # Errors
    /// If the state cannot be read. Then nothing is changed.
    pub fn restore_ended_checkpoint(&mut self, checkpoint: &CheckpointRecord, now: &Now) -> Result<(), String> {
        let snapshot = Snapshot::read(&checkpoint.snapshot)?;
        self.note_restored();
        self.note_position(checkpoint.position);
        self.restore_ended(snapshot, now);
        Ok(())
    }

    /// Whether a checkpoint is due: at the beginning, five minutes after the one before, and a few seconds after the one before
    /// if it has texts that were deleted since; if that one was large, later, a second for each 256 KiB. `now` is a clock that never goes back.
    pub fn wants_checkpoint(&self, now: Duration) -> bool {
        let log = self.store.as_ref().and_then(|store| store.log.as_ref());
        log.is_some_and(|log| log.wants_checkpoint(now)) && !self.shared.rooms.store_fails()
    }

    /// Records the shared state, after the entries of the log until this position. `checkpoint` is what the protocol among the
    /// nodes knows there, in JSON. The time is that of [`Hub::wants_checkpoint`].
    ///
    /// Does nothing while the store fails, and while what is applied is stored already.
    pub fn record_checkpoint(&mut self, position: u64, checkpoint: String, now: Duration) {
        self.note_position(position);
        let fails = self.shared.rooms.store_fails();
        let log = self.store.as_ref().and_then(|store| store.log.as_ref());
        if fails || log.is_none_or(|log| log.is_replaying()) {
            return;
        }
        let snapshot = serde_json::to_string(&self.snapshot()).expect("the shared state is plain data");
        let (run, ids) = (self.run, self.journal.last_message_id() + 1);
        if let Some(store) = &mut self.store
            && let Some(log) = &mut store.log
        {
            (log.recorded, log.checkpoint, log.is_outdated) = (position, Some((position, now)), false);
            log.checkpoint_bytes = snapshot.len();
            let cluster = log.cluster.clone();
            let record = CheckpointRecord { cluster, run, position, ids, checkpoint, snapshot };
            store.record(Record::Checkpoint(Box::new(record)));
        }
    }
}
