//! What takes its time: requests, answers, silence. Over the sockets of the simulator, by its clock.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::chat::{Config, Hub, Lang, Now};
use crate::server::Limits;
use crate::server::engine::accept::Kind;
use crate::server::engine::{Budget, Engine};
use crate::simulator::network::{Event, Listener, Network, Wire};
use crate::wire::json::Json;
use crate::wire::plain::Plain;

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct House {
    engine: Engine<Listener>,
    network: Network,
    wires: Vec<Rc<RefCell<Wire>>>,
}

impl House {
    fn new() -> House {
        let mut network = Network::default();
        let listener = network.listen();
        let limits = Limits {
            max_line: 4096,
            eol_timeout: Duration::ZERO,
            keepalive: Duration::from_secs(60),
            send_buffer: 0,
            farewell_timeout: Duration::from_secs(10),
        };
        let config = Config { rate: 10, burst: 30, ..Config::default() };
        let mut hub = Hub::new(config, Box::new(Plain { lang: Lang::En }));
        hub.enable_json(Box::new(Json { lang: Lang::En }));
        let engine = Engine::new(hub, vec![(Kind::Web, listener)], limits, Budget::default(), 100);
        House { engine, network, wires: Vec::new() }
    }

    /// Somebody whose kernel keeps so many bytes for them connects.
    fn connect(&mut self, capacity: usize) -> Rc<RefCell<Wire>> {
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let wire = self.network.connect(0, addr, 1 + self.wires.len() as u64, capacity);
        self.wires.push(wire.clone());
        wire
    }

    fn turn(&mut self, at: Duration) {
        let now = Now { at, local: OffsetDateTime::UNIX_EPOCH + at };
        for event in self.network.poll(self.wires.iter(), usize::MAX) {
            match event {
                Event::Listener(number) => self.engine.acceptor.notify(number),
                Event::Stream(slot, readiness) => self.engine.record_event(slot, readiness),
            }
        }
        self.engine.process_input(&self.network, now);
        self.engine.process_output(now);
    }

    /// All turns that the server wants by then.
    fn run(&mut self, seconds: u64) {
        let at = Duration::from_secs(seconds);
        for _ in 0..1000 {
            self.turn(at);
            let is_due = self.engine.next_deadline().is_some_and(|due| due <= at);
            if !self.engine.has_work(at) && !is_due && !self.network.has_events(self.wires.iter()) {
                return;
            }
        }
        panic!("it does not come to rest");
    }
}

fn send(wire: &RefCell<Wire>, text: &str) {
    wire.borrow_mut().arrive(text.bytes());
}

/// What has come since the last look.
fn take(wire: &RefCell<Wire>) -> String {
    let wire = &mut *wire.borrow_mut();
    wire.take(usize::MAX);
    String::from_utf8_lossy(&std::mem::take(&mut wire.fresh)).into_owned()
}

#[test]
fn a_head_that_trickles_in_is_refused_after_a_while() {
    let mut house = House::new();
    let wire = house.connect(10_000);
    for second in 1..=10 {
        send(&wire, "GET /"[..1].repeat(second as usize % 2).as_str());
        house.run(second);
        assert_eq!(take(&wire), "", "second {second}");
    }
    house.run(12);
    assert!(take(&wire).starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    house.run(15);
    assert!(wire.borrow().closed);
}

#[test]
fn a_connection_over_which_nothing_is_asked_is_closed() {
    let mut house = House::new();
    // There is room for all of the page, twice.
    let (silent, wire) = (house.connect(10_000), house.connect(1_000_000));
    house.run(1);
    send(&wire, GET);
    house.run(2);
    house.run(12);
    assert!(silent.borrow().closed && !wire.borrow().closed);
    house.run(50);
    send(&wire, GET);
    house.run(51);
    house.run(110);
    assert_eq!(take(&wire).matches("HTTP/1.1 200 OK").count(), 2);
    assert!(!wire.borrow().closed);
    house.run(130);
    assert!(wire.borrow().closed && take(&wire).is_empty());
}

#[test]
fn an_answer_comes_in_pieces_or_not_at_all_if_it_is_not_read() {
    let mut house = House::new();
    let (reads, does_not) = (house.connect(10_000), house.connect(100));
    for wire in [&reads, &does_not] {
        send(wire, &GET.repeat(3));
    }
    let mut answers = String::new();
    for second in 1..100 {
        house.run(second);
        answers += &take(&reads);
        assert!(second < 13 || does_not.borrow().closed, "second {second}");
    }
    assert_eq!((answers.matches("HTTP/1.1 200 OK").count(), answers.matches("</html>").count()), (3, 3));
}

#[test]
fn one_who_does_not_answer_a_ping_is_lost_and_one_who_is_heard_is_not_asked() {
    let mut house = House::new();
    let (silent, other) = (house.connect(10_000), house.connect(10_000));
    for wire in [&silent, &other] {
        send(wire, UPGRADE);
    }
    house.run(1);
    for (wire, name) in [(&silent, b'a'), (&other, b'b')] {
        wire.borrow_mut().arrive([0x81, 0x81, 0, 0, 0, 0, name].into_iter());
    }
    house.run(30);
    assert!(take(&silent).contains("\"t\":\"live\""));
    take(&other);
    house.run(62);
    let pings = |wire: &RefCell<Wire>| take(wire).matches("\u{fffd}\0").count();
    assert_eq!((pings(&silent), pings(&other)), (0, 0), "they were heard of half a minute ago");
    other.borrow_mut().arrive([0x8a, 0x80, 0, 0, 0, 0].into_iter());
    house.run(63);
    house.run(92);
    assert_eq!((pings(&silent), pings(&other)), (1, 0));
    assert!(!silent.borrow().closed);
    house.run(153);
    assert_eq!((silent.borrow().closed, other.borrow().closed), (true, false));
}

#[test]
fn a_closing_handshake_that_is_not_answered_is_not_waited_for() {
    let mut house = House::new();
    let wire = house.connect(10_000);
    send(&wire, UPGRADE);
    house.run(1);
    wire.borrow_mut().arrive([0x81, 0x81, 0, 0, 0, 0, b'q'].into_iter());
    house.run(2);
    assert!(take(&wire).ends_with("{\"t\":\"goodbye\"}\u{fffd}\u{2}\u{3}\u{fffd}"));
    house.run(3);
    assert!(!wire.borrow().closed);
    house.run(5);
    assert!(wire.borrow().closed);
}

#[test]
fn requests_at_once_are_slowed_to_the_rate_and_none_is_lost() {
    let mut house = House::new();
    let wire = house.connect(1_000_000);
    send(&wire, &"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100));
    let mut answers = Vec::new();
    for second in 1..=8 {
        house.run(second);
        answers.push(take(&wire).matches("HTTP/1.1 404 ").count());
    }
    assert_eq!(answers, [30, 10, 10, 10, 10, 10, 10, 10]);
    house.run(9);
    house.run(10);
    assert!(!wire.borrow().closed);
    send(&wire, GET);
    house.run(11);
    assert!(take(&wire).contains("HTTP/1.1 200 OK"));
}

#[test]
fn few_answers_are_given_in_one_turn_however_many_ask() {
    let mut house = House::new();
    let wires: Vec<_> = (0..50).map(|_| house.connect(1_000_000)).collect();
    house.run(1);
    wires.iter().for_each(|wire| send(wire, &GET.repeat(2)));
    let most = Budget::default().answers;
    let (mut all, mut turns) = (0, 0);
    while all < 100 {
        house.turn(Duration::from_secs(1));
        let answers: usize = wires.iter().map(|wire| take(wire).matches("HTTP/1.1 200 OK").count()).sum();
        assert!(answers <= most, "{answers} answers in one turn");
        (all, turns) = (all + answers, turns + 1);
        assert!(turns < 1000, "{all} answers in {turns} turns");
    }
}
