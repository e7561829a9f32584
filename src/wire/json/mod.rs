//! The JSON encoding: each event is one JSON object, in a text frame of its own or in a line.
//!
//! The member `t` is the kind of the object; `JsonEvent` lists all kinds. An event of a room has the member `room`.

mod event;
mod refused;

use std::fmt::Display;

use time::OffsetDateTime;

use self::event::{JsonEvent, Range, Value};
use self::refused::Refused;
use super::frame;
use crate::chat::change::{RestrictionKind, RoleChange};
use crate::chat::input::run_text;
use crate::chat::{
    Cause, Event, HistoryRange, Lang, MaskKind, MessageKind, NodeLine, Notice, People, Render, Role, RoomLabel,
    RoomRole, SettingsView, Topic, Whois,
};

/// The revision of the protocol.
const REVISION: u32 = 2;

/// How the objects are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each is a text frame of a WebSocket.
    Frame,
    /// Each is a line, ended by CR LF.
    Line,
}

/// Renders events as JSON.
pub struct Json {
    /// The language of the server's texts.
    pub lang: Lang,
    pub framing: Framing,
}

impl Render for Json {
    fn render(&self, event: &Event, label: RoomLabel, out: &mut Vec<u8>) {
        let Some(object) = self.object(event, label.room()) else { return };
        // Writing to a vector cannot fail, and every key is a string.
        let write = |out: &mut Vec<u8>| drop(serde_json::to_writer(out, &object));
        match self.framing {
            Framing::Frame => frame::text_frame(out, write),
            Framing::Line => {
                write(out);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

impl Json {
    /// The object for an event of a room; `None` if nothing is sent.
    fn object<'a>(&self, event: &'a Event<'a>, room: Option<&'a str>) -> Option<JsonEvent<'a>> {
        let seconds = |at: OffsetDateTime| at.unix_timestamp();
        Some(match *event {
            Event::Notice(ref notice) => return self.notice(notice, room),
            Event::Refusal(ref refusal) => JsonEvent::Refused(Refused::new(self.lang, refusal)),
            Event::Said { id, at, name, text } => {
                JsonEvent::Said { room, id, at: seconds(at), name, text, notice: false }
            }
            Event::Noticed { id, at, name, text } => {
                JsonEvent::Said { room, id, at: seconds(at), name, text, notice: true }
            }
            Event::Action { id, at, name, text } => JsonEvent::Action { room, id, at: seconds(at), name, text },
            Event::Whisper { at, from, text } => JsonEvent::Whisper { at: seconds(at), from, text },
            Event::Whispered { at, to, text } => JsonEvent::Whispered { at: seconds(at), to, text },
            // Only sessions of IRC are sent these.
            Event::Irc(_) => return None,
            Event::Found { id, at, name, text, kind } => {
                let (action, notice) = (kind == MessageKind::Action, kind == MessageKind::Notice);
                JsonEvent::Found { room, id, at: seconds(at), name, text, action, notice }
            }
            Event::Help(reader) => JsonEvent::Help { lines: self.lang.help(reader).collect() },
        })
    }

    fn notice<'a>(&self, notice: &'a Notice<'a>, room: Option<&'a str>) -> Option<JsonEvent<'a>> {
        Some(match *notice {
            Notice::Hello { server, run, max_line, store } => JsonEvent::Hello {
                rev: REVISION,
                name: server,
                run: run.map(run_text).unwrap_or_default(),
                version: env!("CARGO_PKG_VERSION"),
                lang: self.lang.code(),
                max_line,
                store,
            },
            Notice::Welcome { .. } => JsonEvent::Ask,
            Notice::AskPassword { account, .. } => {
                let owner = if account.is_some() { "account" } else { "server" };
                JsonEvent::AskPassword { owner, name: account }
            }
            Notice::Registered { name } => self.account("registered", Some(name), notice),
            Notice::LoggedInAs { name } => self.account("logged_in", Some(name), notice),
            Notice::PasswordChanged => self.account("password_changed", None, notice),
            Notice::Unregistered { name } => self.account("unregistered", Some(name), notice),
            Notice::Read { own: true, .. } => return None,
            Notice::Read { room, id, own: false } => JsonEvent::Read { room, id },
            // The page derives these itself.
            Notice::NameSet | Notice::Day(_) => return None,
            Notice::Entered { name, room, people: People { here, names, away, .. }, topic, role, account } => {
                let (topic, role) = (text(topic), role_name(role));
                JsonEvent::Entered { name, room, here, names, away, topic, role, account }
            }
            Notice::EnteredPeer { name } => {
                let (room, names) = ("lobby", &["server"]);
                JsonEvent::Entered { name, room, here: 2, names, away: &[], topic: None, role: None, account: false }
            }
            Notice::Motd { text } => JsonEvent::Motd { text: Some(text) },
            Notice::NoMotd => JsonEvent::Motd { text: None },
            Notice::EnteredRoom { room, people: People { here, names, away, .. }, topic } => {
                JsonEvent::Room { room, here, names, away, topic: text(topic) }
            }
            Notice::Following { room, people: People { here, names, away, .. }, topic } => {
                JsonEvent::Following { room, here, names, away, topic: text(topic) }
            }
            Notice::Unfollowed { room } => JsonEvent::Unfollowed { room },
            Notice::TopicSet { name, text } => JsonEvent::Topic { room, name: Some(name), text },
            Notice::Topic(Topic { name, text }) => JsonEvent::Topic { room, name: Some(name), text: Some(text) },
            Notice::NoTopic => JsonEvent::Topic { room, name: None, text: None },
            Notice::MemberAway { name, text } => JsonEvent::Away { room, name, text },
            Notice::YouAreAway { name, text } => JsonEvent::Away { room: None, name, text },
            Notice::Away { name, text } => JsonEvent::Away { room: None, name, text: Some(text) },
            Notice::Quiet { on } => JsonEvent::Quiet { on },
            Notice::Whois(Whois { name, since, rooms, role, account, away }) => {
                let (since, role) = (since.unix_timestamp(), role_name(role));
                JsonEvent::Whois { name, since, rooms, away, role, account: account.is_some() }
            }
            Notice::HistoryBegins { messages, gap, range } => {
                let range = match range {
                    HistoryRange::Latest => None,
                    HistoryRange::Before(id) => Some(Range::Before(id)),
                    HistoryRange::After { after } => Some(Range::After(after)),
                    HistoryRange::Around { around } => Some(Range::Around(around)),
                    HistoryRange::On { on } => Some(Range::On(on.to_string())),
                };
                JsonEvent::History { room, messages, gap, range }
            }
            Notice::HistoryEnds => JsonEvent::Live { room, older: None, newer: None },
            Notice::PageEnds { older, newer, .. } => JsonEvent::Live { room, older: Some(older), newer: Some(newer) },
            Notice::FoundBegins { words, messages } => JsonEvent::Search { room, words, messages },
            Notice::FoundEnds { words, older, .. } => JsonEvent::SearchEnds { room, words, older },
            Notice::Joined { name, here } => JsonEvent::Joined { room, name, here },
            Notice::Left { name, cause, here } => {
                let (cause, reason) = cause_and_reason(cause);
                JsonEvent::Left { room, name, here, cause, reason }
            }
            Notice::Renamed { old, new } => JsonEvent::Renamed { room, old, new },
            Notice::Summed { joined, left, here } => JsonEvent::Summed { room, joined, left, here },
            Notice::Waiting { number } => JsonEvent::Waiting { number },
            Notice::Pong { text } => JsonEvent::Pong { text },
            Notice::People { room, people: People { here, names, away, you }, nodes }
            | Notice::PeopleIn { room, people: People { here, names, away, you }, nodes } => {
                JsonEvent::People { room, here, names, away, nodes, you }
            }
            Notice::Node(NodeLine { name, is_this: this, ready, members, applied, lag, heard }) => {
                let heard = heard.map(|heard| heard.as_millis() as u64);
                let text = self.lang.notice(notice).to_string();
                JsonEvent::Node { name, this, ready, members, applied, lag, heard, text }
            }
            Notice::Rooms { rooms, more } => JsonEvent::Rooms { rooms, more },
            Notice::Echo { on } => JsonEvent::Echo { on },
            Notice::Ignoring { name } => JsonEvent::Ignoring { name },
            Notice::NoLongerIgnoring { name } => JsonEvent::NotIgnoring { name },
            Notice::IgnoreList { names } => JsonEvent::Ignored { names },
            Notice::Goodbye => JsonEvent::Goodbye,
            Notice::Kicked { why, by } => JsonEvent::Kicked { why, by },
            Notice::SettingChanged { by, setting } => {
                let value = match setting.number() {
                    Some(number) => Value::Number(number),
                    None if setting.is_on() => Value::On(true),
                    None => Value::Off,
                };
                JsonEvent::Setting { room, setting: setting.name(), value, by }
            }
            Notice::Settings(ref view) => settings(view),
            Notice::RoleChanged { by, name, change } => {
                let role = match change {
                    RoleChange::Give(RoomRole::Operator) => Some("op"),
                    RoleChange::Give(RoomRole::Voice) => Some("voice"),
                    RoleChange::Take(_) => None,
                };
                JsonEvent::Role { room, name, role, by }
            }
            Notice::Moderator { name, by, given, .. } => {
                JsonEvent::Role { room: None, name, role: role_name(Role::Moderator).filter(|_| given), by }
            }
            Notice::Restricted { by, name, kind, lifted } => {
                let act = match (kind, lifted) {
                    (RestrictionKind::Mute, false) => "muted",
                    (RestrictionKind::Mute, true) => "unmuted",
                    (RestrictionKind::Ban, false) => "banned",
                    (RestrictionKind::Ban, true) => "unbanned",
                };
                JsonEvent::Moderation { room, act, name, by }
            }
            Notice::MaskSet { by, kind, mask, added } => {
                JsonEvent::Mask { room, kind: mask_kind_name(kind), mask, by, added }
            }
            Notice::Deleted { by, name, ids } => JsonEvent::Deleted { room, ids, by, name },
            Notice::Removed { room, by, banned, why } => {
                JsonEvent::Removed { room, cause: if banned { "banned" } else { "kicked" }, by, why }
            }
            Notice::Invited { room, name, by, .. } => JsonEvent::Invited { room, name, by },
            Notice::ShuttingDown => JsonEvent::Ending,
            ref other => JsonEvent::Note { text: words(self.lang.notice(other))? },
        })
    }

    fn account<'a>(&self, what: &'static str, name: Option<&'a str>, notice: &Notice) -> JsonEvent<'a> {
        JsonEvent::Account { what, name, text: self.lang.notice(notice).to_string() }
    }
}

/// The name of a role on the server.
fn role_name(role: Role) -> Option<&'static str> {
    match role {
        Role::User => None,
        Role::Moderator => Some("moderator"),
        Role::Operator => Some("operator"),
    }
}

/// The name of a list of masks.
fn mask_kind_name(kind: MaskKind) -> &'static str {
    match kind {
        MaskKind::Ban => "ban",
        MaskKind::Except => "except",
        MaskKind::InviteExcept => "invite_except",
    }
}

fn settings<'a>(view: &SettingsView<'a>) -> JsonEvent<'a> {
    let &SettingsView { room, settings, shows_key, operators, voices } = view;
    JsonEvent::Settings {
        room,
        key: match settings.key.as_deref() {
            None => Value::Off,
            Some(key) if shows_key => Value::Text(key),
            Some(_) => Value::On(true),
        },
        invite_only: settings.invite_only,
        moderated: settings.moderated,
        secret: settings.secret,
        topic_lock: settings.topic_lock,
        limit: settings.limit,
        slow: settings.slow,
        operators,
        voices,
    }
}

/// The text of a topic.
fn text(topic: Option<Topic<'_>>) -> Option<&str> {
    topic.map(|topic| topic.text)
}

/// The text; `None` if it is empty.
fn words(words: impl Display) -> Option<String> {
    Some(words.to_string()).filter(|text| !text.is_empty())
}

/// The name and reason of a cause; closing the page counts as `quit`.
fn cause_and_reason(cause: &Cause) -> (&'static str, Option<&str>) {
    match cause {
        Cause::Quit(reason) => ("quit", reason.as_deref()),
        Cause::EndOfInput => ("quit", None),
        other => (Cause::NAMES[other.number()], None),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chat::Refusal;

    fn rendered(event: Event) -> String {
        let mut out = Vec::new();
        Json { lang: Lang::En, framing: Framing::Frame }.render(&event, RoomLabel::Current("den"), &mut out);
        String::from_utf8(out.split_off(if out.get(1) == Some(&126) { 4 } else { 2.min(out.len()) })).unwrap()
    }

    #[test]
    fn message_has_id_and_time() {
        let at = OffsetDateTime::from_unix_timestamp(1_763_640_000).unwrap();
        let said = Event::Said { id: 17, at, name: "bob", text: "a \"b\" \\ <c>\u{7f}" };
        assert_eq!(
            rendered(said),
            r#"{"t":"said","room":"den","id":17,"at":1763640000,"name":"bob","text":"a \"b\" \\ <c>"#.to_owned()
                + "\u{7f}\"}"
        );
    }

    #[test]
    fn notice_is_marked_for_programs() {
        let (id, at, name, text) = (17, OffsetDateTime::UNIX_EPOCH, "bob", "hi");
        let found = |kind| rendered(Event::Found { id, at, name, text, kind });
        let object =
            |kind, rest| format!(r#"{{"t":"{kind}","room":"den","id":17,"at":0,"name":"bob","text":"hi"{rest}}}"#);
        assert_eq!(rendered(Event::Noticed { id, at, name, text }), object("said", r#","notice":true"#));
        assert_eq!(found(MessageKind::Notice), object("found", r#","action":false,"notice":true"#));
        assert_eq!(found(MessageKind::Action), object("found", r#","action":true"#));
    }

    #[test]
    fn line_framing_ends_each_object_with_a_line_end() {
        let mut out = Vec::new();
        let json = Json { lang: Lang::En, framing: Framing::Line };
        json.render(&Event::Notice(Notice::Joined { name: "bob", here: 2 }), RoomLabel::Followed("den"), &mut out);
        json.render(&Event::Notice(Notice::Day(OffsetDateTime::UNIX_EPOCH.date())), RoomLabel::None, &mut out);
        json.render(&Event::Notice(Notice::Goodbye), RoomLabel::None, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"t\":\"joined\",\"room\":\"den\",\"name\":\"bob\",\"here\":2}\r\n{\"t\":\"goodbye\"}\r\n"
        );
    }

    #[test]
    fn refusal_has_kind_and_text() {
        assert_eq!(
            rendered(Event::Refusal(Refusal::Taken { name: "alice", asked: true })),
            r#"{"t":"refused","what":"taken","asked":true,"text":"The nickname alice is taken. Try another:","name":"alice"}"#
        );
        assert_eq!(
            rendered(Event::Refusal(Refusal::Yourself)),
            r#"{"t":"refused","what":"yourself","text":"That is you."}"#
        );
    }

    #[test]
    fn notices_have_kinds_and_those_the_page_does_not_need_are_not_sent() {
        assert_eq!(rendered(Event::Notice(Notice::Welcome { server: "x" })), r#"{"t":"ask"}"#);
        assert_eq!(rendered(Event::Notice(Notice::NameSet)), "");
        let people = People { here: 2, names: &["bob"], away: &["bob"], you: true };
        assert_eq!(
            rendered(Event::Notice(Notice::People { room: "den", people, nodes: &[] })),
            r#"{"t":"people","room":"den","here":2,"names":["bob"],"away":["bob"],"you":true}"#
        );
        assert_eq!(
            rendered(Event::Notice(Notice::PeopleIn { room: "den", people, nodes: &[("bob", "b")] })),
            r#"{"t":"people","room":"den","here":2,"names":["bob"],"away":["bob"],"nodes":[["bob","b"]],"you":true}"#
        );
        let heard = Some(Duration::from_millis(1_234));
        let node =
            NodeLine { name: "b", is_this: false, ready: true, members: 3, applied: Some(8), lag: Some(1), heard };
        assert_eq!(
            rendered(Event::Notice(Notice::Node(node))),
            r#"{"t":"node","name":"b","this":false,"ready":true,"members":3,"applied":8,"lag":1,"heard":1234,"text":"b: 3 members, at position 8, 1 behind, heard 1.2 s ago"}"#
        );
        assert_eq!(
            rendered(Event::Notice(Notice::InTouchAgain)),
            r#"{"t":"note","text":"Connected with the others again."}"#
        );
        assert_eq!(
            rendered(Event::Refusal(Refusal::NotReached { name: "bob" })),
            r#"{"t":"refused","what":"not_reached","text":"Perhaps not sent: the server of bob does not answer.","name":"bob"}"#
        );
        assert_eq!(
            rendered(Event::Notice(Notice::Rooms { rooms: &[("lobby", 3, Some("tea"))], more: 0 })),
            r#"{"t":"rooms","rooms":[["lobby",3,"tea"]],"more":0}"#
        );
        let cause = Cause::Quit(Some("lunch".into()));
        assert_eq!(
            rendered(Event::Notice(Notice::Left { name: "bob", cause: &cause, here: 2 })),
            r#"{"t":"left","room":"den","name":"bob","here":2,"cause":"quit","reason":"lunch"}"#
        );
        assert_eq!(
            rendered(Event::Notice(Notice::NoHistory)),
            r#"{"t":"note","text":"Nothing has been said here yet."}"#
        );
    }
}
