//! Socket activation: listening sockets that the service manager has opened; sd_listen_fds(3).
//!
//! The name of a socket says what it is for: the option that would open it, with `-tls` if its connections begin with TLS.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use listenfd::ListenFd;
use socket2::SockRef;

use crate::server::Error;
use crate::server::connection::transport::ListenerKind;
use crate::server::listen_addr::{ListenAddr, ListenPlace};

/// The most sockets that are taken over.
const MAX_SOCKETS: usize = 1000;
/// The descriptor of the first socket.
const FIRST: usize = 3;
/// The name that systemd gives to a connection that it has accepted itself.
const CONNECTION: &str = "connection";

/// What the connections of a socket are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketUse {
    pub kind: ListenerKind,
    /// Whether they begin with a TLS handshake.
    pub tls: bool,
}

impl SocketUse {
    const ALL: [SocketUse; 8] = [
        SocketUse { kind: ListenerKind::Plain, tls: false },
        SocketUse { kind: ListenerKind::Plain, tls: true },
        SocketUse { kind: ListenerKind::Irc, tls: false },
        SocketUse { kind: ListenerKind::Irc, tls: true },
        SocketUse { kind: ListenerKind::Web, tls: false },
        SocketUse { kind: ListenerKind::Web, tls: true },
        SocketUse { kind: ListenerKind::Admin, tls: false },
        SocketUse { kind: ListenerKind::Admin, tls: true },
    ];

    /// The name of such a socket: `FileDescriptorName=` in systemd.socket(5).
    pub fn name(self) -> &'static str {
        match (self.kind, self.tls) {
            (ListenerKind::Plain, false) => "listen",
            (ListenerKind::Plain, true) => "listen-tls",
            (ListenerKind::Irc, false) => "irc",
            (ListenerKind::Irc, true) => "irc-tls",
            (ListenerKind::Web, false) => "web",
            (ListenerKind::Web, true) => "web-tls",
            (ListenerKind::Admin, false) => "admin",
            (ListenerKind::Admin, true) => "admin-tls",
        }
    }

    fn from_name(name: &str) -> Result<Self, String> {
        if name == CONNECTION {
            return Err("the service manager has passed a connection, not a listening socket; set Accept=no in the \
                        .socket unit"
                .into());
        }
        Self::ALL.into_iter().find(|socket| socket.name() == name).ok_or_else(|| {
            format!(
                "the service manager has passed a socket with the name {name:?}, which does not say what it is for; set \
                 FileDescriptorName= in its .socket unit to {}",
                names()
            )
        })
    }
}

/// The names in a sentence.
fn names() -> String {
    let [first @ .., last] = SocketUse::ALL.map(SocketUse::name);
    format!("{} or {last}", first.join(", "))
}

/// What the sockets are for that the service manager passes to this process, in their order; empty if it passes none.
///
/// # Errors
/// What is wrong with their number or their names.
pub fn passed() -> Result<Vec<SocketUse>, String> {
    uses(|variable| env::var(variable).ok(), std::process::id())
}

/// What the sockets are for whose names stand in `LISTEN_FDNAMES`, also if none are passed: to check options that will be
/// used with them.
///
/// # Errors
/// If a name is not known.
pub fn announced() -> Result<Vec<SocketUse>, String> {
    env::var("LISTEN_FDNAMES").map_or(Ok(Vec::new()), |names| parse_names(&names))
}

/// Sockets that are meant for another process are none: a parent's variables are inherited.
fn uses(variable: impl Fn(&str) -> Option<String>, own_pid: u32) -> Result<Vec<SocketUse>, String> {
    let is_own = variable("LISTEN_PID").and_then(|pid| pid.parse().ok()) == Some(own_pid);
    let Some(count) = variable("LISTEN_FDS").filter(|_| is_own) else { return Ok(Vec::new()) };
    let count: usize = count.parse().map_err(|_| format!("LISTEN_FDS is {count:?}, which is no number of sockets"))?;
    if count > MAX_SOCKETS {
        return Err(format!(
            "LISTEN_FDS: the service manager passes {count} sockets; at most {MAX_SOCKETS} are possible"
        ));
    }
    let uses = parse_names(&variable("LISTEN_FDNAMES").unwrap_or_default())?;
    match uses.len() == count {
        true => Ok(uses),
        false => Err(format!(
            "the service manager passes {count} sockets (LISTEN_FDS) with {} names (LISTEN_FDNAMES); each needs a name: {}",
            uses.len(),
            names()
        )),
    }
}

fn parse_names(names: &str) -> Result<Vec<SocketUse>, String> {
    match names {
        "" => Ok(Vec::new()),
        names => names.split(':').map(SocketUse::from_name).collect(),
    }
}

/// A listening socket that the service manager has opened.
#[derive(Debug)]
pub struct Activated {
    pub kind: ListenerKind,
    pub addr: ListenAddr,
    pub socket: OpenSocket,
}

/// A socket that listens already.
#[derive(Debug)]
pub enum OpenSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Takes over the sockets that [`passed`] has told of. This works once.
///
/// # Errors
/// If one of them is no listening stream socket of TCP or Unix.
pub fn take(uses: &[SocketUse]) -> Result<Vec<Activated>, Error> {
    if uses.is_empty() {
        return Ok(Vec::new());
    }
    let mut sockets = ListenFd::from_env();
    let take = |(number, socket): (usize, &SocketUse)| {
        let activated = take_one(&mut sockets, number, *socket);
        activated.map_err(|why| Error::Activation { descriptor: FIRST + number, name: socket.name(), why })
    };
    uses.iter().enumerate().map(take).collect()
}

fn take_one(sockets: &mut ListenFd, number: usize, usage: SocketUse) -> Result<Activated, String> {
    let socket = match sockets.take_tcp_listener(number) {
        Ok(socket) => socket.map(OpenSocket::Tcp),
        Err(_) => match sockets.take_unix_listener(number) {
            Ok(socket) => socket.map(OpenSocket::Unix),
            Err(_) => return Err(why_not_stream(sockets, number)),
        },
    };
    let socket = socket.ok_or("it is not there")?;
    let (is_listening, place) = match &socket {
        OpenSocket::Tcp(socket) => (is_listening(socket), socket.local_addr().map(ListenPlace::Tcp)),
        OpenSocket::Unix(socket) => (is_listening(socket), unix_path(socket).map(ListenPlace::Unix)),
    };
    if !is_listening {
        return Err("it does not listen; set Accept=no in its .socket unit".into());
    }
    if usage.tls && matches!(socket, OpenSocket::Unix(_)) {
        let plain = SocketUse { tls: false, ..usage }.name();
        return Err(format!("it is a Unix socket, which has no TLS; give it the name {plain}"));
    }
    let place = place.map_err(|error| error.to_string())?;
    Ok(Activated { kind: usage.kind, addr: ListenAddr { place, tls: usage.tls }, socket })
}

/// Says why a descriptor is no stream socket.
fn why_not_stream(sockets: &mut ListenFd, number: usize) -> String {
    let is_datagram = sockets.take_udp_socket(number).is_ok() || sockets.take_unix_datagram(number).is_ok();
    match is_datagram {
        true => "it is a datagram socket; write ListenStream= in its .socket unit".into(),
        false => "it is no stream socket of TCP or Unix; write ListenStream= and an address in its .socket unit".into(),
    }
}

fn is_listening(socket: &impl AsFd) -> bool {
    SockRef::from(socket).is_listener().is_ok_and(|is_listening| is_listening)
}

/// The path of a Unix socket; an abstract one has `@` before its name, as systemd.socket(5) writes it.
fn unix_path(socket: &UnixListener) -> io::Result<PathBuf> {
    let addr = socket.local_addr()?;
    let name = addr.as_abstract_name().map(|name| [b"@", name].concat());
    let path = addr.as_pathname().map(PathBuf::from);
    Ok(path.unwrap_or_else(|| std::ffi::OsString::from_vec(name.unwrap_or_default()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 77;

    fn with(fds: &str, pid: &str, names: Option<&str>) -> Result<Vec<SocketUse>, String> {
        let variable = |name: &str| match name {
            "LISTEN_FDS" => Some(fds.to_owned()),
            "LISTEN_PID" => Some(pid.to_owned()),
            "LISTEN_FDNAMES" => names.map(str::to_owned),
            other => panic!("{other}"),
        };
        uses(variable, PID)
    }

    #[test]
    fn names_say_what_sockets_are_for() {
        let all = SocketUse::ALL.map(SocketUse::name).join(":");
        assert_eq!(with("8", "77", Some(&all)).unwrap(), SocketUse::ALL);
        let twice = with("2", "77", Some("web:web")).unwrap();
        assert_eq!(twice, [SocketUse { kind: ListenerKind::Web, tls: false }; 2]);
    }

    #[test]
    fn sockets_of_other_processes_are_none() {
        for (fds, pid) in [("1", "78"), ("1", ""), ("x", "-77"), ("0", "77")] {
            assert_eq!(with(fds, pid, None), Ok(Vec::new()), "{fds} {pid}");
        }
        assert_eq!(uses(|_| None, PID), Ok(Vec::new()));
    }

    #[test]
    fn unknown_names_are_refused_with_those_that_are_known() {
        let error = with("2", "77", Some("web:chinwag.socket")).unwrap_err();
        assert!(error.contains("with the name \"chinwag.socket\", which does not say what it is for; set "), "{error}");
        assert!(error.ends_with("to listen, listen-tls, irc, irc-tls, web, web-tls, admin or admin-tls"), "{error}");
        let error = with("1", "77", Some("connection")).unwrap_err();
        assert!(error.ends_with("set Accept=no in the .socket unit"), "{error}");
        for names in ["", "Web", "web "] {
            assert!(with("2", "77", Some(&format!("web:{names}"))).is_err(), "{names:?}");
        }
    }

    #[test]
    fn number_of_sockets_is_that_of_names_and_bounded() {
        for (fds, names, error) in [
            ("x", None, "LISTEN_FDS is \"x\", which is no number of sockets"),
            ("-1", None, "LISTEN_FDS is \"-1\", which is no number of sockets"),
            ("1001", Some("web"), "passes 1001 sockets; at most 1000 are possible"),
            ("2", None, "passes 2 sockets (LISTEN_FDS) with 0 names (LISTEN_FDNAMES); each needs a name: listen, "),
            ("1", Some("web:irc"), "passes 1 sockets (LISTEN_FDS) with 2 names (LISTEN_FDNAMES); "),
        ] {
            let why = with(fds, "77", names).unwrap_err();
            assert!(why.contains(error), "{why}");
        }
    }
}
