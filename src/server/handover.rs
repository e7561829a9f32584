//! The state that a server hands over to its successor: a versioned envelope in JSON.
//!
//! The sockets are handed over beside it, as [`Sockets`](super::engine::state::Sockets). Not handed over are:
//!
//! - the settings, which the successor reads itself;
//! - sessions of TLS, for which the predecessor stays as their [relay](super::relay);
//! - the store, which the predecessor closes and the successor opens; its unwritten records are handed over;
//! - input of the operator's console that was read and not processed, and output that its terminal has not taken;
//! - signals that have arrived, and the log.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::connection::transport::{Listener, Transport};
use super::engine::Engine;
use super::engine::state::{EngineState, EngineView};
use crate::chat::{HubState, HubStateSettings, HubView};
use crate::cluster::node::{NodeState, NodeStateView};

/// The version of the envelope and of all that is in it.
///
/// A field that is added needs no new version if it has a default.
pub const VERSION: u32 = 5;

/// The state of a server, without its sockets.
#[derive(Serialize, Deserialize)]
pub struct Handover {
    version: u32,
    /// The time of the predecessor's clock, from which the successor's clock goes on; all deadlines are times of it.
    pub at: Duration,
    pub engine: EngineState,
    pub hub: HubState,
    /// The node, if the server takes part in a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeState>,
}

/// The same, borrowed from a server that may go on: it is written as a [`Handover`] is.
#[derive(Serialize)]
#[serde(bound = "")]
pub struct HandoverView<'a, S> {
    version: u32,
    at: Duration,
    engine: EngineView<'a, S>,
    hub: HubView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<NodeStateView<'a>>,
}

impl<'a, S> HandoverView<'a, S> {
    /// The state of an engine and its hub between two turns.
    pub fn of<L: Listener<Transport = S>>(engine: &'a Engine<L>, at: Duration) -> Self
    where
        S: Transport,
    {
        HandoverView { version: VERSION, at, engine: engine.state(), hub: engine.hub().state(), node: None }
    }

    /// The same with the node, if the server takes part in a cluster.
    pub fn with_node(self, node: Option<NodeStateView<'a>>) -> Self {
        HandoverView { node, ..self }
    }

    /// The state as JSON.
    ///
    /// # Errors
    /// If a part cannot be written as JSON, which is an error of the program.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

/// The version alone, which every later version can read.
#[derive(Deserialize)]
struct Envelope {
    version: u32,
}

/// The settings of the hub alone.
#[derive(Deserialize)]
struct Settings {
    hub: HubStateSettings,
}

/// Why a handed over state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Another version of the program wrote it.
    #[error("the state has version {0}, and this program reads version {VERSION}; start the server anew")]
    Version(u32),
    /// It is not the JSON that this version writes.
    #[error("the state cannot be read: {0}; start the server anew")]
    Unreadable(#[source] serde_json::Error),
    /// It is that of a node, and this program cannot take its place.
    #[error("this program cannot go on as the node of a cluster: {0}")]
    Unfit(String),
}

impl Handover {
    /// Puts the parts of a state into an envelope.
    pub fn new(at: Duration, engine: EngineState, hub: HubState) -> Self {
        Handover { version: VERSION, at, engine, hub, node: None }
    }

    /// The state as JSON.
    ///
    /// # Errors
    /// If a part cannot be written as JSON, which is an error of the program.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// Reads a state.
    ///
    /// # Errors
    /// If another version wrote it, it cannot be read, or this program cannot go on with it.
    pub fn from_json(json: &[u8]) -> Result<Self, HandoverError> {
        let state = match serde_json::from_slice::<Handover>(json) {
            Ok(state) if state.version == VERSION => {
                state.hub.check().map_err(HandoverError::Unfit)?;
                return Ok(state);
            }
            state => state,
        };
        // Read alone only if that has failed, since the state of a large server has many megabytes.
        let Envelope { version } = serde_json::from_slice(json).map_err(HandoverError::Unreadable)?;
        match state {
            Err(error) if version == VERSION => {
                // A name and its key do not belong together by other Unicode tables.
                let settings = serde_json::from_slice(json).map_or(Ok(()), |Settings { hub }| hub.check());
                settings.map_err(HandoverError::Unfit).and(Err(HandoverError::Unreadable(error)))
            }
            _ => Err(HandoverError::Version(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_versions_and_damaged_states_are_refused() {
        let refused = |json: &str| Handover::from_json(json.as_bytes()).err().map(|error| error.to_string());
        let other = refused(r#"{"version": 1, "anything": []}"#).unwrap();
        assert!(other.contains("version 1, and this program reads version 5"), "{other}");
        for json in
            ["", "[]", "{}", r#"{"version": 5}"#, r#"{"version": 5, "at": {"secs": 1, "nanos": 0}, "engine": {}}"#]
        {
            let error = refused(json).expect(json);
            assert!(error.starts_with("the state cannot be read: "), "{error}");
        }
    }
}
