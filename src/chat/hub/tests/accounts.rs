//! Tests of accounts: register, log in, several sessions, and what an account keeps.

use super::store_queue::start;
use super::test_hub::TestHub;
use crate::chat::change::{Change, Rename};
use crate::chat::config::{Config, OfflineWhispers};
use crate::chat::hub::check::check;
use crate::chat::id::ClientId;
use crate::chat::password::{PasswordAnswer, PasswordJob, ServerPassword};
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::Name;
use crate::chat::query::Answer;
use crate::chat::record::{AccountRecord, InitialState, Record};
use crate::chat::{Allowance, Input, Lang};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const PROMPT: &str = "* alice is registered. Password: (visible as you type)";

/// A hub with a store, whose records are collected, and whose passwords are hashed by adding a letter.
struct AccountHub {
    server: TestHub,
    records: Vec<Record>,
}

impl AccountHub {
    fn new(config: Config) -> Self {
        Self::restored(config, start())
    }

    fn restored(config: Config, initial: InitialState) -> Self {
        let mut server = TestHub::with(config);
        let now = server.now();
        server.hub.restore(initial, now);
        AccountHub { server, records: Vec::new() }
    }

    /// Answers the requests for passwords and the queries of the store, which has nothing.
    fn settle(&mut self) {
        let now = self.server.now();
        loop {
            if let Some(request) = self.server.hub.poll_password(now) {
                let hash = |password: &str| format!("#{password}").into_boxed_str();
                let answer = match &request.job {
                    PasswordJob::Hash { password } => PasswordAnswer::Right { verifier: Some(hash(password.text())) },
                    PasswordJob::Verify { password, verifier, new } if hash(password.text()) == *verifier => {
                        PasswordAnswer::Right { verifier: new.as_ref().map(|new| hash(new.text())) }
                    }
                    PasswordJob::Verify { .. } => PasswordAnswer::Wrong,
                };
                self.server.hub.handle_password(&request, answer, now);
            } else if let Some(query) = self.server.hub.poll_query() {
                self.server.hub.handle_answer(query, Answer::Nothing, now);
            } else {
                break;
            }
        }
        self.records.extend(self.server.hub.poll_records());
        self.server.hub.audit().unwrap();
    }

    fn say(&mut self, id: ClientId, line: &str) {
        self.server.say(id, line);
        self.settle();
    }

    fn answer(&mut self, id: ClientId, line: &str) -> Vec<String> {
        self.server.read(id);
        self.say(id, line);
        self.server.read(id)
    }

    fn check(&mut self, id: ClientId, line: &str, answer: &str) {
        assert_eq!(self.answer(id, line), [answer], "{line}");
    }

    fn enter(&mut self, name: &str) -> ClientId {
        let id = self.server.enter(name);
        self.settle();
        self.server.read(id);
        id
    }

    /// A member that has just registered.
    fn register(&mut self, name: &str) -> ClientId {
        let id = self.enter(name);
        let registered = format!("* {name} is registered now: who logs in as {name} is asked for the password.");
        self.check(id, "/register fish", &registered);
        id
    }

    /// One more session of an account.
    fn log_in(&mut self, name: &str) -> ClientId {
        let id = self.enter(name);
        self.say(id, "fish");
        self.server.read(id);
        id
    }

    fn leave(&mut self, id: ClientId) {
        self.say(id, "/quit");
        self.server.read(id);
        let now = self.server.now();
        while self.server.hub.poll_close().is_some() {}
        self.server.hub.handle_closed(id, now);
        self.server.hub.audit().unwrap();
    }

    /// The newest record of an account.
    fn account(&self, name: &str) -> &AccountRecord {
        let accounts = self.records.iter().rev().filter_map(|record| match record {
            Record::Account(account) if account.name == name => Some(&**account),
            _ => None,
        });
        accounts.into_iter().next().expect("a record of the account")
    }

    /// What a server starts with that reads these records.
    fn initial(&self) -> InitialState {
        let names: std::collections::BTreeSet<&str> = self
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Account(account) => Some(&*account.name),
                _ => None,
            })
            .collect();
        let accounts = names.into_iter().map(|name| self.account(name).clone()).collect();
        InitialState { accounts, ..start() }
    }
}

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
fn sessions_of_an_account_are_one_member() {
    let mut hub = AccountHub::new(Config::default());
    let (bob, first) = (hub.enter("bob"), hub.register("alice"));
    hub.say(first, "/join den");
    hub.say(bob, "/join den");
    hub.server.read(bob);
    let second = hub.server.connect("alice", 9);
    [first, second].into_iter().for_each(|id| drop(hub.server.read(id)));
    let greeting =
        ["* You are alice. 2 here: bob and you. /help lists the commands.", "* You are in den. 2 here: bob and you."];
    assert_eq!(hub.answer(second, "fish"), greeting);
    assert_eq!(hub.server.read(bob), [""; 0], "alice is here already");
    hub.say(first, "hello");
    let hello = "[12:00:01] alice: hello";
    assert_eq!((hub.server.read(first), hub.server.read(second)), (vec![], vec![hello.to_owned()]));
    assert_eq!(hub.server.read(bob), [hello]);
    hub.say(bob, "@alice psst");
    for session in [first, second] {
        assert_eq!(hub.server.read(session), ["[12:00:01] bob -> you: psst"]);
    }
    hub.say(second, "/nick alicia");
    for reader in [first, second, bob] {
        hub.server.read(reader);
    }
    hub.leave(first);
    assert_eq!(hub.server.read(bob), [""; 0], "one session stays");
    hub.leave(second);
    assert_eq!(hub.server.read(bob), ["* alicia left (1 here)"]);
}

#[test]
fn slow_session_reads_the_lines_of_the_other_one_in_order() {
    let mut hub = AccountHub::new(Config::default());
    let first = hub.register("alice");
    let second = hub.log_in("alice");
    hub.server.read(first);
    for number in 0..6 {
        // Neither has read anything yet.
        hub.say(if number % 2 == 0 { first } else { second }, &number.to_string());
    }
    let lines = |numbers: [u32; 3]| numbers.map(|number| format!("[12:00:01] alice: {number}"));
    assert_eq!(hub.server.read(first), lines([1, 3, 5]));
    assert_eq!(hub.server.read(second), lines([0, 2, 4]));
}

#[test]
fn own_line_at_the_beginning_of_a_segment_is_not_read() {
    let mut hub = AccountHub::new(Config { backlog_bytes: 4096, rate: 0, ..Config::default() });
    let first = hub.register("alice");
    let second = hub.log_in("alice");
    for number in 0..40 {
        // A segment has 1024 bytes.
        let line = format!("{number} {}", "x".repeat(100));
        assert_eq!(hub.answer(first, &line), [""; 0]);
        assert_eq!(hub.server.read(second).len(), 1, "line {number}");
    }
}

#[test]
fn second_session_is_not_shown_ignored_messages() {
    let mut hub = AccountHub::new(Config::default());
    let (bob, first) = (hub.enter("bob"), hub.register("alice"));
    hub.say(bob, "ignored");
    hub.say(first, "/ignore bob");
    let second = hub.enter("alice");
    assert_eq!(hub.answer(second, "fish"), ["* You are alice. 2 here: bob and you. /help lists the commands."]);
}

#[test]
fn own_ghost_is_no_obstacle() {
    let mut hub = AccountHub::new(Config::default());
    let ghost = hub.register("alice");
    let back = hub.log_in("alice");
    hub.check(back, "/who", "* 1 here: you.");
    hub.server.hub.handle_connection_lost(ghost, hub.server.now());
    hub.settle();
    hub.check(back, "/ping", "* pong");
}

#[test]
fn kick_and_mute_act_on_all_sessions() {
    let mut hub = AccountHub::new(Config::default());
    let (first, bob) = (hub.register("alice"), hub.enter("bob"));
    let second = hub.log_in("alice");
    hub.say(ClientId::CONSOLE, "/mute alice");
    hub.server.read(bob);
    hub.say(second, "not heard");
    assert_eq!(hub.server.read(bob), [""; 0]);
    hub.say(ClientId::CONSOLE, "/kick alice");
    assert_eq!(hub.server.read(bob), ["* alice left: kicked (1 here)"]);
    for session in [first, second] {
        assert_eq!(hub.server.read(session).last().unwrap(), "* You were kicked by the operator.");
    }
    let back = hub.log_in("alice");
    hub.server.read(bob);
    hub.say(back, "still not heard");
    assert_eq!(hub.server.read(bob), [""; 0], "the mute follows the account, though the address is another");
    assert!(hub.account("alice").data.mute.is_some());
    let mut hub = AccountHub::restored(Config::default(), hub.initial());
    let (bob, alice) = (hub.enter("bob"), hub.log_in("alice"));
    hub.server.read(bob);
    hub.say(alice, "not after a restart either");
    assert_eq!(hub.server.read(bob), [""; 0]);
    hub.say(ClientId::CONSOLE, "/unmute alice");
    hub.say(alice, "heard");
    assert_eq!(hub.server.read(bob).len(), 1);
    assert!(hub.account("alice").data.mute.is_none());
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
fn nick_joins_the_member_of_the_account_that_is_here_already() {
    let mut hub = AccountHub::new(Config::default());
    let ghost = hub.register("alice");
    hub.say(ghost, "/join den");
    let (bob, guest) = (hub.enter("bob"), hub.enter("alice_"));
    hub.server.read(bob);
    let answer = hub.answer(guest, "/nick alice fish");
    assert_eq!(answer, ["* You are alice. 1 here: you. /help lists the commands.", "* You are in den. 1 here: you."]);
    assert_eq!(hub.server.read(bob), ["* alice_ left (1 here)"]);
    hub.server.read(ghost);
    hub.say(guest, "in den");
    assert_eq!(hub.server.read(ghost), ["[12:00:01] alice: in den"]);
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
    let bad = "! A password is one word of 1 to 256 bytes. q, quit, exit and words that begin with / are commands.";
    for password in ["two words", "q", "EXIT", "/json", &"x".repeat(257)] {
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
fn account_keeps_followed_rooms_ignored_names_and_away() {
    let mut hub = AccountHub::new(Config::default());
    let (bob, alice) = (hub.enter("bob"), hub.register("alice"));
    hub.say(bob, "/follow den");
    for line in ["/follow den", "/follow games", "/unfollow games", "/ignore bob", "/away lunch"] {
        hub.say(alice, line);
    }
    hub.leave(alice);
    let mut restored = AccountHub::restored(Config::default(), hub.initial());
    for hub in [&mut hub, &mut restored] {
        let alice = hub.server.connect("alice", 9);
        hub.say(alice, "fish");
        let read = hub.server.read(alice);
        assert!(read.iter().any(|line| line.starts_with("* You follow den. ")), "{read:?}");
        hub.check(alice, "/ignore", "* You ignore bob.");
        let asker = hub.enter("carol");
        assert!(hub.answer(asker, "/whois alice")[0].ends_with("; away: lunch"));
    }
}

#[test]
fn room_roles_of_an_account_last() {
    let mut hub = AccountHub::new(Config::default());
    let (bob, alice) = (hub.enter("bob"), hub.enter("alice"));
    hub.say(alice, "/join den");
    hub.say(bob, "/join den");
    hub.say(alice, "/register fish");
    hub.say(alice, "hello");
    let is_recorded = |record: &Record| match record {
        Record::Settings { room, record } => room == "den" && record.roles.len() == 1,
        _ => false,
    };
    assert!(hub.records.iter().any(is_recorded), "its role is stored with the first message");
    hub.leave(alice);
    let alice = hub.log_in("alice");
    hub.say(alice, "/join den");
    hub.check(alice, "/kick bob", "* bob left: kicked (1 here)");
    hub.say(alice, "/unregister fish");
    hub.check(alice, "/room moderated", "! Only operators of den can do that.");
}

#[test]
fn operator_option_and_moderators_are_roles_of_accounts() {
    let mut hub = AccountHub::new(Config { operators: vec!["Boss".into()], ..Config::default() });
    let (boss, bob) = (hub.register("boss"), hub.register("bob"));
    hub.check(boss, "/mod bob", "* bob is now a moderator.");
    hub.leave(bob);
    let bob = hub.log_in("bob");
    assert!(!hub.answer(bob, "/stats")[0].starts_with("! "), "a moderator after a new login");
    hub.check(bob, "/kick boss", "! boss is a moderator. Only the operator of the server can do that.");
    let guest = hub.server.connect("boss", 9);
    assert!(hub.server.read(guest)[1].starts_with("* boss is registered."));
}

#[test]
fn name_of_an_account_is_not_taken_after_it_was_removed_or_has_a_member() {
    let mut hub = AccountHub::new(Config::default());
    let (alice, _) = (hub.register("alice"), hub.enter("guest"));
    let shared = &hub.server.hub.shared;
    let (account, member) = (shared.accounts.find("alice"), shared.members.find("guest").unwrap());
    let (name, network) = (Name::new("alice").unwrap(), Network::host([10, 0, 0, 1].into()));
    let rename = Change::Rename { member, to: Box::new(Rename { name, network, account }) };
    // Its member has another nickname, so the name itself is free.
    hub.say(alice, "/nick al");
    let refusal = |hub: &AccountHub| match check(&hub.server.hub.shared, &rename, hub.server.now().at) {
        Err(refusal) => Lang::En.refusal(&refusal).to_string(),
        Ok(()) => "none".into(),
    };
    assert_eq!(refusal(&hub), "The nickname alice is taken.");
    hub.say(alice, "/unregister fish");
    assert_eq!(refusal(&hub), "The nickname alice is not registered.");
}

#[test]
fn operator_is_told_once_of_a_new_moderator() {
    let mut hub = AccountHub::new(Config::default());
    hub.enter("bob");
    hub.check(ClientId::CONSOLE, "/mod bob", "* bob is now a moderator.");
}

#[test]
fn whispers_for_an_absent_account_are_stored() {
    let mut hub = AccountHub::new(Config::default());
    let (alice, bob) = (hub.register("alice"), hub.enter("bob"));
    hub.leave(alice);
    hub.server.read(bob);
    assert_eq!(
        hub.answer(bob, "@alice psst"),
        ["[12:00:01] you -> alice: psst", "* alice is not here; this is stored until alice logs in."]
    );
    hub.check(bob, "@carol psst", "! Nobody here is called carol.");
    let mut hub = AccountHub::new(Config { offline_whispers: OfflineWhispers::Off, ..Config::default() });
    let (alice, bob) = (hub.register("alice"), hub.enter("bob"));
    hub.leave(alice);
    hub.check(bob, "@alice psst", "! Nobody here is called alice.");
}

#[test]
fn whisper_reaches_the_account_under_another_nickname() {
    let mut hub = AccountHub::new(Config::default());
    let (alice, bob) = (hub.register("alice"), hub.enter("bob"));
    hub.say(alice, "/nick al");
    hub.server.read(alice);
    hub.say(bob, "@alice psst");
    assert_eq!(hub.server.read(alice), ["[12:00:01] bob -> you: psst"]);
}

#[test]
fn read_position_is_kept_and_told_to_other_programs() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    (1..=3).for_each(|n| hub.say(alice, &n.to_string()));
    hub.check(alice, "/read 2", "* You have read lobby up to message 2.");
    hub.check(alice, "/read 9", "! There is no message 9 in lobby.");
    hub.check(alice, "/read x", "! Usage: /read [#room] ID");
    assert_eq!(hub.account("alice").data.read, [("lobby".into(), 2)]);
    let program = hub.server.connect("/json", 9);
    hub.say(program, "alice");
    hub.server.read(program);
    let read = hub.answer(program, "fish");
    assert!(read.iter().any(|line| line == r#"{"t":"read","room":"lobby","id":2}"#), "{read:?}");
    hub.say(alice, "/read 3");
    assert_eq!(hub.server.read(program), [r#"{"t":"read","room":"lobby","id":3}"#]);
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
