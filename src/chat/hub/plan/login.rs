//! Plans for lines before the login: in the admission queue, and at the nickname prompt.

use super::{LocalChange, Plan, View, refuse};
use crate::chat::command::{Command, is_blank};
use crate::chat::config::Mode;
use crate::chat::event::Refusal;
use crate::chat::input::ResumeRequest;
use crate::chat::policy::nick::{Name, key_of};
use crate::chat::query::{Lookup, RoomUse};

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
        if let Some(account) = self.shared.accounts.find(text.trim()) {
            return Plan::AskPassword(account);
        }
        match Name::new(text) {
            Err(why) => refuse(Refusal::BadName { why, name: text.trim(), asked: true }),
            Ok(name) => match self.stored_room(request) {
                // A taken name is refused when it is proposed.
                Some(room) if self.shared.members.find_key(&name.key).is_none() => {
                    Plan::Query(Lookup::Room { room, then: RoomUse::LogIn { nickname: Some(text.to_owned()) } })
                }
                _ => Plan::LogIn(name),
            },
        }
    }

    /// The next room that a session wants to resume and that is in the store and not in memory. Each is looked up once.
    pub fn stored_room(&self, request: Option<&ResumeRequest>) -> Option<String> {
        let request = request.filter(|_| self.config.mode == Mode::Hub)?;
        let names: Vec<&str> = request.rooms().take(1 + self.shared.rooms.limits().follow).collect();
        // The current room comes last: if memory has too few places, the last of the others are given up.
        let mut keys = names.iter().rev().skip(request.looked_up).filter_map(|name| key_of(name));
        keys.find_map(|key| self.shared.rooms.find_stored(&key).map(|room| room.name.to_string()))
    }
}
