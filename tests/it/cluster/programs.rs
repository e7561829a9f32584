//! The chat page and clients of IRC, which need to know nothing of nodes.

use serde_json::json;

use super::{node_args, start_node, wait_for_node};
use crate::harness::{Client, Signal};
use crate::nats::Engine;
use crate::web::{Page, WebServer};

#[test]
#[ignore = "needs nats-server"]
fn page_that_loses_its_node_goes_on_at_another_one_and_misses_nothing() {
    let engine = Engine::start(&[]);
    let url = engine.url();
    let mut nodes = ["a", "b"].map(|name| WebServer::start(&node_args(&url, name)));
    nodes.iter_mut().for_each(|node| wait_for_node(node));
    let mut bob = nodes[1].login("bob");
    let mut page = Page::connect(nodes[0].web, "/ws", &[]);
    let run = page.until("hello")["run"].as_str().expect("text").to_owned();
    page.log_in("alice");
    page.until("live");
    bob.expect("* alice joined (2 here)");
    bob.send("one\n");
    let one = page.expect(json!({"t": "said", "name": "bob", "text": "one"}))["id"].clone();
    page.ask("two", json!({"t": "said", "text": "two"}));
    bob.expect("[T] alice: two");
    // The page has not read that line: it has read up to `one`.
    nodes[0].signal(Signal::KILL);
    bob.expect("* alice left: connection lost (1 here)");
    bob.send("three\n");

    let mut page = nodes[1].open(&format!("/ws?run={run}&after={one}"));
    page.log_in("alice");
    page.expect(json!({"t": "history", "messages": 2, "gap": false}));
    page.expect(json!({"t": "said", "name": "alice", "text": "two"}));
    page.expect(json!({"t": "said", "name": "bob", "text": "three"}));
    page.expect(json!({"t": "live"}));
    bob.expect("* alice joined (2 here)");
}

#[test]
#[ignore = "needs nats-server"]
fn client_of_irc_talks_with_people_at_another_node() {
    let engine = Engine::start(&[]);
    let mut first = start_node(&engine.url(), "a", &["--irc", "127.0.0.1:0"]);
    let line = first.log.until("listening on irc://");
    let addr = line.rsplit_once("irc://").and_then(|(_, addr)| addr.parse().ok()).expect("an address");
    let mut second = start_node(&engine.url(), "b", &[]);
    wait_for_node(&mut first);
    wait_for_node(&mut second);
    let mut bob = second.login("bob");
    let mut irc = Client::connect(addr);
    irc.send("NICK alice\r\nUSER alice 0 * :Alice\r\nJOIN #lobby\r\n");
    irc.until(" 366 ");
    bob.expect("* alice joined (2 here)");
    irc.send("PRIVMSG #lobby :hello\r\nPRIVMSG bob :psst\r\n");
    let mut read = [bob.line(), bob.line()];
    read.sort();
    assert_eq!(read, ["[T] alice -> you: psst", "[T] alice: hello"]);
    bob.send("@alice yes\nhi\n");
    irc.until(" PRIVMSG alice :yes");
    irc.until(" PRIVMSG #lobby :hi");
    // The names of nodes are known a moment after they take part.
    let mut server = String::new();
    while !server.contains(" 312 alice bob b ") {
        irc.send("WHOIS bob\r\n");
        server = std::iter::from_fn(|| irc.try_line()).find(|line| line.contains(" 312 ")).expect("a line");
    }
    bob.send("/nick robert\n");
    irc.until(" NICK ");
}
