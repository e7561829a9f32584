//! The ends of incarnations, and what becomes of their proposals.

use super::*;
use crate::cluster::replica::entry::{Control, EntryWriter, Header};

/// An accusation that is in the log before the node's next entry.
fn accuse(cluster: &mut Cluster, by: usize, accused: usize) {
    let incarnation = cluster.incarnation(accused);
    let last = cluster.nodes[by].replica.membership.last_of(incarnation);
    cluster.nodes[by].replica.outbox.push_control(Control::Gone { incarnation, last });
}

#[test]
fn a_silent_node_loses_its_names() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    cluster.disconnect(1);
    cluster.run(4);
    assert_eq!(cluster.nodes[0].names(), ["name-1"]);
    cluster.run(3);
    assert!(cluster.nodes[0].names().is_empty());
    assert_eq!(cluster.nodes[0].chat.buried, [(Incarnation(2_000), Burial::Gone)]);
}

#[test]
fn a_node_that_reads_its_end_keeps_its_people_and_says_again_what_was_not_said() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    accuse(&mut cluster, 0, 1);
    cluster.send(0);
    let before = cluster.incarnation(1);
    cluster.nodes[1].chat.say(1, 7);
    let proposal = cluster.nodes[1].chat.proposals.pop().unwrap();
    cluster.nodes[1].replica.propose(proposal).unwrap();
    cluster.send(1);
    cluster.run(1);
    assert_eq!(cluster.incarnation(1), before.next());
    for node in &cluster.nodes {
        assert_eq!((node.names(), node.texts()), (vec!["name-1"], vec![7]));
    }
    let said = cluster.log.iter().filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains("Say")).count();
    assert_eq!((said, cluster.nodes[1].notices.len()), (2, 1), "the notice is the gap before the first Hello");
}

#[test]
fn who_loses_the_name_is_told_what_was_not_said() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    cluster.stores = false;
    cluster.nodes[1].chat.say(1, 7);
    cluster.turn();
    cluster.disconnect(1);
    cluster.stores = true;
    cluster.run(7);
    cluster.nodes[0].chat.arrive(2, "name-1".into());
    cluster.run(1);
    cluster.connect(1);
    cluster.run(3);
    assert_eq!((&cluster.nodes[1].chat.told.not_said[..], cluster.nodes[1].chat.told.sent_off), (&[7][..], 1));
    assert!(cluster.nodes[1].chat.people.is_empty() && cluster.nodes[0].texts().is_empty());
}

#[test]
fn a_node_whose_log_is_trimmed_learns_what_was_applied_and_tells_of_the_gap() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    cluster.nodes[1].chat.say(1, 7);
    cluster.turn();
    let read = cluster.nodes[1].next - 1;
    cluster.disconnect(1);
    cluster.nodes[1].chat.say(1, 8);
    cluster.arrive(0, 2);
    cluster.first = cluster.log.len() as u64 + 1;
    cluster.connect(1);
    cluster.run(3);
    let node = &cluster.nodes[1];
    assert_eq!((&node.chat.told.said[..], node.texts()), (&[7][..], vec![8]), "8 was never sent before");
    assert_eq!(node.names(), ["name-1", "name-2"]);
    let gap = node.notices.iter().find(|notice| matches!(notice, Notice::Gap { after: Some(_), .. }));
    let Some(Notice::Gap { after, until }) = gap else { panic!("no gap in {:?}", node.notices) };
    assert!(*after == Some(read) && *until > read);
    assert_eq!(cluster.nodes[0].texts(), [7, 8]);
}

#[test]
fn an_engine_that_has_gone_back_is_told_and_nothing_is_papered_over() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    cluster.nodes[1].chat.say(1, 7);
    cluster.run(1);
    (0..2).for_each(|index| cluster.disconnect(index));
    let read = cluster.log.len() as u64;
    cluster.log.truncate(cluster.log.len() - 1);
    cluster.store("foreign");
    (0..2).for_each(|index| cluster.connect(index));
    cluster.run(8);
    for node in &cluster.nodes {
        assert!(node.notices.contains(&Notice::EngineRestored { read }), "{:?}", node.notices);
        assert_eq!((node.names(), node.replica.is_ready()), (vec!["name-1"], true));
    }
}

#[test]
fn a_node_leaves_after_its_last_line() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    (0..500).for_each(|text| cluster.nodes[1].chat.say(1, text));
    cluster.receive(1);
    cluster.nodes[1].replica.leave();
    let line = || Proposal { origin: None, change: "{}".into(), ids: 1, must_understand: false, lasting: true };
    assert_eq!(error_of(cluster.nodes[1].replica.propose(line())), Err(ProposalError::Ended));
    cluster.run(2);
    assert!(cluster.nodes[1].notices.contains(&Notice::Left));
    assert_eq!((cluster.nodes[0].texts().len(), cluster.nodes[0].names()), (500, vec![]));
    assert_eq!(cluster.nodes[0].chat.buried, [(Incarnation(2_000), Burial::Left)]);
    assert!(
        cluster.nodes[1].replica.poll_heartbeat(cluster.now).is_none() && !cluster.nodes[1].replica.wants_entries()
    );
}

#[test]
fn of_two_processes_with_one_name_the_newer_one_stops() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.run(6);
    let rival = cluster.add("b", Start::Fresh);
    cluster.run(5);
    assert!(cluster.nodes[rival].notices.contains(&Notice::Stopped(Stop::Rival)));
    assert!(cluster.nodes[1].replica.is_ready() && cluster.nodes[0].replica.is_ready());
}

#[test]
fn a_late_hello_of_the_process_before_ends_nothing_for_long() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    let (node, versions) = ("b".to_string().try_into().unwrap(), Versions { lowest: 1, highest: 1 });
    let hello = Control::Hello { node, versions, informed: false };
    cluster.store(EntryWriter::new(&Header::new(Incarnation(77), 1, Some(hello))).finish(""));
    cluster.run(1);
    assert_eq!((cluster.nodes[0].names(), cluster.nodes[1].replica.is_ready()), (vec!["name-1"], true));
    assert_eq!(cluster.incarnation(1), Incarnation(2_001));
}

#[test]
fn a_node_answers_nobody_after_its_last_entry() {
    let mut cluster = Cluster::of(&["a"]);
    cluster.add("b", Start::Fresh);
    cluster.nodes[0].replica.leave();
    cluster.stores = false;
    cluster.send(0);
    cluster.stores = true;
    cluster.turn_until_entry();
    cluster.receive(0);
    let outbox = &cluster.nodes[0].replica.outbox;
    assert_eq!((outbox.in_flight(), outbox.waiting()), (1, 0));
}

#[test]
fn a_node_accuses_nobody_after_its_last_entry() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.run(6);
    cluster.nodes[1].is_heard = false;
    (0..45).for_each(|_| cluster.turn());
    cluster.nodes[0].replica.leave();
    cluster.stores = false;
    (0..10).for_each(|_| cluster.turn());
    let outbox = &cluster.nodes[0].replica.outbox;
    assert_eq!((outbox.in_flight(), outbox.waiting()), (1, 0));
    // In this time a node that stays does.
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.run(6);
    cluster.nodes[1].is_heard = false;
    (0..55).for_each(|_| cluster.turn());
    assert_eq!(cluster.nodes[0].chat.buried, [(Incarnation(2_000), Burial::Gone)]);
}

#[test]
fn a_node_that_has_not_left_goes_on_after_a_leave_in_its_name() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(1, 1);
    let forged = cluster.incarnation(1);
    let n = cluster.nodes[0].replica.membership.last_of(forged) + 1;
    cluster.store(EntryWriter::new(&Header::new(forged, n, Some(Control::Leave))).finish(""));
    cluster.run(1);
    assert_eq!(cluster.nodes[0].chat.buried, [(forged, Burial::Left)]);
    cluster.nodes[1].chat.say(1, 7);
    cluster.run(1);
    for node in &cluster.nodes {
        assert_eq!((node.names(), node.texts(), node.replica.is_ready()), (vec!["name-1"], vec![7], true));
        assert!(!node.notices.contains(&Notice::Left));
    }
    assert_eq!(cluster.incarnation(1), forged.next());
}
