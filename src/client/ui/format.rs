//! Formats lines for the screen.

use time::Time;

use crate::chat::policy::nick::fold;
use crate::client::protocol::session::{Echo, Session};
use crate::client::protocol::shape::{LineShape, ServerNotice};
use crate::terminal::screen::text::{StyledLine, TextStyle};

/// The prefix of the client's own messages.
const LOCAL: &str = "-- ";

/// Formats a line of the server, of which `text` is the whole; also returns whether it is a whisper to us or a message
/// that mentions us.
pub fn server_line(shape: &LineShape, text: &str, session: &Session) -> (StyledLine, bool) {
    let style = match *shape {
        LineShape::Said { name, text, .. } | LineShape::Action { name, text, .. } => style(name, text, session),
        _ => TextStyle::Plain,
    };
    let is_for_us = style == TextStyle::Mention || matches!(shape, LineShape::Whisper { .. });
    (line(shape, text, style, session), is_for_us)
}

/// `style` is the style of the text of a message.
fn line(shape: &LineShape, text: &str, style: TextStyle, session: &Session) -> StyledLine {
    match *shape {
        LineShape::Said { at, name, text } => said(at, name, session, style, text),
        LineShape::Action { at, name, text } => action(at, name, session, style, text),
        LineShape::Whisper { at, from, text } => {
            let mut line = stamp(at);
            line.push(style_of(from, session), from);
            line.push(TextStyle::Whisper, " -> you: ");
            line.indent_rows_here();
            line.push(TextStyle::Whisper, text);
            line
        }
        LineShape::Whispered { at, to, text } => {
            let mut line = stamp(at);
            line.push(TextStyle::Whisper, "you -> ");
            line.push(style_of(to, session), to);
            line.push(TextStyle::Whisper, ": ");
            line.indent_rows_here();
            line.push(TextStyle::Whisper, text);
            line
        }
        LineShape::Notice(ServerNotice::Welcome | ServerNotice::Kicked { .. } | ServerNotice::ShuttingDown) => {
            StyledLine::new(TextStyle::Plain, text)
        }
        LineShape::Notice(_) => StyledLine::new(TextStyle::Notice, text),
        LineShape::Refused(_) => StyledLine::new(TextStyle::Refused, text),
        LineShape::Raw(text) => StyledLine::new(TextStyle::Plain, text),
    }
}

/// Formats a message that we have sent.
pub fn own_line(echo: &Echo, at: Time, session: &Session) -> StyledLine {
    let name = session.name().unwrap_or("you");
    match *echo {
        Echo::Said(text) => said(at, name, session, TextStyle::Plain, text),
        Echo::Action(text) => action(at, name, session, TextStyle::Plain, text),
    }
}

/// Formats a message of the client itself.
pub fn client_message(text: &str) -> StyledLine {
    let mut line = StyledLine::new(TextStyle::Local, LOCAL);
    line.indent_rows_here();
    line.push(TextStyle::Local, text);
    line
}

fn said(at: Time, name: &str, session: &Session, style: TextStyle, text: &str) -> StyledLine {
    let mut line = stamp(at);
    line.push(style_of(name, session), name);
    line.push(TextStyle::Plain, ": ");
    line.indent_rows_here();
    line.push(style, text);
    line
}

fn action(at: Time, name: &str, session: &Session, style: TextStyle, text: &str) -> StyledLine {
    let mut line = stamp(at);
    line.push(TextStyle::Plain, "* ");
    line.push(style_of(name, session), name);
    line.push(style, " ");
    line.indent_rows_here();
    line.push(style, text);
    line
}

fn stamp(at: Time) -> StyledLine {
    StyledLine::new(TextStyle::Time, &format!("[{:02}:{:02}:{:02}] ", at.hour(), at.minute(), at.second()))
}

fn style_of(name: &str, session: &Session) -> TextStyle {
    let key = fold(name);
    if session.own_key().map_or(name == "you", |own| own == key) { TextStyle::Own } else { TextStyle::for_name(&key) }
}

/// Returns the style for the text of a message: marked if it contains our name.
fn style(name: &str, text: &str, session: &Session) -> TextStyle {
    if style_of(name, session) != TextStyle::Own && session.mentions(text) {
        TextStyle::Mention
    } else {
        TextStyle::Plain
    }
}
