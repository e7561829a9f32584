//! What concerns a member alone: whispers, `/echo`, `/ignore`, `/unignore`, `/read` and `/quit`.

use compact_str::CompactString;

use super::check::check_speech;
use super::nodes::kept::Parts;
use super::nodes::messages::{PrivateContent, PrivateMessage};
use super::plan::Asker;
use super::store_queue::conversations::PrivateLine;
use super::{Hub, Shared};
use crate::chat::cause::Cause;
use crate::chat::command::is_blank;
use crate::chat::encoding::Private;
use crate::chat::event::{Event, MessageKind, Notice, Refusal};
use crate::chat::id::{AccountId, Author, ClientId, MemberId, Now, RoomId};
use crate::chat::input::Close;
use crate::chat::member::Ignored;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::session::SessionFlags;
use crate::chat::span::Dated;

impl Hub {
    /// Delivers a whisper, and then the author's own copy.
    ///
    /// It is not delivered if its author is muted or ignored by its reader; the author is not told.
    pub(super) fn whisper(&mut self, asker: Asker, to: MemberId, text: &str, now: Now) {
        let private = Private { kind: MessageKind::Said, id: self.private_id(&now), target: None };
        self.whisper_with(asker, to, text, (private, None), now);
    }

    /// As [`Hub::whisper`], with what IRC shows of it, and with client-only tags.
    pub(super) fn whisper_with(
        &mut self,
        asker: Asker,
        to: MemberId,
        text: &str,
        (private, tags): (Private, Option<&str>),
        now: Now,
    ) {
        if self.spans_nodes(asker.member, to) {
            let message = self.private_message(asker.member, to, private.kind, PrivateContent::Text(text.into()));
            let message = PrivateMessage { ids: vec![private.id], tags: tags.map(Box::from), ..message };
            return self.send_private(asker, message, &now);
        }
        let (slot, target) = (asker.member.slot, to.slot);
        let is_delivered = self.note_whispers(asker.member, to, 1, &now);
        if is_delivered {
            let mut fanout = self.fanout_by(asker.member, &now).tagged(tags).privately(private);
            let event = Event::Whisper { at: now.local, from: fanout.member_name(slot), text };
            fanout.send_dated_to_sessions(target, &event, &now);
        }
        self.remember_whisper(asker.member, to, text, (private, is_delivered), &now);
        if to == asker.member {
            self.exclude_from_answer(asker.id);
        }
        let mut fanout = self.fanout_by(asker.member, &now).tagged(tags).privately(private);
        let name = fanout.member_name(target);
        let event = Event::Whispered { at: now.local, to: name, text };
        fanout.send_own_whisper(slot, asker.id, &event, &now);
        // A NOTICE is never answered: RFC 2812, section 3.3.2.
        if private.kind != MessageKind::Notice {
            self.tell_away(asker.id, to, now);
        }
    }

    /// Counts what a member whispers to another one; returns whether that one reads it.
    fn note_whispers(&mut self, author: MemberId, to: MemberId, count: u64, now: &Now) -> bool {
        let members = &mut self.shared.members;
        // The operator reads what a muted member whispers.
        if members.operator() != Some(to) && self.shared.mutes.holds(author, now.at) {
            return false;
        }
        self.stats.whispers += count;
        let is_delivered = !members[to.slot].ignores(members.author(author.slot));
        if is_delivered {
            members[to.slot].set_whisperer(author, None);
        }
        is_delivered
    }

    /// Remembers a whisper for CHATHISTORY, if one of the two has a session of IRC.
    pub(super) fn remember_whisper(
        &mut self,
        author: MemberId,
        to: MemberId,
        text: &str,
        (private, is_delivered): (Private, bool),
        now: &Now,
    ) {
        let Shared { members, .. } = &self.shared;
        let sessions = members[author.slot].sessions().chain(members[to.slot].sessions());
        if !sessions.into_iter().any(|id| self.sessions[id].encoding.is_irc()) {
            return;
        }
        let line = PrivateLine {
            id: private.id,
            at: now.local,
            author: members.holder(author),
            from: members[author.slot].name.clone(),
            to: members[to.slot].name.clone(),
            kind: private.kind,
            text: text.into(),
            is_delivered,
        };
        self.conversations.add(members.holder(to), line);
    }

    /// Tells a session that the member that it has whispered to is away. A muted member's text is not shown.
    pub(super) fn tell_away(&mut self, id: ClientId, to: MemberId, now: Now) {
        let is_muted = self.shared.mutes.holds(to, now.at);
        let member = &self.shared.members[to.slot];
        if let Some(text) = member.away().filter(|_| !is_muted) {
            let event = Event::Notice(Notice::Away { name: &member.name, text });
            self.outbound.send(&mut self.sessions, &self.shared.members, id, &event);
        }
    }

    /// Programs go on reading who joins and leaves, since they keep lists of the members.
    pub(super) fn set_quiet(&mut self, id: ClientId, on: bool) {
        self.fanout().move_unread_to_outbox(id);
        let session = &mut self.sessions[id];
        session.flags.set(SessionFlags::QUIET, on && !session.encoding.is_json());
        self.fanout().notice(id, Notice::Quiet { on });
    }

    pub(super) fn set_echo(&mut self, id: ClientId, on: bool) {
        self.fanout().move_unread_to_outbox(id);
        self.sessions[id].flags.set(SessionFlags::ECHO, on);
        self.fanout().notice(id, Notice::Echo { on });
    }

    /// Moves the unread lines of all sessions of a member to their outboxes, before it reads other lines than before.
    pub(super) fn move_unread_of(&mut self, member: MemberId) {
        let mut index = 0;
        while let Some(id) = self.shared.members[member.slot].session_at(index) {
            index += 1;
            self.fanout().move_unread_to_outbox(id);
        }
    }

    /// Notes at the sessions of a member whether it ignores others.
    pub(super) fn note_ignoring(&mut self, member: MemberId) {
        let Shared { members, .. } = &self.shared;
        let ignores = !members[member.slot].ignored().is_empty();
        let sessions = members[member.slot].sessions();
        sessions.for_each(|id| self.sessions[id].flags.set(SessionFlags::IGNORES, ignores));
    }

    pub(super) fn ignore(&mut self, asker: Asker, target: MemberId) {
        let members = &self.shared.members;
        self.ignore_author(asker, members[target.slot].name.clone(), members.author(target.slot));
    }

    /// Ignores a poster, whether or not it has ever posted: what is no member cannot be looked up.
    pub(super) fn ignore_poster(&mut self, asker: Asker, Name { shown, key }: Name) {
        let author = Author { member: None, name: self.shared.members.name_hash(&key) };
        self.ignore_author(asker, shown, author);
    }

    fn ignore_author(&mut self, asker: Asker, name: CompactString, author: Author) {
        self.move_unread_of(asker.member);
        let most = self.config.max_ignored;
        let members = &mut self.shared.members;
        let ignored = members[asker.member.slot].ignored_mut();
        ignored.retain(|old| !old.is_of(author));
        let is_full = ignored.len() >= most;
        if !is_full {
            ignored.push(Ignored { name: name.clone(), author });
        }
        self.note_ignoring(asker.member);
        self.record_ignored(asker.member);
        match is_full {
            true => self.fanout().refuse(asker.id, Refusal::TooManyIgnored { most }),
            false => self.fanout().notice(asker.id, Notice::Ignoring { name: &name }),
        }
    }

    pub(super) fn unignore(&mut self, asker: Asker, name: &str) {
        self.move_unread_of(asker.member);
        let members = &mut self.shared.members;
        // By the name at the time of `/ignore`, or by the current name of the same member.
        let hash = key_of(name).map(|key| members.name_hash(&key));
        let target = members.find(name);
        let current = target.map(|target| members[target.slot].name.clone());
        let is_same = |ignored: &Ignored| target.is_some() && ignored.author.member == target;
        let is_meant = |ignored: &Ignored| Some(ignored.author.name) == hash || is_same(ignored);
        let ignored = members[asker.member.slot].ignored_mut();
        let found = ignored.iter().find(|ignored| is_meant(ignored)).map(|ignored| match current {
            Some(name) if is_same(ignored) => name,
            _ => ignored.name.clone(),
        });
        ignored.retain(|ignored| !is_meant(ignored));
        self.note_ignoring(asker.member);
        self.record_ignored(asker.member);
        match found {
            Some(name) => self.fanout().notice(asker.id, Notice::NoLongerIgnoring { name: &name }),
            None => self.fanout().refuse(asker.id, Refusal::NotIgnored { name }),
        }
    }

    /// Remembers how far an account has read a room, and tells its other sessions.
    pub(super) fn note_read(&mut self, asker: Asker, account: AccountId, room: RoomId, message: u64) {
        let name = self.shared.rooms.name(room).to_owned();
        let noted = self.shared.accounts.get_mut(account).is_some_and(|account| account.note_read(&name, message));
        if noted {
            self.record_account(account);
            self.note_private(account, Parts::READ);
            let history = self.shared.rooms[room].history();
            if let Some(at) = history.get(message).map(|message| message.millis()) {
                self.advance_marker(asker, &format!("#{name}"), at);
            }
        }
        let members = &self.shared.members;
        for id in members[asker.member.slot].sessions().filter(|&id| noted || id == asker.id) {
            let notice = Notice::Read { room: &name, id: message, own: id == asker.id };
            self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Notice(notice));
        }
    }

    pub(super) fn quit(&mut self, id: ClientId, reason: &str, now: Now) {
        let member = self.sessions[id].member.map(|slot| self.shared.members.id(slot));
        // Who may not speak could say something with the reason.
        let is_shown = !is_blank(reason) && member.is_none_or(|member| self.may_say_farewell(member, now));
        self.fanout().notice(id, Notice::Goodbye);
        self.end_session(id, Cause::Quit(is_shown.then(|| reason.into())), Close::WhenRead, now);
    }
    /// Whether a member may speak in all its rooms.
    fn may_say_farewell(&self, member: MemberId, now: Now) -> bool {
        let Shared { members, rooms, mutes, .. } = &self.shared;
        let at = self.log_clock.time(now.at);
        let may_speak = |room| check_speech(&self.shared, member, room, &rooms[room], at).is_ok();
        !mutes.holds(member, at) && members.rooms(member.slot).all(may_speak)
    }
}
