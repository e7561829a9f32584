//! The progress line, and where the result goes.

use std::path::PathBuf;
use std::process::Command;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use rustix::process::Pid;

use super::{Bench, Finished, bench, finish, finish_all, json, limited};
use crate::harness::{DEADLINE, Lines, PROGRAM, wait};

/// Erases the progress line.
const WIPE: &str = "\r\x1b[K";

/// The path of a file; `name` is that of the test, so that no other test writes it.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// A load test with a terminal as standard error and a file as standard output.
pub struct OnTerminal {
    pub terminal: PtySession,
    pub pid: Pid,
    result: PathBuf,
    shown: String,
}

impl OnTerminal {
    /// Starts one; `name` is that of the test.
    pub fn start(name: &str, columns: u32, files: u32, args: &str) -> OnTerminal {
        let result = file(name);
        let script = format!(
            "stty cols {columns}; ulimit -n {files}; echo pid $$.; exec \"$0\" bench \"$@\" --json >\"$RESULT\""
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script, PROGRAM]).args(args.split_whitespace()).env("RESULT", &result);
        let mut terminal = spawn_command(command, Some(DEADLINE.as_millis() as u64)).expect("a terminal");
        let (_, line) = terminal.exp_regex(r"pid \d+\.\r\n").expect("a number");
        let pid =
            line["pid ".len()..].trim_end_matches(".\r\n").parse().ok().and_then(Pid::from_raw).expect("a number");
        OnTerminal { terminal, pid, result, shown: String::new() }
    }

    /// Waits until the progress line matches; returns the match.
    #[track_caller]
    pub fn shows(&mut self, regex: &str) -> String {
        match self.terminal.exp_regex(regex) {
            Ok((before, line)) => {
                self.shown += &before;
                self.shown += &line;
                line
            }
            Err(error) => panic!("{regex} is not shown: {error}"),
        }
    }

    /// Waits for the end; returns all that was shown, and the result with the rest of the terminal as standard error.
    pub fn finish(mut self) -> (String, Finished) {
        self.shown += &self.terminal.exp_eof().expect("the end");
        let code = match self.terminal.process().wait().expect("wait") {
            WaitStatus::Exited(_, code) => Some(code),
            _ => None,
        };
        let stdout = std::fs::read_to_string(&self.result).expect("a result");
        let _ = std::fs::remove_file(&self.result);
        let stderr = self.shown.rsplit(WIPE).next().unwrap_or_default().replace("\r\n", "\n");
        (self.shown, Finished { code, stdout, stderr })
    }
}

#[test]
fn terminal_shows_progress_line_and_erases_it() {
    let args = "fanout --readers 4 --rate 50 --seconds 1";
    let mut run = OnTerminal::start("live", 150, 1000, args);
    run.shows("fanout: readers log in: [0-9]+ connections");
    let live =
        r"fanout: [0-9]+ connections, [0-9]+ messages/s, [0-9]+ deliveries/s, p50 \S+ \S+ p99 \S+ \S+, [0-9]+ s left";
    run.shows(live);
    let (shown, finished) = run.finish();
    finished.passed();
    assert!(shown.ends_with(WIPE), "{shown:?}");
    // A single line, written again and again.
    assert!(!shown.contains('\n') && shown.matches(WIPE).count() > 3, "{shown:?}");
}

#[test]
fn progress_line_fits_terminal_width() {
    let (shown, finished) =
        OnTerminal::start("narrow", 40, 1000, "fanout --readers 4 --rate 50 --seconds 0.5").finish();
    finished.passed();
    let widths = shown.split(WIPE).map(|line| line.chars().count());
    assert_eq!(widths.max(), Some(39), "{shown:?}");
}

#[test]
fn terminal_error_has_its_own_line() {
    let (_, finished) = OnTerminal::start("error", 100, 200, "connections --count 5000").finish();
    finished.failed();
}

#[test]
fn chart_is_written_for_every_scenario() {
    let scenarios = [
        "fanout --readers 3 --rate 20 --seconds 0.3",
        "connections --count 3 --seconds 0.1",
        "whisper --idle 2 --pairs 1 --rate 20 --seconds 0.4",
        "churn --rate 20 --residents 2 --seconds 0.3",
        "stalled --readers 2 --rate 20 --seconds 0.3",
        "handshakes --count 20 --at-once 10",
    ];
    let name = |args: &str| args.split(' ').next().expect("a name").to_owned();
    let path = |args: &str| file(&format!("{}.svg", name(args)));
    let command = |args: &&str| {
        let mut command = json(args);
        command.arg("--svg").arg(path(args));
        command
    };
    finish_all(scenarios.iter().map(command).collect()).iter().for_each(|finished| drop(finished.passed()));
    for args in scenarios {
        let picture = std::fs::read_to_string(path(args)).expect("a picture");
        let drawing = picture.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?>"#).unwrap_or(&picture).trim();
        assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>"), "{picture}");
        assert!(picture.contains(&name(args)), "{picture}");
    }
}

#[test]
fn unwritable_chart_file_fails_early_in_one_line() {
    let path = file("nowhere").join("picture.svg");
    let mut command = json("connections --count 3 --seconds 0.1");
    command.arg("--svg").arg(&path);
    let finished = finish(command);
    assert_eq!((finished.code, &*finished.stdout), (Some(1), ""));
    let line = format!("chinwag: cannot write {}: no such file or directory\n", path.display());
    assert_eq!(finished.stderr, line);
}

#[test]
fn closed_output_is_no_error() {
    let mut read = Bench::spawn(&mut json("connections --count 3 --seconds 0.1"));
    drop(read.child.stdout.take());
    assert_eq!(wait(&mut read.child).code(), Some(0));
    let stderr = read.child.stderr.take().expect("stderr");
    assert_eq!(Lines::new(stderr).rest(), [""; 0]);

    let mut failed = Bench::spawn(&mut limited(200, "connections --count 5000"));
    drop((failed.child.stdout.take(), failed.child.stderr.take()));
    assert_eq!(wait(&mut failed.child).code(), Some(1));
}

#[test]
fn help_names_every_option() {
    let common = [
        "--addr",
        "--encoding",
        "--tls",
        "--pid",
        "--prompt",
        "--welcome",
        "--whisper",
        "--yes-remote",
        "--json",
        "--svg",
        "--serve",
        "--pin",
    ];
    for (scenario, options) in [
        ("connections", &["--count", "--seconds"][..]),
        ("fanout", &["--readers", "--senders", "--rate", "--saturate", "--in-flight", "--size", "--seconds"]),
        ("whisper", &["--idle", "--pairs", "--rate", "--storm", "--seconds"]),
        ("churn", &["--rate", "--residents", "--seconds"]),
        ("stalled", &["--readers", "--stalled", "--rate", "--size", "--seconds"]),
        ("handshakes", &["--count", "--bystander"]),
        ("all", &[]),
        ("", &[]),
    ] {
        let help = finish(bench(&format!("{scenario} --help")));
        assert_eq!((help.code, &*help.stderr), (Some(0), ""));
        for option in options {
            assert!(help.stdout.contains(option), "{option} is not in the help of {scenario:?}");
        }
        // They stand in the help of `bench` alone.
        for option in common {
            assert_eq!(help.stdout.contains(option), scenario.is_empty(), "{option} in the help of {scenario:?}");
        }
    }
    let help = finish(bench("--help")).stdout;
    for scenario in ["connections", "fanout", "whisper", "churn", "stalled", "handshakes", "all"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{scenario} "))), "{help}");
    }
}

#[test]
fn program_help_hides_bench_part() {
    let mut command = Command::new(PROGRAM);
    command.arg("--help");
    let help = finish(command).stdout;
    assert!(help.lines().any(|line| line.trim_start().starts_with("bench ")), "{help}");
    assert!(!help.contains("bench-part"), "{help}");
}
