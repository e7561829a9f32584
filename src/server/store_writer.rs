//! What is kept in a file: written before anybody is sent it.
//!
//! If the file fails the chat goes on in memory. What could not be written waits, up to a bound, and is written when
//! the file works again.

use std::time::Duration;

use log::{error, info, warn};

use super::connection::transport::Listener;
use super::engine::Engine;
use super::store_query::Lookups;
use super::unwritten::UnwrittenRecords;
use crate::chat::{Now, OPERATOR_LOG};
use crate::store::{Error, Record, Store};

/// Bytes of what waits to be written.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How soon a file that failed is tried again: at first, and at last.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Records that have waited and are written in one turn.
const WRITTEN_AT_ONCE: usize = 4096;
/// How often it is seen whether there is something to prune.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Messages pruned in one turn.
const PRUNED_AT_ONCE: usize = 256;

/// The file, and what has not got into it.
pub struct StoreWriter {
    pub(super) store: Store,
    pub(super) unwritten: UnwrittenRecords,
    fault: Option<Fault>,
    /// Records that were given up since the file works no more.
    lost: u64,
    pub figures: StoreCounts,
    /// Questions that are not answered yet.
    pub(super) lookups: Lookups,
    /// Messages grow too old, whether anything is said or not.
    ages: bool,
    /// When it is seen next whether there is anything to prune.
    prune: Option<Duration>,
}

/// The file has failed.
struct Fault {
    error: Error,
    retry_at: Duration,
    wait: Duration,
    /// The file may be in another state than we think.
    reopens: bool,
    /// Records to be written in one turn.
    at_once: usize,
    /// Records that have waited and are written by now.
    written: u64,
}

impl Fault {
    fn new(error: Error, now: Duration) -> Self {
        let (reopens, wait) = (reopens(&error), RETRY.0);
        Fault { error, retry_at: now + wait, wait, reopens, at_once: WRITTEN_AT_ONCE, written: 0 }
    }
}

/// A file for which there is no room is as it was, and so is one that does not take a certain record.
fn reopens(error: &Error) -> bool {
    !matches!(error, Error::Full(_) | Error::Refused(..))
}

/// What can be counted, for programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreCounts {
    pub written: u64,
    pub faults: u64,
    pub lost: u64,
}

/// What has become of the file.
enum Change {
    Fails(String),
    Works { written: u64, lost: u64 },
}

impl StoreWriter {
    /// A file that has just been opened; `ages` if messages are kept for some time only.
    pub fn new(store: Store, ages: bool) -> Self {
        StoreWriter {
            store,
            unwritten: UnwrittenRecords::default(),
            fault: None,
            lost: 0,
            figures: StoreCounts::default(),
            lookups: Lookups::default(),
            ages,
            prune: Some(Duration::ZERO),
        }
    }

    /// Whether the file works.
    pub fn works(&self) -> bool {
        self.fault.is_none()
    }

    /// Records that wait to be written.
    pub fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// When there is something to do though nothing happens.
    fn next_deadline(&self) -> Option<Duration> {
        let file = match &self.fault {
            Some(fault) => Some(fault.retry_at),
            None => self.prune,
        };
        [file, self.lookups.next_deadline()].into_iter().flatten().min()
    }

    /// Writes what has happened, in one transaction; it waits if that is not possible.
    fn write(&mut self, records: Vec<Record>, now: Duration) -> Option<Change> {
        if self.fault.is_some() {
            self.buffer_records(records);
            return self.retry(now);
        }
        if records.is_empty() {
            return None;
        }
        match self.store.write(&records) {
            Ok(()) => {
                self.figures.written += records.len() as u64;
                self.prune.get_or_insert(now + PRUNE_EVERY);
                None
            }
            Err(error) => {
                error!(target: OPERATOR_LOG, "{error}; until then what is said is kept in memory, up to {WAITING_BYTES} bytes");
                self.figures.faults += 1;
                self.buffer_records(records);
                let why = error.to_string();
                self.fault = Some(Fault::new(error, now));
                Some(Change::Fails(why))
            }
        }
    }

    /// Tries the file again if it is time to.
    fn retry(&mut self, now: Duration) -> Option<Change> {
        let fault = self.fault.as_mut().filter(|fault| fault.retry_at <= now)?;
        let some = self.unwritten.len().min(fault.at_once);
        let reopened = if fault.reopens { self.store.reopen() } else { Ok(()) };
        match reopened.and_then(|()| self.store.write(self.unwritten.first(some))) {
            Ok(()) => {
                fault.reopens = false;
                fault.written += some as u64;
                self.figures.written += some as u64;
                self.unwritten.remove_first(some);
                // The rest has its turn in the next one.
                fault.retry_at = now;
                fault.at_once = (2 * fault.at_once).min(WRITTEN_AT_ONCE);
            }
            // One of them can never be written, and must not keep all others from being so.
            Err(error @ Error::Refused(..)) if some > 0 => {
                fault.at_once = some.div_ceil(2);
                fault.retry_at = now;
                if some == 1 {
                    error!("{error}; it is given up");
                    self.unwritten.remove_first(1);
                    self.lost += 1;
                    self.figures.lost += 1;
                }
            }
            Err(error) => {
                fault.wait = (fault.wait * 2).min(RETRY.1);
                fault.retry_at = now + fault.wait;
                let (seconds, unwritten) = (fault.wait.as_secs(), self.unwritten.len());
                warn!("{error}; {unwritten} records wait, the next try is in {seconds} s");
                fault.reopens = reopens(&error);
                fault.error = error;
            }
        }
        if !self.unwritten.is_empty() || fault.retry_at > now {
            return None;
        }
        let written = self.fault.take().map_or(0, |fault| fault.written);
        let lost = std::mem::take(&mut self.lost);
        self.prune.get_or_insert(now + PRUNE_EVERY);
        match lost {
            0 => {
                warn!(target: OPERATOR_LOG, "what is said is stored again; {written} records that have waited are written")
            }
            _ => {
                error!(target: OPERATOR_LOG, "what is said is stored again; {written} records that have waited are written, {lost} are lost")
            }
        }
        Some(Change::Works { written, lost })
    }

    /// Keeps what cannot be written; past the bound the oldest messages are given up, which are still in memory
    /// for longer than others.
    fn buffer_records(&mut self, records: Vec<Record>) {
        self.unwritten.extend(records);
        if self.unwritten.bytes() <= WAITING_BYTES {
            return;
        }
        // A good part at once, or each further message would mean a walk over all of them.
        let lost = self.unwritten.give_up(WAITING_BYTES / 4 * 3) as u64;
        if self.lost == 0 {
            error!("too much waits to be stored; the oldest of it is given up, and is lost when the server ends");
        }
        self.lost += lost;
        self.figures.lost += lost;
    }

    /// A step of pruning, if it is time for one.
    /// Returns the rooms of which nothing is left.
    fn prune(&mut self, now: Now) -> Vec<String> {
        if self.fault.is_some() || self.prune.is_none_or(|due| due > now.at) {
            return Vec::new();
        }
        let mut empty = Vec::new();
        self.prune = match self.store.prune(now.local.unix_timestamp(), PRUNED_AT_ONCE) {
            Ok(true) => Some(now.at),
            Ok(false) => {
                empty = self.store.empty_rooms();
                self.ages.then_some(now.at + PRUNE_EVERY)
            }
            Err(error) => {
                warn!("old messages cannot be pruned: {error}");
                Some(now.at + PRUNE_EVERY)
            }
        };
        empty
    }
}

impl<L: Listener> Engine<L> {
    /// Sees to the file; nothing that is to be kept may be sent to anybody between this and what has happened.
    pub(super) fn write_records(&mut self, now: Now) {
        let Some(store_writer) = &mut self.store_writer else { return };
        match store_writer.write(self.hub.take_records(), now.at) {
            None => {}
            Some(Change::Fails(why)) => self.hub.store_failed(&why),
            Some(Change::Works { written, lost }) => self.hub.store_recovered(written, lost),
        }
        let answers = store_writer.run_query(&mut self.hub, now.at);
        let answered: Vec<usize> = answers.iter().map(|(query, _)| query.asker().slot()).collect();
        for (query, answer) in answers {
            self.hub.answer(query, answer, now);
        }
        let empty = store_writer.prune(now);
        self.hub.rooms_are_pruned(&empty);
        // There may be nothing to be told, and so nothing else by which they would be read from again.
        answered.into_iter().for_each(|slot| self.resume(slot));
    }

    /// The server ends: what there still is is written, or given up.
    pub(super) fn finish_writing(&mut self, now: Now) {
        let Some(store_writer) = &mut self.store_writer else { return };
        let records = self.hub.take_records();
        if let Some(fault) = &mut store_writer.fault {
            fault.retry_at = now.at;
        }
        store_writer.write(records, now.at);
        while store_writer.fault.as_ref().is_some_and(|fault| fault.retry_at <= now.at) {
            store_writer.retry(now.at);
        }
        let lost = store_writer.unwritten.len() as u64 + store_writer.lost;
        match &store_writer.fault {
            Some(fault) => error!("{}; {lost} records were never stored and are lost", fault.error),
            None => info!("everything that was said is stored"),
        }
    }

    /// Whether there is a question that can be answered now.
    pub(super) fn has_questions(&self, now: Duration) -> bool {
        self.store_writer
            .as_ref()
            .is_some_and(|store_writer| self.hub.has_queries() || store_writer.lookups.is_due(now))
    }

    /// The server ends: questions that could not be answered at once are not answered.
    pub(super) fn drop_questions(&mut self) {
        if let Some(store_writer) = &mut self.store_writer {
            store_writer.lookups = Lookups::default();
        }
    }

    /// When the file is to be seen to though nothing happens.
    pub(super) fn store_deadline(&self) -> Option<Duration> {
        self.store_writer.as_ref().and_then(StoreWriter::next_deadline)
    }
}
