//! Marks of deleted keys in the bucket.

use chinwag::cluster::nats::{BucketId, Event};

use super::kept::{wait_for, watching};
use super::{start_node, start_nodes, wait_for_node};
use crate::nats::{Driver, Engine};

/// Marks that are made at once at most.
const IN_FLIGHT: u64 = 256;

/// Makes marks of so many keys.
fn make_marks(driver: &mut Driver, bucket: BucketId, count: u64) {
    let (mut made, mut stored) = (0, 0);
    driver.drive(|event, client, now| {
        stored += u64::from(matches!(event, Some(Event::Published { result: Ok(_), .. })));
        while made < count && made - stored < IN_FLIGHT {
            made += 1;
            client.delete(made, bucket, format!("room.{made}").as_bytes(), None, now).expect("it is sent");
        }
        (stored == count).then_some(())
    });
}

/// The number of messages in the bucket.
fn messages(driver: &mut Driver) -> u64 {
    let now = driver.now();
    driver.nats.client.stream_info(1, "KV_chinwag_tests", now).expect("it is sent");
    driver.until(|event| match event {
        Event::Stream { tag: 1, result } => Some(result.expect("the bucket").state.messages),
        _ => None,
    })
}

#[test]
#[ignore = "needs nats-server"]
fn node_removes_marks_when_there_are_many() {
    let engine = Engine::start(&[]);
    let (mut driver, bucket) = watching(&engine);
    make_marks(&mut driver, bucket, 6000);
    assert_eq!(messages(&mut driver), 6000);
    let mut node = start_node(&engine.url(), "a", &["--console"]);
    wait_for_node(&mut node);
    while messages(&mut driver) > 4096 {}
    // The bucket is of use as before.
    node.type_in("/ban 10.9.9.9\n");
    wait_for(&mut driver, bucket, "ban.10.9.9.9", Some("10.9.9.9"));
}

#[test]
#[ignore = "needs nats-server"]
fn value_is_kept_though_the_mark_of_its_key_was_removed() {
    let (engine, mut nodes) = start_nodes::<1>(&["--console"]);
    let (mut driver, bucket) = watching(&engine);
    nodes[0].type_in("/ban 10.9.9.9\n");
    wait_for(&mut driver, bucket, "ban.10.9.9.9", Some("10.9.9.9"));
    nodes[0].type_in("/unban 10.9.9.9\n");
    wait_for(&mut driver, bucket, "ban.10.9.9.9", None);
    let (now, key) = (driver.now(), b"ban.10.9.9.9");
    let revision = driver.nats.client.bucket(bucket).expect("a bucket").revision(key);
    driver.nats.client.purge_mark(1, bucket, key, revision, now).expect("it is sent");
    driver.until(|event| matches!(event, Event::Purged { result: Ok(()), .. }).then_some(()));
    // The node still knows the mark, which the engine does not have.
    nodes[0].type_in("/ban 10.9.9.9\n");
    wait_for(&mut driver, bucket, "ban.10.9.9.9", Some("10.9.9.9"));
}
