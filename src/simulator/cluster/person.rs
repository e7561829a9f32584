//! People with programs: what they are shown. What they type is in `acting.rs`.

mod acting;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::stays::Stays;
use crate::simulator::network::Wire;

/// The password of all accounts.
const PASSWORD: &str = "secret";

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is not asked for a name yet, or waits for the answer to one.
    Arriving,
    /// It is asked for a name since this step.
    Asked(usize),
    Present,
    /// Its connection has ended.
    Gone,
}

/// A message that was shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Shown {
    pub room: String,
    pub name: String,
    pub text: String,
}

/// Where a session has ended, for one that goes on there.
#[derive(Clone, Debug)]
struct Place {
    run: String,
    room: String,
    others: Vec<String>,
    /// The newest message that was read.
    after: u64,
}

/// A session, and the person at it.
pub struct Person {
    pub number: usize,
    pub node: usize,
    pub wire: Rc<RefCell<Wire>>,
    /// Bytes that are no whole line yet.
    bytes: Vec<u8>,
    pub stage: Stage,
    pub name: String,
    /// The messages that were typed, by their numbers.
    pub sent: Vec<u32>,
    /// Messages of which is not known what has become of them.
    pub open: usize,
    /// Messages that were refused.
    pub refused: usize,
    /// A command is not answered; nothing is typed until this number comes back.
    barrier: Option<u32>,
    /// It is not certain which refusal is of which line.
    pub is_unsure: bool,
    /// Messages that are perhaps refused.
    pub unsure: usize,
    /// The log has forgotten what it has typed or read.
    pub is_restored: bool,
    /// Its node reads the log that there is.
    is_current: bool,
    /// Refusals since the node was cut off, prompts for another name, and returns to a room after the node was taken for dead.
    pub cut_off: usize,
    pub asked_again: usize,
    pub resumed: usize,
    /// What it was shown, by the ids.
    pub shown: BTreeMap<u64, Shown>,
    /// The same of the runs before: another run gives ids again.
    pub shown_before: BTreeMap<u64, Shown>,
    pub stays: Stays,
    pub errors: Vec<String>,
    /// Names that it has registered.
    pub registered: usize,
    /// Names are unlike those of all others.
    is_unique: bool,
    /// How often it has given a name.
    attempts: usize,
    /// The run of the cluster, as the server has told it.
    run: String,
    ended_at: Option<Place>,
    /// Where it goes on.
    goes_on_at: Option<Place>,
}

impl Person {
    pub fn new(number: usize, node: usize, wire: Rc<RefCell<Wire>>, is_unique: bool) -> Person {
        Person::begin(number, node, wire, is_unique, None)
    }

    /// The person at a session that has ended begins another one, perhaps at another node, and asks for what it has missed. `None` if
    /// there is nothing to go on with, or somebody has done this already.
    pub fn come_back(&mut self, number: usize, node: usize, wire: Rc<RefCell<Wire>>) -> Option<Person> {
        let place = self.ended_at.take().filter(|_| !self.is_restored)?;
        Some(Person::begin(number, node, wire, self.is_unique, Some(place)))
    }

    fn begin(
        number: usize,
        node: usize,
        wire: Rc<RefCell<Wire>>,
        is_unique: bool,
        goes_on_at: Option<Place>,
    ) -> Person {
        let words = goes_on_at.as_ref().map_or_else(String::new, |Place { run, room, others, after }| {
            format!(" room={room} follow={} run={run} after={after}", others.join(","))
        });
        wire.borrow_mut().arrive(format!("/json{words}\n").bytes());
        Person {
            number,
            node,
            wire,
            bytes: Vec::new(),
            stage: Stage::Arriving,
            name: String::new(),
            sent: Vec::new(),
            open: 0,
            refused: 0,
            barrier: None,
            is_unsure: false,
            unsure: 0,
            is_restored: false,
            is_current: true,
            cut_off: 0,
            asked_again: 0,
            resumed: 0,
            shown: BTreeMap::new(),
            shown_before: BTreeMap::new(),
            stays: Stays::default(),
            errors: Vec::new(),
            registered: 0,
            is_unique,
            attempts: 0,
            run: String::new(),
            ended_at: None,
            goes_on_at,
        }
    }

    pub fn is_gone(&self) -> bool {
        self.stage == Stage::Gone
    }

    /// Whether everything that was typed is answered.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Present && self.open == 0 && self.barrier.is_none()
    }

    fn type_line(&mut self, line: &str) {
        self.wire.borrow_mut().arrive(line.bytes().chain(*b"\n"));
    }

    fn abandon(&mut self) {
        self.wire.borrow_mut().abandon();
        self.end();
    }

    /// The connection is no more.
    pub fn end(&mut self) {
        let newest = self.shown.last_key_value().map(|(&id, _)| id);
        if let Some(after) = newest.filter(|_| self.stage == Stage::Present) {
            let (room, others) = self.stays.rooms();
            self.ended_at = Some(Place { run: self.run.clone(), room, others, after });
        }
        self.stage = Stage::Gone;
        self.stays.end_all();
    }

    /// The log has forgotten what is not among these messages.
    pub fn forget_all_but(&mut self, kept: &BTreeMap<u64, (u64, Shown)>) {
        for shown in [&mut self.shown, &mut self.shown_before] {
            shown.retain(|id, shown| kept.get(id).is_some_and(|(_, kept)| kept == shown));
        }
        self.is_restored = true;
        self.goes_on_at = None;
        self.stays.forget();
    }

    /// Reads all that has come; returns the lines. What comes from a log that was restored meanwhile does not count.
    pub fn read(&mut self, is_current: bool, texts: &mut u32, step: usize) -> Vec<String> {
        let (fresh, has_ended) = {
            let mut wire = self.wire.borrow_mut();
            wire.take(usize::MAX);
            (std::mem::take(&mut wire.fresh), wire.shut || wire.closed)
        };
        self.bytes.extend(fresh);
        self.is_current = is_current;
        let mut lines = Vec::new();
        while let Some(end) = self.bytes.windows(2).position(|two| two == b"\r\n") {
            let line: Vec<u8> = self.bytes.drain(..end + 2).collect();
            let line = String::from_utf8(line[..end].to_vec()).expect("text");
            if line.starts_with('{') {
                let value = serde_json::from_str(&line).expect("JSON");
                self.note(&value, texts, step);
            }
            lines.push(line);
        }
        if has_ended && !self.is_gone() {
            self.abandon();
        }
        lines
    }

    fn note(&mut self, event: &Value, texts: &mut u32, step: usize) {
        let text = |name: &str| event[name].as_str().unwrap_or("").to_owned();
        let (kind, room) = (text("t"), text("room"));
        match &*kind {
            "ask" => self.be_asked(step),
            "ask_password" => self.type_line(PASSWORD),
            "account" if text("what") == "registered" => self.registered += 1,
            "hello" => {
                let before = std::mem::replace(&mut self.run, text("run"));
                if !before.is_empty() && before != self.run {
                    self.shown_before.append(&mut self.shown);
                }
            }
            "entered" => {
                // In another run, it is shown everything.
                if let Some(Place { room, mut others, after, .. }) =
                    self.goes_on_at.take().filter(|place| place.run == self.run)
                {
                    others.push(room);
                    self.stays.resume(others, after);
                }
                let is_first = self.name.is_empty();
                let was_asked = self.stage != Stage::Present;
                (self.stage, self.name) = (Stage::Present, text("name"));
                // The member of an account may have other rooms than this session had.
                if event["account"] == true {
                    self.stays.end_all_but(&room);
                }
                self.stays.go_to(&room);
                if is_first || was_asked && self.barrier.is_some() {
                    self.command("/echo on", texts);
                }
            }
            "room" => {
                self.stays.go_to(&room);
                // What was read before is shown again.
                self.stays.end(&room);
                self.stays.begin(&room);
            }
            "following" => self.stays.begin(&room),
            "unfollowed" => self.stays.end(&room),
            "removed" => self.stays.end(&room),
            "renamed" if text("old") == self.name => self.name = text("new"),
            "history" => self.resumed += usize::from(self.stays.begin_replay(&room, event["gap"] == true, &self.run)),
            "live" => self.stays.end_replay(&room),
            "said" | "action" => {
                let id = event["id"].as_u64().expect("an id");
                self.see(id, Shown { room, name: text("name"), text: text("text") });
            }
            // Who comes while the server ends is not shown.
            "ending" => self.stays.end_watching(),
            "left" => self.stays.note_left(&room, text("name")),
            "joined" => self.stays.note_joined(&room, &text("name")),
            "pong" if text("text").parse().ok() == self.barrier => {
                self.barrier = None;
                self.stays.end_resuming();
            }
            "refused" => self.take_refusal(&text("what"), event["asked"] == true, step),
            _ => {}
        }
        if kind == "renamed" {
            self.stays.note_here(&text("new"));
        }
    }

    /// A line is refused. `asks` if a name is asked for by that.
    fn take_refusal(&mut self, what: &str, asks: bool, step: usize) {
        let is_of_name = asks && what != "bad_name";
        match self.stage {
            _ if is_of_name => self.be_asked(step),
            // The name that it had, or wants, is that of another one by now: it is asked for a name next.
            _ if matches!(what, "taken" | "registered") => {}
            // The chat has begun anew without its account.
            _ if what == "account_removed" => {}
            // It was banned meanwhile from the room in which it wants to go on, and is in the lobby.
            Stage::Arriving if what == "banned_from" => {}
            // The answer to a command, or to what was typed when the name was lost.
            _ if self.open == 0 && self.barrier.is_some() => {}
            _ if self.open > 0 => {
                self.open -= 1;
                match what {
                    "perhaps_not_said" => self.unsure += 1,
                    _ => self.refused += 1,
                }
                self.cut_off += usize::from(what == "cut_off");
            }
            stage => self.errors.push(format!("{} is refused {what} and has typed nothing, {stage:?}", self.name)),
        }
    }

    /// A name is asked for.
    fn be_asked(&mut self, step: usize) {
        self.asked_again += usize::from(self.stage == Stage::Present);
        self.stage = Stage::Asked(step);
        self.stays.end_all();
    }

    fn see(&mut self, id: u64, shown: Shown) {
        if !self.is_current {
            return;
        }
        let number = number_of(&shown.text);
        let is_own = number.is_some_and(|number| self.sent.contains(&number));
        if is_own && !self.shown.contains_key(&id) && self.shown_before.get(&id) != Some(&shown) {
            self.open = self.open.saturating_sub(1);
        }
        let who = self.number;
        let wrong = self.stays.see(id, &shown.room, &shown.name, &self.run);
        self.errors.extend(wrong.map(|what| format!("person {who} is shown {id} {what}")));
        match self.shown.insert(id, shown.clone()) {
            Some(before) if before != shown => {
                self.errors.push(format!("person {who} is shown {before:?} and {shown:?} at {id}"));
            }
            _ => {}
        }
    }
}

/// The number of a message.
pub fn number_of(text: &str) -> Option<u32> {
    text.strip_prefix('n')?.split(' ').next()?.parse().ok()
}
