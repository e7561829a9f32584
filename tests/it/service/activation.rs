//! Sockets that the service manager has opened. A shell passes them, as systemd does.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Client, DEADLINE, Lines, PROGRAM, wait};
use crate::process::tls::{files, write_certificate};
use crate::store::TestDir;
use crate::tls::{self, certificate, trusting};
use crate::web::Raw;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";

/// The first socket comes as standard input, and the second as standard output; the shell gives them their numbers.
const SCRIPT: &str = r#"export LISTEN_PID=${LISTEN_PID-$$}; exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

/// A server with sockets of the service manager.
struct Activated {
    child: Child,
    log: Lines<ChildStderr>,
}

/// A command that passes one or two sockets with these names.
fn command(names: &str, sockets: Vec<OwnedFd>, args: &[&str]) -> Command {
    command_in(SCRIPT, names, sockets, args)
}

fn command_in(script: &str, names: &str, sockets: Vec<OwnedFd>, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM]).args(args).stderr(Stdio::piped());
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names);
    let mut sockets = sockets.into_iter().map(Stdio::from);
    command.stdin(sockets.next().unwrap_or_else(Stdio::null)).stdout(sockets.next().unwrap_or_else(Stdio::null));
    command
}

impl Activated {
    fn start(names: &str, sockets: Vec<OwnedFd>, args: &[&str]) -> Activated {
        Self::spawn(command(names, sockets, args))
    }

    fn spawn(mut command: Command) -> Activated {
        let mut child = command.spawn().expect("the program starts");
        let log = Lines::new(child.stderr.take().expect("stderr"));
        Activated { child, log }
    }

    /// Asserts the first lines of the log: what is listened on. Returns when the rest is to come.
    #[track_caller]
    fn listens_on(&mut self, expected: &[String]) {
        for expected in expected {
            let line = self.log.until("listening on ");
            assert!(line.ends_with(&format!("listening on {expected}")), "{line}");
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("kill");
    }

    /// Ends the server; returns the rest of the log.
    fn end(mut self) -> (ExitStatus, Vec<String>) {
        self.signal(Signal::TERM);
        let rest = self.log.rest();
        (wait(&mut self.child), rest)
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listening socket and its address.
fn listener(addr: &str) -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind(addr).expect("bind");
    let addr = socket.local_addr().expect("an address");
    (socket, addr)
}

fn run(names: &str, sockets: Vec<OwnedFd>, args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(names, sockets, args).output().expect("the program starts");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn sockets_are_for_what_their_names_say_and_nothing_else_is_listened_on() {
    let ((lines, line_addr), (web, web_addr)) = (listener("127.0.0.1:0"), listener("127.0.0.1:0"));
    // It waits for the server.
    let mut alice = Client::connect(line_addr);
    let mut server = Activated::start("listen:web", vec![lines.into(), web.into()], &[]);
    server.listens_on(&[line_addr.to_string(), format!("http://{web_addr}")]);
    alice = alice.log_in("alice");
    let status = Raw::connect(web_addr).ask(&format!("GET / HTTP/1.1\r\nHost: {web_addr}\r\n\r\n"));
    assert_eq!(status, "HTTP/1.1 200 OK");
    alice.expect_nothing();
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0));
    assert!(!log.iter().any(|line| line.contains("listening on")), "{log:#?}");
}

#[test]
fn process_that_replaces_the_server_has_its_sockets_and_its_watchdog() {
    let (lines, addr) = listener("127.0.0.1:0");
    let script = format!("export WATCHDOG_PID=$$ WATCHDOG_USEC=60000000; {SCRIPT}");
    let mut server = Activated::spawn(command_in(&script, "listen", vec![lines.into()], &[]));
    server.listens_on(&[addr.to_string()]);
    let mut alice = Client::connect(addr).log_in("alice");
    // The second one takes them from a process for which they were not meant in the first place.
    let mut pid = Pid::from_child(&server.child);
    for _ in 0..2 {
        kill_process(pid, Signal::USR2).expect("kill");
        server.listens_on(&[addr.to_string()]);
        let line = server.log.until("serves on with 1 connections");
        let number = line.split("process ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a number");
        pid = number.parse().ok().and_then(Pid::from_raw).expect("a number");
        alice.expect_nothing();
        let environment = fs::read_to_string(format!("/proc/{number}/environ")).expect("an environment");
        assert!(environment.contains("WATCHDOG_USEC=60000000") && !environment.contains("WATCHDOG_PID="));
    }
    kill_process(pid, Signal::TERM).expect("kill");
    alice.until("The server is shutting down");
    let rest = server.log.rest();
    assert!(!rest.iter().any(|line| line.contains("listening on")), "{rest:#?}");
}

#[test]
fn listeners_that_are_asked_for_are_there_too() {
    let (irc, addr) = listener("127.0.0.1:0");
    let mut server = Activated::start("irc", vec![irc.into()], &["--listen", "127.0.0.1:0"]);
    server.listens_on(&[format!("irc://{addr}")]);
    let line = server.log.until("listening on ");
    let own: SocketAddr = line.rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address");
    let mut alice = Client::connect(own).log_in("alice");
    let mut bob = Client::connect(addr);
    bob.send("NICK bob\r\nUSER bob 0 * :Bob\r\nJOIN #lobby\r\n");
    alice.expect("* bob joined (2 here)");
}

#[test]
fn socket_outlives_the_server_and_its_clients_wait_for_the_next_one() {
    let (socket, addr) = listener("127.0.0.1:0");
    let kept = socket.try_clone().expect("a copy");
    let mut first = Activated::start("listen", vec![socket.into()], &[]);
    first.listens_on(&[addr.to_string()]);
    let mut alice = Client::connect(addr).log_in("alice");
    first.signal(Signal::TERM);
    alice.until("* The server is shutting down");
    assert_eq!(wait(&mut first.child).code(), Some(0));
    let bob = Client::connect(addr);
    let mut second = Activated::start("listen", vec![kept.into()], &[]);
    second.listens_on(&[addr.to_string()]);
    bob.log_in("bob");
}

#[test]
fn unix_socket_is_taken_over_and_its_file_stays() {
    let dir = TestDir::new();
    let path = dir.0.join("chat.sock");
    let socket = UnixListener::bind(&path).expect("bind");
    let mut server = Activated::start("listen", vec![socket.into()], &[]);
    server.listens_on(&[format!("unix:{}", path.display())]);
    let client = UnixStream::connect(&path).expect("connect");
    client.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("a line");
    assert_eq!(line.trim_end(), WELCOME);
    server.log.until("connected unix:1 (1 connected)");
    assert_eq!(server.end().0.code(), Some(0));
    assert!(path.exists());
}

#[test]
fn clients_of_a_socket_for_both_versions_of_ip_have_their_own_address() {
    // The standard library leaves the option at its default, as systemd does: both.
    let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).expect("a socket");
    socket.set_only_v6(false).expect("both");
    socket.bind(&"[::]:0".parse::<SocketAddr>().expect("an address").into()).expect("bind");
    socket.listen(16).expect("listen");
    let port = socket.local_addr().expect("an address").as_socket().expect("IP").port();
    let mut server = Activated::start("listen", vec![socket.into()], &["--ban", "127.0.0.9"]);
    server.listens_on(&[format!("[::]:{port}")]);
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let alice = Client::connect(addr);
    let own = alice.addr();
    alice.log_in("alice");
    server.log.until(&format!("connected {own} (1 connected)"));
    let mut banned = Client::connect_from([127, 0, 0, 9], addr);
    banned.expect("! Your address is banned from this server.");
}

#[test]
fn tls_begins_on_sockets_whose_name_says_so_also_after_a_reload() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    let config = dir.0.join("chinwag.toml");
    let [_, pem, _, key] = &files(&dir.0, "a")[..] else { panic!("two files") };
    let text = format!("tls-cert = [{pem:?}]\ntls-key = [{key:?}]\nhttps-redirect = true\n");
    fs::write(&config, &text).expect("a file");
    let config = config.to_str().expect("a path");

    let ((lines, addr), (web, _)) = (listener("127.0.0.1:0"), listener("127.0.0.1:0"));
    let sockets = || vec![lines.try_clone().expect("a copy").into(), web.try_clone().expect("a copy").into()];
    let (code, error) = run("listen-tls:web", sockets(), &["--config", config]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--https-redirect needs --web https://ADDR, to which it leads"), "{error}");

    fs::write(config, text.replace("https-redirect = true", "")).expect("a file");
    let mut server = Activated::start("listen-tls:web", sockets(), &["--config", config]);
    server.listens_on(&[format!("tls://{addr}")]);
    let trusted = trusting(&[certificate(&dir.0.join("a.pem"))]);
    tls::open(addr, &trusted).log_in("alice");
    write_certificate(&dir.0, "a", 200);
    server.signal(Signal::HUP);
    server.log.until("reloaded, asked by SIGHUP; changed: tls-cert; not before a restart: nothing");
    let trusted = trusting(&[certificate(&dir.0.join("a.pem"))]);
    tls::open(addr, &trusted).log_in("bob");
}

#[test]
fn configuration_is_checked_for_the_sockets_that_it_will_have() {
    let dir = TestDir::new();
    write_certificate(&dir.0, "a", 100);
    let check = |names: Option<&str>| {
        let mut command = Command::new(PROGRAM);
        command.arg("check-config").args(files(&dir.0, "a"));
        command.envs(names.map(|names| ("LISTEN_FDNAMES", names)));
        let output = command.output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(check(Some("irc:web-tls")).0, Some(0));
    let (code, error) = check(None);
    assert!(code == Some(2) && error.contains("--tls-cert needs a listener with TLS"), "{error}");
    let (code, error) = check(Some("page"));
    assert!(code == Some(2) && error.contains("with the name \"page\", which does not say what it is for"), "{error}");
}

#[test]
fn sockets_of_another_process_are_left_alone() {
    let (socket, addr) = listener("127.0.0.1:0");
    let mut command = command("listen", vec![socket.into()], &["--listen", "127.0.0.1:0"]);
    command.env("LISTEN_PID", "1");
    let mut server = Activated::spawn(command);
    let line = server.log.until("listening on 127.0.0.1:");
    assert!(!line.ends_with(&addr.to_string()), "{line}");
    let (_, log) = server.end();
    assert!(!log.iter().any(|line| line.contains("listening on")), "{log:#?}");
}

#[test]
fn wrong_names_and_counts_end_the_server_with_code_2() {
    let socket = || OwnedFd::from(listener("127.0.0.1:0").0);
    let no_certificate = "the socket web-tls needs a certificate; give --tls-cert FILE and --tls-key FILE, or";
    for (names, args, error) in [
        ("chinwag.socket", &[][..], "with the name \"chinwag.socket\", which does not say what it is for; set File"),
        ("listen:web", &[], "passes 1 sockets (LISTEN_FDS) with 2 names (LISTEN_FDNAMES); each needs a name: listen, "),
        ("", &[], "passes 1 sockets (LISTEN_FDS) with 0 names (LISTEN_FDNAMES); each needs a name: listen, "),
        ("connection", &[], "has passed a connection, not a listening socket; set Accept=no in the .socket unit"),
        ("web-tls", &[], no_certificate),
        ("irc", &["--mode", "p2p"], "a socket for IRC needs --mode hub and --login nickname; leave it out, or"),
    ] {
        let (code, text) = run(names, vec![socket()], args);
        assert_eq!(code, Some(2), "{names}: {text}");
        assert!(text.starts_with("error: ") && text.contains(error), "{names}: {text}");
    }
    let mut many = command("listen", vec![socket()], &[]);
    let output = many.env("LISTEN_FDS", "2000000000").output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("passes 2000000000 sockets; at most 1000 are possible"), "{text}");
}

#[test]
fn sockets_that_cannot_be_used_end_the_server_with_the_reason() {
    let dir = TestDir::new();
    let path = dir.0.join("chat.sock");
    let (silent, addr) = listener("127.0.0.1:0");
    let connection = TcpStream::connect(addr).expect("connect");
    write_certificate(&dir.0, "a", 100);
    let with_tls = files(&dir.0, "a");
    let with_tls: Vec<&str> = with_tls.iter().map(String::as_str).collect();
    let mut file = File::create(dir.0.join("file")).expect("a file");
    file.write_all(b"text").expect("written");
    let unix = UnixListener::bind(&path).expect("bind");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("bind");
    for (name, socket, args, why) in [
        ("listen", datagrams.into(), &[][..], "it is a datagram socket; write ListenStream= in its .socket unit"),
        ("web", connection.into(), &[], "it does not listen; set Accept=no in its .socket unit"),
        ("irc", file.into(), &[], "it is no stream socket of TCP or Unix; write ListenStream= and an address in its"),
        ("web-tls", unix.into(), &with_tls, "it is a Unix socket, which has no TLS; give it the name web"),
    ] {
        let (code, text) = run(name, vec![socket], args);
        assert_eq!(code, Some(1), "{name}: {text}");
        let expected = format!("cannot use the socket {name:?} (descriptor 3) of the service manager: {why}");
        assert!(text.contains(&expected), "{text}");
    }
    drop(silent);
}
