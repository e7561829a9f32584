//! SIGHUP and `/reload`: the settings are read again while the server runs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Client, PROGRAM, Server, Signal};
use crate::operator::console::{ask, shows};
use crate::store::TestDir;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const PROMPT: &str = "* Password: (visible as you type)";
const WRONG: &str = "! Wrong password. Password: (visible as you type)";
const CHANGED: &str = "* Reloaded. Changed: password-file.";
const SAME: &str = "* Reloaded. Nothing has changed.";

/// A server with a password file and a console that has shown nothing.
fn with_password(password: &str, args: &[&str]) -> (Server, TestDir, PathBuf) {
    let dir = TestDir::new();
    let file = dir.0.join("password");
    fs::write(&file, password).expect("a file");
    let path = file.to_str().expect("a path");
    let server = Server::start(&[&["--console", "--password-file", path], args].concat());
    (server, dir, file)
}

/// A connection that is asked for the password of the server.
fn at_prompt(server: &Server) -> Client {
    let mut client = server.connect();
    client.expect(PROMPT);
    client
}

#[test]
fn sighup_reads_the_password_file_again() {
    let (mut server, _dir, file) = with_password("old", &[]);
    let mut alice = at_prompt(&server);
    alice.ask("old", &[WELCOME]);
    alice.ask("alice", &["* You are alice. 1 here: you. /help lists the commands."]);
    let mut bob = at_prompt(&server);
    fs::write(&file, "new").expect("a file");
    server.signal(Signal::HUP);
    server.console.until(CHANGED);
    server.log.until("reloaded, asked by SIGHUP; changed: password-file; not before a restart: nothing");
    bob.ask("old", &[WRONG]);
    bob.ask("new", &[WELCOME]);
    alice.expect_nothing();
}

#[test]
fn missing_password_file_leaves_the_old_password() {
    let (mut server, _dir, file) = with_password("old", &[]);
    fs::remove_file(&file).expect("a file");
    server.signal(Signal::HUP);
    let why = format!("cannot read the password from {}: no such file or directory", file.display());
    shows(&mut server, &[&format!("! Not reloaded: {why}")]);
    let line = server.log.until(&format!("not reloaded, asked by SIGHUP: {why}"));
    assert!(line.contains("ERROR"), "{line}");
    at_prompt(&server).ask("old", &[WELCOME]);
}

#[test]
fn console_reloads() {
    let (mut server, _dir, file) = with_password("old", &[]);
    ask(&mut server, "/reload", &[SAME]);
    fs::write(&file, "new").expect("a file");
    ask(&mut server, "/reload", &[CHANGED]);
    fs::remove_file(&file).expect("a file");
    server.type_in("/reload\n");
    server.console.until("! Not reloaded: cannot read the password from ");
    at_prompt(&server).ask("new", &[WELCOME]);
}

#[test]
fn reload_is_for_operators() {
    let dir = TestDir::new();
    let store = dir.0.join("chat.db");
    let server = &mut Server::start(&["--console", "--operator", "boss", "--store", store.to_str().expect("a path")]);
    let mut guest = server.login("guest");
    guest.ask("/reload", &["! There is no command /reload. /help lists them."]);
    let mut boss = server.login("boss");
    boss.ask("/register fish", &["* boss is registered now: who logs in as boss is asked for the password."]);
    boss.ask("/reload", &[SAME]);
    server.console.until(SAME);
    server.log.until("reloaded, asked by boss; changed: nothing");
    guest.until("* boss joined (2 here)");
    guest.expect_nothing();
}

#[test]
fn bans_of_the_configuration_refuse_newcomers() {
    let server = &mut Server::start(&["--console", "--ban", "127.0.0.2,127.0.0.16/28", "--ban", "::1"]);
    for host in [2, 17] {
        let mut refused = Client::connect_from([127, 0, 0, host], server.addr);
        refused.expect("! Your address is banned from this server.");
        refused.expect_end();
    }
    Client::connect_from([127, 0, 0, 3], server.addr).expect(WELCOME);
    server.type_in("/unban 127.0.0.2\n");
    server.console.until("! 127.0.0.2 is banned in the configuration; change it there and /reload.");
    server.type_in("/bans\n");
    for network in ["127.0.0.2", "127.0.0.16/28", "::1"] {
        server.console.until(&format!("* {network} is banned (configuration)."));
    }
    let mut command = Command::new(PROGRAM);
    command.env("CHINWAG_BAN", "127.0.0.0/8").args(["--listen", "127.0.0.1:0"]);
    Server::spawn(command).connect().expect("! Your address is banned from this server.");
}
