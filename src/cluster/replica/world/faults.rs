//! What goes wrong in the first part of a world.

use super::engine::Faults;
use super::node::{Memory, SimulatedNode};
use super::{WILD, World};

impl World {
    pub(super) fn calm_down(&mut self) {
        self.log(|| "calm".into());
        self.faults = Faults { delay: 2, ..Faults::default() };
        (self.engine.is_up, self.engine.stalled_until) = (true, 0);
    }

    pub(super) fn disturb_engine(&mut self) {
        if !self.is_wild() {
            return;
        }
        let (random, engine, step) = (&mut self.random, &mut self.engine, self.step);
        let is_long = self.wild > WILD;
        if random.one_in(if is_long && !engine.is_up { 800 } else { 120 }) {
            engine.is_up = !engine.is_up;
        }
        if random.one_in(400) {
            engine.stalled_until = step + random.below(150);
        }
        if self.is_sound {
            return;
        }
        // A log that begins right after what a node has read cannot be compared with it.
        if random.one_in(300) && engine.restored == 0 {
            engine.trim(5 + random.below(60));
        }
        if random.one_in(200) {
            let size = *random.pick(&[0, 9, 70_000]);
            engine.store(vec![*random.pick(&[b'[', 0xff]); size], step, random);
        }
        if random.one_in(3_000) && engine.last() > 0 {
            self.restore_engine();
        }
    }

    /// The engine forgets its newest entries.
    fn restore_engine(&mut self) {
        let lost = 1 + self.random.below(100);
        for index in 0..self.nodes.len() {
            self.nodes[index].drop_connection(&mut self.engine, self.step, &mut self.random);
        }
        self.count("restored engines", 1);
        for SimulatedNode { chat, .. } in &self.nodes {
            // What became of these was decided by entries that are forgotten now.
            self.undecided.extend(&chat.told.not_said);
            self.undecided.extend(chat.people.values().flat_map(|person| &person.pending));
        }
        let before = self.expected_lines();
        self.engine.restore(lost);
        let last = self.engine.last();
        self.excused.extend(before.into_values().map(|line| line.text));
        self.seen.split_off(&((last + 1) * 256));
        self.states.split_off(&(last + 1));
        self.geneses.split_off(&(last + 1));
        self.log(|| format!("the engine is restored until {last}"));
    }

    pub(super) fn disturb_node(&mut self, index: usize) {
        let (step, is_calm) = (self.step, !self.is_wild() || self.is_sound);
        if self.nodes[index].begins_at.is_some_and(|at| at <= step) {
            let memory = *self.random.pick(&[Memory::Nothing, Memory::History, Memory::State]);
            self.nodes[index].begin(memory, &mut self.random, self.weakness);
            self.count("begins without the state", usize::from(memory == Memory::History));
            self.log(|| format!("node {index} begins with {memory:?}"));
        }
        if is_calm || self.nodes[index].begins_at.is_some() {
            return;
        }
        if self.random.one_in(700) {
            self.nodes[index].paused_until = step + 5 + self.random.below(120);
        }
        if self.random.one_in(900) {
            self.log(|| format!("node {index} crashes"));
            self.count("crashes", 1);
            self.end_process(index);
        } else if self.random.one_in(900) {
            self.count("handovers", 1);
            self.nodes[index].drop_connection(&mut self.engine, step, &mut self.random);
            self.nodes[index].hand_over();
        } else if self.random.one_in(1_200) && self.nodes[index].runs(step) {
            self.nodes[index].leaves = true;
            self.nodes[index].replica.leave();
        }
    }

    /// The process ends, with its people.
    pub(super) fn end_process(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.drop_connection(&mut self.engine, self.step, &mut self.random);
        let pending = node.chat.people.values().flat_map(|person| person.pending.iter().copied());
        self.excused.extend(pending);
        node.chat.people.clear();
        node.begins_at = Some(self.step + 2 + self.random.below(150));
    }
}
