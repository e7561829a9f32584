//! Applies committed changes: to the shared state, to the logs of rooms, and to the sessions of this process.

mod accounts;
mod members;
mod moderation;
mod multiline;
mod operators;
mod posts;
mod rooms;

use log::debug;

use super::check::check;
use super::check::permissions::Act;
use super::fanout::Fanout;
use super::output::outbound::Outbound;
use super::posts::PostRefusal;
use super::{Hub, Shared};
use crate::chat::cause::Cause;
use crate::chat::change::{Change, Committed, Join, Origin};
use crate::chat::config::Login;
use crate::chat::event::{Event, MessageKind, Refusal};
use crate::chat::id::{ClientId, MemberId, Now, RoomId};
use crate::chat::member::table::MemberTable;
use crate::chat::record::Record;
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::SessionFlags;
use crate::chat::session::table::SessionTable;

impl Hub {
    /// Proposes a change of a session, or refuses it at once if it is not allowed now.
    #[inline]
    pub(super) fn propose_checked(&mut self, id: ClientId, change: Change<'_>, now: &Now) {
        match check(&self.shared, &change, self.log_clock.time(now.at)) {
            Err(refusal) => refuse_change(&mut self.outbound, &mut self.sessions, &self.shared.members, id, refusal),
            Ok(()) => self.propose(Some(id), change, now),
        }
    }

    /// Proposes a change that is allowed now, for a session or for none.
    ///
    /// The local sequencer commits it at once, so it need not be checked again.
    #[inline]
    pub(super) fn propose(&mut self, id: Option<ClientId>, change: Change<'_>, now: &Now) {
        if !self.journal.commit_local() {
            return self.propose_externally(id, change);
        }
        let sessions = &self.sessions;
        self.trace.record_committed(|| id.map(|id| sessions.origin(id)), &change, true, now);
        self.apply(id, &change, now, now);
    }

    fn propose_externally(&mut self, id: Option<ClientId>, change: Change<'_>) {
        let origin = id.map(|id| self.sessions.origin(id));
        if let Some(session) = id.and_then(|id| self.sessions.get_mut(id)) {
            session.uncommitted.add(change.is_message());
        }
        id.into_iter().for_each(|id| self.note_uncommitted(id));
        self.journal.push_proposal(origin, change);
    }

    /// Applies a change that the external sequencer has committed.
    ///
    /// # Panics
    /// If it is not the next one in the order.
    pub fn handle_committed(&mut self, committed: &Committed, now: &Now) {
        let Committed { seq, time, origin, place, change } = committed;
        self.journal.note_committed(*seq, *place);
        if let Some(origin) = *origin {
            self.end_waiting(origin, change);
        }
        let client = proposer(&self.sessions, *origin);
        self.commit(client, committed, now);
        if let Some(origin) = *origin
            && self.sessions.find(origin).is_some()
        {
            self.end_committed(origin.client, time);
        }
    }

    /// A session, if it is there, does not wait for a change of it any more.
    pub(super) fn end_waiting(&mut self, origin: Origin, change: &Change) {
        let Some(session) = self.sessions.find(origin) else { return };
        let blocked = session.uncommitted.blocks();
        session.uncommitted.remove(change.is_message());
        if blocked && !session.uncommitted.blocks() {
            self.outbound.resume(origin.client);
        }
        self.resume_committed(origin.client);
    }

    /// Checks a committed change again, and applies it. `client` is the session that waits for it.
    fn commit(&mut self, client: Option<ClientId>, committed: &Committed, now: &Now) {
        let Committed { time, origin, change, .. } = committed;
        let allowed = check(&self.shared, change, time.at);
        self.trace.record_committed(|| *origin, change, allowed.is_ok(), time);
        if let (Change::Post(post), Err(_), Some(origin)) = (change, &allowed, *origin) {
            self.posts.note_refused(origin, post.lines.len(), PostRefusal::NoRoom);
        }
        if let Err(mut refusal) = allowed {
            if let (Some(id), Change::Join(join)) = (client, change)
                && self.is_asked_anew(id, join)
            {
                refusal = refusal.without_prompt();
            }
            client.into_iter().for_each(|id| {
                refuse_change(&mut self.outbound, &mut self.sessions, &self.shared.members, id, refusal)
            });
            if let (Some(id), Change::Join(join)) = (client, change) {
                // It may have waited for the answer for long, and has the whole time again.
                self.sessions[id].active = now.micros();
                self.handle_refused_join(id, join, now);
            }
            return;
        }
        self.apply(client, change, time, now);
        if let (Change::Post(post), Some(origin)) = (change, *origin) {
            self.note_posted(origin, post);
        }
        if let Change::Join(join) = change
            && origin.is_some()
            && client.is_none()
            && let Some(member) = self.member_of_join(join)
        {
            // The session has ended before its member was there.
            self.propose(None, Change::Leave { member, cause: Cause::ConnectionLost }, now);
        }
    }

    /// Applies a committed change that is allowed. `id` is the session that waits for it.
    ///
    /// `time` is the time of the change, from which follows what is shared. `now` is for the deadlines of sessions.
    #[inline]
    fn apply(&mut self, id: Option<ClientId>, change: &Change, time: &Now, now: &Now) {
        match change {
            // Messages are by far the most.
            Change::Say { member, room, text, kind, tags } => {
                self.apply_say(id, *member, *room, (text, *kind, tags.as_deref()), time)
            }
            _ => self.apply_other(id, change, time, now),
        }
    }

    fn apply_other(&mut self, id: Option<ClientId>, change: &Change, time: &Now, now: &Now) {
        match change {
            Change::Say { .. } => {}
            Change::Join(join) => self.apply_join(id, join, *time, now),
            Change::Move { member, place, .. } => self.apply_move(id, *member, place, *time),
            Change::Follow { member, place, .. } => self.apply_follow(id, *member, place, *time),
            Change::Unfollow { member, room, reason } => {
                self.apply_unfollow(*member, *room, reason.as_deref(), *time);
            }
            Change::Tag { member, room, tags } => self.apply_tag(id, *member, *room, tags, time),
            Change::SayToRole(said) => self.apply_say_to_role(id, said, time),
            Change::Topic { member, room, text } => self.apply_topic(*member, *room, text.as_deref(), *time),
            Change::Away { member, text, of_session } => {
                self.apply_away(id, *member, (text.as_deref(), *of_session), *time);
            }
            Change::SetIdentity { member, real_name, bot, invisible } => {
                self.apply_invisible(*member, *invisible);
                self.apply_identity(*member, real_name.as_deref(), *bot, time);
            }
            Change::SetMetadata(set) => self.apply_metadata(id, set, time),
            Change::Leave { member, cause } => self.apply_leave(*member, cause, *time),
            Change::SayLines(say) => self.apply_say_lines(id, say, time),
            Change::Post(post) => self.apply_post(post, time),
            Change::Rename { member, to } => self.apply_rename(*member, to, *time),
            Change::Kick { member, kick } => self.apply_kick(*member, kick, *time, *now),
            Change::Ban(ban) => self.apply_ban(ban, *time),
            Change::Unban { by, network } => self.apply_unban(*by, *network, *time),
            Change::Mute { member, mute } => self.apply_mute(*member, mute, *time),
            Change::Unmute { by, key } => self.apply_unmute(*by, key, *time),
            Change::Restrict { member, restrict } => self.apply_restrict(*member, restrict, *time),
            Change::Lift(lift) => self.apply_lift(lift, *time),
            Change::SetMask { by, room, kind, mask, add } => self.apply_mask(*by, *room, *kind, mask, *add, *time),
            Change::Set { by, room, setting } => self.apply_setting(*by, *room, setting, *time),
            Change::Invite { by, member, room } => self.apply_invite(*by, *member, *room, *time),
            Change::RoomRole { by, member, room, change } => self.apply_room_role(*by, *member, *room, *change, *time),
            Change::Moderator { by, member, given } => self.apply_moderator(*by, *member, *given),
            Change::Operator { member, given } => self.apply_operator(id, *member, *given, time),
            Change::Delete(delete) => self.apply_delete(delete, *time),
            Change::Register { member, register } => self.apply_register(*member, register, *time),
            Change::LogIn { member, account, network } => {
                self.apply_log_in(*member, *account, *network, *time);
                id.into_iter().for_each(|id| self.end_sasl(id));
            }
            Change::SetPassword { account, verifier, scram } => {
                self.apply_set_password(*account, verifier, scram.as_deref());
            }
            Change::SetScram(set) => self.apply_set_scram(set),
            Change::Unregister { by, account } => self.apply_unregister(*by, *account, *time),
        }
    }

    /// Whether a session gets a new prompt if its login is refused: its last line was not a nickname, but a password or anything
    /// that a member says.
    pub(super) fn is_asked_anew(&self, id: ClientId, join: &Join) -> bool {
        join.account.is_some() || self.rejoining.has(id)
    }

    /// A login was refused: the session is asked again.
    pub(super) fn handle_refused_join(&mut self, id: ClientId, join: &Join, now: &Now) {
        let is_asked_anew = self.is_asked_anew(id, join);
        if self.rejoining.end(id) {
            self.sessions[id].active = now.micros();
        }
        if self.sessions[id].encoding.is_irc() {
            self.forget_nick(id);
        } else if self.config.login == Login::Address {
            // Another session has taken the address as its name.
            self.log_in_by_address(id, *now);
        } else if is_asked_anew {
            self.ask_for_nickname(id);
        }
    }

    fn apply_say(
        &mut self,
        client: Option<ClientId>,
        member: MemberId,
        room: RoomId,
        (text, kind, tags): (&str, MessageKind, Option<&str>),
        time: &Now,
    ) {
        let id = self.journal.next_message_id();
        if self.shared.rooms[room].rules.settings.slow.is_some() {
            self.note_spoken(member, room, time);
        }
        if self.shared.mutes.holds(member, time.at) {
            return self.say_muted(id, (client, member), room, (text, kind), *time);
        }
        let slot = member.slot;
        self.stats.messages += 1;
        self.stats.message_rate.count(time.at);
        let Shared { members, rooms, accounts, .. } = &mut self.shared;
        let (author, name) = (members.author(slot), &*members[slot].name);
        debug!("{}: {name}{}{text}", rooms[room].name, kind.separator());
        let event = kind.event(id, time.local, name, text);
        let mut is_first = false;
        if let Some(store) = &mut self.store {
            is_first = !rooms[room].is_stored;
            store.record_message(&mut rooms[room], &event);
        }
        let is_shown_on_irc =
            rooms[room].has_irc_readers() || client.is_some_and(|id| self.sessions[id].encoding.is_irc());
        let mut fanout =
            Fanout::new(&self.config, members, rooms, &mut self.sessions, &mut self.outbound, &mut self.stats);
        if is_shown_on_irc {
            fanout = fanout.by(accounts.source_of(members, slot), time).tagged(tags);
        }
        match members[slot].account() {
            None => fanout.append_own(room, slot, author, EntryKind::Message, text.len(), &event, time),
            Some(_) => fanout.append_of_account(room, client, author, text.len(), &event, time),
        }
        if fanout.has_console() && (client != Some(ClientId::CONSOLE) || fanout.console_has_echo()) {
            fanout.send_to_console_from(room, &event);
        }
        if let Some(id) = client
            && fanout.is_irc(id)
        {
            fanout.echo(id, room, &event);
        }
        if is_first {
            self.record_first_roles(room, time);
        }
    }

    /// A room is stored from now on: records the roles of accounts that were given before.
    #[cold]
    fn record_first_roles(&mut self, room: RoomId, time: &Now) {
        if self.shared.rooms[room].rules.has_account_roles() {
            self.record_room(room, time);
        }
    }

    /// Notes that a member has spoken in a room with slow mode, if that holds for it.
    #[cold]
    pub(super) fn note_spoken(&mut self, member: MemberId, room: RoomId, time: &Now) {
        if !self.shared.may(member, Act::SpeakModerated, Some(room)) {
            let holder = self.shared.members.holder(member);
            self.shared.rooms[room].rules.note_spoken(holder, time.at);
        }
    }

    /// Shows a message of a muted member to that member as if it was sent, and to the operator with `(muted)`. `client` is the
    /// session that has typed it.
    fn say_muted(
        &mut self,
        id: u64,
        (client, member): (Option<ClientId>, MemberId),
        room: RoomId,
        (text, kind): (&str, MessageKind),
        time: Now,
    ) {
        let slot = member.slot;
        let name = self.shared.members[slot].name.clone();
        debug!("{}: (muted) {name}{}{text}", self.shared.rooms[room].name, kind.separator());
        let shown = format!("(muted) {name}");
        let mut fanout = self.fanout();
        fanout.begin_day(room, &time);
        fanout.send_to_console_from(room, &kind.event(id, time.local, &shown, text));
        let mut index = 0;
        while let Some(session) = self.shared.members[slot].session_at(index) {
            index += 1;
            let has_echo = self.sessions[session].has(SessionFlags::ECHO) || self.echoes(session);
            if has_echo || Some(session) != client {
                self.fanout_by(member, &time).send_in(session, room, &kind.event(id, time.local, &name, text));
            }
        }
        // The id is recorded, so that an id that only its author saw is not given again after a restart.
        self.record(|| Record::NextId(id + 1));
    }
}

/// Answers a session whose change is refused, unless it is a NOTICE, which is never answered: RFC 2812, section 3.3.2.
fn refuse_change(
    outbound: &mut Outbound,
    sessions: &mut SessionTable,
    members: &MemberTable,
    id: ClientId,
    refusal: Refusal,
) {
    if sessions.irc(id).is_none_or(|irc| irc.unfinished().command != "NOTICE") {
        outbound.send(sessions, members, id, &Event::Refusal(refusal));
    }
}

/// The session that has proposed a change, if it has not ended.
fn proposer(sessions: &SessionTable, origin: Option<Origin>) -> Option<ClientId> {
    let Origin { client, session } = origin?;
    sessions.get(client).filter(|found| found.id == session && !found.is_leaving()).map(|_| client)
}
