//! Checks of members that another node has given.

use std::collections::BTreeSet;

use super::{MemberTableState, NameHasher};
use crate::chat::id::{MemberId, MemberSlot};
use crate::chat::member::{Member, Membership};
use crate::chat::policy::nick::fold;

/// How often one member can have joined; a greater number is nonsense.
const MAX_JOINS: u32 = 1 << 20;

impl MemberTableState {
    /// Checks what the table relies on: the names, the lists of followed rooms, and that nothing belongs to a session of another node.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        let MemberTableState { slots, followed, identities, operator, hash_key, .. } = self;
        if !followed.are_sound(slots.iter().map(|(_, member)| member.followed)) {
            return Err("the lists of followed rooms are broken".into());
        }
        if operator.is_some()
            || identities.iter().enumerate().any(|(index, own)| own.is_some() && slots.get(index).is_none())
        {
            return Err("what members say of themselves is not that of a member".into());
        }
        let (mut keys, hasher) = (BTreeSet::new(), NameHasher(*hash_key));
        for (_, member) in slots.iter() {
            let key = fold(&member.name);
            let is_right = !key.is_empty() && member.name_hash == hasher.hash(key.as_bytes());
            let is_shared = member.sessions().next().is_none() && member.ignored().is_empty();
            if !is_right || !is_shared || member.joins_after_first() > MAX_JOINS || !keys.insert(key) {
                return Err(format!("the member {:?} is wrong, or is there twice", member.name));
            }
        }
        Ok(())
    }

    /// The member, if it is there.
    pub fn get(&self, id: MemberId) -> Option<&Member> {
        self.slots.get(id.slot.index()).filter(|member| member.serial == id.serial)
    }

    /// Whether a member is in this slot.
    pub fn has(&self, slot: MemberSlot) -> bool {
        self.slots.get(slot.index()).is_some()
    }

    /// All members, each with its rooms.
    pub fn members(&self) -> impl Iterator<Item = (MemberSlot, &Member, Vec<Membership>)> {
        self.slots.iter().map(|(index, member)| {
            let followed = self.followed.iter(member.followed).copied();
            (MemberSlot::new(index), member, member.current.into_iter().chain(followed).collect())
        })
    }
}
