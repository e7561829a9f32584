//! Tests of stores that fail, at start or later.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::{TestDir, end, kill, refused, shown};
use crate::harness::{Client, PROGRAM, Server};
use crate::web::Raw;

/// Starts a server whose files are limited to that many blocks of 512 bytes.
fn start_limited(dir: &TestDir, blocks: u32, args: &[&str]) -> Server {
    let script = format!("ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, PROGRAM, "--listen", "127.0.0.1:0", "--store"]).arg(dir.file());
    command.args(["--rate", "0", "--console"]).args(args);
    Server::spawn(command)
}

fn make_space(server: &Server) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit { current: maximum, maximum };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Fsize, limit).expect("prlimit");
}

/// The server and the address of its metrics.
fn with_metrics(mut server: Server) -> (Server, SocketAddr) {
    let line = server.log.until("metrics on http://");
    let addr = line.split("http://").nth(1).and_then(|addr| addr.strip_suffix("/metrics")).expect("an address");
    let addr = addr.parse().expect("an address");
    (server, addr)
}

/// The value of a metric.
fn metric(addr: SocketAddr, name: &str) -> u64 {
    let mut raw = Raw::connect(addr);
    raw.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (_, text) = raw.answer();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect("a metric");
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

const FAILS: &str = "* Messages cannot be stored at present and are kept in memory: ";

/// Sends numbered lines until the store reports a full disk; returns their number.
fn fill(server: &mut Server, alice: &mut Client) -> usize {
    let padding = "x".repeat(1000);
    let mut said = 0;
    loop {
        let lines: String = (0..50).map(|n| format!("{} {padding}\n", said + n)).collect();
        alice.ask(&format!("{lines}/ping"), &["* pong"]);
        said += 50;
        server.type_in("/ping full\n");
        loop {
            match server.console.next().expect("a line") {
                line if line.starts_with(FAILS) => return said,
                line if line == "* pong full" => break,
                _ => {}
            }
        }
    }
}

#[test]
fn full_disk_buffers_messages_and_stores_them_when_space_is_free() {
    let dir = TestDir::new();
    let (mut server, metrics) = with_metrics(start_limited(&dir, 1000, &["--admin", "127.0.0.1:0"]));
    let mut alice = server.login("alice");
    let said = fill(&mut server, &mut alice);
    assert_eq!(metric(metrics, "chinwag_store_up"), 0);
    assert!(metric(metrics, "chinwag_store_waiting") > 0);
    assert_eq!(metric(metrics, "chinwag_store_faults_total"), 1);
    let mut bob = server.login("bob");
    bob.until("up to date");
    alice.expect("* bob joined (2 here)");
    alice.send("still here\n");
    bob.expect("[T] alice: still here");
    // Buffered messages are found together with stored ones.
    bob.send("/history 3\n/search still here\n");
    bob.expect("* --- the last 3 messages ---");
    assert!(bob.line().starts_with(&format!("[T] alice: {} x", said - 2)));
    assert!(bob.line().starts_with(&format!("[T] alice: {} x", said - 1)));
    bob.expect("[T] alice: still here");
    bob.until("/history before ");
    bob.expect("* --- 1 message with still here ---");
    bob.until("no older ones");

    make_space(&server);
    server.console.until("* Messages are stored again, and waiting ones were written (");
    assert_eq!(metric(metrics, "chinwag_store_up"), 1);
    assert_eq!(metric(metrics, "chinwag_store_waiting"), 0);
    assert_eq!(metric(metrics, "chinwag_store_lost_total"), 0);
    alice.ask("and again\n/ping", &["* pong"]);
    server.log.until(" ERROR ");
    kill(server);

    let server = dir.start(&["--rate", "0"]);
    let mut carol = server.login("carol");
    carol.until("up to date");
    let mut found = Vec::new();
    let mut command = "/history 100".to_owned();
    loop {
        carol.send(&format!("{command}\n"));
        let mut page = Vec::new();
        let end = loop {
            let line = carol.line();
            match line.strip_prefix("[T] alice: ") {
                Some(text) => page.push(text.split(" x").next().expect("a word").to_owned()),
                None if line.starts_with("* --- the last ") => {}
                None => break line,
            }
        };
        page.append(&mut found);
        found = page;
        match end.strip_prefix("* --- for what was said before: ") {
            Some(next) => command = format!("{} 100", next.split([';', '-']).next().expect("a command")),
            None => break,
        }
    }
    let expected: Vec<String> =
        (0..said).map(|n| n.to_string()).chain(["still here", "and again"].map(String::from)).collect();
    assert_eq!(found, expected);
}

#[test]
fn buffered_messages_over_the_limit_are_reported_as_lost() {
    let dir = TestDir::new();
    let (mut server, metrics) = with_metrics(start_limited(&dir, 1000, &["--admin", "127.0.0.1:0"]));
    let mut alice = server.login("alice");
    fill(&mut server, &mut alice);
    let padding = "x".repeat(4000);
    // 18 MiB, of which 16 MiB can be buffered.
    for n in 0..90 {
        alice.ask(&format!("{}/ping", format!("{n} {padding}\n").repeat(50)), &["* pong"]);
    }
    let lost = metric(metrics, "chinwag_store_lost_total");
    assert!(lost > 0);
    make_space(&server);
    let line = server.console.until("* Messages are stored again");
    assert!(line.contains(&format!("; {lost} others dropped.")), "{line}");
    server.log.until("the oldest are dropped");
    server.log.until(&format!("{lost} lost"));
    kill(server);
    // The newest messages are stored.
    let server = dir.start(&[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    bob.ask("/history 1", &["* --- the last 1 message ---", &format!("[T] alice: 89 {padding}")]);
}

#[test]
fn shutdown_with_a_failing_store_reports_what_is_lost() {
    let dir = TestDir::new();
    let mut server = start_limited(&dir, 1000, &[]);
    let mut alice = server.login("alice");
    fill(&mut server, &mut alice);
    let log = end(server);
    let last = log.iter().rfind(|line| line.contains(" ERROR ")).expect("an error");
    assert!(last.contains(" records were not stored and are lost"), "{last}");
    // And if there is space by then nothing is.
    let dir = TestDir::new();
    let mut server = start_limited(&dir, 1000, &[]);
    let mut alice = server.login("alice");
    let said = fill(&mut server, &mut alice);
    make_space(&server);
    let log = end(server);
    assert!(log.iter().any(|line| line.contains("all records are stored")), "{log:?}");
    let server = dir.start(&["--history", "1"]);
    let mut bob = server.login("bob");
    assert!(shown(&mut bob)[1].starts_with(&format!("[T] alice: {} x", said - 1)));
}

#[test]
fn moved_file_is_reported_and_used_again_when_it_is_back() {
    let dir = TestDir::new();
    let mut server = dir.start(&["--console"]);
    let mut alice = server.login("alice");
    alice.ask("one\n/ping", &["* pong"]);
    let away = dir.0.join("away.db");
    fs::rename(dir.file(), &away).expect("rename");
    alice.ask("two\n/ping", &["* pong"]);
    let line = server.console.until(FAILS);
    assert!(line.contains("was moved or removed"), "{line}");
    // The first retry after 2.5 seconds fails too.
    server.log.until(" WARN ");
    alice.ask("three\n/ping", &["* pong"]);
    fs::rename(&away, dir.file()).expect("rename");
    server.console.until("* Messages are stored again");
    kill(server);
    let server = dir.start(&[]);
    let mut bob = server.login("bob");
    assert_eq!(shown(&mut bob)[1..4], ["[T] alice: one", "[T] alice: two", "[T] alice: three"]);
}

#[test]
fn unusable_file_is_refused_at_start_in_one_line() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let line = refused(dir.command(&[]));
    assert!(line.ends_with("history.db is in use by another process; stop that one first"), "{line}");
    kill(server);
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--store", "/proc/history.db"]);
    assert!(refused(command).starts_with("chinwag: "));
    fs::write(dir.file(), "something else").expect("write");
    let line = refused(dir.command(&[]));
    assert!(line.starts_with("chinwag: ") && line.contains("history.db"), "{line}");
    assert_eq!(fs::read(dir.file()).expect("read"), b"something else", "it is not changed");
    // No space at all.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\"", PROGRAM, "--listen", "127.0.0.1:0", "--store"]);
    command.arg(dir.0.join("new.db"));
    let line = refused(command);
    assert!(line.starts_with("chinwag: ") && line.contains("new.db"), "{line}");
    // A directory is not a file.
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--store"]).arg(&dir.0);
    refused(command);
}

#[test]
fn store_options_without_store_are_refused() {
    for option in [&["--keep", "3"][..], &["--keep-messages", "3"], &["--offline-whispers"], &["--sync", "full"]] {
        let output = Command::new(PROGRAM).args(option).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{option:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--store"), "{option:?}");
    }
}
