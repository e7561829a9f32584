//! Decoders as the receive loop uses them, for lines and for WebSocket frames.

use std::borrow::Cow;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::wire::foreign::{FirstLine, Verdict};
use crate::wire::frame::{close_frame, pong_frame};
use crate::wire::irc::frames::IrcFrameDecoder;
use crate::wire::irc::line::{IrcItem, IrcLineDecoder};
use crate::wire::line::{LineDecoder, LineItem};
use crate::wire::websocket::{FrameDecoder, FrameItem};

/// One decoded item.
pub enum Item<'a> {
    /// A line for the hub.
    Line(Cow<'a, str>),
    /// A line over the limit; of IRC, with its command if that was a word of ASCII.
    TooLong { command: Option<CompactString> },
    /// A line that was not UTF-8; of IRC, with its command if that was a word of ASCII.
    NotUtf8 { command: Option<CompactString> },
    /// Several lines of IRC in one message of a WebSocket.
    SeveralLines,
    /// Bytes to send as they are.
    Answer(Vec<u8>),
    /// A telnet command, with the answer to it if there is one.
    Telnet(Option<[u8; 3]>),
    /// The client ends; the answer is sent after its other output, and nothing more is decoded.
    End { answer: Vec<u8> },
    /// The client has broken the protocol; as `End`.
    Broken { answer: Option<Vec<u8>> },
    /// Nothing to do.
    Nothing,
}

/// The decoder of one protocol.
pub trait Decoder: Default {
    /// Decodes the next item of `bytes`; `None` when more bytes are needed.
    fn next<'a>(&mut self, bytes: &mut &'a [u8], max_line: usize) -> Option<Item<'a>>;

    /// Decodes input of a session that has ended, and discards it. Returns whether it contains a close frame, or breaks
    /// the protocol.
    fn skip(&mut self, _bytes: &[u8], _max_line: usize) -> bool {
        false
    }

    /// Returns what the end of input leaves or means.
    fn finish(&mut self) -> Option<Item<'static>>;

    /// Checks the next bytes of the first line, or `None` for its end, for another protocol.
    fn check_first_line(&mut self, _bytes: Option<&[u8]>) -> Verdict {
        Verdict::Line
    }

    /// Whether it is in its initial state, so that it need not be stored.
    fn is_idle(&self) -> bool;

    /// Bytes allocated for incomplete items.
    fn kept(&self) -> usize;
}

/// A decoder of lines, and the check of the first line until that ends.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Checked<D: Default> {
    decoder: D,
    first: FirstLine,
}

/// The decoder of plain lines.
pub type Lines = Checked<LineDecoder>;
/// The decoder of lines of IRC.
pub type IrcLines = Checked<IrcLineDecoder>;

impl Lines {
    /// Whether an unfinished line is buffered.
    pub fn has_partial(&self) -> bool {
        self.decoder.has_partial()
    }
}

impl<D: Decoder> Decoder for Checked<D> {
    fn next<'a>(&mut self, bytes: &mut &'a [u8], max_line: usize) -> Option<Item<'a>> {
        self.decoder.next(bytes, max_line)
    }

    fn finish(&mut self) -> Option<Item<'static>> {
        self.decoder.finish()
    }

    fn check_first_line(&mut self, bytes: Option<&[u8]>) -> Verdict {
        let verdict = match bytes {
            Some(bytes) => self.first.take(bytes),
            None => self.first.finish(),
        };
        if verdict != Verdict::Undecided {
            self.first = FirstLine::default();
        }
        verdict
    }

    fn is_idle(&self) -> bool {
        self.decoder.is_idle() && self.first.is_idle()
    }

    fn kept(&self) -> usize {
        self.decoder.kept()
    }
}

impl Decoder for LineDecoder {
    fn next<'a>(&mut self, bytes: &mut &'a [u8], max_line: usize) -> Option<Item<'a>> {
        LineDecoder::next(self, bytes, max_line).map(Item::from)
    }

    fn finish(&mut self) -> Option<Item<'static>> {
        LineDecoder::finish(self).map(Item::from)
    }

    fn is_idle(&self) -> bool {
        LineDecoder::is_idle(self)
    }

    fn kept(&self) -> usize {
        LineDecoder::kept(self)
    }
}

impl<'a> From<LineItem<'a>> for Item<'a> {
    fn from(item: LineItem<'a>) -> Item<'a> {
        match item {
            LineItem::Line(line) => Item::Line(line),
            LineItem::TooLong => Item::TooLong { command: None },
            LineItem::NotUtf8(_) => Item::NotUtf8 { command: None },
            LineItem::Telnet(answer) => Item::Telnet(answer),
        }
    }
}

/// IRC has limits of its own: `max_line` holds for the other encodings.
impl Decoder for IrcLineDecoder {
    fn next<'a>(&mut self, bytes: &mut &'a [u8], _max_line: usize) -> Option<Item<'a>> {
        IrcLineDecoder::next(self, bytes).map(Item::from)
    }

    fn finish(&mut self) -> Option<Item<'static>> {
        IrcLineDecoder::finish(self).map(Item::from)
    }

    fn is_idle(&self) -> bool {
        IrcLineDecoder::is_idle(self)
    }

    fn kept(&self) -> usize {
        IrcLineDecoder::kept(self)
    }
}

impl<'a> From<IrcItem<'a>> for Item<'a> {
    fn from(item: IrcItem<'a>) -> Item<'a> {
        match item {
            IrcItem::Line(line) => Item::Line(line),
            IrcItem::TooLong { command } => Item::TooLong { command },
            IrcItem::NotUtf8 { command } => Item::NotUtf8 { command },
            IrcItem::SeveralLines => Item::SeveralLines,
        }
    }
}

impl Decoder for FrameDecoder {
    fn next<'a>(&mut self, bytes: &mut &'a [u8], max_line: usize) -> Option<Item<'a>> {
        FrameDecoder::next(self, bytes, max_line).map(|item| of_frame(item, |line| Item::Line(Cow::Owned(line))))
    }

    fn skip(&mut self, mut bytes: &[u8], max_line: usize) -> bool {
        std::iter::from_fn(|| FrameDecoder::next(self, &mut bytes, max_line)).any(|item| is_close(&item))
    }

    fn finish(&mut self) -> Option<Item<'static>> {
        Some(UNANNOUNCED_END)
    }

    fn is_idle(&self) -> bool {
        FrameDecoder::is_idle(self)
    }

    fn kept(&self) -> usize {
        FrameDecoder::kept(self)
    }
}

/// IRC has limits of its own: `max_line` holds for the other encodings.
impl Decoder for IrcFrameDecoder {
    fn next<'a>(&mut self, bytes: &mut &'a [u8], _max_line: usize) -> Option<Item<'a>> {
        IrcFrameDecoder::next(self, bytes).map(|item| of_frame(item, |line| line.map_or(Item::Nothing, Item::from)))
    }

    fn skip(&mut self, mut bytes: &[u8], _max_line: usize) -> bool {
        std::iter::from_fn(|| IrcFrameDecoder::next(self, &mut bytes)).any(|item| is_close(&item))
    }

    fn finish(&mut self) -> Option<Item<'static>> {
        Some(UNANNOUNCED_END)
    }

    fn is_idle(&self) -> bool {
        IrcFrameDecoder::is_idle(self)
    }

    fn kept(&self) -> usize {
        IrcFrameDecoder::kept(self)
    }
}

/// The end of input of a WebSocket: a peer that ends properly sends a close frame first (RFC 6455, section 7.1.5).
const UNANNOUNCED_END: Item<'static> = Item::Broken { answer: None };

/// The item of a decoded frame; `line` makes that of a line.
fn of_frame<'a, L>(item: FrameItem<L>, line: impl FnOnce(L) -> Item<'a>) -> Item<'a> {
    match item {
        FrameItem::Line(text) => line(text),
        FrameItem::TooLong => Item::TooLong { command: None },
        FrameItem::Ping(payload) => Item::Answer(pong_frame(&payload)),
        FrameItem::Pong => Item::Nothing,
        FrameItem::Close(code) => Item::End { answer: close_frame(code) },
        FrameItem::Broken(code) => Item::Broken { answer: Some(close_frame(code)) },
    }
}

/// Whether nothing follows a frame.
fn is_close<L>(item: &FrameItem<L>) -> bool {
    matches!(item, FrameItem::Close(_) | FrameItem::Broken(_))
}
