//! The beginning and the end of connections.

use super::*;

#[test]
fn credentials_follow_what_the_server_says_of_itself() {
    let common = concat!(
        r#""verbose":false,"pedantic":false,"tls_required":false,"lang":"rust","version":""#,
        env!("CARGO_PKG_VERSION"),
        r#"","name":"tests","#,
        r#""protocol":1,"echo":true,"headers":true,"no_responders":true"#
    );
    for (url, credentials) in [
        ("nats://h:1", ""),
        ("nats://bob:p%22%0a@h:1", r#","user":"bob","pass":"p\"\n""#),
        ("nats://sesame@h:1", r#","auth_token":"sesame""#),
    ] {
        let mut world = World::open(url);
        assert_eq!(world.sent(), [""; 0]);
        world.receive(INFO);
        assert_eq!(world.sent(), [format!("CONNECT {{{common}{credentials}}}"), "PING".into()]);
        assert!(!world.client.is_connected());
        world.receive("PONG\r\n");
        assert_eq!(world.sent(), ["SUB _INBOX.0000000000000abc.* 1"]);
        assert_eq!(world.events(), ["Connected { server: \"h:1\", version: \"2.12.0\" }"]);
    }
}

#[test]
fn encryption_begins_after_the_first_line_and_before_the_credentials() {
    for (url, info) in [
        ("tls://secret@h:1", "INFO {\"version\":\"2.12.0\",\"tls_available\":true}\r\n"),
        ("nats://secret@h:1", "INFO {\"version\":\"2.12.0\",\"tls_required\":true}\r\n"),
    ] {
        let mut world = World::open(url);
        world.receive(info);
        assert!(world.client.must_encrypt() && world.sent().is_empty());
        // An attacker on the network may have put it there.
        let injected = world.client.receive(b"PONG\r\n", SECOND).unwrap_err();
        assert!(matches!(injected, LinkError::BytesBeforeTls), "{injected}");
        let mut world = World::open(url);
        world.receive(info);
        world.client.handle_encrypted().unwrap();
        let sent = world.sent();
        assert!(
            !world.client.must_encrypt() && sent[0].contains("\"tls_required\":true") && sent[0].contains("secret")
        );
    }
    let mut world = World::open("tls://secret@h:1");
    let refused = world.client.receive(INFO.as_bytes(), SECOND).unwrap_err();
    assert!(matches!(refused, LinkError::NoTls) && world.sent().is_empty(), "{refused}");
}

#[test]
fn server_is_asked_whether_it_is_there_and_left_when_it_is_silent() {
    let mut world = World::connected();
    assert_eq!(world.client.deadline(), Some(2 * SECOND));
    world.wait(SECOND).unwrap();
    assert_eq!((world.sent(), world.client.deadline()), (vec!["PING".to_owned()], Some(3 * SECOND)));
    // Whatever it sends, it is there.
    for _ in 0..9 {
        world.wait(SECOND).unwrap();
        world.receive("PING\r\n");
        assert_eq!(world.sent(), ["PING", "PONG"]);
    }
    for _ in 0..4 {
        world.wait(SECOND).unwrap();
    }
    assert_eq!(world.sent().len(), 4);
    let silent = world.wait(SECOND).unwrap_err();
    assert_eq!(silent.to_string(), "it has not answered for 4 seconds");
}

#[test]
fn process_that_stood_still_does_not_call_the_server_silent() {
    let mut world = World::connected();
    world.wait(3600 * SECOND).unwrap();
    assert_eq!(world.sent(), ["PING"]);
    // The answer waits in the socket while the process stands still again, and is read before the time is looked at.
    world.now += 3600 * SECOND;
    world.receive("PONG\r\n");
    world.wait(Duration::ZERO).unwrap();
    assert_eq!(world.sent(), ["PING"]);
}

#[test]
fn errors_of_the_server_are_told_or_end_the_connection() {
    let mut world = World::connected();
    world.receive("-ERR 'Permissions Violation for Publish to \"a\"'\r\n");
    assert_eq!(world.events(), [r#"Complaint { text: "Permissions Violation for Publish to \"a\"" }"#]);
    world.receive("-ERR 'Stale \x1b[2JConnection'\r\n");
    world.client.close(LinkError::Closed, world.now);
    assert_eq!(world.events().pop().unwrap(), "Disconnected { server: \"h:1\", why: Said(\"Stale [2JConnection\") }");
    // What was complained about long ago did not end the connection.
    let mut world = World::connected();
    world.receive("-ERR 'Permissions Violation for Publish to \"a\"'\r\nPING\r\n");
    world.client.close(LinkError::Closed, world.now);
    assert_eq!(world.events().pop().unwrap(), "Disconnected { server: \"h:1\", why: Closed }");
    for (url, text, words) in [
        (
            "nats://a:b@h:1",
            "Authorization Violation",
            "it refuses the user and password, the token or the key; compare",
        ),
        (
            "nats://h:1",
            "Authorization Violation",
            "it asks for a user and password, a token or a key; write nats://USER:",
        ),
        (
            "nats://a:b@h:1",
            "User Authentication Expired",
            "it refuses the user and password, the token or the key; compare",
        ),
    ] {
        let mut world = World::open(url);
        world.receive(INFO);
        let text = format!("-ERR '{text}'\r\n");
        let error = world.client.receive(text.as_bytes(), SECOND).unwrap_err();
        assert!(error.to_string().starts_with(words), "{error}");
        world.client.close(error, world.now);
        assert!(world.events()[0].starts_with("Unreachable { server: \"h:1\""));
    }
}

#[test]
fn server_says_that_it_is_about_to_stop() {
    let mut world = World::connected();
    assert!(!world.client.is_stopping());
    world.receive("INFO {\"version\":\"2.12.0\",\"ldm\":true}\r\n");
    assert!(world.client.is_stopping());
    world.reconnect();
    assert!(!world.client.is_stopping());
}

#[test]
fn server_that_takes_only_short_messages_is_left() {
    let limits = Limits { needed_payload: 1001, ..Limits::default() };
    let words = "its max_payload is 1000 bytes, and at least 1001 are needed; write max_payload: 1MB in the configuration \
                 of nats-server, or remove max_payload there";
    let mut world = World::open_with("nats://h:1", &limits);
    let refused = world.client.receive(INFO.as_bytes(), SECOND).unwrap_err();
    assert_eq!((refused.to_string(), world.sent().len()), (words.to_owned(), 0));
    world.client.close(refused, world.now);
    assert!(world.events()[0].starts_with("Unreachable { server: \"h:1\", why: SmallPayload(1000, 1001)"));
    // It may say so later, when its configuration was changed.
    let mut world = World::open_with("nats://h:1", &limits);
    world.receive("INFO {\"version\":\"2.12.0\",\"max_payload\":1001}\r\nPONG\r\n");
    assert!(world.client.is_connected());
    let refused = world.client.receive(INFO.as_bytes(), SECOND).unwrap_err();
    assert_eq!(refused.to_string(), words);
    // Without a number it is that of nats-server.
    let mut world = World::open_with("nats://h:1", &Limits { needed_payload: 1 << 20, ..Limits::default() });
    world.receive("INFO {\"version\":\"2.12.0\"}\r\nPONG\r\n");
    assert!(world.client.is_connected());
}

#[test]
fn server_that_reads_no_answers_to_its_pings_is_left() {
    let limits = Limits { max_output: 1 << 20, ..Limits::default() };
    let mut world = World::open_with("nats://h:1", &limits);
    world.log_in();
    let pings = "PING\r\n".repeat(10_000);
    let left = (0..1000).find_map(|_| world.client.receive(pings.as_bytes(), SECOND).err()).expect("it is left");
    assert!(matches!(left, LinkError::Unread), "{left}");
    assert!(world.client.unwritten().len() < 2 << 20);
    world.client.close(left, world.now);
    assert!(world.client.unwritten().is_empty());
    // One that reads them may ask without end.
    world.reconnect();
    for _ in 0..100 {
        world.receive(&pings);
        world.sent();
    }
    // A full buffer alone is no reason, either.
    while world.client.publish("a", &[b'x'; 1000]).is_ok() {}
    world.receive("PING\r\n");
    assert!(world.client.publish("a", &[b'x'; 1000]).is_err() && world.sent().ends_with(&["PONG".to_owned()]));
}

#[test]
fn subscriptions_outlive_the_connection() {
    let mut world = World::open("nats://h:1");
    let early = world.client.subscribe("early").unwrap();
    assert!(world.sent().is_empty());
    world.log_in();
    let late = world.client.subscribe("late.>").unwrap();
    assert_eq!(world.sent(), ["SUB late.> 4"]);
    world.receive("MSG early 3 box 2\r\nhi\r\nMSG late.x 4 0\r\n\r\nMSG gone 5 0\r\n\r\n");
    assert_eq!(
        world.events(),
        [
            format!(
                "Message {{ subscription: {early:?}, subject: \"early\", reply: Some(\"box\"), payload: [104, 105] }}"
            ),
            format!("Message {{ subscription: {late:?}, subject: \"late.x\", reply: None, payload: [] }}"),
        ]
    );
    world.reconnect();
    let sent = world.sent();
    assert_eq!(sent[2..], ["SUB _INBOX.0000000000000abc.* 1", "SUB early 5", "SUB late.> 6"]);
    // The numbers of the lost connection mean nothing now.
    world.events();
    world.receive("MSG early 3 0\r\n\r\n");
    assert_eq!(world.events(), [""; 0]);
}
