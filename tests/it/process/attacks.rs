//! Many clients that attack the server at once.

use chinwag::util::fd_limit;
use rustix::process::Signal;

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// At most `wanted` connections, or a quarter of this process's limit, since other tests have some too.
fn crowd(wanted: usize) -> usize {
    wanted.min(fd_limit::raise() as usize / 4)
}

/// A server without a rate limit.
fn server(args: &[&str]) -> Server {
    Server::start(&[&["--rate", "0"], args].concat())
}

/// Two members who have read everything.
fn two(server: &Server) -> [Client; 2] {
    server.people(["alice", "bob"])
}

/// One member says a text and the other reads it; returns the server's lines before it.
#[track_caller]
fn talk([alice, bob]: &mut [Client; 2], text: &str) -> Vec<String> {
    alice.send(&format!("{text}\n"));
    hears_all(bob, &[text.to_owned()])
}

/// Reads all texts of alice, in order; returns the server's lines between them.
#[track_caller]
fn hears_all(client: &mut Client, texts: &[String]) -> Vec<String> {
    let mut notices = Vec::new();
    for text in texts {
        loop {
            let line = client.line();
            match line.strip_prefix("[T] alice: ") {
                Some(said) => {
                    assert!(said == text, "{said:.20} in place of {text:.20}");
                    break;
                }
                None => {
                    assert!(line.starts_with("* "), "{line}");
                    notices.push(line);
                }
            }
        }
    }
    notices
}

fn texts(count: usize, bytes: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number} {}", "x".repeat(bytes))).collect()
}

#[test]
fn unfinished_lines_take_only_their_bytes() {
    let many = crowd(5000);
    let server = server(&["--max-clients", "6000"]);
    let mut people = two(&server);
    let before = server.resident_kib();
    let mut halves: Vec<Client> = (0..many).map(|_| server.connect()).collect();
    for half in &mut halves {
        half.expect(WELCOME);
        half.send(&"x".repeat(1000));
    }
    // The server has read from all of them when the last one has an answer.
    let mut last = server.connect();
    last.expect(WELCOME);
    last.ask("no name", &["! A nickname is 1 to 24 characters wide: letters and digits of any script, _, - and ., no spaces. Try another:"]);
    talk(&mut people, "hello");
    let grown = server.resident_kib().saturating_sub(before);
    let most = many as u64 * 1800 / 1024 + 2048;
    assert!(grown < most, "{grown} KiB more for {many} half lines");
    drop(halves);
    talk(&mut people, "still there?");
    people[1].send("yes\n");
    people[0].expect("[T] bob: yes");
}

#[test]
fn only_the_stalled_reader_of_many_is_dropped() {
    let server = server(&["--backlog-bytes", "65536", "--announce-limit", "0"]);
    let mut alice = server.login("alice");
    let mut readers: Vec<Client> = (0..200).map(|number| server.login(&format!("p{number}"))).collect();
    let _never = Client::connect_slow(server.addr).log_in("never");
    let texts = texts(150, 4000);
    for some in texts.chunks(10) {
        some.iter().for_each(|text| alice.send(&format!("{text}\n")));
        readers.iter_mut().for_each(|reader| drop(hears_all(reader, some)));
    }
    alice.send("/who\n");
    let (_, here) = until(&mut alice, " here: ");
    assert!(here.starts_with("* 201 here: "), "{here}");
}

/// The next line that holds `part`, and those before it.
fn until(client: &mut Client, part: &str) -> (Vec<String>, String) {
    let mut before = Vec::new();
    loop {
        let line = client.line();
        if line.contains(part) {
            return (before, line);
        }
        before.push(line);
    }
}

#[test]
fn connection_storm_does_not_delay_members() {
    let many = crowd(5000);
    let server = server(&["--max-clients", "6000"]);
    let mut people = two(&server);
    let mut burst = Vec::new();
    for number in 0..many {
        burst.push(server.connect());
        if number % 250 == 0 {
            talk(&mut people, &number.to_string());
        }
    }
    burst.iter_mut().for_each(|client| client.expect(WELCOME));
    talk(&mut people, "all are in");
    // They leave all at once.
    burst.into_iter().for_each(Client::reset);
    talk(&mut people, "all are gone");
}

#[test]
fn resets_during_fan_out_lose_no_line_of_others() {
    let server = server(&[]);
    let mut alice = server.login("alice");
    let mut readers: Vec<Client> = (0..100).map(|number| server.login(&format!("p{number}"))).collect();
    let texts = texts(200, 1000);
    for (number, text) in texts.iter().enumerate() {
        alice.send(&format!("{text}\n"));
        if number % 4 == 0 {
            let place = number * 7 % readers.len();
            readers.swap_remove(place).reset();
        }
    }
    assert_eq!(readers.len(), 50);
    for reader in &mut readers {
        let mut notices = hears_all(reader, &texts);
        reader.send("/ping end\n");
        notices.extend(until(reader, "* pong end").0);
        let lost = notices.iter().filter(|line| line.contains(" left: connection lost (")).count();
        assert_eq!(lost, 50, "{notices:?}");
    }
    readers[0].ask("/who", &[]);
    assert!(readers[0].line().starts_with("* 51 here: "));
}

#[test]
fn many_slow_consumers_are_closed_without_effect_on_others() {
    let count = crowd(500);
    let server = server(&["--backlog-bytes", "65536", "--announce-limit", "10000"]);
    let mut people = two(&server);
    let slow: Vec<Client> =
        (0..count).map(|number| Client::connect_slow(server.addr).log_in(&format!("s{number}"))).collect();
    let mut left = 0;
    for text in texts(1000, 4000) {
        let notices = talk(&mut people, &text);
        left += notices.iter().filter(|line| line.contains(" left: too slow to read (")).count();
        if left >= count {
            break;
        }
    }
    assert_eq!(left, slow.len());
    people[1].send("/who\n");
    assert_eq!(until(&mut people[1], " here: ").1, "* 2 here: alice and you.");
}

#[test]
fn signal_during_fan_out_cuts_no_line() {
    let mut server = server(&["--announce-limit", "0"]);
    let mut alice = server.login("alice");
    let mut readers: Vec<Client> = (0..100).map(|number| server.login(&format!("p{number}"))).collect();
    let texts = texts(500, 500);
    for (number, text) in texts.iter().enumerate() {
        alice.send(&format!("{text}\n"));
        if number == 250 {
            server.signal(Signal::TERM);
            break;
        }
    }
    for reader in &mut readers {
        let mut said = 0;
        loop {
            let line = reader.line();
            match line.strip_prefix("[T] alice: ") {
                Some(text) => {
                    assert_eq!(text, texts[said]);
                    said += 1;
                }
                None if line == SHUTTING_DOWN => break,
                None => assert!(line.starts_with("* "), "{line}"),
            }
        }
        reader.expect_end();
    }
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn control_characters_reach_neither_console_nor_history_nor_kicked_member() {
    let mut server = Server::start(&["--console"]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("* bob joined (2 here)");
    let dirty = "\u{1b}[31mr\u{7}e\u{202e}d\u{9b}1m\u{85}\u{1b}]0;t\u{7}";
    alice.send(&format!("{dirty}\n"));
    bob.expect("[T] alice: red");
    server.type_in(&format!("{dirty} too\n/kick bob {dirty}\n"));
    bob.expect_all(&["[T] server: red too", "* You were kicked by the operator: red"]);
    alice.expect_all(&["[T] server: red too", "* bob left: kicked (1 here)"]);
    let shown = until_shown(&mut server, "* bob left: kicked");
    assert!(shown.iter().any(|line| line.ends_with("] alice: red")), "{shown:?}");
    assert!(!shown.iter().any(|line| line.contains(char::is_control)), "{shown:?}");
    let mut late = server.login("late");
    late.expect_all(&[
        "* --- the last 2 messages ---",
        "[T] alice: red",
        "[T] server: red too",
        "* --- you are up to date ---",
    ]);
    let logged = server.log.until("bob left: kicked");
    assert!(logged.contains("kicked (red)") && !logged.contains(char::is_control), "{logged:?}");
}

fn until_shown(server: &mut Server, part: &str) -> Vec<String> {
    let mut shown = Vec::new();
    loop {
        let line = server.console.next().expect("a line");
        let last = line.contains(part);
        shown.push(line);
        if last {
            return shown;
        }
    }
}
