//! What is known of a connection, from what has been read and sent on it.

#[cfg(test)]
mod session_tests;

use std::collections::VecDeque;

use compact_str::CompactString;

use super::shape::{Notice, People, Refusal, Shape};
use crate::chat::LOBBY;
use crate::chat::command::{Command, is_blank};
use crate::chat::name::fold;
use crate::client::input::name_cache::NameCache;
use crate::client::ui::mention::Mention;

/// Within so many lines a server that shows us our own lines has shown the one that was sent.
const ECHO_WITHIN: u64 = 20;

/// How far we have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// The server has not said, or is not ours.
    #[default]
    Unknown,
    /// A nickname is asked for.
    Asked,
    /// In line, as the how manieth.
    Waiting(u32),
    /// In a room, or talking with the operator.
    Here,
}

/// Why the server is about to close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Goodbye,
    Kicked,
    Banned,
    ShuttingDown,
    Idle,
    LoginTimeout,
    Full,
    Busy,
    TooManyFromAddress,
    OtherProtocol,
}

/// A line of our own, to be shown since the server does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo<'a> {
    Said(&'a str),
    Action(&'a str),
}

impl Echo<'_> {
    /// What to type to say it.
    pub fn line(&self) -> String {
        match *self {
            Echo::Said(text) if Command::parse(text) == Command::Say(text) => text.into(),
            Echo::Said(text) => format!("/say {text}"),
            Echo::Action(text) => format!("/me {text}"),
        }
    }
}

/// Our own name: as the server spells it, folded, and as a word to look for in messages.
#[derive(Debug)]
struct Own {
    shown: CompactString,
    key: String,
    mention: Mention,
}

/// What is known. [`Session::hear`] gets every line that is read, [`Session::said`] every line that is sent.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    ours: bool,
    name: Option<Own>,
    room: CompactString,
    /// Where we were when the connection dropped.
    back_to: Option<CompactString>,
    here: Option<usize>,
    people: NameCache,
    rooms: NameCache,
    in_history: bool,
    /// Whether the server shows us our own lines, for a server of ours and for another.
    echo: bool,
    echoes: bool,
    ending: Option<Ending>,
    /// What was sent lately to a server that is not ours, and after how many lines of its.
    sent: VecDeque<(CompactString, u64)>,
    lines: u64,
}

impl Default for Session {
    fn default() -> Self {
        let mut rooms = NameCache::default();
        rooms.listed(LOBBY, false);
        Session {
            stage: Stage::Unknown,
            ours: false,
            name: None,
            room: LOBBY.into(),
            back_to: None,
            here: None,
            people: NameCache::default(),
            rooms,
            in_history: false,
            echo: false,
            echoes: false,
            ending: None,
            sent: VecDeque::new(),
            lines: 0,
        }
    }
}

impl Session {
    /// How far we have come.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether the server is a chinwag; once it was, it stays one.
    pub fn is_ours(&self) -> bool {
        self.ours
    }

    /// Our own name, as the server spells it; kept when the connection drops.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|own| &*own.shown)
    }

    /// The room that we are in.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// The room to be joined again after the login, if it is another than the lobby.
    pub fn back_to(&self) -> Option<&str> {
        self.back_to.as_deref()
    }

    /// How many people are in our room, ourselves included.
    pub fn here(&self) -> Option<usize> {
        self.here
    }

    /// The names of others: first of those in our room, and of these whoever was heard last first.
    pub fn names(&self) -> Vec<&str> {
        self.people.list()
    }

    /// The rooms of which we know, the one heard of last first.
    pub fn rooms(&self) -> Vec<&str> {
        self.rooms.list()
    }

    /// Whether the server shows us our own lines.
    #[cfg(test)]
    pub fn server_echoes(&self) -> bool {
        self.echo || self.echoes
    }

    /// Why the connection is about to be closed, if the server said so.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Whether a text has our name in it, as a word of its own.
    pub fn mentions(&self, text: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.mention.is_in(text))
    }

    /// The connection is a new one: what was of the old one is forgotten.
    pub fn reconnected(&mut self) {
        let room = std::mem::replace(&mut self.room, LOBBY.into());
        if room != LOBBY {
            self.back_to = Some(room);
        }
        self.stage = Stage::Unknown;
        self.here = None;
        self.people.all_left();
        self.in_history = false;
        self.echo = false;
        self.ending = None;
        self.sent.clear();
    }

    /// A line is being sent; returns what of it is to be shown at once.
    pub fn said<'a>(&mut self, line: &'a str) -> Option<Echo<'a>> {
        if self.ending.is_some() || is_blank(line) {
            return None;
        }
        if self.stage == Stage::Unknown && !self.ours {
            if self.echoes {
                return None;
            }
            if self.sent.len() >= ECHO_WITHIN as usize {
                self.sent.pop_front();
            }
            self.sent.push_back((line.into(), self.lines));
            return Some(Echo::Said(line));
        }
        if self.stage != Stage::Here || self.echo {
            return None;
        }
        match Command::parse(line) {
            Command::Say(text) if !is_blank(text) => Some(Echo::Said(text)),
            Command::Action(text) if !is_blank(text) => Some(Echo::Action(text)),
            _ => None,
        }
    }

    /// A line has been read.
    pub fn hear(&mut self, shape: &Shape) {
        self.lines += 1;
        match *shape {
            Shape::Said { name, text, .. } | Shape::Action { name, text, .. } => {
                // Who spoke in the history may have gone since.
                self.heard(name, !self.in_history);
                self.look_for_echo(text);
            }
            Shape::Whisper { from: name, .. } | Shape::Whispered { to: name, .. } => self.heard(name, false),
            Shape::Notice(ref notice) => self.hear_notice(notice),
            Shape::Refused(ref refusal) => self.hear_refusal(refusal),
            Shape::Raw(line) => self.look_for_echo(line),
        }
    }

    fn hear_notice(&mut self, notice: &Notice) {
        match *notice {
            Notice::Welcome => self.arrive(Stage::Asked),
            Notice::Waiting { number } => self.arrive(Stage::Waiting(number)),
            Notice::Entered { name, ref people } => {
                self.arrive(Stage::Here);
                self.call_us(name);
                self.enter(LOBBY, people);
            }
            Notice::EnteredPeer { name } => {
                self.arrive(Stage::Here);
                self.call_us(name);
            }
            Notice::EnteredRoom { room, ref people } => {
                self.back_to = None;
                self.enter(room, people);
            }
            Notice::HistoryBegins { .. } => self.in_history = true,
            Notice::HistoryEnds => self.in_history = false,
            Notice::Joined { name, here } => {
                self.here = Some(here);
                self.heard(name, true);
            }
            Notice::Left { name, here, .. } => {
                self.here = Some(here);
                if !self.is_us(name) {
                    self.people.left(name);
                }
            }
            Notice::Summed { here, .. } => self.here = Some(here),
            Notice::Renamed { old, new } if self.is_us(old) => self.call_us(new),
            Notice::Renamed { old, new } => {
                self.people.forget(old);
                self.heard(new, true);
            }
            Notice::People(ref people) => {
                self.here = Some(people.here);
                self.list(people, true);
            }
            Notice::PeopleIn { room, ref people } => {
                self.rooms.heard(room, false);
                self.list(people, false);
            }
            Notice::Rooms { ref rooms, .. } => {
                // The fullest is named first, and is to be offered first.
                rooms.iter().rev().for_each(|(room, _)| self.rooms.listed(room, false));
            }
            Notice::Echo { on } => self.echo = on,
            Notice::Goodbye => self.ending = Some(Ending::Goodbye),
            Notice::Kicked { .. } => self.ending = Some(Ending::Kicked),
            Notice::ShuttingDown => self.ending = Some(Ending::ShuttingDown),
            Notice::Other(text) => self.look_for_echo(text),
            Notice::NameSet | Notice::NoHistory | Notice::Day(_) | Notice::Pong { .. } => {}
        }
    }

    fn hear_refusal(&mut self, refusal: &Refusal) {
        self.ending = match *refusal {
            Refusal::LoginTimeout { .. } => Some(Ending::LoginTimeout),
            Refusal::Idle { .. } => Some(Ending::Idle),
            Refusal::Full => Some(Ending::Full),
            Refusal::Busy => Some(Ending::Busy),
            Refusal::Banned => Some(Ending::Banned),
            Refusal::TooManyFromAddress { .. } => Some(Ending::TooManyFromAddress),
            Refusal::OtherProtocol => Some(Ending::OtherProtocol),
            _ => self.ending,
        };
        match *refusal {
            Refusal::Taken { asked: true, .. } | Refusal::BadName { asked: true } => self.arrive(Stage::Asked),
            Refusal::InThatRoom { room } => {
                self.room = room.into();
                self.back_to = None;
            }
            // There is no way back.
            Refusal::TooManyRooms { .. } => self.back_to = None,
            Refusal::NobodyCalled { name } => self.people.forget(name),
            Refusal::Other(text) => self.look_for_echo(text),
            _ => {}
        }
    }

    /// Only a server of ours says what brings us here.
    fn arrive(&mut self, stage: Stage) {
        self.stage = stage;
        self.ours = true;
        self.sent.clear();
    }

    fn enter(&mut self, room: &str, people: &People) {
        self.room = room.into();
        self.rooms.heard(room, false);
        self.here = Some(people.here);
        self.people.all_left();
        self.list(people, true);
    }

    fn call_us(&mut self, name: &str) {
        self.name = Some(Own { shown: name.into(), key: fold(name), mention: Mention::of(name) });
        self.people.forget(name);
    }

    fn list(&mut self, people: &People, here: bool) {
        for name in &people.names {
            if !self.is_us(name) {
                self.people.listed(name, here);
            }
        }
    }

    fn heard(&mut self, name: &str, here: bool) {
        if !self.is_us(name) {
            self.people.heard(name, here);
        }
    }

    fn is_us(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.shown == name || own.key == fold(name))
    }

    /// Our own name, folded.
    pub fn own_key(&self) -> Option<&str> {
        self.name.as_ref().map(|own| &*own.key)
    }

    /// Looks whether a server that is not ours has shown us what we sent; from then on it always will.
    fn look_for_echo(&mut self, line: &str) {
        let lines = self.lines;
        self.sent.retain(|(_, after)| lines - after <= ECHO_WITHIN);
        let ends_with = |sent: &str| {
            let before = line.strip_suffix(sent)?;
            // "hi" is not the end of "delhi".
            let joined = before.ends_with(char::is_alphanumeric) && sent.starts_with(char::is_alphanumeric);
            (!joined).then_some(())
        };
        if self.sent.iter().any(|(sent, _)| ends_with(sent).is_some()) {
            self.echoes = true;
            self.sent.clear();
        }
    }
}
