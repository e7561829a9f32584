//! The hub of a server that starts, and its store.

use std::time::Instant;

use log::info;

use super::Error;
use super::store_writer::{StoreWriter, StoreWriterState};
use crate::chat::{Config, Hub, Renderers};
use crate::cluster::settings::ClusterSettings;
use crate::cluster::stored::Beginning;
use crate::store::{self, Store};
use crate::util::clock::{self, Clock};

/// A hub with what the store has, the store writer, and where a node of a cluster begins.
///
/// # Errors
/// If the store cannot be opened, or cannot be that of the node.
pub fn begin(
    config: Config,
    renderers: Renderers,
    store: Option<store::Options>,
    cluster: Option<&ClusterSettings>,
) -> Result<(Hub, Option<StoreWriter>, Beginning), Error> {
    let opened = store.map(|store| open(store, &config)).transpose().map_err(Error::Store)?;
    let mut hub = Hub::new(config, renderers);
    let mut beginning = Beginning::default();
    if cluster.is_some() {
        hub.use_cluster();
        hub.use_bucket();
    }
    let store_writer = match (opened, cluster) {
        (None, _) => None,
        (Some((mut store_writer, stored)), Some(cluster)) => {
            let now = Clock::since_1970().now();
            beginning = Beginning::of(&mut hub, stored, cluster.cluster.as_str(), now).map_err(Error::Unfit)?;
            hub.restore_whispers(store_writer.all_whispers().map_err(Error::Store)?);
            Some(store_writer)
        }
        (Some((store_writer, stored)), None) => {
            hub.restore(stored, Clock::start().now());
            hub.leave_log();
            Some(store_writer)
        }
    };
    Ok((hub, store_writer, beginning))
}

/// Opens the store that the predecessor has closed; its state has what is kept in memory.
pub fn reopen(options: store::Options, kept: StoreWriterState) -> Result<StoreWriter, store::Error> {
    Store::open_existing(&options).map(|store| StoreWriter::restore(store, options.keep_days.is_some(), kept))
}

/// Opens the store, and loads what is kept in memory.
fn open(mut options: store::Options, hub: &Config) -> Result<(StoreWriter, store::InitialState), store::Error> {
    // One message more than is shown, and more bytes, tells whether anything is left out.
    options.rooms = hub.max_rooms;
    options.history = hub.history.saturating_add(1);
    options.history_bytes = 2 * hub.history_bytes + hub.max_line;
    let began = Instant::now();
    let (store, start) = Store::open(&options, clock::utc().unix_timestamp())?;
    let messages: usize = start.rooms.iter().map(|room| room.messages.len()).sum();
    info!(
        "{}: {} rooms; {messages} messages of {} rooms read in {} ms; next message id {}",
        options.path.display(),
        start.rooms.len() + start.stored.len(),
        start.rooms.len(),
        began.elapsed().as_millis(),
        start.next_id
    );
    Ok((StoreWriter::new(store, options.keep_days.is_some()), start))
}
