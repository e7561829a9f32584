//! What outlives a full stop of all nodes, and what an account keeps for itself.

use chinwag::cluster::nats::{BucketId, Event, StreamConfig};

use super::{people, start_node, start_nodes, wait_for_node};
use crate::harness::{Client, Server, Signal};
use crate::nats::{Driver, Engine};

const REGISTERED: &str = "* alice is registered now: who logs in as alice is asked for the password.";

/// Logs alice in with her password.
fn log_in(node: &Server) -> Client {
    let mut alice = node.connect();
    alice.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    alice.ask("alice", &["* alice is registered. Password: (visible as you type)"]);
    alice.send("fish\n");
    alice.until("* You are alice. ");
    alice
}

/// A client that has the bucket of the cluster.
pub fn watching(engine: &Engine) -> (Driver, BucketId) {
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&StreamConfig::bucket("chinwag_tests", 1));
    let now = driver.now();
    let bucket = driver.nats.client.watch_bucket("chinwag_tests", now).expect("a bucket");
    driver.until(|event| matches!(event, Event::BucketComplete { .. }).then_some(()));
    (driver, bucket)
}

/// Waits until the value of a key has this text, or until there is none.
pub fn wait_for(driver: &mut Driver, bucket: BucketId, key: &str, part: Option<&str>) {
    driver.drive(|_, client, _| {
        let value = client.bucket(bucket)?.get(key.as_bytes());
        let text = value.map(|value| String::from_utf8_lossy(value.bytes).into_owned());
        match (part, text) {
            (Some(part), Some(text)) => text.contains(part).then_some(()),
            (part, text) => (part.is_none() && text.is_none()).then_some(()),
        }
    });
}

fn stop(node: &mut Server) {
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
#[ignore = "needs nats-server"]
fn accounts_roles_bans_and_topics_are_there_after_all_nodes_have_ended() {
    let (engine, mut nodes) = start_nodes::<2>(&["--console"]);
    let [mut alice, _bob] = people(&nodes, ["alice", "bob"]);
    alice.ask("/register fish", &[REGISTERED]);
    nodes[1].type_in("/mod alice\n");
    alice.until("moderator");
    alice.send("/join den\n");
    alice.until("You are in den");
    alice.send("/topic tea at five\n");
    alice.until("tea at five");
    // The last change comes shortly before the end.
    nodes[0].type_in("/ban 10.9.9.9\n");
    nodes[0].console.until("10.9.9.9 is banned");
    nodes.iter_mut().for_each(stop);
    let mut node = start_node(&engine.url(), "c", &["--console"]);
    wait_for_node(&mut node);
    let mut alice = log_in(&node);
    alice.ask("/bans", &["* Nobody is banned."]);
    node.type_in("/bans\n");
    node.console.until("10.9.9.9");
    alice.send("/join den\n");
    alice.until("tea at five");
}

#[test]
#[ignore = "needs nats-server"]
fn what_is_in_the_bucket_is_there_after_all_nodes_were_killed() {
    let (engine, mut nodes) = start_nodes::<2>(&[]);
    let (mut driver, bucket) = watching(&engine);
    let [mut alice, mut bob] = people(&nodes, ["alice", "bob"]);
    alice.ask("/register fish", &[REGISTERED]);
    // The node that keeps the shared state is killed first; the other one goes on.
    wait_for(&mut driver, bucket, "account.alice", Some("alice"));
    nodes[0].signal(Signal::KILL);
    nodes[0].wait();
    bob.until("alice left");
    bob.send("/join den\n");
    bob.until("You are in den");
    bob.send("/topic after the crash\n");
    wait_for(&mut driver, bucket, "room.den", Some("after the crash"));
    nodes[1].signal(Signal::KILL);
    nodes[1].wait();
    let mut node = start_node(&engine.url(), "c", &[]);
    wait_for_node(&mut node);
    let mut alice = log_in(&node);
    alice.send("/join den\n");
    alice.until("after the crash");
}

#[test]
#[ignore = "needs nats-server"]
fn ignored_names_hold_at_the_node_where_the_account_logs_in() {
    let (engine, nodes) = start_nodes::<2>(&[]);
    let (mut driver, bucket) = watching(&engine);
    let [mut alice, mut bob] = people(&nodes, ["alice", "bob"]);
    alice.ask("/register fish", &[REGISTERED]);
    alice.send("/ignore bob\n");
    alice.until("bob");
    wait_for(&mut driver, bucket, "private.alice", Some("bob"));
    alice.send("/quit\n");
    bob.until("alice left");
    let mut alice = log_in(&nodes[1]);
    alice.send("/ignore\n");
    alice.until("bob");
    bob.send("not for alice\n");
    let mut carol = nodes[0].login("carol");
    carol.send("for alice\n");
    alice.expect("* carol joined (3 here)");
    alice.expect("[T] carol: for alice");
}

#[test]
#[ignore = "needs nats-server"]
fn whisper_that_was_left_at_one_node_is_read_at_another_once() {
    let (engine, nodes) = start_nodes::<2>(&[]);
    let (mut driver, bucket) = watching(&engine);
    let [mut alice, mut bob] = people(&nodes, ["alice", "bob"]);
    alice.ask("/register fish", &[REGISTERED]);
    alice.send("/quit\n");
    bob.until("alice left");
    let mut carol = nodes[0].login("carol");
    carol.send("@alice see you at five\n");
    carol.until("stored until alice logs in");
    wait_for(&mut driver, bucket, "whispers.alice", Some("see you at five"));
    let mut alice = log_in(&nodes[1]);
    alice.until("see you at five");
    wait_for(&mut driver, bucket, "whispers.alice", None);
    alice.send("/quit\n");
    carol.until("alice left");
    let mut alice = log_in(&nodes[0]);
    alice.send("/ping the end\n");
    loop {
        let line = alice.line();
        assert!(!line.contains("see you at five"), "{line}");
        if line.contains("the end") {
            break;
        }
    }
}

#[test]
#[ignore = "needs nats-server"]
fn node_takes_part_though_the_bucket_has_what_is_not_ours() {
    let engine = Engine::start(&[]);
    let (mut driver, bucket) = watching(&engine);
    let deep = "[".repeat(10_000);
    for key in ["account.alice", "room.den", "not ours", "private.alice"] {
        let now = driver.now();
        driver.nats.client.put(1, bucket, key.as_bytes(), deep.as_bytes(), None, now).expect("it is sent");
        driver.until(|event| matches!(event, Event::Published { result: Ok(_), .. }).then_some(()));
    }
    let mut node = start_node(&engine.url(), "a", &[]);
    node.log.until("is not ours or is damaged; it is skipped");
    wait_for_node(&mut node);
    let mut alice = node.login("alice");
    alice.ask("/register fish", &[REGISTERED]);
    wait_for(&mut driver, bucket, "account.alice", Some("argon2"));
    wait_for(&mut driver, bucket, "room.den", None);
    wait_for(&mut driver, bucket, "not ours", Some("[["));
}
