//! BATCH of a client: a message of several lines. Source: <https://ircv3.net/specs/extensions/multiline>.
//!
//! Its lines wait in the session until the batch ends. In a room they become one change. To the members with a role they are sent
//! one after another.

use crate::chat::change::{Change, SayLines, TextLine};
use crate::chat::event::MessageKind;
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::nodes::messages::{PrivateContent, PrivateMessage};
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, Now};
use crate::chat::irc::message;
use crate::chat::session::irc::{Caps, Multiline};

/// The type of the batch.
const KIND: &str = "draft/multiline";
/// The tag of a line that goes on with the line before.
const CONCAT: &str = "draft/multiline-concat";
/// The most bytes of all lines, with one more for each end of a line.
const MAX_BYTES: usize = 4096;
/// The most lines.
const MAX_LINES: usize = 24;

/// The value of the capability; the tests compare it with the limits.
pub const MULTILINE_LIMITS: &str = "max-bytes=4096,max-lines=24";

/// What is wrong with a batch: the code, what it is about, and the text.
type Fault = (&'static str, Vec<String>, &'static str);

fn invalid(text: &'static str) -> Fault {
    ("MULTILINE_INVALID", Vec::new(), text)
}

impl Hub {
    /// BATCH
    pub(in crate::chat::hub::irc) fn irc_batch(&mut self, call: &Call) {
        if !self.sends_multiline(call.id) {
            return self.numeric(call.id, 421, &["BATCH"], "Unknown command");
        }
        let done = match (call.text(0).strip_prefix('+'), call.text(0).strip_prefix('-')) {
            (Some(reference), _) => self.begin_multiline(call, reference),
            (_, Some(reference)) => self.end_multiline(call, reference),
            _ => Err(invalid("A reference begins with + or -")),
        };
        if let Err(fault) = done {
            self.fail_batch(call.id, fault);
        }
    }

    fn sends_multiline(&self, id: ClientId) -> bool {
        self.sessions.irc(id).is_some_and(|irc| irc.caps.contains(Caps::MULTILINE | Caps::BATCH | Caps::MESSAGE_TAGS))
    }

    fn fail_batch(&mut self, id: ClientId, (code, context, text): Fault) {
        let context: Vec<&str> = context.iter().map(String::as_str).collect();
        self.fail(id, "BATCH", code, &context, text);
    }

    fn begin_multiline(&mut self, call: &Call, reference: &str) -> Result<(), Fault> {
        let (kind, target) = (call.text(1), call.text(2));
        let tags = call.message.tags;
        if kind != KIND {
            return Err(invalid("The type of the batch is unknown"));
        }
        if reference.is_empty() || target.is_empty() || target.contains([',', ' ']) {
            return Err(invalid("A batch has a reference and one target"));
        }
        if tags.is_too_long() {
            return Err(invalid("The tags are too long"));
        }
        let Some(irc) = self.sessions.irc_mut(call.id) else { return Ok(()) };
        if irc.unfinished().multiline.is_some() {
            return Err(invalid("Another batch is open"));
        }
        let label = irc.unfinished_mut().label.take();
        irc.unfinished_mut().multiline = Some(Box::new(Multiline {
            reference: reference.into(),
            target: target.into(),
            tags: tags.client_only().map(String::into_boxed_str),
            // The answer comes when the batch ends.
            label: label.map(|label| label.text),
            ..Multiline::default()
        }));
        Ok(())
    }

    /// Keeps a PRIVMSG or NOTICE of an open batch; returns whether it says that it is one.
    pub(in crate::chat::hub::irc) fn collect_line(&mut self, call: &Call, kind: MessageKind) -> bool {
        let Some(reference) = call.message.tags.get("batch").filter(|_| self.sends_multiline(call.id)) else {
            return false;
        };
        let Some(asker) = self.caller(call) else { return true };
        let open = self.sessions.irc_mut(call.id).and_then(|irc| irc.unfinished_mut().multiline.take());
        let Some(mut batch) = open.filter(|batch| *batch.reference == *reference) else {
            self.fail_batch(call.id, invalid("That batch is not open"));
            return true;
        };
        if !batch.failed
            && let Err(fault) = self.add_line(asker, &mut batch, kind, call)
        {
            // The other lines are ignored until the batch ends.
            (batch.failed, batch.lines) = (true, Vec::new());
            self.answer_begin(call.id, batch.label.take());
            self.fail_batch(call.id, fault);
        }
        if let Some(irc) = self.sessions.irc_mut(call.id) {
            irc.unfinished_mut().multiline = Some(batch);
        }
        true
    }

    fn add_line(&self, asker: Asker, batch: &mut Multiline, kind: MessageKind, call: &Call) -> Result<(), Fault> {
        let (target, text) = (call.text(0), call.text(1));
        let concat = call.message.tags.get(CONCAT).is_some();
        if !target.eq_ignore_ascii_case(&batch.target) {
            let context = vec![batch.target.to_string(), target.to_owned()];
            return Err(("MULTILINE_INVALID_TARGET", context, "All lines have the target of the batch"));
        }
        if *batch.kind.get_or_insert(kind) != kind {
            return Err(invalid("All lines have the same command"));
        }
        if concat && text.is_empty() {
            return Err(invalid("An empty line does not go on with the line before"));
        }
        if text.contains('\u{1}') {
            return Err(invalid("CTCP has one line"));
        }
        if !self.fits_in_line(asker, target, text, 0) {
            return Err(invalid("A line is too long"));
        }
        batch.bytes += text.len() + usize::from(!concat);
        if batch.bytes > MAX_BYTES + 1 {
            return Err(("MULTILINE_MAX_BYTES", vec![MAX_BYTES.to_string()], "The message is too long"));
        }
        if batch.lines.len() >= MAX_LINES {
            return Err(("MULTILINE_MAX_LINES", vec![MAX_LINES.to_string()], "The message has too many lines"));
        }
        let concat = concat && !batch.lines.is_empty();
        batch.lines.push(TextLine { text: text.into(), concat });
        Ok(())
    }

    /// What a session is sent from now on is the answer to the begin of its batch, if that had a label.
    fn answer_begin(&mut self, id: ClientId, label: Option<Box<str>>) {
        if let Some(label) = label {
            self.begin_answer(id, label, None);
        }
    }

    fn end_multiline(&mut self, call: &Call, reference: &str) -> Result<(), Fault> {
        let Some(asker) = self.caller(call) else { return Ok(()) };
        let Some(irc) = self.sessions.irc_mut(call.id) else { return Ok(()) };
        let Some(batch) = irc.unfinished_mut().multiline.take_if(|batch| *batch.reference == *reference) else {
            return Err(invalid("That batch is not open"));
        };
        if batch.failed {
            return Ok(());
        }
        let kind = batch.kind.unwrap_or(MessageKind::Said);
        irc.unfinished_mut().command = if kind == MessageKind::Notice { "NOTICE" } else { "PRIVMSG" };
        self.answer_begin(call.id, batch.label);
        let (member, tags, lines) = (asker.member, batch.tags, batch.lines);
        if lines.iter().all(TextLine::is_blank) {
            if kind != MessageKind::Notice {
                self.numeric(call.id, 412, &[], "No text to send");
            }
        } else if batch.target.starts_with('#') {
            if let Some(room) = self.channel_to_speak_in(asker, &batch.target, kind == MessageKind::Notice) {
                let say = SayLines { member, room, kind, tags, lines };
                self.propose_checked(call.id, Change::SayLines(Box::new(say)), call.now);
            }
        } else if let Some(to) = self.view(call.now).recipient(&batch.target) {
            self.send_lines(asker, to, (kind, &lines), tags.as_deref(), call.now);
        } else {
            // With the tags of the begin.
            let line = format!("@{} BATCH", tags.as_deref().unwrap_or_default());
            let Some(begin) = message::parse(&line) else { return Ok(()) };
            let call = Call { message: &begin, ..*call };
            for text in TextLine::join(&lines) {
                self.send_joined_line(asker, &batch.target, (kind, &text), &call);
            }
        }
        Ok(())
    }
}

impl Hub {
    /// Sends several lines to a member: as one message to its sessions of IRC.
    fn send_lines(
        &mut self,
        asker: Asker,
        to: MemberId,
        (kind, lines): (MessageKind, &[TextLine]),
        tags: Option<&str>,
        now: &Now,
    ) {
        let ids = TextLine::join(lines).iter().map(|_| self.private_id(now)).collect();
        let message = self.private_message(asker.member, to, kind, PrivateContent::Lines(lines.to_vec()));
        self.send_private(asker, PrivateMessage { ids, tags: tags.map(Box::from), ..message }, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capability_tells_the_limits() {
        assert_eq!(MULTILINE_LIMITS, format!("max-bytes={MAX_BYTES},max-lines={MAX_LINES}"));
    }
}
