//! The process that hashes passwords, as a server uses it: killed, stopped, and without a store.

use rustix::process::{Pid, Signal, kill_process};

use super::{PROMPT, WRONG, at_prompt, log_in, register};
use crate::harness::{Client, Server};
use crate::store::TestDir;

/// The process numbers of the children of a server.
fn children(server: &Server) -> Vec<i32> {
    let pid = server.child.id();
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a list");
    list.split_whitespace().map(|pid| pid.parse().expect("a number")).collect()
}

fn signal(server: &Server, signal: Signal) {
    for pid in children(server) {
        kill_process(Pid::from_raw(pid).expect("a number"), signal).expect("kill");
    }
}

#[test]
fn only_a_server_with_a_store_and_nicknames_has_the_process() {
    assert_eq!(children(&Server::start(&[])).len(), 0);
    let dir = TestDir::new();
    assert_eq!(children(&dir.start(&["--login", "address"])).len(), 0);
    let server = dir.start(&[]);
    assert_eq!(children(&server).len(), 1);
}

#[test]
fn killed_process_is_replaced_in_the_midst_of_logins() {
    let dir = TestDir::new();
    let mut server = dir.start(&["--rate", "0"]);
    drop(register(&server));
    let mut queued: Vec<Client> = (0..20).map(|_| at_prompt(&server)).collect();
    queued.iter_mut().for_each(|client| client.send("fish\n"));
    signal(&server, Signal::KILL);
    for client in &mut queued {
        let greeting = client.line();
        assert!(greeting.starts_with("* You are alice. "), "{greeting}");
    }
    server.log.until("the password hasher ");
    assert_eq!(children(&server).len(), 1, "another one, and no zombie");
}

#[test]
fn stopped_process_stalls_nobody_else() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut bob = server.login("bob");
    drop(register(&server));
    bob.until("alice left");
    signal(&server, Signal::STOP);
    let mut waiting = at_prompt(&server);
    waiting.send("fish\n");
    bob.expect_nothing();
    let mut carol = server.login("carol");
    carol.expect_nothing();
    // After ten seconds it is replaced.
    let greeting = waiting.line();
    assert!(greeting.starts_with("* You are alice. "), "{greeting}");
}

#[test]
fn client_that_leaves_while_it_waits_leaves_nothing() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    drop(register(&server));
    signal(&server, Signal::STOP);
    for _ in 0..20 {
        let mut client = at_prompt(&server);
        client.send("bird\n");
    }
    signal(&server, Signal::CONT);
    let mut alice = at_prompt(&server);
    alice.send("fish\n");
    let answer = alice.line();
    assert!(answer.starts_with("* You are alice. ") || answer.starts_with("! Too many wrong passwords."), "{answer}");
}

#[test]
fn process_ends_with_the_server() {
    let dir = TestDir::new();
    let mut server = dir.start(&[]);
    let child = Pid::from_raw(children(&server)[0]).expect("a number");
    let fd = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty()).expect("a descriptor");
    server.signal(Signal::KILL);
    server.wait();
    let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
    let timeout = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
    assert_eq!(rustix::event::poll(&mut fds, Some(&timeout)).expect("poll"), 1, "it goes on");
}

#[test]
fn wrong_password_and_taken_name_look_alike() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut alice = register(&server);
    let mut guest = server.login("guest");
    guest.ask("/nick alice bird", &["! Wrong password."]);
    alice.until("guest joined");
    alice.ask("/password bird cat", &["! Wrong password."]);
    alice.ask("/unregister bird", &["! Wrong password."]);
    let mut other = server.connect();
    other.until("Welcome");
    other.ask("alice", &[PROMPT]);
    other.ask("bird", &[WRONG]);
    log_in(&mut other, "fish");
}
