//! Hello, snapshot, Genesis, and what a node begins with.

use super::*;

#[test]
fn a_lone_node_begins_the_state_after_three_seconds() {
    let mut cluster = Cluster::of(&[]);
    cluster.add("a", Start::Fresh);
    cluster.run(2);
    // Newcomers give their names meanwhile.
    assert!(!cluster.nodes[0].replica.is_ready() && !cluster.nodes[0].replica.wants_pause());
    cluster.run(3);
    assert!(cluster.nodes[0].replica.is_ready() && !cluster.nodes[0].replica.wants_pause());
    cluster.arrive(0, 1);
    assert_eq!(cluster.nodes[0].names(), ["name-1"]);
}

#[test]
fn the_state_is_not_begun_anew_while_that_is_held() {
    let mut cluster = Cluster::of(&[]);
    cluster.add("a", Start::Fresh);
    cluster.nodes[0].replica.hold_genesis(true);
    cluster.run(20);
    assert_eq!(cluster.log.len(), 1);
    cluster.nodes[0].replica.hold_genesis(false);
    cluster.run(1);
    assert!(cluster.nodes[0].replica.is_ready());
}

#[test]
fn a_node_is_behind_when_another_one_has_begun_the_state_anew_and_not_before() {
    let mut cluster = Cluster::of(&["a", "b"]);
    // The engine goes back to its beginning.
    cluster.disconnect(0);
    cluster.disconnect(1);
    cluster.log.clear();
    cluster.connect(0);
    cluster.run(1);
    assert!(!cluster.nodes[0].replica.is_ready() && !cluster.nodes[0].replica.is_behind());
    cluster.disconnect(0);
    cluster.connect(1);
    cluster.run(10);
    assert!(cluster.nodes[1].replica.is_ready() && !cluster.nodes[1].replica.is_behind());
    cluster.disconnect(1);
    cluster.connect(0);
    cluster.run(1);
    assert!(!cluster.nodes[0].replica.is_ready() && cluster.nodes[0].replica.is_behind());
    cluster.run(10);
    assert!(cluster.nodes[0].replica.is_ready() && !cluster.nodes[0].replica.is_behind());
}

#[test]
fn a_node_that_does_not_hear_itself_says_nothing() {
    let mut cluster = Cluster::of(&[]);
    cluster.add("a", Start::Fresh);
    cluster.nodes[0].is_heard = false;
    cluster.run(10);
    assert_eq!(cluster.log.len(), 0);
}

#[test]
fn a_node_that_joins_gets_a_large_state_and_what_follows() {
    let mut cluster = Cluster::of(&["a"]);
    (0..3).for_each(|session| cluster.arrive(0, session));
    cluster.nodes[0].chat.padding = 3 * MAX_CHANGE;
    cluster.add("b", Start::Fresh);
    cluster.turn_until_entry();
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(2);
    assert_eq!(cluster.nodes[1].names(), ["name-0", "name-1", "name-2"]);
    assert_eq!(cluster.nodes[1].texts(), [7]);
    let pieces = cluster.log.iter().filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"piece\""));
    assert_eq!(pieces.count(), 4);
    let status = cluster.nodes[1].replica.status(cluster.now);
    let names: Vec<_> = status.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!((names, status.ready, status.lag, status.in_flight), (vec!["a", "b"], true, 0, 0));
}

#[test]
fn two_nodes_that_begin_at_once_agree_on_one_state() {
    let mut cluster = Cluster::of(&[]);
    for name in ["a", "b", "c"] {
        cluster.add(name, Start::Fresh);
    }
    cluster.run(8);
    cluster.arrive(2, 5);
    for node in &cluster.nodes {
        assert_eq!((node.names(), node.replica.is_ready()), (vec!["name-5"], true));
    }
}

#[test]
fn a_node_with_its_state_needs_no_snapshot() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(0, 1);
    let (checkpoint, names) = (cluster.nodes[1].checkpoint(), cluster.nodes[1].chat.names.clone());
    assert!(checkpoint.has_state);
    cluster.disconnect(1);
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(1);
    let last = cluster.log.len();
    let new = cluster.add("b", Start::Stored { checkpoint, has_state: true });
    cluster.nodes[new].chat.names = names;
    cluster.run(1);
    let node = &cluster.nodes[new];
    assert_eq!((node.texts(), node.names(), node.replica.is_ready()), (vec![7], vec!["name-1"], true));
    assert_eq!((cluster.log.len(), &node.notices[..]), (last + 1, &[][..]));
}

#[test]
fn a_node_without_its_state_is_given_what_it_has_missed() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(0, 1);
    let checkpoint = cluster.nodes[1].checkpoint();
    cluster.disconnect(1);
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(1);
    let repeated = cluster.log.last().unwrap().1.clone();
    cluster.store(repeated);
    let new = cluster.add("b", Start::Stored { checkpoint, has_state: false });
    cluster.run(1);
    let node = &cluster.nodes[new];
    assert_eq!((node.texts(), node.names()), (vec![7], vec!["name-1"]));
    assert_eq!(node.notices, []);
    assert!(node.checkpoint().has_state);
}

#[test]
fn a_handover_keeps_the_incarnation_and_what_is_in_flight() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(0, 1);
    cluster.stores = false;
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(1);
    let incarnation = cluster.incarnation(0);
    let json = serde_json::to_string(&cluster.nodes[0].replica).unwrap();
    cluster.nodes[0].replica = serde_json::from_str(&json).unwrap();
    cluster.stores = true;
    cluster.disconnect(0);
    cluster.connect(0);
    cluster.run(1);
    assert_eq!((cluster.incarnation(0), cluster.nodes[1].texts()), (incarnation, vec![7]));
    assert_eq!(cluster.nodes[0].chat.people[&1].pending.len(), 0);
    assert_eq!(cluster.nodes[0].chat.errors, Vec::<String>::new());
}

#[test]
fn a_node_takes_part_for_the_others_when_it_has_said_so() {
    let mut cluster = Cluster::of(&["a", "b"]);
    let ready = |cluster: &Cluster, index: usize| {
        let nodes = cluster.nodes[index].replica.status(cluster.now).nodes;
        nodes.into_iter().map(|node| (node.name, node.ready, node.heard.is_some())).collect::<Vec<_>>()
    };
    // No node gives it the state.
    cluster.nodes[0].replica.weaken(Some(Weakness::NeverAnswers));
    cluster.add("c", Start::Fresh);
    cluster.run(2);
    for index in 0..2 {
        assert_eq!(ready(&cluster, index)[2], ("c".to_string(), false, true));
    }
    cluster.nodes[0].replica.weaken(None);
    cluster.run(8);
    for index in 0..3 {
        assert!(ready(&cluster, index).iter().all(|(_, ready, _)| *ready));
    }
}
