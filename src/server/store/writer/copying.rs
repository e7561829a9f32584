//! Copies the store into a new file while the server runs, for a backup or an export.
//!
//! A turn does a step of a bounded time and pauses for twice that time: a copy takes a third of the processor at most.

use std::path::Path;
use std::time::{Duration, Instant};

use super::StoreWriter;
use crate::store::{CopyStep, Error, NewFile};

/// Time of a step, which ends after the pages that exceed it.
const STEP_TIME: Duration = Duration::from_millis(3);
/// Time from the start of a step to the start of the next one, as a multiple of the step's duration.
const PERIOD_FACTOR: u32 = 3;

/// The copy that was asked for.
#[derive(Debug)]
pub(super) enum Copying {
    /// In progress: the time of the next step, and the percentage of the last one.
    Running { due: Duration, percent: u8 },
    /// It has ended, and [`StoreWriter::poll_copy`] has not returned that yet.
    Ended(Result<NewFile, String>),
}

/// How far a copy is.
#[derive(Debug)]
pub enum CopyStatus {
    /// This part is copied, in percent.
    Running(u8),
    /// All is copied.
    Done(NewFile),
    /// It was given up, for this reason; its file is removed.
    Failed(String),
}

impl StoreWriter {
    /// Begins to copy the store into a new file, which must not exist; the copy before ends.
    ///
    /// # Errors
    /// Why it cannot be made, as a sentence without its end.
    pub fn begin_copy(&mut self, to: &Path, now: Duration) -> Result<(), String> {
        self.cancel_copy();
        if let Some(fault) = &self.state.fault {
            return Err(format!("the store fails at the moment ({}); try again when it works", fault.why));
        }
        self.store.begin_copy(to).map_err(|error| match error {
            Error::ReadOnly(path) => {
                format!(
                    "the server, which makes the file {}, may not write there; choose another folder",
                    path.display()
                )
            }
            error => error.to_string(),
        })?;
        self.copying = Some(Copying::Running { due: now, percent: 0 });
        Ok(())
    }

    /// How far the copy is; its end is told once. `None` if there is no copy.
    pub fn poll_copy(&mut self) -> Option<CopyStatus> {
        match self.copying.take()? {
            Copying::Ended(Ok(file)) => Some(CopyStatus::Done(file)),
            Copying::Ended(Err(why)) => Some(CopyStatus::Failed(why)),
            Copying::Running { due, percent } => {
                self.copying = Some(Copying::Running { due, percent });
                Some(CopyStatus::Running(percent))
            }
        }
    }

    /// Gives up the copy and removes its file.
    pub fn cancel_copy(&mut self) {
        self.store.cancel_copy();
        self.copying = None;
    }

    /// Device and inode of the file of the store.
    pub fn inode(&self) -> (u64, u64) {
        self.store.inode()
    }

    /// The time of the next step.
    pub(super) fn next_copy_step(&self) -> Option<Duration> {
        match self.copying {
            Some(Copying::Running { due, .. }) => Some(due),
            _ => None,
        }
    }

    /// Runs a step if it is due. If the store fails the copy ends, since it may take the space that the store needs.
    pub fn copy_step(&mut self, now: Duration) {
        let Some(due) = self.next_copy_step() else { return };
        if let Some(fault) = &self.state.fault {
            self.store.cancel_copy();
            self.copying = Some(Copying::Ended(Err(format!("the store has failed meanwhile ({})", fault.why))));
            return;
        }
        if due > now {
            return;
        }
        let began = Instant::now();
        self.copying = Some(match self.store.copy_step(&mut || began.elapsed() < STEP_TIME) {
            Ok(CopyStep::More(percent)) => Copying::Running { due: now + PERIOD_FACTOR * began.elapsed(), percent },
            Ok(CopyStep::Done(file)) => Copying::Ended(Ok(file)),
            Err(error) => Copying::Ended(Err(error.to_string())),
        });
    }
}
