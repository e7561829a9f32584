//! Tests of `chinwag export` and `chinwag import`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::harness::PROGRAM;

const LINES: &str = concat!(
    r#"{"id":3,"room":"lobby","at":"2026-11-20T23:58:02+01:00","kind":"said","name":"bob","text":"anyone for \"lunch\"?"}"#,
    "\n",
    r#"{"id":4,"room":"茶","at":"2026-11-20T23:59:40+01:00","kind":"action","name":"carol","text":"waves 👋"}"#,
    "\n",
    r#"{"id":9,"room":"lobby","at":"2026-11-21T00:00:01+01:00","kind":"said","name":"10.1.2.3:4567#2","text":"and \\ 好"}"#,
    "\n",
);

/// A temporary directory, removed with the value.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("chinwag-archive-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory");
        Directory(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("history")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(what: &str, store: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg(what).arg("--store").arg(store).args(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The program can reject the file before it has read its input.
    let _ = child.stdin.take().expect("standard input").write_all(input.as_bytes());
    child.wait_with_output().expect("output")
}

/// The output of a run that succeeds.
fn said(what: &str, store: &Path, args: &[&str], input: &str) -> String {
    let output = run(what, store, args, input);
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""), "{what} {args:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The error text of a run that fails with exit code 1.
fn refused(what: &str, store: &Path, args: &[&str], input: &str) -> String {
    let output = run(what, store, args, input);
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stdout)), (Some(1), ""), "{what} {args:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn imported_lines_are_exported_unchanged() {
    let directory = Directory::new();
    let store = directory.store();
    let told = said("import", &store, &[], LINES);
    assert_eq!(told, format!("3 messages imported into {}\n", store.display()));
    assert_eq!(said("export", &store, &[], ""), LINES);
    assert_eq!(said("export", &store, &["--room", "茶"], ""), LINES.lines().nth(1).unwrap().to_owned() + "\n");
    let late = said("export", &store, &["--since", "2026-11-20T22:59:40Z"], "");
    assert_eq!(late.lines().collect::<Vec<_>>(), LINES.lines().skip(1).collect::<Vec<_>>());

    let (file, other) = (directory.0.join("lines"), directory.0.join("other"));
    fs::write(&file, format!("\n{}\n", LINES.trim_end())).expect("a file");
    said("import", &other, &[file.to_str().unwrap()], "");
    assert_eq!(said("export", &other, &[], ""), LINES);
}

#[test]
fn text_export_looks_like_the_chat() {
    let directory = Directory::new();
    said("import", &directory.store(), &["-"], LINES);
    let text = said("export", &directory.store(), &["--format", "text"], "");
    let expected = "* Friday 20 November 2026\n[23:58:02] bob: anyone for \"lunch\"?\n(茶) [23:59:40] * carol waves 👋\n\
                    * Saturday 21 November 2026\n[00:00:01] 10.1.2.3:4567#2: and \\ 好\n";
    assert_eq!(text, expected);
    let room = said("export", &directory.store(), &["--format", "text", "--room", "茶"], "");
    assert_eq!(room, "* Friday 20 November 2026\n[23:59:40] * carol waves 👋\n");
}

#[test]
fn invalid_line_is_named_and_nothing_is_imported() {
    let directory = Directory::new();
    let store = directory.store();
    said("import", &store, &[], LINES);
    let good = LINES.replace("\"id\":", "\"id\":1");
    for (bad, why) in [
        (good.replace("\"said\"", "\"sung\""), "unknown variant `sung`"),
        (good.replace("\"at\":\"2026-11-20T23:58", "\"at\":\"yesterday 23:58"), "is not a time from 1970 to 9999"),
        (good.replace("\"lobby\"", "\"the lobby\""), "\"the lobby\" is not a valid room name"),
        (good.replace("\"bob\"", "\"bob \\u001b[2J\""), "\"bob \" is not a valid name"),
        (good.replace("\"bob\"", "\"*\""), "\"*\" is not a valid name"),
        (good.replace("\"bob\"", "\"bob->you:\""), "\"bob->you:\" is not a valid name"),
        (good.replace("\"bob\"", "\"admin\""), "\"admin\" is not a valid name"),
        (good.replace("\"lobby\"", "\"e\\u0301\""), "is not a valid room name"),
        (good.replace("2026-11-20T23:58:02+01:00", "9999-12-31T23:59:59-00:01"), "is not a time from 1970 to 9999"),
        (good.replace("2026-11-20T23:58:02+01:00", "1969-12-31T23:59:59Z"), "is not a time from 1970 to 9999"),
        (good.replace("\"id\":13", "\"id\":0"), "its id 0 is not from 1 to 9006099743113215"),
        (good.replace("\"id\":13", "\"id\":9006099743113216"), "its id 9006099743113216 is not from 1 to"),
        (good.replace("\"id\":13", "\"id\":9223372036854775806"), "is not from 1 to 9006099743113215"),
        (good.replace("anyone for \\\"lunch\\\"?", " "), "its text is blank"),
        (good.replace("anyone", "any\\none"), "its text is too long or holds control characters"),
        (good.replace("\"text\"", "\"texts\""), "unknown field `texts`"),
        (format!("nonsense\n{good}"), "expected"),
    ] {
        let told = refused("import", &store, &[], &bad);
        assert!(told.starts_with("chinwag: line 1 is not a message: ") && told.contains(why), "{told}");
        assert!(told.ends_with("; nothing was imported\n") && told.lines().count() == 1, "{told}");
    }
    let cut = format!("{good}{}", &LINES[..40]);
    assert!(refused("import", &store, &[], &cut).starts_with("chinwag: line 4 is not a message: EOF while parsing"));
    assert!(refused("import", &store, &[], LINES).contains("message id 3 is already used"));
    let long = format!("{good}{}", "x".repeat(9 << 20));
    assert!(refused("import", &store, &[], &long).contains("line 4 is not a message: it is longer than"));
    assert_eq!(said("export", &store, &[], ""), LINES);
}

#[test]
fn missing_file_room_or_input_is_an_error() {
    let directory = Directory::new();
    let store = directory.store();
    let told = refused("export", &store, &[], "");
    assert_eq!(told, format!("chinwag: cannot use {}: there is no such file\n", store.display()));
    said("import", &store, &[], LINES);
    let told = refused("export", &store, &["--room", "tea"], "");
    assert_eq!(told, format!("chinwag: there is no room tea in {}\n", store.display()));
    let told = refused("import", &store, &["/no/such/lines"], "");
    assert_eq!(told, "chinwag: cannot read /no/such/lines: no such file or directory\n");
}

#[test]
fn closed_output_pipe_is_no_error() {
    let directory = Directory::new();
    let store = directory.store();
    let lines: String = (1..20_000)
        .map(|id| LINES.lines().next().unwrap().replace("\"id\":3", &format!("\"id\":{id}")) + "\n")
        .collect();
    said("import", &store, &[], &lines);
    let script = "\"$0\" export --store \"$1\" | head -n 1; exit ${PIPESTATUS[0]}";
    let output = Command::new("bash").args(["-c", script, PROGRAM]).arg(&store).output().expect("bash");
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    assert_eq!(
        output.stdout,
        lines.lines().next().unwrap().to_owned().into_bytes().into_iter().chain([b'\n']).collect::<Vec<_>>()
    );
}
