//! Unix sockets.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{DEADLINE, PROGRAM, Server, Signal, mask_time};
use crate::store::TestDir;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

/// A client of a Unix socket.
struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(path: &Path) -> Client {
        let stream = UnixStream::connect(path).expect("connect");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        Client(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("write");
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.strip_suffix("\r\n").map(mask_time)
    }

    #[track_caller]
    fn expect(&mut self, expected: &str) {
        assert_eq!(self.line().as_deref(), Some(expected));
    }

    fn until(&mut self, part: &str) {
        while !self.line().expect("not the end").contains(part) {}
    }

    fn log_in(mut self, name: &str) -> Client {
        self.expect(WELCOME);
        self.send(&format!("{name}\n"));
        self.until(&format!("* You are {name}. "));
        self
    }
}

/// A server that listens on a Unix socket, too.
fn start(args: &[&str]) -> (Server, TestDir, PathBuf) {
    let dir = TestDir::new();
    let path = dir.0.join("chat.sock");
    let listen = format!("unix:{}", path.display());
    let mut server = Server::start(&[&["--listen", &listen, "--console"], args].concat());
    server.log.until(&format!("listening on {listen}"));
    (server, dir, path)
}

#[test]
fn members_of_both_sockets_talk() {
    let (mut server, _dir, path) = start(&["--max-per-ip", "1"]);
    let mut alice = Client::connect(&path).log_in("alice");
    server.log.until("connected unix:1 (1 connected)");
    server.log.until("alice logged in from unix:1");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    bob.send("hello\n");
    alice.expect("[T] bob: hello");
    // They are not limited by address.
    let _carol = Client::connect(&path).log_in("carol");
    bob.until("* carol joined (3 here)");
    alice.send("/quit\n");
    alice.until("* Goodbye.");
    assert_eq!(alice.line(), None);
    bob.expect("* alice left (2 here)");
    server.type_in("/who\n");
    server.console.until("carol unix:2");
}

#[test]
fn netcat_is_a_client() {
    let (_server, _dir, path) = start(&[]);
    let mut command = Command::new("nc");
    let mut nc = command.arg("-U").arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nc");
    nc.stdin.as_mut().expect("stdin").write_all(b"alice\n/quit\n").expect("write");
    let output = nc.wait_with_output().expect("its output");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("* You are alice.") && text.contains("* Goodbye."), "{text}");
}

#[test]
fn mode_is_that_of_the_option_and_the_file_goes_with_the_server() {
    for (args, mode) in [(&[][..], 0o660), (&["--unix-mode", "0666"], 0o666), (&["--unix-mode", "0600"], 0o600)] {
        let (mut server, _dir, path) = start(args);
        let file = fs::symlink_metadata(&path).expect("a file");
        assert!(file.file_type().is_socket());
        assert_eq!(file.mode() & 0o7777, mode);
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0));
        assert!(!path.exists());
    }
}

#[test]
fn socket_of_a_killed_server_is_replaced_and_that_of_a_live_one_is_in_use() {
    let (mut server, _dir, path) = start(&[]);
    let listen = format!("unix:{}", path.display());
    let other = || {
        let output = Command::new(PROGRAM).args(["--listen", &listen, "--console=off"]).output().expect("a process");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = other();
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("cannot listen on {listen}: address already in use")), "{text}");
    let _alice = Client::connect(&path).log_in("alice");
    server.signal(Signal::KILL);
    server.wait();
    assert!(path.exists());
    let mut server = Server::start(&["--listen", &listen]);
    server.log.until(&format!("listening on {listen}"));
    let _bob = Client::connect(&path).log_in("bob");
    drop(server);
    fs::remove_file(&path).expect("the socket");
    fs::write(&path, "text").expect("a file");
    let (code, text) = other();
    assert_eq!(code, Some(1));
    assert!(text.contains("a file that is no socket is there; choose another path, or remove the file"), "{text}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "text");
}

#[test]
fn member_without_an_address_is_not_banned_by_it() {
    let (mut server, _dir, path) = start(&["--ban", "0.0.0.0/0"]);
    let mut alice = Client::connect(&path).log_in("alice");
    server.console.until("* alice joined");
    server.type_in("/ban alice\n");
    server.console.until(
        "! alice is connected through a Unix socket and has no address to ban. /kick alice disconnects alice, /ban #room \
         alice keeps alice out of a room, /mute alice hides what alice says.",
    );
    for line in ["/ban 0.0.0.0/0", "/ban 0.0.0.0"] {
        server.type_in(&format!("{line}\n"));
        server.console.until("is banned");
    }
    alice.send("/ping still here\n");
    alice.expect("* pong still here");
    let mut tcp = server.connect();
    assert_eq!(tcp.line(), "! Your address is banned from this server.");
    server.type_in("/kick alice\n");
    alice.expect("* You were kicked by the operator.");
}

#[test]
fn names_are_numbers_with_login_by_address() {
    let (_server, _dir, path) = start(&["--login", "address"]);
    let mut first = Client::connect(&path);
    first.until("unix:1");
    let mut second = Client::connect(&path);
    second.until("unix:2");
    first.until("unix:2 joined");
    second.send("hello\n");
    first.until("unix:2: hello");
}

#[test]
fn web_side_and_metrics_are_served_and_header_or_x_forwarded_for_name_the_client() {
    let dir = TestDir::new();
    let path = |name: &str| dir.0.join(name);
    let listen = |name: &str| format!("unix:{}", path(name).display());
    let (web, admin) = (listen("web.sock"), listen("admin.sock"));
    let mut server = Server::start(&["--web", &web, "--admin", &admin, "--trust-proxy", "unix", "--max-per-ip", "1"]);
    server.log.until(&format!("listening for HTTP on {web}"));
    server.log.until(&format!("metrics over HTTP on {admin}"));
    let ask = |name: &str, request: &str| {
        let mut client = Client::connect(&path(name));
        client.send(request);
        let status = client.line().expect("a status");
        (client, status)
    };
    assert_eq!(ask("web.sock", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").1, "HTTP/1.1 200 OK");
    assert_eq!(ask("admin.sock", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").1, "HTTP/1.1 200 OK");
    let upgrade = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   X-Forwarded-For: 198.51.100.7\r\n\r\n";
    let (_page, status) = ask("web.sock", upgrade);
    assert_eq!(status, "HTTP/1.1 101 Switching Protocols");
    server.log.until("connected 198.51.100.7:");
}

#[test]
fn proxy_at_a_unix_socket_names_its_clients() {
    let (mut server, _dir, path) = start(&["--proxy-protocol", "unix"]);
    let mut client = Client::connect(&path);
    client.send("PROXY TCP4 203.0.113.1 192.0.2.1 40000 4567\r\n");
    let _alice = client.log_in("alice");
    server.log.until("alice logged in from 203.0.113.1:40000");
    let mut client = Client::connect(&path);
    client.send("bob\n");
    client.until("! Connections from your address must begin with a PROXY header");
    assert_eq!(client.line(), None);
    let _carol = server.login("carol");
}
