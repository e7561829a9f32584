//! A log that is deleted, or older than it was, while people talk.

use super::engines::{ask_engine, copy_files};
use super::talk::Talk;
use super::{start_node, start_nodes, wait_for_node};
use crate::harness::Server;
use crate::nats::{Driver, Engine};
use crate::store::TestDir;

#[test]
#[ignore = "needs nats-server"]
fn chat_goes_on_when_the_log_is_deleted() {
    let (engine, nodes) = start_nodes::<2>(&[]);
    let mut driver = Driver::connect(&engine.url());
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 50);
    ask_engine(&mut driver, "DELETE", "");
    talk.hear(&[0, 1], 50);
    talk.finish_after_loss();
}

#[test]
#[ignore = "needs nats-server"]
fn older_copy_of_the_log_is_noticed_and_the_chat_goes_on() {
    let (mut engine, mut nodes): (Engine, [Server; 2]) = start_nodes(&[]);
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 20);
    let copy = TestDir::new();
    engine.kill();
    copy_files(&engine.dir.0, &copy.0);
    engine.restart();
    talk.hear(&[0, 1], 50);
    engine.kill();
    copy_files(&copy.0, &engine.dir.0);
    engine.restart();
    talk.hear(&[0, 1], 50);
    for node in &mut nodes {
        node.log.until("The engine has an older state or another log than before.");
    }
    talk.finish_after_loss();
}

/// The log says what to do, and people wait until the password is right.
#[test]
#[ignore = "needs nats-server"]
fn wrong_password_of_the_engine_is_told_and_people_wait() {
    let mut engine = Engine::start(&["--user", "chat", "--pass", "right"]);
    let url = format!("nats://chat:wrong@{}", engine.addr());
    let mut node = start_node(&url, "a", &[]);
    let line = node.log.until("it refuses the user and password");
    assert!(line.ends_with("compare them with the configuration of nats-server"), "{line}");
    let mut alice = node.connect();
    alice.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    alice.send("alice\n");
    engine.kill();
    engine.change_arguments(&["--user", "chat", "--pass", "wrong"]);
    engine.restart();
    wait_for_node(&mut node);
    alice.until("* You are alice. ");
}
