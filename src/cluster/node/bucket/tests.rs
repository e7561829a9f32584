//! The bucket with a client that has no server: the tests say what has happened.

use super::*;
use crate::cluster::nats::Limits;
use crate::cluster::replica::NodeName;
use crate::cluster::settings::LogSettings;

const NOW: Duration = Duration::from_secs(1);

/// A bucket that is watched, and what belongs to it.
struct World {
    client: Client,
    repeats: Repeats,
    bucket: KeptBucket,
    id: BucketId,
}

impl World {
    fn new() -> Self {
        let mut client = Client::new("tests", 1, &Limits::default());
        let id = client.watch_bucket("chinwag_tests", NOW).unwrap();
        let settings = ClusterSettings {
            servers: Vec::new(),
            tls_ca: None,
            cluster: NodeName::try_from("tests".to_owned()).unwrap(),
            node: NodeName::try_from("a".to_owned()).unwrap(),
            log: LogSettings { replicas: 1, max_age: None, max_bytes: None },
        };
        let bucket = KeptBucket { stage: Stage::Watched(id), is_ready: true, ..KeptBucket::new(&settings) };
        World { client, repeats: Repeats::default(), bucket, id }
    }

    fn handle(&mut self, event: Event) {
        assert!(self.bucket.handle(event, &mut self.client, &mut self.repeats, NOW).is_ok());
    }

    /// Notes a value on its way, and returns the tag of its request.
    fn send(&mut self, key: &str) -> u64 {
        self.bucket.last_tag += 1;
        self.bucket.in_flight.insert(self.bucket.last_tag, InFlight { key: key.into(), revision: None });
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
        world.handle(event(world.id, no_stream.clone()));
        assert!(world.bucket.in_flight.is_empty());
        assert_eq!(world.bucket.failed, ["room.den", "ban.10.0.0.1"]);
        // The answer of the old bucket comes too late.
        world.take(second, 501);
        assert_eq!(world.bucket.failed.len(), 2);
    }
}
