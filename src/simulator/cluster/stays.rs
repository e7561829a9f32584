//! The rooms that a session reads, each for a time without a gap.

use std::collections::BTreeSet;

/// The time for which a session reads a room without a gap.
#[derive(Clone, Debug, Default)]
pub struct Stay {
    pub room: String,
    /// The ids of the messages that were shown.
    pub ids: Vec<u64>,
    /// The run of the newest one.
    pub run: String,
    /// Between this message, which was read before, and the first one some are missing, as was told.
    pub gap_after: Option<u64>,
    /// Older messages are shown.
    replays: bool,
    /// How many of the messages were older ones.
    pub replayed: usize,
    /// Who has left the room meanwhile.
    gone: BTreeSet<String>,
}

#[derive(Default)]
pub struct Stays {
    /// The rooms that are read.
    pub present: Vec<Stay>,
    /// What has ended.
    pub past: Vec<Stay>,
    current: String,
    /// The rooms that go on after this message, since the same person has read until there in another session.
    resumed: Option<(Vec<String>, u64)>,
}

impl Stays {
    /// A room that is read besides the current one.
    pub fn followed(&self) -> Option<String> {
        self.present.iter().map(|stay| stay.room.clone()).find(|room| *room != self.current)
    }

    /// The rooms that are read: the current one, and the others.
    pub fn rooms(&self) -> (String, Vec<String>) {
        let others = self.present.iter().map(|stay| stay.room.clone()).filter(|room| *room != self.current);
        (self.current.clone(), others.collect())
    }

    /// If these rooms are read next, they go on after this message.
    pub fn resume(&mut self, rooms: Vec<String>, after: u64) {
        self.resumed = Some((rooms, after));
    }

    /// From now on no room goes on.
    pub fn end_resuming(&mut self) {
        self.resumed = None;
    }

    fn stay(&mut self, room: &str) -> &mut Stay {
        self.begin(room);
        self.present.iter_mut().find(|stay| stay.room == room).expect("it was added")
    }

    /// A room is read, perhaps already.
    pub fn begin(&mut self, room: &str) {
        if !self.present.iter().any(|stay| stay.room == room) {
            let resumed = self.resumed.as_mut().filter(|(rooms, _)| rooms.iter().any(|other| other == room));
            let ids = resumed.map(|(rooms, after)| {
                rooms.retain(|other| other != room);
                *after
            });
            self.present.push(Stay { room: room.to_owned(), ids: ids.into_iter().collect(), ..Stay::default() });
        }
    }

    /// A room is read no longer.
    pub fn end(&mut self, room: &str) {
        if let Some(index) = self.present.iter().position(|stay| stay.room == room) {
            self.past.push(self.present.remove(index));
        }
    }

    /// Only this room is read further.
    pub fn end_all_but(&mut self, room: &str) {
        let ended = self.present.extract_if(.., |stay| stay.room != room);
        self.past.extend(ended);
    }

    pub fn end_all(&mut self) {
        self.past.append(&mut self.present);
    }

    /// Another room is the current one, or the same again.
    pub fn go_to(&mut self, room: &str) {
        let before = std::mem::replace(&mut self.current, room.to_owned());
        if before != room {
            self.end(&before);
        }
        self.begin(room);
    }

    /// Older messages follow. After a gap they need not be the ones after those that were read. Returns whether the room was read before.
    pub fn begin_replay(&mut self, room: &str, after_gap: bool, run: &str) -> bool {
        let Stay { ids, run: before, .. } = self.stay(room);
        let is_of_run = before.is_empty() || before == run;
        let gap_after = ids.last().copied().filter(|_| after_gap && is_of_run);
        if after_gap {
            self.end(room);
        }
        let stay = self.stay(room);
        stay.gap_after = gap_after;
        stay.replays = true;
        stay.gone.clear();
        !stay.ids.is_empty()
    }

    pub fn end_replay(&mut self, room: &str) {
        let stay = self.stay(room);
        (stay.replays, stay.replayed) = (false, stay.ids.len());
    }

    /// From now on it does not count who has left.
    pub fn end_watching(&mut self) {
        self.present.iter_mut().for_each(|stay| stay.gone.clear());
    }

    pub fn note_left(&mut self, room: &str, name: String) {
        self.stay(room).gone.insert(name);
    }

    pub fn note_joined(&mut self, room: &str, name: &str) {
        self.stay(room).gone.remove(name);
    }

    /// Somebody has this name now.
    pub fn note_here(&mut self, name: &str) {
        self.present.iter_mut().for_each(|stay| _ = stay.gone.remove(name));
    }

    /// A message of this run of the cluster is shown; returns what is wrong with that.
    pub fn see(&mut self, id: u64, room: &str, name: &str, run: &str) -> Option<String> {
        let Stay { ids, run: before, replays, .. } = self.stay(room);
        let (is_anew, replays) = (before != run && ids.last().is_some_and(|last| id <= *last), *replays);
        if is_anew {
            self.end(room);
        }
        let stay = self.stay(room);
        stay.replays = replays;
        stay.run = run.to_owned();
        let last = stay.ids.last().copied().unwrap_or(0);
        stay.ids.push(id);
        if id <= last {
            return Some(format!("in {room} after {last}"));
        }
        (!stay.replays && stay.gone.contains(name)).then(|| format!("of {name}, who has left {room}"))
    }

    /// What was shown does not count any more.
    pub fn forget(&mut self) {
        self.resumed = None;
        self.present.iter_mut().chain(&mut self.past).for_each(|stay| (stay.ids, stay.gap_after) = (Vec::new(), None));
    }
}
