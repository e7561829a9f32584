//! The bucket with a client whose server the tests play.

use time::OffsetDateTime;

use super::*;
use crate::chat::{Config, Incarnation, Lang};
use crate::cluster::nats::Limits;
use crate::cluster::replica::NodeName;
use crate::cluster::settings::LogSettings;
use crate::wire::renderers;

const NOW: Duration = Duration::from_secs(1);

/// A bucket that is watched, and what belongs to it.
struct World {
    client: Client,
    repeats: Repeats,
    bucket: KeptBucket,
    now: Duration,
    /// The subscription of the reader, and how many messages its consumer has delivered.
    sid: String,
    delivered: u64,
}

impl World {
    fn new() -> Self {
        let settings = ClusterSettings {
            servers: Vec::new(),
            tls_ca: None,
            cluster: NodeName::try_from("tests".to_owned()).unwrap(),
            node: NodeName::try_from("a".to_owned()).unwrap(),
            log: LogSettings { replicas: 1, max_age: None, max_bytes: None },
        };
        let mut client = Client::new("tests", 1, &Limits::default());
        client.open(&"nats://h:1".parse().unwrap());
        client.receive(b"INFO {\"version\":\"2.12.0\"}\r\nPONG\r\n", NOW).unwrap();
        let (repeats, mut bucket) = (Repeats::default(), KeptBucket::new(&settings));
        bucket.stage = Stage::Asked;
        let mut world = World { client, repeats, bucket, now: NOW, sid: String::new(), delivered: 0 };
        world.handle(Event::Stream { tag: FIRST_TAG, result: Ok(Box::default()) });
        world
    }

    fn id(&self) -> BucketId {
        match self.bucket.stage {
            Stage::Watched(id) => id,
            _ => panic!("it is not watched"),
        }
    }

    /// The requests to the engine since the last call: subject, where the answer goes, body.
    fn requests(&mut self) -> Vec<[String; 3]> {
        let bytes = self.client.unwritten().to_vec();
        self.client.advance(bytes.len());
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.lines();
        let mut requests = Vec::new();
        while let Some(line) = lines.next() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                // The reader asks for more, which it does by itself.
                ["PUB", subject, ..] if subject.contains("MSG.NEXT") => _ = lines.next(),
                ["PUB", subject, reply, _] => {
                    requests.push([subject, reply, lines.next().unwrap_or_default()].map(str::to_owned));
                }
                ["SUB", _, sid] => self.sid = sid.to_owned(),
                _ => {}
            }
        }
        requests
    }

    fn answer(&mut self, reply: &str, json: &str) {
        self.client.receive(format!("MSG {reply} 1 {}\r\n{json}\r\n", json.len()).as_bytes(), self.now).unwrap();
    }

    /// Lets the reader find a bucket whose last change has this number.
    fn begin(&mut self, last: u64) {
        let info = format!(
            r#"{{"config":{{}},"state":{{"first_seq":1,"last_seq":{last}}},"created":"2026-11-29T12:00:00Z"}}"#
        );
        for (subject, answer) in [("STREAM.INFO", &info[..]), ("CONSUMER.CREATE", r#"{"num_pending":1}"#)] {
            let requests = self.requests();
            let request = requests.iter().find(|request| request[0].contains(subject)).expect(subject);
            self.answer(&request[1], answer);
        }
        self.requests();
        self.delivered = 0;
    }

    /// Lets the reader read a value, or the mark of a key that was deleted, and handles what follows.
    fn deliver(&mut self, key: &str, seq: u64, value: Option<&str>) {
        self.delivered += 1;
        let subject = format!("$KV.chinwag_tests.{}", data_encoding::HEXLOWER.encode(key.as_bytes()));
        let reply = format!("$JS.ACK.S.c.1.{seq}.{}.5.0", self.delivered);
        let headers = if value.is_none() { "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n" } else { "NATS/1.0\r\n\r\n" };
        let value = value.unwrap_or_default();
        let (size, all) = (headers.len(), headers.len() + value.len());
        let message = format!("HMSG {subject} {} {reply} {size} {all}\r\n{headers}{value}\r\n", self.sid);
        self.client.receive(message.as_bytes(), self.now).unwrap();
        while let Some(event) = self.client.next_event() {
            // Those of the connection are not for the bucket.
            let _ = self.bucket.handle(event, &mut self.client, &mut self.repeats, self.now);
        }
    }

    /// Lets the node remove marks until nothing more is due; returns what was asked of the engine.
    fn purge(&mut self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let id = self.id();
            self.bucket.purge(&mut self.client, id, &mut self.repeats, self.now);
            let requests = self.requests();
            assert!(requests.len() <= 16);
            for [subject, reply, body] in &requests {
                assert_eq!(subject, "$JS.API.STREAM.PURGE.KV_chinwag_tests");
                self.answer(reply, r#"{"success":true,"purged":1}"#);
                bodies.push(body.clone());
            }
            if requests.is_empty() {
                return bodies;
            }
            while let Some(event) = self.client.next_event() {
                self.handle(event);
            }
        }
    }

    fn handle(&mut self, event: Event) {
        assert!(self.bucket.handle(event, &mut self.client, &mut self.repeats, self.now).is_ok());
    }

    /// As [`World::purge`], until the bucket is read again; returns how many marks were removed.
    fn purge_until_read_again(&mut self) -> usize {
        let (id, mut count) = (self.id(), 0);
        while self.id() == id {
            self.bucket.purge(&mut self.client, id, &mut self.repeats, self.now);
            for [_, reply, _] in self.requests().iter().filter(|request| request[0].contains("PURGE")) {
                self.answer(reply, r#"{"success":true,"purged":1}"#);
                count += 1;
            }
            while let Some(event) = self.client.next_event() {
                self.handle(event);
            }
        }
        count
    }

    /// Notes a value on its way, and returns the tag of its request.
    fn send(&mut self, key: &str) -> u64 {
        self.bucket.last_tag += 1;
        self.bucket.in_flight.insert(self.bucket.last_tag, InFlight { key: key.into(), expected: 0, revision: None });
        self.bucket.last_tag
    }

    /// The engine has taken a value.
    fn take(&mut self, tag: u64, revision: u64) {
        self.handle(Event::Published { tag, result: Ok(revision) });
    }
}

#[test]
fn values_on_their_way_are_sent_again_when_the_bucket_is_another_one() {
    let no_stream = ApiError { err_code: ApiError::NO_STREAM, ..ApiError::default() };
    let events: [fn(BucketId, ApiError) -> Event; 2] = [
        |bucket, _| Event::BucketReset { bucket },
        |bucket, error| Event::BucketFailed { bucket, why: RequestError::Refused(error) },
    ];
    for event in events {
        let mut world = World::new();
        let [first, second] = ["room.den", "ban.10.0.0.1"].map(|key| world.send(key));
        world.take(first, 500);
        world.handle(event(world.id(), no_stream.clone()));
        assert!(world.bucket.in_flight.is_empty());
        assert_eq!(world.bucket.failed, ["room.den", "ban.10.0.0.1"]);
        // The answer of the old bucket comes too late.
        world.take(second, 501);
        assert_eq!(world.bucket.failed.len(), 2);
    }
}

/// A node that leads, and has read the marks of so many deleted keys.
fn leading_with_marks(count: u64) -> World {
    let mut world = World::new();
    world.bucket.leads = true;
    world.begin(count);
    (1..=count).for_each(|seq| world.deliver(&format!("room.{seq}"), seq, None));
    world.bucket.changed.clear();
    world
}

#[test]
fn old_marks_are_removed_and_some_stay() {
    let mut world = leading_with_marks(300);
    world.deliver("room.value", 301, Some("{}"));
    assert!(world.purge().is_empty());
    world.now += Duration::from_secs(60);
    world.bucket.leads = false;
    assert!(world.purge().is_empty());
    world.bucket.leads = true;
    let bodies = world.purge();
    assert_eq!((bodies.len(), world.client.bucket(world.id()).unwrap().marks().len()), (44, 256));
    // The mark and what was before it, and nothing that came later.
    assert_eq!(bodies[0], r#"{"filter":"$KV.chinwag_tests.726f6f6d2e31","seq":2}"#);
    assert!(world.client.bucket(world.id()).unwrap().get(b"room.value").is_some());
}

#[test]
fn marks_are_removed_earlier_when_there_are_many() {
    let mut world = leading_with_marks(4200);
    assert_eq!(world.purge().len(), 104);
    assert_eq!(world.client.bucket(world.id()).unwrap().marks().len(), 4096);
}

#[test]
fn marks_that_were_forgotten_are_found_again() {
    let mut world = leading_with_marks(8193);
    world.now += Duration::from_secs(60);
    let before = world.id();
    // The bucket is read again, so its stream is asked for.
    assert_eq!(world.purge_until_read_again(), 8192 - 256);
    assert_ne!(world.id(), before);
}

#[test]
fn marks_stay_when_the_engine_does_not_remove_them() {
    let mut world = leading_with_marks(300);
    world.now += Duration::from_secs(60);
    let id = world.id();
    world.bucket.purge(&mut world.client, id, &mut world.repeats, world.now);
    let requests = world.requests();
    world.answer(&requests[0][1], r#"{"error":{"code":403,"err_code":10110,"description":"no purge"}}"#);
    let event = world.client.next_event().expect("an answer");
    world.handle(event);
    assert!(world.purge().is_empty());
    world.now += PAUSE;
    assert!(!world.purge().is_empty());
}

#[test]
fn refused_value_is_put_again_with_the_revision_that_the_engine_has() {
    for (revision, present, known) in [(Some(7), 0, 0), (None, 7, 7), (Some(7), 9, 7)] {
        let mut world = World::new();
        world.begin(8);
        if revision.is_some() {
            world.deliver("room.den", 7, None);
        }
        world.deliver("room.last", 8, Some("{}"));
        let tag = world.send("room.den");
        world.bucket.in_flight.get_mut(&tag).unwrap().expected = revision.unwrap_or(0);
        let why = ApiError { err_code: ApiError::WRONG_LAST_SEQUENCE, ..ApiError::default() };
        world.handle(Event::Published { tag, result: Err(RequestError::Refused(why)) });
        assert!(world.bucket.failed.is_empty());
        let requests = world.requests();
        assert_eq!(requests[0][0], "$JS.API.STREAM.MSG.GET.KV_chinwag_tests");
        assert_eq!(requests[0][2], r#"{"last_by_subj":"$KV.chinwag_tests.726f6f6d2e64656e"}"#);
        world.handle(Event::Revision { tag: tag + 1, result: Ok(present) });
        assert_eq!(world.bucket.failed, ["room.den"]);
        assert_eq!(world.client.bucket(world.id()).unwrap().revision(b"room.den"), known);
    }
}

#[test]
fn bucket_is_read_again_when_the_engine_has_an_older_state() {
    let restorations: [fn(&mut World); 2] = [
        |world| world.bucket.note_restored(),
        |world| {
            // The key has another value than was known here, with a lower number.
            let tag = world.send("room.den");
            world.bucket.in_flight.get_mut(&tag).unwrap().expected = 7;
            world.handle(Event::Revision { tag, result: Ok(3) });
        },
    ];
    for restore in restorations {
        let mut world = World::new();
        world.begin(7);
        world.deliver("room.den", 7, Some("{}"));
        let mut hub = Hub::new(Config::default(), renderers(Lang::En));
        let local = Now { at: world.now, local: OffsetDateTime::UNIX_EPOCH };
        let before = world.id();
        let mut turn = |world: &mut World| {
            world.bucket.turn(&mut hub, &mut world.client, (false, true), &mut world.repeats, local);
        };
        turn(&mut world);
        assert_eq!(world.id(), before);
        restore(&mut world);
        turn(&mut world);
        assert_ne!(world.id(), before);
        // What is not there any more was not deleted.
        world.begin(2);
        world.deliver("room.attic", 2, Some("{}"));
        assert_eq!((world.bucket.is_complete, &world.bucket.changed), (true, &[b"room.attic".to_vec()].into()));
    }
}

#[test]
fn hub_that_has_missed_changes_begins_with_what_the_bucket_has() {
    let mut world = World::new();
    world.begin(7);
    let mut hub = Hub::new(Config::default(), renderers(Lang::En));
    hub.use_cluster();
    hub.use_bucket();
    let local = Now { at: world.now, local: OffsetDateTime::UNIX_EPOCH };
    let turn = |world: &mut World, hub: &mut Hub| {
        world.bucket.turn(hub, &mut world.client, (false, true), &mut world.repeats, local);
    };
    let banned = |hub: &Hub| serde_json::to_string(&hub.snapshot()).unwrap().contains("10.0.0.0/8");
    hub.found(&local);
    hub.rejoin(Incarnation(1), local);
    world.deliver("ban.10.0.0.0/8", 7, Some(r#"{"network":"10.0.0.0/8","name":null,"until":null}"#));
    turn(&mut world, &mut hub);
    // While it has the newest state, that is what counts.
    hub.found(&local);
    assert!(!banned(&hub));
    hub.note_behind();
    turn(&mut world, &mut hub);
    hub.found(&local);
    assert!(banned(&hub));
}

#[test]
fn node_that_is_not_the_oldest_any_more_leads_no_longer_also_while_the_bucket_is_read() {
    let mut world = World::new();
    world.begin(7);
    world.deliver("room.den", 7, Some("{}"));
    let mut hub = Hub::new(Config::default(), renderers(Lang::En));
    let local = Now { at: world.now, local: OffsetDateTime::UNIX_EPOCH };
    let mut turn = |world: &mut World, leads| {
        world.bucket.turn(&mut hub, &mut world.client, (leads, true), &mut world.repeats, local);
        world.bucket.leads()
    };
    assert!(!turn(&mut world, false) && turn(&mut world, true));
    world.bucket.note_restored();
    assert!(turn(&mut world, true) && !turn(&mut world, false));
}

#[test]
fn changes_of_a_bucket_that_is_another_one_now_are_not_told() {
    let mut world = World::new();
    world.begin(7);
    world.deliver("room.den", 7, Some("{}"));
    world.handle(Event::BucketReset { bucket: world.id() });
    assert!(world.bucket.changed.is_empty());
}

#[test]
fn node_that_was_away_reads_the_bucket_again_and_finds_what_is_gone() {
    let mut world = World::new();
    world.begin(2);
    world.deliver("room.den", 1, Some("{}"));
    world.deliver("room.attic", 2, Some("{}"));
    let id = world.id();
    assert!(!world.bucket.was_away(&world.client, id));
    world.now += Duration::from_secs(10);
    world.deliver("room.attic", 3, Some("{}"));
    assert!(!world.bucket.was_away(&world.client, id));
    world.now += Duration::from_secs(11);
    world.deliver("room.attic", 4, Some("{}"));
    assert!(world.bucket.was_away(&world.client, id));
    world.send("room.den");
    world.requests();
    world.bucket.watch_again(&mut world.client, id, &mut world.repeats, world.now);
    assert_eq!(world.bucket.failed, ["room.den"]);
    world.begin(4);
    world.deliver("room.attic", 4, Some("{}"));
    assert!(world.bucket.is_complete);
    assert_eq!(world.bucket.changed, [b"room.attic".to_vec(), b"room.den".to_vec()]);
    let id = world.id();
    assert!(!world.bucket.was_away(&world.client, id));
}
