//! Writes messages as lines.

use std::io::{self, Write};

use time::Date;

use super::line::JsonMessage;
use crate::chat::{Event, LOBBY, Lang, Notice, Render, RoomLabel};
use crate::store::Message;
use crate::wire::plain::Plain;

/// The format of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per message; can be imported.
    Json,
    /// Lines as shown in the chat.
    Text,
}

/// Writes messages to a stream, in one of the formats.
pub(super) struct MessageWriter<W> {
    out: W,
    format: Format,
    /// Messages of several rooms are written, so each line names its room.
    names_rooms: bool,
    day: Option<Date>,
    line: Vec<u8>,
}

impl<W: Write> MessageWriter<W> {
    pub fn new(out: W, format: Format, names_rooms: bool) -> Self {
        MessageWriter { out, format, names_rooms, day: None, line: Vec::new() }
    }

    pub fn write(&mut self, message: &Message) -> io::Result<()> {
        match self.format {
            Format::Json => {
                let line = JsonMessage::of(message).map_err(io::Error::other)?;
                serde_json::to_writer(&mut self.out, &line)?;
                self.out.write_all(b"\n")
            }
            Format::Text => self.text(message),
        }
    }

    /// Writes the line as shown in the room, with a line for each new day, and the room's name as on the operator console.
    fn text(&mut self, message: &Message) -> io::Result<()> {
        let Message { id, ref room, at, kind, ref name, ref text } = *message;
        let day = at.date();
        if self.day.replace(day) != Some(day) {
            self.event(&Event::Notice(Notice::Day(day)))?;
        }
        if self.names_rooms && room != LOBBY {
            write!(self.out, "({room}) ")?;
        }
        self.event(&kind.event(id, at, name, text))
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        Plain { lang: Lang::En }.render(event, RoomLabel::None, &mut self.line);
        self.out.write_all(self.line.strip_suffix(b"\r\n").unwrap_or(&self.line))?;
        self.out.write_all(b"\n")
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
