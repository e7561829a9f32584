//! Lines of the server: numerics, commands and notices.

use std::io::Write;

use super::framing::write_line;
use super::writer::{Tags, limit, write_params, write_sender};
use crate::chat::irc::message_id::MessageId;
use crate::chat::{IrcContext, Lang, Sender};

/// Renders events as lines of IRC.
pub struct Irc {
    /// The language of the server's texts.
    pub lang: Lang,
    /// The name of the server.
    pub server: Box<str>,
    /// The number of its run.
    pub run: u64,
}

impl Irc {
    /// The tags of what a member does.
    pub fn message_tags<'a>(&self, context: &IrcContext<'a>) -> Tags<'a> {
        let private = context.detail.private.map(|private| MessageId::Private { run: self.run, id: private.id });
        Tags { client: context.detail.tags, msgid: private, ..Tags::of(context) }
    }

    /// The id of a message of a room.
    pub fn message_id(&self, id: u64) -> Option<MessageId> {
        Some(MessageId::Room { run: self.run, id })
    }

    /// Writes a numeric reply.
    pub fn numeric<'a>(
        &self,
        context: &IrcContext,
        code: u16,
        middle: impl IntoIterator<Item = &'a str>,
        text: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        write_line(out, context.shape, |out| {
            Tags { batch: context.detail.batch, ..Tags::default() }.write(out, context.shape);
            let start = out.len();
            let _ = write!(out, ":{} {code:03} {}", self.server, context.nick);
            write_params(out, middle, text);
            limit(out, start);
        });
    }

    /// Writes a line with a command. If a member sends it, the line has the tags of what members do.
    pub fn command<'a>(
        &self,
        context: &IrcContext,
        from: Sender,
        command: &str,
        middle: impl IntoIterator<Item = &'a str>,
        text: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        write_line(out, context.shape, |out| {
            let tags = match from {
                Sender::Member(_) => self.message_tags(context),
                Sender::Server | Sender::Nobody => Tags { batch: context.detail.batch, ..Tags::default() },
            };
            tags.write(out, context.shape);
            let start = out.len();
            write_sender(out, &self.server, from, context.detail.source);
            out.extend_from_slice(command.as_bytes());
            write_params(out, middle, text);
            limit(out, start);
        });
    }

    /// Writes a text of the server as a NOTICE.
    pub fn notice(&self, context: &IrcContext, text: &str, out: &mut Vec<u8>) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            self.command(context, Sender::Server, "NOTICE", [context.nick], Some(line), out);
        }
    }
}
