//! The protocol among the nodes. Its rules:
//!
//! 1. A node proposes; the engine puts the entries of all nodes in one order; every node applies them in this order and
//!    decides by them alone. So all nodes have the same state at the same position.
//! 2. An entry counts only if its number is the one after the last of its incarnation (one run of one node). All nodes
//!    skip any other. So entries can be sent again: at most four, after a reconnect, an error answer, or five seconds.
//! 3. `Hello` begins an incarnation and buries the one before of the same node. Nothing that is buried counts again. A
//!    node says `Hello` while it hears its own heartbeats. Of two processes with one name, the newer one ends.
//! 4. The oldest other node answers a `Hello` with a snapshot of the state there; what follows is applied to it. The larger the
//!    state is, the longer is the pause before a node asks again, or is answered again. Four are answered at a time at most.
//! 5. If no node that has the state is heard for three seconds, `Genesis` begins the state anew. It is void if an
//!    answer or another `Genesis` stands after its `Hello`.
//! 6. `Gone` buries a node that is silent for five seconds. It is void if that node has spoken since; only a node that
//!    hears itself accuses. `Leave` is the last entry of a node that ends as planned.
//! 7. A node that reads its own end keeps the state, says `Hello` and claims the names of its people again. The number
//!    of its last entry that counts tells which of its proposals were applied; none of the others ever will be.
//! 8. A node that has missed entries, or finds another log than it has read, says so and asks for a snapshot.
//! 9. While the engine is away, proposals wait. After a minute lines that were never sent are refused, and only these.
//! 10. What is no entry is skipped. An unknown change is skipped too, unless its author says that this must not be.

mod application;
mod entry;
mod following;
mod joining;
mod membership;
mod outbox;
mod peers;
mod reading;
mod report;
mod snapshot;
#[cfg(test)]
mod tests;
mod touch;
#[cfg(test)]
pub mod world;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::application::{Application, Burial, Fate, Place, Proposal, Understood};
pub use self::entry::{MAX_CHANGE, MAX_ENTRY, MAX_IDS, NodeName, NodeNameError, Versions};
use self::joining::Standing;
use self::membership::Membership;
pub use self::outbox::Append;
use self::outbox::{Outbox, Unsettled};
use self::peers::{Heartbeat, Peers};
use self::reading::{Break, Reading};
pub use self::reading::{Mark, Stream};
use self::report::SkipCounts;
pub use self::report::{NodeStatus, Notice, Status, Stop};
use self::snapshot::{Askers, Tries};
use self::touch::{Touch, TouchChange};
use super::weakness::{Weakened, Weakness};
use crate::chat::Incarnation;

/// Bytes of proposals that wait at most while the node is cut off.
pub const MAX_WAITING: usize = 16 << 20;
/// From so many bytes of waiting proposals on, the lines of members are not read.
const PAUSE_ABOVE: usize = 256 << 10;

/// This node, as it calls itself in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    pub name: NodeName,
    /// What this program can speak.
    pub versions: Versions,
}

/// Where a node begins to read.
pub enum Start {
    /// It knows nothing.
    Fresh,
    /// Its store has what was applied until a checkpoint.
    Stored {
        checkpoint: Checkpoint,
        /// Whether the application has kept the state at the checkpoint. If not, it is given the changes since then by
        /// [`Application::bridge`], and the state later.
        has_state: bool,
    },
}

/// What a store keeps beside the changes that were applied, in the same transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    mark: Mark,
    membership: Membership,
    /// Whether the application had the state there. If so, it may keep it beside the checkpoint.
    pub has_state: bool,
}

impl Checkpoint {
    /// Its position in the log.
    pub fn position(&self) -> u64 {
        self.mark.seq
    }
}

/// What is known of the state at the position that was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Knowledge {
    /// Nothing.
    Nothing,
    /// Which entries count, and not what they do.
    Entries,
    /// All.
    State,
}

/// Why a change cannot be proposed.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ProposalError {
    #[error("the change is too large: it has at most 65,024 bytes and takes 1 to 256 ids")]
    TooLarge,
    #[error("the change has an end of line in it, and each change is one line of an entry")]
    NotOneLine,
    #[error("this server is cut off from the others")]
    CutOff,
    #[error("this server takes part in the cluster no longer")]
    Ended,
}

/// The protocol of one node, between its application and the log.
///
/// The caller gives it what comes from the engine (`handle_*`), lets it work ([`Replica::process`], and at least four
/// times a second [`Replica::handle_tick`]), and takes what is for the engine and for people (`poll_*`). `now` is a
/// clock that never goes back. With serde, the whole is handed over to a successor, which goes on as the same
/// incarnation after [`Replica::handle_disconnected`] and [`Replica::handle_stream`].
#[derive(Serialize, Deserialize)]
pub struct Replica<O> {
    node: Node,
    /// The first incarnation of this process.
    first: Incarnation,
    incarnation: Incarnation,
    standing: Standing,
    knowledge: Knowledge,
    membership: Membership,
    reading: Reading,
    /// The application was given everything until this position.
    shown: Option<u64>,
    /// Since then the state was begun anew by another node, or the log is another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_other_state: bool,
    /// While it has not known the state, it has read that another node has begun it anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_founded_elsewhere: bool,
    /// The state is not begun anew for now.
    #[serde(skip)]
    holds_genesis: bool,
    /// The checkpoint at that position, while nothing is known of the state.
    lost_at: Option<Checkpoint>,
    outbox: Outbox<O>,
    /// Of the newest incarnation before this one that took part.
    unsettled: Option<Unsettled<O>>,
    peers: Peers,
    touch: Touch,
    leaves: bool,
    /// When this process took part for the first time.
    #[serde(default)]
    first_live: Option<Duration>,
    /// Until when the next Hello waits, since another process with this name may be there.
    #[serde(default)]
    listens_until: Option<Duration>,
    #[serde(default)]
    tries: Tries,
    #[serde(default)]
    askers: Askers,
    notices: VecDeque<Notice>,
    counts: SkipCounts,
    #[serde(skip)]
    weakened: Weakened,
}

impl<O: Clone> Replica<O> {
    /// A node that says Hello when it is connected. `random` is a random number: the first incarnation.
    pub fn new(node: Node, random: u64, start: Start) -> Replica<O> {
        let (knowledge, membership, reading, shown) = match start {
            Start::Fresh => (Knowledge::Nothing, Membership::default(), Reading::default(), None),
            Start::Stored { checkpoint: Checkpoint { mark, membership, has_state: had_state }, has_state } => {
                let knowledge = if has_state && had_state { Knowledge::State } else { Knowledge::Entries };
                (knowledge, membership, Reading::after(mark), Some(mark.seq))
            }
        };
        let incarnation = Incarnation(random);
        let mut replica = Replica {
            node,
            first: incarnation,
            incarnation,
            standing: Standing::Greeting,
            knowledge,
            membership,
            reading,
            shown,
            is_other_state: false,
            is_founded_elsewhere: false,
            holds_genesis: false,
            lost_at: None,
            outbox: Outbox::new(incarnation),
            unsettled: None,
            peers: Peers::default(),
            touch: Touch::default(),
            leaves: false,
            first_live: None,
            listens_until: None,
            tries: Tries::default(),
            askers: Askers::default(),
            notices: VecDeque::new(),
            counts: SkipCounts::default(),
            weakened: Weakened::default(),
        };
        replica.say_hello();
        replica
    }

    /// Proposes a change.
    ///
    /// # Errors
    /// If it cannot wait, or cannot be written; its author must be told.
    pub fn propose(&mut self, proposal: Proposal<O>) -> Result<(), (Proposal<O>, ProposalError)> {
        match self.check(&proposal) {
            Ok(()) => self.outbox.push(proposal),
            Err(error) => return Err((proposal, error)),
        }
        Ok(())
    }

    fn check(&self, proposal: &Proposal<O>) -> Result<(), ProposalError> {
        let cut_off = self.touch.refuses() || self.outbox.waiting_bytes() + proposal.change.len() > MAX_WAITING;
        if self.leaves || self.has_ended() {
            Err(ProposalError::Ended)
        } else if proposal.change.len() > MAX_CHANGE || !(1..=MAX_IDS).contains(&proposal.ids) {
            Err(ProposalError::TooLarge)
        } else if proposal.change.contains(['\n', '\r']) {
            Err(ProposalError::NotOneLine)
        } else if cut_off && !proposal.lasting {
            Err(ProposalError::CutOff)
        } else {
            Ok(())
        }
    }

    /// Drops the lasting proposals of sessions that have ended, unless they were sent: `is_gone` says which origins
    /// these are.
    pub fn withdraw(&mut self, is_gone: impl Fn(&O) -> bool) {
        let is_dropped = |proposal: &Proposal<O>| proposal.lasting && proposal.origin.as_ref().is_some_and(&is_gone);
        self.outbox.take_waiting(is_dropped);
        if let Some(unsettled) = &mut self.unsettled {
            unsettled.waiting.retain(|proposal| !is_dropped(proposal));
        }
    }

    /// Ends as planned: what was proposed is applied first, and then [`Notice::Left`] comes. While the engine is away
    /// it does not come; the caller ends when it has waited long enough.
    pub fn leave(&mut self) {
        self.leaves = true;
    }

    /// Takes what the engine says of its log whenever reading begins: after a connection, and when the consumer is made
    /// anew. The entries from [`Replica::read_from`] on come next.
    pub fn handle_stream(&mut self, stream: Stream, now: Duration) {
        if !self.touch.is_up() && !self.weakened.is(Weakness::NeverResends) {
            self.outbox.resend_all();
        }
        self.touch.set_up();
        self.restart_wait();
        if let Err(kind) = self.reading.handle_stream(stream, self.weakened) {
            let before = if kind == Break::Trimmed { stream.first - 1 } else { stream.last };
            self.handle_break(kind, before, now);
        }
    }

    /// The connection to the engine is lost.
    pub fn handle_disconnected(&mut self, now: Duration) {
        self.touch.set_down(now);
        self.peers.handle_disconnected();
    }

    /// Takes an entry of the log: its position, the engine's time of it since 1970, its bytes.
    pub fn handle_entry(&mut self, seq: u64, time: Duration, bytes: &[u8], now: Duration) {
        // A larger one is none of ours; of what it is, its size tells enough.
        let bytes = &bytes[..bytes.len().min(MAX_ENTRY + 1)];
        if let Err(kind) = self.reading.handle_entry(seq, time, bytes, self.weakened) {
            self.handle_break(kind, seq - 1, now);
            // It is the next one now.
            let _ = self.reading.handle_entry(seq, time, bytes, self.weakened);
        }
    }

    /// Notes that the engine has refused an entry, or has said that it may be lost.
    pub fn handle_append_error(&mut self, incarnation: Incarnation, n: u64, now: Duration) {
        if incarnation == self.incarnation && !self.weakened.is(Weakness::NeverResends) {
            self.outbox.resend_from(n, now);
        }
    }

    /// Takes a heartbeat, also one of this node that comes back.
    pub fn handle_heartbeat(&mut self, bytes: &[u8], now: Duration) {
        self.peers.handle(bytes, self.incarnation, &self.membership, now);
    }

    /// Does what is due: repeats, accuses, founds, tells members. To be called at least four times a second.
    pub fn handle_tick<A: Application<Origin = O>>(&mut self, app: &mut A, now: Duration) {
        self.peers.handle_tick(&self.membership, now);
        self.askers.handle_tick(&self.peers, now);
        if self.has_ended() {
            return self.settle_at_end(app);
        }
        if self.listens_until.is_some() && self.hears_rival(now) {
            return self.stop(Stop::Rival);
        }
        if self.touch.is_up() {
            if !self.weakened.is(Weakness::NeverResends) {
                self.outbox.handle_tick(now);
            }
            self.accuse(now);
            self.check_wait(now);
        }
        match self.touch.judge(self.pending_since(), now) {
            Some(TouchChange::Lost { since }) => self.notices.push_back(Notice::LostTouch { since }),
            Some(TouchChange::Regained) => self.notices.push_back(Notice::Connected),
            Some(TouchChange::Refuse) => self.refuse_lines(app),
            None => {}
        }
    }

    /// Since when an entry or a heartbeat of this node has not come back.
    fn pending_since(&self) -> Option<Duration> {
        self.outbox.pending_since().into_iter().chain(self.peers.deaf_since()).min()
    }

    /// Returns the lines that wait: they were not sent, and are not said.
    fn refuse_lines<A: Application<Origin = O>>(&mut self, app: &mut A) {
        if self.weakened.is(Weakness::RefusesSent) {
            self.outbox.sent().for_each(|(_, proposal)| app.return_proposal(proposal, Fate::Refused));
        }
        for proposal in self.outbox.take_waiting(|proposal| !proposal.lasting) {
            app.return_proposal(proposal, Fate::Refused);
        }
    }

    /// Takes the next entry for the engine.
    pub fn poll_append(&mut self, now: Duration) -> Option<Append> {
        if !self.touch.is_up() || self.reading.processed().is_none() || self.has_ended() {
            return None;
        }
        self.leave_at_end();
        // The others would take a node for dead at once that is not heard.
        let waits = self.listens_until.is_some_and(|until| now < until) || self.tries.pause(now);
        if self.standing == Standing::Greeting && (waits || !self.peers.hears_itself(now)) {
            return None;
        }
        self.outbox.poll(now, self.standing == Standing::Live)
    }

    /// Takes the heartbeat for the other nodes and for this one, once a second.
    pub fn poll_heartbeat(&mut self, now: Duration) -> Option<Vec<u8>> {
        if !self.touch.is_up() || self.has_ended() || !self.peers.take_turn(now) {
            return None;
        }
        let (node, incarnation) = (self.node.name.clone(), self.incarnation);
        let heartbeat = Heartbeat { node, incarnation, ready: self.is_ready(), applied: self.applied() };
        Some(serde_json::to_vec(&heartbeat).expect("names and numbers"))
    }

    /// Takes the next notice.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// The first entry that the engine is to send; `None` before [`Replica::handle_stream`].
    pub fn read_from(&self) -> Option<u64> {
        self.reading.read_from()
    }

    /// Whether the engine is to send more entries.
    pub fn wants_entries(&self) -> bool {
        !self.has_ended() && self.reading.has_room()
    }

    /// Whether the lines of members are to be left unread for a moment.
    pub fn wants_pause(&self) -> bool {
        // Before the node takes part for the first time, there are none: newcomers give their names, and wait.
        let is_out = self.touch.was_live() && self.standing != Standing::Live;
        let is_full = self.outbox.waiting_bytes() > PAUSE_ABOVE;
        (is_full || is_out) && self.touch.lost_since().is_none()
    }

    /// Whether the node has the state and takes part.
    pub fn is_ready(&self) -> bool {
        self.standing == Standing::Live && self.knowledge == Knowledge::State
    }

    /// The run of this node that takes part, or is to.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The version in which changes are proposed: the lowest of the nodes that live.
    pub fn version(&self) -> u16 {
        let Versions { lowest, highest } = self.node.versions;
        self.membership.version().unwrap_or(highest).clamp(lowest, highest)
    }

    /// What the store keeps with the changes that the application was given so far; `None` if it was given none.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        match (self.knowledge, self.reading.processed()) {
            (Knowledge::Nothing, _) | (_, None) => self.lost_at.clone(),
            (knowledge, Some(mark)) => {
                let has_state = knowledge == Knowledge::State;
                Some(Checkpoint { mark, membership: self.membership.clone(), has_state })
            }
        }
    }
}
