//! The hub of a server that starts, and its store.

use std::time::Instant;

use log::info;

use super::Error;
use super::store::writer::{StoreWriter, StoreWriterState};
use crate::chat::{Config, Hub, Now, Renderers};
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
    if let Some(cluster) = cluster {
        return begin_node(config, renderers, store, cluster.cluster.as_str(), Clock::since_1970().now());
    }
    let now = clock::utc().unix_timestamp();
    let opened = store.map(|store| open(store, &config, now)).transpose().map_err(Error::Store)?;
    let mut hub = Hub::new(config, renderers);
    let store_writer = opened.map(|(store_writer, stored)| {
        hub.restore(stored, Clock::start().now());
        hub.leave_log();
        store_writer
    });
    Ok((hub, store_writer, Beginning::default()))
}

/// The same for a node of this cluster, at this time of a clock that began in 1970.
///
/// # Errors
/// As [`begin`].
pub fn begin_node(
    config: Config,
    renderers: Renderers,
    store: Option<store::Options>,
    cluster: &str,
    now: Now,
) -> Result<(Hub, Option<StoreWriter>, Beginning), Error> {
    let unix = now.local.unix_timestamp();
    let opened = store.map(|store| open(store, &config, unix)).transpose().map_err(Error::Store)?;
    let mut hub = Hub::new(config, renderers);
    hub.use_cluster();
    hub.use_bucket();
    let Some((mut store_writer, stored)) = opened else { return Ok((hub, None, Beginning::default())) };
    let beginning = Beginning::of(&mut hub, stored, cluster, now).map_err(Error::Unfit)?;
    hub.restore_whispers(store_writer.all_whispers().map_err(Error::Store)?);
    Ok((hub, Some(store_writer), beginning))
}

/// Opens the store that the predecessor has closed; its state has what is kept in memory.
pub fn reopen(options: store::Options, kept: StoreWriterState) -> Result<StoreWriter, store::Error> {
    Store::open_existing(&options).map(|store| StoreWriter::restore(store, options.keep_days.is_some(), kept))
}

/// Opens the store, and loads what is kept in memory; `now` is in Unix seconds.
fn open(
    mut options: store::Options,
    hub: &Config,
    now: i64,
) -> Result<(StoreWriter, store::InitialState), store::Error> {
    // One message more than is shown, and more bytes, tells whether anything is left out.
    options.rooms = hub.max_rooms;
    options.history = hub.history.saturating_add(1);
    options.history_bytes = 2 * hub.history_bytes + hub.max_line;
    let began = Instant::now();
    let (store, start) = Store::open(&options, now)?;
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
