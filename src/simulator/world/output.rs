//! Passes what the server does to the oracle, and checks what it writes and closes.

use std::time::Duration;

use super::{World, replica_hub};
use crate::chat::change::Committed;
use crate::chat::{Cause, DISCONNECTS_PER_TICK, Now, TraceEvent};
use crate::server::limits::FAREWELL_TIMEOUT;
use crate::simulator::oracle::ReaderStage;

impl World {
    /// Passes the order of the server's events to the oracle.
    pub(super) fn record_heard(&mut self, now: Now) {
        for heard in self.engine.hub_mut().poll_trace() {
            if self.trace && heard != TraceEvent::Ticked {
                eprintln!("{:5} {:12.3?} heard: {heard:?}", self.step.get(), self.at);
            }
            let who = match heard {
                TraceEvent::Connected(id) => {
                    let slot = Some(id.slot());
                    self.alive.iter().copied().find(|&who| self.people[who].wire.borrow().slot == slot)
                }
                TraceEvent::Departed(id, Cause::ConnectionLost) => {
                    let who = self.oracle.in_slot(id);
                    let wire = self.people[who].wire.borrow();
                    // A browser may end without a closing handshake.
                    let is_broken = wire.is_lost() || self.people[who].has_frames() && self.people[who].ends;
                    assert!(is_broken, "person {who} is lost and the connection is sound");
                    None
                }
                TraceEvent::Departed(id, Cause::TooSlow) => {
                    let who = self.oracle.in_slot(id);
                    let is_full = self.people[who].wire.borrow().is_full();
                    // A slow consumer that waits to be disconnected may begin to read meanwhile.
                    let waits = self.plan.budget.disconnects < DISCONNECTS_PER_TICK;
                    assert!(
                        is_full || waits || self.plan.events < usize::MAX,
                        "person {who} is dropped and reads well"
                    );
                    None
                }
                TraceEvent::Departed(id, Cause::EndOfInput) => {
                    let who = self.oracle.in_slot(id);
                    // A browser sends a close frame instead.
                    let person = &self.people[who];
                    let has_ended = person.wire.borrow().told_end || person.has_frames() && person.ends;
                    assert!(has_ended, "person {who} has not ended");
                    None
                }
                _ => None,
            };
            self.replicate(&heard, now);
            self.oracle.record_heard(heard, who, now);
        }
    }

    /// Applies a committed change to the replica.
    fn replicate(&mut self, heard: &TraceEvent, now: Now) {
        let Some((replica, seq)) = &mut self.replica else { return };
        match heard {
            TraceEvent::Committed { time, change, .. } => {
                *seq += 1;
                let committed = Committed { seq: *seq, time: *time, origin: None, place: None, change: change.clone() };
                replica.handle_committed(&committed, &now);
                replica.poll_console_output();
                replica.poll_records();
            }
            // Notices of the server itself can push messages out of a history.
            TraceEvent::Ticked => replica.handle_tick(now),
            TraceEvent::Configured => replica.set_config(&self.plan.config, now),
            _ => {}
        }
    }

    /// Compares the shared state with that of the replica, which is at times another one that begins with that state.
    pub(super) fn check_replica(&mut self, now: Now) {
        let step = self.step.get();
        let Some((replica, _)) = self.replica.as_mut().filter(|_| !self.oracle.ending && step.is_multiple_of(8)) else {
            return;
        };
        let (ours, theirs) = (self.engine.hub().shared_summary(now), replica.shared_summary(now));
        assert_eq!(ours, theirs, "the same changes lead to another state in a replica");
        if step.is_multiple_of(128) {
            let snapshot = serde_json::to_string(&self.engine.hub().snapshot()).unwrap();
            *replica = replica_hub(&self.plan, self.hasher.is_some(), now);
            replica.restore_snapshot(serde_json::from_str(&snapshot).unwrap(), &now).unwrap();
        }
    }

    /// Checks the written bytes and the closed connections.
    pub(super) fn look(&mut self, now: Now) {
        let shown = self.engine.hub_mut().poll_console_output();
        self.oracle.check_console_output(&shown);
        let mut done = false;
        for index in 0..self.alive.len() {
            let who = self.alive[index];
            let person = &mut self.people[who];
            let mut wire = person.wire.borrow_mut();
            if !wire.fresh.is_empty() {
                if self.trace {
                    eprintln!(
                        "{:5} {:12.3?} to {who}: {:?}",
                        self.step.get(),
                        self.at,
                        String::from_utf8_lossy(&wire.fresh)
                    );
                }
                self.oracle.check_deleted(who, &wire.fresh);
                match (&mut person.page, &mut person.program) {
                    _ if let Some(irc) = &mut person.irc => self.oracle.check_output(who, &irc.read(&wire.fresh)),
                    (Some(page), _) => self.oracle.check_output(who, &page.read(&wire.fresh)),
                    (_, Some(program)) => self.oracle.check_output(who, &program.read(&wire.fresh)),
                    _ => self.oracle.check_output(who, &wire.fresh),
                }
                wire.fresh.clear();
                person.written_at = now.at;
            }
            let reader = &self.oracle.readers[who];
            person.pauses &= !reader.typed.is_empty();
            if wire.closed {
                drop(wire);
                self.check_closed(who, now);
                self.people[who].done = true;
                done = true;
            }
        }
        if done {
            self.alive.retain(|&who| !self.people[who].done);
        }
    }

    /// Checks a closed connection: all its output must have been written, unless there is a reason.
    fn check_closed(&self, who: usize, now: Now) {
        let (person, wire) = (&self.people[who], self.people[who].wire.borrow());
        let reader = &self.oracle.readers[who];
        let Some((cause, at)) = &reader.left else {
            assert_eq!(reader.stage, ReaderStage::Outside, "person {who} is closed and has not left");
            return;
        };
        let waited = now.at + Duration::from_millis(2) - (*at).max(person.written_at);
        let is_lost = matches!(cause, Cause::TooSlow | Cause::ConnectionLost) || wire.is_lost();
        let is_over = self.engine.is_done(now.at) && self.engine.connection_count() > 0;
        let is_late = waited >= FAREWELL_TIMEOUT;
        if !is_lost && !is_over && !is_late {
            let owed = self.oracle.owed_bytes(who);
            assert_eq!(owed, 0, "person {who} is closed with unread text {:?}", self.oracle.unread_text(who));
        }
        // Later input would cause a reset, and lose what the person has not read.
        let has_ended = wire.told_end || self.oracle.ending || waited >= Duration::from_secs(2);
        assert!(is_lost || has_ended, "person {who} is closed and had no time to close their side");
    }
}
