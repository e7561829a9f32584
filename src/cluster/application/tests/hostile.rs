//! Changes in the log that no node of ours has made: they may do what they say, and must not end a node or make two differ.

use std::collections::BTreeMap;
use std::mem::discriminant;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::*;
use crate::chat::change::Change;
use crate::cluster::replica::{Application, Place, Understood};
use crate::util::test_support::Random;

/// Runs, unless `CHINWAG_SEEDS` says how many; `CHINWAG_SEED` is the first one.
const SEEDS: u64 = 40;
/// Changes of a run; after more of them no member is left.
const CHANGES: usize = 300;

/// Two nodes, one of which has a console, and changes of each kind that were made there.
pub fn busy() -> (Cluster, Vec<Value>) {
    let mut cluster = Cluster::of(1);
    cluster.add_without_console();
    let alice = cluster.enter_from(0, 0, "alice", [10, 0, 0, 1]);
    let bob = cluster.enter_from(1, 0, "bob", [10, 0, 0, 2]);
    let kate = cluster.enter_irc(1, 1, "kate", "message-tags draft/multiline batch draft/metadata-3");
    for line in [
        "/register fish",
        "hello",
        "/join den",
        "/topic tea",
        "/room slow 1",
        "/room key fish",
        "/room key off",
        "/follow lobby",
    ] {
        cluster.answer(0, alice, line);
    }
    for line in [
        "/register fish",
        "/follow den",
        "/me waves",
        "/away lunch",
        "/password fish fish",
        "/nick rob",
        "/nick bob",
        "/unfollow den",
        "/join den",
        "/delete last",
    ] {
        cluster.answer(1, bob, line);
    }
    for line in [
        "JOIN #den",
        "@+typing=active TAGMSG #den",
        "BATCH +1 draft/multiline #den",
        "@batch=1 PRIVMSG #den :one",
        "@batch=1 PRIVMSG #den :two",
        "BATCH -1",
        "METADATA * SET avatar :https://example.org/kate",
        "PRIVMSG @#den :for operators",
        "MODE kate +B",
    ] {
        cluster.answer(1, kate, line);
    }
    for line in [
        "/op bob",
        "/deop bob",
        "/voice bob",
        "/mute #den bob 5",
        "/unmute #den bob",
        "/ban #den kate 5",
        "/ban #den *!*@a.cloak",
        "/invite kate",
        "/kick #den kate",
    ] {
        cluster.answer(0, alice, line);
    }
    for line in [
        "/mod bob",
        "/mute kate 5",
        "/unmute kate",
        "/ban 10.9.0.0/16 5",
        "/unban 10.9.0.0/16",
        "/delete @alice 1",
        "/kick kate",
        "/unregister bob",
    ] {
        cluster.answer(0, ClientId::CONSOLE, line);
    }
    let dave = cluster.enter(0, 3, "dave");
    cluster.answer(0, dave, "q");
    let mut changes = BTreeMap::new();
    for (_, bytes) in &cluster.log {
        // Behind the header of an entry: the number of ids, and the change.
        for line in String::from_utf8_lossy(bytes).lines().skip(1) {
            let Some((_, text)) = line.split_once(' ').filter(|(ids, _)| ids.parse::<u8>().is_ok()) else { continue };
            let Value::Object(change) = serde_json::from_str(text).unwrap() else { panic!("{text}") };
            changes.insert(change.keys().next().unwrap().clone(), Value::Object(change));
        }
    }
    let (member, account) = (&changes["Leave"]["Leave"]["member"], &changes["SetPassword"]["SetPassword"]["account"]);
    let more = [
        json!({"Invite": {"by": member, "member": member, "room": 1}}),
        json!({"LogIn": {"member": member, "account": account, "network": changes["Ban"]["Ban"]["network"]}}),
        json!({"Operator": {"member": member, "given": true}}),
        json!({"SetScram": {"account": account, "verifier": "#fish", "scram": ""}}),
        json!({"Post": {"name": {"shown": "ci[bot]", "key": "ci[bot]"}, "room": {"shown": "den", "key": "den"}, "lines": ["posted"]}}),
    ];
    for change in &more {
        assert!(serde_json::from_value::<Change>(change.clone()).is_ok(), "{change}");
    }
    assert!(changes.len() >= 29, "{:?}", changes.keys());
    (cluster, changes.into_values().chain(more).collect())
}

/// All values in a value that have no others in them.
fn leaves<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values_mut().for_each(|field| leaves(field, found)),
        leaf => found.push(leaf),
    }
}

/// Another value, or one of another change.
fn other(changes: &[Value], random: &mut Random) -> Value {
    if random.one_in(2) {
        let mut change = random.pick(changes).clone();
        let mut found = Vec::new();
        leaves(&mut change, &mut found);
        let index = random.below(found.len());
        return found[index].clone();
    }
    let numbers =
        [0, 1, 2, 3, 255, 256, u64::from(u32::MAX) - 1, u64::from(u32::MAX), u64::MAX / 60, u64::MAX / 2, u64::MAX];
    match random.below(8) {
        0..=3 => (*random.pick(&numbers)).into(),
        4 => (-1).into(),
        5 => "a".repeat(*random.pick(&[0, 1, 300, 40_000])).into(),
        6 => (*random.pick(&["\u{1b}[2J", "\n", "\u{202e}", "Lobby", "lobby", "*", "e\u{301}", "\u{fdfa}"])).into(),
        _ => random.pick(&[Value::Null, true.into(), Value::Array(Vec::new())]).clone(),
    }
}

fn run(seed: u64) {
    let (mut cluster, changes) = busy();
    let mut random = Random(seed);
    let mut understood = 0;
    for number in 0..CHANGES {
        let mut change = random.pick(&changes).clone();
        for _ in 0..random.below(4) {
            let mut found = Vec::new();
            leaves(&mut change, &mut found);
            let index = random.below(found.len());
            // Mostly one of the same type, which can be read.
            let others = std::iter::repeat_with(|| other(&changes, &mut random)).take(8);
            let mut others: Vec<_> = others.collect();
            let same = others.iter().position(|other| discriminant(other) == discriminant(found[index]));
            *found[index] = others.swap_remove(same.unwrap_or(0));
        }
        let text = change.to_string();
        cluster.at += Duration::from_millis(random.below(3_000) as u64);
        let now = cluster.now();
        let place = Place {
            seq: (cluster.log.len() + number) as u64 + 1,
            index: 0,
            time: cluster.at,
            incarnation: cluster.nodes[random.below(2)].replica.incarnation(),
            origin: None,
        };
        for (index, TestNode { hub, .. }) in cluster.nodes.iter_mut().enumerate() {
            let applied = catch_unwind(AssertUnwindSafe(|| Members::new(hub, now).apply(&text, place)));
            let applied =
                applied.unwrap_or_else(|_| panic!("seed {seed}: node {index} panics at change {number}: {text}"));
            understood += usize::from(applied == Understood::Yes);
            // What the nodes answer is thrown away.
            while hub.poll_proposal().is_some() {}
        }
        if number % 50 == 49 {
            assert_eq!(cluster.state(0), cluster.state(1), "seed {seed}: change {number}: {text}");
            cluster.nodes.iter().for_each(|node| {
                node.hub.audit().unwrap_or_else(|error| panic!("seed {seed}: change {number}: {error}"))
            });
        }
    }
    assert!(understood > CHANGES / 2, "seed {seed}: {understood}");
}

#[test]
fn changes_that_no_node_has_made_end_no_node_and_make_none_differ() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, count) = (number("CHINWAG_SEED").unwrap_or(0), number("CHINWAG_SEEDS").unwrap_or(SEEDS));
    (first..first + count).for_each(run);
}
