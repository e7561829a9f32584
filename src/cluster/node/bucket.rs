//! The bucket beside the log: found, made if it is missing, watched, and given what the hub keeps in it.

mod marks;
mod values;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use log::{info, warn};

use self::marks::Purges;
use self::values::InFlight;
use super::repeats::Repeats;
use crate::chat::{Hub, Now};
use crate::cluster::nats::{ApiError, Bucket, BucketId, Client, Event, RequestError, StreamConfig};
use crate::cluster::settings::ClusterSettings;
use crate::cluster::weakness::Weakened;
#[cfg(test)]
use crate::cluster::weakness::Weakness;

/// The pause after an error.
const PAUSE: Duration = Duration::from_secs(1);
/// Values on their way to the engine at most.
const MAX_IN_FLIGHT: usize = 16;
/// Changes of the bucket that the hub is told in one turn at most.
const TOLD_PER_TURN: usize = 256;
/// The tag of the request for the stream, and the first of those of values; entries of the log have lower ones.
const FIRST_TAG: u64 = 1 << 63;

/// How far the bucket is open.
enum Stage {
    /// There is no connection.
    Closed,
    /// It is made at this time.
    Making {
        at: Duration,
    },
    Asked,
    Watched(BucketId),
}

/// The bucket of a cluster.
pub struct KeptBucket {
    name: String,
    replicas: u32,
    stage: Stage,
    /// Keys of which the hub was not told yet.
    changed: VecDeque<Vec<u8>>,
    /// The bucket has everything that the engine has, and the hub was not told.
    is_complete: bool,
    /// The hub has known the whole bucket, so that the log can be read.
    is_ready: bool,
    in_flight: BTreeMap<u64, InFlight>,
    last_tag: u64,
    /// The keys of values that the engine has not taken.
    failed: Vec<String>,
    paused_until: Duration,
    /// Whether values could be put at the end of the last turn.
    may_put: bool,
    leads: bool,
    /// Marks of deleted keys that are being removed.
    purges: Purges,
    /// The engine has gone back to an older state, and the bucket was not read again since.
    is_restored: bool,
    /// When the bucket was heard of last.
    heard: Option<Duration>,
    /// The keys that it had before it was read again.
    before: BTreeSet<Vec<u8>>,
    /// The last key of the bucket that was compared with the state, while this is done.
    compared: Option<Vec<u8>>,
    /// Values that the engine has taken, and those that it has not.
    counts: (u64, u64),
    weakened: Weakened,
}

impl KeptBucket {
    pub fn new(settings: &ClusterSettings) -> KeptBucket {
        KeptBucket {
            name: format!("chinwag_{}", settings.cluster.as_str()),
            replicas: settings.log.replicas,
            stage: Stage::Closed,
            changed: VecDeque::new(),
            is_complete: false,
            is_ready: false,
            in_flight: BTreeMap::new(),
            last_tag: FIRST_TAG,
            failed: Vec::new(),
            paused_until: Duration::ZERO,
            may_put: false,
            leads: false,
            purges: Purges::default(),
            is_restored: false,
            heard: None,
            before: BTreeSet::new(),
            compared: None,
            counts: (0, 0),
            weakened: Weakened::default(),
        }
    }

    /// Leaves a rule out.
    #[cfg(test)]
    pub fn weaken(&mut self, weakness: Option<Weakness>) {
        self.weakened.weakness = weakness;
    }

    /// Whether the hub has known the whole bucket once, so that the node can take part.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// The engine has gone back to an older state, perhaps also that of the bucket. What the bucket does not have any more was not
    /// deleted.
    pub fn note_restored(&mut self) {
        self.is_restored = true;
    }

    /// Whether the hub knows what the bucket has now.
    pub fn is_current(&self, hub: &Hub, client: &Client) -> bool {
        let is_told = self.is_ready && self.changed.is_empty() && !self.is_restored && !hub.must_be_told();
        is_told && matches!(self.stage, Stage::Watched(id) if client.is_bucket_current(id))
    }

    /// How many values the engine has taken since the start, and how many it has refused or not confirmed.
    pub fn counts(&self) -> (u64, u64) {
        self.counts
    }

    /// There is a connection.
    pub fn open(&mut self) {
        if !matches!(self.stage, Stage::Watched(_)) {
            self.stage = Stage::Making { at: Duration::ZERO };
        }
    }

    /// The connection is lost. What is known of the bucket stays, and is read further over the next one.
    pub fn close(&mut self) {
        if !matches!(self.stage, Stage::Watched(_)) {
            self.stage = Stage::Closed;
        }
        self.may_put = false;
    }

    /// Whether the bucket has all that it should have, as far as the hub can say.
    pub fn is_settled(&self, hub: &Hub) -> bool {
        self.in_flight.is_empty() && self.failed.is_empty() && !hub.has_kept()
    }

    /// Whether there is work without a new event.
    pub fn has_work(&self, hub: &Hub) -> bool {
        let is_watched = matches!(self.stage, Stage::Watched(_));
        is_watched && !self.changed.is_empty() || self.may_put && self.in_flight.len() < MAX_IN_FLIGHT && hub.has_kept()
    }

    /// When [`KeptBucket::turn`] has something to do without a new event.
    pub fn deadline(&self) -> Option<Duration> {
        match self.stage {
            Stage::Making { at } => Some(at),
            Stage::Watched(_) if !self.paused_until.is_zero() => Some(self.paused_until),
            _ => None,
        }
    }

    /// Takes an event of the client, if it is about the bucket.
    ///
    /// # Errors
    /// The event, if it is about something else.
    pub fn handle(
        &mut self,
        event: Event,
        client: &mut Client,
        repeats: &mut Repeats,
        now: Duration,
    ) -> Result<(), Event> {
        match event {
            Event::Stream { tag: FIRST_TAG, result } => self.handle_stream(result.map(drop), client, repeats, now),
            Event::Published { tag, result } if tag > FIRST_TAG => {
                self.handle_published(tag, result, client, repeats, now);
            }
            Event::Revision { tag, result } => self.handle_revision(tag, result, client, now),
            Event::Purged { tag, result } => self.handle_purged(tag, result, client, repeats, now),
            Event::BucketChanged { bucket, key } if self.is_watched_as(bucket) => self.changed.push_back(key),
            Event::BucketComplete { bucket } if self.is_watched_as(bucket) => {
                self.is_complete = true;
                self.note_missing(client, bucket);
            }
            Event::BucketReset { bucket } if self.is_watched_as(bucket) => {
                warn!("cluster: the bucket {} was made anew, or is an older copy", self.name);
                self.is_complete = false;
                self.changed.clear();
                self.forget_old();
            }
            Event::BucketFailed { bucket, why } if self.is_watched_as(bucket) => {
                if is_refusal(&why, ApiError::NO_STREAM) {
                    client.forget_bucket(bucket);
                    self.changed.clear();
                    self.forget_old();
                    self.stage = Stage::Making { at: now };
                }
                repeats.warn(format!("cluster: the bucket {} cannot be read: {why}", self.name), now);
            }
            Event::BucketChanged { .. } | Event::BucketComplete { .. } => {}
            Event::BucketReset { .. } | Event::BucketFailed { .. } => {}
            other => return Err(other),
        }
        Ok(())
    }

    /// The bucket is another one: it may not have what the old one has taken, and numbers its values anew.
    fn forget_old(&mut self) {
        self.fail_in_flight();
        self.before.clear();
    }

    /// Lets what is on its way be put again. What the engine answers to it is not waited for.
    fn fail_in_flight(&mut self) {
        self.failed.extend(std::mem::take(&mut self.in_flight).into_values().map(|in_flight| in_flight.key));
        self.purges = Purges::default();
    }

    /// Watches the bucket from its beginning.
    fn watch(&mut self, client: &mut Client, repeats: &mut Repeats, now: Duration) {
        self.heard = None;
        match client.watch_bucket(&self.name, now) {
            Ok(id) => self.stage = Stage::Watched(id),
            Err(error) => self.fail(&error.to_string(), repeats, now),
        }
    }

    fn is_watched_as(&self, id: BucketId) -> bool {
        matches!(self.stage, Stage::Watched(watched) if watched == id)
    }

    fn handle_stream(
        &mut self,
        result: Result<(), RequestError>,
        client: &mut Client,
        repeats: &mut Repeats,
        now: Duration,
    ) {
        if !matches!(self.stage, Stage::Asked) {
            return;
        }
        match result {
            // With other settings, such as the number of replicas, it stays as it is.
            Err(why) if !is_refusal(&why, ApiError::STREAM_EXISTS) => self.fail(&why.to_string(), repeats, now),
            _ => self.watch(client, repeats, now),
        }
    }

    fn fail(&mut self, why: &str, repeats: &mut Repeats, now: Duration) {
        self.stage = Stage::Making { at: now + PAUSE };
        repeats.warn(format!("cluster: the bucket {} cannot be opened: {why}", self.name), now);
    }

    /// Whether this node lets the bucket have what follows from the log.
    pub fn leads(&self) -> bool {
        self.leads
    }

    /// Does a bounded amount of work. `leads`: this node lets the bucket have what follows from the log; `is_drained`: all events of
    /// the client were handled.
    pub fn turn(
        &mut self,
        hub: &mut Hub,
        client: &mut Client,
        (leads, is_drained): (bool, bool),
        repeats: &mut Repeats,
        local: Now,
    ) {
        let now = local.at;
        if self.leads && !leads {
            self.lead(hub, false);
        }
        if let Stage::Making { at } = self.stage
            && at <= now
            && client.is_connected()
        {
            self.make(client, repeats, now);
        }
        self.may_put = false;
        let Stage::Watched(id) = self.stage else { return };
        if self.paused_until <= now {
            self.paused_until = Duration::ZERO;
        }
        if std::mem::take(&mut self.is_restored) {
            self.changed.clear();
            self.forget_old();
            return self.read_again(client, id, repeats, now);
        }
        if self.was_away(client, id) {
            return self.watch_again(client, id, repeats, now);
        }
        self.tell(hub, client, id, local);
        self.failed.drain(..).for_each(|key| hub.handle_kept_result(&key, false));
        let is_complete = client.bucket(id).is_some_and(Bucket::is_complete);
        if !self.is_ready || !is_complete || !is_drained || !self.changed.is_empty() {
            return;
        }
        self.settle(hub, client, id);
        if leads && !self.leads {
            self.lead(hub, true);
        }
        self.compare(hub, client, id);
        if client.is_connected() && self.paused_until.is_zero() {
            self.put(hub, client, id, repeats, now);
            self.may_put = self.paused_until.is_zero();
        }
        self.purge(client, id, repeats, now);
    }

    fn lead(&mut self, hub: &mut Hub, leads: bool) {
        self.leads = leads;
        self.compared = leads.then(Vec::new);
        hub.lead_bucket(leads);
    }

    fn make(&mut self, client: &mut Client, repeats: &mut Repeats, now: Duration) {
        let config = StreamConfig::bucket(&self.name, self.replicas);
        match client.create_stream(FIRST_TAG, &config, now) {
            Ok(()) => self.stage = Stage::Asked,
            Err(error) => self.fail(&error.to_string(), repeats, now),
        }
    }

    /// Tells the hub what has changed in the bucket.
    fn tell(&mut self, hub: &mut Hub, client: &Client, id: BucketId, now: Now) {
        let Some(bucket) = client.bucket(id) else { return };
        let mut most = TOLD_PER_TURN;
        if hub.take_must_be_told() {
            self.changed.extend(bucket.iter().map(|(key, _)| key.to_vec()));
            // Without a pause, as the node waits for it.
            most = usize::MAX;
        }
        for _ in 0..most {
            let Some(key) = self.changed.pop_front() else { break };
            hub.handle_kept(&key, bucket.get(&key).map(|value| value.bytes), now);
        }
        if self.changed.is_empty() && std::mem::take(&mut self.is_complete) {
            let count = bucket.iter().count();
            info!("cluster: the bucket {} has {count} values", self.name);
            hub.handle_bucket_complete(count == 0);
            self.is_ready = true;
            self.compared = self.leads.then(Vec::new);
        }
    }
}

/// Whether JetStream refused with this error.
fn is_refusal(error: &RequestError, number: u32) -> bool {
    matches!(error, RequestError::Refused(error) if error.err_code == number)
}

#[cfg(test)]
mod tests;
