//! Limits of pages, which are those of plain clients.

use std::io::ErrorKind;
use std::time::Instant;

use serde_json::json;

use super::{Page, UPGRADE, WebServer, masked};
use crate::harness::Client;

#[test]
fn page_above_the_rate_is_read_more_slowly() {
    let server = WebServer::start(&["--rate", "20", "--burst", "1"]);
    let mut page = server.enter("alice");
    let begun = Instant::now();
    for n in 1..=20 {
        page.send(&format!("{n}"));
    }
    for n in 1..=20 {
        page.expect(json!({"t": "said", "text": format!("{n}")}));
    }
    assert!(begun.elapsed().as_millis() >= 900, "{:?}", begun.elapsed());
}

#[test]
fn page_that_does_not_read_is_dropped() {
    let server = WebServer::start(&["--rate", "0", "--backlog-bytes", "65536", "--send-buffer", "4096"]);
    let mut speaker = server.login("bob");
    let slow = Client::connect_slow(server.web).stream;
    let mut raw = super::Raw { stream: slow }.upgraded();
    raw.send(masked(0x81, b"slow"));
    speaker.expect("* slow joined (2 here)");
    let line = format!("{}\n", "x".repeat(1000));
    for _ in 0..400 {
        speaker.send(&line);
    }
    speaker.expect("* slow left: too slow to read (1 here)");
}

#[test]
fn pages_count_towards_the_per_ip_limit() {
    let server = WebServer::start(&["--max-per-ip", "2", "--trust-proxy", "127.0.0.1"]);
    let _bob = server.login("bob");
    let _alice = server.enter("alice");
    let mut carol = server.open("/ws");
    carol.expect(json!({"t": "refused", "what": "too_many_from_address", "most": 2}));
    carol.expect_close(1000);
    let mut dave = Page::connect(server.web, "/ws", &[("x-forwarded-for", "203.0.113.9")]);
    dave.until("hello");
    dave.log_in("dave");
}

#[test]
fn refused_page_reads_the_reason_and_the_close_frame_before_the_end() {
    let server = WebServer::start(&["--max-per-ip", "1"]);
    let mut alice = server.enter("alice");
    let mut refused = server.raw();
    refused.send(UPGRADE);
    assert!(refused.head().starts_with("HTTP/1.1 101 "));
    let (mut text, mut code) = (String::new(), Vec::new());
    while code.is_empty() {
        match refused.frame() {
            (0x88, payload) => code = payload,
            (_, payload) => text.push_str(&String::from_utf8(payload).expect("UTF-8")),
        }
    }
    assert!(text.contains("too_many_from_address"), "{text}");
    assert_eq!(code, 1000_u16.to_be_bytes());
    // The server has done all that it does before an answer, and has not ended the connection.
    alice.expect_nothing();
    refused.stream.set_nonblocking(true).expect("a socket");
    let read = refused.stream.peek(&mut [0]).map_err(|error| error.kind());
    assert_eq!(read, Err(ErrorKind::WouldBlock));
    refused.stream.set_nonblocking(false).expect("a socket");
    refused.send(masked(0x88, &code));
    assert_eq!(refused.rest(), b"");
}

#[test]
fn login_and_idle_timeouts_end_a_page() {
    let server = WebServer::start(&["--login-timeout", "1", "--idle-timeout", "1"]);
    let mut page = server.open("/ws");
    page.expect(json!({"t": "ask"}));
    page.expect(json!({"t": "refused", "what": "login_timeout", "seconds": 1}));
    page.expect_close(1000);
    let mut page = server.enter("alice");
    page.expect(json!({"t": "refused", "what": "idle", "seconds": 1}));
    page.expect_close(1000);
}

#[test]
fn joins_and_leaves_above_the_limit_are_summarized() {
    let server = WebServer::start(&["--announce-limit", "1"]);
    let mut page = server.enter("alice");
    let _people = [server.login("bob"), server.login("carol")];
    let mut joined = 0;
    while joined < 2 {
        let frame = page.next();
        assert!(frame["t"] == "summed" || frame["t"] == "joined", "{frame}");
        joined += frame["joined"].as_u64().unwrap_or(1);
    }
}

#[test]
fn silent_page_is_pinged() {
    let server = WebServer::start(&["--keepalive", "1"]);
    let mut bob = server.login("bob");
    let mut raw = server.raw().upgraded();
    raw.send(masked(0x81, b"alice"));
    bob.expect("* alice joined (2 here)");
    // Pinged twice, answered once.
    while raw.frame().0 != 0x89 {}
    raw.send(masked(0x8a, b""));
    assert_eq!(raw.frame(), (0x89, vec![]));
    bob.expect("* alice left: connection lost (1 here)");
    assert_eq!(raw.rest(), b"");
}

#[test]
fn idle_page_takes_little_memory() {
    const PAGES: usize = 4000;
    let server = WebServer::start(&["--announce-limit", "0", "--history", "0"]);
    let mut pages: Vec<Page> = (0..1000).map(|n| server.enter(&format!("early{n}"))).collect();
    let before = server.resident_kib();
    pages.extend((0..PAGES).map(|n| server.enter(&format!("p{n}"))));
    let each = (server.resident_kib() - before) as usize * 1024 / PAGES;
    assert!(each <= 400, "{each} bytes for a page");
}
