//! Removes the words of deleted messages from the search index, and then empties the log of the store.
//!
//! It takes tens of milliseconds for a long message. So a turn does a step of a bounded time, or of one message, and pauses for
//! twice that time: steps take a third of the processor at most.

use std::time::{Duration, Instant};

use log::warn;

use super::StoreWriter;

/// Time of a step, which ends after the message that exceeds it.
const STEP_TIME: Duration = Duration::from_millis(3);
/// Messages in one step.
const STEP_MESSAGES: usize = 64;
/// Time from the start of a step to the start of the next one, as a multiple of the step's duration.
const PERIOD_FACTOR: u32 = 3;
/// Messages in one transaction when the server ends.
const LAST_MESSAGES: usize = 256;
/// Delay of the checkpoint after the last step: a deletion does not cause one of its own.
const CHECKPOINT_DELAY: Duration = Duration::from_secs(1);
/// Delay of the next try after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(10);

impl StoreWriter {
    /// Runs a step if it is due; a checkpoint follows the last one.
    pub(super) fn clean(&mut self, now: Duration) {
        if self.state.fault.is_some() || self.state.clean.is_none_or(|due| due > now) {
            return;
        }
        let began = Instant::now();
        let cleaned = self.store.clean_index(STEP_MESSAGES, &mut || began.elapsed() < STEP_TIME);
        self.state.clean = match cleaned {
            Ok(true) => Some(now + PERIOD_FACTOR * began.elapsed()),
            Ok(false) => {
                self.empty_log_soon(now);
                None
            }
            Err(error) => {
                warn!("words of deleted messages are still in the store: {error}");
                Some(now + RETRY_DELAY)
            }
        };
    }

    /// Empties the log of the store soon: it has what was replaced in the file.
    pub(super) fn empty_log_soon(&mut self, now: Duration) {
        self.state.checkpoint.get_or_insert(now + CHECKPOINT_DELAY);
    }

    /// Moves the log into the file if a checkpoint is due.
    pub(super) fn checkpoint(&mut self, now: Duration) {
        if self.state.fault.is_some() || self.state.checkpoint.is_none_or(|due| due > now) {
            return;
        }
        self.state.checkpoint = match self.store.checkpoint() {
            Ok(()) => None,
            Err(error) => {
                warn!("texts of deleted messages are still in the log of the store: {error}");
                Some(now + RETRY_DELAY)
            }
        };
    }

    /// Runs all steps that are left, and the checkpoint, when the server ends.
    pub(super) fn finish_cleaning(&mut self, now: Duration) {
        if self.state.fault.is_none() && self.state.clean.is_some() {
            let steps = || self.store.clean_index(LAST_MESSAGES, &mut || true);
            match std::iter::repeat_with(steps).find(|left| *left != Ok(true)) {
                Some(Err(error)) => warn!("words of deleted messages are in the store until its next start: {error}"),
                _ => self.state.clean = None,
            }
            self.state.checkpoint = Some(now);
        }
        // A checkpoint that is not due yet is made now.
        self.state.checkpoint = self.state.checkpoint.map(|due| due.min(now));
        self.checkpoint(now);
    }
}
