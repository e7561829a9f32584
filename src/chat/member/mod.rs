//! A member: a name in the chat, with its sessions.

pub(super) mod identity;
pub(super) mod markers;
pub(super) mod nick_index;
pub(super) mod past;
pub(super) mod table;

use std::num::NonZeroU32;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use self::markers::Markers;
use super::id::{AccountId, Author, ClientId, Holder, Incarnation, MemberId, MemberSlot, RoomId};
use super::irc::metadata::Metadata;
use super::policy::host::Host;
use super::policy::nick::fold;
use crate::util::is_default;
use crate::util::tables::lists::List;

/// What a member may do on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// It has the commands of members.
    #[default]
    User,
    /// It moderates all rooms.
    Moderator,
    /// It is the operator at the console.
    Operator,
}

/// What a member may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RoomRole {
    /// It may speak although the room is moderated.
    Voice,
    /// It operates the room.
    Operator,
}

/// What a member may do in a room, its role on the server included; each rank may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Member,
    Voice,
    RoomOperator,
    Moderator,
    Operator,
}

/// A member that another member ignores: its name at the time, and what its lines are known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    pub name: CompactString,
    pub author: Author,
}

impl Ignored {
    /// An ignored name, of a member that is not known; `hash` makes the hash of a folded name.
    pub fn of_name(name: &CompactString, hash: impl Fn(&str) -> u64) -> Ignored {
        Ignored { name: name.clone(), author: Author { member: None, name: hash(&fold(name)) } }
    }

    /// Whether this is the author: by the member or by the name.
    #[inline]
    pub fn is_of(&self, author: Author) -> bool {
        self.author.name == author.name || author.member.is_some() && self.author.member == author.member
    }
}

/// The place of a member in a room: its index among the members of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub room: RoomId,
    pub place: u32,
}

/// What few members have.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Extras {
    role: Role,
    /// It is an operator for its stay, by OPER of IRC.
    #[serde(default)]
    has_oper_role: bool,
    /// The account that it is logged in as.
    #[serde(default)]
    account: Option<AccountId>,
    /// How often it has joined after the first time: with an account, once for each of its sessions on all nodes.
    #[serde(default)]
    more_joins: u32,
    /// Its sessions after the first.
    sessions: Vec<ClientId>,
    ignored: Vec<Ignored>,
    /// The text that whispers get back, while it is away.
    away: Option<Box<str>>,
    /// The member that whispered to it last.
    whisperer: Option<MemberId>,
    /// The node of that member, if it is the operator at the console of another node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whisperer_node: Option<Incarnation>,
    /// Existing rooms that it created.
    created_rooms: u32,
    /// How far it has read, as IRC clients have told.
    #[serde(default)]
    markers: Markers,
    /// What it says of itself in keys and values, which IRC clients read.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
    /// In a cluster: it has the user mode `i`.
    #[serde(default, skip_serializing_if = "is_default")]
    is_invisible: bool,
}

/// One member. The name, the rooms and the text of `/away` are shared; the sessions, and what they ignore, belong to
/// this node.
#[derive(Clone, Serialize, Deserialize)]
pub struct Member {
    pub name: CompactString,
    /// Keyed hash of the folded name, as in log entries.
    pub name_hash: u64,
    pub serial: NonZeroU32,
    /// When it joined the server: seconds since 1970, UTC, until 2106.
    since: u32,
    /// The cloak of the address from which its first session came.
    #[serde(default)]
    host: Host,
    /// Its current room; `None` for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Membership>,
    /// The rooms that it follows, in the table of members.
    #[serde(default, skip_serializing_if = "is_default")]
    followed: List,
    session: Option<ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extras: Option<Box<Extras>>,
}

impl Member {
    /// A member without a room and a session; `since` is the time at which it joins, in seconds since 1970.
    pub fn new(name: CompactString, name_hash: u64, serial: NonZeroU32, role: Role, since: i64) -> Self {
        let extras = (role != Role::User).then(|| Box::new(Extras { role, ..Extras::default() }));
        let since = since.clamp(0, i64::from(u32::MAX)) as u32;
        let (host, followed) = (Host::LOCAL, List::default());
        Member { name, name_hash, serial, since, host, current: None, followed, session: None, extras }
    }

    /// What is the same of a member on all nodes: all but its sessions, its ignored names and how far it has read.
    pub fn shared(&self) -> Member {
        let mut shared = Member { session: None, ..self.clone() };
        if let Some(extras) = &mut shared.extras {
            (extras.sessions, extras.ignored, extras.markers) = (Vec::new(), Vec::new(), Markers::default());
            (extras.whisperer, extras.whisperer_node) = (None, None);
        }
        // Some have extras for what belongs to one node alone.
        shared.extras.take_if(|extras| is_default(&**extras));
        shared
    }

    /// When it joined the server, in seconds since 1970.
    pub fn since(&self) -> i64 {
        i64::from(self.since)
    }

    /// The cloak of its address.
    pub fn host(&self) -> Host {
        self.host
    }

    /// Sets the cloak of its address.
    pub fn set_host(&mut self, host: Host) {
        self.host = host;
    }

    /// In a cluster: whether it has the user mode `i`.
    pub fn is_invisible(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.is_invisible)
    }

    /// In a cluster: sets the user mode `i`.
    pub fn set_invisible(&mut self, on: bool) {
        if on != self.is_invisible() {
            self.extras.get_or_insert_default().is_invisible = on;
        }
    }

    /// What it says of itself in keys and values.
    pub fn metadata(&self) -> &Metadata {
        const EMPTY: &Metadata = &Metadata::EMPTY;
        self.extras.as_ref().map_or(EMPTY, |extras| &extras.metadata)
    }

    /// As [`Member::metadata`], mutable.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.extras.get_or_insert_default().metadata
    }

    /// Its current room.
    #[inline]
    pub fn room(&self) -> Option<RoomId> {
        self.current.map(|membership| membership.room)
    }

    /// The text that whispers get back, while it is away.
    pub fn away(&self) -> Option<&str> {
        self.extras.as_ref()?.away.as_deref()
    }

    /// Sets or removes the text of `/away`.
    pub fn set_away(&mut self, text: Option<&str>) {
        if text.is_some() || self.extras.is_some() {
            self.extras.get_or_insert_default().away = text.map(Box::from);
        }
    }

    /// What it may do.
    pub fn role(&self) -> Role {
        if self.has_oper_role() { Role::Operator } else { self.lasting_role() }
    }

    /// What it may do apart from OPER.
    pub fn lasting_role(&self) -> Role {
        self.extras.as_ref().map_or(Role::User, |extras| extras.role)
    }

    /// Whether it is an operator for its stay, by OPER of IRC.
    pub fn has_oper_role(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.has_oper_role)
    }

    /// Makes it an operator for its stay, or ends that; what it may do apart from that stays.
    fn set_oper_role(&mut self, given: bool) {
        if given != self.has_oper_role() {
            self.extras.get_or_insert_default().has_oper_role = given;
        }
    }

    /// Sets what it may do apart from OPER.
    fn set_role(&mut self, role: Role) {
        if role != self.lasting_role() {
            self.extras.get_or_insert_default().role = role;
        }
    }

    /// The account that it is logged in as.
    #[inline]
    pub fn account(&self) -> Option<AccountId> {
        self.extras.as_ref()?.account
    }

    /// Logs it in as an account, or out of it.
    pub fn set_account(&mut self, account: Option<AccountId>) {
        self.extras.get_or_insert_default().account = account;
    }

    /// How many sessions it has, on all nodes: those that have joined and whose leave is not committed.
    pub fn joins(&self) -> u32 {
        1 + self.joins_after_first()
    }

    /// How many sessions it has after the first one, on all nodes.
    fn joins_after_first(&self) -> u32 {
        self.extras.as_ref().map_or(0, |extras| extras.more_joins)
    }

    /// Whether it has a session that is not among those here, or one whose leave is not committed.
    pub fn has_other_sessions(&self) -> bool {
        self.joins() as usize > self.sessions().count()
    }

    /// Counts one more session.
    pub fn count_join(&mut self) {
        self.extras.get_or_insert_default().more_joins += 1;
    }

    /// Uncounts a session; returns whether it was the last one.
    pub fn count_leave(&mut self) -> bool {
        match self.extras.as_mut().filter(|extras| extras.more_joins > 0) {
            Some(extras) => {
                extras.more_joins -= 1;
                false
            }
            None => true,
        }
    }

    /// Who has its roles and restrictions: its account, or itself; it is in `slot`.
    pub fn holder(&self, slot: MemberSlot) -> Holder {
        self.account().map_or(Holder::Member(self.id(slot)), Holder::Account)
    }

    /// Its id, with the slot in which it is.
    pub fn id(&self, slot: MemberSlot) -> MemberId {
        MemberId { slot, serial: self.serial }
    }

    /// The author of its lines.
    pub fn author(&self, slot: MemberSlot) -> Author {
        Author { member: Some(self.id(slot)), name: self.name_hash }
    }

    /// Its sessions on this node.
    pub fn sessions(&self) -> impl Iterator<Item = ClientId> + '_ {
        let more = self.extras.iter().flat_map(|extras| extras.sessions.iter().copied());
        self.session.into_iter().chain(more)
    }

    /// The session at this index.
    pub fn session_at(&self, index: usize) -> Option<ClientId> {
        match index {
            0 => self.session,
            _ => self.extras.as_ref()?.sessions.get(index - 1).copied(),
        }
    }

    /// Adds a session.
    pub fn add_session(&mut self, id: ClientId) {
        match self.session {
            None => self.session = Some(id),
            Some(_) => self.extras.get_or_insert_default().sessions.push(id),
        }
    }

    /// Removes a session; returns whether it was the last one.
    pub fn remove_session(&mut self, id: ClientId) -> bool {
        if self.session == Some(id) {
            let next = self.extras.as_mut().filter(|extras| !extras.sessions.is_empty());
            self.session = next.map(|extras| extras.sessions.remove(0));
        } else if let Some(extras) = &mut self.extras {
            extras.sessions.retain(|&other| other != id);
        }
        self.session.is_none()
    }

    /// The members that it ignores.
    pub fn ignored(&self) -> &[Ignored] {
        self.extras.as_ref().map_or(&[], |extras| &extras.ignored)
    }

    /// As [`Member::ignored`], mutable.
    pub fn ignored_mut(&mut self) -> &mut Vec<Ignored> {
        &mut self.extras.get_or_insert_default().ignored
    }

    /// How far it has read a target, a room with its `#` or a nickname: a time in milliseconds since 1970.
    pub fn marker(&self, target: &str) -> Option<i64> {
        self.extras.as_ref()?.markers.get(target)
    }

    /// How far it has read all its targets.
    pub fn markers_mut(&mut self) -> &mut Markers {
        &mut self.extras.get_or_insert_default().markers
    }

    /// Whether it ignores lines of this author: by the member or by the name.
    pub fn ignores(&self, author: Author) -> bool {
        self.ignored().iter().any(|ignored| ignored.is_of(author))
    }

    /// Whether this author is the member itself, which is in `slot`.
    pub fn is_author(&self, slot: MemberSlot, author: Author) -> bool {
        author.member == Some(self.id(slot))
    }

    /// The member that whispered to it last.
    pub fn whisperer(&self) -> Option<MemberId> {
        self.extras.as_ref().and_then(|extras| extras.whisperer)
    }

    /// The node of [`Member::whisperer`], if that is the operator at the console of another node.
    pub fn whisperer_node(&self) -> Option<Incarnation> {
        self.extras.as_ref().and_then(|extras| extras.whisperer_node)
    }

    /// Sets the member that whispered to it last, with its node if that is the operator at the console of another node.
    pub fn set_whisperer(&mut self, whisperer: MemberId, node: Option<Incarnation>) {
        let extras = self.extras.get_or_insert_default();
        (extras.whisperer, extras.whisperer_node) = (Some(whisperer), node);
    }

    /// Existing rooms that it created.
    pub fn created_rooms(&self) -> u32 {
        self.extras.as_ref().map_or(0, |extras| extras.created_rooms)
    }

    /// Counts a room that it created.
    pub fn count_created_room(&mut self) {
        self.extras.get_or_insert_default().created_rooms += 1;
    }

    /// Uncounts a room that it created and that no longer exists.
    pub fn uncount_created_room(&mut self) {
        if let Some(extras) = &mut self.extras {
            extras.created_rooms = extras.created_rooms.saturating_sub(1);
        }
    }
}
