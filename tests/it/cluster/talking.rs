//! What people at different nodes see of each other.

use std::time::Instant;

use super::{people, start_node, start_nodes, wait_for_node};
use crate::harness::{DEADLINE, Signal};

#[test]
#[ignore = "needs nats-server"]
fn people_at_two_nodes_are_in_one_room() {
    let (_engine, nodes) = start_nodes::<2>(&[]);
    let [mut alice, mut bob] = people(&nodes, ["alice", "bob"]);
    for number in 0..100 {
        alice.send(&format!("from alice {number}\n"));
        bob.expect(&format!("[T] alice: from alice {number}"));
        bob.send(&format!("from bob {number}\n"));
        alice.expect(&format!("[T] bob: from bob {number}"));
    }
    // The names of the nodes are known a moment after the people.
    let end = Instant::now() + DEADLINE;
    let mut who = String::new();
    while who != "* 2 here: alice (a) and you." {
        assert!(Instant::now() < end, "{who}");
        bob.send("/who\n");
        who = bob.line();
    }
    bob.send("/join den\n");
    bob.until("You are in den");
    alice.until("bob left");
    alice.send("/join den\n");
    bob.until("alice joined (2 here)");
    alice.until("You are in den");
    bob.send("/nick robert\n");
    alice.until("bob is now called robert");
}

#[test]
#[ignore = "needs nats-server"]
fn name_belongs_to_one_person_at_all_nodes() {
    let (_engine, nodes) = start_nodes::<2>(&[]);
    let [_alice, mut bob] = people(&nodes, ["alice", "bob"]);
    let mut other = nodes[1].connect();
    other.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    other.send("Alice\n");
    other.until("is taken");
    other.send("carol\n");
    other.until("* You are carol. ");
    bob.expect("* carol joined (3 here)");
}

#[test]
#[ignore = "needs nats-server"]
fn people_of_a_node_that_ends_have_left() {
    let (_engine, mut nodes) = start_nodes::<2>(&[]);
    let [mut alice, mut bob] = people(&nodes, ["alice", "bob"]);
    nodes[0].signal(Signal::TERM);
    alice.until("shutting down");
    bob.expect("* alice left (1 here)");
    drop(alice);
    assert_eq!(nodes[0].wait().code(), Some(0));
    let _alice = nodes[1].login("alice");
}

#[test]
#[ignore = "needs nats-server"]
fn names_of_a_node_that_dies_are_free_again() {
    let (engine, mut nodes) = start_nodes::<2>(&[]);
    let [alice, mut bob] = people(&nodes, ["alice", "bob"]);
    nodes[0].signal(Signal::KILL);
    nodes[0].wait();
    drop(alice);
    bob.expect("* alice left: connection lost (1 here)");
    let mut alice = nodes[1].login("alice");
    bob.expect("* alice joined (2 here)");
    let mut again = start_node(&engine.url(), "a", &[]);
    wait_for_node(&mut again);
    let mut carol = again.login("carol");
    alice.until("* carol joined (3 here)");
    carol.send("here again\n");
    bob.until("[T] carol: here again");
}

/// The people of a node that was killed and is started at once are gone before it takes part.
#[test]
#[ignore = "needs nats-server"]
fn node_that_starts_again_frees_its_own_names() {
    let (engine, mut nodes) = start_nodes::<2>(&[]);
    let [alice, mut bob] = people(&nodes, ["alice", "bob"]);
    nodes[0].signal(Signal::KILL);
    nodes[0].wait();
    drop(alice);
    let again = start_node(&engine.url(), "a", &[]);
    let _alice = again.login("alice");
    bob.expect("* alice left: connection lost (1 here)");
    bob.expect("* alice joined (2 here)");
}
