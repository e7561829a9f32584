//! PRIVMSG, NOTICE and TAGMSG.

use std::borrow::Cow;

use super::Call;
use super::isupport::MAX_TARGETS;
use crate::chat::change::Change;
use crate::chat::encoding::Private;
use crate::chat::event::{Event, IrcLine, MessageKind, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, Now, RoomId};
use crate::chat::member::RoomRole;
use crate::chat::policy::nick::Name;
use crate::chat::session::irc::Caps;

/// The sign of CTCP before and after a text: <https://modern.ircdocs.horse/ctcp>.
const CTCP: char = '\u{1}';

/// The most bytes of a line without its tags and its end: RFC 1459, section 2.3.
const MAX_LINE: usize = 510;

/// What a text is.
#[derive(Clone, Copy)]
enum Content<'a> {
    Message(MessageKind, &'a str),
    /// A question or an answer of CTCP, which only IRC clients understand.
    Ctcp(MessageKind, &'a str),
    /// Tags alone.
    Tags,
}

impl Hub {
    /// PRIVMSG
    pub(super) fn irc_privmsg(&mut self, call: &Call) {
        self.send_message(call, MessageKind::Said);
    }

    /// NOTICE
    pub(super) fn irc_notice(&mut self, call: &Call) {
        self.send_message(call, MessageKind::Notice);
    }

    fn send_message(&mut self, call: &Call, kind: MessageKind) {
        let id = call.id;
        let command = if kind == MessageKind::Notice { "NOTICE" } else { "PRIVMSG" };
        let Some(targets) = call.param(0).filter(|targets| !targets.is_empty()) else {
            return self.numeric(id, 411, &[], &format!("No recipient given ({command})"));
        };
        let Some(text) = call.param(1).filter(|text| !text.trim().is_empty()) else {
            return self.numeric(id, 412, &[], "No text to send");
        };
        self.send_to_targets(call, targets, content(text, kind));
    }

    /// TAGMSG: <https://ircv3.net/specs/extensions/message-tags>
    pub(super) fn irc_tagmsg(&mut self, call: &Call) {
        let has_tags = self.sessions.irc(call.id).is_some_and(|irc| irc.caps.contains(Caps::MESSAGE_TAGS));
        if !has_tags {
            return self.numeric(call.id, 421, &["TAGMSG"], "Unknown command");
        }
        self.send_to_targets(call, call.text(0), Content::Tags);
    }

    fn send_to_targets(&mut self, call: &Call, targets: &str, content: Content) {
        let Some(asker) = self.caller(call) else { return };
        if call.message.tags.is_too_long() {
            return self.numeric(asker.id, 417, &[], "Input line was too long");
        }
        if targets.split(',').count() > MAX_TARGETS {
            return self.numeric(asker.id, 407, &[targets], "Too many targets");
        }
        for target in targets.split(',') {
            if !self.fits(asker, target, content) {
                self.numeric(asker.id, 417, &[], "Input line was too long");
                continue;
            }
            let (status, name) = match target.as_bytes() {
                [b'@' | b'+', b'#', ..] => (Some(&target[..1]), &target[1..]),
                _ => (None, target),
            };
            match name.starts_with('#') {
                true => self.send_to_channel(asker, (status, name), content, call),
                false => self.send_to_member_of_name(asker, target, content, call),
            }
        }
    }

    /// Whether the readers of a message get it in one line: what the client has sent fits, but others are shown its source, too.
    fn fits(&self, asker: Asker, target: &str, content: Content) -> bool {
        let (Content::Message(kind, text) | Content::Ctcp(kind, text)) = content else { return true };
        let member = &self.shared.members[asker.member.slot];
        // `:NAME!USER@HOST PRIVMSG TARGET :TEXT`
        let source = ":!@ ".len() + member.name.len() + member.user().len() + member.host().text().len();
        let around = if kind == MessageKind::Action { "\u{1}ACTION \u{1}".len() } else { 0 };
        source + "PRIVMSG  :".len() + target.len() + text.len() + around <= MAX_LINE
    }

    /// The client-only tags of a message, if its session may send some.
    fn client_tags(&self, call: &Call) -> Option<Box<str>> {
        let has_tags = self.sessions.irc(call.id).is_some_and(|irc| irc.caps.contains(Caps::MESSAGE_TAGS));
        call.message.tags.client_only().filter(|_| has_tags).map(String::into_boxed_str)
    }

    fn send_to_channel(&mut self, asker: Asker, target: (Option<&str>, &str), content: Content, call: &Call) {
        let (status, name) = target;
        let is_notice =
            matches!(content, Content::Message(MessageKind::Notice, _) | Content::Ctcp(MessageKind::Notice, _));
        let room = match self.channel(asker, name) {
            Some(room) => room,
            // A NOTICE is never answered by an error: RFC 2812, section 3.3.2.
            None if is_notice => return,
            None => return self.no_such_channel(asker, name),
        };
        if !self.shared.members.is_in(asker.member.slot, room) {
            return self.numeric(asker.id, 404, &[name], "Cannot send to channel (+n)");
        }
        let (member, tags) = (asker.member, self.client_tags(call));
        let change = match (content, status) {
            (Content::Ctcp(..), _) => return self.numeric(asker.id, 404, &[name], "Cannot send CTCP to channel (+C)"),
            (content, Some(sign)) => return self.send_to_roles(asker, room, sign, content, tags, call),
            (Content::Message(kind, text), None) => Change::Say { member, room, text: Cow::Borrowed(text), kind, tags },
            (Content::Tags, None) => match tags {
                Some(tags) => Change::Tag { member, room, tags },
                None => return,
            },
        };
        self.propose_checked(asker.id, change, call.now);
    }

    /// Sends a message to the members of a room with a role: `@#room` for operators, `+#room` also for those with voice.
    fn send_to_roles(
        &mut self,
        asker: Asker,
        room: RoomId,
        sign: &str,
        content: Content,
        tags: Option<Box<str>>,
        call: &Call,
    ) {
        let (kind, text) = match content {
            Content::Message(kind, text) => (kind, text),
            _ => return,
        };
        if let Err(refusal) =
            super::super::check::check_speech(&self.shared, asker.member, room, &self.shared.rooms[room], call.now.at)
        {
            return self.outbound.send(&mut self.sessions, asker.id, &Event::Refusal(refusal));
        }
        let least = if sign == "@" { RoomRole::Operator } else { RoomRole::Voice };
        let members = &self.shared.members;
        let has_role = |slot| self.shared.rooms[room].rules.role(members[slot].holder(slot)) >= Some(least);
        let recipients = self.shared.rooms[room].members.iter().copied().filter(|&slot| has_role(slot));
        let mut recipients: Vec<MemberId> = recipients.map(|slot| members.id(slot)).collect();
        recipients.retain(|&member| member != asker.member);
        let is_muted = self.shared.mutes.holds(asker.member, call.now.at);
        let target = format!("{sign}#{}", self.shared.rooms.name(room));
        let private = self.private(kind, call);
        let name = self.shared.members.name(asker.member).to_owned();
        let event = Event::Whisper { at: call.now.local, from: &name, text };
        let private = Private { target: Some(&target), ..private };
        for member in recipients.into_iter().filter(|_| !is_muted) {
            for id in self.shared.members[member.slot].sessions().collect::<Vec<_>>() {
                self.fanout_by(asker.member, call.now).tagged(tags.as_deref()).privately(private).send(id, &event);
            }
        }
        if self.echoes(asker.id) {
            self.fanout_by(asker.member, call.now).tagged(tags.as_deref()).privately(private).send(asker.id, &event);
        }
    }

    fn send_to_member_of_name(&mut self, asker: Asker, target: &str, content: Content, call: &Call) {
        // Masks of servers and hosts are not supported.
        let found = self.view(call.now).recipient(target);
        let tags = self.client_tags(call);
        match (found, content) {
            (Some(to), content) => self.send_to_member_on_irc(asker, to, content, tags.as_deref(), call),
            (None, Content::Message(MessageKind::Said, text))
                if self.view(call.now).stores_whispers(target)
                    && let Ok(name) = Name::new(target) =>
            {
                self.store_whisper(asker, &name, text, *call.now);
            }
            (None, Content::Tags) => {}
            (None, _) => {
                let target = if target.is_empty() { "*" } else { target };
                self.numeric(asker.id, 401, &[target], "No such nick/channel");
            }
        }
    }

    fn send_to_member_on_irc(&mut self, asker: Asker, to: MemberId, content: Content, tags: Option<&str>, call: &Call) {
        let now = *call.now;
        match content {
            Content::Message(kind, text) => {
                let private = self.private(kind, call);
                self.whisper_with(asker, to, text, (private, tags), now);
            }
            Content::Ctcp(kind, text) => self.send_line_to_member(asker, to, kind, Some(text), tags, call),
            Content::Tags if tags.is_some() => {
                self.send_line_to_member(asker, to, MessageKind::Said, None, tags, call);
            }
            Content::Tags => {}
        }
    }

    /// Sends what only sessions of IRC understand to those of a member: CTCP, or tags alone if there is no text.
    fn send_line_to_member(
        &mut self,
        asker: Asker,
        to: MemberId,
        kind: MessageKind,
        text: Option<&str>,
        tags: Option<&str>,
        call: &Call,
    ) {
        let is_muted = self.shared.mutes.holds(asker.member, call.now.at);
        let author = self.shared.members.author(asker.member.slot);
        let is_ignored = self.shared.members[to.slot].ignores(author);
        let command = match (text, kind) {
            (None, _) => "TAGMSG",
            (_, MessageKind::Notice) => "NOTICE",
            _ => "PRIVMSG",
        };
        let (from, target) = (self.name_of(asker.member), self.name_of(to));
        let private = self.private(kind, call);
        let mut readers: Vec<ClientId> = match is_muted || is_ignored {
            true => Vec::new(),
            false => self.shared.members[to.slot].sessions().collect(),
        };
        let count = readers.len();
        readers.extend(self.echoes(asker.id).then_some(asker.id));
        for (index, id) in readers.into_iter().enumerate() {
            if index == count && to == asker.member {
                self.exclude_from_answer(asker.id);
            }
            let Some(irc) = self.sessions.irc(id) else { continue };
            if text.is_none() && !irc.caps.contains(Caps::MESSAGE_TAGS) {
                continue;
            }
            let line =
                IrcLine::Command { from: Sender::Member(&from), command, in_room: false, middle: &[&target], text };
            let fanout = self.fanout_by(asker.member, call.now);
            fanout.tagged(tags).privately(private).send(id, &Event::Irc(line));
        }
    }

    /// What IRC shows of a message for one member; it has an id that no other one gets.
    fn private(&mut self, kind: MessageKind, call: &Call) -> Private<'static> {
        Private { kind, id: self.private_id(call.now), target: None }
    }

    /// A number for a message that is not for a whole room.
    pub(in crate::chat::hub) fn private_id(&mut self, now: &Now) -> u64 {
        let millis = (now.local.unix_timestamp_nanos() / 1_000_000) as u64;
        millis << 20 | self.outbound.next_stamp() & 0xf_ffff
    }

    /// Whether a session reads what it has said itself.
    pub(in crate::chat::hub) fn echoes(&self, id: ClientId) -> bool {
        self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::ECHO_MESSAGE))
    }
}

/// What a text is: an action, another use of CTCP, or a message.
fn content(text: &str, kind: MessageKind) -> Content<'_> {
    let Some(inner) = text.strip_prefix(CTCP) else { return Content::Message(kind, text) };
    let inner = inner.strip_suffix(CTCP).unwrap_or(inner);
    match inner.strip_prefix("ACTION ") {
        Some(action) if kind != MessageKind::Notice => Content::Message(MessageKind::Action, action),
        _ => Content::Ctcp(kind, text),
    }
}
