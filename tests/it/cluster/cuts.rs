//! Connections that are cut, held back or slow: between nodes and the engine, and among the servers of the engine.

use std::time::Duration;

use super::engines::Three;
use super::gate::Gate;
use super::talk::Talk;
use super::{health, start_measured, start_nodes_at};
use crate::harness::Server;
use crate::nats::Engine;

/// What the members of a node read when it is cut off, and when it is not any more.
const LOST: &str = "* This server has lost touch with the others; what you type waits.";
const FOUND: &str = "* Connected with the others again.";

/// Two nodes, the first of them behind a gate.
fn two_nodes(engine: &Engine) -> (Gate, [Server; 2], std::net::SocketAddr) {
    let gate = Gate::to(engine.addr());
    // Who comes back reads what was said meanwhile.
    let history = ["--history", "10000"];
    let (first, admin) = start_measured(&gate.url(), "a", &history);
    let (second, _) = start_measured(&engine.url(), "b", &history);
    (gate, [first, second], admin)
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_lost_or_doubled_when_connections_to_the_engine_are_cut_or_slow() {
    let engine = Engine::start(&[]);
    let (gate, nodes, _) = two_nodes(&engine);
    let mut talk = Talk::start(&nodes);
    for _ in 0..5 {
        talk.hear(&[0, 1], 20);
        gate.cut();
    }
    talk.hear(&[0, 1], 20);
    // Held back for less time than the others wait: what has come passes late, and the connection stays.
    gate.hold();
    talk.hear_at(&[1], 1, 50);
    gate.open();
    talk.hear(&[0, 1], 20);
    // The way there and back takes half a second.
    gate.delay(Duration::from_millis(250));
    talk.hear(&[0, 1], 200);
    gate.delay(Duration::ZERO);
    talk.hear(&[0, 1], 20);
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn node_that_is_cut_off_says_so_and_its_lines_wait() {
    let engine = Engine::start(&[]);
    let (gate, nodes, admin) = two_nodes(&engine);
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 20);
    gate.hold();
    talk.until("health is 503", |_| health(admin) == 503);
    // The other node buries it, and its people come back as the same sessions.
    talk.until("the people of the node have left for the others", |talk| talk.is_told(1, "w0 left: connection lost"));
    talk.until("the people of the node are told, and nobody else", |talk| {
        talk.is_told(0, LOST) && !talk.is_told(1, LOST)
    });
    assert!(!talk.is_told(0, FOUND));
    gate.open();
    talk.until("health is 200", |_| health(admin) == 200);
    talk.until("it is told", |talk| talk.is_told(0, FOUND));
    talk.hear(&[0, 1], 20);
    gate.shut();
    talk.until("health is 503", |_| health(admin) == 503);
    gate.open();
    talk.hear(&[0, 1], 20);
    talk.finish();
}

/// Lines wait for a minute, then their authors are told that they are not said, and so is each later line.
#[test]
#[ignore = "needs nats-server"]
fn lines_are_refused_after_a_minute_without_the_engine() {
    let engine = Engine::start(&[]);
    let (gate, nodes, admin) = two_nodes(&engine);
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 20);
    gate.shut();
    talk.until_within(Duration::from_secs(90), "lines are refused", |talk| talk.refused(0) > 100);
    gate.open();
    talk.until("health is 200", |_| health(admin) == 200);
    talk.hear(&[0, 1], 20);
    assert_eq!(talk.refused(1), 0);
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_lost_or_doubled_when_servers_of_the_engine_lose_touch() {
    let three = Three::start();
    let nodes: [Server; 3] = start_nodes_at(&three.urls(), &["--cluster-replicas", "3", "--history", "10000"]);
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1, 2], 50);
    let leader = three.leader();
    let follower = (leader + 1) % 3;
    // A node that is connected to the server that is cut off finds another one.
    for number in [follower, leader] {
        three.gates_of(number).for_each(Gate::hold);
        talk.hear(&[0, 1, 2], 50);
        three.gates_of(number).for_each(Gate::open);
        talk.hear(&[0, 1, 2], 50);
    }
    let leader = three.leader();
    three.gates_of(leader).for_each(Gate::shut);
    talk.hear(&[0, 1, 2], 50);
    three.gates_of(leader).for_each(Gate::open);
    talk.hear(&[0, 1, 2], 50);
    talk.finish();
}
