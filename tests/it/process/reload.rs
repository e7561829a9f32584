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

/// Each option that can be reloaded, and a line of a file that changes it.
const RELOADABLE: &[(&str, &str)] = &[
    ("motd", "motd = \"MOTD\""),
    ("password-file", "password-file = \"PASSWORD\""),
    ("ban", "ban = [\"192.0.2.0/24\"]"),
    ("operator", "operator = [\"boss\"]"),
    ("max-clients", "max-clients = 77"),
    ("max-waiting", "max-waiting = 77"),
    ("max-rooms", "max-rooms = 77"),
    ("max-follow", "max-follow = 7"),
    ("max-accounts", "max-accounts = 77"),
    ("max-stored-rooms", "max-stored-rooms = 777"),
    ("announce-limit", "announce-limit = 77"),
    ("login-timeout", "login-timeout = 77"),
    ("idle-timeout", "idle-timeout = 77"),
    ("history", "history = 7"),
    ("offline-whispers", "offline-whispers = \"off\""),
    ("max-per-ip", "max-per-ip = 77"),
    ("rate", "rate = 77"),
    ("burst", "burst = 77"),
    ("send-buffer", "send-buffer = 77777"),
    ("eol-timeout", "eol-timeout = 77"),
    ("keepalive", "keepalive = 77"),
    ("host", "host = [\"chat.example\"]"),
    ("allow-origin", "allow-origin = [\"https://chat.example\"]"),
    ("trust-proxy", "trust-proxy = [\"192.0.2.1\"]"),
    ("proxy-protocol", "proxy-protocol = [\"192.0.2.1\"]"),
    ("log-level", "log-level = \"debug\""),
];

#[test]
fn every_reloadable_option_is_reloaded_while_members_talk() {
    let dir = TestDir::new();
    let path = |name: &str| dir.0.join(name).to_str().expect("a path").to_owned();
    fs::write(path("motd"), "Welcome.\n").expect("a file");
    fs::write(path("password"), "fish\n").expect("a file");
    let store = format!("store = {:?}\n", path("chat.db"));
    fs::write(path("chinwag.toml"), &store).expect("a file");
    let mut server = Server::start(&["--config", &path("chinwag.toml"), "--console"]);
    let mut members: Vec<Client> = (0..10).map(|n| server.login(&format!("m{n}"))).collect();
    members.iter_mut().enumerate().for_each(|(n, member)| (n + 1..10).for_each(|_| drop(member.line())));
    for (number, (name, line)) in RELOADABLE.iter().enumerate() {
        let line = line.replace("MOTD", &path("motd")).replace("PASSWORD", &path("password"));
        for (text, round) in [(format!("{store}{line}\n"), 2 * number), (store.clone(), 2 * number + 1)] {
            // Each says one line before and one after the signal; all must arrive, in the order of each.
            members.iter_mut().enumerate().for_each(|(n, member)| member.send(&format!("{n} before {round}\n")));
            fs::write(path("chinwag.toml"), text).expect("a file");
            server.signal(Signal::HUP);
            members.iter_mut().enumerate().for_each(|(n, member)| member.send(&format!("{n} after {round}\n")));
            server.console.until(&format!("* Reloaded. Changed: {name}."));
            for (reader, member) in members.iter_mut().enumerate() {
                let mut read: Vec<String> = (0..18).map(|_| member.line()).collect();
                let said = |when: &str| format!(" {when} {round}");
                let before = read.iter().filter(|line| line.ends_with(&said("before"))).count();
                read.retain(|line| line.ends_with(&said("after")));
                assert_eq!((before, read.len()), (9, 9), "reader {reader}, {name}");
            }
        }
    }
    members[0].ask("/motd", &["* There is no message of the day."]);
    fs::write(path("chinwag.toml"), format!("{store}motd = {:?}\n", path("motd"))).expect("a file");
    server.signal(Signal::HUP);
    server.console.until("* Reloaded. Changed: motd.");
    members[0].ask("/motd", &["* Welcome."]);
    fs::write(path("chinwag.toml"), format!("{store}rate = \"x\"\n")).expect("a file");
    server.signal(Signal::HUP);
    server.console.until(&format!("! Not reloaded: {}:2:8: invalid value 'x'", path("chinwag.toml")));
    fs::write(path("chinwag.toml"), format!("{store}max-line = 100\nrate = 5\n")).expect("a file");
    server.signal(Signal::HUP);
    server.console.until("* Reloaded. Changed: motd, rate. Not before a restart: max-line.");
}
