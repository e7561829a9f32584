//! The baseline process.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::{Domain, Protocol, Socket, Type};

use crate::bench::driver::group::CONTROL;
use crate::bench::process::helper::end_with_parent;
use crate::bench::workload::browser::Browser;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::irc;
use crate::util::fd_limit;
use crate::wire::frame::text_frame;

const LISTENER: Token = Token(usize::MAX - 1);

/// The same length as the server's accept queue, so that neither is slowed down by it.
const BACKLOG: i32 = 65_535;

enum ConnectionStage {
    /// Nothing has been received.
    New,
    /// Has asked for a WebSocket and not sent a name, or has sent a name and not entered a channel.
    Asked,
    Reader,
    Control,
}

struct Connection {
    stream: TcpStream,
    stage: ConnectionStage,
    /// How many bytes of [`BaselineServer::bytes`] were sent to it.
    sent: usize,
    /// Its socket buffer is full.
    full: bool,
}

struct BaselineServer {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
    /// Keys of the readers, in the order in which they connected.
    readers: Vec<usize>,
    orders: Vec<u8>,
    /// Bytes for all readers; kept until every reader has them.
    bytes: Vec<u8>,
    /// Number of connections whose socket buffer is full.
    full: usize,
    encoding: Encoding,
    prompt: Vec<u8>,
    welcome: Vec<u8>,
    block: Vec<u8>,
}

/// Runs until the process is killed.
///
/// # Errors
/// If the kernel refuses the socket or the poll.
pub fn run(encoding: Encoding, run: u16, prompt: usize, welcome: usize) -> io::Result<()> {
    end_with_parent();
    fd_limit::raise();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    let mut listener = TcpListener::from_std(socket.into());
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (prompt, welcome) = match encoding {
        Encoding::Plain => (line(prompt), line(welcome)),
        Encoding::WebSocket => {
            let answer = Browser::new(run).answer();
            let ask = frame("ask", prompt.saturating_sub(answer.len()));
            ([answer, ask].concat(), frame("entered", welcome))
        }
        Encoding::Irc => (irc::numeric_line("001", prompt), irc::numeric_line("366", welcome)),
    };
    let mut baseline = BaselineServer {
        poll,
        listener,
        connections: Slab::new(),
        readers: Vec::new(),
        orders: Vec::new(),
        bytes: Vec::new(),
        full: 0,
        encoding,
        prompt,
        welcome,
        block: vec![0; 256 * 1024],
    };
    let mut events = Events::with_capacity(1024);
    loop {
        match baseline.poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            match event.token() {
                LISTENER => baseline.accept()?,
                Token(key) => {
                    if event.is_writable() {
                        baseline.writable(key);
                    }
                    if event.is_readable() {
                        baseline.read(key);
                    }
                }
            }
        }
    }
}

/// A line or frame of `size` bytes, or one or two more, that says nothing: what encryption adds to records.
pub fn filler(encoding: Encoding, size: usize) -> Vec<u8> {
    match encoding {
        Encoding::Plain | Encoding::Irc => line(size),
        Encoding::WebSocket => frame("filler", size),
    }
}

/// A line of `size` bytes, at least one.
fn line(size: usize) -> Vec<u8> {
    let mut line = vec![b'.'; size.max(1)];
    line[size.max(1) - 1] = b'\n';
    line
}

/// A frame with an object of type `kind`, of `size` bytes or one or two more.
fn frame(kind: &str, size: usize) -> Vec<u8> {
    let object = format!("{{\"t\":\"{kind}\"}}");
    let header = if size < 128 { 2 } else { 4 };
    let mut out = Vec::new();
    // Spaces around an object have no meaning in JSON.
    text_frame(&mut out, |out| out.extend(format!("{object:0$}", size.saturating_sub(header)).bytes()));
    out
}

impl BaselineServer {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    let entry = self.connections.vacant_entry();
                    self.poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE)?;
                    // A browser speaks first, and so does a client of IRC.
                    if self.encoding == Encoding::Plain {
                        let _ = stream.write(&self.prompt);
                    }
                    entry.insert(Connection { stream, stage: ConnectionStage::New, sent: 0, full: false });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let mut open = true;
        loop {
            match connection.stream.read(&mut self.block) {
                Ok(0) => open = false,
                Ok(n) => {
                    match connection.stage {
                        ConnectionStage::New if self.block[..n].starts_with(CONTROL.as_bytes()) => {
                            connection.stage = ConnectionStage::Control;
                        }
                        ConnectionStage::New if self.encoding.speaks_first() => {
                            connection.stage = ConnectionStage::Asked;
                            let _ = connection.stream.write(&self.prompt);
                        }
                        ConnectionStage::New | ConnectionStage::Asked => {
                            connection.stage = ConnectionStage::Reader;
                            connection.sent = self.bytes.len();
                            self.readers.push(key);
                            let _ = connection.stream.write(&self.welcome);
                        }
                        ConnectionStage::Control => self.orders.extend_from_slice(&self.block[..n]),
                        ConnectionStage::Reader => {}
                    }
                    if n < self.block.len() {
                        break;
                    }
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => open = false,
            }
            break;
        }
        if !open {
            self.full -= usize::from(self.connections.remove(key).full);
            self.readers.retain(|&reader| reader != key);
        }
        self.carry_out();
    }

    /// Sends the bytes of all complete orders, with one call per reader.
    fn carry_out(&mut self) {
        let mut at = 0;
        while let Some((size, bytes)) = self.orders[at..].split_first_chunk() {
            let size = u32::from_le_bytes(*size) as usize;
            let Some(bytes) = bytes.get(..size) else { break };
            self.bytes.extend_from_slice(bytes);
            at += 4 + size;
        }
        if at == 0 {
            return;
        }
        self.orders.drain(..at);
        for at in 0..self.readers.len() {
            let key = self.readers[at];
            if !self.connections[key].full {
                self.send(key);
            }
        }
        self.forget();
    }

    /// Sends a reader its remaining bytes, as far as the socket buffer takes them.
    fn send(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        let rest = &self.bytes[connection.sent..];
        match connection.stream.write(rest) {
            Ok(n) => connection.sent += n,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // The next read reports that it has ended.
            Err(_) => connection.sent = self.bytes.len(),
        }
        if connection.sent < self.bytes.len() {
            connection.full = true;
            self.full += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let _ = self.poll.registry().reregister(&mut connection.stream, Token(key), interest);
        }
    }

    fn writable(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key)
            && std::mem::take(&mut connection.full)
        {
            self.full -= 1;
            self.send(key);
            self.forget();
        }
    }

    /// Drops the bytes once every reader has them.
    fn forget(&mut self) {
        if self.full == 0 {
            self.bytes.clear();
            for &key in &self.readers {
                self.connections[key].sent = 0;
            }
        }
    }
}
