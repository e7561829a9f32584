//! Ends the server.

use std::time::Duration;

use super::Engine;
use crate::chat::{ClientId, Now};
use crate::server::connection::transport::{Listener, Transport};

/// How long clients may take to read their last lines when the server ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl<L: Listener> Engine<L> {
    /// Begins the shutdown: sends the notice, stops reading and accepting, and sets the time of the end.
    pub fn begin_shutdown(&mut self, now: Now) {
        self.ends_at = Some(now.at + SHUTDOWN_TIMEOUT);
        self.budget = self.budget.ending();
        self.hub.limit_disconnects(self.budget.disconnects);
        self.acceptor.close_to_people();
        // Store queries of this turn are answered, within the time of any other turn.
        self.write_records(now);
        if let Some(store_writer) = &mut self.store_writer {
            store_writer.drop_queries();
        }
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
            if self.is_written(slot) && !self.connections[slot].is_admin() {
                // Peers of TLS are told that nothing was cut off.
                let _ = self.connections[slot].stream.end_writing();
                self.finish(slot);
            }
        }
    }

    /// Writes the last records when the server ends, or reports their loss.
    pub fn finish_writing(&mut self, now: Now) {
        if let Some(store_writer) = &mut self.store_writer {
            store_writer.finish(&mut self.hub, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use time::OffsetDateTime;

    use super::super::Budget;
    use super::super::budget::ENDING_STEP;
    use super::*;
    use crate::chat::{Config, Hub, Lang};
    use crate::server::connection::transport::ListenerKind;
    use crate::server::limits::Limits;
    use crate::simulator::network::{Event, Network};
    use crate::wire::renderers;

    const MEMBERS: usize = 4 * ENDING_STEP;

    #[test]
    fn shutdown_disconnects_many_members_in_few_bounded_turns() {
        let now = Now { at: Duration::from_secs(1), local: OffsetDateTime::UNIX_EPOCH };
        let mut network = Network::default();
        let listener = network.listen();
        let limits = Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::ZERO, send_buffer: 0 };
        let hub = Hub::new(Config { max_clients: MEMBERS, ..Config::default() }, renderers(Lang::En));
        let mut engine = Engine::new(hub, vec![(ListenerKind::Plain, listener)], limits, Budget::default(), MEMBERS);
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let wires: Vec<_> = (0..MEMBERS).map(|n| network.connect(0, addr, n as u64, 1 << 20)).collect();
        wires.iter().enumerate().for_each(|(n, wire)| wire.borrow_mut().arrive(format!("p{n}\n").bytes()));
        while engine.hub.stats().here < MEMBERS || engine.has_work(now.at) {
            for event in network.poll(wires.iter(), usize::MAX) {
                match event {
                    Event::Listener(number) => engine.notify_listener(number),
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
