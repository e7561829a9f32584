//! Clients of IRC that send nonsense, or too much: they get errors, and others read nothing of it.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{Irc, IrcServer};
use crate::harness::Client;
use crate::store::TestDir;

/// A server and two members of `#den`: a client of IRC and a line client.
fn den(args: &[&str]) -> (IrcServer, Irc, Client) {
    let server = IrcServer::start(args);
    let mut nick = server.login("nick");
    nick.ask("/join den", &["* You are in den. 1 here: you."]);
    let iris = server.join("iris", "#den");
    nick.expect("* iris joined (2 here)");
    (server, iris, nick)
}

#[test]
fn nul_is_dropped_and_cr_ends_a_line() {
    let (_server, mut iris, mut nick) = den(&[]);
    iris.client.send_bytes(b"PRIV\0MSG #den :a\0b\r\n\0\0\r\n\r\rPRIVMSG #den :c\rPRIVMSG #den :d\n");
    nick.expect_all(&["[T] iris: ab", "[T] iris: c", "[T] iris: d"]);
    iris.expect_nothing();
}

#[test]
fn request_of_a_browser_runs_no_command() {
    let (server, mut iris, _nick) = den(&[]);
    let body = "NICK evil\r\nUSER a 0 * :b\r\nJOIN #den\r\nPRIVMSG #den :hi\r\n";
    let request = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut socket = TcpStream::connect(server.irc).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("ERROR :Closing link: "), "{answer}");
    assert_eq!(answer.lines().count(), 1, "{answer}");
    iris.expect_nothing();
}

#[test]
fn lines_over_a_limit_are_refused_and_the_next_ones_are_read() {
    let (_server, mut iris, mut nick) = den(&["--rate", "0"]);
    let too_long = ":chinwag 417 iris :Input line was too long";
    iris.ask(&format!("PRIVMSG #den :{}", "x".repeat(586)), &[too_long]);
    // A character of two bytes that stands across the limit is not cut.
    iris.ask(&format!("PRIVMSG #den :{}é", "x".repeat(495)), &[too_long]);
    let tags: Vec<String> = (0..10_000).map(|number| format!("t{number}=v")).collect();
    iris.ask(&format!("@{} PRIVMSG #den :tagged", tags.join(";")), &[too_long]);
    iris.send(&[&format!("@a=b notice #den :{}", "x".repeat(600))]);
    let tags: Vec<String> = (0..500).map(|number| format!("+t{number}=v")).collect();
    iris.send(&[&format!("@{} PRIVMSG #den :hello", tags.join(";"))]);
    nick.expect("[T] iris: hello");
    // Without an end it is refused, too, and takes no memory.
    for _ in 0..100 {
        iris.client.send(&"x".repeat(100_000));
    }
    iris.expect(&[too_long]);
    iris.client.send("\r\n");
    iris.expect_nothing();
    nick.expect_nothing();
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_command() {
    let (_server, mut iris, mut nick) = den(&[]);
    // A NOTICE is never answered.
    iris.client.send_bytes(b"NOTICE #den :caf\xe9\r\n");
    iris.client.send_bytes(b"PRIVMSG #den :caf\xe9\r\n\xff\xfe\r\n@\xff=\xff TOPIC #den :x\r\n");
    for command in ["PRIVMSG", "*", "TOPIC"] {
        let text = "The line is not UTF-8, and was not processed";
        iris.expect(&[&format!(":chinwag FAIL {command} INVALID_UTF8 :{text}")]);
    }
    nick.expect_nothing();
}

#[test]
fn storms_of_cap_are_answered_each_and_change_nothing_that_is_unknown() {
    let (server, _iris, mut nick) = den(&["--rate", "0"]);
    let mut storm = server.open();
    for _ in 0..300 {
        storm.send(&["CAP LS 302", "CAP REQ :message-tags nonsense", "CAP REQ :batch", "CAP REQ :-batch", "CAP FLY"]);
        storm.until("CAP * NAK :message-tags nonsense");
        storm.expect(&[":chinwag CAP * ACK :batch", ":chinwag CAP * ACK :-batch"]);
        storm.expect(&[":chinwag 410 * FLY :Invalid CAP subcommand"]);
    }
    let many = "message-tags ".repeat(35);
    storm.ask(&format!("CAP REQ :{many}"), &[&format!(":chinwag CAP * ACK :{}", many.trim_end())]);
    storm.send(&["CAP END"]);
    storm.register("storm");
    nick.expect_nothing();
}

#[test]
fn each_change_of_a_flood_of_nick_is_told_once() {
    let (_server, mut iris, mut nick) = den(&["--rate", "50", "--burst", "5"]);
    let mut before = "iris".to_owned();
    let names: Vec<String> = (0..40).map(|number| format!("name{number}")).collect();
    let flood: Vec<String> = names.iter().map(|name| format!("NICK {name}")).collect();
    iris.send(&flood.iter().map(String::as_str).collect::<Vec<_>>());
    for name in names {
        iris.expect(&[&format!(":{before}!~iris@HOST NICK :{name}")]);
        nick.expect(&format!("* {before} is now called {name}"));
        before = name;
    }
    for bad in ["NICK #a", "NICK :a b", "NICK :", "NICK server", "NICK \u{202e}abc", "NICK *", "NICK :"] {
        iris.send(&[bad]);
    }
    for _ in 0..7 {
        let refused = iris.line();
        assert!([" 431 ", " 432 ", " NICK :abc"].iter().any(|code| refused.contains(code)), "{refused}");
    }
}

#[test]
fn channels_over_the_limit_are_refused_each() {
    let (_server, mut iris, mut nick) = den(&["--rate", "0", "--max-follow", "3"]);
    let channels: Vec<String> = (0..80).map(|number| format!("#c{number}")).collect();
    iris.send(&[&format!("JOIN {}", channels.join(","))]);
    let mut refused = 0;
    let mut joined = 0;
    while refused + joined < 80 {
        let line = iris.line();
        refused += usize::from(line.contains(" 405 "));
        joined += usize::from(line.contains(" JOIN #"));
    }
    assert_eq!((joined, refused), (2, 78));
    for channel in ["den", "#", "#a\u{7}b", "&den", "#a b", "##", ",,,", "+x", "!x", ""] {
        iris.send(&[&format!("JOIN :{channel}")]);
    }
    iris.send(&["PING end"]);
    loop {
        let line = iris.line();
        if line.ends_with(" PONG chinwag :end") {
            break;
        }
        assert!([" 403 ", " 405 ", " 461 "].iter().any(|code| line.contains(code)), "{line}");
    }
    nick.expect_nothing();
}

#[test]
fn mode_with_very_many_arguments_does_what_one_line_may_do() {
    let (_server, mut iris, mut nick) = den(&["--rate", "0"]);
    nick.ask("/op iris", &["* nick made iris an operator"]);
    iris.until(" MODE #den +o iris");
    // Of one line, 12 changes with an argument are made.
    iris.send(&[&format!("MODE #den +{}{}", "o".repeat(150), " x".repeat(150))]);
    for _ in 0..12 {
        iris.expect(&[":chinwag 401 iris x :No such nick/channel"]);
    }
    iris.expect_nothing();
    iris.ask(&format!("MODE #den +{}", "z".repeat(450)), &[":chinwag 472 iris z :is unknown mode char to me"]);
    iris.ask(
        &format!("MODE #den +{}{}", "b".repeat(500), " x!*@*".repeat(500)),
        &[":chinwag 417 iris :Input line was too long"],
    );
    nick.expect_nothing();
}

#[test]
fn sasl_without_end_is_refused_and_the_client_can_still_register() {
    let dir = TestDir::new();
    let server = IrcServer::start(&["--rate", "0", "--store", dir.file().to_str().expect("UTF-8")]);
    let mut client = server.open();
    client.ask("CAP REQ :sasl", &[":chinwag CAP * ACK :sasl"]);
    let piece = format!("AUTHENTICATE {}", "A".repeat(400));
    for _ in 0..20 {
        client.ask("AUTHENTICATE PLAIN", &[":chinwag AUTHENTICATE +"]);
        (0..50).for_each(|_| client.send(&[&piece]));
        client.until(" 904 * :SASL authentication failed: The message is too long");
        client.ask("PING end", &[]);
        client.until(" PONG chinwag :end");
    }
    client.ask("AUTHENTICATE PLAIN", &[":chinwag AUTHENTICATE +"]);
    client.ask(&format!("{piece}A"), &[":chinwag 905 * :SASL message too long"]);
    client.send(&["NICK alice", "USER alice 0 * :x", "CAP END"]);
    client.until(":chinwag 001 alice :");
}

#[test]
fn floods_of_ctcp_reach_nobody_but_their_target() {
    let (server, mut iris, mut nick) = den(&["--rate", "100", "--burst", "5"]);
    let mut other = server.join("other", "#den");
    iris.until("JOIN");
    nick.expect("* other joined (3 here)");
    for number in 0..20 {
        iris.send(&[
            "PRIVMSG other :\u{1}VERSION\u{1}",
            "PRIVMSG other :\u{1}PING\u{1}",
            "PRIVMSG other :\u{1}",
            "NOTICE other :\u{1}VERSION mine\u{1}",
            &format!("PRIVMSG other :{number}"),
        ]);
        while other.line() != format!(":iris!~iris@HOST PRIVMSG other :{number}") {}
    }
    iris.expect_nothing();
    nick.expect_nothing();
}

#[test]
fn nonsense_is_answered_and_leaves_the_connection_open() {
    let (_server, mut iris, mut nick) = den(&["--rate", "0"]);
    let arguments = "x ".repeat(200);
    let lines = [
        ":",
        " ",
        "@",
        "@ ",
        ":x",
        ":x ",
        "@a",
        "0",
        "JOIN",
        "PART",
        "PRIVMSG",
        "PRIVMSG #den",
        "PRIVMSG #den :",
        "TOPIC",
        "PRIVMSG ,,, :x",
        "PRIVMSG :#den",
        "PING",
        "USER",
        "NAMES :",
        "CAP",
        "CAP REQ",
        "GET / HTTP/1.1",
        "\u{1}\u{1}",
    ];
    iris.send(&lines);
    for command in
        ["JOIN", "PART", "NAMES", "PRIVMSG", "NOTICE", "TAGMSG", "CAP", "PASS", "NICK", "MOTD", "KICK", "MODE"]
    {
        iris.send(&[&format!("{command} {arguments}")]);
    }
    iris.send(&["PING end"]);
    let is_numeric =
        |line: &str| line.split(' ').nth(1).is_some_and(|code| code.len() == 3 && code.parse::<u16>().is_ok());
    loop {
        let line = iris.line();
        if line.ends_with(" PONG chinwag :end") {
            break;
        }
        let is_answer = line.contains(" CAP iris ") || line.contains(" NICK :x") || line.contains(" JOIN #");
        assert!(line.starts_with(':') && (is_numeric(&line) || is_answer), "{line}");
    }
    nick.until("* iris is now called x");
    nick.expect_nothing();
}

#[test]
fn client_that_does_not_read_is_dropped_and_others_are_not_held_up() {
    let (server, mut iris, mut nick) = den(&["--rate", "0", "--backlog-bytes", "262144"]);
    let mut slow = Irc::over(Client::connect_slow(server.irc));
    slow.register("slow");
    slow.join("#den");
    iris.until("JOIN");
    nick.expect("* slow joined (3 here)");
    let text = "x".repeat(400);
    let mut sent = 0;
    while !nick.readable_within(std::time::Duration::ZERO) {
        iris.send(&[&format!("PRIVMSG nick :{sent}"), &format!("PRIVMSG #den :{text}")]);
        sent += 1;
        nick.until(&format!("iris -> you: {}", sent - 1));
        nick.until(&text);
    }
    nick.expect("* slow left: too slow to read (2 here)");
    let quit = iris.line();
    assert!(quit.starts_with(":slow!~slow@HOST QUIT :"), "{quit}");
}
