//! Several servers that are one chat, over real servers of NATS.

mod kept;
mod talking;

use crate::harness::{Client, Server};
use crate::nats::Engine;

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
    let url = engine.url();
    let mut nodes = std::array::from_fn(|number| start_node(&url, &name_of(number), args));
    nodes.iter_mut().for_each(wait_for_node);
    (engine, nodes)
}

/// The name of the node with this number.
pub fn name_of(number: usize) -> String {
    char::from(b'a' + number as u8).to_string()
}

/// Waits until a node takes part: only then somebody can log in.
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
