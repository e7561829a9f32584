//! IRC over sockets: clients of IRC, line clients and pages in one room.

mod clients;
mod hostile;
mod registration;
mod talking;
mod web_socket;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::process::Command;

use crate::harness::{Client, PROGRAM, Server};

/// A server with a port for IRC.
pub struct IrcServer {
    server: Server,
    pub irc: SocketAddr,
}

impl Deref for IrcServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for IrcServer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl IrcServer {
    pub fn start(args: &[&str]) -> IrcServer {
        Self::start_with(args, &[])
    }

    /// Starts a server with further arguments and variables of the environment.
    pub fn start_with(args: &[&str], env: &[(&str, &str)]) -> IrcServer {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", "127.0.0.1:0", "--irc", "127.0.0.1:0"]).args(args);
        command.envs(env.iter().copied());
        let mut server = Server::spawn(command);
        let irc = address(&mut server, "irc");
        IrcServer { server, irc }
    }

    /// A new connection for IRC.
    pub fn open(&self) -> Irc {
        Irc::over(Client::connect(self.irc))
    }

    /// A client that is registered, and has read its welcome.
    #[track_caller]
    pub fn enter(&self, nick: &str) -> Irc {
        let mut client = self.open();
        client.register(nick);
        client
    }

    /// A registered client in a channel, which has read the names of those in it.
    #[track_caller]
    pub fn join(&self, nick: &str, channel: &str) -> Irc {
        let mut client = self.enter(nick);
        client.join(channel);
        client
    }
}

/// The address of the next listener with this scheme in the log.
pub fn address(server: &mut Server, scheme: &str) -> SocketAddr {
    let line = server.log.until(&format!("listening on {scheme}://"));
    line.rsplit('/').next().and_then(|addr| addr.parse().ok()).expect("an address")
}

/// A client of IRC, which reads lines with the hosts of members masked: `:alice!~alice@HOST`.
pub struct Irc<S = TcpStream> {
    pub client: Client<S>,
}

impl<S: Read + Write> Irc<S> {
    pub fn over(client: Client<S>) -> Self {
        Irc { client }
    }

    /// Sends lines.
    pub fn send(&mut self, lines: &[&str]) {
        self.client.send(&lines.iter().map(|line| format!("{line}\r\n")).collect::<String>());
    }

    /// Sends NICK and USER, and reads the welcome.
    #[track_caller]
    pub fn register(&mut self, nick: &str) {
        self.send(&[&format!("NICK {nick}"), &format!("USER {nick} 0 * :The real {nick}")]);
        let first = self.line();
        assert!(first.starts_with(&format!(":chinwag 001 {nick} :Welcome ")), "{first}");
        self.until(" 422 ");
    }

    /// Enters a channel, and reads the names of those in it.
    #[track_caller]
    pub fn join(&mut self, channel: &str) {
        self.send(&[&format!("JOIN {channel}")]);
        self.until(&format!(" {channel} :End of /NAMES list"));
    }

    pub fn try_line(&mut self) -> Option<String> {
        self.client.try_line().map(|line| mask_host(&line))
    }

    #[track_caller]
    pub fn line(&mut self) -> String {
        self.try_line().expect("a line, not the end")
    }

    /// Reads up to a line that contains `part`, and returns it.
    #[track_caller]
    pub fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Asserts the next lines.
    #[track_caller]
    pub fn expect(&mut self, expected: &[&str]) {
        for line in expected {
            assert_eq!(self.line(), *line);
        }
    }

    /// Sends a line, and asserts the next ones.
    #[track_caller]
    pub fn ask(&mut self, line: &str, expected: &[&str]) {
        self.send(&[line]);
        self.expect(expected);
    }

    /// Asserts that no line waits for this client: the next one is the answer to a PING.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        self.ask("PING nothing", &[":chinwag PONG chinwag :nothing"]);
    }

    /// Asserts that the server closes the connection without further lines.
    #[track_caller]
    pub fn expect_end(&mut self) {
        assert_eq!(self.try_line(), None);
    }
}

/// Replaces the host of a member at the begin of a line by `HOST`.
fn mask_host(line: &str) -> String {
    let (tags, rest) = match line.strip_prefix('@').and_then(|_| line.split_once(' ')) {
        Some((tags, rest)) => (format!("{tags} "), rest),
        None => (String::new(), line),
    };
    match rest.split_once(' ') {
        Some((source, rest)) if source.starts_with(':') && source.contains('@') => {
            let (name, _) = source.split_once('@').expect("a host");
            format!("{tags}{name}@HOST {rest}")
        }
        _ => line.into(),
    }
}
