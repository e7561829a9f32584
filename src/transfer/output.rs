//! Messages to lines.

use std::io::{self, Write};

use time::Date;

use super::Format;
use super::line::Line;
use crate::chat::{Event, LOBBY, Lang, Notice, Render};
use crate::store::{Kind, Message};
use crate::wire::plain::Plain;

/// Writes messages.
pub(super) struct Lines<W> {
    out: W,
    format: Format,
    /// Whether there may be several rooms.
    rooms: bool,
    day: Option<Date>,
    line: Vec<u8>,
}

impl<W: Write> Lines<W> {
    pub fn new(out: W, format: Format, rooms: bool) -> Self {
        Lines { out, format, rooms, day: None, line: Vec::new() }
    }

    pub fn write(&mut self, message: &Message) -> io::Result<()> {
        match self.format {
            Format::Json => {
                let line = Line::of(message).map_err(io::Error::other)?;
                serde_json::to_writer(&mut self.out, &line)?;
                self.out.write_all(b"\n")
            }
            Format::Text => self.text(message),
        }
    }

    /// As in a room, the days included; with its room before it as on the operator's console.
    fn text(&mut self, message: &Message) -> io::Result<()> {
        let Message { id, ref room, at, kind, ref name, ref text } = *message;
        let day = at.date();
        if self.day.replace(day) != Some(day) {
            self.event(&Event::Notice(Notice::Day(day)))?;
        }
        if self.rooms && room != LOBBY {
            write!(self.out, "({room}) ")?;
        }
        self.event(&match kind {
            Kind::Said => Event::Said { id, at, name, text },
            Kind::Action => Event::Action { id, at, name, text },
        })
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        Plain { lang: Lang::En }.render(event, &mut self.line);
        self.out.write_all(self.line.strip_suffix(b"\r\n").unwrap_or(&self.line))?;
        self.out.write_all(b"\n")
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
