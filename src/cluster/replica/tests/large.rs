//! States of many pieces: while others talk, for several nodes at once, too large, and for nodes that do not get them.

use super::snapshot::{MAX_SNAPSHOT, is_too_large};
use super::*;
use crate::cluster::replica::entry::{Control, Entry, EntryWriter, Header};

const MIB: usize = 1 << 20;

impl Cluster {
    /// A cluster of nodes that all take part, whose state has about so many bytes.
    fn with_large_state(names: &[&str], bytes: usize) -> Cluster {
        let mut cluster = Cluster::of(names);
        for (index, node) in cluster.nodes.iter_mut().enumerate() {
            node.chat.padding = bytes;
            node.chat.arrive(index as u64, format!("name-{index}"));
        }
        cluster.run(1);
        cluster
    }

    /// The pieces in the log: the number of each, and how many there are of its snapshot.
    fn pieces(&self) -> Vec<(u32, u32)> {
        let piece = |(_, bytes): &(Duration, Vec<u8>)| match Entry::decode(bytes).ok()?.header.control {
            Some(Control::Snapshot { piece, count, .. }) => Some((piece, count)),
            _ => None,
        };
        self.log.iter().filter_map(piece).collect()
    }

    /// Lets nodes take turns until one of them takes part; returns how many turns.
    fn turns_until_ready(&mut self, index: usize) -> usize {
        (0..2_000)
            .find(|_| {
                self.turn();
                self.nodes[index].replica.is_ready()
            })
            .expect("the node takes part within 200 seconds")
    }
}

#[test]
fn a_node_joins_with_a_large_state_at_its_first_try_while_others_talk() {
    let mut cluster = Cluster::with_large_state(&["a", "b"], 24 * MIB);
    let new = cluster.add("c", Start::Fresh);
    let mut said = 0;
    while !cluster.nodes[new].replica.is_ready() {
        assert!(said < 1_000, "the node does not join");
        for index in 0..2 {
            cluster.nodes[index].chat.say(index as u64, said);
            said += 1;
        }
        cluster.turn();
        // What the node says that gives the state does not wait until it is given.
        assert!(cluster.nodes[0].texts().len() + 10 > said as usize);
    }
    cluster.run(1);
    // The first one is that of `b`.
    let pieces = cluster.pieces().split_off(1);
    assert!(pieces.len() > 24 * MIB / MAX_CHANGE && pieces.len() == pieces[0].1 as usize, "{} pieces", pieces.len());
    let [all, here] = [0, new].map(|index| cluster.nodes[index].texts());
    assert!(here.len() > 100 && all.ends_with(&here), "{} of {} lines", here.len(), all.len());
    assert_eq!(cluster.nodes[new].names(), ["name-0", "name-1"]);
}

#[test]
fn nodes_that_join_at_once_are_given_a_large_state_at_their_first_tries() {
    let mut cluster = Cluster::with_large_state(&["a"], 20 * MIB);
    let new = ["b", "c"].map(|name| cluster.add(name, Start::Fresh));
    let first = new.map(|index| cluster.incarnation(index));
    for index in new {
        cluster.turns_until_ready(index);
    }
    assert_eq!(new.map(|index| cluster.incarnation(index)), first);
    assert_eq!(new.map(|index| cluster.nodes[index].names()), [["name-0"]; 2]);
}

#[test]
fn a_state_that_is_too_large_is_told_once_and_asked_for_more_and_more_rarely() {
    let mut cluster = Cluster::with_large_state(&["a"], MAX_SNAPSHOT);
    let new = cluster.add("b", Start::Fresh);
    cluster.run(20);
    let told = |cluster: &Cluster| (cluster.nodes[0].replica.askers.told, cluster.nodes[1].replica.tries.told);
    assert_eq!(told(&cluster), (true, true));
    assert!(!cluster.nodes[new].replica.is_ready() && cluster.nodes[new].notices.is_empty());
    // After 33 and 66 seconds.
    cluster.run(90);
    let pieces = cluster.pieces();
    assert!(pieces.len() == 3 && pieces.iter().all(|(_, count)| is_too_large(*count)), "{pieces:?}");
    cluster.nodes[0].chat.padding = 0;
    cluster.turns_until_ready(new);
    assert_eq!(told(&cluster), (false, false));
}

#[test]
fn a_node_joins_although_the_one_dies_that_gives_it_the_state() {
    let mut cluster = Cluster::with_large_state(&["a", "b"], 8 * MIB);
    let new = cluster.add("c", Start::Fresh);
    while cluster.pieces().len() < 20 {
        cluster.turn();
    }
    cluster.disconnect(0);
    cluster.turns_until_ready(new);
    assert_eq!(cluster.nodes[new].names(), ["name-1"]);
    let pieces = cluster.pieces();
    let count = pieces.last().unwrap().1 as usize;
    assert!(count > 128 && pieces.len() <= count + 24, "{} pieces", pieces.len());
}

#[test]
fn a_node_that_begins_anew_each_second_does_not_fill_the_log() {
    let mut cluster = Cluster::with_large_state(&["a"], 4 * MIB);
    let mut new = cluster.add("b", Start::Fresh);
    for _ in 0..60 {
        cluster.run(1);
        assert!(!cluster.nodes[new].replica.is_ready());
        cluster.disconnect(new);
        new = cluster.add("b", Start::Fresh);
    }
    let answers = cluster.pieces().iter().filter(|(piece, _)| *piece == 0).count();
    assert!((4..=12).contains(&answers), "{answers} answers");
    cluster.turns_until_ready(new);
}

#[test]
fn a_flood_of_hellos_is_answered_a_few_at_a_time_and_a_node_joins_all_the_same() {
    let mut cluster = Cluster::with_large_state(&["a"], 4 * MIB);
    let mut most = 0;
    for number in 0..300 {
        let (node, versions) = (format!("f{number}").try_into().unwrap(), Versions { lowest: 1, highest: 1 });
        let hello = Control::Hello { node, versions, informed: false };
        cluster.store(EntryWriter::new(&Header::new(Incarnation(50_000 + 10 * number), 1, Some(hello))).finish(""));
        if number % 3 == 0 {
            cluster.turn();
            most = most.max(cluster.nodes[0].replica.outbox.answers());
        }
    }
    assert_eq!(most, 4);
    let new = cluster.add("b", Start::Fresh);
    cluster.turns_until_ready(new);
    assert_eq!(cluster.nodes[new].names(), ["name-0"]);
}
