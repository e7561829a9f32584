//! Writes one line of IRC: its tags, its sender, its command and its parameters.

use std::io::Write;

use time::OffsetDateTime;

use crate::chat::irc::message_id::MessageId;
use crate::chat::{IrcContext, IrcShape, Sender, Source};

/// The most bytes of a line without its tags and its end: RFC 1459, section 2.3.
pub const MAX_LINE: usize = 510;

/// The tags of a line.
#[derive(Clone, Copy, Default)]
pub struct Tags<'a> {
    pub at: Option<OffsetDateTime>,
    /// The id of a message.
    pub msgid: Option<MessageId>,
    pub account: Option<&'a str>,
    pub is_bot: bool,
    /// The client-only tags, in their escaped form.
    pub client: Option<&'a str>,
    /// The reference of the batch that the line belongs to.
    pub batch: Option<&'a str>,
    /// The line goes on with the line before: <https://ircv3.net/specs/extensions/multiline>.
    pub concat: bool,
}

impl<'a> Tags<'a> {
    /// The tags of what a source says or does.
    pub fn of(context: &IrcContext<'a>) -> Self {
        let source = context.detail.source;
        Tags {
            at: context.detail.at,
            msgid: None,
            account: source.and_then(|source| source.account),
            is_bot: source.is_some_and(|source| source.is_bot),
            client: None,
            batch: context.detail.batch,
            concat: false,
        }
    }

    /// Writes the tags that sessions of a shape read, and the space after them.
    pub fn write(&self, out: &mut Vec<u8>, shape: IrcShape) {
        let start = out.len();
        if let Some(batch) = self.batch {
            separate(out, start);
            let _ = write!(out, "batch={batch}");
        }
        if let Some(at) = self.at.filter(|_| shape.contains(IrcShape::TIME)) {
            separate(out, start);
            write_time(out, at);
        }
        if let Some(account) = self.account.filter(|_| shape.contains(IrcShape::ACCOUNT)) {
            separate(out, start);
            // The name of an account has no characters that need to be escaped.
            let _ = write!(out, "account={account}");
        }
        if shape.contains(IrcShape::TAGS) {
            if let Some(msgid) = self.msgid {
                separate(out, start);
                let _ = write!(out, "msgid={msgid}");
            }
            if self.concat {
                separate(out, start);
                out.extend_from_slice(b"draft/multiline-concat");
            }
            if self.is_bot {
                separate(out, start);
                out.extend_from_slice(b"bot");
            }
            if let Some(client) = self.client {
                separate(out, start);
                out.extend_from_slice(client.as_bytes());
            }
        }
        if out.len() > start {
            out.push(b' ');
        }
    }
}

fn separate(out: &mut Vec<u8>, start: usize) {
    out.push(if out.len() == start { b'@' } else { b';' });
}

/// Writes `time=YYYY-MM-DDThh:mm:ss.sssZ`: <https://ircv3.net/specs/extensions/server-time>.
fn write_time(out: &mut Vec<u8>, at: OffsetDateTime) {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, milli) = at.to_hms_milli();
    let month = u8::from(month);
    let _ = write!(out, "time={year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
}

/// Writes `:NAME!USER@HOST `, or the name alone if nothing else is known.
pub fn write_prefix(out: &mut Vec<u8>, name: &str, source: Option<Source>) {
    let _ = match source {
        Some(Source { user, host, .. }) => write!(out, ":{name}!{user}@{host} "),
        None => write!(out, ":{name}!{name}@{} ", UNKNOWN_HOST),
    };
}

/// The host of a member of which only the name is known.
const UNKNOWN_HOST: &str = "unknown.cloak";

/// Writes the sender of a line.
pub fn write_sender(out: &mut Vec<u8>, server: &str, sender: Sender, source: Option<Source>) {
    match sender {
        Sender::Nobody => {}
        Sender::Server => {
            let _ = write!(out, ":{server} ");
        }
        Sender::Member(name) => write_prefix(out, name, source),
    }
}

/// Writes parameters after a command; the last one, `text`, may have spaces. Another one that could not stand in its place, such
/// as a channel with a space that a client has asked for, is written as `*`.
pub fn write_params<'a>(out: &mut Vec<u8>, middle: impl IntoIterator<Item = &'a str>, text: Option<&str>) {
    for param in middle {
        let is_word = !param.is_empty() && !param.starts_with(':') && !param.contains(' ');
        out.push(b' ');
        out.extend_from_slice(if is_word { param.as_bytes() } else { b"*" });
    }
    if let Some(text) = text {
        out.extend_from_slice(b" :");
        out.extend_from_slice(text.as_bytes());
    }
}

/// Cuts a line that began at `start` to the most bytes that a line can have, at a boundary of characters.
pub fn limit(out: &mut Vec<u8>, start: usize) {
    if out.len() - start > MAX_LINE {
        let mut end = start + MAX_LINE;
        while end > start && out[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        out.truncate(end);
    }
}
