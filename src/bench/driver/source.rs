//! Connections from many source addresses, so that ports do not run out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// Number of source addresses on loopback, from 127.0.0.2 on; each has about 28,000 ports.
const SOURCES: usize = 250;

/// Receive buffer of a client that stops reading, which the kernel doubles, and its segment size. With larger values
/// the server's socket buffer, which grows with both (tcp(7)), may hold some megabytes.
const RECEIVE_BUFFER: usize = 4096;
const SEGMENT: u32 = 536;

/// Opens a connection, from a different source address each time if possible. With `small_buffers` the kernel holds
/// few bytes for it.
///
/// # Errors
/// If there are no file descriptors or ports left, or the address is unreachable.
pub fn connect(addr: SocketAddr, number: usize, small_buffers: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    if small_buffers {
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.set_tcp_mss(SEGMENT)?;
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
