//! Requests and their answers.

use super::*;
use crate::cluster::nats::error::SendError;
use crate::cluster::nats::jetstream::StreamConfig;

#[test]
fn published_message_has_its_conditions_and_one_answer() {
    let mut world = World::connected();
    let expected = Expected { stream: Some("S"), last_of_subject: Some(7) };
    world.client.js_publish(5, "a.b", b"hi", expected, world.now).unwrap();
    let sent = world.sent();
    assert_eq!(
        sent[..4],
        [
            "HPUB a.b _INBOX.0000000000000abc.1 77 79",
            "NATS/1.0",
            "Nats-Expected-Stream: S",
            "Nats-Expected-Last-Subject-Sequence: 7",
        ]
    );
    world.client.js_publish(6, "a.b", b"ho", Expected::default(), world.now).unwrap();
    assert_eq!(world.sent(), ["PUB a.b _INBOX.0000000000000abc.2 2", "ho"]);
    let reply = world.reply_to(&sent, "a.b");
    world.answer("_INBOX.0000000000000abc.2", r#"{"stream":"S","seq":11}"#);
    world.answer(&reply, r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 8"}}"#);
    // A second answer to the same request is ignored.
    world.answer(&reply, r#"{"stream":"S","seq":12}"#);
    assert_eq!(
        world.events(),
        [
            "Published { tag: 6, result: Ok(11) }",
            "Published { tag: 5, result: Err(Refused(ApiError { code: 400, err_code: 10071, description: \"wrong last sequence: 8\" })) }",
        ]
    );
}

#[test]
fn each_request_is_answered_once_also_without_an_answer() {
    let mut world = World::connected();
    let now = world.now;
    let client = &mut world.client;
    client.request(1, "ask", b"", SECOND, now).unwrap();
    let bucket = client.watch_bucket("b", now).unwrap();
    client.purge_mark(2, bucket, b"a", 7, now).unwrap();
    client.create_stream(3, &StreamConfig { name: "S".into(), ..StreamConfig::default() }, now).unwrap();
    client.find_revision(4, bucket, b"a", now).unwrap();
    client.forget_bucket(bucket);
    client.js_publish(5, "a", b"", Expected::default(), now).unwrap();
    let sent = world.sent();
    world.wait(SECOND).unwrap();
    let late = ["Answer { tag: 1, result: Err(Timeout) }", "Revision { tag: 4, result: Err(Timeout) }"];
    assert_eq!(world.events(), late);
    // Too late.
    let reply = world.reply_to(&sent, "ask");
    world.answer(&reply, "yes");
    world.answer(&world.reply_to(&sent, "$JS.API.STREAM.PURGE.KV_b"), "nonsense");
    let reply = world.reply_to(&sent, "a");
    world.receive(&format!("HMSG {reply} 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"));
    world.client.close(LinkError::Closed, world.now);
    assert_eq!(
        world.events(),
        [
            "Purged { tag: 2, result: Err(BadAnswer) }",
            "Published { tag: 5, result: Err(NoResponders) }",
            "Stream { tag: 3, result: Err(ConnectionLost) }",
            "Disconnected { server: \"h:1\", why: Closed }",
        ]
    );
    assert_eq!(world.client.deadline(), None);
}

#[test]
fn what_is_not_sent_has_no_answer() {
    let mut world = World::open("nats://h:1");
    let publish = |world: &mut World, subject: &str, payload: &[u8]| {
        world.client.js_publish(1, subject, payload, Expected::default(), world.now)
    };
    assert_eq!(publish(&mut world, "a", b""), Err(SendError::NotConnected));
    world.log_in();
    assert_eq!(publish(&mut world, "a b", b""), Err(SendError::Subject));
    assert_eq!(publish(&mut world, "a", &[0; 1001]), Err(SendError::TooLong(1000)));
    let stream = Some("S\r\nX: y");
    let injected = world.client.js_publish(1, "a", b"", Expected { stream, ..Expected::default() }, world.now);
    assert_eq!(injected, Err(SendError::Subject));
    assert_eq!(world.client.stream_info(1, "a.b", world.now), Err(SendError::Subject));
    let limit = Limits::default().max_output;
    let sent = (0..).take_while(|_| publish(&mut world, "a", &[b'x'; 1000]).is_ok()).count();
    assert_eq!(publish(&mut world, "a", &[b'x'; 1000]), Err(SendError::Full));
    assert!(world.client.unwritten().len() < limit + 2000 && sent * 1000 < limit);
    world.client.close(LinkError::Closed, world.now);
    assert!(world.client.unwritten().is_empty());
    assert_eq!(world.events().len(), sent + 1);
}
