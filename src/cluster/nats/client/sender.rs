//! What is sent over the current connection, and the requests that wait for an answer.

use std::time::Duration;

use super::requests::{Purpose, Requests};
use crate::cluster::nats::error::SendError;
use crate::cluster::nats::protocol::{Output, headers_size, is_subject};

/// The subscription to the answers of all requests.
const INBOX_SID: u64 = 1;

/// Sends messages and requests while there is a connection.
#[derive(Debug)]
pub struct Sender {
    pub output: Output,
    pub requests: Requests,
    /// The name that no other client has.
    id: String,
    /// The last number of a subscription; none is used twice.
    last_sid: u64,
    /// The most bytes of a message that the server takes; `None` without a connection.
    max_payload: Option<usize>,
    answer_timeout: Duration,
}

impl Sender {
    pub fn new(id: u64, max_output: usize, answer_timeout: Duration) -> Self {
        Sender {
            output: Output::new(max_output),
            requests: Requests::default(),
            id: format!("{id:016x}"),
            last_sid: INBOX_SID,
            max_payload: None,
            answer_timeout,
        }
    }

    /// The name that no other client has.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Starts to send, and subscribes to the answers.
    pub fn open(&mut self, max_payload: usize) {
        self.max_payload = Some(max_payload);
        let subject = format!("_INBOX.{}.*", self.id);
        self.output.subscribe(&subject, INBOX_SID);
    }

    /// Ends sending; what was not written is forgotten.
    pub fn close(&mut self) {
        self.max_payload = None;
        self.output.clear();
    }

    pub fn is_open(&self) -> bool {
        self.max_payload.is_some()
    }

    /// Publishes a message.
    ///
    /// # Errors
    /// If it cannot be sent now; nothing of it is sent.
    pub fn publish(
        &mut self,
        subject: &str,
        reply: Option<&str>,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) -> Result<(), SendError> {
        let limit = self.max_payload.ok_or(SendError::NotConnected)?;
        let are_words = headers.iter().all(|(_, value)| !value.contains(char::is_control));
        if !is_subject(subject) || !reply.is_none_or(is_subject) || !are_words {
            return Err(SendError::Subject);
        }
        let size = payload.len() + if headers.is_empty() { 0 } else { headers_size(headers) };
        if size > limit {
            return Err(SendError::TooLong(limit));
        }
        if !self.output.has_room(size) {
            return Err(SendError::Full);
        }
        self.output.publish(subject, reply, headers, payload);
        Ok(())
    }

    /// Publishes a message that is answered; returns the number of the request.
    ///
    /// # Errors
    /// As [`Sender::publish`].
    pub fn request(
        &mut self,
        purpose: Purpose,
        subject: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
        now: Duration,
    ) -> Result<u64, SendError> {
        self.request_within(self.answer_timeout, purpose, subject, headers, payload, now)
    }

    /// As [`Sender::request`], with a time for the answer.
    pub fn request_within(
        &mut self,
        timeout: Duration,
        purpose: Purpose,
        subject: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
        now: Duration,
    ) -> Result<u64, SendError> {
        let number = self.requests.add(purpose, now + timeout);
        let inbox = format!("_INBOX.{}.{number}", self.id);
        let sent = self.publish(subject, Some(&inbox), headers, payload);
        if sent.is_err() {
            self.requests.take(number);
        }
        sent.map(|()| number)
    }

    /// The number of the request whose answer a message is; `None` if it is no answer.
    pub fn answered(&self, subject: &str, sid: u64) -> Option<u64> {
        (sid == INBOX_SID).then(|| subject.rsplit('.').next()?.parse().ok()).flatten()
    }

    /// Subscribes to a subject; returns the number of the subscription.
    pub fn subscribe(&mut self, subject: &str) -> u64 {
        self.last_sid += 1;
        if self.is_open() {
            self.output.subscribe(subject, self.last_sid);
        }
        self.last_sid
    }

    pub fn unsubscribe(&mut self, sid: u64) {
        if self.is_open() {
            self.output.unsubscribe(sid);
        }
    }
}
