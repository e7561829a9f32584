//! Moderation of members on other nodes.

use super::Cluster;
use crate::chat::ClientId;

/// Two nodes with consoles: bob and carol are on the second one, from other addresses.
fn two() -> (Cluster, ClientId, ClientId) {
    let mut cluster = Cluster::of(2);
    let bob = cluster.enter_from(1, 0, "bob", [10, 0, 0, 1]);
    let carol = cluster.enter_from(1, 1, "carol", [10, 0, 0, 2]);
    cluster.read(1, bob);
    cluster.read(1, carol);
    (cluster, bob, carol)
}

#[test]
fn member_on_another_node_is_kicked() {
    let (mut cluster, bob, carol) = two();
    cluster.answer(0, ClientId::CONSOLE, "/kick bob enough");
    assert_eq!(cluster.read(1, bob), "* You were kicked by the operator: enough");
    assert!(cluster.read(1, carol).starts_with("* bob left: kicked (1 here)"));
    assert_eq!(cluster.state(0), cluster.state(1));
}

#[test]
fn member_on_another_node_is_muted_with_the_name_that_it_takes_later() {
    let (mut cluster, bob, carol) = two();
    cluster.answer(0, ClientId::CONSOLE, "/mute bob");
    assert_eq!(cluster.answer(1, bob, "hello"), "");
    assert_eq!(cluster.read(1, carol), "");
    // It is not told, and reads its own copy.
    let alice = cluster.enter(0, 0, "alice");
    cluster.read(0, alice);
    cluster.read(1, carol);
    assert_eq!(cluster.answer(1, bob, "@alice psst"), "you -> alice: psst");
    assert_eq!(cluster.read(0, alice), "");
    cluster.answer(0, ClientId::CONSOLE, "/unmute bob");
    cluster.answer(1, bob, "hello again");
    assert_eq!(cluster.read(1, carol), "bob: hello again");
    assert_eq!(cluster.state(0), cluster.state(1));
}

#[test]
fn member_on_another_node_is_banned_by_its_name() {
    let (mut cluster, bob, carol) = two();
    let now = cluster.now();
    let answer = cluster.answer(0, ClientId::CONSOLE, "/ban bob");
    assert!(answer.contains("10.0.0.1"), "{answer}");
    cluster.nodes[1].hub.handle_tick(now);
    cluster.run(1);
    let read = cluster.read(1, bob);
    assert!(read.starts_with("! Your address is banned"), "{read}");
    assert!(cluster.read(1, carol).contains("* bob left: banned (1 here)"));
    let dave = cluster.enter_from(0, 5, "dave", [10, 0, 0, 1]);
    assert!(cluster.read(0, dave).starts_with("! Your address is banned"), "from there nobody comes to any node");
    // Others are not banned by mistake, wherever they are.
    let erin = cluster.enter_from(0, 6, "erin", [10, 0, 0, 2]);
    cluster.read(0, erin);
    let answer = cluster.answer(0, ClientId::CONSOLE, "/ban carol");
    assert!(answer.starts_with("! ") && answer.contains("10.0.0.2"), "{answer}");
    assert_eq!(cluster.state(0), cluster.state(1));
}
