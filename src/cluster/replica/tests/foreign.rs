//! Bad input: what is not ours, what is damaged, what a later version says.

use super::*;
use crate::cluster::replica::entry::{ChangeLine, Control, EntryWriter, Header};
use crate::util::test_support::Random;

#[test]
fn what_is_not_ours_is_skipped_and_counted() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(0, 1);
    let deep = "[".repeat(10_000);
    for bytes in [&b"\xff\xfe"[..], b"", b"{}", deep.as_bytes(), &vec![b'['; 10_000_000], b"{\"version\":1}\n{}"] {
        cluster.store(bytes);
    }
    cluster.store(format!("{{\"version\":1,\"incarnation\":1000,\"n\":99,\"control\":{deep}"));
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(1);
    for node in &cluster.nodes {
        let status = node.replica.status(cluster.now);
        assert_eq!((node.texts(), status.foreign, status.ready), (vec![7], 7, true));
    }
}

#[test]
fn entries_of_strangers_and_large_numbers_do_not_count() {
    let mut cluster = Cluster::of(&["a"]);
    cluster.arrive(0, 1);
    let say = "{\"Say\":{\"session\":1,\"name\":\"name-1\",\"text\":7}}";
    for (incarnation, n) in [(55, 1), (55, 2), (1_000, u64::MAX), (1_000, 0), (1_000, 1)] {
        let mut writer = EntryWriter::new(&Header::new(Incarnation(incarnation), n, None));
        writer.push(ChangeLine { must_understand: false, ids: 1, text: say });
        cluster.store(writer.finish(""));
    }
    let gone = Control::Gone { incarnation: Incarnation(1_000), last: 2 };
    cluster.store(EntryWriter::new(&Header::new(Incarnation(56), 1, Some(gone))).finish(""));
    cluster.run(1);
    assert_eq!((cluster.nodes[0].texts(), cluster.nodes[0].replica.status(cluster.now).skipped), (vec![], 6));
    assert!(cluster.nodes[0].replica.is_ready());
}

#[test]
fn a_damaged_snapshot_stops_a_node_and_a_strange_piece_does_not() {
    let mut cluster = Cluster::of(&["a"]);
    let piece = |n, piece, count, text: &str| {
        let control = Control::Snapshot { to: Incarnation(2_000), hello: 3, piece, count };
        EntryWriter::new(&Header::new(Incarnation(77), n, Some(control))).finish(text)
    };
    cluster.disconnect(0);
    cluster.add("b", Start::Fresh);
    cluster.turn_until_entry();
    cluster.turn();
    for (number, count) in [(0, 0), (1, 1), (0, u32::MAX)] {
        cluster.store(piece(1, number, count, "x"));
        cluster.turn();
        assert!(cluster.nodes[1].replica.is_waiting());
    }
    cluster.store(piece(2, 0, 1, "no state"));
    cluster.turn();
    let [Notice::Stopped(Stop::CannotRestore(_))] = &cluster.nodes[1].notices[..] else {
        panic!("{:?}", cluster.nodes[1].notices)
    };
}

#[test]
fn damaged_copies_of_entries_are_the_same_to_all_nodes() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut cluster = Cluster::of(&["a", "b"]);
        cluster.arrive(0, 1);
        cluster.arrive(1, 2);
        for text in 0..20 {
            cluster.nodes[0].chat.say(1, text);
            let mut bytes = random.pick(&cluster.log).1.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] = *random.pick(b"0123456789\n\"{},:!ax\xff");
            }
            cluster.store(bytes);
            cluster.turn();
        }
        cluster.run(1);
        let [a, b] = &cluster.nodes[..] else { panic!("two nodes") };
        if a.replica.is_ready() && b.replica.is_ready() {
            assert_eq!(a.replica.membership, b.replica.membership, "seed {seed}");
            assert_eq!((&a.chat.names, a.texts()), (&b.chat.names, b.texts()), "seed {seed}");
        }
    }
}

fn later_change(must_understand: bool) -> Proposal<u64> {
    Proposal { origin: None, change: "{\"Dance\":1}".into(), ids: 1, must_understand, lasting: false }
}

#[test]
fn an_unknown_change_is_skipped_unless_each_node_must_understand_it() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.nodes[0].replica.propose(later_change(false)).unwrap();
    cluster.run(1);
    assert!(cluster.nodes.iter().all(|node| node.replica.is_ready()));
    cluster.nodes[0].replica.propose(later_change(true)).unwrap();
    cluster.run(1);
    let seq = cluster.log.len() as u64;
    assert_eq!(cluster.nodes[1].notices.last(), Some(&Notice::Stopped(Stop::MustUnderstand { seq })));
}

#[test]
fn an_unknown_control_is_counted_so_that_what_follows_counts_too() {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(0, 1);
    cluster.nodes[0].replica.outbox.push_control(Control::Unknown);
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(1);
    assert_eq!(cluster.nodes[1].texts(), [7]);
}

#[test]
fn the_lowest_version_of_the_nodes_that_live_is_spoken() {
    let mut cluster = Cluster::of(&[]);
    for (name, lowest, highest) in [("a", 1, 3), ("b", 1, 2), ("c", 2, 5)] {
        cluster.add_speaking(name, Start::Fresh, Versions { lowest, highest });
        cluster.run(6);
    }
    let versions = |cluster: &Cluster| cluster.nodes.iter().map(|node| node.replica.version()).collect::<Vec<_>>();
    assert_eq!(versions(&cluster), [2, 2, 2]);
    cluster.nodes[1].replica.leave();
    cluster.run(1);
    assert_eq!(versions(&cluster)[0], 3);
}

#[test]
fn a_change_that_cannot_be_written_is_refused() {
    let mut cluster = Cluster::of(&["a"]);
    let replica = &mut cluster.nodes[0].replica;
    let change = |change: String| Proposal { change, ..later_change(false) };
    assert_eq!(error_of(replica.propose(change("x".repeat(MAX_CHANGE + 1)))), Err(ProposalError::TooLarge));
    let none = Proposal { ids: 0, ..later_change(false) };
    assert_eq!(error_of(replica.propose(none)), Err(ProposalError::TooLarge));
    let many = Proposal { ids: 257, ..later_change(false) };
    assert_eq!(error_of(replica.propose(many)), Err(ProposalError::TooLarge));
    for text in ["1\n2", "1\r"] {
        assert_eq!(error_of(replica.propose(change(text.into()))), Err(ProposalError::NotOneLine));
    }
    assert_eq!(error_of(replica.propose(change("1".repeat(MAX_CHANGE)))), Ok(()));
}

#[test]
fn a_snapshot_with_a_time_that_is_no_date_stops_a_node() {
    let mut cluster = Cluster::of(&["a"]);
    let state = cluster.nodes[0].chat.snapshot(1);
    let mut membership = serde_json::to_value(&cluster.nodes[0].replica.membership).unwrap();
    membership["time"]["secs"] = u64::MAX.into();
    cluster.disconnect(0);
    cluster.add("b", Start::Fresh);
    cluster.turn_until_entry();
    cluster.turn();
    let control = Control::Snapshot { to: Incarnation(2_000), hello: 3, piece: 0, count: 1 };
    let text = format!("{membership}\n{state}");
    cluster.store(EntryWriter::new(&Header::new(Incarnation(77), 1, Some(control))).finish(&text));
    cluster.turn();
    let [Notice::Stopped(Stop::CannotRestore(fault))] = &cluster.nodes[1].notices[..] else {
        panic!("{:?}", cluster.nodes[1].notices)
    };
    assert!(fault.contains("the list of the nodes"), "{fault}");
}
