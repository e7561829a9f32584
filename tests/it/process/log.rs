//! The log on standard error, with and without a reader.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::harness::{Client, DEADLINE, Lines, PROGRAM, Server};

const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// The next log line, which has this level, without the text before the message.
#[track_caller]
fn logged(server: &mut Server, level: &str) -> String {
    let line = server.log.next().expect("a line");
    let (before, message) = line.split_once("] ").unwrap_or_else(|| panic!("no module: {line}"));
    let mut words = before.split_whitespace();
    let (time, found) = (words.next(), words.next());
    assert!(time.is_some_and(|time| time.ends_with('Z')), "{line}");
    assert_eq!(found, Some(level), "{line}");
    message.to_owned()
}

/// Ends the server; returns all its log lines.
fn log_to_the_end(mut server: Server) -> Vec<String> {
    server.signal(Signal::TERM);
    let log = server.log.rest();
    assert_eq!(server.wait().code(), Some(0));
    log
}

/// Checks that the server ends on request.
fn ends(mut server: Server, mut client: Client) {
    client.expect_nothing();
    server.signal(Signal::TERM);
    client.expect(SHUTTING_DOWN);
    client.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn connections_logins_and_leaves_are_logged() {
    let mut server = Server::start(&[]);
    let alice = server.connect();
    let a = alice.addr();
    assert_eq!(logged(&mut server, "INFO"), format!("connected {a} (1 connected)"));
    let mut alice = alice.log_in("alice");
    assert_eq!(logged(&mut server, "INFO"), format!("alice logged in from {a} (1 here)"));
    let bob = server.connect();
    let b = bob.addr();
    assert_eq!(logged(&mut server, "INFO"), format!("connected {b} (2 connected)"));
    let bob = bob.log_in("bob");
    assert_eq!(logged(&mut server, "INFO"), format!("bob logged in from {b} (2 here)"));
    alice.expect("* bob joined (2 here)");
    bob.reset();
    assert_eq!(logged(&mut server, "INFO"), format!("bob left: connection lost, {b} (1 here)"));
    assert_eq!(logged(&mut server, "INFO"), format!("disconnected {b} (1 connected)"));
    alice.expect("* bob left: connection lost (1 here)");
    alice.ask("quit", &["* Goodbye."]);
    alice.expect_end();
    assert_eq!(logged(&mut server, "INFO"), format!("alice left: quit, {a} (0 here)"));
    drop(alice);
    assert_eq!(logged(&mut server, "INFO"), format!("disconnected {a} (0 connected)"));
}

#[test]
fn messages_are_logged_at_debug_and_whispers_never() {
    for (args, said) in [(&["-v"][..], true), (&["-vv"], true), (&[], false)] {
        let server = Server::start(args);
        let mut alice = server.login("alice");
        let mut bob = server.login("bob");
        alice.expect("* bob joined (2 here)");
        alice.send("out loud\n/me acts out\n");
        bob.expect_all(&["[T] alice: out loud", "[T] * alice acts out"]);
        alice.ask("@bob secret", &["[T] you -> bob: secret"]);
        bob.expect("[T] alice -> you: secret");
        bob.ask("/r secret too", &["[T] you -> alice: secret too"]);
        alice.expect("[T] bob -> you: secret too");
        alice.ask("/msg carol secret", &["! Nobody here is called carol."]);
        let log = log_to_the_end(server);
        for text in ["out loud", "acts out"] {
            let line = log.iter().find(|line| line.contains(text));
            assert_eq!(line.is_some(), said, "{args:?}: {log:#?}");
            assert!(line.is_none_or(|line| line.contains("DEBUG") && line.contains("alice")), "{log:#?}");
        }
        assert!(!log.iter().any(|line| line.contains("secret")), "{log:#?}");
    }
}

#[test]
fn whispers_with_the_operator_are_not_logged() {
    let mut server = Server::start(&["-vv", "--console"]);
    let mut alice = server.login("alice");
    server.type_in("@alice secret\n");
    alice.expect("[T] server -> you: secret");
    alice.ask("/r secret too", &["[T] you -> server: secret too"]);
    let log = log_to_the_end(server);
    assert!(!log.iter().any(|line| line.contains("secret")), "{log:#?}");
}

#[test]
fn client_input_does_not_break_out_of_its_log_line() {
    let server = Server::start(&["-vv", "--login-timeout", "1"]);
    let mut alice = server.connect();
    alice.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    alice.ask("al\u{1b}[31mi\u{85}c\u{2028}e", &["* You are alice. 1 here: you. /help lists the commands."]);
    alice.send("out\u{2029}side\r2026-01-01T00:00:00.000Z INFO  [chinwag] forged\u{b}\u{c} line\n");
    alice.send("/join de\u{85}n\n/nick al\u{b}ix\n");
    alice.send("/quit so\u{1b}]0;title\u{7} long\u{85}\u{2028}\r2026-01-01T00:00:00.000Z INFO  [chinwag] forged\n");
    while alice.line() != "* Goodbye." {}
    alice.expect_end();
    let addr = alice.addr();
    let log = log_to_the_end(server);
    let harmful = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    for line in &log {
        assert!(!line.contains(harmful), "{line:?}");
        assert!(line.contains("Z INFO  [chinwag::") || line.contains("Z DEBUG [chinwag::"), "{line:?}");
        assert!(!line.starts_with("2026-01-01"), "{line:?}");
    }
    assert!(log.iter().any(|line| line.ends_with(&format!("alice logged in from {addr} (1 here)"))), "{log:#?}");
    assert!(
        log.iter().any(|line| line.contains("alix left: quit") && line.ends_with(&format!("{addr} (0 here)"))),
        "{log:#?}"
    );
}

#[test]
fn log_in_a_pipe_has_no_colours() {
    let mut server = Server::start(&["-vv"]);
    let mut alice = server.login("alice");
    alice.send("hello\n");
    alice.expect_nothing();
    server.signal(Signal::TERM);
    alice.expect(SHUTTING_DOWN);
    let log = server.log.rest();
    assert!(log.len() >= 3 && !log.iter().any(|line| line.contains('\u{1b}')), "{log:#?}");
}

#[test]
fn quiet_server_does_not_log_connections() {
    let (mut server, addr) = start_without_log_reader("exec \"$0\" \"$@\" -q");
    let mut alice = Client::connect(addr).log_in("alice");
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    drop(alice);
    server.signal(Signal::TERM);
    assert_eq!(server.log.rest(), [""; 0]);
    assert_eq!(server.wait().code(), Some(0));
}

/// The address on which a process listens, from /proc.
fn listened_on_by(pid: u32) -> Option<SocketAddr> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let sockets: Vec<String> = links
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(3) == Some(&"0A") && sockets.iter().any(|socket| fields.get(9) == Some(&&**socket));
        let port = u16::from_str_radix(fields.get(1)?.split_once(':')?.1, 16).ok()?;
        listens.then(|| SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

/// Starts a server whose log cannot be read; its address is found in /proc.
fn start_without_log_reader(script: &str) -> (Server, SocketAddr) {
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM, "--listen", "127.0.0.1:0"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let end = Instant::now() + DEADLINE;
    let addr = loop {
        if let Some(addr) = listened_on_by(child.id()) {
            break addr;
        }
        assert!(child.try_wait().expect("wait").is_none(), "it has ended");
        assert!(Instant::now() < end, "it does not listen");
    };
    let log = Lines::new(child.stderr.take().expect("stderr"));
    let console = Lines::new(child.stdout.take().expect("stdout"));
    let stdin = child.stdin.take();
    (Server { child, addr, log, console, stdin }, addr)
}

#[test]
fn server_with_closed_stderr_serves() {
    let (mut server, addr) = start_without_log_reader("exec \"$0\" \"$@\" 2>&-");
    let mut alice = Client::connect(addr).log_in("alice");
    let bob = Client::connect(addr).log_in("bob");
    alice.expect("* bob joined (2 here)");
    drop(bob);
    alice.expect("* bob left (1 here)");
    assert_eq!(server.log.rest(), [""; 0]);
    ends(server, alice);
}

#[test]
fn server_with_all_streams_closed_does_not_log_to_sockets() {
    let (server, addr) = start_without_log_reader("exec \"$0\" \"$@\" <&- >&- 2>&-");
    let mut all: Vec<Client> = (0..5).map(|n| Client::connect(addr).log_in(&format!("user{n}"))).collect();
    for (n, client) in all.iter_mut().enumerate() {
        for later in n + 1..5 {
            client.expect(&format!("* user{later} joined ({} here)", later + 1));
        }
        client.expect_nothing();
    }
    drop(all.drain(1..));
    let mut first = all.remove(0);
    for _ in 1..5 {
        // Or `connection lost`, for a member who has not read all lines.
        assert!(first.line().contains(" left"));
    }
    ends(server, first);
}

#[test]
fn log_without_reader_does_not_stop_the_server() {
    let mut server = Server::start(&["-v"]);
    let mut alice = server.login("alice");
    let nothing = || OwnedFd::from(File::open("/dev/null").expect("/dev/null"));
    // Closes the pipes that the server writes to.
    server.log = Lines::new(ChildStderr::from(nothing()));
    server.console = Lines::new(ChildStdout::from(nothing()));
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    for n in 0..5 {
        alice.send(&format!("line {n}\n"));
        bob.expect(&format!("[T] alice: line {n}"));
    }
    drop(bob);
    alice.expect("* bob left (1 here)");
    ends(server, alice);
}

#[test]
fn unread_log_does_not_block_and_reports_lost_lines() {
    let mut server = Server::start(&["-v", "--rate", "0"]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    let text = "x".repeat(3000);
    for n in 0..300 {
        alice.send(&format!("{n} {text}\n"));
        bob.expect(&format!("[T] alice: {n} {text}"));
    }
    // Reading resumes in the middle of the pipe: whole lines, and then a line about the gap.
    for n in 0..50 {
        server.log.until(&format!(": alice: {n} x"));
    }
    let told = server.log.until(" lines of the log were dropped");
    assert!(told.starts_with("chinwag: "), "{told}");
    drop(bob);
    server.log.until("bob left: ");
    alice.expect("* bob left (1 here)");
    ends(server, alice);
}

/// Checks that a line of the log is an object with the four members; returns its level and message.
#[track_caller]
fn json_line(line: &str) -> (String, String) {
    let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let mut keys: Vec<&String> = object.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["level", "message", "target", "time"], "{line}");
    let text = |key: &str| object[key].as_str().unwrap_or_else(|| panic!("no text: {line}")).to_owned();
    let time = OffsetDateTime::parse(&text("time"), &Rfc3339).expect("a time");
    assert!((OffsetDateTime::now_utc() - time).abs() < DEADLINE && text("time").ends_with('Z'), "{line}");
    assert!(text("target").starts_with("chinwag"), "{line}");
    (text("level"), text("message"))
}

#[test]
fn json_log_has_an_object_in_each_line() {
    let (server, addr) = start_without_log_reader("exec \"$0\" \"$@\" -v --log-format json");
    let mut alice = Client::connect(addr).log_in("alice");
    let said = "\"quoted\" \\ 你好";
    alice.ask(&format!("{said}\n/ping"), &["* pong"]);
    let logged: Vec<(String, String)> = log_to_the_end(server).iter().map(|line| json_line(line)).collect();
    for (level, message) in [
        ("INFO", format!("listening on {addr}")),
        ("INFO", format!("alice logged in from {} (1 here)", alice.addr())),
        ("DEBUG", format!("lobby: alice: {said}")),
        ("INFO", "signal 15: shutting down".to_owned()),
    ] {
        assert!(logged.contains(&(level.to_owned(), message.clone())), "{message}: {logged:#?}");
    }
}

#[test]
fn json_log_has_the_error_that_ends_the_server() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let addr = taken.local_addr().expect("an address").to_string();
    for level in ["-v", "-qqq"] {
        let args = ["--listen", &addr, "--log-format", "json", level];
        let done = Command::new(PROGRAM).args(args).output().expect("the program");
        assert_eq!(done.status.code(), Some(1));
        let log = String::from_utf8(done.stderr).expect("UTF-8");
        let last = log.lines().last().map(json_line);
        let error = format!("cannot listen on {addr}: address already in use; choose another port, ");
        assert!(last.is_some_and(|(level, text)| level == "ERROR" && text.starts_with(&error)), "{log}");
        log.lines().for_each(|line| drop(json_line(line)));
    }
}

#[test]
fn unread_json_log_reports_lost_lines_as_json() {
    let (mut server, addr) = start_without_log_reader("exec \"$0\" \"$@\" -v --rate 0 --log-format json");
    let mut alice = Client::connect(addr).log_in("alice");
    // A quotation mark takes two bytes.
    let text = "\"".repeat(3000);
    for n in 0..150 {
        alice.ask(&format!("{n} {text}\n/ping"), &["* pong"]);
    }
    for n in 0..20 {
        let (_, message) = json_line(&server.log.until(&format!(": alice: {n} ")));
        assert!(message.ends_with(&text), "{message}");
    }
    let (level, message) = json_line(&server.log.until(" lines of the log were dropped"));
    assert_eq!(level, "WARN", "{message}");
    ends(server, alice);
}

#[test]
fn log_file_at_its_size_limit_does_not_block_and_resumes() {
    let path = format!("{}/log-{}.txt", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let (server, addr) =
        start_without_log_reader(&format!("ulimit -S -f 8; exec \"$0\" \"$@\" -v --rate 0 2> '{path}'"));
    let mut alice = Client::connect(addr).log_in("alice");
    let text = "x".repeat(1000);
    for n in 0..20 {
        alice.ask(&format!("{n} {text}\n/ping"), &["* pong"]);
    }
    assert_eq!(std::fs::metadata(&path).expect("the log").len(), 8 * 512);
    let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit { current: maximum, maximum };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Fsize, limit).expect("prlimit");
    alice.ask("again\n/ping", &["* pong"]);
    ends(server, alice);
    let log = std::fs::read_to_string(&path).expect("the log");
    std::fs::remove_file(path).expect("the log again");
    let lost = log.lines().find_map(|line| line.strip_prefix("chinwag: ")?.split(' ').next()?.parse::<usize>().ok());
    let found = log.lines().filter(|line| line.ends_with(&text)).count();
    assert_eq!(lost.map(|lost| found + lost), Some(20), "{log}");
    assert!(log.lines().any(|line| line.ends_with("alice: again")), "{log}");
}

#[test]
fn log_or_console_on_a_full_disk_does_not_block() {
    let scripts = [("2>/dev/full", "-v"), (">/dev/full", "--console")];
    for (to, option) in scripts {
        let (server, addr) = start_without_log_reader(&format!("exec \"$0\" \"$@\" {option} {to}"));
        let mut alice = Client::connect(addr).log_in("alice");
        for n in 0..20 {
            alice.ask(&format!("line {n}\n/ping"), &["* pong"]);
        }
        let ticks = server.cpu_ticks();
        assert!(!alice.readable_within(Duration::from_millis(500)));
        assert!(server.cpu_ticks() - ticks < 10, "{to} keeps the server busy");
        ends(server, alice);
    }
}

#[test]
fn log_and_console_in_one_file_have_local_times() {
    let mut server = Server::in_shell("TZ=XXX-05:30 exec \"$0\" \"$@\" 2>&1 | cat >&2", &["--console"]);
    let _alice = server.login("alice");
    let line = server.log.until(" INFO ");
    let time = line.split(' ').nth(1).expect("a time");
    assert!(time.len() == 8 && !line.contains('Z'), "{line}");
    let local = OffsetDateTime::now_utc() + Duration::from_secs(330 * 60);
    let hours = [local, local - Duration::from_secs(60)].map(|at| format!("{:02}:", at.hour()));
    assert!(hours.iter().any(|hour| time.starts_with(hour)), "{line} at {local} there");
    server.type_in("/shutdown\n");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn full_log_does_not_prevent_shutdown() {
    let server = Server::start(&["-v", "--rate", "0"]);
    let mut alice = server.login("alice");
    let text = "x".repeat(3000);
    for _ in 0..300 {
        alice.send(&format!("{text}\n"));
    }
    ends(server, alice);
}

#[test]
fn server_with_closed_stdout_serves() {
    let server = Server::in_shell("exec \"$0\" \"$@\" >&-", &[]);
    let mut alice = server.login("alice");
    let _bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    ends(server, alice);
}

#[test]
fn log_descriptors_keep_their_flags() {
    let mut server = Server::in_shell("\"$0\" \"$@\"; echo \"ended with $?\" >&2", &[]);
    // The server is the shell's child here; the shell's own descriptors are those it was given.
    let children = server.proc_file(&format!("task/{}/children", server.child.id()));
    let pid: i32 = children.trim().parse().expect("one child");
    server.login("alice");
    let flags = |name: &str| {
        let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{name}")).expect("fdinfo");
        let line = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim().to_owned();
        u32::from_str_radix(&line, 8).expect("octal")
    };
    const O_NONBLOCK: u32 = 0o4000;
    assert_eq!(flags("0") & O_NONBLOCK, 0, "the shell's input no longer blocks");
    assert_eq!(flags("1") & O_NONBLOCK, 0, "the shell's output no longer blocks");
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).expect("a pid"), Signal::TERM).expect("kill");
    server.log.until("ended with 0");
    assert_eq!(server.wait().code(), Some(0));
}
