//! A bucket of keys and values, kept in memory as the server has it.

use std::collections::BTreeMap;
use std::ops::Bound;

use data_encoding::HEXLOWER;

use super::reader::ReadEvent;
use super::stream::is_stream_name;
use crate::cluster::nats::error::RequestError;

/// Whether a text can be the name of a bucket.
pub fn is_bucket_name(name: &str) -> bool {
    is_stream_name(name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// The stream of a bucket.
pub fn bucket_stream(name: &str) -> String {
    format!("KV_{name}")
}

/// The subject of a key in its form in subjects.
pub fn bucket_subject(name: &str, key: &str) -> String {
    format!("$KV.{name}.{key}")
}

/// A value of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// The number of the message that set it.
    pub revision: u64,
    pub bytes: &'a [u8],
}

/// What has changed in a bucket.
#[derive(Debug, PartialEq, Eq)]
pub enum BucketChange {
    /// It is complete: it has what the server had when it was asked.
    Complete,
    /// Its value of this key.
    Key(Vec<u8>),
    /// The server's bucket is another one, so this one is empty until it is complete.
    Reset,
    Failed(RequestError),
}

/// The values of a bucket, and the revisions of keys that were deleted.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    values: BTreeMap<Vec<u8>, (u64, Option<Vec<u8>>)>,
    is_complete: bool,
}

impl Bucket {
    pub(in crate::cluster::nats) fn new(name: &str) -> Self {
        Bucket { name: name.to_owned(), values: BTreeMap::new(), is_complete: false }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has had everything that the server had.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value<'_>> {
        let (revision, bytes) = self.values.get(key)?;
        Some(Value { revision: *revision, bytes: bytes.as_deref()? })
    }

    /// The number of the last change of a key, also if it was deleted; zero if it never had a value. It is what the
    /// server expects with a change that depends on the value.
    pub fn revision(&self, key: &[u8]) -> u64 {
        self.values.get(key).map_or(0, |(revision, _)| *revision)
    }

    /// All keys with their values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Value<'_>)> {
        self.values.keys().filter_map(|key| Some((&key[..], self.get(key)?)))
    }

    /// The keys with values after this one, in their order.
    pub fn keys_after(&self, key: &[u8]) -> impl Iterator<Item = &[u8]> {
        let range = self.values.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
        range.filter(|(_, (_, bytes))| bytes.is_some()).map(|(key, _)| &key[..])
    }

    /// Takes what its reader found; returns what has changed.
    pub(in crate::cluster::nats) fn handle(&mut self, event: ReadEvent) -> Option<BucketChange> {
        match event {
            ReadEvent::Message(delivery, message) => {
                let key = message.subject.strip_prefix("$KV.")?.strip_prefix(&self.name)?.strip_prefix('.')?;
                let key = HEXLOWER.decode(key.as_bytes()).ok()?;
                // A deleted key has a message that says so.
                let headers = message.headers;
                let is_deleted = headers.get("KV-Operation").is_some_and(|operation| operation != "PUT")
                    || headers.get("Nats-Marker-Reason").is_some();
                let bytes = (!is_deleted).then(|| message.payload.to_vec());
                self.values.insert(key.clone(), (delivery.seq, bytes));
                Some(BucketChange::Key(key))
            }
            ReadEvent::CaughtUp => {
                let was_complete = std::mem::replace(&mut self.is_complete, true);
                (!was_complete).then_some(BucketChange::Complete)
            }
            ReadEvent::Rewound { .. } => {
                self.values.clear();
                self.is_complete = false;
                Some(BucketChange::Reset)
            }
            ReadEvent::Gap { .. } => None,
            ReadEvent::Failed(error) => Some(BucketChange::Failed(error)),
        }
    }
}
