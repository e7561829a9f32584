//! The golden file of nodes in the middle of many things, as they are handed over to successors.

use super::*;
use crate::util::golden::golden;

/// Two nodes that talk while two others begin, one of which has a store: entries on their way, waiting changes, and a state that is
/// waited for.
fn busy_cluster() -> Cluster {
    let mut cluster = Cluster::of(&["a", "b"]);
    cluster.arrive(0, 1);
    cluster.arrive(1, 2);
    cluster.nodes[0].chat.say(1, 7);
    cluster.run(1);
    let checkpoint = cluster.nodes[1].checkpoint();
    cluster.add("c", Start::Stored { checkpoint, has_state: false });
    cluster.turn_until_entry();
    cluster.add("d", Start::Fresh);
    cluster.turn_until_entry();
    cluster.stores = false;
    for text in 8..12 {
        cluster.nodes[0].chat.say(1, text);
        cluster.turn();
    }
    cluster
}

#[test]
fn nodes_are_handed_over_as_the_golden_file_and_go_on_from_it() {
    let mut cluster = busy_cluster();
    let replicas: Vec<_> = cluster.nodes.iter().map(|node| &node.replica).collect();
    let golden = golden("nodes-5.json", &serde_json::to_string(&replicas).unwrap());
    let replicas: Vec<Replica<u64>> = serde_json::from_str(&golden).unwrap();
    for (index, replica) in replicas.into_iter().enumerate() {
        cluster.nodes[index].replica = replica;
        cluster.connect(index);
    }
    cluster.stores = true;
    cluster.run(20);
    for node in &cluster.nodes {
        assert!(node.replica.is_ready());
        assert_eq!(
            (node.names(), node.texts().split_off(node.texts().len() - 4)),
            (vec!["name-1", "name-2"], vec![8, 9, 10, 11])
        );
    }
}
