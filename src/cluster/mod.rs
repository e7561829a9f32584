//! Many processes, one chat: the nodes of a cluster read one log and decide by it alone.

/// The hub, as what the nodes have in common.
pub mod application;
/// A client of NATS and JetStream, which keep the log. It knows nothing of chat.
pub mod nats;
/// A node: the hub, the protocol and the engine together.
pub mod node;
/// The hub and the protocol together, without the engine and its socket.
pub mod part;
/// The protocol among the nodes: what is written to the log, and what each node makes of it. No sockets, no clock.
pub mod replica;
/// How a server takes part in a cluster.
pub mod settings;
/// What the store of a node says.
pub mod stored;
/// Rules that tests leave out.
pub mod weakness;
