//! The operator at a real terminal.

use std::net::SocketAddr;
use std::process::Command;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use crate::harness::{Client, DEADLINE, PROGRAM};

const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// A server on a terminal of its own, and where it listens.
fn start(args: &[&str]) -> (PtySession, SocketAddr) {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0"]).args(args);
    let mut terminal = spawn_command(command, Some(DEADLINE.as_millis() as u64)).expect("a terminal");
    let (_, line) = terminal.exp_regex(r"listening on \S+\r\n").expect("the address");
    let addr = line.trim_end().rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address");
    (terminal, addr)
}

/// The terminal shows a line that begins so; what was shown before is passed over.
#[track_caller]
fn shows(terminal: &mut PtySession, line: &str) {
    if let Err(error) = terminal.exp_string(line) {
        panic!("{line:?} is not shown: {error}");
    }
}

/// The process ends with this code, and has said everything before.
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
fn the_console_is_on_and_what_is_typed_is_said() {
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
fn what_happens_is_shown_once_though_the_log_goes_to_the_same_terminal() {
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
fn interrupting_shuts_the_server_down() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.send_control('c').expect("typing");
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    let rest = ends(terminal, 0);
    assert!(rest.contains(SHUTTING_DOWN), "{rest}");
}

#[test]
fn the_end_of_input_detaches_and_the_server_runs_on() {
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
fn the_console_can_be_off() {
    let (mut terminal, addr) = start(&["--console=off"]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.exp_regex(r"alice logged in from \S+ \(1 here\)\r\n").expect("the log");
    terminal.send_line("good evening").expect("typing");
    alice.expect_nothing();
    terminal.send_control('c').expect("typing");
    alice.expect(SHUTTING_DOWN);
    ends(terminal, 0);
}

#[test]
fn a_closed_terminal_ends_the_server_as_a_signal_does() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    // SIGHUP is what comes when the window is closed.
    terminal.process_mut().signal(rexpect::process::Signal::SIGHUP).expect("a signal");
    alice.expect(SHUTTING_DOWN);
    ends(terminal, 0);
}

#[test]
fn two_talk_in_p2p_until_the_peer_leaves() {
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
fn the_operator_leaves_p2p_with_a_letter() {
    let (mut terminal, addr) = start(&["--mode", "p2p"]);
    let mut peer = Client::connect(addr);
    peer.line();
    terminal.send_line("q").expect("typing");
    peer.expect(SHUTTING_DOWN);
    peer.expect_end();
    ends(terminal, 0);
}
