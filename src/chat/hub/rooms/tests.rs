//! Checks of the rooms for the simulator.

use super::*;

impl Rooms {
    /// All rooms with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (RoomId, &Room)> {
        self.slots.iter().map(|(slot, room)| (RoomId::new(slot), room))
    }

    /// Checks the indices against the rooms.
    ///
    /// # Errors
    /// Returns the first difference.
    pub fn audit(&self) -> Result<(), String> {
        let in_memory = self.iter().map(|(_, room)| (&*room.name, &*room.key));
        let stored = self.stored.iter().map(|(key, room)| (&*room.name, &**key));
        let mut looks = LookIndex::default();
        in_memory.chain(stored).for_each(|(name, key)| looks.add(name, key));
        let occupied = self.iter().filter(|(_, room)| !room.members.is_empty()).map(|(id, _)| id);
        let dirty = self.iter().filter(|(_, room)| room.dirty).count();
        let is_empty = |(id, room): &(RoomId, &Room)| *id != RoomId::LOBBY && room.members.is_empty();
        let indexed = |(id, room): (RoomId, &Room)| self.empty.get(&room.emptied) == Some(&id);
        match () {
            () if !looks.iter().eq(self.looks.iter()) => Err("the index of what names look like is wrong".into()),
            () if !occupied.eq(self.occupied.iter().copied()) => Err("the index of occupied rooms is wrong".into()),
            () if !self.iter().filter(is_empty).all(indexed) => Err("an empty room is not in the index".into()),
            () if self.iter().filter(is_empty).count() != self.empty.len() => {
                Err("the index of empty rooms has too many entries".into())
            }
            () if self.dirty.counts().0 != dirty + self.dirty.counts().1 => {
                let (queued, stale) = self.dirty.counts();
                Err(format!("{dirty} rooms are dirty, {queued} are queued and {stale} stale"))
            }
            () => Ok(()),
        }
    }
}
