//! Tests of accounts and passwords, over real sockets and with the real process that hashes.

mod attacks;
mod hasher;
mod logging_in;
mod server_password;
mod telnet;

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const PROMPT: &str = "* alice is registered. Password: (visible as you type)";
const WRONG: &str = "! Wrong password. Password: (visible as you type)";
const REGISTERED: &str = "* alice is registered now: who logs in as alice is asked for the password.";

/// Logs alice in and registers her with the password `fish`.
fn register(server: &Server) -> Client {
    let mut alice = server.login("alice");
    alice.ask("/register fish", &[REGISTERED]);
    alice
}

/// A connection that is asked for alice's password.
fn at_prompt(server: &Server) -> Client {
    let mut client = server.connect();
    client.expect(WELCOME);
    client.ask("alice", &[PROMPT]);
    client
}

/// Gives the right password and reads the greeting.
fn log_in(client: &mut Client, password: &str) {
    client.send(&format!("{password}\n"));
    let greeting = client.line();
    assert!(greeting.starts_with("* You are alice. "), "{greeting}");
}
