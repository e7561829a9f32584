//! The deadlines of connections.

use std::time::Duration;

use super::closing::DRAIN_TIMEOUT;
use super::connection::Phase;
use super::engine::Engine;
use super::transport::Listener;
use crate::chat::{ClientId, Now};

/// What a connection's deadline is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// It may be read from again.
    Resume,
    /// Its unended input may count as a line.
    EndLine,
    /// It may have stopped reading what is owed, or not have closed its side.
    Farewell,
}

/// A deadline of the connection in `slot`, if that is still the one of that serial number.
pub(super) struct Deadline {
    slot: usize,
    serial: u32,
    timer: Timer,
}

impl<L: Listener> Engine<L> {
    /// Does what has become due.
    pub(super) fn expire(&mut self, now: Now) {
        for Deadline { slot, serial, timer } in self.timers.expire(now.at) {
            let Some(connection) = self.connections.get_mut(slot).filter(|connection| connection.serial == serial)
            else {
                continue;
            };
            match timer {
                Timer::Resume => self.resume(slot),
                Timer::EndLine => self.end_quiet_line(slot, now),
                Timer::Farewell => {
                    let waits = match connection.phase {
                        Phase::Closing => self.limits.farewell_timeout,
                        _ => DRAIN_TIMEOUT,
                    };
                    let due = Duration::from_millis(connection.progress) + waits;
                    if due > now.at {
                        self.set_timer(slot, Timer::Farewell, due);
                    } else {
                        self.finish(slot);
                    }
                }
            }
        }
    }

    fn end_quiet_line(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        connection.eol_set = false;
        if connection.phase != Phase::Open || !connection.has_partial() {
            return;
        }
        let due = Duration::from_millis(connection.progress) + self.limits.eol_timeout;
        if due > now.at || connection.has_more_input() {
            connection.eol_set = true;
            let at = if due > now.at { due } else { now.at + self.limits.eol_timeout };
            self.set_timer(slot, Timer::EndLine, at);
        } else {
            connection.end_line(&mut self.hub, ClientId::new(slot), now);
        }
    }

    pub(super) fn resume(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.held_back = false;
            connection.after_replies = false;
            self.read_soon(slot);
        }
    }

    /// Sets the deadline at which unended input counts as a line.
    pub(super) fn watch_line(&mut self, slot: usize, now: Now) {
        if let Some(connection) = self.connections.get_mut(slot)
            && connection.has_partial()
            && !connection.eol_set
        {
            connection.eol_set = true;
            self.set_timer(slot, Timer::EndLine, now.at + self.limits.eol_timeout);
        }
    }

    pub(super) fn set_timer(&mut self, slot: usize, timer: Timer, at: Duration) {
        let serial = self.connections[slot].serial;
        self.timers.set(at, Deadline { slot, serial, timer });
    }
}
