//! The screen of the client, and the terminal after its end.

use std::time::{Duration, Instant};

use crate::connect::{ClientTerminal, FakeServer};
use crate::harness::{DEADLINE, Server};

#[test]
fn messages_scroll_into_the_terminals_scrollback() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("lobby · alice · 2 here · connected · lag ");
    alice.press("half typed");
    for number in 0..30 {
        bob.send(&format!("message {number}\n"));
    }
    alice.shows("bob: message 29");
    alice.input_is("> half typed|");
    let rows = alice.rows();
    assert_eq!(rows[10], "> half typed");
    assert!(rows[11].starts_with(" lobby · alice · 2 here"), "{rows:?}");
    let all = alice.all_rows();
    for number in 0..30 {
        let line = format!("[T] bob: message {number}");
        assert_eq!(all.iter().filter(|row| crate::harness::mask_time(row) == line).count(), 1, "{line} in {all:#?}");
    }
}

#[test]
fn whispers_mentions_and_notices_differ_and_ring_the_bell() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice", "--bell"]);
    alice.shows("* You are alice.");
    bob.expect("* alice joined (2 here)");
    bob.send("nothing for her\n");
    alice.shows("nothing for her");
    assert!(!alice.written().contains('\x07'));
    bob.send("look, ALICE!\n");
    alice.shows("look, ALICE!");
    alice.until("a bell", |alice| alice.written().ends_with('\x07') || alice.written().matches('\x07').count() == 1);
    bob.send("@alice psst\n");
    alice.shows("bob -> you: psst");
    alice.until("another bell", |alice| alice.written().matches('\x07').count() == 2);
    let written = alice.written();
    assert!(written.contains("\x1b[1m\x1b[33mlook, ALICE!\x1b[0m"), "{written:?}");
    assert!(written.contains("\x1b[35mpsst\x1b[0m"));
    assert!(written.contains("\x1b[2m* You are alice."));
}

#[test]
fn colours_follow_option_and_no_color() {
    let server = Server::start(&[]);
    let colours = "\x1b[2m* You are";
    for (script, wanted) in [
        ("exec \"$0\" connect \"$1\" --nick alice", true),
        ("NO_COLOR=1 exec \"$0\" connect \"$1\" --nick alice", false),
        ("NO_COLOR= exec \"$0\" connect \"$1\" --nick alice", true),
        ("NO_COLOR=1 exec \"$0\" connect \"$1\" --nick alice --color always", true),
        ("exec \"$0\" connect \"$1\" --nick alice --color never", false),
    ] {
        let mut alice = ClientTerminal::script(script, server.addr);
        alice.shows("* You are alice.");
        assert_eq!(alice.written().contains(colours), wanted, "{script}");
        alice.press("\x04");
        alice.ends(0);
    }
}

#[test]
fn resize_keeps_messages_and_redraws_bottom_rows() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    bob.send("one\n");
    alice.shows_line("[T] bob: one");
    alice.press("typed");
    alice.input_is("> typed|");
    for (columns, rows) in [(30, 8), (100, 20), (12, 5), (60, 12)] {
        alice.resize(columns, rows);
        alice.until("the status in its new width", |alice| {
            alice.rows().iter().any(|row| row.starts_with(" lobby · al")) && alice.input() == "> typed|"
        });
        assert_eq!(alice.rows().iter().filter(|row| row.starts_with(" lobby")).count(), 1, "{:?}", alice.rows());
        assert_eq!(alice.rows().iter().filter(|row| row.starts_with("> ")).count(), 1, "{:?}", alice.rows());
    }
    bob.send("two\n");
    alice.shows_line("[T] bob: two");
}

#[test]
fn ctrl_l_redraws_the_screen() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    bob.send("one\n");
    alice.shows_line("[T] bob: one");
    let spoilt = alice.rows();
    alice.write_over(b"\x1b[H\x1b[2Jnoise");
    assert!(alice.rows().iter().all(|row| !row.contains("bob: one")));
    alice.press("\x0c");
    alice.until("what was there", |alice| alice.rows() == spoilt);
}

#[test]
fn server_control_sequences_do_not_reach_the_terminal() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &["--color", "never"]);
    let mut peer = fake.accept();
    peer.write("\x1b[31mred\x1b]0;title\x07\x1bP+q\x1b\\ \u{9b}31m\x1bc\x0e\r\n* \x1b[5mnotice\n! \x07no\nlast\n");
    alice.shows_line("last");
    let written = alice.written();
    for bad in ["\x1b[31m", "\x1b]", "\x1bP", "\u{9b}", "\x1bc", "\x0e", "\x1b[5m", "\x07"] {
        assert!(!written.contains(bad), "{bad:?} in {written:?}");
    }
    alice.shows_line("* notice");
}

#[test]
fn terminal_is_restored_for_every_kind_of_end() {
    let server = Server::start(&[]);
    let script = "stty -g; \"$0\" connect \"$1\" --nick alice & pid=$!; fg >/dev/null; echo code $?; stty -g; echo end";
    for full_screen in ["", " --full-screen"] {
        for (how, code) in [("\x04", 0), ("TERM", 0), ("INT", 0), ("HUP", 0)] {
            let script = format!("set -m; {}", script.replace(" --nick", &format!("{full_screen} --nick")));
            let mut alice = ClientTerminal::script(&script, server.addr);
            alice.shows("· alice ·");
            match how {
                "\x04" => alice.press(how),
                signal => alice.signal_client(signal),
            }
            alice.until("the end", |alice| alice.rows().iter().any(|row| row == "end"));
            let written = alice.written();
            assert!(written.contains(&format!("code {code}\r\n")), "{how}: {written}");
            let modes: Vec<_> = written.lines().filter(|line| line.split(':').count() > 20).collect();
            assert_eq!(modes.len(), 2, "{written}");
            assert_eq!(modes[0].trim(), modes[1].trim(), "{how} {full_screen}");
            assert!(written.contains("\x1b[?2004l") && written.contains("\x1b[?25h"), "{how}");
            assert_eq!(written.contains("\x1b[?1049l"), !full_screen.is_empty());
        }
    }
}

#[test]
fn suspend_restores_terminal_and_resume_takes_it() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let script = "set -m; stty -g; \"$0\" connect \"$1\" --nick alice; echo stopped; stty -g; read -r; fg; echo end";
    let mut alice = ClientTerminal::script(script, server.addr);
    alice.shows("· alice ·");
    alice.press("kept\x1a");
    alice.until("the shell", |alice| alice.rows().iter().any(|row| row == "stopped"));
    alice.until("its modes", |alice| alice.written().lines().filter(|line| line.split(':').count() > 20).count() == 2);
    let written = alice.written();
    let modes: Vec<_> = written.lines().filter(|line| line.split(':').count() > 20).map(str::trim).collect();
    assert_eq!(modes[0], modes[1]);
    bob.send("said meanwhile\n");
    alice.press("\n");
    alice.shows("bob: said meanwhile");
    alice.input_is("> kept|");
    alice.press("\x1a");
    alice.shows("end");
}

#[test]
fn suspend_without_shell_is_refused() {
    let server = Server::start(&[]);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("· alice ·");
    alice.press("\x1a");
    alice.shows("-- There is no shell here");
    alice.press("typed");
    alice.input_is("> typed|");
}

#[test]
fn foreground_without_signal_takes_terminal() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let script = "set -m; \"$0\" connect \"$1\" --nick alice; bg; echo it runs; read -r; fg; echo end";
    let mut alice = ClientTerminal::script(script, server.addr);
    alice.shows("· alice ·");
    alice.press("kept\x1a");
    alice.until("the shell", |alice| alice.rows().iter().any(|row| row == "it runs"));
    bob.send("said meanwhile\n");
    // The server has written the message before it answers this.
    bob.send("/ping x\n");
    bob.until("* pong x");
    alice.press("\n");
    alice.shows("bob: said meanwhile");
    alice.input_is("> kept|");
    alice.press("\x03\x04");
    alice.shows("end");
}

#[test]
fn flood_keeps_keyboard_responsive_and_loses_no_line() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &[]);
    let mut peer = fake.accept();
    peer.write("go\n");
    alice.shows_line("go");
    let count = 30_000;
    let flood: String = (0..count).map(|number| format!("line {number} of the flood\n")).collect();
    let mut rest = flood.as_bytes();
    peer.stream.set_nonblocking(true).expect("O_NONBLOCK");
    // Keys are pressed in between, and the screen is read all the time.
    let mut typed = String::new();
    while !rest.is_empty() {
        match std::io::Write::write(&mut peer.stream, rest) {
            Ok(n) => rest = &rest[n..],
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        if typed.len() < 40 {
            typed.push('k');
            alice.press("k");
            let want = format!("> {typed}|");
            alice.until("the key", |alice| alice.input() == want || alice.input().contains("line"));
        }
        alice.read_for(Duration::ZERO);
    }
    alice.shows_line(&format!("line {} of the flood", count - 1));
    alice.input_is(&format!("> {typed}|"));
    let all = alice.all_rows();
    let lines: Vec<_> = all.iter().filter(|row| row.starts_with("line ")).collect();
    assert_eq!(lines.len(), count);
    for (number, line) in lines.into_iter().enumerate() {
        assert_eq!(*line, format!("line {number} of the flood"));
    }
}

/// Checks that the program does nothing for longer than most of its timers take.
#[track_caller]
pub fn is_idle(mut alice: ClientTerminal) {
    // Lets it finish the work of earlier events.
    let (mut turns, until) = (0, Instant::now() + DEADLINE);
    while turns != alice.turns() {
        assert!(Instant::now() < until, "it never comes to rest");
        turns = alice.turns();
        alice.read_for(Duration::from_millis(300));
    }
    let before = alice.cpu();
    alice.read_for(Duration::from_secs(3));
    assert_eq!(alice.cpu(), before, "nanoseconds of CPU while nothing happened");
}

#[test]
fn idle_client_uses_no_cpu() {
    let server = Server::start(&[]);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows("lag ");
    is_idle(alice);
}

#[test]
fn idle_client_of_other_server_uses_no_cpu() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &[]);
    let mut peer = fake.accept();
    alice.press("hello\r");
    peer.expect("hello");
    alice.shows("The server has said nothing so far.");
    is_idle(alice);
}

#[test]
fn full_screen_scrolls_back_by_itself() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice", "--full-screen"]);
    alice.shows("· alice ·");
    for number in 0..40 {
        bob.send(&format!("message {number}\n"));
    }
    alice.shows("bob: message 39");
    assert!(alice.rows()[11].starts_with(" lobby"));
    alice.press("\x1b[5~");
    alice.shows("scrolled back: PageDown");
    alice.shows("bob: message 22");
    bob.send("the news\n");
    alice.shows("1 more below: PageDown");
    assert!(!alice.rows().iter().any(|row| row.contains("the news")));
    alice.press("\x1b[6~\x1b[6~");
    alice.shows("bob: the news");
    alice.press("\x04");
    alice.ends(0);
}

/// Returns the message rows that do not begin with a space.
fn first_column(rows: &[String]) -> Vec<&str> {
    let end = rows.iter().position(|row| row.starts_with("> ")).unwrap_or(rows.len());
    rows[..end].iter().map(|row| &**row).filter(|row| !row.is_empty() && !row.starts_with(' ')).collect()
}

#[test]
fn messages_and_reasons_cannot_fake_server_lines() {
    for screen in [&["--nick", "alice", "--color", "never"][..], &["--nick", "anna", "--full-screen"]] {
        let server = Server::start(&["--rate", "0"]);
        let mut bob = server.login("bob");
        let mut alice = ClientTerminal::connect(server.addr, screen);
        alice.shows(" · 2 here · connected");
        // The terminal would begin a row here: after "[T] bob: x" and after "* bob left: \"x".
        let forged = "[12:34:56] server: your password";
        bob.send(&format!("x{}{forged}\n", " ".repeat(43)));
        alice.shows(forged);
        bob.send(&format!("/me {}{forged}\n", "x".repeat(43)));
        bob.send(&format!("/quit x{}{forged}\n", " ".repeat(46)));
        alice.shows(" here)");
        let rows = alice.rows();
        let program = ["* You are", "[", "[", "* bob left: \"x"];
        let first = first_column(&rows);
        assert_eq!(first.len(), program.len(), "{rows:#?}");
        for (row, begin) in first.iter().zip(program) {
            assert!(row.starts_with(begin) && !row.starts_with("[12:34:56] server"), "{rows:#?}");
        }
        assert_eq!(rows.iter().filter(|row| row.trim_start().starts_with(forged)).count(), 3, "{rows:#?}");
        alice.press("\x04");
        alice.ends(0);
    }
}

#[test]
fn own_lines_are_indented_and_rewrapped_on_full_screen() {
    let server = Server::start(&[]);
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice", "--full-screen"]);
    alice.shows(" · 1 here · connected");
    alice.press(&format!("{}\r", "word ".repeat(20)));
    for columns in [60, 40, 90, 12, 60] {
        alice.resize(columns, 40);
        alice.until("all rows in the new width", |alice| {
            let rows = alice.rows();
            let begin = rows.iter().position(|row| row.starts_with('[')).unwrap_or(rows.len());
            let said = rows[begin..].iter().take_while(|row| !row.starts_with("> ")).collect::<Vec<_>>();
            let further = said.iter().skip(1).filter(|row| !row.is_empty()).collect::<Vec<_>>();
            let indent = (usize::from(columns) / 2).min("[12:00:00] alice: ".len());
            let words = said.iter().flat_map(|row| row.split_whitespace()).filter(|word| *word == "word").count();
            let fits = further.iter().all(|row| row.len() - row.trim_start().len() == indent);
            words == 20 && fits && further.len() >= 100 / usize::from(columns)
        });
    }
}

#[test]
fn messages_full_of_own_name_keep_keyboard_responsive() {
    let server = Server::start(&["--rate", "0"]);
    let mut bob = server.login("bob");
    let mut alice = ClientTerminal::connect(server.addr, &["--nick", "alice"]);
    alice.shows(" · 2 here · connected");
    for _ in 0..100 {
        bob.send(&format!("{}\n", "alice".repeat(800)));
    }
    bob.send("the end\n");
    alice.press("typed");
    alice.shows_line("[T] bob: the end");
    alice.input_is("> typed|");
}

#[test]
fn overlong_line_is_shown_in_part() {
    let fake = FakeServer::start();
    let mut alice = ClientTerminal::connect(fake.addr(), &["--nick", "alice"]);
    let mut peer = fake.accept();
    peer.write(format!("{}\nnext\n", "alice".repeat(50_000)));
    alice.shows_line("next");
    let shown = alice.all_rows().concat().replace(' ', "");
    assert!(shown.contains(&format!("[{}morebytesarenotshown]", 250_000 - 65_536)), "{} bytes", shown.len());
}
