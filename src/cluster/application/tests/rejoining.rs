//! Sessions whose node was taken for dead, and sessions whose members were removed by what is not ours in the log.

use super::*;
use crate::cluster::replica::{Application, Place};

/// A node is taken for dead, and comes back when `meanwhile` has happened there.
fn bury(cluster: &mut Cluster, node: usize, meanwhile: impl FnOnce(&mut Cluster)) {
    cluster.nodes[node].is_paused = true;
    cluster.run(8);
    meanwhile(cluster);
    cluster.nodes[node].is_paused = false;
    cluster.run(5);
    assert_eq!(cluster.state(0), cluster.state(1));
}

#[test]
fn session_that_ends_while_it_waits_for_its_name_watches_nobody_any_more() {
    let mut cluster = Cluster::of(2);
    let kate = cluster.enter_irc(1, 0, "kate", "draft/metadata-3");
    cluster.answer(1, kate, "MONITOR + zed");
    cluster.answer(1, kate, "METADATA * SUB avatar");
    // The node reads its end, and the session is gone before the node takes part again.
    let (incarnation, now) = (cluster.nodes[1].replica.incarnation(), cluster.now());
    let hub = &mut cluster.nodes[1].hub;
    hub.bury(incarnation, &crate::chat::Cause::ConnectionLost, now);
    hub.handle_connection_lost(kate, now);
    hub.handle_closed(kate, now);
    let left = serde_json::to_string(&std::mem::replace(hub, Hub::new(config(1), renderers(Lang::En))).into_state());
    assert!(!left.unwrap().contains("\"zed\""));
}

#[test]
fn client_of_irc_is_in_the_lobby_and_its_rooms_when_its_node_is_back() {
    let mut cluster = Cluster::of(2);
    let ivy = cluster.enter_irc(1, 0, "ivy", "message-tags");
    for line in ["JOIN #den", "JOIN #lobby"] {
        cluster.answer(1, ivy, line);
    }
    let alice = cluster.enter(0, 0, "alice");
    bury(&mut cluster, 1, |_| {});
    cluster.read(1, ivy);
    assert!(cluster.answer(0, alice, "/who").contains("ivy (node-1)"));
    cluster.answer(1, ivy, "PRIVMSG #lobby :hello");
    assert!(cluster.read(0, alice).ends_with("ivy: hello"));
    assert!(cluster.answer(0, alice, "/join den").contains("ivy and you."));
}

#[test]
fn session_whose_member_is_removed_by_a_forged_change_ends() {
    let mut cluster = Cluster::of(2);
    let (alice, bob) = (cluster.enter(0, 0, "alice"), cluster.enter(1, 0, "bob"));
    cluster.read(0, alice);
    let now = cluster.now();
    let member = (0..8).flat_map(|slot| (1..9).map(move |serial| (slot, serial)));
    let place = Place {
        seq: 90,
        index: 0,
        time: cluster.at,
        incarnation: cluster.nodes[0].replica.incarnation(),
        origin: None,
    };
    for (slot, serial) in member {
        let leave = format!(r#"{{"Leave":{{"member":{{"slot":{slot},"serial":{serial}}},"cause":"ConnectionLost"}}}}"#);
        for node in &mut cluster.nodes {
            Members::new(&mut node.hub, now).apply(&leave, place);
        }
    }
    for (node, id) in [(0, alice), (1, bob)] {
        cluster.say(node, id, "am I here");
        cluster.run(1);
        assert!(cluster.nodes[node].hub.member_names().is_empty());
    }
    cluster.nodes.iter().for_each(|node| node.hub.audit().unwrap());
    assert_eq!(cluster.state(0), cluster.state(1));
}

#[test]
fn authors_are_told_of_what_waits_when_their_node_ends_without_the_others() {
    let mut cluster = Cluster::of(1);
    let (alice, bob) = (cluster.enter(0, 0, "alice"), cluster.enter(0, 1, "bob"));
    cluster.read(0, alice);
    cluster.cut_off(0);
    cluster.run(5);
    cluster.read(0, bob);
    cluster.say(0, alice, "perhaps lost");
    cluster.run(1);
    let now = cluster.now();
    cluster.nodes[0].hub.handle_shutdown(now);
    let told = cluster.read(0, alice);
    assert!(told.contains("! Perhaps not said") && told.ends_with("* The server is shutting down."), "{told}");
    assert_eq!(cluster.read(0, bob), "* The server is shutting down.");
}
