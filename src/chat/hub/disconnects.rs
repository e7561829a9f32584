//! Disconnects of many sessions: each tick disconnects a limited number, so that the other clients do not wait.

use super::Hub;
use crate::chat::event::PendingDisconnect;
use crate::chat::event::{Cause, Refusal};
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::input::Close;
use crate::chat::session::client::SessionStage;
use crate::util::shrink;

/// Sessions that are disconnected in one tick, and as many between two ticks.
///
/// One disconnect costs a notice to the room, some log lines and a `close`: 0.1 to 0.35 ms.
pub const DISCONNECTS_PER_TICK: usize = 32;

impl Hub {
    /// Sets how many sessions one tick disconnects, at least 1.
    pub fn limit_disconnects(&mut self, disconnects: usize) {
        self.disconnects_per_tick = disconnects.max(1);
        self.disconnect_limit = self.disconnected + self.disconnects_per_tick as u64;
    }

    /// Whether one more session may be disconnected before the next tick. If not, input that could disconnect one must
    /// wait.
    pub fn may_disconnect(&self) -> bool {
        self.disconnected < self.disconnect_limit
    }

    /// Whether sessions wait to be disconnected.
    pub fn has_pending_disconnects(&self) -> bool {
        !self.pending_disconnects.is_empty() || !self.expired.is_empty()
    }

    /// Whether a session is a slow consumer that will be disconnected; its unread data is dropped already.
    pub fn is_cut_off(&self, id: ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| client.pending_disconnect == Some(PendingDisconnect::TooSlow))
    }

    /// Marks a session to be disconnected in one of the next ticks. Its lines are not processed until then.
    pub(super) fn schedule_disconnect(&mut self, id: ClientId, pending_disconnect: PendingDisconnect) {
        if self.clients[id].pending_disconnect.replace(pending_disconnect).is_none() {
            self.pending_disconnects.push_back(id);
        }
    }

    /// Marks the slow consumers, whose backlog is over the limit, and drops their unread data.
    ///
    /// This is cheap and done for all of them at once, so that they no longer keep old log segments in memory.
    pub(super) fn mark_slow_consumers(&mut self, now: Now) {
        while let Some(id) = self.slow_consumers.pop() {
            let Some(client) = self.clients.get_mut(id) else { continue };
            if !client.blocked {
                // It reads again. If it blocks again, it is noted again.
                client.blocked_in = u32::MAX;
                continue;
            }
            let is_here = client.stage == SessionStage::InRoom;
            let log = is_here.then(|| self.rooms[client.room].log(client.encoding));
            let (overdue, end) = log.map_or((false, None), |log| (log.is_too_slow(client.cursor), Some(log.end())));
            if !overdue && client.private_bytes() <= self.config.backlog_bytes {
                continue;
            }
            if client.stage == SessionStage::Leaving {
                // It has left for another reason already; only its connection remains.
                self.end_session(id, Cause::TooSlow, Close::AtOnce, now);
                continue;
            }
            client.outbox = None;
            self.schedule_disconnect(id, PendingDisconnect::TooSlow);
            if let Some(end) = end {
                self.move_cursor(id, end);
            }
        }
        shrink::vec(&mut self.slow_consumers);
    }

    /// Disconnects marked sessions in their order, until `until` sessions have been disconnected since the start.
    pub(super) fn disconnect(&mut self, until: u64, now: Now) {
        while self.disconnected < until
            && let Some(id) = self.pending_disconnects.pop_front()
        {
            // If it has left for another reason, another session may have its id now.
            let Some(client) = self.clients.get_mut(id).filter(|client| client.stage != SessionStage::Leaving) else {
                continue;
            };
            match client.pending_disconnect {
                None => {}
                Some(PendingDisconnect::TooSlow) => self.end_session(id, Cause::TooSlow, Close::AtOnce, now),
                Some(PendingDisconnect::Banned) if !self.bans.holds(client.ip(), now.at) => {
                    client.pending_disconnect = None
                }
                Some(PendingDisconnect::Banned) => {
                    self.refuse(id, Refusal::Banned);
                    self.end_session(id, Cause::Banned, Close::WhenRead, now);
                }
            }
        }
        shrink::queue(&mut self.pending_disconnects);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;
    use crate::chat::config::Config;
    use crate::chat::{Allowance, Input, Lang};
    use crate::wire::plain::Plain;

    const PEOPLE: usize = 3 * DISCONNECTS_PER_TICK;

    fn at(seconds: u64) -> Now {
        Now { at: Duration::from_secs(seconds), local: datetime!(2026-11-20 12:00:00 UTC) }
    }

    /// A hub with `PEOPLE` members.
    fn hub(config: Config) -> Hub {
        let mut hub = Hub::new(Config { rate: 0, ..config }, Box::new(Plain { lang: Lang::En }));
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
            hub.nicknames.len()
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
        assert!(hub.rooms[crate::chat::id::RoomId::LOBBY].held() > 4096);
        hub.handle_tick(at(1));
        assert_eq!(hub.nicknames.len(), 2 * DISCONNECTS_PER_TICK);
        assert!(hub.rooms[crate::chat::id::RoomId::LOBBY].held() < 4096);
        assert!(hub.has_work());
        // A slow consumer is not written to even if it reads again (its data has a gap), and its lines are not
        // processed.
        clients().for_each(|id| hub.handle_writable(id));
        assert_eq!(hub.poll_outbox(), None);
        let mut pending_disconnects = clients().filter(|&id| {
            hub.clients[id].pending_disconnect.is_some() && hub.clients[id].stage == SessionStage::InRoom
        });
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
        assert_eq!(hub.nicknames.len(), 2 * DISCONNECTS_PER_TICK);
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
        let mut hub = Hub::new(Config { rate: 0, announce_limit: 0, ..config }, Box::new(Plain { lang: Lang::En }));
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
}
