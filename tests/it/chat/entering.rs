//! Logging in: the prompt, nicknames, the greeting, the history.

use std::time::{Duration, Instant};

use crate::harness::Server;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const SHAPE: &str = "! A nickname is 1 to 24 characters wide: letters and digits of any script, _, - and ., no spaces. \
                     Try another:";

#[test]
fn login_messages_and_leave_are_shown_to_others() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.connect();
    bob.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    bob.ask("alice", &["! The nickname alice is taken. Try another:"]);
    bob.ask("bob", &["* You are bob. 2 here: alice and you. /help lists the commands."]);
    alice.expect("* bob joined (2 here)");
    bob.send("hello\n");
    alice.expect("[T] bob: hello");
    bob.expect_nothing();
    bob.send("q\n");
    bob.expect("* Goodbye.");
    bob.expect_end();
    alice.expect("* bob left (1 here)");
}

#[test]
fn welcome_lists_the_members() {
    let server = Server::start(&[]);
    let mut people = Vec::new();
    for (name, greeting) in [
        ("alice", "* You are alice. 1 here: you. /help lists the commands."),
        ("bob", "* You are bob. 2 here: alice and you. /help lists the commands."),
        ("carol", "* You are carol. 3 here: alice, bob and you. /help lists the commands."),
        ("张三", "* You are 张三. 4 here: alice, bob, carol and you. /help lists the commands."),
    ] {
        let mut client = server.connect();
        client.expect(WELCOME);
        client.ask(name, &[greeting]);
        client.expect_nothing();
        people.push(client);
    }
    people[0].expect_all(&["* bob joined (2 here)", "* carol joined (3 here)", "* 张三 joined (4 here)"]);
    people[2].expect_all(&["* 张三 joined (4 here)"]);
    people[3].expect_nothing();
}

#[test]
fn welcome_in_a_large_room_lists_some_names_and_a_count() {
    let server = Server::start(&[]);
    let names: Vec<String> = (1..=14).map(|n| format!("p{n}")).collect();
    let _crowd: Vec<_> = names.iter().map(|name| server.login(name)).collect();
    let mut last = server.connect();
    last.expect(WELCOME);
    last.send("last\n");
    let greeting = last.line();
    let listed = greeting.strip_prefix("* You are last. 15 here: ").expect(&greeting);
    let listed = listed.strip_suffix(" and you. /help lists the commands.").expect(&greeting);
    let listed: Vec<&str> = listed.split(", ").collect();
    let (more, listed) = listed.split_last().unwrap();
    assert_eq!(*more, format!("{} more", 14 - listed.len()));
    assert!(listed.iter().all(|name| names.iter().any(|known| known == name)), "{greeting}");
}

#[test]
fn history_is_shown_between_begin_and_end_lines() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("anyone for lunch?\n");
    bob.expect("[T] alice: anyone for lunch?");
    bob.ask("@alice secret", &["[T] you -> alice: secret"]);
    bob.send("/me is hungry\n");
    alice.expect_all(&["[T] bob -> you: secret", "[T] * bob is hungry"]);
    bob.ask("/quit", &["* Goodbye."]);
    alice.expect("* bob left (1 here)");
    let mut carol = server.connect();
    carol.expect(WELCOME);
    carol.ask(
        "carol",
        &[
            "* You are carol. 2 here: alice and you. /help lists the commands.",
            "* --- the last 2 messages ---",
            "[T] alice: anyone for lunch?",
            "[T] * bob is hungry",
            "* --- you are up to date ---",
        ],
    );
    carol.expect_nothing();
    alice.expect("* carol joined (2 here)");
}

#[test]
fn rejoin_shows_own_messages_in_the_history() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("one\nq", &["* Goodbye."]);
    alice.expect_end();
    let mut alice = server.login("alice");
    alice.expect_all(&["* --- the last 1 message ---", "[T] alice: one", "* --- you are up to date ---"]);
}

#[test]
fn history_option_limits_the_messages_shown() {
    let server = Server::start(&["--history", "2"]);
    let mut alice = server.login("alice");
    alice.send("one\ntwo\nthree\n");
    alice.expect_nothing();
    let mut bob = server.login("bob");
    bob.expect_all(&[
        "* --- the last 2 messages ---",
        "[T] alice: two",
        "[T] alice: three",
        "* --- you are up to date ---",
    ]);
    bob.expect_nothing();
}

#[test]
fn history_option_zero_shows_no_messages() {
    let server = Server::start(&["--history", "0"]);
    let mut alice = server.login("alice");
    alice.send("one\n");
    alice.expect_nothing();
    let mut bob = server.login("bob");
    bob.expect_nothing();
    bob.ask("/history", &["! No history is kept here."]);
}

#[test]
fn nicknames_that_differ_in_case_width_or_composition_are_equal() {
    let server = Server::start(&[]);
    let [_alice, _rene] = server.people(["alice", "René"]);
    let mut guest = server.connect();
    guest.expect(WELCOME);
    for (typed, shown) in [
        ("alice", "alice"),
        ("ALICE", "ALICE"),
        (" Alice ", "Alice"),
        ("ａｌｉｃｅ", "ａｌｉｃｅ"),
        ("René", "René"),
        ("rene\u{301}", "ren\u{e9}"),
        ("RENÉ", "RENÉ"),
    ] {
        guest.ask(typed, &[&format!("! The nickname {shown} is taken. Try another:")]);
    }
    guest.ask("rene", &["* You are rene. 3 here: alice, René and you. /help lists the commands."]);
}

#[test]
fn nickname_is_free_after_quit_or_rename() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("q", &["* Goodbye."]);
    bob.expect("* alice left (1 here)");
    bob.ask("/nick robert", &["* bob is now called robert"]);
    server.people(["bob"]);
    bob.expect("* bob joined (2 here)");
    bob.expect("* bob left (1 here)");
    server.login("alice");
    bob.expect("* alice joined (2 here)");
}

#[test]
fn invalid_nicknames_are_refused_with_the_rule() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut guest = server.connect();
    guest.expect(WELCOME);
    let wide = ["x".repeat(25), "张".repeat(13)];
    for name in ["hello everyone", "a@b", "a:b", "/who", "#x", "a!", "😀", "a\u{200b}b", &wide[0], &wide[1]] {
        guest.ask(name, &[SHAPE]);
    }
    for name in ["you", "You", "server", "SERVER", "ｓｅｒｖｅｒ"] {
        guest.ask(name, &[&format!("! The nickname {name} is reserved. Try another:")]);
    }
    guest.ask("Zoë_2.0-b", &["* You are Zoë_2.0-b. 2 here: alice and you. /help lists the commands."]);
    alice.expect("* Zoë_2.0-b joined (2 here)");
    alice.expect_nothing();
}

#[test]
fn nicknames_that_look_like_others_are_refused() {
    const MIXES: &str = "mixes scripts that are easily confused, such as Latin and Cyrillic.";
    let server = Server::start(&[]);
    let [mut alice, mut ivan] = server.people(["alice", "Ivan"]);
    let mut guest = server.connect();
    guest.expect(WELCOME);
    for (name, other) in [
        ("aIice", "alice"),
        ("A1ICE", "alice"),
        ("lvan", "Ivan"),
        ("y0u", "you"),
        ("rne", "me"),
        ("s\u{435}rver", "server"),
    ] {
        guest.ask(name, &[&format!("! The nickname {name} looks like {other}. Try another:")]);
    }
    for name in ["\u{430}lice", "Ив\u{61}н", "αlpha"] {
        guest.ask(name, &[&format!("! The nickname {name} {MIXES} Try another:")]);
    }
    alice.ask("/nick 1van", &["! The nickname 1van looks like Ivan."]);
    alice.ask("/nick me1", &["* alice is now called me1"]);
    ivan.expect("* alice is now called me1");
    alice.ask("/nick bоb", &[&format!("! The nickname bоb {MIXES}")]);
    // One may take a name that looks like one's own; and this one is free again.
    ivan.ask("/nick lvan", &["* Ivan is now called lvan"]);
    alice.expect("* Ivan is now called lvan");
    guest.ask("Алиса", &["* You are Алиса. 3 here: me1, lvan and you. /help lists the commands."]);
    alice.expect("* Алиса joined (3 here)");
    ivan.expect("* Алиса joined (3 here)");
    ivan.ask("@Алиса hi", &["[T] you -> Алиса: hi"]);
    guest.expect("[T] lvan -> you: hi");
    guest.ask("@Ivan hi", &["! Nobody here is called Ivan."]);
}

#[test]
fn nicknames_of_the_maximum_width_are_allowed() {
    let server = Server::start(&[]);
    server.login(&"x".repeat(24));
    server.login(&"张".repeat(12));
}

#[test]
fn blank_lines_at_the_prompt_are_ignored() {
    let server = Server::start(&[]);
    let mut alice = server.connect();
    alice.expect(WELCOME);
    alice.send("\n  \n\r\n");
    alice.ask("alice", &["* You are alice. 1 here: you. /help lists the commands."]);
}

#[test]
fn quit_at_the_prompt_ends_the_connection() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for word in ["q", "Quit", "EXIT", "/quit"] {
        let mut guest = server.connect();
        guest.expect(WELCOME);
        guest.ask(word, &["* Goodbye."]);
        guest.expect_end();
    }
    alice.expect_nothing();
}

#[test]
fn client_at_the_prompt_neither_reads_nor_sends_messages() {
    let server = Server::start(&["--history", "0"]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    let mut guest = server.connect();
    guest.expect(WELCOME);
    alice.send("the password is tulip\n/me whispers\n");
    bob.expect_all(&["[T] alice: the password is tulip", "[T] * alice whispers"]);
    guest.ask("what did you say?", &[SHAPE]);
    guest.ask("@alice hi", &[SHAPE]);
    guest.ask("guest", &["* You are guest. 3 here: alice, bob and you. /help lists the commands."]);
    alice.expect("* guest joined (3 here)");
    alice.expect_nothing();
    bob.expect("* guest joined (3 here)");
    bob.expect_nothing();
    guest.expect_nothing();
}

#[test]
fn slow_login_does_not_delay_others() {
    let server = Server::start(&[]);
    let mut silent = server.connect();
    let mut slow = server.connect();
    slow.send("sl");
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.send("hi\n");
    bob.expect("[T] alice: hi");
    slow.expect(WELCOME);
    slow.send("ow\n");
    slow.expect("* You are slow. 3 here: alice, bob and you. /help lists the commands.");
    silent.expect(WELCOME);
    silent.ask("q", &["* Goodbye."]);
    silent.expect_end();
}

#[test]
fn script_can_send_all_lines_at_once_and_half_close() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut script = server.connect();
    script.send("alice\nbob\nhello\n@alice psst\n/ping 1\n/me unended");
    script.half_close();
    script.expect_all(&[
        WELCOME,
        "! The nickname alice is taken. Try another:",
        "* You are bob. 2 here: alice and you. /help lists the commands.",
        "[T] you -> alice: psst",
        "* pong 1",
    ]);
    script.expect_end();
    alice.expect_all(&[
        "* bob joined (2 here)",
        "[T] bob: hello",
        "[T] bob -> you: psst",
        "[T] * bob unended",
        "* bob left (1 here)",
    ]);
}

#[test]
fn half_close_above_the_rate_loses_no_lines() {
    let server = Server::start(&["--rate", "100", "--burst", "3"]);
    let mut alice = server.login("alice");
    let mut script = server.connect();
    let lines: String = (0..60).map(|n| format!("line {n}\n/ping {n}\n")).collect();
    script.send(&format!("bob\n{lines}"));
    script.half_close();
    script.expect_all(&[WELCOME, "* You are bob. 2 here: alice and you. /help lists the commands."]);
    alice.expect("* bob joined (2 here)");
    for n in 0..60 {
        script.expect(&format!("* pong {n}"));
        alice.expect(&format!("[T] bob: line {n}"));
    }
    script.expect_end();
    alice.expect("* bob left (1 here)");
}

#[test]
fn with_login_address_clients_are_named_by_address() {
    let server = Server::start(&["--login", "address"]);
    let mut alice = server.connect();
    let a = alice.addr();
    alice.expect(&format!("* You are {a}. 1 here: you. /help lists the commands."));
    let mut bob = server.connect();
    let b = bob.addr();
    bob.expect(&format!("* You are {b}. 2 here: {a} and you. /help lists the commands."));
    alice.expect(&format!("* {b} joined (2 here)"));
    alice.send("hi\n");
    bob.expect(&format!("[T] {a}: hi"));
    bob.ask(&format!("@{a} psst"), &[&format!("[T] you -> {a}: psst")]);
    alice.expect(&format!("[T] {b} -> you: psst"));
    alice.ask("/r yes", &[&format!("[T] you -> {b}: yes")]);
    bob.expect(&format!("[T] {a} -> you: yes"));
    bob.ask("/nick bob", &["! Nicknames are addresses on this server."]);
    bob.ask("q", &["* Goodbye."]);
    alice.expect(&format!("* {b} left (1 here)"));
}

#[test]
fn above_the_announce_limit_summaries_come_once_a_second() {
    let server = Server::start(&["--announce-limit", "3"]);
    let [mut alice, mut bob, _carol] = server.people(["alice", "bob", "carol"]);
    let start = Instant::now();
    let mut dave = server.login("dave");
    alice.send("hi\n");
    dave.expect("[T] alice: hi");
    for client in [&mut dave, &mut alice] {
        client.expect("* 1 joined, 0 left (4 here)");
    }
    let _crowd = ["erin", "frank", "grace"].map(|name| server.login(name));
    dave.ask("q", &["* Goodbye."]);
    // On a busy machine this may take more than a second and make several summaries.
    let (mut joined, mut left) = (0, 0);
    while (joined, left) != (3, 1) {
        let line = alice.line();
        let numbers: Vec<u32> =
            line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        let [came, went, here] = numbers[..] else { panic!("{line}") };
        assert_eq!(line, format!("* {came} joined, {went} left ({here} here)"));
        (joined, left) = (joined + came, left + went);
        assert_eq!(here, 4 + joined - left);
    }
    assert!(start.elapsed() >= Duration::from_secs(2), "two lines within {:?}", start.elapsed());
    alice.expect_nothing();
    bob.expect_all(&["[T] alice: hi", "* 1 joined, 0 left (4 here)"]);
}
