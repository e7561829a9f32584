//! The start of the program, the process, and sessions with nc and telnet.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::harness::{Client, Lines, PROGRAM, Server, wait};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// Runs the program to its end; returns exit code, standard output and standard error.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let code = wait(&mut child).code();
    let rest = child.wait_with_output().expect("output");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (code, text(rest.stdout), text(rest.stderr))
}

#[test]
fn server_has_one_thread() {
    let server = Server::start(&["--console"]);
    let mut all: Vec<Client> = (0..50).map(|n| server.login(&format!("user{n}"))).collect();
    for client in &mut all {
        client.send("hello\n/who\n/ping done\n");
    }
    for client in &mut all {
        while client.line() != "* pong done" {}
        let tasks = std::fs::read_dir(format!("/proc/{}/task", server.child.id())).expect("tasks");
        assert_eq!(tasks.count(), 1);
    }
    drop(all);
    let _late = server.connect().log_in("late");
    let threads = server.proc_file("status").lines().find(|line| line.starts_with("Threads:")).map(str::to_owned);
    assert_eq!(threads.as_deref(), Some("Threads:\t1"));
}

#[test]
fn every_listener_is_logged_with_its_bound_port() {
    let mut server = Server::start(&["--listen", "[::1]:0", "--listen", "127.0.0.2:0"]);
    let mut addrs = vec![server.addr];
    for _ in 0..2 {
        let line = server.log.until("listening on ");
        addrs.push(line.rsplit(' ').next().and_then(|addr| addr.parse().ok()).expect("an address"));
    }
    let ips: Vec<String> = addrs.iter().map(|addr| addr.ip().to_string()).collect();
    assert_eq!(ips, ["127.0.0.1", "::1", "127.0.0.2"]);
    assert!(addrs.iter().all(|addr| addr.port() != 0));
    let mut all: Vec<Client> = Vec::new();
    for (addr, name) in addrs.into_iter().zip(["alice", "bob", "carol"]) {
        let client = Client::connect(addr).log_in(name);
        all.iter_mut().for_each(|earlier| assert!(earlier.line().starts_with(&format!("* {name} joined"))));
        all.push(client);
    }
    server.log.until(&format!("bob logged in from {} (2 here)", all[1].addr()));
}

fn in_use(addr: &str) -> String {
    let advice = "choose another port, or give --reuse-port to each server that shares this one";
    format!("chinwag: cannot listen on {addr}: address already in use; {advice}\n")
}

#[test]
fn address_in_use_is_reported_in_one_line() {
    let server = Server::start(&[]);
    let addr = server.addr.to_string();
    let (code, stdout, stderr) = run(&["--listen", &addr]);
    assert_eq!(stderr, in_use(&addr));
    assert_eq!((code, &*stdout), (Some(1), ""));
}

#[test]
fn address_in_use_is_reported_though_others_are_free() {
    let server = Server::start(&[]);
    let addr = server.addr.to_string();
    let (code, _, stderr) = run(&["serve", "--listen", "127.0.0.1:0", "--listen", &addr]);
    assert_eq!(stderr, in_use(&addr));
    assert_eq!(code, Some(1));
}

#[test]
fn port_can_be_reused_at_once_after_the_end() {
    let mut server = Server::start(&[]);
    let addr = server.addr.to_string();
    let mut alice = server.login("alice");
    server.signal(Signal::TERM);
    alice.expect(SHUTTING_DOWN);
    assert_eq!(server.wait().code(), Some(0));
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", &addr]);
    let again = Server::spawn(command);
    assert_eq!(again.addr.to_string(), addr);
    again.login("alice");
}

#[test]
fn bad_option_exits_with_2() {
    for args in [
        &["--no-such-option"][..],
        &["serve", "--max-line", "none"],
        &["--listen", "nowhere"],
        &["--mode", "chat"],
        &["--lang", "tlh"],
        &["--rate", "-1"],
        &["sreve"],
        &["--backlog-bytes", "8000"],
        &["serve", "--send-buffer", "1", "--max-line", "1048576"],
        &["--max-line", "100000", "--backlog-bytes", "300000"],
    ] {
        let (code, stdout, stderr) = run(args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stdout.is_empty(), "{args:?}: {stderr}");
    }
}

#[test]
fn file_of_authorities_that_cannot_be_read_is_named_with_its_option() {
    let cluster = ["--cluster", "tls://127.0.0.1:1", "--cluster-name", "tests", "--node", "a"];
    for (file, why) in [
        ("/nowhere/ca.pem", "no such file or directory"),
        ("/dev/null", "it has no certificate; write PEM, which begins with -----BEGIN CERTIFICATE-----"),
    ] {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["check-config"]] {
            let (code, stdout, stderr) = run(&[command, &cluster, &["--cluster-ca", file]].concat());
            let line = format!("chinwag: cannot read the authorities of --cluster-ca from {file}: {why}\n");
            assert_eq!((code, &*stdout, stderr), (Some(1), "", line));
        }
    }
}

#[test]
fn inconsistent_limits_are_reported_with_allowed_values() {
    let (code, _, stderr) = run(&["--max-line", "1048576", "--send-buffer", "1", "--rate", "0"]);
    let line = "error: --backlog-bytes 1048576 is too little for --max-line 1048576: two of the longest messages must fit; \
                give --backlog-bytes 2099200 or more, or a shorter --max-line";
    assert_eq!((code, stderr.lines().next()), (Some(2), Some(line)));
}

#[test]
fn burst_of_longest_lines_reaches_a_reader_at_the_tightest_limits() {
    let (line, burst) = (1 << 20, 4);
    let backlog = (burst * (line + 1024)).to_string();
    let args =
        ["--max-line", "1048576", "--burst", "4", "--rate", "1", "--send-buffer", "1", "--backlog-bytes", &backlog];
    let server = Server::start(&args);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    let text = "x".repeat(line);
    // The nickname was one of the burst.
    (0..burst - 1).for_each(|_| alice.send(&format!("{text}\n")));
    (0..burst - 1).for_each(|_| bob.expect(&format!("[T] alice: {text}")));
    bob.expect_nothing();
}

#[test]
fn help_command_and_option_print_the_same() {
    for (help, option) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "serve"], &["serve", "--help"]),
        (&["help", "connect"], &["connect", "--help"]),
        (&["help", "bench", "fanout"], &["bench", "fanout", "--help"]),
        (&["bench", "help", "fanout"], &["bench", "fanout", "--help"]),
    ] {
        let (code, stdout, stderr) = run(help);
        assert_eq!((code, &*stderr), (Some(0), ""), "{help:?}");
        assert_eq!(stdout, run(option).1, "{help:?}");
    }
    let options = |help: &str| help[help.find("Options:").expect("options")..].to_owned();
    let (bare, serve) = (run(&["--help"]).1, run(&["serve", "--help"]).1);
    let shown = options(&bare);
    for line in options(&serve).lines() {
        assert!(shown.contains(line), "{line:?} is not in the help without a command");
    }
    let (code, _, stderr) = run(&["help", "sreve"]);
    assert_eq!(code, Some(2), "{stderr}");
}

#[test]
fn help_names_every_option_with_its_default() {
    let (code, stdout, stderr) = run(&["serve", "--help"]);
    assert_eq!((code, &*stderr), (Some(0), ""));
    for option in [
        "--listen",
        "--mode",
        "--login",
        "--max-clients",
        "--max-waiting",
        "--max-per-ip",
        "--history",
        "--lang",
        "--console",
        "--login-timeout",
        "--max-line",
        "--rate",
        "--burst",
        "--backlog-bytes",
        "--announce-limit",
        "--eol-timeout",
        "--verbose",
        "--quiet",
    ] {
        assert!(stdout.contains(option), "{option} is not in the help");
    }
    for default in ["[default: 127.0.0.1:4567]", "[default: 4096]", "[default: 1048576]"] {
        // A narrow terminal breaks the lines.
        let unbroken = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(unbroken.contains(default), "{default} is not in the help");
    }
}

#[test]
fn options_can_be_set_in_the_environment() {
    for args in [&[][..], &["serve"]] {
        let mut command = Command::new(PROGRAM);
        command.args(args).env("CHINWAG_LISTEN", "127.0.0.1:0").env("CHINWAG_LANG", "zh");
        command.env("CHINWAG_CONSOLE", "on").env("CHINWAG_MAX_LINE", "64");
        let mut server = Server::spawn(command);
        let mut alice = server.connect();
        alice.expect("* 请输入昵称:");
        alice.send("alice\n");
        alice.expect("* 昵称设置成功");
        server.console.until("* alice进入了聊天室，当前1人");
        alice.line();
        alice.send(&"x".repeat(65));
        assert!(alice.line().starts_with("! "));
    }
}

#[test]
fn command_line_option_overrides_the_environment() {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--lang", "en"]);
    command.env("CHINWAG_LISTEN", "127.0.0.1:1").env("CHINWAG_LANG", "zh");
    let server = Server::spawn(command);
    server.login("alice");
}

#[test]
fn bad_environment_value_is_reported_like_a_bad_option() {
    let mut command = Command::new(PROGRAM);
    command.env("CHINWAG_MAX_LINE", "none").stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    assert_eq!(wait(&mut child).code(), Some(2));
}

#[test]
#[ignore = "needs nc"]
fn two_members_talk_with_nc() {
    let server = Server::start(&[]);
    let port = server.addr.port().to_string();
    let nc = |name: &str| {
        let mut child = Command::new("nc")
            .args(["127.0.0.1", &port])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nc starts");
        let mut lines = Lines::new(child.stdout.take().expect("stdout"));
        assert_eq!(lines.next().as_deref(), Some(WELCOME));
        type_into(&mut child, &format!("{name}\n"));
        lines.until(&format!("* You are {name}. "));
        (child, lines)
    };
    let (mut alice, mut read_by_alice) = nc("alice");
    let (mut bob, mut read_by_bob) = nc("bob");
    assert_eq!(read_by_alice.next().as_deref(), Some("* bob joined (2 here)"));
    type_into(&mut alice, "hello\n");
    assert!(read_by_bob.until("alice: hello").starts_with('['));
    type_into(&mut bob, "@alice psst\n");
    read_by_bob.until("] you -> alice: psst");
    read_by_alice.until("] bob -> you: psst");
    type_into(&mut bob, "q\n");
    assert_eq!(read_by_bob.next().as_deref(), Some("* Goodbye."));
    // nc waits for the end of its input, whatever the other side does.
    drop(bob.stdin.take());
    assert_eq!(read_by_bob.next(), None);
    assert_eq!(wait(&mut bob).code(), Some(0));
    assert_eq!(read_by_alice.next().as_deref(), Some("* bob left (1 here)"));
    type_into(&mut alice, "q\n");
    drop(alice.stdin.take());
    wait(&mut alice);
}

#[test]
#[ignore = "needs telnet"]
fn member_talks_with_telnet() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut telnet = Command::new("telnet")
        .args(["127.0.0.1", &server.addr.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("telnet starts");
    let mut lines = Lines::new(telnet.stdout.take().expect("stdout"));
    assert_eq!(lines.until("Welcome"), WELCOME);
    type_into(&mut telnet, "alice\n");
    assert_eq!(lines.next().as_deref(), Some("* You are alice. 2 here: bob and you. /help lists the commands."));
    bob.expect("* alice joined (2 here)");
    type_into(&mut telnet, "hello from telnet\n");
    bob.expect("[T] alice: hello from telnet");
    bob.send("hello\n");
    assert!(lines.until("bob: hello").starts_with('['));
    type_into(&mut telnet, "q\n");
    assert_eq!(lines.next().as_deref(), Some("* Goodbye."));
    bob.expect("* alice left (1 here)");
    drop(telnet.stdin.take());
    wait(&mut telnet);
}

fn type_into(child: &mut std::process::Child, text: &str) {
    use std::io::Write;
    child.stdin.as_mut().expect("stdin").write_all(text.as_bytes()).expect("write");
}
