//! Tests of lists that take several lines: nothing is cut, and no session is disconnected because of them.

use super::TestHub;
use crate::chat::config::{Config, MAX_SERVER_NAME};
use crate::chat::id::ClientId;

/// A server with the longest name, as far as lengths of lines are concerned, and members with long names in rooms with long
/// names.
fn long_names(backlog_bytes: usize) -> (TestHub, Vec<ClientId>) {
    let name = "x".repeat(MAX_SERVER_NAME).into();
    let mut server = TestHub::with(Config { name, backlog_bytes, ..Config::default() });
    let ids: Vec<ClientId> = (10..40).map(|n| server.enter_irc(&member(n))).collect();
    (server, ids)
}

fn member(number: usize) -> String {
    format!("{}{number}", "茶".repeat(11))
}

fn channel(number: usize) -> String {
    format!("#{}{number}", "房".repeat(23))
}

/// Checks that each line would be whole with the longest name of the server as its sender.
fn check_lengths(lines: &[String]) {
    for line in lines {
        let sender = line.split(' ').next().unwrap();
        assert!(line.len() - sender.len() + 1 + MAX_SERVER_NAME <= 510, "{line}");
    }
}

/// The words in the texts of the numerics with this code.
fn words(lines: &[String], code: &str) -> Vec<String> {
    let texts = lines.iter().filter(|line| line.contains(code)).map(|line| line.split_once(" :").unwrap().1);
    texts.flat_map(|text| text.split([' ', ','])).map(str::to_owned).collect()
}

#[test]
fn no_name_is_lost_in_a_list_of_names() {
    let (mut server, ids) = long_names(1 << 20);
    for &id in &ids {
        server.say(id, "CAP REQ :userhost-in-names");
        server.say(id, &format!("JOIN {}", channel(10)));
        server.read(id);
    }
    for line in [format!("NAMES {}", channel(10)), format!("PART {0}\nJOIN {0}", channel(10))] {
        server.read(ids[29]);
        line.lines().for_each(|line| server.say(ids[29], line));
        let lines = server.read(ids[29]);
        check_lengths(&lines);
        let names = words(&lines, " 353 ");
        assert_eq!(names.len(), 30);
        assert!(names.iter().all(|name| name.ends_with(".cloak")), "{names:?}");
    }
}

#[test]
fn no_word_is_lost_in_answers_about_members() {
    let (mut server, ids) = long_names(1 << 20);
    let names: Vec<String> = (10..40).map(member).collect();
    for number in 10..26 {
        server.say(ids[0], &format!("JOIN {}", channel(number)));
    }
    for (line, code, count) in [
        (format!("ISON {}", names.join(" ")), " 303 ", 30),
        (format!("USERHOST {}", names.join(" ")), " 302 ", 5),
        (format!("WHOIS {}", names[0]), " 319 ", 16),
        (format!("MONITOR + {}", names.join(",")), " 730 ", 30),
        ("MONITOR L".into(), " 732 ", 30),
    ] {
        let lines = server.answer(ids[1], &line);
        check_lengths(&lines);
        assert_eq!(words(&lines, code).len(), count, "{line}: {lines:?}");
    }
    server.check_irc(ids[1], "ISON nobody", &[&format!("303 {} :", names[1])]);
}

#[test]
fn capabilities_are_listed_and_acknowledged_in_whole_words() {
    let (mut server, ids) = long_names(1 << 20);
    let lines = server.answer(ids[0], "CAP LS 302");
    check_lengths(&lines);
    let caps = words(&lines, " LS ");
    assert!(caps.contains(&"userhost-in-names".into()) && caps.len() > 15, "{caps:?}");
    let names = caps.iter().map(|cap| cap.split('=').next().unwrap());
    let caps: Vec<&str> = names.filter(|name| !name.starts_with("max-")).collect();
    let wanted = [caps.join(" "), caps.join(" ")].join(" ").replace("cap-notify", "batch");
    let lines = server.answer(ids[0], &format!("CAP REQ :{wanted}"));
    check_lengths(&lines);
    assert!(lines.len() > 1 && lines.iter().all(|line| line.contains(" ACK :")), "{lines:?}");
    assert_eq!(words(&lines, " ACK ").join(" "), wanted);
    assert!(server.answer(ids[0], "CAP REQ :")[0].ends_with(" ACK :"));
}

#[test]
fn names_stop_before_the_session_is_disconnected() {
    let (mut server, ids) = long_names(40_000);
    let channels: Vec<String> = (10..26).map(channel).collect();
    for &id in &ids {
        for channel in &channels {
            server.say(id, &format!("JOIN {channel}"));
            server.read(id);
        }
    }
    let all = channels.join(",");
    let lines = server.answer(ids[0], &format!("NAMES {all}"));
    let names = words(&lines, " 353 ").len();
    assert!((150..400).contains(&names), "{names}");
    assert!(lines.last().unwrap().contains(" 366 "));
    let again = server.answer(ids[0], &format!("NAMES {0},{0},{0}", channels[0]));
    assert_eq!(words(&again, " 353 ").len(), 30);
}
