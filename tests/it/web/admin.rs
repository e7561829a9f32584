//! The metrics for the operator's programs.

use std::net::SocketAddr;

use super::{Raw, WebServer, masked};
use crate::harness::{Client, Server, Signal};

const GET_HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

pub fn admin_address(server: &mut Server) -> SocketAddr {
    let line = server.log.until("metrics on http://");
    let (_, addr) = line.rsplit_once("http://").expect("an address");
    addr.trim_end_matches("/metrics").parse().expect("an address")
}

pub fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    line.trim().parse().expect("a number")
}

#[test]
fn metrics_match_the_server_state() {
    let mut server = WebServer::start(&["--admin", "127.0.0.1:0"]);
    let mut admin = Raw::connect(admin_address(&mut server));
    let mut bob = server.login("bob");
    let mut page = server.enter("alice");
    bob.expect("* alice joined (2 here)");
    page.send("hello");
    page.until("said");
    bob.expect("[T] alice: hello");
    server.enter("carol").close();
    page.until("left");
    assert_eq!(admin.ask(GET_HEALTH), "HTTP/1.1 200 OK");
    admin.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, text) = admin.answer();
    assert_eq!(super::header(&head, "Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for (name, value) in [
        ("chinwag_connections{dialect=\"plain\"}", 1.0),
        ("chinwag_here", 2.0),
        ("chinwag_rooms", 1.0),
        ("chinwag_connections_total", 3.0),
        ("chinwag_lines_total", 4.0),
        ("chinwag_messages_total", 1.0),
        ("chinwag_left_total{cause=\"end_of_input\"}", 1.0),
    ] {
        assert_eq!(metric(&text, name), value, "{name}");
    }
    assert!(metric(&text, "chinwag_turn_seconds_count") > 3.0);
    assert!(metric(&text, "chinwag_sent_bytes_total") > 300.0);
    // Each metric is described once, before its values.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert_eq!(text.matches(&format!("# TYPE {base} ")).count(), 1, "{line}");
    }
    admin.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, body) = admin.answer();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let listed: Vec<&str> = body.lines().filter_map(|line| line.split_whitespace().nth(1)?.strip_prefix('/')).collect();
    assert_eq!(listed, ["healthz", "metrics", "api/rooms/ROOM/messages"]);
    admin.send("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, body) = admin.answer();
    assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
    assert_eq!(body, "There is nothing here. GET / lists what this address has; the chat page is where --web says.\n");
    let post = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(admin.ask(post), "HTTP/1.1 405 Method Not Allowed");
    let elsewhere = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(admin.ask(elsewhere), "HTTP/1.1 421 Misdirected Request");
    assert_eq!(admin.ask("GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 404 Not Found");
}

#[test]
fn healthz_fails_during_shutdown() {
    let mut server = WebServer::start(&["--admin", "127.0.0.1:0", "--rate", "0", "--send-buffer", "4096"]);
    let addr = admin_address(&mut server);
    let mut open = Raw::connect(addr);
    assert_eq!(open.ask(GET_HEALTH), "HTTP/1.1 200 OK");
    // A client that does not read keeps the server from ending.
    let mut raw = Raw { stream: Client::connect_slow(server.web).stream }.upgraded();
    raw.send(masked(0x81, b"slow"));
    let mut bob = server.login("bob");
    let line = format!("{}\n", "x".repeat(4000));
    for _ in 0..100 {
        bob.send(&line);
    }
    bob.send("/ping\n");
    while bob.line() != "* pong" {}
    server.signal(Signal::TERM);
    while bob.line() != "* The server is shutting down." {}
    assert_eq!(open.ask(GET_HEALTH), "HTTP/1.1 503 Service Unavailable");
    assert_eq!(Raw::connect(addr).ask(GET_HEALTH), "HTTP/1.1 503 Service Unavailable");
    assert!(server.wait().success());
}
