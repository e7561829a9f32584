//! What the metrics say of a node of a cluster.

use super::prometheus::{describe, line};
use crate::cluster::node::NodeCounts;
use crate::cluster::replica::Status;

/// The figures of a node, and whether programs are told that it works.
pub struct ClusterFigures {
    /// Whether the node takes part and is in touch with the others.
    pub is_ready: bool,
    pub status: Status,
    pub counts: NodeCounts,
}

impl ClusterFigures {
    pub fn write(&self, text: &mut String) {
        let ClusterFigures { is_ready, status, counts } = self;
        for (name, help, value) in [
            ("up", "Whether this server is in touch with the others.", u64::from(*is_ready)),
            ("nodes", "Servers of the cluster that live.", status.nodes.len() as u64),
            ("applied_position", "Position of the log that was applied last.", status.applied),
            ("lag_entries", "Entries that are in the log and were not applied.", status.lag),
            ("in_flight_entries", "Entries that were sent and not read back.", status.in_flight as u64),
            ("waiting_changes", "Changes that wait to be sent.", status.waiting as u64),
            ("waiting_bytes", "Bytes of the changes that wait to be sent.", status.waiting_bytes as u64),
        ] {
            let name = format!("chinwag_cluster_{name}");
            describe(text, &name, "gauge", help);
            line(text, &name, "", value);
        }
        for (name, help, value) in [
            ("appends", "Entries that were sent to the log.", counts.appends),
            ("append_bytes", "Bytes of the entries that were sent to the log.", counts.append_bytes),
            ("append_errors", "Entries that the log has refused or not confirmed.", counts.append_errors),
            ("entries", "Entries that were read from the log.", counts.entries),
            ("entry_bytes", "Bytes of the entries that were read from the log.", counts.entry_bytes),
            ("skipped", "Entries that did not count.", status.skipped),
            ("foreign", "Messages in the log that are no entries.", status.foreign),
            ("connections", "Connections to NATS.", counts.connections),
            ("bucket_puts", "Values that the bucket has taken from this server.", counts.bucket_puts),
            ("bucket_errors", "Values that the bucket has refused or not confirmed.", counts.bucket_errors),
            ("bucket_skipped", "Values of the bucket that do not count.", counts.bucket_skipped),
        ] {
            let name = format!("chinwag_cluster_{name}_total");
            describe(text, &name, "counter", help);
            line(text, &name, "", value);
        }
    }
}
