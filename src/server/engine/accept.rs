//! Listening sockets, and accepting connections when file descriptors run out.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use log::{debug, warn};
use mio::net::TcpListener;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::server::connection::transport::{self, ListenerKind};
use crate::server::limits::Limits;

/// Connections that wait in the kernel's queue at most; the kernel cuts this to net.core.somaxconn.
pub const BACKLOG: i32 = 65_535;

/// Delay before the next try when nothing can be accepted; no event comes when descriptors are free again.
const RETRY: Duration = Duration::from_millis(200);

/// Makes a listening socket whose connections have TCP_NODELAY, keepalive and the send buffer set.
///
/// Linux hands the options of a listener down to what it accepts (`sk_clone_lock`), which saves
/// six system calls for each connection. If the port is shared, other processes of this user can listen on it, too, and each
/// connection goes to one of them (SO_REUSEPORT, socket(7)).
pub fn listen(addr: SocketAddr, limits: &Limits, is_shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        // So that 0.0.0.0 and [::] can both be listened on, whatever the system's default is.
        socket.set_only_v6(true)?;
    }
    prepare(&socket, limits, is_shared)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Takes over a socket that listens already, and sets the options of [`listen`].
pub fn adopt(socket: net::TcpListener, limits: &Limits, is_shared: bool) -> io::Result<TcpListener> {
    prepare(&SockRef::from(&socket), limits, is_shared)?;
    Ok(TcpListener::from_std(socket))
}

fn prepare(socket: &Socket, limits: &Limits, is_shared: bool) -> io::Result<()> {
    if is_shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_tcp_nodelay(true)?;
    set_options(socket, limits)?;
    socket.set_nonblocking(true)
}

/// Sets the options of a listener for the connections that are accepted later.
pub fn set_options(listener: &impl AsFd, limits: &Limits) -> io::Result<()> {
    let socket = SockRef::from(listener);
    if limits.send_buffer > 0 {
        // Without a bound the kernel grows it to megabytes for a client that does not read: tcp(7), tcp_wmem.
        socket.set_send_buffer_size(limits.send_buffer)?;
    }
    if limits.keepalive.is_zero() {
        return socket.set_keepalive(false);
    }
    let keepalive =
        TcpKeepalive::new().with_time(limits.keepalive).with_interval(Duration::from_secs(15)).with_retries(4);
    socket.set_tcp_keepalive(&keepalive)
}

struct Listener<L> {
    kind: ListenerKind,
    socket: L,
    /// The number in its events.
    number: usize,
    /// Connections may wait to be accepted.
    ready: bool,
}

/// All listeners.
pub struct Acceptor<L> {
    listeners: Vec<Listener<L>>,
    state: AcceptorState,
    /// Connections wait in the kernel's queue for a while.
    is_paused: bool,
}

/// The state of an acceptor besides its sockets.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AcceptorState {
    /// The listener that is tried first.
    first: usize,
    /// The time of the next try, while descriptors or memory are out.
    retry: Option<Duration>,
    /// The shortage has been logged, and connections may still wait since then.
    shortage_logged: bool,
}

impl<L: transport::Listener> Acceptor<L> {
    /// Takes over listening sockets.
    pub fn new(sockets: Vec<(ListenerKind, L)>) -> Self {
        // A connection that came before the poll was set up raises an event on registering.
        let listener = |(number, (kind, socket))| Listener { kind, socket, number, ready: false };
        let listeners = sockets.into_iter().enumerate().map(listener).collect();
        Acceptor { listeners, state: AcceptorState::default(), is_paused: false }
    }

    /// The state besides the sockets, to be written.
    pub fn state(&self) -> &AcceptorState {
        &self.state
    }

    /// Gives the state and the sockets, in the order of their numbers.
    pub fn into_state(self) -> (AcceptorState, Vec<(ListenerKind, L)>) {
        (self.state, self.listeners.into_iter().map(|listener| (listener.kind, listener.socket)).collect())
    }

    /// Takes back what [`Acceptor::into_state`] gave; connections may wait already, so that all listeners are ready.
    pub fn from_state(state: AcceptorState, sockets: Vec<(ListenerKind, L)>) -> Self {
        let mut acceptor = Acceptor { state, ..Acceptor::new(sockets) };
        acceptor.listeners.iter_mut().for_each(|listener| listener.ready = true);
        acceptor
    }

    /// Closes all listeners except the admin listeners.
    pub fn close_to_people(&mut self) {
        self.listeners.retain(|listener| listener.kind == ListenerKind::Admin);
        self.state.first = 0;
    }

    /// The sockets, in the order of their numbers.
    pub fn sockets(&self) -> impl Iterator<Item = (ListenerKind, &L)> {
        self.listeners.iter().map(|listener| (listener.kind, &listener.socket))
    }

    /// Records an event of the listener with this number.
    pub fn notify(&mut self, number: usize) {
        if let Some(listener) = self.listeners.iter_mut().find(|listener| listener.number == number) {
            listener.ready = true;
        }
    }

    /// Whether [`Acceptor::accept`] may return a connection at `now`.
    pub fn is_ready(&self, now: Duration) -> bool {
        !self.is_paused
            && self.state.retry.is_none_or(|retry| retry <= now)
            && self.listeners.iter().any(|listener| listener.ready)
    }

    /// Sets whether connections are accepted; meanwhile they wait in the kernel's queue.
    pub fn set_accepting(&mut self, accepts: bool) {
        self.is_paused = !accepts;
    }

    /// The time of the next try after a shortage.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.state.retry.filter(|_| !self.is_paused && self.listeners.iter().any(|listener| listener.ready))
    }

    /// A descriptor has been freed: the next try need not wait.
    pub fn fd_freed(&mut self) {
        self.state.retry = None;
    }

    /// Accepts a connection; `None` when none waits or none can be accepted now.
    pub fn accept(&mut self, now: Duration) -> Option<(L::Transport, SocketAddr, ListenerKind)> {
        if !self.is_ready(now) {
            return None;
        }
        let count = self.listeners.len();
        for number in (self.state.first..self.state.first + count).map(|number| number % count) {
            let listener = &mut self.listeners[number];
            if !listener.ready {
                continue;
            }
            // A connection that broke while it waited is an error of its own; up to 64 in a row are
            // skipped here, more of them in the next turn.
            for _ in 0..64 {
                match listener.socket.accept() {
                    Ok((stream, addr)) => {
                        self.state.retry = None;
                        // A busy listener does not keep the others from their turn.
                        self.state.first = (number + 1) % count;
                        return Some((stream, addr, listener.kind));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        listener.ready = false;
                        self.state.retry = None;
                        break;
                    }
                    // Without a free descriptor accept(2) reports the shortage before it reports that no connection waits.
                    Err(error) if is_out_of_resources(&error) && !listener.socket.has_waiting() => {
                        listener.ready = false;
                        self.state.retry = None;
                        break;
                    }
                    Err(error) if is_out_of_resources(&error) => {
                        self.state.retry = Some(now + RETRY);
                        self.log_shortage(&format!("cannot accept connections: {error}"));
                        return None;
                    }
                    Err(error) => debug!("a connection broke before it was accepted: {error}"),
                }
            }
        }
        // No connection waits any more.
        self.state.shortage_logged &= self.listeners.iter().any(|listener| listener.ready);
        None
    }

    /// No more connections may be open, for the reason `why`: logs it if connections wait.
    pub fn report_full(&mut self, why: &str) {
        for listener in self.listeners.iter_mut().filter(|listener| listener.ready) {
            // An event comes with the next connection.
            listener.ready = listener.socket.has_waiting();
        }
        if self.listeners.iter().any(|listener| listener.ready) {
            self.log_shortage(why);
        }
    }

    /// Logs a shortage once; again only after a time in which no connection waited.
    fn log_shortage(&mut self, why: &str) {
        if !std::mem::replace(&mut self.state.shortage_logged, true) {
            warn!("{why}; newcomers wait in the kernel's queue");
        }
    }

    /// Whether the current shortage has been logged.
    pub fn has_logged_shortage(&self) -> bool {
        self.state.shortage_logged
    }
}

fn is_out_of_resources(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].map(Some).contains(&errno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::connection::transport::{ClientStream, ServerListener};

    const LIMITS: Limits =
        Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::from_secs(77), send_buffer: 50_000 };

    fn pair() -> (std::net::TcpStream, mio::net::TcpStream) {
        let listener = listen("127.0.0.1:0".parse().unwrap(), &LIMITS, false).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut acceptor = Acceptor::new(vec![(ListenerKind::Plain, ServerListener::Tcp(listener))]);
        acceptor.notify(0);
        let Some((ClientStream::Tcp(accepted), ..)) = acceptor.accept(Duration::ZERO) else { panic!("no connection") };
        assert!(acceptor.accept(Duration::ZERO).is_none() && !acceptor.is_ready(Duration::ZERO));
        (client, accepted)
    }

    #[test]
    fn accepted_connection_inherits_listener_options() {
        let (_client, accepted) = pair();
        let socket = socket2::SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap());
        // Linux doubles it, for its own bookkeeping: socket(7).
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * LIMITS.send_buffer);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), LIMITS.keepalive);
    }

    #[test]
    fn later_connections_have_the_options_that_a_listener_was_given_last() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), &LIMITS, false).unwrap();
        let off = Limits { keepalive: Duration::ZERO, send_buffer: 30_000, ..LIMITS };
        for limits in [off, LIMITS] {
            set_options(&listener, &limits).unwrap();
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            let socket = SockRef::from(&accepted);
            assert_eq!(socket.send_buffer_size().unwrap(), 2 * limits.send_buffer);
            assert_eq!(socket.keepalive().unwrap(), !limits.keepalive.is_zero());
        }
    }

    #[test]
    fn ipv4_and_ipv6_wildcards_share_a_port() {
        let v6 = listen("[::]:0".parse().unwrap(), &LIMITS, false).unwrap();
        let port = v6.local_addr().unwrap().port();
        listen(SocketAddr::from(([0, 0, 0, 0], port)), &LIMITS, false).unwrap();
    }

    #[test]
    fn port_is_shared_only_if_all_its_listeners_share_it() {
        for (first, second) in [(false, false), (false, true), (true, false)] {
            let first = listen("127.0.0.1:0".parse().unwrap(), &LIMITS, first).unwrap();
            let error = listen(first.local_addr().unwrap(), &LIMITS, second).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
        let first = listen("127.0.0.1:0".parse().unwrap(), &LIMITS, true).unwrap();
        let addr = first.local_addr().unwrap();
        assert_eq!(listen(addr, &LIMITS, true).unwrap().local_addr().unwrap(), addr);
    }
}
