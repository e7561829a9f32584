//! A state of many megabytes.

use super::engines::log_info;
use super::talk::Talk;
use super::{start_node, start_nodes, wait_for_node};
use crate::harness::Server;
use crate::nats::Driver;

const MIB: u64 = 1 << 20;
/// Members who make rooms, and how many rooms one makes.
const AUTHORS: usize = 4;
const ROOMS: usize = 16;
/// Bytes of a line, and of the lines in a room, which keeps all of them: about 30 MiB in all.
const LINE: usize = 4_000;
const ROOM: usize = 480 << 10;

/// Fills many rooms with history.
fn fill(node: &Server) {
    let lines = (LINE.to_string() + &"x".repeat(LINE - 4) + "\n").repeat(ROOM / LINE);
    for number in 0..AUTHORS {
        let mut author = node.login(&format!("author{number}"));
        for room in 0..ROOMS {
            author.send(&format!("/join room{number}_{room}\n/topic it stays\n{lines}/ping {room}\n"));
            author.until(&format!("pong {room}"));
        }
    }
}

#[test]
#[ignore = "needs nats-server"]
fn node_joins_with_thirty_mebibytes_of_history_while_others_talk() {
    let args = ["--history", "1000"];
    let (engine, nodes) = start_nodes::<2>(&args);
    fill(&nodes[0]);
    let mut driver = Driver::connect(&engine.url());
    let before = log_info(&mut driver).state.bytes;
    let mut talk = Talk::start(&nodes);
    let mut late = start_node(&engine.url(), "c", &args);
    talk.join(2, &late, "r2");
    talk.until("the reader at the new node is in", |talk| talk.is_in("r2"));
    talk.hear(&[0, 1], 20);
    wait_for_node(&mut late);
    let given = log_info(&mut driver).state.bytes - before;
    assert!((28 * MIB..40 * MIB).contains(&given), "the state was given once: {given} bytes");
    let mut reader = late.login("late");
    reader.send("/join room0_0\n");
    reader.until("author0: 4000xxx");
    talk.finish();
}
