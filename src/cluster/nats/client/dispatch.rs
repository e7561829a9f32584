//! What a message is for.

use std::time::Duration;

use serde::de::IgnoredAny;

use super::{BucketId, Event, Purpose, ReaderId, State};
use crate::cluster::nats::error::RequestError;
use crate::cluster::nats::event::Entry;
use crate::cluster::nats::jetstream::{BucketChange, ReadEvent, parse, parse_published, parse_revision};
use crate::cluster::nats::protocol::Message;

impl State {
    /// Handles a message. An answer that has come too late is dropped, and so is a message of a consumer that was given up.
    pub(super) fn handle_message(&mut self, message: &Message, now: Duration) {
        if let Some(number) = self.sender.answered(message.subject, message.sid) {
            if let Some(purpose) = self.sender.requests.take(number) {
                self.handle_answer(number, purpose, message, now);
            }
        } else if let Some((&id, _)) = self.readers.iter().find(|(_, slot)| slot.reader.sid() == Some(message.sid)) {
            self.with_reader(id, now, |reader, context| reader.handle_message(message, context));
        } else if let Some((&id, _)) = self.subscriptions.iter().find(|(_, known)| known.sid == message.sid) {
            self.events.push(Event::Message {
                subscription: id,
                subject: message.subject.to_owned(),
                reply: message.reply.map(str::to_owned),
                payload: message.payload.to_vec(),
            });
        }
    }

    fn handle_answer(&mut self, number: u64, purpose: Purpose, message: &Message, now: Duration) {
        let event = match purpose {
            Purpose::Published { tag } => Event::Published { tag, result: parse_published(message) },
            Purpose::Answer { tag } => {
                let is_refused = message.headers.status() == Some(503);
                let result = if is_refused { Err(RequestError::NoResponders) } else { Ok(message.payload.to_vec()) };
                Event::Answer { tag, result }
            }
            Purpose::Stream { tag } => Event::Stream { tag, result: parse(message).map(Box::new) },
            Purpose::Purged { tag } => Event::Purged { tag, result: parse::<IgnoredAny>(message).map(drop) },
            Purpose::Revision { tag } => Event::Revision { tag, result: parse_revision(message) },
            Purpose::ReaderStream(id) => {
                let answer = parse(message);
                return self.with_reader(id, now, |reader, context| reader.handle_stream(number, answer, context));
            }
            Purpose::ReaderConsumer(id) => {
                let answer = parse(message);
                return self.with_reader(id, now, |reader, context| reader.handle_consumer(number, answer, context));
            }
        };
        self.events.push(event);
    }

    /// Answers a request with an error of the client's own.
    pub(super) fn fail_request(&mut self, number: u64, purpose: Purpose, error: RequestError, now: Duration) {
        let event = match purpose {
            Purpose::Published { tag } => Event::Published { tag, result: Err(error) },
            Purpose::Answer { tag } => Event::Answer { tag, result: Err(error) },
            Purpose::Stream { tag } => Event::Stream { tag, result: Err(error) },
            Purpose::Purged { tag } => Event::Purged { tag, result: Err(error) },
            Purpose::Revision { tag } => Event::Revision { tag, result: Err(error) },
            Purpose::ReaderStream(id) => {
                return self.with_reader(id, now, |reader, context| reader.handle_stream(number, Err(error), context));
            }
            Purpose::ReaderConsumer(id) => {
                return self
                    .with_reader(id, now, |reader, context| reader.handle_consumer(number, Err(error), context));
            }
        };
        self.events.push(event);
    }
}

/// The event for what a reader of the caller found.
pub(super) fn read_event(reader: ReaderId, event: ReadEvent) -> Event {
    match event {
        ReadEvent::Message(delivery, message) => Event::Entry {
            reader,
            entry: Entry {
                seq: delivery.seq,
                time: delivery.time,
                subject: message.subject.to_owned(),
                payload: message.payload.to_vec(),
                pending: delivery.pending,
            },
        },
        ReadEvent::CaughtUp => Event::CaughtUp { reader },
        ReadEvent::Gap { from, first } => Event::Gap { reader, from, first },
        ReadEvent::Rewound { last } => Event::Rewound { reader, last },
        ReadEvent::Failed(why) => Event::ReadFailed { reader, why },
    }
}

/// The event for a change of a bucket.
pub(super) fn bucket_event(bucket: BucketId, change: BucketChange) -> Event {
    match change {
        BucketChange::Complete => Event::BucketComplete { bucket },
        BucketChange::Key(key) => Event::BucketChanged { bucket, key },
        BucketChange::Reset => Event::BucketReset { bucket },
        BucketChange::Failed(why) => Event::BucketFailed { bucket, why },
    }
}
