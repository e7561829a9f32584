//! Several servers that are one chat, over real servers of NATS.

mod crashes;
mod cuts;
mod engines;
mod foreign;
mod full;
mod gate;
mod kept;
mod large;
mod marks;
mod names;
mod nodes;
mod other_log;
mod programs;
mod standstill;
mod talk;
mod talking;

use std::net::SocketAddr;

use crate::harness::{Client, Server};
use crate::nats::Engine;
use crate::web::Raw;

/// The arguments of a node of the cluster `tests`.
pub fn node_args<'a>(engines: &'a str, name: &'a str) -> Vec<&'a str> {
    vec!["--cluster", engines, "--cluster-name", "tests", "--node", name, "--rate", "0"]
}

/// Starts a node with further arguments.
pub fn start_node(engines: &str, name: &str, args: &[&str]) -> Server {
    Server::start(&[&node_args(engines, name)[..], args].concat())
}

/// Starts servers with the names `a`, `b` ... and an engine for them. All of them take part.
pub fn start_nodes<const N: usize>(args: &[&str]) -> (Engine, [Server; N]) {
    let engine = Engine::start(&[]);
    let nodes = start_nodes_at(&engine.url(), args);
    (engine, nodes)
}

/// Starts servers with the names `a`, `b` ... that use this engine. All of them take part.
pub fn start_nodes_at<const N: usize>(engines: &str, args: &[&str]) -> [Server; N] {
    let mut nodes = std::array::from_fn(|number| start_node(engines, &name_of(number), args));
    nodes.iter_mut().for_each(wait_for_node);
    nodes
}

/// The name of the node with this number.
pub fn name_of(number: usize) -> String {
    char::from(b'a' + number as u8).to_string()
}

/// Waits until a node takes part: only then members can log in.
pub fn wait_for_node(node: &mut Server) {
    node.log.until("this server takes part");
}

/// Logs a client in at each node, one after another; all join notices have been read.
pub fn people<const N: usize>(nodes: &[Server; N], names: [&str; N]) -> [Client; N] {
    let mut clients: Vec<Client> = Vec::new();
    for (before, (node, name)) in nodes.iter().zip(names).enumerate() {
        let newcomer = node.login(name);
        for client in &mut clients {
            client.expect(&format!("* {name} joined ({} here)", before + 1));
        }
        clients.push(newcomer);
    }
    clients.try_into().ok().expect("as many clients as names")
}

/// Starts a node with further arguments, which takes part; returns the address of its metrics, too.
pub fn start_measured(engines: &str, name: &str, args: &[&str]) -> (Server, SocketAddr) {
    let mut node = start_node(engines, name, &[&["--admin", "127.0.0.1:0"], args].concat());
    let line = node.log.until("metrics on http://");
    let addr = line.split("http://").nth(1).and_then(|addr| addr.strip_suffix("/metrics")).expect("an address");
    wait_for_node(&mut node);
    (node, addr.parse().expect("an address"))
}

fn get(admin: SocketAddr, path: &str) -> (String, String) {
    let mut raw = Raw::connect(admin);
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    raw.answer()
}

/// The status that programs get from `/healthz`: 200 while the node is in touch with the others, 503 while it is not.
pub fn health(admin: SocketAddr) -> u16 {
    let (head, _) = get(admin, "/healthz");
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// The value of a figure of the cluster.
pub fn figure(admin: SocketAddr, name: &str) -> u64 {
    let (_, text) = get(admin, "/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("chinwag_cluster_{name} "))).expect("a figure");
    line.parse().expect("a number")
}
