//! A pull consumer: what is asked of it, and what it delivers.
//!
//! <https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md>

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::delivery::Delivery;
use crate::cluster::nats::protocol::Message;
use crate::cluster::nats::settings::Limits;

/// The server removes a consumer that was not asked for messages for this time.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(30);

/// A request for messages ends after this time, and is made again.
const EXPIRES: Duration = Duration::from_secs(30);

/// The most bytes that can be asked for at once.
const MAX_BYTES: u32 = i32::MAX as u32;

/// What a server says of a consumer.
#[derive(Debug, Deserialize)]
pub struct ConsumerInfo {
    /// How many messages it will deliver.
    #[serde(default)]
    pub num_pending: u64,
}

/// The request that makes a consumer. It confirms nothing, and the server forgets it when it is not used.
///
/// `next` is the number of the first message; zero: the last one of each subject.
pub fn create_request(stream: &str, consumer: &str, filter: Option<&str>, next: u64) -> Value {
    let mut config = json!({
        "name": consumer,
        "ack_policy": "none",
        "replay_policy": "instant",
        "inactive_threshold": nanoseconds(INACTIVE_THRESHOLD),
        "mem_storage": true,
        "num_replicas": 1,
    });
    match next {
        0 => config["deliver_policy"] = "last_per_subject".into(),
        next => {
            config["deliver_policy"] = "by_start_sequence".into();
            config["opt_start_seq"] = next.into();
        }
    }
    if let Some(filter) = filter {
        config["filter_subject"] = filter.into();
    }
    json!({ "stream_name": stream, "config": config, "action": "create" })
}

/// What a message of the subscription means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the next message of the stream that the consumer delivers.
    Message(Delivery),
    /// The consumer has nothing more to deliver.
    Idle,
    /// Nothing, or a request for messages has ended.
    Nothing,
    /// The consumer is gone, or messages were lost on the way.
    Lost,
}

/// A consumer that delivers.
#[derive(Debug)]
pub struct Consumer {
    pub name: String,
    /// The subscription to which it delivers, and its subject.
    pub sid: u64,
    pub inbox: String,
    /// When it was heard of last.
    pub heard: Duration,
    /// How many messages are asked for and did not come.
    awaited: u64,
    /// How many it has delivered.
    delivered: u64,
    /// How many follow, as it said with the last one.
    pending: u64,
    /// The most messages and bytes to ask for at once.
    batch: u32,
    bytes: u32,
    heartbeat: Duration,
    /// What had been delivered when a message was too large for `bytes`.
    delivered_at_excess: Option<u64>,
}

impl Consumer {
    pub fn new(name: String, sid: u64, inbox: String, info: &ConsumerInfo, limits: &Limits, now: Duration) -> Self {
        Consumer {
            name,
            sid,
            inbox,
            heard: now,
            awaited: 0,
            delivered: 0,
            pending: info.num_pending,
            batch: limits.batch.max(1),
            bytes: limits.batch_bytes.clamp(1, MAX_BYTES),
            heartbeat: limits.heartbeat,
            delivered_at_excess: None,
        }
    }

    /// When the consumer is lost, unless it is heard of before.
    pub fn deadline(&self) -> Duration {
        self.heard + self.heartbeat * 5 / 2
    }

    /// Returns the request for more messages, if at most half a batch is awaited.
    pub fn pull_request(&mut self) -> Option<String> {
        if self.awaited > u64::from(self.batch / 2) {
            return None;
        }
        self.awaited += u64::from(self.batch);
        let (batch, bytes) = (self.batch, self.bytes);
        let [expires, heartbeat] = [EXPIRES, self.heartbeat].map(nanoseconds);
        Some(format!(r#"{{"batch":{batch},"max_bytes":{bytes},"expires":{expires},"idle_heartbeat":{heartbeat}}}"#))
    }

    /// Takes a message of the subscription.
    pub fn handle(&mut self, message: &Message, now: Duration) -> Outcome {
        self.heard = now;
        if let Some(status) = message.headers.status() {
            return self.handle_status(status, message);
        }
        let Some(delivery) = message.reply.and_then(Delivery::parse) else { return Outcome::Nothing };
        self.delivered += 1;
        self.awaited = self.awaited.saturating_sub(1);
        self.pending = delivery.pending;
        if delivery.number == self.delivered { Outcome::Message(delivery) } else { Outcome::Lost }
    }

    /// Takes a message without a payload, which says how a request for messages stands.
    fn handle_status(&mut self, status: u16, message: &Message) -> Outcome {
        let says = |words| message.headers.description().eq_ignore_ascii_case(words);
        match status {
            100 if self.pending == 0 => return Outcome::Idle,
            100 => return Outcome::Nothing,
            404 | 408 => {}
            409 if says("Message Size Exceeds MaxBytes") => {
                // Nothing has come since the last time: a single message is larger.
                if self.delivered_at_excess.replace(self.delivered) == Some(self.delivered) {
                    self.bytes = self.bytes.saturating_mul(2).min(MAX_BYTES);
                }
            }
            409 if says("Batch Completed") => {}
            _ => return Outcome::Lost,
        }
        // The request has ended without these messages.
        let missing = message.headers.get("Nats-Pending-Messages").and_then(|number| number.parse().ok());
        self.awaited = self.awaited.saturating_sub(missing.unwrap_or(u64::from(self.batch)));
        Outcome::Nothing
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::nats::protocol::Headers;

    const SECOND: Duration = Duration::from_secs(1);

    fn consumer(batch: u32, num_pending: u64) -> Consumer {
        let limits = Limits { batch, batch_bytes: 1000, ..Limits::default() };
        Consumer::new("c".into(), 2, "in".into(), &ConsumerInfo { num_pending }, &limits, Duration::ZERO)
    }

    fn deliver(consumer: &mut Consumer, seq: u64, number: u64, pending: u64) -> Outcome {
        let reply = format!("$JS.ACK.S.c.1.{seq}.{number}.5.{pending}");
        let headers = Headers::default();
        consumer.handle(&Message { subject: "a", sid: 2, reply: Some(&reply), headers, payload: b"" }, SECOND)
    }

    fn status(consumer: &mut Consumer, text: &str) -> Outcome {
        let headers = format!("NATS/1.0 {text}\r\n\r\n");
        let headers = Headers::new(headers.as_bytes()).unwrap();
        consumer.handle(&Message { subject: "in", sid: 2, reply: None, headers, payload: b"" }, SECOND)
    }

    fn bytes(request: &str) -> u64 {
        serde_json::from_str::<Value>(request).unwrap()["max_bytes"].as_u64().unwrap()
    }

    #[test]
    fn messages_are_asked_for_before_all_have_come() {
        let mut consumer = consumer(4, 9);
        let request: Value = serde_json::from_str(&consumer.pull_request().unwrap()).unwrap();
        assert_eq!(
            request,
            json!({
                "batch": 4, "max_bytes": 1000, "expires": 30_000_000_000_u64, "idle_heartbeat": 1_000_000_000,
            })
        );
        assert_eq!(consumer.pull_request(), None);
        for (number, asks) in [(1, false), (2, true), (3, false), (4, false), (5, false), (6, true)] {
            let delivery = Delivery { seq: 10 + number, number, time: 5, pending: 9 - number };
            assert_eq!(deliver(&mut consumer, 10 + number, number, 9 - number), Outcome::Message(delivery));
            assert_eq!(consumer.pull_request().is_some(), asks, "{number}");
        }
    }

    #[test]
    fn message_that_was_lost_on_the_way_loses_the_consumer() {
        let mut one = consumer(4, 9);
        assert!(matches!(deliver(&mut one, 1, 1, 2), Outcome::Message(_)));
        assert_eq!(deliver(&mut one, 3, 3, 0), Outcome::Lost);
        let mut other = consumer(4, 9);
        assert_eq!(deliver(&mut other, 1, 2, 2), Outcome::Lost);
    }

    #[test]
    fn request_that_has_ended_is_made_again() {
        for end in
            ["408 Request Timeout", "404 No Messages", "409 Batch Completed", "409 Message Size Exceeds MaxBytes"]
        {
            let mut consumer = consumer(4, 9);
            consumer.pull_request().unwrap();
            deliver(&mut consumer, 1, 1, 0);
            let text = format!("{end}\r\nNats-Pending-Messages: 3\r\nNats-Pending-Bytes: 0");
            assert_eq!((status(&mut consumer, &text), consumer.awaited), (Outcome::Nothing, 0), "{end}");
            assert!(consumer.pull_request().is_some());
            assert_eq!((status(&mut consumer, end), consumer.awaited), (Outcome::Nothing, 0), "{end}");
        }
    }

    #[test]
    fn message_larger_than_what_is_asked_for_comes_in_the_end() {
        let mut consumer = consumer(4, 9);
        let mut asked = Vec::new();
        for _ in 0..40 {
            asked.push(bytes(&consumer.pull_request().unwrap()));
            status(&mut consumer, "409 Message Size Exceeds MaxBytes");
        }
        assert_eq!(asked[..5], [1000, 1000, 2000, 4000, 8000]);
        assert_eq!(asked.last(), Some(&u64::from(MAX_BYTES)));
    }

    #[test]
    fn consumer_is_lost_when_it_ends_or_is_silent() {
        for end in
            ["409 Consumer Deleted", "409 Leadership Change", "409 Server Shutdown", "503", "400 Bad Request", "7"]
        {
            assert_eq!(status(&mut consumer(4, 9), end), Outcome::Lost, "{end}");
        }
        let mut consumer = consumer(4, 1);
        assert_eq!(consumer.deadline(), SECOND * 5 / 2);
        assert_eq!(status(&mut consumer, "100 Idle Heartbeat"), Outcome::Nothing);
        assert_eq!(consumer.deadline(), SECOND * 7 / 2);
        deliver(&mut consumer, 1, 1, 0);
        assert_eq!(status(&mut consumer, "100 Idle Heartbeat"), Outcome::Idle);
    }

    #[test]
    fn anything_else_is_dropped() {
        let mut consumer = consumer(4, 9);
        let noise = Message { subject: "x", sid: 2, reply: None, headers: Headers::default(), payload: b"x" };
        assert_eq!(consumer.handle(&noise, SECOND), Outcome::Nothing);
        assert_eq!(consumer.handle(&Message { reply: Some("$JS.ACK.x"), ..noise }, SECOND), Outcome::Nothing);
        let reply = format!("$JS.ACK.S.c.1.{0}.1.{0}.{0}", u64::MAX);
        assert!(matches!(consumer.handle(&Message { reply: Some(&reply), ..noise }, SECOND), Outcome::Message(_)));
    }

    #[test]
    fn consumer_begins_with_a_message_or_the_last_of_each_subject() {
        let config = |filter, next| create_request("S", "c", filter, next)["config"].clone();
        assert_eq!(
            (&config(None, 7)["deliver_policy"], &config(None, 7)["opt_start_seq"]),
            (&json!("by_start_sequence"), &json!(7))
        );
        let last = config(Some("$KV.b.>"), 0);
        assert_eq!((&last["deliver_policy"], &last["filter_subject"]), (&json!("last_per_subject"), &json!("$KV.b.>")));
        assert_eq!(last.get("opt_start_seq"), None);
    }
}
