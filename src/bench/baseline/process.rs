//! The process of the floor.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::{Domain, Protocol, Socket, Type};

use super::CONTROL;
use crate::bench::process::helper::end_with_parent;
use crate::bench::workload::browser::Browser;
use crate::bench::workload::encoding::Encoding;
use crate::util::fd_limit;
use crate::wire::frame::text_frame;

const LISTENER: Token = Token(usize::MAX - 1);

/// As deep a queue as the server's, so that neither is held up by it.
const BACKLOG: i32 = 65_535;

enum Stage {
    /// Has said nothing.
    New,
    /// Has asked for a WebSocket, and has not said a name.
    Asked,
    Reader,
    Control,
}

struct Connection {
    stream: TcpStream,
    stage: Stage,
    /// How much of what is kept in [`Baseline::bytes`] it has been sent.
    sent: usize,
    /// The kernel takes no more for it at present.
    full: bool,
}

struct Baseline {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
    /// Who is sent to, in the order in which they came.
    readers: Vec<usize>,
    orders: Vec<u8>,
    /// What is to be sent to all; kept until all have it.
    bytes: Vec<u8>,
    /// How many connections are full.
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
    };
    let mut baseline = Baseline {
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

/// A line of so many bytes.
fn line(size: usize) -> Vec<u8> {
    let mut line = vec![b'.'; size.max(1)];
    line[size.max(1) - 1] = b'\n';
    line
}

/// A frame of that kind and of so many bytes, or one or two more.
fn frame(kind: &str, size: usize) -> Vec<u8> {
    let object = format!("{{\"t\":\"{kind}\"}}");
    let header = if size < 128 { 2 } else { 4 };
    let mut out = Vec::new();
    // Blanks are no part of an object.
    text_frame(&mut out, |out| out.extend(format!("{object:0$}", size.saturating_sub(header)).bytes()));
    out
}

impl Baseline {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    let entry = self.connections.vacant_entry();
                    self.poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE)?;
                    // A browser has the first word.
                    if self.encoding == Encoding::Plain {
                        let _ = stream.write(&self.prompt);
                    }
                    entry.insert(Connection { stream, stage: Stage::New, sent: 0, full: false });
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
                        Stage::New if self.block[..n].starts_with(CONTROL.as_bytes()) => {
                            connection.stage = Stage::Control;
                        }
                        Stage::New if self.encoding == Encoding::WebSocket => {
                            connection.stage = Stage::Asked;
                            let _ = connection.stream.write(&self.prompt);
                        }
                        Stage::New | Stage::Asked => {
                            connection.stage = Stage::Reader;
                            connection.sent = self.bytes.len();
                            self.readers.push(key);
                            let _ = connection.stream.write(&self.welcome);
                        }
                        Stage::Control => self.orders.extend_from_slice(&self.block[..n]),
                        Stage::Reader => {}
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

    /// Sends what all orders say that have come whole, with one call for each reader.
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

    /// Sends one reader what it has not been sent, as far as the kernel takes it.
    fn send(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        let rest = &self.bytes[connection.sent..];
        match connection.stream.write(rest) {
            Ok(n) => connection.sent += n,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // Reading will tell that it has ended.
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

    /// Once all have everything, nothing of it is needed any more.
    fn forget(&mut self) {
        if self.full == 0 {
            self.bytes.clear();
            for &key in &self.readers {
                self.connections[key].sent = 0;
            }
        }
    }
}
