//! Things in the log that no server of this cluster has written, or that a later version has.

use chinwag::cluster::nats::{Event, SendError};
use serde_json::json;

use super::talk::Talk;
use super::{figure, start_measured};
use crate::harness::Server;
use crate::nats::{Driver, Engine};

const SUBJECT: &str = "chinwag.tests.log.x";

/// Two nodes; the address of the metrics of the first one.
fn two_nodes() -> (Engine, [Server; 2], std::net::SocketAddr, Driver) {
    let engine = Engine::start(&[]);
    let (first, admin) = start_measured(&engine.url(), "a", &[]);
    let (second, _) = start_measured(&engine.url(), "b", &[]);
    let driver = Driver::connect(&engine.url());
    (engine, [first, second], admin, driver)
}

/// The first two entries of a node that does not exist: it says Hello, and then these lines.
fn foreign_node(driver: &mut Driver, lines: &str) {
    let control = json!({"kind": "hello", "node": "x", "versions": {"lowest": 1, "highest": 9}, "informed": false});
    let hello = json!({"version": 1, "incarnation": 77, "n": 1, "control": control});
    driver.publish(SUBJECT, &hello.to_string());
    driver.publish(SUBJECT, &format!("{}\n{lines}", json!({"version": 9, "incarnation": 77, "n": 2})));
}

#[test]
#[ignore = "needs nats-server"]
fn nonsense_in_the_log_is_skipped_counted_and_told_once() {
    let (_engine, mut nodes, admin, mut driver) = two_nodes();
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 20);
    let before = figure(admin, "foreign_total");
    let entry = json!({"version": 1, "incarnation": 78, "n": 1}).to_string();
    let deep = format!("{{\"version\":1,\"incarnation\":78,\"n\":1,\"control\":{}", "[".repeat(10_000));
    let many = format!("{entry}{}", "\n2 x".repeat(129));
    let nonsense = ["", "hello", "{}", "\n\n\n", &deep, "[[[[", &many, &"x".repeat(100_000), &format!("{entry}\nx")];
    for text in nonsense {
        driver.publish(SUBJECT, text);
    }
    // What is larger than an entry and its subject can be, the stream does not take; nor does the client of 10 MB.
    let now = driver.now();
    driver.nats.client.js_publish(8, SUBJECT, &vec![b'x'; 200_000], Default::default(), now).expect("it is sent");
    let result = driver.until(|event| match event {
        Event::Published { tag: 8, result } => Some(result),
        _ => None,
    });
    assert!(result.is_err(), "{result:?}");
    let sent = driver.nats.client.js_publish(9, SUBJECT, &vec![b'x'; 10_000_000], Default::default(), now);
    assert!(matches!(sent, Err(SendError::TooLong(_))), "{sent:?}");
    talk.until("all is counted", |_| figure(admin, "foreign_total") == before + nonsense.len() as u64);
    talk.hear(&[0, 1], 20);
    let line = nodes[0].log.until("is not ours and is skipped");
    assert!(line.contains("it does not begin with the header of an entry"), "{line}");
    assert!(!nodes[0].log.has_more(), "it is told once: {:?}", nodes[0].log.next());
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn hostile_heartbeats_and_whispers_change_nothing() {
    let (_engine, nodes, admin, mut driver) = two_nodes();
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 20);
    let deep = "[".repeat(10_000);
    for payload in ["", "hello", "{}", &deep, &"x".repeat(900_000)] {
        for subject in ["heartbeat", "whisper.a", "whisper.b"] {
            driver.nats.client.publish(&format!("chinwag.tests.{subject}"), payload.as_bytes()).expect("it is sent");
            driver.turn();
        }
    }
    // Many nodes that do not exist, which have read further than all others, and some with names of others.
    for incarnation in 0..3_000_u64 {
        let node = ["x", "a", "b"][incarnation as usize % 3];
        let beat = json!({"node": node, "incarnation": incarnation, "ready": true, "applied": u64::MAX});
        driver.nats.client.publish("chinwag.tests.heartbeat", beat.to_string().as_bytes()).expect("it is sent");
        if incarnation % 500 == 499 {
            driver.turn();
        }
    }
    talk.hear(&[0, 1], 100);
    assert!(figure(admin, "lag_entries") < 1_000);
    assert!(!talk.is_told(0, "left") && !talk.is_told(1, "left"));
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn unknown_change_is_skipped_unless_it_must_be_understood() {
    let (_engine, mut nodes, _, mut driver) = two_nodes();
    let mut talk = Talk::start(&nodes);
    foreign_node(&mut driver, "1 {\"Dance\":{\"with\":\"everybody\"}}");
    nodes[0].log.until("has a change of a later version, which is skipped");
    talk.hear(&[0, 1], 20);
    let header = json!({"version": 9, "incarnation": 77, "n": 3});
    driver.publish(SUBJECT, &format!("{header}\n!1 {{\"Dance\":{{}}}}"));
    for node in &mut nodes {
        let line = node.log.until("This node stops: the others run a later version");
        assert!(line.ends_with("Install that version here."), "{line}");
    }
    talk.until("all connections end", |talk| talk.is_lost(0) && talk.is_lost(1));
    assert!(talk.is_told(0, "shutting down"));
    for node in &mut nodes {
        assert_eq!(node.wait().code(), Some(1));
    }
}
