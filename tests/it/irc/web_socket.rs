//! IRC over WebSocket: <https://ircv3.net/specs/extensions/websocket>.

use std::net::{SocketAddr, TcpStream};

use serde_json::json;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::harness::Client;
use crate::web::{Page, Raw, WebServer, masked};

const TEXT: &str = "text.ircv3.net";
const BINARY: &str = "binary.ircv3.net";

/// A client of IRC over WebSocket, and whether it reads binary messages.
struct Socket {
    socket: WebSocket<TcpStream>,
    is_binary: bool,
}

impl Socket {
    /// Connects; the server must choose `expected` of the offered subprotocols.
    #[track_caller]
    fn connect(addr: SocketAddr, path: &str, offered: &str, expected: &str) -> Socket {
        let stream = Client::connect(addr).stream;
        let mut request = format!("ws://{addr}{path}").into_client_request().expect("a request");
        request.headers_mut().insert("Sec-WebSocket-Protocol", offered.parse().expect("a value"));
        let (socket, answer) = tungstenite::client(request, stream).expect("a handshake");
        assert_eq!(answer.headers().get("Sec-WebSocket-Protocol").expect("a subprotocol"), expected);
        Socket { socket, is_binary: expected == BINARY }
    }

    fn send(&mut self, line: &str) {
        let message = match self.is_binary {
            true => Message::binary(line.as_bytes().to_vec()),
            false => Message::text(line),
        };
        self.socket.send(message).expect("write");
    }

    /// The next line.
    #[track_caller]
    fn line(&mut self) -> String {
        let line = match (self.socket.read().expect("a message"), self.is_binary) {
            (Message::Text(text), false) => text.to_string(),
            (Message::Binary(bytes), true) => String::from_utf8(bytes.to_vec()).expect("UTF-8"),
            (other, _) => panic!("{other:?}"),
        };
        assert!(!line.contains(['\r', '\n']), "{line:?}");
        line
    }

    #[track_caller]
    fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Registers and enters `#den`.
    #[track_caller]
    fn enter(&mut self, nick: &str) {
        self.send(&format!("NICK {nick}"));
        self.send(&format!("USER {nick} 0 * :x\r\n"));
        self.until(" 422 ");
        self.send("JOIN #den");
        self.until(" 366 ");
    }

    /// Expects a close frame with this code.
    #[track_caller]
    fn expect_close(&mut self, code: u16) {
        match self.socket.read() {
            Ok(Message::Close(frame)) => assert_eq!(frame.map(|frame| frame.code), Some(CloseCode::from(code))),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn subprotocol_chooses_text_or_binary_and_the_first_offer_counts() {
    let server = WebServer::start(&[]);
    let mut page = server.enter("paige");
    page.send("/join den");
    page.until("room");
    let mut text = Socket::connect(server.web, "/ws", TEXT, TEXT);
    text.enter("text");
    let mut binary = Socket::connect(server.web, "/", &format!("x, {BINARY}, {TEXT}"), BINARY);
    binary.enter("binary");
    text.until(" JOIN #den");
    page.until("joined");
    page.expect(json!({"t": "joined", "name": "binary"}));
    text.send("PRIVMSG #den :你好");
    let said = binary.line();
    assert!(said.starts_with(":text!~text@") && said.ends_with(" PRIVMSG #den :你好"), "{said}");
    page.expect(json!({"t": "said", "name": "text", "text": "你好"}));
    page.send("from a page");
    for client in [&mut text, &mut binary] {
        let said = client.line();
        assert!(said.starts_with(":paige!chat@") && said.ends_with(" PRIVMSG #den :from a page"), "{said}");
    }
    // Who asks for JSON first gets that.
    let offers = format!("chinwag.v1, {TEXT}");
    Page::connect(server.web, "/ws", &[("Sec-WebSocket-Protocol", &offers)]).until("hello");
    text.send("QUIT :bye");
    text.until("ERROR :Closing link");
    text.expect_close(1000);
    assert_eq!(page.until("left")["name"], "text");
}

#[test]
fn lines_have_the_limits_and_answers_of_other_clients_of_irc() {
    let server = WebServer::start(&[]);
    let mut alice = Socket::connect(server.web, "/ws", TEXT, TEXT);
    alice.enter("alice");
    alice.send(&format!("PRIVMSG #den :{}", "x".repeat(600)));
    alice.send("");
    alice.send("WHAT\r\nEVER\r\n");
    alice.socket.send(Message::binary(b"PRIVMSG #den :\xff".to_vec())).expect("write");
    for expected in [
        ":chinwag 417 alice :Input line was too long",
        ":chinwag FAIL * SEVERAL_LINES :A message of a WebSocket has one line; this one was not processed",
        ":chinwag FAIL PRIVMSG INVALID_UTF8 :The line is not UTF-8, and was not processed",
    ] {
        assert_eq!(alice.line(), expected);
    }
    // A text message that is not UTF-8 breaks the protocol of frames.
    let stream = alice.socket.get_mut();
    std::io::Write::write_all(stream, &masked(0x81, b"PRIVMSG #den :\xff")).expect("write");
    alice.expect_close(1007);
}

#[test]
fn foreign_pages_are_refused_and_so_is_irc_where_members_have_no_nicknames() {
    let upgrade = |origin: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{origin}\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {TEXT}\r\n\r\n"
        )
    };
    let server = WebServer::start(&["--allow-origin", "https://irc.example"]);
    let status = |addr: SocketAddr, origin: &str| {
        let mut raw = Raw::connect(addr);
        raw.send(upgrade(origin));
        raw.head().lines().next().expect("a status line").to_owned()
    };
    assert_eq!(status(server.web, "Origin: https://evil.example\r\n"), "HTTP/1.1 403 Forbidden");
    assert_eq!(status(server.web, "Origin: https://irc.example\r\n"), "HTTP/1.1 101 Switching Protocols");
    assert_eq!(server.raw().ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 200 OK");
    for args in [["--login", "address"], ["--mode", "p2p"]] {
        let server = WebServer::start(&args);
        assert_eq!(status(server.web, ""), "HTTP/1.1 501 Not Implemented", "{args:?}");
    }
}
