//! Nodes that are killed and started again, that are replaced, and that want the same name.

use super::talk::Talk;
use super::{node_args, start_node, start_nodes, wait_for_node};
use crate::harness::{Client, Server, Signal};
use crate::nats::Engine;
use crate::store::TestDir;
use crate::upgrade::Replaceable;

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_lost_or_doubled_when_a_node_is_killed_and_starts_again() {
    let dir = TestDir::new();
    let file = dir.file().into_os_string().into_string().expect("UTF-8");
    let (engine, nodes) = start_nodes::<3>(&[]);
    let [first, second, mut third] = nodes;
    third.signal(Signal::KILL);
    third.wait();
    // The third one with a store.
    let url = engine.url();
    let start = || {
        let mut node = start_node(&url, "c", &["--store", &file]);
        wait_for_node(&mut node);
        node
    };
    let mut nodes = [first, second, start()];
    let mut talk = Talk::start(&nodes);
    for number in [1, 2] {
        talk.hear(&[0, 1, 2], 50);
        nodes[number].signal(Signal::KILL);
        nodes[number].wait();
        talk.hear(&[0], 50);
        nodes[number] = if number == 2 { start() } else { start_node(&url, "b", &[]) };
        talk.join(number, &nodes[number], &format!("r{number}x"));
        talk.until("the reader is in", |talk| talk.is_in(&format!("r{number}x")));
        talk.join(number, &nodes[number], &format!("w{number}x"));
        talk.hear(&[0, 1], 20);
    }
    talk.hear(&[0, 1, 2], 50);
    talk.finish();
}

/// Sends this name to each of the clients, which are at different nodes; returns what each was answered.
fn claim(clients: &mut [Client; 2], name: &str) -> [bool; 2] {
    for client in clients.iter_mut() {
        client.send(&format!("{name}\n"));
    }
    clients.each_mut().map(|client| {
        let line = client.line();
        let has_won = line.starts_with(&format!("* You are {name}. "));
        assert!(has_won || line.contains("is taken"), "{line}");
        has_won
    })
}

#[test]
#[ignore = "needs nats-server"]
fn of_two_people_who_want_one_name_at_two_nodes_exactly_one_gets_it() {
    let (_engine, nodes) = start_nodes::<2>(&["--history", "0"]);
    let mut wins = [0, 0];
    for number in 0..1_000 {
        let mut clients = nodes.each_ref().map(Server::connect);
        for client in &mut clients {
            client.expect("* Welcome to chinwag. Type a nickname and press Enter:");
        }
        let won = claim(&mut clients, &format!("name{number}"));
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{number}: {won:?}");
        for (wins, won) in wins.iter_mut().zip(won) {
            *wins += u32::from(won);
        }
    }
    assert!(wins.iter().all(|wins| *wins > 0), "each wins sometimes: {wins:?}");
}

#[test]
#[ignore = "needs nats-server"]
fn second_server_with_the_name_of_another_one_ends() {
    let (engine, nodes) = start_nodes::<2>(&[]);
    let mut talk = Talk::start(&nodes);
    // More than five seconds, after which the first one is no new process any more.
    talk.hear(&[0, 1], 600);
    let mut second = start_node(&engine.url(), "a", &[]);
    let line = second.log.until("This node stops: another process has the name a.");
    assert!(line.ends_with("Give each node its own name with --node."), "{line}");
    assert_eq!(second.wait().code(), Some(1));
    talk.hear(&[0, 1], 20);
    assert!(!talk.is_lost(0), "the first one goes on");
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_lost_or_doubled_when_a_node_is_replaced() {
    let engine = Engine::start(&[]);
    let url = engine.url();
    let [mut first, mut second] = ["a", "b"].map(|name| Replaceable::start(&node_args(&url, name)));
    wait_for_node(&mut first);
    wait_for_node(&mut second);
    let mut talk = Talk::start([&*first, &*second]);
    for _ in 0..2 {
        talk.hear(&[0, 1], 50);
        first.upgrade();
        talk.hear(&[0, 1], 50);
        second.upgrade();
    }
    talk.hear(&[0, 1], 50);
    assert!(!talk.is_lost(0) && !talk.is_lost(1));
    assert!(!talk.is_told(0, "left") && !talk.is_told(1, "left"));
    talk.finish();
}
