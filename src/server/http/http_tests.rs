//! Deadlines and rates of exchanges and WebSockets, over the simulator's sockets and clock.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::chat::{Config, Hub, Lang, Now};
use crate::server::connection::transport::ListenerKind;
use crate::server::engine::{Budget, Engine};
use crate::server::http::Access;
use crate::server::limits::Limits;
use crate::simulator::network::{Event, Listener, Network, Wire};
use crate::wire::renderers;

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A server with a listener for browsers, and one for programs.
pub struct TestServer {
    pub engine: Engine<Listener>,
    network: Network,
    wires: Vec<Rc<RefCell<Wire>>>,
}

impl TestServer {
    pub fn new() -> TestServer {
        let mut network = Network::default();
        let listener = network.listen();
        let limits =
            Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::from_secs(60), send_buffer: 0 };
        let config = Config { rate: 10, burst: 30, ..Config::default() };
        let hub = Hub::new(config, renderers(Lang::En));
        let listeners = vec![(ListenerKind::Web, listener), (ListenerKind::Admin, network.listen())];
        let engine = Engine::new(hub, listeners, limits, Budget::default(), 100);
        TestServer { engine, network, wires: Vec::new() }
    }

    /// A client connects whose kernel buffers `capacity` bytes.
    fn connect(&mut self, capacity: usize) -> Rc<RefCell<Wire>> {
        self.connect_to(0, capacity)
    }

    /// A client connects to the listener with this number: 1 for programs.
    pub fn connect_to(&mut self, listener: usize, capacity: usize) -> Rc<RefCell<Wire>> {
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let wire = self.network.connect(listener, addr, 1 + self.wires.len() as u64, capacity);
        self.wires.push(wire.clone());
        wire
    }

    fn turn(&mut self, at: Duration) {
        let now = Now { at, local: OffsetDateTime::UNIX_EPOCH + at };
        for event in self.network.poll(self.wires.iter(), usize::MAX) {
            match event {
                Event::Listener(number) => self.engine.notify_listener(number),
                Event::Stream(slot, readiness) => self.engine.record_event(slot, readiness),
            }
        }
        self.engine.process_input(&self.network, now);
        self.engine.process_output(now);
    }

    /// Makes all turns that the server asks for until that time.
    pub fn run(&mut self, seconds: u64) {
        let at = Duration::from_secs(seconds);
        for _ in 0..1000 {
            self.turn(at);
            let is_due = self.engine.next_deadline().is_some_and(|due| due <= at);
            if !self.engine.has_work(at) && !is_due && !self.network.has_events(self.wires.iter()) {
                return;
            }
        }
        panic!("the server does not become idle");
    }
}

pub fn send(wire: &RefCell<Wire>, text: &str) {
    wire.borrow_mut().arrive(text.bytes());
}

/// The text received since the last call.
pub fn take(wire: &RefCell<Wire>) -> String {
    let wire = &mut *wire.borrow_mut();
    wire.take(usize::MAX);
    String::from_utf8_lossy(&std::mem::take(&mut wire.fresh)).into_owned()
}

#[test]
fn plain_requests_are_redirected_while_the_option_is_set() {
    let mut server = TestServer::new();
    let wire = server.connect(1_000_000);
    let access = |https_redirect| Access { https_redirect, https_port: Some(8443), ..Access::default() };
    for (https_redirect, status, location) in
        [(true, "308 Permanent Redirect", true), (false, "200 OK", false), (true, "308 Permanent Redirect", true)]
    {
        server.engine.set_access(access(https_redirect));
        send(&wire, GET);
        server.run(1);
        let answer = take(&wire);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert_eq!(answer.contains("\r\nLocation: https://localhost:8443/\r\n"), location, "{answer}");
        assert!(!answer.contains("Strict-Transport-Security"), "{answer}");
    }
    for (request, status) in [
        (UPGRADE.to_owned(), "308 Permanent Redirect"),
        (GET.replace("localhost", "evil.example"), "421 Misdirected Request"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".into(), "400 Bad Request"),
    ] {
        send(&wire, &request);
        server.run(1);
        let answer = take(&wire);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    }
}

#[test]
fn slow_request_head_is_refused_after_its_timeout() {
    let mut server = TestServer::new();
    let wire = server.connect(10_000);
    for second in 1..=10 {
        send(&wire, "GET /"[..1].repeat(second as usize % 2).as_str());
        server.run(second);
        assert_eq!(take(&wire), "", "second {second}");
    }
    server.run(12);
    assert!(take(&wire).starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    server.run(15);
    assert!(wire.borrow().closed);
}

#[test]
fn connection_without_requests_is_closed() {
    let mut server = TestServer::new();
    // The second socket has room for the whole page, twice.
    let (silent, wire) = (server.connect(10_000), server.connect(1_000_000));
    server.run(1);
    send(&wire, GET);
    server.run(2);
    server.run(12);
    assert!(silent.borrow().closed && !wire.borrow().closed);
    server.run(50);
    send(&wire, GET);
    server.run(51);
    server.run(110);
    assert_eq!(take(&wire).matches("HTTP/1.1 200 OK").count(), 2);
    assert!(!wire.borrow().closed);
    server.run(130);
    assert!(wire.borrow().closed && take(&wire).is_empty());
}

#[test]
fn answer_is_written_in_pieces_and_unread_answer_closes() {
    let mut server = TestServer::new();
    let (reads, does_not) = (server.connect(10_000), server.connect(100));
    for wire in [&reads, &does_not] {
        send(wire, &GET.repeat(3));
    }
    let mut answers = String::new();
    for second in 1..100 {
        server.run(second);
        answers += &take(&reads);
        assert!(second < 13 || does_not.borrow().closed, "second {second}");
    }
    assert_eq!((answers.matches("HTTP/1.1 200 OK").count(), answers.matches("</html>").count()), (3, 3));
}

#[test]
fn unanswered_ping_disconnects_and_active_client_is_not_pinged() {
    let mut server = TestServer::new();
    let (silent, other) = (server.connect(10_000), server.connect(10_000));
    for wire in [&silent, &other] {
        send(wire, UPGRADE);
    }
    server.run(1);
    for (wire, name) in [(&silent, b'a'), (&other, b'b')] {
        wire.borrow_mut().arrive([0x81, 0x81, 0, 0, 0, 0, name].into_iter());
    }
    server.run(30);
    assert!(take(&silent).contains("\"t\":\"live\""));
    take(&other);
    server.run(62);
    let pings = |wire: &RefCell<Wire>| take(wire).matches("\u{fffd}\0").count();
    assert_eq!((pings(&silent), pings(&other)), (0, 0), "both sent something half a minute ago");
    other.borrow_mut().arrive([0x8a, 0x80, 0, 0, 0, 0].into_iter());
    server.run(63);
    server.run(92);
    assert_eq!((pings(&silent), pings(&other)), (1, 0));
    assert!(!silent.borrow().closed);
    server.run(153);
    assert_eq!((silent.borrow().closed, other.borrow().closed), (true, false));
}

#[test]
fn unanswered_close_frame_ends_after_timeout() {
    let mut server = TestServer::new();
    let wire = server.connect(10_000);
    send(&wire, UPGRADE);
    server.run(1);
    wire.borrow_mut().arrive([0x81, 0x81, 0, 0, 0, 0, b'q'].into_iter());
    server.run(2);
    assert!(take(&wire).ends_with("{\"t\":\"goodbye\"}\u{fffd}\u{2}\u{3}\u{fffd}"));
    server.run(3);
    assert!(!wire.borrow().closed);
    server.run(5);
    assert!(wire.borrow().closed);
}

#[test]
fn pipelined_requests_are_slowed_to_the_rate() {
    let mut server = TestServer::new();
    let wire = server.connect(1_000_000);
    send(&wire, &"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100));
    let mut answers = Vec::new();
    for second in 1..=8 {
        server.run(second);
        answers.push(take(&wire).matches("HTTP/1.1 404 ").count());
    }
    assert_eq!(answers, [30, 10, 10, 10, 10, 10, 10, 10]);
    server.run(9);
    server.run(10);
    assert!(!wire.borrow().closed);
    send(&wire, GET);
    server.run(11);
    assert!(take(&wire).contains("HTTP/1.1 200 OK"));
}

#[test]
fn answers_per_turn_are_bounded() {
    let mut server = TestServer::new();
    let wires: Vec<_> = (0..50).map(|_| server.connect(1_000_000)).collect();
    server.run(1);
    wires.iter().for_each(|wire| send(wire, &GET.repeat(2)));
    let most = Budget::default().answers;
    let (mut all, mut turns) = (0, 0);
    while all < 100 {
        server.turn(Duration::from_secs(1));
        let answers: usize = wires.iter().map(|wire| take(wire).matches("HTTP/1.1 200 OK").count()).sum();
        assert!(answers <= most, "{answers} answers in one turn");
        (all, turns) = (all + answers, turns + 1);
        assert!(turns < 1000, "{all} answers in {turns} turns");
    }
}
