//! Counters of a node.

/// What was counted since the start, for the metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeCounts {
    /// Entries that were sent to the engine.
    pub appends: u64,
    /// Their bytes.
    pub append_bytes: u64,
    /// Entries that the engine has refused, or has not confirmed.
    pub append_errors: u64,
    /// Connections to the engine.
    pub connections: u64,
    /// Entries that were read.
    pub entries: u64,
    /// Their bytes.
    pub entry_bytes: u64,
    /// Values that the bucket has taken from this node.
    pub bucket_puts: u64,
    /// Values that it has refused, or has not confirmed.
    pub bucket_errors: u64,
    /// Values of the bucket that are not ours or are damaged.
    pub bucket_skipped: u64,
}
