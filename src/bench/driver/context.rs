//! What all members of a load test share.

use std::rc::Rc;

use super::tls::TlsClients;
use crate::bench::workload::browser::Browser;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::{LineContent, MessageFormat, Tag};
use crate::bench::workload::streams::Streams;

/// What all members of a run share.
pub struct RunContext {
    /// The number of the run.
    pub run: u16,
    /// The format of its messages.
    pub format: MessageFormat,
    /// The rooms that each member reads, and the streams in them.
    pub streams: Streams,
    /// The whisper command; `{name}` and `{text}` are replaced.
    pub whisper: String,
    /// What all browser members share.
    pub browser: Browser,
    /// What all TLS connections share.
    pub tls: Rc<TlsClients>,
}

impl RunContext {
    /// Creates it for a run whose messages have `size` bytes, and whose members follow `follow` rooms.
    pub fn new(run: u16, size: usize, follow: usize, whisper: String) -> Self {
        let (format, streams) = (MessageFormat::new(run, size), Streams::new(follow));
        RunContext { run, format, streams, whisper, browser: Browser::new(run), tls: TlsClients::new() }
    }

    /// Appends a message to the room of its stream, without a line end.
    pub fn write(&self, encoding: Encoding, tag: Tag, out: &mut Vec<u8>) {
        self.streams.write_prefix(usize::from(tag.stream), encoding, out);
        self.format.write(tag, out);
    }

    /// Finds a message in a line. One that arrives in another room than its own is damaged.
    #[inline]
    pub fn find(&self, encoding: Encoding, text: &[u8]) -> LineContent {
        match self.format.find(text) {
            LineContent::Tag(tag) if !self.streams.is_labelled(usize::from(tag.stream), encoding, text) => {
                LineContent::Damaged
            }
            found => found,
        }
    }

    /// Appends a line in the given encoding; `write` appends the text of it.
    pub fn line(&self, encoding: Encoding, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match encoding {
            Encoding::Plain => {
                write(out);
                out.push(b'\n');
            }
            Encoding::WebSocket => self.browser.line(out, write),
            Encoding::Irc => {
                write(out);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A line that whispers to `name`, without a line end.
    pub fn whisper(&self, name: &str, tag: Tag) -> Vec<u8> {
        let (before, after) = self.whisper.split_once("{text}").unwrap_or((&self.whisper, ""));
        let mut line = before.replace("{name}", name).into_bytes();
        self.format.write(tag, &mut line);
        line.extend_from_slice(after.as_bytes());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::message::MessageKind;

    #[test]
    fn message_in_another_room_is_damaged() {
        let context = RunContext::new(1, 64, 2, String::new());
        let tag = Tag { kind: MessageKind::Message, stream: 4, seq: 0, time: 0 };
        let mut line = Vec::new();
        context.write(Encoding::Plain, tag, &mut line);
        assert!(line.starts_with(b"#r1 ~"));
        for (label, found) in [
            ("(r1) ", LineContent::Tag(tag)),
            ("(r2) ", LineContent::Damaged),
            ("", LineContent::Damaged),
            ("(den) ", LineContent::Damaged),
        ] {
            let text = [b"[12:00:00] ", label.as_bytes(), b"bob: ", &line[4..]].concat();
            assert_eq!(context.find(Encoding::Plain, &text), found, "{label}");
        }
    }
}
