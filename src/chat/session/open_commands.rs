//! Commands of IRC that are not answered yet: their changes are not committed, or a query of theirs is not answered.

use std::collections::VecDeque;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::chat::id::RoomId;
use crate::chat::irc::modes::ChannelMode;

/// Changes of one MODE that are committed, and are shown together with those that are not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldModes {
    pub room: RoomId,
    /// The name of the room, whose number can be that of another one by then.
    pub name: Box<str>,
    pub changes: Vec<ChannelMode>,
}

/// A command that is not answered yet, and what its answer needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OpenCommand {
    pub command: CompactString,
    /// For each of its changes that is not committed, in their order: what the change is about, such as a channel.
    pub uncommitted: VecDeque<CompactString>,
    /// It waits for the answer to a query, or for a password to be compared.
    pub is_deferred: bool,
    /// In its escaped form.
    pub label: Option<Box<str>>,
    /// The reference of the batch in which a part of the answer was sent.
    pub batch: Option<Box<str>>,
    pub modes: Option<Box<HeldModes>>,
}

impl OpenCommand {
    /// Whether there is still something to come.
    pub fn is_open(&self) -> bool {
        self.is_deferred || !self.uncommitted.is_empty()
    }
}

/// The open commands of one session, the oldest first. Changes are committed in the order in which they are proposed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OpenCommands {
    list: VecDeque<OpenCommand>,
    /// The newest one is the one that is processed.
    #[serde(skip)]
    has_current: bool,
}

impl OpenCommands {
    pub const EMPTY: OpenCommands = OpenCommands { list: VecDeque::new(), has_current: false };

    /// The open command of the line that is processed; it is added if there is none.
    pub fn current(&mut self, command: &str) -> &mut OpenCommand {
        if !self.has_current {
            self.list.push_back(OpenCommand { command: command.into(), ..OpenCommand::default() });
            self.has_current = true;
        }
        self.list.back_mut().expect("it was added")
    }

    /// Ends the line that is processed; returns its command if that is still open.
    pub fn end_current(&mut self) -> Option<&mut OpenCommand> {
        if !std::mem::take(&mut self.has_current) {
            return None;
        }
        if self.list.back().is_some_and(|command| !command.is_open()) {
            self.list.pop_back();
            return None;
        }
        self.list.back_mut()
    }

    /// The query of the newest command is answered: it is the one that is processed again.
    pub fn resume(&mut self) -> Option<&mut OpenCommand> {
        let command = self.list.back_mut().filter(|command| command.is_deferred)?;
        command.is_deferred = false;
        self.has_current = true;
        Some(command)
    }

    /// The oldest one, of which a change is committed next.
    pub fn oldest(&mut self) -> Option<&mut OpenCommand> {
        self.list.front_mut()
    }

    /// The one that was added last.
    pub fn newest(&mut self) -> Option<&mut OpenCommand> {
        self.list.back_mut()
    }

    /// Removes the oldest one, if nothing of it is open.
    pub fn remove_answered(&mut self) {
        if self.list.front().is_some_and(|command| !command.is_open()) {
            self.list.pop_front();
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether changes of the command that is processed are not committed.
    pub fn has_uncommitted(&self) -> bool {
        self.has_current && self.list.back().is_some_and(|command| !command.uncommitted.is_empty())
    }

    /// Takes the changes that wait to be shown.
    pub fn take_modes(&mut self) -> Option<Box<HeldModes>> {
        self.list.iter_mut().find_map(|command| command.modes.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_open_until_all_of_it_is_done() {
        let mut open = OpenCommands::default();
        open.current("JOIN").uncommitted.push_back("#den".into());
        open.current("JOIN").is_deferred = true;
        assert_eq!(open.end_current().map(|command| command.uncommitted.len()), Some(1));
        assert!(open.end_current().is_none());
        open.resume().expect("it waits for a query");
        assert!(open.resume().is_none());
        assert!(open.end_current().is_some());
        open.remove_answered();
        assert!(!open.is_empty());
        open.oldest().expect("the JOIN").uncommitted.clear();
        open.remove_answered();
        assert!(open.is_empty());
    }

    #[test]
    fn commands_without_changes_and_queries_are_not_kept() {
        let mut open = OpenCommands::default();
        open.current("MODE");
        assert!(open.end_current().is_none() && open.is_empty());
        open.current("PRIVMSG").uncommitted.push_back("#den".into());
        open.end_current();
        open.current("PRIVMSG").uncommitted.push_back("#tea".into());
        open.end_current();
        open.current("MODE");
        assert!(open.end_current().is_none(), "the older ones are others");
        assert_eq!(open.oldest().map(|command| command.uncommitted.pop_front()), Some(Some("#den".into())));
    }
}
