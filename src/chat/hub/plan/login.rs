//! Plans for lines before the login: in the admission queue, and at the nickname prompt.

use super::{LocalChange, Plan, View, refuse};
use crate::chat::command::{Command, is_blank};
use crate::chat::config::Mode;
use crate::chat::event::Refusal;
use crate::chat::input::ResumeRequest;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::query::Lookup;

/// Whether a session that is not logged in yet types a quit command.
fn is_leaving(text: &str) -> bool {
    matches!(Command::parse(text), Command::Quit(_))
}

impl<'s> View<'s, '_> {
    /// The plan for a line of a session in the admission queue.
    pub fn line_while_waiting<'l: 's>(&self, text: &'l str) -> Plan<'s, 'l> {
        match text {
            _ if is_leaving(text) => Plan::Local(LocalChange::Quit("")),
            _ if is_blank(text) => Plan::Nothing,
            _ => refuse(Refusal::StillWaiting),
        }
    }

    /// The plan for a line at the nickname prompt. `request` is what the session wants to resume.
    pub fn nickname<'l: 's>(&self, text: &'l str, request: Option<&ResumeRequest>) -> Plan<'s, 'l> {
        if is_leaving(text) {
            return Plan::Local(LocalChange::Quit(""));
        }
        if is_blank(text) {
            return Plan::Nothing;
        }
        match Name::new(text) {
            Err(why) => refuse(Refusal::BadName { why, name: text.trim(), asked: true }),
            Ok(name) => match self.stored_room(request) {
                // A taken name is refused when it is proposed.
                Some(room) if self.shared.members.find_key(&name.key).is_none() => {
                    Plan::Query(Lookup::Room { room, nickname: Some(text.to_owned()) })
                }
                _ => Plan::LogIn(name),
            },
        }
    }

    /// The room that a session wants to resume, if it is in the store and not in memory.
    pub fn stored_room(&self, request: Option<&ResumeRequest>) -> Option<String> {
        let key = key_of(request?.room.as_deref()?).filter(|_| self.config.mode == Mode::Hub)?;
        self.shared.rooms.find_stored(&key).map(str::to_owned)
    }
}
