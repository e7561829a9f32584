//! Labels of commands, which their answers have: <https://ircv3.net/specs/extensions/labeled-response>.

use crate::chat::hub::Hub;
use crate::chat::id::ClientId;
use crate::chat::irc::message::{IrcMessage, write_tag_value};
use crate::chat::session::SessionStage;
use crate::chat::session::irc::{Caps, Label};

/// The longest label, in bytes.
const MAX_LABEL: usize = 64;

impl Hub {
    /// Begins the answer of a command, if it has a label. All that the session is sent until [`Hub::end_label`] is the answer.
    pub(super) fn begin_label(&mut self, id: ClientId, line: &IrcMessage) {
        let wanted = Caps::LABELED_RESPONSE | Caps::BATCH;
        if !self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(wanted)) {
            return;
        }
        let Some(label) = line.tags.get("label").filter(|label| (1..=MAX_LABEL).contains(&label.len())) else { return };
        let mut escaped = Vec::new();
        write_tag_value(&mut escaped, &label);
        let Ok(text) = String::from_utf8(escaped) else { return };
        // Lines of rooms that are not read yet do not belong to the answer.
        self.fanout().move_unread_to_outbox(id);
        let from = self.sessions[id].private_bytes();
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().label = Some(Label { text: text.into(), from });
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

    /// The answer of a command comes when its query is answered, or its password compared: then [`Hub::resume_label`] goes on with it.
    pub(in crate::chat::hub) fn defer_label(&mut self, id: ClientId) {
        if let Some(irc) = self.sessions.irc_mut(id) {
            let unfinished = irc.unfinished_mut();
            unfinished.deferred_label = unfinished.label.take().map(|label| label.text);
        }
    }

    /// Goes on with the answer of a command whose query is answered, or whose password is compared.
    pub(in crate::chat::hub) fn resume_label(&mut self, id: ClientId) {
        let Some(text) = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().deferred_label.take()) else {
            return;
        };
        self.fanout().move_unread_to_outbox(id);
        let from = self.sessions[id].private_bytes();
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().label = Some(Label { text, from });
        }
    }

    /// Ends the answer of a command.
    pub(in crate::chat::hub) fn end_label(&mut self, id: ClientId) {
        let Some(Label { text, from }) = self.sessions.irc_mut(id).and_then(|irc| irc.unfinished_mut().label.take())
        else {
            return;
        };
        if self.sessions[id].stage == SessionStage::Leaving {
            return;
        }
        self.fanout().move_unread_to_outbox(id);
        self.outbound.label_answer(&mut self.sessions, id, from, &text);
    }
}
