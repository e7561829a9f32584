//! Parses the lines of the server.
//!
//! The counterpart of [`crate::wire::plain`] and of the phrases of both languages: the tests parse everything that
//! these write. Sentences that the client needs no field of stay text.

mod en;
mod notice;
mod people;
mod refusal;
#[cfg(test)]
mod tests;
mod zh;

use time::Time;

pub use self::notice::ServerNotice;
pub use self::people::PeopleList;
pub use self::refusal::ServerRefusal;

use crate::chat::Due;
use crate::client::name_cache::MAX_BYTES;

/// A parsed line; every line has a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineShape<'a> {
    /// A message in the room.
    Said { at: Time, name: &'a str, text: &'a str },
    /// A `/me` message in the room.
    Action { at: Time, name: &'a str, text: &'a str },
    /// A whisper to us.
    Whisper { at: Time, from: &'a str, text: &'a str },
    /// A whisper that we sent.
    Whispered { at: Time, to: &'a str, text: &'a str },
    /// A notice of the server.
    Notice(ServerNotice<'a>),
    /// A refusal of a request.
    Refused(ServerRefusal<'a>),
    /// A line of a server that is not chinwag.
    Raw(&'a str),
}

impl<'a> LineShape<'a> {
    /// Parses a line without line end and control characters.
    pub fn parse(line: &'a str) -> Self {
        if let Some(text) = line.strip_prefix("* ") {
            return LineShape::Notice(
                en::notice(text).or_else(|| zh::notice(text)).unwrap_or(ServerNotice::Other(text)),
            );
        }
        if let Some(text) = line.strip_prefix("! ") {
            return LineShape::Refused(
                en::refusal(text).or_else(|| zh::refusal(text)).unwrap_or(ServerRefusal::Other(text)),
            );
        }
        spoken(line).unwrap_or(LineShape::Raw(line))
    }

    /// Returns the part of `line` that is shown: not the note that a password is visible as it is typed, because here it
    /// is not.
    pub fn shown_part(&self, line: &'a str) -> &'a str {
        let is_password_asked = match *self {
            LineShape::Notice(ServerNotice::AskPassword { .. }) => true,
            LineShape::Refused(
                ServerRefusal::WrongPassword { due }
                | ServerRefusal::TooManyWrongPasswords { due, .. }
                | ServerRefusal::PasswordsFail { due },
            ) => matches!(due, Due::Password { .. }),
            _ => false,
        };
        let note = [en::VISIBLE, zh::VISIBLE].into_iter().find_map(|note| line.strip_suffix(note));
        note.filter(|_| is_password_asked).unwrap_or(line)
    }
}

/// Parses a message or whisper. A name contains no space, so the first words show the shape.
fn spoken(line: &str) -> Option<LineShape<'_>> {
    let (at, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let at = time(at)?;
    let (word, text) = rest.split_once(' ')?;
    // Names have no brackets; those of followed rooms do.
    let fits = |name: &str| (1..=MAX_BYTES).contains(&name.len()) && !name.starts_with('(');
    if word == "*" {
        let (name, text) = text.split_once(' ')?;
        return fits(name).then_some(LineShape::Action { at, name, text });
    }
    if let Some(name) = word.strip_suffix(':') {
        return fits(name).then_some(LineShape::Said { at, name, text });
    }
    let (to, text) = text.strip_prefix("-> ")?.split_once(' ')?;
    let to = to.strip_suffix(':')?;
    match (word, to) {
        _ if !(fits(word) && fits(to)) => None,
        ("you", _) => Some(LineShape::Whispered { at, to, text }),
        (from, "you") => Some(LineShape::Whisper { at, from, text }),
        _ => None,
    }
}

/// Parses `HH:MM:SS`.
fn time(text: &str) -> Option<Time> {
    let two = |at: usize| text.get(at..at + 2).and_then(people::number);
    let colons = text.len() == 8 && text.as_bytes()[2] == b':' && text.as_bytes()[5] == b':';
    colons.then_some(())?;
    Time::from_hms(two(0)?, two(3)?, two(6)?).ok()
}
