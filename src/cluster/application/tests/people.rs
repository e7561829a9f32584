//! Who is on which node, which nodes there are, and what people are told of them.

use super::Cluster;
use crate::chat::{ClientId, NodeTrouble};

const LOST: &str = "* This server has lost touch with the others; what you type waits.";
const AGAIN: &str = "* Connected with the others again.";

#[test]
fn who_names_the_node_of_members_that_are_not_here() {
    let mut cluster = Cluster::of(2);
    let (alice, bob) = (cluster.enter(0, 0, "alice"), cluster.enter(1, 0, "bob"));
    assert_eq!(cluster.answer(0, alice, "/who"), "* 2 here: bob (node-1) and you.");
    assert_eq!(cluster.answer(1, bob, "/who"), "* 2 here: alice (node-0) and you.");
    let who = cluster.answer(0, ClientId::CONSOLE, "/who");
    assert!(who.contains("alice 127.0.0.1:1") && who.contains("bob (node-1)"), "{who}");
    let carol = cluster.enter_irc(0, 1, "carol", "message-tags");
    let whois = cluster.answer(0, carol, "WHOIS bob");
    assert!(whois.contains(" 312 carol bob node-1 :"), "{whois}");
    let whois = cluster.answer(0, carol, "WHOIS alice");
    assert!(whois.contains(" 312 carol alice chinwag :"), "{whois}");
    assert!(cluster.answer(0, carol, "WHO bob").contains(" node-1 bob "));
    let lusers = cluster.answer(0, carol, "LUSERS");
    assert!(lusers.contains("on 2 servers") && lusers.contains("I have 2 clients and 1 servers"), "{lusers}");
}

#[test]
fn operators_are_shown_the_nodes_and_count_the_people_of_all() {
    let mut cluster = Cluster::of(2);
    let alice = cluster.enter(0, 0, "alice");
    cluster.enter(1, 0, "bob");
    cluster.enter(1, 1, "carol");
    let nodes = cluster.answer(0, ClientId::CONSOLE, "/nodes");
    let lines: Vec<&str> = nodes.lines().collect();
    assert!(lines.len() == 2, "{nodes}");
    assert!(lines[0].starts_with("* node-0 (this node): 1 member, at position "), "{nodes}");
    assert!(lines[1].starts_with("* node-1: 2 members, at position ") && lines[1].ends_with(" s ago"), "{nodes}");
    assert_eq!(cluster.answer(0, alice, "/nodes"), "! There is no command /nodes. /help lists them.");
    assert!(cluster.answer(0, ClientId::CONSOLE, "/stats").contains("3 on 2 nodes, 1 here"));
}

#[test]
fn members_are_told_once_that_their_node_has_lost_touch_and_that_it_is_back() {
    let mut cluster = Cluster::of(1);
    let (alice, bob) = (cluster.enter(0, 0, "alice"), cluster.enter(0, 1, "bob"));
    let carol = cluster.enter_irc(0, 2, "carol", "message-tags");
    cluster.answer(0, alice, "/join den");
    cluster.answer(0, alice, "/follow lobby");
    [alice, bob, ClientId::CONSOLE].into_iter().for_each(|id| drop(cluster.read(0, id)));
    cluster.cut_off(0);
    cluster.run(5);
    for id in [alice, bob, ClientId::CONSOLE] {
        assert_eq!(cluster.read(0, id), LOST);
    }
    let told = cluster.read(0, carol);
    assert!(told.ends_with("NOTICE carol :This server has lost touch with the others; what you type waits."), "{told}");
    // A login waits, and is told the same.
    let dave = cluster.enter(0, 3, "dave");
    assert!(cluster.read(0, dave).ends_with(LOST));
    cluster.connect(0);
    cluster.run(5);
    assert_eq!(cluster.read(0, bob).lines().filter(|line| *line == AGAIN).count(), 1);
    let read = cluster.read(0, dave);
    assert!(read.contains("You are dave.") && read.lines().filter(|line| *line == AGAIN).count() == 1, "{read}");
    assert!(cluster.read(0, carol).contains("NOTICE carol :Connected with the others again."));
}

#[test]
fn login_that_waited_when_the_touch_was_lost_is_told() {
    let mut cluster = Cluster::of(1);
    cluster.enter(0, 0, "alice");
    cluster.cut_off(0);
    let bob = cluster.enter(0, 1, "bob");
    cluster.run(5);
    assert_eq!(cluster.read(0, bob).lines().filter(|line| *line == LOST).count(), 1);
}

#[test]
fn logins_whose_connections_have_ended_do_not_wait_and_take_no_name() {
    let mut cluster = Cluster::of(1);
    let alice = cluster.enter(0, 0, "alice");
    cluster.cut_off(0);
    for number in 0..1_000 {
        let (id, now) = (ClientId::new(1), cluster.now());
        cluster.nodes[0].hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), now);
        cluster.say(0, id, if number == 0 { "bob" } else { "carol" });
        if number % 100 == 0 {
            cluster.run(1);
        }
        cluster.nodes[0].hub.handle_closed(id, now);
    }
    cluster.run(1);
    assert_eq!(cluster.nodes[0].replica.status(cluster.at).waiting, 0);
    let bob = cluster.enter(0, 1, "bob");
    cluster.read(0, alice);
    cluster.connect(0);
    cluster.run(5);
    assert!(cluster.read(0, bob).contains("* You are bob. "));
    let read = cluster.read(0, alice);
    assert!(read.contains("* bob joined (2 here)") && !read.contains("carol") && !read.contains("left"), "{read}");
}

#[test]
fn operator_at_one_console_is_read_at_the_others_and_where_there_is_none() {
    let mut cluster = Cluster::of(1);
    let silent = cluster.add_without_console();
    let third = cluster.add();
    let bob = cluster.enter(silent, 0, "bob");
    cluster.read(silent, bob);
    cluster.read(third, ClientId::CONSOLE);
    cluster.answer(0, ClientId::CONSOLE, "hello from the console");
    assert_eq!(cluster.read(silent, bob), "server: hello from the console");
    assert_eq!(cluster.read(third, ClientId::CONSOLE), "server: hello from the console");
    assert_eq!(cluster.answer(silent, bob, "@server hello"), "! Nobody here is called server.");
    assert_eq!(cluster.state(0), cluster.state(silent));
}

#[test]
fn operators_are_told_what_is_wrong() {
    let mut cluster = Cluster::of(1);
    let alice = cluster.enter(0, 0, "alice");
    cluster.read(0, alice);
    cluster.read(0, ClientId::CONSOLE);
    cluster.nodes[0].hub.tell_operators(NodeTrouble::Gap { after: Some(7), until: 12 });
    let told = "* This node has missed what was said after position 7 until position 12 of the log: the engine does not have it any more.";
    assert_eq!((cluster.read(0, ClientId::CONSOLE).as_str(), cluster.read(0, alice).as_str()), (told, ""));
}
