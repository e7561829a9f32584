//! The first half of a turn: events, reading, and accepting connections.

use log::debug;

use super::Engine;
use super::timers::Timer;
use crate::chat::{ClientId, Now, show_addr};
use crate::server::connection::transport::{Listener, Readiness, Transport};
use crate::server::connection::{Flags, Opening, Phase, Received};

impl<L: Listener> Engine<L> {
    /// Records an event; nothing is done yet, so that no slot changes its owner meanwhile.
    pub fn record_event(&mut self, slot: usize, event: Readiness) {
        if event.writable {
            self.hub.handle_writable(ClientId::new(slot));
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if event.read_closed || event.urgent {
            connection.flags.insert(Flags::HUNG_UP);
        }
        if event.error {
            connection.flags.insert(Flags::BROKEN);
        }
        let is_read = !connection.flags.contains(Flags::READ_PAUSED) && connection.phase != Phase::Closing;
        if connection.flags.contains(Flags::BROKEN) && !is_read {
            // It is not read from soon, so no read would report the error.
            self.read_queue.push_broken(slot);
        } else if event.readable || event.urgent || event.read_closed || event.error {
            self.read_soon(slot);
        } else if event.writable && (connection.is_exchange() || connection.is_opening()) {
            // It may have more to write, which the hub does not know.
            self.read_soon(slot);
        }
    }

    /// Queues a connection for reading.
    pub(super) fn read_soon(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot) {
            self.read_queue.push(slot, connection);
        }
    }

    /// Resumes reading from a paused connection.
    pub(super) fn resume(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.flags.remove(Flags::READ_PAUSED | Flags::AFTER_REPLIES);
            self.read_queue.push(slot, connection);
        }
    }

    /// Resumes reading from the clients whose proposals have been committed.
    pub fn resume_committed(&mut self) {
        while let Some(id) = self.hub.poll_resume() {
            self.resume(id.slot());
        }
    }

    /// Closes connections that broke while they were not read.
    pub(super) fn close_broken(&mut self, now: Now) {
        while self.hub.may_disconnect()
            && let Some(slot) = self.read_queue.pop_broken()
        {
            // The connection may have been closed since, and its slot reused.
            if self.connections.get_mut(slot).is_some_and(|connection| connection.flags.contains(Flags::BROKEN)) {
                self.lose(slot, now);
            }
        }
    }

    /// Reads once from each ready connection, within the budget.
    pub(super) fn read(&mut self, now: Now) {
        self.read_queue.shrink();
        let (mut reads, mut answers, mut handshakes, mut later) = (self.budget.reads, 0, 0, Vec::new());
        for _ in 0..self.read_queue.len() {
            if reads == 0 || !self.hub.may_disconnect() {
                break;
            }
            let Some(slot) = self.read_queue.pop() else { break };
            // An entry whose connection has been closed costs no read, also if the slot has a new connection.
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            if !connection.flags.contains(Flags::QUEUED) {
                continue;
            }
            if self.is_paused && !connection.is_exchange() {
                later.push(slot);
                continue;
            }
            if connection.is_exchange() {
                if answers == self.budget.answers {
                    later.push(slot);
                    continue;
                }
                answers += 1;
            }
            if connection.is_shaking_hands() && connection.phase == Phase::Open {
                if handshakes == self.budget.handshakes {
                    later.push(slot);
                    continue;
                }
                handshakes += 1;
            }
            connection.flags.remove(Flags::QUEUED);
            reads -= 1;
            if connection.phase == Phase::Open && (self.ends_at.is_none() || connection.is_admin()) {
                self.receive(slot, now);
            } else if connection.phase == Phase::Draining {
                self.drain(slot);
            }
        }
        self.read_queue.put_back(later);
    }

    fn receive(&mut self, slot: usize, now: Now) {
        let id = ClientId::new(slot);
        let connection = &mut self.connections[slot];
        if connection.is_exchange() {
            return self.exchange(slot, now);
        }
        if connection.is_opening() {
            return self.open(slot, now);
        }
        match connection.receive(&mut self.hub, id, now, &mut self.block, self.limits.max_line) {
            Received::All => {}
            Received::More => self.read_soon(slot),
            Received::Until(time) => {
                connection.flags.insert(Flags::READ_PAUSED);
                self.set_timer(slot, Timer::Resume, time);
            }
            Received::AfterOthers => {
                connection.flags.insert(Flags::READ_PAUSED);
                self.read_queue.push_after_others(slot);
            }
            // Reading resumes when the hub names it: `Hub::poll_resume`.
            Received::AfterCommit => connection.flags.insert(Flags::READ_PAUSED),
            Received::AfterReplies => {
                connection.flags.insert(Flags::READ_PAUSED | Flags::AFTER_REPLIES);
            }
            Received::End => self.hub.handle_end_of_input(id, now),
            Received::Lost => self.lose(slot, now),
        }
        if self.connections[slot].flags.contains(Flags::BROKEN | Flags::READ_PAUSED) {
            self.lose(slot, now);
        }
        if !self.limits.eol_timeout.is_zero() {
            self.watch_line(slot, now);
        }
    }

    /// Accepts connections, within the budget.
    pub(super) fn accept(&mut self, poll: &<L::Transport as Transport>::Poll, now: Now) {
        for _ in 0..self.budget.accepts {
            if !self.connections.has_room() {
                if self.acceptor.is_ready(now.at) && !self.acceptor.has_logged_shortage() {
                    let open = self.connections.len();
                    self.acceptor.report_full(&format!("{open} connections, no file descriptors for more"));
                }
                return;
            }
            let Some((mut stream, addr, kind)) = self.acceptor.accept(now.at) else { return };
            let step = self.first_step(addr.ip(), &stream);
            let slot = self.connections.next_slot();
            if let Err(error) = stream.watch(poll, slot) {
                debug!("{} cannot be watched: {error}", show_addr(addr));
                continue;
            }
            self.connections.insert(stream);
            match step {
                Some(step) => self.begin_opening(slot, Opening { addr, kind, step }, now),
                None => self.begin(slot, addr, kind, now),
            }
        }
    }
}
