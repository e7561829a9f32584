//! What a node brings into a new cluster, the settings that all nodes have, and what its store is told.

use std::time::Duration;

use serde_json::Value;
use time::macros::datetime;

use super::super::store_queue::{message, start};
use super::{SequencedHub, now};
use crate::chat::change::{Change, Proposal};
use crate::chat::config::Config;
use crate::chat::encoding::Encoding;
use crate::chat::hub::tests::test_hub::read_lines;
use crate::chat::hub::{Hub, HubState, Snapshot};
use crate::chat::id::{ClientId, Incarnation, LOBBY, RoomId};
use crate::chat::input::{NewConnection, ResumeRequest, run_text};
use crate::chat::member::RoomRole;
use crate::chat::record::{
    AccountData, AccountRecord, BanRecord, InitialRoom, InitialState, MuteRecord, Record, RoomRecord, RoomRoleRecord,
    TopicRecord,
};
use crate::chat::{Input, Lang, Returned};
use crate::wire::renderers;

fn account(name: &str, mute: Option<MuteRecord>) -> AccountRecord {
    let data = AccountData { mute, ignored: vec!["carol".into()], ..AccountData::default() };
    AccountRecord { name: name.into(), verifier: "v".into(), scram: None, data }
}

/// A store with two accounts, a ban, messages in the lobby and in tea, a room with rules and one without, both not in memory.
fn stored() -> InitialState {
    let at = datetime!(2026-11-19 23:00:00 UTC);
    let room = |id, name: &str| InitialRoom {
        name: name.into(),
        messages: vec![message(id, name, "alice", "before", at)],
        ..InitialRoom::default()
    };
    let topic = Some(TopicRecord { name: "alice".into(), text: "fish".into(), at: 7 });
    let roles = vec![RoomRoleRecord { account: "alice".into(), role: RoomRole::Operator }];
    let until = Some(now().local.unix_timestamp() + 60);
    InitialState {
        next_id: 100,
        rooms: vec![room(98, LOBBY), room(99, "tea")],
        stored: vec![
            ("den".into(), RoomRecord { topic, ..RoomRecord::default() }),
            ("attic".into(), RoomRecord { roles, ..RoomRecord::default() }),
            ("plain".into(), RoomRecord::default()),
        ],
        bans: vec![BanRecord { network: "10.0.0.0/8".parse().unwrap(), name: None, until: None }],
        accounts: vec![account("alice", None), account("bob", Some(MuteRecord { until }))],
        ..start()
    }
}

fn node(config: Config) -> Hub {
    let mut hub = Hub::new(Config { rate: 0, ..config }, renderers(Lang::En));
    hub.use_cluster();
    hub
}

/// A node with that store, which has begun a cluster.
fn founder() -> Hub {
    let mut hub = node(Config::default());
    hub.restore(stored(), now());
    hub.found(&now());
    hub
}

fn snapshot(hub: &Hub) -> Snapshot {
    serde_json::from_str(&serde_json::to_string(&hub.snapshot()).unwrap()).unwrap()
}

/// The names of all rooms in the order of the alphabet.
fn rooms(hub: &Hub) -> Vec<&str> {
    let mut names = hub.room_names();
    names.sort_unstable();
    names
}

#[test]
fn program_at_a_node_is_told_the_run_of_the_cluster_when_that_is_known() {
    let hello_of = |hub: &mut Hub, slot: usize| {
        let (addr, encoding, resume_request) =
            (([127, 0, 0, 1], 1).into(), Encoding::JsonLine, ResumeRequest::default());
        let id = ClientId::new(slot);
        hub.handle_connection(id, NewConnection { addr, encoding, preface: &[], resume_request }, now());
        runs_in(hub, id)
    };
    let mut other = node(Config { run: 7, ..Config::default() });
    assert_eq!(hello_of(&mut other, 0), [""]);
    other.restore_snapshot(snapshot(&founder()), &now()).unwrap();
    other.rejoin(Incarnation(5), now());
    let known = run_text(stored().run);
    assert_eq!((runs_in(&mut other, ClientId::new(0)), hello_of(&mut other, 1)), (vec![known.clone()], vec![known]));
    other.rejoin(Incarnation(6), now());
    assert_eq!(runs_in(&mut other, ClientId::new(0)), [""; 0], "it is told once");
}

/// Its node has read the state of another cluster, in place of that of its own.
#[test]
fn program_whose_node_takes_another_run_is_told_that_and_of_the_messages_that_are_not_in_memory() {
    let mut server = SequencedHub::new();
    server.hub.use_cluster();
    server.hub.rejoin(Incarnation(4), now());
    let (zed, addr) = (ClientId::new(0), ([127, 0, 0, 1], 1).into());
    let arrival =
        NewConnection { addr, encoding: Encoding::JsonLine, preface: &[], resume_request: ResumeRequest::default() };
    server.hub.handle_connection(zed, arrival, now());
    server.say(zed, "zed");
    server.commit(server.proposals.len());
    server.read(zed);

    let mut founder = founder();
    founder.shared.rooms[RoomId::LOBBY].note_missed(97);
    server.hub.restore_snapshot(snapshot(&founder), &now()).unwrap();
    server.seq = server.hub.next_change() - 1;
    server.hub.rejoin(Incarnation(5), now());
    server.take_proposals();
    server.commit(server.proposals.len());
    let events: Vec<Value> = server.read(zed).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |kind: &str| events.iter().find(|event| event["t"] == kind).unwrap_or_else(|| panic!("{kind}: {events:?}"));
    assert_eq!(events[0]["run"], run_text(stored().run), "{events:?}");
    assert_eq!((&of("history")["gap"], &of("said")["id"]), (&true.into(), &98.into()), "{events:?}");
}

/// The runs that a program reads.
fn runs_in(hub: &mut Hub, id: ClientId) -> Vec<String> {
    let events = read_lines(hub, id).into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let hellos = events.filter(|event| event["t"] == "hello");
    hellos.map(|event| event["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn founder_brings_accounts_bans_messages_and_rooms_with_rules() {
    let mut other = node(Config::default());
    other.restore_snapshot(snapshot(&founder()), &now()).unwrap();
    assert_eq!(rooms(&other), ["attic", "den", LOBBY, "tea"]);
    let shared = &other.shared;
    let den = shared.rooms.find("den").unwrap();
    assert_eq!(shared.rooms[den].topic.as_ref().map(|topic| &*topic.text), Some("fish"));
    let attic = shared.rooms.find("attic").unwrap();
    assert_eq!(shared.rooms[attic].rules.roles().len(), 1);
    assert_eq!(shared.rooms[RoomId::LOBBY].history().len(), 1);
    assert_eq!(shared.accounts.len(), 2);
    assert!(shared.bans.holds([10, 1, 2, 3].into(), now().at));
    assert_eq!(shared.mutes.list(now().at), [("bob".into(), Some(Duration::from_secs(60)))]);
    assert_eq!((other.run, other.journal.last_message_id()), (0x1234, 99));
    // The same if the store was read before.
    let mut late = Hub::new(Config { rate: 0, ..Config::default() }, renderers(Lang::En));
    late.restore(stored(), now());
    late.use_cluster();
    assert_eq!(rooms(&late), rooms(&other));
    late.audit().unwrap();
    other.audit().unwrap();
}

/// The numbers of accounts are others when the bucket is taken, which has them in the order of their names.
#[test]
fn logins_that_wait_while_the_state_begins_anew_are_those_of_the_same_accounts() {
    let mut hub = node(Config::default());
    hub.use_bucket();
    let accounts: Vec<_> = ["zoe", "alice", "bob", "carol"].map(|name| account(name, None)).into();
    hub.restore(InitialState { accounts: accounts.clone(), ..start() }, now());
    for record in &accounts[..2] {
        let (key, value) = (format!("account.{}", record.name), serde_json::to_vec(record).unwrap());
        hub.handle_kept(key.as_bytes(), Some(&value), now());
    }
    let ids = ["alice", "bob", "carol", "alice"].map(|name| hub.shared.accounts.find(name).unwrap());
    let clients = [0, 1, 2, 3].map(ClientId::new);
    for id in clients {
        hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now());
    }
    // Two are logged in, a third one is at the prompt, and a fourth one has not been read from the hub.
    for (client, account) in clients.into_iter().zip(ids).take(2) {
        hub.log_in_as(client, account, now());
    }
    let sent: Vec<_> = std::iter::from_fn(|| hub.poll_proposal()).collect();
    hub.handle_line(clients[2], Input::Line("carol"), now());
    hub.log_in_as(clients[3], ids[3], now());
    hub.found(&now());
    sent.into_iter().for_each(|proposal| hub.return_proposal(proposal, Returned::NotApplied, &now()));
    hub.rejoin(Incarnation(7), now());
    let joins: Vec<_> = std::iter::from_fn(|| hub.poll_proposal()).collect();
    let alice = hub.shared.accounts.find("alice");
    assert_ne!(alice, Some(ids[0]));
    assert_eq!(joins.len(), 2);
    for Proposal { change, .. } in joins {
        let Change::Join(join) = change else { panic!("{change:?}") };
        assert_eq!((&*join.name.shown, join.account), ("alice", alice));
    }
    for (client, line) in [(1, "q"), (2, "secret")] {
        hub.handle_line(clients[client], Input::Line(line), now());
        let read = read_lines(&mut hub, clients[client]).join("\n");
        assert!(read.contains("! The account was removed."), "{read}");
    }
}

#[test]
fn members_and_what_is_theirs_are_gone_after_a_full_stop() {
    let mut server = SequencedHub::new();
    server.hub.use_cluster();
    let alice = server.enter(0, "alice");
    for line in ["/join den", "hello", "/join bare", "/join attic", "/topic fish"] {
        server.say(alice, line);
        server.commit(server.proposals.len());
    }
    let before = server.hub.shared.members.find("alice").unwrap();
    server.hub.found(&now());
    assert_eq!(rooms(&server.hub), ["attic", "den", LOBBY], "the room without a message is gone");
    let shared = &server.hub.shared;
    let den = &shared.rooms[shared.rooms.find("den").unwrap()];
    assert!(den.creator.is_none() && den.rules.roles().is_empty() && den.members.is_empty());
    assert_eq!(den.history().authors().map(|(_, author)| author.member).collect::<Vec<_>>(), [None]);
    assert_eq!(shared.members.len(), 0);
    // Another member never has the id of an earlier one.
    let bob = server.enter(1, "bob");
    let id = server.hub.shared.members.id(server.hub.sessions[bob].member.unwrap());
    assert!(id.serial > before.serial);
    server.hub.audit().unwrap();
}

#[test]
fn node_with_other_settings_is_told_which_options_differ() {
    let founder = founder();
    let mut other = node(Config { max_rooms: 7, operators: vec!["Dave".into()], ..Config::default() });
    let refused = other.restore_snapshot(snapshot(&founder), &now()).unwrap_err();
    assert!(
        refused.contains("--max-rooms is 256 there and 7 here; --operator is nobody there and dave here. Give this"),
        "{refused}"
    );
    assert_eq!(other.shared.accounts.len(), 0);
    // After all nodes have ended it may begin with its own.
    other.restore_ended(snapshot(&founder), &now());
    other.found(&now());
    assert_eq!(other.shared.accounts.len(), 2);
    let mut again = node(Config { max_rooms: 7, operators: vec!["dave".into()], ..Config::default() });
    again.restore_snapshot(snapshot(&other), &now()).unwrap();
}

/// The same state, written by a program with older Unicode tables.
fn with_older_tables(state: &impl serde::Serialize) -> Value {
    let mut state = serde_json::to_value(state).unwrap();
    let tables = &mut state["settings"]["unicode_tables"];
    assert!(tables.is_string());
    *tables = "15.0.0, 15.0.0, 15.0.0".into();
    state
}

#[test]
fn program_with_other_unicode_tables_takes_no_state_of_a_cluster_that_goes_on() {
    let founder = founder();
    let older = || serde_json::from_value(with_older_tables(&founder.snapshot())).unwrap();
    let mut other = node(Config::default());
    let refused = other.restore_snapshot(older(), &now()).unwrap_err();
    assert!(refused.contains("15.0.0, 15.0.0, 15.0.0 there and "), "{refused}");
    assert_eq!(other.shared.accounts.len(), 0);
    // After all nodes have ended it may begin anew with it.
    other.restore_ended(older(), &now());
    other.found(&now());
    node(Config::default()).restore_snapshot(snapshot(&other), &now()).unwrap();

    // By other tables a name may have another key, so that the state cannot be read.
    let mut unreadable = with_older_tables(&founder.snapshot());
    unreadable["accounts"]["accounts"][0][1]["name"]["key"] = "other".into();
    assert_eq!(Snapshot::read(&unreadable.to_string()).err(), Some(refused.clone()));
    unreadable["settings"] = serde_json::to_value(founder.snapshot()).unwrap()["settings"].take();
    assert!(Snapshot::read(&unreadable.to_string()).err().unwrap().contains("key"));

    let state: HubState = serde_json::from_value(with_older_tables(&founder.state())).unwrap();
    assert_eq!(state.check(), Err(refused));
    let state = serde_json::to_value(founder.state()).unwrap();
    assert_eq!(serde_json::from_value::<HubState>(state).unwrap().check(), Ok(()));
}

#[test]
fn reload_and_upgrade_leave_the_settings_of_all_nodes_as_they_are() {
    let mut hub = founder();
    hub.attach_console();
    let other = Config { max_rooms: 7, history: 3, max_waiting: 5, rate: 0, ..Config::default() };
    let before = serde_json::to_string(&hub.snapshot()).unwrap();
    hub.set_config(&other, now());
    hub.tell_reloaded(None, &["max-rooms".into(), "max-waiting".into()], &["mode".into()]);
    assert_eq!(hub.config.max_waiting, 5);
    assert_eq!(serde_json::to_string(&hub.snapshot()).unwrap(), before);
    let console = String::from_utf8(hub.poll_console_output()).unwrap();
    assert!(console.contains("max-waiting") && console.contains("mode, max-rooms"), "{console}");
    let state = serde_json::from_str(&serde_json::to_string(&hub.into_state()).unwrap()).unwrap();
    let hub = Hub::from_state(state, other, renderers(Lang::En));
    assert_eq!((hub.config.max_rooms, hub.config.history), (256, 100));
    assert_eq!(serde_json::to_string(&hub.snapshot()).unwrap(), before);
}

#[test]
fn store_is_told_what_another_state_changes() {
    let mut hub = founder();
    hub.poll_records();
    // Elsewhere alice has gone, and den has lost its topic; another ban came.
    let mut other = node(Config::default());
    let mut changed = stored();
    changed.accounts.remove(0);
    changed.stored.clear();
    changed.bans[0].network = "192.168.0.0/16".parse().unwrap();
    other.restore(changed, now());
    other.found(&now());
    hub.restore_snapshot(snapshot(&other), &now()).unwrap();
    let records = hub.poll_records();
    assert!(records.contains(&Record::AccountGone { name: "alice".into() }));
    assert!(records.contains(&Record::Unban { network: "10.0.0.0/8".parse().unwrap() }));
    let settings = |name: &str| {
        let found = records.iter().find_map(|record| match record {
            Record::Settings { room, record } if room == name => Some(record),
            _ => None,
        });
        found.map(|record| record.keeps_room())
    };
    assert_eq!((settings("den"), settings("attic"), settings("tea")), (Some(false), Some(false), None));
    let kept = |record: &Record| match record {
        Record::Account(account) => Some((account.name.clone(), account.data.ignored.len())),
        _ => None,
    };
    // Whom an account ignores is not in the snapshot, and stays.
    assert_eq!(records.iter().filter_map(kept).collect::<Vec<_>>(), [("bob".to_owned(), 1)]);
}

#[test]
fn messages_of_an_earlier_room_with_the_same_name_stay_in_the_store() {
    let config = || Config { max_rooms: 3, rate: 0, ..Config::default() };
    let stored = || InitialState { stored: vec![], ..stored() };
    let mut other = SequencedHub::new();
    other.hub = node(config());
    other.hub.restore(stored(), now());
    let zed = other.enter(0, "zed");
    for line in ["/join oak", "/join elm", "/join tea"] {
        other.say(zed, line);
        other.commit(other.proposals.len());
    }
    let tea = other.hub.shared.rooms.find("tea").unwrap();
    assert!(other.hub.shared.rooms[tea].history().is_empty(), "it has left memory");
    let mut hub = node(config());
    hub.restore(stored(), now());
    hub.follow_log("office");
    hub.take_other_state(snapshot(&other.hub), true, &now()).unwrap();
    let records = hub.poll_records();
    assert!(!records.iter().any(|record| matches!(record, Record::Delete { .. })), "{records:?}");
}

#[test]
fn room_with_roles_stays_and_one_that_was_never_used_goes() {
    let mut hub = node(Config { max_rooms: 3, ..Config::default() });
    hub.restore(stored(), now());
    // Four rooms are there for the three that are allowed; none of those with rules may go.
    assert_eq!(rooms(&hub), ["attic", "den", LOBBY, "tea"]);
    let mut server = SequencedHub { hub, proposals: Default::default(), seq: 0 };
    server.hub.attach_console();
    let carol = server.enter(0, "carol");
    server.say(carol, "/join one");
    server.commit(1);
    assert_eq!(rooms(&server.hub), ["attic", "den", LOBBY, "one"], "tea has messages alone");
    server.say(carol, "/leave");
    server.commit(1);
    assert_eq!(rooms(&server.hub), ["attic", "den", LOBBY]);
    server.read(carol);
    server.say(carol, "/join two");
    assert!(server.read(carol)[0].starts_with("! There are 3 rooms"), "no other room can go");
}
