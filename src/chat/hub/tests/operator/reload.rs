//! Tests of settings that change while the server runs.

use std::time::Duration;

use crate::chat::config::{Config, OfflineWhispers};
use crate::chat::hub::Hub;
use crate::chat::hub::tests::test_hub::TestHub;
use crate::chat::id::ClientId;
use crate::chat::{Allowance, Input, Lang, ServerPassword};
use crate::wire::renderers;

const WELCOME: &str = "* Welcome to chinwag. Type a nickname and press Enter:";
const BANNED: &str = "! Your address is banned from this server.";
const PROMPT: &str = "* Password: (visible as you type)";

impl TestHub {
    /// Changes the settings of a server that had the default ones.
    fn reload(&mut self, config: Config) {
        let now = self.now();
        self.hub.set_config(&Config { rate: 0, ..config }, now);
        self.tick();
    }

    fn tick(&mut self) {
        let now = self.now();
        self.hub.handle_tick(now);
        self.hub.audit().unwrap();
    }

    fn pass(&mut self, seconds: u64) {
        self.at += Duration::from_secs(seconds);
        self.tick();
    }

    /// The server goes on in another process with these settings.
    fn hand_over(&mut self, config: Config) {
        let old = std::mem::replace(&mut self.hub, Hub::new(Config::default(), renderers(Lang::En)));
        let state = serde_json::from_str(&serde_json::to_string(&old.into_state()).unwrap()).unwrap();
        self.hub = Hub::from_state(state, Config { rate: 0, ..config }, renderers(Lang::En));
        self.tick();
    }
}

/// Calls a test with a way to change the settings: a reload, and a new process.
fn both_ways(start: Config, test: impl Fn(&mut TestHub, &dyn Fn(&mut TestHub, Config))) {
    test(&mut TestHub::with(start.clone()), &|server, config| server.reload(config));
    test(&mut TestHub::with(start), &|server, config| server.hand_over(config));
}

#[test]
fn more_users_are_admitted_from_the_queue_and_fewer_disconnect_none() {
    let limit = |max_clients, max_waiting| Config { max_clients, max_waiting, ..Config::default() };
    both_ways(limit(1, 5), |server, change| {
        let alice = server.enter("alice");
        let waiting = [server.connect("", 2), server.connect("", 3)];
        assert_eq!(server.read(waiting[1]), ["* The room is full. You are number 2 in line."]);
        change(server, limit(2, 1));
        assert_eq!(server.read(waiting[0]), ["* The room is full. You are number 1 in line.", WELCOME]);
        let late = server.connect("", 4);
        assert_eq!(server.read(late), ["! The room and the waiting line are full. Try again later."]);
        change(server, limit(1, 1));
        server.check(alice, "/ping x", "* pong x");
        server.say(alice, "/quit");
        assert!(server.read(waiting[1]).iter().all(|line| line != WELCOME), "one user is there still");
    });
}

#[test]
fn limit_per_address_counts_those_who_are_there() {
    let limit = |max_per_ip| Config { max_per_ip, ..Config::default() };
    both_ways(limit(0), |server, change| {
        let first = ["alice", "bob", "carol"].map(|name| server.connect(name, 7));
        change(server, limit(2));
        first.into_iter().for_each(|id| drop(server.read(id)));
        let refused = server.connect("", 7);
        assert!(server.read(refused)[0].starts_with("! There are too many connections from your address (2 at most)."));
        for id in &first[..2] {
            server.say(*id, "/quit");
            let now = server.now();
            while server.hub.poll_close().is_some() {}
            server.hub.handle_closed(*id, now);
        }
        let next = server.connect("", 7);
        assert_eq!(server.read(next), [WELCOME]);
        change(server, limit(0));
        let other = server.connect("", 7);
        assert_eq!(server.read(other), [WELCOME]);
    });
}

#[test]
fn shorter_history_is_cut_at_once_and_an_empty_room_without_any_is_removed() {
    let limit = |history| Config { history, ..Config::default() };
    both_ways(limit(3), |server, change| {
        let alice = server.enter("alice");
        server.say(alice, "/join den");
        (1..=3).for_each(|n| server.say(alice, &format!("text {n}")));
        change(server, limit(2));
        let bob = server.enter("bob");
        let read = server.answer(bob, "/join den");
        assert!(read.iter().any(|line| line == "* --- the last 2 messages ---"), "{read:?}");
        change(server, limit(4));
        (4..=6).for_each(|n| server.say(alice, &format!("text {n}")));
        let carol = server.enter("carol");
        let read = server.answer(carol, "/join den");
        assert!(read.iter().any(|line| line == "* --- the last 4 messages ---"), "{read:?}");
        [alice, bob, carol].into_iter().for_each(|id| server.say(id, "/leave"));
        assert!(server.answer(bob, "/rooms")[0].contains("den (0)"));
        change(server, limit(0));
        server.check(bob, "/rooms", "* 1 room: lobby (3)");
    });
}

#[test]
fn timeouts_hold_for_sessions_that_are_there() {
    let limit = |login: u64, idle: u64| Config {
        login_timeout: Duration::from_secs(login),
        idle_timeout: Duration::from_secs(idle),
        ..Config::default()
    };
    both_ways(limit(60, 0), |server, change| {
        let (alice, asked) = (server.enter("alice"), server.connect("", 2));
        server.pass(8);
        change(server, limit(10, 20));
        assert_eq!(server.read(asked), [WELCOME]);
        server.pass(3);
        assert_eq!(server.read(asked), ["! No nickname was given within 10 seconds. Goodbye."]);
        server.pass(10);
        assert_eq!(server.read(alice), ["! Nothing was heard from you for 20 seconds. Goodbye."]);
        let (bob, asked) = (server.enter("bob"), server.connect("", 3));
        server.read(asked);
        change(server, limit(60, 0));
        server.pass(59);
        assert!(server.read(bob).is_empty() && server.read(asked).is_empty());
    });
}

#[test]
fn rate_limit_holds_for_sessions_that_are_there() {
    let mut server = TestHub::new();
    let alice = server.enter("alice");
    for _ in 0..1000 {
        server.say(alice, "/ping x");
    }
    let now = server.now();
    server.hub.set_config(&Config { rate: 1, burst: 2, ..Config::default() }, now);
    for _ in 0..2 {
        assert_eq!(server.hub.allowance(alice, now), Allowance::Now);
        server.hub.handle_line(alice, Input::Line(""), now);
    }
    assert_eq!(server.hub.allowance(alice, now), Allowance::At(now.at + Duration::from_secs(1)));
    server.hub.set_config(&Config { rate: 100, burst: 2, ..Config::default() }, now);
    assert_eq!(server.hub.allowance(alice, now), Allowance::At(now.at + Duration::from_millis(10)));
    server.reload(Config::default());
    assert_eq!(server.hub.allowance(alice, now), Allowance::Now);
}

#[test]
fn fewer_joins_are_announced_with_a_lower_limit() {
    let mut server = TestHub::new();
    let alice = server.enter("alice");
    server.reload(Config { announce_limit: 0, ..Config::default() });
    server.enter("bob");
    assert!(server.read(alice).is_empty());
    server.pass(2);
    assert_eq!(server.read(alice), ["* 1 joined, 0 left (2 here)"]);
}

#[test]
fn fewer_rooms_remove_empty_ones_and_keep_the_others() {
    let mut server = TestHub::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.enter(name));
    for room in ["a", "b"] {
        server.say(alice, &format!("/join {room}"));
        server.say(alice, "hello");
    }
    server.say(bob, "/join c");
    server.reload(Config { max_rooms: 3, ..Config::default() });
    server.check(alice, "/rooms", "* 3 rooms: b (1), c (1), lobby (0)");
    server.reload(Config { max_rooms: 1, ..Config::default() });
    server.check(alice, "/rooms", "* 3 rooms: b (1), c (1), lobby (0)");
    server.check(alice, "/join d", "! There are 1 rooms already, and no more can be made. /rooms lists them.");
    server.reload(Config { max_rooms: 9, ..Config::default() });
    assert_eq!(server.answer(alice, "/join d"), ["* You are in d. 1 here: you."]);
}

#[test]
fn fewer_followed_rooms_are_kept_and_no_more_can_be_followed() {
    let mut server = TestHub::new();
    let alice = server.enter("alice");
    server.say(alice, "/follow a");
    server.say(alice, "/follow b");
    server.reload(Config { max_follow: 1, ..Config::default() });
    assert!(server.answer(alice, "/follow c")[0].starts_with("! "));
    assert!(server.answer(alice, "#a hello").is_empty());
}

#[test]
fn password_is_compared_with_the_new_one() {
    let with = |password: Option<&str>| Config { password: password.map(ServerPassword::new), ..Config::default() };
    let mut server = TestHub::with(with(Some("old")));
    let (alice, bob, carol) = (server.connect("old", 1), server.connect("", 2), server.connect("", 3));
    server.say(alice, "alice");
    server.read(bob);
    server.reload(with(Some("new")));
    server.check(bob, "old", "! Wrong password. Password: (visible as you type)");
    server.check(bob, "new", WELCOME);
    server.read(alice);
    server.check(alice, "/ping x", "* pong x");
    server.reload(with(None));
    assert_eq!(server.read(carol), [PROMPT, WELCOME], "no password is needed any more");
    server.reload(with(Some("new")));
    let dave = server.connect("", 4);
    assert_eq!(server.read(dave), [PROMPT]);
}

#[test]
fn configured_bans_disconnect_refuse_and_end() {
    let bans = |networks: &[&str]| Config {
        bans: networks.iter().map(|network| network.parse().unwrap()).collect(),
        ..Config::default()
    };
    both_ways(bans(&[]), |server, change| {
        let (alice, bob) = (server.connect("alice", 1), server.connect("bob", 9));
        server.read(alice);
        change(server, bans(&["10.0.0.0/29"]));
        assert_eq!(server.read(alice), [BANNED]);
        assert_eq!(server.read(bob).last().unwrap(), "* alice left: banned (1 here)");
        let again = server.connect("", 2);
        assert_eq!(server.read(again), [BANNED]);
        let operator = ClientId::CONSOLE;
        let refusal = "! 10.0.0.0/29 is banned in the configuration; change it there and /reload.";
        server.check(operator, "/unban 10.0.0.0/29", refusal);
        server.check(operator, "/bans", "* 10.0.0.0/29 is banned (configuration).");
        // A ban of the operator on the same network goes on when the configuration's has ended.
        server.say(operator, "/ban 10.0.0.0/29");
        server.check(operator, "/unban 10.0.0.0/29", refusal);
        change(server, bans(&[]));
        server.check(operator, "/bans", "* 10.0.0.0/29 is banned.");
        server.check(operator, "/unban 10.0.0.0/29", "* 10.0.0.0/29 is no longer banned.");
        let free = server.connect("", 3);
        assert_eq!(server.read(free), [WELCOME]);
        server.check(operator, "/bans", "* Nobody is banned.");
    });
}

#[test]
fn moderators_are_not_shown_configured_bans() {
    let mut server = TestHub::with(Config { bans: ["10.9.0.0/16".parse().unwrap()].into(), ..Config::default() });
    let alice = server.enter("alice");
    server.say(ClientId::CONSOLE, "/mod alice");
    server.check(alice, "/bans", "* Nobody is banned.");
    server.check(alice, "/unban 10.9.0.0/16", "! 10.9.0.0/16 is not a banned address. /bans lists them.");
}

#[test]
fn identity_of_the_server_does_not_change() {
    let mut server = TestHub::with(Config { max_line: 50, run: 7, ..Config::default() });
    let other = Config { max_line: 99, run: 8, hash_key: [1, 1], backlog_bytes: 5000, ..Config::default() };
    server.reload(Config { offline_whispers: OfflineWhispers::Off, ..other });
    let config = &server.hub.config;
    assert_eq!((config.max_line, config.run, config.hash_key), (50, 7, [0, 0]));
    assert_eq!(config.backlog_bytes, Config::default().backlog_bytes);
    assert_eq!(config.offline_whispers, OfflineWhispers::Off);
}

#[test]
fn reload_is_for_the_operator_who_reads_the_result() {
    let mut server = TestHub::new();
    let alice = server.enter("alice");
    server.check(alice, "/reload", "! There is no command /reload. /help lists them.");
    assert_eq!(server.hub.poll_reload(), None);
    server.say(ClientId::CONSOLE, "/reload");
    assert_eq!((server.hub.poll_reload(), server.hub.poll_reload()), (Some(ClientId::CONSOLE), None));
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for (changed, fixed, line) in [
        (&[][..], &[][..], "* Reloaded. Nothing has changed."),
        (&["rate", "motd"], &["listen"], "* Reloaded. Changed: rate, motd. Not before a restart: listen."),
        (&[], &["listen"], "* Reloaded. Nothing has changed. Not before a restart: listen."),
    ] {
        for by in [None, Some(ClientId::CONSOLE)] {
            server.read(ClientId::CONSOLE);
            server.hub.tell_reloaded(by, &names(changed), &names(fixed));
            assert_eq!(server.read(ClientId::CONSOLE), [line]);
        }
    }
    server.hub.tell_not_reloaded(Some(alice), "no such file");
    assert_eq!(server.read(ClientId::CONSOLE), ["! Not reloaded: no such file"]);
    assert_eq!(server.read(alice), ["! Not reloaded: no such file"]);
}
