//! Messages, whispers and commands: what each member reads.

use std::io::Read;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Client, PROGRAM, Server};

#[test]
fn message_is_shown_to_all_but_its_author() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    alice.send("hello  all, 1/2 of you a@b\n");
    for client in [&mut bob, &mut carol] {
        client.expect("[T] alice: hello  all, 1/2 of you a@b");
        client.expect_nothing();
    }
    alice.expect_nothing();
    carol.send("你好 😀\r\n");
    for client in [&mut alice, &mut bob] {
        client.expect("[T] carol: 你好 😀");
    }
    carol.expect_nothing();
}

#[test]
fn echo_on_shows_own_messages() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/echo on", &["* You read your own lines from now on."]);
    alice.ask("hello", &["[T] alice: hello"]);
    alice.ask("/me waves", &["[T] * alice waves"]);
    alice.expect_nothing();
    bob.expect_all(&["[T] alice: hello", "[T] * alice waves"]);
    bob.send("hi\n");
    alice.expect("[T] bob: hi");
    bob.expect_nothing();
    alice.ask("/echo off", &["* You no longer read your own lines."]);
    alice.send("bye\n");
    bob.expect("[T] alice: bye");
    alice.expect_nothing();
    for line in ["/echo", "/echo loud"] {
        alice.ask(line, &["! Usage: /echo on|off"]);
    }
}

#[test]
fn whisper_is_shown_only_to_author_and_reader() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    for line in ["@bob the  cake", "/msg bob the  cake", "@BOB the  cake"] {
        alice.ask(line, &["[T] you -> bob: the  cake"]);
        bob.expect("[T] alice -> you: the  cake");
    }
    alice.expect_nothing();
    bob.expect_nothing();
    carol.expect_nothing();
}

#[test]
fn whisper_without_a_valid_reader_is_refused() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("@zoe hi", &["! Nobody here is called zoe."]);
    alice.ask("/msg zoe hi", &["! Nobody here is called zoe."]);
    // A client at the prompt is not a member yet.
    let mut guest = server.connect();
    guest.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    alice.ask("@guest hi", &["! Nobody here is called guest."]);
    for line in ["@alice hi", "@ALICE hi", "/msg alice hi"] {
        alice.ask(line, &["! That is you."]);
    }
    for line in ["@", "@bob", "@bob  ", "/msg", "/msg bob"] {
        alice.ask(line, &["! Usage: @name text"]);
    }
    // Without a console, the name `server` has no client.
    alice.ask("@server hi", &["! Nobody here is called server."]);
    bob.expect_nothing();
}

#[test]
fn reply_goes_to_the_last_whisperer() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    alice.ask("/r hello", &["! Nobody has whispered to you yet."]);
    bob.ask("@alice one", &["[T] you -> alice: one"]);
    alice.expect("[T] bob -> you: one");
    alice.ask("/r uno", &["[T] you -> bob: uno"]);
    bob.expect("[T] alice -> you: uno");
    carol.ask("@alice two", &["[T] you -> alice: two"]);
    alice.expect("[T] carol -> you: two");
    alice.ask("/r dos", &["[T] you -> carol: dos"]);
    carol.expect("[T] alice -> you: dos");
    // `/r` answers the last whisper received, not the last one sent.
    alice.ask("@bob three", &["[T] you -> bob: three"]);
    alice.ask("/r still carol", &["[T] you -> carol: still carol"]);
    carol.expect("[T] alice -> you: still carol");
    alice.ask("/r", &["! Usage: /r text"]);
    bob.expect("[T] alice -> you: three");
    bob.expect_nothing();
}

#[test]
fn reply_follows_the_whisperer_after_a_rename() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    bob.ask("@alice hi", &["[T] you -> alice: hi"]);
    alice.expect("[T] bob -> you: hi");
    bob.ask("/nick robert", &["* bob is now called robert"]);
    alice.expect("* bob is now called robert");
    let mut other = server.login("bob");
    alice.expect("* bob joined (3 here)");
    alice.ask("/r for the first", &["[T] you -> robert: for the first"]);
    bob.expect_all(&["* bob joined (3 here)", "[T] alice -> you: for the first"]);
    other.expect_nothing();
}

#[test]
fn text_like_a_command_can_be_sent_with_escapes() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    for (typed, said) in [
        ("@@bob is away", "@bob is away"),
        ("@@", "@"),
        ("//who", "/who"),
        ("//", "/"),
        ("///", "//"),
        ("/say q", "q"),
        ("/say quit", "quit"),
        ("/say @bob hi", "@bob hi"),
        ("/say @@x", "@@x"),
        ("/say /quit", "/quit"),
        ("/say //x", "//x"),
        ("/say   indented", "  indented"),
        ("  indented too", "  indented too"),
        (" /who", " /who"),
        ("quit it", "quit it"),
        ("qq", "qq"),
    ] {
        alice.send(&format!("{typed}\n"));
        bob.expect(&format!("[T] alice: {said}"));
    }
    alice.expect_nothing();
    alice.ask("/say", &["! Usage: /say text"]);
    bob.expect_nothing();
}

#[test]
fn action_is_shown_with_the_name_of_its_author() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("/me waves\n/me @bob\n/ME  jumps\n");
    bob.expect_all(&["[T] * alice waves", "[T] * alice @bob", "[T] * alice  jumps"]);
    alice.expect_nothing();
    for line in ["/me", "/me  "] {
        alice.ask(line, &["! Usage: /me text"]);
    }
    bob.expect_nothing();
}

#[test]
fn rename_is_announced_and_used_from_then_on() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/nick alicia", &["* alice is now called alicia"]);
    alice.send("hi\n");
    bob.expect_all(&["* alice is now called alicia", "[T] alicia: hi"]);
    bob.ask("@alice hi", &["! Nobody here is called alice."]);
    bob.ask("@alicia hi", &["[T] you -> alicia: hi"]);
    alice.expect("[T] bob -> you: hi");
    bob.ask("/who", &["* 2 here: alicia and you."]);
    alice.ask("q", &["* Goodbye."]);
    bob.expect("* alicia left (1 here)");
}

#[test]
fn nickname_can_change_in_case_or_width_only() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/nick Alice", &["* alice is now called Alice"]);
    bob.expect("* alice is now called Alice");
    alice.ask("/nick ＡＬＩＣＥ", &["* Alice is now called ＡＬＩＣＥ"]);
    bob.expect("* Alice is now called ＡＬＩＣＥ");
    alice.send("hi\n");
    bob.expect("[T] ＡＬＩＣＥ: hi");
    bob.ask("/nick alice", &["! The nickname alice is taken."]);
}

#[test]
fn invalid_or_taken_nickname_is_refused() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let shape = "! A nickname is 1 to 24 characters wide: letters and digits of any script, _, - and ., no spaces.";
    for (line, refusal) in [
        ("/nick bob", "! The nickname bob is taken."),
        ("/nick BOB", "! The nickname BOB is taken."),
        ("/nick", "! Usage: /nick name"),
        ("/nick alice", "! You are called alice already."),
        ("/nick server", "! The nickname server is reserved."),
        ("/nick You", "! The nickname You is reserved."),
        ("/nick a b", shape),
        ("/nick a@b", shape),
    ] {
        alice.ask(line, &[refusal]);
    }
    bob.expect_nothing();
    bob.ask("/who", &["* 2 here: alice and you."]);
}

#[test]
fn history_replays_the_last_messages() {
    let server = Server::start(&["--history", "3"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/history", &["* Nothing has been said here yet."]);
    alice.send("one\ntwo\n/me three\n");
    bob.expect_all(&["[T] alice: one", "[T] alice: two", "[T] * alice three"]);
    bob.ask("@alice not this", &["[T] you -> alice: not this"]);
    bob.send("four\n");
    alice.expect_all(&["[T] bob -> you: not this", "[T] bob: four"]);
    let end = "* --- you are up to date ---";
    let three = ["* --- the last 3 messages ---", "[T] alice: two", "[T] * alice three", "[T] bob: four", end];
    for client in [&mut alice, &mut bob] {
        for line in ["/history", "/history 3"] {
            client.ask(line, &three);
        }
        client.ask("/history 1", &["* --- the last 1 message ---", "[T] bob: four", end]);
        client.expect_nothing();
        for line in ["/history 0", "/history -1", "/history many"] {
            client.ask(line, &["! Usage: /history n, with n from 1 to 3"]);
        }
    }
}

#[test]
fn ping_is_answered_with_pong() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/ping", &["* pong"]);
    alice.ask("/ping one  two", &["* pong one  two"]);
    bob.expect_nothing();
}

#[test]
fn help_lists_every_command() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("/help\n/ping end\n");
    let help: Vec<String> = std::iter::from_fn(|| Some(alice.line()).filter(|line| line != "* pong end")).collect();
    assert!(help.len() > 1 && help.iter().all(|line| line.starts_with("* ")), "{help:#?}");
    for word in [
        "@name text",
        "@@text",
        "//text",
        "/me text",
        "/say text",
        "/msg name text",
        "/r text",
        "/nick name",
        "/who [room]",
        "/rooms",
        "/join room",
        "/leave",
        "/history [n]",
        "/ignore",
        "/unignore name",
        "/echo on|off",
        "/ping [text]",
        "/quit [reason]",
        "q, quit or exit",
    ] {
        assert!(help.iter().any(|line| line.contains(word)), "no {word:?} in {help:#?}");
    }
    bob.expect_nothing();
}

#[test]
fn unknown_command_is_refused_and_not_sent() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/frobnicate all of it", &["! There is no command /frobnicate. /help lists them."]);
    alice.ask("/", &["! There is no command /. /help lists them."]);
    alice.ask("/Wo", &["! There is no command /Wo. /help lists them."]);
    // Members do not have the operator's commands, or not for the lobby.
    for word in ["stats", "mod", "unmod", "shutdown"] {
        alice.ask(&format!("/{word} bob"), &[&format!("! There is no command /{word}. /help lists them.")]);
    }
    for word in ["kick", "ban", "bans", "unban", "mute", "mutes", "unmute", "invite", "op", "voice"] {
        alice.ask(&format!("/{word} bob"), &["! Only moderators can do that."]);
    }
    bob.expect_nothing();
}

#[test]
fn empty_lines_are_ignored() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("\n \n\r\n\t\n\r\0");
    alice.expect_nothing();
    bob.expect_nothing();
}

#[test]
fn message_time_is_the_local_time_of_the_server() {
    let mut command = Command::new(PROGRAM);
    // In POSIX time zones the sign is reversed: this is 5:45 ahead of UTC.
    command.args(["--listen", "127.0.0.1:0"]).env("TZ", "XYZ-5:45");
    let server = Server::spawn(command);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let before = local_seconds();
    alice.send("what time is it?\n");
    let line = raw_line(&mut bob);
    let late = local_seconds() - before;
    let time = line.strip_prefix('[').and_then(|line| line.strip_suffix("] alice: what time is it?\r\n")).expect(&line);
    let parts: Vec<i64> = time.split(':').map(|part| part.parse().expect(time)).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("{time}") };
    let passed = (hours * 3600 + minutes * 60 + seconds - before).rem_euclid(86_400);
    assert!(passed <= late, "{time} is {passed} s after the line was sent, and it was read after {late} s");
}

/// The Unix time in seconds plus 5:45 hours.
fn local_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + (5 * 60 + 45) * 60
}

/// Reads a line with its time and its line end; reads no byte after it.
fn raw_line(client: &mut Client) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        client.stream.read_exact(&mut byte).expect("a byte");
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

#[test]
fn text_of_invisible_characters_counts_as_empty() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Client::connect(server.addr).log_in(name));
    alice.expect("* bob joined (2 here)");
    for invisible in ["\u{200b}", "\u{3164}", "\u{2800} \u{115f}", "\u{ad}\u{2063}"] {
        alice.send(&format!("{invisible}\n"));
        alice.ask(&format!("/me {invisible}"), &["! Usage: /me text"]);
        alice.ask(&format!("/say {invisible}"), &["! Usage: /say text"]);
        alice.ask(&format!("@bob {invisible}"), &["! Usage: @name text"]);
        alice.ask(&format!("/join {invisible}"), &["! Usage: /join room"]);
        alice.ask(&format!("/nick {invisible}"), &["! Usage: /nick name"]);
    }
    bob.expect_nothing();
    alice.ask("/quit \u{200b}", &["* Goodbye."]);
    bob.expect("* alice left (1 here)");
}
