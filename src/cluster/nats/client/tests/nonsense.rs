//! A server that sends what no server should.

use std::collections::BTreeMap;

use super::*;
use crate::cluster::nats::jetstream::StreamConfig;
use crate::util::test_support::Random;

/// One operation of the server: more or less what the client waits for.
fn operation(random: &mut Random) -> String {
    let numbers = ["0", "1", "2", "3", "5", "18446744073709551615", "-1", "x", "", "99999999999999999999999"];
    let mut number = || (*random.pick(&numbers)).to_owned();
    let subject = match number().len() % 4 {
        0 => format!("_INBOX.0000000000000abc.{}", number()),
        1 => format!("$KV.b.{}", number()),
        2 => "log.x".to_owned(),
        _ => format!("_INBOX.{}", number()),
    };
    let reply = format!("$JS.ACK.log.c.1.{}.{}.{}.{}", number(), number(), number(), number());
    let (seq, last, pending) = (number(), number(), number());
    let json = match number().len() % 6 {
        0 => format!(r#"{{"stream":"log","seq":{seq}}}"#),
        1 => format!(
            r#"{{"config":{{"name":"log","max_age":{last}}},"created":"{pending}","state":{{"first_seq":{seq},"last_seq":{last}}}}}"#
        ),
        2 => format!(r#"{{"num_pending":{pending}}}"#),
        3 => format!(r#"{{"error":{{"code":{seq},"err_code":{last},"description":"{pending}"}}}}"#),
        4 => "[".repeat(2000),
        _ => String::new(),
    };
    let statuses = ["", " 100 Idle Heartbeat", " 404", " 408 Request Timeout", " 409 Consumer Deleted", " 503", " x"];
    let status = *random.pick(&statuses);
    let headers = format!(
        "NATS/1.0{status}\r\nNats-Pending-Messages: {pending}\r\nKV-Operation: {last}\r\nNats-Sequence: {seq}\r\n\r\n"
    );
    let sid = random.below(12);
    match random.below(12) {
        0..4 => format!("MSG {subject} {sid} {reply} {}\r\n{json}\r\n", json.len()),
        4 | 5 => format!("MSG {subject} 1 {}\r\n{json}\r\n", json.len()),
        6..9 => format!(
            "HMSG {subject} {sid} {reply} {} {}\r\n{headers}{json}\r\n",
            headers.len(),
            headers.len() + json.len()
        ),
        9 => format!("INFO {{\"version\":\"2.12.{seq}\",\"max_payload\":1000,\"ldm\":true}}\r\n"),
        10 => format!("-ERR '{seq}'\r\n"),
        _ => (*random.pick(&["PING\r\n", "PONG\r\n", "+OK\r\n", "MSG a\r\n"])).to_owned(),
    }
}

#[test]
fn nonsense_never_panics_and_each_request_is_answered_once() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut world = World::open("nats://h:1");
        world.client.subscribe("a").unwrap();
        world.client.read("log", 1 + seed % 3, world.now).unwrap();
        let bucket = world.client.watch_bucket("b", world.now).unwrap();
        let (mut tag, mut open) = (0, BTreeMap::new());
        for _ in 0..200 {
            let (now, client) = (world.now, &mut world.client);
            tag += 1;
            let sent = match random.below(8) {
                0 => client.js_publish(tag, "a", b"x", Expected::default(), now),
                1 => client.put(tag, bucket, b"k", b"v", Some(1), now),
                2 => client.find_revision(tag, bucket, b"k", now),
                3 => client.request(tag, "a", b"", SECOND, now),
                4 => client.create_stream(tag, &StreamConfig::bucket("b", 1), now),
                5 => client.purge_mark(tag, bucket, b"k", 1, now),
                _ => client.stream_info(tag, "log", now),
            };
            if sent.is_ok() {
                open.insert(tag, 0);
            }
            let end = match random.below(40) {
                0 => Err(LinkError::Closed),
                1 => world.wait(2 * SECOND),
                2..8 => world.wait(SECOND / 10),
                _ => {
                    let text = operation(&mut random);
                    let text =
                        &text.as_bytes()[..if random.one_in(50) { random.below(text.len()) } else { text.len() }];
                    world.client.receive(text, now)
                }
            };
            if let Err(why) = end {
                world.client.close(why, world.now);
                world.client.open(&"nats://h:1".parse().unwrap());
                world.receive(INFO);
                world.receive("PONG\r\n");
            }
            world.sent();
        }
        world.client.close(LinkError::Closed, world.now);
        while let Some(event) = world.client.next_event() {
            if let Event::Published { tag, .. }
            | Event::Answer { tag, .. }
            | Event::Stream { tag, .. }
            | Event::Revision { tag, .. }
            | Event::Purged { tag, .. } = event
            {
                *open.get_mut(&tag).expect("a request that was sent") += 1;
            }
        }
        assert!(open.values().all(|&answers| answers == 1), "seed {seed}: {open:?}");
    }
}
