//! Servers that crash, stand still or are about to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chinwag::cluster::nats::{Client, Event, Expected, LinkError, RequestError};
use rustix::process::Signal;

use super::{Driver, Engine, settings, stream};
use crate::store::TestDir;

/// What a test has published and read of the stream `log`.
#[derive(Default)]
pub struct Record {
    /// The number of messages that were sent, and of those that were answered.
    published: u64,
    answered: u64,
    /// The text of each message that is stored, by its number in the stream.
    pub stored: BTreeMap<u64, String>,
    /// How many answers leave open whether the message is stored.
    unknown: u64,
    /// Each message that was read.
    pub read: BTreeMap<u64, String>,
    /// After an error, nothing is published for a moment.
    paused_until: Duration,
}

impl Record {
    /// Keeps `in_flight` messages on the way, until `count` are stored.
    pub fn publish(&mut self, client: &mut Client, in_flight: u64, count: u64, now: Duration) {
        let waiting = |record: &Self| record.published - record.answered;
        while waiting(self) < in_flight
            && waiting(self) + (self.stored.len() as u64) < count
            && self.paused_until <= now
        {
            let tag = self.published + 1;
            // Without a connection nothing is sent, and it is tried again.
            if client.js_publish(tag, "log.x", format!("m{tag}").as_bytes(), Expected::default(), now).is_err() {
                return;
            }
            self.published = tag;
        }
    }

    /// Notes an event; panics if a message comes twice, out of order, or with a gap.
    pub fn note(&mut self, event: Event, now: Duration) {
        match event {
            Event::Published { tag, result: Ok(seq) } => {
                self.answered += 1;
                assert_eq!(self.stored.insert(seq, format!("m{tag}")), None, "a number is given twice");
            }
            Event::Published { result: Err(error), .. } => {
                self.answered += 1;
                self.unknown += u64::from(!error.is_certain());
                self.paused_until = now + Duration::from_millis(50);
            }
            Event::Entry { entry, .. } => {
                assert_eq!(entry.seq, self.read.len() as u64 + 1);
                self.read.insert(entry.seq, String::from_utf8(entry.payload).expect("UTF-8"));
            }
            Event::Gap { .. } | Event::Rewound { .. } => panic!("{event:?}"),
            _ => {}
        }
    }

    /// Whether so many messages are stored, all answers have come, and all stored messages were read.
    pub fn is_complete(&self, count: u64) -> bool {
        let is_read = || self.stored.keys().all(|seq| self.read.contains_key(seq));
        self.stored.len() as u64 == count && self.answered == self.published && is_read()
    }

    /// Compares what was stored with what was read.
    pub fn check(&self) {
        for (seq, text) in &self.stored {
            assert_eq!(self.read.get(seq), Some(text), "number {seq}");
        }
        let texts: BTreeSet<_> = self.read.values().collect();
        assert_eq!(texts.len(), self.read.len(), "a message was stored twice");
        assert!(self.read.len() as u64 <= self.stored.len() as u64 + self.unknown);
    }
}

#[test]
#[ignore = "needs nats-server"]
fn nothing_is_read_twice_or_skipped_when_the_server_crashes() {
    const COUNT: u64 = 4000;
    let mut engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    let now = driver.now();
    driver.nats.client.read("log", 1, now).unwrap();
    let (mut record, mut crashes, mut lost) = (Record::default(), 0, 0);
    driver.drive(|event, client, now| {
        if let Some(event) = event {
            match &event {
                Event::Disconnected { .. } => lost += 1,
                Event::Published { result: Err(error), .. } => assert_eq!(*error, RequestError::ConnectionLost),
                _ => {}
            }
            record.note(event, now);
        }
        record.publish(client, 256, COUNT, now);
        if record.read.len() as u64 > (crashes + 1) * COUNT / 4 && crashes < 2 {
            crashes += 1;
            engine.crash_and_restart();
        }
        record.is_complete(COUNT).then_some(())
    });
    record.check();
    assert_eq!((crashes, lost), (2, 2));
}

#[test]
#[ignore = "needs nats-server"]
fn silent_server_is_left_and_used_again_when_it_speaks() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    let now = driver.now();
    driver.nats.client.read("log", 1, now).unwrap();
    driver.until(|event| matches!(event, Event::CaughtUp { .. }).then_some(()));
    engine.stop();
    let now = driver.now();
    driver.nats.client.js_publish(5, "log.x", b"1", Expected::default(), now).unwrap();
    let mut published = None;
    let (server, why) = driver.until(|event| match event {
        Event::Published { tag: 5, result } => {
            published = Some(result);
            None
        }
        Event::Disconnected { server, why } => Some((server, why)),
        _ => None,
    });
    assert_eq!(published, Some(Err(RequestError::ConnectionLost)));
    assert_eq!(format!("{server}: {why}"), format!("{}: it has not answered for 1 seconds", engine.addr()));
    engine.signal(Signal::CONT);
    driver.until_connected();
    let seq = driver.publish("log.x", "2");
    // The stopped server had the first message in its socket.
    assert!(seq == 1 || seq == 2, "{seq}");
}

#[test]
#[ignore = "needs nats-server"]
fn server_that_is_about_to_stop_is_left_for_another() {
    let [first, second] = [Engine::start(&[]), Engine::start(&[])];
    let mut driver = Driver::new(&settings(&[&first.url(), &second.url()]));
    driver.until_connected();
    // "Lame duck mode": the server closes connections slowly, to have the clients move.
    first.signal(Signal::USR2);
    let why = driver.until(|event| match event {
        Event::Disconnected { why, .. } => Some(why),
        _ => None,
    });
    assert!(matches!(why, LinkError::Stopping), "{why:?}");
    let server = driver.until(|event| match event {
        Event::Connected { server, .. } => Some(server),
        _ => None,
    });
    assert_eq!(server, second.addr());
}

#[test]
#[ignore = "needs nats-server"]
fn consumer_that_was_deleted_is_made_anew() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    let now = driver.now();
    driver.nats.client.read("log", 1, now).unwrap();
    driver.until(|event| matches!(event, Event::CaughtUp { .. }).then_some(()));
    for number in 1..=3 {
        let now = driver.now();
        driver.nats.client.request(1, "$JS.API.CONSUMER.NAMES.log", b"", Duration::from_secs(5), now).unwrap();
        let names = driver.until(|event| match event {
            Event::Answer { result, .. } => Some(result.unwrap()),
            _ => None,
        });
        let names: serde_json::Value = serde_json::from_slice(&names).unwrap();
        let name = names["consumers"][0].as_str().expect("a consumer");
        let delete = format!("$JS.API.CONSUMER.DELETE.log.{name}");
        driver.nats.client.request(2, &delete, b"", Duration::from_secs(5), now).unwrap();
        driver.until(|event| matches!(event, Event::Answer { .. }).then_some(()));
        let now = driver.now();
        driver.nats.client.js_publish(3, "log.x", b"", Expected::default(), now).unwrap();
        let (mut seq, mut is_caught_up) = (None, false);
        let seq = driver.until(|event| {
            match event {
                Event::Entry { entry, .. } => seq = Some(entry.seq),
                Event::CaughtUp { .. } => is_caught_up = true,
                _ => {}
            }
            seq.filter(|_| is_caught_up)
        });
        assert_eq!(seq, number);
    }
}

#[test]
#[ignore = "needs nats-server"]
fn server_that_was_restored_from_an_older_copy_is_told() {
    let mut engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    for number in 1..=5 {
        driver.publish("log.x", &number.to_string());
    }
    engine.kill();
    let copy = TestDir::new();
    let copy_files = |from: &Path, to: &Path| {
        let from = from.join("jetstream");
        assert!(Command::new("cp").arg("-a").args([&from, to]).status().expect("cp starts").success());
    };
    copy_files(&engine.dir.0, &copy.0);
    engine.crash_and_restart();
    driver.until_connected();
    driver.publish("log.x", "6");
    let now = driver.now();
    let reader = driver.nats.client.read("log", 1, now).unwrap();
    driver.until(|event| matches!(event, Event::CaughtUp { .. }).then_some(()));
    engine.kill();
    std::fs::remove_dir_all(engine.dir.0.join("jetstream")).expect("a folder");
    copy_files(&copy.0, &engine.dir.0);
    engine.crash_and_restart();
    let rewound = driver.until(|event| match event {
        Event::Rewound { reader, last } => Some((reader, last)),
        Event::Entry { .. } | Event::Gap { .. } => panic!("{event:?}"),
        _ => None,
    });
    assert_eq!(rewound, (reader, 5));
}
