//! What goes wrong in the first part of a world.

use super::reference::Reference;
use super::store::Files;
use super::world::World;
use crate::cluster::replica::world::engine::Faults;

impl World {
    pub(super) fn calm_down(&mut self) {
        self.record(|| "calm".into());
        self.faults = Faults { delay: 2, ..Faults::default() };
        (self.log.is_up, self.log.stalled_until, self.bucket_stalled_until) = (true, 0, 0);
    }

    pub(super) fn disturb_log(&mut self) {
        if !self.is_wild() {
            return;
        }
        let is_long = self.is_long();
        let (random, log, step) = (&mut self.random, &mut self.log, self.step);
        if random.one_in(if is_long && !log.is_up { 800 } else { 120 }) {
            log.is_up = !log.is_up;
        }
        if random.one_in(400) {
            log.stalled_until = step + random.below(150);
        }
        if random.one_in(400) {
            self.bucket_stalled_until = step + random.below(100);
        }
        if self.is_sound {
            return;
        }
        // A log that begins right after what a node has read cannot be compared with it.
        if random.one_in(120) && log.restored == 0 {
            log.trim(1 + random.below(25));
        }
        if random.one_in(200) {
            let size = *random.pick(&[0, 9, 70_000]);
            log.store(vec![*random.pick(&[b'[', 0xff]); size], step, random);
        }
        if random.one_in(3_000) && log.last() > 0 {
            self.restore_log();
        }
    }

    /// The engine forgets its newest entries.
    fn restore_log(&mut self) {
        let lost = 1 + self.random.below(100);
        for node in &mut self.nodes {
            node.drop_connection(&mut self.log, &mut self.bucket, self.step, &mut self.random);
        }
        self.count("restored engines", 1);
        let Reference { messages: before, deleted, geneses, .. } =
            Reference::of(&self.log, &self.founded, self.config());
        self.forgotten.deletions.extend(deleted.into_keys());
        self.forgotten.geneses.extend(geneses.into_keys());
        self.log.restore(lost);
        self.bucket.restore(self.random.below(20));
        let last = self.log.last();
        self.states.split_off(&(last + 1));
        self.founded.split_off(&(last + 1));
        let kept = Reference::of(&self.log, &self.founded, self.config()).messages;
        self.people.iter_mut().for_each(|person| person.forget_all_but(&kept));
        let forgotten = before.into_iter().filter(|(id, message)| kept.get(id) != Some(message));
        self.forgotten.messages.extend(forgotten.map(|(id, (_, shown))| (id, shown)));
        self.record(|| format!("the engine is restored until {last}"));
    }

    pub(super) fn disturb_node(&mut self, index: usize) {
        let (step, is_calm) = (self.step, !self.is_wild() || self.is_sound);
        let (random, node) = (&mut self.random, &mut self.nodes[index]);
        if node.process.is_none() && node.begins_at <= step {
            let files = *random.pick(&[Files::AsTheyWere, Files::AsTheyWere, Files::Lost, Files::Older]);
            let files = node.begin(files, self.weakness, step, random);
            let error = node.check_begin(files);
            self.errors.extend(error.map(|error| format!("node {index}: {error}")));
            self.record(|| format!("node {index} begins with its files {files:?}"));
            self.count(files.begins(), usize::from(self.nodes[index].store.is_some()));
            return;
        }
        if is_calm || node.process.is_none() {
            return;
        }
        if let Some(store) = node.store.as_mut().filter(|_| random.one_in(100)) {
            store.copy();
        }
        if random.one_in(200) {
            node.record_checkpoint(step);
        }
        if random.one_in(400) {
            node.paused_until = step + 5 + random.below(120);
        }
        if random.one_in(900) {
            self.record(|| format!("node {index} crashes"));
            self.count("crashes", 1);
            // Perhaps within a turn, before what was applied is stored.
            self.nodes[index].crashes = self.random.one_in(2);
            if !self.nodes[index].crashes {
                self.end_process(index);
            }
        } else if random.one_in(600) && !node.is_ending() {
            node.hand_over(&mut self.log, &mut self.bucket, self.weakness, step, random);
            self.count("handovers", 1);
            self.record(|| format!("node {index} is handed over"));
        } else if random.one_in(1_200) && node.runs(step) {
            node.leave(step);
            self.record(|| format!("node {index} begins to end"));
        } else if random.one_in(1_000) && !node.is_ending() {
            self.accuse_all(index);
        }
    }

    /// A node takes all others for dead, without a reason.
    fn accuse_all(&mut self, index: usize) {
        if let Some(process) = &mut self.nodes[index].process
            && process.part.replica().is_ready()
        {
            process.part.replica_mut().accuse_all();
            self.count("wrong accusations", 1);
            self.record(|| format!("node {index} accuses all others"));
        }
    }

    /// The process ends, with its people.
    pub(super) fn end_process(&mut self, index: usize) {
        let (random, node) = (&mut self.random, &mut self.nodes[index]);
        node.end(&mut self.log, &mut self.bucket, self.step, random);
        node.begins_at = self.step + 2 + random.below(150);
        let here = self.people.iter_mut().filter(|person| person.node == index && !person.is_gone());
        let here = here.inspect(|person| node.note_shown(person));
        here.for_each(super::person::Person::end);
    }
}
