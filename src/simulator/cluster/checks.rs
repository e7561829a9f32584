//! What must be true at the end of a world.

use std::collections::{BTreeMap, BTreeSet};

use super::node::Process;
use super::person::{Person, Stage, number_of};
use super::reference::Reference;
use super::stays::Stay;
use super::world::{World, difference, head_of};
use crate::chat::Kept;
use crate::chat::input::run_text;

/// A node that takes part knows by then what was put into the bucket: steps.
const KNOWN_AFTER: usize = 150;

impl World {
    pub(super) fn check_end(&mut self) {
        let mut reference = Reference::new(self.config());
        reference.forgotten.clone_from(&self.forgotten);
        for (seq, (time, bytes)) in (1..).zip(&self.log.entries) {
            reference.take(seq, *time, bytes, self.founded.get(&seq));
            if let (Some(state), Some(known)) =
                (reference.state_if(self.states.contains_key(&seq)), self.states.get(&seq))
                && !known.is(&state)
            {
                let what = difference(&known.text, &state);
                return self.errors.push(format!("the state at {seq} is not the expected one{what}"));
            }
        }
        if self.is_sound && reference.gone > 0 {
            self.errors.push("a node was taken for dead, and none was".into());
        }
        self.check_order(&reference);
        for person in &self.people {
            let mut errors = check_person(person, &reference);
            self.errors.append(&mut errors);
        }
        self.check_nodes();
        self.check_bucket();
        self.check_stores(&reference);
        self.count_all(&reference);
    }

    /// Each message is there once, in the order of its author.
    fn check_order(&mut self, reference: &Reference) {
        let authors: BTreeMap<u32, usize> =
            self.people.iter().flat_map(|person| person.sent.iter().map(|&text| (text, person.number))).collect();
        let mut newest = BTreeMap::new();
        for (id, (_, shown)) in &reference.messages {
            let Some((number, author)) = number_of(&shown.text).and_then(|text| Some((text, *authors.get(&text)?)))
            else {
                self.errors.push(format!("nobody has typed {shown:?}"));
                continue;
            };
            let is_known = !self.people[author].is_restored;
            if newest.insert(author, number).is_some_and(|before| before >= number) && is_known {
                self.errors.push(format!("twice or too late: {shown:?} at {id}"));
            }
        }
    }

    /// Once calm, each node takes part, has read the whole log, and knows the people of all nodes and no one more.
    fn check_nodes(&mut self) {
        let present = self.people.iter().filter(|person| person.stage == Stage::Present);
        let present: BTreeSet<String> = present.map(|person| person.name.clone()).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(process) = &node.process else {
                self.errors.push(format!("node {index} does not run"));
                continue;
            };
            let (replica, last) = (process.part.replica(), self.log.last());
            if !replica.is_ready() || replica.applied() != last || replica.has_lost_touch() {
                self.errors.push(format!("node {index} is not ready: {} of {last}", replica.applied()));
            }
            let names = process.engine.hub().member_names();
            if names != present {
                self.errors.push(format!("node {index} has the members {names:?}, and {present:?} are there"));
            }
        }
        if let Some(person) =
            self.people.iter().find(|person| matches!(person.stage, Stage::Arriving | Stage::Asked(_)))
        {
            self.errors.push(format!("person {} waits for a name: {:?}", person.number, person.stage));
        }
    }

    /// A node has left as planned: its last changes come before that.
    pub(super) fn check_leave(&mut self, index: usize) {
        let node = &self.nodes[index];
        let Some(process) = &node.process else { return };
        let (replica, now) = (process.part.replica(), node.now(self.step).at);
        let index_of_entry =
            (replica.applied() as usize).checked_sub(1).filter(|_| node.link.knows_log(replica, &self.log));
        let entry = index_of_entry.and_then(|index| self.log.entries.get(index));
        let status = replica.status(now);
        let own = format!(r#""incarnation":{},"#, status.incarnation.0);
        let is_own_leave = |head: &str| head.contains(&own) && head.contains(r#""kind":"leave""#);
        // Otherwise it was taken for dead before, or has not taken part.
        if entry.is_some_and(|(_, bytes)| is_own_leave(&head_of(bytes))) {
            if status.in_flight + status.waiting > 0 {
                self.errors.push(format!("node {index} has left before its last changes: {status:?}"));
            }
            self.count("planned ends", 1);
        }
    }

    /// The state with which the chat has begun anew in a step has the accounts that the bucket had. After the engine was restored it
    /// is that of the node, which may have read less than others.
    pub(super) fn check_founded(&mut self, text: &str, step: usize) {
        if self.counts.contains_key("restored engines") {
            return;
        }
        let values = self.bucket.values(step.saturating_sub(KNOWN_AFTER));
        for key in values.keys() {
            if let Some(name) = key.strip_prefix("account.")
                && !text.contains(&format!(r#""key":"{name}"}},"verifier""#))
            {
                self.errors.push(format!("the chat begins anew without the account {name}, which is in the bucket"));
            }
        }
    }

    /// Once calm, the bucket has what each node would put there.
    fn check_bucket(&mut self) {
        let values = self.bucket.values(usize::MAX);
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let Some(Process { engine, bucket, .. }) = &mut node.process else { continue };
            let hub = engine.hub_mut();
            if !bucket.is_settled(hub) {
                self.errors.push(format!("node {index} has values that the bucket does not have"));
            }
            hub.lead_bucket(false);
            hub.lead_bucket(true);
            values.keys().for_each(|key| hub.check_kept(key.as_bytes()));
            while let Some(Kept { key, value, .. }) = hub.poll_kept() {
                let there = values.get(&key).map(String::as_str);
                if there != value.as_deref() {
                    self.errors.push(format!("the bucket has {there:?} for {key}, and node {index} {value:?}"));
                }
            }
        }
        let count = values.len();
        self.count("values in the bucket", count);
    }

    /// What was said is stored, once, or a gap is noted.
    fn check_stores(&mut self, reference: &Reference) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            node.process = None;
            let Some(store) = &node.store else { continue };
            let errors = store.check(reference, self.history);
            self.errors.extend(errors.into_iter().map(|error| format!("node {index}: {error}")));
        }
    }

    fn count_all(&mut self, reference: &Reference) {
        self.count("messages", reference.messages.len());
        self.count("geneses", reference.geneses.len());
        self.count("deaths", reference.gone);
        self.count("people", self.people.len());
        self.count("refused messages", self.people.iter().map(|person| person.refused).sum());
        self.count("cut off", self.people.iter().map(|person| person.cut_off).sum());
        self.count("asked for another name", self.people.iter().map(|person| person.asked_again).sum());
        self.count("registered names", self.people.iter().map(|person| person.registered).sum());
        self.count("resumed", self.people.iter().map(|person| person.resumed).sum());
    }
}

/// What is wrong with what one person was shown and told.
fn check_person(person: &Person, reference: &Reference) -> Vec<String> {
    let (who, mut errors) = (person.number, Vec::new());
    for (id, shown) in person.shown_before.iter().chain(&person.shown) {
        let expected = reference.messages.get(id).map(|(_, expected)| expected);
        if expected != Some(shown) && !reference.forgotten.has(*id, shown) {
            errors.push(format!("person {who} has read {shown:?} at {id}, expected {expected:?}"));
        }
    }
    let stays = person.stays.past.iter().chain(&person.stays.present);
    errors.extend(
        stays
            .filter(|stay| has_false_gap(stay, reference))
            .map(|stay| format!("person {who} is told of a gap, and there is none: {stay:?}")),
    );
    let is_present = person.stage == Stage::Present;
    for stay in &person.stays.past {
        errors.extend(
            missing(stay, false, reference).map(|id| format!("person {who} has not read {id} in {}", stay.room)),
        );
    }
    for stay in &person.stays.present {
        errors.extend(
            missing(stay, is_present, reference).map(|id| format!("person {who} has not read {id} in {}", stay.room)),
        );
    }
    if person.is_restored {
        return errors;
    }
    let said = reference.messages.values().filter_map(|(_, shown)| number_of(&shown.text));
    let said = said.filter(|number| person.sent.contains(number)).count();
    let (sent, refused, unsure) = (person.sent.len(), person.refused, person.unsure);
    if said + refused > sent && !person.is_unsure {
        errors.push(format!("person {who} has typed {sent} messages: {said} were said, and {refused} refused"));
    }
    if is_present && !person.is_unsure && said + refused + unsure < sent {
        errors.push(format!(
            "person {who} has typed {sent} messages: {said} were said, {refused} refused, {unsure} perhaps; the rest is lost"
        ));
    }
    errors
}

/// Whether some messages were said to be missing before a stay, and none are.
fn has_false_gap(stay: &Stay, reference: &Reference) -> bool {
    let Some(after) = stay.gap_after else { return false };
    let first = stay.ids.first().copied().unwrap_or(u64::MAX).max(after + 1);
    let last = stay.ids.get(stay.replayed).copied().unwrap_or(u64::MAX).max(first);
    // What a store lacks may be of any room. After the state began anew, no node knows what was said before.
    reference.messages.range(after + 1..first).next().is_none() && !reference.began_anew_in(after / 256..=last / 256)
}

/// The first message of a room that was said while it was read, and not shown.
fn missing(stay: &Stay, to_the_end: bool, reference: &Reference) -> Option<u64> {
    let (&first, &last) = (stay.ids.first()?, stay.ids.last()?);
    let last = if to_the_end { u64::MAX } else { last };
    let ids: BTreeSet<u64> = stay.ids.iter().copied().collect();
    let seq_of = |id: u64| reference.messages.get(&id).map_or(u64::MAX, |(seq, _)| *seq);
    // Another run gives ids again.
    let is_of_run = |seq: u64| stay.run.is_empty() || reference.run_at(seq).is_none_or(|run| run_text(run) == stay.run);
    let said = reference.messages.range(first..=last);
    let said = said.filter(|(_, (seq, shown))| shown.room == stay.room && is_of_run(*seq));
    let missing = said.map(|(&id, _)| id).find(|id| !ids.contains(id) && !reference.was_deleted(*id))?;
    // After the state began anew, no node knows what was said before.
    let (at, next) = (seq_of(missing), ids.range(missing..).next().map_or(u64::MAX, |&id| seq_of(id)));
    (!reference.began_anew_in(at.min(next)..=at.max(next))).then_some(missing)
}
