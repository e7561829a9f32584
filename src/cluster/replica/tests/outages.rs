//! The engine is away: what waits, what is refused, what is told.

use super::*;

fn line(text: &str, lasting: bool) -> Proposal<u64> {
    let change = format!("{{\"Say\":{{\"session\":1,\"name\":\"name-1\",\"text\":{text}}}}}");
    Proposal { origin: Some(1), change, ids: 1, must_understand: false, lasting }
}

/// A cluster of one node with one person, which has lost the engine.
fn cut_off() -> Cluster {
    let mut cluster = Cluster::of(&["a"]);
    cluster.arrive(0, 1);
    cluster.nodes[0].notices.clear();
    cluster.disconnect(0);
    cluster
}

#[test]
fn a_short_outage_is_told_to_nobody_and_reading_pauses() {
    let mut cluster = cut_off();
    (0..10_000).for_each(|_| cluster.nodes[0].replica.propose(line("7", false)).unwrap());
    assert!(cluster.nodes[0].replica.wants_pause());
    cluster.run(1);
    cluster.connect(0);
    cluster.run(3);
    assert_eq!((cluster.nodes[0].texts().len(), cluster.nodes[0].replica.wants_pause()), (10_000, false));
    assert_eq!(cluster.nodes[0].notices, []);
}

#[test]
fn lines_wait_in_a_longer_outage_and_come_in_their_order() {
    let mut cluster = cut_off();
    cluster.run(3);
    cluster.nodes[0].chat.say(1, 7);
    cluster.nodes[0].chat.say(1, 8);
    cluster.run(50);
    assert!(!cluster.nodes[0].replica.wants_pause());
    assert!(cluster.nodes[0].replica.status(cluster.now).lost_touch_since.is_some());
    cluster.connect(0);
    cluster.run(2);
    assert_eq!(cluster.nodes[0].texts(), [7, 8]);
    let [Notice::LostTouch { .. }, Notice::Connected] = cluster.nodes[0].notices[..] else {
        panic!("{:?}", cluster.nodes[0].notices)
    };
}

#[test]
fn after_a_minute_lines_that_were_never_sent_are_refused() {
    let mut cluster = Cluster::of(&["a"]);
    cluster.arrive(0, 1);
    cluster.stores = false;
    cluster.nodes[0].chat.say(1, 7);
    cluster.turn();
    cluster.disconnect(0);
    cluster.stores = true;
    cluster.nodes[0].chat.say(1, 8);
    cluster.run(64);
    assert_eq!(cluster.nodes[0].chat.told.not_said, [8]);
    assert_eq!(error_of(cluster.nodes[0].replica.propose(line("9", false))), Err(ProposalError::CutOff));
    cluster.nodes[0].replica.propose(line("10", true)).unwrap();
    cluster.connect(0);
    cluster.run(3);
    assert_eq!(cluster.nodes[0].texts(), [7, 10]);
    assert_eq!(error_of(cluster.nodes[0].replica.propose(line("11", false))), Ok(()));
}

#[test]
fn sixteen_mebibytes_wait_and_not_more() {
    let mut cluster = cut_off();
    let mut large = line("7", false);
    large.change += &" ".repeat(MAX_CHANGE - large.change.len());
    let fitting = MAX_WAITING / MAX_CHANGE;
    (0..fitting).for_each(|_| cluster.nodes[0].replica.propose(large.clone()).unwrap());
    assert_eq!(error_of(cluster.nodes[0].replica.propose(large)), Err(ProposalError::CutOff));
    assert_eq!(cluster.nodes[0].replica.status(cluster.now).waiting, fitting);
    cluster.connect(0);
    cluster.run(30);
    assert_eq!(cluster.nodes[0].texts().len(), fitting);
    assert!(cluster.log.iter().all(|(_, bytes)| bytes.len() <= MAX_ENTRY));
}

#[test]
fn a_lasting_proposal_whose_author_is_gone_is_withdrawn_unless_it_was_sent() {
    let mut cluster = Cluster::of(&["a"]);
    cluster.arrive(0, 1);
    cluster.stores = false;
    let of = |origin: u64, text: &str, lasting| Proposal { origin: Some(origin), ..line(text, lasting) };
    cluster.nodes[0].replica.propose(of(1, "7", true)).unwrap();
    cluster.turn();
    cluster.disconnect(0);
    for proposal in [of(1, "8", true), of(1, "9", false), of(2, "10", true)] {
        cluster.nodes[0].replica.propose(proposal).unwrap();
    }
    let before = cluster.nodes[0].replica.status(cluster.now).waiting_bytes;
    cluster.nodes[0].replica.withdraw(|origin| *origin == 1);
    let status = cluster.nodes[0].replica.status(cluster.now);
    assert_eq!((status.waiting, status.waiting_bytes), (2, before - of(1, "8", true).change.len()));
    cluster.stores = true;
    cluster.connect(0);
    cluster.run(2);
    assert_eq!(cluster.nodes[0].texts(), [7, 9, 10]);
}

#[test]
fn an_engine_that_stores_nothing_counts_as_lost() {
    let mut cluster = Cluster::of(&["a"]);
    cluster.arrive(0, 1);
    cluster.stores = false;
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(3);
    assert!(cluster.nodes[0].replica.status(cluster.now).lost_touch_since.is_some());
    cluster.stores = true;
    cluster.run(5);
    assert_eq!((cluster.nodes[0].texts(), cluster.nodes[0].notices.last()), (vec![7], Some(&Notice::Connected)));
}

#[test]
fn what_the_engine_has_refused_is_sent_again() {
    let mut cluster = Cluster::of(&["a"]);
    cluster.arrive(0, 1);
    cluster.nodes[0].chat.say(1, 7);
    cluster.receive(0);
    let Append { incarnation, n, .. } = cluster.nodes[0].replica.poll_append(cluster.now).unwrap();
    assert_eq!(cluster.nodes[0].replica.poll_append(cluster.now), None);
    cluster.nodes[0].replica.handle_append_error(Incarnation(5), n, cluster.now);
    assert_eq!(cluster.nodes[0].replica.poll_append(cluster.now), None);
    cluster.nodes[0].replica.handle_append_error(incarnation, n, cluster.now);
    cluster.run(1);
    assert_eq!(cluster.nodes[0].texts(), [7]);
}

#[test]
fn an_engine_that_refuses_everything_is_not_flooded() {
    let mut cluster = Cluster::of(&["a"]);
    cluster.arrive(0, 1);
    let mut sent = 0;
    for turn in 0..6_000 {
        cluster.now += Duration::from_millis(100);
        if turn < 100 {
            cluster.nodes[0].chat.say(1, turn);
        }
        cluster.receive(0);
        while let Some(Append { incarnation, n, .. }) = cluster.nodes[0].replica.poll_append(cluster.now) {
            sent += 1;
            cluster.nodes[0].replica.handle_append_error(incarnation, n, cluster.now);
        }
    }
    // The window every five seconds, and its first entry once more.
    assert!((480..=640).contains(&sent), "{sent} entries in ten minutes");
}

#[test]
fn nobody_is_accused_while_the_engine_is_away() {
    let mut cluster = Cluster::of(&["a", "b"]);
    for index in 0..2 {
        cluster.arrive(index, index as u64);
    }
    (0..2).for_each(|index| cluster.disconnect(index));
    cluster.run(100);
    (0..2).for_each(|index| cluster.connect(index));
    cluster.run(10);
    for node in &cluster.nodes {
        assert_eq!((node.names(), node.chat.buried.len()), (vec!["name-0", "name-1"], 0));
    }
}
