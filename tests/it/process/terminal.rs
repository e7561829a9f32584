//! The operator at a terminal that cannot be drawn on, and terminals that are closed.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use time::OffsetDateTime;

use crate::harness::{Client, DEADLINE, Lines, PROGRAM, Server, Signal};

const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// A server on its own terminal, and its address.
fn start(args: &[&str]) -> (PtySession, SocketAddr) {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0"]).args(args).env("TERM", "dumb");
    let mut terminal = spawn_command(command, Some(DEADLINE.as_millis() as u64)).expect("a terminal");
    let (_, line) = terminal.exp_regex(r"listening on \S+\r\n").expect("the address");
    let addr = line.trim_end().rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address");
    (terminal, addr)
}

/// Expects a line that begins with this; skips earlier lines.
#[track_caller]
fn shows(terminal: &mut PtySession, line: &str) {
    if let Err(error) = terminal.exp_string(line) {
        panic!("{line:?} is not shown: {error}");
    }
}

/// Expects the end with this code; returns the earlier output.
#[track_caller]
fn ends(mut terminal: PtySession, code: i32) -> String {
    let rest = terminal.exp_eof().expect("the end");
    match terminal.process().wait().expect("wait") {
        WaitStatus::Exited(_, ended) => assert_eq!(ended, code, "{rest}"),
        other => panic!("{other:?}: {rest}"),
    }
    rest
}

#[test]
fn console_is_on_at_a_terminal() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    shows(&mut terminal, &format!("* connected {} (1 connected)\r\n", alice.addr()));
    shows(&mut terminal, "* alice joined (1 here)\r\n");
    terminal.send_line("good evening").expect("typing");
    alice.expect("[T] server: good evening");
    alice.send("hello\n");
    shows(&mut terminal, "] alice: hello\r\n");
    terminal.send_line("/ping x").expect("typing");
    shows(&mut terminal, "* pong x\r\n");
    terminal.send_line("/shutdown").expect("typing");
    alice.expect(SHUTTING_DOWN);
    ends(terminal, 0);
}

#[test]
fn events_are_shown_once_when_log_and_console_share_a_terminal() {
    let (mut terminal, addr) = start(&[]);
    let alice = Client::connect(addr).log_in("alice");
    shows(&mut terminal, "* alice joined (1 here)\r\n");
    drop(alice);
    shows(&mut terminal, "* disconnected ");
    terminal.send_line("/shutdown").expect("typing");
    let rest = ends(terminal, 0);
    assert!(!rest.contains("disconnected") && !rest.contains("left"), "{rest}");
}

#[test]
fn interrupt_shuts_the_server_down() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.send_control('c').expect("typing");
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    let rest = ends(terminal, 0);
    assert!(rest.contains(SHUTTING_DOWN), "{rest}");
}

#[test]
fn end_of_input_detaches_the_console() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.send_control('d').expect("typing");
    shows(&mut terminal, "* End of input: the console is detached, the server runs on.\r\n");
    alice.send("still here\n");
    shows(&mut terminal, "] alice: still here\r\n");
    terminal.send_control('c').expect("typing");
    alice.expect(SHUTTING_DOWN);
    ends(terminal, 0);
}

#[test]
fn console_can_be_off() {
    let (mut terminal, addr) = start(&["--console=off"]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.exp_regex(r"alice logged in from \S+ \(1 here\)\r\n").expect("the log");
    terminal.send_line("good evening").expect("typing");
    alice.expect_nothing();
    terminal.send_control('c').expect("typing");
    alice.expect(SHUTTING_DOWN);
    ends(terminal, 0);
}

/// A server whose terminal can be closed: the test holds the other side of it.
fn start_closable(args: &[&str], term: &str) -> (Server, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).expect("a terminal");
    grantpt(&master).expect("grantpt");
    unlockpt(&master).expect("unlockpt");
    let name = ptsname(&master, Vec::new()).expect("a name");
    let side = || {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        Stdio::from(rustix::fs::open(&*name, flags, Mode::empty()).expect("the terminal"))
    };
    // It gets the hangup of the terminal, which belongs to its session.
    let mut command = Command::new("setsid");
    command.args(["--ctty", PROGRAM, "--listen", "127.0.0.1:0"]).args(args).env("TERM", term);
    let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().expect("the program starts");
    drop(command);
    let mut shown = Lines::new(File::from(master.try_clone().expect("the terminal")));
    let line = shown.until("listening on ");
    let addr = line.rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address");
    let nothing = || OwnedFd::from(File::open("/dev/null").expect("/dev/null"));
    let (log, console) = (Lines::new(nothing().into()), Lines::new(nothing().into()));
    (Server { child, addr, log, console, stdin: None }, master)
}

#[test]
fn server_survives_a_closed_terminal() {
    for (args, term) in [(&[][..], "dumb"), (&["-v"], "dumb"), (&["-v"], "xterm"), (&["--console=off"], "xterm")] {
        let (mut server, terminal) = start_closable(args, term);
        let mut alice = server.login("alice");
        let mut bob = server.login("bob");
        alice.expect("* bob joined (2 here)");
        drop(terminal);
        for n in 0..20 {
            alice.ask(&format!("still here {n}\n/ping"), &["* pong"]);
            bob.expect(&format!("[T] alice: still here {n}"));
        }
        let ticks = server.cpu_ticks();
        assert!(!bob.readable_within(Duration::from_millis(500)));
        assert!(server.cpu_ticks() - ticks < 10, "a closed terminal keeps the server busy");
        server.signal(Signal::TERM);
        alice.expect(SHUTTING_DOWN);
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn p2p_ends_when_the_terminal_is_closed() {
    for term in ["dumb", "xterm"] {
        let (mut server, terminal) = start_closable(&["--mode", "p2p"], term);
        let mut peer = server.connect();
        peer.line();
        drop(terminal);
        peer.expect(SHUTTING_DOWN);
        peer.expect_end();
        assert_eq!(server.wait().code(), Some(0));
    }
}

/// The output of console and log for these commands, up to the end of the server.
fn output_of(orders: &[&str]) -> String {
    let (mut terminal, addr) = start(&[]);
    let _alice = Client::connect(addr).log_in("alice");
    shows(&mut terminal, "* alice joined (1 here)\r\n");
    for (n, order) in orders.iter().enumerate() {
        terminal.send_line(order).expect("typing");
        terminal.send_line(&format!("/ping {n}")).expect("typing");
    }
    let before = terminal.exp_string(&format!("* pong {}\r\n", orders.len() - 1)).expect("an answer");
    terminal.send_control('c').expect("typing");
    before + &ends(terminal, 0)
}

#[test]
fn operator_actions_are_shown_once() {
    let said = output_of(&["/mute alice", "/unmute alice", "/ban 127.0.0.9", "/unban 127.0.0.9", "/kick alice"]);
    for told in ["alice is muted", "alice is no longer muted", "127.0.0.9 is banned", "127.0.0.9 is no longer banned"] {
        assert_eq!(said.matches(told).count(), 1, "{told}: {said}");
    }
    assert_eq!(said.matches("alice left").count(), 1, "{said}");
    assert_eq!(said.matches("shutting down").count(), 1, "{said}");
}

#[test]
fn console_and_log_on_one_screen_share_a_time_zone() {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0"]).env("TERM", "dumb").env("TZ", "XXX-05:30");
    let mut terminal = spawn_command(command, Some(DEADLINE.as_millis() as u64)).expect("a terminal");
    let (before, line) = terminal.exp_regex(r"listening on \S+\r\n").expect("the address");
    let told = strip_ansi(&before);
    assert!(told.contains(" +05:30 INFO ") && !told.contains("times are local"), "{told:?}");
    let mut lines = told.lines();
    let hour = |line: &str| line.split([' ', ':']).nth(1).map(str::to_owned);
    let (utc, minutes) = (OffsetDateTime::now_utc(), Duration::from_secs(330 * 60));
    let first = lines.next().and_then(hour);
    // The hour may have changed meanwhile.
    let likely = [utc + minutes, utc + minutes - Duration::from_secs(60)].map(|at| format!("{:02}", at.hour()));
    assert!(first.is_some_and(|hour| likely.contains(&hour)), "{told:?} at {utc}");
    assert!(!told.contains('Z'), "{told:?}");
    let addr: SocketAddr = line.trim_end().rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address");
    Client::connect(addr).log_in("alice").send("hello\n");
    let (_, said) = terminal.exp_regex(r"\[\d\d:\d\d:\d\d\] alice: hello\r\n").expect("what is said");
    assert!(likely.iter().any(|hour| said.starts_with(&format!("[{hour}:"))), "{said}");
    terminal.send_control('c').expect("typing");
    ends(terminal, 0);
}

#[test]
fn log_alone_on_a_terminal_has_local_times_with_their_offset() {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--console=off"]).env("TZ", "XXX+03:15");
    let mut terminal = spawn_command(command, Some(DEADLINE.as_millis() as u64)).expect("a terminal");
    let (before, _) = terminal.exp_regex(r"listening on \S+\r\n").expect("the address");
    let told = strip_ansi(&before);
    assert!(told.contains(" -03:15 INFO ") && !told.contains('Z') && !told.contains("times are local"), "{told:?}");
    terminal.send_control('c').expect("typing");
    let rest = strip_ansi(&ends(terminal, 0));
    assert!(rest.lines().any(|line| line.contains(" -03:15 INFO ") && line.contains("signal 2")), "{rest}");
}

#[test]
fn json_log_on_a_terminal_is_in_utc_without_colours() {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json"]).env("TERM", "dumb").env("TZ", "XXX-05:30");
    let mut terminal = spawn_command(command, Some(DEADLINE.as_millis() as u64)).expect("a terminal");
    let (before, line) = terminal.exp_regex(r#"listening on [^"]+"\}\r\n"#).expect("the address");
    let object: serde_json::Value = serde_json::from_str(&format!("{before}{line}")).expect("JSON");
    assert!(object["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{object}");
    terminal.send_control('c').expect("typing");
    ends(terminal, 0);
}

/// Without the colours.
fn strip_ansi(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn p2p_ends_when_the_peer_leaves() {
    let (mut terminal, addr) = start(&["--mode", "p2p"]);
    let mut peer = Client::connect(addr);
    let name = peer.addr();
    peer.expect(&format!("* You are {name}, talking with the server's operator. /help lists the commands."));
    shows(&mut terminal, &format!("* {name} joined (1 here)\r\n"));
    terminal.send_line("hello").expect("typing");
    peer.expect("[T] server: hello");
    peer.send("hello yourself\n");
    shows(&mut terminal, &format!("] {name}: hello yourself\r\n"));
    peer.send("quit\n");
    peer.expect("* Goodbye.");
    peer.expect_end();
    shows(&mut terminal, &format!("* {name} has left; the server ends.\r\n"));
    ends(terminal, 0);
}

#[test]
fn operator_leaves_p2p_with_q() {
    let (mut terminal, addr) = start(&["--mode", "p2p"]);
    let mut peer = Client::connect(addr);
    peer.line();
    terminal.send_line("q").expect("typing");
    peer.expect(SHUTTING_DOWN);
    peer.expect_end();
    ends(terminal, 0);
}
