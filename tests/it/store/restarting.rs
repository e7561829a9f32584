//! Tests of what a restarted server restores.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{TestDir, end, is_there, kill, shown};
use crate::harness::{Client, DEADLINE, PROGRAM, Server};
use crate::web::Page;

/// Sends the messages of alice before the restart.
fn talk(server: &Server) {
    let mut alice = server.login("alice");
    alice.send("one\n/me waves\n/join den\nin the den\n/leave\n/ping\n");
    alice.until("* pong");
}

#[test]
fn messages_survive_shutdown_and_sigkill() {
    for ends in [|server| drop(end(server)), kill] {
        let dir = TestDir::new();
        let server = dir.start(&[]);
        talk(&server);
        ends(server);
        let server = dir.start(&[]);
        let mut bob = server.login("bob");
        let history = ["* --- the last 2 messages ---", "[T] alice: one", "[T] * alice waves"];
        assert_eq!(shown(&mut bob), [&history[..], &["* --- you are up to date ---"]].concat());
        bob.ask("/rooms", &["* 2 rooms: lobby (1), den (0)"]);
        bob.ask(
            "/join Den",
            &[
                "* You are in den. 1 here: you.",
                "* --- the last 1 message ---",
                "[T] alice: in the den",
                "* --- you are up to date ---",
            ],
        );
    }
}

#[test]
fn empty_room_is_removed_and_evicted_room_is_restored() {
    let dir = TestDir::new();
    let server = dir.start(&["--max-rooms", "2"]);
    let mut alice = server.login("alice");
    alice.send("/join empty\n/leave\n/join den\nfirst\n/leave\n/join attic\nsecond\n/leave\n/ping\n");
    alice.until("* pong");
    let first = ["* --- the last 1 message ---", "[T] alice: first", "* --- you are up to date ---"];
    let joins = |client: &mut Client| {
        client.ask("/rooms", &["* 3 rooms: lobby (1), attic (0), den (0)"]);
        client.ask("/join DEN", &["* You are in den. 1 here: you."]);
        client.expect_all(&first);
    };
    joins(&mut alice);
    kill(server);
    for most in ["1", "2", "3"] {
        let server = dir.start(&["--max-rooms", most, "--rate", "0"]);
        let mut bob = server.login("bob");
        match most {
            "1" => bob.ask("/join den", &["! There are 1 rooms already, and no more can be made. /rooms lists them."]),
            _ => joins(&mut bob),
        }
        kill(server);
    }
}

#[test]
fn one_member_cannot_evict_stored_rooms_of_others() {
    let dir = TestDir::new();
    let server = dir.start(&["--max-rooms", "4", "--rate", "0"]);
    let mut alice = server.login("alice");
    alice.send("/join archive\nkept\n/leave\n/ping\n");
    alice.until("* pong");
    let mut mallory = server.login("mallory");
    for n in 0..20 {
        mallory.send(&format!("/join x{n}\n.\n"));
    }
    mallory.send("/ping\n");
    mallory.until("! You have made 16 rooms that still exist, and cannot make more. /rooms lists them.");
    mallory.until("* pong");
    kill(server);
    let server = dir.start(&["--max-rooms", "4"]);
    let mut bob = server.login("bob");
    bob.ask("/join archive", &["* You are in archive. 1 here: you."]);
    bob.expect_all(&["* --- the last 1 message ---", "[T] alice: kept", "* --- you are up to date ---"]);
}

#[test]
fn history_of_0_still_stores_messages() {
    let dir = TestDir::new();
    for _ in 0..2 {
        let server = dir.start(&["--history", "0"]);
        talk(&server);
        kill(server);
    }
    let server = dir.start(&["--history", "0"]);
    let mut bob = server.login("bob");
    bob.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.ask(
        "/history 1",
        &[
            "* --- the last 1 message ---",
            "[T] alice: in the den",
            "* --- for what was said before: /history before 6 ---",
        ],
    );
}

#[test]
fn bans_survive_a_restart_for_their_remaining_time() {
    let dir = TestDir::new();
    let mut server = dir.start(&["--console"]);
    server.type_in("/ban 127.0.0.2\n/ban 127.0.0.3 60\n/ban 127.0.0.4\n/unban 127.0.0.4\n/bans\n");
    server.console.until("127.0.0.4 is no longer banned");
    server.console.until("127.0.0.3 is banned for another 60 minutes.");
    kill(server);
    let mut server = dir.start(&["--console"]);
    server.type_in("/bans\n/ping end\n");
    assert_eq!(server.console.next().as_deref(), Some("* 127.0.0.2 is banned."));
    assert_eq!(server.console.next().as_deref(), Some("* 127.0.0.3 is banned for another 60 minutes."));
    assert_eq!(server.console.next().as_deref(), Some("* pong end"));
    Client::connect_from([127, 0, 0, 3], server.addr).expect("! Your address is banned from this server.");
    Client::connect_from([127, 0, 0, 4], server.addr).log_in("alice");
}

/// The time zone comes from the environment, and local time can go back between two runs.
#[test]
fn restart_in_another_time_zone_keeps_all_messages() {
    let dir = TestDir::new();
    for (zone, name) in [("Asia/Shanghai", "east"), ("America/Los_Angeles", "west"), ("UTC", "middle")] {
        let mut command = dir.command(&[]);
        command.env("TZ", zone);
        let server = Server::spawn(command);
        let mut client = server.login(name);
        client.send(&format!("said in {zone}\n/ping\n"));
        client.until("* pong");
        kill(server);
    }
    let server = dir.start(&[]);
    let mut bob = server.login("bob");
    let said: Vec<String> = shown(&mut bob).into_iter().filter(|line| line.starts_with("[T]")).collect();
    assert_eq!(
        said,
        ["[T] east: said in Asia/Shanghai", "[T] west: said in America/Los_Angeles", "[T] middle: said in UTC",]
    );
    bob.send("/search said\n/ping\n");
    let found: Vec<String> = std::iter::from_fn(|| Some(bob.line()).filter(|line| line != "* pong")).collect();
    assert_eq!(found.len(), 5, "{found:?}");
    // Shanghai is always 15 or 16 hours ahead of Los Angeles.
    let hour = |line: &str| {
        let mut words = line.split(' ').skip(2);
        let date = words.next().expect("a date").to_owned();
        let hour: i32 = words.next().expect("a time")[..2].parse().expect("an hour");
        (date, hour)
    };
    let ((east_day, east), (west_day, west)) = (hour(&found[1]), hour(&found[2]));
    let apart = (east - west).rem_euclid(24);
    assert!([15, 16].contains(&apart), "{found:?}");
    assert_eq!(east_day != west_day, east < west, "{found:?}");
}

#[test]
fn browser_resumes_after_a_restart() {
    let dir = TestDir::new();
    let start = || {
        let mut server = dir.start(&["--web", "127.0.0.1:0"]);
        let line = server.log.until("listening on http://");
        let web = line.rsplit_once("http://").and_then(|(_, addr)| addr.parse().ok()).expect("an address");
        (server, web)
    };
    let (server, web) = start();
    let mut page = Page::connect(web, "/ws", &[]);
    let run = page.until("hello")["run"].as_str().expect("text").to_owned();
    page.log_in("alice");
    page.until("live");
    page.ask("one", json!({"t": "said", "id": 1, "text": "one"}));
    page.ask("two", json!({"t": "said", "id": 2, "text": "two"}));
    kill(server);

    let (server, web) = start();
    let mut bob = server.login("bob");
    bob.send("three\n/ping\n");
    bob.until("* pong");
    let mut page = Page::connect(web, &format!("/ws?run={run}&after=1"), &[]);
    page.expect(json!({"t": "hello", "run": run}));
    page.log_in("alice");
    page.expect(json!({"t": "history", "messages": 2, "gap": false}));
    page.expect(json!({"t": "said", "id": 2, "name": "alice", "text": "two"}));
    page.expect(json!({"t": "said", "id": 3, "name": "bob", "text": "three"}));
    page.expect(json!({"t": "live"}));
    page.send("/history 1");
    page.expect(json!({"t": "history", "messages": 1}));
    page.expect(json!({"t": "said", "id": 3}));
    page.expect(json!({"t": "live", "older": 3}));
    page.send("/history before 2");
    page.expect(json!({"t": "history", "messages": 1, "before": 2}));
    page.expect(json!({"t": "said", "id": 1}));
    page.expect(json!({"t": "live", "older": null}));
    page.send("/search two");
    page.expect(json!({"t": "search", "words": "two", "messages": 1}));
    page.expect(json!({"t": "found", "id": 2, "name": "alice", "text": "two", "action": false}));
    page.expect(json!({"t": "search_ends", "words": "two", "older": null}));
    // A client that has received messages which were never stored is sent the whole history.
    let mut page = Page::connect(web, &format!("/ws?run={run}&after=99"), &[]);
    page.until("hello");
    page.log_in("carol");
    page.expect(json!({"t": "history", "messages": 3}));
}

#[test]
fn resume_after_a_restart_reports_a_gap() {
    let dir = TestDir::new();
    let server = dir.start(&["--history", "2"]);
    let mut alice = server.login("alice");
    alice.send("1\n2\n3\n4\n/ping\n");
    alice.until("* pong");
    kill(server);
    let mut server = dir.start(&["--history", "2", "--web", "127.0.0.1:0"]);
    let line = server.log.until("listening on http://");
    let web = line.rsplit_once("http://").and_then(|(_, addr)| addr.parse().ok()).expect("an address");
    let run = Page::connect(web, "/ws", &[]).until("hello")["run"].as_str().expect("text").to_owned();
    for (after, messages, gap) in [(1, 2, true), (2, 2, false), (3, 1, false), (4, 0, false)] {
        let mut page = Page::connect(web, &format!("/ws?run={run}&after={after}"), &[]);
        page.until("hello");
        page.log_in(&format!("after{after}"));
        page.expect(json!({"t": "history", "messages": messages, "gap": gap}));
    }
}

#[test]
fn server_without_store_has_no_history_pages_and_no_search() {
    let dir = TestDir::new();
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let no_store = "! This server does not store messages, so there is nothing to look up.";
    alice.ask("/search x", &[no_store]);
    alice.ask("/history before 5", &[no_store]);
    alice.ask("/history x", &["! Usage: /history n, with n from 1 to 100"]);
    assert!(!is_there(&dir.file()));
}

#[test]
fn messages_over_the_retention_limits_are_pruned() {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).expect("a time").format(&Rfc3339).expect("a time");
    let line = |id, at: &str, text| {
        format!(
            "{{\"id\":{id},\"room\":\"lobby\",\"at\":\"{at}\",\"kind\":\"said\",\"name\":\"bob\",\"text\":\"{text}\"}}\n"
        )
    };
    let lines = line(1, "2020-01-01T12:00:00Z", "old") + &line(2, &now, "new");
    for args in [["--keep", "30"], ["--keep-messages", "1"]] {
        let dir = TestDir::new();
        assert!(run_transfer("import", &dir, &lines).starts_with("2 messages imported"));
        let server = dir.start(&args);
        // Pruning runs between turns; this causes some.
        shown(&mut server.login("alice"));
        end(server);
        let kept = run_transfer("export", &dir, "");
        assert!(kept.contains("\"new\"") && !kept.contains("\"old\""), "{args:?}: {kept}");
    }
}

#[test]
fn server_with_store_sleeps_when_idle() {
    let dir = TestDir::new();
    let server = dir.start(&["--keep", "30"]);
    talk(&server);
    let mut bob = server.login("bob");
    shown(&mut bob);
    let slept = |server: &Server| server.proc_file("schedstat");
    let until = Instant::now() + DEADLINE;
    let mut before = slept(&server);
    // The server may still have work for clients that came and left.
    while bob.readable_within(Duration::from_secs(2)) || before != slept(&server) {
        assert!(Instant::now() < until, "it never becomes idle");
        before = slept(&server);
    }
}

/// Runs `chinwag import` or `export`; returns its output.
fn run_transfer(what: &str, dir: &TestDir, input: &str) -> String {
    let mut command = Command::new(PROGRAM);
    command.arg(what).arg("--store").arg(dir.file()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    child.stdin.take().expect("standard input").write_all(input.as_bytes()).expect("write");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("UTF-8")
}
