//! Servers that are handed over while their clients are in the middle of something.

mod golden;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use time::OffsetDateTime;

use super::state::{EngineSettings, SocketMismatch};
use super::{Budget, Engine};
use crate::chat::{ClientId, Config, Hub, Input, Lang, Now};
use crate::server::connection::transport::ListenerKind;
use crate::server::handover::{Handover, HandoverView};
use crate::server::limits::Limits;
use crate::simulator::network::peer::Peer;
use crate::simulator::network::{Event, Listener, Network, Wire};
use crate::wire::renderers;

fn settings() -> EngineSettings {
    let limits = Limits {
        max_line: 4096,
        eol_timeout: Duration::from_secs(60),
        keepalive: Duration::from_secs(60),
        send_buffer: 0,
    };
    EngineSettings { limits, budget: Budget::default(), max_connections: 100 }
}

struct TestServer {
    config: Config,
    engine: Option<Engine<Listener>>,
    network: Network,
    wires: Vec<Rc<RefCell<Wire>>>,
    at: Duration,
}

impl TestServer {
    fn new(config: Config) -> TestServer {
        let mut network = Network::default();
        let kinds = [ListenerKind::Plain, ListenerKind::Web, ListenerKind::Admin, ListenerKind::Irc];
        let listeners = kinds.map(|kind| (kind, network.listen())).into();
        let hub = Hub::new(config.clone(), renderers(Lang::En));
        let EngineSettings { limits, budget, max_connections } = settings();
        let engine = Some(Engine::new(hub, listeners, limits, budget, max_connections));
        TestServer { config, engine, network, wires: Vec::new(), at: Duration::from_secs(1) }
    }

    fn engine(&mut self) -> &mut Engine<Listener> {
        self.engine.as_mut().unwrap()
    }

    /// A client connects to a listener; its kernel buffers `capacity` bytes.
    fn connect(&mut self, listener: usize, capacity: usize) -> Rc<RefCell<Wire>> {
        self.connect_from([127, 0, 0, 1], listener, capacity, None)
    }

    /// A client connects from an address, perhaps to a port for TLS.
    fn connect_from(
        &mut self,
        addr: [u8; 4],
        listener: usize,
        capacity: usize,
        peer: Option<Peer>,
    ) -> Rc<RefCell<Wire>> {
        let (addr, seed) = (SocketAddr::from((addr, 1)), 1 + self.wires.len() as u64);
        let wire = self.network.connect_with(listener, addr, seed, capacity, peer, None);
        self.wires.push(wire.clone());
        self.run();
        wire
    }

    fn send(&mut self, wire: &RefCell<Wire>, bytes: &[u8]) {
        wire.borrow_mut().arrive(bytes.iter().copied());
        self.run();
    }

    fn turn(&mut self) {
        let now = Now { at: self.at, local: OffsetDateTime::UNIX_EPOCH + self.at };
        let engine = self.engine.as_mut().unwrap();
        for event in self.network.poll(self.wires.iter(), usize::MAX) {
            match event {
                Event::Listener(number) => engine.notify_listener(number),
                Event::Stream(slot, readiness) => engine.record_event(slot, readiness),
            }
        }
        engine.process_input(&self.network, now);
        engine.process_output(now);
    }

    /// Makes all turns that the server asks for now.
    fn run(&mut self) {
        for _ in 0..1000 {
            self.turn();
            let at = self.at;
            let is_due = self.engine().next_deadline().is_some_and(|due| due <= at);
            if !self.engine().has_work(at) && !is_due && !self.network.has_events(self.wires.iter()) {
                return;
            }
        }
        panic!("the server does not become idle");
    }

    fn pass(&mut self, time: Duration) {
        self.at += time;
        self.run();
    }

    /// Ends the engine, and starts another one with its state as JSON.
    fn hand_over(&mut self) -> String {
        let view = HandoverView::of(self.engine.as_ref().unwrap(), self.at).to_json().unwrap();
        let (state, hub, sockets) = self.engine.take().unwrap().into_state();
        let json = Handover::new(self.at, state, hub.into_state()).to_json().unwrap();
        assert!(view == json, "the state is written alike by a server that goes on and by one that ends");
        let state = Handover::from_json(&json).unwrap();
        assert_eq!(state.at, self.at);
        let again = Handover::new(state.at, state.engine, state.hub);
        assert_eq!(again.to_json().unwrap(), json, "a state that is read and written is the same");
        let hub = Hub::from_state(again.hub, self.config.clone(), renderers(Lang::En));
        self.engine = Engine::from_state(again.engine, hub, sockets, settings(), &self.network).ok();
        String::from_utf8(json).unwrap()
    }
}

/// The bytes received since the last call, as text.
fn take(wire: &RefCell<Wire>) -> String {
    let wire = &mut *wire.borrow_mut();
    wire.take(usize::MAX);
    String::from_utf8_lossy(&std::mem::take(&mut wire.fresh)).into_owned()
}

/// A masked text frame.
fn frame(text: &str) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let payload = text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [0x81, 0x80 | text.len() as u8].into_iter().chain(mask).chain(payload).collect()
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn line_continues_after_a_handover_at_every_byte() {
    let line = "alice\r\nhello \u{4f60}\u{597d}\r\n\u{ff}";
    let bytes = [line.as_bytes(), &[255, 253, 1, b'x', b'\n', 0xff]].concat();
    for middle in 0..bytes.len() {
        let mut server = TestServer::new(Config::default());
        let reader = server.connect(0, 10_000);
        server.send(&reader, b"bob\n");
        let writer = server.connect(0, 10_000);
        server.send(&writer, &bytes[..middle]);
        server.hand_over();
        server.send(&writer, &bytes[middle..]);
        let read = take(&reader);
        assert!(read.contains("alice: hello \u{4f60}\u{597d}\r\n"), "handed over at {middle}: {read:?}");
        assert!(read.contains("alice: \u{ff}x\r\n"), "handed over at {middle}: {read:?}");
        assert_eq!(take(&writer).matches("\u{fffd}\u{fffd}\u{1}").count(), 1, "the refusal of a telnet option");
    }
}

#[test]
fn another_protocol_is_recognised_across_a_handover() {
    let mut server = TestServer::new(Config::default());
    let wire = server.connect(0, 10_000);
    server.send(&wire, b"POST / HT");
    assert!(server.hand_over().contains("\"first\""));
    server.send(&wire, b"TP/1.1\r\nHost: localhost\r\n\r\nhello\r\n");
    wire.borrow_mut().end();
    server.run();
    assert!(wire.borrow().closed);
    assert_eq!(server.engine().hub().stats().lines, 0);
}

#[test]
fn unended_line_counts_after_its_time_also_after_a_handover() {
    let mut server = TestServer::new(Config::default());
    let wire = server.connect(0, 10_000);
    server.send(&wire, b"alice");
    server.pass(Duration::from_secs(30));
    server.hand_over();
    server.pass(Duration::from_secs(20));
    assert_eq!(server.engine().hub().stats().here, 0);
    server.pass(Duration::from_secs(11));
    assert_eq!(server.engine().hub().stats().here, 1);
}

#[test]
fn mute_that_runs_out_after_a_handover_ends_at_its_time() {
    let mut server = TestServer::new(Config::default());
    let [alice, bob] = [server.connect(0, 10_000), server.connect(0, 10_000)];
    server.send(&alice, b"alice\n");
    server.send(&bob, b"bob\n");
    let now = Now { at: server.at, local: OffsetDateTime::UNIX_EPOCH + server.at };
    server.engine().hub_mut().attach_console();
    server.engine().hub_mut().handle_line(ClientId::CONSOLE, Input::Line("/mute bob 1"), now);
    server.pass(Duration::from_secs(59));
    server.hand_over();
    server.send(&bob, b"too early\n");
    server.pass(Duration::from_secs(2));
    server.send(&bob, b"in time\n");
    let read = take(&alice);
    assert!(!read.contains("too early") && read.contains("] bob: in time"), "{read:?}");
}

#[test]
fn held_lines_are_processed_at_the_rate_after_a_handover() {
    let mut server = TestServer::new(Config { rate: 1, burst: 2, ..Config::default() });
    let wire = server.connect(0, 10_000);
    server.send(&wire, b"alice\nline 1\nline 2\nline 3\nline 4\n");
    for lines in 2..=5 {
        assert_eq!(server.engine().hub().stats().lines, lines);
        server.hand_over();
        server.pass(Duration::from_millis(1020));
    }
    assert_eq!(server.engine().hub().stats().lines, 5);
}

#[test]
fn frame_continues_after_a_handover_at_every_byte() {
    let bytes = [UPGRADE.as_bytes(), &frame("alice"), &frame("hello")].concat();
    for middle in (0..UPGRADE.len()).step_by(20).chain(UPGRADE.len()..bytes.len()) {
        let mut server = TestServer::new(Config::default());
        let reader = server.connect(0, 10_000);
        server.send(&reader, b"bob\n");
        let page = server.connect(1, 10_000);
        server.send(&page, &bytes[..middle]);
        server.hand_over();
        server.send(&page, &bytes[middle..]);
        assert!(take(&reader).contains("alice: hello\r\n"), "handed over at {middle}");
        assert!(take(&page).starts_with("HTTP/1.1 101 "));
        // The deadlines of the connection go on too.
        server.hand_over();
        server.pass(Duration::from_secs(61));
        assert!(take(&page).ends_with("\u{fffd}\0"), "a ping is sent");
        server.hand_over();
        server.pass(Duration::from_secs(61));
        assert!(page.borrow().closed, "the ping is not answered");
    }
}

#[test]
fn frame_of_irc_continues_after_a_handover_at_every_byte() {
    let request = UPGRADE.trim_end().to_owned() + "\r\nSec-WebSocket-Protocol: binary.ircv3.net\r\n\r\n";
    let lines = ["NICK alice", "USER a 0 * :Alice", "JOIN #lobby", "PRIVMSG #lobby :hello"];
    let frames: Vec<u8> = lines.iter().flat_map(|line| frame(line)).collect();
    for middle in 0..frames.len() {
        let mut server = TestServer::new(Config::default());
        let reader = server.connect(0, 10_000);
        server.send(&reader, b"bob\n");
        let client = server.connect(1, 10_000);
        server.send(&client, request.as_bytes());
        assert!(take(&client).contains("\r\nSec-WebSocket-Protocol: binary.ircv3.net\r\n"));
        server.send(&client, &frames[..middle]);
        server.hand_over();
        server.send(&client, &frames[middle..]);
        assert!(take(&reader).contains("alice: hello\r\n"), "handed over at {middle}");
        server.send(&reader, b"hi\n");
        let read = take(&client);
        // A binary frame, without the end of the line.
        let (head, said) = read.rsplit_once(":bob!chat@").expect("a message");
        assert!(head.ends_with("\u{fffd}*") && said.ends_with(".cloak PRIVMSG #lobby :hi"), "{read:?}");
    }
}

#[test]
fn answer_is_written_to_its_end_after_handovers() {
    let mut server = TestServer::new(Config::default());
    let wire = server.connect(1, 10_000);
    server.send(&wire, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answers = String::new();
    for _ in 0..100 {
        server.hand_over();
        answers += &take(&wire);
        server.run();
    }
    let found = ["HTTP/1.1 200 OK", "</html>", "HTTP/1.1 404 "].map(|text| answers.matches(text).count());
    assert_eq!(found, [1, 1, 1]);
}

#[test]
fn closing_connections_and_shutdown_go_on_after_a_handover() {
    let mut server = TestServer::new(Config::default());
    let [quits, stays] = [(); 2].map(|()| server.connect(0, 200));
    server.send(&quits, b"alice\nq\n");
    server.hand_over();
    for _ in 0..20 {
        take(&quits);
        server.run();
    }
    assert!(!quits.borrow().closed);
    quits.borrow_mut().end();
    server.hand_over();
    server.run();
    assert!(quits.borrow().closed);

    server.send(&stays, b"bob\n/help\n");
    let now = Now { at: server.at, local: OffsetDateTime::UNIX_EPOCH + server.at };
    server.engine().begin_shutdown(now);
    server.hand_over();
    assert!(server.engine().is_ending() && !stays.borrow().closed);
    assert_eq!(server.engine().budget().reaps, Budget::default().ending().reaps);
    for _ in 0..20 {
        take(&stays);
        server.run();
    }
    assert!(stays.borrow().closed && server.engine().is_done(now.at));
}

#[test]
fn slots_of_connections_stay_the_same() {
    let mut server = TestServer::new(Config::default());
    let wires = [(); 4].map(|()| server.connect(0, 10_000));
    for leaver in [0, 2] {
        wires[leaver].borrow_mut().break_off();
        server.run();
    }
    server.hand_over();
    server.run();
    assert_eq!([1, 3].map(|number: usize| wires[number].borrow().slot), [Some(1), Some(3)]);
    let slots = [(); 3].map(|()| server.connect(0, 10_000).borrow().slot.unwrap());
    let mut sorted = slots;
    sorted.sort();
    assert_eq!(sorted, [0, 2, 4]);
}

#[test]
fn sockets_of_other_connections_are_refused() {
    for (removed, expected) in [(true, SocketMismatch::Missing(0)), (false, SocketMismatch::Unknown(7))] {
        let mut server = TestServer::new(Config::default());
        server.connect(0, 10_000);
        let (state, hub, mut sockets) = server.engine.take().unwrap().into_state();
        match removed {
            true => sockets.streams.clear(),
            false => sockets.streams[0].0 = 7,
        }
        let error = Engine::from_state(state, hub, sockets, settings(), &server.network).err();
        assert_eq!(error, Some(expected));
    }
}

#[test]
fn web_sockets_stay_when_pings_are_switched_off() {
    for (keepalive, stays) in [(60, false), (0, true)] {
        // A page without a nickname has time to choose one.
        let login_timeout = Duration::from_secs(1000);
        let mut server = TestServer::new(Config { login_timeout, ..Config::default() });
        let page = server.connect(1, 100_000);
        server.send(&page, UPGRADE.as_bytes());
        let limits = Limits { keepalive: Duration::from_secs(keepalive), ..settings().limits };
        server.engine().set_limits(limits);
        for _ in 0..4 {
            take(&page);
            server.pass(Duration::from_secs(50));
        }
        let is_open = !page.borrow().closed;
        assert_eq!(is_open, stays, "pings every {keepalive} s");
    }
}
