//! Handles the deadlines of connections.

use std::time::Duration;

use super::Engine;
use super::timers::{Deadline, Timer};
use crate::chat::{Allowance, ClientId, Now};
use crate::server::connection::transport::Listener;
use crate::server::connection::{Flags, Phase};

/// Deadlines of closed connections that are skipped in one turn at most.
const STALE_TIMERS: usize = 16 * 1024;

impl<L: Listener> Engine<L> {
    /// Handles deadlines that have passed, within the budget.
    pub(super) fn expire(&mut self, now: Now) {
        self.timers.expire(now.at);
        let mut left = self.budget.timers;
        for _ in 0..STALE_TIMERS {
            if left == 0 || !self.hub.may_disconnect() {
                return;
            }
            let Some(Deadline { slot, serial, timer }) = self.timers.pop() else { return };
            let slot = slot as usize;
            let Some(connection) = self.connections.get_mut(slot).filter(|connection| connection.serial == serial)
            else {
                continue;
            };
            left -= 1;
            match timer {
                Timer::Resume => self.resume(slot),
                Timer::EndLine => self.end_quiet_line(slot, now),
                Timer::Exchange if connection.phase == Phase::Open => self.expire_exchange(slot, now),
                Timer::Ping if connection.phase == Phase::Open => self.ping(slot, now),
                Timer::Opening if connection.phase == Phase::Open && connection.is_opening() => {
                    self.give_up_opening(slot, now)
                }
                Timer::Exchange | Timer::Ping | Timer::Opening => {}
                Timer::Farewell => self.expire_farewell(slot, now),
            }
        }
    }

    fn end_quiet_line(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        connection.flags.remove(Flags::EOL_SET);
        // While the server ends no lines are accepted.
        if connection.phase != Phase::Open || !connection.has_partial() || self.ends_at.is_some() {
            return;
        }
        // The timeout was switched off meanwhile.
        if self.limits.eol_timeout.is_zero() {
            return;
        }
        let due = Duration::from_millis(connection.progress) + self.limits.eol_timeout;
        let awaits_commit = self.hub.allowance(ClientId::new(slot), now) == Allowance::AfterCommit;
        if due > now.at || connection.has_more_input() || awaits_commit {
            connection.flags.insert(Flags::EOL_SET);
            let at = if due > now.at { due } else { now.at + self.limits.eol_timeout };
            self.set_timer(slot, Timer::EndLine, at);
        } else {
            connection.end_line(&mut self.hub, ClientId::new(slot), now);
        }
    }

    /// Sets the deadline after which input without a line end counts as a line.
    pub(super) fn watch_line(&mut self, slot: usize, now: Now) {
        if let Some(connection) = self.connections.get_mut(slot)
            && connection.has_partial()
            && !connection.flags.contains(Flags::EOL_SET)
        {
            connection.flags.insert(Flags::EOL_SET);
            self.set_timer(slot, Timer::EndLine, now.at + self.limits.eol_timeout);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use time::{Date, Month, PrimitiveDateTime, Time};

    use super::super::Budget;
    use super::*;
    use crate::chat::{Config, Hub, Lang};
    use crate::server::connection::transport::{ListenerKind, Readiness};
    use crate::server::limits::Limits;
    use crate::simulator::network::{Listener as SimulatedListener, Network};
    use crate::wire::renderers;

    /// Lets a client type a line without its end, does something, and returns the number of lines two seconds later.
    fn lines_after(act: impl Fn(&mut Engine<SimulatedListener>, Now)) -> u64 {
        let date = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        let at = |seconds| Now {
            at: Duration::from_secs(seconds),
            local: PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc(),
        };
        let mut network = Network::default();
        let listener = network.listen();
        let limits =
            Limits { max_line: 4096, eol_timeout: Duration::from_secs(1), keepalive: Duration::ZERO, send_buffer: 0 };
        let hub = Hub::new(Config::default(), renderers(Lang::En));
        let mut engine = Engine::new(hub, vec![(ListenerKind::Plain, listener)], limits, Budget::default(), 10);
        // The farewell does not fit into the socket, so that the connection stays.
        let wire = network.connect(0, SocketAddr::from(([127, 0, 0, 1], 1)), 1, 10);
        engine.acceptor.notify(0);
        engine.process_input(&network, at(1));
        wire.borrow_mut().arrive("alice".bytes());
        while engine.connections[0].kept() == 0 {
            engine.record_event(0, Readiness { readable: true, ..Readiness::default() });
            engine.process_input(&network, at(1));
        }
        act(&mut engine, at(1));
        engine.process_output(at(3));
        engine.hub.stats().lines
    }

    #[test]
    fn unended_input_is_a_line_unless_the_server_ends_or_the_timeout_is_switched_off() {
        assert_eq!(lines_after(|_, _| ()), 1);
        assert_eq!(lines_after(|engine, now| engine.begin_shutdown(now)), 0);
        let off = |engine: &mut Engine<SimulatedListener>, _| {
            engine.set_limits(Limits { eol_timeout: Duration::ZERO, max_line: 1, ..engine.limits });
        };
        assert_eq!(lines_after(off), 0);
    }
}
