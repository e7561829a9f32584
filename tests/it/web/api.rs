//! Messages that programs post at the admin listener.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Raw;
use super::admin::admin_address;
use crate::harness::{Client, PROGRAM, Server, Signal};
use crate::store::{TestDir, kill};

const TOKEN: &str = "6b1f0c9e4a7d4d5f8a53";

/// A server with a store and a file of tokens.
struct ApiServer {
    server: Server,
    dir: TestDir,
    irc: SocketAddr,
    admin: SocketAddr,
}

impl ApiServer {
    fn start(args: &[&str]) -> ApiServer {
        let dir = TestDir::new();
        let tokens = dir.0.join("tokens");
        fs::write(&tokens, format!("# for tests\nci {TOKEN}\n")).expect("a file");
        let path = tokens.to_str().expect("UTF-8");
        let all = [&["--irc", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--api-tokens", path], args].concat();
        let mut server = dir.start(&all);
        let line = server.log.until("listening on irc://");
        let irc = line.rsplit_once("irc://").expect("an address").1.parse().expect("an address");
        let admin = admin_address(&mut server);
        ApiServer { server, dir, irc, admin }
    }

    /// The status and the object of the answer to such a request; the last part of the path is the same for all.
    fn ask(&self, room: &str, token: &str, content: &str) -> (String, Value) {
        let mut raw = Raw::connect(self.admin);
        raw.send(format!(
            "POST /api/rooms/{room}/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
            Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{content}",
            content.len()
        ));
        let (head, body) = raw.answer();
        let status = head.lines().next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).expect("a status").to_owned();
        (status, serde_json::from_str(&body).expect("an object"))
    }

    fn post(&self, room: &str, name: &str, text: &str) -> Value {
        let (status, body) = self.ask(room, TOKEN, &json!({ "name": name, "text": text }).to_string());
        assert_eq!(status, "201 Created", "{body}");
        body
    }

    /// Checks a refusal.
    fn refuses(&self, room: &str, token: &str, content: &str, status: &str, reason: &str) {
        let (found, body) = self.ask(room, token, content);
        let error = body["error"].as_str().expect("a reason");
        assert!(found.starts_with(status) && error.contains(reason), "{room} {content}: {found} {error}");
    }
}

#[test]
fn members_read_what_is_posted_under_a_marked_name() {
    let server = ApiServer::start(&[]);
    let [mut alice, mut bob] = server.server.people(["alice", "bob"]);
    let mut carol = Client::connect(server.irc);
    for line in ["CAP REQ message-tags", "NICK carol", "USER carol 0 * :Carol", "CAP END", "JOIN #lobby"] {
        carol.send(&format!("{line}\r\n"));
    }
    carol.until(" 366 ");
    bob.send("/ignore ci[bot]\n");
    bob.until("You no longer read ci[bot].");
    alice.until("carol joined");
    assert_eq!(server.post("lobby", "ci", "broken\n\nsee the log"), json!({ "id": 1, "lines": 2 }));
    alice.expect("[T] ci[bot]: broken");
    alice.expect("[T] ci[bot]: see the log");
    let line = carol.line();
    assert!(line.contains(";bot :ci[bot]!bot@local.cloak PRIVMSG #lobby :broken"), "{line}");
    alice.ask("@ci[bot] hello", &["! Nobody here is called ci[bot]."]);
    assert_eq!(server.post("LOBBY", "\u{76d1}\u{63a7}", "up"), json!({ "id": 3, "lines": 1 }));
    alice.expect("[T] \u{76d1}\u{63a7}[bot]: up");
    bob.until("\u{76d1}\u{63a7}[bot]: up");
    alice.send("/search broken\n");
    alice.until("ci[bot]: broken");
}

#[test]
fn message_that_is_acknowledged_survives_kill_and_export() {
    let server = ApiServer::start(&[]);
    let mut alice = server.server.login("alice");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.send("hello\n/quit\n");
    alice.until("Goodbye");
    assert_eq!(server.post("den", "ci", "a"), json!({ "id": 2, "lines": 1 }));
    let ApiServer { server, dir, .. } = server;
    kill(server);
    let exported =
        Command::new(PROGRAM).args(["export", "--store"]).arg(dir.file()).output().expect("the program starts");
    let lines = String::from_utf8(exported.stdout).expect("UTF-8");
    assert!(lines.contains(r#""room":"den""#) && lines.contains(r#""name":"ci[bot]","text":"a""#), "{lines}");
    let copy = dir.0.join("copy.db");
    let mut import = Command::new(PROGRAM);
    import.args(["import", "--store"]).arg(&copy).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut import = import.spawn().expect("the program starts");
    import.stdin.take().expect("standard input").write_all(lines.as_bytes()).expect("write");
    assert!(import.wait().expect("an exit code").success(), "its own export is imported");
}

#[test]
fn refusals_say_what_is_wrong() {
    let server = ApiServer::start(&[]);
    for (room, token, content, status, reason) in [
        ("lobby", TOKEN, "{", "400", "is not valid JSON"),
        ("lobby", "6b1f0c9e4a7d4d5f8a54", "{}", "401", "--api-tokens"),
        ("nowhere", TOKEN, r#"{"text":"a"}"#, "404", "there is no room nowhere"),
        ("lobby", TOKEN, "{}", "422", "missing field `text`"),
        ("lobby", TOKEN, r#"{"text":"a","name":"a b"}"#, "422", "the name does not fit"),
        ("lobby", TOKEN, &json!({ "text": "x".repeat(4097) }).to_string(), "422", "line 1 of the text has 4097 bytes"),
    ] {
        server.refuses(room, token, content, status, reason);
    }
    let mut raw = Raw::connect(server.admin);
    assert_eq!(
        raw.ask("GET /api/rooms/lobby/messages HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        "HTTP/1.1 405 Method Not Allowed"
    );
    assert_eq!(raw.ask("PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
}

#[test]
fn tokens_are_read_again() {
    let mut server = ApiServer::start(&["--log-level", "info"]);
    let tokens = server.dir.0.join("tokens");
    let text = r#"{"text":"a"}"#;
    assert_eq!(server.ask("lobby", TOKEN, text).0, "201 Created");
    fs::write(&tokens, "ci short\n").expect("a file");
    server.server.signal(Signal::HUP);
    server.server.log.until("not reloaded, asked by SIGHUP: cannot read the tokens from ");
    assert_eq!(server.ask("lobby", TOKEN, text).0, "201 Created");
    fs::write(&tokens, "ci c2d7e1b09f3344a1b6e8\n").expect("a file");
    server.server.signal(Signal::HUP);
    server.server.log.until("reloaded, asked by SIGHUP; changed: api-tokens;");
    assert_eq!(server.ask("lobby", TOKEN, text).0, "401 Unauthorized");
    assert_eq!(server.ask("lobby", "c2d7e1b09f3344a1b6e8", text).0, "201 Created");
}

#[test]
fn without_tokens_nobody_posts() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0"]);
    let admin = admin_address(&mut server);
    let request = format!(
        "POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(Raw::connect(admin).ask(&request), "HTTP/1.1 404 Not Found");
}
