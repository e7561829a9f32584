//! Tests of the message of the day.

use crate::chat::config::{Config, Login, Mode};
use crate::chat::hub::tests::test_hub::TestHub;
use crate::chat::id::ClientId;
use crate::chat::input::{NewConnection, ResumeRequest, run_text};
use crate::chat::{Encoding, Notice};
use crate::wire::plain::Plain;
use crate::{chat, wire};

const TEXT: &str = "Be kind.\n\n  No spam.";

fn config() -> Config {
    Config { motd: Some(TEXT.into()), run: 7, ..Config::default() }
}

/// A session that reads JSON in lines, and has given its name.
fn enter_with_json(server: &mut TestHub, name: &str, request: &str) -> Vec<String> {
    let id = server.connect(&format!("/json {request}"), 9);
    server.say(id, name);
    server.read(id)
}

/// The motd objects.
fn motds(lines: &[String]) -> Vec<&String> {
    lines.iter().filter(|line| line.contains("\"motd\"")).collect()
}

#[test]
fn motd_is_shown_between_greeting_and_history() {
    let mut server = TestHub::with(config());
    let alice = server.connect("alice", 1);
    server.say(alice, "hello");
    let bob = server.connect("bob", 2);
    let expected = [
        "* Welcome to chinwag. Type a nickname and press Enter:",
        "* You are bob. 2 here: alice and you. /help lists the commands.",
        "* Be kind.",
        "* ",
        "*   No spam.",
        "* --- the last 1 message ---",
    ];
    assert_eq!(server.read(bob)[..6], expected);
    // Not in another room.
    assert!(!server.answer(bob, "/join den").iter().any(|line| line.contains("Be kind.")));
}

#[test]
fn motd_is_one_json_object_after_entered() {
    let mut server = TestHub::with(config());
    let read = enter_with_json(&mut server, "alice", "");
    let entered = read.iter().position(|line| line.contains("\"entered\"")).unwrap();
    assert_eq!(read[entered + 1], r#"{"t":"motd","text":"Be kind.\n\n  No spam."}"#);
    assert_eq!(motds(&read).len(), 1);
}

#[test]
fn motd_is_not_shown_to_a_client_that_resumes_this_run() {
    let mut server = TestHub::with(config());
    let alice = server.enter("alice");
    server.say(alice, "hello");
    for (name, run, shown) in [("bob", 7, 0), ("carol", 8, 1)] {
        let read = enter_with_json(&mut server, name, &format!("run={} after=1", run_text(run)));
        assert_eq!(motds(&read).len(), shown, "{read:?}");
    }
}

#[test]
fn motd_is_shown_in_every_mode_and_to_browsers() {
    for config in [Config { mode: Mode::P2p, ..config() }, Config { login: Login::Address, ..config() }] {
        let mut server = TestHub::with(config);
        let (id, now) = (ClientId::new(0), server.now());
        let addr = ([10, 0, 0, 1], 1).into();
        let arrival = NewConnection {
            addr,
            encoding: Encoding::JsonLine,
            preface: &[],
            resume_request: ResumeRequest::default(),
        };
        server.hub.handle_connection(id, arrival, now);
        let read = server.read(id);
        assert_eq!(motds(&read).len(), 1, "{read:?}");
    }
}

#[test]
fn command_shows_the_motd_that_is_set_now() {
    let mut server = TestHub::with(config());
    let alice = server.enter("alice");
    let lines = ["* Be kind.", "* ", "*   No spam."];
    assert_eq!(server.answer(alice, "/motd"), lines);
    assert_eq!(server.answer(ClientId::CONSOLE, "/motd"), lines);
    let now = server.now();
    server.hub.set_config(&Config { motd: Some("New.".into()), ..config() }, now);
    server.check(alice, "/MOTD", "* New.");
    server.hub.set_config(&Config { motd: None, ..config() }, now);
    server.check(alice, "/motd", "* There is no message of the day.");
    server.check(ClientId::CONSOLE, "/motd", "* There is no message of the day.");
    let bob = server.connect("bob", 2);
    assert_eq!(server.read(bob).len(), 2);
    let read = enter_with_json(&mut server, "carol", "");
    assert!(motds(&read).is_empty());
}

#[test]
fn missing_motd_has_its_words_in_chinese_and_null_in_json() {
    let rendered = |render: &dyn chat::Render| {
        let mut out = Vec::new();
        render.render(&chat::Event::Notice(Notice::NoMotd), chat::RoomLabel::None, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(rendered(&Plain { lang: chat::Lang::Zh }), "* 没有今日公告。\r\n");
    let json = wire::json::Json { lang: chat::Lang::Zh, framing: wire::json::Framing::Line };
    assert_eq!(rendered(&json), "{\"t\":\"motd\",\"text\":null}\r\n");
}
