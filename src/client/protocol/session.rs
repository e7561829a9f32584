//! Tracks the state of the session from the lines that are read and sent.

#[cfg(test)]
mod session_tests;
mod stage;

use std::collections::VecDeque;

use compact_str::CompactString;

pub use self::stage::{CloseReason, LoginStage, PasswordOf};

use super::shape::{LineShape, PeopleList, ServerNotice, ServerRefusal};
use crate::chat::command::{Command, is_blank};
use crate::chat::policy::nick::fold;
use crate::chat::{Due, LOBBY};
use crate::client::name_cache::NameCache;
use crate::client::ui::mention::MentionFinder;

/// A server that shows our own lines to us does so within this number of lines.
const ECHO_WITHIN: u64 = 20;

/// One of our lines to show at once, because the server does not send it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo<'a> {
    Said(&'a str),
    Action(&'a str),
}

impl Echo<'_> {
    /// Returns the input that sends it.
    pub fn line(&self) -> String {
        match *self {
            Echo::Said(text) if Command::parse(text) == Command::Say(text) => text.into(),
            Echo::Said(text) => format!("/say {text}"),
            Echo::Action(text) => format!("/me {text}"),
        }
    }
}

/// Our own name: as the server spells it, folded, and as a word to find in messages.
#[derive(Debug)]
struct OwnName {
    shown: CompactString,
    key: String,
    mention: MentionFinder,
}

/// The state of the session: [`Session::update`] gets every line that is read, [`Session::echo_of`] every line that is
/// sent.
#[derive(Debug)]
pub struct Session {
    stage: LoginStage,
    is_chinwag: bool,
    name: Option<OwnName>,
    room: CompactString,
    /// The room to join again; it was current when the connection dropped.
    rejoin: Option<CompactString>,
    members: Option<usize>,
    people: NameCache,
    rooms: NameCache,
    in_history: bool,
    /// Whether the server sends our own lines back to us: `chinwag_echoes` if it is chinwag, `other_echoes` if not.
    chinwag_echoes: bool,
    other_echoes: bool,
    close_reason: Option<CloseReason>,
    /// The lines last sent to a server that is not chinwag, each with the number of lines read before.
    sent: VecDeque<(CompactString, u64)>,
    lines: u64,
    /// Whether this connection has had no line yet.
    is_new: bool,
}

impl Default for Session {
    fn default() -> Self {
        let mut rooms = NameCache::default();
        rooms.record_listed(LOBBY, false);
        Session {
            stage: LoginStage::Unknown,
            is_chinwag: false,
            name: None,
            room: LOBBY.into(),
            rejoin: None,
            members: None,
            people: NameCache::default(),
            rooms,
            in_history: false,
            chinwag_echoes: false,
            other_echoes: false,
            close_reason: None,
            sent: VecDeque::new(),
            lines: 0,
            is_new: true,
        }
    }
}

impl Session {
    /// How far the login has come.
    pub fn stage(&self) -> LoginStage {
        self.stage
    }

    /// Whether the server is a chinwag server; true for ever once it was.
    pub fn is_chinwag(&self) -> bool {
        self.is_chinwag
    }

    /// Returns our name as the server spells it; it is kept when the connection drops.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|own| &*own.shown)
    }

    pub fn room(&self) -> &str {
        &self.room
    }

    /// Returns the room to join again after the login, if it is not the lobby.
    pub fn room_to_rejoin(&self) -> Option<&str> {
        self.rejoin.as_deref()
    }

    /// Returns the number of members of our room, ourselves included.
    pub fn members(&self) -> Option<usize> {
        self.members
    }

    /// Returns the names of other users: those in our room first, and the most recently active first in each group.
    pub fn names(&self) -> Vec<&str> {
        self.people.list()
    }

    /// Returns the known rooms, the most recently active first.
    pub fn rooms(&self) -> Vec<&str> {
        self.rooms.list()
    }

    /// Returns the server's reason for closing the connection, if it gave one.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close_reason
    }

    /// Whether a text contains our name as a word.
    pub fn mentions(&self, text: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.mention.is_in(text))
    }

    /// Forgets the state of the old connection.
    pub fn reconnected(&mut self) {
        let room = std::mem::replace(&mut self.room, LOBBY.into());
        if room != LOBBY {
            self.rejoin = Some(room);
        }
        self.stage = LoginStage::Unknown;
        self.members = None;
        self.people.record_all_left();
        self.in_history = false;
        self.chinwag_echoes = false;
        self.close_reason = None;
        self.sent.clear();
        self.is_new = true;
    }

    /// Takes a line that is being sent; returns its text if it must be shown at once.
    pub fn echo_of<'a>(&mut self, line: &'a str) -> Option<Echo<'a>> {
        if self.close_reason.is_some() || is_blank(line) {
            return None;
        }
        if self.stage == LoginStage::Unknown && !self.is_chinwag {
            if self.other_echoes {
                return None;
            }
            if self.sent.len() >= ECHO_WITHIN as usize {
                self.sent.pop_front();
            }
            self.sent.push_back((line.into(), self.lines));
            return Some(Echo::Said(line));
        }
        if self.stage != LoginStage::LoggedIn || self.chinwag_echoes {
            return None;
        }
        match Command::parse(line) {
            Command::Say(text) if !is_blank(text) => Some(Echo::Said(text)),
            // Whether the server has that room is not known here.
            Command::Hash(rest) => Some(Echo::Said(if rest.starts_with('#') { rest } else { line })),
            Command::Action(text) if !is_blank(text) => Some(Echo::Action(text)),
            _ => None,
        }
    }

    /// Updates the state with a line that was read.
    pub fn update(&mut self, shape: &LineShape) {
        self.lines += 1;
        match *shape {
            LineShape::Said { name, text, .. } | LineShape::Action { name, text, .. } => {
                // The sender of a message in the history may have left since.
                self.record_active(name, !self.in_history);
                self.detect_echo(text);
            }
            LineShape::Whisper { from: name, .. } | LineShape::Whispered { to: name, .. } => {
                self.record_active(name, false)
            }
            LineShape::Notice(ref notice) => self.update_from_notice(notice),
            LineShape::Refused(ref refusal) => self.update_from_refusal(refusal),
            LineShape::Raw(line) => self.detect_echo(line),
        }
        self.is_new = false;
    }

    fn update_from_notice(&mut self, notice: &ServerNotice) {
        match *notice {
            ServerNotice::Welcome => self.set_stage(LoginStage::Asked),
            ServerNotice::AskPassword { account: None, .. } => self.set_password_due(PasswordOf::Server),
            ServerNotice::AskPassword { account: Some(_), .. } => self.set_password_due(PasswordOf::Account),
            ServerNotice::Waiting { number } => self.set_stage(LoginStage::Queued(number)),
            ServerNotice::Entered { name, ref people } => {
                self.set_stage(LoginStage::LoggedIn);
                self.set_own_name(name);
                self.enter_room(LOBBY, people);
            }
            ServerNotice::EnteredPeer { name } => {
                self.set_stage(LoginStage::LoggedIn);
                self.set_own_name(name);
            }
            ServerNotice::EnteredRoom { room, ref people } => {
                self.rejoin = None;
                self.enter_room(room, people);
            }
            ServerNotice::HistoryBegins { .. } => self.in_history = true,
            ServerNotice::HistoryEnds => self.in_history = false,
            ServerNotice::Joined { name, here: members } => {
                self.members = Some(members);
                self.record_active(name, true);
            }
            ServerNotice::Left { name, here: members, .. } => {
                self.members = Some(members);
                if !self.is_own_name(name) {
                    self.people.record_left(name);
                }
            }
            ServerNotice::Summed { here: members, .. } => self.members = Some(members),
            ServerNotice::Renamed { old, new } if self.is_own_name(old) => self.set_own_name(new),
            ServerNotice::Renamed { old, new } => {
                self.people.remove(old);
                self.record_active(new, true);
            }
            ServerNotice::People(ref people) => {
                self.members = Some(people.here);
                self.record_list(people, true);
            }
            ServerNotice::PeopleIn { room, ref people } => {
                self.rooms.record_active(room, false);
                self.record_list(people, false);
            }
            ServerNotice::Rooms { ref rooms, .. } => {
                // The largest room comes first in the list, and should be offered first.
                rooms.iter().rev().for_each(|(room, _)| self.rooms.record_listed(room, false));
            }
            ServerNotice::Echo { on } => self.chinwag_echoes = on,
            ServerNotice::Goodbye => self.close_reason = Some(CloseReason::Goodbye),
            ServerNotice::Kicked { .. } => self.close_reason = Some(CloseReason::Kicked),
            ServerNotice::ShuttingDown => self.close_reason = Some(CloseReason::ShuttingDown),
            ServerNotice::Other(text) => self.detect_echo(text),
            ServerNotice::NameSet
            | ServerNotice::NoHistory
            | ServerNotice::Day(_)
            | ServerNotice::Pong { .. }
            | ServerNotice::Registered { .. }
            | ServerNotice::PasswordChanged
            | ServerNotice::Unregistered { .. }
            | ServerNotice::LoggedInAs { .. } => {}
        }
    }

    fn update_from_refusal(&mut self, refusal: &ServerRefusal) {
        self.close_reason = match *refusal {
            ServerRefusal::LoginTimeout { .. } => Some(CloseReason::LoginTimeout),
            ServerRefusal::Idle { .. } => Some(CloseReason::Idle),
            ServerRefusal::Full => Some(CloseReason::Full),
            ServerRefusal::Busy => Some(CloseReason::Busy),
            ServerRefusal::Banned => Some(CloseReason::Banned),
            ServerRefusal::TooManyFromAddress { .. } => Some(CloseReason::TooManyFromAddress),
            ServerRefusal::OtherProtocol => Some(CloseReason::OtherProtocol),
            ServerRefusal::WrongPassword { due: Due::Goodbye } => Some(CloseReason::WrongPassword),
            _ => self.close_reason,
        };
        match *refusal {
            ServerRefusal::Taken { asked: true, .. } | ServerRefusal::BadName { asked: true } => {
                self.set_stage(LoginStage::Asked)
            }
            ServerRefusal::InThatRoom { room } => {
                self.room = room.into();
                self.rejoin = None;
            }
            // The room cannot be created again.
            ServerRefusal::TooManyRooms { .. } => self.rejoin = None,
            ServerRefusal::NobodyCalled { name } => self.people.remove(name),
            ServerRefusal::Other(text) => self.detect_echo(text),
            _ => {}
        }
    }

    /// Sets the stage; only a chinwag server sends the lines that lead here.
    fn set_stage(&mut self, stage: LoginStage) {
        self.stage = stage;
        self.is_chinwag = true;
        self.sent.clear();
    }

    /// Sets the stage after a password prompt, if a chinwag server asks for that password at this point: for its own first
    /// or after the queue, for that of an account after the nickname. Lines elsewhere only look like the prompt.
    fn set_password_due(&mut self, of: PasswordOf) {
        let is_expected = match (of, self.stage) {
            (PasswordOf::Server, LoginStage::Unknown) => self.is_new,
            (PasswordOf::Server, LoginStage::Queued(_)) => true,
            (PasswordOf::Account, LoginStage::Asked) => true,
            _ => false,
        };
        if is_expected {
            self.set_stage(LoginStage::PasswordDue(of));
        }
    }

    fn enter_room(&mut self, room: &str, people: &PeopleList) {
        self.room = room.into();
        self.rooms.record_active(room, false);
        self.members = Some(people.here);
        self.people.record_all_left();
        self.record_list(people, true);
    }

    fn set_own_name(&mut self, name: &str) {
        self.name = Some(OwnName { shown: name.into(), key: fold(name), mention: MentionFinder::new(name) });
        self.people.remove(name);
    }

    fn record_list(&mut self, people: &PeopleList, here: bool) {
        for name in &people.names {
            if !self.is_own_name(name) {
                self.people.record_listed(name, here);
            }
        }
    }

    fn record_active(&mut self, name: &str, here: bool) {
        if !self.is_own_name(name) {
            self.people.record_active(name, here);
        }
    }

    fn is_own_name(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.shown == name || own.key == fold(name))
    }

    /// Returns our own name, folded.
    pub fn own_key(&self) -> Option<&str> {
        self.name.as_ref().map(|own| &*own.key)
    }

    /// Checks whether a server that is not chinwag has sent our line back; if so, it is expected to do this always.
    fn detect_echo(&mut self, line: &str) {
        let lines = self.lines;
        self.sent.retain(|(_, after)| lines - after <= ECHO_WITHIN);
        let ends_with = |sent: &str| {
            let before = line.strip_suffix(sent)?;
            // "hi" is not the end of "delhi".
            let joined = before.ends_with(char::is_alphanumeric) && sent.starts_with(char::is_alphanumeric);
            (!joined).then_some(())
        };
        if self.sent.iter().any(|(sent, _)| ends_with(sent).is_some()) {
            self.other_echoes = true;
            self.sent.clear();
        }
    }
}
