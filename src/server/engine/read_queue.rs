//! The order in which connections are read from.
//!
//! An entry can outlive its connection, whose slot may have a new one; the engine checks that.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::server::connection::{Connection, Flags};
use crate::util::tables::shrink;

/// The slots of connections to read from, now or later.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadQueue {
    /// Slots with something to read.
    ready: VecDeque<usize>,
    /// Slots whose connection broke while it was not read.
    broken: VecDeque<usize>,
    /// Slots to be read from after the other clients' lines have been written.
    after_others: Vec<usize>,
}

impl ReadQueue {
    /// Queues a connection for reading, unless it is queued or paused.
    pub fn push<S>(&mut self, slot: usize, connection: &mut Connection<S>) {
        if !connection.flags.intersects(Flags::QUEUED | Flags::READ_PAUSED) {
            connection.flags.insert(Flags::QUEUED);
            self.ready.push_back(slot);
        }
    }

    /// The number of connections to read from.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// Whether there is a connection to read from or to close, now.
    pub fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.broken.is_empty()
    }

    /// Takes the next slot to read from; its connection is queued only if its flag says so.
    pub fn pop(&mut self) -> Option<usize> {
        self.ready.pop_front()
    }

    /// Queues slots again that were taken and not read from.
    pub fn put_back(&mut self, slots: Vec<usize>) {
        self.ready.extend(slots);
    }

    /// Queues a slot whose connection broke while it was not read.
    pub fn push_broken(&mut self, slot: usize) {
        self.broken.push_back(slot);
    }

    /// Takes the next slot whose connection broke.
    pub fn pop_broken(&mut self) -> Option<usize> {
        self.broken.pop_front()
    }

    /// Keeps a slot until the other clients' lines have been written.
    pub fn push_after_others(&mut self, slot: usize) {
        self.after_others.push(slot);
    }

    /// Takes all slots that waited for the other clients' lines.
    pub fn take_after_others(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.after_others)
    }

    /// Frees unused memory.
    pub fn shrink(&mut self) {
        shrink::queue(&mut self.ready);
    }
}
