//! Which incarnations live, and which of their entries count: it follows from the log alone, and is in each snapshot.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::application::Burial;
use super::entry::{Control, Header, NodeName, Versions};
use crate::chat::Incarnation;
use crate::cluster::weakness::{Weakened, Weakness};

/// Buried incarnations that are remembered. An entry can come late by minutes, not by as many ends of nodes.
const MAX_DEAD: usize = 256;
/// While the time is ahead of the engine's clock, a longer pause between two entries counts as this one: perhaps the clock has jumped.
const MAX_PAUSE: Duration = Duration::from_secs(600);
/// The latest time of an entry, since 1970: the end of the year 9998. The engine's times end in 2554.
const MAX_TIME: Duration = Duration::from_secs(253_370_764_799);

/// An incarnation that has said Hello and is not buried.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Member {
    pub incarnation: Incarnation,
    pub node: NodeName,
    pub versions: Versions,
    /// The number of its newest entry that counts.
    last: u64,
    /// Whether its Hello is answered.
    answered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Dead {
    incarnation: Incarnation,
    last: u64,
    /// Whether its Genesis can count: its Hello is not answered, and its node has said no other.
    may_found: bool,
}

/// What an entry does to the membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does not count, at no node.
    Skipped(Skip),
    /// It counts; an incarnation may be buried by it.
    Counted(Option<(Incarnation, Burial)>),
    /// It is a Genesis that counts: whatever was before is no longer the state.
    Founded,
}

/// Why an entry does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It is there already.
    Repeated,
    /// One before it is missing.
    Early,
    /// Its incarnation is buried, or has not said Hello.
    NotLive,
}

/// The incarnations of all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// The oldest first.
    live: Vec<Member>,
    /// The one that was buried first is the first.
    dead: VecDeque<Dead>,
    /// Where the newest Genesis stands, whether it counts or not.
    genesis: u64,
    /// The time of the newest entry that counts.
    time: Duration,
    /// The time of the same entry by the engine's clock, which may have gone back.
    #[serde(default)]
    engine: Duration,
}

impl Membership {
    /// The state after a Genesis.
    pub fn founded(seq: u64, time: Duration, header: &Header, node: NodeName, versions: Versions) -> Membership {
        let Header { incarnation, n, .. } = *header;
        let member = Member { incarnation, node, versions, last: n, answered: false };
        Membership { live: vec![member], dead: VecDeque::new(), genesis: seq, time, engine: time }
    }

    /// Where the newest Genesis stands, whether it counts or not.
    pub fn genesis(&self) -> u64 {
        self.genesis
    }

    /// Takes the next entry of the log.
    pub fn note(&mut self, seq: u64, time: Duration, header: &Header, weakened: Weakened) -> Effect {
        if let Some(Control::Genesis { hello, node, versions }) = &header.control {
            let counts = self.may_found(header.incarnation, *hello) || weakened.is(Weakness::FoundsAnyway);
            self.genesis = seq;
            if counts {
                *self = Membership::founded(seq, time.max(self.time), header, node.clone(), *versions);
                return Effect::Founded;
            }
        }
        if let Err(skip) = self.count(header, weakened) {
            return Effect::Skipped(skip);
        }
        self.time = if weakened.is(Weakness::TrustsTime) { time } else { self.time_of_next(time) };
        self.engine = time;
        Effect::Counted(self.take_control(header, weakened))
    }

    /// The time of the next entry. It is that of the engine; after the engine's clock has gone back it goes on at half the speed
    /// until it is that again, so that what ends by it does not wait for an hour because the clock was wrong for a moment.
    fn time_of_next(&self, engine: Duration) -> Duration {
        if engine >= self.time {
            return engine;
        }
        self.time + engine.saturating_sub(self.engine).min(MAX_PAUSE) / 2
    }

    /// Whether no Genesis and no answer stand after this Hello, and its node has said no other.
    fn may_found(&self, incarnation: Incarnation, hello: u64) -> bool {
        let is_answered = self.find(incarnation).is_some_and(|member| member.answered);
        let may_not = self.dead.iter().any(|dead| dead.incarnation == incarnation && !dead.may_found);
        self.genesis < hello && !is_answered && !may_not
    }

    /// Counts an entry if it is the next one of its incarnation.
    fn count(&mut self, header: &Header, weakened: Weakened) -> Result<(), Skip> {
        let Header { incarnation, n, .. } = *header;
        if let Some(member) = self.live.iter_mut().find(|member| member.incarnation == incarnation) {
            if n <= member.last && !weakened.is(Weakness::AppliesTwice) {
                return Err(Skip::Repeated);
            }
            if n > member.last.saturating_add(1) && !weakened.is(Weakness::AppliesEarly) {
                return Err(Skip::Early);
            }
            member.last = member.last.max(n);
            return Ok(());
        }
        if let Some(dead) = self.dead.iter_mut().find(|dead| dead.incarnation == incarnation) {
            let counts = weakened.is(Weakness::AppliesDead) && n == dead.last + 1;
            dead.last += u64::from(counts);
            return if counts { Ok(()) } else { Err(Skip::NotLive) };
        }
        match (n, &header.control) {
            (1, Some(Control::Hello { .. })) => Ok(()),
            _ => Err(Skip::NotLive),
        }
    }

    fn take_control(&mut self, header: &Header, weakened: Weakened) -> Option<(Incarnation, Burial)> {
        let incarnation = header.incarnation;
        match header.control.as_ref()? {
            Control::Hello { node, versions, .. } if header.n == 1 && self.find(incarnation).is_none() => {
                let before = self.live.iter().find(|member| member.node == *node).map(|member| member.incarnation);
                let before = before.filter(|_| !weakened.is(Weakness::KeepsGhosts));
                let (node, versions) = (node.clone(), *versions);
                self.live.push(Member { incarnation, node, versions, last: 1, answered: false });
                self.bury(before?, Burial::Replaced)
            }
            Control::Snapshot { to, .. } => {
                if let Some(member) = self.live.iter_mut().find(|member| member.incarnation == *to) {
                    member.answered = true;
                }
                if let Some(dead) = self.dead.iter_mut().find(|dead| dead.incarnation == *to) {
                    dead.may_found = false;
                }
                None
            }
            Control::Gone { incarnation, last } => {
                let has_spoken = self.find(*incarnation)?.last != *last;
                if has_spoken && !weakened.is(Weakness::BuriesSpeaker) {
                    return None;
                }
                self.bury(*incarnation, Burial::Gone)
            }
            Control::Leave => self.bury(incarnation, Burial::Left),
            Control::Hello { .. } | Control::Genesis { .. } | Control::Unknown => None,
        }
    }

    fn bury(&mut self, incarnation: Incarnation, burial: Burial) -> Option<(Incarnation, Burial)> {
        let index = self.live.iter().position(|member| member.incarnation == incarnation)?;
        let Member { last, answered, .. } = self.live.remove(index);
        self.dead.push_back(Dead { incarnation, last, may_found: !answered && burial != Burial::Replaced });
        if self.dead.len() > MAX_DEAD {
            self.dead.pop_front();
        }
        Some((incarnation, burial))
    }

    fn find(&self, incarnation: Incarnation) -> Option<&Member> {
        self.live.iter().find(|member| member.incarnation == incarnation)
    }

    /// Whether this incarnation lives.
    pub fn is_live(&self, incarnation: Incarnation) -> bool {
        self.find(incarnation).is_some()
    }

    /// The incarnations that live, the oldest first.
    pub fn live(&self) -> &[Member] {
        &self.live
    }

    /// The oldest incarnation that lives, apart from this one.
    pub fn oldest_but(&self, incarnation: Incarnation) -> Option<Incarnation> {
        self.live.iter().map(|member| member.incarnation).find(|&other| other != incarnation)
    }

    /// The number of the newest entry of an incarnation that counts.
    pub fn last_of(&self, incarnation: Incarnation) -> u64 {
        self.find(incarnation).map_or(0, |member| member.last)
    }

    /// The number of the last entry of a buried incarnation that counts; `None` if it is not remembered.
    pub fn last_of_dead(&self, incarnation: Incarnation) -> Option<u64> {
        self.dead.iter().find(|dead| dead.incarnation == incarnation).map(|dead| dead.last)
    }

    /// The version that all incarnations that live can read.
    pub fn version(&self) -> Option<u16> {
        self.live.iter().map(|member| member.versions.highest).min()
    }

    /// Whether its time is a date in each time zone, and no incarnation lives twice: so it is unless it was read from damaged data.
    pub fn is_sound(&self) -> bool {
        let mut incarnations: Vec<Incarnation> = self.live.iter().map(|member| member.incarnation).collect();
        incarnations.sort_unstable();
        self.time <= MAX_TIME && incarnations.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// The time of the newest entry that counts.
    pub fn time(&self) -> Duration {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Incarnation = Incarnation(10);
    const B: Incarnation = Incarnation(20);

    struct Log(Membership, u64);

    impl Log {
        fn new() -> Log {
            Log(Membership::default(), 0)
        }

        fn note(&mut self, incarnation: Incarnation, n: u64, control: Option<Control>) -> Effect {
            self.1 += 1;
            let header = Header::new(incarnation, n, control);
            self.0.note(self.1, Duration::from_secs(self.1), &header, Weakened::default())
        }

        fn hello(&mut self, incarnation: Incarnation, node: &str) -> Effect {
            let (node, versions) = (node.to_string().try_into().unwrap(), Versions { lowest: 1, highest: 2 });
            self.note(incarnation, 1, Some(Control::Hello { node, versions, informed: false }))
        }

        fn genesis(&mut self, incarnation: Incarnation, n: u64, hello: u64) -> Effect {
            let (node, versions) = ("a".to_string().try_into().unwrap(), Versions { lowest: 1, highest: 2 });
            self.note(incarnation, n, Some(Control::Genesis { hello, node, versions }))
        }
    }

    const COUNTED: Effect = Effect::Counted(None);

    #[test]
    fn each_entry_counts_once_and_in_order() {
        let mut log = Log::new();
        assert_eq!(log.note(A, 1, None), Effect::Skipped(Skip::NotLive));
        assert_eq!(log.hello(A, "a"), COUNTED);
        assert_eq!(log.note(A, 3, None), Effect::Skipped(Skip::Early));
        assert_eq!(log.note(A, 2, None), COUNTED);
        assert_eq!(log.note(A, 2, None), Effect::Skipped(Skip::Repeated));
        assert_eq!(log.note(A, 3, None), COUNTED);
        assert_eq!(log.hello(A, "a"), Effect::Skipped(Skip::Repeated));
        assert_eq!(log.note(A, u64::MAX, None), Effect::Skipped(Skip::Early));
    }

    #[test]
    fn a_hello_buries_the_incarnation_before() {
        let mut log = Log::new();
        log.hello(A, "a");
        assert_eq!(log.hello(B, "a"), Effect::Counted(Some((A, Burial::Replaced))));
        assert_eq!(log.note(A, 2, None), Effect::Skipped(Skip::NotLive));
        assert_eq!(log.hello(A, "a"), Effect::Skipped(Skip::NotLive));
        assert_eq!((log.0.last_of_dead(A), log.0.is_live(B)), (Some(1), true));
    }

    #[test]
    fn an_accusation_is_void_if_the_node_has_spoken_since() {
        let mut log = Log::new();
        log.hello(A, "a");
        log.hello(B, "b");
        log.note(A, 2, None);
        assert_eq!(log.note(B, 2, Some(Control::Gone { incarnation: A, last: 1 })), COUNTED);
        let gone = Control::Gone { incarnation: A, last: 2 };
        assert_eq!(log.note(B, 3, Some(gone.clone())), Effect::Counted(Some((A, Burial::Gone))));
        assert_eq!(log.note(B, 4, Some(gone)), COUNTED);
        assert_eq!(log.note(B, 5, Some(Control::Leave)), Effect::Counted(Some((B, Burial::Left))));
        assert!(log.0.live().is_empty());
    }

    #[test]
    fn a_genesis_is_void_after_another_or_after_an_answer() {
        let mut log = Log::new();
        log.hello(A, "a");
        log.hello(B, "b");
        assert_eq!(log.genesis(A, 2, 1), Effect::Founded);
        assert!(!log.0.is_live(B));
        assert_eq!(log.genesis(B, 2, 2), Effect::Skipped(Skip::NotLive));
        log.hello(B, "b");
        assert_eq!(log.note(A, 3, Some(Control::Snapshot { to: B, hello: 5, piece: 0, count: 2 })), COUNTED);
        assert_eq!(log.genesis(B, 2, 5), COUNTED);
        assert!(log.0.is_live(A));
    }

    #[test]
    fn a_late_genesis_whose_hello_was_forgotten_is_void_if_another_genesis_stands_there() {
        let mut log = Log::new();
        log.hello(A, "a");
        assert_eq!(log.genesis(A, 2, 1), Effect::Founded);
        // The engine has gone back, and the Hello of B stood there before.
        assert_eq!(log.genesis(B, 2, 2), Effect::Skipped(Skip::NotLive));
        assert!(log.0.is_live(A));
    }

    #[test]
    fn a_late_genesis_of_a_replaced_incarnation_is_void() {
        let mut log = Log::new();
        log.hello(A, "a");
        log.hello(B, "a");
        assert_eq!(log.genesis(A, 2, 1), Effect::Skipped(Skip::NotLive));
    }

    #[test]
    fn the_dead_are_bounded_and_time_never_goes_back() {
        let mut log = Log::new();
        (0..2 * MAX_DEAD as u64).for_each(|number| _ = log.hello(Incarnation(number), "a"));
        assert_eq!((log.0.live.len(), log.0.dead.len()), (1, MAX_DEAD));
        let header = Header::new(Incarnation(2 * MAX_DEAD as u64 - 1), 2, None);
        log.0.note(9_999, Duration::ZERO, &header, Weakened::default());
        assert_eq!(log.0.time(), Duration::from_secs(2 * MAX_DEAD as u64));
    }

    #[test]
    fn the_time_goes_on_slowly_after_the_clock_of_the_engine_has_gone_back() {
        let mut log = Log::new();
        log.hello(A, "a");
        let mut time = |engine| {
            let n = log.0.last_of(A) + 1;
            log.0.note(n, Duration::from_secs(engine), &Header::new(A, n, None), Weakened::default());
            log.0.time().as_secs()
        };
        // One entry has a wrong time.
        assert_eq!([1_000, 4_600, 1_010, 1_012, 1_014].map(&mut time), [1_000, 4_600, 4_600, 4_601, 4_602]);
        // A long pause counts as one of ten minutes.
        assert_eq!([2_600, 2_500, 4_901, 4_902, 4_903].map(&mut time), [4_902, 4_902, 5_202, 5_202, 5_203]);
        assert_eq!([5_204, 5_206].map(&mut time), [5_204, 5_206]);
    }
}
