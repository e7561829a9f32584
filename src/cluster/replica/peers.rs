//! The heartbeats of the nodes, which are in no log: who is heard, and whether this node is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::NodeName;
use super::membership::Membership;
use crate::chat::Incarnation;
use crate::cluster::weakness::{Weakened, Weakness};

/// The time between two heartbeats.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// A node that is not heard for this time is accused.
pub const SILENCE: Duration = Duration::from_secs(5);
/// A heartbeat is recent for this time: two may be lost.
const RECENT: Duration = Duration::from_millis(2_500);
/// Bytes of a heartbeat at most; a longer one is none of ours.
const MAX_HEARTBEAT: usize = 512;
/// Incarnations that are remembered at most, apart from those that live. Strangers can send heartbeats, too.
const MAX_HEARD: usize = 1_024;
/// A silent incarnation is forgotten after this time.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What a node says each second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub node: NodeName,
    pub incarnation: Incarnation,
    /// Whether it has the state and takes part.
    pub ready: bool,
    /// The position of the newest entry that it has applied.
    pub applied: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Heard {
    heartbeat: Heartbeat,
    at: Duration,
}

/// The heartbeats of this node and of the others.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Peers {
    heard: BTreeMap<Incarnation, Heard>,
    /// When each incarnation that lives was noticed, or accused the last time.
    watched: BTreeMap<Incarnation, Duration>,
    /// When this node heard itself the last time.
    echo: Option<Duration>,
    /// Since when it has heard itself without a pause, on one connection.
    hears_since: Option<Duration>,
    sent_at: Option<Duration>,
}

impl Peers {
    /// Whether a heartbeat is to be sent now; notes that it is.
    pub fn take_turn(&mut self, now: Duration) -> bool {
        let due = self.sent_at.is_none_or(|at| now >= at + HEARTBEAT);
        if due {
            self.sent_at = Some(now);
        }
        due
    }

    /// Takes a heartbeat; one that is none is ignored, and so are those of strangers when there are too many.
    pub fn handle(&mut self, bytes: &[u8], own: Incarnation, membership: &Membership, now: Duration) {
        let Some(heartbeat) = decode(bytes) else { return };
        if heartbeat.incarnation == own {
            if !self.hears_itself(now) {
                self.hears_since = None;
            }
            self.hears_since.get_or_insert(now);
            self.echo = Some(now);
        } else if self.heard.len() < MAX_HEARD
            || self.heard.contains_key(&heartbeat.incarnation)
            || membership.is_live(heartbeat.incarnation)
        {
            self.heard.insert(heartbeat.incarnation, Heard { heartbeat, at: now });
        }
    }

    /// The connection is lost: how long others have been silent is counted anew.
    pub fn handle_disconnected(&mut self) {
        self.hears_since = None;
    }

    /// Forgets who has been silent for long.
    pub fn handle_tick(&mut self, membership: &Membership, now: Duration) {
        self.heard.retain(|_, heard| now < heard.at + FORGOTTEN);
        self.watched.retain(|&incarnation, _| membership.is_live(incarnation));
    }

    /// The incarnations that live and are to be accused now, each with its last entry: they were silent for five
    /// seconds, and this node has heard itself all the time.
    pub fn accused(
        &mut self,
        membership: &Membership,
        own: Incarnation,
        now: Duration,
        weakened: Weakened,
    ) -> Vec<(Incarnation, u64)> {
        let hears_since = self.hears_since.filter(|_| self.hears_itself(now));
        let Some(since) = hears_since.or(weakened.is(Weakness::AccusesBlindly).then_some(Duration::ZERO)) else {
            return Vec::new();
        };
        let mut accused = Vec::new();
        for incarnation in membership.live().iter().map(|member| member.incarnation).filter(|&other| other != own) {
            let watched = self.watched.entry(incarnation).or_insert(now);
            let heard = self.heard.get(&incarnation).map_or(Duration::ZERO, |heard| heard.at);
            if now > heard.max(*watched).max(since) + SILENCE {
                *watched = now;
                accused.push((incarnation, membership.last_of(incarnation)));
            }
        }
        accused
    }

    /// Whether this node has heard itself lately.
    pub fn hears_itself(&self, now: Duration) -> bool {
        self.echo.is_some_and(|at| now < at + RECENT)
    }

    /// Whether a node that has the state was heard lately, apart from `own`.
    pub fn hears_ready(&self, own: &NodeName, now: Duration) -> bool {
        let is_ready = |heartbeat: &Heartbeat| heartbeat.ready && heartbeat.node != *own;
        self.heard.values().any(|heard| is_ready(&heard.heartbeat) && now < heard.at + RECENT)
    }

    /// Whether this incarnation takes part, by what it has said last.
    pub fn is_ready(&self, incarnation: Incarnation) -> bool {
        self.heard.get(&incarnation).is_some_and(|heard| heard.heartbeat.ready)
    }

    /// Whether another process with this name was heard lately, which takes part if it must be ready; `is_own` tells the
    /// incarnations of this one.
    pub fn hears_rival(
        &self,
        node: &NodeName,
        is_own: impl Fn(Incarnation) -> bool,
        must_be_ready: bool,
        now: Duration,
    ) -> bool {
        let is_rival = |heartbeat: &Heartbeat| {
            heartbeat.node == *node && !is_own(heartbeat.incarnation) && (heartbeat.ready || !must_be_ready)
        };
        self.heard.values().any(|heard| is_rival(&heard.heartbeat) && now < heard.at + RECENT)
    }

    /// Since when this node should have heard itself and has not.
    pub fn deaf_since(&self) -> Option<Duration> {
        self.echo.map(|at| at + HEARTBEAT)
    }

    /// The newest heartbeat of an incarnation, and when it was heard.
    pub fn newest(&self, incarnation: Incarnation) -> Option<(&Heartbeat, Duration)> {
        self.heard.get(&incarnation).map(|heard| (&heard.heartbeat, heard.at))
    }

    /// The position that the node that is furthest has applied; what others say who send heartbeats does not count.
    pub fn furthest(&self, membership: &Membership) -> u64 {
        let live = membership.live().iter().filter_map(|member| self.heard.get(&member.incarnation));
        live.map(|heard| heard.heartbeat.applied).max().unwrap_or(0)
    }
}

fn decode(bytes: &[u8]) -> Option<Heartbeat> {
    if bytes.len() > MAX_HEARTBEAT {
        return None;
    }
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Control, Header, Versions};
    use super::*;

    const A: Incarnation = Incarnation(1);
    const B: Incarnation = Incarnation(2);

    fn heartbeat(incarnation: Incarnation, ready: bool) -> Vec<u8> {
        let node = "n".to_string().try_into().unwrap();
        serde_json::to_vec(&Heartbeat { node, incarnation, ready, applied: 5 }).unwrap()
    }

    fn two_nodes() -> Membership {
        let mut membership = Membership::default();
        for (incarnation, node) in [(A, "a"), (B, "b")] {
            let (node, versions) = (node.to_string().try_into().unwrap(), Versions { lowest: 1, highest: 1 });
            let hello = Control::Hello { node, versions, informed: false };
            membership.note(1, Duration::ZERO, &Header::new(incarnation, 1, Some(hello)), Weakened::default());
        }
        membership
    }

    /// The incarnations that are accused in each of these seconds, in which A hears itself, and B if it is one of `b`.
    fn accusations(echo: impl Fn(u64) -> bool, b: impl Fn(u64) -> bool) -> Vec<u64> {
        let (mut peers, membership, mut accused) = (Peers::default(), two_nodes(), Vec::new());
        for second in 0..30 {
            let now = Duration::from_secs(second);
            if echo(second) {
                peers.handle(&heartbeat(A, true), A, &membership, now);
            }
            if b(second) {
                peers.handle(&heartbeat(B, true), A, &membership, now);
            }
            if !peers.accused(&membership, A, now, Weakened::default()).is_empty() {
                accused.push(second);
            }
        }
        accused
    }

    #[test]
    fn a_node_is_accused_after_five_seconds_of_silence() {
        assert!(accusations(|_| true, |_| true).is_empty());
        assert_eq!(accusations(|_| true, |second| !(10..=20).contains(&second)), [15]);
    }

    #[test]
    fn nobody_is_accused_by_a_node_that_does_not_hear_itself() {
        assert!(accusations(|second| second < 5, |second| second < 5).is_empty());
        // Both were away; the other one comes back four seconds later.
        assert!(accusations(|second| !(5..20).contains(&second), |second| !(5..24).contains(&second)).is_empty());
    }

    #[test]
    fn heartbeats_of_strangers_are_bounded_and_hide_no_node() {
        let (mut peers, membership) = (Peers::default(), two_nodes());
        for number in 0..2 * MAX_HEARD as u64 {
            peers.handle(&heartbeat(Incarnation(number + 10), false), A, &membership, Duration::ZERO);
        }
        for bytes in [&b"[[[["[..], &[0xff; 20], &vec![b' '; 10_000_000]] {
            peers.handle(bytes, A, &membership, Duration::ZERO);
        }
        assert_eq!((peers.heard.len(), peers.hears_itself(Duration::ZERO)), (MAX_HEARD, false));
        peers.handle(&heartbeat(B, true), A, &membership, Duration::ZERO);
        assert!(peers.newest(B).is_some());
        peers.handle_tick(&Membership::default(), FORGOTTEN);
        assert_eq!(peers.heard.len(), 0);
    }
}
