//! Streams of one server: published, read, trimmed, full.

use std::time::{Duration, Instant};

use chinwag::cluster::nats::{ApiError, Discard, Event, Expected, RequestError, SendError, StreamConfig};

use super::{Driver, Engine, stream};
use crate::harness::DEADLINE;

/// Messages that are published and not answered yet.
const IN_FLIGHT: u64 = 256;

#[test]
#[ignore = "needs nats-server"]
fn entries_are_published_and_read_back_in_order() {
    const COUNT: u64 = 10_000;
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    let now = driver.now();
    let reader = driver.nats.client.read("log", 1, now).unwrap();
    let (mut published, mut stored, mut read) = (0, 0, 0);
    driver.drive(|event, client, now| {
        match event {
            // Nothing else publishes, so that the numbers are in the order of the tags.
            Some(Event::Published { tag, result }) => {
                assert_eq!(result, Ok(tag));
                stored += 1;
            }
            Some(Event::Entry { reader: from, entry }) => {
                read += 1;
                assert_eq!((from, entry.seq, entry.subject.as_str()), (reader, read, "log.x"));
                assert_eq!(entry.payload, read.to_string().as_bytes());
                assert!(entry.time > 1_700_000_000_000_000_000);
            }
            Some(Event::CaughtUp { .. }) | None => {}
            other => panic!("{other:?}"),
        }
        while published < COUNT && published - stored < IN_FLIGHT {
            published += 1;
            let text = published.to_string();
            client.js_publish(published, "log.x", text.as_bytes(), Expected::default(), now).unwrap();
        }
        (stored == COUNT && read == COUNT).then_some(())
    });
}

#[test]
#[ignore = "needs nats-server"]
fn reader_begins_anywhere_and_says_when_it_has_caught_up() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    let now = driver.now();
    let empty = driver.nats.client.read("log", 1, now).unwrap();
    driver.until(|event| matches!(event, Event::CaughtUp { reader } if reader == empty).then_some(()));
    driver.nats.client.stop_reading(empty);
    for number in 1..=10 {
        assert_eq!(driver.publish("log.x", &number.to_string()), number);
    }
    let now = driver.now();
    let middle = driver.nats.client.read("log", 7, now).unwrap();
    let mut seen = Vec::new();
    driver.until(|event| match event {
        Event::Entry { entry, .. } => {
            seen.push((entry.seq, entry.pending));
            None
        }
        Event::CaughtUp { reader } => (reader == middle).then_some(()),
        other => panic!("{other:?}"),
    });
    assert_eq!(seen, [(7, 3), (8, 2), (9, 1), (10, 0)]);
}

#[test]
#[ignore = "needs nats-server"]
fn reader_is_told_what_was_trimmed() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&StreamConfig { max_msgs: 5, ..stream("log") });
    for number in 1..=20 {
        driver.publish("log.x", &number.to_string());
    }
    let now = driver.now();
    driver.nats.client.read("log", 3, now).unwrap();
    let mut told = Vec::new();
    driver.until(|event| {
        match event {
            Event::Gap { from, first, .. } => told.push(format!("gap {from} {first}")),
            Event::Entry { entry, .. } => told.push(entry.seq.to_string()),
            Event::CaughtUp { .. } => return Some(()),
            other => panic!("{other:?}"),
        }
        None
    });
    assert_eq!(told, ["gap 3 16", "16", "17", "18", "19", "20"]);
}

#[test]
#[ignore = "needs nats-server"]
fn slow_reader_is_told_what_was_trimmed_meanwhile() {
    let engine = Engine::start(&[]);
    let mut writer = Driver::connect(&engine.url());
    writer.make_stream(&StreamConfig { max_msgs: 100, ..stream("log") });
    let mut reader = Driver::connect(&engine.url());
    let now = reader.now();
    reader.nats.client.read("log", 1, now).unwrap();
    reader.until(|event| matches!(event, Event::CaughtUp { .. }).then_some(()));
    // More than is asked for at once, so that the server must trim what the reader did not ask for.
    for number in 1..=2000 {
        writer.publish("log.x", &number.to_string());
    }
    let (mut next, mut gaps) = (1, 0);
    reader.until(|event| match event {
        Event::Gap { from, first, .. } => {
            assert!(from == next && first > from, "{from} {first} {next}");
            gaps += 1;
            next = first;
            None
        }
        Event::Entry { entry, .. } => {
            assert_eq!((entry.seq, entry.payload), (next, next.to_string().into_bytes()));
            next += 1;
            (entry.seq == 2000).then_some(())
        }
        Event::CaughtUp { .. } => None,
        other => panic!("{other:?}"),
    });
    assert!(gaps > 0);
}

#[test]
#[ignore = "needs nats-server"]
fn caller_that_takes_no_events_slows_down_the_server() {
    const COUNT: u64 = 20_000;
    let engine = Engine::start(&[]);
    let mut writer = Driver::connect(&engine.url());
    writer.make_stream(&stream("log"));
    let (mut published, mut stored) = (0, 0);
    writer.drive(|event, client, now| {
        stored += u64::from(matches!(event, Some(Event::Published { result: Ok(_), .. })));
        while published < COUNT && published - stored < IN_FLIGHT {
            published += 1;
            client.js_publish(published, "log.x", &[b'x'; 1000], Expected::default(), now).unwrap();
        }
        (stored == COUNT).then_some(())
    });
    let mut reader = Driver::connect(&engine.url());
    let now = reader.now();
    reader.nats.client.read("log", 1, now).unwrap();
    let mut read = 0;
    let mut count = |event| match event {
        Event::Entry { entry, .. } => {
            read += 1;
            assert_eq!(entry.seq, read);
            read
        }
        Event::CaughtUp { .. } => read,
        other => panic!("{other:?}"),
    };
    let end = Instant::now() + DEADLINE;
    while !reader.nats.client.is_full() {
        reader.turn();
        assert!(Instant::now() < end);
    }
    for _ in 0..1000 {
        assert!(reader.turn(), "there is more to read");
    }
    let waiting = std::iter::from_fn(|| reader.nats.client.next_event()).map(&mut count).last().unwrap();
    assert!((4096..4096 + 100).contains(&waiting), "{waiting}");
    reader.until(|event| (count(event) == COUNT).then_some(()));
}

#[test]
#[ignore = "needs nats-server"]
fn full_stream_refuses_with_its_reason() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&StreamConfig { max_msgs: 2, discard: Discard::New, ..stream("log") });
    assert_eq!((driver.publish("log.x", "1"), driver.publish("log.x", "2")), (1, 2));
    let now = driver.now();
    driver.nats.client.js_publish(3, "log.x", b"3", Expected::default(), now).unwrap();
    let error = driver.until(|event| match event {
        Event::Published { tag: 3, result } => result.err(),
        _ => None,
    });
    assert!(matches!(&error, RequestError::Refused(error) if error.err_code == ApiError::STORE_FAILED), "{error:?}");
    assert_eq!(error.to_string(), "JetStream refused: maximum messages exceeded (10077)");
    assert!(error.is_certain());
}

#[test]
#[ignore = "needs nats-server"]
fn what_is_not_as_expected_is_refused() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    driver.publish("log.x", "1");
    let expected = |stream, last_of_subject| Expected { stream, last_of_subject };
    for (subject, expected, answer) in [
        ("log.x", expected(Some("log"), Some(1)), Ok(2)),
        ("log.x", expected(None, Some(1)), Err(ApiError::WRONG_LAST_SEQUENCE)),
        ("log.y", expected(None, Some(0)), Ok(3)),
        ("log.y", expected(Some("other"), None), Err(ApiError::WRONG_STREAM)),
    ] {
        let now = driver.now();
        driver.nats.client.js_publish(9, subject, b"", expected, now).unwrap();
        let result = driver.until(|event| match event {
            Event::Published { result, .. } => Some(result),
            _ => None,
        });
        let code = result.map_err(|error| match error {
            RequestError::Refused(error) => error.err_code,
            other => panic!("{other:?}"),
        });
        assert_eq!(code, answer, "{subject} {expected:?}");
    }
    let now = driver.now();
    driver.nats.client.js_publish(9, "nobody.listens", b"", Expected::default(), now).unwrap();
    let result = driver.until(|event| match event {
        Event::Published { result, .. } => Some(result),
        _ => None,
    });
    assert_eq!(result, Err(RequestError::NoResponders));
}

#[test]
#[ignore = "needs nats-server"]
fn streams_are_made_described_and_changed() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    let now = driver.now();
    let answer = |driver: &mut Driver| {
        driver.until(|event| match event {
            Event::Stream { result, .. } => Some(result),
            _ => None,
        })
    };
    driver.nats.client.stream_info(2, "log", now).unwrap();
    let missing = answer(&mut driver);
    assert!(matches!(missing, Err(RequestError::Refused(error)) if error.err_code == ApiError::NO_STREAM));
    let config =
        StreamConfig { first_seq: 1000, max_age: Duration::from_secs(3600), max_bytes: 1 << 20, ..stream("log") };
    // The second time nothing is changed.
    for _ in 0..2 {
        driver.nats.client.create_stream(3, &config, now).unwrap();
        let info = answer(&mut driver).unwrap();
        assert_eq!((info.state.last_seq, info.config.max_age), (999, config.max_age));
    }
    assert_eq!(driver.publish("log.x", "first"), 1000);
    let other = StreamConfig { max_age: Duration::from_secs(60), ..config };
    driver.nats.client.create_stream(4, &other, now).unwrap();
    let exists = answer(&mut driver);
    assert!(matches!(exists, Err(RequestError::Refused(error)) if error.err_code == ApiError::STREAM_EXISTS));
    driver.nats.client.stream_info(5, "log", now).unwrap();
    let info = answer(&mut driver).unwrap();
    assert!(!info.created.is_empty() && info.state.first_seq == 1000 && info.state.messages == 1);
    let minute = Duration::from_secs(60);
    let changed = StreamConfig { max_age: minute, duplicate_window: minute, ..info.config };
    driver.nats.client.update_stream(6, &changed, now).unwrap();
    assert_eq!(answer(&mut driver).unwrap().config.max_age, minute);
    assert_eq!(driver.nats.client.stream_info(7, "a b", now), Err(SendError::Subject));
}

#[test]
#[ignore = "needs nats-server"]
fn reader_of_a_stream_that_was_made_anew_is_told() {
    let engine = Engine::start(&[]);
    let mut driver = Driver::connect(&engine.url());
    driver.make_stream(&stream("log"));
    for number in 1..=3 {
        driver.publish("log.x", &number.to_string());
    }
    let now = driver.now();
    let reader = driver.nats.client.read("log", 1, now).unwrap();
    driver.until(|event| matches!(event, Event::CaughtUp { .. }).then_some(()));
    let now = driver.now();
    driver.nats.client.request(1, "$JS.API.STREAM.DELETE.log", b"", Duration::from_secs(5), now).unwrap();
    driver.until(|event| matches!(event, Event::Answer { result: Ok(_), .. }).then_some(()));
    driver.make_stream(&stream("log"));
    let rewound = driver.until(|event| match event {
        Event::Rewound { reader, last } => Some((reader, last)),
        Event::Entry { entry, .. } => panic!("{entry:?}"),
        _ => None,
    });
    assert_eq!(rewound, (reader, 0));
}
