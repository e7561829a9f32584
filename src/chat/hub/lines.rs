//! Lines of sessions: when the next one may be processed, and what is done with it.

use super::Hub;
use super::login::passwords::PasswordUse;
use super::plan::{Asker, LocalChange, Plan, View};
use super::trace::TraceEvent;
use crate::chat::event::Refusal;
use crate::chat::id::{ClientId, MemberSlot, Now, RoomId};
use crate::chat::input::{Allowance, Input};
use crate::chat::password::{Password, PasswordJob};
use crate::chat::policy::rate_limit::RateLimit;
use crate::chat::session::{Session, SessionFlags, SessionStage};

/// Bytes in a session's outbox above which its lines wait. This bounds the memory for its replies.
const MAX_PENDING_REPLIES: usize = 64 * 1024;

impl Hub {
    /// Tells whether the next line of `id` may be given to [`Hub::handle_line`] now.
    pub fn allowance(&self, id: ClientId, now: Now) -> Allowance {
        let Some(session) = self.sessions.get(id).filter(|session| !session.is_leaving()) else {
            return Allowance::Never;
        };
        if session.uncommitted.blocks() {
            return Allowance::AfterCommit;
        }
        if session.stage == SessionStage::Console {
            let may_speak = !self.outbound.has_backpressure()
                && !self.has_unswept_backlog(RoomId::LOBBY)
                && self.disconnects.is_allowed();
            return if may_speak { Allowance::Now } else { Allowance::AfterOthers };
        }
        let half = self.config.backlog_bytes / 2;
        if session.has(SessionFlags::AWAITS_ANSWER) || session.private_bytes() > MAX_PENDING_REPLIES.min(half) {
            return Allowance::AfterReplies;
        }
        if self.outbound.has_backpressure() || session.pending_disconnect.is_some() {
            return Allowance::AfterOthers;
        }
        let mut rooms = self.sessions.subscriptions(session).map(|(_, subscription)| subscription.room);
        if rooms.any(|room| self.has_unswept_backlog(room)) {
            return Allowance::AfterOthers;
        }
        self.config.rate_limit().wait(session.allowance, now).map_or(Allowance::Now, Allowance::At)
    }

    /// The rate limit of one session, for every encoding.
    pub fn rate_limit(&self) -> RateLimit {
        self.config.rate_limit()
    }

    /// Counts more items of a line than the one that every line is, such as the targets of a message.
    pub(super) fn charge(&mut self, id: ClientId, items: usize, now: &Now) {
        let limit = self.config.rate_limit();
        let Some(session) = self.sessions.get_mut(id) else { return };
        (0..items).for_each(|_| session.allowance = limit.taken(session.allowance, *now));
    }

    /// Whether the room has so much unsent data that readers which have not had their turn could become slow
    /// consumers.
    fn has_unswept_backlog(&self, room: RoomId) -> bool {
        self.shared.rooms[room].unswept() > self.config.backlog_bytes as u64 / 2
    }

    /// Processes a line of a session. Its [`Hub::allowance`] should be `Now`, unless this is the last line that it
    /// sends.
    pub fn handle_line(&mut self, id: ClientId, input: Input, now: Now) {
        if self.store.is_some() || self.kept.is_some() {
            // Deliveries are acknowledged first: the replies to this line do not belong to them.
            self.acknowledge_deliveries();
        }
        // A session that has left may still have an incomplete line, which is not processed.
        let counts = |session: &&mut Session| !session.is_leaving() && session.pending_disconnect.is_none();
        let Some(session) = self.sessions.get_mut(id).filter(counts) else { return };
        self.trace.record(|| TraceEvent::Line(id));
        if id != ClientId::CONSOLE {
            self.stats.lines += 1;
            session.allowance = self.config.rate_limit().taken(session.allowance, now);
        }
        let member = session.member;
        if member.is_some() {
            session.active = now.micros();
        }
        if session.encoding.is_irc() {
            return self.irc_line(id, input, &now);
        }
        match (input, member) {
            (Input::TooLong { .. } | Input::SeveralLines, _) => {
                let most = self.config.max_line;
                self.fanout().refuse(id, Refusal::TooLong { most });
            }
            (Input::NotUtf8 { .. }, _) => self.fanout().refuse(id, Refusal::NotUtf8),
            (Input::Line(text), None) => self.line_before_login(id, text, now),
            (Input::Line(text), Some(slot)) => {
                self.line_of_member(self.asker(id, slot), text, &now);
            }
        }
    }

    /// The member in this slot, whose session has typed a line.
    #[inline]
    pub(super) fn asker(&self, id: ClientId, slot: MemberSlot) -> Asker {
        let member = &self.shared.members[slot];
        let room = member.room().unwrap_or(RoomId::LOBBY);
        Asker { id, member: member.id(slot), role: member.role(), room }
    }

    /// Plans a line of a member, and does what the plan says.
    #[inline]
    pub(super) fn line_of_member(&mut self, asker: Asker, text: &str, now: &Now) {
        let id = asker.id;
        // Not by `view`, which would borrow all of the hub.
        let view = View {
            config: &self.config,
            shared: &self.shared,
            sessions: &self.sessions,
            node: self.rejoining.node(),
            has_store: self.store.is_some(),
            has_accounts: self.keeps_accounts(),
            keeps_whispers: self.store.is_some() || self.kept.is_some(),
            last_message_id: self.journal.last_message_id(),
            at: self.log_clock.time(now.at),
        };
        match view.line(asker, text) {
            Plan::Nothing | Plan::LogIn(_) | Plan::AskPassword(_) => {}
            Plan::Reply(event) => self.outbound.send(&mut self.sessions, &self.shared.members, id, &event),
            Plan::ReplyIn(room, event) => {
                self.outbound.send_in(&mut self.sessions, &self.shared.members, &self.shared.rooms, id, room, &event)
            }
            Plan::Report(report) => self.report(asker, report, *now),
            Plan::Query(lookup) => self.queue_query(id, lookup),
            Plan::Local(LocalChange::Echo(on)) => self.set_echo(id, on),
            Plan::Local(LocalChange::Quiet(on)) => self.set_quiet(id, on),
            Plan::Local(LocalChange::Ignore(target)) => self.ignore(asker, target),
            Plan::Local(LocalChange::IgnorePoster(name)) => self.ignore_poster(asker, name),
            Plan::Local(LocalChange::Unignore(name)) => self.unignore(asker, name),
            Plan::Local(LocalChange::Read { account, room, id: message }) => {
                self.note_read(asker, account, room, message);
            }
            Plan::Register { name, password } => {
                let job = PasswordJob::Hash { password: Password::new(password) };
                self.queue_password(id, PasswordUse::Register(name), job, *now);
            }
            Plan::Password { purpose, typed, new } => self.queue_account_password(id, purpose, typed, new, *now),
            Plan::Local(LocalChange::Quit(reason)) => self.quit(id, reason, *now),
            Plan::Whisper { to, text } => self.whisper(asker, to, text, *now),
            Plan::WhisperToConsole { node, text } => self.whisper_to_console(asker, node, text, now),
            Plan::StoreWhisper { to, text } => self.store_whisper(asker, &to, text, *now),
            Plan::Propose(change) => self.propose_checked(id, change, now),
            Plan::ProposeEach(changes) => {
                changes.into_iter().for_each(|change| self.propose_checked(id, change, now));
            }
            Plan::ProposeBoth(first, second) => {
                self.propose_checked(id, first, now);
                self.propose(Some(id), second, now);
            }
            Plan::Reload => self.reload_requests.push(id),
            Plan::ShutDown => self.ending = true,
        }
    }
}
