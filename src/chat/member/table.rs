//! All members, by slot and by nickname.

use std::hash::Hasher;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::nick_index::NickIndex;
use super::{Member, Role};
use crate::chat::id::{Author, MemberId, MemberSlot};
use crate::chat::policy::nick::{Name, key_of};
use crate::util::slots::Slots;

/// The name of the operator; no other member can take it.
pub const OPERATOR: &str = "server";

/// All members of the server.
pub struct MemberTable {
    slots: Slots<Member>,
    names: NickIndex,
    /// The serial number of the newest member.
    last: u32,
    operator: Option<Box<Member>>,
    hash_key: [u64; 2],
}

/// The state of a [`MemberTable`] as plain data.
#[derive(Serialize, Deserialize)]
pub struct MemberTableState {
    slots: Slots<Member>,
    last: u32,
    operator: Option<Box<Member>>,
    hash_key: [u64; 2],
}

impl MemberTable {
    /// An empty table. `hash_key` is the key of the hashes of names; keep it secret, so that no name can be chosen for
    /// its hash.
    pub fn new(hash_key: [u64; 2]) -> Self {
        MemberTable { slots: Slots::default(), names: NickIndex::default(), last: 0, operator: None, hash_key }
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
        let member = match self.slots.get(id.slot.index()) {
            None if id == MemberId::OPERATOR => self.operator.as_deref(),
            found => found,
        };
        member.filter(|member| member.serial == id.serial)
    }

    /// As [`MemberTable::get`], mutable.
    pub fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        let member = match self.slots.get_mut(id.slot.index()) {
            None if id == MemberId::OPERATOR => self.operator.as_deref_mut(),
            found => found,
        };
        member.filter(|member| member.serial == id.serial)
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
        self.operator.as_ref().map(|_| MemberId::OPERATOR)
    }

    /// Adds a member; no other member may have its name.
    pub fn insert(&mut self, name: &Name) -> MemberId {
        self.last = self.last.wrapping_add(1).max(1);
        let serial = NonZeroU32::new(self.last).unwrap_or(NonZeroU32::MIN);
        let member = Member::new(name.shown.clone(), self.name_hash(&name.key), serial, Role::User);
        let slot = MemberSlot::new(self.slots.insert(member));
        self.names.insert(&self.slots, slot);
        MemberId { slot, serial }
    }

    /// Adds the operator, which takes no slot of the members: nodes with and without a console number these alike.
    pub fn insert_operator(&mut self) -> MemberId {
        let id = MemberId::OPERATOR;
        let hash = self.name_hash(OPERATOR);
        self.operator = Some(Box::new(Member::new(OPERATOR.into(), hash, id.serial, Role::Operator)));
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
        self.slots.remove(slot.index())
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
        for (index, _) in slots.iter() {
            names.insert(&slots, MemberSlot::new(index));
        }
        MemberTable { slots, names, last, operator, hash_key }
    }
}

impl Index<MemberSlot> for MemberTable {
    type Output = Member;

    fn index(&self, slot: MemberSlot) -> &Member {
        match self.slots.get(slot.index()) {
            Some(member) => member,
            None => self.operator.as_ref().filter(|_| slot == MemberId::OPERATOR.slot).expect("the slot of a member"),
        }
    }
}

impl IndexMut<MemberSlot> for MemberTable {
    fn index_mut(&mut self, slot: MemberSlot) -> &mut Member {
        match self.slots.get_mut(slot.index()) {
            Some(member) => member,
            None => self.operator.as_mut().filter(|_| slot == MemberId::OPERATOR.slot).expect("the slot of a member"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl MemberTable {
        /// All members with their slots, without the operator.
        pub fn iter(&self) -> impl Iterator<Item = (MemberSlot, &Member)> {
            self.slots.iter().map(|(index, member)| (MemberSlot::new(index), member))
        }

        /// Bytes allocated for the tables.
        pub fn capacity_bytes(&self) -> usize {
            self.slots.capacity_bytes() + self.names.capacity() * size_of::<MemberSlot>()
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
