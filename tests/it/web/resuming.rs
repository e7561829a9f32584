//! Resuming after a lost connection, without missing or repeating a line.

use serde_json::json;

use super::WebServer;

#[test]
fn rejoin_replays_only_missed_messages() {
    let server = WebServer::start(&[]);
    let mut bob = server.login("bob");
    let mut page = super::Page::connect(server.web, "/ws?room=den", &[]);
    let run = page.until("hello")["run"].as_str().expect("text").to_owned();
    page.log_in("alice");
    page.until("live");
    bob.ask("/join den", &["* alice left (1 here)", "* You are in den. 2 here: alice and you."][1..]);
    page.until("joined");
    bob.send("one\n");
    let last = page.expect(json!({"t": "said", "text": "one"}))["id"].clone();
    page.ask("two", json!({"t": "said", "text": "two"}));
    bob.expect("[T] alice: two");
    // The page did not receive that line: it has read up to `one`.
    page.break_off();
    bob.expect("* alice left: connection lost (1 here)");
    bob.send("/join attic\n/say elsewhere\n/join den\nthree\n/ping\n");
    while bob.line() != "* pong" {}

    let mut page = server.open(&format!("/ws?room=den&run={run}&after={last}"));
    let entered = page.log_in("alice");
    assert_eq!(entered["room"], "den");
    page.expect(json!({"t": "history", "messages": 2, "gap": false}));
    page.expect(json!({"t": "said", "name": "alice", "text": "two"}));
    let newest = page.expect(json!({"t": "said", "name": "bob", "text": "three"}))["id"].clone();
    page.expect(json!({"t": "live"}));
    page.break_off();

    // Nothing was said since.
    let mut page = server.open(&format!("/ws?room=den&run={run}&after={newest}"));
    page.expect(json!({"t": "ask"}));
    page.send("alice2");
    page.until("entered");
    page.expect(json!({"t": "history", "messages": 0, "gap": false}));
    page.expect(json!({"t": "live"}));
    page.close();

    // In another run, or another room, all messages are new.
    let mut page = server.open(&format!("/ws?room=den&run=0123456789abcdef&after={newest}"));
    page.log_in("alice3");
    page.expect(json!({"t": "history", "messages": 3, "gap": false}));
}

#[test]
fn resume_past_the_history_reports_a_gap() {
    let server = WebServer::start(&["--history", "2"]);
    let mut page = super::Page::connect(server.web, "/ws", &[]);
    let run = page.until("hello")["run"].as_str().expect("text").to_owned();
    page.log_in("alice");
    page.until("live");
    for n in 1..=4 {
        page.ask(&format!("line {n}"), json!({"t": "said", "id": n}));
    }
    for (after, messages, gap) in [(1, 2, true), (2, 2, false), (3, 1, false), (4, 0, false), (99, 0, false)] {
        let mut again = server.open(&format!("/ws?run={run}&after={after}"));
        again.log_in(&format!("after{after}"));
        again.expect(json!({"t": "history", "messages": messages, "gap": gap}));
        for n in 5 - messages..5 {
            again.expect(json!({"t": "said", "id": n}));
        }
        again.expect(json!({"t": "live"}));
    }
}

#[test]
fn resume_in_unavailable_room_enters_the_lobby() {
    let server = WebServer::start(&["--max-rooms", "1"]);
    for (room, what) in [("a%20b", "bad_room_name"), ("den", "too_many_rooms")] {
        let mut page = server.open(&format!("/ws?room={room}"));
        page.expect(json!({"t": "ask"}));
        page.ask("alice", json!({"t": "refused", "what": what}));
        page.expect(json!({"t": "entered", "room": "lobby"}));
        page.close();
    }
    let mut page = server.open("/ws?room=Lobby");
    assert_eq!(page.log_in("alice")["room"], "lobby");
}
