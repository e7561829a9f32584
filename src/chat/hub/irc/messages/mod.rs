//! PRIVMSG, NOTICE and TAGMSG.

pub(super) mod multiline;
pub(super) mod role_messages;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Call;
use super::registration::isupport::MAX_TARGETS;
use super::reply::MAX_LINE;
use crate::chat::change::{Change, SayToRole};
use crate::chat::encoding::Private;
use crate::chat::event::MessageKind;
use crate::chat::hub::Hub;
use crate::chat::hub::nodes::messages::{PrivateContent, PrivateMessage};
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, Now, RoomId};
use crate::chat::member::RoomRole;
use crate::chat::policy::nick::{Name, fold};
use crate::chat::session::irc::Caps;

/// The sign of CTCP before and after a text: <https://modern.ircdocs.horse/ctcp>.
const CTCP: char = '\u{1}';

/// What a text is.
#[derive(Clone, Copy)]
enum Content<'a> {
    Message(MessageKind, &'a str),
    /// A question or an answer of CTCP, which only IRC clients understand.
    Ctcp(MessageKind, &'a str),
    /// Tags alone.
    Tags,
}

impl Content<'_> {
    /// Whether it is a NOTICE, which is never answered: RFC 2812, section 3.3.2.
    fn is_notice(self) -> bool {
        matches!(self, Content::Message(MessageKind::Notice, _) | Content::Ctcp(MessageKind::Notice, _))
    }

    /// Whether it is a message without a text.
    fn is_empty(self) -> bool {
        matches!(self, Content::Message(_, text) | Content::Ctcp(_, text) if text.trim().is_empty())
    }
}

impl Hub {
    /// PRIVMSG
    pub(in crate::chat::hub::irc) fn irc_privmsg(&mut self, call: &Call) {
        self.send_message(call, MessageKind::Said);
    }

    /// NOTICE
    pub(in crate::chat::hub::irc) fn irc_notice(&mut self, call: &Call) {
        self.send_message(call, MessageKind::Notice);
    }

    fn send_message(&mut self, call: &Call, kind: MessageKind) {
        if self.collect_line(call, kind) {
            return;
        }
        let content = content(call.text(1), kind);
        if call.text(0).is_empty() {
            return self.refuse_message(call.id, content, 411, &[], "No recipient given (PRIVMSG)");
        }
        if content.is_empty() {
            return self.refuse_message(call.id, content, 412, &[], "No text to send");
        }
        self.send_to_targets(call, call.text(0), content);
    }

    /// Answers a message that is not sent with a numeric, unless it is a NOTICE.
    fn refuse_message(&mut self, id: ClientId, content: Content, code: u16, middle: &[&str], text: &str) {
        if !content.is_notice() {
            self.numeric(id, code, middle, text);
        }
    }

    /// TAGMSG: <https://ircv3.net/specs/extensions/message-tags>
    pub(in crate::chat::hub::irc) fn irc_tagmsg(&mut self, call: &Call) {
        let has_tags = self.sessions.irc(call.id).is_some_and(|irc| irc.caps.contains(Caps::MESSAGE_TAGS));
        if !has_tags {
            return self.numeric(call.id, 421, &["TAGMSG"], "Unknown command");
        }
        self.send_to_targets(call, call.text(0), Content::Tags);
    }

    fn send_to_targets(&mut self, call: &Call, targets: &str, content: Content) {
        let Some(asker) = self.caller(call) else { return };
        if call.message.tags.is_too_long() {
            return self.refuse_message(asker.id, content, 417, &[], "Input line was too long");
        }
        let unique = unique(targets);
        if unique.len() > MAX_TARGETS {
            return self.refuse_message(asker.id, content, 407, &[targets], "Too many targets");
        }
        self.charge(asker.id, unique.len().saturating_sub(1), call.now);
        for target in unique {
            if !self.fits(asker, target, content) {
                let text = "Input line was too long: others are shown your name and host before it";
                self.refuse_message(asker.id, content, 417, &[], text);
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
        let around = if kind == MessageKind::Action { "\u{1}ACTION \u{1}".len() } else { 0 };
        self.fits_in_line(asker, target, text, around)
    }

    /// As [`Hub::fits`], for a text with `around` bytes around it.
    pub(in crate::chat::hub::irc) fn fits_in_line(
        &self,
        asker: Asker,
        target: &str,
        text: &str,
        around: usize,
    ) -> bool {
        // `:NAME!USER@HOST PRIVMSG TARGET :TEXT`
        let source = self.shared.members.full_name(asker.member.slot);
        ": ".len() + source.len() + "PRIVMSG  :".len() + target.len() + text.len() + around <= MAX_LINE
    }

    /// The client-only tags of a message, if its session may send some.
    fn client_tags(&self, call: &Call) -> Option<Box<str>> {
        let has_tags = self.sessions.irc(call.id).is_some_and(|irc| irc.caps.contains(Caps::MESSAGE_TAGS));
        call.message.tags.client_only().filter(|_| has_tags).map(String::into_boxed_str)
    }

    fn send_to_channel(&mut self, asker: Asker, target: (Option<&str>, &str), content: Content, call: &Call) {
        let (status, name) = target;
        let Some(room) = self.channel_to_speak_in(asker, name, content.is_notice()) else { return };
        let (member, tags) = (asker.member, self.client_tags(call));
        let change = match (content, status) {
            (Content::Ctcp(..), _) => {
                return self.refuse_message(asker.id, content, 404, &[name], "Cannot send CTCP to channel (+C)");
            }
            (Content::Message(kind, text), Some(sign)) => {
                let role = if sign == "@" { RoomRole::Operator } else { RoomRole::Voice };
                let text = Cow::Borrowed(text);
                Change::SayToRole(Box::new(SayToRole { member, room, role, text, kind, tags }))
            }
            (Content::Tags, Some(_)) => return,
            (Content::Message(kind, text), None) => Change::Say { member, room, text: Cow::Borrowed(text), kind, tags },
            (Content::Tags, None) => match tags {
                Some(tags) => Change::Tag { member, room, tags },
                None => return,
            },
        };
        self.propose_checked(asker.id, change, call.now);
    }

    /// The room of a channel in which the member is. If there is none, that is answered, but not for a NOTICE.
    pub(in crate::chat::hub::irc) fn channel_to_speak_in(
        &mut self,
        asker: Asker,
        name: &str,
        is_notice: bool,
    ) -> Option<RoomId> {
        let room = self.channel(asker, name);
        let Some(found) = room.filter(|&room| self.shared.members.is_in(asker.member.slot, room)) else {
            match room {
                _ if is_notice => {}
                None => self.no_such_channel(asker, name),
                Some(_) => self.numeric(asker.id, 404, &[name], "Cannot send to channel (+n)"),
            }
            return None;
        };
        self.note_subject(asker.id, found);
        Some(found)
    }

    /// Sends one line of a message of several lines to a member, or to the members of a room with a role.
    pub(in crate::chat::hub::irc) fn send_joined_line(
        &mut self,
        asker: Asker,
        target: &str,
        (kind, text): (MessageKind, &str),
        call: &Call,
    ) {
        let content = Content::Message(kind, text);
        match target.as_bytes() {
            [b'@' | b'+', b'#', ..] => {
                self.send_to_channel(asker, (Some(&target[..1]), &target[1..]), content, call);
            }
            _ => self.send_to_member_of_name(asker, target, content, call),
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
                self.refuse_message(asker.id, content, 401, &[target], "No such nick/channel");
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
            Content::Ctcp(kind, text) => {
                self.send_line_to_member(asker, to, (kind, PrivateContent::Ctcp(text.into())), tags, call);
            }
            Content::Tags if tags.is_some() => {
                self.send_line_to_member(asker, to, (MessageKind::Said, PrivateContent::Tags), tags, call);
            }
            Content::Tags => {}
        }
    }

    /// Sends what only sessions of IRC understand to those of a member: CTCP, or tags alone.
    fn send_line_to_member(
        &mut self,
        asker: Asker,
        to: MemberId,
        (kind, content): (MessageKind, PrivateContent),
        tags: Option<&str>,
        call: &Call,
    ) {
        let ids = vec![self.private_id(call.now)];
        let message = self.private_message(asker.member, to, kind, content);
        self.send_private(asker, PrivateMessage { ids, tags: tags.map(Box::from), ..message }, call.now);
    }

    /// What IRC shows of a message for one member; it has an id that no other one gets.
    fn private(&mut self, kind: MessageKind, call: &Call) -> Private<'static> {
        Private { kind, id: self.private_id(call.now), target: None }
    }

    /// A number for a message that is not for a whole room.
    pub(in crate::chat::hub) fn private_id(&mut self, now: &Now) -> u64 {
        dated_id(now, self.outbound.next_stamp())
    }

    /// As [`Hub::private_id`], for what the change makes that is applied: the same on all nodes.
    pub(in crate::chat::hub) fn committed_id(&mut self, time: &Now) -> u64 {
        let number = self.journal.first_id().unwrap_or_else(|| self.outbound.next_stamp());
        dated_id(time, number)
    }

    /// Whether a session reads what it has said itself.
    pub(in crate::chat::hub) fn echoes(&self, id: ClientId) -> bool {
        self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::ECHO_MESSAGE))
    }
}

/// A number that grows with the time, and by `number` within a millisecond.
fn dated_id(now: &Now, number: u64) -> u64 {
    let millis = (now.local.unix_timestamp_nanos() / 1_000_000) as u64;
    millis << 20 | number & 0xf_ffff
}

/// What a text is: an action, another use of CTCP, or a message.
fn content(text: &str, kind: MessageKind) -> Content<'_> {
    let Some(inner) = text.strip_prefix(CTCP) else { return Content::Message(kind, text) };
    let inner = inner.strip_suffix(CTCP).unwrap_or(inner);
    let action = if inner == "ACTION" { Some("") } else { inner.strip_prefix("ACTION ") };
    match action.filter(|_| kind != MessageKind::Notice) {
        Some(action) => Content::Message(MessageKind::Action, action),
        None => Content::Ctcp(kind, text),
    }
}

/// The targets of a list with commas between them, each once.
pub(in crate::chat::hub::irc) fn unique(list: &str) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    list.split(',').filter(|target| !target.is_empty() && seen.insert(fold(target))).collect()
}
