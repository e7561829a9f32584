//! What the caller asks of buckets.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::json;

use super::send::Expected;
use super::{BucketId, Client, Purpose};
use crate::cluster::nats::error::SendError;
use crate::cluster::nats::jetstream::{Bucket, QUESTION_TIMEOUT, Start, bucket_stream, bucket_subject, is_bucket_name};

/// Buckets of keys and values. A key is any bytes; in subjects it is written in hexadecimal digits.
impl Client {
    /// Keeps a bucket in memory, as the server has it: [`super::Event::BucketChanged`], `BucketComplete`,
    /// `BucketReset`, `BucketFailed`. Its stream must be made before, with [`StreamConfig::bucket`].
    ///
    /// # Errors
    /// If the name is not of letters, digits, `-` and `_`.
    pub fn watch_bucket(&mut self, name: &str, now: Duration) -> Result<BucketId, SendError> {
        if !is_bucket_name(name) {
            return Err(SendError::Subject);
        }
        let filter = Some(bucket_subject(name, ">"));
        let bucket = Some(Bucket::new(name));
        Ok(BucketId(self.add_reader(&bucket_stream(name), filter, Start::LastPerSubject, bucket, now)))
    }

    /// The values of a bucket.
    pub fn bucket(&self, id: BucketId) -> Option<&Bucket> {
        self.state.readers.get(&id.0)?.bucket.as_ref()
    }

    /// Whether a bucket has all that the server had when it was asked over this connection, or later.
    pub fn is_bucket_current(&self, id: BucketId) -> bool {
        self.state.readers.get(&id.0).is_some_and(|slot| slot.reader.is_caught_up())
    }

    /// When the server was heard of last in what it sends of a bucket; `None` before the first time.
    pub fn bucket_heard(&self, id: BucketId) -> Option<Duration> {
        self.state.readers.get(&id.0)?.reader.heard()
    }

    /// Stops keeping a bucket in memory.
    pub fn forget_bucket(&mut self, id: BucketId) {
        self.stop_reading(id.0);
    }

    /// Puts a value; [`super::Event::Published`] follows with its revision. With `expected`, it is refused unless the
    /// key has this revision on the server; zero: it has neither a value nor a mark that one was deleted.
    ///
    /// # Errors
    /// If it cannot be sent now, or the key is empty or has more than about 480 bytes; then no event follows.
    pub fn put(
        &mut self,
        tag: u64,
        id: BucketId,
        key: &[u8],
        value: &[u8],
        expected: Option<u64>,
        now: Duration,
    ) -> Result<(), SendError> {
        self.change(tag, id, key, &[], value, expected, now)
    }

    /// Deletes a value; as [`Client::put`]. A mark stays in the bucket, so that all who watch it are told.
    ///
    /// # Errors
    /// As [`Client::put`].
    pub fn delete(
        &mut self,
        tag: u64,
        id: BucketId,
        key: &[u8],
        expected: Option<u64>,
        now: Duration,
    ) -> Result<(), SendError> {
        self.change(tag, id, key, &[("KV-Operation", "DEL")], b"", expected, now)
    }

    #[expect(clippy::too_many_arguments, reason = "the common part of `put` and `delete`")]
    fn change(
        &mut self,
        tag: u64,
        id: BucketId,
        key: &[u8],
        headers: &[(&str, &str)],
        value: &[u8],
        expected: Option<u64>,
        now: Duration,
    ) -> Result<(), SendError> {
        let (stream, subject) = self.place(id, key)?;
        let expected = Expected { stream: Some(&stream), last_of_subject: expected };
        self.js_publish_with(tag, &subject, headers, value, expected, now)
    }

    /// Removes the mark of a key that was deleted with this revision from the server; [`super::Event::Purged`] follows. A
    /// later value stays. Who does not watch the bucket at the time of both is not told that the key was deleted.
    ///
    /// # Errors
    /// As [`Client::put`].
    pub fn purge_mark(
        &mut self,
        tag: u64,
        id: BucketId,
        key: &[u8],
        revision: u64,
        now: Duration,
    ) -> Result<(), SendError> {
        let (stream, subject) = self.place(id, key)?;
        // The messages before that number.
        let body = json!({ "filter": subject, "seq": revision.saturating_add(1) }).to_string();
        let request = format!("$JS.API.STREAM.PURGE.{stream}");
        self.state.sender.request(Purpose::Purged { tag }, &request, &[], body.as_bytes(), now).map(|_| ())
    }

    /// Asks for the revision that a key has on the server; [`super::Event::Revision`] follows.
    ///
    /// # Errors
    /// As [`Client::put`].
    pub fn find_revision(&mut self, tag: u64, id: BucketId, key: &[u8], now: Duration) -> Result<(), SendError> {
        let (stream, subject) = self.place(id, key)?;
        let body = json!({ "last_by_subj": subject }).to_string();
        let request = format!("$JS.API.STREAM.MSG.GET.{stream}");
        let timeout = QUESTION_TIMEOUT.min(self.state.limits.answer_timeout);
        let purpose = Purpose::Revision { tag };
        self.state.sender.request_within(timeout, purpose, &request, &[], body.as_bytes(), now).map(|_| ())
    }

    /// Corrects the copy of a bucket: where it has the revision `known` of a key, zero for none, the server has `present`.
    /// Returns whether a value is gone. A value that is still to come changes nothing.
    pub fn correct_bucket(&mut self, id: BucketId, key: &[u8], known: u64, present: u64, now: Duration) -> bool {
        let slot = self.state.readers.get_mut(&id.0);
        slot.and_then(|slot| slot.bucket.as_mut()).is_some_and(|bucket| bucket.correct(key, known, present, now))
    }

    /// The stream and the subject of a key.
    fn place(&self, id: BucketId, key: &[u8]) -> Result<(String, String), SendError> {
        let name = self.bucket(id).ok_or(SendError::Subject)?.name();
        Ok((bucket_stream(name), bucket_subject(name, &HEXLOWER.encode(key))))
    }
}
