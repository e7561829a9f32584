//! All members, by slot and by nickname.

use std::hash::Hasher;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use slab::Slab;

use super::nick_index::NickIndex;
use super::{Member, Role};
use crate::chat::id::{Author, MemberId, MemberSlot};
use crate::chat::policy::nick::{Name, key_of};
use crate::util::shrink;

/// The name of the operator; no other member can take it.
pub const OPERATOR: &str = "server";

/// All members of the server.
pub struct MemberTable {
    slots: Slab<Member>,
    names: NickIndex,
    /// The serial number of the newest member.
    last: u32,
    operator: Option<MemberId>,
    hash_key: [u64; 2],
}

/// The state of a [`MemberTable`] as plain data.
#[derive(Serialize, Deserialize)]
pub struct MemberTableState {
    slots: Slab<Member>,
    last: u32,
    operator: Option<MemberId>,
    hash_key: [u64; 2],
}

impl MemberTable {
    /// An empty table. `hash_key` is the key of the hashes of names; keep it secret, so that no name can be chosen for
    /// its hash.
    pub fn new(hash_key: [u64; 2]) -> Self {
        MemberTable { slots: Slab::new(), names: NickIndex::default(), last: 0, operator: None, hash_key }
    }

    /// The number of members, without the operator.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The keyed hash of a folded name, as stored with log entries.
    pub fn name_hash(&self, key: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.hash_key[0], self.hash_key[1]);
        hasher.write(key.as_bytes());
        hasher.finish()
    }

    /// The member, if it has not left.
    pub fn get(&self, id: MemberId) -> Option<&Member> {
        self.slots.get(id.slot.index()).filter(|member| member.serial == id.serial)
    }

    /// As [`MemberTable::get`], mutable.
    pub fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.slots.get_mut(id.slot.index()).filter(|member| member.serial == id.serial)
    }

    /// The id of the member in this slot.
    pub fn id(&self, slot: MemberSlot) -> MemberId {
        self[slot].id(slot)
    }

    /// The author of lines of the member in this slot.
    pub fn author(&self, slot: MemberSlot) -> Author {
        self[slot].author(slot)
    }

    /// Finds a member by nickname as typed; case, width and Unicode composition do not matter. The operator is not found.
    pub fn find(&self, name: &str) -> Option<MemberId> {
        self.find_key(&key_of(name)?)
    }

    /// Finds a member by its folded nickname. The operator is not found.
    pub fn find_key(&self, key: &str) -> Option<MemberId> {
        self.names.get(&self.slots, key, self.name_hash(key)).map(|slot| self.id(slot))
    }

    /// The operator, if there is a console.
    pub fn operator(&self) -> Option<MemberId> {
        self.operator
    }

    fn add(&mut self, name: CompactString, name_hash: u64, role: Role) -> MemberId {
        self.last = self.last.wrapping_add(1).max(1);
        let serial = NonZeroU32::new(self.last).unwrap_or(NonZeroU32::MIN);
        let slot = MemberSlot::new(self.slots.insert(Member::new(name, name_hash, serial, role)));
        MemberId { slot, serial }
    }

    /// Adds a member; no other member may have its name.
    pub fn insert(&mut self, name: &Name) -> MemberId {
        let hash = self.name_hash(&name.key);
        let id = self.add(name.shown.clone(), hash, Role::User);
        self.names.insert(&self.slots, id.slot);
        id
    }

    /// Adds the operator.
    pub fn insert_operator(&mut self) -> MemberId {
        let id = self.add(OPERATOR.into(), self.name_hash(OPERATOR), Role::Operator);
        self.operator = Some(id);
        id
    }

    /// Gives a member another name; no other member may have it.
    pub fn rename(&mut self, slot: MemberSlot, name: &Name) {
        self.names.remove(&self.slots, slot);
        let hash = self.name_hash(&name.key);
        let member = &mut self[slot];
        member.name = name.shown.clone();
        member.name_hash = hash;
        self.names.insert(&self.slots, slot);
    }

    /// Removes a member.
    pub fn remove(&mut self, slot: MemberSlot) -> Member {
        self.names.remove(&self.slots, slot);
        let member = self.slots.remove(slot.index());
        shrink::slab(&mut self.slots);
        member
    }

    /// The state as plain data.
    pub fn into_state(self) -> MemberTableState {
        let MemberTable { slots, last, operator, hash_key, .. } = self;
        MemberTableState { slots, last, operator, hash_key }
    }

    /// The table with this state.
    pub fn from_state(state: MemberTableState) -> Self {
        let MemberTableState { slots, last, operator, hash_key } = state;
        let mut names = NickIndex::default();
        for (index, member) in &slots {
            if member.role() != Role::Operator {
                names.insert(&slots, MemberSlot::new(index));
            }
        }
        MemberTable { slots, names, last, operator, hash_key }
    }
}

impl Index<MemberSlot> for MemberTable {
    type Output = Member;

    fn index(&self, slot: MemberSlot) -> &Member {
        &self.slots[slot.index()]
    }
}

impl IndexMut<MemberSlot> for MemberTable {
    fn index_mut(&mut self, slot: MemberSlot) -> &mut Member {
        &mut self.slots[slot.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl MemberTable {
        /// All members with their slots, the operator included.
        pub fn iter(&self) -> impl Iterator<Item = (MemberSlot, &Member)> {
            self.slots.iter().map(|(index, member)| (MemberSlot::new(index), member))
        }

        /// Bytes allocated for the tables.
        pub fn capacity_bytes(&self) -> usize {
            self.slots.capacity() * size_of::<Member>() + self.names.capacity() * size_of::<MemberSlot>()
        }
    }

    #[test]
    fn member_is_small() {
        assert!(size_of::<Member>() <= 64, "{} bytes", size_of::<Member>());
    }

    #[test]
    fn id_of_a_member_that_left_finds_nobody() {
        let mut table = MemberTable::new([1, 2]);
        let name = |text: &str| Name::new(text).unwrap();
        let alice = table.insert(&name("alice"));
        assert_eq!((table.find("ALICE"), table.len()), (Some(alice), 1));
        table.remove(alice.slot);
        let bob = table.insert(&name("bob"));
        assert_eq!(bob.slot, alice.slot);
        assert!(table.get(alice).is_none() && table.get(bob).is_some());
        table.rename(bob.slot, &name("Robert"));
        assert_eq!((table.find("bob"), table.find("robert")), (None, Some(bob)));
    }

    #[test]
    fn operator_has_no_nickname_to_find() {
        let mut table = MemberTable::new([1, 2]);
        let operator = table.insert_operator();
        assert_eq!((table.operator(), table.find(OPERATOR), table.len()), (Some(operator), None, 0));
    }
}
