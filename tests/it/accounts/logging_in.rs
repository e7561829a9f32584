//! Logging in with a password, and what is kept when the server is killed.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{PROMPT, REGISTERED, WELCOME, WRONG, at_prompt, log_in, register};
use crate::harness::{Client, DEADLINE};
use crate::store::{TestDir, kill};

#[test]
fn account_outlives_a_kill_after_each_step() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    drop(register(&server));
    kill(server);
    let server = dir.start(&[]);
    let mut alice = at_prompt(&server);
    alice.ask("bird", &[WRONG]);
    log_in(&mut alice, "fish");
    alice.ask("/password fish cat", &["* The password is changed."]);
    kill(server);
    let server = dir.start(&[]);
    let mut alice = at_prompt(&server);
    alice.ask("fish", &[WRONG]);
    log_in(&mut alice, "cat");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.ask("/follow tea", &["* You follow tea. 1 here: you."]);
    alice.ask("in the den", &[]);
    alice.ask("/ignore nobody-there", &["! Nobody here is called nobody-there."]);
    kill(server);
    let server = dir.start(&[]);
    let mut alice = at_prompt(&server);
    log_in(&mut alice, "cat");
    alice.expect("* You follow tea. 1 here: you.");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.until("you are up to date");
    alice.ask("/room secret", &["* alice changed the settings: secret"]);
    alice.ask("/unregister cat", &["* alice is no longer registered."]);
    kill(server);
    let server = dir.start(&[]);
    let mut other = server.login("alice");
    other.expect_nothing();
    other.ask("/join den", &["* You are in den. 1 here: you."]);
    other.until("you are up to date");
    other.ask("/room moderated", &["! Only operators of den can do that."]);
}

/// The whole input at once, and the end of it: everything is carried out.
#[test]
fn netcat_with_all_lines_at_once_registers_and_logs_in() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let run = |input: &str| {
        let mut netcat = Command::new("nc");
        netcat.args(["-N", "127.0.0.1", &server.addr.port().to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = netcat.spawn().expect("nc");
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("write");
        let output = child.wait_with_output().expect("output");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let read = run("alice\n/register fish");
    assert_eq!(read.lines().last(), Some(REGISTERED), "{read}");
    let read = run("alice\nfish\n/password fish cat\nhello\n");
    let lines: Vec<&str> = read.lines().collect();
    assert_eq!(lines[..2], [WELCOME, PROMPT]);
    assert!(lines[2].starts_with("* You are alice. ") && lines[3] == "* The password is changed.", "{read}");
    let read = run("alice\ncat");
    assert!(read.contains("alice: hello"), "{read}");
}

#[test]
fn bad_passwords_end_nothing_but_themselves() {
    let dir = TestDir::new();
    let server = dir.start(&["--rate", "0"]);
    let mut alice = server.login("alice");
    let bad = "! A password is one word of 1 to 1024 bytes. q, quit, exit and words that begin with / are commands.";
    alice.ask("/register", &["! Usage: /register PASSWORD"]);
    alice.ask("/register  \u{3000}", &["! Usage: /register PASSWORD"]);
    alice.ask(&format!("/register {}", "x".repeat(1025)), &[bad]);
    alice.ask(
        &format!("/register {}", "x".repeat(10_000)),
        &["! That line is too long (4096 bytes at most); it was not said."],
    );
    alice.send_bytes(b"/register \xc3\x28\n");
    alice.expect("! That line is not UTF-8; it was not said.");
    alice.ask(&format!("/register {}", "\u{1f600}".repeat(64)), &[REGISTERED]);
    let mut other = at_prompt(&server);
    other.send("\n");
    other.ask(&"x".repeat(10_000), &["! That line is too long (4096 bytes at most); it was not said."]);
    other.ask(&"x".repeat(4000), &[WRONG]);
    other.send_bytes(b"\xc3\x28\n");
    other.expect("! That line is not UTF-8; it was not said.");
    log_in(&mut other, &"\u{1f600}".repeat(64));
    alice.expect_nothing();
}

/// In Unicode's composed form, as typed on one keyboard, and decomposed, as on another.
#[test]
fn composition_of_a_password_does_not_matter() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/register caf\u{e9}", &[REGISTERED]);
    log_in(&mut at_prompt(&server), "cafe\u{301}");
}

#[test]
fn own_ghost_is_no_obstacle() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut ghost = register(&server);
    ghost.ask("/join den", &["* You are in den. 1 here: you."]);
    let mut back = at_prompt(&server);
    log_in(&mut back, "fish");
    back.expect("* You are in den. 1 here: you.");
    back.ask("/who", &["* 1 here: you."]);
    back.ask("hello", &[]);
    ghost.expect("[T] alice: hello");
}

#[test]
fn login_timeout_pauses_while_a_password_is_compared() {
    let dir = TestDir::new();
    let server = dir.start(&["--login-timeout", "1"]);
    // An account has at most 20 sessions.
    let names = ["alice", "bob", "carol"];
    for name in names {
        let registered = format!("* {name} is registered now: who logs in as {name} is asked for the password.");
        let mut client = server.login(name);
        client.ask("/register fish", &[&registered]);
        client.ask("q", &["* Goodbye."]);
        client.expect_end();
    }
    let at_prompt = |&name: &&'static str| {
        let mut client = server.connect();
        client.expect(WELCOME);
        client.ask(name, &[&format!("* {name} is registered. Password: (visible as you type)")]);
        (name, client)
    };
    // Many wait before this one, whose turn comes after more than its second.
    let mut queued: Vec<(&str, Client)> = names.iter().cycle().take(60).map(at_prompt).collect();
    queued.iter_mut().for_each(|(_, client)| client.send("fish\n"));
    for (name, client) in &mut queued {
        let greeting = client.line();
        assert!(greeting.starts_with(&format!("* You are {name}. ")), "{greeting} (within {DEADLINE:?})");
    }
}

#[test]
fn whispers_for_an_absent_account_are_kept_and_those_for_others_by_option() {
    let dir = TestDir::new();
    for (args, others) in [
        (&[][..], false),
        (&["--offline-whispers"], true),
        (&["--offline-whispers", "all"], true),
        (&["--offline-whispers=accounts"], false),
    ] {
        let dir = TestDir::new();
        let server = dir.start(args);
        let mut alice = register(&server);
        alice.ask("q", &["* Goodbye."]);
        alice.expect_end();
        let mut bob = server.login("bob");
        bob.ask("@alice psst", &["[T] you -> alice: psst", "* alice is not here; this is stored until alice logs in."]);
        bob.send("@carol psst\n");
        let answer = bob.line();
        assert_eq!(answer == "[T] you -> carol: psst", others, "{args:?}: {answer}");
        kill(server);
        let server = dir.start(args);
        let mut alice = at_prompt(&server);
        log_in(&mut alice, "fish");
        alice.expect_all(&["* --- 1 whisper stored for your name ---", "[T] bob -> you: psst"]);
    }
    let server = dir.start(&["--offline-whispers=off"]);
    let mut alice = register(&server);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    server.login("bob").ask("@alice psst", &["! Nobody here is called alice."]);
}
