//! Messages that programs post, over the simulator's sockets and clock.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use time::OffsetDateTime;

use super::api::ApiTokens;
use super::http_tests::{TestServer, send, take};
use crate::chat::Now;
use crate::chat::change::{Committed, Proposal};
use crate::simulator::network::Wire;

const TOKEN: &str = "0123456789abcdef";

/// A server whose programs have a token.
fn server() -> TestServer {
    let mut server = TestServer::new();
    server.engine.set_tokens(ApiTokens::parse(&format!("ci {TOKEN}")).ok());
    server
}

/// The head of a request for a message of `length` bytes, with other fields.
fn head(length: usize, fields: &str) -> String {
    format!(
        "POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
        Content-Type: application/json\r\nContent-Length: {length}\r\n{fields}\r\n"
    )
}

/// A whole request to post a text.
fn post(text: &str) -> String {
    let content = format!("{{\"text\":\"{text}\"}}");
    head(content.len(), "") + &content
}

/// The status and the body of an answer.
fn answer(wire: &Rc<RefCell<Wire>>) -> (String, String) {
    let text = take(wire);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("an answer, not {text:?}"));
    (head.lines().next().unwrap_or_default().into(), body.into())
}

fn created(id: u64) -> (String, String) {
    ("HTTP/1.1 201 Created".into(), format!("{{\"id\":{id},\"lines\":1}}\n"))
}

/// Commits the next change that the hub has proposed.
fn commit(server: &mut TestServer, seq: u64, seconds: u64) {
    let at = Duration::from_secs(seconds);
    let time = Now { at, local: OffsetDateTime::UNIX_EPOCH + at };
    let hub = server.engine.hub_mut();
    let Proposal { origin, change } = hub.poll_proposal().expect("a proposal");
    hub.handle_committed(&Committed { seq, time, origin, place: None, change }, &time);
    server.run(seconds);
}

#[test]
fn content_that_comes_in_pieces_is_awaited() {
    let mut server = server();
    let wire = server.connect_to(1, 10_000);
    let content = "{\"text\":\"hello\"}";
    for (fields, interim, id) in [("", "", 1), ("Expect: 100-continue\r\n", "HTTP/1.1 100 Continue\r\n\r\n", 2)] {
        send(&wire, &head(content.len(), fields));
        server.run(1);
        assert_eq!(take(&wire), interim);
        send(&wire, &content[..5]);
        server.run(2);
        assert_eq!(take(&wire), "");
        send(&wire, &content[5..]);
        server.run(3);
        assert_eq!(answer(&wire), created(id));
    }
    // The rest of a content may be late, as the rest of a head.
    send(&wire, &head(content.len(), ""));
    server.run(4);
    server.run(16);
    assert_eq!(answer(&wire).0, "HTTP/1.1 408 Request Timeout");
}

#[test]
fn requests_in_one_piece_are_answered_in_their_order() {
    let mut server = server();
    let wire = server.connect_to(1, 10_000);
    send(&wire, &[post("one"), post("two"), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".into()].concat());
    server.run(1);
    let text = take(&wire);
    let bodies: Vec<&str> =
        text.split("\r\n\r\n").skip(1).map(|part| part.lines().next().unwrap_or_default()).collect();
    assert_eq!(bodies, ["{\"id\":1,\"lines\":1}", "{\"id\":2,\"lines\":1}", "ok"]);
}

#[test]
fn content_that_is_not_read_ends_the_connection() {
    for fields in ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "Content-Length: 65537\r\n"] {
        let mut server = server();
        let wire = server.connect_to(1, 10_000);
        let request = head(0, "").replace("Content-Length: 0\r\n", fields);
        send(&wire, &request);
        server.run(1);
        let (status, body) = answer(&wire);
        let expected = if fields.starts_with('T') { "411 Length Required" } else { "413 Content Too Large" };
        assert_eq!(status, format!("HTTP/1.1 {expected}"), "{body}");
        server.run(4);
        assert!(wire.borrow().closed);
    }
}

#[test]
fn message_is_answered_when_it_is_committed() {
    let mut server = server();
    server.engine.hub_mut().use_external_sequencer();
    let wire = server.connect_to(1, 10_000);
    send(&wire, &post("one").repeat(2));
    server.run(1);
    assert_eq!(take(&wire), "");
    commit(&mut server, 1, 5);
    assert_eq!(answer(&wire), created(1));
    commit(&mut server, 2, 6);
    assert_eq!(answer(&wire), created(2));
}

#[test]
fn late_commit_is_no_answer_for_the_next_connection() {
    let mut server = server();
    server.engine.hub_mut().use_external_sequencer();
    let wire = server.connect_to(1, 10_000);
    send(&wire, &post("one"));
    server.run(1);
    let slot = wire.borrow().slot;
    server.run(12);
    let (status, body) = answer(&wire);
    assert_eq!(status, "HTTP/1.1 504 Gateway Timeout");
    assert!(body.contains("it may still be shown"), "{body}");
    server.run(20);
    assert!(wire.borrow().closed);
    let next = server.connect_to(1, 10_000);
    send(&next, &post("two"));
    server.run(21);
    assert_eq!(next.borrow().slot, slot, "its number is used again");
    commit(&mut server, 1, 22);
    assert_eq!(take(&next), "");
    commit(&mut server, 2, 23);
    assert_eq!(answer(&next), created(2));
}

#[test]
fn messages_are_limited_for_each_token_over_all_connections() {
    let mut server = server();
    let statuses = |server: &mut TestServer, seconds: u64| {
        let wire = server.connect_to(1, 100_000);
        send(&wire, &post("hello").repeat(20));
        server.run(seconds);
        let text = take(&wire);
        (text.matches("HTTP/1.1 201 ").count(), text.matches("HTTP/1.1 429 ").count(), text)
    };
    let (created, refused, _) = statuses(&mut server, 1);
    assert_eq!((created, refused), (20, 0));
    let (created, refused, text) = statuses(&mut server, 1);
    assert_eq!((created, refused), (10, 10), "the burst is 30");
    assert!(text.contains("\r\nRetry-After: 1\r\n"), "{text}");
    let (created, ..) = statuses(&mut server, 2);
    assert_eq!(created, 10, "the rate is 10 a second");
}
