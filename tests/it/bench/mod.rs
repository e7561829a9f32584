//! The load test, `chinwag bench`.

mod addresses;
mod ending;
mod errors;
mod faults;
mod followed_rooms;
mod irc;
mod output;
mod pinned;
mod scenarios;
mod schema;
mod split;
mod tls;
mod websocket;

use std::io::Read;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{PROGRAM, wait};

/// A load test with these arguments, separated by spaces.
pub fn bench(args: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("bench").args(args.split_whitespace());
    command
}

/// As [`bench`], with the result as JSON.
pub fn json(args: &str) -> Command {
    let mut command = bench(args);
    command.arg("--json");
    command
}

/// As [`json`], with a limit of open files per process.
pub fn limited(files: u32, args: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\""), PROGRAM, "bench", "--json"]);
    command.args(args.split_whitespace());
    command
}

/// Runs it to its end.
pub fn finish(mut command: Command) -> Finished {
    Bench::spawn(&mut command).finish()
}

/// Runs all of them at the same time.
pub fn finish_all(commands: Vec<Command>) -> Vec<Finished> {
    let running: Vec<Bench> = commands.into_iter().map(|mut command| Bench::spawn(&mut command)).collect();
    running.into_iter().map(Bench::finish).collect()
}

/// A running load test; killed at the end of the test.
pub struct Bench {
    pub child: Child,
}

impl Bench {
    pub fn spawn(command: &mut Command) -> Bench {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Bench { child: command.spawn().expect("the program starts") }
    }

    pub fn finish(mut self) -> Finished {
        let code = wait(&mut self.child).code();
        let mut finished = Finished { code, stdout: String::new(), stderr: String::new() };
        self.child.stdout.take().expect("stdout").read_to_string(&mut finished.stdout).expect("UTF-8");
        self.child.stderr.take().expect("stderr").read_to_string(&mut finished.stderr).expect("UTF-8");
        finished
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of a load test.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// The result, checked against the schema.
    #[track_caller]
    pub fn report(&self) -> Value {
        let report = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        schema::check(&report);
        report
    }

    /// The figures of the only scenario, which had this outcome; standard error is empty.
    #[track_caller]
    fn measured(&self, code: i32, outcome: &str) -> Value {
        let mut scenario = self.report()["scenarios"][0].take();
        assert_eq!(scenario["outcome"]["is"], outcome, "{self:?}");
        assert_eq!((self.code, &*self.stderr), (Some(code), ""), "{self:?}");
        scenario["measured"].take()
    }

    #[track_caller]
    pub fn passed(&self) -> Value {
        self.measured(0, "passed")
    }

    #[track_caller]
    pub fn faulty(&self) -> Value {
        self.measured(1, "faulty")
    }

    #[track_caller]
    pub fn interrupted(&self) -> Value {
        self.ended_by_signal(2)
    }

    #[track_caller]
    pub fn ended_by_signal(&self, signal: i32) -> Value {
        assert_eq!(self.report()["scenarios"][0]["outcome"]["signal"], signal, "{self:?}");
        self.measured(128 + signal, "interrupted")
    }

    /// The reason why the only scenario failed, and its figures; standard error has only the reason.
    #[track_caller]
    pub fn failed(&self) -> (String, Value) {
        let mut scenario = self.report()["scenarios"][0].take();
        let why = scenario["outcome"]["why"].as_str().unwrap_or_else(|| panic!("it did not fail: {self:?}")).to_owned();
        assert_eq!((self.code, &*self.stderr), (Some(1), &*format!("chinwag: {why}\n")));
        assert!(!why.contains('\n'), "{why}");
        (why, scenario["measured"].take())
    }
}

/// Faults in the deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub lost: u64,
    pub duplicates: u64,
    pub out_of_order: u64,
    pub damaged: u64,
}

impl Faults {
    /// Asserts that there are faults of each kind; damaged messages are lost too.
    #[track_caller]
    pub fn assert_all_kinds(&self) {
        let Faults { lost, duplicates, out_of_order, damaged } = *self;
        assert!(lost > damaged && damaged > 0 && duplicates > 0 && out_of_order > 0, "{self:?}");
    }
}

pub const NONE: Faults = Faults { lost: 0, duplicates: 0, out_of_order: 0, damaged: 0 };

/// Asserts the number of expected deliveries and their faults.
#[track_caller]
pub fn assert_checked(checked: &Value, expected: u64, faults: Faults) {
    let count = |name: &str| checked[name].as_u64().expect("a count");
    let found = Faults {
        lost: count("lost"),
        duplicates: count("duplicates"),
        out_of_order: count("out_of_order"),
        damaged: count("damaged"),
    };
    assert_eq!(found, faults, "{checked}");
    assert_eq!((count("expected"), count("delivered")), (expected, expected - faults.lost), "{checked}");
}
