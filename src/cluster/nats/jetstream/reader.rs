//! Reads the messages of a stream in their order, each once, through consumers that are made anew whenever one is lost.

use std::time::Duration;

use super::QUESTION_TIMEOUT;
use super::consumer::{Consumer, ConsumerInfo, Outcome, create_request};
use super::delivery::Delivery;
use super::stream::StreamInfo;
use crate::cluster::nats::backoff::Backoff;
use crate::cluster::nats::client::{Purpose, ReaderId, Sender};
use crate::cluster::nats::error::{RequestError, SendError};
use crate::cluster::nats::protocol::Message;
use crate::cluster::nats::settings::Limits;

/// A stream that is shorter than what was read of it is asked again for this time: a new leader may not know its end
/// yet.
pub const SHORTER_FOR: Duration = Duration::from_secs(3);

/// The longest pause before it is asked again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With this message. Messages that are missing after it are told.
    At(u64),
    /// With the last message of each subject, then all that follow. Missing messages are not told.
    LastPerSubject,
}

/// What a reader finds.
#[derive(Debug)]
pub enum ReadEvent<'a> {
    /// The next message.
    Message(Delivery, &'a Message<'a>),
    /// All messages that the stream had when the consumer was made have been read; told again for each consumer.
    CaughtUp,
    /// The messages before `first` are not in the stream any more, from `from` on.
    Gap { from: u64, first: u64 },
    /// The stream is another one or was taken back: `last` is its newest message. A reader with [`Start::At`] stops.
    Rewound { last: u64 },
    /// An attempt has failed; the reader tries again.
    Failed(RequestError),
}

/// What a step of a reader needs.
pub struct Context<'a> {
    pub sender: &'a mut Sender,
    pub now: Duration,
    pub sink: &'a mut dyn FnMut(ReadEvent),
}

#[derive(Debug)]
enum Stage {
    /// Begins again at this time, if there is a connection.
    Waiting {
        until: Duration,
    },
    /// Has asked for the state of the stream.
    Asking {
        request: u64,
    },
    /// Makes a consumer.
    Creating {
        request: u64,
        consumer: String,
    },
    Reading(Consumer),
    /// The stream is not the one that was read.
    Stopped,
}

/// Reads one stream.
#[derive(Debug)]
pub struct Reader {
    id: ReaderId,
    stream: String,
    /// The subjects to read; all without it.
    filter: Option<String>,
    start: Start,
    /// The number of the next message; zero: the last of each subject.
    next: u64,
    /// When the stream was made.
    created: Option<String>,
    /// The last message of the stream when it was asked.
    target: u64,
    /// Whether it was told that the messages up to there were read.
    is_caught_up: bool,
    stage: Stage,
    /// The number of consumers so far, for their names.
    consumers: u64,
    backoff: Backoff,
    /// When a consumer was heard of last.
    heard: Option<Duration>,
    /// Since when the stream is shorter than what was read of it.
    shorter_since: Option<Duration>,
    limits: Limits,
}

impl Reader {
    pub fn new(id: ReaderId, stream: &str, filter: Option<String>, start: Start, limits: &Limits) -> Self {
        let next = match start {
            Start::At(seq) => seq.max(1),
            Start::LastPerSubject => 0,
        };
        Reader {
            id,
            stream: stream.to_owned(),
            filter,
            start,
            next,
            created: None,
            target: 0,
            is_caught_up: false,
            stage: Stage::Waiting { until: Duration::ZERO },
            consumers: 0,
            backoff: Backoff::new(LONGEST_PAUSE),
            heard: None,
            shorter_since: None,
            limits: limits.clone(),
        }
    }

    /// The subscription through which messages come.
    pub fn sid(&self) -> Option<u64> {
        match &self.stage {
            Stage::Reading(consumer) => Some(consumer.sid),
            _ => None,
        }
    }

    /// Notes that the connection is lost; goes on from the next message when there is another one.
    pub fn disconnect(&mut self) {
        if !matches!(self.stage, Stage::Stopped) {
            self.stage = Stage::Waiting { until: Duration::ZERO };
        }
    }

    /// Ends the subscription, if there is one.
    pub fn close(&mut self, sender: &mut Sender) {
        if let Some(sid) = self.sid() {
            sender.unsubscribe(sid);
        }
        self.stage = Stage::Stopped;
    }

    /// When a consumer was heard of last; `None` before the first time.
    pub fn heard(&self) -> Option<Duration> {
        self.heard
    }

    /// Whether the present consumer has delivered all that the stream had when it was made.
    pub fn is_caught_up(&self) -> bool {
        self.is_caught_up && matches!(self.stage, Stage::Reading(_))
    }

    /// When [`Reader::tick`] has something to do; only while there is a connection.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Waiting { until } => Some(*until),
            Stage::Reading(consumer) => Some(consumer.deadline()),
            _ => None,
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, context: &mut Context) {
        if !context.sender.is_open() || self.deadline().is_none_or(|at| at > context.now) {
            return;
        }
        match &self.stage {
            Stage::Waiting { .. } => self.ask(context),
            _ => self.begin_again(context),
        }
    }

    fn ask(&mut self, context: &mut Context) {
        let subject = format!("$JS.API.STREAM.INFO.{}", self.stream);
        match self.request(Purpose::ReaderStream(self.id), &subject, b"", context) {
            Ok(request) => self.stage = Stage::Asking { request },
            Err(_) => self.begin_again(context),
        }
    }

    fn request(&self, purpose: Purpose, subject: &str, body: &[u8], context: &mut Context) -> Result<u64, SendError> {
        let timeout = QUESTION_TIMEOUT.min(self.limits.answer_timeout);
        context.sender.request_within(timeout, purpose, subject, &[], body, context.now)
    }

    /// Drops the consumer, and makes another after a pause.
    fn begin_again(&mut self, context: &mut Context) {
        if let Some(sid) = self.sid() {
            context.sender.unsubscribe(sid);
        }
        self.stage = Stage::Waiting { until: context.now + self.backoff.next() };
    }

    fn fail(&mut self, error: RequestError, context: &mut Context) {
        self.begin_again(context);
        (context.sink)(ReadEvent::Failed(error));
    }

    /// Takes the answer about the stream.
    pub fn handle_stream(&mut self, number: u64, answer: Result<StreamInfo, RequestError>, context: &mut Context) {
        if !matches!(self.stage, Stage::Asking { request } if request == number) {
            return;
        }
        let info = match answer {
            Ok(info) => info,
            Err(error) => return self.fail(error, context),
        };
        let (first, last) = (info.state.first_seq, info.state.last_seq);
        let is_other = self.created.as_ref().is_some_and(|created| *created != info.created);
        let is_shorter = self.next > last.saturating_add(1);
        if self.next > 0 && (is_other || is_shorter) {
            let since = *self.shorter_since.get_or_insert(context.now);
            if !is_other && context.now < since + SHORTER_FOR {
                return self.begin_again(context);
            }
            (context.sink)(ReadEvent::Rewound { last });
            match self.start {
                Start::At(_) => return self.stage = Stage::Stopped,
                Start::LastPerSubject => self.next = 0,
            }
        }
        self.shorter_since = None;
        self.created = Some(info.created);
        self.target = last;
        if self.next > 0 && first > self.next {
            self.skip_to(first, context);
        }
        self.create(context);
    }

    /// Goes on behind messages that are missing.
    fn skip_to(&mut self, first: u64, context: &mut Context) {
        if matches!(self.start, Start::At(_)) {
            (context.sink)(ReadEvent::Gap { from: self.next, first });
        }
        self.next = first;
    }

    fn create(&mut self, context: &mut Context) {
        self.consumers += 1;
        let consumer = format!("{}_{}_{}", context.sender.id(), self.id.0, self.consumers);
        let body = create_request(&self.stream, &consumer, self.filter.as_deref(), self.next).to_string();
        let subject = format!("$JS.API.CONSUMER.CREATE.{}.{consumer}", self.stream);
        match self.request(Purpose::ReaderConsumer(self.id), &subject, body.as_bytes(), context) {
            Ok(request) => self.stage = Stage::Creating { request, consumer },
            Err(_) => self.begin_again(context),
        }
    }

    /// Takes the answer about the consumer.
    pub fn handle_consumer(&mut self, number: u64, answer: Result<ConsumerInfo, RequestError>, context: &mut Context) {
        let Stage::Creating { request, consumer } = &mut self.stage else { return };
        if *request != number {
            return;
        }
        let consumer = std::mem::take(consumer);
        let info = match answer {
            Ok(info) => info,
            Err(error) => return self.fail(error, context),
        };
        let inbox = format!("_INBOX.{}.r.{consumer}", context.sender.id());
        let sid = context.sender.subscribe(&inbox);
        self.stage = Stage::Reading(Consumer::new(consumer, sid, inbox, &info, &self.limits, context.now));
        self.heard = Some(context.now);
        self.is_caught_up = false;
        self.note_caught_up(info.num_pending == 0 && self.target < self.next.max(1), context);
        self.pull(context);
    }

    fn note_caught_up(&mut self, is_caught_up: bool, context: &mut Context) {
        if is_caught_up && !std::mem::replace(&mut self.is_caught_up, true) {
            (context.sink)(ReadEvent::CaughtUp);
        }
    }

    /// Asks for more messages, if it is time.
    fn pull(&mut self, context: &mut Context) {
        let Stage::Reading(consumer) = &mut self.stage else { return };
        let Some(body) = consumer.pull_request() else { return };
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream, consumer.name);
        if context.sender.publish(&subject, Some(&consumer.inbox), &[], body.as_bytes()).is_err() {
            self.begin_again(context);
        }
    }

    /// Takes a message of the subscription.
    pub fn handle_message(&mut self, message: &Message, context: &mut Context) {
        let Stage::Reading(consumer) = &mut self.stage else { return };
        self.heard = Some(context.now);
        match consumer.handle(message, context.now) {
            Outcome::Message(delivery) => self.handle_delivery(delivery, message, context),
            // The last messages up to `target` may have been removed.
            Outcome::Idle => {
                self.backoff.reset();
                self.note_caught_up(true, context);
            }
            Outcome::Nothing => {}
            Outcome::Lost => return self.begin_again(context),
        }
        self.pull(context);
    }

    fn handle_delivery(&mut self, delivery: Delivery, message: &Message, context: &mut Context) {
        self.backoff.reset();
        if delivery.seq >= self.next {
            if self.next > 0 && delivery.seq > self.next {
                self.skip_to(delivery.seq, context);
            }
            (context.sink)(ReadEvent::Message(delivery, message));
            self.next = delivery.seq.saturating_add(1);
        }
        self.note_caught_up(delivery.seq >= self.target, context);
    }
}
