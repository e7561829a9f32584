//! The queue of dirty rooms, whose readers may have unread lines.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::chat::id::RoomId;
use crate::chat::room::Room;
use crate::util::tables::shrink;
use crate::util::tables::slots::Slots;

/// Numbers of dirty rooms. `stale` of them are removed or clean by now.
#[derive(Default, Serialize, Deserialize)]
pub struct DirtyQueue {
    queue: VecDeque<RoomId>,
    stale: usize,
}

impl DirtyQueue {
    /// The log of a room has grown: its readers must be visited by the sweep.
    pub fn mark(&mut self, id: RoomId, room: &mut Room) {
        room.restart_sweep();
        if !room.dirty && room.reader_count() > 0 {
            room.dirty = true;
            self.queue.push_back(id);
        }
    }

    /// A room was removed.
    pub fn note_removed(&mut self, room: &Room) {
        self.stale += usize::from(room.dirty);
    }

    /// Whether any room is dirty.
    pub fn has_any(&self) -> bool {
        self.queue.len() > self.stale
    }

    /// The dirty room that is swept now.
    pub fn first(&mut self, rooms: &Slots<Room>) -> Option<RoomId> {
        loop {
            let id = *self.queue.front()?;
            if rooms.get(id.index()).is_some_and(|room| room.dirty) {
                return Some(id);
            }
            self.queue.pop_front();
            self.stale -= 1;
        }
    }

    /// All readers of the first room have been visited.
    pub fn finish_first(&mut self, rooms: &mut Slots<Room>) {
        if let Some(id) = self.queue.pop_front() {
            rooms[id.index()].dirty = false;
        }
        shrink::queue(&mut self.queue);
    }

    /// Moves the first room to the end, so that the next one has its turn.
    pub fn rotate(&mut self) {
        if self.queue.len() > 1 {
            self.queue.rotate_left(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl DirtyQueue {
        /// The number of entries, and how many of them are stale.
        pub fn counts(&self) -> (usize, usize) {
            (self.queue.len(), self.stale)
        }
    }
}
