//! Compares the client's sentences with what the server writes in plain text.

use time::OffsetDateTime;
use time::macros::{date, datetime};

use super::*;
use crate::chat::{Due, Help, MessageKind, Refusal, Render, RoomLabel, Topic};
use crate::wire::json::{Framing, Json};
use crate::wire::plain::Plain;

/// A session in the room den whose language this is.
fn session(lang: Lang) -> Session {
    let mut session = Session::default();
    let people = People { here: 2, names: &["bob"], away: &[], you: true };
    let entered = Notice::Entered { name: "alice", room: "den", people, topic: None, role: Role::User, account: false };
    for notice in [Notice::Hello { server: "chinwag", run: Some(1), max_line: 4096, store: false }, entered] {
        let line = json(lang, Event::Notice(notice));
        session.update(&ServerEvent::parse(&line).expect(&line));
    }
    session
}

fn json(lang: Lang, event: Event) -> String {
    let mut out = Vec::new();
    Json { lang, framing: Framing::Line }.render(&event, RoomLabel::Current("den"), &mut out);
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

/// What the client says about an event that comes in JSON.
fn said(lang: Lang, event: Event) -> Option<String> {
    let line = json(lang, event);
    let event = ServerEvent::parse(&line).unwrap_or_else(|| panic!("{line}"));
    assert!(!matches!(event, ServerEvent::Unknown), "{line}");
    sentence(&event, &session(lang))
}

/// The first line of the event in plain text.
fn plain(lang: Lang, event: Event) -> String {
    let mut out = Vec::new();
    Plain { lang }.render(&event, RoomLabel::Current("den"), &mut out);
    String::from_utf8(out).unwrap().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn sentences_are_those_of_plain_text() {
    let at = datetime!(2026-12-13 12:01 UTC);
    let people = People { here: 9, names: &["bob", "carol"], away: &[], you: true };
    let others = People { here: 2, names: &["bob", "carol"], away: &[], you: false };
    let causes = [
        Cause::Quit(None),
        Cause::Quit(Some("lunch".into())),
        Cause::EndOfInput,
        Cause::Moved,
        Cause::ConnectionLost,
        Cause::Idle,
        Cause::TooSlow,
        Cause::Kicked(None),
        Cause::Banned,
        Cause::ShutDown,
        Cause::OtherProtocol,
    ];
    let settings = [
        Setting::Key(Some("fish".into())),
        Setting::Key(None),
        Setting::InviteOnly(true),
        Setting::Moderated(false),
        Setting::Secret(true),
        Setting::TopicLock(true),
        Setting::Limit(Some(9)),
        Setting::Slow(None),
    ];
    let room = RoomSettings { key: Some("fish".into()), moderated: true, slow: Some(30), ..RoomSettings::default() };
    let view = |shows_key| SettingsView { room: "den", settings: &room, shows_key, operators: &["bob"], voices: &[] };
    let whois = Whois {
        name: "bob",
        since: at,
        rooms: &["den", "tea"],
        role: Role::Moderator,
        account: Some("bob"),
        away: None,
    };
    let mut notices = vec![
        Notice::Welcome { server: "chinwag" },
        Notice::AskPassword { account: Some("bob"), visible: false },
        Notice::AskPassword { account: None, visible: false },
        Notice::Registered { name: "alice" },
        Notice::PasswordChanged,
        Notice::Unregistered { name: "bob" },
        Notice::LoggedInAs { name: "alice" },
        Notice::Entered { name: "ann", room: "den", people, topic: None, role: Role::User, account: true },
        Notice::EnteredRoom { room: "tea", people, topic: None },
        Notice::Following { room: "tea", people, topic: None },
        Notice::Unfollowed { room: "tea" },
        Notice::NoMotd,
        Notice::TopicSet { name: "bob", text: Some("fish") },
        Notice::TopicSet { name: "bob", text: None },
        Notice::NoTopic,
        Notice::YouAreAway { name: "alice", text: Some("lunch") },
        Notice::YouAreAway { name: "alice", text: None },
        Notice::Away { name: "bob", text: "lunch" },
        Notice::Quiet { on: true },
        Notice::Whois(whois),
        Notice::Whois(Whois { role: Role::User, account: None, away: Some("lunch"), rooms: &[], ..whois }),
        Notice::HistoryBegins { messages: 3, gap: false, range: HistoryRange::Latest },
        Notice::HistoryBegins { messages: 3, gap: false, range: HistoryRange::Before(17) },
        Notice::HistoryBegins { messages: 3, gap: false, range: HistoryRange::After { after: 17 } },
        Notice::HistoryBegins { messages: 3, gap: false, range: HistoryRange::Around { around: 17 } },
        Notice::HistoryBegins { messages: 3, gap: false, range: HistoryRange::On { on: date!(2026 - 11 - 20) } },
        Notice::HistoryEnds,
        Notice::PageEnds { room: None, older: Some(5), newer: None },
        Notice::PageEnds { room: None, older: Some(5), newer: Some(9) },
        Notice::PageEnds { room: None, older: None, newer: None },
        Notice::FoundBegins { words: "fish", messages: 2 },
        Notice::FoundEnds { room: None, words: "fish", older: Some(7) },
        Notice::NoHistory,
        Notice::Joined { name: "bob", here: 3 },
        Notice::Renamed { old: "bob", new: "ben" },
        Notice::Summed { joined: 7, left: 2, here: 99 },
        Notice::Waiting { number: 3 },
        Notice::Pong { text: "x" },
        Notice::People { room: "den", people, nodes: &[] },
        Notice::PeopleIn { room: "tea", people: others, nodes: &[] },
        Notice::Rooms { rooms: &[("lobby", 3, Some("tea")), ("den", 1, None)], more: 2 },
        Notice::Echo { on: true },
        Notice::Ignoring { name: "bob" },
        Notice::NoLongerIgnoring { name: "bob" },
        Notice::IgnoreList { names: &["bob", "carol"] },
        Notice::Goodbye,
        Notice::Kicked { why: Some("rude"), by: None },
        Notice::Kicked { why: None, by: Some("bob") },
        Notice::ShuttingDown,
        Notice::Settings(view(true)),
        Notice::Settings(view(false)),
        Notice::RoleChanged { by: "bob", name: "ann", change: RoleChange::Give(RoomRole::Voice) },
        Notice::RoleChanged { by: "bob", name: "ann", change: RoleChange::Take(RoomRole::Operator) },
        Notice::Moderator { name: "alice", by: "server", given: true, to_you: true },
        Notice::Moderator { name: "bob", by: "server", given: false, to_you: false },
        Notice::Restricted { by: "bob", name: "ann", kind: RestrictionKind::Mute, lifted: false },
        Notice::Restricted { by: "bob", name: "ann", kind: RestrictionKind::Ban, lifted: true },
        Notice::MaskSet { by: "bob", kind: MaskKind::Ban, mask: "*!*@x.cloak", added: true },
        Notice::MaskSet { by: "bob", kind: MaskKind::Ban, mask: "m:ann!*@*", added: false },
        Notice::MaskSet { by: "bob", kind: MaskKind::Except, mask: "a:ann", added: true },
        Notice::MaskSet { by: "bob", kind: MaskKind::InviteExcept, mask: "ann!*@*", added: false },
        Notice::Mask { kind: MaskKind::Ban, mask: "m:ann!*@*", by: "bob" },
        Notice::Mask { kind: MaskKind::Except, mask: "ann!*@*", by: "bob" },
        Notice::Deleted { by: "bob", name: "ann", ids: &[3, 4] },
        Notice::Removed { room: "den", by: "bob", banned: true, why: None },
        Notice::Removed { room: "den", by: "bob", banned: false, why: Some("rude") },
        Notice::Invited { room: "tea", name: "alice", by: "bob", to_you: true },
        Notice::Invited { room: "tea", name: "bob", by: "alice", to_you: false },
        Notice::WhisperStored { name: "bob", account: true },
    ];
    notices.extend(causes.iter().map(|cause| Notice::Left { name: "bob", cause, here: 1 }));
    notices.extend(settings.iter().map(|setting| Notice::SettingChanged { by: "bob", setting }));
    for lang in [Lang::En, Lang::Zh] {
        for notice in &notices {
            let expected = plain(lang, Event::Notice(*notice));
            // The client has rooms for both, and says where it is only once.
            let said = said(lang, Event::Notice(*notice)).map(|text| format!("* {text}"));
            assert_eq!(said.as_deref(), Some(&*expected), "{notice:?}");
        }
        for refusal in [
            Refusal::Yourself,
            Refusal::Taken { name: "bob", asked: true },
            Refusal::WrongPassword { due: Due::Goodbye },
        ] {
            let said = said(lang, Event::Refusal(refusal)).map(|text| format!("! {text}"));
            assert_eq!(said, Some(plain(lang, Event::Refusal(refusal))));
        }
        let found = Event::Found {
            id: 3,
            at: OffsetDateTime::UNIX_EPOCH,
            name: "bob",
            text: "fish",
            kind: MessageKind::Action,
        };
        assert_eq!(said(lang, found).map(|text| format!("* {text}")), Some(plain(lang, found)));
    }
}

#[test]
fn topic_of_an_entered_room_is_told() {
    let topic = Some(Topic { name: "bob", text: "fish" });
    let people = People { here: 1, names: &[], away: &[], you: true };
    let line = json(Lang::En, Event::Notice(Notice::EnteredRoom { room: "den", people, topic }));
    let Some(ServerEvent::Room(entry)) = ServerEvent::parse(&line) else { panic!("{line}") };
    assert_eq!(entry.topic.map(|text| super::topic(&text, Lang::En)), Some("The topic: fish".into()));
    assert_eq!(super::topic("fish", Lang::Zh), "话题：fish");
}

#[test]
fn role_that_is_taken_is_the_one_that_was_given() {
    let mut session = session(Lang::En);
    let given = json(
        Lang::En,
        Event::Notice(Notice::RoleChanged { by: "bob", name: "ann", change: RoleChange::Give(RoomRole::Voice) }),
    );
    session.update(&ServerEvent::parse(&given).unwrap());
    let taken = json(
        Lang::En,
        Event::Notice(Notice::RoleChanged { by: "bob", name: "ann", change: RoleChange::Take(RoomRole::Voice) }),
    );
    let words = sentence(&ServerEvent::parse(&taken).unwrap(), &session);
    assert_eq!(words.as_deref(), Some("bob took voice from ann"));
}

#[test]
fn members_of_a_room_that_are_away_are_not_told() {
    let line = json(Lang::En, Event::Notice(Notice::MemberAway { name: "bob", text: Some("lunch") }));
    assert!(line.contains("\"room\""), "{line}");
    assert_eq!(sentence(&ServerEvent::parse(&line).unwrap(), &session(Lang::En)), None);
}

#[test]
fn help_and_message_of_the_day_have_their_lines() {
    let line = json(Lang::Zh, Event::Help(Help::Member));
    let Some(ServerEvent::Help { lines }) = ServerEvent::parse(&line) else { panic!("{line}") };
    assert!(lines.iter().map(|line| &**line).eq(Lang::Zh.help(Help::Member)));
    let line = json(Lang::En, Event::Notice(Notice::Motd { text: "one\ntwo" }));
    let Some(ServerEvent::Motd { text: Some(text) }) = ServerEvent::parse(&line) else { panic!("{line}") };
    assert_eq!(text.lines().collect::<Vec<_>>(), ["one", "two"]);
}

/// Whatever a server sends: no panic, and no control character.
#[test]
fn odd_objects_are_understood_or_left_out() {
    let deep = format!("{{\"t\":\"said\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for line in [
        "",
        "{}",
        "[]",
        "null",
        "{\"t\":1}",
        "{\"t\":\"said\"}",
        &deep,
        r#"{"t":"said","room":"den","id":-1,"at":0,"name":"bob","text":"x"}"#,
        r#"{"t":"said","room":"den","id":1e3,"at":0,"name":"bob","text":"x"}"#,
        r#"{"t":"said","room":"den","id":1,"at":0,"name":["bob"],"text":"x"}"#,
        r#"{"t":"rooms","rooms":[["den"]],"more":0}"#,
        r#"{"t":"help","lines":"x"}"#,
    ] {
        assert!(ServerEvent::parse(line).is_none(), "{}", &line[..line.len().min(80)]);
    }
    for (line, words) in [
        (r#"{"t":"people","room":"den","here":0,"names":["a","b"],"you":true}"#, "3 here: a, b and you."),
        (
            r#"{"t":"rooms","rooms":[["a",18446744073709551615,null]],"more":18446744073709551615}"#,
            "18446744073709551615 rooms: ",
        ),
        (
            r#"{"t":"whois","name":"b","since":-99999999999999,"rooms":[],"away":null,"role":"x","account":false}"#,
            "b: here since 1970-",
        ),
        (r#"{"t":"note","text":"a\u001b[31mb\u0000c\nd\u202e"}"#, "abcd"),
        (r#"{"t":"note","text":"x","more":{"a":[1,2]}}"#, "x"),
    ] {
        let event = ServerEvent::parse(line).expect(line);
        let said = sentence(&event, &session(Lang::En)).expect(line);
        assert!(said.starts_with(words), "{said:?}");
        assert!(!said.contains(char::is_control), "{said:?}");
    }
    assert!(matches!(ServerEvent::parse(r#"{"t":"from_the_future","x":[{}]}"#), Some(ServerEvent::Unknown)));
}
