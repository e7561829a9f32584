//! Snapshots that no node of ours has made: a node that joins refuses them, or has a state in which each change can be applied.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::hostile::busy;
use super::*;
use crate::cluster::replica::{Application, Burial, Place};
use crate::util::test_support::Random;

/// Snapshots, unless `CHINWAG_SEEDS` says how many; `CHINWAG_SEED` is the first one.
const SEEDS: u64 = 600;

/// Gives a snapshot to a node that joins, applies the changes to it, and lets all other nodes end.
///
/// # Errors
/// Why the node refuses the snapshot.
fn join(snapshot: &str, changes: &[Value], now: Now) -> Result<(), String> {
    let mut hub = Hub::new(config(1), renderers(Lang::En));
    hub.use_cluster();
    hub.restore(initial_state(), now);
    let mut members = Members::new(&mut hub, now);
    members.restore(snapshot, false)?;
    let audit = |members: &Members| members.hub.audit().unwrap_or_else(|fault| panic!("{fault}"));
    audit(&members);
    let mut seq = 1_000;
    let mut place = |incarnation| {
        seq += 1;
        Place { seq, index: 0, time: now.at, incarnation, origin: None }
    };
    for change in changes {
        members.apply(&change.to_string(), place(Incarnation(1_000)));
        while members.hub.poll_proposal().is_some() {}
    }
    audit(&members);
    for node in [1_000, 2_000].map(Incarnation) {
        members.bury(node, Burial::Gone, place(node));
    }
    members.begin(Incarnation(3_000));
    audit(&members);
    let next = members.snapshot(1);
    members.restore(&next, true).expect("what a node has given");
    members.found(place(Incarnation(3_000)), false);
    audit(&members);
    Ok(())
}

/// Replaces, removes or doubles one value somewhere in another.
fn change(value: &mut Value, random: &mut Random) {
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    let count = inner.len();
    if count > 0 && !random.one_in(8) {
        return change(inner.into_iter().nth(random.below(count)).unwrap(), random);
    }
    let numbers = [0, 1, 2, 77, 1 << 32, 1 << 45, 1 << 53, u64::from(u32::MAX), u64::MAX / 2, u64::MAX];
    match value {
        Value::Array(items) if !items.is_empty() && random.one_in(2) => {
            let index = random.below(items.len());
            match random.below(3) {
                0 => drop(items.remove(index)),
                1 => items.insert(index, items[index].clone()),
                _ => items.reverse(),
            }
        }
        Value::Number(number) if random.one_in(2) => {
            let number = number.as_u64().unwrap_or(0);
            *value = if random.one_in(2) { number.wrapping_add(1) } else { number.saturating_sub(1) }.into();
        }
        Value::String(text) if random.one_in(2) => *text += "x",
        _ => {
            *value = match random.below(8) {
                0..=4 => (*random.pick(&numbers)).into(),
                5 => (*random.pick(&["", "lobby", "alice", "den", "é"])).into(),
                6 => json!([]),
                _ => Value::Null,
            }
        }
    }
}

#[test]
fn forged_snapshots_are_refused_or_leave_a_state_to_which_changes_can_be_applied() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, count) = (number("CHINWAG_SEED").unwrap_or(0), number("CHINWAG_SEEDS").unwrap_or(SEEDS));
    let (mut cluster, changes) = busy();
    let now = cluster.now();
    let genuine = Members::new(&mut cluster.nodes[0].hub, now).snapshot(1);
    assert_eq!(join(&genuine, &changes, now), Ok(()));
    let genuine: Value = serde_json::from_str(&genuine).unwrap();
    let mut refused = 0;
    for seed in first..first + count {
        let (mut random, mut forged) = (Random(seed), genuine.clone());
        (0..=random.below(2)).for_each(|_| change(&mut forged, &mut random));
        let forged = forged.to_string();
        let joined = catch_unwind(AssertUnwindSafe(|| join(&forged, &changes, now)));
        refused +=
            usize::from(joined.unwrap_or_else(|_| panic!("seed {seed}: the node panics with {forged}")).is_err());
    }
    assert!(refused as u64 > count / 4, "{refused} of {count} are refused");
}

/// What a node says that is given the state of a busy one after this change.
fn fault(change: impl Fn(&mut Value)) -> String {
    let (mut cluster, changes) = busy();
    let now = cluster.now();
    let mut forged: Value = serde_json::from_str(&Members::new(&mut cluster.nodes[0].hub, now).snapshot(1)).unwrap();
    change(&mut forged);
    join(&forged.to_string(), &changes, now).expect_err("a fault")
}

#[test]
fn a_node_tells_what_is_wrong_with_a_damaged_state() {
    let lobby = |state: &mut Value| state["rooms"]["slots"][0] = Value::Null;
    let time = |state: &mut Value| state["rooms"]["slots"][0]["history"]["items"][0]["at"][0] = 9999.into();
    let place = |state: &mut Value| state["rooms"]["slots"][0]["members"] = json!([9]);
    let length = |state: &mut Value| state["rooms"]["slots"][0]["history"]["items"][0]["text_len"] = u32::MAX.into();
    for (text, fault) in [
        ("the lobby is missing", fault(lobby)),
        ("the id or the time of message", fault(time)),
        ("is not where it should be in a room", fault(place)),
        ("the length of message", fault(length)),
    ] {
        assert!(fault.contains(text) && fault.contains("Start this node again"), "{fault}");
    }
}
