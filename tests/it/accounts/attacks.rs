//! Guessing passwords, stolen files, a failing store, and passwords that must be nowhere.

use std::collections::BTreeSet;
use std::fs;

use chinwag::chat::scram_keys::ScramKeys;

use super::{WELCOME, at_prompt, log_in, register};
use crate::harness::{Client, Signal};
use crate::store::{TestDir, kill};

#[test]
fn guesses_from_one_address_are_five_a_minute_whatever_the_number_of_connections() {
    let dir = TestDir::new();
    let server = dir.start(&["--rate", "0"]);
    drop(register(&server));
    let mut guessers: Vec<Client> = (0..50).map(|_| at_prompt(&server)).collect();
    for (number, client) in guessers.iter_mut().enumerate() {
        client.send(&format!("guess{number}\n"));
    }
    let wrong = guessers.iter_mut().filter_map(|client| {
        let answer = client.line();
        assert!(!answer.starts_with("* You are"), "{answer}");
        answer.starts_with("! Wrong password.").then_some(())
    });
    assert_eq!(wrong.count(), 5);
}

#[test]
fn guesses_from_many_addresses_are_limited_for_each_account() {
    let dir = TestDir::new();
    let server = dir.start(&["--rate", "0"]);
    drop(register(&server));
    // From here alice has logged in last.
    log_in(&mut at_prompt(&server), "fish");
    let mut guessers: Vec<Client> = (0..250)
        .map(|number| {
            let mut client = Client::connect_from([127, 0, 1 + number / 100, 1 + number % 100], server.addr);
            client.expect(WELCOME);
            client.send("alice\nguess\n");
            client
        })
        .collect();
    let wrong = guessers.iter_mut().filter_map(|client| {
        client.until("Password:");
        client.line().starts_with("! Wrong password.").then_some(())
    });
    assert_eq!(wrong.count(), 60);
    log_in(&mut at_prompt(&server), "fish");
}

#[test]
fn no_file_log_or_console_has_a_password() {
    let dir = TestDir::new();
    let mut server = dir.start(&["-vv", "--console=on", "--admin", "127.0.0.1:0", "--rate", "0"]);
    let mut alice = server.login("alice");
    alice.ask("/register pikeperch1", &["* alice is registered now: who logs in as alice is asked for the password."]);
    alice.ask("/password pikeperch1 pikeperch2", &["* The password is changed."]);
    alice.ask("/password pikeperch3 pikeperch4", &["! Wrong password."]);
    alice.ask("hello", &[]);
    let mut other = at_prompt(&server);
    other.ask("pikeperch5", &["! Wrong password. Password: (visible as you type)"]);
    log_in(&mut other, "pikeperch2");
    other.until("you are up to date");
    other.ask(
        "/nick guest pikeperch6",
        &["! A nickname is 1 to 24 characters wide: letters and digits of any script, _, - and ., no spaces."],
    );
    server.type_in("/stats\n");
    server.console.until("bytes written");
    server.signal(Signal::TERM);
    server.wait();
    let texts = [server.log.rest(), server.console.rest()].concat();
    assert!(texts.iter().any(|line| line.contains("alice: hello")), "the log has messages");
    assert!(texts.iter().all(|line| !line.contains("pikeperch")), "{texts:#?}");
    for file in fs::read_dir(&dir.0).expect("a directory") {
        let bytes = fs::read(file.expect("a file").path()).expect("bytes");
        assert!(!bytes.windows(9).any(|window| window == b"pikeperch"));
    }
}

/// What is in the file is no password: it is not accepted as one.
#[test]
fn stolen_file_opens_nothing() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    drop(register(&server));
    kill(server);
    let mut bytes = fs::read(dir.file()).expect("bytes");
    bytes.extend(fs::read(dir.file().with_extension("db-wal")).unwrap_or_default());
    let stored = |start: &str, end: fn(char) -> bool| -> String {
        let at = bytes.windows(start.len()).position(|window| window == start.as_bytes()).expect(start);
        bytes[at..].iter().map(|&byte| byte as char).take_while(|&c| c.is_ascii_graphic() && !end(c)).collect()
    };
    let verifier = stored("$argon2id", |c| c == '{');
    assert!(verifier.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{verifier}");
    let mut keys = stored("SCRAM-SHA-256$", |_| false);
    keys.truncate(135);
    assert!(keys.parse::<ScramKeys>().is_ok(), "{keys}");
    let server = dir.start(&[]);
    let mut thief = at_prompt(&server);
    thief.ask(&verifier, &["! Wrong password. Password: (visible as you type)"]);
    thief.ask(&keys, &["! Wrong password. Password: (visible as you type)"]);
}

#[test]
fn two_accounts_with_one_password_have_different_verifiers_and_keys() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    for name in ["alice", "bob"] {
        let mut client = server.login(name);
        client.send("/register fish\n");
        client.until("is registered now");
    }
    kill(server);
    let mut bytes = fs::read(dir.file()).expect("bytes");
    bytes.extend(fs::read(dir.file().with_extension("db-wal")).unwrap_or_default());
    for (start, salt) in [("$argon2id$v=19$m=19456,t=2,p=1$", 22), ("SCRAM-SHA-256$100000:", 24)] {
        let found = bytes.windows(start.len() + salt).filter(|window| window.starts_with(start.as_bytes()));
        let salts: BTreeSet<&[u8]> = found.map(|window| &window[start.len()..]).collect();
        assert_eq!(salts.len(), 2, "{start}");
    }
}
