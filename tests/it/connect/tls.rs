//! The terminal client over TLS.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::connect::{ClientTerminal, ProcessOutput, output};
use crate::harness::{PROGRAM, Server, Signal};
use crate::store::TestDir;

/// A server that makes its own certificate in a folder of the test.
struct SelfSigned {
    server: Server,
    /// Its address, as clients name it.
    addr: String,
    /// What it shows: the fingerprint, and its words.
    fingerprint: String,
    words: String,
}

impl SelfSigned {
    fn start(dir: &TestDir, key: &str, port: u16) -> SelfSigned {
        let own = dir.0.join(key);
        let listen = format!("tls://127.0.0.1:{port}");
        let args = ["--console", "--listen", &listen, "--tls-self-signed", own.to_str().expect("UTF-8")];
        let mut server = Server::start(&args);
        let command = server.console.until("* To connect with TLS: chinwag connect --tls ");
        let words = server.console.until("* To be read over a phone: ");
        let word = |line: &str, at: usize| line.split(' ').rev().nth(at).expect("a word").to_owned();
        SelfSigned { addr: word(&command, 2), fingerprint: word(&command, 0), words: word(&words, 0), server }
    }

    fn port(&self) -> u16 {
        self.addr.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    fn end(mut self) {
        self.server.signal(Signal::TERM);
        assert!(self.server.wait().success());
    }
}

/// The client of a user whose files are in the folder.
fn command(dir: &TestDir, addr: &str, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["connect", addr]).args(args).env_remove("CHINWAG_NICK").env("XDG_STATE_HOME", state(dir));
    command.env_remove("CHINWAG_PASSWORD").env_remove("CHINWAG_SERVER_PASSWORD");
    command
}

fn state(dir: &TestDir) -> PathBuf {
    dir.0.join("state")
}

fn run(dir: &TestDir, addr: &str, args: &[&str], input: &str) -> ProcessOutput {
    let mut command = command(dir, addr, args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the client");
    // If the server is refused, the client ends before it reads.
    let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes());
    output(child)
}

/// The lines that the client keeps of servers.
fn known_servers(dir: &TestDir) -> Vec<String> {
    let text = fs::read_to_string(state(dir).join("chinwag/known_servers")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn first_use_shows_and_keeps_the_key_and_another_key_is_refused() {
    let dir = TestDir::new();
    let first = SelfSigned::start(&dir, "one", 0);
    let (addr, port) = (first.addr.clone(), first.port());
    let done = run(&dir, &addr, &["--tls", "--nick", "carol"], "/ping one\n");
    assert_eq!((done.code, done.stdout.lines().last()), (Some(0), Some("* pong one")), "{}", done.stderr);
    for shown in [&first.fingerprint, &first.words] {
        assert!(done.stderr.contains(shown.as_str()), "{shown} is not in {}", done.stderr);
    }
    assert_eq!(known_servers(&dir), [format!("{addr} {}", first.fingerprint)]);
    // It is known now, also without the options.
    for (addr, args) in [(&addr, &["--tls", "--nick", "carol"][..]), (&format!("tls://{addr}"), &["--nick", "carol"])] {
        let done = run(&dir, addr, args, "/ping two\n");
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{addr}");
        assert_eq!(done.stdout.lines().last(), Some("* pong two"));
    }
    let key = first.fingerprint.clone();
    first.end();
    let mut other = SelfSigned::start(&dir, "two", port);
    assert_ne!(other.fingerprint, key);
    let mut alice = other.server.login("alice");
    let done = run(&dir, &addr, &["--tls", "--nick", "carol"], "a secret\n");
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
    assert!(done.stderr.starts_with(&format!("chinwag: the key of {addr} has changed. ")), "{}", done.stderr);
    for shown in [&key, &other.fingerprint, &other.words, "remove line 1 of "] {
        assert!(done.stderr.contains(shown), "{shown} is not in {}", done.stderr);
    }
    alice.expect_nothing();
    assert_eq!(known_servers(&dir), [format!("{addr} {key}")]);
    other.server.type_in("/who\n");
    other.server.console.until("alice");
}

#[test]
fn fingerprint_or_words_choose_the_server() {
    let dir = TestDir::new();
    let server = SelfSigned::start(&dir, "one", 0);
    let spoken = server.words.replace('-', " ");
    for fingerprint in [&server.fingerprint, &server.words, &spoken] {
        let done = run(&dir, &server.addr, &["--tls-fingerprint", fingerprint, "--nick", "carol"], "/ping last\n");
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{fingerprint}");
        assert_eq!(done.stdout.lines().last(), Some("* pong last"));
    }
    let other = SelfSigned::start(&dir, "two", 0);
    for fingerprint in [&other.fingerprint, &other.words] {
        let done = run(&dir, &server.addr, &["--tls-fingerprint", fingerprint, "--nick", "carol"], "a secret\n");
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{fingerprint}");
        assert!(done.stderr.contains("does not have the key of --tls-fingerprint. "), "{}", done.stderr);
    }
    assert!(known_servers(&dir).is_empty(), "what is known by its fingerprint need not be kept");
    let authority = dir.0.join("one/cert.pem");
    let authority = authority.to_str().expect("UTF-8");
    let done = run(&dir, &server.addr, &["--tls-ca", authority, "--nick", "carol"], "/ping last\n");
    assert_eq!((done.code, done.stdout.lines().last()), (Some(0), Some("* pong last")), "{}", done.stderr);
    let done = run(&dir, &other.addr, &["--tls-ca", authority, "--nick", "carol"], "a secret\n");
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
}

#[test]
fn client_reconnects_after_a_restart_with_the_same_key_and_not_with_another() {
    let dir = TestDir::new();
    let first = SelfSigned::start(&dir, "one", 0);
    let (addr, port) = (first.addr.clone(), first.port());
    let mut alice = ClientTerminal::start(command(&dir, &addr, &["--tls", "--nick", "alice"]));
    alice.shows("lobby · alice · 1 here");
    assert!(alice.has("Compare it with what the operator reads out"), "{:#?}", alice.all_rows());
    first.end();
    alice.shows("The connection is lost");
    let second = SelfSigned::start(&dir, "one", port);
    alice.press("\r");
    alice.shows("lobby · alice · 1 here");
    let mut bob = second.server.login("bob");
    alice.shows("bob joined");
    alice.press("hello\r");
    bob.expect("[T] alice: hello");
    second.end();
    alice.shows("shutting down");
    let _other = SelfSigned::start(&dir, "two", port);
    alice.press("\r");
    let shown = alice.ends(1);
    assert!(shown.contains("Ask the operator, in another way than over this connection."), "{shown}");
}

#[test]
fn wrong_port_is_told_so() {
    let dir = TestDir::new();
    let server = SelfSigned::start(&dir, "one", 0);
    let plain = server.server.addr.to_string();
    let done = run(&dir, &plain, &["--tls", "--nick", "carol"], "hello\n");
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
    assert_eq!(done.stderr, format!("chinwag: {plain} does not speak TLS; try without --tls\n"));
    let done = run(&dir, &server.addr, &[], "carol\nhello\n");
    assert!(
        done.stdout.starts_with("! This port speaks TLS. Connect with: chinwag connect --tls HOST:PORT"),
        "{}",
        done.stdout
    );
    assert!(known_servers(&dir).is_empty());
}
