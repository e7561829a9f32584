//! Tests of bans, per-IP limits and what the operator is shown.

use std::net::SocketAddr;

use time::{Date, Month, PrimitiveDateTime, Time};

use std::time::Duration;

use crate::chat::Lang;
use crate::chat::config::Config;
use crate::chat::hub::Hub;
use crate::chat::session::SessionStage;
use crate::chat::{ClientId, Input, Now};
use crate::wire::renderers;

#[test]
fn unban_by_address_lifts_a_ban_by_name() {
    let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
    let now = Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() };
    let mut hub = Hub::new(Config::default(), renderers(Lang::En));
    let (id, addr) = (ClientId::new(0), "[2001:db8::1]:1".parse::<SocketAddr>().unwrap());
    hub.handle_plain_connection(id, addr, now);
    hub.handle_line(id, crate::chat::Input::Line("alice"), now);
    hub.attach_console();
    hub.handle_line(ClientId::CONSOLE, Input::Line("/ban alice"), now);
    assert!(hub.shared.bans.holds("2001:db8::2".parse().unwrap(), now.at));
    hub.handle_line(ClientId::CONSOLE, Input::Line("/unban 2001:db8::1"), now);
    assert!(!hub.shared.bans.holds(addr.ip(), now.at));
}

/// How many clients from `addrs` are admitted while `banned` is banned.
fn admitted(config: Config, banned: &str, addrs: &[&str]) -> usize {
    let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
    let now = Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() };
    let mut hub = Hub::new(config, renderers(Lang::En));
    hub.attach_console();
    hub.handle_line(ClientId::CONSOLE, Input::Line(&format!("/ban {banned}")), now);
    for (slot, addr) in addrs.iter().enumerate() {
        hub.handle_plain_connection(ClientId::new(slot), SocketAddr::new(addr.parse().unwrap(), 1), now);
    }
    hub.sessions.iter().filter(|(_, session)| session.stage == SessionStage::LoggingIn).count()
}

#[test]
fn connections_of_one_ipv6_site_count_together() {
    let config = Config { max_per_ip: 2, ..Config::default() };
    let admitted = |addrs| admitted(config.clone(), "", addrs);
    assert_eq!(admitted(&["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]), 3);
    assert_eq!(admitted(&["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1", "10.0.0.2"]), 3);
}

#[test]
fn mapped_ipv4_address_matches_bans_of_the_ipv4_address() {
    let admitted = |banned, addr| admitted(Config::default(), banned, &[addr]);
    assert_eq!(admitted("10.0.0.1", "::ffff:10.0.0.1"), 0);
    assert_eq!(admitted("::ffff:10.0.0.1", "10.0.0.1"), 0);
    assert_eq!(admitted("::/0", "10.0.0.1"), 1);
}

#[test]
fn operator_sees_the_date_before_the_first_line_of_a_day() {
    let on = |day| {
        let date = Date::from_calendar_date(2026, Month::November, day).unwrap();
        Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() }
    };
    let mut hub = Hub::new(Config::default(), renderers(Lang::En));
    hub.attach_console();
    for (slot, day) in [(0, 20), (1, 20), (2, 21)] {
        let id = ClientId::new(slot);
        hub.handle_plain_connection(id, ([127, 0, 0, 1], 1).into(), on(day));
        hub.handle_line(id, Input::Line(&format!("p{slot}")), on(day));
    }
    let shown = String::from_utf8(hub.poll_console_output()).unwrap();
    let lines: Vec<&str> = shown.lines().filter(|line| !line.contains("connected")).collect();
    assert_eq!(
        lines,
        ["* p0 joined (1 here)", "* p1 joined (2 here)", "* Saturday 21 November 2026", "* p2 joined (3 here)"]
    );
}
