//! Applies what members do with accounts, and lets sessions belong to the member of an account.

use log::{info, warn};

use super::rooms::MAX_WELCOME_NAMES;
use crate::chat::account::Account;
use crate::chat::change::{Join, Place, Register, SetScram};
use crate::chat::event::{Event, Notice, People};
use crate::chat::hub::fanout::{Entrance, Greeting, Replay};
use crate::chat::hub::nodes::kept::{Key, Parts};
use crate::chat::hub::reports::{ListedMember, names_and_away};
use crate::chat::hub::{Hub, OPERATOR_LOG, Shared};
use crate::chat::id::{AccountId, ClientId, Holder, MemberId, MemberSlot, Now, RoomId};
use crate::chat::member::{Ignored, Role};
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::fold;
use crate::chat::record::{AccountData, MuteRecord, Record};

impl Hub {
    /// One more session logs in as an account that has a member: it reads what that member reads.
    pub(super) fn apply_join_again(
        &mut self,
        client: Option<ClientId>,
        member: MemberId,
        join: &Join,
        time: Now,
        now: &Now,
    ) {
        let members = &mut self.shared.members;
        members[member.slot].count_join();
        self.shared.node_joins.note_join(self.journal.node(), member.slot, join.network);
        if let Some(identity) = join.identity.as_ref().filter(|_| members.identity(member.slot).is_none()) {
            *members.identity_mut(member.slot) = (**identity).clone();
        }
        join.account.into_iter().for_each(|account| self.note_network(account, join.network));
        if join.place != Place::Nowhere && self.shared.members[member.slot].current.is_none() {
            self.find_current_room(member, &join.place, &time);
        }
        let Some(id) = client else { return };
        self.update_away(member, Some(id), now);
        let asked = self.resume_requests.get(&id);
        let asked: Vec<String> = asked.into_iter().flat_map(|request| request.rooms()).map(fold).collect();
        let after = self.begin_session(id, member, now);
        self.note_ignoring(member);
        let rooms: Vec<RoomId> = self.shared.members.rooms(member.slot).collect();
        let max_bytes = self.config.backlog_bytes / 4 / rooms.len().max(1);
        let logged_in = Greeting::LoggedIn { resumes: after.is_some() };
        for (index, &room) in rooms.iter().enumerate() {
            // It has read up to that message in the rooms that it asks for.
            let after = after.filter(|_| asked.iter().any(|key| **key == *self.shared.rooms[room].key));
            let replay = if index == 0 { Replay { after, ..Replay::ALL } } else { Replay { after, max_bytes } };
            let greeting = if index == 0 { logged_in } else { Greeting::Followed };
            self.greet_again(id, member.slot, room, greeting, replay, time);
        }
        self.begin_account_session(id, member.slot, time);
    }

    /// The first session that has a current room logs in as a member that had only sessions of IRC: it gets a current room.
    fn find_current_room(&mut self, member: MemberId, place: &Place, time: &Now) {
        let slot = member.slot;
        let room = self.resume_place(place, member, None, time).unwrap_or(RoomId::LOBBY);
        match self.shared.members.unfollow(slot, room) {
            Some(membership) => self.shared.members[slot].current = Some(membership),
            None => self.enter(slot, room, Greeting::Moved, Replay::ALL, *time),
        }
    }

    /// Lets a session enter a room where its member is already.
    fn greet_again(
        &mut self,
        id: ClientId,
        slot: MemberSlot,
        room: RoomId,
        greeting: Greeting,
        replay: Replay,
        time: Now,
    ) {
        if greeting == Greeting::Followed {
            self.fanout().move_unread_to_outbox(id);
            self.sessions[id].note_day(time.local.date());
        }
        self.fanout().begin_day(room, &time);
        let others = self.other_members_in(room, slot, MAX_WELCOME_NAMES, &time);
        let (names, away) = names_and_away(&others);
        let here = self.shared.rooms[room].members.len();
        let people = People { here, names: &names, away: &away, you: true };
        let entrance = Entrance { room, greeting, people, replay };
        let member = self.shared.members.id(slot);
        self.fanout_by(member, &time).greet(id, slot, &entrance, &time);
        self.replay_to_irc(id, slot, room);
    }

    /// Up to `most` members of a room without one of them.
    pub(super) fn other_members_in(&self, room: RoomId, slot: MemberSlot, most: usize, now: &Now) -> Vec<ListedMember> {
        let mut others = self.members_in(room, most, now);
        others.retain(|member| member.name != self.shared.members[slot].name);
        others
    }

    /// Tells a session that has logged in what else is kept of its account, and asks for its offline messages.
    pub(super) fn begin_account_session(&mut self, id: ClientId, slot: MemberSlot, time: Now) {
        self.tell_kept_away(id, self.shared.members.id(slot));
        self.send_read_positions(id, slot);
        self.request_offline_messages(id, time);
    }

    /// Shows a program how far its account has read each of its rooms.
    fn send_read_positions(&mut self, id: ClientId, slot: MemberSlot) {
        let Shared { accounts, members, rooms, .. } = &self.shared;
        let Some(account) = members[slot].account().and_then(|account| accounts.get(account)) else { return };
        if account.data.read.is_empty() || !self.sessions[id].encoding.is_json() {
            return;
        }
        for room in members.rooms(slot) {
            let room = rooms.name(room);
            if let Some(read) = account.read_position(room) {
                let notice = Notice::Read { room, id: read, own: false };
                self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(notice));
            }
        }
    }

    /// Remembers the network from which the owner of an account logs in.
    fn note_network(&mut self, account: AccountId, network: Network) {
        let found = self.shared.accounts.get_mut(account).filter(|found| found.network() != Some(network));
        if let Some(found) = found {
            found.data.network = Some(network.into());
            self.record_account(account);
        }
    }

    /// A new member logs in as an account: it has what is kept of the account.
    pub(super) fn bind_new_member(&mut self, member: MemberId, account: AccountId, join: &Join, time: &Now) {
        self.note_network(account, join.network);
        let role = self.role_of(account);
        let Shared { accounts, members, mutes, .. } = &mut self.shared;
        let AccountData { ignored, away, markers, .. } = &accounts[account].data;
        let ignored: Vec<Ignored> =
            ignored.iter().map(|name| Ignored::of_name(name, |key| members.name_hash(key))).collect();
        members.set_role(member.slot, role);
        let bound = &mut members[member.slot];
        bound.set_account(Some(account));
        bound.set_away(away.as_deref());
        if !ignored.is_empty() {
            *bound.ignored_mut() = ignored;
        }
        if !markers.is_empty() {
            *bound.markers_mut() = markers.clone();
        }
        accounts[account].member = Some(member);
        mutes.adopt(member, account, time.at);
        mutes.rename(member, &join.name, join.network, time.at);
    }

    /// The role on the server of an account.
    pub(in crate::chat::hub) fn role_of(&self, account: AccountId) -> Role {
        let Account { name, data, .. } = &self.shared.accounts[account];
        match data.moderator {
            _ if self.config.operators.iter().any(|operator| fold(operator) == *name.key) => Role::Operator,
            true => Role::Moderator,
            false => Role::User,
        }
    }

    /// A member of the chat becomes that of an account: the account has from now on what the member has, and the member what is
    /// kept of the account. The caller tells the member, and then the others ([`Hub::show_account`]).
    pub(super) fn bind_present_member(&mut self, member: MemberId, account: AccountId, network: Network, time: &Now) {
        self.move_unread_of(member);
        let Shared { accounts, members, mutes, rooms, .. } = &mut self.shared;
        let hash = |key: &str| members.name_hash(key);
        let kept: Vec<Ignored> =
            accounts[account].data.ignored.iter().map(|name| Ignored::of_name(name, hash)).collect();
        let most = self.config.max_ignored;
        let bound = &mut members[member.slot];
        bound.set_account(Some(account));
        let adds = !(bound.ignored().is_empty() && bound.markers_mut().is_empty());
        for ignored in kept {
            let is_new = bound.ignored().iter().all(|own| own.author.name != ignored.author.name);
            if is_new && bound.ignored().len() < most {
                bound.ignored_mut().push(ignored);
            }
        }
        accounts[account].member = Some(member);
        let data = &mut accounts[account].data;
        data.network = Some(network.into());
        data.moderator |= bound.lasting_role() == Role::Moderator;
        bound.markers_mut().merge(&data.markers);
        data.markers = bound.markers_mut().clone();
        data.ignored = bound.ignored().iter().map(|ignored| ignored.name.clone()).collect();
        let was_away = bound.away().is_some();
        match bound.away() {
            Some(text) => data.away = Some(text.into()),
            None => bound.set_away(data.away.clone().as_deref()),
        }
        let changes_away = was_away != bound.away().is_some();
        self.conversations.adopt(Holder::Member(member), Holder::Account(account));
        mutes.adopt(member, account, time.at);
        data.mute = mutes.of_account(account, time.at).map(|left| MuteRecord {
            until: left.map(|left| time.local.unix_timestamp().saturating_add(left.as_secs() as i64)),
        });
        let followed: Vec<RoomId> = members.followed(member.slot).collect();
        for room in followed {
            accounts[account].note_followed(rooms.name(room));
        }
        let role = self.role_of(account);
        self.shared.members.set_role(member.slot, role);
        self.note_ignoring(member);
        let changed = self.shared.rooms.change_rules(|rules| rules.adopt(member, account));
        changed.into_iter().for_each(|key| self.record_rules(&key, time));
        self.record_account(account);
        if adds {
            self.note_private(account, Parts::IGNORED.and(Parts::READ));
        }
        if changes_away {
            self.show_away(member, *time);
        }
    }

    /// A member without an account is logged in as one.
    pub(super) fn apply_log_in(&mut self, member: MemberId, account: AccountId, network: Network, time: Now) {
        self.bind_present_member(member, account, network, &time);
        let name = self.shared.accounts.name(account).to_owned();
        self.send_by_member(member, &Event::Notice(Notice::LoggedInAs { name: &name }), &time);
        self.show_account(member, &time);
    }

    pub(super) fn apply_register(&mut self, member: MemberId, register: &Register, time: Now) {
        let Register { name, verifier, scram, network } = register;
        let data = AccountData { since: time.local.unix_timestamp(), ..AccountData::default() };
        let account = Account::new(name.clone(), verifier.clone(), scram.clone(), data);
        let account = self.shared.accounts.insert(account);
        self.adopt_early();
        self.bind_present_member(member, account, *network, &time);
        info!("{} is registered", name.shown);
        self.send_by_member(member, &Event::Notice(Notice::Registered { name: &name.shown }), &time);
        self.show_account(member, &time);
    }

    pub(super) fn apply_set_password(&mut self, account: AccountId, verifier: &str, scram: Option<&str>) {
        let found = &mut self.shared.accounts[account];
        (found.verifier, found.scram) = (verifier.into(), scram.map(Into::into));
        let member = found.member;
        info!("{} has another password", found.name.shown);
        self.record_account(account);
        member.into_iter().for_each(|member| self.send_to_member(member, &Event::Notice(Notice::PasswordChanged)));
    }

    /// Two sessions may have given the password at once: the first keys stay, so that their salt does.
    pub(super) fn apply_set_scram(&mut self, set: &SetScram) {
        let SetScram { account, ref scram, .. } = *set;
        let found = &mut self.shared.accounts[account];
        if found.scram.is_none() {
            found.scram = Some(scram.clone());
            self.record_account(account);
        }
    }

    pub(super) fn apply_unregister(&mut self, by: MemberId, account: AccountId, time: Now) {
        let member = self.shared.accounts[account].member;
        if let Some(member) = member {
            self.move_unread_of(member);
            self.shared.members[member.slot].set_account(None);
            self.shared.members.set_role(member.slot, Role::User);
        }
        let changed = self.shared.rooms.change_rules(|rules| rules.forget(account, member));
        let Some(removed) = self.shared.accounts.remove(account) else { return };
        self.conversations.forget(Holder::Account(account));
        for key in changed {
            self.record_rules(&key, &time);
            self.shared.rooms.find(&key).into_iter().for_each(|room| self.remove_if_unkept(room));
        }
        self.shared.mutes.forget(account, removed.network());
        let name = &removed.name.shown;
        self.record(|| Record::AccountGone { name: name.to_string() });
        // The next owner of the name must not read them.
        self.record(|| Record::WhispersRead { to: name.to_string() });
        self.forget_kept_account(&removed.name.key);
        let actor = self.name_of(by);
        warn!(target: OPERATOR_LOG, "{name} is no longer registered, by {actor}");
        let notice = Event::Notice(Notice::Unregistered { name });
        if let Some(member) = removed.member {
            self.send_to_member(member, &notice);
            self.show_account(member, &time);
        }
        if by == MemberId::OPERATOR {
            self.fanout().send_to_console(&notice);
        }
    }

    /// Records an account.
    pub(in crate::chat::hub) fn record_account(&mut self, account: AccountId) {
        self.note_kept(|shared| Some(Key::Account(shared.accounts.get(account)?.name.key.clone())));
        if let Some(store) = &mut self.store
            && let Some(found) = self.shared.accounts.get(account)
        {
            store.record_account(account, found);
        }
    }

    /// Changes what is kept of the account of a member, if it has one, and records it.
    pub(in crate::chat::hub) fn change_account(&mut self, member: MemberId, change: impl FnOnce(&mut Account)) {
        let account = self.shared.members.account(member);
        if let Some(account) = account
            && let Some(found) = self.shared.accounts.get_mut(account)
        {
            change(found);
            self.record_account(account);
        }
    }

    /// Notes in the account of a member whom it ignores.
    pub(in crate::chat::hub) fn record_ignored(&mut self, member: MemberId) {
        let ignored = self.shared.members[member.slot].ignored().iter();
        let names = ignored.map(|ignored| ignored.name.clone()).collect();
        self.change_account(member, |account| account.data.ignored = names);
        self.note_private_of(member, Parts::IGNORED);
    }
}
