//! Closes connections, from the last line to a free slot.

use std::time::Duration;

use super::Engine;
use super::timers::{DRAIN_TIMEOUT, Timer};
use crate::chat::{ClientId, Close, Now};
use crate::server::connection::transport::{Listener, Transport};
use crate::server::connection::{Flags, Phase, Protocol, Received};
use crate::server::limits::FAREWELL_TIMEOUT;

impl<L: Listener> Engine<L> {
    /// Begins to close the connections that the hub wants closed.
    pub(super) fn close(&mut self, now: Now) {
        while let Some((id, how)) = self.hub.poll_close() {
            let slot = id.slot();
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            match how {
                Close::AtOnce => self.finish(slot),
                Close::WhenRead if connection.phase == Phase::Open => {
                    connection.phase = Phase::Closing;
                    connection.flags.remove(Flags::READ_PAUSED | Flags::AFTER_REPLIES);
                    connection.progress = now.at.as_millis() as u64;
                    self.set_timer(slot, Timer::Farewell, now.at + FAREWELL_TIMEOUT);
                    self.end_web_socket(slot);
                    if self.is_written(slot) {
                        self.shutdown_write(slot, now);
                    }
                }
                Close::WhenRead => {}
            }
        }
    }

    /// Whether the kernel has taken all bytes for a connection.
    pub(super) fn is_written(&self, slot: usize) -> bool {
        self.hub.is_up_to_date(ClientId::new(slot)) && !self.connections[slot].stream.wants_write()
    }

    /// Shuts down writing of a connection that has been sent everything, and waits for its end. On a WebSocket, the peer's
    /// close frame comes first.
    pub(super) fn shutdown_write(&mut self, slot: usize, now: Now) {
        let is_ending = self.ends_at.is_some();
        let connection = &mut self.connections[slot];
        connection.phase = Phase::Draining;
        connection.progress = now.at.as_millis() as u64;
        let waits = connection.awaits_close() && !is_ending;
        let is_broken = !waits && connection.stream.end_writing().is_err();
        if is_ending || is_broken || connection.flags.contains(Flags::ENDED) {
            self.finish(slot);
        } else {
            self.set_timer(slot, Timer::Farewell, now.at + DRAIN_TIMEOUT);
            self.drain(slot);
        }
    }

    /// Discards input of a connection that has been sent everything, until its end or the deadline.
    pub(super) fn drain(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let waited = connection.awaits_close();
        let received = connection.drain(&mut self.block, self.limits.max_line);
        let is_broken = waited && !connection.awaits_close() && connection.stream.end_writing().is_err();
        if is_broken || received == Received::End {
            self.finish(slot);
        } else if received == Received::More {
            self.read_soon(slot);
        }
    }

    /// Closes a connection whose peer has not read its last lines, or not closed its side, in time.
    pub(super) fn expire_farewell(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        let timeout = if connection.phase == Phase::Closing { FAREWELL_TIMEOUT } else { DRAIN_TIMEOUT };
        let due = Duration::from_millis(connection.progress) + timeout;
        if due > now.at {
            return self.set_timer(slot, Timer::Farewell, due);
        }
        if connection.phase == Phase::Draining {
            // Peers of TLS are told that nothing was cut off.
            let _ = connection.stream.end_writing();
        }
        self.finish(slot);
    }

    /// Ends the session of a connection that is lost, and closes it.
    pub(super) fn lose(&mut self, slot: usize, now: Now) {
        self.hub.handle_connection_lost(ClientId::new(slot), now);
        self.finish(slot);
    }

    /// Marks a connection for removal at the end of the turn.
    pub(super) fn finish(&mut self, slot: usize) {
        self.connections.finish(slot);
    }

    /// Removes closed connections; their slots may be reused from now on.
    pub(super) fn reap(&mut self, now: Now) {
        for _ in 0..self.budget.reaps {
            let Some((slot, connection)) = self.connections.remove_next() else { break };
            match &connection.protocol {
                Protocol::Http(exchange) if !exchange.is_admin() => self.web.release(exchange.addr().ip()),
                Protocol::Opening(opening) => self.openings.leave(opening.counted_addr()),
                _ => {}
            }
            // Closing the socket removes it from the poll.
            drop(connection);
            self.hub.handle_closed(ClientId::new(slot), now);
            self.acceptor.fd_freed();
        }
        self.connections.shrink();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::SocketAddr;
    use std::rc::Rc;

    use time::OffsetDateTime;

    use super::super::Budget;
    use super::*;
    use crate::chat::{Config, Hub, Lang};
    use crate::server::connection::transport::ListenerKind;
    use crate::server::limits::Limits;
    use crate::simulator::network::{Event, Listener as SimulatedListener, Network, Wire};
    use crate::simulator::people::page::upgrade;
    use crate::wire::frame::close_frame;
    use crate::wire::renderers;

    /// A server with one page.
    struct OnePage {
        network: Network,
        engine: Engine<SimulatedListener>,
        wire: Rc<RefCell<Wire>>,
        at: Duration,
    }

    impl OnePage {
        fn open() -> OnePage {
            let mut network = Network::default();
            let listener = network.listen();
            let limits =
                Limits { max_line: 4096, eol_timeout: Duration::ZERO, keepalive: Duration::ZERO, send_buffer: 0 };
            let hub = Hub::new(Config::default(), renderers(Lang::En));
            let engine = Engine::new(hub, vec![(ListenerKind::Web, listener)], limits, Budget::default(), 10);
            let wire = network.connect(0, SocketAddr::from(([127, 0, 0, 1], 1)), 1, 1 << 20);
            OnePage { network, engine, wire, at: Duration::from_secs(1) }
        }

        /// Lets bytes arrive, and runs the server until it has nothing to do.
        fn send(&mut self, bytes: &[u8]) {
            self.wire.borrow_mut().arrive(bytes.iter().copied());
            self.run();
        }

        fn run(&mut self) {
            let now = Now { at: self.at, local: OffsetDateTime::UNIX_EPOCH };
            while self.network.has_events([&self.wire].into_iter()) || self.engine.has_work(now.at) {
                for event in self.network.poll([&self.wire].into_iter(), usize::MAX) {
                    match event {
                        Event::Listener(number) => self.engine.notify_listener(number),
                        Event::Stream(slot, readiness) => self.engine.record_event(slot, readiness),
                    }
                }
                self.engine.process_input(&self.network, now);
                self.engine.process_output(now);
            }
        }

        fn pass(&mut self, time: Duration) {
            self.at += time;
            self.run();
        }

        /// Whether the server has ended its side, and whether it has closed the socket.
        fn end(&self) -> (bool, bool) {
            let wire = self.wire.borrow();
            (wire.shut, wire.closed)
        }
    }

    /// A frame of a page, with a mask of zeros.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
    }

    /// What a page sends that enters and leaves by commands, without a close frame.
    fn visit() -> Vec<u8> {
        [upgrade("").into_bytes(), frame(0x81, b"alice"), frame(0x81, b"/quit")].concat()
    }

    #[test]
    fn end_of_a_web_socket_follows_the_close_frame_of_the_peer() {
        let mut page = OnePage::open();
        page.send(&visit());
        assert!(page.wire.borrow().fresh.ends_with(&close_frame(1000)));
        assert_eq!(page.end(), (false, false));
        page.send(&frame(0x81, b"one more line"));
        assert_eq!(page.end(), (false, false));
        let answer = frame(0x88, &1000_u16.to_be_bytes());
        page.send(&answer[..5]);
        assert_eq!(page.end(), (false, false));
        page.send(&answer[5..]);
        assert_eq!(page.end(), (true, false));
        page.wire.borrow_mut().end();
        page.run();
        assert_eq!(page.end(), (true, true));
    }

    #[test]
    fn close_frame_directly_behind_the_last_line_is_an_answer() {
        let mut page = OnePage::open();
        page.send(&[visit(), frame(0x81, b"ignored"), frame(0x88, b"")].concat());
        assert_eq!(page.end(), (true, false));
    }

    #[test]
    fn peer_that_ends_or_breaks_without_a_close_frame_is_closed() {
        let acts: [fn(&mut Wire); 3] = [Wire::end, Wire::break_off, |wire| wire.arrive(frame(0x82, b"x").into_iter())];
        for act in acts {
            let mut page = OnePage::open();
            page.send(&visit());
            act(&mut page.wire.borrow_mut());
            page.run();
            assert_ne!(page.end(), (false, false));
        }
    }

    #[test]
    fn peer_that_does_not_answer_is_closed_after_the_timeout_whatever_it_sends() {
        let mut page = OnePage::open();
        page.send(&visit());
        for _ in 0..3 {
            assert_eq!(page.end(), (false, false));
            page.pass(DRAIN_TIMEOUT * 2 / 5);
            page.send(&frame(0x81, b"one more line"));
        }
        assert_eq!(page.end(), (true, true));
        assert_eq!(page.engine.connections.len(), 0);
    }
}
