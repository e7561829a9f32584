//! How a server takes part in a cluster.

use std::path::PathBuf;
use std::time::Duration;

use super::nats::ServerAddr;
use super::replica::NodeName;

/// The settings of one node.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// The servers of the engine that keeps the log, at least one.
    pub servers: Vec<ServerAddr>,
    /// A PEM file with the authorities that sign the certificates of these servers; `None`: those of the system.
    pub tls_ca: Option<PathBuf>,
    /// The name of the cluster: 1 to 32 letters, digits, `_` and `-`.
    pub cluster: NodeName,
    /// The name of this node, which no other node of the cluster has.
    pub node: NodeName,
    /// How the log is made, if it is missing.
    pub log: LogSettings,
}

/// How the log of a cluster is kept.
#[derive(Clone, Copy, Debug)]
pub struct LogSettings {
    /// On how many servers of the engine it is: 1, 3 or 5.
    pub replicas: u32,
    /// For how long entries are kept; `None`: without end.
    pub max_age: Option<Duration>,
    /// How many bytes of entries are kept; `None`: without limit.
    pub max_bytes: Option<u64>,
}
