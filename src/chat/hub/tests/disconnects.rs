//! Tests of the disconnects of many sessions.

use std::time::Duration;

use time::macros::datetime;

use crate::chat::config::Config;
use crate::chat::hub::{DISCONNECTS_PER_TICK, Hub};
use crate::chat::id::RoomId;
use crate::chat::{Allowance, ClientId, Input, Lang, Now};
use crate::wire::renderers;

const PEOPLE: usize = 3 * DISCONNECTS_PER_TICK;

fn at(seconds: u64) -> Now {
    Now { at: Duration::from_secs(seconds), local: datetime!(2026-11-20 12:00:00 UTC) }
}

/// A hub with `PEOPLE` members.
fn hub(config: Config) -> Hub {
    let mut hub = Hub::new(Config { rate: 0, ..config }, renderers(Lang::En));
    hub.attach_console();
    for slot in 0..PEOPLE {
        hub.handle_plain_connection(ClientId::new(slot), ([127, 0, 0, 1], 1).into(), at(1));
        hub.handle_line(ClientId::new(slot), Input::Line(&format!("p{slot}")), at(1));
    }
    hub
}

/// How many members are left after each of four ticks.
fn left(hub: &mut Hub, now: Now) -> Vec<usize> {
    let here = |_| {
        hub.handle_tick(now);
        hub.shared.members.len()
    };
    (0..4).map(here).collect()
}

const IN_STEPS: [usize; 4] = [2 * DISCONNECTS_PER_TICK, DISCONNECTS_PER_TICK, 0, 0];

#[test]
fn slow_consumers_are_dropped_in_steps_and_free_the_log_at_once() {
    let mut hub = hub(Config { backlog_bytes: 4096, history: 0, announce_limit: 0, ..Config::default() });
    let clients = || (0..PEOPLE).map(ClientId::new);
    clients().for_each(|id| hub.handle_blocked(id));
    let line = "x".repeat(1000);
    for _ in 0..8 {
        hub.handle_line(ClientId::CONSOLE, Input::Line(&line), at(1));
    }
    assert!(hub.shared.rooms[RoomId::LOBBY].held() > 4096);
    hub.handle_tick(at(1));
    assert_eq!(hub.shared.members.len(), 2 * DISCONNECTS_PER_TICK);
    assert!(hub.shared.rooms[RoomId::LOBBY].held() < 4096);
    assert!(hub.has_work());
    // A slow consumer is not written to even if it reads again (its data has a gap), and its lines are not
    // processed.
    clients().for_each(|id| hub.handle_writable(id));
    assert_eq!(hub.poll_outbox(), None);
    let mut pending_disconnects =
        clients().filter(|&id| hub.sessions[id].pending_disconnect.is_some() && hub.sessions[id].current.is_some());
    assert!(pending_disconnects.all(|id| hub.allowance(id, at(1)) == Allowance::AfterOthers));
    assert_eq!(left(&mut hub, at(1))[..2], IN_STEPS[1..3]);
    assert_eq!(hub.stats.dropped, PEOPLE as u64);
    hub.audit().unwrap();
}

#[test]
fn banned_network_is_disconnected_in_steps_until_the_ban_is_lifted() {
    let mut banned = hub(Config::default());
    banned.handle_line(ClientId::CONSOLE, Input::Line("/ban 127.0.0.0/8"), at(1));
    banned.handle_line(ClientId::new(PEOPLE - 1), Input::Line("not heard"), at(1));
    assert_eq!(banned.stats.messages, 0);
    assert_eq!(left(&mut banned, at(1)), IN_STEPS);

    let mut hub = hub(Config::default());
    hub.handle_line(ClientId::CONSOLE, Input::Line("/ban 127.0.0.0/8"), at(1));
    hub.handle_tick(at(1));
    hub.handle_line(ClientId::CONSOLE, Input::Line("/unban 127.0.0.0/8"), at(1));
    hub.handle_tick(at(1));
    assert_eq!(hub.shared.members.len(), 2 * DISCONNECTS_PER_TICK);
    assert_eq!(hub.allowance(ClientId::new(PEOPLE - 1), at(1)), Allowance::Now);
}

#[test]
fn idle_members_are_disconnected_in_steps_unless_they_send_a_line() {
    let mut hub = hub(Config { idle_timeout: Duration::from_secs(10), ..Config::default() });
    hub.handle_tick(at(12));
    hub.handle_line(ClientId::new(PEOPLE - 1), Input::Line("I am here"), at(12));
    assert_eq!(left(&mut hub, at(12)), [DISCONNECTS_PER_TICK, 1, 1, 1]);
    assert!(!hub.has_pending_disconnects());
}

#[test]
fn operator_can_kick_a_limited_number_per_tick() {
    let mut hub = hub(Config::default());
    let kicked = (0..PEOPLE).take_while(|slot| {
        let may = hub.allowance(ClientId::CONSOLE, at(1)) == Allowance::Now;
        if may {
            hub.handle_line(ClientId::CONSOLE, Input::Line(&format!("/kick p{slot}")), at(1));
        }
        may
    });
    assert_eq!(kicked.count(), DISCONNECTS_PER_TICK);
    hub.handle_tick(at(1));
    assert!(hub.allowance(ClientId::CONSOLE, at(1)) == Allowance::Now);
}

#[test]
fn tables_shrink_after_many_clients_have_left() {
    let config = Config { max_per_ip: 100_000, max_clients: 100_000, ..Config::default() };
    let mut hub = Hub::new(Config { rate: 0, announce_limit: 0, ..config }, renderers(Lang::En));
    let clients = || (0..20_000).map(ClientId::new);
    for id in clients() {
        let ip = (id.slot() as u32).to_be_bytes();
        hub.handle_plain_connection(id, (ip, 1).into(), at(1));
        hub.handle_line(id, Input::Line(&format!("p{}", id.slot())), at(1));
    }
    let full = hub.spare_bytes();
    // The first client stays.
    for id in clients().skip(1) {
        hub.handle_connection_lost(id, at(1));
        while hub.poll_close().is_some() {}
        hub.handle_closed(id, at(1));
    }
    while let Some(id) = hub.poll_outbox() {
        hub.handle_blocked(id);
    }
    hub.handle_tick(at(1000));
    while hub.has_pending_disconnects() {
        hub.handle_tick(at(1000));
    }
    hub.handle_tick(at(1000));
    let left = hub.spare_bytes();
    assert!(full > 2_000_000 && left < 64 * 1024, "of {full} bytes {left} are left");
    hub.audit().unwrap();
}
