//! Renders events as lines of IRC: messages here, the others in files of their own.

use std::io::Write;

use super::framing::write_line;
use super::server_lines::Irc;
use super::split::pieces;
use super::writer::{MAX_LINE, Tags, write_prefix};
use super::{label, multiline, notice, refusal};
use crate::chat::{AnswerPart, Event, IrcContext, IrcLine, IrcShape, MessageKind, RenderIrc};

impl RenderIrc for Irc {
    fn render(&self, event: &Event, context: &IrcContext, out: &mut Vec<u8>) {
        match *event {
            // Messages are by far the most.
            Event::Said { id, at, name, text } => {
                let tags = Tags { at: Some(at), msgid: self.message_id(id), ..self.message_tags(context) };
                said(context, &tags, (name, "PRIVMSG"), context.room, text, out);
            }
            Event::Action { id, at, name, text } => {
                let tags = Tags { at: Some(at), msgid: self.message_id(id), ..self.message_tags(context) };
                action(context, &tags, name, context.room, text, out);
            }
            Event::Noticed { id, at, name, text } => {
                let tags = Tags { at: Some(at), msgid: self.message_id(id), ..self.message_tags(context) };
                said(context, &tags, (name, "NOTICE"), context.room, text, out);
            }
            Event::Whisper { at, from, text } => self.whisper(context, at, from, context.nick, text, out),
            Event::Whispered { at, to, text } => self.whisper(context, at, context.nick, to, text, out),
            Event::Found { .. } | Event::Help(_) => {}
            Event::Irc(ref line) => self.line(line, context, out),
            Event::Notice(ref event) => notice::render(self, event, context, out),
            Event::Refusal(ref event) => refusal::render(self, event, context, out),
        }
    }

    fn set_run(&mut self, run: u64) {
        self.run = run;
    }

    fn label(&self, lines: &[u8], shape: IrcShape, part: &AnswerPart, out: &mut Vec<u8>) {
        label::label(&self.server, lines, shape, part, out);
    }
}

impl Irc {
    /// Writes a message for one member, or for the members of a room with a role.
    fn whisper(
        &self,
        context: &IrcContext,
        at: time::OffsetDateTime,
        from: &str,
        to: &str,
        text: &str,
        out: &mut Vec<u8>,
    ) {
        let tags = Tags { at: Some(at), ..self.message_tags(context) };
        let private = context.detail.private;
        let to = private.and_then(|private| private.target).unwrap_or(to);
        let context = IrcContext { room: None, nick: to, ..*context };
        match private.map_or(MessageKind::Said, |private| private.kind) {
            MessageKind::Said => said(&context, &tags, (from, "PRIVMSG"), None, text, out),
            MessageKind::Notice => said(&context, &tags, (from, "NOTICE"), None, text, out),
            MessageKind::Action => action(&context, &tags, from, None, text, out),
        }
    }

    /// Writes a line for one session.
    pub fn line(&self, line: &IrcLine, context: &IrcContext, out: &mut Vec<u8>) {
        match *line {
            IrcLine::Numeric { code, middle, text } => self.numeric(context, code, middle.iter().copied(), text, out),
            IrcLine::Multiline { id, kind, name, lines } => {
                let tags = self.message_tags(context);
                let tags = Tags { msgid: tags.msgid.or(self.message_id(id)), ..tags };
                let command = if kind == MessageKind::Notice { "NOTICE" } else { "PRIVMSG" };
                multiline::render(&self.server, (id, &tags), (name, command), lines, context, out);
            }
            IrcLine::Command { from, command, in_room, middle, text } => {
                let channel = context.room.filter(|_| in_room).map(|room| format!("#{room}"));
                let params = channel.as_deref().into_iter().chain(middle.iter().copied());
                self.command(context, from, command, params, text, out);
            }
        }
    }
}

/// Writes a message. One that is too long for a line becomes several, which have the same id.
fn said(
    context: &IrcContext,
    tags: &Tags,
    (name, command): (&str, &str),
    room: Option<&str>,
    text: &str,
    out: &mut Vec<u8>,
) {
    write_pieces(context, tags, (name, command, room), ("", ""), text, out);
}

/// Writes an action: a message in the form of CTCP.
fn action(context: &IrcContext, tags: &Tags, name: &str, room: Option<&str>, text: &str, out: &mut Vec<u8>) {
    write_pieces(context, tags, (name, "PRIVMSG", room), ("\u{1}ACTION ", "\u{1}"), text, out);
}

fn write_pieces(
    context: &IrcContext,
    tags: &Tags,
    (name, command, room): (&str, &str, Option<&str>),
    (before, after): (&str, &str),
    text: &str,
    out: &mut Vec<u8>,
) {
    let mut rest = text;
    loop {
        write_line(out, context.shape, |out| {
            tags.write(out, context.shape);
            let start = out.len();
            write_prefix(out, name, context.detail.source);
            let _ = match room {
                Some(room) => write!(out, "{command} #{room} :{before}"),
                None => write!(out, "{command} {} :{before}", context.nick),
            };
            let most = MAX_LINE.saturating_sub(out.len() - start + after.len());
            let piece = pieces(rest, most).next().unwrap_or_default();
            out.extend_from_slice(piece.as_bytes());
            out.extend_from_slice(after.as_bytes());
            rest = &rest[piece.len()..];
        });
        if rest.is_empty() {
            return;
        }
    }
}
