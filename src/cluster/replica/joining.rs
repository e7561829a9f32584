//! How a node becomes part of the chat: Hello, the snapshot or the Genesis, and anew after its own end.

use std::time::Duration;

use log::{info, warn};
use serde::{Deserialize, Serialize};

use super::application::{Application, Burial, Fate, Place};
use super::entry::{Control, Entry, Header};
use super::membership::Membership;
use super::reading::{Break, Stored};
use super::report::{Notice, Stop};
use super::snapshot::{MAX_PIECES, Pieces, Tries, is_too_large, too_large};
use super::{Checkpoint, Knowledge, Replica};
use crate::cluster::weakness::Weakness;

/// A Hello waits for its answer, or for each further piece, at least for this time; after a try that has failed for twice the time.
const ANSWER: Duration = Duration::from_secs(3);
/// Nodes wait a little longer by up to seven of these, so that one of them founds.
const STAGGER: Duration = Duration::from_millis(150);

/// Where this incarnation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Its Hello was not read back.
    Greeting,
    /// Its Hello was read back, and the snapshot is missing.
    Waiting(Wait),
    /// It takes part.
    Live,
    /// It has ended for good.
    Left,
}

/// A Hello without an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The position of the Hello.
    hello: u64,
    /// Since when nothing has come.
    since: Option<Duration>,
    /// Whether a Genesis is on its way.
    founds: bool,
    /// The answer so far; after a handover it is read again.
    #[serde(skip)]
    answer: Option<Pieces>,
}

impl<O: Clone> Replica<O> {
    /// Whether the node has ended for good.
    pub fn has_ended(&self) -> bool {
        self.standing == Standing::Left
    }

    /// Whether the snapshot is missing.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.standing, Standing::Waiting(_))
    }

    pub(super) fn say_hello(&mut self) {
        let (node, versions) = (self.node.name.clone(), self.node.versions);
        let informed = self.knowledge == Knowledge::State;
        self.outbox.push_first(Control::Hello { node, versions, informed });
    }

    /// The state was not given to this incarnation: the next one asks after a pause.
    fn ask_later(&mut self, now: Duration) {
        self.tries.fail(now);
        self.begin_anew(now);
    }

    /// Begins the next incarnation.
    pub(super) fn begin_anew(&mut self, now: Duration) {
        if self.standing == Standing::Live {
            self.touch.set_live(false, now);
        }
        self.incarnation = self.incarnation.next();
        self.standing = Standing::Greeting;
        let unsettled = self.outbox.renew(self.incarnation);
        match &mut self.unsettled {
            // An incarnation that did not take part has sent nothing.
            Some(before) => before.waiting.extend(unsettled.waiting),
            None => self.unsettled = Some(unsettled),
        }
        self.say_hello();
    }

    /// From now on the state is not known, and not which entries count.
    pub(super) fn lose_state(&mut self, now: Duration) {
        self.lost_at = self.checkpoint().map(|checkpoint| Checkpoint { has_state: false, ..checkpoint });
        self.knowledge = Knowledge::Nothing;
        self.begin_anew(now);
    }

    /// The log is not the one that was read: what is known of the state is worth nothing.
    pub(super) fn handle_break(&mut self, kind: Break, before: u64, now: Duration) {
        if self.has_ended() {
            return;
        }
        self.lose_state(now);
        match kind {
            Break::Trimmed => warn!("cluster: the log begins after what this node has read, at {}", before + 1),
            Break::Restored => {
                let read = self.applied();
                warn!(
                    "cluster: the log is not the one that this node has read until {read}: an older state, or another"
                );
                self.notices.push_back(Notice::EngineRestored { read });
                (self.shown, self.lost_at, self.is_other_state) = (None, None, true);
            }
        }
        self.reading.skip_to(before);
    }

    /// This incarnation's Hello stands at this position.
    pub(super) fn handle_own_hello<A: Application<Origin = O>>(&mut self, hello: u64, app: &mut A, now: Duration) {
        self.outbox.confirm(1, now);
        if self.knowledge == Knowledge::State {
            if self.membership.is_live(self.incarnation) {
                self.go_live(app, now);
            }
        } else {
            self.reading.restart_search();
            self.standing = Standing::Waiting(Wait { hello, ..Wait::default() });
        }
    }

    /// Searches an entry after the Hello for its answer; the entry is processed later.
    pub(super) fn search<A: Application<Origin = O>>(&mut self, stored: &Stored, app: &mut A, now: Duration) {
        if let Ok(entry) = Entry::decode(&stored.bytes) {
            if let Some(Control::Snapshot { .. }) = entry.header.control {
                // Later only its header counts, whomever it is for; who answers another node now answers this one later.
                self.reading.shorten_searched(stored.bytes.len() - entry.rest.len());
                self.restart_wait();
            }
            self.search_entry(stored.seq, &entry, app, now);
        }
        if self.is_waiting() && self.reading.is_overfull() {
            self.ask_later(now);
        }
    }

    fn search_entry<A: Application<Origin = O>>(&mut self, seq: u64, entry: &Entry, app: &mut A, now: Duration) {
        let Standing::Waiting(wait) = &self.standing else { return };
        let header = &entry.header;
        match &header.control {
            Some(Control::Snapshot { to, hello, .. }) if *to == self.incarnation && *hello == wait.hello => {
                self.take_piece(entry, app, now);
            }
            Some(Control::Genesis { hello, .. }) if header.incarnation == self.incarnation && *hello == wait.hello => {
                match wait.answer {
                    None => self.found(seq, app, now),
                    // Whether the Genesis counts depends on whether the answer does, which this node cannot know.
                    Some(_) => self.begin_anew(now),
                }
            }
            Some(Control::Genesis { .. }) => {
                self.is_founded_elsewhere = true;
                self.begin_anew(now);
            }
            Some(Control::Hello { node, .. }) if *node == self.node.name && header.incarnation != self.incarnation => {
                self.handle_own_end(Burial::Replaced, now);
            }
            _ => self.note_pieces(header),
        }
    }

    /// Takes a piece of the answer.
    fn take_piece<A: Application<Origin = O>>(&mut self, entry: &Entry, app: &mut A, now: Duration) {
        self.note_pieces(&entry.header);
        let (Some(Control::Snapshot { piece, count, .. }), from) = (&entry.header.control, entry.header.incarnation)
        else {
            return;
        };
        if is_too_large(*count) {
            if !std::mem::replace(&mut self.tries.told, true) {
                warn!("{}", too_large(*count));
            }
            return self.ask_later(now);
        }
        let Standing::Waiting(wait) = &mut self.standing else { return };
        if *piece >= *count || *count > MAX_PIECES {
            return;
        }
        let answer = wait.answer.get_or_insert_with(|| Pieces::new(from, *count));
        if let Some(snapshot) = answer.take(from, *piece, *count, entry.rest) {
            self.restore(&snapshot, app, now);
        }
    }

    /// Notes how large the state is, if this is a piece of it for this node, even for an earlier run of it.
    pub(super) fn note_pieces(&mut self, header: &Header) {
        if let Some(Control::Snapshot { to, count, .. }) = header.control
            && (self.first..=self.incarnation).contains(&to)
        {
            self.tries.note_pieces(count);
        }
    }

    /// The state at the Hello is there: from now on the node takes part. What follows the Hello is processed next.
    fn restore<A: Application<Origin = O>>(&mut self, snapshot: &str, app: &mut A, now: Duration) {
        let (membership, state) = snapshot.split_once('\n').unwrap_or((snapshot, ""));
        let restored = match serde_json::from_str::<Membership>(membership) {
            Ok(membership) if !membership.is_sound() => {
                Err("the list of the nodes that another node has given is damaged".into())
            }
            Ok(membership) => {
                let continues = !self.is_other_state && self.shown.is_some_and(|shown| membership.genesis() <= shown);
                app.restore(state, continues).map(|()| membership)
            }
            Err(error) => Err(error.to_string()),
        };
        match restored {
            Err(error) => self.stop(Stop::CannotRestore(error)),
            Ok(membership) => {
                let hello = self.applied();
                self.membership = membership;
                app.note_time(self.membership.time());
                if self.weakened.is(Weakness::DropsAfterHello) {
                    while self.reading.pop().is_some() {}
                }
                self.take_state(hello);
                self.go_live(app, now);
            }
        }
    }

    /// The Genesis of this node stands at this position and counts.
    fn found<A: Application<Origin = O>>(&mut self, seq: u64, app: &mut A, now: Duration) {
        let lacks_entries = self.knowledge == Knowledge::Nothing && (self.shown.is_some() || self.is_founded_elsewhere);
        while let Some(stored) = self.reading.pop() {
            if let Some(entry) = self.decode(&stored) {
                if self.knowledge == Knowledge::Entries {
                    self.follow(&stored, &entry, app, now);
                    self.shown = Some(stored.seq);
                }
                if stored.seq == seq {
                    let (header, node) = (&entry.header, self.node.clone());
                    let time = stored.time.max(self.membership.time());
                    self.membership = Membership::founded(seq, time, header, node.name, node.versions);
                    self.outbox.confirm(header.n, now);
                    let (time, incarnation) = (self.membership.time(), self.incarnation);
                    app.note_time(time);
                    app.found(Place { seq, index: 0, time, incarnation, origin: None }, lacks_entries);
                    break;
                }
            }
        }
        info!("cluster: no other node has answered; the state begins with this one");
        self.take_state(seq);
        self.go_live(app, now);
    }

    /// The state at this position is known.
    fn take_state(&mut self, position: u64) {
        if self.shown != Some(position) {
            self.notices.push_back(Notice::Gap { after: self.shown, until: position });
        }
        self.knowledge = Knowledge::State;
        (self.shown, self.is_other_state, self.is_founded_elsewhere) = (Some(position), false, false);
    }

    /// Takes part: what became of older proposals is told, and then the names are claimed.
    fn go_live<A: Application<Origin = O>>(&mut self, app: &mut A, now: Duration) {
        self.standing = Standing::Live;
        self.tries = Tries::default();
        self.first_live.get_or_insert(now);
        self.listens_until = None;
        self.touch.set_live(true, now);
        self.settle(app);
        // What was proposed since the end of the incarnation before is about members that are not there any more.
        self.outbox.take_waiting(|_| true).into_iter().for_each(|proposal| app.return_proposal(proposal, Fate::Never));
        app.begin(self.incarnation);
    }

    /// Tells what became of the proposals of an incarnation that has ended.
    fn settle<A: Application<Origin = O>>(&mut self, app: &mut A) {
        if let Some(unsettled) = self.unsettled.take() {
            let last = match self.weakened.is(Weakness::ForgetsFate) {
                true => Some(0),
                false => self.membership.last_of_dead(unsettled.incarnation),
            };
            for (n, proposal) in unsettled.sent {
                let fate = last.map_or(Fate::Unknown, |last| if n <= last { Fate::Applied } else { Fate::Never });
                app.return_proposal(proposal, fate);
            }
            unsettled.waiting.into_iter().for_each(|proposal| app.return_proposal(proposal, Fate::Never));
        }
    }

    /// Tells the same after the end of this node.
    pub(super) fn settle_at_end<A: Application<Origin = O>>(&mut self, app: &mut A) {
        self.settle(app);
        self.unsettled = Some(self.outbox.renew(self.incarnation));
        self.settle(app);
    }

    /// Waits anew: nothing could come before.
    pub(super) fn restart_wait(&mut self) {
        if let Standing::Waiting(wait) = &mut self.standing {
            wait.since = None;
        }
    }

    /// Asks again if the snapshot is missing for too long; if no node has the state, begins it anew.
    pub(super) fn check_wait(&mut self, now: Duration) {
        let stagger = STAGGER * (self.incarnation.0 % 8) as u32;
        // It takes time to write a large state.
        let answer = if self.tries.have_failed() { 2 * ANSWER } else { ANSWER };
        let Standing::Waiting(wait) = &mut self.standing else { return };
        if now < *wait.since.get_or_insert(now) + answer + stagger {
            return;
        }
        if self.peers.hears_ready(&self.node.name, now) || wait.answer.is_some() {
            self.ask_later(now);
        } else if self.peers.hears_itself(now) && !wait.founds && !self.holds_genesis {
            wait.founds = true;
            wait.since = Some(now);
            let (node, versions) = (self.node.name.clone(), self.node.versions);
            self.outbox.push_first(Control::Genesis { hello: wait.hello, node, versions });
        }
    }

    /// Accuses the nodes that are silent, unless nothing of this one counts any more.
    pub(super) fn accuse(&mut self, now: Duration) {
        if self.is_ready() && !self.outbox.has_left() && self.touch.lost_since().is_none() {
            for (incarnation, last) in self.peers.accused(&self.membership, self.incarnation, now, self.weakened) {
                self.outbox.push_control(Control::Gone { incarnation, last });
            }
        }
    }

    /// Says Leave when everything that was proposed is applied.
    pub(super) fn leave_at_end(&mut self) {
        if !self.leaves {
            return;
        }
        if self.standing != Standing::Live {
            self.standing = Standing::Left;
            self.notices.push_back(Notice::Left);
        } else if self.outbox.is_empty() || self.weakened.is(Weakness::LeavesAtOnce) {
            self.outbox.push_leave();
        }
    }
}
