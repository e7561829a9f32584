//! WebSockets: decodes frames to lines for the hub, sends pings, and does the closing handshake.
//!
//! Output needs no code here: the hub's logs hold ready frames for them.

use std::io::{self, Read, Write};

use super::transport::Listener;
use super::{Connection, Protocol, Received};
use crate::chat::{Allowance, ClientId, Hub, Now};
use crate::server::engine::Engine;
use crate::server::engine::timers::Timer;
use crate::wire::frame::{close_frame, code, ping_frame, pong_frame};
use crate::wire::websocket::{FrameDecoder, FrameItem};

/// Frame input kept between two reads.
#[derive(Default)]
pub struct FrameInput {
    decoder: FrameDecoder,
    /// Bytes that have been read and not processed.
    held: Vec<u8>,
}

impl FrameInput {
    /// Bytes kept of its input.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.held.len() + self.decoder.kept()
    }

    fn is_idle(&self) -> bool {
        self.held.is_empty() && self.decoder.is_idle()
    }
}

/// How a WebSocket ends.
enum CloseReason {
    /// By a close frame; the answer has this code.
    Closed(u16),
    /// By a protocol error; the close frame has this code.
    Broken(u16),
}

impl<S: Read + Write> Connection<S> {
    /// Switches the connection to frames, beginning with the input `held`.
    pub(in crate::server) fn become_web_socket(&mut self, held: Vec<u8>, now: Now) {
        let frames = FrameInput { held, ..FrameInput::default() };
        self.protocol = Protocol::WebSocket((!frames.is_idle()).then(|| Box::new(frames)));
        self.progress = now.at.as_millis() as u64;
    }

    /// As [`Connection::receive`].
    pub(in crate::server) fn receive_frames(
        &mut self,
        hub: &mut Hub,
        id: ClientId,
        now: Now,
        block: &mut [u8],
        max_line: usize,
    ) -> Received {
        let kept = match &mut self.protocol {
            Protocol::WebSocket(kept) => kept.take(),
            _ => None,
        };
        let mut frames = kept.unwrap_or_default();
        let received = self.receive_into_frames(&mut frames, hub, id, now, block, max_line);
        self.protocol = Protocol::WebSocket((!frames.is_idle()).then_some(frames));
        received
    }

    fn receive_into_frames(
        &mut self,
        frames: &mut FrameInput,
        hub: &mut Hub,
        id: ClientId,
        now: Now,
        block: &mut [u8],
        max_line: usize,
    ) -> Received {
        if !frames.held.is_empty() {
            let mut held = std::mem::take(&mut frames.held);
            let mut rest = &held[..];
            if let Some(stop) = self.process_frames(&mut frames.decoder, &mut rest, hub, id, now, max_line) {
                held.drain(..held.len() - rest.len());
                frames.held = held;
                return stop;
            }
        }
        match self.stream.read(block) {
            Ok(0) => {
                self.ended = true;
                // A peer that ends properly sends a close frame first: RFC 6455, section 7.1.5.
                hub.handle_broken_input(id, now);
                Received::All
            }
            Ok(n) => {
                self.progress = now.at.as_millis() as u64;
                self.pinged = false;
                hub.count_received(n);
                let mut rest = &block[..n];
                if let Some(stop) = self.process_frames(&mut frames.decoder, &mut rest, hub, id, now, max_line) {
                    frames.held = rest.to_vec();
                    return stop;
                }
                if n == block.len() || self.hung_up { Received::More } else { Received::All }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::All,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::More,
            Err(_) => Received::Lost,
        }
    }

    /// Passes lines to the hub; removes what is processed from `rest`, and returns the reason to stop before the end.
    fn process_frames(
        &mut self,
        decoder: &mut FrameDecoder,
        rest: &mut &[u8],
        hub: &mut Hub,
        id: ClientId,
        now: Now,
        max_line: usize,
    ) -> Option<Received> {
        while !rest.is_empty() {
            match hub.allowance(id, now) {
                Allowance::Now => {}
                Allowance::At(time) => return Some(Received::Until(time)),
                Allowance::AfterOthers => return Some(Received::AfterOthers),
                Allowance::AfterReplies | Allowance::AfterCommit => return Some(Received::AfterReplies),
                Allowance::Never => return None,
            }
            let end = match decoder.next(rest, max_line)? {
                FrameItem::Ping(payload) => {
                    hub.send_raw(id, &pong_frame(&payload));
                    continue;
                }
                FrameItem::Pong => continue,
                FrameItem::Close(code) => CloseReason::Closed(code),
                FrameItem::Broken(code) => CloseReason::Broken(code),
                item => {
                    item.input().into_iter().for_each(|input| hub.handle_line(id, input, now));
                    continue;
                }
            };
            self.close_sent = true;
            *rest = &[];
            match end {
                CloseReason::Closed(code) => {
                    hub.handle_end_of_input(id, now);
                    hub.send_raw(id, &close_frame(code));
                }
                CloseReason::Broken(code) => {
                    hub.handle_broken_input(id, now);
                    hub.send_raw(id, &close_frame(code));
                }
            }
        }
        None
    }
}

impl<L: Listener> Engine<L> {
    /// Queues the close frame of a WebSocket, once.
    pub(in crate::server) fn end_web_socket(&mut self, slot: usize) {
        let code = if self.is_ending() { code::GOING_AWAY } else { code::NORMAL };
        let connection = &mut self.connections[slot];
        if connection.is_web_socket() && !std::mem::replace(&mut connection.close_sent, true) {
            self.hub.send_raw(ClientId::new(slot), &close_frame(code));
        }
    }

    /// Pings a silent WebSocket, or disconnects it if the last ping was not answered.
    pub(in crate::server) fn ping(&mut self, slot: usize, now: Now) {
        let (id, keepalive) = (ClientId::new(slot), self.limits.keepalive);
        let connection = &mut self.connections[slot];
        let heard = std::time::Duration::from_millis(connection.progress);
        // A client that is paused, or has unread output, does not count as silent.
        let is_busy = connection.read_paused || !self.hub.is_up_to_date(id);
        if is_busy || heard + keepalive > now.at {
            connection.pinged &= !is_busy;
            let at = if is_busy { now.at + keepalive } else { heard + keepalive };
            return self.set_timer(slot, Timer::Ping, at);
        }
        if std::mem::replace(&mut connection.pinged, true) {
            return self.lose(slot, now);
        }
        self.hub.send_raw(id, &ping_frame());
        self.set_timer(slot, Timer::Ping, now.at + keepalive);
    }
}
