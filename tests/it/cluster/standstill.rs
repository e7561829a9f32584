//! Processes that stand still for some time, and go on as if nothing had happened.

use rustix::process::{Pid, WaitOptions, waitpid};

use super::engines::{Three, change_log};
use super::talk::Talk;
use super::{people, start_nodes, start_nodes_at};
use crate::harness::{Server, Signal};
use crate::nats::Driver;

/// Stops a server of chinwag, and waits until it stands still.
fn stop(node: &Server) {
    node.signal(Signal::STOP);
    let status = waitpid(Some(Pid::from_child(&node.child)), WaitOptions::UNTRACED).expect("waitpid");
    assert!(status.is_some_and(|(_, status)| status.stopped()));
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_lost_or_doubled_when_the_leader_of_the_engine_stands_still() {
    let three = Three::start();
    let nodes: [Server; 3] = start_nodes_at(&three.urls(), &["--cluster-replicas", "3"]);
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1, 2], 50);
    let leader = three.leader();
    three.engines[leader].stop();
    talk.hear(&[0, 1, 2], 50);
    three.engines[leader].signal(Signal::CONT);
    talk.hear(&[0, 1, 2], 50);
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn people_of_a_node_that_stood_still_come_back_and_lose_nothing() {
    let (_engine, nodes) = start_nodes::<3>(&["--history", "1000"]);
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1, 2], 50);
    stop(&nodes[0]);
    talk.until("the node is buried", |talk| talk.is_told(1, "w0 left: connection lost"));
    talk.hear_at(&[1, 2], 1, 50);
    nodes[0].signal(Signal::CONT);
    talk.hear(&[0, 1, 2], 50);
    assert!(!talk.is_lost(0), "the connections stay");
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn author_of_a_whisper_to_a_node_that_stands_still_is_told() {
    let (_engine, mut nodes) = start_nodes::<2>(&[]);
    let [mut alice, mut bob] = people(&nodes, ["alice", "bob"]);
    alice.send("@bob: one\n");
    bob.until("one");
    stop(&nodes[1]);
    alice.send("@bob: two\nthree\n");
    alice.until("! Perhaps not sent: the server of bob does not answer.");
    // The next line has waited for the answer, and is said.
    nodes[1].signal(Signal::CONT);
    bob.until("alice: three");
    // A node that has died does not answer, and no other node answers for it.
    nodes[1].signal(Signal::KILL);
    nodes[1].wait();
    alice.send("@bob: four\n");
    alice.until("! Perhaps not sent: the server of bob does not answer.");
    alice.until("* bob left: connection lost (1 here)");
}

/// What was said meanwhile is not in the log any more, so the node takes the state from another one.
#[test]
#[ignore = "needs nats-server"]
fn node_under_which_the_log_was_trimmed_says_that_lines_are_missing() {
    let (engine, mut nodes) = start_nodes::<2>(&[]);
    let mut driver = Driver::connect(&engine.url());
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 50);
    stop(&nodes[0]);
    talk.until("the node is buried", |talk| talk.is_told(1, "w0 left: connection lost"));
    talk.hear_at(&[1], 1, 50);
    // The other node must not miss anything, also on a slow machine.
    change_log(&mut driver, |config| config.max_msgs = 10);
    nodes[0].signal(Signal::CONT);
    nodes[0].log.until("This node has missed what was said after position ");
    talk.until("the node takes part", |talk| talk.is_told(1, "w0 joined"));
    change_log(&mut driver, |config| config.max_msgs = -1);
    talk.hear(&[0, 1], 50);
    talk.finish_with_gap(0);
}
