//! Many at once who do what nobody should.

use chinwag::util::fd_limit;
use rustix::process::Signal;

use crate::harness::{Client, Server};

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const SHUTTING_DOWN: &str = "* The server is shutting down.";

/// So many connections, or a quarter of what this process may have, since other tests have some too.
fn crowd(wanted: usize) -> usize {
    wanted.min(fd_limit::raise() as usize / 4)
}

/// A server that slows nobody down.
fn server(args: &[&str]) -> Server {
    Server::start(&[&["--rate", "0"], args].concat())
}

/// Two who talk, and have nothing else to read.
fn two(server: &Server) -> [Client; 2] {
    server.people(["alice", "bob"])
}

/// One says something and the other reads it; returns what the server said before.
#[track_caller]
fn talk([alice, bob]: &mut [Client; 2], text: &str) -> Vec<String> {
    alice.send(&format!("{text}\n"));
    hears_all(bob, &[text.to_owned()])
}

/// Reads all that alice said, in order; returns what the server said before.
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
fn thousands_of_lines_that_never_end_cost_their_bytes_and_nothing_else() {
    let many = crowd(5000);
    let server = server(&["--max-clients", "6000"]);
    let mut people = two(&server);
    let before = server.resident_kib();
    let mut halves: Vec<Client> = (0..many).map(|_| server.connect()).collect();
    for half in &mut halves {
        half.expect(WELCOME);
        half.send(&"x".repeat(1000));
    }
    // It has read from all of them when the last one that it was told of has an answer.
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
fn one_of_very_many_who_never_reads_is_dropped_and_all_others_read_everything() {
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
fn thousands_who_connect_at_once_do_not_hold_up_two_who_talk() {
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
    // They go as they came.
    burst.into_iter().for_each(Client::reset);
    talk(&mut people, "all are gone");
}

#[test]
fn connections_that_are_reset_in_the_middle_of_a_fan_out_cost_nobody_else_a_line() {
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
fn hundreds_who_are_too_slow_are_closed_together_and_nobody_else_notices() {
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
fn a_signal_in_the_middle_of_a_fan_out_cuts_nothing_in_two() {
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
fn control_characters_reach_neither_the_console_nor_the_history_nor_one_who_is_kicked() {
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
