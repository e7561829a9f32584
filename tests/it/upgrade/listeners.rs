//! The listeners of a successor: those of its predecessor, new ones, and TLS.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

use super::Replaceable;
use crate::harness::{Client, DEADLINE, PROGRAM, Server, Signal};
use crate::process::shared_ports::await_connection;
use crate::store::TestDir;

#[test]
fn listeners_are_kept_opened_and_closed_as_the_new_settings_say() {
    let dir = TestDir::new();
    let config = dir.0.join("chinwag.toml");
    fs::write(&config, "web = \"127.0.0.1:0\"\n").expect("a file");
    let mut server = Replaceable::start_in(dir, &["--config", config.to_str().unwrap()], &[]);
    let line = server.log.until("listening on http://");
    let web: SocketAddr = line.rsplit('/').next().and_then(|addr| addr.parse().ok()).expect("an address");
    let mut alice = server.login("alice");
    fs::write(&config, "admin = \"127.0.0.1:0\"\n").expect("a file");
    server.ask_upgrade();
    let line = server.log.until("metrics on http://");
    let admin = line.split('/').nth(2).and_then(|addr| addr.parse::<SocketAddr>().ok()).expect("an address");
    server.log.until(&format!("not listening on http://{web} any more"));
    server.await_upgrade();
    assert!(TcpStream::connect(web).is_err());
    let mut metrics = Client::connect(admin);
    metrics.send("GET /metrics HTTP/1.0\r\n\r\n");
    assert_eq!(metrics.line(), "HTTP/1.1 200 OK");
    // The port of the option with port 0 is still the same one.
    let _bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
}

#[test]
fn unix_socket_and_its_connections_stay_and_the_last_process_removes_the_file() {
    let dir = TestDir::new();
    let path = dir.0.join("chat.sock");
    let mut server = Replaceable::start_in(dir, &["--listen", &format!("unix:{}", path.display())], &[]);
    let open = || {
        let stream = UnixStream::connect(&path).expect("connect");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        BufReader::new(stream)
    };
    let until = |stream: &mut BufReader<UnixStream>, part: &str| {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(stream.read_line(&mut line).expect("a line") > 0, "no {part}");
        }
    };
    let mut alice = open();
    alice.get_mut().write_all(b"alice\n").expect("write");
    until(&mut alice, "* You are alice");
    server.upgrade();
    server.upgrade();
    let mut bob = open();
    bob.get_mut().write_all(b"bob\nhello\n").expect("write");
    until(&mut alice, "bob: hello");
    server.end();
    assert!(!path.exists());
}

#[test]
fn control_socket_is_that_of_the_process_that_serves() {
    let dir = TestDir::new();
    let store = dir.file();
    let mut server = Replaceable::start_in(dir, &["--store", store.to_str().unwrap()], &[]);
    server.login("alice").ask("/ping here", &["* pong here"]);
    for number in 0..3 {
        let mut command = Command::new(PROGRAM);
        let copy = server.dir.0.join(format!("copy{number}"));
        let output = command.args(["backup", "--store"]).arg(&store).arg(&copy).output().expect("output");
        assert!(output.status.success() && copy.exists(), "{output:?}");
        server.upgrade();
    }
    let is_socket = |entry: &fs::DirEntry| entry.file_type().expect("a type").is_socket();
    let sockets = || fs::read_dir(store.parent().unwrap()).expect("a folder").flatten().filter(is_socket).count();
    assert_eq!(sockets(), 1);
    server.send_signal(Signal::TERM);
    super::await_end(server.pid);
    assert_eq!(sockets(), 0);
}

#[test]
fn ports_are_shared_after_an_upgrade_as_the_new_settings_say() {
    let dir = TestDir::new();
    let config = dir.0.join("chinwag.toml");
    fs::write(&config, "").expect("a file");
    let mut server = Replaceable::start_in(dir, &["--config", config.to_str().unwrap()], &[]);
    let mut alice = server.login("alice");
    let addr = server.addr.to_string();
    let second = |more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["--reuse-port", "--name", "second", "--listen", &addr]).args(more);
        command
    };
    let refused = second(&[]).output().expect("output");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("address already in use"), "{refused:?}");
    fs::write(&config, "reuse-port = true\nweb = \"127.0.0.1:0\"\n").expect("a file");
    server.ask_upgrade();
    let line = server.log.until("listening on http://");
    server.await_upgrade();
    let web = line.rsplit('/').next().expect("an address");
    for _ in 0..2 {
        let _shared = Server::spawn(second(&["--web", web]));
        await_connection(server.addr, "chinwag");
        await_connection(server.addr, "second");
        server.upgrade();
        await_connection(server.addr, "chinwag");
        await_connection(server.addr, "second");
    }
    alice.ask("/ping here", &["* pong here"]);
}
