//! What `.github/Containerfile` says to the program.

use std::process::Command;

use crate::harness::{PROGRAM, Server, Signal};

const FILE: &str = include_str!("../../../.github/Containerfile");

/// The variables that are set, with their values.
fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let words = FILE.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    words.filter(|word| word.starts_with("CHINWAG_")).filter_map(|word| word.split_once('='))
}

/// The command of the health check.
fn health_check() -> Vec<String> {
    let line = FILE.lines().find(|line| line.starts_with("HEALTHCHECK ")).expect("a health check");
    serde_json::from_str(line.split_once(" CMD ").expect("a command").1).expect("a list in JSON")
}

#[test]
fn variables_of_the_container_are_a_valid_configuration() {
    assert!(variables().count() >= 4);
    let output = Command::new(PROGRAM).arg("check-config").envs(variables()).output().expect("a run");
    assert!(output.status.success(), "{output:?}");
    let (_, port) = variables().find(|(name, _)| *name == "CHINWAG_LISTEN").expect("a listener");
    let port = port.rsplit(':').next().expect("a port");
    assert!(FILE.lines().any(|line| line == format!("EXPOSE {port}")));
}

#[test]
fn health_check_of_the_container_passes_while_the_server_runs() {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut server = Server::spawn(command);
    let line = server.log.until("metrics on ");
    let port = line.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port").to_owned();
    let (_, admin) = variables().find(|(name, _)| *name == "CHINWAG_ADMIN").expect("a listener");
    let place = admin.replace(':', "/");
    let check = health_check();
    let script = check[2].replace(&place, &format!("127.0.0.1/{port}"));
    assert_ne!(script, check[2]);
    let passes = || Command::new(&check[0]).args([&check[1], &script]).output().expect("bash").status.success();
    assert!(passes());
    server.signal(Signal::TERM);
    server.wait();
    assert!(!passes());
}
