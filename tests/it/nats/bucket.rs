//! A bucket of keys and values, watched by two clients.

use chinwag::cluster::nats::{ApiError, BucketId, Event, RequestError, StreamConfig};

use super::{Driver, Engine};

/// A client that has the bucket `people` complete.
fn watching(engine: &Engine) -> (Driver, BucketId) {
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&StreamConfig::bucket("people", 1));
    let now = driver.now();
    let bucket = driver.nats.client.watch_bucket("people", now).unwrap();
    driver.until(|event| matches!(event, Event::BucketComplete { .. }).then_some(()));
    assert!(driver.nats.client.bucket(bucket).unwrap().is_complete());
    (driver, bucket)
}

/// The answer to a change.
fn answer(driver: &mut Driver) -> Result<u64, RequestError> {
    driver.until(|event| match event {
        Event::Published { tag: 1, result } => Some(result),
        _ => None,
    })
}

fn put(
    driver: &mut Driver,
    bucket: BucketId,
    key: &str,
    value: &str,
    expected: Option<u64>,
) -> Result<u64, RequestError> {
    let now = driver.now();
    driver.nats.client.put(1, bucket, key.as_bytes(), value.as_bytes(), expected, now).unwrap();
    answer(driver)
}

/// Waits until the bucket has the revision, and returns all that it has.
fn contents(driver: &mut Driver, bucket: BucketId, key: &str, revision: u64) -> Vec<(String, String)> {
    driver.drive(|_, client, _| (client.bucket(bucket)?.revision(key.as_bytes()) == revision).then_some(()));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let bucket = driver.nats.client.bucket(bucket).unwrap();
    bucket.iter().map(|(key, value)| (text(key), text(value.bytes))).collect()
}

fn is_wrong_revision(result: Result<u64, RequestError>) -> bool {
    matches!(result, Err(RequestError::Refused(error)) if error.err_code == ApiError::WRONG_LAST_SEQUENCE)
}

#[test]
#[ignore = "needs nats-server"]
fn values_are_seen_by_all_who_watch() {
    let engine = Engine::start(&[]);
    let (mut one, bucket) = watching(&engine);
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(put(&mut one, bucket, "张三", "1", None), Ok(1));
    assert_eq!(put(&mut one, bucket, "a b.*>\r\n", "2", Some(0)), Ok(2));
    assert_eq!(put(&mut one, bucket, "张三", "3", Some(1)), Ok(3));
    let all = [pair("a b.*>\r\n", "2"), pair("张三", "3")];
    assert_eq!(contents(&mut one, bucket, "张三", 3), all);
    // A client that comes later has the same, and both see what changes.
    let (mut two, other) = watching(&engine);
    assert_eq!(contents(&mut two, other, "张三", 3), all);
    assert!(is_wrong_revision(put(&mut two, other, "张三", "4", Some(1))));
    assert!(is_wrong_revision(put(&mut two, other, "张三", "4", Some(0))));
    let now = two.now();
    two.nats.client.delete(1, other, "张三".as_bytes(), Some(3), now).unwrap();
    assert_eq!(answer(&mut two), Ok(4));
    assert_eq!(contents(&mut one, bucket, "张三", 4), all[..1]);
    assert_eq!(one.nats.client.bucket(bucket).unwrap().get("张三".as_bytes()), None);
    // A deleted key has a revision.
    assert!(is_wrong_revision(put(&mut one, bucket, "张三", "5", Some(0))));
    assert_eq!(put(&mut one, bucket, "张三", "5", Some(4)), Ok(5));
    assert_eq!(contents(&mut two, other, "张三", 5), [pair("a b.*>\r\n", "2"), pair("张三", "5")]);
}

#[test]
#[ignore = "needs nats-server"]
fn bucket_is_kept_over_a_crash_of_the_server() {
    let mut engine = Engine::start(&[]);
    let (mut one, bucket) = watching(&engine);
    for number in 1..=500 {
        put(&mut one, bucket, &format!("{:03}", number % 100), &number.to_string(), None).unwrap();
    }
    contents(&mut one, bucket, "000", 500);
    engine.crash_and_restart();
    let (mut two, other) = watching(&engine);
    put(&mut two, other, "new", "", None).unwrap();
    let all = contents(&mut two, other, "new", 501);
    assert_eq!(all.len(), 101);
    one.until_connected();
    assert_eq!(contents(&mut one, bucket, "new", 501), all);
}

#[test]
#[ignore = "needs nats-server"]
fn keys_that_are_empty_or_too_long_are_refused() {
    let engine = Engine::start(&[]);
    let (mut one, bucket) = watching(&engine);
    let now = one.now();
    for key in ["", &"x".repeat(600)] {
        assert!(one.nats.client.put(1, bucket, key.as_bytes(), b"", None, now).is_err());
    }
    assert!(one.nats.client.watch_bucket("a.b", now).is_err());
}

#[test]
#[ignore = "needs nats-server"]
fn bucket_that_was_made_anew_is_read_anew() {
    let engine = Engine::start(&[]);
    let (mut one, bucket) = watching(&engine);
    for number in 1..=5 {
        put(&mut one, bucket, &number.to_string(), "old", None).unwrap();
    }
    contents(&mut one, bucket, "5", 5);
    let now = one.now();
    let delete = "$JS.API.STREAM.DELETE.KV_people";
    one.nats.client.request(2, delete, b"", std::time::Duration::from_secs(5), now).unwrap();
    one.until(|event| matches!(event, Event::Answer { result: Ok(_), .. }).then_some(()));
    one.make_stream(&StreamConfig::bucket("people", 1));
    one.until(|event| matches!(event, Event::BucketReset { .. }).then_some(()));
    one.until(|event| matches!(event, Event::BucketComplete { .. }).then_some(()));
    put(&mut one, bucket, "1", "new", Some(0)).unwrap();
    assert_eq!(contents(&mut one, bucket, "1", 1), [("1".to_owned(), "new".to_owned())]);
}

#[test]
#[ignore = "needs nats-server"]
fn mark_of_a_deleted_key_is_removed_and_a_later_value_stays() {
    let engine = Engine::start(&[]);
    let (mut one, bucket) = watching(&engine);
    let delete = |driver: &mut Driver| {
        let now = driver.now();
        driver.nats.client.delete(1, bucket, b"x", None, now).unwrap();
        answer(driver)
    };
    let revision = |driver: &mut Driver| {
        let now = driver.now();
        driver.nats.client.find_revision(2, bucket, b"x", now).unwrap();
        driver.until(|event| match event {
            Event::Revision { tag: 2, result } => Some(result),
            _ => None,
        })
    };
    let purge = |driver: &mut Driver, revision| {
        let now = driver.now();
        driver.nats.client.purge_mark(3, bucket, b"x", revision, now).unwrap();
        driver.until(|event| match event {
            Event::Purged { tag: 3, result } => Some(result),
            _ => None,
        })
    };
    assert_eq!(revision(&mut one), Ok(0));
    put(&mut one, bucket, "y", "other", None).unwrap();
    put(&mut one, bucket, "x", "1", None).unwrap();
    assert_eq!((revision(&mut one), delete(&mut one), revision(&mut one)), (Ok(2), Ok(3), Ok(3)));
    assert_eq!((purge(&mut one, 3), revision(&mut one)), (Ok(()), Ok(0)));
    // It is now as if the key had never been there.
    assert!(is_wrong_revision(put(&mut one, bucket, "x", "2", Some(3))));
    assert_eq!(put(&mut one, bucket, "x", "2", Some(0)), Ok(4));
    assert_eq!((delete(&mut one), put(&mut one, bucket, "x", "3", None)), (Ok(5), Ok(6)));
    assert_eq!((purge(&mut one, 5), revision(&mut one)), (Ok(()), Ok(6)));
    let (mut two, other) = watching(&engine);
    let all = [("x".to_owned(), "3".to_owned()), ("y".to_owned(), "other".to_owned())];
    assert_eq!(contents(&mut two, other, "x", 6), all);
}
