//! What the caller asks of the client.

use std::time::Duration;

use super::{Client, Purpose, ReaderId, ReaderSlot, Subscription, SubscriptionId};
use crate::cluster::nats::error::SendError;
use crate::cluster::nats::jetstream::{Bucket, QUESTION_TIMEOUT, Reader, Start, StreamConfig, is_stream_name};
use crate::cluster::nats::protocol::is_subject;

/// What must be so that JetStream takes a message; else it is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The stream that stores it.
    pub stream: Option<&'a str>,
    /// The number of the last message with its subject; zero: there is none.
    pub last_of_subject: Option<u64>,
}

/// Messages between clients, which no stream keeps.
impl Client {
    /// Publishes a message to the subscribers of a subject. To answer a message, publish to its `reply`.
    ///
    /// # Errors
    /// If it cannot be sent now.
    pub fn publish(&mut self, subject: &str, payload: &[u8]) -> Result<(), SendError> {
        self.state.sender.publish(subject, None, &[], payload)
    }

    /// Asks the subscribers of a subject; [`super::Event::Answer`] follows.
    ///
    /// # Errors
    /// If it cannot be sent now; then no event follows.
    pub fn request(
        &mut self,
        tag: u64,
        subject: &str,
        payload: &[u8],
        timeout: Duration,
        now: Duration,
    ) -> Result<(), SendError> {
        let purpose = Purpose::Answer { tag };
        self.state.sender.request_within(timeout, purpose, subject, &[], payload, now).map(|_| ())
    }

    /// Subscribes to a subject, for this connection and all later ones; `*` stands for a word, `>` for the rest.
    ///
    /// # Errors
    /// If the subject is not valid.
    pub fn subscribe(&mut self, subject: &str) -> Result<SubscriptionId, SendError> {
        if !is_subject(subject) {
            return Err(SendError::Subject);
        }
        let id = SubscriptionId(self.new_id());
        let sid = self.state.sender.subscribe(subject);
        self.state.subscriptions.insert(id, Subscription { subject: subject.to_owned(), sid });
        Ok(id)
    }

    fn new_id(&mut self) -> u64 {
        self.state.last_id += 1;
        self.state.last_id
    }
}

/// Streams. Each request is answered by exactly one event, unless it returns an error.
impl Client {
    /// Publishes a message for the stream with this subject; [`super::Event::Published`] follows.
    ///
    /// # Errors
    /// If it cannot be sent now; then no event follows.
    pub fn js_publish(
        &mut self,
        tag: u64,
        subject: &str,
        payload: &[u8],
        expected: Expected,
        now: Duration,
    ) -> Result<(), SendError> {
        self.js_publish_with(tag, subject, &[], payload, expected, now)
    }

    pub(super) fn js_publish_with(
        &mut self,
        tag: u64,
        subject: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
        expected: Expected,
        now: Duration,
    ) -> Result<(), SendError> {
        let of_subject = expected.last_of_subject.map(|seq| seq.to_string());
        let conditions =
            [("Nats-Expected-Stream", expected.stream), ("Nats-Expected-Last-Subject-Sequence", of_subject.as_deref())];
        let conditions = conditions.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let headers: Vec<_> = headers.iter().copied().chain(conditions).collect();
        self.state.sender.request(Purpose::Published { tag }, subject, &headers, payload, now).map(|_| ())
    }

    /// Asks for the settings and the state of a stream; [`super::Event::Stream`] follows.
    ///
    /// # Errors
    /// As [`Client::js_publish`].
    pub fn stream_info(&mut self, tag: u64, stream: &str, now: Duration) -> Result<(), SendError> {
        let timeout = QUESTION_TIMEOUT.min(self.state.limits.answer_timeout);
        self.stream_request(tag, timeout, "INFO", stream, b"", now)
    }

    /// Makes a stream; [`super::Event::Stream`] follows. A stream that is there with the same settings is no error.
    ///
    /// # Errors
    /// As [`Client::js_publish`].
    pub fn create_stream(&mut self, tag: u64, config: &StreamConfig, now: Duration) -> Result<(), SendError> {
        let body = serde_json::to_vec(config).unwrap_or_default();
        self.stream_request(tag, self.state.limits.answer_timeout, "CREATE", &config.name, &body, now)
    }

    /// Changes the settings of a stream to these; [`super::Event::Stream`] follows.
    ///
    /// # Errors
    /// As [`Client::js_publish`].
    pub fn update_stream(&mut self, tag: u64, config: &StreamConfig, now: Duration) -> Result<(), SendError> {
        let body = serde_json::to_vec(config).unwrap_or_default();
        self.stream_request(tag, self.state.limits.answer_timeout, "UPDATE", &config.name, &body, now)
    }

    fn stream_request(
        &mut self,
        tag: u64,
        timeout: Duration,
        what: &str,
        stream: &str,
        body: &[u8],
        now: Duration,
    ) -> Result<(), SendError> {
        if !is_stream_name(stream) {
            return Err(SendError::Subject);
        }
        let subject = format!("$JS.API.STREAM.{what}.{stream}");
        self.state.sender.request_within(timeout, Purpose::Stream { tag }, &subject, &[], body, now).map(|_| ())
    }

    /// Reads a stream from the message `from` on, over this connection and all later ones, until
    /// [`Client::stop_reading`]. Each message comes once, in the order of their numbers: [`super::Event::Entry`],
    /// `CaughtUp`, `Gap`, `Rewound`, `ReadFailed`.
    ///
    /// # Errors
    /// If the name of the stream is not valid.
    pub fn read(&mut self, stream: &str, from: u64, now: Duration) -> Result<ReaderId, SendError> {
        if !is_stream_name(stream) {
            return Err(SendError::Subject);
        }
        Ok(self.add_reader(stream, None, Start::At(from), None, now))
    }

    /// Stops reading. Events that wait still come.
    pub fn stop_reading(&mut self, id: ReaderId) {
        if let Some(mut slot) = self.state.readers.remove(&id) {
            slot.reader.close(&mut self.state.sender);
        }
    }

    pub(super) fn add_reader(
        &mut self,
        stream: &str,
        filter: Option<String>,
        start: Start,
        bucket: Option<Bucket>,
        now: Duration,
    ) -> ReaderId {
        let id = ReaderId(self.new_id());
        let reader = Reader::new(id, stream, filter, start, &self.state.limits);
        self.state.readers.insert(id, ReaderSlot { reader, bucket });
        self.state.with_reader(id, now, Reader::tick);
        id
    }
}
