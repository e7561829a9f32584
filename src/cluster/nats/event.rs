//! What the client tells its caller.

use super::error::{LinkError, RequestError};
use super::jetstream::StreamInfo;

/// A subscription to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriptionId(pub(super) u64);

/// A reader of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReaderId(pub(super) u64);

/// A bucket that is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketId(pub(super) ReaderId);

/// A message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the stream.
    pub seq: u64,
    /// When it was stored, in nanoseconds since the start of 1970.
    pub time: u64,
    pub subject: String,
    pub payload: Vec<u8>,
    /// How many messages of the stream follow, as the server knew when it sent this one.
    pub pending: u64,
}

/// What has happened. A tag is the number that the caller has given with the request.
#[derive(Debug)]
pub enum Event {
    /// There is a connection. Subscriptions and readers go on by themselves.
    Connected {
        server: String,
        version: String,
    },
    /// The connection is lost; the client tries to make another. All requests have been answered with
    /// [`RequestError::ConnectionLost`] before.
    Disconnected {
        server: String,
        why: LinkError,
    },
    /// An attempt to make a connection has failed; the client tries the next server.
    Unreachable {
        server: String,
        why: LinkError,
    },
    /// The server complains about something that was sent, such as a subject that is not permitted; the connection goes
    /// on.
    Complaint {
        text: String,
    },
    /// A message for a subscription.
    Message {
        subscription: SubscriptionId,
        subject: String,
        reply: Option<String>,
        payload: Vec<u8>,
    },
    /// The answer of another client.
    Answer {
        tag: u64,
        result: Result<Vec<u8>, RequestError>,
    },
    /// A message is in its stream, with this number, or not; see [`RequestError::is_certain`].
    Published {
        tag: u64,
        result: Result<u64, RequestError>,
    },
    Stream {
        tag: u64,
        result: Result<Box<StreamInfo>, RequestError>,
    },
    /// The mark of a key that was deleted is not in its bucket any more.
    Purged {
        tag: u64,
        result: Result<(), RequestError>,
    },
    /// The revision that a key has on the server, also if it was deleted; zero if there is neither a value nor a mark.
    Revision {
        tag: u64,
        result: Result<u64, RequestError>,
    },
    /// The next message of a stream.
    Entry {
        reader: ReaderId,
        entry: Entry,
    },
    /// All messages have been read that the stream had when the reader began, or began again after a lost connection or
    /// consumer.
    CaughtUp {
        reader: ReaderId,
    },
    /// The messages from `from` on and before `first` are not in the stream any more.
    Gap {
        reader: ReaderId,
        from: u64,
        first: u64,
    },
    /// The stream was made anew, or taken back to an older copy; `last` is its newest message. The reader has stopped.
    Rewound {
        reader: ReaderId,
        last: u64,
    },
    /// An attempt to read has failed; the reader tries again.
    ReadFailed {
        reader: ReaderId,
        why: RequestError,
    },
    /// A bucket has everything that the server had.
    BucketComplete {
        bucket: BucketId,
    },
    /// A value was put or deleted in a bucket; told for each key, also before the bucket is complete.
    BucketChanged {
        bucket: BucketId,
        key: Vec<u8>,
    },
    /// The bucket was made anew, or taken back to an older copy; it is empty until it is complete again.
    BucketReset {
        bucket: BucketId,
    },
    /// An attempt to read a bucket has failed; the client tries again.
    BucketFailed {
        bucket: BucketId,
        why: RequestError,
    },
}
