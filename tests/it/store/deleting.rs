//! Tests of /delete, and of the settings of rooms, with a store.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{TestDir, end, kill, shown};
use crate::harness::{Client, PROGRAM, Server};

/// Words of the deleted messages; the first one begins as a word of a message that stays.
const DELETED: [&str; 4] = ["commonbeginningtwo", "xylophonequartet", "紅燒魚翅湯面館", "zzyzxroad"];
/// Maximum time until a deleted text is overwritten.
const MAX_TIME: Duration = Duration::from_secs(20);

/// The deleted words that are in the files of the store.
fn words_in_files(dir: &TestDir) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for name in ["history.db", "history.db-wal", "history.db-shm"] {
        let Ok(bytes) = fs::read(dir.0.join(name)) else { continue };
        let is_there = |word: &&str| bytes.windows(word.len()).any(|some| some == word.as_bytes());
        found.extend(DELETED.into_iter().filter(is_there).map(|word| (word, name)));
    }
    found
}

/// Waits until no file has a deleted word.
fn await_overwritten(dir: &TestDir, client: &mut Client) {
    let deadline = Instant::now() + MAX_TIME;
    loop {
        client.ask("/ping", &["* pong"]);
        match &words_in_files(dir)[..] {
            [] => return,
            words => assert!(Instant::now() < deadline, "{words:?}"),
        }
    }
}

/// Starts a server with messages of alice and bob in den, of which those with the deleted words are deleted.
fn with_deletions(dir: &TestDir) -> (Server, Client) {
    let server = dir.start(&["--rate", "0"]);
    let mut alice = server.login("alice");
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    let mut bob = server.login("bob");
    bob.ask("/join den", &["* You are in den. 2 here: alice and you."]);
    let long = format!("{}zzyzxroad{}", "long ".repeat(400), " more".repeat(300));
    bob.send(&format!("kept commonbeginningone\ncommonbeginningtwo xylophonequartet\n紅燒魚翅湯面館\n{long}\n"));
    shown(&mut bob);
    alice.send("my own xylophonequartet\nkept by alice\n");
    shown(&mut alice);
    alice.ask("/delete @bob 3", &["* 3 messages of bob were deleted by alice."]);
    alice.ask("/delete 5", &["* A message of alice was deleted by alice."]);
    (server, alice)
}

fn check_answers(client: &mut Client) {
    shown(client);
    client.send("/history 9\n");
    let history = shown(client);
    assert_eq!(history[1..3], ["[T] bob: kept commonbeginningone", "[T] alice: kept by alice"], "{history:?}");
    for word in DELETED {
        client.send(&format!("/search {word}\n"));
        assert_eq!(shown(client)[0], format!("* --- no message with {word} ---"));
    }
    client.send("/search commonbeginningone\n");
    assert_eq!(shown(client)[0], "* --- 1 message with commonbeginningone ---");
}

#[test]
fn deleted_text_is_overwritten_while_the_server_runs() {
    let dir = TestDir::new();
    let (server, mut alice) = with_deletions(&dir);
    check_answers(&mut alice);
    await_overwritten(&dir, &mut alice);
    end(server);
    assert_eq!(words_in_files(&dir), []);
    let export =
        Command::new(PROGRAM).args(["export", "--store"]).arg(dir.file()).output().expect("the program starts");
    let lines = String::from_utf8(export.stdout).expect("UTF-8");
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let server = dir.start(&[]);
    let mut carol = server.login("carol");
    carol.send("/join den\n");
    assert!(shown(&mut carol).contains(&"[T] alice: kept by alice".to_owned()));
}

#[test]
fn deletion_is_kept_and_completed_after_sigkill() {
    let dir = TestDir::new();
    let (server, _alice) = with_deletions(&dir);
    kill(server);
    let server = dir.start(&[]);
    let mut carol = server.login("carol");
    carol.send("/join den\n");
    check_answers(&mut carol);
    await_overwritten(&dir, &mut carol);
}

#[test]
fn deleted_text_is_overwritten_when_the_server_ends_at_once() {
    let dir = TestDir::new();
    let (server, _alice) = with_deletions(&dir);
    end(server);
    assert_eq!(words_in_files(&dir), []);
}

#[test]
fn settings_topic_and_bans_of_a_room_are_there_after_sigkill() {
    let dir = TestDir::new();
    let server = dir.start(&["--rate", "0"]);
    let mut alice = server.login("alice");
    let _bob = server.login("bob");
    alice.send("/join den\n/room key fish\n/room limit 10\n/topic tea at four\n/ban bob\n");
    shown(&mut alice);
    kill(server);
    let server = dir.start(&["--rate", "0"]);
    let mut dave = server.login("dave");
    dave.ask("/join den", &["! den needs a key: /join den KEY"]);
    dave.send("/join den fish\n");
    let entered = shown(&mut dave);
    assert!(entered.iter().any(|line| line.contains("tea at four")), "{entered:?}");
    dave.ask("/room", &["* Settings of den: key, limit 10."]);
    let mut bob = server.login("bob");
    bob.ask("/join den fish", &["! You are banned from den."]);
}
