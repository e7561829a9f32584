//! The hub as the application of the protocol among the nodes.

use std::time::Duration;

use time::OffsetDateTime;

use super::replica::{
    Application, Burial, Checkpoint, Fate, MAX_CHANGE, MAX_IDS, Place, Proposal, ProposalError, Replica, Understood,
};
use super::stored::ids_of;
use super::weakness::{Weakened, Weakness};
use crate::chat::Cause;
use crate::chat::change::{self, Change, Committed, LogPlace, Origin};
use crate::chat::{Hub, Incarnation, Now, Returned, Snapshot};

/// The hub of a node, while it takes what the log says.
pub struct Members<'a> {
    pub hub: &'a mut Hub,
    /// The time of the caller, for the sessions of this node.
    pub now: Now,
    pub weakened: Weakened,
}

impl<'a> Members<'a> {
    /// The hub at this time.
    pub fn new(hub: &'a mut Hub, now: Now) -> Members<'a> {
        Members { hub, now, weakened: Weakened::default() }
    }

    /// The next change of a session of this node, for the log.
    pub fn poll_proposal(&mut self) -> Option<Proposal<Origin>> {
        let loses_leaves = self.weakened.is(Weakness::LosesLeaves);
        let change::Proposal { origin, change } = std::iter::from_fn(|| self.hub.poll_proposal())
            .find(|proposal| !loses_leaves || !matches!(proposal.change, Change::Leave { .. }))?;
        // The end of a session is never refused, and a login waits as long as its session.
        let lasting = matches!(change, Change::Leave { .. } | Change::Join(_));
        let ids = messages_of(&change).clamp(1, MAX_IDS);
        let change = serde_json::to_string(&change).expect("changes are plain data");
        Some(Proposal { origin, change, ids, must_understand: false, lasting })
    }

    /// Takes back the logins of sessions that have ended, as far as they are not sent.
    pub fn withdraw_logins(&mut self, replica: &mut Replica<Origin>) {
        let mut ended: Vec<_> = self.hub.take_withdrawn().into_iter().map(|origin| origin.session).collect();
        if !ended.is_empty() {
            ended.sort_unstable();
            replica.withdraw(|origin| ended.binary_search(&origin.session).is_ok());
        }
    }

    /// Tells the author of a change that the log does not take.
    pub fn refuse(&mut self, proposal: Proposal<Origin>, why: &ProposalError) {
        let returned = match why {
            ProposalError::CutOff | ProposalError::Ended => Returned::NotApplied,
            // In JSON a character may take twice its bytes.
            ProposalError::TooLarge | ProposalError::NotOneLine => Returned::TooLong { most: MAX_CHANGE / 2 - 1024 },
        };
        self.give_back(proposal, returned);
    }

    fn give_back(&mut self, proposal: Proposal<Origin>, returned: Returned) {
        let Ok(change) = serde_json::from_str(&proposal.change) else { return };
        self.hub.return_proposal(change::Proposal { origin: proposal.origin, change }, returned, &self.now);
    }

    /// Records the state after what was applied until now, which is that of a checkpoint of the protocol, for the store. Does
    /// nothing if that has no state.
    pub fn record_checkpoint(&mut self, checkpoint: &Checkpoint) {
        if checkpoint.has_state {
            let text = serde_json::to_string(checkpoint).expect("names and numbers");
            self.hub.record_checkpoint(checkpoint.position(), text, self.now.at);
        }
    }

    /// The time of a place in the log, which is the same at each node.
    fn time_of(&self, place: &Place<Origin>) -> Now {
        let local = OffsetDateTime::UNIX_EPOCH + place.time;
        Now { at: place.time, local: local.to_offset(self.now.local.offset()) }
    }
}

/// How many messages a change makes at most.
fn messages_of(change: &Change) -> usize {
    match change {
        Change::SayLines(say) => say.lines.len(),
        Change::Post(post) => post.lines.len(),
        _ => 1,
    }
}

impl Application for Members<'_> {
    type Origin = Origin;

    fn note_time(&mut self, time: Duration) {
        self.hub.note_log_time(time, self.now.at);
    }

    fn apply(&mut self, change: &str, place: Place<Origin>) -> Understood {
        let Ok(change) = serde_json::from_str::<Change>(change) else { return Understood::No };
        self.hub.note_position(place.seq);
        let first_id = if self.weakened.is(Weakness::CountsIds) { 0 } else { place.id() };
        let log_place = LogPlace { node: place.incarnation, first_id };
        let committed = Committed {
            seq: self.hub.next_change(),
            time: self.time_of(&place),
            origin: place.origin,
            place: Some(log_place),
            change,
        };
        self.hub.handle_committed(&committed, &self.now);
        Understood::Yes
    }

    fn bridge(&mut self, change: &str, place: Place<Origin>) {
        self.hub.note_position(place.seq);
        // What is shown then comes with the snapshot; what is not in it is missing in the store.
        if let Ok(change @ (Change::Say { .. } | Change::SayLines(_) | Change::Post(_))) = serde_json::from_str(change)
        {
            self.hub.note_bridged(place.id() + messages_of(&change) as u64);
        }
    }

    fn bury(&mut self, incarnation: Incarnation, burial: Burial, place: Place<Origin>) {
        self.hub.note_position(place.seq);
        let cause = if burial == Burial::Left { Cause::ShutDown } else { Cause::ConnectionLost };
        self.hub.bury(incarnation, &cause, self.time_of(&place));
    }

    fn snapshot(&self, _version: u16) -> String {
        serde_json::to_string(&self.hub.snapshot()).expect("the shared state is plain data")
    }

    fn restore(&mut self, snapshot: &str, continues: bool) -> Result<(), String> {
        self.hub.take_other_state(Snapshot::read(snapshot)?, continues, &self.now)
    }

    fn found(&mut self, place: Place<Origin>, lacks_entries: bool) {
        self.hub.note_position(place.seq);
        self.hub.found(&self.time_of(&place));
        self.hub.record_cluster();
        self.hub.note_missed(ids_of(None, place.seq), lacks_entries);
    }

    fn return_proposal(&mut self, proposal: Proposal<Origin>, fate: Fate) {
        if self.weakened.is(Weakness::ForgetsProposals) {
            return;
        }
        let returned = match fate {
            Fate::Applied => Returned::Applied,
            Fate::Never | Fate::Refused => Returned::NotApplied,
            Fate::Unknown => Returned::Unknown,
        };
        self.give_back(proposal, returned);
    }

    fn begin(&mut self, incarnation: Incarnation) {
        self.hub.rejoin(incarnation, self.now);
        if self.weakened.is(Weakness::NeverClaimsAgain) {
            while self.hub.poll_proposal().is_some() {}
        }
    }
}

#[cfg(test)]
mod tests;
