//! All members, by slot and by nickname.

mod check;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

use compact_str::{CompactString, format_compact};
use serde::{Deserialize, Serialize};

use super::identity::{DEFAULT_USER, Identity};
use super::nick_index::{NameHasher, NickIndex};
use super::{Member, Membership, Role};
use crate::chat::id::{AccountId, Author, Holder, MemberId, MemberSlot, RoomId};
use crate::chat::policy::nick::{Name, key_of};
use crate::util::tables::lists::Lists;
use crate::util::tables::shrink;
use crate::util::tables::slots::Slots;

/// The name of the operator; no other member can take it.
pub const OPERATOR: &str = "server";

/// All members of the server.
pub struct MemberTable {
    slots: Slots<Member>,
    /// The rooms that members follow.
    followed: Lists<Membership>,
    /// What members with an IRC client say of themselves, by slot; the last one is of a member.
    identities: Vec<Option<Identity>>,
    names: NickIndex,
    /// The serial number of the newest member.
    last: u32,
    operator: Option<Box<Member>>,
    /// The members that are operators of the server, without the one at the console.
    operators: BTreeSet<MemberSlot>,
    hash_key: [u64; 2],
}

/// The state of a [`MemberTable`] as plain data.
#[derive(Serialize, Deserialize)]
pub struct MemberTableState {
    slots: Slots<Member>,
    followed: Lists<Membership>,
    #[serde(default)]
    identities: Vec<Option<Identity>>,
    last: u32,
    operator: Option<Box<Member>>,
    hash_key: [u64; 2],
}

/// The same state, borrowed from a table that may go on.
#[derive(Serialize)]
pub struct MemberTableView<'a> {
    slots: &'a Slots<Member>,
    followed: &'a Lists<Membership>,
    identities: &'a [Option<Identity>],
    last: u32,
    operator: &'a Option<Box<Member>>,
    hash_key: [u64; 2],
}

impl MemberTable {
    /// An empty table. `hash_key` is the key of the hashes of names; keep it secret, so that no name can be chosen for
    /// its hash.
    pub fn new(hash_key: [u64; 2]) -> Self {
        MemberTable {
            slots: Slots::default(),
            followed: Lists::default(),
            identities: Vec::new(),
            names: NickIndex::new(NameHasher(hash_key)),
            last: 0,
            operator: None,
            operators: BTreeSet::new(),
            hash_key,
        }
    }

    /// The number of members, without the operator.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The number of members that are operators of the server, without the one at the console.
    pub fn operator_count(&self) -> usize {
        self.operators.len()
    }

    /// All members with their slots, without the operator.
    pub fn iter(&self) -> impl Iterator<Item = (MemberSlot, &Member)> {
        self.slots.iter().map(|(index, member)| (MemberSlot::new(index), member))
    }

    /// The keyed hash of a folded name, as stored with log entries.
    pub fn name_hash(&self, key: &str) -> u64 {
        NameHasher(self.hash_key).hash(key.as_bytes())
    }

    /// The member, if it has not left.
    pub fn get(&self, id: MemberId) -> Option<&Member> {
        let member = match self.slots.get(id.slot.index()) {
            None if id == MemberId::OPERATOR => self.operator.as_deref(),
            found => found,
        };
        member.filter(|member| member.serial == id.serial)
    }

    /// As [`MemberTable::get`], but never the operator at the console, which is in no room and cannot be removed.
    pub fn person(&self, id: MemberId) -> Option<&Member> {
        if id == MemberId::OPERATOR { None } else { self.get(id) }
    }

    /// As [`MemberTable::get`], mutable.
    pub fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        let member = match self.slots.get_mut(id.slot.index()) {
            None if id == MemberId::OPERATOR => self.operator.as_deref_mut(),
            found => found,
        };
        member.filter(|member| member.serial == id.serial)
    }

    /// What a member may do on the server. The operator has its role on every node, also where there is no console.
    pub fn role(&self, id: MemberId) -> Role {
        if id == MemberId::OPERATOR { Role::Operator } else { self.get(id).map_or(Role::User, Member::role) }
    }

    /// Sets what a member may do on the server apart from OPER.
    pub fn set_role(&mut self, slot: MemberSlot, role: Role) {
        self[slot].set_role(role);
        self.note_role(slot);
    }

    /// Makes a member an operator for its stay, or ends that.
    pub fn set_oper_role(&mut self, slot: MemberSlot, given: bool) {
        self[slot].set_oper_role(given);
        self.note_role(slot);
    }

    /// What a member may do on the server may have changed: counts it among the operators, or no longer.
    fn note_role(&mut self, slot: MemberSlot) {
        match self.slots.get(slot.index()) {
            Some(member) if member.role() == Role::Operator => self.operators.insert(slot),
            _ => self.operators.remove(&slot),
        };
    }

    /// The name of a member; an empty text if it has left.
    pub fn name(&self, id: MemberId) -> &str {
        if id == MemberId::OPERATOR { OPERATOR } else { self.get(id).map_or("", |member| &member.name) }
    }

    /// Who has the roles and restrictions of a member: its account, or itself.
    pub fn holder(&self, id: MemberId) -> Holder {
        self.get(id).map_or(Holder::Member(id), |member| member.holder(id.slot))
    }

    /// The account that a member is logged in as.
    pub fn account(&self, id: MemberId) -> Option<AccountId> {
        self.get(id)?.account()
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
        self.names.get(&self.slots, key).map(|slot| self.id(slot))
    }

    /// Finds a member with a name that is equal to this one or looks like it. `own` is the member that wants the name:
    /// its present name does not count. The operator is not found.
    pub fn find_alike(&self, name: &Name, own: Option<MemberId>) -> Option<MemberId> {
        let own = own.map(|own| own.slot);
        self.names.find_alike(&self.slots, &name.shown, own).map(|slot| self.id(slot))
    }

    /// The operator, if there is a console here.
    pub fn operator(&self) -> Option<MemberId> {
        self.operator.as_ref().and_then(|operator| operator.session_at(0)).map(|_| MemberId::OPERATOR)
    }

    /// The rooms that a member follows, in the order in which it followed them.
    pub fn followed(&self, slot: MemberSlot) -> impl Iterator<Item = RoomId> {
        self.followed.iter(self[slot].followed).map(|membership| membership.room)
    }

    /// The rooms of a member: its current room first, and then those that it follows.
    pub fn rooms(&self, slot: MemberSlot) -> impl Iterator<Item = RoomId> {
        self[slot].room().into_iter().chain(self.followed(slot))
    }

    /// Whether a member follows a room.
    pub fn follows(&self, slot: MemberSlot, room: RoomId) -> bool {
        self.followed(slot).any(|followed| followed == room)
    }

    /// Whether a room is the current room of a member, or one that it follows.
    #[inline]
    pub fn is_in(&self, slot: MemberSlot, room: RoomId) -> bool {
        self[slot].room() == Some(room) || self.follows(slot, room)
    }

    /// Lets a member follow a room.
    pub fn follow(&mut self, slot: MemberSlot, membership: Membership) {
        let mut list = self[slot].followed;
        self.followed.push(&mut list, membership);
        self[slot].followed = list;
    }

    /// A member no longer follows a room; returns its place in the room, if it followed it.
    pub fn unfollow(&mut self, slot: MemberSlot, room: RoomId) -> Option<Membership> {
        let mut list = self[slot].followed;
        let removed = self.followed.remove(&mut list, |membership| membership.room == room);
        self[slot].followed = list;
        removed
    }

    /// A member no longer follows any room; returns its places in them.
    pub fn unfollow_all(&mut self, slot: MemberSlot) -> Vec<Membership> {
        let mut list = std::mem::take(&mut self[slot].followed);
        std::iter::from_fn(|| self.followed.pop(&mut list)).collect()
    }

    /// What a member says of itself, if it has an IRC client.
    pub fn identity(&self, slot: MemberSlot) -> Option<&Identity> {
        self.identities.get(slot.index())?.as_ref()
    }

    /// As [`MemberTable::identity`], to change it; a member without an identity gets one.
    ///
    /// # Panics
    /// If there is no such member.
    pub fn identity_mut(&mut self, slot: MemberSlot) -> &mut Identity {
        let real_name = self.slots[slot.index()].name.as_str();
        if self.identities.len() <= slot.index() {
            self.identities.resize(slot.index() + 1, None);
        }
        self.identities[slot.index()].get_or_insert_with(|| Identity::new(DEFAULT_USER, real_name))
    }

    /// The user name of a member.
    pub fn user(&self, slot: MemberSlot) -> &str {
        self.identity(slot).map_or(DEFAULT_USER, Identity::user)
    }

    /// The real name of a member: its nickname if it has given none.
    pub fn real_name(&self, slot: MemberSlot) -> &str {
        self.identity(slot).map_or(&self[slot].name, Identity::real_name)
    }

    /// Whether a member says that it is a program.
    pub fn is_bot(&self, slot: MemberSlot) -> bool {
        self.identity(slot).is_some_and(Identity::is_bot)
    }

    /// `NICK!USER@HOST` of a member: RFC 2812, section 2.3.1.
    pub fn full_name(&self, slot: MemberSlot) -> CompactString {
        let member = &self[slot];
        format_compact!("{}!{}@{}", member.name, self.user(slot), member.host())
    }

    /// The place of a member in a room has changed.
    pub fn set_place(&mut self, slot: MemberSlot, room: RoomId, place: u32) {
        if let Some(current) = self[slot].current.as_mut().filter(|current| current.room == room) {
            current.place = place;
            return;
        }
        let list = self[slot].followed;
        if let Some(followed) = self.followed.find_mut(list, |membership| membership.room == room) {
            followed.place = place;
        }
    }

    /// Adds a member that joins at `since`, in seconds since 1970; no other member may have its name or one that looks
    /// like it.
    pub fn insert(&mut self, name: &Name, since: i64) -> MemberId {
        self.last = self.last.wrapping_add(1).max(1);
        let serial = NonZeroU32::new(self.last).unwrap_or(NonZeroU32::MIN);
        let member = Member::new(name.shown.clone(), self.name_hash(&name.key), serial, Role::User, since);
        let slot = MemberSlot::new(self.slots.insert(member));
        self.names.insert(&self.slots, slot);
        MemberId { slot, serial }
    }

    /// Adds the operator, which takes no slot of the members: nodes with and without a console number these alike.
    pub fn insert_operator(&mut self) -> MemberId {
        let id = MemberId::OPERATOR;
        let hash = self.name_hash(OPERATOR);
        self.operator = Some(Box::new(Member::new(OPERATOR.into(), hash, id.serial, Role::Operator, 0)));
        id
    }

    /// Adds the operator if there is none: in a cluster it is a member on each node, also where there is no console.
    pub fn add_operator(&mut self) {
        if self.operator.is_none() {
            self.insert_operator();
        }
    }

    /// Gives a member another name; no other member may have it or one that looks like it.
    pub fn rename(&mut self, slot: MemberSlot, name: &Name) {
        self.names.remove(&self.slots, slot);
        let hash = self.name_hash(&name.key);
        let member = &mut self[slot];
        member.name = name.shown.clone();
        member.name_hash = hash;
        self.names.insert(&self.slots, slot);
    }

    /// Removes a member, which must follow no room any more.
    pub fn remove(&mut self, slot: MemberSlot) -> Member {
        self.names.remove(&self.slots, slot);
        self.operators.remove(&slot);
        if let Some(identity) = self.identities.get_mut(slot.index()) {
            *identity = None;
            shrink::sparse(&mut self.identities);
        }
        self.slots.remove(slot.index())
    }

    /// The members as they are on all nodes, without the operator.
    pub fn shared(&self) -> MemberTableState {
        let MemberTable { slots, followed, identities, last, hash_key, .. } = self;
        let (slots, followed, identities) = (slots.map(Member::shared), followed.clone(), identities.clone());
        MemberTableState { slots, followed, identities, last: *last, operator: None, hash_key: *hash_key }
    }

    /// Takes the members of another node; the operator at the console of this one stays.
    pub fn restore(&mut self, state: MemberTableState) {
        let operator = self.operator.take();
        *self = MemberTable::from_state(state);
        let name_hash = self.name_hash(OPERATOR);
        self.operator = operator.map(|operator| Box::new(Member { name_hash, ..*operator }));
    }

    /// An empty table that goes on after the members of this one: no later member has the id of an earlier one.
    pub fn emptied(&self) -> MemberTableState {
        MemberTableState { last: self.last, ..MemberTable::new(self.hash_key).shared() }
    }

    /// The state as plain data, to be written.
    pub fn state(&self) -> MemberTableView<'_> {
        let MemberTable { slots, followed, identities, last, operator, hash_key, .. } = self;
        MemberTableView { slots, followed, identities, last: *last, operator, hash_key: *hash_key }
    }

    /// The state as plain data.
    pub fn into_state(self) -> MemberTableState {
        let MemberTable { slots, followed, identities, last, operator, hash_key, .. } = self;
        MemberTableState { slots, followed, identities, last, operator, hash_key }
    }

    /// The table with this state.
    pub fn from_state(state: MemberTableState) -> Self {
        let MemberTableState { slots, followed, identities, last, operator, hash_key } = state;
        let mut names = NickIndex::new(NameHasher(hash_key));
        for (index, _) in slots.iter() {
            names.insert(&slots, MemberSlot::new(index));
        }
        let is_operator =
            |(index, member): (usize, &Member)| (member.role() == Role::Operator).then_some(MemberSlot::new(index));
        let operators = slots.iter().filter_map(is_operator).collect();
        MemberTable { slots, followed, identities, names, last, operator, operators, hash_key }
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
mod tests;
