//! What the server tells the service manager, which is a socket of the test.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

use crate::harness::{DEADLINE, PROGRAM, Server, Signal};
use crate::store::TestDir;

/// The socket of a service manager, and its address as `NOTIFY_SOCKET` has it.
struct Manager {
    socket: UnixDatagram,
    addr: OsString,
    _dir: TestDir,
}

impl Manager {
    fn new() -> Manager {
        let dir = TestDir::new();
        let path = dir.0.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Manager { socket, addr: path.into(), _dir: dir }
    }

    /// Starts a server that tells it how it is.
    fn start(&self, args: &[&str]) -> Server {
        self.start_with(&[], args)
    }

    fn start_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Server {
        let mut command = Command::new(PROGRAM);
        command.args(["--listen", "127.0.0.1:0"]).args(args);
        command.env("NOTIFY_SOCKET", &self.addr).envs(variables.iter().copied());
        Server::spawn(command)
    }

    /// The next datagram.
    fn next(&self) -> String {
        let mut block = [0; 4096];
        let length = self.socket.recv(&mut block).expect("a datagram");
        String::from_utf8(block[..length].to_vec()).expect("UTF-8")
    }

    /// The next datagram that is more than a status line.
    fn next_state(&self) -> String {
        std::iter::repeat_with(|| self.next()).find(|text| !text.starts_with("STATUS=")).expect("a datagram")
    }
}

#[test]
fn server_tells_that_it_is_ready_and_when_it_reloads_and_ends() {
    let manager = Manager::new();
    let mut server = manager.start(&[]);
    assert_eq!(manager.next(), "READY=1\nSTATUS=0 members, 0 connections");
    let mut alice = server.login("alice");
    server.signal(Signal::HUP);
    let began = manager.next_state();
    let time = began.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("a time");
    assert!(time.parse::<u64>().is_ok(), "{time}");
    assert_eq!(manager.next_state(), "READY=1");
    server.signal(Signal::TERM);
    assert_eq!(manager.next_state(), "STOPPING=1\nSTATUS=Shutting down");
    alice.until("* The server is shutting down");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn reload_that_fails_ends_too() {
    let manager = Manager::new();
    let dir = TestDir::new();
    let file = dir.0.join("motd");
    fs::write(&file, "hello\n").expect("a file");
    let mut server = manager.start(&["--motd", file.to_str().expect("a path")]);
    assert!(manager.next().starts_with("READY=1\n"));
    fs::remove_file(&file).expect("a file");
    server.signal(Signal::HUP);
    assert!(manager.next_state().starts_with("RELOADING=1\n"));
    assert_eq!(manager.next_state(), "READY=1");
    server.log.until("not reloaded, asked by SIGHUP: cannot read the message of the day");
}

#[test]
fn status_has_the_counts_of_members_and_connections() {
    let manager = Manager::new();
    let server = manager.start(&[]);
    assert_eq!(manager.next(), "READY=1\nSTATUS=0 members, 0 connections");
    let _people = server.people(["alice", "bob"]);
    let mut status = manager.next();
    while status != "STATUS=2 members, 2 connections" {
        status = manager.next();
    }
}

#[test]
fn socket_with_an_abstract_name_is_told_too() {
    let name = format!("chinwag-it-notify-{}", std::process::id());
    let addr = SocketAddr::from_abstract_name(&name).expect("a name");
    let socket = UnixDatagram::bind_addr(&addr).expect("a socket");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let manager = Manager { socket, addr: format!("@{name}").into(), _dir: TestDir::new() };
    let _server = manager.start(&[]);
    assert!(manager.next().starts_with("READY=1\n"));
}

#[test]
fn watchdog_is_told_again_and_again_if_it_is_of_this_process() {
    let manager = Manager::new();
    let _server = manager.start_with(&[("WATCHDOG_USEC", "200000")], &[]);
    assert!(manager.next().starts_with("READY=1\n"));
    for _ in 0..3 {
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    let other = Manager::new();
    let server = other.start_with(&[("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")], &[]);
    assert!(other.next().starts_with("READY=1\n"));
    server.signal(Signal::TERM);
    assert_eq!(other.next(), "STOPPING=1\nSTATUS=Shutting down");
}

#[test]
fn full_socket_of_the_manager_delays_nobody_and_loses_nothing() {
    let manager = Manager::new();
    let sender = UnixDatagram::unbound().expect("a socket");
    sender.set_nonblocking(true).expect("non-blocking");
    let mut sent = 0;
    let error = loop {
        match sender.send_to(b"X=1", &manager.addr) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let server = manager.start(&[]);
    server.login("alice").ask("/ping here", &["* pong here"]);
    for _ in 0..sent {
        assert_eq!(manager.next(), "X=1");
    }
    assert_eq!(manager.next(), "READY=1\nSTATUS=0 members, 0 connections");
}

#[test]
fn manager_that_is_gone_or_has_a_wrong_address_is_logged_and_harms_nothing() {
    for (addr, why) in [
        ("/nowhere/notify", "NOTIFY_SOCKET: cannot tell the service manager: no such file or directory"),
        ("vsock:2:1", "NOTIFY_SOCKET=vsock:2:1: cannot tell the service manager: write a path, or @ and a name"),
    ] {
        let mut manager = Manager::new();
        manager.addr = addr.into();
        let mut server = manager.start(&[]);
        server.log.until(why);
        server.login("alice").ask("/ping here", &["* pong here"]);
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0));
    }
}
