//! Applies what members do with rooms: enter, move, follow, unfollow, leave; and topics.

use compact_str::CompactString;

use crate::chat::cause::Cause;
use crate::chat::change::Place;
use crate::chat::encoding::Optional;
use crate::chat::event::{Event, Notice, People, Refusal};
use crate::chat::hub::check::{check_entry, check_speech};
use crate::chat::hub::fanout::{Entrance, Fanout, Greeting, Replay};
use crate::chat::hub::nodes::kept::Key;
use crate::chat::hub::reports::names_and_away;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{Author, ClientId, MemberId, MemberSlot, Now, RoomId};
use crate::chat::member::{Membership, RoomRole};
use crate::chat::room::RoomTopic;
use crate::chat::room::segment_log::EntryKind;

/// Names that the welcome line lists at most.
pub(super) const MAX_WELCOME_NAMES: usize = 12;

impl Hub {
    /// Opens a room for a member; a new room is created by it. Tells the session `client` if that is refused.
    pub(super) fn open_place(
        &mut self,
        place: &Place,
        member: MemberId,
        client: Option<ClientId>,
        time: &Now,
    ) -> Option<RoomId> {
        let Shared { members, rooms, .. } = &mut self.shared;
        let created = members[member.slot].created_rooms();
        let opened = match rooms.check_open(place, created, members) {
            Ok(()) => rooms.open(place, members),
            Err(refusal) => Err(refusal),
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(refusal) => {
                let refusal = Event::Refusal(refusal);
                client.into_iter().for_each(|id| self.outbound.send(&mut self.sessions, members, id, &refusal));
                return None;
            }
        };
        self.release_creator(opened.released);
        if opened.is_new {
            let room = &mut self.shared.rooms[opened.room];
            (room.creator, room.created) = (Some(member), time.local.unix_timestamp());
            room.rules.give_role(self.shared.members.holder(member), RoomRole::Operator, |_| true);
            self.shared.members[member.slot].count_created_room();
            self.note_kept_room(opened.room);
        }
        Some(opened.room)
    }

    /// As [`Hub::open_place`], for a room that a new member wants to resume: the room may keep it out.
    pub(super) fn resume_place(
        &mut self,
        place: &Place,
        member: MemberId,
        client: Option<ClientId>,
        time: &Now,
    ) -> Option<RoomId> {
        if let Some(room) = self.shared.rooms.find_place(place)
            && let Err(refusal) = check_entry(&self.shared, member, room, None, time.at)
        {
            client.into_iter().for_each(|id| {
                self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Refusal(refusal))
            });
            return None;
        }
        self.open_place(place, member, client, time)
    }

    /// A room no longer exists: lets its creator create one more.
    pub(in crate::chat::hub) fn release_creator(&mut self, creator: Option<MemberId>) {
        if let Some(member) = creator.and_then(|creator| self.shared.members.get_mut(creator)) {
            member.uncount_created_room();
        }
    }

    /// The sessions of a member on this node.
    fn sessions_of(&self, slot: MemberSlot) -> Vec<ClientId> {
        self.shared.members[slot].sessions().collect()
    }

    /// Adds a member that has no current room to a room: its sessions are greeted and shown the history, the others
    /// are told.
    pub(super) fn enter(&mut self, slot: MemberSlot, room: RoomId, greeting: Greeting, replay: Replay, time: Now) {
        self.fanout().begin_day(room, &time);
        let others = self.members_in(room, MAX_WELCOME_NAMES, &time);
        let (names, away) = names_and_away(&others);
        let member = self.shared.members.id(slot);
        self.shared.rooms[room].rules.use_invitation(self.shared.members.holder(member));
        let place = self.shared.rooms[room].add_member(slot);
        let here = self.shared.rooms[room].members.len();
        let membership = Membership { room, place };
        match greeting {
            Greeting::Followed => self.shared.members.follow(slot, membership),
            _ => self.shared.members[slot].current = Some(membership),
        }
        self.shared.rooms.note_entered(room);
        let people = People { here, names: &names, away: &away, you: true };
        let entrance = Entrance { room, greeting, people, replay };
        let mut index = 0;
        while let Some(id) = self.shared.members[slot].session_at(index) {
            index += 1;
            self.fanout_by(member, &time).greet(id, slot, &entrance, &time);
            self.replay_to_irc(id, slot, room);
            self.sync_on_join(id, room, &time);
        }
        if !self.ending {
            let mut fanout = self.fanout_by(member, &time);
            let joined = Notice::Joined { name: fanout.member_name(slot), here };
            fanout.announce(room, Some(slot), &Event::Notice(joined), time);
            if self.shared.members[slot].away().is_some() {
                self.show_away_in(room, 1, member, time);
            }
            self.show_metadata_of(member, room, &time);
        }
    }

    pub(super) fn apply_move(&mut self, client: Option<ClientId>, member: MemberId, place: &Place, time: Now) {
        if let Some(room) = self.open_place(place, member, client, &time) {
            self.move_to(member.slot, room, &Cause::Moved, time);
        }
    }

    /// Lets a member go to another room; `cause` is what the members of the old one read.
    pub(super) fn move_to(&mut self, slot: MemberSlot, room: RoomId, cause: &Cause, time: Now) {
        let Some(left) = self.shared.members[slot].current else { return };
        // Its sessions still read the date in the old room.
        self.fanout().begin_day(left.room, &time);
        let member = self.shared.members.id(slot);
        if *cause == Cause::Moved {
            self.show_part(member, left.room, None, &time);
        }
        let followed = self.shared.members.unfollow(slot, room);
        for id in self.sessions_of(slot) {
            let mut fanout = self.fanout();
            fanout.move_unread_to_outbox(id);
            fanout.unsubscribe(id, left.room);
            // A session of IRC reads all rooms of its member alike.
            if followed.is_some() && !fanout.is_irc(id) {
                fanout.unsubscribe(id, room);
            }
        }
        let name = self.shared.members[slot].name.clone();
        self.shared.members[slot].current = None;
        if followed.is_some() {
            self.note_followed(slot, room, false);
        }
        self.leave_room(left, &name, cause, time);
        match followed {
            None => self.enter(slot, room, Greeting::Moved, Replay::ALL, time),
            Some(membership) => self.enter_followed(slot, membership, time),
        }
    }

    /// Makes a room that a member has followed its current room. The others there are not told.
    fn enter_followed(&mut self, slot: MemberSlot, membership: Membership, time: Now) {
        let room = membership.room;
        self.shared.members[slot].current = Some(membership);
        self.fanout().begin_day(room, &time);
        let others = self.other_members_in(room, slot, MAX_WELCOME_NAMES, &time);
        let (names, away) = names_and_away(&others);
        let here = self.shared.rooms[room].members.len();
        let people = People { here, names: &names, away: &away, you: true };
        let entrance = Entrance { room, greeting: Greeting::Moved, people, replay: Replay::ALL };
        for id in self.sessions_of(slot) {
            let mut fanout = self.fanout();
            if !fanout.is_irc(id) {
                fanout.greet(id, slot, &entrance, &time);
            }
        }
    }

    /// Lets a member read another room too.
    fn follow(&mut self, slot: MemberSlot, room: RoomId, replay: Replay, time: Now) {
        if let Some(current) = self.shared.members[slot].room() {
            self.fanout().begin_day(current, &time);
        }
        for id in self.sessions_of(slot) {
            self.fanout().move_unread_to_outbox(id);
            self.sessions[id].note_day(time.local.date());
        }
        self.enter(slot, room, Greeting::Followed, replay, time);
        self.note_followed(slot, room, true);
    }

    /// Notes in the account of a member, if it has one, that it follows a room, or no longer does.
    fn note_followed(&mut self, slot: MemberSlot, room: RoomId, follows: bool) {
        let member = self.shared.members.id(slot);
        let Some(account) = self.shared.members[slot].account() else { return };
        let name = self.shared.rooms.name(room).to_owned();
        if self.shared.accounts.get(account).is_some_and(|account| account.follows(&name) != follows) {
            self.change_account(member, |account| match follows {
                true => account.note_followed(&name),
                false => account.note_unfollowed(&name),
            });
        }
    }

    pub(super) fn apply_follow(&mut self, client: Option<ClientId>, member: MemberId, place: &Place, time: Now) {
        if let Some(room) = self.open_place(place, member, client, &time) {
            self.follow(member.slot, room, Replay::ALL, time);
        }
    }

    pub(super) fn apply_unfollow(&mut self, member: MemberId, room: RoomId, reason: Option<&str>, time: Now) {
        // Who may not speak could say something with the reason.
        let may_speak = !self.shared.mutes.holds(member, time.at)
            && check_speech(&self.shared, member, room, &self.shared.rooms[room], time.at).is_ok();
        self.show_part(member, room, reason.filter(|_| may_speak), &time);
        self.unfollow(member.slot, room, &Cause::Moved, time);
    }

    /// A member no longer follows a room; `cause` is what the other members of the room read. The member is told if it
    /// wished so.
    pub(super) fn unfollow(&mut self, slot: MemberSlot, room: RoomId, cause: &Cause, time: Now) {
        let members = &mut self.shared.members;
        let followed = members.unfollow(slot, room);
        let Some(left) = followed.or_else(|| members[slot].current.take_if(|current| current.room == room)) else {
            return;
        };
        self.note_followed(slot, room, false);
        // If it follows no other room, it reads the dates of its current room from now on.
        if let Some(current) = self.shared.members[slot].room() {
            self.fanout().begin_day(current, &time);
        }
        for id in self.sessions_of(slot) {
            let name = self.shared.rooms[room].name.clone();
            let mut fanout = self.fanout();
            fanout.move_unread_to_outbox(id);
            fanout.unsubscribe(id, room);
            if *cause == Cause::Moved && !fanout.is_irc(id) {
                fanout.notice(id, Notice::Unfollowed { room: &name });
            }
        }
        let name = self.shared.members[slot].name.clone();
        self.leave_room(left, &name, cause, time);
    }

    /// Removes a member from a room; `cause` is what the other members read.
    pub(super) fn leave_room(&mut self, left: Membership, name: &str, cause: &Cause, time: Now) {
        let Membership { room: room_id, place } = left;
        let room = &mut self.shared.rooms[room_id];
        if let Some(moved) = room.remove_member(place) {
            self.shared.members.set_place(moved, room_id, place);
        }
        let here = self.shared.rooms[room_id].members.len();
        // During shutdown all members leave, and they know why.
        if !self.ending {
            // IRC is told in another way, before the member leaves the room.
            let left = Event::Notice(Notice::Left { name, cause, here });
            self.fanout().without_irc().announce(room_id, None, &left, time);
        }
        if let Some(room) = self.shared.rooms.note_left(room_id) {
            self.note_kept(|_| Some(Key::Room(room.key)));
            self.release_creator(room.creator);
        }
    }

    /// The last message or setting of a room may be gone: removes the room if it is empty and nothing keeps it.
    pub(in crate::chat::hub) fn remove_if_unkept(&mut self, room: RoomId) {
        if let Some(room) = self.shared.rooms.remove_unkept(room) {
            self.note_kept(|_| Some(Key::Room(room.key)));
            self.release_creator(room.creator);
        }
    }

    /// Sets or clears the topic of a room. For a muted member nothing is changed, and only the member reads the notice.
    pub(super) fn apply_topic(&mut self, member: MemberId, room: RoomId, text: Option<&str>, time: Now) {
        let name = CompactString::from(self.shared.members.name(member));
        let event = Event::Notice(Notice::TopicSet { name: &name, text });
        if self.shared.mutes.holds(member, time.at) {
            let mut fanout = self.fanout_by(member, &time);
            fanout.begin_day(room, &time);
            fanout.send_to_sessions(member.slot, room, &event);
            let shown = format!("(muted) {name}");
            return fanout.send_to_console_from(room, &Event::Notice(Notice::TopicSet { name: &shown, text }));
        }
        self.shared.rooms[room].topic = text
            .map(|text| Box::new(RoomTopic { name: name.clone(), text: text.into(), at: time.local.unix_timestamp() }));
        self.notice_in_room(member, room, Notice::TopicSet { name: &name, text }, &time);
        self.record_room(room, &time);
        self.remove_if_unkept(room);
    }

    pub(super) fn apply_away(
        &mut self,
        client: Option<ClientId>,
        member: MemberId,
        (text, of_session): (Option<&str>, bool),
        time: Now,
    ) {
        self.shared.members[member.slot].set_away(text);
        if !of_session || text.is_none() {
            self.change_account(member, |account| account.data.away = text.map(Box::from));
        }
        let of = of_session.then_some(client.unwrap_or(ClientId::CONSOLE));
        self.tell_own_away(member, text, of);
        self.show_away(member, time);
    }

    /// Shows programs in the rooms of a member whether it is away, and IRC clients that monitor it.
    pub(super) fn show_away(&mut self, member: MemberId, time: Now) {
        let rooms: Vec<RoomId> = self.shared.members.rooms(member.slot).collect();
        rooms.into_iter().zip(1..).for_each(|(room, index)| self.show_away_in(room, index, member, time));
        self.tell_away_to_watchers(member, &time);
    }

    /// Shows programs in a room whether a member is away. If the member is muted, only its own sessions are shown it.
    ///
    /// `index` is that of the room among all that are shown it, from 1 on.
    fn show_away_in(&mut self, room: RoomId, index: u8, member: MemberId, time: Now) {
        let Shared { members, rooms, mutes, accounts, .. } = &mut self.shared;
        let found = &members[member.slot];
        let event = Event::Notice(Notice::MemberAway { name: &found.name, text: found.away() });
        let source = accounts.source_of(members, member.slot);
        let mut fanout =
            Fanout::new(&self.config, members, rooms, &mut self.sessions, &mut self.outbound, &mut self.stats)
                .by(source, &time);
        // A session of IRC is told itself that it is away.
        let author = Author { name: 0, ..members.author(member.slot) };
        match mutes.holds(member, time.at) {
            true => fanout.send_to_programs(member.slot, room, &event),
            // Without the line of a new day, which others would read.
            false => {
                let kind = EntryKind::Optional(Optional::Away, index);
                fanout.append_optional(room, member.slot, author, kind, &event);
            }
        }
    }

    /// A room that an account follows keeps it out: the account no longer follows it.
    fn forget_followed(&mut self, member: MemberId, place: &Place) {
        let Place::Named(name) = place else { return };
        let account = self.shared.members.account(member).and_then(|account| self.shared.accounts.get(account));
        if account.is_some_and(|account| account.follows(&name.shown)) {
            self.change_account(member, |account| account.note_unfollowed(&name.shown));
        }
    }

    /// Lets a new member follow the rooms that it wants to resume. A room that cannot be opened is refused, the others
    /// are followed.
    pub(super) fn follow_all(
        &mut self,
        client: Option<ClientId>,
        member: MemberId,
        places: &[Place],
        after: Option<u64>,
        time: Now,
    ) {
        // All their histories come at once, and must fit into the backlog together with that of the current room.
        let max_bytes = self.config.backlog_bytes / 4 / places.len().max(1);
        let replay = Replay { after, max_bytes };
        for place in places {
            let most = self.shared.rooms.limits().follow;
            if self.shared.members.followed(member.slot).count() >= most {
                client.into_iter().for_each(|id| self.fanout().refuse(id, Refusal::TooManyFollowed { most }));
                return;
            }
            let is_in = |hub: &Hub, room| hub.shared.members.is_in(member.slot, room);
            if self.shared.rooms.find_place(place).is_some_and(|room| is_in(self, room)) {
                continue;
            }
            match self.resume_place(place, member, client, &time) {
                Some(room) => self.follow(member.slot, room, replay, time),
                None => self.forget_followed(member, place),
            }
        }
    }
}
