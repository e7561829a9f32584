//! Why a server could not start, or had to end.

use std::io;
use std::path::PathBuf;

use super::listen_addr::ListenPlace;
use super::tls::TlsError;
use crate::store;
use crate::util::io_error::plain_words;

/// The reason why a server could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error("cannot listen on {place}: {}{advice}", plain_words(.error))]
    Listen {
        place: ListenPlace,
        #[source]
        error: io::Error,
        /// What to do, after a semicolon, or nothing.
        advice: &'static str,
    },
    /// A socket that the service manager has passed cannot be used.
    #[error("cannot use the socket {name:?} (descriptor {descriptor}) of the service manager: {why}")]
    Activation { descriptor: usize, name: &'static str, why: String },
    /// The password of the server cannot be read.
    #[error("cannot read the password from {}: {}", .0, plain_words(.1))]
    Password(String, #[source] io::Error),
    /// The message of the day cannot be read.
    #[error("cannot read the message of the day from {}: {}", .0.display(), plain_words(.1))]
    Motd(PathBuf, #[source] io::Error),
    /// The tokens of programs cannot be read.
    #[error("cannot read the tokens from {}: {}", .0.display(), plain_words(.1))]
    Tokens(PathBuf, #[source] io::Error),
    /// The authorities that sign the certificates of the cluster's engine cannot be read.
    #[error("cannot read the authorities of --cluster-ca from {}: {}", .0.display(), plain_words(.1))]
    ClusterCa(PathBuf, #[source] io::Error),
    /// A certificate or a key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(store::Error),
    /// The running server cannot be taken over.
    #[error("cannot take over the server: {0}")]
    TakeOver(String),
    /// The control socket cannot be made.
    #[error("cannot make the control socket {}: {}; choose another place with --control PATH", .0.display(), plain_words(.1))]
    Control(PathBuf, #[source] io::Error),
    /// The store cannot be that of this node.
    #[error("cannot take part in the cluster: {0}")]
    Unfit(String),
    /// The client of NATS cannot be set up.
    #[error("cannot take part in a cluster: {}", plain_words(.0))]
    Cluster(#[source] io::Error),
    /// The log, the poll or the signals cannot be set up.
    #[error("cannot start: {}", plain_words(.0))]
    Start(#[source] io::Error),
    /// The connections with TLS of a server that was replaced cannot go on.
    #[error("cannot go on as the relay of connections with TLS: {}", plain_words(.0))]
    Relay(#[source] io::Error),
    /// The poll failed.
    #[error("cannot go on: {}", plain_words(.0))]
    Poll(#[source] io::Error),
}
