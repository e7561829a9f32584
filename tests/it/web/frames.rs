//! Invalid and unusual WebSocket frames.

use std::net::Shutdown;

use serde_json::json;

use super::{UPGRADE, WebServer, masked};

#[test]
fn protocol_violation_closes_with_its_code() {
    let server = WebServer::start(&["--max-line", "100"]);
    let split = |first: &[u8], last: &[u8]| [masked(0x01, first), masked(0x80, last)].concat();
    for (what, bytes, code) in [
        ("unmasked", vec![0x81, 1, b'x'], 1002),
        ("a reserved bit", masked(0xa1, b"x"), 1002),
        ("an undefined opcode", masked(0x87, b"x"), 1002),
        ("a ping in fragments", masked(0x09, b"x"), 1002),
        ("a long ping", masked(0x89, &[b'x'; 126]), 1002),
        ("a continuation of nothing", masked(0x80, b"x"), 1002),
        ("a message within a message", [masked(0x01, b"x"), masked(0x81, b"y")].concat(), 1002),
        ("half a close code", masked(0x88, &[3]), 1002),
        ("binary", masked(0x82, b"x"), 1003),
        ("not UTF-8", masked(0x81, b"\xff"), 1007),
        ("a character that is broken off between fragments", split(b"\xe4\xbd", b"x"), 1007),
        ("half a character at the end", split(b"a", b"\xe4"), 1007),
        ("far too long", masked(0x81, &[b'x'; 1601]), 1009),
        ("plain lines", b"alice\nhello\n".to_vec(), 1002),
    ] {
        let mut raw = server.raw().upgraded();
        raw.send(&bytes);
        assert_eq!(raw.close_code(), code, "{what}");
    }
    let mut page = server.enter("alice");
    page.expect_nothing();
}

#[test]
fn fragmented_and_early_frames_are_accepted() {
    let server = WebServer::start(&[]);
    let mut bob = server.login("bob");
    let mut raw = server.raw();
    raw.stream.set_nodelay(true).expect("TCP_NODELAY");
    let frames = [
        masked(0x81, b"alice"),
        masked(0x01, b"hello, "),
        masked(0x89, b"ping"),
        masked(0x00, "w\u{f6}".split_at(1).0.as_bytes()),
        masked(0x80, "\u{f6}rld".as_bytes()),
    ]
    .concat();
    let (first, rest) = frames.split_at(14);
    raw.send([UPGRADE.as_bytes(), first].concat());
    rest.iter().for_each(|byte| raw.send([*byte]));
    bob.expect_all(&["* alice joined (2 here)", "[T] alice: hello, w\u{f6}rld"]);
    assert!(raw.head().starts_with("HTTP/1.1 101 "));
    while raw.frame() != (0x8a, b"ping".to_vec()) {}
    raw.send(masked(0x88, &[0x0f, 0xa0]));
    assert_eq!(raw.close_code(), 4000);
    bob.expect("* alice left (1 here)");
}

#[test]
fn page_that_ends_without_close_frame_counts_as_lost() {
    let server = WebServer::start(&[]);
    let mut bob = server.login("bob");
    let mut raw = server.raw().upgraded();
    raw.send(masked(0x81, b"alice"));
    raw.send(masked(0x01, b"never ended"));
    raw.stream.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(raw.close_code(), 1000);
    bob.expect_all(&["* alice joined (2 here)", "* alice left: connection lost (1 here)"]);
}

#[test]
fn too_long_line_is_refused() {
    let server = WebServer::start(&["--max-line", "100"]);
    let mut page = server.enter("alice");
    page.ask(&"x".repeat(101), json!({"t": "refused", "what": "too_long", "most": 100}));
    page.ask(&"x".repeat(100), json!({"t": "said"}));
    page.ask(&"x".repeat(1600), json!({"t": "refused", "what": "too_long"}));
    page.send(&"x".repeat(1601));
    page.expect_close(1009);
}

#[test]
fn many_pings_are_answered_within_bounds() {
    let server = WebServer::start(&[]);
    let mut raw = server.raw().upgraded();
    let pings = masked(0x89, &[b'x'; 125]).repeat(1000);
    for _ in 0..20 {
        raw.send(&pings);
        for _ in 0..1000 {
            assert_eq!(raw.frame(), (0x8a, vec![b'x'; 125]));
        }
    }
    raw.send(masked(0x81, b"alice"));
    let (_, entered) = raw.frame();
    assert!(entered.starts_with(br#"{"t":"entered""#));
}
