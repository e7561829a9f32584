//! The engine's side of the bucket: what JetStream answers to the clients of the nodes, in the protocol of NATS.

use std::collections::{BTreeMap, VecDeque};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::stream::{Message, Stream};
use crate::cluster::nats::ApiError;
use crate::cluster::replica::world::engine::Faults;
use crate::util::test_support::Random;

/// A consumer that delivers nothing says so after this number of steps.
const HEARTBEAT: usize = 10;
/// A request for messages ends after this number of steps.
const EXPIRES: usize = 300;
/// The subjects of values begin with this.
const SUBJECTS: &str = "$KV.";

/// A consumer: it delivers the messages that are asked for, in their order.
struct Consumer {
    name: String,
    inbox: String,
    /// The first message that it has not delivered.
    next: u64,
    delivered: u64,
    /// For how many messages it was asked, and until when.
    requests: VecDeque<(usize, u64)>,
    /// The step in which it has sent something.
    heard: usize,
}

#[derive(Default)]
struct Connection {
    input: Vec<u8>,
    /// Bytes for the client, and the steps in which they come.
    output: VecDeque<(usize, Vec<u8>)>,
    /// The subscriptions: subjects, and the numbers that the client has given them.
    subscriptions: Vec<(String, String)>,
    consumers: Vec<Consumer>,
    /// The client is gone. What it has sent last is handled in this step.
    ends_at: Option<usize>,
}

/// An operation of a client.
struct Request {
    subject: String,
    reply: Option<String>,
    headers: String,
    payload: Vec<u8>,
}

impl Connection {
    /// Takes the next whole line of the input.
    fn next_line(&mut self) -> Option<String> {
        let end = self.input.windows(2).position(|two| two == b"\r\n")?;
        let line: Vec<u8> = self.input.drain(..end + 2).take(end).collect();
        Some(String::from_utf8(line).expect("text"))
    }

    /// Sends bytes, which come some steps later, in their order.
    fn send(&mut self, bytes: impl Into<Vec<u8>>, step: usize, faults: Faults, random: &mut Random) {
        let at = step + random.below(faults.delay.max(1));
        let at = self.output.back().map_or(at, |(before, _)| at.max(*before));
        self.output.push_back((at, bytes.into()));
    }

    /// The bytes of a message to a subject, if the client has a subscription to it.
    fn message(&self, subject: &str, to: &str, reply: &str, headers: &str, payload: &[u8]) -> Option<Vec<u8>> {
        let is_for = |pattern: &str| match pattern.strip_suffix('*') {
            Some(begin) => to.strip_prefix(begin).is_some_and(|rest| !rest.contains('.')),
            None => pattern == to,
        };
        let (_, sid) = self.subscriptions.iter().find(|(pattern, _)| is_for(pattern))?;
        let (size, all) = (headers.len(), headers.len() + payload.len());
        let reply = if reply.is_empty() { String::new() } else { format!("{reply} ") };
        let mut bytes = match size {
            0 => format!("MSG {subject} {sid} {reply}{all}\r\n").into_bytes(),
            _ => format!("HMSG {subject} {sid} {reply}{size} {all}\r\n{headers}").into_bytes(),
        };
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(b"\r\n");
        Some(bytes)
    }

    /// Takes the next request; notes what comes before it.
    fn next_request(&mut self, step: usize, faults: Faults, random: &mut Random) -> Option<Request> {
        loop {
            let line = self.next_line()?;
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["PING"] => self.send("PONG\r\n", step, faults, random),
                ["SUB", subject, sid] => self.subscriptions.push((subject.to_owned(), sid.to_owned())),
                ["UNSUB", sid] => self.subscriptions.retain(|(_, other)| other != sid),
                ["PUB", subject, size] => return Some(self.read(subject, None, "0", size)),
                ["PUB", subject, reply, size] => return Some(self.read(subject, Some(reply), "0", size)),
                ["HPUB", subject, reply, size, all] => return Some(self.read(subject, Some(reply), size, all)),
                _ => assert!(line.starts_with("CONNECT") || line == "PONG", "{line}"),
            }
        }
    }

    /// Reads what follows the line of a request: all of it has come.
    fn read(&mut self, subject: &str, reply: Option<&str>, size: &str, all: &str) -> Request {
        let number = |text: &str| text.parse::<usize>().expect("a number");
        let (size, all) = (number(size), number(all));
        let bytes: Vec<u8> = self.input.drain(..all + 2).collect();
        Request {
            subject: subject.to_owned(),
            reply: reply.map(str::to_owned),
            headers: String::from_utf8(bytes[..size].to_vec()).expect("text"),
            payload: bytes[size..all].to_vec(),
        }
    }

    /// Lets the consumers deliver what they were asked for.
    fn deliver(&mut self, stream: &Stream, step: usize, faults: Faults, random: &mut Random) {
        let mut messages = Vec::new();
        let mut consumers = std::mem::take(&mut self.consumers);
        for consumer in &mut consumers {
            while let Some(&(until, left)) = consumer.requests.front().filter(|(until, _)| *until <= step) {
                let headers = format!("NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: {left}\r\n\r\n");
                messages.extend(self.message(&consumer.inbox, &consumer.inbox, "", &headers, b""));
                consumer.requests.retain(|(other, _)| *other != until);
            }
            while let Some((_, left)) = consumer.requests.front_mut()
                && let Some((&number, message)) = stream.messages.range(consumer.next..).next()
            {
                (consumer.next, consumer.delivered, consumer.heard) = (number + 1, consumer.delivered + 1, step);
                let pending = stream.messages.range(number + 1..).count();
                let (name, delivered) = (&consumer.name, consumer.delivered);
                let reply = format!("$JS.ACK.KV.{name}.1.{number}.{delivered}.5.{pending}");
                let Message { subject, headers, payload, .. } = message;
                messages.extend(self.message(subject, &consumer.inbox, &reply, headers, payload));
                *left -= 1;
                if *left == 0 {
                    consumer.requests.pop_front();
                }
            }
            if !consumer.requests.is_empty() && step >= consumer.heard + HEARTBEAT {
                consumer.heard = step;
                let headers = "NATS/1.0 100 Idle Heartbeat\r\n\r\n";
                messages.extend(self.message(&consumer.inbox, &consumer.inbox, "", headers, b""));
            }
        }
        self.consumers = consumers;
        messages.into_iter().for_each(|bytes| self.send(bytes, step, faults, random));
    }
}

/// The bucket at the engine, with the connections of all nodes.
#[derive(Default)]
pub struct Server {
    stream: Option<Stream>,
    /// How many streams were made.
    made: usize,
    connections: BTreeMap<u64, Connection>,
    last_connection: u64,
}

impl Server {
    /// Makes a connection; returns its number.
    pub fn connect(&mut self, step: usize) -> u64 {
        self.last_connection += 1;
        let mut connection = Connection::default();
        connection.output.push_back((step, b"INFO {\"version\":\"2.12.0\"}\r\n".to_vec()));
        self.connections.insert(self.last_connection, connection);
        self.last_connection
    }

    /// Ends a connection: what the client has sent last is lost, or comes later, and what was sent to it is lost.
    pub fn disconnect(&mut self, connection: u64, step: usize, random: &mut Random) {
        match random.one_in(2) {
            true => drop(self.connections.remove(&connection)),
            false => {
                let connection = self.connections.get_mut(&connection).expect("a connection");
                connection.ends_at = Some(step + random.below(40));
            }
        }
    }

    /// Takes bytes of a client.
    pub fn send(&mut self, connection: u64, bytes: &[u8]) {
        self.connections.get_mut(&connection).expect("a connection").input.extend_from_slice(bytes);
    }

    /// The bytes that have come for a client.
    pub fn receive(&mut self, connection: u64, step: usize) -> Vec<u8> {
        let output = &mut self.connections.get_mut(&connection).expect("a connection").output;
        std::iter::from_fn(|| output.pop_front_if(|(at, _)| *at <= step)).flat_map(|(_, bytes)| bytes).collect()
    }

    /// Does a step: answers requests, and delivers messages. Some consumers are lost.
    pub fn tick(&mut self, step: usize, faults: Faults, random: &mut Random) {
        for number in self.connections.keys().copied().collect::<Vec<_>>() {
            let ends_at = self.connections[&number].ends_at;
            if ends_at.is_some_and(|at| step < at) {
                continue;
            }
            self.handle_all(number, step, faults, random);
            if ends_at.is_some() {
                self.connections.remove(&number);
                continue;
            }
            let connection = self.connections.get_mut(&number).expect("a connection");
            if faults.drops > 0 && random.one_in(1_000) {
                connection.consumers.clear();
            }
            if let Some(stream) = &self.stream {
                connection.deliver(stream, step, faults, random);
            }
        }
    }

    /// The engine goes back to an older state.
    pub fn restore(&mut self, lost: usize) {
        self.stream.iter_mut().for_each(|stream| stream.restore(lost));
        self.connections.values_mut().for_each(|connection| connection.consumers.clear());
    }

    /// The values that were stored before a step, by their keys.
    pub fn values(&self, before: usize) -> BTreeMap<String, String> {
        let messages = self.stream.iter().flat_map(|stream| stream.messages.values());
        let values = messages.filter(|message| message.headers.is_empty() && message.at < before);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let key = |subject: &str| {
            let key = subject.rsplit('.').next().expect("a key");
            text(&HEXLOWER.decode(key.as_bytes()).expect("hexadecimal digits"))
        };
        values.map(|message| (key(&message.subject), text(&message.payload))).collect()
    }

    fn handle_all(&mut self, number: u64, step: usize, faults: Faults, random: &mut Random) {
        while let Some(connection) = self.connections.get_mut(&number)
            && let Some(request) = connection.next_request(step, faults, random)
        {
            let is_lost = random.below(1_000) < faults.loses;
            if is_lost && random.one_in(2) {
                continue;
            }
            let reply = request.reply.clone();
            let Some(answer) = self.handle(number, request, step).filter(|_| !is_lost) else { continue };
            let connection = self.connections.get_mut(&number).expect("a connection");
            let to = reply.expect("a subject for the answer");
            let bytes = match answer {
                Value::Null => connection.message(&to, &to, "", "NATS/1.0 503\r\n\r\n", b""),
                answer => connection.message(&to, &to, "", "", answer.to_string().as_bytes()),
            };
            bytes.into_iter().for_each(|bytes| connection.send(bytes, step, faults, random));
        }
    }

    /// Does what a client asks for; returns the answer, if there is one, or `null` if nothing has this subject.
    fn handle(&mut self, number: u64, request: Request, step: usize) -> Option<Value> {
        let Request { subject, reply, headers, payload } = request;
        if subject.starts_with(SUBJECTS) {
            return Some(self.put(subject, &headers, payload, step));
        }
        let words: Vec<&str> = subject.strip_prefix("$JS.API.").expect("a request").split('.').collect();
        if words[..2] == ["STREAM", "CREATE"] {
            self.stream.get_or_insert_with(|| {
                self.made += 1;
                Stream::default()
            });
        }
        let Some(stream) = &mut self.stream else { return Some(error(ApiError::NO_STREAM)) };
        let body: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let consumers = &mut self.connections.get_mut(&number).expect("a connection").consumers;
        Some(match words[..] {
            ["STREAM", "CREATE" | "INFO", _] => {
                let first = stream.messages.keys().next().copied().unwrap_or(stream.last + 1);
                json!({
                    "config": {}, "created": self.made.to_string(), "state": { "first_seq": first, "last_seq": stream.last }
                })
            }
            ["CONSUMER", "CREATE", _, name] => {
                let next = body["config"]["opt_start_seq"].as_u64().unwrap_or(0);
                let (name, inbox) = (name.to_owned(), String::new());
                let requests = VecDeque::new();
                consumers.push(Consumer { name, inbox, next, delivered: 0, requests, heard: step });
                json!({ "num_pending": stream.messages.range(next..).count() })
            }
            ["CONSUMER", "MSG", "NEXT", _, name] => {
                let consumer = consumers.iter_mut().find(|consumer| consumer.name == name)?;
                consumer.inbox = reply.expect("an inbox");
                consumer.requests.push_back((step + EXPIRES, body["batch"].as_u64().expect("a number")));
                return None;
            }
            ["STREAM", "PURGE", _] => {
                let filter = body["filter"].as_str().expect("a subject");
                stream.purge(filter, body["seq"].as_u64().expect("a number"));
                json!({ "success": true, "purged": 1 })
            }
            ["STREAM", "MSG", "GET", _] => match stream.number_of(body["last_by_subj"].as_str().expect("a subject")) {
                0 => error(ApiError::NO_MESSAGE),
                number => json!({ "message": { "seq": number } }),
            },
            _ => panic!("{subject}"),
        })
    }

    /// Puts a value, or the mark of a key that was deleted, unless the key has changed meanwhile.
    fn put(&mut self, subject: String, headers: &str, payload: Vec<u8>, at: usize) -> Value {
        let Some(stream) = &mut self.stream else { return Value::Null };
        let expected = headers.lines().find_map(|line| line.strip_prefix("Nats-Expected-Last-Subject-Sequence: "));
        if expected.is_some_and(|expected| expected.parse() != Ok(stream.number_of(&subject))) {
            return error(ApiError::WRONG_LAST_SEQUENCE);
        }
        let is_mark = headers.contains("KV-Operation: DEL");
        let headers = if is_mark { "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n".to_owned() } else { String::new() };
        json!({ "stream": "KV", "seq": stream.put(Message { subject, headers, payload, at }) })
    }
}

fn error(number: u32) -> Value {
    json!({ "error": { "code": 400, "err_code": number, "description": "refused" } })
}
