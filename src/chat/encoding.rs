//! The encodings of events, and their renderers.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::event::{Event, MessageKind, Source};

/// The encoding of a session's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// Lines of text.
    #[default]
    Plain,
    /// JSON in the frames of a WebSocket.
    JsonFrame,
    /// JSON, one object in each line.
    JsonLine,
    /// Lines of IRC, or frames with one such line each.
    Irc(IrcShape),
}

bitflags::bitflags! {
    /// What the lines of an IRC session have. Sessions with the same shape read the same bytes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct IrcShape: u8 {
        /// Message tags, such as `msgid`, and the lines that have nothing but tags (TAGMSG).
        const TAGS = 1 << 0;
        /// The tag `time`.
        const TIME = 1 << 1;
        /// The tag `account`.
        const ACCOUNT = 1 << 2;
        /// The account and the real name in each JOIN.
        const EXTENDED_JOIN = 1 << 3;
        /// Lines that only sessions with some capability read, such as AWAY; see [`Optional`].
        const OPTIONAL = 1 << 4;
        /// Each line is a text frame of a WebSocket.
        const TEXT_FRAMES = 1 << 5;
        /// Each line is a binary frame of a WebSocket.
        const BINARY_FRAMES = 1 << 6;
        /// A message of several lines is a batch.
        const MULTILINE = 1 << 7;
    }
}

impl IrcShape {
    /// The bits that tell how lines are framed.
    pub const FRAMING: IrcShape = IrcShape::TEXT_FRAMES.union(IrcShape::BINARY_FRAMES);
}

/// A line that only IRC sessions with a certain capability read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Optional {
    /// `away-notify`
    Away,
    /// `account-notify`
    Account,
    /// `setname`
    SetName,
    /// `invite-notify`
    Invite,
    /// `draft/message-redaction`
    Redaction,
    /// `message-tags`
    Tags,
}

impl Encoding {
    /// The encoding of the log that a session with this encoding reads; `is_current` for the current room of its member.
    #[inline]
    pub fn of_log(self, is_current: bool) -> LogEncoding {
        match self {
            Encoding::Plain if is_current => LogEncoding::PlainCurrent,
            Encoding::Plain => LogEncoding::PlainFollowed,
            Encoding::JsonFrame => LogEncoding::JsonFrame,
            Encoding::JsonLine => LogEncoding::JsonLine,
            Encoding::Irc(shape) => LogEncoding::Irc(shape),
        }
    }

    /// Whether it is JSON, which programs read.
    pub fn is_json(self) -> bool {
        matches!(self, Encoding::JsonFrame | Encoding::JsonLine)
    }

    /// Whether it is IRC, in which a member has no current room.
    #[inline]
    pub fn is_irc(self) -> bool {
        matches!(self, Encoding::Irc(_))
    }
}

/// The encoding of one log of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogEncoding {
    /// Lines of text, for members whose current room it is.
    PlainCurrent,
    /// Lines of text with the room's name, for members who follow the room.
    PlainFollowed,
    JsonFrame,
    JsonLine,
    /// Lines of IRC with this shape.
    Irc(IrcShape),
}

impl LogEncoding {
    /// The number of encodings besides those of IRC.
    pub const COUNT: usize = 4;
    /// All encodings besides those of IRC.
    pub const ALL: [LogEncoding; Self::COUNT] =
        [LogEncoding::PlainCurrent, LogEncoding::PlainFollowed, LogEncoding::JsonFrame, LogEncoding::JsonLine];

    /// The index of this encoding in [`LogEncoding::ALL`], or the shape of an encoding of IRC.
    #[inline]
    pub fn index(self) -> Result<usize, IrcShape> {
        match self {
            LogEncoding::PlainCurrent => Ok(0),
            LogEncoding::PlainFollowed => Ok(1),
            LogEncoding::JsonFrame => Ok(2),
            LogEncoding::JsonLine => Ok(3),
            LogEncoding::Irc(shape) => Err(shape),
        }
    }

    /// The encoding of the sessions that read such a log.
    #[inline]
    pub fn encoding(self) -> Encoding {
        match self {
            LogEncoding::PlainCurrent | LogEncoding::PlainFollowed => Encoding::Plain,
            LogEncoding::JsonFrame => Encoding::JsonFrame,
            LogEncoding::JsonLine => Encoding::JsonLine,
            LogEncoding::Irc(shape) => Encoding::Irc(shape),
        }
    }

    /// The room with this name, as the readers of such a log see it.
    #[inline]
    pub fn label(self, room: &str) -> RoomLabel<'_> {
        match self {
            LogEncoding::PlainFollowed => RoomLabel::Followed(room),
            _ => RoomLabel::Current(room),
        }
    }
}

/// The room that an event belongs to, as its reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomLabel<'a> {
    /// The event belongs to no room.
    None,
    /// The reader's current room, whose name plain lines do not show.
    Current(&'a str),
    /// Another room, whose name stands in each line.
    Followed(&'a str),
}

impl<'a> RoomLabel<'a> {
    /// The name of the room.
    pub fn room(self) -> Option<&'a str> {
        match self {
            RoomLabel::None => None,
            RoomLabel::Current(room) | RoomLabel::Followed(room) => Some(room),
        }
    }
}

/// Renders events in one encoding.
pub trait Render {
    /// Appends `event` of the room `label` to `out`, with the end of the line or frame.
    fn render(&self, event: &Event, label: RoomLabel, out: &mut Vec<u8>);
}

/// What lines of IRC show of an event besides the event itself.
#[derive(Clone, Copy, Default)]
pub struct Detail<'a> {
    /// Who has caused it.
    pub source: Option<Source<'a>>,
    /// When it happened.
    pub at: Option<OffsetDateTime>,
    /// The client-only tags of the message, in their escaped form.
    pub tags: Option<&'a str>,
    /// Of a message that is not for a whole room.
    pub private: Option<Private<'a>>,
    /// The reference of the batch that it belongs to.
    pub batch: Option<&'a str>,
}

/// What IRC shows of a message that is not for a whole room.
#[derive(Clone, Copy, Debug)]
pub struct Private<'a> {
    pub kind: MessageKind,
    /// A number that no other such message has.
    pub id: u64,
    /// The target, if it is not one member.
    pub target: Option<&'a str>,
}

/// How one line of IRC is rendered.
#[derive(Clone, Copy)]
pub struct IrcContext<'a> {
    pub shape: IrcShape,
    /// The room that the event belongs to.
    pub room: Option<&'a str>,
    pub detail: Detail<'a>,
    /// The nickname of the reader, of a line for one session alone.
    pub nick: &'a str,
    /// The command that the line answers; an empty text if it is no answer.
    pub command: &'a str,
    /// What the command is about, such as a channel, if a refusal must name it.
    pub subject: &'a str,
}

/// A part of the answer of a command with a label; most answers have one, which begins and ends it.
#[derive(Clone, Copy, Debug)]
pub struct AnswerPart<'a> {
    pub label: &'a str,
    /// The reference of the batch in which several lines stand.
    pub batch: &'a str,
    pub begins: bool,
    pub ends: bool,
}

/// Renders events as lines of IRC.
pub trait RenderIrc {
    /// Appends the lines of `event` to `out`, each with its end or in its frame.
    fn render(&self, event: &Event, context: &IrcContext, out: &mut Vec<u8>);

    /// Sets the number of the run of the server, which is part of the ids of messages.
    fn set_run(&mut self, run: u64);

    /// Rewrites the lines of an answer, as this trait has rendered them, with the tag `label`: one line has it itself, several
    /// stand in a batch, and for none there is an ACK.
    fn label(&self, lines: &[u8], shape: IrcShape, part: &AnswerPart, out: &mut Vec<u8>);
}

/// The renderer of each encoding.
pub struct Renderers {
    pub plain: Box<dyn Render>,
    pub json_frame: Box<dyn Render>,
    pub json_line: Box<dyn Render>,
    pub irc: Box<dyn RenderIrc>,
}

impl Renderers {
    /// The renderer of `encoding`; an encoding of IRC has a renderer of its own kind, `irc`.
    #[inline]
    pub fn of(&self, encoding: Encoding) -> &dyn Render {
        match encoding {
            Encoding::Plain | Encoding::Irc(_) => &*self.plain,
            Encoding::JsonFrame => &*self.json_frame,
            Encoding::JsonLine => &*self.json_line,
        }
    }
}
