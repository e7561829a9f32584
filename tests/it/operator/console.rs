//! The operator's console on a pipe, a file, and no input at all.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::ChildStdout;

use crate::harness::{Client, Lines, Server, mask_time};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const DETACHED: &str = "* End of input: the console is detached, the server runs on.";
const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// Expects the next lines of the console, with `[T]` for the time.
#[track_caller]
pub fn shows(server: &mut Server, expected: &[&str]) {
    for line in expected {
        let next = server.console.next().map(|line| mask_time(&line));
        assert_eq!(next.as_deref(), Some(*line));
    }
}

/// Types a line and expects these.
#[track_caller]
pub fn ask(server: &mut Server, line: &str, expected: &[&str]) {
    server.type_in(&format!("{line}\n"));
    shows(server, expected);
}

/// Expects no line: the next one is the answer to a ping.
#[track_caller]
fn shows_nothing(server: &mut Server) {
    ask(server, "/ping nothing", &["* pong nothing"]);
}

/// A server with a console and these members, each from its own address; the console has shown them.
pub fn with_people<const N: usize>(names: [&str; N]) -> (Server, [Client; N]) {
    let mut server = Server::start(&["--console"]);
    let mut all: Vec<Client> = Vec::new();
    for (n, name) in names.into_iter().enumerate() {
        let client = Client::connect_from([127, 0, 0, n as u8 + 1], server.addr).log_in(name);
        for earlier in &mut all {
            earlier.expect(&format!("* {name} joined ({} here)", n + 1));
        }
        server.console.until(&format!("* {name} joined ({} here)", n + 1));
        all.push(client);
    }
    (server, all.try_into().unwrap_or_else(|_| unreachable!("one for each name")))
}

#[test]
fn console_shows_joins_messages_and_leaves() {
    let mut server = Server::start(&["--console"]);
    let alice = server.connect();
    let addr = alice.addr();
    shows(&mut server, &[&format!("* connected {addr} (1 connected)")]);
    let mut alice = alice.log_in("alice");
    shows(&mut server, &["* alice joined (1 here)"]);
    alice.send("hello\n/me waves\n/say /me\n/nick alicia\n");
    alice.expect("* alice is now called alicia");
    shows(&mut server, &["[T] alice: hello", "[T] * alice waves", "[T] alice: /me", "* alice is now called alicia"]);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    drop(alice);
    shows(&mut server, &["* alicia left (0 here)", &format!("* disconnected {addr} (0 connected)")]);
}

#[test]
fn client_that_never_logs_in_is_shown_as_connection_only() {
    let mut server = Server::start(&["--console"]);
    let mut unnamed = server.connect();
    let addr = unnamed.addr();
    unnamed.expect(WELCOME);
    drop(unnamed);
    shows(
        &mut server,
        &[&format!("* connected {addr} (1 connected)"), &format!("* disconnected {addr} (0 connected)")],
    );
}

#[test]
fn operator_line_is_said_in_the_lobby_as_server() {
    let (mut server, [mut alice, mut bob]) = with_people(["alice", "bob"]);
    bob.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.expect("* bob left (1 here)");
    server.type_in("good evening\n/me nods\n//slash\n@@at\n/say q\n\n");
    alice.expect_all(&[
        "[T] server: good evening",
        "[T] * server nods",
        "[T] server: /slash",
        "[T] server: @at",
        "[T] server: q",
    ]);
    bob.expect_nothing();
    alice.expect_nothing();
}

#[test]
fn events_of_other_rooms_show_the_room_name() {
    let (mut server, [mut alice, mut bob]) = with_people(["alice", "bob"]);
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    bob.expect("* alice left (1 here)");
    shows(&mut server, &["* alice left (1 here)", "* (den) alice joined (1 here)"]);
    alice.send("psst\n/me hides\n/nick eve\n");
    shows(&mut server, &["[T] (den) alice: psst", "[T] * (den) alice hides", "* (den) alice is now called eve"]);
    alice.expect("* alice is now called eve");
    alice.ask("/leave", &["* You are in lobby. 2 here: bob and you."]);
    shows(&mut server, &["* (den) eve left (0 here)", "* eve joined (2 here)"]);
}

#[test]
fn operator_receives_and_sends_whispers() {
    let (mut server, [mut alice, mut bob]) = with_people(["alice", "bob"]);
    ask(&mut server, "@alice psst", &["[T] you -> alice: psst"]);
    alice.expect("[T] server -> you: psst");
    alice.ask("/r yes?", &["[T] you -> server: yes?"]);
    shows(&mut server, &["[T] alice -> you: yes?"]);
    bob.ask("@server hello", &["[T] you -> server: hello"]);
    shows(&mut server, &["[T] bob -> you: hello"]);
    ask(&mut server, "/r you too", &["[T] you -> bob: you too"]);
    bob.expect("[T] server -> you: you too");
    bob.ask("/msg SERVER again", &["[T] you -> server: again"]);
    shows(&mut server, &["[T] bob -> you: again"]);
    ask(&mut server, "@nobody psst", &["! Nobody here is called nobody."]);
    alice.expect_nothing();
}

#[test]
fn whispers_between_members_are_not_shown() {
    let (mut server, [mut alice, mut bob]) = with_people(["alice", "bob"]);
    alice.ask("@bob secret", &["[T] you -> bob: secret"]);
    bob.expect("[T] alice -> you: secret");
    bob.ask("/r secret too", &["[T] you -> alice: secret too"]);
    alice.expect("[T] bob -> you: secret too");
    shows_nothing(&mut server);
}

#[test]
fn whisper_to_server_without_console_is_refused() {
    let server = Server::start(&["--console=off"]);
    let mut alice = server.login("alice");
    alice.ask("@server hello", &["! Nobody here is called server."]);
}

#[test]
fn operator_lists_members_and_statistics() {
    let (mut server, [alice, mut bob]) = with_people(["alice", "bob"]);
    let (a, b) = (alice.addr(), bob.addr());
    ask(&mut server, "/who", &[&format!("* 2 in lobby: alice {a} and bob {b}.")]);
    bob.ask("/join den", &["* You are in den. 1 here: you."]);
    shows(&mut server, &["* bob left (1 here)", "* (den) bob joined (1 here)"]);
    ask(&mut server, "/rooms", &["* 2 rooms: den (1), lobby (1)"]);
    ask(&mut server, "/who den", &[&format!("* 1 in den: bob {b}.")]);
    ask(&mut server, "/who attic", &["! There is no room attic. /rooms lists them, /join attic makes it."]);
    let waiting = server.connect();
    shows(&mut server, &[&format!("* connected {} (3 connected)", waiting.addr())]);
    server.type_in("/stats\n");
    let line = server.console.next().expect("a line");
    assert!(line.starts_with("* uptime "), "{line}");
    assert!(line.ends_with(" s, 3 connected, 3 admitted, 2 here, 0 waiting, rooms: 2"), "{line}");
    shows(&mut server, &["* 3 connections, 0 refused, 0 dropped as too slow"]);
    let line = server.console.next().expect("a line");
    assert!(line.starts_with("* 0 messages, 0.0 a second, 0 whispers, "), "{line}");
    shows(&mut server, &["* no client is behind"]);
    ask(&mut server, "/nonsense", &["! There is no command /nonsense. /help lists them."]);
    server.type_in("/help\n");
    server.console.until("/shutdown");
}

#[test]
fn statistics_name_the_slowest_readers() {
    let mut server = Server::start(&["--console", "--rate", "0", "--backlog-bytes", "10000000"]);
    let mut alice = server.login("alice");
    let slow = Client::connect_slow(server.addr).log_in("slow");
    alice.expect("* slow joined (2 here)");
    let line = format!("{}\n", "x".repeat(4000));
    let behind = loop {
        for _ in 0..100 {
            alice.send(&line);
        }
        alice.ask("/ping done", &["* pong done"]);
        server.type_in("/stats\n");
        server.console.until("bytes written");
        let answer = server.console.next().expect("a line");
        if answer != "* no client is behind" {
            break answer;
        }
    };
    let shown = behind.strip_prefix(&format!("* slow {} is ", slow.addr())).unwrap_or_else(|| panic!("{behind}"));
    let bytes: u64 = shown.strip_suffix(" bytes behind").and_then(|bytes| bytes.parse().ok()).expect("a number");
    assert!(bytes > 0 && bytes < 10_000_000, "{behind}");
}

#[test]
fn shutdown_command_ends_the_server() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    server.type_in("/shutdown\n");
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    shows(&mut server, &[SHUTTING_DOWN]);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn quit_does_not_end_the_server() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    for typed in ["q", "quit", "EXIT", "/quit"] {
        ask(&mut server, typed, &["! /shutdown ends the server; /say q says it."]);
    }
    alice.expect_nothing();
}

#[test]
fn end_of_input_detaches_the_console() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    server.type_in("unended last words");
    server.stdin = None;
    alice.expect("[T] server: unended last words");
    shows(&mut server, &[DETACHED]);
    alice.send("still here\n");
    shows(&mut server, &["[T] alice: still here"]);
    let ticks = server.cpu_ticks();
    assert!(!alice.readable_within(std::time::Duration::from_millis(500)));
    assert!(server.cpu_ticks() - ticks < 10, "the end of input keeps the server busy");
    alice.expect_nothing();
}

#[test]
fn operator_lines_have_the_limits_of_members() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    let long = "x".repeat(5000);
    ask(&mut server, &long, &["! That line is too long (4096 bytes at most); it was not said."]);
    server.type_in("\u{1b}[31mred\u{1b}[0m\u{7}\r\n");
    alice.expect("[T] server: red");
    use std::io::Write;
    server.stdin.as_mut().expect("stdin").write_all(b"caf\xe9\n").expect("write");
    shows(&mut server, &["! That line is not UTF-8; it was not said."]);
    alice.expect_nothing();
}

#[test]
fn escape_sequences_do_not_reach_the_console() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    alice.send("\u{1b}[2J\u{9b}31mboo\u{202e}\n");
    shows(&mut server, &["[T] alice: boo"]);
    alice.ask("/quit \u{1b}]0;x\u{7}bye", &["* Goodbye."]);
    shows(&mut server, &["* alice left: \"bye\" (0 here)"]);
}

#[test]
fn input_from_a_file_is_processed_line_by_line() {
    let path = format!("{}/console-{}.txt", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::write(&path, "/ping one\nhello from a file\n/rooms").expect("a file");
    let mut server = Server::in_shell(&format!("exec \"$0\" \"$@\" < '{path}'"), &["--console"]);
    shows(&mut server, &["* pong one", "* 1 room: lobby (0)", DETACHED]);
    let mut alice = server.login("alice");
    alice.expect_all(&[
        "* --- the last 1 message ---",
        "[T] server: hello from a file",
        "* --- you are up to date ---",
    ]);
    std::fs::remove_file(path).expect("the file again");
}

#[test]
fn empty_input_detaches_the_console_at_once() {
    for input in ["</dev/null", "<&-"] {
        let mut server = Server::in_shell(&format!("exec \"$0\" \"$@\" {input}"), &["--console"]);
        shows(&mut server, &[DETACHED]);
        let mut alice = server.login("alice");
        alice.expect_nothing();
        let ticks = server.cpu_ticks();
        assert!(!alice.readable_within(std::time::Duration::from_millis(500)));
        assert!(server.cpu_ticks() - ticks < 10, "{input} keeps the server busy");
    }
}

#[test]
fn console_with_broken_output_still_accepts_commands() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    // Closes the pipe that the server writes to.
    server.console = Lines::new(ChildStdout::from(OwnedFd::from(File::open("/dev/null").expect("/dev/null"))));
    alice.send("does anybody read this?\n");
    server.type_in("/me does not\n");
    alice.expect("[T] * server does not");
    alice.send("and this?\n");
    server.type_in("/shutdown\n");
    alice.expect(SHUTTING_DOWN);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn console_with_closed_output_still_accepts_commands() {
    let mut server = Server::in_shell("exec \"$0\" \"$@\" >&-", &["--console"]);
    let mut alice = server.login("alice");
    alice.send("hello\n");
    server.type_in("good evening\n");
    alice.expect("[T] server: good evening");
    alice.expect_nothing();
}

#[test]
fn unread_console_delays_no_client() {
    let (mut server, [mut alice]) = with_people(["alice"]);
    let text = "x".repeat(4000);
    for n in 0..200 {
        server.type_in(&format!("/ping {n} {text}\n"));
    }
    server.type_in("still here\n");
    alice.expect("[T] server: still here");
    alice.expect_nothing();
    for n in 0..50 {
        shows(&mut server, &[&format!("* pong {n} {text}")]);
    }
    let told = server.console.until(" dropped here, since they were not read in time.");
    assert!(told.starts_with("* "), "{told}");
}

#[test]
fn console_is_off_on_a_pipe_by_default() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    server.type_in("hello?\n/shutdown\n");
    alice.send("hello\n");
    alice.expect_nothing();
    server.signal(rustix::process::Signal::TERM);
    alice.expect(SHUTTING_DOWN);
    assert_eq!(server.console.rest(), [""; 0]);
}
