//! The answers of commands, which have the labels of these: <https://ircv3.net/specs/extensions/labeled-response>.
//!
//! A part of an answer can come later: when a query is answered, a password is compared, or a change is committed.

use compact_str::CompactString;

use super::commands;
use crate::chat::encoding::AnswerPart;
use crate::chat::hub::Hub;
use crate::chat::id::{ClientId, Now};
use crate::chat::irc::message::{IrcMessage, write_tag_value};
use crate::chat::session::SessionStage;
use crate::chat::session::irc::{Caps, Label};

/// The longest label, in bytes.
const MAX_LABEL: usize = 64;

impl Hub {
    /// Begins the answer of a command, if it has a label. All that the session is sent until [`Hub::end_command`] is the answer.
    pub(super) fn begin_label(&mut self, id: ClientId, line: &IrcMessage) {
        let wanted = Caps::LABELED_RESPONSE | Caps::BATCH;
        if !self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(wanted)) {
            return;
        }
        let Some(label) = line.tags.get("label").filter(|label| (1..=MAX_LABEL).contains(&label.len())) else { return };
        let mut escaped = Vec::new();
        write_tag_value(&mut escaped, &label);
        let Ok(text) = String::from_utf8(escaped) else { return };
        self.begin_answer(id, text.into(), None);
    }

    /// Begins an answer, or its next part if a batch was begun.
    pub(super) fn begin_answer(&mut self, id: ClientId, text: Box<str>, batch: Option<Box<str>>) {
        // Lines of rooms that are not read yet do not belong to the answer.
        self.fanout().move_unread_to_outbox(id);
        let from = self.sessions[id].private_bytes();
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().label = Some(Label { text, from, batch });
        }
    }

    /// What a session has been sent so far does not belong to the answer of its command.
    pub(in crate::chat::hub) fn exclude_from_answer(&mut self, id: ClientId) {
        if self.sessions.irc(id).is_none_or(|irc| irc.unfinished().label.is_none()) {
            return;
        }
        self.fanout().move_unread_to_outbox(id);
        let sent = self.sessions[id].private_bytes();
        if let Some(label) = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().label.as_mut()) {
            label.from = sent;
        }
    }

    /// The rest of the answer comes when the query of the command is answered, or its password compared:
    /// [`Hub::resume_command`].
    pub(in crate::chat::hub) fn defer_answer(&mut self, id: ClientId) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().current_command().is_deferred = true;
        }
    }

    /// A part of the answer comes when a change is committed: [`Hub::resume_committed`].
    pub(in crate::chat::hub) fn note_uncommitted(&mut self, id: ClientId) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            let subject = irc.unfinished().subject.clone();
            irc.unfinished_mut().current_command().uncommitted.push_back(subject);
        }
    }

    /// Goes on with the command of a session whose query is answered, or whose password is compared.
    pub(in crate::chat::hub) fn resume_command(&mut self, id: ClientId) {
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        let unfinished = irc.unfinished_mut();
        let Some(open) = unfinished.open_commands.resume() else { return };
        unfinished.command = commands::name_of(&open.command);
        if let Some(text) = open.label.take() {
            let batch = open.batch.take();
            self.begin_answer(id, text, batch);
        }
    }

    /// Ends the line of a session that is processed.
    pub(in crate::chat::hub) fn end_command(&mut self, id: ClientId) {
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        let unfinished = irc.unfinished_mut();
        (unfinished.command, unfinished.subject) = ("", CompactString::default());
        let is_open = unfinished.open_commands.end_current().is_some();
        let label = unfinished.label.take().map(|label| self.send_answer(id, label, !is_open));
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        if is_open
            && let Some(label) = label
            && let Some(open) = irc.unfinished_mut().open_commands.newest()
        {
            (open.label, open.batch) = (Some(label.text), label.batch);
        }
        irc.free_finished();
    }

    /// Goes on with the oldest open command of a session, `origin`: a change of it is committed. It may have left.
    pub(in crate::chat::hub) fn resume_committed(&mut self, id: ClientId) {
        let is_leaving = self.sessions[id].is_leaving();
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        let unfinished = irc.unfinished_mut();
        let Some(open) = unfinished.open_commands.oldest() else { return };
        unfinished.command = commands::name_of(&open.command);
        unfinished.subject = open.uncommitted.pop_front().unwrap_or_default();
        let (label, batch) = (open.label.take(), open.batch.take());
        if is_leaving {
            return;
        }
        self.mode_changes = open.modes.as_mut().map(|modes| std::mem::take(&mut modes.changes));
        if let Some(text) = label {
            self.begin_answer(id, text, batch);
        }
    }

    /// A change of the oldest open command of a session was committed or refused.
    pub(in crate::chat::hub) fn end_committed(&mut self, id: ClientId, now: &Now) {
        let changes = self.mode_changes.take();
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        let unfinished = irc.unfinished_mut();
        (unfinished.command, unfinished.subject) = ("", CompactString::default());
        let oldest = unfinished.open_commands.oldest();
        let is_open = oldest.as_ref().is_some_and(|open| open.is_open());
        let modes = oldest.and_then(|open| open.modes.take());
        if let Some((mut modes, changes)) = modes.zip(changes) {
            modes.changes = changes;
            self.hold_or_show(id, modes, is_open, now);
        }
        let label = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().label.take());
        let label = label.map(|label| self.send_answer(id, label, !is_open));
        let Some(irc) = self.sessions.irc_mut(id) else { return };
        let commands = &mut irc.unfinished_mut().open_commands;
        if let (Some(open), Some(label)) = (commands.oldest(), label) {
            (open.label, open.batch) = (Some(label.text), label.batch);
        }
        commands.remove_answered();
        irc.free_finished();
    }

    /// Sends a part of an answer, or all of it; `ends` tells whether it is the last one. Returns the label for the next part.
    fn send_answer(&mut self, id: ClientId, label: Label, ends: bool) -> Label {
        let Label { text, from, mut batch } = label;
        if self.sessions[id].stage == SessionStage::Leaving {
            return Label { text, from, batch };
        }
        self.fanout().move_unread_to_outbox(id);
        let is_empty = self.sessions[id].private_bytes() == from;
        if is_empty && !ends {
            return Label { text, from, batch };
        }
        let begins = batch.is_none();
        let reference = batch.get_or_insert_with(|| format!("{:x}", self.outbound.next_stamp()).into());
        let part = AnswerPart { label: &text, batch: reference, begins, ends };
        self.outbound.label_answer(&mut self.sessions, id, from, &part);
        Label { text, from, batch }
    }
}
