//! Members that follow several rooms, and programs that read JSON on the plain port.

use serde_json::{Value, json};

use crate::harness::{Client, Server};

/// The next line of a program.
fn object(client: &mut Client) -> Value {
    let line = client.line();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}"))
}

/// Reads objects until one of this kind comes, and returns it.
fn until(client: &mut Client, kind: &str) -> Value {
    loop {
        let found = object(client);
        if found["t"] == kind {
            return found;
        }
    }
}

/// Connects a program with these words after `/json`, and logs it in.
fn program(server: &Server, words: &str, name: &str) -> (Client, Value) {
    let mut client = server.connect();
    client.expect("* Welcome to chinwag. Type a nickname and press Enter:");
    client.send(&format!("/json {words}\n"));
    let hello = object(&mut client);
    assert_eq!((&hello["t"], &hello["rev"], &hello["name"]), (&json!("hello"), &json!(2), &json!("chinwag")));
    assert_eq!(object(&mut client), json!({"t": "ask"}));
    client.send(&format!("{name}\n"));
    (client, hello)
}

#[test]
fn member_reads_and_speaks_in_all_its_rooms() {
    let server = Server::start(&[]);
    let [mut alice, mut bob] = server.people(["alice", "bob"]);
    alice.ask("/follow den", &["* You follow den. 1 here: you."]);
    bob.ask("/join den", &["* You are in den. 2 here: alice and you."]);
    alice.expect_all(&["* bob left (1 here)", "* (den) bob joined (2 here)"]);
    bob.send("hello\n/me waves\n");
    alice.expect_all(&["[T] (den) bob: hello", "[T] * (den) bob waves"]);
    alice.send("#den hello bob\n#lobby here\n");
    bob.expect("[T] alice: hello bob");
    alice.send("/quit\n");
    bob.expect("* alice left (1 here)");
}

#[test]
fn number_of_followed_rooms_is_limited() {
    let server = Server::start(&["--max-follow", "2", "--rate", "0"]);
    let mut alice = server.login("alice");
    let lines: String = (0..1000).map(|n| format!("/follow r{n}\n")).collect();
    alice.send(&lines);
    alice.expect_all(&["* You follow r0. 1 here: you.", "* You follow r1. 1 here: you."]);
    for _ in 2..1000 {
        alice.expect("! You can follow 2 rooms at most. /unfollow room ends one.");
    }
    alice.ask("/unfollow r0", &["* You no longer follow r0."]);
    let longest = "x".repeat(24);
    alice.ask(&format!("/follow {longest}"), &[&format!("* You follow {longest}. 1 here: you.")]);
    for bad in [format!("{longest}x"), "a b".into(), "#".into(), "../x".into(), "\u{202e}".into()] {
        alice.send(&format!("/follow {bad}\n/ping\n"));
        assert!(alice.line().starts_with("! "), "{bad:?}");
        alice.expect("* pong");
    }
}

#[test]
fn program_on_the_plain_port_resumes_in_all_its_rooms() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    bob.ask("/follow den", &["* You follow den. 1 here: you."]);
    let (mut alice, hello) = program(&server, "", "alice");
    assert_eq!(until(&mut alice, "entered")["role"], Value::Null);
    alice.send("/follow den\n");
    assert_eq!(until(&mut alice, "following")["names"], json!(["bob"]));
    until(&mut alice, "live");
    bob.until("(den) alice joined");
    bob.send("one\n#den two\n");
    assert_eq!(until(&mut alice, "said")["room"], "lobby");
    let two = until(&mut alice, "said");
    assert_eq!((&two["room"], &two["text"]), (&json!("den"), &json!("two")));
    drop(alice);
    bob.until("* (den) alice left");
    bob.send("three\n#den four\n");
    bob.ask("/ping", &["* pong"]);

    let words = format!("room=lobby follow=den,nosuch run={} after={}", hello["run"].as_str().unwrap(), two["id"]);
    let (mut alice, _) = program(&server, &words, "alice");
    let mut seen = Vec::new();
    while seen.iter().filter(|found: &&Value| found["t"] == "live").count() < 3 {
        seen.push(object(&mut alice));
    }
    let said: Vec<_> = seen.iter().filter(|found| found["t"] == "said").map(|found| &found["text"]).collect();
    assert_eq!(said, ["three", "four"]);
    assert!(seen.iter().filter(|found| found["t"] == "history").all(|found| found["gap"] == false));
    let followed: Vec<_> = seen.iter().filter(|found| found["t"] == "following").map(|found| &found["room"]).collect();
    assert_eq!(followed, ["den", "nosuch"]);
}

#[test]
fn nonsense_after_json_is_ignored_and_json_comes_before_the_login_only() {
    let server = Server::start(&[]);
    let (mut alice, _) = program(&server, "room follow=,,, run=0 after=-1 x=y = room=%", "alice");
    assert_eq!(until(&mut alice, "refused")["what"], "bad_room_name");
    assert_eq!(until(&mut alice, "entered")["room"], "lobby");
    until(&mut alice, "live");
    alice.send("/json\n");
    assert_eq!(until(&mut alice, "refused")["word"], "json");
    let mut bob = server.login("bob");
    bob.ask("/json", &["! There is no command /json. /help lists them."]);
}

#[test]
fn servers_of_addresses_have_no_followed_rooms() {
    let server = Server::start(&["--login", "address"]);
    let mut client = server.connect();
    client.until("* You are 127.0.0.1:");
    for word in ["follow", "unfollow", "topic", "quiet", "away", "whois"] {
        client.ask(&format!("/{word} den"), &[&format!("! There is no command /{word}. /help lists them.")]);
    }
    let mut other = server.connect();
    other.until("* You are 127.0.0.1:");
    other.send("#den text\n##text\n");
    client.until(": #den text");
    client.until(": ##text");
}
