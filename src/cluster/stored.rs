//! What the store of a node says: whether it may be that of a node, and where the node begins.

use log::warn;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::replica::{MAX_IDS, Start, Stream};
use crate::chat::gaps::Gap;
use crate::chat::record::{InitialCluster, InitialState};
use crate::chat::{Hub, Now};

/// Why a store cannot be that of a node. Each text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    #[error("the store belongs to the cluster {0}, and not to {1}; name another file with --store")]
    OtherCluster(String, String),
    #[error(
        "the store has what was said on a single server, and the cluster {0} has a log already; name another file with \
         --store. The old one stays as it is, and chinwag export reads it"
    )]
    OfSingleServer(String),
}

/// Whether a store may be that of a node of this cluster. `log` is what the engine says of the log; `None` if that is not known yet,
/// or if there is no log.
///
/// A store that has something and belongs to no cluster may only begin a cluster: then [`Hub::record_cluster`] is called before the
/// node says anything, so that it may go on after a crash.
///
/// # Errors
/// If it may not.
pub fn check(stored: &InitialState, cluster: &str, log: Option<Stream>) -> Result<(), Unfit> {
    let has_entries = log.is_some_and(|log| log.first <= log.last);
    match &stored.cluster {
        Some(InitialCluster { name, .. }) if name != cluster => Err(Unfit::OtherCluster(name.clone(), cluster.into())),
        None if has_entries && !stored.is_empty() => Err(Unfit::OfSingleServer(cluster.into())),
        _ => Ok(()),
    }
}

/// Where a node begins, by what its store says.
pub struct Beginning {
    pub start: Start,
    pub founding: Founding,
}

/// What a node must know until it has found the log, or has made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    /// The first position of the log, if this node makes it.
    pub first_position: u64,
    /// The store has what belongs to no cluster: it may begin one, and not take part in one that is there.
    pub may_only_found: bool,
}

impl Default for Founding {
    /// Without a store.
    fn default() -> Founding {
        Founding { first_position: 1, may_only_found: false }
    }
}

impl Default for Beginning {
    /// Without a store.
    fn default() -> Beginning {
        Beginning { start: Start::Fresh, founding: Founding::default() }
    }
}

impl Beginning {
    /// Checks the store of a node of this cluster, and lets the hub take what it has. Must be called before the first connection.
    ///
    /// # Errors
    /// Why the store cannot be that of the node, and what to do.
    pub fn of(hub: &mut Hub, stored: InitialState, cluster: &str, now: Now) -> Result<Beginning, String> {
        check(&stored, cluster, None).map_err(|unfit| unfit.to_string())?;
        let may_only_found = stored.cluster.is_none() && !stored.is_empty();
        let founding = Founding { first_position: first_position(stored.next_id), may_only_found };
        let of_cluster = stored.cluster.clone();
        hub.restore(stored, now);
        hub.follow_log(cluster);
        let start = start(hub, of_cluster.as_ref(), &now);
        Ok(Beginning { start, founding })
    }
}

/// The first position of a new log, so that the ids of its messages are greater than all that a store has.
pub fn first_position(next_id: u64) -> u64 {
    next_id.div_ceil(MAX_IDS as u64).max(1)
}

/// The ids of messages after one position of the log and until another.
pub fn ids_of(after: Option<u64>, until: u64) -> Gap {
    let first = |position: u64| position.saturating_mul(MAX_IDS as u64);
    Gap { from: after.map_or(0, |after| first(after + 1)), to: first(until + 1) }
}

/// The log ends at this position at the moment. `begins_there`: the node has not read the log before and has no checkpoint, so it reads
/// only what comes after that.
pub fn note_end_of_log(hub: &mut Hub, last: u64, begins_there: bool) {
    hub.note_end_of_log(last);
    if begins_there {
        hub.note_unread(ids_of(last.checked_sub(1), last));
    }
}

/// Where a node begins to read the log: after the checkpoint of its store, whose state the hub takes, or it knows nothing. Must be
/// called after [`Hub::restore`] and [`Hub::follow_log`].
pub fn start(hub: &mut Hub, stored: Option<&InitialCluster>, now: &Now) -> Start {
    let Some(record) = stored.and_then(|stored| stored.checkpoint.as_ref()) else { return Start::Fresh };
    let checkpoint = match serde_json::from_str(&record.checkpoint) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            warn!(
                "cluster: the checkpoint of the store cannot be read, and other nodes are asked for the state: {error}"
            );
            return Start::Fresh;
        }
    };
    let restored = hub.restore_checkpoint(record, now);
    if let Err(why) = &restored {
        warn!("cluster: the state in the store cannot be gone on with: {why}");
        // If no other node runs, the cluster begins anew with it.
        if let Err(why) = hub.restore_ended_checkpoint(record, now) {
            warn!("cluster: the state in the store cannot be read, and other nodes are asked for it: {why}");
        }
    }
    Start::Stored { checkpoint, has_state: restored.is_ok() }
}

#[cfg(test)]
mod tests;
