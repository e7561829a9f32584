//! An engine that has no room for more, or takes only short messages.

use std::process::{Child, Command, Stdio};

use chinwag::cluster::nats::{Discard, StreamConfig};

use super::engines::{LOG, change_log, log_info};
use super::talk::Talk;
use super::{figure, health, start_measured, start_node, wait_for_node};
use crate::harness::Lines;
use crate::nats::{Driver, Engine};
use crate::store::TestDir;

#[test]
#[ignore = "needs nats-server"]
fn lines_wait_while_the_log_is_full_and_refuses_more() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&StreamConfig {
        name: LOG.into(),
        subjects: vec!["chinwag.tests.log.*".into()],
        discard: Discard::New,
        max_msgs: 200,
        ..StreamConfig::default()
    });
    let (first, admin) = start_measured(&engine.url(), "a", &[]);
    let (second, _) = start_measured(&engine.url(), "b", &[]);
    let mut nodes = [first, second];
    let mut talk = Talk::start(&nodes);
    talk.until("health is 200", |_| health(admin) == 200);
    talk.until("health is 503", |_| health(admin) == 503);
    nodes[0].log.until("maximum messages exceeded");
    assert!(figure(admin, "append_errors_total") > 0);
    assert_eq!(log_info(&mut driver).state.messages, 200);
    change_log(&mut driver, |config| config.max_msgs = -1);
    talk.until("health is 200", |_| health(admin) == 200);
    talk.hear(&[0, 1], 50);
    assert_eq!([talk.refused(0), talk.refused(1)], [0, 0]);
    talk.finish();
}

#[test]
#[ignore = "needs nats-server"]
fn engine_whose_messages_are_too_short_for_entries_is_left_until_its_configuration_is_changed() {
    let dir = TestDir::new();
    let file = dir.0.join("nats.conf");
    std::fs::write(&file, "max_payload: 8192\n").expect("a file");
    let mut engine = Engine::start(&["--config", file.to_str().expect("UTF-8")]);
    let mut node = start_node(&engine.url(), "a", &[]);
    let line = node.log.until("its max_payload is 8192 bytes, and at least ");
    assert!(line.contains("no connection to ") && line.contains("write max_payload: 1MB"), "{line}");
    engine.change_arguments(&[]);
    engine.crash_and_restart();
    wait_for_node(&mut node);
}

#[test]
#[ignore = "needs nats-server"]
fn log_that_takes_only_short_entries_stops_a_node_until_it_is_changed() {
    let engine = Engine::start(&[]);
    let (first, admin) = start_measured(&engine.url(), "a", &[]);
    let (second, _) = start_measured(&engine.url(), "b", &[]);
    let mut nodes = [first, second];
    let mut talk = Talk::start(&nodes);
    let (mut author, mut reader) = (nodes[0].login("author"), nodes[1].login("reader"));
    let mut driver = Driver::connect(&engine.url());
    change_log(&mut driver, |config| config.max_msg_size = 2000);
    talk.hear(&[0, 1], 20);
    let long = "x".repeat(3000);
    author.send(&format!("{long}\n"));
    let advice = "`nats stream edit chinwag_tests --max-msg-size -1` changes it";
    nodes[0].log.until(advice);
    talk.until("health is 503", |_| health(admin) == 503);
    let mut third = start_node(&engine.url(), "c", &[]);
    third.log.until(advice);
    change_log(&mut driver, |config| config.max_msg_size = -1);
    wait_for_node(&mut third);
    talk.until("health is 200", |_| health(admin) == 200);
    reader.until(&long);
    talk.hear(&[0, 1], 20);
    assert_eq!([talk.refused(0), talk.refused(1)], [0, 0]);
    talk.finish();
}

/// A small disk in a name space of its own, which ends with the value.
struct SmallDisk {
    keeper: Child,
    dir: TestDir,
    _lines: Lines<std::process::ChildStdout>,
}

impl SmallDisk {
    /// A disk of 128 MiB.
    fn new() -> SmallDisk {
        let dir = TestDir::new();
        let script = "mount -t tmpfs -o size=128m none \"$0\" && echo ready && read _";
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(&dir.0);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare starts");
        let mut lines = Lines::new(keeper.stdout.take().expect("stdout"));
        lines.until("ready");
        SmallDisk { keeper, dir, _lines: lines }
    }

    /// The command that runs another one where the disk is.
    fn inside(&self) -> Vec<String> {
        let keeper = self.keeper.id().to_string();
        ["nsenter", "--target", &keeper, "--user", "--mount", "--preserve-credentials"].map(String::from).into()
    }

    /// Runs a script where the disk is; its folder is `$0`.
    fn run(&self, script: &str) {
        let command = self.inside();
        let status = Command::new(&command[0]).args(&command[1..]).args(["sh", "-c", script]).arg(&self.dir.0).status();
        assert!(status.expect("nsenter starts").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// A server of NATS whose disk is full stops JetStream; it is started again when there is room.
#[test]
#[ignore = "needs nats-server and name spaces of users"]
fn lines_wait_while_the_disk_of_the_engine_is_full() {
    let disk = SmallDisk::new();
    let mut engine = Engine::start_inside(&disk.inside(), TestDir(disk.dir.0.clone()), &[]);
    let limit = ["--cluster-max-bytes", "67108864"];
    let (first, admin) = start_measured(&engine.url(), "a", &limit);
    let (second, _) = start_measured(&engine.url(), "b", &limit);
    let nodes = [first, second];
    let mut talk = Talk::start(&nodes);
    talk.hear(&[0, 1], 50);
    disk.run("cat /dev/zero >\"$0/filler\" 2>/dev/null; test -s \"$0/filler\"");
    talk.until("health is 503", |_| health(admin) == 503);
    disk.run("rm \"$0/filler\"");
    engine.crash_and_restart();
    talk.until("health is 200", |_| health(admin) == 200);
    talk.hear(&[0, 1], 50);
    talk.finish();
}
