//! Passwords at the prompt and in commands, and the limits on wrong ones.

use super::{AccountHub, PROMPT, WELCOME};
use crate::chat::config::Config;
use crate::chat::hub::tests::test_hub::TestHub;
use crate::chat::id::ClientId;
use crate::chat::password::ServerPassword;
use crate::chat::record::Record;
use crate::chat::{Allowance, Input};

#[test]
fn registered_nickname_needs_its_password() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    assert_eq!(&*hub.account("alice").verifier, "#fish");
    hub.leave(alice);
    let other = hub.server.connect("ALICE", 9);
    assert_eq!(hub.server.read(other), [WELCOME, PROMPT]);
    hub.check(other, "bird", "! Wrong password. Password: (visible as you type)");
    assert_eq!(hub.answer(other, ""), [""; 0]);
}

#[test]
fn three_wrong_passwords_lead_back_to_the_nickname_prompt() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.leave(alice);
    let other = hub.server.connect("alice", 9);
    for _ in 0..2 {
        hub.check(other, "bird", "! Wrong password. Password: (visible as you type)");
    }
    assert_eq!(hub.answer(other, "bird"), ["! Wrong password.", WELCOME]);
    assert_eq!(hub.answer(other, "alice"), [PROMPT]);
    hub.check(other, "bird", "! Wrong password. Password: (visible as you type)");
    hub.check(other, "bird", "! Wrong password. Password: (visible as you type)");
    // The fifth wrong one was the last within a minute.
    hub.check(other, "fish", "! Too many wrong passwords. Try again in 60 seconds. Password: (visible as you type)");
    hub.server.at += std::time::Duration::from_secs(60);
    assert!(hub.answer(other, "fish")[0].starts_with("* You are alice. 1 here: you."));
}

#[test]
fn wrong_passwords_of_all_unix_peers_count_together() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.leave(alice);
    for number in 1..=5 {
        let local = hub.server.connect_locally("alice", number);
        hub.check(local, "bird", "! Wrong password. Password: (visible as you type)");
    }
    let local = hub.server.connect_locally("alice", 6);
    hub.check(local, "fish", "! Too many wrong passwords. Try again in 60 seconds. Password: (visible as you type)");
    let remote = hub.server.connect("alice", 9);
    assert!(hub.answer(remote, "fish")[0].starts_with("* You are alice."));
}

#[test]
fn nick_takes_the_name_of_an_account_with_its_password() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.leave(alice);
    let guest = hub.enter("guest");
    let bob = hub.enter("bob");
    hub.server.read(guest);
    hub.check(guest, "/nick alice", "! The nickname alice is registered. If it is yours: /nick alice PASSWORD");
    hub.check(guest, "/nick alice bird", "! Wrong password.");
    assert_eq!(hub.answer(guest, "/nick alice fish"), ["* guest is now called alice", "* You are logged in as alice."]);
    assert_eq!(hub.server.read(bob), ["* guest is now called alice"]);
    hub.check(bob, "/whois alice", "* alice: here since 2026-11-20 12:00; in lobby; registered");
    // Its own name needs no password.
    hub.say(guest, "/nick al");
    hub.say(guest, "/nick Alice");
    assert!(hub.answer(bob, "/whois alice")[0].starts_with("* Alice: here since "));
}

#[test]
fn password_can_be_changed_and_the_account_removed() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.check(alice, "/password bird cat", "! Wrong password.");
    hub.check(alice, "/password fish cat", "* The password is changed.");
    assert_eq!(&*hub.account("alice").verifier, "#cat");
    let second = hub.enter("alice");
    hub.say(second, "cat");
    hub.check(alice, "/unregister cat", "! The account has 1 other connection at present. Close them first.");
    hub.leave(second);
    hub.check(alice, "/unregister fish", "! Wrong password.");
    hub.check(alice, "/unregister cat", "* alice is no longer registered.");
    assert!(hub.records.contains(&Record::AccountGone { name: "alice".into() }));
    hub.leave(alice);
    let other = hub.server.connect("alice", 9);
    assert!(hub.server.read(other)[1].starts_with("* You are alice."), "the name is free");
}

#[test]
fn bad_passwords_and_repeated_registration_are_refused() {
    let mut hub = AccountHub::new(Config { max_accounts: 1, ..Config::default() });
    let alice = hub.enter("alice");
    hub.check(alice, "/password a b", "! You have no account. /register PASSWORD makes the nickname alice yours.");
    hub.check(alice, "/register", "! Usage: /register PASSWORD");
    let bad = "! A password is one word of 1 to 1024 bytes. q, quit, exit and words that begin with / are commands.";
    for password in ["two words", "q", "EXIT", "/json", &"x".repeat(1025)] {
        hub.check(alice, &format!("/register {password}"), bad);
    }
    hub.say(alice, "/register fish");
    hub.check(alice, "/register fish", "! You are registered already, as alice.");
    let bob = hub.enter("bob");
    hub.check(bob, "/register fish", "! This server has 1 account already, and no more can be made.");
    let mut plain = TestHub::new();
    let carol = plain.enter("carol");
    plain.check(carol, "/register fish", "! This server has no accounts, since it stores nothing.");
}

#[test]
fn server_password_is_asked_first() {
    let mut hub = AccountHub::new(Config { password: Some(ServerPassword::new("sesame")), ..Config::default() });
    let id = hub.server.connect("wrong", 1);
    let again = "! Wrong password. Password: (visible as you type)";
    assert_eq!(hub.server.read(id), ["* Password: (visible as you type)", again]);
    hub.check(id, " sesame ", WELCOME);
    assert!(hub.answer(id, "alice")[0].starts_with("* You are alice."));
    let other = hub.server.connect("a", 2);
    hub.server.read(other);
    hub.check(other, "b", again);
    hub.check(other, "c", "! Wrong password. Goodbye.");
    assert!(hub.server.hub.poll_close().is_some());
}

#[test]
fn telnet_client_does_not_show_passwords() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.leave(alice);
    let id = hub.server.connect("x", 3);
    hub.say(id, "/quit");
    let id = ClientId::new(40);
    let now = hub.server.now();
    hub.server.hub.handle_plain_connection(id, ([10, 0, 0, 9], 1).into(), now);
    hub.server.hub.handle_telnet(id, None);
    let bytes = |hub: &mut AccountHub| {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let lent = hub.server.hub.gather(id, &mut slices);
        let bytes: Vec<u8> = slices[..lent.slices].iter().flat_map(|slice| slice.to_vec()).collect();
        hub.server.hub.handle_written(id, lent, bytes.len());
        bytes
    };
    bytes(&mut hub);
    hub.say(id, "alice");
    assert_eq!(bytes(&mut hub), b"\xff\xfb\x01* alice is registered. Password:\r\n");
    // The client agrees, which is not answered.
    hub.server.hub.handle_telnet(id, Some([255, 252, 1]));
    assert_eq!(bytes(&mut hub), b"");
    hub.say(id, "bird");
    assert_eq!(bytes(&mut hub), b"! Wrong password. Password:\r\n");
    hub.say(id, "fish");
    let shown = bytes(&mut hub);
    assert!(shown.starts_with(b"\xff\xfc\x01* You are alice."), "{:?}", String::from_utf8_lossy(&shown));
    hub.server.hub.handle_telnet(id, Some([255, 252, 1]));
    assert_eq!(bytes(&mut hub), b"\xff\xfc\x01", "the option is refused again");
}

#[test]
fn lines_wait_while_a_password_is_compared_and_the_time_does_not_count() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.leave(alice);
    let id = hub.server.connect("alice", 9);
    hub.server.say(id, "fish");
    let now = hub.server.now();
    assert_eq!(hub.server.hub.allowance(id, now), Allowance::AfterReplies);
    assert!(hub.server.hub.awaits_password(id));
    hub.server.at += std::time::Duration::from_secs(3600);
    let now = hub.server.now();
    hub.server.hub.handle_tick(now);
    assert_eq!(hub.server.hub.poll_close(), None, "the time of the hash does not count");
    hub.settle();
    assert!(hub.server.read(id).last().unwrap().starts_with("* You are alice."));
    hub.server.hub.handle_line(id, Input::Line("hello"), now);
}

#[test]
fn guesses_that_were_queued_before_the_limit_are_not_compared_after_it() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.leave(alice);
    let guessers: Vec<ClientId> = (0..40)
        .map(|_| {
            let id = hub.server.connect("alice", 77);
            hub.server.read(id);
            id
        })
        .collect();
    for (number, &id) in guessers.iter().enumerate() {
        hub.server.say(id, &format!("guess{number}"));
    }
    hub.settle();
    let wrong = |lines: &Vec<String>| lines[0].starts_with("! Wrong password.");
    let answers: Vec<Vec<String>> = guessers.iter().map(|&id| hub.server.read(id)).collect();
    assert_eq!(answers.iter().filter(|lines| wrong(lines)).count(), 5);
    assert_eq!(answers.iter().filter(|lines| lines[0].starts_with("! Too many wrong passwords.")).count(), 35);
}

#[test]
fn guesses_from_many_networks_are_limited_and_the_owner_still_gets_in() {
    let mut hub = AccountHub::new(Config::default());
    const HOME: u8 = 251;
    let alice = hub.register("alice");
    hub.leave(alice);
    let back = hub.server.connect("alice", HOME);
    hub.say(back, "fish");
    hub.leave(back);
    let mut compared = 0;
    for network in 0..=250 {
        let id = hub.server.connect("alice", network);
        hub.server.read(id);
        compared += usize::from(hub.answer(id, "guess")[0].starts_with("! Wrong password."));
        hub.say(id, "q");
    }
    assert_eq!(compared, 60);
    // The network from which its owner logged in last: its slot is its address.
    let id = hub.server.connect("alice", HOME);
    hub.server.read(id);
    assert!(hub.answer(id, "fish")[0].starts_with("* You are alice."));
}
