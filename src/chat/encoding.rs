//! The encodings of events, and their renderers.

use serde::{Deserialize, Serialize};

use super::event::Event;

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
        }
    }

    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self != Encoding::Plain
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
}

impl LogEncoding {
    /// The number of encodings.
    pub const COUNT: usize = 4;
    /// All encodings.
    pub const ALL: [LogEncoding; Self::COUNT] =
        [LogEncoding::PlainCurrent, LogEncoding::PlainFollowed, LogEncoding::JsonFrame, LogEncoding::JsonLine];

    /// The encoding of the sessions that read such a log.
    #[inline]
    pub fn encoding(self) -> Encoding {
        match self {
            LogEncoding::PlainCurrent | LogEncoding::PlainFollowed => Encoding::Plain,
            LogEncoding::JsonFrame => Encoding::JsonFrame,
            LogEncoding::JsonLine => Encoding::JsonLine,
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

/// The renderer of each encoding.
pub struct Renderers {
    pub plain: Box<dyn Render>,
    pub json_frame: Box<dyn Render>,
    pub json_line: Box<dyn Render>,
}

impl Renderers {
    /// The renderer of `encoding`.
    #[inline]
    pub fn of(&self, encoding: Encoding) -> &dyn Render {
        match encoding {
            Encoding::Plain => &*self.plain,
            Encoding::JsonFrame => &*self.json_frame,
            Encoding::JsonLine => &*self.json_line,
        }
    }
}
