//! Marks of deleted keys. Each stays in the bucket for a while, so that all nodes read that the key was deleted; then the
//! node that leads removes it, since new keys are deleted without end.
//!
//! A node that was away for so long that it may have missed a mark reads the whole bucket again. What a node knows of a key
//! may be wrong in two ways: its mark was removed, or the node has forgotten it, as it knows a bounded number of them. The
//! engine refuses a value then, and is asked for the present revision.

use std::collections::BTreeMap;
use std::time::Duration;

use log::info;

use super::values::InFlight;
use super::{KeptBucket, PAUSE, Stage};
use crate::cluster::nats::{Bucket, BucketId, Client, MAX_MARKS, RequestError};
use crate::cluster::node::repeats::Repeats;

/// A node that has not heard of the bucket for longer than this reads it again.
const AWAY: Duration = Duration::from_secs(10);
/// A mark stays at least for this time after it was read, which is more than [`AWAY`] ...
const STAYS_FOR: Duration = Duration::from_secs(60);
/// ... unless there are more than this.
const MANY: usize = MAX_MARKS / 2;
/// So many stay in any case.
const FEW: usize = 256;
/// Marks that are being removed at once at most.
const MAX_PURGES: usize = 16;

/// The marks that are being removed.
#[derive(Default)]
pub struct Purges {
    /// By the tags of the requests: the key and the revision of the mark.
    sent: BTreeMap<u64, (Vec<u8>, u64)>,
    /// After an error there is a pause.
    paused_until: Duration,
}

/// The oldest marks that are to be removed now.
fn due(bucket: &Bucket, now: Duration) -> impl Iterator<Item = (&[u8], u64)> {
    let count = bucket.marks().len();
    let oldest = bucket.marks().take(MAX_PURGES.min(count.saturating_sub(FEW)));
    let is_due = move |index: usize, at: Duration| at + STAYS_FOR <= now || count - index > MANY;
    oldest.enumerate().filter(move |(index, mark)| is_due(*index, mark.at)).map(|(_, mark)| (mark.key, mark.revision))
}

impl KeptBucket {
    /// Removes old marks, if this node leads.
    pub(super) fn purge(&mut self, client: &mut Client, id: BucketId, repeats: &mut Repeats, now: Duration) {
        let Some(bucket) = client.bucket(id).filter(|_| self.leads && client.is_connected()) else { return };
        if bucket.has_forgotten() && bucket.marks().len() <= FEW {
            // Those that were forgotten here are the oldest, and may be there still.
            return self.watch_again(client, id, repeats, now);
        }
        if now < self.purges.paused_until {
            return;
        }
        let is_sent = |revision| self.purges.sent.values().any(|(_, sent)| *sent == revision);
        let due = due(bucket, now).filter(|(_, revision)| !is_sent(*revision));
        let due: Vec<_> = due.map(|(key, revision)| (key.to_vec(), revision)).collect();
        for (key, revision) in due {
            self.last_tag += 1;
            match client.purge_mark(self.last_tag, id, &key, revision, now) {
                Ok(()) => drop(self.purges.sent.insert(self.last_tag, (key, revision))),
                Err(error) => return self.pause_purges(&error.to_string(), repeats, now),
            }
        }
    }

    fn pause_purges(&mut self, why: &str, repeats: &mut Repeats, now: Duration) {
        self.purges.paused_until = now + PAUSE;
        repeats.warn(format!("cluster: the bucket {} keeps the marks of deleted keys: {why}", self.name), now);
    }

    /// Takes the answer about a mark that was to be removed.
    pub(super) fn handle_purged(
        &mut self,
        tag: u64,
        result: Result<(), RequestError>,
        client: &mut Client,
        repeats: &mut Repeats,
        now: Duration,
    ) {
        let (Some((key, revision)), Stage::Watched(id)) = (self.purges.sent.remove(&tag), &self.stage) else { return };
        match result {
            Ok(()) => drop(client.correct_bucket(*id, &key, revision, 0, now)),
            Err(why) => self.pause_purges(&why.to_string(), repeats, now),
        }
    }

    /// Asks for the present revision of a key whose value was refused.
    pub(super) fn ask_for_revision(&mut self, refused: InFlight, client: &mut Client, now: Duration) {
        self.last_tag += 1;
        let asked = match self.stage {
            Stage::Watched(id) => client.find_revision(self.last_tag, id, refused.key.as_bytes(), now).is_ok(),
            _ => false,
        };
        match asked {
            true => drop(self.in_flight.insert(self.last_tag, refused)),
            false => self.failed.push(refused.key),
        }
    }

    /// Takes the present revision of a key; its value is put again.
    pub(super) fn handle_revision(
        &mut self,
        tag: u64,
        result: Result<u64, RequestError>,
        client: &mut Client,
        now: Duration,
    ) {
        let Some(InFlight { key, expected, .. }) = self.in_flight.remove(&tag) else { return };
        if result.as_ref().is_ok_and(|present| (1..expected).contains(present)) {
            self.note_restored();
        }
        if let (Ok(present), Stage::Watched(id)) = (result, &self.stage)
            && client.correct_bucket(*id, key.as_bytes(), expected, present, now)
        {
            self.changed.push_back(key.clone().into_bytes());
        }
        self.failed.push(key);
    }

    /// Whether the bucket was not heard of for so long that marks may have been removed meanwhile.
    pub(super) fn was_away(&mut self, client: &Client, id: BucketId) -> bool {
        let heard = client.bucket_heard(id);
        let before = std::mem::replace(&mut self.heard, heard);
        before.zip(heard).is_some_and(|(before, heard)| heard > before + AWAY)
    }

    /// Reads the whole bucket again. What it does not have any more is found when it is complete.
    pub(super) fn watch_again(&mut self, client: &mut Client, id: BucketId, repeats: &mut Repeats, now: Duration) {
        let keys = client.bucket(id).into_iter().flat_map(|bucket| bucket.iter().map(|(key, _)| key.to_vec()));
        self.before.extend(keys.chain(self.changed.drain(..)));
        self.fail_in_flight();
        self.read_again(client, id, repeats, now);
    }

    /// Reads the whole bucket again.
    pub(super) fn read_again(&mut self, client: &mut Client, id: BucketId, repeats: &mut Repeats, now: Duration) {
        info!("cluster: the bucket {} is read again", self.name);
        client.forget_bucket(id);
        self.is_complete = false;
        self.watch(client, repeats, now);
    }

    /// Notes the keys that the bucket had before it was read again, and has not any more.
    pub(super) fn note_missing(&mut self, client: &Client, id: BucketId) {
        let Some(bucket) = client.bucket(id) else { return };
        let before = std::mem::take(&mut self.before);
        self.changed.extend(before.into_iter().filter(|key| bucket.get(key).is_none()));
    }
}
