//! Clients of IRC, line clients and pages in one room.

use serde_json::json;

use super::{IrcServer, address};
use crate::harness::Client;
use crate::web::Page;

/// A client of IRC, a line client and a page, which are all in `den` and have read that.
fn three(server: &mut IrcServer) -> (super::Irc, Client, Page) {
    let web = address(server, "http");
    let mut nick = server.login("nick");
    nick.ask("/join den", &["* You are in den. 1 here: you."]);
    let mut page = Page::connect(web, "/ws?room=den", &[]);
    page.until("ask");
    page.send("paige");
    page.until("live");
    nick.expect("* paige joined (2 here)");
    let mut iris = server.enter("iris");
    iris.ask(
        "JOIN #den",
        &[
            ":iris!~iris@HOST JOIN #den",
            ":chinwag 353 iris = #den :@nick paige iris",
            ":chinwag 366 iris #den :End of /NAMES list",
        ],
    );
    nick.expect("* iris joined (3 here)");
    page.expect(json!({"t": "joined", "name": "iris", "room": "den", "here": 3}));
    (iris, nick, page)
}

fn start() -> IrcServer {
    IrcServer::start(&["--web", "127.0.0.1:0"])
}

#[test]
fn what_is_said_reads_as_usual_everywhere() {
    let mut server = start();
    let (mut iris, mut nick, mut page) = three(&mut server);
    iris.send(&["PRIVMSG #den :hello from IRC", "PRIVMSG #den :\u{1}ACTION waves\u{1}", "NOTICE #den :a note"]);
    nick.expect_all(&["[T] iris: hello from IRC", "[T] * iris waves", "[T] iris: a note"]);
    page.expect(json!({"t": "said", "name": "iris", "text": "hello from IRC"}));
    page.expect(json!({"t": "action", "name": "iris", "text": "waves"}));
    page.expect(json!({"t": "said", "name": "iris", "text": "a note", "notice": true}));
    iris.expect_nothing();
    nick.send("你好\n/me nods\n");
    iris.expect(&[":nick!chat@HOST PRIVMSG #den :你好", ":nick!chat@HOST PRIVMSG #den :\u{1}ACTION nods\u{1}"]);
    page.until("action");
    page.send("and from the page");
    iris.expect(&[":paige!chat@HOST PRIVMSG #den :and from the page"]);
    nick.expect("[T] paige: and from the page");
}

#[test]
fn whispers_go_both_ways() {
    let mut server = start();
    let (mut iris, mut nick, mut page) = three(&mut server);
    iris.send(&["PRIVMSG nick :psst", "PRIVMSG nick :\u{1}ACTION winks\u{1}", "PRIVMSG paige :you too"]);
    nick.expect_all(&["[T] iris -> you: psst", "[T] iris -> you: * winks"]);
    page.expect(json!({"t": "whisper", "from": "iris", "text": "you too"}));
    nick.ask("/r heard", &["[T] you -> iris: heard"]);
    iris.expect(&[":nick!chat@HOST PRIVMSG iris :heard"]);
    iris.ask("PRIVMSG nobody :hello?", &[":chinwag 401 iris nobody :No such nick/channel"]);
}

#[test]
fn coming_going_and_new_names_are_told_everywhere() {
    let mut server = start();
    let (mut iris, mut nick, mut page) = three(&mut server);
    iris.ask("NICK isis", &[":iris!~iris@HOST NICK :isis"]);
    nick.expect("* iris is now called isis");
    page.expect(json!({"t": "renamed", "old": "iris", "new": "isis"}));
    nick.ask("/nick nico", &["* nick is now called nico"]);
    iris.expect(&[":nick!chat@HOST NICK :nico"]);
    page.until("renamed");
    iris.ask("PART #den :for lunch", &[":isis!~iris@HOST PART #den :for lunch"]);
    nick.expect("* isis left (2 here)");
    page.expect(json!({"t": "left", "name": "isis", "here": 2}));
    iris.ask("PRIVMSG #den :anyone?", &[":chinwag 404 isis #den :Cannot send to channel (+n)"]);
    iris.join("#den");
    nick.expect("* isis joined (3 here)");
    nick.ask("/leave", &["* You are in lobby. 1 here: you."]);
    iris.expect(&[":nico!chat@HOST PART #den"]);
    page.close();
    let quit = iris.until(" QUIT ");
    assert!(quit.starts_with(":paige!chat@HOST QUIT :"), "{quit}");
    nick.send("/join den\n");
    nick.until("* You are in den. 2 here: isis and you.");
    iris.expect(&[":nico!chat@HOST JOIN #den"]);
    iris.ask("QUIT :good night", &["ERROR :Closing link: quit"]);
    iris.expect_end();
    nick.expect("* isis left: \"good night\" (1 here)");
}

#[test]
fn topic_is_shown_everywhere_and_to_who_comes() {
    let mut server = start();
    let (mut iris, mut nick, mut page) = three(&mut server);
    iris.ask("TOPIC #den :fish & chips", &[":iris!~iris@HOST TOPIC #den :fish & chips"]);
    nick.expect("* iris set the topic: fish & chips");
    page.expect(json!({"t": "topic", "name": "iris", "text": "fish & chips"}));
    nick.send("/topic tea\n");
    iris.expect(&[":nick!chat@HOST TOPIC #den :tea"]);
    let mut late = server.enter("late");
    late.ask("JOIN #den", &[":late!~late@HOST JOIN #den", ":chinwag 332 late #den :tea"]);
}

#[test]
fn two_clients_of_irc_read_each_other_with_the_capabilities_that_they_have() {
    let server = IrcServer::start(&[]);
    let mut tagged = server.open();
    tagged.send(&["CAP REQ :message-tags server-time echo-message extended-join"]);
    tagged.expect(&[":chinwag CAP * ACK :message-tags server-time echo-message extended-join"]);
    tagged.send(&["NICK tagged", "USER tagged 0 * :x", "CAP END"]);
    tagged.until(" 422 ");
    tagged.join("#den");
    let mut bare = server.join("bare", "#den");
    let joined = tagged.line();
    assert!(
        joined.starts_with("@time=") && joined.ends_with(" :bare!~bare@HOST JOIN #den * :The real bare"),
        "{joined}"
    );
    bare.send(&["PRIVMSG #den :bare words"]);
    let said = tagged.line();
    assert!(said.contains(";msgid=") && said.ends_with(" :bare!~bare@HOST PRIVMSG #den :bare words"), "{said}");
    tagged.send(&["@+x/y=z PRIVMSG #den :mine"]);
    let echo = tagged.line();
    assert!(echo.contains(";+x/y=z ") && echo.ends_with(" :tagged!~tagged@HOST PRIVMSG #den :mine"), "{echo}");
    bare.expect(&[":tagged!~tagged@HOST PRIVMSG #den :mine"]);
}
