//! Makes the listening sockets: TCP, TLS on TCP, and Unix sockets; takes over those of the service manager.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use mio::net::TcpListener;
use serde::{Deserialize, Serialize};

use super::Error;
use super::connection::transport::{ListenerKind, ServerListener, SocketFile, TlsServer, UnixServer};
use super::engine::accept;
use super::limits::Limits;
use super::listen_addr::{ListenAddr, ListenPlace};
use super::service::activation::{Activated, OpenSocket};

/// How the sockets of a server listen.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions<'a> {
    pub limits: &'a Limits,
    /// The mode of the files of Unix sockets, see chmod(2).
    pub unix_mode: u32,
    /// Whether other servers can listen on the same ports; not on those of the operator's programs, who ask one server.
    pub reuse_port: bool,
    /// What TLS connections share; `None` if there are none.
    pub tls: Option<&'a Rc<TlsServer>>,
}

impl ListenOptions<'_> {
    fn is_shared(&self, kind: ListenerKind) -> bool {
        self.reuse_port && kind != ListenerKind::Admin
    }
}

/// A listener, as it is described.
#[derive(Clone, Debug)]
pub struct Listening {
    pub kind: ListenerKind,
    /// Its address, with the real port.
    pub addr: ListenAddr,
    /// Its address as the options have it.
    pub asked: ListenPlace,
    /// Whether the service manager has opened it.
    pub is_activated: bool,
}

/// A listening socket as it is handed over to a successor.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListenerEntry {
    pub kind: ListenerKind,
    /// Its address, with the real port.
    pub addr: ListenAddr,
    /// Its address as the options had it.
    pub asked: ListenPlace,
    /// Whether the service manager has opened it.
    pub is_activated: bool,
    /// The file of a Unix socket, if the server has made it.
    pub file: Option<SocketFile>,
}

/// A listening socket that a successor has received.
#[derive(Debug)]
pub struct PassedListener {
    pub entry: ListenerEntry,
    pub socket: OwnedFd,
}

/// Makes the socket that listens on an address, for connections of this kind.
///
/// # Errors
/// If the address cannot be listened on.
pub fn listen(addr: &ListenAddr, kind: ListenerKind, options: ListenOptions) -> Result<ServerListener, Error> {
    let ListenOptions { limits, unix_mode, tls, .. } = options;
    let listener = match &addr.place {
        ListenPlace::Unix(path) => UnixServer::listen(path, unix_mode, accept::BACKLOG).map(ServerListener::Unix),
        ListenPlace::Tcp(place) => {
            let socket = accept::listen(*place, limits, options.is_shared(kind));
            socket.map(|socket| tcp(socket, kind, tls.filter(|_| addr.tls)))
        }
    };
    let listener = listener.map_err(|error| Error::Listen {
        advice: advice(&addr.place, kind, &error),
        place: addr.place.clone(),
        error,
    })?;
    if let ServerListener::Unix(server) = &listener {
        server.set_send_buffer(limits.send_buffer);
    }
    Ok(listener)
}

/// Takes over a socket that the service manager has opened.
///
/// # Errors
/// If the kernel refuses its options.
pub fn adopt(Activated { kind, addr, socket }: Activated, options: ListenOptions) -> Result<ServerListener, Error> {
    let ListenOptions { limits, tls, .. } = options;
    let listener = match socket {
        OpenSocket::Unix(socket) => UnixServer::adopt(socket).map(|server| {
            server.set_send_buffer(limits.send_buffer);
            ServerListener::Unix(server)
        }),
        OpenSocket::Tcp(socket) => {
            let socket = accept::adopt(socket, limits, options.is_shared(kind));
            socket.map(|socket| tcp(socket, kind, tls.filter(|_| addr.tls)))
        }
    };
    listener.map_err(|error| Error::Listen { place: addr.place, error, advice: "" })
}

/// Takes over a socket of the predecessor, for connections of this kind, with TLS if `has_tls`.
///
/// # Errors
/// If the kernel refuses its options.
pub fn take_over(
    passed: PassedListener,
    kind: ListenerKind,
    has_tls: bool,
    options: ListenOptions,
) -> Result<ServerListener, Error> {
    let PassedListener { entry, socket } = passed;
    let ListenOptions { limits, tls, .. } = options;
    let listener = match entry.addr.place {
        ListenPlace::Unix(_) => UnixServer::take_over(socket.into(), entry.file).map(|server| {
            server.set_send_buffer(limits.send_buffer);
            ServerListener::Unix(server)
        }),
        ListenPlace::Tcp(_) => {
            let socket = accept::adopt(socket.into(), limits, options.is_shared(kind));
            socket.map(|socket| tcp(socket, kind, tls.filter(|_| has_tls)))
        }
    };
    listener.map_err(|error| Error::Listen { place: entry.addr.place, error, advice: "" })
}

/// What to do if an address cannot be listened on, after a semicolon.
fn advice(place: &ListenPlace, kind: ListenerKind, error: &io::Error) -> &'static str {
    match place {
        ListenPlace::Tcp(_) if error.kind() == io::ErrorKind::AddrInUse => match kind {
            ListenerKind::Admin => "; choose another port, since that of --admin is never shared",
            _ => "; choose another port, or give --reuse-port to each server that shares this one",
        },
        _ => "",
    }
}

/// A listening TCP socket, with TLS if there is any.
fn tcp(socket: TcpListener, kind: ListenerKind, tls: Option<&Rc<TlsServer>>) -> ServerListener {
    match tls {
        None => ServerListener::Tcp(socket),
        Some(tls) => ServerListener::Tls(socket, tls.clone(), kind),
    }
}

/// Sets the options of a listener for the connections that are accepted later. A Unix socket has no keepalive, since its
/// peer cannot vanish.
///
/// # Errors
/// If the kernel refuses.
pub fn set_options(listener: &ServerListener, limits: &Limits) -> io::Result<()> {
    match listener {
        ServerListener::Unix(server) => {
            server.set_send_buffer(limits.send_buffer);
            Ok(())
        }
        listener => accept::set_options(listener, limits),
    }
}

/// The address of a listener as clients write it.
pub fn address(kind: ListenerKind, addr: &ListenAddr) -> String {
    let ListenAddr { place, tls } = addr;
    match (kind, place) {
        (_, ListenPlace::Unix(_)) => place.to_string(),
        (ListenerKind::Plain, _) if *tls => format!("tls://{place}"),
        (ListenerKind::Plain, _) => place.to_string(),
        (ListenerKind::Irc, _) => format!("{}://{place}", if *tls { "ircs" } else { "irc" }),
        (ListenerKind::Web | ListenerKind::Admin, _) if *tls => format!("https://{place}"),
        (ListenerKind::Web | ListenerKind::Admin, _) => format!("http://{place}"),
    }
}

/// What the log says of a listener; its address has the real port.
pub fn describe(kind: ListenerKind, addr: &ListenAddr) -> String {
    let address = address(kind, addr);
    match (kind, &addr.place) {
        (ListenerKind::Web, ListenPlace::Unix(_)) => format!("listening for HTTP on {address}"),
        (ListenerKind::Irc, ListenPlace::Unix(_)) => format!("listening for IRC on {address}"),
        (ListenerKind::Plain | ListenerKind::Irc | ListenerKind::Web, _) => format!("listening on {address}"),
        (ListenerKind::Admin, ListenPlace::Unix(_)) => format!("metrics over HTTP on {address}"),
        (ListenerKind::Admin, _) => format!("metrics on {address}/metrics"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn log_names_listeners_as_clients_write_them() {
        let tcp: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let described = |kind, tls| describe(kind, &ListenAddr { tls, ..tcp.into() });
        let unix = |kind| describe(kind, &ListenAddr { place: ListenPlace::Unix("/run/x".into()), tls: false });
        assert_eq!(described(ListenerKind::Plain, true), "listening on tls://127.0.0.1:80");
        assert_eq!(described(ListenerKind::Plain, false), "listening on 127.0.0.1:80");
        assert_eq!(described(ListenerKind::Web, true), "listening on https://127.0.0.1:80");
        assert_eq!(described(ListenerKind::Admin, false), "metrics on http://127.0.0.1:80/metrics");
        assert_eq!(unix(ListenerKind::Plain), "listening on unix:/run/x");
        assert_eq!(unix(ListenerKind::Web), "listening for HTTP on unix:/run/x");
        assert_eq!(unix(ListenerKind::Admin), "metrics over HTTP on unix:/run/x");
    }
}
