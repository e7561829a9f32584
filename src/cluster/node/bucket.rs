//! The bucket beside the log: found, made if it is missing, watched, and given what the hub keeps in it.

mod marks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use log::{debug, info, warn};

use self::marks::Purges;
use super::repeats::Repeats;
use crate::chat::{Hub, Kept, Now};
use crate::cluster::nats::{ApiError, Bucket, BucketId, Client, Event, RequestError, SendError, StreamConfig};
use crate::cluster::settings::ClusterSettings;

/// The pause after an error.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause after another node has changed the same value: its value comes meanwhile.
const SHORT_PAUSE: Duration = Duration::from_millis(100);
/// Values on their way to the engine at most.
const MAX_IN_FLIGHT: usize = 16;
/// Changes of the bucket that the hub is told in one turn at most.
const TOLD_PER_TURN: usize = 256;
/// Values of the hub, and keys of the bucket, that are compared in one turn at most.
const COMPARED_PER_TURN: usize = 64;
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

/// A value on its way, or one that was refused, whose present revision is asked for.
struct InFlight {
    key: String,
    /// The revision that was known here; zero for none.
    expected: u64,
    /// Its number, once the engine has it.
    revision: Option<u64>,
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
    /// The hub has known the whole bucket: nothing waits for it any more.
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
    /// When the bucket was heard of last.
    heard: Option<Duration>,
    /// The keys that it had before it was read again.
    before: BTreeSet<Vec<u8>>,
    /// The last key of the bucket that was compared with the state, while this is done.
    compared: Option<Vec<u8>>,
    /// Values that the engine has taken, and those that it has not.
    counts: (u64, u64),
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
            heard: None,
            before: BTreeSet::new(),
            compared: None,
            counts: (0, 0),
        }
    }

    /// Whether the hub has known the whole bucket once, so that the node can take part.
    pub fn is_ready(&self) -> bool {
        self.is_ready
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

    fn handle_published(
        &mut self,
        tag: u64,
        result: Result<u64, RequestError>,
        client: &mut Client,
        repeats: &mut Repeats,
        now: Duration,
    ) {
        match result {
            Ok(revision) => {
                self.counts.0 += 1;
                if let Some(in_flight) = self.in_flight.get_mut(&tag) {
                    in_flight.revision = Some(revision);
                }
            }
            Err(why) => {
                self.counts.1 += 1;
                let refused = self.in_flight.remove(&tag);
                let late = [ApiError::WRONG_LAST_SEQUENCE, ApiError::WRONG_LAST_SEQUENCE_NOW];
                let is_late = late.iter().any(|number| is_refusal(&why, *number));
                match refused {
                    Some(refused) if is_late => self.ask_for_revision(refused, client, now),
                    refused => self.failed.extend(refused.map(|refused| refused.key)),
                }
                self.pause(if is_late { SHORT_PAUSE } else { PAUSE }, now);
                match is_late {
                    true => debug!("cluster: a value is another one than was known here"),
                    false => {
                        repeats.warn(format!("cluster: the bucket {} does not take a value: {why}", self.name), now)
                    }
                }
            }
        }
    }

    fn pause(&mut self, pause: Duration, now: Duration) {
        self.paused_until = self.paused_until.max(now + pause);
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
        if leads != self.leads {
            self.leads = leads;
            self.compared = leads.then(Vec::new);
            hub.lead_bucket(leads);
        }
        self.compare(hub, client, id);
        if client.is_connected() && self.paused_until.is_zero() {
            self.put(hub, client, id, repeats, now);
            self.may_put = self.paused_until.is_zero();
        }
        self.purge(client, id, repeats, now);
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
        for _ in 0..TOLD_PER_TURN {
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

    /// Values that the engine has taken are settled when the hub was told of them, too.
    fn settle(&mut self, hub: &mut Hub, client: &Client, id: BucketId) {
        let Some(bucket) = client.bucket(id) else { return };
        self.in_flight.retain(|_, InFlight { key, revision, .. }| {
            let is_settled = revision.is_some_and(|revision| bucket.has_read(key.as_bytes(), revision));
            if is_settled {
                hub.handle_kept_result(key, true);
            }
            !is_settled
        });
    }

    /// Lets the hub of the oldest node compare some keys of the bucket with its state.
    fn compare(&mut self, hub: &mut Hub, client: &Client, id: BucketId) {
        let (Some(after), Some(bucket)) = (self.compared.take(), client.bucket(id)) else { return };
        let keys: Vec<&[u8]> = bucket.keys_after(&after).take(COMPARED_PER_TURN).collect();
        keys.iter().for_each(|key| hub.check_kept(key));
        self.compared = keys.last().map(|key| key.to_vec());
    }

    /// Puts what the hub keeps and the bucket does not have.
    fn put(&mut self, hub: &mut Hub, client: &mut Client, id: BucketId, repeats: &mut Repeats, now: Duration) {
        for _ in 0..COMPARED_PER_TURN {
            if self.in_flight.len() >= MAX_IN_FLIGHT {
                return;
            }
            let Some(Kept { key, value, if_missing }) = hub.poll_kept() else { return };
            let Some(bucket) = client.bucket(id) else { return };
            let (there, revision) = (bucket.get(key.as_bytes()), bucket.revision(key.as_bytes()));
            let is_equal = there.map(|there| there.bytes) == value.as_deref().map(str::as_bytes);
            if is_equal || if_missing && there.is_some() {
                hub.handle_kept_result(&key, true);
                continue;
            }
            self.last_tag += 1;
            let sent = match &value {
                Some(value) => client.put(self.last_tag, id, key.as_bytes(), value.as_bytes(), Some(revision), now),
                None => client.delete(self.last_tag, id, key.as_bytes(), Some(revision), now),
            };
            match sent {
                Ok(()) => {
                    let in_flight = InFlight { key, expected: revision, revision: None };
                    self.in_flight.insert(self.last_tag, in_flight);
                }
                Err(error @ (SendError::TooLong(_) | SendError::Subject)) => {
                    warn!("cluster: the value of {} cannot be kept in the bucket: {error}", key.escape_debug());
                    hub.handle_kept_result(&key, true);
                }
                Err(error) => {
                    repeats.warn(format!("cluster: the bucket {} does not take a value: {error}", self.name), now);
                    hub.handle_kept_result(&key, false);
                    return self.pause(PAUSE, now);
                }
            }
        }
    }
}

/// Whether JetStream refused with this error.
fn is_refusal(error: &RequestError, number: u32) -> bool {
    matches!(error, RequestError::Refused(error) if error.err_code == number)
}

#[cfg(test)]
mod tests;
