//! The operator's console on a terminal that can be drawn on.

use std::net::SocketAddr;
use std::process::Command;

use crate::connect::ClientTerminal;
use crate::connect::screen::is_idle;
use crate::harness::{Client, PROGRAM, mask_time};

const SHUTTING_DOWN: &str = "* The server is shutting down.";
const DETACHED: &str = "* End of input: the console is detached, the server runs on.";

/// A server on a terminal, when its console is drawn, and its address.
fn start(args: &[&str]) -> (ClientTerminal, SocketAddr) {
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0"]).args(args);
    started(ClientTerminal::start(command))
}

/// The same from a shell script, in which `$0` is the program.
fn start_script(script: &str) -> (ClientTerminal, SocketAddr) {
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", script, PROGRAM]);
    started(ClientTerminal::start(command))
}

fn started(mut terminal: ClientTerminal) -> (ClientTerminal, SocketAddr) {
    // It is too long for a row of this terminal.
    terminal.until("the status line", |terminal| terminal.rows().iter().any(|row| row.contains("· listening on ")));
    let written = terminal.written();
    let (_, line) = written.rsplit_once("listening on ").expect("the status line");
    let addr = line.split([' ', '\x1b']).next().and_then(|addr| addr.parse().ok()).expect("an address");
    (terminal, addr)
}

/// Everything that the operator was shown, with times as `[T]`, without the rows at the bottom.
fn lines(terminal: &mut ClientTerminal) -> Vec<String> {
    let rows = terminal.all_rows();
    rows.iter().map(|row| mask_time(row)).filter(|row| !row.is_empty()).collect()
}

#[test]
fn typed_text_survives_lines_of_others_and_the_log() {
    let (mut terminal, addr) = start(&["-v"]);
    terminal.press("half ty");
    let mut alice = Client::connect(addr).log_in("alice");
    alice.send("hello\n");
    terminal.shows_line("[T] alice: hello");
    terminal.until("the log of it", |terminal| {
        terminal.rows().iter().any(|row| mask_time(row).starts_with("[T] DEBUG [chinwag::chat::hub::apply"))
    });
    terminal.input_is("> half ty|");
    terminal.press("ped\r");
    alice.expect("[T] server: half typed");
    terminal.shows_line("[T] server: half typed");
    terminal.input_is("> |");
    let rows = terminal.rows();
    assert!(rows[11].starts_with(" chinwag · 1 here · listening on 127.0.0.1:"), "{rows:#?}");
    assert_eq!(rows[10], "> ", "{rows:#?}");
}

#[test]
fn each_event_is_shown_once_in_one_form_of_time() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr);
    let from = alice.addr();
    terminal.shows(" chinwag · 0 here · 1 connected · listening on ");
    alice = alice.log_in("alice");
    terminal.shows(" chinwag · 1 here · listening on ");
    alice.ask("hello\n/nick alicia", &["* alice is now called alicia"]);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    terminal.shows("* alicia left");
    terminal.shows(" chinwag · 0 here · listening on ");
    let shown = lines(&mut terminal);
    // The terminal has divided the line of the log, which came before the first frame.
    let (log, shown) = shown.split_at(2);
    assert_eq!(log.concat(), format!("[T] INFO  [chinwag::server] listening on {addr}"));
    let expected = [
        &format!("* On this computer: nc 127.0.0.1 {}", addr.port()),
        "* Only this computer can connect. Start the server with",
        &format!("  --listen 0.0.0.0:{} to let others in.", addr.port()),
        "* What you type is said in the lobby, #den text in den.",
        "* /help lists the commands. Ctrl-C ends the server.",
        &format!("* alice joined from {from} (1 here)"),
        "[T] alice: hello",
        "* alice is now called alicia",
        "* alicia left (0 here)",
    ];
    let shown: Vec<&str> = shown.iter().map(|line| line.trim_end()).collect();
    assert_eq!(shown[..shown.len() - 2], expected);
}

#[test]
fn other_addresses_and_the_other_language_are_told() {
    let (mut terminal, _) = start(&["--web", "0.0.0.0:0", "--login", "address"]);
    terminal.shows("* What you type is said in the lobby.");
    assert!(!terminal.has("Only this computer"), "{:#?}", terminal.all_rows());
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", "127.0.0.1:0", "--lang", "zh"]);
    let mut terminal = ClientTerminal::start(command);
    terminal.shows(" chinwag · 0 人在这里 · 监听 127.0.0.1:");
    assert!(terminal.has("* 只有本机可以连接。") && terminal.has("* /help 列出命令。Ctrl-C 结束服务器。"));
}

#[test]
fn history_search_and_completion_help_with_typing() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    terminal.shows("* (den) alice joined");
    terminal.press("#d\tgood evening\r");
    alice.expect("[T] server: good evening");
    terminal.shows_line("[T] (den) server: good evening");
    terminal.press("/wh\tde\t\r");
    terminal.shows("> /who den");
    terminal.shows("* 1 in den: alice 127.0.0.1:");
    terminal.press("/shutd\t");
    terminal.input_is("> /shutdown |");
    terminal.press("\x15@al\t");
    terminal.input_is("> @alice |");
    terminal.press("psst\r");
    alice.expect("[T] server -> you: psst");
    terminal.shows_line("[T] you -> alice: psst");
    terminal.press("\x1b[A\x1b[A");
    terminal.input_is("> /who den |");
    terminal.press("\x15\x12even");
    terminal.input_is("(find) even: #den good evening|");
    terminal.press("\r");
    alice.expect("[T] server: good evening");
}

#[test]
fn pasted_lines_are_said_and_many_need_confirmation() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.press("\x1b[200~/shutdown\nq\n#den x\n@last\x1b[201~");
    alice.expect_all(&["[T] server: /shutdown", "[T] server: q", "[T] server: #den x"]);
    terminal.input_is("> @last|");
    terminal.press("\x15\x1b[200~1\n2\n3\n4\n5\n6\n\x1b[201~");
    terminal.shows("Send 6 lines? y or n");
    // The answer Ctrl-C ends the question, not the server.
    terminal.press("\x03");
    terminal.input_is("> |");
    alice.expect_nothing();
    terminal.press("\x1b[200~1\n2\n3\n4\n5\n6\n\x1b[201~y");
    alice.expect_all(&["1", "2", "3", "4", "5", "6"].map(|n| format!("[T] server: {n}")).each_ref().map(|l| &**l));
}

#[test]
fn ctrl_c_clears_the_line_and_then_ends_the_server() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.press("not to be said\x03");
    terminal.shows("Ctrl-C again ends the server");
    terminal.input_is("> |");
    alice.expect_nothing();
    terminal.press("\x03");
    alice.expect(SHUTTING_DOWN);
    alice.expect_end();
    assert!(terminal.ends(0).contains(SHUTTING_DOWN));
}

#[test]
fn second_ctrl_c_ends_the_server_at_once() {
    let (mut terminal, addr) = start(&["--rate", "0", "--backlog-bytes", "10000000"]);
    let mut alice = Client::connect(addr).log_in("alice");
    let slow = Client::connect_slow(addr).log_in("slow");
    alice.expect("* slow joined (2 here)");
    // Its unread lines would be written for seconds.
    let line = format!("{}\n", "x".repeat(4000));
    for _ in 0..10 {
        (0..100).for_each(|_| alice.send(&line));
        alice.expect_nothing();
    }
    terminal.press("\x03");
    terminal.shows("shutting down; Ctrl-C ends at once");
    terminal.press("\x03");
    let rows = terminal.ends(128 + 2);
    assert!(!rows.contains("shutting down; Ctrl-C"), "the bottom rows are removed: {rows}");
    drop(slow);
}

#[test]
fn ctrl_d_detaches_the_console() {
    let (mut terminal, addr) =
        start_script("\"$0\" --listen 127.0.0.1:0; stty -a | grep -c ' icanon.* echo '; echo end");
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.press("ab\x1b[D\x04");
    terminal.input_is("> a|");
    terminal.press("\x7f\x04");
    terminal.shows(DETACHED);
    alice.send("still here\n");
    terminal.shows_line("[T] alice: still here");
    let bob = Client::connect(addr);
    terminal.shows(&format!("* connected {} (2 connected)", bob.addr()));
    assert!(terminal.rows().iter().all(|row| !row.starts_with('>') && !row.contains("· listening")));
    // The terminal itself handles the key now.
    terminal.press("\x03");
    alice.expect(SHUTTING_DOWN);
    terminal.shows("end");
}

#[test]
fn terminal_is_restored_for_every_kind_of_end() {
    let run = "stty -g; \"$0\" --listen 127.0.0.1:0 & fg >/dev/null; echo code $?; stty -g; echo end";
    for (how, code) in [("/shutdown\r", 0), ("TERM", 0), ("INT", 0)] {
        let (mut terminal, addr) = start_script(&format!("set -m; {run}"));
        let _alice = Client::connect(addr).log_in("alice");
        match how {
            "TERM" | "INT" => terminal.signal_client(how),
            keys => terminal.press(keys),
        }
        terminal.until("the end", |terminal| terminal.rows().iter().any(|row| row == "end"));
        let written = terminal.written();
        assert!(written.contains(&format!("code {code}\r\n")), "{how}: {written}");
        let modes: Vec<_> = written.lines().filter(|line| line.split(':').count() > 20).collect();
        assert_eq!((modes.len(), modes[0].trim()), (2, modes[1].trim()), "{how}: {written}");
        assert!(!terminal.has("· listening on"), "{:#?}", terminal.rows());
    }
}

#[test]
fn error_at_the_start_leaves_the_terminal_alone() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    let addr = taken.local_addr().expect("address");
    let mut command = Command::new(PROGRAM);
    command.args(["--listen", &addr.to_string()]);
    let mut terminal = ClientTerminal::start(command);
    terminal.shows("chinwag: cannot listen on");
    assert!(!terminal.written().contains('\x1b'), "{:?}", terminal.written());
    terminal.ends(1);
}

#[test]
fn suspended_server_comes_back_and_runs_in_the_background_as_before() {
    let script = "set -m; \"$0\" --listen 127.0.0.1:0 & fg >/dev/null; stty -a | grep -c ' icanon '; \
                  bg >/dev/null; read line; fg >/dev/null; echo code $?";
    let (mut terminal, addr) = start_script(script);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.shows("* alice joined");
    terminal.press("kept\x1a");
    terminal.until("the shell", |terminal| terminal.rows().iter().any(|row| row == "1"));
    // In the background its lines are shown without input line, as those of any program.
    alice.send("in the background\n");
    terminal.shows_line("[T] alice: in the background");
    assert!(terminal.rows().iter().all(|row| !row.starts_with('>')), "{:#?}", terminal.rows());
    terminal.press("\r");
    terminal.input_is("> kept|");
    terminal.press("\r");
    alice.expect("[T] server: kept");
    terminal.press("\x03");
    terminal.shows("code 0");
}

#[test]
fn server_started_in_the_background_leaves_the_terminal_alone() {
    let script = "set -m; \"$0\" --listen 127.0.0.1:0 & read line; kill $!; wait; echo end";
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", script, PROGRAM]);
    let mut terminal = ClientTerminal::start(command);
    terminal.until("the log", |terminal| {
        terminal.written().contains("listening on ") && terminal.written().ends_with('\n')
    });
    let written = terminal.written();
    let (_, line) = written.rsplit_once("listening on ").expect("the log");
    let addr: SocketAddr = line.trim_end().parse().expect("an address");
    let _alice = Client::connect(addr).log_in("alice");
    terminal.shows("* alice joined (1 here)");
    assert!(!terminal.written().contains("\x1b[?2004h"), "{:?}", terminal.written());
    terminal.press("\r");
    terminal.shows("end");
}

#[test]
fn terminal_that_takes_nothing_delays_nobody_and_is_told_what_was_lost() {
    let (mut terminal, addr) = start(&["--rate", "0", "-qq"]);
    let mut alice = Client::connect(addr).log_in("alice");
    let line = format!("{}\n", "x".repeat(4000));
    // More than the terminal and the queue hold; the answers show that the server goes on.
    for _ in 0..20 {
        (0..100).for_each(|_| alice.send(&line));
        alice.expect_nothing();
    }
    terminal.press("still here\r");
    alice.expect("[T] server: still here");
    terminal.until("what was lost", |terminal| {
        terminal.rows().iter().any(|row| row.contains(" lines dropped here, since they were not read in time."))
    });
    terminal.input_is("> |");
}

#[test]
fn idle_console_takes_no_cpu() {
    let (mut terminal, addr) = start(&[]);
    let _alice = Client::connect(addr).log_in("alice");
    terminal.shows("* alice joined");
    terminal.input_is("> |");
    is_idle(terminal);
}

#[test]
fn log_elsewhere_keeps_its_form() {
    let path = format!("{}/console-log-{}.txt", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let (mut terminal, addr) = start_script(&format!("exec \"$0\" --listen 127.0.0.1:0 2>'{path}'"));
    let alice = Client::connect(addr).log_in("alice");
    terminal.shows(&format!("* alice joined from {} (1 here)", alice.addr()));
    terminal.press("/shutdown\r");
    terminal.ends(0);
    let log = std::fs::read_to_string(&path).expect("the log");
    std::fs::remove_file(path).expect("the log again");
    assert!(log.contains("alice logged in from") && log.lines().all(|line| line.starts_with("20")), "{log}");
}

#[test]
fn output_elsewhere_leaves_the_terminal_alone() {
    let path = format!("{}/console-output-{}.txt", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", &format!("\"$0\" --listen 127.0.0.1:0 --console >'{path}'; echo end"), PROGRAM]);
    let mut terminal = ClientTerminal::start(command);
    terminal.until("the log", |terminal| terminal.written().contains("listening on "));
    terminal.press("/ping x\n/shutdown\n");
    terminal.shows("end");
    assert!(!terminal.written().contains("\x1b[?2004h"), "{:?}", terminal.written());
    let output = std::fs::read_to_string(&path).expect("the output");
    std::fs::remove_file(path).expect("the output again");
    assert_eq!(output, format!("* pong x\n{SHUTTING_DOWN}\n"));
}

#[test]
fn resized_terminal_keeps_what_is_typed() {
    let (mut terminal, addr) = start(&[]);
    let mut alice = Client::connect(addr).log_in("alice");
    terminal.press("half typed");
    for (columns, rows) in [(30, 8), (100, 20)] {
        terminal.resize(columns, rows);
        terminal.until("the status in its new width", |terminal| {
            terminal.rows().iter().filter(|row| row.starts_with(" chinwag · 1 here")).count() == 1
                && terminal.input() == "> half typed|"
        });
    }
    terminal.press("\x0c\r");
    alice.expect("[T] server: half typed");
}

#[test]
fn p2p_is_typed_in_the_line_editor() {
    let (mut terminal, addr) = start(&["--mode", "p2p"]);
    assert!(terminal.has("* You talk with one person here. q ends the server."));
    let mut peer = Client::connect(addr);
    peer.line();
    terminal.press("hal");
    peer.send("hello\n");
    terminal.shows(": hello");
    terminal.press("lo\r");
    peer.expect("[T] server: hallo");
    terminal.shows_line("[T] server: hallo");
    terminal.press("q\r");
    peer.expect(SHUTTING_DOWN);
    peer.expect_end();
    terminal.ends(0);
}
