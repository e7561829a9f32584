//! What must be true at the end of a world, and when a node leaves.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use super::chat::Line;
use super::oracle::Oracle;
use crate::cluster::replica::Burial;

impl World {
    /// The lines that the log has, by their ids.
    pub(super) fn expected_lines(&self) -> BTreeMap<u64, Line> {
        let mut oracle = Oracle::default();
        (1..).zip(&self.engine.entries).for_each(|(seq, (time, bytes))| oracle.take(seq, *time, bytes));
        oracle.lines
    }

    /// A node has left as planned: none of its people may wait for an answer.
    pub(super) fn end_at_leave(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let now = super::clock(self.step);
        node.replica.handle_tick(&mut node.chat, now);
        let pending: Vec<u64> = node.chat.people.values().flat_map(|person| person.pending.iter().copied()).collect();
        if !pending.is_empty() && node.chat.own_end == Some(Burial::Left) {
            self.errors.push(format!("node {index} has left before {pending:?}"));
        }
        // It was taken for dead before that: what it had not seen is not said.
        node.chat.told.not_said.extend(pending);
        node.chat.people.clear();
        self.end_process(index);
    }

    pub(super) fn check_end(&mut self) {
        let mut oracle = Oracle::default();
        for (seq, (time, bytes)) in (1..).zip(&self.engine.entries) {
            oracle.take(seq, *time, bytes);
            if let Some((summary, _)) = self.states.get(&seq)
                && *summary != oracle.summary()
            {
                oracle.lines.clear();
                return self.errors.push(format!("the state at {seq} is not the expected one: {oracle:?}"));
            }
        }
        if let Some(seq) = self.geneses.difference(&oracle.geneses).next() {
            self.errors.push(format!("a node has taken a void Genesis at {seq} for a good one"));
        }
        self.check_lines(&oracle.lines);
        for index in 0..self.nodes.len() {
            self.check_node(index);
            self.check_history(index, &oracle.lines);
        }
        self.count_people(&oracle);
    }

    /// Each line is there once, in the order of its author; who was told that a line is not there was told the truth.
    fn check_lines(&mut self, expected: &BTreeMap<u64, Line>) {
        if let Some((id, line)) = self.seen.iter().find(|(id, line)| expected.get(id) != Some(line)) {
            self.errors.push(format!("seen at {id}: {line:?}, expected {:?}", expected.get(id)));
        }
        let mut newest = BTreeMap::new();
        for line in expected.values().filter(|line| !self.undecided.contains(&line.text)) {
            if newest.insert(line.session, line.text).is_some_and(|before| before >= line.text) {
                self.errors.push(format!("twice or too late: {line:?}"));
            }
        }
        let texts: BTreeSet<u64> = expected.values().map(|line| line.text).collect();
        let told = self.nodes.iter().map(|node| &node.chat.told);
        let not_said: BTreeSet<u64> = told.clone().flat_map(|told| told.not_said.iter().copied()).collect();
        let unsure: BTreeSet<u64> = told.clone().flat_map(|told| told.unsure.iter().copied()).collect();
        let untrue = texts.intersection(&not_said).find(|text| !self.undecided.contains(text));
        if let Some(text) = untrue {
            self.errors.push(format!("line {text} was said, and its author was told that it was not"));
        }
        let lost = self.said.iter().map(|(_, text)| text);
        let excused = |text: &u64| not_said.contains(text) || unsure.contains(text) || self.excused.contains(text);
        if let Some(text) = lost.into_iter().find(|text| !texts.contains(text) && !excused(text)) {
            self.errors.push(format!("line {text} is lost"));
        }
        let claimed = told.flat_map(|told| &told.said);
        if let Some(text) = claimed.into_iter().find(|text| !texts.contains(text) && !self.excused.contains(text)) {
            self.errors.push(format!("line {text} was not said, and its author was told that it was"));
        }
        self.count("lines not said", not_said.len());
        self.count("lines of unknown fate", unsure.len());
    }

    /// Once calm, each node takes part, has read the whole log, and knows the people of the others and no one more.
    fn check_node(&mut self, index: usize) {
        let node = &self.nodes[index];
        let mut errors = Vec::new();
        if !node.replica.is_ready() || node.applied() != self.engine.last() {
            let (standing, applied) = (&node.replica.standing, node.applied());
            errors.push(format!("node {index} is not ready: {standing:?}, {applied} of {}", self.engine.last()));
        }
        let owned = node.chat.names.iter().filter(|(_, owner)| owner.incarnation == node.incarnation());
        let owned: BTreeSet<(&str, u64)> = owned.map(|(name, owner)| (name.as_str(), owner.session)).collect();
        let people: BTreeSet<(&str, u64)> =
            node.chat.people.iter().map(|(&session, person)| (person.name.as_str(), session)).collect();
        if owned != people {
            errors.push(format!("node {index} has the names {owned:?} for {people:?}"));
        }
        if let Some(session) = node.chat.people.iter().find(|(_, person)| !person.pending.is_empty()) {
            errors.push(format!("node {index}: session {} waits for {:?}", session.0, session.1.pending));
        }
        let live: BTreeSet<_> = node.replica.membership.live().iter().map(|member| member.incarnation).collect();
        let running: BTreeSet<_> = self.nodes.iter().map(|node| node.incarnation()).collect();
        if live != running || node.chat.names.values().any(|owner| !running.contains(&owner.incarnation)) {
            errors.push(format!("node {index} knows {live:?}, and {running:?} are there"));
        }
        if node.replica.touch.lost_since().is_some() {
            errors.push(format!("node {index} takes itself for cut off"));
        }
        self.errors.append(&mut errors);
    }

    /// A store has all lines, except where its node has said that some are missing.
    fn check_history(&mut self, index: usize, expected: &BTreeMap<u64, Line>) {
        let store = &self.nodes[index].store;
        let is_missing = |id: u64| store.gaps.iter().any(|(after, until)| (after + 1..=*until).contains(&(id / 256)));
        let expected = expected.iter().filter(|(id, _)| !is_missing(**id)).map(|(&id, line)| (id, line));
        let kept = store.lines.iter().map(|(id, line)| (*id, line));
        if !kept.clone().eq(expected.clone()) {
            let (kept, expected): (Vec<_>, Vec<_>) = (kept.collect(), expected.collect());
            let at = kept.iter().zip(&expected).position(|(kept, expected)| kept != expected);
            let at = at.unwrap_or(kept.len().min(expected.len()));
            let gaps = &store.gaps;
            self.errors.push(format!(
                "the store of node {index} has {:?} instead of {:?}, gaps {gaps:?}",
                kept.get(at),
                expected.get(at)
            ));
        }
    }

    fn count_people(&mut self, oracle: &Oracle) {
        self.count("lines", oracle.lines.len());
        self.count("geneses", oracle.geneses.len());
        self.count("lost names", self.nodes.iter().map(|node| node.chat.told.sent_off).sum());
        self.count("deaths of running nodes", self.nodes.iter().map(|node| node.chat.told.deaths).sum());
    }
}
