//! Disconnecting many sessions: a tick takes leave of a bounded number of them, so that the others do not wait.

use super::Hub;
use crate::chat::event::PendingDisconnect;
use crate::chat::event::{Cause, Refusal};
use crate::chat::id::ClientId;
use crate::chat::id::Now;
use crate::chat::input::Close;
use crate::chat::session::client::Stage;
use crate::util::shrink;

/// Sessions that are disconnected by one tick, and between two of them. Each costs a notice to its room, some lines of the log and a `close`,
/// 0.1 to 0.35 ms in all.
pub const DISCONNECTS_PER_TICK: usize = 32;

/// Deadlines that are looked at in one tick; most of them are put off.
const DEADLINES: usize = 1024;

impl Hub {
    /// Sets how many sessions one tick disconnects.
    pub fn limit_disconnects(&mut self, disconnects: usize) {
        self.disconnects = disconnects.max(1);
        self.disconnects_until = self.disconnected + self.disconnects as u64;
    }

    /// Whether one more session may leave before the next tick; else what might make it leave waits for that.
    pub fn may_disconnect(&self) -> bool {
        self.disconnected < self.disconnects_until
    }

    /// Whether sessions wait to be disconnected.
    pub fn has_pending_disconnects(&self) -> bool {
        !self.pending_disconnects.is_empty() || !self.expired.is_empty()
    }

    /// Whether a session has been too slow: the rest of what it was sent is given up, and it will be disconnected.
    pub fn is_cut_off(&self, id: ClientId) -> bool {
        self.clients.get(id).is_some_and(|client| client.pending_disconnect == Some(PendingDisconnect::TooSlow))
    }

    /// Has a session disconnected in one of the next ticks; its lines are not carried out until then.
    pub(super) fn schedule_disconnect(&mut self, id: ClientId, pending_disconnect: PendingDisconnect) {
        if self.clients[id].pending_disconnect.replace(pending_disconnect).is_none() {
            self.pending_disconnects.push_back(id);
        }
    }

    /// Finds the sessions that are further behind than is allowed, and gives up what they have not read.
    ///
    /// This is cheap and done for all of them at once, so that they no longer hold the log.
    pub(super) fn mark_slow_consumers(&mut self, now: Now) {
        while let Some(id) = self.slow_consumers.pop() {
            let Some(client) = self.clients.get_mut(id) else { continue };
            if !client.blocked {
                // It reads again and will be written to; if it gets stuck again, that is noted anew.
                client.blocked_in = u32::MAX;
                continue;
            }
            let is_here = client.stage == Stage::Here;
            let log = is_here.then(|| self.rooms[client.room].log(client.encoding));
            let (overdue, end) = log.map_or((false, None), |log| (log.is_overdue(client.cursor), Some(log.end())));
            if !overdue && client.private_bytes() <= self.config.backlog_bytes {
                continue;
            }
            if client.stage == Stage::Leaving {
                // It has left for another reason, and has nothing left to do but to be closed.
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

    /// Disconnects those whose turn it is, until so many sessions have been disconnected since the start.
    pub(super) fn disconnect(&mut self, until: u64, now: Now) {
        while self.disconnected < until
            && let Some(id) = self.pending_disconnects.pop_front()
        {
            // Else it has left in another way, and another session may have its id.
            let Some(client) = self.clients.get_mut(id).filter(|client| client.stage != Stage::Leaving) else {
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

    /// Looks at the deadlines that have come, until so many sessions have been disconnected since the start.
    pub(super) fn expire(&mut self, until: u64, now: Now) {
        self.expired.extend(self.deadlines.expire(now.at));
        shrink::queue(&mut self.expired);
        for _ in 0..DEADLINES {
            if self.disconnected >= until {
                return;
            }
            let Some(deadline) = self.expired.pop_front() else { return };
            self.deadline(deadline, now);
        }
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

    /// A hub with that many members.
    fn hub(config: Config) -> Hub {
        let mut hub = Hub::new(Config { rate: 0, ..config }, Box::new(Plain { lang: Lang::En }));
        for slot in 0..PEOPLE {
            hub.connected(ClientId::new(slot), ([127, 0, 0, 1], 1).into(), at(1));
            hub.line(ClientId::new(slot), Input::Line(&format!("p{slot}")), at(1));
        }
        hub
    }

    /// How many are left after each of some ticks.
    fn left(hub: &mut Hub, now: Now) -> Vec<usize> {
        let here = |_| {
            hub.tick(now);
            hub.names.len()
        };
        (0..4).map(here).collect()
    }

    const IN_STEPS: [usize; 4] = [2 * DISCONNECTS_PER_TICK, DISCONNECTS_PER_TICK, 0, 0];

    #[test]
    fn stalled_readers_are_dropped_in_steps_and_hold_no_log_from_the_first_on() {
        let mut hub = hub(Config { backlog_bytes: 4096, history: 0, announce_limit: 0, ..Config::default() });
        let all = || (0..PEOPLE).map(ClientId::new);
        all().for_each(|id| hub.blocked(id));
        let line = "x".repeat(1000);
        for _ in 0..8 {
            hub.operator_line(Input::Line(&line), at(1));
        }
        assert!(hub.rooms[crate::chat::id::RoomId::LOBBY].held() > 4096);
        hub.tick(at(1));
        assert_eq!(hub.names.len(), 2 * DISCONNECTS_PER_TICK);
        assert!(hub.rooms[crate::chat::id::RoomId::LOBBY].held() < 4096);
        assert!(hub.has_work());
        // One who begins to read now would read a text with a gap, and one who says something is not heard.
        all().for_each(|id| hub.writable(id));
        assert_eq!(hub.poll_private(), None);
        let mut pending_disconnects =
            all().filter(|&id| hub.clients[id].pending_disconnect.is_some() && hub.clients[id].stage == Stage::Here);
        assert!(pending_disconnects.all(|id| hub.allowance(id, at(1)) == Allowance::AfterOthers));
        assert_eq!(left(&mut hub, at(1))[..2], IN_STEPS[1..3]);
        assert_eq!(hub.stats.dropped, PEOPLE as u64);
        hub.audit().unwrap();
    }

    #[test]
    fn a_large_network_is_banned_in_steps_and_let_off_when_the_ban_is_lifted() {
        let mut banned = hub(Config::default());
        banned.operator_line(Input::Line("/ban 127.0.0.0/8"), at(1));
        banned.line(ClientId::new(PEOPLE - 1), Input::Line("not heard"), at(1));
        assert_eq!(banned.stats.messages, 0);
        assert_eq!(left(&mut banned, at(1)), IN_STEPS);

        let mut hub = hub(Config::default());
        hub.operator_line(Input::Line("/ban 127.0.0.0/8"), at(1));
        hub.tick(at(1));
        hub.operator_line(Input::Line("/unban 127.0.0.0/8"), at(1));
        hub.tick(at(1));
        assert_eq!(hub.names.len(), 2 * DISCONNECTS_PER_TICK);
        assert_eq!(hub.allowance(ClientId::new(PEOPLE - 1), at(1)), Allowance::Now);
    }

    #[test]
    fn many_who_were_silent_for_too_long_go_in_steps_but_one_who_speaks_meanwhile() {
        let mut hub = hub(Config { idle_timeout: Duration::from_secs(10), ..Config::default() });
        hub.tick(at(12));
        hub.line(ClientId::new(PEOPLE - 1), Input::Line("I am here"), at(12));
        assert_eq!(left(&mut hub, at(12)), [DISCONNECTS_PER_TICK, 1, 1, 1]);
        assert!(!hub.has_pending_disconnects());
    }

    #[test]
    fn the_operator_kicks_a_bounded_number_of_people_in_one_turn() {
        let mut hub = hub(Config::default());
        let kicked = (0..PEOPLE).take_while(|slot| {
            let may = hub.operator_may_speak();
            if may {
                hub.operator_line(Input::Line(&format!("/kick p{slot}")), at(1));
            }
            may
        });
        assert_eq!(kicked.count(), DISCONNECTS_PER_TICK);
        hub.tick(at(1));
        assert!(hub.operator_may_speak());
    }

    #[test]
    fn a_storm_of_people_leaves_no_tables_behind() {
        let config = Config { max_per_ip: 100_000, max_clients: 100_000, ..Config::default() };
        let mut hub = Hub::new(Config { rate: 0, announce_limit: 0, ..config }, Box::new(Plain { lang: Lang::En }));
        let all = || (0..20_000).map(ClientId::new);
        for id in all() {
            let ip = (id.slot() as u32).to_be_bytes();
            hub.connected(id, (ip, 1).into(), at(1));
            hub.line(id, Input::Line(&format!("p{}", id.slot())), at(1));
        }
        let full = hub.spare_bytes();
        // One stays, who came before the others.
        for id in all().skip(1) {
            hub.lost(id, at(1));
            while hub.poll_close().is_some() {}
            hub.closed(id, at(1));
        }
        while let Some(id) = hub.poll_private() {
            hub.blocked(id);
        }
        hub.tick(at(1000));
        while hub.has_pending_disconnects() {
            hub.tick(at(1000));
        }
        hub.tick(at(1000));
        let left = hub.spare_bytes();
        assert!(full > 2_000_000 && left < 64 * 1024, "of {full} bytes {left} are left");
        hub.audit().unwrap();
    }
}
