//! The file fails, at the start or later.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::{Place, end, kill, refused, shown};
use crate::harness::{Client, PROGRAM, Server};
use crate::web::Raw;

/// A server whose files may have so many blocks of 512 bytes.
fn start_limited(place: &Place, blocks: u32, args: &[&str]) -> Server {
    let script = format!("ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, PROGRAM, "--listen", "127.0.0.1:0", "--store"]).arg(place.file());
    command.args(["--rate", "0", "--console"]).args(args);
    Server::spawn(command)
}

fn make_space(server: &Server) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit { current: maximum, maximum };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Fsize, limit).expect("prlimit");
}

/// A server and where its figures are.
fn with_figures(mut server: Server) -> (Server, SocketAddr) {
    let line = server.log.until("metrics on http://");
    let addr = line.split("http://").nth(1).and_then(|addr| addr.strip_suffix("/metrics")).expect("an address");
    let addr = addr.parse().expect("an address");
    (server, addr)
}

/// One of its figures.
fn metric(addr: SocketAddr, name: &str) -> u64 {
    let mut raw = Raw::connect(addr);
    raw.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (_, text) = raw.answer();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect("a figure");
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

const FAILS: &str = "* What is said can no longer be stored and is kept in memory until it can: ";

/// Says numbered lines until the file is full; how many they were.
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
fn a_full_disk_stops_nobody_from_talking_and_all_is_stored_when_there_is_space_again() {
    let place = Place::new();
    let (mut server, figures) = with_figures(start_limited(&place, 1000, &["--admin", "127.0.0.1:0"]));
    let mut alice = server.login("alice");
    let said = fill(&mut server, &mut alice);
    assert_eq!(metric(figures, "chinwag_store_up"), 0);
    assert!(metric(figures, "chinwag_store_waiting") > 0);
    assert_eq!(metric(figures, "chinwag_store_faults_total"), 1);
    let mut bob = server.login("bob");
    bob.until("up to date");
    alice.expect("* bob joined (2 here)");
    alice.send("still here\n");
    bob.expect("[T] alice: still here");
    // What waits is found together with what is stored.
    bob.send("/history 3\n/search still here\n");
    bob.expect("* --- the last 3 messages ---");
    assert!(bob.line().starts_with(&format!("[T] alice: {} x", said - 2)));
    assert!(bob.line().starts_with(&format!("[T] alice: {} x", said - 1)));
    bob.expect("[T] alice: still here");
    bob.until("/history before ");
    bob.expect("* --- 1 message with still here ---");
    bob.until("no older ones");

    make_space(&server);
    server.console.until("* What is said is stored again, and so is what waited (");
    assert_eq!(metric(figures, "chinwag_store_up"), 1);
    assert_eq!(metric(figures, "chinwag_store_waiting"), 0);
    assert_eq!(metric(figures, "chinwag_store_lost_total"), 0);
    alice.ask("and again\n/ping", &["* pong"]);
    server.log.until(" ERROR ");
    kill(server);

    let server = place.start(&["--rate", "0"]);
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
            Some(next) => command = format!("{} 100", next.trim_end_matches(" ---")),
            None => break,
        }
    }
    let expected: Vec<String> =
        (0..said).map(|n| n.to_string()).chain(["still here", "and again"].map(String::from)).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_came_to_be_too_much_is_said_to_be_lost() {
    let place = Place::new();
    let (mut server, figures) = with_figures(start_limited(&place, 1000, &["--admin", "127.0.0.1:0"]));
    let mut alice = server.login("alice");
    fill(&mut server, &mut alice);
    let padding = "x".repeat(4000);
    // 18 MiB, of which 16 may wait.
    for n in 0..90 {
        alice.ask(&format!("{}/ping", format!("{n} {padding}\n").repeat(50)), &["* pong"]);
    }
    let lost = metric(figures, "chinwag_store_lost_total");
    assert!(lost > 0);
    make_space(&server);
    let line = server.console.until("* What is said is stored again");
    assert!(line.contains(&format!("; {lost} others came to be too many and are lost.")), "{line}");
    server.log.until("the oldest of it is given up");
    server.log.until(&format!("{lost} are lost"));
    kill(server);
    // The newest are there.
    let server = place.start(&[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    bob.ask("/history 1", &["* --- the last 1 message ---", &format!("[T] alice: 89 {padding}")]);
}

#[test]
fn a_server_that_ends_while_the_file_fails_says_what_is_lost() {
    let place = Place::new();
    let mut server = start_limited(&place, 1000, &[]);
    let mut alice = server.login("alice");
    fill(&mut server, &mut alice);
    let log = end(server);
    let last = log.iter().rfind(|line| line.contains(" ERROR ")).expect("an error");
    assert!(last.contains(" records were never stored and are lost"), "{last}");
    // And if there is space by then nothing is.
    let place = Place::new();
    let mut server = start_limited(&place, 1000, &[]);
    let mut alice = server.login("alice");
    let said = fill(&mut server, &mut alice);
    make_space(&server);
    let log = end(server);
    assert!(log.iter().any(|line| line.contains("everything that was said is stored")), "{log:?}");
    let server = place.start(&["--history", "1"]);
    let mut bob = server.login("bob");
    assert!(shown(&mut bob)[1].starts_with(&format!("[T] alice: {} x", said - 1)));
}

#[test]
fn a_file_that_is_taken_away_is_missed_and_gone_on_with_when_it_is_back() {
    let place = Place::new();
    let mut server = place.start(&["--console"]);
    let mut alice = server.login("alice");
    alice.ask("one\n/ping", &["* pong"]);
    let away = place.0.join("away.db");
    fs::rename(place.file(), &away).expect("rename");
    alice.ask("two\n/ping", &["* pong"]);
    let line = server.console.until(FAILS);
    assert!(line.contains("was moved or removed"), "{line}");
    // Two and a half seconds: the first try fails too.
    server.log.until(" WARN ");
    alice.ask("three\n/ping", &["* pong"]);
    fs::rename(&away, place.file()).expect("rename");
    server.console.until("* What is said is stored again");
    kill(server);
    let server = place.start(&[]);
    let mut bob = server.login("bob");
    assert_eq!(shown(&mut bob)[1..4], ["[T] alice: one", "[T] alice: two", "[T] alice: three"]);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_at_the_start_in_one_line() {
    let place = Place::new();
    let server = place.start(&[]);
    let line = refused(place.command(&[]));
    assert!(line.ends_with("history.db is in use by another process; stop that one first"), "{line}");
    kill(server);
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--store", "/proc/history.db"]);
    assert!(refused(command).starts_with("chinwag: "));
    fs::write(place.file(), "something else").expect("write");
    let line = refused(place.command(&[]));
    assert!(line.starts_with("chinwag: ") && line.contains("history.db"), "{line}");
    assert_eq!(fs::read(place.file()).expect("read"), b"something else", "it is left as it is");
    // There is no space for anything.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\"", PROGRAM, "--listen", "127.0.0.1:0", "--store"]);
    command.arg(place.0.join("new.db"));
    let line = refused(command);
    assert!(line.starts_with("chinwag: ") && line.contains("new.db"), "{line}");
    // A directory is no file.
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--store"]).arg(&place.0);
    refused(command);
}

#[test]
fn options_that_make_no_sense_without_a_file_are_refused() {
    for option in [&["--keep", "3"][..], &["--keep-messages", "3"], &["--offline-whispers"], &["--sync", "full"]] {
        let output = Command::new(PROGRAM).args(option).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{option:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--store"), "{option:?}");
    }
}
