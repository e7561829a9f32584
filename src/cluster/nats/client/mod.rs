//! The client without its socket: bytes and times in, bytes and events out.
//!
//! What drives it (the socket in [`super::Nats`], or a simulated engine) calls [`Client::open`] for each connection,
//! then [`Client::receive`] with what comes and [`Client::tick`] when [`Client::deadline`] has passed, writes
//! [`Client::unwritten`], and calls [`Client::close`] at the end.

mod buckets;
mod connection;
mod dispatch;
mod events;
mod requests;
mod send;
mod sender;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use self::connection::{Connection, Stage};
use self::events::EventQueue;
pub(super) use self::requests::Purpose;
pub use self::send::Expected;
pub(super) use self::sender::Sender;
use super::error::{LinkError, RequestError};
pub use super::event::{BucketId, Event, ReaderId, SubscriptionId};
use super::jetstream::{Bucket, Context, ReadEvent, Reader};
use super::protocol::{Decoder, ProtocolError, ServerOp};
use super::settings::{Limits, ServerAddr};

/// A subscription of the caller.
#[derive(Debug)]
struct Subscription {
    subject: String,
    /// Its number on the connection.
    sid: u64,
}

/// A reader, and the bucket that it fills if it is not the caller's.
#[derive(Debug)]
struct ReaderSlot {
    reader: Reader,
    bucket: Option<Bucket>,
}

/// A client of NATS and JetStream, without its socket.
#[derive(Debug)]
pub struct Client {
    decoder: Decoder,
    state: State,
}

/// All but the bytes that come, so that an operation can refer to those.
#[derive(Debug)]
struct State {
    limits: Limits,
    connection: Connection,
    sender: Sender,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    readers: BTreeMap<ReaderId, ReaderSlot>,
    /// The last number of a subscription or a reader.
    last_id: u64,
    events: EventQueue,
    /// The name of the server, for events.
    server: String,
}

impl Client {
    /// Makes a client without a connection. `name` is shown in the server's lists; no other client may have the same
    /// `id`, since answers are sent to it.
    pub fn new(name: &str, id: u64, limits: &Limits) -> Self {
        Client {
            decoder: Decoder::new(limits.max_message),
            state: State {
                connection: Connection::new(name),
                sender: Sender::new(id, limits.max_output, limits.answer_timeout),
                limits: limits.clone(),
                subscriptions: BTreeMap::new(),
                readers: BTreeMap::new(),
                last_id: 0,
                events: EventQueue::default(),
                server: String::new(),
            },
        }
    }

    /// Begins a connection: the server is expected to speak.
    pub fn open(&mut self, server: &ServerAddr) {
        self.decoder.clear();
        self.state.sender.close();
        self.state.connection.open(server);
        self.state.server = server.to_string();
    }

    /// Takes bytes of the server.
    ///
    /// # Errors
    /// If the connection cannot be used any more; the caller closes it, and calls [`Client::close`].
    pub fn receive(&mut self, bytes: &[u8], now: Duration) -> Result<(), LinkError> {
        self.decoder.push(bytes);
        self.state.connection.handle_bytes();
        while self.state.connection.stage != Stage::Tls {
            let is_first = self.state.connection.stage == Stage::Info;
            let wrong = |error: ProtocolError| match is_first {
                true => LinkError::NotNats(error),
                false => LinkError::Protocol(error),
            };
            match self.decoder.next().map_err(wrong)? {
                Some(op) => self.state.handle(op, now)?,
                None => return Ok(()),
            }
        }
        if self.decoder.unread().is_empty() { Ok(()) } else { Err(LinkError::BytesBeforeTls) }
    }

    /// Whether the TLS handshake must begin; [`Client::handle_encrypted`] ends it.
    pub fn must_encrypt(&self) -> bool {
        self.state.connection.stage == Stage::Tls
    }

    /// Notes that TLS is complete.
    ///
    /// # Errors
    /// As [`Client::receive`].
    pub fn handle_encrypted(&mut self) -> Result<(), LinkError> {
        let State { connection, sender, .. } = &mut self.state;
        connection.handle_encrypted(&mut sender.output)
    }

    /// Does what is due, after all bytes that came were given to [`Client::receive`].
    ///
    /// # Errors
    /// If the server has been silent for too long; see [`Client::receive`].
    pub fn tick(&mut self, now: Duration) -> Result<(), LinkError> {
        let State { connection, sender, limits, .. } = &mut self.state;
        connection.tick(now, limits, &mut sender.output)?;
        while let Some((number, purpose)) = self.state.sender.requests.take_late(now) {
            self.state.fail_request(number, purpose, RequestError::Timeout, now);
        }
        for id in self.state.readers.keys().copied().collect::<Vec<_>>() {
            self.state.with_reader(id, now, Reader::tick);
        }
        Ok(())
    }

    /// When [`Client::tick`] has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        let State { connection, sender, readers, limits, .. } = &self.state;
        let readers = readers.values().filter(|_| sender.is_open()).filter_map(|slot| slot.reader.deadline());
        let others = [connection.deadline(limits), sender.requests.deadline()];
        readers.chain(others.into_iter().flatten()).min()
    }

    /// Ends the connection, and answers all requests with an error.
    pub fn close(&mut self, why: LinkError, now: Duration) {
        let state = &mut self.state;
        let was_ready = state.connection.stage == Stage::Ready;
        // The server's own words say more than the end of the connection.
        let why = match (why, state.connection.error.take()) {
            (LinkError::Closed | LinkError::Broken(_), Some(text)) => LinkError::Said(text),
            (why, _) => why,
        };
        state.connection.stage = Stage::None;
        state.sender.close();
        state.readers.values_mut().for_each(|slot| slot.reader.disconnect());
        while let Some((number, purpose)) = state.sender.requests.take_first() {
            state.fail_request(number, purpose, RequestError::ConnectionLost, now);
        }
        let server = std::mem::take(&mut state.server);
        state.events.push(match was_ready {
            true => Event::Disconnected { server, why },
            false => Event::Unreachable { server, why },
        });
    }

    /// The bytes to write.
    pub fn unwritten(&self) -> &[u8] {
        self.state.sender.output.unwritten()
    }

    /// Notes that `count` bytes of these were written.
    pub fn advance(&mut self, count: usize) {
        self.state.sender.output.advance(count);
    }

    /// Takes the next event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.state.events.pop()
    }

    /// Whether too many events wait: then nothing more should be read.
    pub fn is_full(&self) -> bool {
        self.state.events.is_full()
    }

    /// Whether there is a connection over which messages can be sent.
    pub fn is_connected(&self) -> bool {
        self.state.sender.is_open()
    }

    /// Whether the server has said that it is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.is_connected() && self.state.connection.info.is_stopping
    }
}

impl State {
    /// Handles one operation of the server.
    fn handle(&mut self, op: ServerOp, now: Duration) -> Result<(), LinkError> {
        // An error was not the last word.
        self.connection.error = None;
        match op {
            ServerOp::Info(json) => self.connection.handle_info(json, &self.limits, &mut self.sender.output)?,
            ServerOp::Ping if self.sender.output.pong() => {}
            ServerOp::Ping => return Err(LinkError::Unread),
            ServerOp::Pong if self.connection.handle_pong(now, &self.limits) => self.start(now),
            ServerOp::Pong | ServerOp::Ok => {}
            ServerOp::Error(text) => self.handle_error(&text)?,
            ServerOp::Message(message) => self.handle_message(&message, now),
        }
        Ok(())
    }

    fn handle_error(&mut self, text: &str) -> Result<(), LinkError> {
        self.connection.handle_error(text)?;
        if self.connection.stage == Stage::Ready
            && let Some(text) = self.connection.error.clone()
        {
            self.events.push(Event::Complaint { text });
        }
        Ok(())
    }

    /// Starts what waited for a connection.
    fn start(&mut self, now: Duration) {
        self.sender.open(self.connection.info.max_payload());
        let version = self.connection.info.version();
        self.events.push(Event::Connected { server: self.server.clone(), version });
        for subscription in self.subscriptions.values_mut() {
            subscription.sid = self.sender.subscribe(&subscription.subject);
        }
        for id in self.readers.keys().copied().collect::<Vec<_>>() {
            self.with_reader(id, now, Reader::tick);
        }
    }

    /// Lets a reader do a step; what it finds becomes events, or fills its bucket.
    fn with_reader(&mut self, id: ReaderId, now: Duration, step: impl FnOnce(&mut Reader, &mut Context)) {
        let State { readers, sender, events, .. } = self;
        let Some(ReaderSlot { reader, bucket }) = readers.get_mut(&id) else { return };
        let mut sink = |event: ReadEvent| {
            let event = match bucket {
                Some(bucket) => bucket.handle(event, now).map(|change| dispatch::bucket_event(BucketId(id), change)),
                None => Some(dispatch::read_event(id, event)),
            };
            event.into_iter().for_each(|event| events.push(event));
        };
        step(reader, &mut Context { sender, now, sink: &mut sink });
    }
}
