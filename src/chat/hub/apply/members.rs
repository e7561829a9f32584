//! Members that come, leave or take another name.

use log::info;

use crate::chat::cause::Cause;
use crate::chat::change::{Join, Place, Rename};
use crate::chat::config::{Login, Mode};
use crate::chat::event::{Event, Notice};
use crate::chat::hub::fanout::{Greeting, Replay};
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{Author, ClientId, Holder, MemberId, Now, RoomId};
use crate::chat::input::Close;
use crate::chat::member::identity::Identity;
use crate::chat::policy::host::Host;
use crate::chat::policy::nick::fold;
use crate::chat::policy::peer::show_addr;
use crate::chat::room::segment_log::{EntryKind, Spread};
use crate::chat::session::SessionStage;

impl Hub {
    /// The member of a login that is applied.
    pub(super) fn member_of_join(&self, join: &Join) -> Option<MemberId> {
        match join.account {
            Some(account) => self.shared.accounts.get(account)?.member,
            None => self.shared.members.find_key(&join.name.key),
        }
    }

    /// Adds a member, and lets the session that proposed it enter the room; or lets it belong to the member of its account.
    pub(super) fn apply_join(&mut self, client: Option<ClientId>, join: &Join, time: Now, now: &Now) {
        let Join { name, place, follow, network, account, host, identity } = join;
        if account.is_some()
            && let Some(member) = self.member_of_join(join)
        {
            return self.apply_join_again(client, member, join, time, now);
        }
        let member = self.shared.members.insert(name, time.local.unix_timestamp());
        self.shared.node_joins.note_join(self.journal.node(), member.slot, *network);
        self.note_most_members();
        self.introduce(member, *host, identity.as_deref());
        match *account {
            Some(account) => self.bind_new_member(member, account, join, &time),
            None => self.shared.mutes.carry_over(member, name, *network, time.at),
        }
        self.tell_online(member, &name.key);
        let mut after = None;
        if let Some(id) = client {
            after = self.begin_session(id, member, now);
        }
        if account.is_some() {
            self.note_ignoring(member);
        }
        if *place != Place::Nowhere {
            let opened = self.resume_place(place, member, client, &time);
            let greeting = Greeting::LoggedIn { resumes: after.is_some() };
            let replay = Replay { after: after.filter(|_| opened.is_some()), ..Replay::ALL };
            self.enter(member.slot, opened.unwrap_or(RoomId::LOBBY), greeting, replay, time);
        }
        self.follow_all(client, member, follow, after, time);
        if let Some(id) = client {
            self.begin_account_session(id, member.slot, time);
        }
    }

    /// Sets what others are shown of a new member besides its name.
    fn introduce(&mut self, member: MemberId, host: Host, identity: Option<&Identity>) {
        self.shared.members[member.slot].set_host(host);
        if let Some(identity) = identity {
            *self.shared.members.identity_mut(member.slot) = identity.clone();
        }
    }

    /// Gives a session its member; returns the id of the last message that it has read, if it resumes.
    pub(super) fn begin_session(&mut self, id: ClientId, member: MemberId, now: &Now) -> Option<u64> {
        self.add_session(member.slot, id);
        self.prompts.clear(id);
        let session = &mut self.sessions[id];
        // It may belong to no room yet.
        session.stage = SessionStage::Present;
        session.active = now.micros();
        let (name, here) = (&self.shared.members[member.slot].name, self.shared.members.len());
        if let Some(addr) = self.sessions.addr(id) {
            info!("{name} logged in from {} ({here} here)", show_addr(addr));
        }
        if !self.config.idle_timeout.is_zero() {
            self.deadlines.set_idle(&mut self.sessions, id, now.at + self.config.idle_timeout);
        }
        let rejoins = self.end_rejoining(id, member.slot);
        if self.config.login == Login::Nickname && !rejoins {
            self.fanout().notice(id, Notice::NameSet);
        }
        if self.sessions[id].encoding.is_irc() && !rejoins {
            self.welcome_irc(id, member, now);
        }
        self.take_read_position(id)
    }

    /// A session of a member has ended: removes the member if it was the last one.
    pub(super) fn apply_leave(&mut self, member: MemberId, cause: &Cause, time: Now) {
        self.shared.node_joins.note_leave(self.journal.node(), member.slot);
        if self.shared.members[member.slot].count_leave() {
            self.remove_member(member, cause, time);
        } else if self.is_node() {
            // Perhaps those that it has left are here.
            self.update_away(member, None, &time);
        }
    }

    /// Removes a member, whose sessions have ended.
    pub(in crate::chat::hub) fn remove_member(&mut self, member: MemberId, cause: &Cause, time: Now) {
        if self.is_node() {
            self.end_sessions_of(member, cause, time);
        }
        self.shared.mutes.leave(member);
        let slot = member.slot;
        self.shared.node_joins.forget(slot);
        let account = self.shared.members[slot].account();
        if let Some(account) = account.and_then(|account| self.shared.accounts.get_mut(account)) {
            account.member = None;
        }
        if account.is_none() {
            self.conversations.forget(Holder::Member(member));
        }
        self.show_quit(member, cause, &time);
        let (current, followed) = (self.shared.members[slot].current, self.shared.members.unfollow_all(slot));
        let identity = self.shared.members.identity(slot).cloned();
        self.apply_invisible(member, Some(false));
        let left = self.shared.members.remove(slot);
        self.past_members.note(&left, identity.as_ref(), time.local.unix_timestamp());
        self.tell_offline(&left.name);
        current.into_iter().chain(followed).for_each(|room| self.leave_room(room, &left.name, cause, time));
        // A request from a web page must not end the server.
        if self.config.mode == Mode::P2p && *cause != Cause::OtherProtocol {
            self.fanout().send_to_console(&Event::Notice(Notice::PeerLeft { name: &left.name }));
            self.ending = true;
        }
    }

    /// Ends the sessions of a member that is removed. It has some only if something in the log of the cluster is not ours.
    fn end_sessions_of(&mut self, member: MemberId, cause: &Cause, time: Now) {
        while let Some(id) = self.shared.members[member.slot].session_at(0) {
            self.end_locally(id, cause, Close::WhenRead, time);
        }
    }

    pub(super) fn apply_rename(&mut self, member: MemberId, to: &Rename, time: Now) {
        let Rename { name, network, account } = to;
        let slot = member.slot;
        let mut index = 0;
        while let Some(id) = self.shared.members[slot].session_at(index) {
            index += 1;
            self.cancel_deliveries(id);
        }
        let old = self.shared.members[slot].name.clone();
        if fold(&old) != *name.key {
            let Shared { members, .. } = &self.shared;
            self.past_members.note(&members[slot], members.identity(slot), time.local.unix_timestamp());
        }
        self.shared.members.rename(slot, name);
        self.shared.mutes.rename(member, name, *network, time.at);
        info!("{old} is now called {}", name.shown);
        let event = Event::Notice(Notice::Renamed { old: &old, new: &name.shown });
        // A muted member could otherwise send one line with each new name.
        let is_muted = self.shared.mutes.holds(member, time.at);
        let rooms: Vec<RoomId> = self.shared.members.rooms(slot).collect();
        // First, since IRC needs the entries of one change without others between them.
        rooms.iter().for_each(|&room| self.fanout().begin_day(room, &time));
        for (&room, index) in rooms.iter().zip(1..) {
            let mut fanout = self.fanout_by(member, &time);
            match is_muted {
                true => fanout.send_to_sessions_spread(slot, room, index, &event),
                false => fanout.append_undated(room, Author::NONE, EntryKind::Notice(Spread(index)), 0, &event),
            }
        }
        if rooms.is_empty() {
            self.send_to_irc_sessions(member, &event, &time);
        }
        self.tell_renamed(member, &old, &name.key);
        rooms.first().into_iter().for_each(|&room| self.fanout().send_to_console_from(room, &event));
        if let Some(account) = *account {
            self.bind_present_member(member, account, *network, &time);
            self.send_by_member(member, &Event::Notice(Notice::LoggedInAs { name: &name.shown }), &time);
            self.show_account(member, &time);
        }
        if let Some(id) = self.shared.members[slot].session_at(0) {
            self.request_offline_messages(id, time);
        }
    }
}
