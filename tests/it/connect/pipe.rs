//! Lines in, lines out, for scripts.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::connect::{Other, Output, output};
use crate::harness::{DEADLINE, Lines, PROGRAM, Server, mask_time};

fn start(addr: impl ToString, args: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("connect").arg(addr.to_string()).args(args).env_remove("CHINWAG_NICK");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the client")
}

/// Gives it all of its input at once.
fn run(addr: impl ToString, args: &[&str], input: &str) -> Output {
    let mut child = start(addr, args);
    let mut stdin = child.stdin.take().expect("standard input");
    // Who is refused may have ended before all is written.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    output(child)
}

fn lines(output: &Output) -> Vec<String> {
    output.stdout.lines().map(mask_time).collect()
}

/// An address where nothing listens.
fn closed() -> SocketAddr {
    Other::start().addr()
}

#[test]
fn everything_is_sent_and_what_is_owed_is_waited_for() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let done = run(server.addr, &[], "carol\nhello\n/who\n/ping last");
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        lines(&done),
        [
            "* Welcome to chinwag. Type a nickname and press Enter:",
            "* You are carol. 2 here: bob and you. /help lists the commands.",
            "* 2 here: bob and you.",
            "* pong last",
        ]
    );
    assert!(!done.stdout.contains('\r'), "line ends are those of this system");
    bob.expect_all(&["* carol joined (2 here)", "[T] carol: hello", "* carol left (1 here)"]);
}

#[test]
fn with_a_nickname_all_of_the_input_is_said() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let done = run(server.addr, &["--nick", "carol"], "dan\nq\n");
    assert_eq!(done.code, Some(0));
    assert_eq!(done.stdout.lines().last(), Some("* Goodbye."));
    bob.expect_all(&["* carol joined (2 here)", "[T] carol: dan", "* carol left (1 here)"]);
}

#[test]
fn the_nickname_can_come_from_the_environment_and_waits_in_line_with_the_input() {
    let server = Server::start(&["--max-clients", "1"]);
    let bob = server.login("bob");
    let mut command = Command::new("sh");
    command.args(["-c", "echo hello | CHINWAG_NICK=carol \"$0\" connect \"$1\"", PROGRAM, &server.addr.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a shell");
    let mut stdout = Lines::new(child.stdout.take().expect("standard output"));
    assert_eq!(stdout.next().as_deref(), Some("* The room is full. You are number 1 in line."));
    drop(bob);
    let rest = stdout.rest();
    assert!(rest.iter().any(|line| line.starts_with("* You are carol.")), "{rest:?}");
    assert!(rest.iter().all(|line| !line.starts_with('!')), "what was typed meanwhile was lost: {rest:?}");
    assert!(crate::harness::wait(&mut child).success());
    let mut dan = server.login("dan");
    dan.until("] carol: hello");
}

#[test]
fn a_nickname_that_is_refused_is_told_and_nothing_is_said_under_another() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    for (name, why) in [("bob", "The nickname bob is taken"), ("b b", "A nickname is 1 to 24 characters wide")] {
        let done = run(server.addr, &["--nick", name], "carol\nhello\n");
        assert_eq!(done.code, Some(1));
        assert!(
            done.stderr.starts_with(&format!("chinwag: the server does not take {name}: {why}")),
            "{}",
            done.stderr
        );
        assert_eq!(done.stderr.lines().count(), 1);
    }
    bob.expect_nothing();
}

#[test]
fn one_who_does_not_get_in_is_told() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "0"]);
    let _bob = server.login("bob");
    let done = run(server.addr, &["--nick", "carol"], "hello\n");
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stdout, "! The room and the waiting line are full. Try again later.\n");
    assert_eq!(done.stderr, "chinwag: the server closed the connection before one was in; see its last lines\n");
}

#[test]
fn a_server_that_cannot_be_reached_is_told_in_one_line() {
    let addr = closed();
    let done = run(addr, &[], "");
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
    assert_eq!(done.stderr, format!("chinwag: cannot connect to {addr}: connection refused\n"));
    let done = run("no.such.host.invalid:1", &[], "");
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.starts_with("chinwag: cannot find the host no.such.host.invalid: "), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1);
    assert_eq!(run("a b", &[], "").code, Some(2));
}

#[test]
fn the_end_of_the_server_is_a_normal_one_and_a_broken_connection_is_not() {
    let other = Other::start();
    let child = start(other.addr(), &[]);
    other.accept().write("bye\n");
    let done = output(child);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "bye\n"));
    let mut child = start(other.addr(), &[]);
    let mut peer = other.accept();
    peer.write("half a li");
    let mut got = [0; 9];
    child.stdout.as_mut().expect("standard output").read_exact(&mut got).expect("what has come");
    // A close without lingering is a reset.
    socket2::SockRef::from(&peer.stream).set_linger(Some(std::time::Duration::ZERO)).expect("linger");
    drop(peer);
    let done = output(child);
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stderr, "chinwag: the connection was lost: connection reset by peer\n");
}

#[test]
fn a_reader_who_has_enough_ends_it_quietly() {
    let server = Server::start(&[]);
    let script = "yes /ping | \"$0\" connect \"$1\" --nick carol | head -n 1; echo ${PIPESTATUS[1]}";
    let mut command = Command::new("bash");
    command.args(["-c", script, PROGRAM, &server.addr.to_string()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
    let done = output(child);
    assert_eq!(done.stdout, "* Welcome to chinwag. Type a nickname and press Enter:\n0\n", "{}", done.stderr);
}

#[test]
fn what_one_side_does_not_take_is_not_read_from_the_other() {
    // 10 MB of lines each way, with a server that does not read at first.
    let other = Other::start();
    let mut child = start(other.addr(), &[]);
    let mut stdin = child.stdin.take().expect("standard input");
    let mut peer = other.accept();
    let line = format!("{}\n", "x".repeat(999));
    let mut sent = 0;
    rustix::io::ioctl_fionbio(&stdin, true).expect("O_NONBLOCK");
    let until = std::time::Instant::now() + DEADLINE;
    // Full once nothing has gone through for a second.
    while crate::connect::writable(&stdin, std::time::Duration::from_secs(1)) {
        assert!(std::time::Instant::now() < until, "{sent} bytes went into a client whose server reads nothing");
        sent += stdin.write(line.as_bytes()).unwrap_or(0);
    }
    assert!(sent < 12_000_000, "{sent} bytes are held");
    let rss = std::fs::read_to_string(format!("/proc/{}/statm", child.id())).expect("statm");
    let pages: usize = rss.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages");
    assert!(pages * 4096 < 16 << 20, "{pages} pages");
    drop(stdin);
    let mut got = 0;
    while let Some(text) = peer.line() {
        got += text.len() + 1;
    }
    assert!(got == sent || got == sent + 1, "{got} of {sent} bytes");
    drop(peer);
    assert_eq!(output(child).code, Some(0));
}

#[test]
fn a_prompt_without_an_end_is_written_and_its_line_only_once() {
    let other = Other::start();
    let mut child = start(other.addr(), &[]);
    let mut peer = other.accept();
    peer.write("\x1b[2JYour name: ");
    let mut stdout = child.stdout.take().expect("standard output");
    let mut got = [0; 11];
    stdout.read_exact(&mut got).expect("the prompt");
    assert_eq!(&got, b"Your name: ");
    child.stdin.as_mut().expect("standard input").write_all(b"alice\n").expect("write");
    peer.expect("alice");
    peer.write("welcome\nbye\n");
    drop(peer);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the rest");
    assert_eq!(rest, "welcome\nbye\n");
    child.stdout = None;
    assert_eq!(output(child).code, Some(0));
}

#[test]
fn a_line_that_stops_within_a_character_is_written_once() {
    let other = Other::start();
    let mut child = start(other.addr(), &[]);
    let mut peer = other.accept();
    peer.write(b"caf\xc3");
    let mut stdout = child.stdout.take().expect("standard output");
    let mut got = [0; 3];
    stdout.read_exact(&mut got).expect("what is whole");
    assert_eq!(&got, b"caf");
    peer.write(b"\xa9\nbye\n");
    drop(peer);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the rest");
    assert_eq!(rest, "é\nbye\n");
    child.stdout = None;
    assert_eq!(output(child).code, Some(0));
}

#[test]
fn no_control_sequence_passes_even_through_a_pipe() {
    let other = Other::start();
    let child = start(other.addr(), &[]);
    let mut sent = "\x1b]0;title\x07a\x1b[31mb\x1b[0m\u{9b}2J\u{202e}c\r\n".as_bytes().to_vec();
    sent.extend_from_slice(b"caf\xe9\x07");
    other.accept().write(sent);
    let done = output(child);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "abc\ncaf\u{fffd}\n"));
}
