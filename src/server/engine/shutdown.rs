//! Closes connections, from the last line to a free slot, and ends the server.

use std::time::Duration;

use super::Engine;
use super::accept::ListenerKind;
use super::timers::Timer;
use crate::chat::{ClientId, Close, Now};
use crate::server::connection::transport::{Listener, Stream};
use crate::server::connection::{Flags, Phase, Protocol};
use crate::util::shrink;

/// How long a client that has been sent everything may take to close its side.
pub(in crate::server) const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long clients may take to read their last lines when the server ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl<L: Listener> Engine<L> {
    /// Begins to close the connections that the hub wants closed.
    pub(in crate::server) fn close(&mut self, now: Now) {
        while let Some((id, how)) = self.hub.poll_close() {
            let slot = id.slot();
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            match how {
                Close::AtOnce => self.finish(slot),
                Close::WhenRead if connection.phase == Phase::Open => {
                    connection.phase = Phase::Closing;
                    connection.flags.remove(Flags::READ_PAUSED | Flags::AFTER_REPLIES);
                    connection.progress = now.at.as_millis() as u64;
                    self.set_timer(slot, Timer::Farewell, now.at + self.limits.farewell_timeout);
                    self.end_web_socket(slot);
                    if self.hub.is_up_to_date(id) {
                        self.shutdown_write(slot, now);
                    }
                }
                Close::WhenRead => {}
            }
        }
    }

    /// Shuts down writing of a connection that has been sent everything, and waits for its end.
    pub(in crate::server) fn shutdown_write(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        connection.phase = Phase::Draining;
        connection.progress = now.at.as_millis() as u64;
        let shut = connection.stream.end_writing();
        let done = connection.flags.contains(Flags::ENDED) || shut.is_err() || connection.drain(&mut self.block);
        if done || self.ends_at.is_some() {
            self.finish(slot);
        } else {
            self.set_timer(slot, Timer::Farewell, now.at + DRAIN_TIMEOUT);
        }
    }

    pub(in crate::server) fn lose(&mut self, slot: usize, now: Now) {
        self.hub.handle_connection_lost(ClientId::new(slot), now);
        self.finish(slot);
    }

    /// Marks a connection for removal at the end of the turn.
    pub(in crate::server) fn finish(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        if connection.phase != Phase::Closed {
            connection.phase = Phase::Closed;
            self.closed.push_back(slot);
        }
    }

    /// Removes closed connections; their slots may be reused from now on.
    pub(in crate::server) fn reap(&mut self, now: Now) {
        for _ in 0..self.budget.reaps.min(self.closed.len()) {
            let Some(slot) = self.closed.pop_front() else { break };
            let connection = self.connections.remove(slot);
            if let Protocol::Http(exchange) = &connection.protocol
                && !exchange.is_admin
            {
                self.release_exchange(ListenerKind::Web, exchange.addr.ip());
            }
            // Closing the socket removes it from the poll.
            drop(connection);
            self.hub.handle_closed(ClientId::new(slot), now);
            self.acceptor.fd_freed();
        }
        shrink::slab(&mut self.connections);
        shrink::queue(&mut self.closed);
    }

    /// Begins the shutdown: sends the notice, stops reading and accepting, and sets the time of the end.
    pub fn begin_shutdown(&mut self, now: Now) {
        self.ends_at = Some(now.at + SHUTDOWN_TIMEOUT);
        self.budget = self.budget.ending();
        self.hub.limit_disconnects(self.budget.disconnects);
        self.acceptor.close_to_people();
        // Store queries of this turn are answered, within the time of any other turn.
        self.write_records(now);
        self.drop_questions();
        self.hub.handle_shutdown(now);
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for &slot in &slots {
            // No frame may follow the close frame.
            if self.connections[slot].is_web_socket() {
                self.hub.disconnect_for_shutdown(ClientId::new(slot), now);
            }
        }
        self.close(now);
        // Connections without unread lines are not flushed again, which would close them.
        for slot in slots {
            if self.hub.is_up_to_date(ClientId::new(slot)) && !self.connections[slot].is_admin() {
                self.finish(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use time::OffsetDateTime;

    use super::super::accept::ListenerKind;
    use super::super::{Budget, ENDING_STEP};
    use super::*;
    use crate::chat::{Config, Hub, Lang};
    use crate::server::Limits;
    use crate::simulator::network::{Event, Network};
    use crate::wire::plain::Plain;

    const MEMBERS: usize = 4 * ENDING_STEP;

    #[test]
    fn shutdown_disconnects_many_members_in_few_bounded_turns() {
        let now = Now { at: Duration::from_secs(1), local: OffsetDateTime::UNIX_EPOCH };
        let mut network = Network::default();
        let listener = network.listen();
        let limits = Limits {
            max_line: 4096,
            eol_timeout: Duration::ZERO,
            keepalive: Duration::ZERO,
            send_buffer: 0,
            farewell_timeout: Duration::from_secs(10),
        };
        let hub = Hub::new(Config { max_clients: MEMBERS, ..Config::default() }, Box::new(Plain { lang: Lang::En }));
        let mut engine = Engine::new(hub, vec![(ListenerKind::Plain, listener)], limits, Budget::default(), MEMBERS);
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let wires: Vec<_> = (0..MEMBERS).map(|n| network.connect(0, addr, n as u64, 1 << 20)).collect();
        wires.iter().enumerate().for_each(|(n, wire)| wire.borrow_mut().arrive(format!("p{n}\n").bytes()));
        while engine.hub.stats().here < MEMBERS || engine.has_work(now.at) {
            for event in network.poll(wires.iter(), usize::MAX) {
                match event {
                    Event::Listener(number) => engine.acceptor.notify(number),
                    Event::Stream(slot, readiness) => engine.record_event(slot, readiness),
                }
            }
            engine.process_input(&network, now);
            engine.process_output(now);
        }

        engine.begin_shutdown(now);
        let mut turns = 0;
        while !engine.is_done(now.at) {
            let before = engine.connections.len();
            engine.process_input(&network, now);
            engine.process_output(now);
            assert!(before - engine.connections.len() <= ENDING_STEP, "turn {turns} is too long");
            turns += 1;
            assert!(turns <= MEMBERS / ENDING_STEP + 1, "{} members are left", engine.connections.len());
        }
        assert!(wires.iter().all(|wire| wire.borrow().closed));
    }
}
