//! JetStream: streams, what reads them in order, and buckets of keys and values.

mod answer;
mod bucket;
mod consumer;
mod delivery;
mod reader;
mod stream;

use std::time::Duration;

pub use self::answer::ApiError;
pub(super) use self::answer::{parse, parse_published, parse_revision};
pub use self::bucket::{Bucket, MAX_MARKS, Mark, Value};
pub(super) use self::bucket::{BucketChange, bucket_stream, bucket_subject, is_bucket_name};
pub use self::reader::SHORTER_FOR;
pub(super) use self::reader::{Context, ReadEvent, Reader, Start};
pub use self::stream::{Discard, Retention, Storage, StreamConfig, StreamInfo, StreamState, is_stream_name};

/// The time for the answer to a question: shorter than that of other requests, since asking again does no harm, and while
/// the servers choose a leader, questions get lost.
pub(super) const QUESTION_TIMEOUT: Duration = Duration::from_secs(1);
