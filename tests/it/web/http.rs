//! Valid and invalid HTTP requests.

use std::net::Shutdown;

use super::{UPGRADE, WebServer, header};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn page_is_served_with_a_strict_policy() {
    let server = WebServer::start(&[]);
    let mut raw = server.raw();
    raw.send(GET);
    let (head, body) = raw.answer();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(body.starts_with("<!doctype html>"), "{body}");
    let policy = header(&head, "Content-Security-Policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert_eq!(header(&head, "Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(header(&head, "X-Content-Type-Options"), Some("nosniff"));

    // On the same connection: the head alone, and no body where the page is cached.
    raw.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let again = raw.head();
    assert_eq!(header(&again, "Content-Length"), header(&head, "Content-Length"));
    let tag = header(&head, "ETag").expect("a tag");
    raw.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"x\", {tag}\r\n\r\n"));
    assert!(raw.head().starts_with("HTTP/1.1 304 Not Modified\r\n"));
    assert_eq!(raw.ask(GET), "HTTP/1.1 200 OK");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = WebServer::start(&["--rate", "0"]);
    let mut raw = server.raw();
    let many = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(50);
    raw.send(format!("{many}GET /b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n"));
    for _ in 0..50 {
        assert!(raw.answer().0.starts_with("HTTP/1.1 404 "));
        assert!(raw.answer().0.starts_with("HTTP/1.1 200 "));
    }
    let (head, _) = raw.answer();
    assert_eq!(header(&head, "Connection"), Some("close"));
    assert_eq!(raw.rest(), b"");
}

#[test]
fn request_may_arrive_byte_by_byte() {
    let server = WebServer::start(&[]);
    let mut raw = server.raw();
    raw.stream.set_nodelay(true).expect("TCP_NODELAY");
    GET.bytes().for_each(|byte| raw.send([byte]));
    assert!(raw.answer().0.starts_with("HTTP/1.1 200 "));
}

#[test]
fn invalid_requests_get_their_status() {
    let server = WebServer::start(&[]);
    let old = UPGRADE.replace("Version: 13", "Version: 8");
    let (head_upgrade, post_upgrade) = (UPGRADE.replace("GET", "HEAD"), UPGRADE.replace("GET", "POST"));
    let keyless = UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "nonsense");
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    for (request, status, goes_on) in [
        ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found", true),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 Not Found", true),
        ("GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", "426 Upgrade Required", true),
        (&*old, "426 Upgrade Required", true),
        (&*keyless, "400 Bad Request", true),
        (&*head_upgrade, "405 Method Not Allowed", true),
        ("HEAD /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed", true),
        (&*post_upgrade, "405 Method Not Allowed", false),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Bad Request", false),
        ("HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Bad Request", false),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421 Misdirected Request", true),
        ("GET /nothing HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421 Misdirected Request", true),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "421 Misdirected Request", true),
        ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed", false),
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request", false),
        ("\x01\x03\x01\x02\0\x01\0\r\n\r\n", "400 Bad Request", false),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "413 Content Too Large", false),
        ("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", "505 HTTP Version Not Supported", false),
        (&*long, "431 Request Header Fields Too Large", false),
    ] {
        let mut raw = server.raw();
        raw.send(request);
        let is_head = request.starts_with("HEAD ");
        let head = if is_head { raw.head() } else { raw.answer().0 };
        let start = request.split("\r\n").next().unwrap_or_default();
        assert_eq!(head.lines().next(), Some(&*format!("HTTP/1.1 {status}")), "{start}");
        match status {
            "405 Method Not Allowed" if request.contains(" /ws ") && goes_on => {
                assert_eq!(header(&head, "Allow"), Some("GET"));
            }
            "405 Method Not Allowed" => assert_eq!(header(&head, "Allow"), Some("GET, HEAD")),
            "426 Upgrade Required" => assert_eq!(header(&head, "Sec-WebSocket-Version"), Some("13")),
            _ => {}
        }
        if goes_on {
            assert_eq!(raw.ask(GET), "HTTP/1.1 200 OK", "{start}");
        } else {
            assert_eq!(raw.rest(), b"", "{start}");
        }
    }
}

#[test]
fn half_closed_client_gets_the_answer() {
    let server = WebServer::start(&[]);
    let mut raw = server.raw();
    raw.send(GET);
    raw.stream.shutdown(Shutdown::Write).expect("shutdown");
    assert!(raw.answer().0.starts_with("HTTP/1.1 200 "));
    assert_eq!(raw.rest(), b"");
    let mut raw = server.raw();
    raw.send("GET / HT");
    raw.stream.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(raw.rest(), b"");
}

#[test]
fn unused_fields_and_later_minor_versions_are_accepted() {
    let server = WebServer::start(&[]);
    for request in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: caf\xe9\r\n\r\n"[..],
        b"GET / HTTP/1.2\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET http://localhost HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ] {
        let mut raw = server.raw();
        raw.send(request);
        assert!(raw.answer().0.starts_with("HTTP/1.1 200 OK\r\n"), "{}", request.escape_ascii());
    }
}

#[test]
fn request_for_foreign_host_is_refused() {
    let server = WebServer::start(&[
        "--host",
        "Chat.example",
        "--host",
        "b.example,c.example",
        "--allow-origin",
        "https://d.example",
    ]);
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let own = [node.clone(), format!("{node}.local:{}", server.web.port())];
    let ours =
        ["localhost", "a.localhost:1", "127.0.0.1", "[::1]:80", "chat.EXAMPLE.", "b.example", "c.example", "d.example"];
    let ours = ours.into_iter().chain(own.iter().map(String::as_str)).map(|host| (host, "101 Switching Protocols"));
    let others = ["evil.example", "chat.example.evil.example", "chat", ""];
    for (host, status) in ours.chain(others.map(|host| (host, "421 Misdirected Request"))) {
        // As a browser does after DNS rebinding.
        let request = UPGRADE.replace("Host: localhost", &format!("Host: {host}\r\nOrigin: http://{host}"));
        let mut raw = server.raw();
        raw.send(request);
        assert_eq!(raw.head().lines().next(), Some(&*format!("HTTP/1.1 {status}")), "{host}");
    }
}

#[test]
fn foreign_origin_is_refused_unless_allowed() {
    let server = WebServer::start(&["--allow-origin", "https://example.org"]);
    for (origin, status) in [
        ("http://localhost", "101 Switching Protocols"),
        ("https://example.org", "101 Switching Protocols"),
        ("http://evil.example", "403 Forbidden"),
        ("null", "403 Forbidden"),
    ] {
        let request = UPGRADE.replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n"));
        let mut raw = server.raw();
        raw.send(request);
        assert_eq!(raw.head().lines().next(), Some(&*format!("HTTP/1.1 {status}")), "{origin}");
    }
}

#[test]
fn forwarded_address_counts_only_from_a_trusted_proxy() {
    for (args, addr) in [(&["--trust-proxy", "127.0.0.0/8"][..], "203.0.113.9:"), (&[], "127.0.0.1:")] {
        let mut server = WebServer::start(args);
        let headers = [("x-forwarded-for", "198.51.100.1, 203.0.113.9, 127.0.0.2")];
        let _page = super::Page::connect(server.web, "/ws", &headers);
        let line = server.log.until("connected ");
        assert!(line.contains(&format!("] connected {addr}")), "{line}");
    }
}
