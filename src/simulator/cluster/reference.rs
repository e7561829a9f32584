//! The reference: one hub without sessions that applies the whole log, by the rules written once more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use time::OffsetDateTime;

use super::person::Shown;
use crate::chat::change::{Change, Origin};
use crate::chat::{Config, Hub, Incarnation, Lang, Now, TraceEvent};
use crate::cluster::application::Members;
use crate::cluster::replica::world::engine::Engine as LogEngine;
use crate::cluster::replica::world::rules::{Effect, Rules};
use crate::cluster::replica::{Application, Burial, Place};
use crate::wire::renderers;

/// What the log has had, and has not any more.
#[derive(Clone, Default)]
pub struct Forgotten {
    /// Messages with their ids, of which some are given again. They can be in the history of a node that begins anew.
    pub messages: BTreeSet<(u64, Shown)>,
    /// Messages that were deleted.
    pub deletions: BTreeSet<u64>,
    /// Positions at which the state began anew.
    pub geneses: BTreeSet<u64>,
}

impl Forgotten {
    /// Whether this was a message with this id.
    pub fn has(&self, id: u64, shown: &Shown) -> bool {
        self.messages.contains(&(id, shown.clone()))
    }

    /// The ids of messages in a range.
    pub fn ids(&self, range: Range<u64>) -> impl Iterator<Item = u64> {
        let first = (range.start, Shown::default());
        self.messages.range(first..).map(|(id, _)| *id).take_while(move |id| *id < range.end)
    }
}

pub struct Reference {
    rules: Rules,
    hub: Hub,
    /// Whether the state is known: some node has it since the newest Genesis.
    is_known: bool,
    /// The messages that were said, by their ids, each with the position of its entry.
    pub messages: BTreeMap<u64, (u64, Shown)>,
    /// Messages that were deleted later, each with the position of that.
    pub deleted: BTreeMap<u64, u64>,
    /// What was in a part of the log that the engine has forgotten: the nodes may have known it.
    pub forgotten: Forgotten,
    /// How often a node was taken for dead.
    pub gone: usize,
    /// The positions at which the state begins anew, each with the run of the cluster from there on.
    pub geneses: BTreeMap<u64, u64>,
}

impl Reference {
    /// One whose hub has this configuration.
    pub fn new(config: Config) -> Reference {
        let mut hub = Hub::new(config, renderers(Lang::En));
        hub.use_cluster();
        hub.enable_trace();
        Reference {
            rules: Rules::default(),
            hub,
            is_known: false,
            messages: BTreeMap::new(),
            deleted: BTreeMap::new(),
            forgotten: Forgotten::default(),
            gone: 0,
            geneses: BTreeMap::new(),
        }
    }

    /// A reference that has taken a whole log.
    pub fn of(log: &LogEngine, founded: &BTreeMap<u64, (Duration, String)>, config: Config) -> Reference {
        let mut reference = Reference::new(config);
        for (seq, (time, bytes)) in (1..).zip(&log.entries) {
            reference.take(seq, *time, bytes, founded.get(&seq));
        }
        reference
    }

    /// Whether nodes have known that a message was deleted.
    pub fn was_deleted(&self, id: u64) -> bool {
        self.deleted.contains_key(&id) || self.forgotten.deletions.contains(&id)
    }

    /// Whether the state began anew in this part of the log, or in another that was there before.
    pub fn began_anew_in(&self, positions: RangeInclusive<u64>) -> bool {
        self.geneses.range(positions.clone()).next().is_some()
            || self.forgotten.geneses.range(positions).next().is_some()
    }

    /// The run of the cluster at a position.
    pub fn run_at(&self, seq: u64) -> Option<u64> {
        self.geneses.range(..=seq).next_back().map(|(_, run)| *run)
    }

    /// The shared state, if it is known and `wanted`.
    pub fn state_if(&self, wanted: bool) -> Option<String> {
        (self.is_known && wanted).then(|| serde_json::to_string(&self.hub.snapshot()).expect("plain data"))
    }

    /// Takes the next entry. `founded` is the state with which a node has begun anew there, and its time.
    pub fn take(&mut self, seq: u64, time: Duration, bytes: &[u8], founded: Option<&(Duration, String)>) {
        let effects = self.rules.take(seq, time, bytes);
        if let Some((time, _)) = founded.filter(|_| matches!(effects[..], [Effect::Founded(_)])) {
            // That node may not have read what stands before, and then does not know that the engine's clock has gone back.
            self.rules.begin_at(*time);
        }
        for effect in effects {
            let at = self.rules.time;
            let now = Now { at, local: OffsetDateTime::UNIX_EPOCH + at };
            let place = |incarnation| Place { seq, index: 0, time: at, incarnation, origin: None::<Origin> };
            let mut members = Members::new(&mut self.hub, now);
            match effect {
                Effect::Founded(_) => {
                    self.is_known = founded.is_some();
                    founded.into_iter().for_each(|(_, state)| members.restore(state, false).expect("a snapshot"));
                    self.geneses.insert(seq, self.hub.snapshot().run());
                    // Some may be of a log that the engine has lost.
                    for (id, room, name, text) in self.hub.kept_messages() {
                        let shown = Shown { room, name, text };
                        if self.messages.get(&id).is_none_or(|(_, before)| *before != shown) {
                            self.note_message(id, seq, shown);
                        }
                    }
                }
                _ if !self.is_known => {}
                Effect::Buried(incarnation, burial) => {
                    self.gone += usize::from(burial == Burial::Gone);
                    let incarnation = Incarnation(incarnation);
                    members.bury(incarnation, burial, place(incarnation));
                }
                Effect::Changed { incarnation, id, change } => {
                    let index = (id - seq * 256) as usize;
                    members.apply(change, Place { index, ..place(Incarnation(incarnation)) });
                    self.note_applied(seq);
                }
            }
        }
    }

    fn note_applied(&mut self, seq: u64) {
        for event in self.hub.poll_trace() {
            let TraceEvent::Committed { change, is_applied: true, .. } = event else { continue };
            if let Change::Delete(delete) = &change {
                self.deleted.extend(delete.ids.iter().map(|&id| (id, seq)));
            }
            if let Some((id, room, name, text)) = self.hub.newest_message(&change) {
                self.note_message(id, seq, Shown { room, name, text });
            }
        }
    }

    fn note_message(&mut self, id: u64, seq: u64, shown: Shown) {
        let before = self.messages.insert(id, (seq, shown));
        // A node that has not read the newest part of an older log may give ids again.
        if let Some((_, before)) = before.filter(|_| !self.forgotten.messages.is_empty()) {
            self.forgotten.messages.insert((id, before));
        }
    }
}
