//! Closing frames and pings of WebSockets.

use std::time::Duration;

use crate::chat::{ClientId, Now};
use crate::server::connection::Flags;
use crate::server::connection::transport::Listener;
use crate::server::engine::Engine;
use crate::server::engine::timers::Timer;
use crate::wire::frame::{close_frame, code, ping_frame};

impl<L: Listener> Engine<L> {
    /// Queues the close frame of a WebSocket, once.
    pub(in crate::server::engine) fn end_web_socket(&mut self, slot: usize) {
        let code = if self.is_ending() { code::GOING_AWAY } else { code::NORMAL };
        let connection = &mut self.connections[slot];
        if connection.is_web_socket() && !connection.flags.contains(Flags::CLOSE_SENT) {
            connection.flags.insert(Flags::CLOSE_SENT);
            self.hub.send_raw(ClientId::new(slot), &close_frame(code));
        }
    }

    /// Pings a silent WebSocket, or disconnects it if the last ping was not answered.
    pub(in crate::server::engine) fn ping(&mut self, slot: usize, now: Now) {
        let (id, keepalive) = (ClientId::new(slot), self.limits.keepalive);
        // Pings were switched off meanwhile.
        if keepalive.is_zero() {
            return;
        }
        let connection = &mut self.connections[slot];
        let heard = Duration::from_millis(connection.progress);
        // A client that is paused, or has unread output, does not count as silent.
        let is_busy = connection.flags.contains(Flags::READ_PAUSED) || !self.hub.is_up_to_date(id);
        if is_busy || heard + keepalive > now.at {
            if is_busy {
                connection.flags.remove(Flags::PINGED);
            }
            let at = if is_busy { now.at + keepalive } else { heard + keepalive };
            return self.set_timer(slot, Timer::Ping, at);
        }
        if connection.flags.contains(Flags::PINGED) {
            return self.lose(slot, now);
        }
        connection.flags.insert(Flags::PINGED);
        self.hub.send_raw(id, &ping_frame());
        self.set_timer(slot, Timer::Ping, now.at + keepalive);
    }
}
