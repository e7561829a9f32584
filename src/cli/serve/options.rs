//! The options of a server, in groups that are the headings of the help.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, value_parser};

use super::cluster::{ClusterAddrs, ClusterAddrsParser, node_name, replicas};
use super::values::{
    IrcOperArg, ListenAddrs, at_least, file_mode, host, irc_addr, irc_oper, line_addr, network, origin, server_name,
    switch, trusted_peer, web_addr,
};
use crate::chat::{DEFAULT_NAME, Network};
use crate::cluster::replica::NodeName;
use crate::server::trusted_peer::TrustedPeer;

/// What the server is.
#[derive(Clone, Debug, Args)]
pub struct General {
    /// Read options from this TOML file; options of the command line and of the environment win
    #[arg(long, value_name = "FILE", hide_env = true, env = "CHINWAG_CONFIG")]
    pub config: Option<PathBuf>,

    /// Language of the server's messages
    #[arg(long, value_enum, default_value_t, hide_env = true, env = "CHINWAG_LANG")]
    pub lang: LangArg,

    /// What the server calls itself: letters, digits, dots, - and _
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME, value_parser = server_name, hide_env = true, env = "CHINWAG_NAME")]
    pub name: String,

    /// Text file with the message of the day, which each member is shown when it enters
    #[arg(long, value_name = "FILE", hide_env = true, env = "CHINWAG_MOTD")]
    pub motd: Option<PathBuf>,

    /// hub: chat rooms; p2p: the operator chats with one client, then the server ends
    #[arg(long, value_enum, default_value_t, hide_env = true, env = "CHINWAG_MODE")]
    pub mode: ModeArg,

    /// nickname: clients choose a nickname; address: their nickname is IP:PORT
    #[arg(hide_short_help = true, long, value_enum, default_value_t, hide_env = true, env = "CHINWAG_LOGIN")]
    pub login: LoginArg,

    /// Operator console on standard input; auto: if stdin and stdout are a terminal; always on with p2p
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, default_missing_value = "on", hide_env = true, env = "CHINWAG_CONSOLE")]
    pub console: ConsoleArg,

    /// Unix socket where `chinwag backup` asks this server [default: with --store FILE, FILE.control]
    #[arg(hide_short_help = true, long, value_name = "PATH", hide_env = true, env = "CHINWAG_CONTROL")]
    pub control: Option<PathBuf>,
}

/// Where clients connect.
#[derive(Clone, Debug, Args)]
pub struct Listeners {
    /// Address for line clients; tls://ADDR for TLS, unix:/path for a Unix socket; port 0 picks a free port; repeatable
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4567", value_parser = line_addr, hide_env = true, env = "CHINWAG_LISTEN", value_delimiter = ',', action = ArgAction::Append)]
    pub listen: Vec<ListenAddrs>,

    /// Address for IRC clients; ircs://ADDR for TLS, unix:/path for a Unix socket; repeatable [default: off]
    #[arg(long, value_name = "ADDR", value_parser = irc_addr, hide_env = true, env = "CHINWAG_IRC", value_delimiter = ',', action = ArgAction::Append)]
    pub irc: Vec<ListenAddrs>,

    /// Address for the chat page and its WebSocket; https://ADDR for TLS; repeatable [default: off]
    #[arg(long, value_name = "ADDR", value_parser = web_addr, hide_env = true, env = "CHINWAG_WEB", value_delimiter = ',', action = ArgAction::Append)]
    pub web: Vec<ListenAddrs>,

    /// Address for programs: /healthz, /metrics, and messages that they post; https://ADDR for TLS; repeatable [default: off]
    #[arg(hide_short_help = true, long, value_name = "ADDR", value_parser = web_addr, hide_env = true, env = "CHINWAG_ADMIN", value_delimiter = ',', action = ArgAction::Append)]
    pub admin: Vec<ListenAddrs>,

    /// File with the tokens of programs that may post messages to --admin: one NAME TOKEN in each line [default: off]
    #[arg(hide_short_help = true, long, value_name = "FILE", hide_env = true, env = "CHINWAG_API_TOKENS")]
    pub api_tokens: Option<PathBuf>,

    /// Mode of the files of Unix sockets: who on this machine may connect
    #[arg(hide_short_help = true, long, value_name = "MODE", default_value = "0660", value_parser = file_mode, hide_env = true, env = "CHINWAG_UNIX_MODE")]
    pub unix_mode: u32,

    /// Share the TCP ports of --listen, --irc and --web with other servers that have this option; each client gets one of them
    #[arg(hide_short_help = true, long, value_name = "BOOL", value_parser = switch(), num_args = 0..=1, default_value = "false", default_missing_value = "true", hide_possible_values = true, hide_env = true, env = "CHINWAG_REUSE_PORT")]
    pub reuse_port: bool,

    /// Connections from this proxy (address, CIDR, or unix) begin with a PROXY header that names the client; repeatable
    #[arg(hide_short_help = true, long, value_name = "CIDR", value_parser = trusted_peer, hide_env = true, env = "CHINWAG_PROXY_PROTOCOL", value_delimiter = ',', action = ArgAction::Append)]
    pub proxy_protocol: Vec<TrustedPeer>,
}

/// Certificates of the listeners with TLS.
#[derive(Clone, Debug, Args)]
pub struct Tls {
    /// PEM file with the certificate of the server, and those of authorities behind it; repeatable
    #[arg(long, value_name = "FILE", hide_env = true, env = "CHINWAG_TLS_CERT", value_delimiter = ',', action = ArgAction::Append)]
    pub tls_cert: Vec<PathBuf>,

    /// PEM file with the private key of the certificate; repeatable, in the order of the certificates
    #[arg(long, value_name = "FILE", hide_env = true, env = "CHINWAG_TLS_KEY", value_delimiter = ',', action = ArgAction::Append)]
    pub tls_key: Vec<PathBuf>,

    /// Make a key and a certificate in this folder and keep them; clients compare the fingerprint
    #[arg(long, value_name = "DIR", hide_env = true, env = "CHINWAG_TLS_SELF_SIGNED")]
    pub tls_self_signed: Option<PathBuf>,

    /// Answer requests to a plain --web with a redirect to the one with https
    #[arg(hide_short_help = true, long, value_name = "BOOL", value_parser = switch(), num_args = 0..=1, default_value = "false", default_missing_value = "true", hide_possible_values = true, hide_env = true, env = "CHINWAG_HTTPS_REDIRECT")]
    pub https_redirect: bool,
}

/// How many people and rooms there may be.
#[derive(Clone, Debug, Args)]
pub struct RoomsAndPeople {
    /// Maximum users; further ones wait in the queue [default: what the limit of file descriptors allows]
    #[arg(long, value_name = "N", value_parser = at_least(1), hide_env = true, env = "CHINWAG_MAX_CLIENTS")]
    pub max_clients: Option<u64>,

    /// Queue length; when the queue is full, new connections are refused
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 1024, value_parser = at_least(0), hide_env = true, env = "CHINWAG_MAX_WAITING")]
    pub max_waiting: u64,

    /// Maximum rooms in memory, with the lobby; the least recently used empty room is dropped
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 256, value_parser = at_least(1), hide_env = true, env = "CHINWAG_MAX_ROOMS")]
    pub max_rooms: u64,

    /// Maximum rooms that one member follows besides its current one (--login nickname, --mode hub) [default: 20]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = value_parser!(u64).range(..=200), hide_env = true, env = "CHINWAG_MAX_FOLLOW")]
    pub max_follow: Option<u64>,

    /// Members of a room above which joins and leaves are summarized, at most once a second
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 200, value_parser = at_least(0), hide_env = true, env = "CHINWAG_ANNOUNCE_LIMIT")]
    pub announce_limit: u64,

    /// Seconds until a client that has not chosen a nickname is disconnected
    #[arg(hide_short_help = true, long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..=86_400), hide_env = true, env = "CHINWAG_LOGIN_TIMEOUT")]
    pub login_timeout: u64,

    /// Seconds until a silent member is disconnected; 0 for never
    #[arg(hide_short_help = true, long, value_name = "SECONDS", default_value_t = 0, value_parser = value_parser!(u64).range(..=31_536_000), hide_env = true, env = "CHINWAG_IDLE_TIMEOUT")]
    pub idle_timeout: u64,
}

/// What is shown later and stored.
#[derive(Clone, Debug, Args)]
pub struct History {
    /// Messages of the room's history that are replayed on join; 0 for none
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least(0), hide_env = true, env = "CHINWAG_HISTORY")]
    pub history: u64,

    /// Store messages, rooms and bans in this SQLite file; created if it does not exist
    #[arg(long, value_name = "FILE", hide_env = true, env = "CHINWAG_STORE")]
    pub store: Option<PathBuf>,

    /// What the store survives. off: a server crash; normal: a power failure, but for the last seconds; full: all, slower
    #[arg(hide_short_help = true, long, value_enum, default_value_t, hide_env = true, env = "CHINWAG_SYNC")]
    pub sync: SyncArg,

    /// Delete stored messages after this many days [default: keep all]
    #[arg(hide_short_help = true, long, value_name = "DAYS", value_parser = value_parser!(u32).range(1..=36_500), hide_env = true, env = "CHINWAG_KEEP")]
    pub keep: Option<u32>,

    /// Maximum stored messages, all rooms together; the oldest are deleted [default: keep all]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = at_least(1), hide_env = true, env = "CHINWAG_KEEP_MESSAGES")]
    pub keep_messages: Option<u64>,

    /// Maximum rooms, including those only in the store; then no new room can be created
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 4096, value_parser = at_least(1), hide_env = true, env = "CHINWAG_MAX_STORED_ROOMS")]
    pub max_stored_rooms: u64,

    /// Store whispers to absent members; all: also to nicknames that are not registered, which any client can take
    #[arg(hide_short_help = true, long, value_enum, ignore_case = true, num_args = 0..=1, default_value_t, default_missing_value = "all", hide_env = true, env = "CHINWAG_OFFLINE_WHISPERS")]
    pub offline_whispers: OfflineWhispersArg,
}

/// What one client may do.
#[derive(Clone, Debug, Args)]
pub struct Limits {
    /// Maximum connections per IPv4 address or IPv6 /64; 0 for no limit
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 0, value_parser = at_least(0), hide_env = true, env = "CHINWAG_MAX_PER_IP")]
    pub max_per_ip: u64,

    /// Maximum line length in bytes, without the line end
    #[arg(hide_short_help = true, long, value_name = "BYTES", default_value_t = 4096, value_parser = value_parser!(u64).range(8..=1_048_576), hide_env = true, env = "CHINWAG_MAX_LINE")]
    pub max_line: u64,

    /// Lines or HTTP requests per second from one client, after the burst; 0 for no limit
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(..=1_000_000), hide_env = true, env = "CHINWAG_RATE")]
    pub rate: u32,

    /// Lines or HTTP requests that one client may send at once
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 30, value_parser = value_parser!(u32).range(1..=1_000_000), hide_env = true, env = "CHINWAG_BURST")]
    pub burst: u32,

    /// Unread bytes before a slow client is disconnected
    #[arg(hide_short_help = true, long, value_name = "BYTES", default_value_t = 1_048_576, value_parser = value_parser!(u64).range(1024..=1_073_741_824), hide_env = true, env = "CHINWAG_BACKLOG_BYTES")]
    pub backlog_bytes: u64,

    /// Kernel send buffer of one client in bytes (SO_SNDBUF), besides the backlog; 0 for the system's default
    #[arg(hide_short_help = true, long, value_name = "BYTES", default_value_t = 131_072, value_parser = value_parser!(u64).range(..=1_073_741_824), hide_env = true, env = "CHINWAG_SEND_BUFFER")]
    pub send_buffer: u64,

    /// Milliseconds after which input without a line end counts as a line; 0 for never
    #[arg(hide_short_help = true, long, value_name = "MS", default_value_t = 0, value_parser = value_parser!(u64).range(..=600_000), hide_env = true, env = "CHINWAG_EOL_TIMEOUT")]
    pub eol_timeout: u64,

    /// Seconds of silence before a TCP keepalive probe; 0 for never
    #[arg(hide_short_help = true, long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(..=32_767), hide_env = true, env = "CHINWAG_KEEPALIVE")]
    pub keepalive: u64,
}

/// Who may enter, and who is an operator.
#[derive(Clone, Debug, Args)]
pub struct Security {
    /// File with the server's password, which each client must give; or set CHINWAG_PASSWORD to the password
    #[arg(long, value_name = "FILE", hide_env = true, env = "CHINWAG_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,

    /// Account whose owner is an operator of the server (needs --store); repeatable
    #[arg(hide_short_help = true, long, value_name = "NAME", hide_env = true, env = "CHINWAG_OPERATOR", value_delimiter = ',', action = ArgAction::Append)]
    pub operator: Vec<String>,

    /// Name and password for OPER of IRC, which makes a member an operator of the server for its stay; repeatable
    #[arg(hide_short_help = true, long, value_name = "NAME:PASSWORD", value_parser = irc_oper, hide_env = true, hide_env_values = true, env = "CHINWAG_IRC_OPER", value_delimiter = ',', action = ArgAction::Append)]
    pub irc_oper: Vec<IrcOperArg>,

    /// Address or network from which no client may connect, such as 10.0.0.0/8; repeatable
    #[arg(hide_short_help = true, long, value_name = "ADDRESS", value_parser = network, env = "CHINWAG_BAN", value_delimiter = ',', action = ArgAction::Append)]
    pub ban: Vec<Network>,

    /// Maximum accounts
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 10_000, value_parser = at_least(0), hide_env = true, env = "CHINWAG_MAX_ACCOUNTS")]
    pub max_accounts: u64,
}

/// Access to the web side.
#[derive(Clone, Debug, Args)]
pub struct Web {
    /// Additional host name allowed in HTTP requests to --web and --admin; repeatable
    #[arg(hide_short_help = true, long, value_name = "NAME", value_parser = host, hide_env = true, env = "CHINWAG_HOST", value_delimiter = ',', action = ArgAction::Append)]
    pub host: Vec<String>,

    /// Origin of another page that may connect, such as https://example.org; * for all; repeatable
    #[arg(hide_short_help = true, long, value_name = "ORIGIN", value_parser = origin, hide_env = true, env = "CHINWAG_ALLOW_ORIGIN", value_delimiter = ',', action = ArgAction::Append)]
    pub allow_origin: Vec<String>,

    /// Trust X-Forwarded-For from this proxy (address, CIDR, or unix); repeatable
    #[arg(hide_short_help = true, long, value_name = "CIDR", value_parser = trusted_peer, hide_env = true, env = "CHINWAG_TRUST_PROXY", value_delimiter = ',', action = ArgAction::Append)]
    pub trust_proxy: Vec<TrustedPeer>,
}

/// Several servers as one chat.
#[derive(Clone, Debug, Args)]
pub struct Cluster {
    /// Be one chat with other servers, over nats-server: nats://HOST:PORT[,HOST:PORT...], tls:// for TLS; repeatable
    #[arg(long, value_name = "URL", value_parser = ClusterAddrsParser, hide_env = true, hide_env_values = true, env = "CHINWAG_CLUSTER", action = ArgAction::Append)]
    pub cluster: Vec<ClusterAddrs>,

    /// Name of the cluster, the same for all its servers: letters, digits, - and _
    #[arg(long, value_name = "NAME", value_parser = node_name, hide_env = true, env = "CHINWAG_CLUSTER_NAME")]
    pub cluster_name: Option<NodeName>,

    /// Name of this server in the cluster, which no other one has: letters, digits, - and _
    #[arg(long, value_name = "NAME", value_parser = node_name, hide_env = true, env = "CHINWAG_NODE")]
    pub node: Option<NodeName>,

    /// PEM file with the authorities that sign the certificates of nats-server [default: those of the system]
    #[arg(hide_short_help = true, long, value_name = "FILE", hide_env = true, env = "CHINWAG_CLUSTER_CA")]
    pub cluster_ca: Option<PathBuf>,

    /// On how many servers of NATS the log of the cluster is kept; holds when the log is made
    #[arg(hide_short_help = true, long, value_name = "N", default_value = "1", value_parser = replicas(), hide_env = true, env = "CHINWAG_CLUSTER_REPLICAS")]
    pub cluster_replicas: u32,

    /// Days for which entries of the log are kept, so that a server that was away can read them; holds when the log is made
    #[arg(hide_short_help = true, long, value_name = "DAYS", default_value_t = 7, value_parser = value_parser!(u32).range(1..=36_500), hide_env = true, env = "CHINWAG_CLUSTER_MAX_AGE")]
    pub cluster_max_age: u32,

    /// Maximum bytes of the log; the oldest entries are deleted; holds when the log is made
    #[arg(hide_short_help = true, long, value_name = "BYTES", default_value_t = 1 << 30, value_parser = value_parser!(u64).range(1 << 26..=1 << 40), hide_env = true, env = "CHINWAG_CLUSTER_MAX_BYTES")]
    pub cluster_max_bytes: u64,
}

/// What is logged.
#[derive(Clone, Debug, Args)]
pub struct Log {
    /// Maximum level of what is logged; -v and -q win
    #[arg(
        hide_short_help = true,
        long,
        value_name = "LEVEL",
        value_enum,
        default_value_t,
        hide_env = true,
        env = "CHINWAG_LOG_LEVEL"
    )]
    pub log_level: LogLevel,

    /// More log: -v adds the messages of rooms, -vv everything
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Less log: -q warnings and errors, -qq errors, -qqq nothing
    #[arg(short, long, action = ArgAction::Count)]
    pub quiet: u8,

    /// text: lines for people; json: one JSON object a line, for programs
    #[arg(hide_short_help = true, long, value_enum, default_value_t, hide_env = true, env = "CHINWAG_LOG_FORMAT")]
    pub log_format: LogFormatArg,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ConsoleArg {
    #[value(alias = "true")]
    On,
    #[value(alias = "false")]
    Off,
    #[default]
    Auto,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    /// Also the messages of rooms
    Debug,
    /// Everything
    Trace,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum SyncArg {
    Off,
    #[default]
    Normal,
    Full,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormatArg {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum ModeArg {
    #[default]
    Hub,
    P2p,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LoginArg {
    #[default]
    Nickname,
    Address,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LangArg {
    #[default]
    En,
    Zh,
}

/// The other names are those of the option when it was a switch.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum OfflineWhispersArg {
    #[value(aliases = ["false", "f", "no", "n", "0", ""])]
    Off,
    #[default]
    Accounts,
    #[value(aliases = ["true", "t", "yes", "y", "on", "1"])]
    All,
}
