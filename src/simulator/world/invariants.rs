//! Invariants that must hold after every step.

use std::time::Duration;

use super::World;
use crate::server::limits::FAREWELL_TIMEOUT;
use crate::simulator::oracle::ReaderStage;
use crate::wire::http::MAX_HEAD;

/// Turns between two runs of the expensive checks.
const AUDIT_INTERVAL: usize = 8;

impl World {
    pub(super) fn check(&mut self) {
        let census = self.engine.hub().census().unwrap_or_else(|what| panic!("{what}"));
        let (roles, given) = (self.engine.hub().roles(), self.oracle.roles());
        assert_eq!(roles, given, "the roles are not those that operators gave");
        let connections = self.engine.connection_count();
        assert!(connections <= self.plan.max_connections, "{connections} connections are too many");
        let connections = connections - self.exchanges();
        let counted = census.here + census.asked + census.waiting + census.leaving;
        assert_eq!(counted, connections, "here, asked, waiting and leaving are not all connections: {census:?}");
        assert_eq!(census.clients, connections, "the hub's clients are not the connections");
        let config = &self.plan.config;
        assert!(census.here + census.asked <= self.most.clients, "more users than the maximum");
        assert!(census.waiting <= self.most.waiting, "the admission queue is too long");
        assert!(census.rooms <= self.most.rooms, "{} rooms are too many", census.rooms);

        assert!(census.followed <= self.most.follow, "a member follows {} rooms", census.followed);
        // A notice of each person in one turn; JSON is longer than lines.
        let slack = 3 * self.segment_bytes() + config.max_line + 4096 + 300 * self.people.len();
        let history = config.history_bytes.min(config.backlog_bytes / 2);
        let log = 2 * config.backlog_bytes + history + slack;
        assert!(census.log <= log, "a log holds {} bytes of at most {log}", census.log);
        // The input of one turn is added, and a whisper of one byte becomes a longer line.
        let turn = 40 * (self.plan.budget.block * self.plan.budget.reads).min(16 * 1024);
        let outbox = 2 * config.backlog_bytes + history + slack + turn;
        assert!(census.outbox <= outbox, "an outbox holds {} bytes of at most {outbox}", census.outbox);
        let deadlines = 2 * self.people.len();
        assert!(census.deadlines <= deadlines, "{} deadlines for {deadlines} people", census.deadlines);
        // Some of many simultaneous deadlines wait for the next turn.
        let is_behind = self.engine.hub().has_pending_disconnects() || self.engine.is_behind();
        assert!(!is_behind || self.engine.has_work(self.at), "there is work and no turn is asked for");
        if !is_behind {
            self.oracle.check_deadlines(&self.alive, self.at);
        }
        for &who in self.alive.iter().filter(|_| !is_behind) {
            let Some((cause, at)) = &self.oracle.readers[who].left else { continue };
            // The farewell may have begun in the turn after the hours.
            let since = self.at - (*at).max(self.people[who].written_at).max(self.jumped_at);
            // The farewell timeout, and two seconds to close the client's side.
            let most = FAREWELL_TIMEOUT + Duration::from_millis(2100);
            assert!(since < most, "person {who} left {since:?} ago ({cause:?}) and is not closed");
        }

        if self.step.get().is_multiple_of(AUDIT_INTERVAL) {
            self.engine.hub().audit().unwrap_or_else(|what| panic!("{what}"));
            let kept = (2 * config.max_line).max(MAX_HEAD) + self.plan.budget.block;
            for (slot, connection) in self.engine.connections() {
                assert!(connection.kept() <= kept, "slot {slot} keeps {} bytes of input", connection.kept());
            }
        }
    }

    /// Checks a server without work and events: it may wait only for time to pass, and unread output
    /// does not wait for that.
    pub(super) fn check_quiet(&self) {
        assert!(!self.awaits_commit(), "a change is proposed and not committed, and nothing happens");
        assert!(!self.awaits_hash(), "a password is not compared, and nothing happens");
        for &who in &self.alive {
            let (person, reader) = (&self.people[who], &self.oracle.readers[who]);
            let wire = person.wire.borrow();
            if wire.slot.is_none() || wire.is_full() {
                continue;
            }
            assert!(!wire.is_reset(), "the connection of person {who} is broken, and the server takes its time");
            // Joins and leaves in large rooms come with the next message, or with the summary for others.
            let waits = self.oracle.awaits_summary(who);
            let unread = if waits { 0 } else { self.oracle.owed_bytes(who) };
            assert_eq!(
                unread,
                0,
                "nothing happens and person {who} has unread text {:?}",
                self.oracle.unread_text(who)
            );
            // After a change of the rate the server still waits as long as before.
            let is_slow =
                self.plan.config.rate > 0 || self.most.has_changed || person.pauses || !person.unsent.is_empty();
            let is_gone = reader.stage == ReaderStage::Gone || !wire.can_open();
            let is_heard = reader.typed.is_empty() || is_gone || wire.has_late();
            assert!(
                is_heard || is_slow,
                "nothing happens and a line of person {who} is not processed: {:?}",
                reader.typed[0]
            );
        }
    }

    /// The size of a log segment, by which a log may exceed its bound.
    pub(super) fn segment_bytes(&self) -> usize {
        (self.plan.config.backlog_bytes / 8).clamp(1024, 64 * 1024) + self.plan.config.max_line + 256
    }
}
