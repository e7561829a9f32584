//! The password of the server: `--password-file` and `CHINWAG_PASSWORD`.

use std::fs;
use std::process::Command;

use super::WELCOME;
use crate::harness::{Client, PROGRAM, Server};
use crate::store::TestDir;

const PROMPT: &str = "* Password: (visible as you type)";
const WRONG: &str = "! Wrong password. Password: (visible as you type)";

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0"]).args(args);
    command
}

#[test]
fn password_is_asked_first_and_after_the_queue() {
    let dir = TestDir::new();
    let file = dir.0.join("password");
    fs::write(&file, "open sesame\n").expect("a file");
    let server = Server::start(&["--max-clients", "1", "--password-file", file.to_str().expect("a path")]);
    let mut first = server.connect();
    first.expect(PROMPT);
    let mut second = server.connect();
    second.expect("* The room is full. You are number 1 in line.");
    second.ask("open sesame", &["! You are still waiting; this was not said."]);
    first.ask("sesame", &[WRONG]);
    first.ask("open sesame", &[WELCOME]);
    first.ask("alice", &["* You are alice. 1 here: you. /help lists the commands."]);
    first.ask("q", &["* Goodbye."]);
    second.expect(PROMPT);
    for _ in 0..2 {
        second.ask("guess", &[WRONG]);
    }
    second.ask("guess", &["! Wrong password. Goodbye."]);
    second.expect_end();
}

#[test]
fn wrong_passwords_of_one_network_are_limited() {
    let mut command = command(&["--web", "127.0.0.1:0"]);
    command.env("CHINWAG_PASSWORD", "sesame");
    let server = Server::spawn(command);
    let mut wrong = 0;
    for _ in 0..3 {
        let mut client = server.connect();
        client.expect(PROMPT);
        for _ in 0..2 {
            client.send("guess\n");
            let answer = client.line();
            wrong += usize::from(answer == WRONG);
            assert!(answer == WRONG || answer.starts_with("! Too many wrong passwords. Try again in "), "{answer}");
        }
    }
    assert_eq!(wrong, 5);
    let mut client = server.connect();
    client.expect(PROMPT);
    client.send("sesame\n");
    assert!(client.line().starts_with("! Too many wrong passwords."), "the right one must wait, too");
    let mut other = Client::connect_from([127, 0, 0, 2], server.addr);
    other.expect(PROMPT);
    other.ask("sesame", &[WELCOME]);
}

#[test]
fn json_can_be_asked_for_at_the_prompt() {
    let mut command = command(&[]);
    command.env("CHINWAG_PASSWORD", "sesame");
    let server = Server::spawn(command);
    let mut client = server.connect();
    client.expect(PROMPT);
    client.send("/json\n");
    assert!(client.line().starts_with(r#"{"t":"hello""#));
    client.expect(r#"{"t":"ask_password","for":"server"}"#);
    client.send("guess\n");
    assert!(client.line().starts_with(r#"{"t":"refused","what":"wrong_password","asked":true,"#));
    client.ask("sesame", &[r#"{"t":"ask"}"#]);
}

#[test]
fn bad_sources_are_errors_at_the_start() {
    let dir = TestDir::new();
    let file = dir.0.join("password");
    let path = file.to_str().expect("a path");
    let run = |args: &[&str]| {
        let output = command(args).output().expect("the program starts");
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        (output.status.code(), errors.lines().last().unwrap_or_default().to_owned())
    };
    let missing = format!("chinwag: cannot read the password from {path}: no such file or directory");
    assert_eq!(run(&["--password-file", path]), (Some(1), missing));
    fs::write(&file, "\nsesame\n").expect("a file");
    let empty =
        format!("chinwag: cannot read the password from {path}: its first line is empty, and must be the password");
    assert_eq!(run(&["--password-file", path]), (Some(1), empty));
    for other in [["--mode", "p2p"], ["--login", "address"]] {
        assert_eq!(run(&[&other[..], &["--password-file", path]].concat()).0, Some(2));
    }
}
