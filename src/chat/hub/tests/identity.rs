//! Tests of what others are shown of a member besides its name.

use std::time::Duration;

use super::store_queue::start;
use super::test_hub::TestHub;
use crate::chat::Now;
use crate::chat::account::Account;
use crate::chat::change::{Change, Join, Place};
use crate::chat::config::Config;
use crate::chat::event::Source;
use crate::chat::hub::Hub;
use crate::chat::id::{AccountId, MemberId};
use crate::chat::member::identity::Identity;
use crate::chat::policy::host::Host;
use crate::chat::policy::nick::Name;
use crate::chat::record::{AccountData, InitialState};

fn member(hub: &Hub, name: &str) -> MemberId {
    hub.shared.members.find(name).expect("a member")
}

fn source<'a>(hub: &'a Hub, name: &str) -> Source<'a> {
    hub.shared.accounts.source_of(&hub.shared.members, member(hub, name).slot)
}

fn host(addr: &str, key: [u64; 2]) -> Host {
    Host::of(addr.parse().unwrap(), key)
}

/// Makes an account for a member.
fn bind(hub: &mut Hub, member: MemberId) -> AccountId {
    let bound = &mut hub.shared.members[member.slot];
    let name = Name::new(&bound.name).unwrap();
    let account = hub
        .shared
        .accounts
        .insert(Account { member: Some(member), ..Account::new(name, "v".into(), None, AccountData::default()) });
    bound.set_account(Some(account));
    account
}

/// Proposes the login of an IRC client that has no session here.
fn join(hub: &mut Hub, name: &str, addr: &str, account: Option<AccountId>, user: &str, now: &Now) {
    let identity = Identity::new(user, "Real Name");
    let join = Join {
        name: Name::new(name).unwrap(),
        place: Place::Lobby,
        follow: Vec::new(),
        network: addr.parse().unwrap(),
        account,
        host: host(addr, hub.cloak_key),
        identity: Some(Box::new(identity)),
    };
    hub.propose(None, Change::Join(Box::new(join)), now);
}

#[test]
fn members_without_an_irc_client_have_a_host_and_default_names() {
    let mut server = TestHub::with(Config { cloak_key: [5, 6], ..Config::default() });
    server.connect("alice", 7);
    server.connect_locally("bob", 1);
    let alice = source(&server.hub, "alice");
    assert_eq!(
        alice,
        Source { user: "chat", host: host("10.0.0.7", [5, 6]), account: None, real_name: "alice", is_bot: false }
    );
    assert_eq!(source(&server.hub, "bob").host, Host::LOCAL);
    let members = &server.hub.shared.members;
    let slot = MemberId::OPERATOR.slot;
    assert_eq!((members[slot].host(), members.user(slot), members.is_bot(slot)), (Host::LOCAL, "chat", false));
}

#[test]
fn member_has_the_host_and_the_identity_of_its_first_login() {
    let mut server = TestHub::new();
    let now = server.now();
    server.hub.restore(start(), now);
    join(&mut server.hub, "alice", "10.0.0.1", None, "al", &now);
    let alice = member(&server.hub, "alice");
    let account = bind(&mut server.hub, alice);
    join(&mut server.hub, "alice", "10.0.0.2", Some(account), "other", &now);
    assert_eq!(server.hub.shared.members[alice.slot].joins(), 2);
    let shown = source(&server.hub, "alice");
    let expected = (host("10.0.0.1", [0, 0]), "al", "Real Name", Some("alice"));
    assert_eq!((shown.host, shown.user, shown.real_name, shown.account), expected);
}

#[test]
fn a_later_login_gives_an_identity_to_a_member_that_has_none() {
    let mut server = TestHub::new();
    let now = server.now();
    server.connect("alice", 7);
    let alice = member(&server.hub, "alice");
    let account = bind(&mut server.hub, alice);
    join(&mut server.hub, "alice", "10.0.0.2", Some(account), "al", &now);
    let shown = source(&server.hub, "alice");
    assert_eq!((shown.host, shown.user), (host("10.0.0.7", [0, 0]), "al"));
}

#[test]
fn member_changes_what_it_says_of_itself() {
    let mut server = TestHub::new();
    let now = server.now();
    server.connect("alice", 7);
    let member = member(&server.hub, "alice");
    server.hub.propose(None, Change::SetIdentity { member, real_name: None, bot: Some(true), invisible: None }, &now);
    let shown = source(&server.hub, "alice");
    assert_eq!((shown.user, shown.real_name, shown.is_bot), ("chat", "alice", true));
    let real_name = Some("Alice A.".into());
    server.hub.propose(None, Change::SetIdentity { member, real_name, bot: None, invisible: None }, &now);
    let shown = source(&server.hub, "alice");
    assert_eq!((shown.user, shown.real_name, shown.is_bot), ("chat", "Alice A.", true));
}

#[test]
fn hosts_depend_on_the_key_of_the_store() {
    let mut server = TestHub::with(Config { cloak_key: [5, 6], ..Config::default() });
    let now = Now { at: Duration::from_secs(1), ..server.now() };
    server.hub.restore(InitialState { cloak_key: [7, 8], ..start() }, now);
    server.connect("alice", 7);
    assert_eq!(source(&server.hub, "alice").host, host("10.0.0.7", [7, 8]));
}
