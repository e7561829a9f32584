//! Pages and plain clients in one room.

use serde_json::json;

use super::{Page, WebServer};
use crate::harness::Signal;

#[test]
fn page_and_plain_client_talk() {
    let server = WebServer::start(&[]);
    let mut bob = server.login("bob");
    let mut page = server.open("/ws");
    let entered = page.log_in("alice");
    assert_eq!((&entered["room"], &entered["here"], &entered["names"]), (&json!("lobby"), &json!(2), &json!(["bob"])));
    page.expect(json!({"t": "history", "messages": 0, "gap": false}));
    page.expect(json!({"t": "live"}));
    bob.expect("* alice joined (2 here)");

    // A page receives its own lines, with an id.
    let said = page.ask(
        "hello <b>\"bob\"</b> 你好",
        json!({"t": "said", "id": 1, "name": "alice", "text": "hello <b>\"bob\"</b> 你好"}),
    );
    let (at, now) = (said["at"].as_u64().expect("a number"), std::time::SystemTime::now());
    let now = now.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!((now - 60..=now).contains(&at), "{at} at {now}");
    bob.expect("[T] alice: hello <b>\"bob\"</b> 你好");
    bob.send("/me waves\n");
    page.expect(json!({"t": "action", "id": 2, "name": "bob", "text": "waves"}));

    page.ask("@bob psst", json!({"t": "whispered", "to": "bob", "text": "psst"}));
    bob.expect("[T] alice -> you: psst");
    bob.ask("/r what", &["[T] you -> alice: what"]);
    page.expect(json!({"t": "whisper", "from": "bob", "text": "what"}));

    bob.ask("/nick bobby", &["* bob is now called bobby"]);
    page.expect(json!({"t": "renamed", "old": "bob", "new": "bobby"}));
    page.ask("/nick alicia", json!({"t": "renamed", "old": "alice", "new": "alicia"}));
    page.ask("/who", json!({"t": "people", "room": "lobby", "here": 2, "names": ["bobby"], "you": true}));
    page.ask("/join den", json!({"t": "room", "room": "den", "here": 1, "names": []}));
    bob.expect_all(&["* alice is now called alicia", "* alicia left (1 here)"]);
    page.until("live");
    page.ask("/rooms", json!({"t": "rooms", "rooms": [["den", 1, null], ["lobby", 1, null]], "more": 0}));
    page.ask("/leave", json!({"t": "room", "room": "lobby", "here": 2}));
    page.expect(json!({"t": "history", "messages": 2}));
    page.expect(json!({"t": "said", "id": 1, "at": at}));
    page.expect(json!({"t": "action", "id": 2}));
    page.expect(json!({"t": "live"}));
    bob.expect("* alicia joined (2 here)");

    bob.send("/quit lunch\n");
    page.expect(json!({"t": "left", "name": "bobby", "here": 1, "cause": "quit", "reason": "lunch"}));
    page.ask("/quit", json!({"t": "goodbye"}));
    page.expect_close(1000);
}

#[test]
fn history_is_the_same_in_both_encodings() {
    let server = WebServer::start(&["--history", "3"]);
    let mut page = server.enter("alice");
    for n in 1..=4 {
        page.ask(&format!("line {n}"), json!({"t": "said", "id": n}));
    }
    // No plain client has been here, and no page comes later.
    let mut bob = server.login("bob");
    bob.expect_all(&["* --- the last 3 messages ---", "[T] alice: line 2", "[T] alice: line 3", "[T] alice: line 4"]);
    bob.expect("* --- you are up to date ---");
    page.close();
    bob.expect("* alice left (1 here)");
    bob.send("line 5\n/ping\n");
    bob.expect("* pong");
    let mut carol = server.open("/ws");
    carol.log_in("carol");
    carol.expect(json!({"t": "history", "messages": 3}));
    for n in 3..=5 {
        carol.expect(json!({"t": "said", "id": n, "text": format!("line {n}")}));
    }
    carol.expect(json!({"t": "live"}));
    carol.ask("/history 1", json!({"t": "history", "messages": 1}));
    carol.expect(json!({"t": "said", "id": 5, "name": "bob"}));
    carol.expect(json!({"t": "live"}));
}

#[test]
fn unavailable_nickname_is_refused_with_reason() {
    let server = WebServer::start(&[]);
    let _alice = server.login("alice");
    let mut page = server.open("/ws");
    page.expect(json!({"t": "ask"}));
    page.ask("Alice", json!({"t": "refused", "what": "taken", "asked": true, "name": "Alice"}));
    page.ask("a b", json!({"t": "refused", "what": "bad_name", "why": "shape", "asked": true}));
    page.ask("server", json!({"t": "refused", "what": "bad_name", "why": "reserved", "asked": true}));
    let looks_like = |name, other| json!({"t": "refused", "what": "looks_like", "name": name, "other": other});
    page.ask("sеrver", looks_like("sеrver", "server"));
    page.ask("a1ice", looks_like("a1ice", "alice"));
    page.ask("аlice", json!({"t": "refused", "what": "bad_name", "why": "mixed", "asked": true, "name": "аlice"}));
    page.ask("bob", json!({"t": "entered", "name": "bob"}));
    page.until("live");
    page.ask("/nick alice", json!({"t": "refused", "what": "taken", "asked": null}));
    page.ask("/nick a1ice", json!({"t": "refused", "what": "looks_like", "other": "alice", "asked": null}));
    let room = |what, name| json!({"t": "refused", "what": what, "room": name, "name": null});
    page.ask("/join lоbby", room("looks_like", "lоbby"));
    page.ask("/join dеn", room("bad_room_name", "dеn"));
    page.ask("@nobody hi", json!({"t": "refused", "what": "nobody_called", "name": "nobody"}));
    page.ask("/msg", json!({"t": "refused", "what": "usage", "usage": "@name text"}));
    page.ask("/nonsense", json!({"t": "refused", "what": "no_command", "word": "nonsense"}));
}

#[test]
fn page_commands_are_answered() {
    let server = WebServer::start(&[]);
    let mut page = server.enter("alice");
    let _bob = server.login("bob");
    page.until("joined");
    page.ask("/ignore bob", json!({"t": "ignoring", "name": "bob"}));
    page.ask("/ignore", json!({"t": "ignored", "names": ["bob"]}));
    page.ask("/unignore bob", json!({"t": "not_ignoring", "name": "bob"}));
    page.ask("/echo off", json!({"t": "echo", "on": false}));
    page.send("unheard");
    page.expect_nothing();
    let help = page.ask("/help", json!({"t": "help"}));
    assert!(help["lines"].as_array().expect("lines").len() > 9, "{help}");
}

#[test]
fn queued_pages_get_their_number_and_are_admitted_later() {
    let server = WebServer::start(&["--max-clients", "1"]);
    let alice = server.enter("alice");
    let mut bob = server.open("/ws");
    bob.expect(json!({"t": "waiting", "number": 1}));
    bob.ask("let me in", json!({"t": "refused", "what": "still_waiting"}));
    let mut carol = server.open("/ws");
    carol.expect(json!({"t": "waiting", "number": 2}));
    alice.close();
    bob.log_in("bob");
    carol.expect(json!({"t": "waiting", "number": 1}));
    bob.break_off();
    carol.log_in("carol");
}

#[test]
fn closed_page_leaves_and_vanished_page_is_lost() {
    let server = WebServer::start(&[]);
    let mut bob = server.login("bob");
    server.enter("alice").close();
    bob.expect_all(&["* alice joined (2 here)", "* alice left (1 here)"]);
    server.enter("carol").break_off();
    bob.expect_all(&["* carol joined (2 here)", "* carol left: connection lost (1 here)"]);
}

#[test]
fn operator_kicks_and_bans_pages() {
    let mut server = WebServer::start(&["--console"]);
    let mut alice = server.enter("alice");
    let mut bob = server.enter("bob");
    alice.until("joined");
    server.type_in("/kick bob rude\n");
    bob.expect(json!({"t": "kicked", "why": "rude"}));
    bob.expect_close(1000);
    alice.expect(json!({"t": "left", "name": "bob", "cause": "kicked", "reason": null}));
    server.type_in("/ban 127.0.0.1\n");
    alice.expect(json!({"t": "refused", "what": "banned"}));
    alice.expect_close(1000);
    let mut carol = server.open("/ws");
    carol.expect(json!({"t": "refused", "what": "banned"}));
    carol.expect_close(1000);
}

#[test]
fn pages_are_notified_of_shutdown() {
    let mut server = WebServer::start(&[]);
    let mut alice = server.enter("alice");
    let mut asked = server.open("/ws");
    server.signal(Signal::TERM);
    alice.expect(json!({"t": "ending"}));
    alice.expect_close(1001);
    asked.expect(json!({"t": "ask"}));
    asked.expect(json!({"t": "ending"}));
    asked.expect_close(1001);
    assert!(server.wait().success());
}

#[test]
fn control_characters_are_removed() {
    let server = WebServer::start(&[]);
    let mut bob = server.login("bob");
    let mut page = server.enter("alice");
    bob.expect("* alice joined (2 here)");
    let text = "a\u{1b}[31mb\u{202e}c\u{7}\nd\r\ne\te\u{301}";
    page.ask(text, json!({"t": "said", "text": "abc d  e e\u{301}"}));
    bob.expect("[T] alice: abc d  e e\u{301}");
}

#[test]
fn hello_names_the_language() {
    let server = WebServer::start(&["--lang", "zh"]);
    let mut page = Page::connect(server.web, "/ws", &[]);
    page.expect(json!({"t": "hello", "lang": "zh", "max_line": 4096}));
    page.expect(json!({"t": "ask"}));
    page.ask("a b", json!({"t": "refused", "what": "bad_name"}));
    page.ask("张三", json!({"t": "entered", "name": "张三"}));
}

#[test]
fn page_can_be_the_peer_in_p2p() {
    let mut server = WebServer::start(&["--mode", "p2p"]);
    let mut page = server.open("/ws?room=den");
    let entered = page.next();
    assert_eq!(
        (&entered["t"], &entered["room"], &entered["names"]),
        (&json!("entered"), &json!("lobby"), &json!(["server"]))
    );
    page.until("live");
    server.type_in("hello\n");
    page.expect(json!({"t": "said", "name": "server", "text": "hello"}));
    page.ask("q", json!({"t": "goodbye"}));
    assert!(server.wait().success());
}
