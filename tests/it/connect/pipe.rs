//! The client in a pipe, for scripts.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::connect::{FakeServer, ProcessOutput, output};
use crate::harness::{DEADLINE, Lines, PROGRAM, Server, mask_time};

fn start(addr: impl ToString, args: &[&str]) -> Child {
    start_with(addr, args, &[])
}

/// Starts the client with further environment variables.
fn start_with(addr: impl ToString, args: &[&str], variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("connect").arg(addr.to_string()).args(args).env_remove("CHINWAG_NICK");
    command.env_remove("CHINWAG_PASSWORD").env_remove("CHINWAG_SERVER_PASSWORD").envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the client")
}

/// Runs the client with this input.
fn run(addr: impl ToString, args: &[&str], input: &str) -> ProcessOutput {
    run_with(addr, args, &[], input)
}

fn run_with(addr: impl ToString, args: &[&str], variables: &[(&str, &str)], input: &str) -> ProcessOutput {
    let mut child = start_with(addr, args, variables);
    let mut stdin = child.stdin.take().expect("standard input");
    // If the login is refused, the client may end before all is written.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    output(child)
}

fn lines(output: &ProcessOutput) -> Vec<String> {
    output.stdout.lines().map(mask_time).collect()
}

#[test]
fn server_with_another_name_and_a_motd_is_recognised() {
    let path = format!("{}/motd-{}.txt", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::write(&path, "Be kind.\n\nNo spam.\n").expect("a file");
    let server = Server::start(&["--name", "chat.example", "--motd", &path]);
    std::fs::remove_file(&path).expect("the file again");
    let done = run(server.addr, &["--nick", "carol"], "/motd\n");
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    let motd = ["* Be kind.", "* ", "* No spam."];
    let welcome = "* Welcome to chinwag at chat.example. Type a nickname and press Enter:";
    let entered = "* You are carol. 1 here: you. /help lists the commands.";
    assert_eq!(lines(&done), [&[welcome, entered], &motd[..], &motd].concat());
}

/// Returns an address where nothing listens.
fn closed() -> SocketAddr {
    FakeServer::start().addr()
}

#[test]
fn all_input_is_sent_and_all_answers_are_read() {
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
fn with_nick_option_all_input_is_sent_as_messages() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let done = run(server.addr, &["--nick", "carol"], "dan\nq\n");
    assert_eq!(done.code, Some(0));
    assert_eq!(done.stdout.lines().last(), Some("* Goodbye."));
    bob.expect_all(&["* carol joined (2 here)", "[T] carol: dan", "* carol left (1 here)"]);
}

#[test]
fn queued_client_with_nick_from_environment_keeps_input() {
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
fn refused_nickname_ends_with_error_and_sends_nothing() {
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
fn full_server_ends_with_error() {
    let server = Server::start(&["--max-clients", "1", "--max-waiting", "0"]);
    let _bob = server.login("bob");
    let done = run(server.addr, &["--nick", "carol"], "hello\n");
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stdout, "! The room and the waiting line are full. Try again later.\n");
    assert_eq!(
        done.stderr,
        "chinwag: the server closed the connection before the login was complete; see its last lines\n"
    );
}

#[test]
fn unreachable_server_is_reported_in_one_line() {
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
fn server_close_is_success_and_reset_is_an_error() {
    let fake = FakeServer::start();
    let child = start(fake.addr(), &[]);
    fake.accept().write("bye\n");
    let done = output(child);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "bye\n"));
    let mut child = start(fake.addr(), &[]);
    let mut peer = fake.accept();
    peer.write("half a li");
    let mut got = [0; 9];
    child.stdout.as_mut().expect("standard output").read_exact(&mut got).expect("what has come");
    // Closing without lingering sends a reset.
    socket2::SockRef::from(&peer.stream).set_linger(Some(std::time::Duration::ZERO)).expect("linger");
    drop(peer);
    let done = output(child);
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stderr, "chinwag: the connection was lost: connection reset by peer\n");
}

#[test]
fn closed_standard_output_ends_client_with_success() {
    let server = Server::start(&[]);
    let script = "yes /ping | \"$0\" connect \"$1\" --nick carol | head -n 1; echo ${PIPESTATUS[1]}";
    let mut command = Command::new("bash");
    command.args(["-c", script, PROGRAM, &server.addr.to_string()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
    let done = output(child);
    assert_eq!(done.stdout, "* Welcome to chinwag. Type a nickname and press Enter:\n0\n", "{}", done.stderr);
}

#[test]
fn backpressure_limits_memory_in_both_directions() {
    // 10 MB of lines each way, with a server that does not read at first.
    let fake = FakeServer::start();
    let mut child = start(fake.addr(), &[]);
    let mut stdin = child.stdin.take().expect("standard input");
    let mut peer = fake.accept();
    let line = format!("{}\n", "x".repeat(999));
    let mut sent = 0;
    rustix::io::ioctl_fionbio(&stdin, true).expect("O_NONBLOCK");
    let until = std::time::Instant::now() + DEADLINE;
    // The pipe is full if it accepts nothing for a second.
    while crate::connect::writable(&stdin, std::time::Duration::from_secs(1)) {
        assert!(std::time::Instant::now() < until, "{sent} bytes went into a client whose server reads nothing");
        sent += stdin.write(line.as_bytes()).unwrap_or(0);
    }
    assert!(sent < 12_000_000, "{sent} bytes are held");
    // Without the pages of the program itself, of which an unoptimised one has many.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a status");
    let own =
        status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")).expect("RssAnon");
    assert!(own.parse::<usize>().expect("a number") < 6 << 10, "{own} KiB");
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
fn unfinished_prompt_is_written_once() {
    let fake = FakeServer::start();
    let mut child = start(fake.addr(), &[]);
    let mut peer = fake.accept();
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
fn line_split_inside_character_is_written_once() {
    let fake = FakeServer::start();
    let mut child = start(fake.addr(), &[]);
    let mut peer = fake.accept();
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
fn pipe_removes_control_sequences() {
    let fake = FakeServer::start();
    let child = start(fake.addr(), &[]);
    let mut sent = "\x1b]0;title\x07a\x1b[31mb\x1b[0m\u{9b}2J\u{202e}c\r\n".as_bytes().to_vec();
    sent.extend_from_slice(b"caf\xe9\x07");
    fake.accept().write(sent);
    let done = output(child);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "abc\ncaf\u{fffd}\n"));
}

#[test]
fn passwords_of_the_environment_are_sent_before_the_input() {
    let dir = crate::store::TestDir::new();
    let (store, password) = (dir.0.join("history.db"), dir.0.join("password"));
    std::fs::write(&password, "sesame\n").expect("a file");
    let path = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let server = Server::start(&["--store", &path(&store), "--password-file", &path(&password)]);
    let of_server = ("CHINWAG_SERVER_PASSWORD", "sesame");
    let done = run_with(server.addr, &["--nick", "alice"], &[of_server], "/register fish\n");
    assert!(done.stdout.contains("* alice is registered now"), "{}", done.stdout);
    let variables = [of_server, ("CHINWAG_PASSWORD", "fish\r\nsecond line")];
    let done = run_with(server.addr, &["--nick", "alice"], &variables, "/ping last\n");
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        lines(&done),
        [
            "* Password: (visible as you type)",
            "* Welcome to chinwag. Type a nickname and press Enter:",
            "* alice is registered. Password: (visible as you type)",
            "* You are alice. 1 here: you. /help lists the commands.",
            "* pong last",
        ]
    );
    // Without a nickname all is passed through.
    let done = run(server.addr, &[], "sesame\nalice\nfish\n/ping last\n");
    assert_eq!(done.stdout.lines().last(), Some("* pong last"));
    for (variables, why) in [
        (&[][..], "the server has a password; set CHINWAG_SERVER_PASSWORD"),
        (&[("CHINWAG_SERVER_PASSWORD", "no")], "the password in CHINWAG_SERVER_PASSWORD is wrong"),
        (&[of_server], "alice has a password; set CHINWAG_PASSWORD"),
        (&[of_server, ("CHINWAG_PASSWORD", "no")], "the password in CHINWAG_PASSWORD is wrong"),
    ] {
        // The input would be tried as passwords and nicknames.
        let done = run_with(server.addr, &["--nick", "alice"], variables, "fish\nbob\nhello\n");
        assert_eq!((done.code, done.stderr), (Some(1), format!("chinwag: cannot log in: {why}\n")), "{variables:?}");
        assert!(!done.stdout.contains("* You are"), "{}", done.stdout);
    }
}
