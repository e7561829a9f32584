//! Messages between clients, which no stream keeps.

use std::time::Duration;

use chinwag::cluster::nats::{Event, RequestError, SendError};

use super::{Driver, Engine, settings};

/// The answer to a question.
fn answer(driver: &mut Driver) -> Result<Vec<u8>, RequestError> {
    driver.until(|event| match event {
        Event::Answer { tag: 1, result } => Some(result),
        _ => None,
    })
}

#[test]
#[ignore = "needs nats-server"]
fn subscribers_get_what_is_published_also_their_own() {
    let mut engine = Engine::start(&[]);
    let [mut one, mut two] = [Driver::connect(&engine.url()), Driver::connect(&engine.url())];
    let subscription = one.nats.client.subscribe("beat.*").unwrap();
    let heard = |driver: &mut Driver| {
        driver.until(|event| match event {
            Event::Message { subscription, subject, reply: None, payload } => Some((subscription, subject, payload)),
            _ => None,
        })
    };
    one.nats.client.publish("beat.one", b"1").unwrap();
    assert_eq!(heard(&mut one), (subscription, "beat.one".into(), b"1".into()));
    two.nats.client.publish("beat.two", b"2").unwrap();
    two.turn();
    assert_eq!(heard(&mut one), (subscription, "beat.two".into(), b"2".into()));
    // A subscription outlives its connection.
    engine.crash_and_restart();
    one.until_connected();
    one.nats.client.publish("beat.one", b"3").unwrap();
    assert_eq!(heard(&mut one).2, b"3");
}

#[test]
#[ignore = "needs nats-server"]
fn questions_are_answered_refused_or_late() {
    let engine = Engine::start(&[]);
    let [mut one, mut two] = [Driver::connect(&engine.url()), Driver::connect(&engine.url())];
    let second = Duration::from_secs(1);
    let now = one.now();
    one.nats.client.request(1, "whisper.two", b"psst", 20 * second, now).unwrap();
    assert_eq!(answer(&mut one), Err(RequestError::NoResponders));
    two.nats.client.subscribe("whisper.two").unwrap();
    // The answer to its own question says that the server knows the subscription.
    let now = two.now();
    two.nats.client.request(1, "$JS.API.INFO", b"", 20 * second, now).unwrap();
    assert!(answer(&mut two).is_ok());
    let now = one.now();
    one.nats.client.request(1, "whisper.two", b"psst", 20 * second, now).unwrap();
    one.turn();
    let reply = two.until(|event| match event {
        Event::Message { reply, payload, .. } => (payload == b"psst").then_some(reply?),
        _ => None,
    });
    two.nats.client.publish(&reply, b"yes").unwrap();
    two.turn();
    assert_eq!(answer(&mut one), Ok(b"yes".to_vec()));
    let now = one.now();
    one.nats.client.request(1, "whisper.two", b"psst", second / 10, now).unwrap();
    assert_eq!(answer(&mut one), Err(RequestError::Timeout));
}

#[test]
#[ignore = "needs nats-server"]
fn what_cannot_be_sent_is_refused_at_once() {
    let engine = Engine::start(&[]);
    let mut small = settings(&[&engine.url()]);
    small.limits.max_output = 100_000;
    let mut driver = Driver::new(&small);
    assert_eq!(driver.nats.client.publish("a", b""), Err(SendError::NotConnected));
    driver.until_connected();
    // What nats-server allows unless its configuration says otherwise.
    let limit = 1024 * 1024;
    assert_eq!(driver.nats.client.publish("a", &vec![0; limit + 1]), Err(SendError::TooLong(limit)));
    assert_eq!(driver.nats.client.publish("a", &vec![0; 100_001]), Err(SendError::Full));
    assert_eq!(driver.nats.client.publish("a\r\nPUB b 0", b""), Err(SendError::Subject));
    assert_eq!(driver.nats.client.subscribe(""), Err(SendError::Subject));
    assert_eq!(driver.nats.client.publish("a", &vec![0; 90_000]), Ok(()));
}

#[test]
#[ignore = "needs nats-server"]
fn subject_that_is_not_permitted_is_a_complaint() {
    let dir = crate::store::TestDir::new();
    let file = dir.0.join("nats.conf");
    let text = "authorization { users = [ { user: bob, password: x, permissions: { publish: [\"mine\"] } } ] }";
    std::fs::write(&file, text).unwrap();
    let engine = Engine::start(&["--config", file.to_str().unwrap()]);
    let mut driver = Driver::connect(&format!("nats://bob:x@{}", engine.addr()));
    driver.nats.client.publish("yours", b"").unwrap();
    let text = driver.until(|event| match event {
        Event::Complaint { text } => Some(text),
        Event::Disconnected { why, .. } => panic!("{why}"),
        _ => None,
    });
    assert_eq!(text, "Permissions Violation for Publish to \"yours\"");
}
