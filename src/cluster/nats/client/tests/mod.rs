//! The client with a server that the tests play.

mod connection;
mod nonsense;
mod reading;
mod requests;

use std::time::Duration;

use super::*;
use crate::cluster::nats::error::LinkError;

const SECOND: Duration = Duration::from_secs(1);

const INFO: &str = "INFO {\"version\":\"2.12.0\",\"max_payload\":1000}\r\n";

/// A client, what it has told, and the time.
struct World {
    client: Client,
    now: Duration,
}

impl World {
    /// A client that waits for the first words of a server.
    fn open(url: &str) -> Self {
        Self::open_with(url, &Limits::default())
    }

    /// The same, with other limits.
    fn open_with(url: &str, limits: &Limits) -> Self {
        let mut client = Client::new("tests", 0xabc, limits);
        client.open(&url.parse().unwrap());
        World { client, now: SECOND }
    }

    /// A client that is connected; its first words are taken.
    fn connected() -> Self {
        let mut world = Self::open("nats://h:1");
        world.log_in();
        world
    }

    /// Answers the first words of the client as a server does.
    fn log_in(&mut self) {
        self.receive(INFO);
        self.receive("PONG\r\n");
        self.sent();
        let events = self.events();
        assert!(events.iter().any(|event| event.starts_with("Connected { server: \"h:1\"")), "{events:?}");
    }

    #[track_caller]
    fn receive(&mut self, text: &str) {
        self.client.receive(text.as_bytes(), self.now).unwrap();
    }

    /// The lines that the client has sent since the last call.
    fn sent(&mut self) -> Vec<String> {
        let bytes = self.client.unwritten().to_vec();
        self.client.advance(bytes.len());
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    /// The events since the last call.
    fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.client.next_event()).map(|event| format!("{event:?}")).collect()
    }

    /// Lets time pass, and does what is due, if anything is.
    fn wait(&mut self, time: Duration) -> Result<(), LinkError> {
        self.now += time;
        self.client.tick(self.now)
    }

    /// Loses the connection, and makes another.
    fn reconnect(&mut self) {
        self.client.close(LinkError::Closed, self.now);
        self.client.open(&"nats://h:1".parse().unwrap());
        self.receive(INFO);
        self.receive("PONG\r\n");
    }

    /// The subject for the answer of the request that was sent to this subject.
    fn reply_to(&self, sent: &[String], subject: &str) -> String {
        let line = sent.iter().find(|line| line.split(' ').nth(1) == Some(subject));
        line.and_then(|line| line.split(' ').nth(2)).unwrap_or_else(|| panic!("{subject} in {sent:?}")).to_owned()
    }

    /// Answers a request.
    #[track_caller]
    fn answer(&mut self, reply: &str, json: &str) {
        self.receive(&format!("MSG {reply} 1 {}\r\n{json}\r\n", json.len()));
    }
}
