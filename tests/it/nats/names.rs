//! Servers that are given by name.

use std::process::{Command, Stdio};
use std::time::Duration;

use chinwag::cluster::nats::{Event, LookUpCommand, Settings};

use super::{Driver, Engine, settings};
use crate::harness::PROGRAM;

#[test]
#[ignore = "needs nats-server"]
fn server_is_found_by_name() {
    let engine = Engine::start(&["--addr", "127.0.0.1"]);
    let url = format!("nats://localhost:{}", engine.port);
    let mut driver = Driver::new(&settings(&[&url]));
    let server = driver.until(|event| match event {
        Event::Connected { server, .. } => Some(server),
        Event::Unreachable { why, .. } => panic!("{why}"),
        _ => None,
    });
    assert_eq!(server, format!("localhost:{}", engine.port));
}

#[test]
#[ignore = "needs nats-server"]
fn another_server_is_used_while_a_name_has_no_answer() {
    let engine = Engine::start(&[]);
    let look_up = LookUpCommand { program: "/bin/sh".into(), args: vec!["-c".into(), "exec sleep 1000".into()] };
    let mut settings = Settings { look_up, ..settings(&["nats://a.example", &engine.url()]) };
    settings.limits.connect_timeout = Duration::from_secs(1);
    let mut driver = Driver::new(&settings);
    let why = driver.until(|event| match event {
        Event::Unreachable { server, why } => Some((server, why.to_string())),
        _ => None,
    });
    let text = "its name cannot be found: no answer yet, after 1 seconds";
    assert_eq!(why, ("a.example:4222".into(), text.into()));
    let server = driver.until(|event| match event {
        Event::Connected { server, .. } => Some(server),
        _ => None,
    });
    assert_eq!(server, engine.addr());
}

/// What the hidden command says of a name.
fn look_up(args: &[&str]) -> String {
    let output = Command::new(PROGRAM).arg("look-up").args(args).stdin(Stdio::null()).output().expect("it runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn command_of_the_child_says_addresses_or_why_there_are_none() {
    assert!(look_up(&["--", "localhost", "4222"]).contains("127.0.0.1:4222"));
    assert_eq!(look_up(&["--", "10.0.0.1", "7"]), "{\"Ok\":[\"10.0.0.1:7\"]}\n");
    let answer = look_up(&["--", "-h", "7"]);
    assert!(answer.starts_with("{\"Err\":\"failed to lookup address information: "), "{answer}");
    let help = Command::new(PROGRAM).arg("help").output().expect("it runs");
    assert!(!String::from_utf8(help.stdout).expect("UTF-8").contains("look-up"));
}
