//! Tests of /history and /search.

use super::{TestDir, kill};
use crate::harness::{Client, Server};

const HISTORY_USAGE: &str = "! Usage: /history [n], /history before|after|around ID [n], /history on YYYY-MM-DD [n]";

/// Sends a line; returns all lines up to the reply to a ping sent after it.
fn answer(client: &mut Client, line: &str) -> Vec<String> {
    client.send(&format!("{line}\n/ping end\n"));
    std::iter::from_fn(|| Some(client.line()).filter(|line| line != "* pong end")).collect()
}

/// Starts a server and sends `count` messages.
fn with_messages(dir: &TestDir, count: usize, args: &[&str]) -> Server {
    let server = dir.start(&[&["--rate", "0"], args].concat());
    let mut alice = server.login("alice");
    let lines: String = (1..=count).map(|n| format!("message {n}\n")).collect();
    alice.send(&lines);
    alice.ask("/ping", &["* pong"]);
    alice.ask("q", &["* Goodbye."]);
    alice.expect_end();
    server
}

#[test]
fn history_can_be_paged_back_to_the_first_message() {
    let dir = TestDir::new();
    kill(with_messages(&dir, 1234, &[]));
    let server = dir.start(&[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    let (mut said, mut command, mut pages) = (Vec::new(), "/history 500".to_owned(), 0);
    loop {
        let mut page = answer(&mut bob, &command);
        let (begins, ends) = (page.remove(0), page.pop().expect("an end"));
        assert!(begins.starts_with(&format!("* --- the last {} message", page.len())), "{begins}");
        page.append(&mut said);
        said = page;
        pages += 1;
        match ends.strip_prefix("* --- for what was said before: ") {
            Some(next) => command = format!("{} 500", next.split([';', '-']).next().expect("a command")),
            None => {
                assert_eq!(
                    ends,
                    "* --- nothing was said here before that; for what was said after: /history after 234 ---"
                );
                break;
            }
        }
    }
    assert_eq!(pages, 3);
    let expected: Vec<String> = (1..=1234).map(|n| format!("[T] alice: message {n}")).collect();
    assert_eq!(said, expected);
}

#[test]
fn history_can_be_paged_forward_to_the_newest_message() {
    let dir = TestDir::new();
    kill(with_messages(&dir, 1100, &[]));
    let server = dir.start(&[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    bob.ask("now\n/ping", &["* pong"]);
    for first in ["/history after 0 500", "/history on 2020-01-01 500"] {
        let (mut said, mut command, mut pages) = (Vec::new(), first.to_owned(), 0);
        loop {
            let page = answer(&mut bob, &command);
            assert!(page[0].starts_with(&format!("* --- the first {} message", page.len() - 2)), "{}", page[0]);
            said.extend_from_slice(&page[1..page.len() - 1]);
            pages += 1;
            let Some((_, next)) = page[page.len() - 1].split_once("for what was said after: ") else { break };
            command = format!("{} 500", next.trim_end_matches(" ---"));
        }
        let last = "[T] bob: now".to_owned();
        let expected: Vec<String> = (1..=1100).map(|n| format!("[T] alice: message {n}")).chain([last]).collect();
        assert_eq!((said, pages), (expected, 3), "{first}");
    }
    assert_eq!(
        answer(&mut bob, "/history around 700 4"),
        [
            "* --- 4 messages around 700 ---",
            "[T] alice: message 699",
            "[T] alice: message 700",
            "[T] alice: message 701",
            "[T] alice: message 702",
            "* --- for what was said before: /history before 699; for what was said after: /history after 702 ---",
        ]
    );
    assert_eq!(
        answer(&mut bob, "/history on 9999-12-31"),
        ["* --- the first 0 messages since 9999-12-31 ---", "* --- for what was said before: /history before 1102 ---"]
    );
}

#[test]
fn invalid_arguments_are_answered_with_usage() {
    let dir = TestDir::new();
    let server = with_messages(&dir, 1, &[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    let lines =
        ["0", "x", "before", "before x", "before 3 0", "after", "around -1", "on", "on 3", "on 2026-11-31", "on x 3"];
    for line in lines {
        assert_eq!(answer(&mut bob, &format!("/history {line}")), [HISTORY_USAGE], "{line}");
    }
    for line in ["/search", "/search  "] {
        assert_eq!(answer(&mut bob, line), ["! Usage: /search words, /search before ID words"], "{line}");
    }
    // Typed text contains no search operators.
    for line in ["/search \"", "/search text:x", "/search *", "/search NEAR(a b)", "/search '; DROP TABLE messages"] {
        assert_eq!(answer(&mut bob, line)[1..], ["* --- there are no older ones ---"], "{line}");
    }
    assert_eq!(
        answer(&mut bob, "/history before 1"),
        [
            "* --- the last 0 messages before 1 ---",
            "* --- nothing was said here before that; for what was said after: /history after 0 ---"
        ]
    );
}

#[test]
fn history_page_is_limited_in_bytes() {
    let dir = TestDir::new();
    let server = dir.start(&["--rate", "0", "--backlog-bytes", "40000"]);
    let mut alice = server.login("alice");
    let long = "x".repeat(4000);
    for _ in 0..10 {
        alice.ask(&format!("{long}\n/ping"), &["* pong"]);
    }
    let page = answer(&mut alice, "/history 500");
    assert_eq!(page.len(), 2 + 4);
    assert_eq!(page[5], "* --- for what was said before: /history before 7 ---");
}

#[test]
fn search_finds_english_and_chinese_words() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let mut alice = server.login("alice");
    for line in
        ["The Fish was good", "我们中午去吃红烧鱼吧", "nothing of that", "/me eats fish and chips", "好的，红烧鱼不错"]
    {
        alice.send(&format!("{line}\n"));
    }
    alice.ask("/join den", &["* You are in den. 1 here: you."]);
    alice.ask("fish in another room\n/leave", &["* You are in lobby. 1 here: you."]);
    alice.until("up to date");
    kill(server);
    let server = dir.start(&[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    let texts = |lines: Vec<String>| -> Vec<String> {
        let found = lines[1..lines.len() - 1].iter();
        // The text stands after the id, the date and the time.
        found.map(|line| line.splitn(5, ' ').nth(4).expect("a text").to_owned()).collect()
    };
    assert_eq!(texts(answer(&mut bob, "/search fish")), ["alice: The Fish was good", "* alice eats fish and chips"]);
    assert_eq!(texts(answer(&mut bob, "/search FISH chips")), ["* alice eats fish and chips"]);
    for words in ["烧鱼", "红烧鱼"] {
        assert_eq!(
            texts(answer(&mut bob, &format!("/search {words}"))),
            ["alice: 我们中午去吃红烧鱼吧", "alice: 好的，红烧鱼不错"],
            "{words}"
        );
    }
    assert_eq!(answer(&mut bob, "/search 鲸"), ["* --- no message with 鲸 ---", "* --- there are no older ones ---"]);
}

#[test]
fn search_results_are_paged() {
    let dir = TestDir::new();
    let server = with_messages(&dir, 50, &[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    let first = answer(&mut bob, "/search message");
    assert_eq!(first[0], "* --- 20 messages with message ---");
    assert!(first[1].starts_with("* 31 ") && first[1].ends_with(" alice: message 31"), "{first:?}");
    assert_eq!(first[21], "* --- for older ones: /search before 31 message ---");
    let next = answer(&mut bob, "/search before 31 message");
    assert!(next[1].starts_with("* 11 "), "{next:?}");
    let last = answer(&mut bob, "/search before 11 message");
    assert_eq!((&*last[0], last.len()), ("* --- 10 messages with message ---", 12));
    assert_eq!(last[11], "* --- there are no older ones ---");
}

#[test]
fn query_replies_keep_their_order_and_are_sent_after_half_close() {
    let dir = TestDir::new();
    let server = with_messages(&dir, 3, &[]);
    let mut bob = server.login("bob");
    bob.until("up to date");
    bob.send("/ping before\n/history 1\n/ping between\n/search 2\nq\n");
    bob.expect_all(&[
        "* pong before",
        "* --- the last 1 message ---",
        "[T] alice: message 3",
        "* --- for what was said before: /history before 3 ---",
        "* pong between",
        "* --- 1 message with 2 ---",
    ]);
    assert!(bob.line().ends_with(" alice: message 2"));
    bob.expect_all(&["* --- there are no older ones ---", "* Goodbye."]);
    bob.expect_end();
    let mut carol = server.login("carol");
    carol.until("up to date");
    // The last line has no line end.
    carol.send("/history 1");
    carol.half_close();
    carol.expect_all(&["* --- the last 1 message ---", "[T] alice: message 3"]);
    carol.until("/history before 3");
    carol.expect_end();
}

#[test]
fn ignored_members_are_left_out_of_history_and_search() {
    let dir = TestDir::new();
    let server = dir.start(&[]);
    let [mut alice, mut bob, mut carol] = server.people(["alice", "bob", "carol"]);
    bob.send("from bob\n");
    carol.expect("[T] bob: from bob");
    carol.send("from carol\n");
    alice.expect_all(&["[T] bob: from bob", "[T] carol: from carol"]);
    alice.ask("/ignore bob", &["* You no longer read bob. /unignore bob ends that."]);
    bob.expect("[T] carol: from carol");
    bob.ask("/nick rob", &["* bob is now called rob"]);
    bob.ask("from rob\n/ping", &["* pong"]);
    let page = answer(&mut alice, "/history");
    let said: Vec<&String> = page.iter().filter(|line| line.starts_with("[T]")).collect();
    assert_eq!(said, ["[T] carol: from carol"]);
    assert!(!answer(&mut alice, "/search from").iter().any(|line| line.contains("rob: ") || line.contains("bob: ")));
}
