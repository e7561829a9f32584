//! The last lines of `tests/run`: the counts of both test runners, added up.

use std::io::Write;
use std::process::{Command, Stdio};

/// The output at the end of a run that wrote `log`.
fn summary(log: &str, code: u8) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/summary.awk");
    let mut command = Command::new("awk");
    command.arg("-v").arg(format!("code={code}")).args(["-f", script, "-"]);
    let mut awk = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("awk");
    awk.stdin.take().expect("its input").write_all(log.as_bytes()).expect("the log");
    let output = awk.wait_with_output().expect("its output");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("UTF-8")
}

const CARGO: &str = "\
running 3 tests
test a ... ok
test result: ok. 340 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 61.20s

running 5 tests
test result: FAILED. 229 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 200.00s
";

const BROWSER: &str = "\
browser tests
ok    two pages and nc are in one room (812 ms)
FAILED a phone: the page is wider than the screen
ok    light and dark (71 ms)
";

#[test]
fn counts_of_all_runners_are_added() {
    let both = summary(&[CARGO, BROWSER].concat(), 1);
    assert_eq!(
        both,
        "\ntests/run: 570 tests of cargo in 2 runs, 3 browser tests; not part of it: tests/fuzz/run, tests/million, \
         tests/soak, tests/upgrades\n571 passed, 2 failed, 2 skipped\n"
    );
}

#[test]
fn failed_run_without_failed_test_is_reported() {
    let early = summary("running 3 tests\n", 101);
    assert!(early.contains("0 tests of cargo in 0 runs, the browser tests were skipped;"), "{early}");
    assert!(early.contains("something else than a test failed (exit code 101)"), "{early}");
    assert!(early.ends_with("\n0 passed, 0 failed, 0 skipped\n"), "{early}");
    let passed = summary(CARGO.replace("1 failed", "0 failed").as_str(), 0);
    assert!(!passed.contains("something else"), "{passed}");
}
