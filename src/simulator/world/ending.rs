//! The end of a seed: first all readers catch up, then all leave, and no state may remain.

use std::time::Duration;

use super::World;
use crate::simulator::oracle::ReaderStage;
use crate::simulator::people::ReadingPace;

impl World {
    /// Ends all faults and lets all persons read: each must be up to date within a bounded time, with no turn
    /// but those that the server asks for.
    pub(super) fn wait_until_idle(&mut self) {
        self.record_event(|| "all faults end".into());
        self.network.recover();
        // The time in which all must catch up depends on the limits.
        self.reloads = None;
        for index in 0..self.alive.len() {
            let who = self.alive[index];
            if self.people[who].pace != ReadingPace::Never {
                self.people[who].pace = ReadingPace::Eager;
            }
        }
        let until = self.at + Duration::from_secs(4) + self.hearing_time();
        let recovers_at = self.at + Duration::from_secs(1);
        while let Some(why) = self.unsettled() {
            if self.at >= recovers_at {
                self.network.exhaust(false);
            }
            assert!(self.at <= until, "stalled: {why}");
            self.turn_when_asked(until, &why);
        }
    }

    /// Time in which all typed lines are processed at the rate limit, even if some clients wait for admission.
    fn hearing_time(&self) -> Duration {
        let typed: usize = self.alive.iter().map(|&who| self.oracle.readers[who].typed.len()).sum();
        let interval = Duration::from_secs(1).checked_div(self.plan.config.rate).unwrap_or_default();
        // A deadline fires up to a tick late.
        (interval + Duration::from_millis(20)) * (typed as u32 + self.plan.config.burst)
    }

    /// Lets all bytes arrive and makes the next turn that the server asks for.
    fn turn_when_asked(&mut self, until: Duration, why: &str) {
        for index in 0..self.alive.len() {
            let who = self.alive[index];
            self.deliver(who, usize::MAX);
            if self.people[who].pace == ReadingPace::Eager {
                self.people[who].wire.borrow_mut().take(usize::MAX);
            }
        }
        let has_events = self.has_events();
        if !has_events && !self.engine.has_work(self.at) {
            self.check_quiet();
            match self.engine.next_deadline() {
                Some(at) => self.at = self.at.max(at),
                None => panic!("stalled for ever: {why}"),
            }
        }
        assert!(self.at <= until, "stalled: {why}");
        let before = self.progress();
        self.turn();
        if has_events || self.progress() != before {
            self.idle_turns = 0;
        } else {
            self.idle_turns += 1;
            let most = 20 + 4 * (self.engine.connection_count() + 256);
            assert!(self.idle_turns < most, "turns without progress: {why}");
        }
    }

    /// A number that grows with everything that is done.
    fn progress(&self) -> (u64, usize, Duration, usize) {
        let calls = self.alive.iter().map(|&who| self.people[who].wire.borrow().progress).sum();
        (calls, self.oracle.counts.lines, self.at, self.engine.connection_count())
    }

    /// The reason why the world is not idle yet, if there is one.
    fn unsettled(&self) -> Option<String> {
        if self.network.backlog() > 0 && self.engine.connection_count() < self.plan.max_connections {
            return Some("a connection is not accepted".into());
        }
        if self.awaits_commit() {
            return Some("a change is not committed".into());
        }
        if self.awaits_hash() {
            return Some("a password is not compared".into());
        }
        self.alive.iter().copied().filter(|&who| self.people[who].pace != ReadingPace::Never).find_map(|who| {
            let (person, reader) = (&self.people[who], &self.oracle.readers[who]);
            let wire = person.wire.borrow();
            match reader.stage {
                // Some have nothing to say to a TLS port, and some speak another protocol.
                ReaderStage::Outside
                    if wire.slot.is_some()
                        && person.has_begun
                        && !person.ends
                        && wire.can_open()
                        && !wire.is_reset() =>
                {
                    Some(format!("the handshake of person {who} does not end"))
                }
                ReaderStage::Outside => None,
                _ if self.oracle.owed_bytes(who) > 0 => {
                    Some(format!("person {who} has unread text {:?}", self.oracle.unread_text(who)))
                }
                // A client that is being closed and keeps its side open is given some time.
                ReaderStage::Gone => (person.ends || wire.is_reset()).then(|| format!("person {who} is not closed")),
                _ if !reader.typed.is_empty() => {
                    Some(format!("a line of person {who} is not processed: {:?}", reader.typed[0]))
                }
                _ if person.ends || wire.is_reset() => {
                    Some(format!("person {who} has left without the server noticing"))
                }
                _ => None,
            }
        })
    }

    /// Lets all persons leave, or ends the server; no state may remain.
    pub(super) fn leave(&mut self) {
        self.network.exhaust(false);
        let ends = self.random.one_in(4);
        if ends {
            self.record_event(|| "the server begins its shutdown".into());
            if self.plan.operator && self.random.one_in(2) {
                self.order = Some("/shutdown".into());
                self.turn();
            } else {
                let now = self.now();
                self.engine.begin_shutdown(now);
                self.record_heard(now);
            }
        }
        let until = self.at + Duration::from_secs(40) + self.hearing_time();
        loop {
            for index in 0..self.alive.len() {
                let who = self.alive[index];
                let person = &self.people[who];
                let stays = !person.ends || person.pace == ReadingPace::Never && !person.wire.borrow().is_reset();
                if !ends && stays && self.oracle.readers[who].stage != ReaderStage::Outside {
                    self.disconnect_person(who);
                }
            }
            let is_over = match ends {
                true => self.engine.is_done(self.at),
                false => self.alive.is_empty() && self.network.backlog() == 0 && !self.awaits_commit(),
            };
            if is_over {
                break;
            }
            let why = self.describe_remaining();
            self.turn_when_asked(until, &why);
        }
        if ends {
            for &who in &self.alive {
                let reads = self.people[who].pace == ReadingPace::Eager
                    && self.oracle.readers[who].stage != ReaderStage::Outside;
                let unread = self.oracle.owed_bytes(who);
                assert!(!reads || unread == 0, "the server ends and person {who} has {unread} unread bytes");
            }
        } else {
            self.check_nothing_left();
        }
    }

    fn describe_remaining(&self) -> String {
        let backlog = self.network.backlog();
        let left = self.alive.first().map(|&who| (who, self.people[who].pace, self.oracle.readers[who].stage));
        format!("{} are left, {backlog} of them not accepted, the first one is {left:?}", self.alive.len())
    }

    /// A person leaves, in one of several ways.
    fn disconnect_person(&mut self, who: usize) {
        match self.random.below(4) {
            // The lines of a person who has stopped reading may wait for ever, since replies have to be read first.
            _ if self.people[who].pace == ReadingPace::Never => self.vanish(who),
            0 => {
                let quit = if self.people[who].irc.is_some() { "QUIT" } else { "/quit" };
                self.type_line(who, quit.into());
                self.end(who);
            }
            1 => self.end(who),
            2 => self.abandon(who),
            _ => self.vanish(who),
        }
    }

    fn vanish(&mut self, who: usize) {
        self.people[who].ends = true;
        self.break_off(who);
    }

    fn check_nothing_left(&mut self) {
        self.at += Duration::from_secs(30 * 3600);
        for _ in 0..8 {
            self.turn();
        }
        let census = self.engine.hub().census().unwrap_or_else(|what| panic!("{what}"));
        let left = (census.clients + census.ghosts, census.deadlines, census.addresses, self.engine.timer_count());
        assert_eq!(left, (0, 0, 0, 0), "clients, the hub's deadlines, addresses, timers are left");
        assert_eq!(census.empty_rooms, census.rooms, "a room has members left");
        assert!(self.engine.connection_count() == 0, "connections are left");
        assert!(!self.engine.has_work(self.at), "there is work without clients");
        assert_eq!(self.engine.next_deadline(), None, "a deadline is left");
        let most = self.plan.config.history_bytes.min(self.plan.config.backlog_bytes / 2) + 2 * self.segment_bytes();
        assert!(census.log <= most, "a log without readers holds {} bytes", census.log);
    }
}
