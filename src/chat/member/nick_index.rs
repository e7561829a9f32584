//! An index of members by nickname.

use hashbrown::HashTable;

use super::Member;
use crate::chat::id::MemberSlot;
use crate::chat::policy::nick::fold;
use crate::util::shrink;
use crate::util::slots::Slots;

/// An index from nicknames to members. The names and their hashes are stored only with the members.
#[derive(Default)]
pub struct NickIndex(HashTable<MemberSlot>);

impl NickIndex {
    /// The number of nicknames.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Finds the member with that folded name and its keyed hash.
    pub fn get(&self, members: &Slots<Member>, key: &str, hash: u64) -> Option<MemberSlot> {
        let has = |slot: &MemberSlot| {
            let member = &members[slot.index()];
            member.name_hash == hash && fold(&member.name) == key
        };
        self.0.find(hash, has).copied()
    }

    /// Adds the current name of a member; no other member may have it.
    pub fn insert(&mut self, members: &Slots<Member>, slot: MemberSlot) {
        let hash = |slot: &MemberSlot| members[slot.index()].name_hash;
        self.0.insert_unique(hash(&slot), slot, hash);
    }

    /// Removes the current name of a member.
    pub fn remove(&mut self, members: &Slots<Member>, slot: MemberSlot) {
        let hash = |slot: &MemberSlot| members[slot.index()].name_hash;
        if let Ok(entry) = self.0.find_entry(hash(&slot), |&other| other == slot) {
            entry.remove();
        }
        if shrink::is_oversized(self.0.len(), self.0.capacity()) {
            self.0.shrink_to(2 * self.0.len(), hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl NickIndex {
        /// Nicknames that fit without another allocation.
        pub fn capacity(&self) -> usize {
            self.0.capacity()
        }
    }
}
