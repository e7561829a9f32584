//! Connections from many source addresses, so that ports do not run out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// Source addresses on loopback, from 127.0.0.2 on: each has some 28,000 ports.
const SOURCES: usize = 250;

/// What the kernel is to hold for one who reads nothing, which it doubles, and the size of a segment: the server's
/// socket, which grows with both (tcp(7)), may hold some megabytes otherwise.
const LITTLE: usize = 4096;
const SHORT: u32 = 536;

/// Asks for a connection, from another source address each time where that is possible; if `narrow`, the kernel
/// holds little for it.
///
/// # Errors
/// If there are no file descriptors or ports left, or nobody can be there.
pub fn connect(addr: SocketAddr, number: usize, narrow: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    if narrow {
        socket.set_recv_buffer_size(LITTLE)?;
        socket.set_tcp_mss(SHORT)?;
    }
    if let IpAddr::V4(ip) = addr.ip()
        && ip.is_loopback()
    {
        socket.set_reuse_address(true)?;
        let source = Ipv4Addr::new(127, 0, 0, 2 + (number % SOURCES) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    match socket.connect(&addr.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}
