//! The sockets of the kernel: TCP, Unix, and TLS on TCP in this process or in a relay.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;
use rustix::net::RecvFlags;
use serde::{Deserialize, Serialize};

use super::ListenerKind;
use super::tls::TlsStream;
use super::tls_server::TlsServer;
use super::unix::{SocketFile, UnixServer};
use super::{Listener, Transport};
use crate::util::stdio;

/// First token of connections; the tokens below are for listeners and the server's own sources.
pub const CONNECTIONS: usize = 1024;

/// A listening socket.
pub enum ServerListener {
    Tcp(TcpListener),
    /// TCP, with TLS on each connection.
    Tls(TcpListener, Rc<TlsServer>, ListenerKind),
    /// A Unix socket.
    Unix(UnixServer),
}

impl ServerListener {
    /// Its address, with the real port; `None` for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            ServerListener::Tcp(socket) | ServerListener::Tls(socket, ..) => socket.local_addr().ok(),
            ServerListener::Unix(_) => None,
        }
    }

    /// The file of a Unix socket, if the server has made it.
    pub fn file(&self) -> Option<&SocketFile> {
        match self {
            ServerListener::Unix(server) => server.file(),
            _ => None,
        }
    }

    /// Sets whether the file of a Unix socket is removed when it is closed here.
    pub fn set_owns_file(&self, owns: bool) {
        if let ServerListener::Unix(server) = self {
            server.set_owns_file(owns);
        }
    }

    /// The source of its events.
    pub fn source(&mut self) -> &mut dyn Source {
        match self {
            ServerListener::Tcp(socket) | ServerListener::Tls(socket, ..) => socket,
            ServerListener::Unix(server) => server.socket_mut(),
        }
    }
}

impl AsFd for ServerListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            ServerListener::Tcp(socket) | ServerListener::Tls(socket, ..) => socket.as_fd(),
            ServerListener::Unix(server) => server.as_fd(),
        }
    }
}

impl Listener for ServerListener {
    type Transport = ClientStream;

    fn accept(&self) -> io::Result<(ClientStream, SocketAddr)> {
        match self {
            ServerListener::Tcp(socket) => {
                socket.accept().map(|(stream, addr)| (ClientStream::Tcp(stream), canonical(addr)))
            }
            ServerListener::Tls(socket, server, kind) => socket.accept().map(|(stream, addr)| {
                (ClientStream::Tls(Box::new(TlsStream::new(stream, server, *kind))), canonical(addr))
            }),
            ServerListener::Unix(server) => server.accept().map(|(stream, addr)| (ClientStream::Unix(stream), addr)),
        }
    }

    fn has_waiting(&self) -> bool {
        stdio::is_ready(self.as_fd(), PollFlags::IN, Duration::ZERO)
    }
}

/// An IPv4 address if it is one: a socket for both versions of IP, which systemd makes, has `::ffff:192.0.2.1` for it.
fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, addr.port()),
        IpAddr::V6(_) => addr,
    }
}

/// The connection of a client.
pub enum ClientStream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A Unix socket to the relay that has the TLS of this connection, see [`crate::server::relay`].
    Relayed(UnixStream),
}

/// What a stream is whose state is all in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamKind {
    Tcp,
    Unix,
    Relayed,
}

impl ClientStream {
    /// What it is, if another process can go on with it.
    pub fn kind(&self) -> Option<StreamKind> {
        match self {
            ClientStream::Tcp(_) => Some(StreamKind::Tcp),
            ClientStream::Unix(_) => Some(StreamKind::Unix),
            ClientStream::Relayed(_) => Some(StreamKind::Relayed),
            ClientStream::Tls(_) => None,
        }
    }

    /// The stream of a socket that another process has handed over. It is non-blocking already.
    pub fn from_fd(kind: StreamKind, socket: OwnedFd) -> Self {
        match kind {
            StreamKind::Tcp => ClientStream::Tcp(TcpStream::from_std(socket.into())),
            StreamKind::Unix => ClientStream::Unix(UnixStream::from_std(socket.into())),
            StreamKind::Relayed => ClientStream::Relayed(UnixStream::from_std(socket.into())),
        }
    }

    /// The source of its events.
    pub fn source(&mut self) -> &mut dyn Source {
        match self {
            ClientStream::Tcp(stream) => stream,
            ClientStream::Unix(stream) | ClientStream::Relayed(stream) => stream,
            ClientStream::Tls(stream) => stream.socket_mut(),
        }
    }
}

impl AsFd for ClientStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            ClientStream::Tcp(stream) => stream.as_fd(),
            ClientStream::Unix(stream) | ClientStream::Relayed(stream) => stream.as_fd(),
            ClientStream::Tls(stream) => stream.socket().as_fd(),
        }
    }
}

impl Read for ClientStream {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        match self {
            ClientStream::Tcp(stream) => stream.read(block),
            ClientStream::Unix(stream) => stream.read(block),
            ClientStream::Tls(stream) => stream.read(block),
            ClientStream::Relayed(stream) => match stream.read(block) {
                // A relay shuts its side down at an end that the client has announced, and closes it if the connection is lost.
                Ok(0) if stdio::is_ready(stream.as_fd(), PollFlags::empty(), Duration::ZERO) => {
                    Err(io::ErrorKind::UnexpectedEof.into())
                }
                result => result,
            },
        }
    }
}

impl Write for ClientStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            ClientStream::Tcp(stream) => stream.write(bytes),
            ClientStream::Unix(stream) | ClientStream::Relayed(stream) => stream.write(bytes),
            ClientStream::Tls(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        match self {
            ClientStream::Tcp(stream) => stream.write_vectored(slices),
            ClientStream::Unix(stream) | ClientStream::Relayed(stream) => stream.write_vectored(slices),
            ClientStream::Tls(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            ClientStream::Tls(stream) => stream.flush(),
            _ => Ok(()),
        }
    }
}

impl Transport for ClientStream {
    type Poll = Registry;

    fn watch(&mut self, registry: &Registry, slot: usize) -> io::Result<()> {
        let interests = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        registry.register(self.source(), Token(CONNECTIONS + slot), interests)
    }

    fn is_encrypted(&self) -> bool {
        !matches!(self, ClientStream::Tcp(_))
    }

    fn can_move(&self) -> bool {
        self.kind().is_some()
    }

    fn peek(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let (length, _) = rustix::net::recv(self.as_fd(), block, RecvFlags::PEEK)?;
        Ok(length)
    }

    fn take_peeked(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let (length, _) = rustix::net::recv(self.as_fd(), block, RecvFlags::empty())?;
        Ok(length)
    }

    fn needs_handshake(&self) -> bool {
        matches!(self, ClientStream::Tls(stream) if !stream.is_open())
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        match self {
            ClientStream::Tls(stream) => stream.shake_hands(),
            _ => Ok(()),
        }
    }

    fn give_up_handshake(&mut self) {
        if let ClientStream::Tls(stream) = self {
            stream.give_up();
        }
    }

    fn has_pending_read(&self) -> bool {
        matches!(self, ClientStream::Tls(stream) if stream.has_pending_read())
    }

    fn wants_write(&self) -> bool {
        matches!(self, ClientStream::Tls(stream) if stream.wants_write())
    }

    fn keeps_since(&self) -> Option<u64> {
        match self {
            ClientStream::Tls(stream) => stream.keeps_since(),
            _ => None,
        }
    }

    fn end_writing(&mut self) -> io::Result<()> {
        match self {
            ClientStream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            ClientStream::Unix(stream) | ClientStream::Relayed(stream) => stream.shutdown(Shutdown::Write),
            ClientStream::Tls(stream) => {
                let told = stream.end_writing();
                stream.socket_mut().shutdown(Shutdown::Write).and(told)
            }
        }
    }
}
