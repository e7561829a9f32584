//! Nodes with a bucket, which is a map here: what outlives a full stop of all of them.

mod private;
mod world;

use std::time::Duration;

use time::OffsetDateTime;

use self::world::{BEGIN, Bucket, Node, World, alice, new_hub};
use crate::chat::config::{Config, OfflineWhispers};
use crate::chat::hub::Hub;
use crate::chat::hub::tests::store_queue::start;
use crate::chat::id::Incarnation;
use crate::chat::record::{InitialCluster, InitialState, Record, Whisper};
use crate::chat::{Lang, Now};
use crate::wire::renderers;

#[test]
fn accounts_roles_bans_and_rooms_are_there_after_a_full_stop() {
    let (mut world, alice) = alice(2);
    world.enter(0, 3, &["bob", "/register secret"]);
    world.enter(1, 2, &["dave", "/register secret", "/join nook"]);
    for line in [
        "/mod alice",
        "/mute bob",
        "/ban 10.9.0.0/16",
        "/ban 10.8.0.0/16 1",
        "/ban 10.7.0.0/16 60",
        "/unban 10.9.0.0/16",
    ] {
        world.order(line);
    }
    world.say(0, alice, "/room slow 7");
    let keys =
        ["account.alice", "account.bob", "account.dave", "ban.10.7.0.0/16", "ban.10.8.0.0/16", "room.den", "room.nook"];
    assert_eq!(world.bucket.keys(), keys);
    let at = world.at + Duration::from_secs(600);
    let before = world.bucket.clone();
    let mut world = World::of(1, world.bucket);
    world.at = at;
    // What the new state gives is the same, except for the ban that is over at the next start.
    assert_eq!(world.bucket.values, before.values);
    let alice = world.enter(0, 1, &["alice", "secret"]);
    assert!(world.read(0, alice).contains("You are alice."));
    let bans: Vec<_> = world.nodes[0].hub.shared.bans.list(at).map(|(network, _)| network.to_string()).collect();
    assert_eq!(bans, ["10.7.0.0/16"]);
    assert_eq!(world.ask(0, alice, "/bans"), "* Nobody is banned.", "a moderator is not shown addresses");
    assert!(world.ask(0, alice, "/mutes").contains("bob"));
    let den = world.ask(0, alice, "/join den");
    assert!(den.contains("tea at five"), "{den}");
    assert!(world.ask(0, alice, "/room").contains('7'));
    // Who has made a room still has a role there.
    world.enter(0, 2, &["dave", "secret", "/join nook", "/room slow 3"]);
    assert!(world.bucket.get("room.nook").unwrap().contains("\"slow\":3"));
    world.order("/unban 10.7.0.0/16");
    world.say(0, alice, "/topic off");
    world.say(0, alice, "/room slow off");
    assert!(!world.bucket.keys().contains(&"ban.10.7.0.0/16".to_owned()));
}

#[test]
fn nodes_that_join_after_a_full_stop_have_the_same_rooms_and_lines() {
    let (mut world, alice) = alice(1);
    // A role is all that is kept of it.
    world.say(0, alice, "/join nook");
    assert!(world.bucket.keys().contains(&"room.nook".to_owned()));
    let mut world = World::of(3, world.bucket);
    for node in &mut world.nodes {
        let config = node.hub.config.clone();
        node.hub.set_config(&config, Now { at: BEGIN, local: OffsetDateTime::UNIX_EPOCH + BEGIN });
    }
    let bob = world.enter(1, 1, &["bob", "/join attic", "/join nook"]);
    let carol = world.enter(2, 2, &["carol", "/join nook"]);
    world.read(1, bob);
    world.say(2, carol, "hello");
    assert!(world.read(1, bob).ends_with("carol: hello"));
    let states: Vec<_> = world.nodes.iter().map(|node| serde_json::to_string(&node.hub.snapshot()).unwrap()).collect();
    assert!(states.iter().all(|state| *state == states[0]), "{states:#?}");
    world.nodes.iter().for_each(|node| node.hub.audit().unwrap());
}

#[test]
fn roles_that_are_taken_and_rooms_without_any_are_gone_after_a_full_stop() {
    let (mut world, alice) = alice(1);
    let bob = world.enter(0, 3, &["bob", "/register secret", "/join den"]);
    world.say(0, alice, "/op bob");
    assert!(world.bucket.get("room.den").unwrap().contains("bob"));
    world.say(0, alice, "/deop bob");
    assert!(!world.bucket.get("room.den").unwrap().contains("bob"));
    // The only role is that of an account that is not there any more.
    world.say(0, bob, "/join nook");
    let mut world = World::of(1, world.bucket);
    assert!(world.nodes[0].hub.room_names().contains(&"nook"));
    let bob = world.enter(0, 3, &["bob", "secret"]);
    world.say(0, bob, "/unregister secret");
    assert_eq!(world.bucket.keys(), ["account.alice", "room.den"]);
    assert!(!world.nodes[0].hub.room_names().contains(&"nook"));
}

#[test]
fn node_that_has_missed_changes_begins_with_what_the_bucket_has() {
    let (mut world, _) = alice(2);
    // The second node hears nothing more of the log, and of all others it is the only one that is left.
    let mut late = world.nodes.pop().unwrap();
    world.enter(0, 3, &["bob", "/register secret"]);
    world.order("/ban 10.9.0.0/16");
    let bucket = world.bucket;
    late.hub.note_behind();
    assert!(late.hub.take_must_be_told() && !late.hub.take_must_be_told());
    late.told.clear();
    let at = world.at;
    let mut world = World { nodes: vec![late], bucket: bucket.clone(), at, seq: world.seq };
    world.tell(0);
    let now = world.now();
    world.nodes[0].hub.found(&now);
    world.nodes[0].hub.rejoin(Incarnation(7), now);
    world.lead(0);
    world.settle();
    assert_eq!(world.bucket.values, bucket.values);
    let bob = world.enter(0, 3, &["bob", "secret"]);
    assert!(world.read(0, bob).contains("You are bob."));
}

#[test]
fn node_that_becomes_the_oldest_makes_the_bucket_equal_to_its_state() {
    let (mut world, _) = alice(2);
    let expected = world.bucket.keys();
    let account = world.bucket.get("account.alice").unwrap().to_owned();
    world.nodes[0].hub.lead_bucket(false);
    world.bucket.put(b"account.ghost", Some(account.as_bytes()));
    world.bucket.put(b"ban.10.1.1.1", Some(b"{}"));
    world.bucket.put(b"room.den", None);
    world.bucket.put(b"account.alice", Some(b"damaged"));
    world.bucket.put(b"not ours", Some(b"1"));
    world.tell(0);
    world.settle();
    assert_eq!(world.bucket.get("account.alice"), Some("damaged"));
    world.tell(1);
    world.lead(1);
    world.settle();
    assert_eq!(world.bucket.keys(), ["account.alice", "not ours", "room.den"]);
    assert_eq!(expected, ["account.alice", "room.den"]);
    assert_eq!(world.bucket.get("account.alice"), Some(&*account));
}

#[test]
fn what_is_not_ours_or_damaged_is_skipped_and_counted() {
    let (world, _) = alice(1);
    let mut bucket = world.bucket;
    let deep = "[".repeat(10_000);
    let long = format!("{{\"since\":1,\"ignored\":[\"{}\"]}}", "a".repeat(1 << 20));
    let room = bucket.get("room.den").unwrap().to_owned();
    let hostile = room.replace("tea at five", "a\\u001b[2J").replace("den", "hostile");
    let late = r#"{"whispers":[{"to":"erin","from":"bob","at":[9999,365,23,59,59,0,-23,-59,0],"text":"late"}]}"#;
    let damaged: [(&[u8], &[u8]); 10] = [
        (b"whispers.erin", late.as_bytes()),
        (b"room.deep", deep.as_bytes()),
        (b"private.alice", long.as_bytes()),
        (b"private.bob", deep.as_bytes()),
        (b"whispers.bob", b"\xff"),
        (b"room.nook", room.as_bytes()),
        (b"room.hostile", hostile.as_bytes()),
        (b"ban.10.0.0.1", b"{\"network\":\"10.0.0.2/32\",\"name\":null,\"until\":null}"),
        (b"account.Bob", b"{}"),
        (b"\xff\x00", b""),
    ];
    damaged.iter().for_each(|(key, value)| bucket.put(key, Some(value)));
    let mut world = World::of(1, bucket);
    assert_eq!(world.nodes[0].hub.skipped_kept(), damaged.len() as u64);
    let alice = world.enter(0, 1, &["alice", "secret", "/join den"]);
    assert!(world.read(0, alice).contains("tea at five"));
    assert!(!world.bucket.keys().contains(&"room.deep".to_owned()), "the oldest node has no such room");
    assert_eq!(world.bucket.get("private.bob"), Some(&*deep));
}

/// What is in no log is stored also while what the log says is stored already.
#[test]
fn store_is_told_what_the_bucket_says_while_the_log_is_read_again() {
    let (mut source, _) = alice(1);
    let account = source.nodes[0].hub.shared.accounts.iter().next().unwrap().1.record();
    let bob = source.enter(0, 2, &["bob"]);
    source.say(0, bob, "@dave for dave");
    let private = br#"{"since":SINCE,"ignored":["carol"]}"#;
    let private = String::from_utf8_lossy(private).replace("SINCE", &account.data.since.to_string());
    let whisper = Whisper {
        to: "alice".into(),
        from: "bob".into(),
        at: OffsetDateTime::UNIX_EPOCH + BEGIN,
        text: "delivered elsewhere".into(),
    };
    let (mut hub, now) = (new_hub(0), source.now());
    let cluster = Some(InitialCluster { name: "office".into(), position: 9, checkpoint: None });
    hub.restore(InitialState { accounts: vec![account], cluster, ..start() }, now);
    hub.follow_log("office");
    hub.restore_whispers(vec![whisper]);
    hub.note_position(5);
    hub.poll_records();
    hub.handle_kept(b"whispers.dave", source.bucket.get("whispers.dave").map(str::as_bytes), now);
    hub.handle_kept(b"private.alice", Some(private.as_bytes()), now);
    hub.handle_bucket_complete(false);
    let records = hub.poll_records();
    assert!(records.contains(&Record::WhispersRead { to: "alice".into() }), "{records:?}");
    let is_for_dave = |record: &Record| matches!(record, Record::Whisper(whisper) if whisper.text == "for dave");
    assert!(records.len() == 2 && records.iter().any(is_for_dave), "{records:?}");
    hub.note_position(9);
    assert_eq!(hub.poll_records(), []);
    hub.note_position(10);
    let records = hub.poll_records();
    assert!(
        matches!(&records[..], [Record::Account(account), Record::Position(10)] if account.data.ignored == ["carol"]),
        "{records:?}"
    );
}

#[test]
fn store_of_the_founder_fills_an_empty_bucket_and_follows_one_that_is_not() {
    let (source, _) = alice(1);
    let account = source.nodes[0].hub.shared.accounts.iter().next().unwrap().1.record();
    let whisper = |to: &str| Whisper {
        to: to.into(),
        from: "bob".into(),
        at: OffsetDateTime::UNIX_EPOCH + BEGIN,
        text: "from the store".into(),
    };
    let with_store = |ignored: &str| {
        let mut hub = new_hub(0);
        let mut account = account.clone();
        account.data.ignored = vec![ignored.into()];
        let now = Now { at: BEGIN, local: OffsetDateTime::UNIX_EPOCH + BEGIN };
        let mut initial = start();
        initial.accounts = vec![account];
        hub.restore(initial, now);
        hub.restore_whispers(vec![whisper("alice"), whisper("Dave")]);
        hub.poll_records();
        hub
    };
    let mut world = World::with(vec![with_store("carol")], Bucket::default());
    assert_eq!(world.bucket.keys(), ["account.alice", "private.alice", "whispers.alice", "whispers.dave"]);
    let alice = world.enter(0, 1, &["alice", "secret"]);
    assert!(world.read(0, alice).contains("from the store"));
    let records = world.nodes[0].hub.poll_records();
    assert!(records.contains(&Record::WhispersRead { to: "alice".into() }), "{records:?}");
    // Later: the bucket is right, and the store takes over what it has.
    world.enter(0, 2, &["erin"]);
    world.say(0, alice, "/ignore erin");
    let mut world = World::with(vec![with_store("nobody")], world.bucket);
    let records = world.nodes[0].hub.poll_records();
    assert!(records.contains(&Record::WhispersRead { to: "alice".into() }), "{records:?}");
    assert!(!records.contains(&Record::WhispersRead { to: "dave".into() }));
    let ignored: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Account(account) => Some(account.data.ignored.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ignored.last().unwrap(), &["carol", "erin"]);
    let alice = world.enter(0, 1, &["alice", "secret"]);
    assert!(!world.read(0, alice).contains("from the store"));
}

#[test]
fn what_the_bucket_does_not_have_yet_survives_an_upgrade() {
    let (mut world, alice) = alice(1);
    let bob = world.enter(0, 2, &["bob"]);
    world.type_line(0, alice, "/ignore bob");
    world.type_line(0, bob, "@erin kept");
    // One value was handed out, and the hub is not told whether it was put.
    assert!(world.nodes[0].hub.poll_kept().is_some());
    let Node { hub, told } = world.nodes.remove(0);
    let state = serde_json::to_string(&hub.into_state()).unwrap();
    let config = Config { rate: 0, offline_whispers: OfflineWhispers::All, ..Config::default() };
    let mut hub = Hub::from_state(serde_json::from_str(&state).unwrap(), config, renderers(Lang::En));
    hub.use_bucket();
    world.nodes.push(Node { hub, told });
    world.settle();
    assert!(world.bucket.get("private.alice").unwrap().contains("bob"));
    assert!(world.bucket.get("whispers.erin").unwrap().contains("kept"));
}
