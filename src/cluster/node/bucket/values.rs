//! Values of the hub: compared with those of the bucket, put there, and settled when the engine has taken them.

use std::time::Duration;

use log::{debug, warn};

use super::{KeptBucket, MAX_IN_FLIGHT, PAUSE, is_refusal};
use crate::chat::{Hub, Kept};
use crate::cluster::nats::{ApiError, BucketId, Client, RequestError, SendError};
use crate::cluster::node::repeats::Repeats;
use crate::cluster::weakness::Weakness;

/// The pause after another node has changed the same value: its value comes meanwhile.
const SHORT_PAUSE: Duration = Duration::from_millis(100);
/// Values of the hub, and keys of the bucket, that are compared in one turn at most.
const COMPARED_PER_TURN: usize = 64;

/// A value on its way, or one that was refused, whose present revision is asked for.
pub struct InFlight {
    pub key: String,
    /// The revision that was known here; zero for none.
    pub expected: u64,
    /// Its number, once the engine has it.
    pub revision: Option<u64>,
}

impl KeptBucket {
    /// Lets the hub of the oldest node compare some keys of the bucket with its state.
    pub(super) fn compare(&mut self, hub: &mut Hub, client: &Client, id: BucketId) {
        let (Some(after), Some(bucket)) = (self.compared.take(), client.bucket(id)) else { return };
        let keys: Vec<&[u8]> = bucket.keys_after(&after).take(COMPARED_PER_TURN).collect();
        keys.iter().for_each(|key| hub.check_kept(key));
        self.compared = keys.last().map(|key| key.to_vec());
    }

    /// Puts what the hub keeps and the bucket does not have.
    pub(super) fn put(
        &mut self,
        hub: &mut Hub,
        client: &mut Client,
        id: BucketId,
        repeats: &mut Repeats,
        now: Duration,
    ) {
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

    /// Takes the answer to a value that was put.
    pub(super) fn handle_published(
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
                match refused.filter(|_| !self.weakened.is(Weakness::PutsOnce)) {
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

    /// Values that the engine has taken are settled when the hub was told of them, too.
    pub(super) fn settle(&mut self, hub: &mut Hub, client: &Client, id: BucketId) {
        let Some(bucket) = client.bucket(id) else { return };
        self.in_flight.retain(|_, InFlight { key, revision, .. }| {
            let is_settled = revision.is_some_and(|revision| bucket.has_read(key.as_bytes(), revision));
            if is_settled {
                hub.handle_kept_result(key, true);
            }
            !is_settled
        });
    }
}
