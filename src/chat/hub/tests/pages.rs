//! Tests of the lists that are shown in pages.

use std::time::Duration;

use time::{Date, Month, PrimitiveDateTime, Time};

use crate::chat::config::Config;
use crate::chat::hub::Hub;
use crate::chat::id::Now;
use crate::chat::{ClientId, Input, Lang};
use crate::wire::renderers;

fn now() -> Now {
    let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
    Now { at: Duration::ZERO, local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc() }
}

fn hub(max_listed: usize) -> Hub {
    let mut hub = Hub::new(Config { max_listed, ..Config::default() }, renderers(Lang::En));
    hub.attach_console();
    hub
}

fn ask(hub: &mut Hub, line: &str) -> Vec<String> {
    hub.poll_console_output();
    hub.handle_line(ClientId::CONSOLE, Input::Line(line), now());
    String::from_utf8(hub.poll_console_output()).unwrap().lines().map(String::from).collect()
}

#[test]
fn bans_are_listed_in_pages() {
    let mut hub = hub(2);
    assert_eq!(ask(&mut hub, "/bans"), ["* Nobody is banned."]);
    (1..=2).for_each(|n| drop(ask(&mut hub, &format!("/ban 10.0.0.{n}"))));
    assert_eq!(ask(&mut hub, "/bans"), ["* 10.0.0.1 is banned.", "* 10.0.0.2 is banned."]);
    (3..=5).for_each(|n| drop(ask(&mut hub, &format!("/ban 10.0.0.{n}"))));
    let first = ["* 10.0.0.1 is banned.", "* 10.0.0.2 is banned.", "* --- page 1 of 3; /bans 2 shows the next one ---"];
    assert_eq!(ask(&mut hub, "/bans"), first);
    assert_eq!(ask(&mut hub, "/bans 1"), first);
    assert_eq!(ask(&mut hub, "/bans 2").last().unwrap(), "* --- page 2 of 3; /bans 3 shows the next one ---");
    assert_eq!(ask(&mut hub, "/bans 3"), ["* 10.0.0.5 is banned.", "* --- page 3 of 3 ---"]);
    for bad in ["/bans 4", "/bans 0", "/bans x", "/bans 99999999999999999999"] {
        assert_eq!(ask(&mut hub, bad), ["! Usage: /bans n, with n from 1 to 3"], "{bad}");
    }
}

#[test]
fn mutes_are_listed_in_pages() {
    let mut hub = hub(2);
    for n in 0..3 {
        let id = ClientId::new(n);
        hub.handle_plain_connection(id, ([10, 0, 0, n as u8], 1).into(), now());
        hub.handle_line(id, Input::Line(&format!("p{n}")), now());
        ask(&mut hub, &format!("/mute p{n}"));
    }
    let page = ["* p0 is muted.", "* p1 is muted.", "* --- page 1 of 2; /mutes 2 shows the next one ---"];
    assert_eq!(ask(&mut hub, "/mutes"), page);
    assert_eq!(ask(&mut hub, "/mutes 2"), ["* p2 is muted.", "* --- page 2 of 2 ---"]);
    assert_eq!(ask(&mut hub, "/mutes 3"), ["! Usage: /mutes n, with n from 1 to 2"]);
}

#[test]
fn operator_who_lists_some_rooms_and_counts_the_others() {
    let mut hub = hub(2);
    for n in 0..4 {
        let id = ClientId::new(n);
        hub.handle_plain_connection(id, ([10, 0, 0, n as u8], 1).into(), now());
        hub.handle_line(id, Input::Line(&format!("p{n}")), now());
        hub.handle_line(id, Input::Line(&format!("/join r{n}")), now());
    }
    let lines = ask(&mut hub, "/who");
    assert_eq!(lines, ["* 0 in lobby.", "* 1 in r0: p0 10.0.0.0:1.", "* --- and people in 3 other rooms: /rooms ---"]);
}
