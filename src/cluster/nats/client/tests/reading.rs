//! Readers of streams, and buckets.

use super::*;

const LOG_INFO: &str = "$JS.API.STREAM.INFO.log";

fn info(first: u64, last: u64) -> String {
    info_of("2026-11-29T00:00:00Z", first, last)
}

fn info_of(created: &str, first: u64, last: u64) -> String {
    format!(
        r#"{{"config":{{"name":"log"}},"created":"{created}","state":{{"messages":1,"bytes":1,"first_seq":{first},"last_seq":{last}}}}}"#
    )
}

/// What the fake server knows of the consumer that the reader has made.
struct Consumer {
    sid: u64,
    /// The request that made it.
    config: serde_json::Value,
    delivered: u64,
}

impl Consumer {
    /// Answers the requests of the reader until it asks for messages.
    #[track_caller]
    fn make(world: &mut World, stream: &str, info: &str, pending: u64) -> Consumer {
        let sent = world.sent();
        let reply = world.reply_to(&sent, &format!("$JS.API.STREAM.INFO.{stream}"));
        world.answer(&reply, info);
        let sent = world.sent();
        let create = sent.iter().position(|line| line.contains("CONSUMER.CREATE")).expect("a request for a consumer");
        let mut line = sent[create].split(' ').skip(1);
        let (subject, reply) = (line.next().unwrap(), line.next().unwrap());
        let config: serde_json::Value = serde_json::from_str(&sent[create + 1]).unwrap();
        let config = config["config"].clone();
        assert_eq!(subject, format!("$JS.API.CONSUMER.CREATE.{stream}.{}", config["name"].as_str().unwrap()));
        world.answer(reply, &format!(r#"{{"num_pending":{pending}}}"#));
        let sent = world.sent();
        let subscription: Vec<_> = sent[0].split(' ').collect();
        assert_eq!(subscription[0], "SUB");
        let pull: Vec<_> = sent[1].split(' ').collect();
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{}", config["name"].as_str().unwrap());
        assert_eq!((pull[1], pull[2]), (next.as_str(), subscription[1]));
        Consumer { sid: subscription[2].parse().unwrap(), config, delivered: 0 }
    }

    fn deliver(&mut self, world: &mut World, seq: u64, subject: &str, headers: &str, payload: &str, pending: u64) {
        self.delivered += 1;
        let reply = format!("$JS.ACK.log.c.1.{seq}.{}.77.{pending}", self.delivered);
        let (size, total) = (headers.len(), headers.len() + payload.len());
        world.receive(&match size {
            0 => format!("MSG {subject} {} {reply} {total}\r\n{payload}\r\n", self.sid),
            _ => format!("HMSG {subject} {} {reply} {size} {total}\r\n{headers}{payload}\r\n", self.sid),
        });
    }

    fn say(&self, world: &mut World, status: &str) {
        let headers = format!("NATS/1.0 {status}\r\n\r\n");
        world.receive(&format!("HMSG in {} {} {}\r\n{headers}\r\n", self.sid, headers.len(), headers.len()));
    }
}

/// The numbers of the messages that were read, and the other events.
fn read(world: &mut World) -> Vec<String> {
    let short = |event: Event| match event {
        Event::Entry { entry, .. } => entry.seq.to_string(),
        Event::CaughtUp { .. } => "caught up".into(),
        Event::Gap { from, first, .. } => format!("gap {from} {first}"),
        Event::Rewound { last, .. } => format!("rewound {last}"),
        Event::ReadFailed { why, .. } => format!("failed: {why}"),
        other => format!("{other:?}"),
    };
    std::iter::from_fn(|| world.client.next_event()).map(short).collect()
}

#[test]
fn entries_come_once_over_lost_consumers_and_connections() {
    let mut world = World::connected();
    world.client.read("log", 1, world.now).unwrap();
    let mut one = Consumer::make(&mut world, "log", &info(1, 3), 3);
    assert_eq!((&one.config["opt_start_seq"], &one.config["ack_policy"]), (&1.into(), &"none".into()));
    (1..=4).for_each(|seq| one.deliver(&mut world, seq, "log.x", "", "hi", 9));
    assert_eq!(read(&mut world), ["1", "2", "3", "caught up", "4"]);
    // It is deleted: another one begins with the next message, and what the first one still sends is dropped.
    one.say(&mut world, "409 Consumer Deleted");
    assert_eq!(world.sent(), [format!("UNSUB {}", one.sid)]);
    one.deliver(&mut world, 5, "log.x", "", "hi", 9);
    world.wait(SECOND / 10).unwrap();
    let mut two = Consumer::make(&mut world, "log", &info(1, 4), 0);
    assert_eq!(two.config["opt_start_seq"], 5);
    assert_ne!(two.config["name"], one.config["name"]);
    two.deliver(&mut world, 5, "log.x", "", "hi", 1);
    // A message was lost on the way.
    two.delivered += 1;
    two.deliver(&mut world, 7, "log.x", "", "hi", 0);
    assert_eq!(read(&mut world), ["caught up", "5"]);
    world.wait(SECOND / 5).unwrap();
    let mut three = Consumer::make(&mut world, "log", &info(1, 7), 2);
    assert_eq!(three.config["opt_start_seq"], 6);
    three.deliver(&mut world, 6, "log.x", "", "hi", 1);
    world.reconnect();
    let mut four = Consumer::make(&mut world, "log", &info(1, 7), 1);
    assert_eq!(four.config["opt_start_seq"], 7);
    four.deliver(&mut world, 7, "log.x", "", "hi", 0);
    let events = read(&mut world);
    assert_eq!((&events[0][..], &events[3..]), ("6", &["7".to_owned(), "caught up".to_owned()][..]));
}

#[test]
fn silent_consumer_is_replaced() {
    let mut world = World::connected();
    world.client.read("log", 1, world.now).unwrap();
    let one = Consumer::make(&mut world, "log", &info(1, 0), 0);
    for _ in 0..10 {
        world.wait(SECOND).unwrap();
        one.say(&mut world, "100 Idle Heartbeat");
    }
    assert!(world.sent().iter().all(|line| line == "PING"));
    world.wait(2 * SECOND).unwrap();
    world.receive("PONG\r\n");
    world.wait(SECOND / 2).unwrap();
    assert!(world.sent().contains(&format!("UNSUB {}", one.sid)));
    world.wait(SECOND / 10).unwrap();
    Consumer::make(&mut world, "log", &info(1, 0), 0);
    assert_eq!(read(&mut world), ["caught up", "caught up"]);
}

#[test]
fn missing_entries_are_told_at_the_beginning_and_in_the_middle() {
    let mut world = World::connected();
    world.client.read("log", 3, world.now).unwrap();
    let mut one = Consumer::make(&mut world, "log", &info(5, 9), 5);
    assert_eq!(one.config["opt_start_seq"], 5);
    one.deliver(&mut world, 5, "log.x", "", "hi", 4);
    one.deliver(&mut world, 8, "log.x", "", "hi", 1);
    one.deliver(&mut world, 9, "log.x", "", "hi", 0);
    assert_eq!(read(&mut world), ["gap 3 5", "5", "gap 6 8", "8", "9", "caught up"]);
    // All that follows was removed: the stream is empty.
    world.reconnect();
    Consumer::make(&mut world, "log", &info(21, 20), 0);
    assert_eq!(read(&mut world)[2..], ["gap 10 21", "caught up"]);
}

#[test]
fn stream_that_ends_before_what_was_read_is_told_after_a_while() {
    let mut world = World::connected();
    world.client.read("log", 11, world.now).unwrap();
    for asked in 0.. {
        assert!(asked < 20);
        let sent = world.sent();
        let reply = world.reply_to(&sent, LOG_INFO);
        world.answer(&reply, &info(1, 9));
        let events = read(&mut world);
        if !events.is_empty() {
            assert!(asked > 5, "a new leader may not know all at first");
            assert_eq!(events, ["rewound 9"]);
            break;
        }
        while !world.client.unwritten().windows(LOG_INFO.len()).any(|part| part == LOG_INFO.as_bytes()) {
            world.wait(SECOND / 10).unwrap();
            world.receive("PONG\r\n");
        }
    }
    world.reconnect();
    assert!(!world.sent().iter().any(|line| line.contains(LOG_INFO)), "it has stopped");
}

#[test]
fn leader_that_learns_the_end_of_the_stream_is_no_other_stream() {
    let mut world = World::connected();
    world.client.read("log", 11, world.now).unwrap();
    let sent = world.sent();
    world.answer(&world.reply_to(&sent, LOG_INFO), &info(1, 9));
    world.wait(SECOND / 10).unwrap();
    Consumer::make(&mut world, "log", &info(1, 10), 0);
    assert_eq!(read(&mut world), ["caught up"]);
}

#[test]
fn stream_that_was_made_anew_is_told_at_once() {
    let mut world = World::connected();
    world.client.read("log", 1, world.now).unwrap();
    Consumer::make(&mut world, "log", &info(1, 0), 0);
    world.reconnect();
    let sent = world.sent();
    world.answer(&world.reply_to(&sent, LOG_INFO), &info_of("2026-11-30T00:00:00Z", 1, 50));
    let events = read(&mut world);
    assert_eq!((&events[0][..], events.last().unwrap().as_str()), ("caught up", "rewound 50"));
}

#[test]
fn failed_attempts_are_told_and_repeated() {
    let mut world = World::connected();
    world.client.read("log", 1, world.now).unwrap();
    let sent = world.sent();
    let missing = r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
    world.answer(&world.reply_to(&sent, LOG_INFO), missing);
    assert_eq!(read(&mut world), ["failed: JetStream refused: stream not found (10059)"]);
    world.wait(SECOND / 10).unwrap();
    // No answer comes.
    world.wait(SECOND).unwrap();
    world.receive("PONG\r\n");
    assert_eq!(read(&mut world), ["failed: no answer came in time"]);
    for nonsense in ["{}", "[]", r#"{"state":{},"created":"x","config":{}}"#] {
        world.sent();
        world.wait(2 * SECOND).unwrap();
        world.receive("PONG\r\n");
        let sent = world.sent();
        world.answer(&world.reply_to(&sent, LOG_INFO), nonsense);
        assert_eq!(read(&mut world), ["failed: the answer cannot be understood"]);
    }
    world.wait(2 * SECOND).unwrap();
    Consumer::make(&mut world, "log", &info(1, 0), 0);
}

#[test]
fn reader_that_was_stopped_is_silent() {
    let mut world = World::connected();
    let reader = world.client.read("log", 1, world.now).unwrap();
    let mut one = Consumer::make(&mut world, "log", &info(1, 9), 9);
    world.client.stop_reading(reader);
    assert_eq!(world.sent(), [format!("UNSUB {}", one.sid)]);
    one.deliver(&mut world, 1, "log.x", "", "hi", 0);
    assert_eq!(read(&mut world), [""; 0]);
}

#[test]
fn bucket_has_the_last_value_of_each_key() {
    let mut world = World::connected();
    let bucket = world.client.watch_bucket("b", world.now).unwrap();
    let mut one = Consumer::make(&mut world, "KV_b", &info(1, 9), 3);
    assert_eq!(
        (&one.config["deliver_policy"], &one.config["filter_subject"]),
        (&"last_per_subject".into(), &"$KV.b.>".into())
    );
    one.deliver(&mut world, 2, "$KV.b.61", "", "1", 2);
    // No keys of ours.
    for subject in ["$KV.b.zz", "$KV.b.6", "$KV.b.61.62", "$KV.c.61", "x"] {
        one.deliver(&mut world, 3, subject, "", "x", 2);
    }
    one.deliver(&mut world, 7, "$KV.b.62", "", "2", 1);
    assert!(!world.client.bucket(bucket).unwrap().is_complete());
    one.deliver(&mut world, 9, "$KV.b.63", "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n", "", 0);
    let known = world.client.bucket(bucket).unwrap();
    let values: Vec<_> = known.iter().map(|(key, value)| (key, value.revision, value.bytes)).collect();
    assert_eq!(values, [(&b"a"[..], 2, &b"1"[..]), (b"b", 7, b"2")]);
    assert_eq!((known.get(b"c"), known.revision(b"c"), known.revision(b"d")), (None, 9, 0));
    let key = |key: &[u8]| format!("BucketChanged {{ bucket: {bucket:?}, key: {key:?} }}");
    let complete = format!("BucketComplete {{ bucket: {bucket:?} }}");
    assert_eq!(read(&mut world), [key(b"a"), key(b"b"), key(b"c"), complete]);
    // It goes on behind the last message, and gaps are nothing special.
    world.reconnect();
    let mut two = Consumer::make(&mut world, "KV_b", &info(2, 20), 1);
    assert_eq!(
        (&two.config["deliver_policy"], &two.config["opt_start_seq"]),
        (&"by_start_sequence".into(), &10.into())
    );
    two.deliver(&mut world, 20, "$KV.b.61", "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\n\r\n", "", 0);
    assert_eq!(world.client.bucket(bucket).unwrap().get(b"a"), None);
    assert_eq!(read(&mut world)[2..], [key(b"a")]);
    // It was made anew.
    world.reconnect();
    let mut three = Consumer::make(&mut world, "KV_b", &info_of("later", 1, 1), 1);
    assert_eq!(three.config["deliver_policy"], "last_per_subject");
    assert_eq!(world.client.bucket(bucket).unwrap().iter().count(), 0);
    three.deliver(&mut world, 1, "$KV.b.64", "", "4", 0);
    assert!(world.client.bucket(bucket).unwrap().is_complete());
}

#[test]
fn values_are_put_and_deleted_under_their_key_in_hexadecimal_digits() {
    let mut world = World::connected();
    let bucket = world.client.watch_bucket("b", world.now).unwrap();
    world.sent();
    world.client.put(1, bucket, b"a.*", b"v", None, world.now).unwrap();
    assert_eq!(
        world.sent(),
        ["HPUB $KV.b.612e2a _INBOX.0000000000000abc.2 40 41", "NATS/1.0", "Nats-Expected-Stream: KV_b", "", "v"]
    );
    world.client.delete(2, bucket, b"a", Some(0), world.now).unwrap();
    assert_eq!(
        world.sent()[1..5],
        ["NATS/1.0", "KV-Operation: DEL", "Nats-Expected-Stream: KV_b", "Nats-Expected-Last-Subject-Sequence: 0"]
    );
    world.client.forget_bucket(bucket);
    assert!(world.client.put(1, bucket, b"a", b"v", None, world.now).is_err());
}
