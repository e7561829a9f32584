//! A small chat: names with one owner each, and lines. It stands for the hub.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::{Application, Burial, Fate, Place, Proposal, Understood};
use crate::chat::Incarnation;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Claim {
        session: u64,
        name: String,
    },
    Leave {
        session: u64,
    },
    /// The name is for those who only keep the history.
    Say {
        session: u64,
        name: String,
        text: u64,
    },
}

/// Who has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    pub incarnation: Incarnation,
    pub session: u64,
}

/// A session of this node.
pub struct Person {
    pub name: String,
    pub is_named: bool,
    /// What it has said and has not seen.
    pub pending: VecDeque<u64>,
}

/// A line that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub session: u64,
    pub name: String,
    pub text: u64,
}

/// What people were told of lines that they do not see.
#[derive(Default)]
pub struct Told {
    pub not_said: Vec<u64>,
    pub unsure: Vec<u64>,
    pub said: Vec<u64>,
    /// People who have lost their names.
    pub sent_off: usize,
    /// Ends of this node that it has read itself.
    pub deaths: usize,
}

#[derive(Default)]
pub struct Chat {
    pub names: BTreeMap<String, Owner>,
    pub people: BTreeMap<u64, Person>,
    pub proposals: Vec<Proposal<u64>>,
    /// Lines since the store was written, with their ids.
    pub shown: Vec<(u64, Line)>,
    pub told: Told,
    pub incarnation: Option<Incarnation>,
    pub buried: Vec<(Incarnation, Burial)>,
    /// How this node's newest incarnation that took part has ended.
    pub own_end: Option<Burial>,
    pub errors: Vec<String>,
    /// Bytes that are added to a snapshot, so that it has several pieces.
    pub padding: usize,
    pub time: Duration,
}

impl Chat {
    pub fn propose(&mut self, session: u64, change: &Change) {
        let lasting = !matches!(change, Change::Say { .. });
        let change = serde_json::to_string(change).unwrap();
        // As if some lines made several messages.
        let ids = if lasting { 1 } else { 1 + session as usize % 3 };
        self.proposals.push(Proposal { origin: Some(session), change, ids, must_understand: true, lasting });
    }

    pub fn arrive(&mut self, session: u64, name: String) {
        self.propose(session, &Change::Claim { session, name: name.clone() });
        self.people.insert(session, Person { name, is_named: false, pending: VecDeque::new() });
    }

    pub fn say(&mut self, session: u64, text: u64) {
        let person = self.people.get_mut(&session).unwrap();
        person.pending.push_back(text);
        let name = person.name.clone();
        self.propose(session, &Change::Say { session, name, text });
    }

    pub fn depart(&mut self, session: u64) {
        self.people.remove(&session);
        self.propose(session, &Change::Leave { session });
    }

    /// Tells a person that a line was not said.
    pub fn refuse(&mut self, proposal: &Proposal<u64>) {
        match serde_json::from_str(&proposal.change).unwrap() {
            Change::Say { session, text, .. } => {
                self.told.not_said.push(text);
                self.settle(session, text);
            }
            Change::Claim { session, .. } => {
                let person = self.people.remove(&session);
                self.told.not_said.extend(person.into_iter().flat_map(|person| person.pending));
            }
            Change::Leave { .. } => {}
        }
    }

    fn settle(&mut self, session: u64, text: u64) {
        if let Some(person) = self.people.get_mut(&session) {
            person.pending.retain(|&pending| pending != text);
        }
    }

    fn note_time(&mut self, time: Duration) {
        if time < self.time {
            self.errors.push(format!("time goes back from {:?} to {time:?}", self.time));
        }
        self.time = time;
    }

    fn claim(&mut self, session: u64, name: String, place: Place<u64>) {
        let owner = Owner { incarnation: place.incarnation, session };
        let is_owner = *self.names.entry(name).or_insert(owner) == owner;
        let Some(person) = place.origin.and_then(|session| self.people.get_mut(&session)) else { return };
        if is_owner {
            person.is_named = true;
            let (name, pending) = (person.name.clone(), person.pending.clone());
            for text in pending {
                self.propose(session, &Change::Say { session, name: name.clone(), text });
            }
        } else {
            self.told.not_said.extend(person.pending.drain(..));
            self.told.sent_off += 1;
            self.people.remove(&session);
        }
    }

    fn hear(&mut self, line: Line, place: Place<u64>) {
        let owner = Owner { incarnation: place.incarnation, session: line.session };
        if self.names.get(&line.name) == Some(&owner) {
            if place.origin.is_some() {
                self.settle(line.session, line.text);
            }
            self.shown.push((place.id(), line));
        } else if place.origin.is_some() {
            self.told.not_said.push(line.text);
            self.settle(line.session, line.text);
        }
    }
}

impl Application for Chat {
    type Origin = u64;

    fn apply(&mut self, change: &str, place: Place<u64>) -> Understood {
        self.note_time(place.time);
        if self.incarnation == Some(place.incarnation) && place.origin.is_none() {
            self.errors.push(format!("a change of this node at {} has no origin", place.id()));
        }
        let Ok(change) = serde_json::from_str(change) else { return Understood::No };
        match change {
            Change::Claim { session, name } => self.claim(session, name, place),
            Change::Leave { session } => {
                let owner = Owner { incarnation: place.incarnation, session };
                self.names.retain(|_, other| *other != owner);
            }
            Change::Say { session, name, text } => self.hear(Line { session, name, text }, place),
        }
        Understood::Yes
    }

    fn bridge(&mut self, change: &str, place: Place<u64>) {
        if let Ok(Change::Say { session, name, text }) = serde_json::from_str(change) {
            self.shown.push((place.id(), Line { session, name, text }));
        }
    }

    fn bury(&mut self, incarnation: Incarnation, burial: Burial, place: Place<u64>) {
        self.note_time(place.time);
        self.buried.push((incarnation, burial));
        if self.incarnation == Some(incarnation) {
            self.own_end = Some(burial);
            self.told.deaths += usize::from(burial != Burial::Left);
        }
        self.names.retain(|_, owner| owner.incarnation != incarnation);
    }

    fn snapshot(&self, _version: u16) -> String {
        serde_json::to_string(&self.names).unwrap() + &" ".repeat(self.padding)
    }

    fn restore(&mut self, snapshot: &str, _continues: bool) -> Result<(), String> {
        self.names = serde_json::from_str(snapshot).map_err(|error| error.to_string())?;
        self.time = Duration::ZERO;
        Ok(())
    }

    fn found(&mut self, _place: Place<u64>, _lacks_entries: bool) {
        self.names.clear();
        self.time = Duration::ZERO;
    }

    fn return_proposal(&mut self, proposal: Proposal<u64>, fate: Fate) {
        let Ok(Change::Say { session, text, .. }) = serde_json::from_str(&proposal.change) else { return };
        match fate {
            // It is said again when the name is claimed.
            Fate::Never => return,
            Fate::Refused => self.told.not_said.push(text),
            Fate::Applied => self.told.said.push(text),
            Fate::Unknown => self.told.unsure.push(text),
        }
        self.settle(session, text);
    }

    fn begin(&mut self, incarnation: Incarnation) {
        self.incarnation = Some(incarnation);
        let claims: Vec<_> = self.people.iter().map(|(&session, person)| (session, person.name.clone())).collect();
        for (session, name) in claims {
            self.people.get_mut(&session).unwrap().is_named = false;
            self.propose(session, &Change::Claim { session, name });
        }
    }
}
