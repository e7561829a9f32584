//! A connection of a script, whose every byte is written down.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tungstenite::{Error, Message, WebSocket};

use crate::harness::Client;

/// Telnet: DO for an option that the server does not have, and its answer WONT (RFC 854).
const FENCE: [u8; 3] = [255, 253, 126];
const FENCE_ANSWER: [u8; 3] = [255, 252, 126];
/// The server answers at most 100 of these.
const MAX_FENCES: u32 = 95;
const PING: &str = "/ping fence\n";
const PONG: &str = "* pong fence";

pub struct Connection {
    pub name: String,
    pub addr: SocketAddr,
    /// Its output is read.
    pub reads: bool,
    /// Lines that were read but not written down yet.
    pub lines: Vec<String>,
    transport: Transport,
    fences: u32,
}

enum Transport {
    Lines(TcpStream, Vec<u8>),
    Frames(Box<WebSocket<TcpStream>>),
}

/// An item that was read.
enum Item {
    Line(String),
    /// The answer to a fence.
    Fence,
    End,
}

impl Connection {
    pub fn of_lines(name: &str, client: Client, reads: bool) -> Connection {
        let addr = client.addr();
        Self::new(name, addr, reads, Transport::Lines(client.stream, Vec::new()))
    }

    pub fn of_frames(name: &str, server: &str, path: &str) -> Connection {
        let client = Client::connect(server.parse().expect("an address"));
        let addr = client.addr();
        let (socket, _) = tungstenite::client(format!("ws://{server}{path}"), client.stream).expect("a handshake");
        Self::new(name, addr, true, Transport::Frames(Box::new(socket)))
    }

    fn new(name: &str, addr: SocketAddr, reads: bool, transport: Transport) -> Connection {
        Connection { name: name.to_owned(), addr, reads, lines: Vec::new(), transport, fences: 0 }
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        match &mut self.transport {
            Transport::Lines(stream, _) => stream,
            Transport::Frames(socket) => socket.get_mut(),
        }
    }

    /// Sends a line; the server may have closed.
    pub fn say(&mut self, line: &str) {
        match &mut self.transport {
            Transport::Lines(stream, _) => drop(stream.write_all(format!("{line}\n").as_bytes())),
            Transport::Frames(socket) => drop(socket.send(Message::text(line))),
        }
    }

    /// Whether output can be read.
    pub fn has_output(&mut self) -> bool {
        let fd = PollFd::new(self.stream(), PollFlags::IN);
        poll(&mut [fd], Some(&Timespec::default())).expect("poll") > 0
    }

    pub fn half_close(&mut self) {
        self.stream().shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Performs the closing handshake of a WebSocket.
    pub fn close(&mut self) {
        if let Transport::Frames(socket) = &mut self.transport {
            socket.close(None).expect("close");
            while self.read() {}
        }
    }

    pub fn reset(mut self) {
        socket2::SockRef::from(&*self.stream()).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }

    /// Sends a fence, which other connections cannot notice, and reads up to its answer; `false` at the end.
    pub fn read_to_fence(&mut self) -> bool {
        self.fences += 1;
        // The server may have closed.
        match &mut self.transport {
            Transport::Lines(stream, _) if self.fences <= MAX_FENCES => drop(stream.write_all(&FENCE)),
            Transport::Lines(stream, _) => drop(stream.write_all(PING.as_bytes())),
            Transport::Frames(socket) => drop(socket.send(Message::Ping("fence".into()))),
        }
        loop {
            match self.next() {
                Item::Line(line) => self.lines.push(line),
                Item::Fence => return true,
                Item::End => return false,
            }
        }
    }

    /// Reads one more line; `false` at the end.
    pub fn read(&mut self) -> bool {
        match self.next() {
            Item::Line(line) => self.lines.push(line),
            Item::Fence => panic!("an answer without a fence"),
            Item::End => return false,
        }
        true
    }

    fn next(&mut self) -> Item {
        let (stream, read) = match &mut self.transport {
            Transport::Lines(stream, read) => (stream, read),
            Transport::Frames(socket) => return next_frame(socket),
        };
        loop {
            if let Some(item) = next_line(read) {
                return item;
            }
            let mut block = [0; 65536];
            match stream.read(&mut block) {
                Ok(0) if read.is_empty() => return Item::End,
                Ok(0) => return Item::Line(format!("{} (unended)", text(std::mem::take(read)))),
                Ok(n) => read.extend_from_slice(&block[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{}, after {:#?}: {error}", self.name, self.lines),
            }
        }
    }
}

/// Takes a line or a telnet command from the bytes read.
fn next_line(read: &mut Vec<u8>) -> Option<Item> {
    let command = read.iter().position(|&byte| byte == FENCE[0]);
    let end = read.iter().position(|&byte| byte == b'\n').filter(|&end| command.is_none_or(|at| end < at));
    match (end, command) {
        (Some(end), _) => {
            let line = text(read.drain(..=end).collect());
            Some(match line.strip_suffix("\r\n") {
                Some(PONG) => Item::Fence,
                Some(line) => Item::Line(line.to_owned()),
                None => Item::Line(format!("{} (LF)", line.trim_end())),
            })
        }
        (None, Some(0)) if read.len() < 3 => None,
        (None, Some(0)) => Some(match read.drain(..3).collect::<Vec<u8>>() {
            answer if answer == FENCE_ANSWER => Item::Fence,
            command => Item::Line(format!("(telnet {command:?})")),
        }),
        (None, Some(at)) => Some(Item::Line(format!("{} (unended)", text(read.drain(..at).collect())))),
        (None, None) => None,
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the server sends UTF-8")
}

fn next_frame(socket: &mut WebSocket<TcpStream>) -> Item {
    loop {
        return match socket.read() {
            Ok(Message::Text(text)) => Item::Line(text.to_string()),
            Ok(Message::Pong(_)) => Item::Fence,
            Ok(Message::Ping(_)) => continue,
            Ok(Message::Close(frame)) => Item::Line(
                frame.map_or("(close)".to_owned(), |frame| format!("(close {} {})", frame.code, frame.reason)),
            ),
            Ok(other) => panic!("{other:?}"),
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => Item::End,
            Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => panic!("{error}"),
        };
    }
}
