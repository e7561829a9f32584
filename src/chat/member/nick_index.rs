//! An index of members by nickname, which also finds names that look alike.

use std::collections::BTreeSet;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::Member;
use crate::chat::id::MemberSlot;
use crate::chat::policy::nick::fold;
use crate::chat::policy::nick::lookalike::{AsciiForm, Looks, canonical_key, looks_as_key};
use crate::util::tables::shrink;
use crate::util::tables::slots::Slots;

/// Hashes names with a secret key, so that no name can be chosen for its hash.
#[derive(Clone, Copy)]
pub struct NameHasher(pub [u64; 2]);

impl NameHasher {
    /// The keyed hash of a text.
    pub fn hash(self, text: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0[0], self.0[1]).hash(text)
    }

    /// The keyed hash of what the key of a name looks like.
    fn hash_look(self, name: &str) -> u64 {
        match AsciiForm::of_key(name) {
            Some(form) => self.hash(form.bytes()),
            None => self.hash(canonical_key(name).as_bytes()),
        }
    }

    /// As [`NameHasher::hash_look`]. Most keys look like themselves, and their hashes are known.
    #[inline]
    fn hash_member(self, member: &Member) -> u64 {
        match AsciiForm::of_key(&member.name) {
            Some(form) if form.is_same => member.name_hash,
            Some(form) => self.hash(form.bytes()),
            None => self.hash(canonical_key(&member.name).as_bytes()),
        }
    }
}

/// An index from nicknames to members. The names are stored only with the members.
///
/// Names that look alike are refused, so that two members never have a form of [`Looks`] in common. The exception are
/// members taken over from a server that did not refuse such names: the index holds them all, and finds either one
/// where it looks for look-alikes.
pub struct NickIndex {
    /// The members, hashed by the canonical forms of their keys.
    keys: HashTable<MemberSlot>,
    /// The canonical forms of names as shown, where these differ from those of the keys.
    shown: BTreeSet<(Box<str>, MemberSlot)>,
    hasher: NameHasher,
}

impl NickIndex {
    /// An empty index.
    pub fn new(hasher: NameHasher) -> Self {
        NickIndex { keys: HashTable::new(), shown: BTreeSet::new(), hasher }
    }

    /// The number of nicknames.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Finds the member with that folded name.
    pub fn get(&self, members: &Slots<Member>, key: &str) -> Option<MemberSlot> {
        let hash = self.hasher.hash_look(key);
        self.keys.find(hash, |slot| has_key(&members[slot.index()].name, key)).copied()
    }

    /// Finds a member, other than `own`, with a name that is equal to this one or looks like it.
    pub fn find_alike(&self, members: &Slots<Member>, name: &str, own: Option<MemberSlot>) -> Option<MemberSlot> {
        Looks::find_map(name, |form| self.owner(members, form, own))
    }

    /// The member, other than `own`, with this canonical form.
    fn owner(&self, members: &Slots<Member>, form: &str, own: Option<MemberSlot>) -> Option<MemberSlot> {
        let is_owner = |slot: &MemberSlot| Some(*slot) != own && canonical_key(&members[slot.index()].name) == form;
        let by_key = self.keys.find(self.hasher.hash(form.as_bytes()), is_owner).copied();
        if by_key.is_some() || self.shown.is_empty() {
            return by_key;
        }
        let shown = self.shown.range((Box::from(form), MemberSlot::new(0))..);
        let mut owners = shown.take_while(|(shown, _)| **shown == *form).map(|&(_, slot)| slot);
        owners.find(|slot| Some(*slot) != own)
    }

    /// Adds the current name of a member.
    pub fn insert(&mut self, members: &Slots<Member>, slot: MemberSlot) {
        let hasher = self.hasher;
        let member = &members[slot.index()];
        let hash = |slot: &MemberSlot| hasher.hash_member(&members[slot.index()]);
        self.keys.insert_unique(hasher.hash_member(member), slot, hash);
        if !looks_as_key(&member.name)
            && let Some(shown) = Looks::of(&member.name).shown
        {
            self.shown.insert((shown.as_str().into(), slot));
        }
    }

    /// Removes the current name of a member.
    pub fn remove(&mut self, members: &Slots<Member>, slot: MemberSlot) {
        let hasher = self.hasher;
        let member = &members[slot.index()];
        if let Ok(entry) = self.keys.find_entry(hasher.hash_member(member), |&other| other == slot) {
            entry.remove();
        }
        if !self.shown.is_empty()
            && let Some(shown) = Looks::of(&member.name).shown
        {
            self.shown.remove(&(shown.as_str().into(), slot));
        }
        if shrink::is_oversized(self.keys.len(), self.keys.capacity()) {
            self.keys.shrink_to(2 * self.keys.len(), |slot| hasher.hash_member(&members[slot.index()]));
        }
    }
}

/// Whether a name has this key.
fn has_key(name: &str, key: &str) -> bool {
    if name.is_ascii() { name.eq_ignore_ascii_case(key) } else { fold(name) == key }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use super::*;

    impl NickIndex {
        /// Bytes allocated for the table of keys.
        pub fn capacity_bytes(&self) -> usize {
            self.keys.capacity() * size_of::<MemberSlot>()
        }

        /// Canonical forms of names as shown.
        pub fn shown_forms(&self) -> usize {
            self.shown.len()
        }
    }

    #[test]
    fn hash_is_siphash_1_3_whatever_the_length() {
        let hasher = NameHasher([1, 2]);
        for length in 0..40 {
            let text = &b"aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789_-.,"[..length];
            let mut stream = SipHasher13::new_with_keys(1, 2);
            stream.write(text);
            assert_eq!(hasher.hash(text), stream.finish());
        }
    }
}
