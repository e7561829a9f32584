//! The web side: pages and plain clients in one room, HTTP and frames.
//!
//! Pages use tungstenite's client, which checks the server's frames.

pub mod admin;
mod api;
mod frames;
mod http;
mod limits;
mod resuming;
mod talking;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::harness::{Client, Server};

/// A server with a web side.
pub struct WebServer {
    server: Server,
    pub web: SocketAddr,
}

impl Deref for WebServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for WebServer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl WebServer {
    pub fn start(args: &[&str]) -> WebServer {
        let mut server = Server::start(&[&["--web", "127.0.0.1:0"], args].concat());
        let line = server.log.until("listening on http://");
        let (_, addr) = line.rsplit_once("http://").expect("an address");
        WebServer { web: addr.parse().expect("an address"), server }
    }

    /// Opens a page and reads `hello`.
    pub fn open(&self, path: &str) -> Page {
        let mut page = Page::connect(self.web, path, &[]);
        page.until("hello");
        page
    }

    /// Opens a page that logs in and reads the history.
    pub fn enter(&self, name: &str) -> Page {
        let mut page = self.open("/ws");
        page.log_in(name);
        page.until("live");
        page
    }

    /// Opens a connection for any bytes.
    pub fn raw(&self) -> Raw {
        Raw::connect(self.web)
    }
}

/// A page in a browser; `S` is TCP, or TLS over it.
pub struct Page<S = TcpStream> {
    socket: WebSocket<S>,
}

impl Page {
    pub fn connect(addr: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Page {
        Page::over(Client::connect(addr).stream, addr, path, headers)
    }
}

impl<S: Read + Write> Page<S> {
    /// A page over a stream to `addr`.
    pub fn over(stream: S, addr: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut request = format!("ws://{addr}{path}").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        let Ok((socket, _)) = tungstenite::client(request, stream) else { panic!("no handshake") };
        Page { socket }
    }

    pub fn send(&mut self, line: &str) {
        self.socket.send(Message::text(line)).expect("write");
    }

    /// The next frame; `None` at a closing handshake.
    fn try_next(&mut self) -> Option<Value> {
        loop {
            match self.socket.read().expect("a frame") {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
                Message::Ping(_) => {}
                Message::Close(_) => return None,
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn next(&mut self) -> Value {
        self.try_next().expect("a frame, not the end")
    }

    /// Reads on to a frame of that kind.
    #[track_caller]
    pub fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next();
            if frame["t"] == kind {
                return frame;
            }
        }
    }

    /// Expects the next frame to have these members; it may have others.
    #[track_caller]
    pub fn expect(&mut self, expected: Value) -> Value {
        let frame = self.next();
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(frame[name], *value, "{name} of {frame}");
        }
        frame
    }

    /// Sends a line and expects a frame.
    #[track_caller]
    pub fn ask(&mut self, line: &str, expected: Value) -> Value {
        self.send(line);
        self.expect(expected)
    }

    /// Expects no frame: the next one is the answer to a ping.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        self.ask("/ping nothing", json!({"t": "pong", "text": "nothing"}));
    }

    /// Answers the question for a nickname.
    #[track_caller]
    pub fn log_in(&mut self, name: &str) -> Value {
        self.expect(json!({"t": "ask"}));
        self.ask(name, json!({"t": "entered", "name": name}))
    }

    /// Expects a close frame with that code, and then the end.
    #[track_caller]
    pub fn expect_close(&mut self, code: u16) {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => {
                    assert_eq!(frame.map(|frame| frame.code), Some(CloseCode::from(code)));
                }
                Ok(other) => panic!("{other:?} before the end"),
                Err(tungstenite::Error::ConnectionClosed) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Ends the connection without a closing handshake.
    pub fn break_off(self) {
        drop(self.socket);
    }

    /// Closes the page.
    pub fn close(mut self) {
        self.socket.close(None).expect("close");
        while self.socket.read().is_ok() {}
    }
}

/// A connection for any bytes.
pub struct Raw {
    pub stream: TcpStream,
}

impl Raw {
    pub fn connect(addr: SocketAddr) -> Raw {
        Raw { stream: Client::connect(addr).stream }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("write");
    }

    /// The head of an answer, and as much body as it says.
    pub fn answer(&mut self) -> (String, String) {
        let head = self.head();
        let length = header(&head, "Content-Length").map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (head, String::from_utf8(body).expect("UTF-8"))
    }

    /// The head of an answer.
    pub fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        String::from_utf8(head).expect("UTF-8")
    }

    /// The status line of the answer to a request.
    pub fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.answer().0.lines().next().expect("a status line").to_owned()
    }

    /// Bytes up to the end.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("the end");
        rest
    }

    /// Makes a WebSocket of it, and reads past the question for a nickname.
    pub fn upgraded(mut self) -> Raw {
        self.send(UPGRADE);
        assert!(self.head().starts_with("HTTP/1.1 101 "));
        while self.frame() != (0x81, br#"{"t":"ask"}"#.to_vec()) {}
        self
    }

    /// The next frame, which is not masked: its first byte and its payload.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).expect("a frame");
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length).expect("a length");
                usize::from(u16::from_be_bytes(length))
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).expect("a payload");
        (head[0], payload)
    }

    /// Reads on to the close frame; its code. Then the connection ends.
    pub fn close_code(&mut self) -> u16 {
        loop {
            if let (0x88, payload) = self.frame() {
                assert_eq!(self.rest(), b"");
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

/// A browser's request for a WebSocket.
pub const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A masked frame of a client, with that first byte.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 11, 13, 17];
    let mut bytes = match payload.len() {
        length @ 0..126 => vec![first, 0x80 | length as u8],
        length => [&[first, 0x80 | 126][..], &(length as u16).to_be_bytes()].concat(),
    };
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A field of a head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(": ")).find(|(field, _)| *field == name).map(|(_, value)| value)
}
