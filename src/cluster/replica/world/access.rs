//! What simulated worlds do with the protocol of a node that no program does.

use std::time::Duration;

use super::super::entry::Control;
use super::super::{Knowledge, Replica};
use crate::cluster::weakness::Weakness;

impl<O: Clone> Replica<O> {
    /// Leaves a rule out from now on; after a handover it must be left out again.
    pub fn weaken(&mut self, weakness: Option<Weakness>) {
        self.weakened.weakness = weakness;
    }

    /// The time of the newest entry that counts.
    pub fn log_time(&self) -> Duration {
        self.membership.time()
    }

    /// Whether the state at [`Replica::applied`] is known.
    pub fn has_state(&self) -> bool {
        self.knowledge == Knowledge::State
    }

    /// Accuses all other nodes, without a reason.
    pub fn accuse_all(&mut self) {
        for member in self.membership.live().iter().filter(|member| member.incarnation != self.incarnation) {
            let (incarnation, last) = (member.incarnation, self.membership.last_of(member.incarnation));
            self.outbox.push_control(Control::Gone { incarnation, last });
        }
    }
}
