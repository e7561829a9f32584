//! Settings of a chat server.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::password::ServerPassword;
use super::policy::cidr::Network;
use super::policy::rate_limit::RateLimit;

/// How members get their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Login {
    /// The server asks for a nickname.
    #[default]
    Nickname,
    /// The name is `IP:PORT`; the server does not ask.
    Address,
}

/// The purpose of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A chat room.
    #[default]
    Hub,
    /// The operator talks with one member, and the server ends when that member leaves.
    P2p,
}

/// For whom whispers are stored while they are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OfflineWhispers {
    Off,
    /// For registered names.
    #[default]
    Accounts,
    /// For each name: the next member that takes it reads them.
    All,
}

/// What a server calls itself if it has no other name.
pub const DEFAULT_NAME: &str = "chinwag";
/// Maximum length of the name of a server. IRC clients take names of this length.
pub const MAX_SERVER_NAME: usize = 63;

/// Whether a server can have this name: it has only ASCII letters, digits, `.`, `-` and `_`.
pub fn is_server_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=MAX_SERVER_NAME).contains(&name.len()) && name.chars().all(is_allowed)
}

/// A name and a password for OPER of IRC.
#[derive(Clone, Debug)]
pub struct IrcOper {
    pub name: Box<str>,
    pub password: ServerPassword,
}

/// The limits and options of a hub.
#[derive(Clone, Debug)]
pub struct Config {
    pub mode: Mode,
    pub login: Login,
    /// What the server calls itself; see [`is_server_name`].
    pub name: Box<str>,
    /// The message of the day: lines of text that each member is shown when it enters.
    pub motd: Option<Box<str>>,
    /// Maximum users; at least 1.
    pub max_clients: usize,
    /// Maximum length of the admission queue.
    pub max_waiting: usize,
    /// Maximum connections from one IPv4 address or one IPv6 /64; 0 for no limit.
    pub max_per_ip: usize,
    /// Messages that a room replays to a new member.
    pub history: usize,
    /// Maximum bytes of the history of one room.
    pub history_bytes: usize,
    /// Maximum unread bytes of a session; a slower consumer is disconnected.
    pub backlog_bytes: usize,
    /// Time limit for giving a nickname.
    pub login_timeout: Duration,
    /// Time after which a silent member is disconnected; zero for no limit.
    pub idle_timeout: Duration,
    /// Maximum bytes in a line; the hub uses it in texts only.
    pub max_line: usize,
    /// Lines per second from one session; 0 for no limit.
    pub rate: u32,
    /// Lines that one session may send at once; at least 1.
    pub burst: u32,
    /// A room with more members than this summarises joins and leaves.
    pub announce_limit: usize,
    /// Maximum rooms in memory, the lobby included.
    pub max_rooms: usize,
    /// Maximum rooms in memory and in the store together, if there is a store.
    pub max_stored_rooms: usize,
    /// Maximum rooms that one member may follow besides its current room.
    pub max_follow: usize,
    /// Maximum names that one member may ignore.
    pub max_ignored: usize,
    /// Maximum names in a list of members.
    pub max_listed: usize,
    /// A number for this run of the server; below 2^53.
    pub run: u64,
    /// The secret key of the hashes of names.
    pub hash_key: [u64; 2],
    /// The secret key of the cloaks of addresses; a store has its own, which remains over restarts.
    pub cloak_key: [u64; 2],
    /// For whom whispers are stored while they are absent, if there is a store.
    pub offline_whispers: OfflineWhispers,
    /// The password of the server, if it has one.
    pub password: Option<ServerPassword>,
    /// Maximum accounts.
    pub max_accounts: usize,
    /// The names of the accounts that are operators of the server.
    pub operators: Vec<String>,
    /// The names and passwords with which a member becomes an operator of the server by OPER of IRC.
    pub irc_opers: Vec<IrcOper>,
    /// Networks that are banned as long as the configuration names them.
    pub bans: BTreeSet<Network>,
}

impl Config {
    /// Whether members can follow rooms, and have the other commands that need nicknames and rooms.
    pub fn has_followed_rooms(&self) -> bool {
        self.mode == Mode::Hub && self.login == Login::Nickname
    }

    /// Whether an address is in a network that the configuration bans.
    pub fn bans(&self, addr: IpAddr) -> bool {
        !self.bans.is_empty() && Network::containing(addr).any(|network| self.bans.contains(&network))
    }

    /// The limit on the lines of one session.
    pub fn rate_limit(&self) -> RateLimit {
        RateLimit::new(self.rate, self.burst)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            mode: Mode::Hub,
            login: Login::Nickname,
            name: DEFAULT_NAME.into(),
            motd: None,
            max_clients: 1024,
            max_waiting: 1024,
            max_per_ip: 0,
            history: 100,
            history_bytes: 512 * 1024,
            backlog_bytes: 1024 * 1024,
            login_timeout: Duration::from_secs(60),
            idle_timeout: Duration::ZERO,
            max_line: 4096,
            rate: 10,
            burst: 30,
            announce_limit: 200,
            max_rooms: 256,
            max_stored_rooms: 4096,
            max_follow: 20,
            max_ignored: 100,
            max_listed: 100,
            run: 0,
            hash_key: [0; 2],
            cloak_key: [0; 2],
            offline_whispers: OfflineWhispers::default(),
            password: None,
            max_accounts: 10_000,
            operators: Vec::new(),
            irc_opers: Vec::new(),
            bans: BTreeSet::new(),
        }
    }
}
