//! REDACT: deletes a message. Source: <https://ircv3.net/specs/extensions/message-redaction>.

use std::borrow::Cow;

use crate::chat::change::Change;
use crate::chat::encoding::Optional;
use crate::chat::event::{Event, IrcLine, Refusal, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::registration::first_bytes;
use crate::chat::hub::nodes::messages::RedactedMessage;
use crate::chat::hub::plan::{Asker, MAX_TEXT, Plan};
use crate::chat::id::{Author, ClientId, Holder, MemberId, Now, RoomId};
use crate::chat::irc::message_id::MessageId;
use crate::chat::room::segment_log::EntryKind;
use crate::chat::session::irc::Caps;

/// What a member wants to delete: the target and the id as it has given them, and the reason.
#[derive(Clone, Copy)]
struct Redaction<'a> {
    target: &'a str,
    msgid: &'a str,
    reason: Option<&'a str>,
}

impl<'a> Redaction<'a> {
    /// The line as it is shown; in a room, the channel comes first.
    fn line(self, from: Sender<'a>, in_room: bool, middle: &'a [&'a str]) -> Event<'a> {
        Event::Irc(IrcLine::Command { from, command: "REDACT", in_room, middle, text: self.reason })
    }
}

impl Hub {
    /// REDACT
    pub(in crate::chat::hub::irc) fn irc_redact(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let reason = call.param(2).map(|reason| first_bytes(reason, MAX_TEXT)).filter(|reason| !reason.is_empty());
        let redaction = Redaction { target: call.text(0), msgid: call.text(1), reason };
        match redaction.target.starts_with('#') {
            true => self.redact_in_room(asker, redaction, call),
            false => self.redact_whisper(asker, redaction, call),
        }
    }

    fn no_target(&mut self, id: ClientId, redaction: Redaction) {
        self.fail(id, "REDACT", "INVALID_TARGET", &[redaction.target], "You cannot delete messages there");
    }

    /// Tells a session of IRC that there is no message with this id.
    pub(in crate::chat::hub) fn no_message(&mut self, id: ClientId, target: &str, msgid: &str) {
        let msgid = if msgid.is_empty() || msgid.starts_with(':') { "*" } else { msgid };
        self.fail(
            id,
            "REDACT",
            "UNKNOWN_MSGID",
            &[target, msgid],
            "There is no such message, or it is no longer known",
        );
    }

    fn forbidden(&mut self, id: ClientId, Redaction { target, msgid, .. }: Redaction) {
        let text = "You may not delete this message";
        self.fail(id, "REDACT", "REDACT_FORBIDDEN", &[target, msgid], text);
    }

    /// As `/delete ID`.
    fn redact_in_room(&mut self, asker: Asker, redaction: Redaction, call: &Call) {
        let Some(room) = self.channel(asker, redaction.target) else { return self.no_target(asker.id, redaction) };
        let id = match MessageId::parse(redaction.msgid) {
            Some(MessageId::Room { run, id }) if run == self.run => id,
            _ => return self.no_message(asker.id, redaction.target, redaction.msgid),
        };
        if self.shared.rooms.store_fails() {
            return self.refuse_irc(asker, Refusal::StoreFails);
        }
        let view = self.view(call.now);
        match view.delete_id(asker, room, id) {
            Ok(Plan::Propose(change)) => {
                // With the lines of a message that belong to this one.
                let change = with_lines(change, self.shared.rooms[room].lines_of(id), redaction.reason);
                self.propose_checked(asker.id, change, call.now);
            }
            Ok(Plan::Query(lookup)) => {
                self.queue_query(asker.id, lookup);
                self.defer_answer(asker.id);
            }
            // A muted member must believe that it has deleted its message.
            Ok(_) => self.send_redaction(asker.member, Some(asker.id), room, redaction, call.now),
            Err(Refusal::NotYours { .. }) => self.forbidden(asker.id, redaction),
            Err(_) => self.no_message(asker.id, redaction.target, redaction.msgid),
        }
    }

    /// Deletes what a member has said to another one from the memory of this process.
    fn redact_whisper(&mut self, asker: Asker, redaction: Redaction, call: &Call) {
        let own = self.shared.members.holder(asker.member);
        let Some(other) = self.partner(redaction.target) else { return self.no_target(asker.id, redaction) };
        let id = match MessageId::parse(redaction.msgid) {
            Some(MessageId::Private { run, id }) if run == self.run => id,
            _ => return self.no_message(asker.id, redaction.target, redaction.msgid),
        };
        let found = self.conversations.lines(own, other).into_iter().find(|line| line.id == id);
        let Some((author, is_delivered)) = found.map(|line| (line.author, line.is_delivered)) else {
            return self.no_message(asker.id, redaction.target, redaction.msgid);
        };
        if author != own {
            return self.forbidden(asker.id, redaction);
        }
        self.conversations.delete(own, other, id);
        let recipient = self.member_of(other);
        let to = recipient.map(|member| self.name_of(member));
        let redacted = RedactedMessage {
            by: asker.member,
            from: self.name_of(asker.member),
            other,
            target: to.as_deref().unwrap_or(redaction.target).into(),
            id,
            msgid: redaction.msgid.into(),
            reason: redaction.reason.map(Box::from),
        };
        self.show_private_redaction(&redacted, is_delivered, call.now);
        self.redact_elsewhere(recipient, redacted);
    }

    /// Deletes a whisper whose author, on another node, has deleted it.
    pub(in crate::chat::hub) fn show_redacted(&mut self, redacted: &RedactedMessage, now: &Now) {
        if self.shared.members.get(redacted.by).is_none() {
            return;
        }
        let own = self.shared.members.holder(redacted.by);
        let known = self
            .conversations
            .lines(own, redacted.other)
            .into_iter()
            .any(|line| line.author == own && line.id == redacted.id);
        if known {
            let deleted = self.conversations.delete(own, redacted.other, redacted.id);
            self.show_private_redaction(redacted, deleted.is_some_and(|line| line.is_delivered), now);
        }
    }

    /// Shows the two members of a whisper that it was deleted: its recipient only if it has read it.
    fn show_private_redaction(&mut self, redacted: &RedactedMessage, is_delivered: bool, now: &Now) {
        let RedactedMessage { by, from, other, target, msgid, reason, .. } = redacted;
        let middle = [&**target, &**msgid];
        let redaction = Redaction { target, msgid, reason: reason.as_deref() };
        let event = redaction.line(Sender::Member(from), false, &middle);
        let to_recipient = self.member_of(*other).filter(|&member| is_delivered && member != *by);
        for member in [Some(*by), to_recipient].into_iter().flatten() {
            for id in self.redaction_readers(member) {
                self.fanout_by(*by, now).send(id, &event);
            }
        }
    }

    /// The member of a holder, if it is here.
    fn member_of(&self, holder: Holder) -> Option<MemberId> {
        match holder {
            Holder::Member(member) => Some(member),
            Holder::Account(account) => self.shared.accounts.get(account)?.member,
        }
    }

    /// The sessions of a member that are shown what is deleted.
    fn redaction_readers(&self, member: MemberId) -> Vec<ClientId> {
        let sessions = self.shared.members.get(member).into_iter().flat_map(|member| member.sessions());
        let reads = |id: &ClientId| self.sessions.irc(*id).is_some_and(|irc| irc.caps.contains(Caps::REDACTION));
        sessions.filter(reads).collect()
    }

    /// Shows the readers of a room on IRC that messages were deleted. What a muted member deletes is shown to itself alone.
    pub(in crate::chat::hub) fn show_redactions(
        &mut self,
        by: MemberId,
        room: RoomId,
        (ids, reason): (&[u64], Option<&str>),
        time: &Now,
    ) {
        let is_muted = self.shared.mutes.holds(by, time.at);
        let is_in = by != MemberId::OPERATOR && self.shared.members.is_in(by.slot, room);
        for &id in ids {
            let msgid = MessageId::Room { run: self.run, id }.to_string();
            let redaction = Redaction { target: "", msgid: &msgid, reason };
            if is_muted || !is_in {
                self.send_redaction(by, None, room, redaction, time);
            }
            if !is_muted {
                let (name, middle) = (self.name_of(by), [&*msgid]);
                let from = if by == MemberId::OPERATOR { Sender::Server } else { Sender::Member(&name) };
                let kind = EntryKind::Optional(Optional::Redaction, 0);
                let event = redaction.line(from, true, &middle);
                self.fanout_by(by, time).append_irc(room, None, Author::NONE, kind, &event);
            }
        }
    }

    /// Shows the sessions of a member, or one of them, what it has deleted in a room.
    fn send_redaction(&mut self, by: MemberId, only: Option<ClientId>, room: RoomId, redaction: Redaction, time: &Now) {
        let (name, middle) = (self.name_of(by), [redaction.msgid]);
        let event = redaction.line(Sender::Member(&name), true, &middle);
        for id in self.redaction_readers(by) {
            if only.is_none_or(|only| only == id) {
                self.fanout_by(by, time).send_in(id, room, &event);
            }
        }
    }
}

fn with_lines<'a>(change: Change<'a>, ids: Vec<u64>, reason: Option<&'a str>) -> Change<'a> {
    match change {
        Change::Delete(mut delete) => {
            delete.ids = ids;
            delete.reason = reason.map(Cow::Borrowed);
            Change::Delete(delete)
        }
        other => other,
    }
}
