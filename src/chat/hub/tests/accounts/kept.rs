//! What an account keeps.

use super::AccountHub;
use crate::chat::Lang;
use crate::chat::change::{Change, Rename};
use crate::chat::config::{Config, OfflineWhispers};
use crate::chat::hub::check::check;
use crate::chat::id::ClientId;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::Name;
use crate::chat::record::Record;

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
    assert_eq!(refusal(&hub), "The account was removed.");
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
fn account_is_told_at_login_that_it_is_away() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    hub.say(alice, "/away lunch");
    let second = hub.enter("alice");
    assert_eq!(hub.answer(second, "fish").last().unwrap(), "* You are away: lunch");
    hub.leave(alice);
    hub.leave(second);
    let back = hub.enter("alice");
    assert_eq!(hub.answer(back, "fish").last().unwrap(), "* You are away: lunch");
}

#[test]
fn restrictions_stay_when_the_account_is_removed() {
    let mut hub = AccountHub::new(Config::default());
    let (alice, bob) = (hub.enter("alice"), hub.register("bob"));
    hub.say(alice, "/join den");
    hub.say(alice, "/room slow 60");
    hub.say(bob, "/join den");
    hub.say(bob, "one");
    hub.say(bob, "/unregister fish");
    hub.check(bob, "two", "! den is in slow mode: one message in 60 seconds. Wait another 60 seconds.");
    hub.say(bob, "/register fish");
    hub.say(alice, "/room slow off");
    hub.say(alice, "/mute bob");
    hub.say(bob, "/unregister fish");
    hub.say(bob, "/nick robert");
    hub.server.read(bob);
    assert!(hub.answer(bob, "three")[0].starts_with("! You are muted in den"), "under another name");
    hub.say(bob, "/register fish");
    hub.say(alice, "/ban robert");
    hub.say(bob, "/unregister fish");
    hub.say(bob, "/nick bobby");
    hub.server.read(bob);
    hub.check(bob, "/join den", "! You are banned from den.");
}

#[test]
fn mute_of_a_removed_account_holds_where_it_was_logged_in() {
    let mut hub = AccountHub::new(Config::default());
    let alice = hub.register("alice");
    let bob = hub.enter("bob");
    hub.say(ClientId::CONSOLE, "/mute alice");
    hub.leave(alice);
    let home = hub.server.connect("alice", 99);
    hub.say(home, "fish");
    hub.say(home, "/unregister fish");
    hub.leave(home);
    hub.server.read(bob);
    let back = hub.server.connect("alice", 99);
    hub.say(back, "not heard");
    assert_eq!(hub.server.read(bob), ["* alice joined (2 here)"]);
}
