//! Moderation of members on other nodes.

use std::time::Duration;

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

#[test]
fn slow_mode_goes_on_after_a_moment_in_which_the_clock_of_the_engine_was_wrong() {
    let mut cluster = Cluster::of(2);
    let (alice, bob) = (cluster.enter(0, 0, "alice"), cluster.enter(1, 0, "bob"));
    cluster.answer(0, alice, "/join den");
    cluster.answer(0, alice, "/room slow 1");
    cluster.answer(1, bob, "/join den");
    cluster.ahead = Duration::from_secs(3_600);
    cluster.answer(1, bob, "too late by an hour");
    cluster.ahead = Duration::ZERO;
    cluster.answer(0, alice, "/topic tea");
    cluster.read(0, alice);
    for line in ["one", "two", "three"] {
        cluster.run(2);
        assert_eq!(cluster.answer(1, bob, line), "", "it is not refused");
    }
    assert_eq!(cluster.read(0, alice), "bob: one\nbob: two\nbob: three");
    cluster.say(1, bob, "at once");
    let refused = cluster.answer(1, bob, "at once");
    assert!(refused.starts_with("! ") && refused.contains("1 second"), "{refused}");
}
