//! Listening sockets, and what happens when there are no file descriptors left.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use log::{debug, warn};
use mio::net::TcpListener;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::server::Limits;
use crate::server::connection::transport;

/// Connections that the kernel may hold for us; it cuts this to net.core.somaxconn.
const BACKLOG: i32 = 65_535;

/// How soon to try again when nothing can be accepted; no event comes when it can.
const RETRY: Duration = Duration::from_millis(200);

/// Makes a listening socket whose connections have TCP_NODELAY, keepalive and the send buffer set.
///
/// Linux hands the options of a listener down to what it accepts (`sk_clone_lock`), which saves
/// six system calls for each connection.
pub fn listen(addr: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        // So that 0.0.0.0 and [::] can both be listened on, whatever the system's default is.
        socket.set_only_v6(true)?;
    }
    socket.set_tcp_nodelay(true)?;
    if limits.send_buffer > 0 {
        // The kernel lets it grow to megabytes for one who does not read: tcp(7), tcp_wmem.
        socket.set_send_buffer_size(limits.send_buffer)?;
    }
    if !limits.keepalive.is_zero() {
        let keepalive =
            TcpKeepalive::new().with_time(limits.keepalive).with_interval(Duration::from_secs(15)).with_retries(4);
        socket.set_tcp_keepalive(&keepalive)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// What is spoken with those who come to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lines.
    Plain,
    /// HTTP, for people.
    Web,
    /// HTTP, for the operator's programs.
    Admin,
}

struct Listener<L> {
    kind: Kind,
    socket: L,
    /// The number under which it is told of.
    number: usize,
    /// There may be connections to be accepted.
    ready: bool,
}

/// All listeners.
pub struct Acceptor<L> {
    listeners: Vec<Listener<L>>,
    /// The one that has the first turn.
    first: usize,
    /// Set while descriptors or memory are out: when to try again.
    retry: Option<Duration>,
    /// It has been logged that newcomers wait, and since then not all of them have been accepted.
    told_short: bool,
}

impl<L: transport::Listener> Acceptor<L> {
    /// Takes over listening sockets.
    pub fn new(sockets: Vec<(Kind, L)>) -> Self {
        // What came before the poll was set up raises an event on registering; no need to guess.
        let listener = |(number, (kind, socket))| Listener { kind, socket, number, ready: false };
        let listeners = sockets.into_iter().enumerate().map(listener).collect();
        Acceptor { listeners, first: 0, retry: None, told_short: false }
    }

    /// Gives up all listeners but those for the operator's programs.
    pub fn close_to_people(&mut self) {
        self.listeners.retain(|listener| listener.kind == Kind::Admin);
        self.first = 0;
    }

    /// The sockets, in the order of their numbers.
    pub fn sockets(&self) -> impl Iterator<Item = (Kind, &L)> {
        self.listeners.iter().map(|listener| (listener.kind, &listener.socket))
    }

    /// The listener of that number has an event.
    pub fn notify(&mut self, number: usize) {
        if let Some(listener) = self.listeners.iter_mut().find(|listener| listener.number == number) {
            listener.ready = true;
        }
    }

    /// Whether [`Acceptor::accept`] may bring something at `now`.
    pub fn is_ready(&self, now: Duration) -> bool {
        self.retry.is_none_or(|retry| retry <= now) && self.listeners.iter().any(|listener| listener.ready)
    }

    /// When to try again, if nothing could be accepted.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.retry.filter(|_| self.listeners.iter().any(|listener| listener.ready))
    }

    /// A descriptor has been freed: no need to wait for the time to try again.
    pub fn fd_freed(&mut self) {
        self.retry = None;
    }

    /// Takes a connection; `None` when there is none for now.
    pub fn accept(&mut self, now: Duration) -> Option<(L::Stream, SocketAddr, Kind)> {
        if !self.is_ready(now) {
            return None;
        }
        let count = self.listeners.len();
        for number in (self.first..self.first + count).map(|number| number % count) {
            let listener = &mut self.listeners[number];
            if !listener.ready {
                continue;
            }
            // A connection that broke while it waited is an error of its own; a few in a row are
            // passed over here, more of them in the next turn.
            for _ in 0..64 {
                match listener.socket.accept() {
                    Ok((stream, addr)) => {
                        self.retry = None;
                        // However many come to one, the others have their turn.
                        self.first = (number + 1) % count;
                        return Some((stream, addr, listener.kind));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        listener.ready = false;
                        self.retry = None;
                        break;
                    }
                    // Without a descriptor to spare it says so before it says that there is no connection.
                    Err(error) if is_out_of_resources(&error) && !listener.socket.has_waiting() => {
                        listener.ready = false;
                        self.retry = None;
                        break;
                    }
                    Err(error) if is_out_of_resources(&error) => {
                        self.retry = Some(now + RETRY);
                        self.tell_short(&format!("cannot accept connections: {error}"));
                        return None;
                    }
                    Err(error) => debug!("a connection broke before it was accepted: {error}"),
                }
            }
        }
        // Nobody waits any more.
        self.told_short &= self.listeners.iter().any(|listener| listener.ready);
        None
    }

    /// No more connections may be open, as `why` says: logs that newcomers wait, if any do.
    pub fn refrain(&mut self, why: &str) {
        for listener in self.listeners.iter_mut().filter(|listener| listener.ready) {
            // An event comes when there is one.
            listener.ready = listener.socket.has_waiting();
        }
        if self.listeners.iter().any(|listener| listener.ready) {
            self.tell_short(why);
        }
    }

    /// Logs once that newcomers wait; again when there was a time in which none did.
    fn tell_short(&mut self, why: &str) {
        if !std::mem::replace(&mut self.told_short, true) {
            warn!("{why}; newcomers wait in the kernel's queue");
        }
    }

    /// Whether it has been logged that newcomers wait, and some still may.
    pub fn told_short(&self) -> bool {
        self.told_short
    }
}

fn is_out_of_resources(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].map(Some).contains(&errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_line: 4096,
        eol_timeout: Duration::ZERO,
        keepalive: Duration::from_secs(77),
        send_buffer: 50_000,
        farewell_timeout: Duration::from_secs(10),
    };

    fn pair() -> (std::net::TcpStream, mio::net::TcpStream) {
        let listener = listen("127.0.0.1:0".parse().unwrap(), &LIMITS).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut acceptor = Acceptor::new(vec![(Kind::Plain, listener)]);
        acceptor.notify(0);
        let (accepted, ..) = acceptor.accept(Duration::ZERO).unwrap();
        assert!(acceptor.accept(Duration::ZERO).is_none() && !acceptor.is_ready(Duration::ZERO));
        (client, accepted)
    }

    #[test]
    fn what_is_accepted_has_the_options_of_the_listener() {
        let (_client, accepted) = pair();
        let socket = socket2::SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap());
        // Linux doubles it, for its own bookkeeping: socket(7).
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * LIMITS.send_buffer);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), LIMITS.keepalive);
    }

    #[test]
    fn both_families_can_listen_on_all_addresses() {
        let v6 = listen("[::]:0".parse().unwrap(), &LIMITS).unwrap();
        let port = v6.local_addr().unwrap().port();
        listen(SocketAddr::from(([0, 0, 0, 0], port)), &LIMITS).unwrap();
    }

    #[test]
    fn an_address_in_use_is_an_error() {
        let first = listen("127.0.0.1:0".parse().unwrap(), &LIMITS).unwrap();
        let error = listen(first.local_addr().unwrap(), &LIMITS).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
