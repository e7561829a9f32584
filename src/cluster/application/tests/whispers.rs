//! Private messages to members on other nodes.

use super::Cluster;
use crate::chat::{Allowance, ClientId};

/// Alice on the first node and bob on the second one, who have read everything.
fn two() -> (Cluster, ClientId, ClientId) {
    let mut cluster = Cluster::of(2);
    let (alice, bob) = (cluster.enter(0, 0, "alice"), cluster.enter(1, 0, "bob"));
    cluster.read(0, alice);
    cluster.read(1, bob);
    (cluster, alice, bob)
}

#[test]
fn whisper_reaches_a_member_on_another_node_and_is_answered_from_there() {
    let (mut cluster, alice, bob) = two();
    let before = cluster.log.len();
    assert_eq!(cluster.answer(0, alice, "@bob psst"), "you -> bob: psst");
    assert_eq!(cluster.read(1, bob), "alice -> you: psst");
    assert_eq!(cluster.answer(1, bob, "/r what"), "you -> alice: what");
    assert_eq!(cluster.read(0, alice), "bob -> you: what");
    assert_eq!(cluster.log.len(), before, "nothing of it is in the log");
    assert_eq!(cluster.state(0), cluster.state(1));
}

#[test]
fn author_is_told_after_two_seconds_that_a_node_does_not_answer_and_its_next_line_waits() {
    let (mut cluster, alice, bob) = two();
    cluster.nodes[1].is_paused = true;
    cluster.say(0, alice, "@bob psst");
    cluster.run(1);
    let now = cluster.now();
    assert_eq!(cluster.nodes[0].hub.allowance(alice, now), Allowance::AfterCommit);
    assert_eq!(cluster.read(0, alice), "");
    cluster.run(2);
    assert_eq!(cluster.read(0, alice), "! Perhaps not sent: the server of bob does not answer.");
    let now = cluster.now();
    assert_eq!(cluster.nodes[0].hub.allowance(alice, now), Allowance::Now);
    cluster.nodes[1].is_paused = false;
    cluster.run(3);
    assert_eq!(cluster.answer(0, alice, "@bob again"), "you -> bob: again");
    assert!(cluster.read(1, bob).ends_with("alice -> you: again"));
}

#[test]
fn whisper_to_a_member_that_has_just_left_is_refused() {
    let (mut cluster, alice, bob) = two();
    let now = cluster.now();
    // Its node knows that it has left, and the other one does not yet.
    cluster.nodes[1].hub.handle_connection_lost(bob, now);
    cluster.say(0, alice, "@bob psst");
    cluster.exchange(0);
    assert_eq!(cluster.read(0, alice), "! Nobody here is called bob.");
}

#[test]
fn ignored_author_is_not_told_and_away_text_comes_back() {
    let (mut cluster, alice, bob) = two();
    cluster.answer(1, bob, "/ignore alice");
    assert_eq!(cluster.answer(0, alice, "@bob psst"), "you -> bob: psst");
    assert_eq!(cluster.read(1, bob), "");
    cluster.answer(1, bob, "/unignore alice");
    cluster.answer(1, bob, "/away lunch");
    assert_eq!(cluster.answer(0, alice, "@bob hungry?"), "you -> bob: hungry?\n* bob is away: lunch");
    assert_eq!(cluster.read(1, bob), "alice -> you: hungry?");
}

#[test]
fn sessions_of_an_account_on_two_nodes_read_the_same() {
    let (mut cluster, alice, bob) = two();
    assert!(cluster.answer(0, alice, "/register fish").contains("alice is registered now"));
    let second = cluster.enter(1, 1, "alice");
    cluster.say(1, second, "fish");
    cluster.run(1);
    assert!(cluster.read(1, second).contains("You are alice. 2 here: bob and you."));
    let third = cluster.enter(1, 2, "carol");
    cluster.read(1, third);
    [(0, alice), (1, bob), (1, second)].into_iter().for_each(|(node, id)| drop(cluster.read(node, id)));
    // To it.
    assert_eq!(cluster.answer(1, bob, "@alice psst"), "you -> alice: psst");
    for (node, id) in [(0, alice), (1, second)] {
        assert_eq!(cluster.read(node, id), "bob -> you: psst");
    }
    // From one of them: the other one reads a copy.
    assert_eq!(cluster.answer(1, second, "/r what"), "you -> bob: what");
    assert_eq!(cluster.read(0, alice), "you -> bob: what");
    assert_eq!(cluster.read(1, bob), "alice -> you: what");
    assert_eq!(cluster.answer(0, alice, "@bob from here"), "you -> bob: from here");
    assert_eq!(cluster.read(1, second), "you -> bob: from here");
    assert_eq!(cluster.read(1, bob), "alice -> you: from here");
    // One node is enough.
    cluster.nodes[0].is_paused = true;
    cluster.say(1, bob, "@alice still there?");
    cluster.run(3);
    assert_eq!(cluster.read(1, bob), "you -> alice: still there?");
    assert_eq!(cluster.read(1, second), "bob -> you: still there?");
}

#[test]
fn operators_at_the_consoles_are_told_apart() {
    let (mut cluster, _, bob) = two();
    let console = ClientId::CONSOLE;
    assert_eq!(cluster.answer(0, console, "@bob psst"), "you -> bob: psst");
    assert_eq!(cluster.read(1, bob), "server -> you: psst");
    cluster.read(1, console);
    assert_eq!(cluster.answer(1, bob, "/r what"), "you -> server: what");
    assert_eq!((cluster.read(0, console), cluster.read(1, console)), ("bob -> you: what".into(), String::new()));
    // By name it is the operator of the own node.
    assert_eq!(cluster.answer(1, bob, "@server hello"), "you -> server: hello");
    assert_eq!((cluster.read(0, console), cluster.read(1, console)), (String::new(), "bob -> you: hello".into()));
}

/// The lines without what differs from run to run: times, and ids of messages.
fn masked(lines: &str) -> String {
    let tag =
        |tag: &str| ["time=", "msgid=", "batch="].into_iter().find(|name| tag.starts_with(name)).map(str::to_owned);
    let line = |line: &str| match line.strip_prefix('@').and_then(|line| line.split_once(' ')) {
        Some((tags, rest)) => {
            let tags: Vec<String> = tags.split(';').map(|text| tag(text).unwrap_or_else(|| text.to_owned())).collect();
            format!("@{} {rest}", tags.join(";"))
        }
        None => line.to_owned(),
    };
    lines.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn irc_clients_on_two_nodes_send_messages_notices_ctcp_and_tags() {
    let mut cluster = Cluster::of(2);
    let alice = cluster.enter_irc(0, 0, "alice", "message-tags echo-message");
    let bob = cluster.enter_irc(1, 0, "bob", "message-tags");
    let own = ":alice!~alice@";
    for (line, shown) in [
        ("PRIVMSG bob :psst", "PRIVMSG bob :psst"),
        ("NOTICE bob :note", "NOTICE bob :note"),
        ("PRIVMSG bob :\u{1}VERSION\u{1}", "PRIVMSG bob :\u{1}VERSION\u{1}"),
        ("PRIVMSG bob :\u{1}ACTION waves\u{1}", "PRIVMSG bob :\u{1}ACTION waves\u{1}"),
        ("@+typing=active TAGMSG bob", "TAGMSG bob"),
    ] {
        let echo = masked(&cluster.answer(0, alice, line));
        let read = masked(&cluster.read(1, bob));
        for lines in [&echo, &read] {
            assert!(
                lines.lines().count() == 1 && lines.contains(" :alice!") && lines.ends_with(shown),
                "{line}: {lines} {own}"
            );
        }
        assert_eq!(echo, read);
        assert_eq!(line.starts_with('@'), read.contains("+typing=active"), "{read}");
    }
    cluster.nodes[1].is_paused = true;
    cluster.say(0, alice, "PRIVMSG bob :psst");
    cluster.run(3);
    assert!(cluster.read(0, alice).contains(" 401 alice bob :Perhaps not sent: the server of bob does not answer."));
    for line in ["NOTICE bob :note", "@+typing=active TAGMSG bob"] {
        cluster.say(0, alice, line);
        cluster.run(3);
        assert!(!cluster.read(0, alice).contains(" 401 "), "{line} is never answered");
    }
}

#[test]
fn answer_of_another_node_has_the_label_of_its_command() {
    let mut cluster = Cluster::of(2);
    let alice = cluster.enter_irc(0, 0, "alice", "message-tags echo-message batch labeled-response");
    let (bob, carol) =
        (cluster.enter_irc(1, 0, "bob", "message-tags"), cluster.enter_irc(1, 1, "carol", "message-tags"));
    let answer = cluster.answer(0, alice, "@label=1 PRIVMSG bob :psst");
    assert!(answer.lines().count() == 1 && answer.contains("label=1"), "{answer}");
    let answer = cluster.answer(0, alice, "@label=2 PRIVMSG bob,carol,nobody :psst");
    let lines: Vec<&str> = answer.lines().collect();
    assert!(lines[0].starts_with("@label=2 ") && lines[0].contains("BATCH +"), "{answer}");
    assert!(lines[lines.len() - 1].contains("BATCH -") && lines.len() == 5, "{answer}");
    cluster.read(1, bob);
    assert!(cluster.read(1, carol).ends_with("PRIVMSG carol :psst"));
    assert!(cluster.answer(0, alice, "@label=3 PING x").contains("label=3"));
}

#[test]
fn message_of_several_lines_is_one_and_can_be_deleted() {
    let mut cluster = Cluster::of(2);
    let caps = "message-tags batch echo-message draft/multiline draft/message-redaction";
    let (alice, bob) = (cluster.enter_irc(0, 0, "alice", caps), cluster.enter_irc(1, 0, "bob", caps));
    let carol = cluster.enter(1, 1, "carol");
    cluster.read(1, carol);
    for to in ["bob", "carol"] {
        for line in [
            &format!("BATCH +1 draft/multiline {to}"),
            &format!("@batch=1 PRIVMSG {to} :one"),
            &format!("@batch=1 PRIVMSG {to} :two"),
            "BATCH -1",
        ] {
            cluster.say(0, alice, line);
        }
        cluster.run(1);
    }
    assert_eq!(cluster.read(1, carol), "alice -> you: one\nalice -> you: two");
    let read = cluster.read(1, bob);
    assert!(read.lines().count() == 4 && read.contains("BATCH +"), "{read}");
    let echo = cluster.answer(0, alice, "PRIVMSG bob :wrong window");
    let msgid = echo.split("msgid=").nth(1).and_then(|rest| rest.split([';', ' ']).next()).unwrap();
    assert!(cluster.read(1, bob).contains(msgid), "the id is the same on both nodes");
    let answer = cluster.answer(0, alice, &format!("REDACT bob {msgid} :sorry"));
    let read = cluster.read(1, bob);
    for lines in [answer, read] {
        assert!(
            lines.ends_with(&format!("REDACT bob {msgid} sorry"))
                || lines.ends_with(&format!("REDACT bob {msgid} :sorry")),
            "{lines}"
        );
    }
}

#[test]
fn whisper_whose_answer_is_awaited_goes_along_in_an_upgrade() {
    let (mut cluster, alice, bob) = two();
    cluster.say(0, alice, "@bob psst");
    cluster.upgrade(0);
    cluster.run(1);
    assert_eq!(cluster.read(0, alice), "you -> bob: psst");
    assert_eq!(cluster.read(1, bob), "alice -> you: psst");
    cluster.nodes[1].is_paused = true;
    cluster.say(0, alice, "@bob psst");
    cluster.run(1);
    cluster.upgrade(0);
    let now = cluster.now();
    // The successor does not know what its predecessor has sent.
    cluster.nodes[0].hub.fail_node_messages(now);
    assert_eq!(cluster.read(0, alice), "! Perhaps not sent: the server of bob does not answer.");
    assert_eq!(cluster.nodes[0].hub.allowance(alice, now), Allowance::Now);
}

#[test]
fn messages_that_are_not_of_a_node_are_counted_and_change_nothing() {
    let (mut cluster, alice, bob) = two();
    let now = cluster.now();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let before = cluster.state(1);
    for payload in [b"".as_slice(), b"hello", deep.as_bytes(), &[0xff; 10_000_000]] {
        assert_eq!(cluster.nodes[1].hub.handle_node_message(payload, now), None);
    }
    // A later version may ask for more.
    assert_eq!(cluster.nodes[1].hub.handle_node_message(b"{\"later\":{}}", now), Some(b"\"failed\"".to_vec()));
    for answer in [b"".as_slice(), b"{}", b"\"later\"", deep.as_bytes()] {
        cluster.nodes[0].hub.handle_node_answer(1, Ok(answer), now);
    }
    assert_eq!(cluster.nodes[1].hub.node_messages_not_understood(), 5);
    assert_eq!((cluster.read(0, alice), cluster.read(1, bob)), (String::new(), String::new()));
    assert_eq!(cluster.state(1), before);
    // An answer that is not understood is none.
    cluster.say(0, alice, "@bob psst");
    let tag = cluster.nodes[0].hub.poll_node_message().unwrap().tag;
    cluster.nodes[0].hub.handle_node_answer(tag, Ok(b"\"later\""), now);
    assert_eq!(cluster.read(0, alice), "! Perhaps not sent: the server of bob does not answer.");
}
