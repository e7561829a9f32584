//! A sequencer outside of the hub: it commits changes in their order, some turns after they were proposed.

use std::collections::VecDeque;

use crate::chat::change::{Committed, Proposal};
use crate::chat::{Hub, Now};
use crate::util::test_support::Random;

/// Turns that a commit takes at most.
const MAX_TURNS: usize = 4;

pub struct DelayedSequencer {
    random: Random,
    seq: u64,
    /// Proposals with the time of each and the turn in which it is committed.
    queue: VecDeque<(usize, Now, Proposal)>,
}

impl DelayedSequencer {
    pub fn new(seed: u64) -> DelayedSequencer {
        DelayedSequencer { random: Random(seed), seq: 0, queue: VecDeque::new() }
    }

    /// Takes the proposals of a hub.
    pub fn collect(&mut self, hub: &mut Hub, turn: usize, now: Now) {
        while let Some(proposal) = hub.poll_proposal() {
            let after = self.queue.back().map_or(0, |&(turn, ..)| turn);
            let at = after.max(turn + self.random.below(MAX_TURNS + 1));
            self.queue.push_back((at, now, proposal));
        }
    }

    /// The next change that is committed by this turn.
    pub fn next(&mut self, turn: usize) -> Option<Committed<'static>> {
        let (_, time, Proposal { origin, change }) = self.queue.pop_front_if(|&mut (at, ..)| at <= turn)?;
        self.seq += 1;
        Some(Committed { seq: self.seq, time, origin, place: None, change })
    }

    /// Whether changes wait.
    pub fn has_pending(&self) -> bool {
        !self.queue.is_empty()
    }
}
