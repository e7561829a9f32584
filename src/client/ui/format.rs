//! Formats lines for the screen.

use time::OffsetDateTime;

use crate::chat::policy::nick::fold;
use crate::client::protocol::session::Session;
use crate::terminal::screen::text::{StyledLine, TextStyle};

/// The prefix of the client's own messages.
const LOCAL: &str = "-- ";

/// A message in a room.
pub struct Message<'a> {
    /// Seconds since 1970, UTC.
    pub at: i64,
    pub name: &'a str,
    pub text: &'a str,
    pub is_action: bool,
}

/// Formats a message; also returns whether it mentions us.
pub fn message(message: &Message, local: OffsetDateTime, session: &Session) -> (StyledLine, bool) {
    let Message { name, text, is_action, .. } = *message;
    let name_style = style_of(name, session);
    let is_for_us = name_style != TextStyle::Own && session.mentions(text);
    let style = if is_for_us { TextStyle::Mention } else { TextStyle::Plain };
    let mut line = stamp(local);
    if is_action {
        line.push(TextStyle::Plain, "* ");
    }
    line.push(name_style, name);
    line.push(if is_action { style } else { TextStyle::Plain }, if is_action { " " } else { ": " });
    line.indent_rows_here();
    line.push(style, text);
    (line, is_for_us)
}

/// Formats a whisper to us.
pub fn whisper(local: OffsetDateTime, from: &str, text: &str, session: &Session) -> StyledLine {
    let mut line = stamp(local);
    line.push(style_of(from, session), from);
    line.push(TextStyle::Whisper, " -> you: ");
    line.indent_rows_here();
    line.push(TextStyle::Whisper, text);
    line
}

/// Formats a whisper of ours.
pub fn whispered(local: OffsetDateTime, to: &str, text: &str, session: &Session) -> StyledLine {
    let mut line = stamp(local);
    line.push(TextStyle::Whisper, "you -> ");
    line.push(style_of(to, session), to);
    line.push(TextStyle::Whisper, ": ");
    line.indent_rows_here();
    line.push(TextStyle::Whisper, text);
    line
}

/// Formats a sentence of the server.
pub fn notice(text: &str) -> StyledLine {
    StyledLine::new(TextStyle::Notice, &format!("* {text}"))
}

/// Formats a sentence of the server that the user must not overlook.
pub fn warning(text: &str) -> StyledLine {
    StyledLine::new(TextStyle::Plain, &format!("* {text}"))
}

/// Formats a refusal.
pub fn refusal(text: &str) -> StyledLine {
    StyledLine::new(TextStyle::Refused, &format!("! {text}"))
}

/// Formats a line in plain text.
pub fn text_line(text: &str) -> StyledLine {
    StyledLine::new(TextStyle::Plain, text)
}

/// Formats a line that we have sent to a server that does not send it back. It has no time: those of the server can be of another
/// zone.
pub fn own_text(text: &str) -> StyledLine {
    let mut line = StyledLine::new(TextStyle::Own, "> ");
    line.indent_rows_here();
    line.push(TextStyle::Plain, text);
    line
}

/// Formats a message of the client itself.
pub fn client_message(text: &str) -> StyledLine {
    let mut line = StyledLine::new(TextStyle::Local, LOCAL);
    line.indent_rows_here();
    line.push(TextStyle::Local, text);
    line
}

fn stamp(local: OffsetDateTime) -> StyledLine {
    let (hour, minute, second) = local.to_hms();
    StyledLine::new(TextStyle::Time, &format!("[{hour:02}:{minute:02}:{second:02}] "))
}

fn style_of(name: &str, session: &Session) -> TextStyle {
    let key = fold(name);
    if session.own_key() == Some(&*key) { TextStyle::Own } else { TextStyle::for_name(&key) }
}
