//! The options of `chinwag serve`.

mod limits;

use std::env;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum, value_parser};
use log::LevelFilter;

use crate::chat::{self, Lang, Login, Mode, Network, OfflineWhispers};
use crate::server::http::Access;
use crate::server::{ConsoleMode, Limits, PasswordSource, Settings};
use crate::store::{self, Sync};
use crate::wire::host::Host;

/// The options of a server. Each can also be set as `CHINWAG_OPTION` in the environment.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Address for line clients (TCP); repeatable; port 0 picks a free port; IPv6 in brackets
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4567", value_parser = listen_addr, env = "CHINWAG_LISTEN", value_delimiter = ',', action = ArgAction::Append)]
    listen: Vec<ListenAddrs>,

    /// Address for the chat page and its WebSocket (HTTP); repeatable [default: off]
    #[arg(long, value_name = "ADDR", value_parser = listen_addr, env = "CHINWAG_WEB", value_delimiter = ',', action = ArgAction::Append)]
    web: Vec<ListenAddrs>,

    /// Address for /healthz and /metrics (HTTP); repeatable [default: off]
    #[arg(long, value_name = "ADDR", value_parser = listen_addr, env = "CHINWAG_ADMIN", value_delimiter = ',', action = ArgAction::Append)]
    admin: Vec<ListenAddrs>,

    /// Origin of another page that may connect, such as https://example.org; * for all; repeatable
    #[arg(long, value_name = "ORIGIN", value_parser = origin, env = "CHINWAG_ALLOW_ORIGIN", value_delimiter = ',', action = ArgAction::Append)]
    allow_origin: Vec<String>,

    /// Additional host name allowed in HTTP requests to --web and --admin; repeatable
    #[arg(long, value_name = "NAME", value_parser = host, env = "CHINWAG_HOST", value_delimiter = ',', action = ArgAction::Append)]
    host: Vec<String>,

    /// Trust X-Forwarded-For from this proxy (address or CIDR); repeatable
    #[arg(long, value_name = "CIDR", value_parser = network, env = "CHINWAG_TRUST_PROXY", value_delimiter = ',', action = ArgAction::Append)]
    trust_proxy: Vec<Network>,

    /// hub: chat rooms; p2p: the operator chats with one client, then the server ends
    #[arg(long, value_enum, default_value_t, env = "CHINWAG_MODE")]
    mode: ModeArg,

    /// nickname: clients choose a nickname; address: their nickname is IP:PORT
    #[arg(long, value_enum, default_value_t, env = "CHINWAG_LOGIN")]
    login: LoginArg,

    /// Maximum users; further ones wait in the queue [default: what the limit of file descriptors allows]
    #[arg(long, value_name = "N", value_parser = at_least(1), env = "CHINWAG_MAX_CLIENTS")]
    max_clients: Option<u64>,

    /// Queue length; when the queue is full, new connections are refused
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = at_least(0), env = "CHINWAG_MAX_WAITING")]
    max_waiting: u64,

    /// Maximum connections per IPv4 address or IPv6 /64; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = at_least(0), env = "CHINWAG_MAX_PER_IP")]
    max_per_ip: u64,

    /// Messages of the room's history that are replayed on join; 0 for none
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least(0), env = "CHINWAG_HISTORY")]
    history: u64,

    /// Maximum bytes of one room's history; at most half of --backlog-bytes is used
    #[arg(long, value_name = "BYTES", default_value_t = 512 * 1024, value_parser = at_least(0), env = "CHINWAG_HISTORY_BYTES")]
    history_bytes: u64,

    /// Maximum rooms in memory, with the lobby; the least recently used empty room is dropped
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = at_least(1), env = "CHINWAG_MAX_ROOMS")]
    max_rooms: u64,

    /// Maximum rooms that one member follows besides its current one (--login nickname, --mode hub) [default: 20]
    #[arg(long, value_name = "N", value_parser = at_least(0), env = "CHINWAG_MAX_FOLLOW")]
    max_follow: Option<u64>,

    /// Store messages, rooms and bans in this SQLite file; created if it does not exist
    #[arg(long, value_name = "FILE", env = "CHINWAG_STORE")]
    store: Option<PathBuf>,

    /// What the store survives. off: a server crash; normal: a power failure, but for the last seconds; full: all, slower
    #[arg(long, value_enum, default_value_t, requires = "store", env = "CHINWAG_SYNC")]
    sync: SyncArg,

    /// Delete stored messages after this many days [default: keep all]
    #[arg(long, value_name = "DAYS", requires = "store", value_parser = value_parser!(u32).range(1..=36_500), env = "CHINWAG_KEEP")]
    keep: Option<u32>,

    /// Maximum stored messages, all rooms together; the oldest are deleted [default: keep all]
    #[arg(long, value_name = "N", requires = "store", value_parser = at_least(1), env = "CHINWAG_KEEP_MESSAGES")]
    keep_messages: Option<u64>,

    /// Maximum rooms, including those only in the store; then no new room can be created
    #[arg(long, value_name = "N", requires = "store", default_value_t = 4096, value_parser = at_least(1), env = "CHINWAG_MAX_STORED_ROOMS")]
    max_stored_rooms: u64,

    /// Store whispers to absent members; all: also to nicknames that are not registered, which any client can take
    #[arg(long, value_enum, ignore_case = true, num_args = 0..=1, default_value_t, default_missing_value = "all", requires = "store", env = "CHINWAG_OFFLINE_WHISPERS")]
    offline_whispers: OfflineWhispersArg,

    /// Account whose owner is an operator of the server (needs --store); repeatable
    #[arg(long, value_name = "NAME", requires = "store", env = "CHINWAG_OPERATOR", value_delimiter = ',', action = ArgAction::Append)]
    operator: Vec<String>,

    /// Maximum accounts
    #[arg(long, value_name = "N", requires = "store", default_value_t = 10_000, value_parser = at_least(0), env = "CHINWAG_MAX_ACCOUNTS")]
    max_accounts: u64,

    /// File with the server's password, which each client must give; or set CHINWAG_PASSWORD to the password
    #[arg(long, value_name = "FILE", env = "CHINWAG_PASSWORD_FILE")]
    password_file: Option<PathBuf>,

    /// Language of the server's messages
    #[arg(long, value_enum, default_value_t, env = "CHINWAG_LANG")]
    lang: LangArg,

    /// Operator console on standard input; auto: if stdin and stdout are a terminal; always on with p2p
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, require_equals = true, default_missing_value = "on", env = "CHINWAG_CONSOLE")]
    console: ConsoleArg,

    /// Seconds until a client that has not chosen a nickname is disconnected
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..=86_400), env = "CHINWAG_LOGIN_TIMEOUT")]
    login_timeout: u64,

    /// Seconds until a silent member is disconnected; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = value_parser!(u64).range(..=31_536_000), env = "CHINWAG_IDLE_TIMEOUT")]
    idle_timeout: u64,

    /// Maximum line length in bytes, without the line end
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = value_parser!(u64).range(8..=1_048_576), env = "CHINWAG_MAX_LINE")]
    max_line: u64,

    /// Lines or HTTP requests per second from one client, after the burst; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(..=1_000_000), env = "CHINWAG_RATE")]
    rate: u32,

    /// Lines or HTTP requests that one client may send at once
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = value_parser!(u32).range(1..=1_000_000), env = "CHINWAG_BURST")]
    burst: u32,

    /// Unread bytes before a slow client is disconnected
    #[arg(long, value_name = "BYTES", default_value_t = 1_048_576, value_parser = value_parser!(u64).range(1024..=1_073_741_824), env = "CHINWAG_BACKLOG_BYTES")]
    backlog_bytes: u64,

    /// Kernel send buffer of one client in bytes (SO_SNDBUF), besides the backlog; 0 for the system's default
    #[arg(long, value_name = "BYTES", default_value_t = 131_072, value_parser = value_parser!(u64).range(..=1_073_741_824), env = "CHINWAG_SEND_BUFFER")]
    send_buffer: u64,

    /// Members of a room above which joins and leaves are summarized, at most once a second
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = at_least(0), env = "CHINWAG_ANNOUNCE_LIMIT")]
    announce_limit: u64,

    /// Maximum nicknames that one member can ignore
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least(0), env = "CHINWAG_MAX_IGNORED")]
    max_ignored: u64,

    /// Maximum nicknames shown by /who, and entries on a page of /bans and /mutes
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least(1), env = "CHINWAG_MAX_LISTED")]
    max_listed: u64,

    /// Milliseconds after which input without a line end counts as a line; 0 for never
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = value_parser!(u64).range(..=600_000), env = "CHINWAG_EOL_TIMEOUT")]
    eol_timeout: u64,

    /// Seconds of silence before a TCP keepalive probe; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(..=32_767), env = "CHINWAG_KEEPALIVE")]
    keepalive: u64,

    /// Seconds a leaving client may take to read the next part of its unread output
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u64).range(1..=3600), env = "CHINWAG_FAREWELL_TIMEOUT")]
    farewell_timeout: u64,

    /// More log: -v adds the messages of rooms, -vv everything
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,

    /// Less log: -q warnings and errors, -qq errors, -qqq nothing
    #[arg(short, long, action = ArgAction::Count)]
    quiet: u8,
}

fn at_least(least: u64) -> clap::builder::RangedU64ValueParser {
    // 2^32 is more than one machine can hold, and sums of such values do not overflow.
    value_parser!(u64).range(least..=u64::from(u32::MAX))
}

impl Serve {
    fn level(&self) -> LevelFilter {
        match (self.verbose, self.quiet) {
            (0, 0) => LevelFilter::Info,
            (0, 1) => LevelFilter::Warn,
            (0, 2) => LevelFilter::Error,
            (0, _) => LevelFilter::Off,
            (1, _) => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        }
    }

    /// The settings of the server.
    pub fn settings(&self) -> Settings {
        Settings {
            listen: addrs(&self.listen),
            web: addrs(&self.web),
            admin: addrs(&self.admin),
            access: Access {
                allow_origin: self.allow_origin.clone(),
                hosts: self.host.clone(),
                trust_proxy: self.trust_proxy.clone(),
                max_per_ip: self.max_per_ip as usize,
            },
            lang: match self.lang {
                LangArg::En => Lang::En,
                LangArg::Zh => Lang::Zh,
            },
            console: match self.console {
                ConsoleArg::On => ConsoleMode::On,
                ConsoleArg::Off => ConsoleMode::Off,
                ConsoleArg::Auto => ConsoleMode::Auto,
            },
            level: self.level(),
            limits: Limits {
                max_line: self.max_line as usize,
                eol_timeout: Duration::from_millis(self.eol_timeout),
                keepalive: Duration::from_secs(self.keepalive),
                send_buffer: self.send_buffer as usize,
                farewell_timeout: Duration::from_secs(self.farewell_timeout),
            },
            max_clients: self.max_clients.map(|n| n as usize),
            store: self.store.as_ref().map(|path| self.store(path)),
            password: self.password(),
            hub: self.hub(),
        }
    }

    /// Where the server's password comes from.
    fn password(&self) -> Option<PasswordSource> {
        let file = self.password_file.clone().map(PasswordSource::File);
        let given = || env::var("CHINWAG_PASSWORD").ok().filter(|password| !password.is_empty());
        file.or_else(|| given().map(PasswordSource::Text))
    }

    /// The server sets later how much is loaded at the start.
    fn store(&self, path: &Path) -> store::Options {
        store::Options {
            path: path.to_owned(),
            sync: match self.sync {
                SyncArg::Off => Sync::Off,
                SyncArg::Normal => Sync::Normal,
                SyncArg::Full => Sync::Full,
            },
            keep_days: self.keep,
            keep_messages: self.keep_messages,
            rooms: 0,
            history: 0,
            history_bytes: 0,
        }
    }

    fn hub(&self) -> chat::Config {
        chat::Config {
            mode: match self.mode {
                ModeArg::Hub => Mode::Hub,
                ModeArg::P2p => Mode::P2p,
            },
            login: match self.login {
                LoginArg::Nickname => Login::Nickname,
                LoginArg::Address => Login::Address,
            },
            max_waiting: self.max_waiting as usize,
            max_per_ip: self.max_per_ip as usize,
            history: self.history as usize,
            history_bytes: self.history_bytes as usize,
            backlog_bytes: self.backlog_bytes as usize,
            login_timeout: Duration::from_secs(self.login_timeout),
            idle_timeout: Duration::from_secs(self.idle_timeout),
            max_line: self.max_line as usize,
            rate: self.rate,
            burst: self.burst,
            announce_limit: self.announce_limit as usize,
            max_rooms: self.max_rooms as usize,
            max_stored_rooms: self.max_stored_rooms as usize,
            max_follow: self.max_follow.map_or(chat::Config::default().max_follow, |most| most as usize),
            max_ignored: self.max_ignored as usize,
            max_listed: self.max_listed as usize,
            offline_whispers: match self.offline_whispers {
                OfflineWhispersArg::Off => OfflineWhispers::Off,
                OfflineWhispersArg::Accounts => OfflineWhispers::Accounts,
                OfflineWhispersArg::All => OfflineWhispers::All,
            },
            max_accounts: self.max_accounts as usize,
            operators: self.operator.clone(),
            ..chat::Config::default()
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ConsoleArg {
    On,
    Off,
    #[default]
    Auto,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum SyncArg {
    Off,
    #[default]
    Normal,
    Full,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ModeArg {
    #[default]
    Hub,
    P2p,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LoginArg {
    #[default]
    Nickname,
    Address,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LangArg {
    #[default]
    En,
    Zh,
}

/// The other names are those of the option when it was a switch.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum OfflineWhispersArg {
    #[value(aliases = ["false", "f", "no", "n", "0", ""])]
    Off,
    #[default]
    Accounts,
    #[value(aliases = ["true", "t", "yes", "y", "on", "1"])]
    All,
}

fn addrs(listen: &[ListenAddrs]) -> Vec<SocketAddr> {
    listen.iter().flat_map(|listen| &listen.0).copied().collect()
}

/// Parses the origin of a page: scheme and host, and the port if it is not the default one (RFC 6454).
fn origin(text: &str) -> Result<String, String> {
    let site = text.split_once("://").map(|(_, site)| site).unwrap_or_default();
    match text == "*" || !site.is_empty() && !site.contains(['/', '?', '#', '@', ' ']) {
        true => Ok(text.into()),
        false => Err("write SCHEME://HOST or SCHEME://HOST:PORT, such as https://example.org, or *".into()),
    }
}

/// Parses a host name into the form that is compared with the `Host` of a request.
fn host(text: &str) -> Result<String, String> {
    match Host::parse(text) {
        Some(Host::Name(name)) if !name.is_empty() && !text.contains(':') => Ok(name),
        Some(Host::Address(_)) => Err("IP addresses are always allowed; write a name, such as chat.example.org".into()),
        _ => Err("write a name without scheme and port, such as chat.example.org".into()),
    }
}

fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|()| "write an address or a CIDR network, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8".into())
}

/// The addresses of one `--listen`: several if its host name has several.
#[derive(Clone, Debug)]
struct ListenAddrs(Vec<SocketAddr>);

fn listen_addr(text: &str) -> Result<ListenAddrs, String> {
    let help = "write HOST:PORT, such as 127.0.0.1:4567, 0.0.0.0:4567 or [::1]:4567";
    let addrs: Vec<SocketAddr> = text.to_socket_addrs().map_err(|error| format!("{error}; {help}"))?.collect();
    if addrs.is_empty() { Err(help.into()) } else { Ok(ListenAddrs(addrs)) }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::{Cli, Command};

    fn serve(args: &[&str]) -> Serve {
        match Cli::try_parse_from([&["chinwag"], args].concat()).unwrap().into_command() {
            Command::Serve(serve) => *serve,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn serve_is_the_default_command() {
        for args in [&["--max-line", "100"][..], &["serve", "--max-line", "100"]] {
            assert_eq!(serve(args).hub().max_line, 100);
        }
        assert_eq!(serve(&[]).settings().listen, ["127.0.0.1:4567".parse().unwrap()]);
    }

    #[test]
    fn hub_defaults_match_command_line_defaults() {
        assert_eq!(format!("{:?}", serve(&[]).hub()), format!("{:?}", chat::Config::default()));
    }

    #[test]
    fn every_option_has_an_environment_variable() {
        for arg in Cli::command().get_arguments() {
            let Some(name) = arg.get_long() else { continue };
            if ["help", "version", "verbose", "quiet"].contains(&name) {
                continue;
            }
            let expected = format!("CHINWAG_{}", name.replace('-', "_").to_uppercase());
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(&*expected));
        }
    }

    #[test]
    fn host_accepts_only_names() {
        let access = serve(&["--host", "Chat.Example.,b.example", "--host", "c"]).settings().access;
        assert_eq!(access.hosts, ["chat.example", "b.example", "c"]);
        for bad in ["", "a b", "http://a", "a:80", "10.0.0.1", "[::1]", "*/"] {
            assert!(Cli::try_parse_from(["chinwag", "--host", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn console_without_value_is_on() {
        assert_eq!(serve(&["--console"]).settings().console, ConsoleMode::On);
        assert_eq!(serve(&["--console=off"]).settings().console, ConsoleMode::Off);
        assert_eq!(serve(&[]).settings().console, ConsoleMode::Auto);
    }
}
