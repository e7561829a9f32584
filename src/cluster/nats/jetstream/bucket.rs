//! A bucket of keys and values, kept in memory as the server has it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use data_encoding::HEXLOWER;

use super::reader::ReadEvent;
use super::stream::is_stream_name;
use crate::cluster::nats::error::RequestError;

/// Marks of keys that were deleted that are known at once at most.
pub const MAX_MARKS: usize = 8192;

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

/// The mark of a key that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The number of the message that deleted it.
    pub revision: u64,
    pub key: &'a [u8],
    /// When it was read here.
    pub at: Duration,
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

/// The values of a bucket, and the marks of keys that were deleted.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    values: BTreeMap<Vec<u8>, (u64, Option<Vec<u8>>)>,
    /// The keys without a value, by their revisions, and when they were read.
    marks: BTreeMap<u64, (Vec<u8>, Duration)>,
    /// Whether the server may have marks that are not known here any more.
    has_forgotten: bool,
    /// The number of the last message that was read.
    last: u64,
    is_complete: bool,
}

impl Bucket {
    pub(in crate::cluster::nats) fn new(name: &str) -> Self {
        Bucket {
            name: name.to_owned(),
            values: BTreeMap::new(),
            marks: BTreeMap::new(),
            has_forgotten: false,
            last: 0,
            is_complete: false,
        }
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

    /// The number of the last change of a key, also if it was deleted; zero if nothing is known of it. It is what the
    /// server expects with a change that depends on the value; if it refuses that, see [`Client::find_revision`].
    ///
    /// [`Client::find_revision`]: crate::cluster::nats::Client::find_revision
    pub fn revision(&self, key: &[u8]) -> u64 {
        self.values.get(key).map_or(0, |(revision, _)| *revision)
    }

    /// Whether it has the change of a key with this number, or a later one.
    pub fn has_read(&self, key: &[u8], revision: u64) -> bool {
        self.values.get(key).map_or(self.last, |(last, _)| *last) >= revision
    }

    /// The marks of keys that were deleted, at most [`MAX_MARKS`] of the newest; the oldest first.
    pub fn marks(&self) -> impl ExactSizeIterator<Item = Mark<'_>> {
        self.marks.iter().map(|(&revision, (key, at))| Mark { revision, key, at: *at })
    }

    /// Whether the server may have older marks.
    pub fn has_forgotten(&self) -> bool {
        self.has_forgotten
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

    /// Sets the value of a key, or that it was deleted.
    fn set(&mut self, key: Vec<u8>, revision: u64, bytes: Option<Vec<u8>>, now: Duration) {
        self.remove(&key);
        if bytes.is_none() {
            self.marks.insert(revision, (key.clone(), now));
        }
        self.values.insert(key, (revision, bytes));
        while self.marks.len() > MAX_MARKS
            && let Some((_, (key, _))) = self.marks.pop_first()
        {
            self.values.remove(&key);
            self.has_forgotten = true;
        }
    }

    /// Removes what is known of a key; returns whether it had a value.
    fn remove(&mut self, key: &[u8]) -> bool {
        let Some((revision, bytes)) = self.values.remove(key) else { return false };
        if bytes.is_none() {
            self.marks.remove(&revision);
        }
        bytes.is_some()
    }

    /// See [`Client::correct_bucket`](crate::cluster::nats::Client::correct_bucket).
    pub(in crate::cluster::nats) fn correct(&mut self, key: &[u8], known: u64, present: u64, now: Duration) -> bool {
        if self.revision(key) != known {
            return false;
        }
        match (known, present) {
            (_, 0) => return self.remove(key),
            // It was read, and forgotten, so it was a mark.
            (0, _) if present <= self.last => self.set(key.to_vec(), present, None, now),
            _ => {}
        }
        false
    }

    /// Takes what its reader found; returns what has changed.
    pub(in crate::cluster::nats) fn handle(&mut self, event: ReadEvent, now: Duration) -> Option<BucketChange> {
        match event {
            ReadEvent::Message(delivery, message) => {
                self.last = delivery.seq;
                let key = message.subject.strip_prefix("$KV.")?.strip_prefix(&self.name)?.strip_prefix('.')?;
                let key = HEXLOWER.decode(key.as_bytes()).ok()?;
                // A deleted key has a message that says so.
                let headers = message.headers;
                let is_deleted = headers.get("KV-Operation").is_some_and(|operation| operation != "PUT")
                    || headers.get("Nats-Marker-Reason").is_some();
                let bytes = (!is_deleted).then(|| message.payload.to_vec());
                self.set(key.clone(), delivery.seq, bytes, now);
                Some(BucketChange::Key(key))
            }
            ReadEvent::CaughtUp => {
                let was_complete = std::mem::replace(&mut self.is_complete, true);
                (!was_complete).then_some(BucketChange::Complete)
            }
            ReadEvent::Rewound { .. } => {
                *self = Bucket::new(&self.name);
                Some(BucketChange::Reset)
            }
            ReadEvent::Gap { .. } => None,
            ReadEvent::Failed(error) => Some(BucketChange::Failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::nats::jetstream::delivery::Delivery;
    use crate::cluster::nats::protocol::{Headers, Message};

    const NOW: Duration = Duration::from_secs(1);

    /// Lets a bucket read a value, or that a key was deleted.
    fn read(bucket: &mut Bucket, key: &str, seq: u64, value: Option<&str>) {
        let subject = bucket_subject("b", &HEXLOWER.encode(key.as_bytes()));
        let headers = Headers::new(b"NATS/1.0\r\nKV-Operation: DEL\r\n\r\n").unwrap();
        let headers = if value.is_none() { headers } else { Headers::default() };
        let payload = value.unwrap_or_default().as_bytes();
        let message = Message { subject: &subject, sid: 1, reply: None, headers, payload };
        let delivery = Delivery { seq, number: seq, time: 5, pending: 0 };
        let change = bucket.handle(ReadEvent::Message(delivery, &message), NOW);
        assert_eq!(change, Some(BucketChange::Key(key.into())));
    }

    fn marks(bucket: &Bucket) -> Vec<(u64, &[u8])> {
        bucket.marks().map(|mark| (mark.revision, mark.key)).collect()
    }

    #[test]
    fn marks_are_those_of_keys_without_a_value() {
        let mut bucket = Bucket::new("b");
        read(&mut bucket, "x", 1, Some("1"));
        read(&mut bucket, "x", 2, None);
        read(&mut bucket, "y", 3, None);
        read(&mut bucket, "x", 4, None);
        assert_eq!(marks(&bucket), [(3, &b"y"[..]), (4, b"x")]);
        read(&mut bucket, "y", 5, Some("2"));
        assert_eq!(marks(&bucket), [(4, &b"x"[..])]);
        assert_eq!([b"x", b"y", b"z"].map(|key| bucket.revision(key)), [4, 5, 0]);
        assert_eq!(bucket.handle(ReadEvent::Rewound { last: 0 }, NOW), Some(BucketChange::Reset));
        assert_eq!((bucket.marks().len(), bucket.iter().count()), (0, 0));
    }

    #[test]
    fn oldest_marks_are_forgotten_and_values_are_not() {
        let mut bucket = Bucket::new("b");
        read(&mut bucket, "value", 1, Some("1"));
        for number in 0..MAX_MARKS as u64 {
            read(&mut bucket, &number.to_string(), 2 + number, None);
        }
        assert!(!bucket.has_forgotten() && bucket.revision(b"0") == 2);
        read(&mut bucket, "last", 2 + MAX_MARKS as u64, None);
        assert_eq!((bucket.marks().len(), bucket.has_forgotten()), (MAX_MARKS, true));
        assert_eq!([&b"value"[..], b"0", b"1"].map(|key| bucket.revision(key)), [1, 0, 3]);
        // It was read, and it cannot be known what it was.
        assert!(bucket.has_read(b"0", 2) && !bucket.has_read(b"0", 3 + MAX_MARKS as u64));
        assert!(bucket.has_read(b"1", 3) && !bucket.has_read(b"1", 4));
    }

    #[test]
    fn copy_is_corrected_unless_it_has_changed_meanwhile() {
        let mut bucket = Bucket::new("b");
        read(&mut bucket, "value", 1, Some("1"));
        read(&mut bucket, "mark", 2, None);
        read(&mut bucket, "other", 9, Some("1"));
        // What was known when the server was asked is not known any more.
        assert!(!bucket.correct(b"value", 7, 0, NOW) && bucket.revision(b"value") == 1);
        // A later value comes by itself.
        assert!(!bucket.correct(b"value", 1, 12, NOW) && bucket.revision(b"value") == 1);
        assert!(!bucket.correct(b"new", 0, 12, NOW) && bucket.revision(b"new") == 0);
        assert!(!bucket.correct(b"mark", 2, 0, NOW) && bucket.revision(b"mark") == 0);
        assert!(bucket.correct(b"value", 1, 0, NOW) && bucket.get(b"value").is_none());
        assert!(!bucket.correct(b"forgotten", 0, 5, NOW));
        assert_eq!(marks(&bucket), [(5, &b"forgotten"[..])]);
    }
}
