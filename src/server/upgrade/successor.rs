//! The successor's side of an upgrade: takes over from the server that has started it.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use log::{debug, info};

use super::channel::{Channel, Message, Offer, SILENCE};
use super::inventory::{Inventory, Received};
use crate::chat::HubState;
use crate::cluster::node::NodeState;
use crate::server::Error;
use crate::server::connection::transport::{ClientStream, SocketFile};
use crate::server::console::ConsoleState;
use crate::server::engine::state::EngineState;
use crate::server::handover::{Handover, VERSION};
use crate::server::listen::PassedListener;
use crate::server::listen_addr::ListenAddr;
use crate::util::logging;

/// How long the server may take to begin, since TLS handshakes and connections that cannot be relayed end before.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(20);

/// What was taken over.
pub struct TakenOver {
    pub listeners: Vec<PassedListener>,
    pub engine: TakenEngine,
    pub hub: HubState,
    /// The node, if the server takes part in a cluster.
    pub node: Option<NodeState>,
}

/// What the event loop takes over.
pub struct TakenEngine {
    pub state: EngineState,
    pub streams: Vec<(usize, ClientStream)>,
    pub console: Option<ConsoleState>,
    /// The control socket, with its file.
    pub control: Option<(SocketFile, OwnedFd)>,
    /// The time of the clock that goes on.
    pub at: Duration,
}

/// Reads the first message, and checks that this process can take over with its settings. Returns the addresses of sockets
/// that the service manager has opened.
///
/// # Errors
/// What differs, and what to do.
pub fn check_offer(channel: &Channel, own: &Offer) -> Result<Vec<ListenAddr>, Error> {
    let offer = match channel.receive(SILENCE) {
        Ok(Message::Offer(offer)) => offer,
        Ok(other) => return Err(failed(format!("the server has sent {other:?} first"))),
        Err(error) => return Err(failed(format!("the server {error}"))),
    };
    let differs = if offer.is_p2p != own.is_p2p {
        "--mode is another one"
    } else if offer.has_console && !own.has_console {
        "--console is off, and has been on"
    } else if offer.node != own.node {
        "--cluster-name or --node is another one"
    } else if offer.store != own.store {
        "--store is another one"
    } else {
        return Ok(offer.activated);
    };
    Err(failed(format!("{differs}; end the server and start it again, or leave that as it was")))
}

/// Says that this process can take over, and receives everything.
///
/// # Errors
/// If the server does not begin, or what it sends cannot be used.
pub fn receive(channel: &Channel) -> Result<TakenOver, Error> {
    let lost = |error: std::io::Error| failed(format!("the server {error}"));
    channel.send(&Message::Hello { versions: vec![VERSION] }).map_err(lost)?;
    let (inventory, descriptors) = match channel.receive(BEGIN_TIMEOUT).map_err(lost)? {
        Message::Begin { inventory, descriptors } => (inventory, descriptors),
        other => return Err(failed(format!("the server has sent {other:?} before its sockets"))),
    };
    let inventory = channel.receive_bytes(inventory).map_err(lost)?;
    let inventory: Inventory = serde_json::from_slice(&inventory).map_err(|error| failed(error.to_string()))?;
    let descriptors = channel.receive_descriptors(descriptors).map_err(lost)?;
    let Received { stdin, listeners, streams, console, control } =
        inventory.receive(descriptors).map_err(|error| failed(error.to_string()))?;
    let bytes = match channel.receive(SILENCE).map_err(lost)? {
        Message::State { bytes } => bytes,
        other => return Err(failed(format!("the server has sent {other:?} before the state"))),
    };
    let state = channel.receive_bytes(bytes).map_err(lost)?;
    let received = Instant::now();
    let Handover { engine, hub, at, node, .. } =
        Handover::from_json(&state).map_err(|error| failed(error.to_string()))?;
    debug!("the state of {} bytes was read in {} ms", state.len(), received.elapsed().as_millis());
    rustix::stdio::dup2_stdin(&stdin).map_err(|error| Error::Start(error.into()))?;
    Ok(TakenOver { listeners, engine: TakenEngine { state: engine, streams, console, control, at }, hub, node })
}

/// Says that everything is ready, and waits until the server has stopped serving.
///
/// # Errors
/// If it does not say so: it goes on then.
pub fn await_go_on(channel: &Channel) -> Result<(), Error> {
    let lost = |error: std::io::Error| failed(format!("the server {error}, and goes on"));
    channel.send(&Message::Ready).map_err(lost)?;
    match channel.receive(SILENCE).map_err(lost)? {
        Message::GoOn => Ok(()),
        other => Err(failed(format!("the server has sent {other:?} at the end"))),
    }
}

/// Says that this process serves. The server waits for that before it ends, to have the last word in the log.
pub fn tell_serving(channel: &Channel) {
    info!("this process (version {}) has taken over the server", env!("CARGO_PKG_VERSION"));
    logging::flush();
    // It may have ended already.
    let _ = channel.send(&Message::Serving);
}

fn failed(why: String) -> Error {
    Error::TakeOver(why)
}
