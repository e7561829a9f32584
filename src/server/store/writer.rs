//! The store writer: stores the records of a turn before its bytes are sent.
//!
//! If the store fails the chat goes on in memory. Records are buffered, up to a bound, and written when
//! the store works again.

mod cleaning;
mod copying;

use std::time::Duration;

use log::{error, info, warn};
use serde::{Deserialize, Serialize};

pub use self::copying::CopyStatus;
use self::copying::Copying;
use super::query::QueryQueue;
use super::unwritten::{UnwrittenRecords, gap_of};
use crate::chat::gaps::{Gap, Gaps};
use crate::chat::{Hub, Now, OPERATOR_LOG};
use crate::store::{Error, Record, Store, Whisper};

/// Maximum size of buffered records in bytes.
const UNWRITTEN_BYTES: usize = 16 * 1024 * 1024;
/// First and last delay before a failed store is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Buffered records written in one turn.
const RETRY_RECORDS: usize = 4096;
/// Interval between checks for messages to prune.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Messages pruned in one turn.
const PRUNED_PER_TURN: usize = 256;

/// The store, and the records that are not in it yet.
pub struct StoreWriter {
    store: Store,
    /// Messages expire with time, also when no new ones come.
    ages: bool,
    /// A copy of the store, which ends with this process.
    copying: Option<Copying>,
    state: StoreWriterState,
}

/// The state of a store writer besides its store, as plain data.
#[derive(Serialize, Deserialize)]
#[serde(default)]
pub struct StoreWriterState {
    unwritten: UnwrittenRecords,
    fault: Option<StoreFault>,
    /// Records dropped since the store failed.
    lost: u64,
    /// The ids of messages that were dropped, of which the hub does not know yet.
    #[serde(skip_serializing_if = "Gaps::is_empty")]
    lost_ids: Gaps,
    counts: StoreCounts,
    /// Store queries that are not answered yet.
    queries: QueryQueue,
    /// The time of the next pruning.
    prune: Option<Duration>,
    /// The time of the next step that removes words of deleted messages from the search index.
    clean: Option<Duration>,
    /// The time of the next checkpoint, since the log may contain the texts of deleted messages.
    checkpoint: Option<Duration>,
}

impl Default for StoreWriterState {
    fn default() -> Self {
        StoreWriterState {
            unwritten: UnwrittenRecords::default(),
            fault: None,
            lost: 0,
            lost_ids: Gaps::default(),
            counts: StoreCounts::default(),
            queries: QueryQueue::default(),
            prune: Some(Duration::ZERO),
            // The last process may have been killed before this was done.
            clean: Some(Duration::ZERO),
            checkpoint: Some(Duration::ZERO),
        }
    }
}

/// A failure of the store.
#[derive(Serialize, Deserialize)]
struct StoreFault {
    why: String,
    retry_at: Duration,
    wait: Duration,
    /// The store must be reopened, since its state is uncertain.
    reopens: bool,
    /// Records written by one try.
    at_once: usize,
    /// A record is refused and is looked for: the records of one turn are not written together.
    #[serde(default)]
    splits: bool,
    /// Buffered records written so far.
    written: u64,
}

impl StoreFault {
    fn new(error: &Error, now: Duration) -> Self {
        let (reopens, wait) = (reopens(error), RETRY.0);
        let (why, retry_at) = (error.to_string(), now + wait);
        StoreFault { why, retry_at, wait, reopens, at_once: RETRY_RECORDS, splits: false, written: 0 }
    }
}

/// Whether the store must be reopened; a full disk, or a refused record, leaves it as it was.
fn reopens(error: &Error) -> bool {
    !matches!(error, Error::Full(_) | Error::Refused(..))
}

fn is_deletion(record: &Record) -> bool {
    matches!(record, Record::Delete { .. })
}

fn is_checkpoint(record: &Record) -> bool {
    matches!(record, Record::Checkpoint(_))
}

/// Counters of the store writer.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreCounts {
    pub written: u64,
    pub faults: u64,
    pub lost: u64,
}

/// A change of the store's status.
enum StoreStatus {
    Fails(String),
    Works { written: u64, lost: u64 },
}

impl StoreWriter {
    /// Creates a store writer for an open store; `ages` if messages are kept for a limited time.
    pub fn new(store: Store, ages: bool) -> Self {
        StoreWriter::restore(store, ages, StoreWriterState::default())
    }

    /// Creates a store writer that goes on where another one was ended; `store` is the same one, opened again.
    pub fn restore(store: Store, ages: bool, state: StoreWriterState) -> Self {
        StoreWriter { store, ages, copying: None, state }
    }

    /// All whispers in the store, for a node that begins.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn all_whispers(&mut self) -> Result<Vec<Whisper>, Error> {
        self.store.all_whispers()
    }

    /// What it knows besides the store, to be written.
    pub fn state(&self) -> &StoreWriterState {
        &self.state
    }

    /// Closes the file, so that a successor can open it. Nothing may be written before [`StoreWriter::take_back`].
    pub fn release(&mut self) {
        self.store.release();
    }

    /// Opens the file again that no successor has taken over.
    ///
    /// # Errors
    /// Why that is impossible. It counts as a failure of the store, which is tried again.
    pub fn take_back(&mut self, now: Duration) -> Result<(), String> {
        self.store.reopen().map_err(|error| {
            let fault = StoreFault { reopens: true, ..StoreFault::new(&error, now) };
            self.begin_fault(&error, fault);
            error.to_string()
        })
    }

    /// From now on records are buffered.
    fn begin_fault(&mut self, error: &Error, fault: StoreFault) {
        error!(target: OPERATOR_LOG, "{error}; until then records are buffered in memory, up to {UNWRITTEN_BYTES} bytes");
        self.state.counts.faults += 1;
        self.state.fault = Some(fault);
    }

    /// Closes the store, and gives what else the store writer knows.
    pub fn into_state(self) -> StoreWriterState {
        self.state
    }

    /// Whether the store works.
    pub fn works(&self) -> bool {
        self.state.fault.is_none()
    }

    /// The counters since the start.
    pub fn counts(&self) -> StoreCounts {
        self.state.counts
    }

    /// Records that are not written yet.
    pub fn unwritten(&self) -> usize {
        self.state.unwritten.len()
    }

    /// The time of the next try, query, step of pruning, cleaning or copying, or checkpoint.
    pub fn next_deadline(&self) -> Option<Duration> {
        let file = match &self.state.fault {
            Some(fault) => [Some(fault.retry_at), None, None],
            None => [self.state.prune, self.state.clean, self.state.checkpoint],
        };
        file.into_iter().chain([self.state.queries.next_deadline(), self.next_copy_step()]).flatten().min()
    }

    /// Writes records in one transaction, or buffers them while the store fails.
    fn write(&mut self, records: Vec<Record>, now: Duration) -> Option<StoreStatus> {
        if self.state.fault.is_some() {
            self.buffer_records(records);
            return self.retry(now);
        }
        if records.is_empty() {
            return None;
        }
        match self.store.write(&records) {
            Ok(()) => {
                self.state.counts.written += records.len() as u64;
                self.state.prune.get_or_insert(now + PRUNE_EVERY);
                if records.iter().any(is_deletion) {
                    self.state.clean.get_or_insert(now);
                }
                if records.iter().any(is_checkpoint) {
                    self.empty_log_soon(now);
                }
                None
            }
            Err(error) => {
                self.begin_fault(&error, StoreFault::new(&error, now));
                self.buffer_records(records);
                Some(StoreStatus::Fails(error.to_string()))
            }
        }
    }

    /// Tries a failed store again if it is time.
    fn retry(&mut self, now: Duration) -> Option<StoreStatus> {
        let fault = self.state.fault.as_mut().filter(|fault| fault.retry_at <= now)?;
        let some = self.state.unwritten.len().min(fault.at_once);
        let some = if fault.splits { some } else { self.state.unwritten.end_of_turn(some) };
        let reopened = if fault.reopens { self.store.reopen() } else { Ok(()) };
        let deletes = self.state.unwritten.first(some).iter().any(is_deletion);
        match reopened.and_then(|()| self.store.write(self.state.unwritten.first(some))) {
            Ok(()) => {
                fault.reopens = false;
                fault.written += some as u64;
                self.state.counts.written += some as u64;
                self.state.unwritten.remove_first(some);
                if deletes {
                    self.state.clean.get_or_insert(now);
                }
                // The rest is written in the next turn.
                fault.retry_at = now;
                fault.splits = false;
                fault.at_once = (2 * fault.at_once).min(RETRY_RECORDS);
            }
            // One record is refused for ever, and must not block the others.
            Err(error @ Error::Refused(..)) if some > 0 => {
                fault.at_once = some.div_ceil(2);
                fault.splits = true;
                fault.retry_at = now;
                if some == 1 {
                    error!("{error}; this record is dropped");
                    let lost = gap_of(&self.state.unwritten.first(1)[0]);
                    lost.into_iter().for_each(|lost| self.state.lost_ids.add(lost));
                    self.state.unwritten.remove_first(1);
                    self.state.lost += 1;
                    self.state.counts.lost += 1;
                }
            }
            Err(error) => {
                fault.wait = (fault.wait * 2).min(RETRY.1);
                fault.retry_at = now + fault.wait;
                let (seconds, unwritten) = (fault.wait.as_secs(), self.state.unwritten.len());
                warn!("{error}; {unwritten} records are buffered, next try in {seconds} s");
                fault.reopens = reopens(&error);
                fault.why = error.to_string();
            }
        }
        if !self.state.unwritten.is_empty() || fault.retry_at > now {
            return None;
        }
        let written = self.state.fault.take().map_or(0, |fault| fault.written);
        let lost = std::mem::take(&mut self.state.lost);
        self.state.prune.get_or_insert(now + PRUNE_EVERY);
        match lost {
            0 => {
                warn!(target: OPERATOR_LOG, "store works again: {written} buffered records written")
            }
            _ => {
                error!(target: OPERATOR_LOG, "store works again: {written} buffered records written, {lost} lost")
            }
        }
        Some(StoreStatus::Works { written, lost })
    }

    /// Buffers records; past the bound the oldest messages are dropped, which the rooms still have in
    /// memory for some time.
    fn buffer_records(&mut self, mut records: Vec<Record>) {
        for record in &mut records {
            // A checkpoint is large, and one that is made later is as good.
            if let Record::Checkpoint(checkpoint) = record {
                *record = Record::Position(checkpoint.position);
            }
        }
        self.state.unwritten.extend(records);
        if self.state.unwritten.bytes() <= UNWRITTEN_BYTES {
            return;
        }
        // A quarter at once, since each call walks over all of them.
        let (lost, ids) = self.state.unwritten.drop_oldest(UNWRITTEN_BYTES / 4 * 3);
        let lost = lost as u64;
        ids.into_iter().for_each(|ids| self.state.lost_ids.add(ids));
        if self.state.lost == 0 {
            error!("too many buffered records: the oldest are dropped and will not be stored");
        }
        self.state.lost += lost;
        self.state.counts.lost += lost;
    }

    /// Runs a step of pruning if it is due.
    /// Returns the rooms that have become empty.
    fn prune(&mut self, now: Now) -> Vec<String> {
        if self.state.fault.is_some() || self.state.prune.is_none_or(|due| due > now.at) {
            return Vec::new();
        }
        let (mut empty, unix) = (Vec::new(), now.local.unix_timestamp());
        self.state.prune = match self.store.prune(unix, PRUNED_PER_TURN) {
            Ok(true) => Some(now.at),
            Ok(false) => {
                empty = self.store.empty_rooms(unix);
                self.ages.then_some(now.at + PRUNE_EVERY)
            }
            Err(error) => {
                warn!("old messages cannot be pruned: {error}");
                Some(now.at + PRUNE_EVERY)
            }
        };
        empty
    }

    /// Writes the records of a turn, runs store queries, copies, cleans and prunes; returns the clients whose queries are
    /// answered, by slot.
    pub fn process(&mut self, hub: &mut Hub, now: Now) -> Vec<usize> {
        // Before the write: what is deleted in this turn does not delay it.
        self.clean(now.at);
        match self.write(hub.poll_records(), now.at) {
            None => {}
            Some(StoreStatus::Fails(why)) => hub.handle_store_failure(&why),
            Some(StoreStatus::Works { written, lost }) => hub.handle_store_recovery(written, lost),
        }
        std::mem::take(&mut self.state.lost_ids).iter().for_each(|lost: Gap| hub.handle_lost_messages(lost));
        self.copy_step(now.at);
        let answers = self.state.queries.run(&mut self.store, &self.state.unwritten, hub, now.at);
        let answered = answers.iter().map(|(query, _)| query.asker().slot()).collect();
        for (query, answer) in answers {
            hub.handle_answer(query, answer, now);
        }
        self.checkpoint(now.at);
        let empty = self.prune(now);
        hub.handle_pruned_rooms(&empty);
        answered
    }

    /// Writes the last records when the server ends, or reports their loss.
    pub fn finish(&mut self, hub: &mut Hub, now: Now) {
        self.cancel_copy();
        let records = hub.poll_records();
        if let Some(fault) = &mut self.state.fault {
            fault.retry_at = now.at;
        }
        self.write(records, now.at);
        while self.state.fault.as_ref().is_some_and(|fault| fault.retry_at <= now.at) {
            self.retry(now.at);
        }
        self.finish_cleaning(now.at);
        let lost = self.state.unwritten.len() as u64 + self.state.lost;
        match &self.state.fault {
            Some(fault) => error!("{}; {lost} records were not stored and are lost", fault.why),
            None => info!("all records are stored"),
        }
    }

    /// Whether a store query can make a step now.
    pub fn has_questions(&self, hub: &Hub, now: Duration) -> bool {
        hub.has_queries() || self.state.queries.is_due(now)
    }

    /// Drops unanswered store queries when the server ends.
    pub fn drop_queries(&mut self) {
        self.state.queries = QueryQueue::default();
    }
}

#[cfg(test)]
pub(in crate::server) mod tests;
