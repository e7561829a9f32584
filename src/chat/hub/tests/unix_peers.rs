//! Tests of members that come through Unix sockets, which have no address.

use std::collections::BTreeSet;

use super::test_hub::TestHub;
use crate::chat::Lang;
use crate::chat::config::{Config, Login};
use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::wire::renderers;

#[test]
fn unix_peers_are_not_limited_or_banned_by_address() {
    let bans = BTreeSet::from(["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap()));
    let mut server = TestHub::with(Config { max_per_ip: 1, bans, ..Config::default() });
    server.say(ClientId::CONSOLE, "/ban 0.0.0.0");
    for (number, name) in ["alice", "bob", "carol"].into_iter().enumerate() {
        let id = server.connect_locally(name, number as u16 + 1);
        assert!(server.read(id)[1].starts_with(&format!("* You are {name}.")), "{name}");
    }
    let remote = server.connect("dave", 1);
    assert_eq!(server.read(remote), ["! Your address is banned from this server."]);
    server.hub.set_config(&Config { max_per_ip: 2, ..Config::default() }, server.now());
    server.hub.audit().unwrap();
    server.check(ClientId::CONSOLE, "/who", "* 3 in lobby: alice unix:1, bob unix:2 and carol unix:3.");
}

#[test]
fn ban_by_name_says_that_a_unix_peer_has_no_address() {
    let mut server = TestHub::new();
    let local = server.connect_locally("bob", 7);
    let english = "! bob is connected through a Unix socket and has no address to ban. /kick bob disconnects bob, /ban #room \
                   bob keeps bob out of a room, /mute bob hides what bob says.";
    server.check(ClientId::CONSOLE, "/ban bob", english);
    assert!(server.answer(local, "/ping 1").contains(&"* pong 1".into()));
    // What works instead.
    server.check(ClientId::CONSOLE, "/mute bob 5", "* bob is muted for another 5 minutes.");
    server.say(ClientId::CONSOLE, "/kick bob");
    assert_eq!(server.read(local), ["* You were kicked by the operator."]);

    server.hub = Hub::new(Config::default(), renderers(Lang::Zh));
    server.hub.attach_console();
    server.connect_locally("bob", 7);
    let chinese = "! bob通过Unix套接字连接，没有可以封禁的地址。/kick bob 断开其连接；/ban #房间 bob 禁止其进入房间；/mute bob \
                   将其禁言。";
    server.check(ClientId::CONSOLE, "/ban bob", chinese);
}

#[test]
fn unix_peers_are_called_by_their_numbers_with_login_by_address() {
    let mut server = TestHub::with(Config { login: Login::Address, ..Config::default() });
    // The numbers begin anew after 65535.
    let ids = [7, 8, 7].map(|number| server.connect_locally("hello", number));
    let answer = server.answer(ids[0], "/who");
    assert!(answer[0].contains("unix:8") && answer[0].contains("unix:7#2"), "{answer:?}");
}
