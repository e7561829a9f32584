//! The options of `chinwag serve`.

mod cluster;
mod limits;
mod options;
mod tls;
mod values;

use std::env;
use std::path::{self, Path, PathBuf};
use std::process;
use std::time::Duration;

use clap::Args;
use log::LevelFilter;

use self::options::{
    Cluster, ConsoleArg, General, History, LangArg, Listeners, Log, LogFormatArg, LogLevel, LoginArg, ModeArg,
    OfflineWhispersArg, RoomsAndPeople, Security, SyncArg, Tls, Web,
};
use self::values::{IrcOperArg, ListenAddrs};
use crate::chat::{self, Lang, Login, Mode, OfflineWhispers};
use crate::control::place;
use crate::server::connection::transport::ListenerKind;
use crate::server::control::ControlPlace;
use crate::server::http::Access;
use crate::server::listen_addr::ListenAddr;
use crate::server::service::activation::SocketUse;
use crate::server::{ConsoleMode, Limits, PasswordSource, Settings};
use crate::store::{self, Sync};
use crate::util::logging::LogFormat;

/// The options of a server. Each can also be set as `CHINWAG_OPTION` in the environment.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    #[command(flatten, next_help_heading = "General")]
    general: General,
    #[command(flatten, next_help_heading = "Listeners")]
    listeners: Listeners,
    #[command(flatten, next_help_heading = "TLS")]
    tls: Tls,
    #[command(flatten, next_help_heading = "Rooms and people")]
    people: RoomsAndPeople,
    #[command(flatten, next_help_heading = "History")]
    history: History,
    #[command(flatten, next_help_heading = "Limits")]
    limits: options::Limits,
    #[command(flatten, next_help_heading = "Security")]
    security: Security,
    #[command(flatten, next_help_heading = "Web")]
    web: Web,
    #[command(flatten, next_help_heading = "Cluster")]
    cluster: Cluster,
    #[command(flatten, next_help_heading = "Log")]
    log: Log,
    /// Sockets that the service manager passes.
    #[arg(skip)]
    sockets: Vec<SocketUse>,
}

impl Serve {
    /// Adds listeners: the sockets that the service manager passes. With them there is none by default.
    pub fn add_sockets(&mut self, sockets: Vec<SocketUse>, listen_is_default: bool) {
        if listen_is_default && !sockets.is_empty() {
            self.listeners.listen.clear();
        }
        self.sockets = sockets;
    }

    /// Whether there is a socket of the service manager for this.
    fn has_socket(&self, kind: ListenerKind) -> bool {
        self.sockets.iter().any(|socket| socket.kind == kind)
    }

    fn has_irc(&self) -> bool {
        !self.listeners.irc.is_empty() || self.has_socket(ListenerKind::Irc)
    }

    fn has_admin(&self) -> bool {
        !self.listeners.admin.is_empty() || self.has_socket(ListenerKind::Admin)
    }

    fn has_web(&self) -> bool {
        !self.listeners.web.is_empty() || self.has_socket(ListenerKind::Web)
    }

    fn level(&self) -> LevelFilter {
        match (self.log.verbose, self.log.quiet) {
            (0, 0) => match self.log.log_level {
                LogLevel::Off => LevelFilter::Off,
                LogLevel::Error => LevelFilter::Error,
                LogLevel::Warn => LevelFilter::Warn,
                LogLevel::Info => LevelFilter::Info,
                LogLevel::Debug => LevelFilter::Debug,
                LogLevel::Trace => LevelFilter::Trace,
            },
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
            listen: addrs(&self.listeners.listen),
            irc: addrs(&self.listeners.irc),
            web: addrs(&self.listeners.web),
            admin: addrs(&self.listeners.admin),
            api_tokens: self.listeners.api_tokens.clone(),
            control: self.control(),
            sockets: self.sockets.clone(),
            tls: self.certificate_source(),
            unix_mode: self.listeners.unix_mode,
            reuse_port: self.listeners.reuse_port,
            proxies: self.listeners.proxy_protocol.clone(),
            access: Access {
                allow_origin: self.web.allow_origin.clone(),
                hosts: self.web.host.clone(),
                trust_proxy: self.web.trust_proxy.clone(),
                max_per_ip: self.limits.max_per_ip as usize,
                https_redirect: self.tls.https_redirect,
                https_port: None,
            },
            lang: match self.general.lang {
                LangArg::En => Lang::En,
                LangArg::Zh => Lang::Zh,
            },
            console: match self.general.console {
                ConsoleArg::On => ConsoleMode::On,
                ConsoleArg::Off => ConsoleMode::Off,
                ConsoleArg::Auto => ConsoleMode::Auto,
            },
            level: self.level(),
            log_format: match self.log.log_format {
                LogFormatArg::Text => LogFormat::Text,
                LogFormatArg::Json => LogFormat::Json,
            },
            limits: Limits {
                max_line: self.limits.max_line as usize,
                eol_timeout: Duration::from_millis(self.limits.eol_timeout),
                keepalive: Duration::from_secs(self.limits.keepalive),
                send_buffer: self.limits.send_buffer as usize,
            },
            max_clients: self.people.max_clients.map(|n| n as usize),
            store: self.history.store.as_ref().map(|path| self.store(path)),
            password: self.password(),
            motd: self.general.motd.clone(),
            cluster: self.cluster(),
            hub: self.hub(),
            takes_over: false,
            reload: None,
        }
    }

    /// Where the control socket is.
    fn control(&self) -> Option<ControlPlace> {
        let absolute = |path: PathBuf| path::absolute(&path).unwrap_or(path);
        let default = || place::default_for(self.history.store.as_deref(), process::id(), |name| env::var_os(name));
        let is_default = self.general.control.is_none();
        let path = self.general.control.clone().or_else(default)?;
        Some(ControlPlace { path: absolute(path), is_default })
    }

    /// Where the server's password comes from.
    fn password(&self) -> Option<PasswordSource> {
        let file = self.security.password_file.clone().map(PasswordSource::File);
        let given = || env::var("CHINWAG_PASSWORD").ok().filter(|password| !password.is_empty());
        file.or_else(|| given().map(PasswordSource::Text))
    }

    /// The server sets later how much is loaded at the start.
    fn store(&self, path: &Path) -> store::Options {
        store::Options {
            path: path.to_owned(),
            sync: match self.history.sync {
                SyncArg::Off => Sync::Off,
                SyncArg::Normal => Sync::Normal,
                SyncArg::Full => Sync::Full,
            },
            keep_days: self.history.keep,
            keep_messages: self.history.keep_messages,
            rooms: 0,
            history: 0,
            history_bytes: 0,
        }
    }

    fn hub(&self) -> chat::Config {
        chat::Config {
            mode: match self.general.mode {
                ModeArg::Hub => Mode::Hub,
                ModeArg::P2p => Mode::P2p,
            },
            login: match self.general.login {
                LoginArg::Nickname => Login::Nickname,
                LoginArg::Address => Login::Address,
            },
            name: self.general.name.as_str().into(),
            max_waiting: self.people.max_waiting as usize,
            max_per_ip: self.limits.max_per_ip as usize,
            history: self.history.history as usize,
            backlog_bytes: self.limits.backlog_bytes as usize,
            login_timeout: Duration::from_secs(self.people.login_timeout),
            idle_timeout: Duration::from_secs(self.people.idle_timeout),
            max_line: self.limits.max_line as usize,
            rate: self.limits.rate,
            burst: self.limits.burst,
            announce_limit: self.people.announce_limit as usize,
            max_rooms: self.people.max_rooms as usize,
            max_stored_rooms: self.history.max_stored_rooms as usize,
            max_follow: self.people.max_follow.map_or(chat::Config::default().max_follow, |most| most as usize),
            offline_whispers: match self.history.offline_whispers {
                OfflineWhispersArg::Off => OfflineWhispers::Off,
                OfflineWhispersArg::Accounts => OfflineWhispers::Accounts,
                OfflineWhispersArg::All => OfflineWhispers::All,
            },
            max_accounts: self.security.max_accounts as usize,
            operators: self.security.operator.clone(),
            irc_opers: self.security.irc_oper.iter().map(IrcOperArg::oper).collect(),
            bans: self.security.ban.iter().copied().collect(),
            ..chat::Config::default()
        }
    }
}

fn addrs(listen: &[ListenAddrs]) -> Vec<ListenAddr> {
    listen.iter().flat_map(|listen| &listen.0).cloned().collect()
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
        assert_eq!(serve(&[]).settings().listen, ["127.0.0.1:4567".parse::<std::net::SocketAddr>().unwrap().into()]);
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
    fn name_has_only_letters_digits_and_three_signs() {
        let longest = "x".repeat(63);
        for name in ["a", "chat.example.org", "Chat_1-2", &longest] {
            assert_eq!(&*serve(&["--name", name]).hub().name, name);
        }
        for bad in ["", " ", "a b", "café", "a/b", "a:1", &"x".repeat(64)] {
            assert!(Cli::try_parse_from(["chinwag", "--name", bad]).is_err(), "{bad}");
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
    fn bans_are_addresses_and_networks() {
        let bans = serve(&["--ban", "10.1.2.3/8,::1", "--ban", "192.0.2.7"]).hub().bans;
        let expected = ["10.0.0.0/8", "192.0.2.7", "::1"].map(|network| network.parse().unwrap());
        assert_eq!(bans.into_iter().collect::<Vec<_>>(), expected);
        assert!(Cli::try_parse_from(["chinwag", "--ban", "bob"]).is_err());
    }

    #[test]
    fn passwords_of_irc_operators_are_kept_as_hashes() {
        let hub = serve(&["--irc", "127.0.0.1:1", "--irc-oper", "root:a:b,bob:c"]).hub();
        let [root, bob] = &hub.irc_opers[..] else { panic!("{:?}", hub.irc_opers) };
        assert!(&*root.name == "root" && root.password.is("a:b") && !root.password.is("a"));
        assert!(&*bob.name == "bob" && bob.password.is("c"));
        assert!(!format!("{:?}", serve(&["--irc", "127.0.0.1:1", "--irc-oper", "root:secret"])).contains("secret"));
    }

    #[test]
    fn mode_of_unix_sockets_is_octal_with_a_zero_first() {
        assert_eq!(serve(&[]).settings().unix_mode, 0o660);
        for (mode, expected) in [("0600", 0o600), ("0666", 0o666), ("0000", 0), ("0777", 0o777)] {
            assert_eq!(serve(&["--unix-mode", mode]).settings().unix_mode, expected);
        }
        for bad in ["", "660", "432", "0o660", "01777", "0888", "066", "rw-rw----"] {
            assert!(Cli::try_parse_from(["chinwag", "--unix-mode", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn proxies_are_networks_and_unix_sockets() {
        let settings = serve(&["--proxy-protocol", "10.0.0.0/8,unix", "--trust-proxy", "unix"]).settings();
        let expected = ["10.0.0.0/8", "unix"].map(|peer| peer.parse().unwrap());
        assert_eq!((&settings.proxies[..], &settings.access.trust_proxy[..]), (&expected[..], &expected[1..]));
        for bad in ["", "proxy", "unix:/x", "10.0.0.0/33"] {
            assert!(Cli::try_parse_from(["chinwag", "--proxy-protocol", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn sockets_of_the_service_manager_replace_the_default_and_count_as_listeners() {
        let socket = |kind| SocketUse { kind, tls: false };
        let with = |args: &[&str], is_default, sockets: &[SocketUse]| {
            let mut serve = serve(args);
            serve.add_sockets(sockets.to_vec(), is_default);
            serve
        };
        let web = [socket(ListenerKind::Web)];
        let activated = with(&[], true, &web).settings();
        assert!(activated.listen.is_empty() && activated.sockets == web);
        assert_eq!(with(&["--listen", "127.0.0.1:1"], false, &web).settings().listen.len(), 1);
        assert_eq!(with(&[], true, &[]).settings().listen.len(), 1);
        // Text is longer in JSON.
        let tight = ["--rate", "0", "--max-line", "4096", "--backlog-bytes", "10240"];
        assert_eq!(with(&tight, true, &[socket(ListenerKind::Plain)]).check(), Ok(()));
        assert!(with(&tight, true, &web).check().unwrap_err().contains("--max-line 4096 and --web: "));
        let oper = ["--irc-oper", "a:b"];
        assert_eq!(with(&oper, true, &[socket(ListenerKind::Irc)]).check(), Ok(()));
        assert!(with(&oper, true, &web).check().unwrap_err().starts_with("--irc-oper needs --irc ADDR"));
    }

    #[test]
    fn console_without_value_is_on() {
        assert_eq!(serve(&["--console"]).settings().console, ConsoleMode::On);
        assert_eq!(serve(&["--console=off"]).settings().console, ConsoleMode::Off);
        assert_eq!(serve(&[]).settings().console, ConsoleMode::Auto);
    }
}
