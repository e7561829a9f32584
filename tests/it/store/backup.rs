//! Tests of the control socket, `chinwag backup`, and `chinwag export` beside a running server.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{TestDir, end, kill, refused};
use crate::harness::{DEADLINE, PROGRAM, Server, Signal, wait};

/// A user that is not the one of the tests, if these are root.
const OTHER_USER: u32 = 65534;

fn socket(dir: &TestDir) -> PathBuf {
    dir.0.join("history.db.control")
}

fn backup(dir: &TestDir, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("backup").arg("--store").arg(dir.file()).args(args);
    command
}

/// The output of a command that succeeds.
fn said(mut command: Command) -> String {
    let output = command.output().expect("the program starts");
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The exported messages of a store.
fn exported(file: &Path) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(["export", "--format", "text", "--store"]).arg(file);
    said(command)
}

/// Names of the files of a folder, in their order.
fn files(dir: &TestDir) -> Vec<String> {
    let names = fs::read_dir(&dir.0).expect("a folder").map(|file| file.expect("a file").file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// Writes a store with many messages, so that a copy takes many steps.
fn fill(dir: &TestDir, messages: u64) {
    let text = "fish ".repeat(400);
    let line = |id| {
        format!(
            "{{\"id\":{id},\"room\":\"den\",\"at\":\"2026-11-20T23:58:02Z\",\"kind\":\"said\",\"name\":\"bob\",\"text\":\"{id} {text}\"}}\n"
        )
    };
    let lines = dir.0.join("lines");
    fs::write(&lines, (1..=messages).map(line).collect::<String>()).expect("a file");
    let mut command = Command::new(PROGRAM);
    command.arg("import").arg("--store").arg(dir.file()).arg(&lines);
    said(command);
    fs::remove_file(&lines).expect("the lines");
}

/// Asks for a copy on the control socket, without a program that renames it.
fn ask(dir: &TestDir, to: &str) -> BufReader<UnixStream> {
    let mut stream = UnixStream::connect(socket(dir)).expect("connect");
    stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
    let request = format!("{{\"ask\":\"copy\",\"to\":\"{}\"}}\n", dir.0.join(to).display());
    stream.write_all(request.as_bytes()).expect("write");
    BufReader::new(stream)
}

fn answer(from: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}

#[test]
fn backup_under_load_is_whole_has_what_was_said_before_and_starts_a_server() {
    let dir = TestDir::new();
    fill(&dir, 3000);
    let server = dir.start(&["--rate", "0"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("before the backup\n");
    bob.until("before the backup");
    let copy = dir.0.join("copy.db");
    let mut running = backup(&dir, &[copy.to_str().expect("UTF-8")]);
    let mut running = running.stdout(Stdio::piped()).spawn().expect("the program starts");
    // What one of two readers has read before the end of the backup is in it.
    let mut number = 0;
    while running.try_wait().expect("a status").is_none() {
        for _ in 0..20 {
            number += 1;
            alice.send(&format!("number {number}.\n"));
        }
        bob.until(&format!("alice: number {number}."));
    }
    assert!(wait(&mut running).success() && number > 0);
    alice.send("after the backup\n");
    bob.until("after the backup");
    assert_eq!(fs::metadata(&copy).expect("the copy").permissions().mode() & 0o777, 0o600);
    let said = exported(&copy);
    assert!(said.contains("alice: before the backup") && !said.contains("after the backup"), "{number}");
    // The numbers are there from the first to some last one.
    let numbers: Vec<u64> =
        said.lines().filter_map(|line| line.split("alice: number ").nth(1)?.strip_suffix('.')?.parse().ok()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(said.matches("bob: ").count(), 3000);
    let check = rusqlite::Connection::open(&copy).expect("a database");
    let found: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a result");
    assert_eq!(found, "ok");
    drop(check);
    // The server goes on with the store, and another one starts with the copy.
    end(server);
    assert_eq!(files(&dir), ["copy.db", "history.db"]);
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--store"]).arg(&copy);
    let server = Server::spawn(command);
    let mut carol = server.connect();
    carol.send("carol\n/search before\n");
    carol.until("alice: before the backup");
    end(server);
}

#[test]
fn backup_without_a_server_copies_the_file_and_never_replaces_another_file() {
    let dir = TestDir::new();
    let no_store = refused(backup(&dir, &["x"]));
    assert!(no_store.ends_with("history.db: there is no such file"), "{no_store}");
    fill(&dir, 3);
    let path = |name: &str| dir.0.join(name).to_str().expect("UTF-8").to_owned();
    let told = said(backup(&dir, &[&path("copy")]));
    let bytes = fs::metadata(path("copy")).expect("the copy").len();
    assert_eq!(told, format!("{bytes} bytes copied to {}\n", path("copy")));
    assert_eq!(exported(Path::new(&path("copy"))), exported(&dir.file()));
    fs::write(path("text"), "a text").expect("a file");
    fs::write(path("new-wal"), "a log").expect("a file");
    for (to, force, why) in [
        ("copy", false, "exists; choose another name, or replace it with --force"),
        ("text", true, "exists and is no copy of a store; choose another name"),
        ("history.db", true, "is the store itself; choose another name"),
        ("", true, "is a folder; name a file in it"),
        ("new", true, "new-wal; choose another name, or remove the log"),
        ("no/copy", false, "no such file or directory"),
    ] {
        let to = path(to);
        let args = if force { vec!["--force", &to] } else { vec![&*to] };
        let error = refused(backup(&dir, &args));
        assert!(error.ends_with(why), "{to}: {error}");
    }
    fs::remove_file(path("new-wal")).expect("the log");
    said(backup(&dir, &["--force", &path("copy")]));
    assert_eq!(files(&dir), ["copy", "history.db", "text"]);
    assert_eq!(exported(Path::new(&path("copy"))).matches("bob: ").count(), 3);
}

#[test]
fn server_is_found_by_its_store_its_process_and_its_socket() {
    let dir = TestDir::new();
    let named = dir.0.join("asked.control");
    let server = dir.start(&["--control", named.to_str().expect("UTF-8")]);
    let pid = server.child.id().to_string();
    let to = |name: &str| dir.0.join(name).to_str().expect("UTF-8").to_owned();
    let run = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.arg("backup").args(args).env_remove("CHINWAG_STORE");
        command
    };
    said(run(&["--pid", &pid, &to("one")]));
    said(run(&["--control", named.to_str().expect("UTF-8"), &to("two")]));
    // A server with another store is not asked for this one.
    let other = TestDir::new();
    fill(&other, 1);
    let error = refused(backup(&other, &["--control", named.to_str().expect("UTF-8"), &to("three")]));
    assert!(error.contains("uses another store than") && files(&other) == ["history.db"], "{error}");
    // The store alone does not tell where that socket is.
    let error = refused(backup(&dir, &[&to("three")]));
    assert!(error.contains("history.db is in use by another process"), "{error}");
    let error = refused(run(&["--control", &to("no.control"), &to("three")]));
    assert!(error.contains("no server has the control socket") && error.contains("no.control"), "{error}");
    // A process of this test alone: the others have sockets in the test process.
    let mut idle = Command::new("sleep").arg("60").spawn().expect("a process");
    let error = refused(run(&["--pid", &idle.id().to_string(), &to("three")]));
    idle.kill().and_then(|()| idle.wait()).expect("its end");
    assert!(error.contains("has no control socket"), "{error}");
    assert_eq!(run(&[&to("three")]).output().expect("the program starts").status.code(), Some(2));
    end(server);
    assert_eq!(files(&dir), ["history.db", "one", "two"]);
}

#[test]
fn control_socket_is_for_the_user_of_the_server_and_goes_with_it() {
    let dir = TestDir::new();
    let server = dir.start(&["--unix-mode", "0666"]);
    let found = fs::symlink_metadata(socket(&dir)).expect("the socket");
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    if rustix::process::geteuid().is_root() {
        let never = dir.0.join("never");
        let never = never.to_str().expect("UTF-8");
        fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o755)).expect("a mode");
        let mut other = backup(&dir, &[never]);
        other.uid(OTHER_USER).gid(OTHER_USER);
        let error = refused(other);
        assert!(error.contains("belongs to another user; run this as the user of the server"), "{error}");
        // Where the mode does not keep others out, the server does.
        fs::set_permissions(socket(&dir), fs::Permissions::from_mode(0o666)).expect("a mode");
        let mut other = backup(&dir, &[never]);
        other.uid(OTHER_USER).gid(OTHER_USER);
        let error = refused(other);
        assert!(error.ends_with("only the user of the server and root may ask it"), "{error}");
    }
    // A server that is killed leaves the socket, which the next one replaces.
    kill(server);
    assert!(socket(&dir).exists());
    let server = dir.start(&[]);
    said(backup(&dir, &[dir.0.join("copy").to_str().expect("UTF-8")]));
    // A second server is told about the store; and about the socket if only that is the same.
    assert!(refused(dir.command(&[])).contains("history.db is in use by another process"));
    let mut second = Command::new(PROGRAM);
    second.args(["--listen", "127.0.0.1:0", "--control"]).arg(socket(&dir));
    let error = refused(second);
    assert!(error.contains("history.db.control: address already in use; choose another place"), "{error}");
    said(backup(&dir, &["--force", dir.0.join("copy").to_str().expect("UTF-8")]));
    end(server);
    assert_eq!(files(&dir), ["copy", "history.db"]);
}

#[test]
fn cancelled_backup_leaves_nothing_and_the_server_goes_on() {
    let dir = TestDir::new();
    fill(&dir, 2000);
    let mut server = dir.start(&[]);
    let to = dir.0.join("copy");
    // One that is asked on the socket holds the place, so that the program waits.
    let mut first = ask(&dir, "first.part");
    while !answer(&mut first).contains("copied") {}
    assert!(dir.0.join("first.part").exists());
    let mut second = ask(&dir, "second.part");
    assert_eq!(answer(&mut second), r#"{"t":"copying","percent":0}"#);
    let mut running = backup(&dir, &[to.to_str().expect("UTF-8")]).spawn().expect("the program starts");
    server.log.until("copy.");
    rustix::process::kill_process(Pid::from_child(&running), Signal::INT).expect("kill");
    assert!(!wait(&mut running).success());
    drop(first);
    drop(second);
    // It is over when the next one has been made.
    said(backup(&dir, &[to.to_str().expect("UTF-8")]));
    server.login("alice").expect_nothing();
    // A server that ends gives up its copies, and leaves the finished one to its client.
    let mut left = ask(&dir, "left.part");
    while !answer(&mut left).contains("copied") {}
    let mut cut = ask(&dir, "cut.part");
    answer(&mut cut);
    server.signal(Signal::TERM);
    let mut last = answer(&mut cut);
    while last.contains("copying") {
        last = answer(&mut cut);
    }
    assert!(server.wait().success());
    let is_whole = last.contains("copied");
    assert!(is_whole || last.contains("the server is ending"), "{last}");
    let parts: Vec<String> = files(&dir).into_iter().filter(|name| name.ends_with("part")).collect();
    assert_eq!(parts, if is_whole { vec!["cut.part", "left.part"] } else { vec!["left.part"] });
}

#[test]
fn server_that_is_killed_leaves_no_part_of_a_copy() {
    let dir = TestDir::new();
    fill(&dir, 2000);
    let to = dir.0.join("copy");
    let server = dir.start(&[]);
    let mut command = backup(&dir, &[to.to_str().expect("UTF-8")]);
    let mut running = command.stderr(Stdio::null()).spawn().expect("the program starts");
    // While it copies, unless the copy is complete by then.
    let part = || files(&dir).iter().any(|name| name.ends_with("part"));
    while !part() && running.try_wait().expect("a status").is_none() {
        std::thread::yield_now();
    }
    kill(server);
    let is_whole = wait(&mut running).success();
    assert_eq!(to.exists(), is_whole);
    assert!(!part(), "{:?}", files(&dir));
    said(backup(&dir, &["--force", to.to_str().expect("UTF-8")]));
}

#[test]
fn backup_that_finds_no_space_fails_and_the_store_goes_on() {
    let dir = TestDir::new();
    fill(&dir, 2000);
    let server = dir.start(&["--admin", "127.0.0.1:0"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let length = fs::metadata(dir.file()).expect("the store").len();
    // The log of the store is short; the copy becomes longer than a file may be.
    let limit = Rlimit { current: Some(length / 2), maximum: None };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Fsize, limit).expect("a limit");
    let to = dir.0.join("copy");
    let error = refused(backup(&dir, &[to.to_str().expect("UTF-8")]));
    assert!(error.contains(".part: it cannot be written, or the store cannot be read"), "{error}");
    alice.send("still stored\n");
    bob.until("still stored");
    let none = Rlimit { current: None, maximum: None };
    prlimit(Some(Pid::from_child(&server.child)), Resource::Fsize, none).expect("no limit");
    said(backup(&dir, &[to.to_str().expect("UTF-8")]));
    assert!(exported(&to).contains("alice: still stored"));
    let log = end(server);
    assert!(log.iter().any(|line| line.contains("the copy of the store has failed")), "{log:#?}");
    assert!(log.iter().any(|line| line.contains("all records are stored")), "{log:#?}");
    assert_eq!(files(&dir), ["copy", "history.db"]);
}

#[test]
fn export_beside_a_server_reads_a_copy_that_is_removed() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("hello\n");
    bob.until("hello");
    assert!(exported(&dir.file()).ends_with("alice: hello\n"));
    let mut no_room = Command::new(PROGRAM);
    no_room.args(["export", "--room", "tea", "--store"]).arg(dir.file());
    assert_eq!(refused(no_room), format!("chinwag: there is no room tea in {}", dir.file().display()));
    let mut import = Command::new(PROGRAM);
    import.arg("import").arg("--store").arg(dir.file()).stdin(Stdio::null());
    assert!(refused(import).contains("is in use by another process"));
    let left: Vec<String> = files(&dir).into_iter().filter(|name| name.contains("export")).collect();
    assert_eq!(left, Vec::<String>::new());
    end(server);
}

#[test]
fn server_without_a_store_says_so_and_one_whose_socket_has_no_place_goes_on() {
    let dir = TestDir::new();
    let asked = dir.0.join("asked.control");
    let server = Server::start(&["--control", asked.to_str().expect("UTF-8")]);
    let mut command = Command::new(PROGRAM);
    command.args(["backup", "--control"]).arg(&asked).arg(dir.0.join("copy"));
    assert!(refused(command).ends_with("this server has no store (--store FILE), so there is nothing to copy"));
    end(server);
    // By default it is beside the store, where there may be no place for it.
    fs::write(socket(&dir), "a text").expect("a file");
    let server = dir.start(&[]);
    server.login("alice").expect_nothing();
    end(server);
    assert_eq!(fs::read(socket(&dir)).expect("the file"), b"a text");
    let mut named = dir.command(&["--control"]);
    named.arg(dir.0.join("no/asked"));
    assert!(refused(named).contains("cannot make the control socket"));
}

#[test]
fn socket_that_listens_and_is_no_server_of_chinwag_is_an_error() {
    let dir = TestDir::new();
    fill(&dir, 1);
    let listener = UnixListener::bind(socket(&dir)).expect("a socket");
    let run = |answer: &str| {
        let mut command = backup(&dir, &[dir.0.join("copy").to_str().expect("UTF-8")]);
        let running = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.write_all(answer.as_bytes()).expect("write");
        drop(stream);
        let output = running.wait_with_output().expect("output");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    for (answer, error) in [
        ("* Welcome\n", "is another version of chinwag"),
        ("", "has ended, or has closed the connection"),
        ("{\"t\":\"copying\",\"percent\":3}\n{\"t\":\"cop", "has ended, or has closed the connection"),
        ("{\"t\":\"copied\",\"store\":[1,2]}\n", "but it is not there: the server sees other files"),
        ("{\"t\":\"error\",\"why\":\"no\"}\n", "chinwag: no\n"),
    ] {
        let told = run(answer);
        assert!(told.contains(error) && told.lines().count() == 1, "{answer}: {told}");
    }
    assert_eq!(files(&dir), ["history.db", "history.db.control"]);
}
