//! Processes the entries of the log.

use std::time::Duration;

use log::{debug, warn};

use super::application::{Application, Burial, Place, Understood};
use super::entry::{ChangeLine, Control, Entry, NodeName};
use super::joining::Standing;
use super::membership::{Effect, Skip};
use super::reading::Stored;
use super::report::{Notice, Stop};
use super::snapshot::{Answer, is_too_large, too_large};
use super::{Knowledge, Replica};
use crate::chat::Incarnation;
use crate::cluster::weakness::Weakness;

/// A process is new until it has taken part for this time.
const NEW_FOR: Duration = Duration::from_secs(5);
/// A new process that was replaced by another one with its name listens for this time before it says Hello again.
const LISTEN: Duration = Duration::from_millis(2_500);

/// The clocks of the engine and of a node may differ by so much.
const MAX_DIFFERENCE: Duration = Duration::from_secs(10);

/// How far the engine's clock is from that of this node, if it is too far: an entry that was `sent` and was `read` back later by the
/// clock here has the time `engine`.
fn clock_difference(engine: Duration, sent: Duration, read: Duration) -> Option<String> {
    let (ahead, behind) = (engine.saturating_sub(read), sent.saturating_sub(engine));
    match ahead.max(behind) {
        difference if difference <= MAX_DIFFERENCE => None,
        difference if ahead > behind => Some(format!("{} s ahead of", difference.as_secs())),
        difference => Some(format!("{} s behind", difference.as_secs())),
    }
}

impl<O: Clone> Replica<O> {
    /// Processes entries that wait, at most this number; returns whether more of them can be processed.
    pub fn process<A: Application<Origin = O>>(&mut self, app: &mut A, now: Duration, budget: usize) -> bool {
        for _ in 0..budget {
            if self.has_ended() {
                self.reading.forget_waiting();
                return false;
            }
            let next = if self.is_waiting() { self.reading.search() } else { self.reading.pop() };
            match next {
                None => return false,
                Some(stored) if self.is_waiting() => self.search(&stored, app, now),
                Some(stored) => self.step(&stored, app, now),
            }
        }
        true
    }

    /// Processes the entry after the position.
    fn step<A: Application<Origin = O>>(&mut self, stored: &Stored, app: &mut A, now: Duration) {
        if let Some(entry) = self.decode(stored) {
            if self.knowledge != Knowledge::Nothing {
                self.follow(stored, &entry, app, now);
            }
            if self.standing == Standing::Greeting {
                self.note_pieces(&entry.header);
            }
            let is_genesis = matches!(entry.header.control, Some(Control::Genesis { .. }));
            self.is_founded_elsewhere |= self.knowledge == Knowledge::Nothing && is_genesis;
            let is_own_hello = entry.header.n == 1 && entry.header.incarnation == self.incarnation;
            if is_own_hello && self.standing == Standing::Greeting {
                self.handle_own_hello(stored.seq, app, now);
            }
        }
        if self.knowledge != Knowledge::Nothing {
            self.shown = Some(stored.seq);
        }
    }

    /// Reads an entry; what is none is counted, and the first one is named in the log of the server.
    pub(super) fn decode<'a>(&mut self, stored: &'a Stored) -> Option<Entry<'a>> {
        match Entry::decode(&stored.bytes) {
            Ok(entry) => Some(entry),
            Err(error) => {
                if self.counts.foreign == 0 {
                    warn!("cluster: position {} of the log is not ours and is skipped: {error}", stored.seq);
                }
                self.counts.foreign += 1;
                None
            }
        }
    }

    /// Takes an entry of which is known whether it counts.
    pub(super) fn follow<A: Application<Origin = O>>(
        &mut self,
        stored: &Stored,
        entry: &Entry,
        app: &mut A,
        now: Duration,
    ) {
        let header = &entry.header;
        let is_own = header.incarnation == self.incarnation;
        match self.membership.note(stored.seq, stored.time, header, self.weakened) {
            Effect::Skipped(skip) => {
                self.counts.skipped += 1;
                if is_own && skip == Skip::Early && !self.weakened.is(Weakness::NeverResends) {
                    // The one before is lost, or comes later.
                    self.outbox.resend_from(self.membership.last_of(self.incarnation).saturating_add(1), now);
                }
            }
            Effect::Founded if self.knowledge == Knowledge::State => {
                warn!("cluster: the state was begun anew at position {} of the log", stored.seq);
                self.is_other_state = true;
                self.lose_state(now);
            }
            Effect::Founded => self.is_other_state = true,
            Effect::Counted(burial) => {
                app.note_time(self.membership.time());
                if is_own {
                    self.compare_clocks(stored.time, now);
                }
                let origins = if is_own { self.outbox.confirm(header.n, now) } else { Vec::new() };
                self.apply_changes(stored.seq, entry, origins, app);
                if self.knowledge == Knowledge::State {
                    self.take_control(stored.seq, entry, burial, app, now);
                }
            }
        }
    }

    /// Warns once if the engine's clock is not that of this server, by the time of an entry of this node that is read back `now`.
    fn compare_clocks(&mut self, engine: Duration, now: Duration) {
        let sent = self.outbox.pending_since().unwrap_or(now);
        if let Some(difference) = clock_difference(engine, sent, now)
            && !std::mem::replace(&mut self.counts.told_of_clock, true)
        {
            warn!(
                "cluster: the clock of the engine's server is {difference} that of this server. Messages have its time, and mutes \
                 and bans end by it: set both by the same time server"
            );
        }
    }

    fn place(&self, seq: u64, incarnation: Incarnation) -> Place<O> {
        Place { seq, index: 0, time: self.membership.time(), incarnation, origin: None }
    }

    fn apply_changes<A: Application<Origin = O>>(
        &mut self,
        seq: u64,
        entry: &Entry,
        origins: Vec<Option<O>>,
        app: &mut A,
    ) {
        let mut origins = origins.into_iter();
        let mut must_stop = entry.header.must_understand && entry.header.control == Some(Control::Unknown);
        let mut index = 0;
        for ChangeLine { must_understand, ids, text: change } in entry.changes() {
            let origin = origins.next().flatten();
            let place = Place { index, origin, ..self.place(seq, entry.header.incarnation) };
            index += ids;
            if self.knowledge == Knowledge::Entries {
                app.bridge(change, place);
            } else if app.apply(change, place) == Understood::No {
                must_stop |= must_understand;
                if !std::mem::replace(&mut self.counts.told_of_unknown, true) {
                    warn!("cluster: position {seq} of the log has a change of a later version, which is skipped");
                }
            }
        }
        if must_stop && self.knowledge == Knowledge::State {
            self.stop(Stop::MustUnderstand { seq });
        }
    }

    /// What a control does besides its effect on the membership.
    fn take_control<A: Application<Origin = O>>(
        &mut self,
        seq: u64,
        entry: &Entry,
        burial: Option<(Incarnation, Burial)>,
        app: &mut A,
        now: Duration,
    ) {
        if let Some((incarnation, burial)) = burial {
            debug!("cluster: incarnation {} has ended: {burial:?}", incarnation.0);
            app.bury(incarnation, burial, self.place(seq, entry.header.incarnation));
            self.outbox.drop_answer(incarnation);
            if incarnation == self.incarnation {
                return self.handle_own_end(burial, now);
            }
        }
        if let Some(Control::Hello { node, informed: false, .. }) = &entry.header.control
            && entry.header.incarnation != self.incarnation
            && self.standing == Standing::Live
            && !self.outbox.has_left()
            && self.membership.oldest_but(entry.header.incarnation) == Some(self.incarnation)
            && !self.weakened.is(Weakness::NeverAnswers)
        {
            self.answer(seq, (node, entry.header.incarnation), app, now);
        }
    }

    /// This incarnation is buried.
    pub(super) fn handle_own_end(&mut self, burial: Burial, now: Duration) {
        if self.leaves {
            self.standing = Standing::Left;
            self.notices.push_back(Notice::Left);
        } else if burial == Burial::Replaced && self.hears_rival(now) {
            self.stop(Stop::Rival);
        } else {
            match burial {
                Burial::Left => warn!(
                    "cluster: the log says that this node has left, which it has not said; it begins anew. Another program \
                     writes to the log in its name: see that only the nodes may write there"
                ),
                _ => warn!("cluster: the other nodes have taken this one for dead; it begins anew"),
            }
            self.begin_anew(now);
            // A rival, if it is one, is heard before it is replaced in turn.
            let listens = burial == Burial::Replaced && self.is_new(now);
            self.listens_until = listens.then_some(now + LISTEN);
        }
    }

    /// Whether this process has taken part for a short time at most.
    fn is_new(&self, now: Duration) -> bool {
        self.first_live.is_none_or(|at| now < at + NEW_FOR)
    }

    /// Whether there is another process with the name of this node, to which this one gives way: a new one to any, and an
    /// older one to a process that takes part. So who starts a second process by mistake does not end the first one.
    pub(super) fn hears_rival(&self, now: Duration) -> bool {
        let (first, last) = (self.first, self.incarnation);
        let is_own = |other| (first..=last).contains(&other);
        self.peers.hears_rival(&self.node.name, is_own, !self.is_new(now), now)
    }

    /// Answers a Hello with the state at its position.
    fn answer<A: Application<Origin = O>>(
        &mut self,
        hello: u64,
        (node, to): (&NodeName, Incarnation),
        app: &mut A,
        now: Duration,
    ) {
        if !self.askers.may_ask(node, self.outbox.answers(), self.outbox.pieces(), now) {
            return debug!("cluster: the node {} is not given the state now, and asks again", node.as_str());
        }
        let membership = serde_json::to_string(&self.membership).expect("names and numbers");
        let mut snapshot = app.snapshot(self.version());
        snapshot.insert_str(0, &(membership + "\n"));
        let answer = Answer::new(to, hello, snapshot);
        let is_given = !is_too_large(answer.count());
        if !std::mem::replace(&mut self.askers.told, !is_given) && !is_given {
            warn!("{}", too_large(answer.count()));
        }
        self.askers.note(node.clone(), to, answer.count(), now);
        self.outbox.push_answer(answer);
    }

    /// Takes part no longer.
    pub(super) fn stop(&mut self, stop: Stop) {
        self.standing = Standing::Left;
        self.notices.push_back(Notice::Stopped(stop));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_by_more_than_ten_seconds_are_told_apart_from_a_long_way() {
        let difference = |engine, sent, read| {
            let [engine, sent, read] = [engine, sent, read].map(Duration::from_secs);
            clock_difference(engine, sent, read)
        };
        assert_eq!([difference(110, 100, 100), difference(90, 100, 100), difference(50, 10, 100)], [None, None, None]);
        assert_eq!(difference(3_700, 99, 100).unwrap(), "3600 s ahead of");
        assert_eq!(difference(89, 100, 200).unwrap(), "11 s behind");
    }
}
