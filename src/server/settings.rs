//! The settings of a server.

use std::path::PathBuf;

use log::LevelFilter;

use super::control::ControlPlace;
use super::http::Access;
use super::limits::Limits;
use super::listen_addr::ListenAddr;
use super::password_file::PasswordSource;
use super::reload::ReadSettings;
use super::service::activation::SocketUse;
use super::tls::CertificateSource;
use super::trusted_peer::TrustedPeer;
use crate::chat::{Config, Lang};
use crate::cluster::settings::ClusterSettings;
use crate::store;
use crate::util::logging::LogFormat;

/// When the operator's console is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsoleMode {
    /// Always.
    On,
    /// Never; except in p2p, where the operator is the only other person.
    Off,
    /// When standard input and standard output are a terminal.
    #[default]
    Auto,
}

/// The settings of a server.
#[derive(Debug)]
pub struct Settings {
    /// Addresses for line clients.
    pub listen: Vec<ListenAddr>,
    /// Where IRC clients connect.
    pub irc: Vec<ListenAddr>,
    /// Addresses for browsers.
    pub web: Vec<ListenAddr>,
    /// Addresses for the operator's programs.
    pub admin: Vec<ListenAddr>,
    /// The file with the tokens of programs that may post, if any may.
    pub api_tokens: Option<PathBuf>,
    /// Where the control socket is; `None` for no such socket.
    pub control: Option<ControlPlace>,
    /// What the sockets are for that the service manager passes to this process, in their order.
    pub sockets: Vec<SocketUse>,
    /// Where the certificates of the listeners with TLS come from; `None` if there are no such listeners.
    pub tls: Option<CertificateSource>,
    /// The mode of the files of Unix sockets, see chmod(2).
    pub unix_mode: u32,
    /// Whether other servers can listen on the same TCP ports, but for those of the operator's programs.
    pub reuse_port: bool,
    /// The proxies whose connections begin with a header that names their clients.
    pub proxies: Vec<TrustedPeer>,
    /// Access rules of the web side.
    pub access: Access,
    /// The language of its texts.
    pub lang: Lang,
    /// Whether there is a console.
    pub console: ConsoleMode,
    /// The log level.
    pub level: LevelFilter,
    /// The form of the log.
    pub log_format: LogFormat,
    /// The bounds of connections.
    pub limits: Limits,
    /// Maximum users; `None` for as many as the limit of file descriptors allows.
    pub max_clients: Option<usize>,
    /// The store; the hub's limits bound how much of it is loaded at the start.
    pub store: Option<store::Options>,
    /// The password that each client must give, if any.
    pub password: Option<PasswordSource>,
    /// The file with the message of the day, if any.
    pub motd: Option<PathBuf>,
    /// How the server takes part in a cluster; `None` if it is a chat of its own.
    pub cluster: Option<ClusterSettings>,
    /// The limits of the hub, except the maximum users; its admission queue is cut to what is possible.
    pub hub: Config,
    /// Whether this process takes over a running server, which has started it, in an upgrade.
    pub takes_over: bool,
    /// Reads the settings again, for SIGHUP and `/reload`; without it only the file with the password is read again.
    pub reload: Option<ReadSettings>,
}
