//! The server's texts, one file for each language.

mod en;
mod zh;

use std::fmt::{self, Display, Formatter};

use time::OffsetDateTime;

use super::event::{ConsoleText, Help, Notice, People, Refusal, SettingsView};

/// The language of the server's texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Lang {
    /// The language tag (RFC 5646).
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }

    /// The text of a notice.
    pub fn notice<'a>(self, notice: &'a Notice<'a>) -> impl Display + 'a {
        Phrase(move |f: &mut Formatter| match self {
            Lang::En => en::notice(notice, f),
            Lang::Zh => zh::notice(notice, f),
        })
    }

    /// The text of a refusal.
    pub fn refusal<'a>(self, refusal: &'a Refusal<'a>) -> impl Display + 'a {
        Phrase(move |f: &mut Formatter| match self {
            Lang::En => en::refusal(refusal, f),
            Lang::Zh => zh::refusal(refusal, f),
        })
    }

    /// A text of the operator's console.
    pub fn console<'a>(self, text: &'a ConsoleText<'a>) -> impl Display + 'a {
        Phrase(move |f: &mut Formatter| match self {
            Lang::En => en::console(text, f),
            Lang::Zh => zh::console(text, f),
        })
    }

    /// The lines of `/help` for this reader.
    pub fn help(self, reader: Help) -> impl Iterator<Item = &'static str> {
        let parts: &[&[&str]] = match (self, reader) {
            (Lang::En, Help::Member) => &[en::HELP, en::ROOM_HELP],
            (Lang::En, Help::Moderator) => &[en::HELP, en::ROOM_HELP, en::MODERATOR_HELP],
            (Lang::En, Help::Guest) => &[en::HELP],
            (Lang::En, Help::Operator) => &[en::OPERATOR_HELP, en::OPERATOR_ROOM_HELP],
            (Lang::En, Help::GuestOperator) => &[en::OPERATOR_HELP],
            (Lang::Zh, Help::Member) => &[zh::HELP, zh::ROOM_HELP],
            (Lang::Zh, Help::Moderator) => &[zh::HELP, zh::ROOM_HELP, zh::MODERATOR_HELP],
            (Lang::Zh, Help::Guest) => &[zh::HELP],
            (Lang::Zh, Help::Operator) => &[zh::OPERATOR_HELP, zh::OPERATOR_ROOM_HELP],
            (Lang::Zh, Help::GuestOperator) => &[zh::OPERATOR_HELP],
        };
        parts.iter().copied().flatten().copied()
    }
}

struct Phrase<F>(F);

impl<F: Fn(&mut Formatter) -> fmt::Result> Display for Phrase<F> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        (self.0)(f)
    }
}

/// Writes a list with `comma` between the items and `and` before the last one.
fn list<T: Display>(f: &mut Formatter, items: &[T], comma: &str, and: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        match items.len() - index {
            _ if index == 0 => {}
            1 => f.write_str(and)?,
            _ => f.write_str(comma)?,
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// Calls `write` with the same people, where those on other nodes have the name of their node in their name.
fn with_nodes<R>(people: &People, nodes: &[(&str, &str)], write: impl FnOnce(&People) -> R) -> R {
    if nodes.is_empty() {
        return write(people);
    }
    let node_of = |name: &str| nodes.iter().find(|(member, _)| *member == name).map(|(_, node)| node);
    let named = |&name: &&str| node_of(name).map_or_else(|| name.to_owned(), |node| format!("{name} ({node})"));
    let names: Vec<String> = people.names.iter().map(named).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    write(&People { names: &names, ..*people })
}

/// The settings of a room as they are typed; the key only if the reader may see it.
fn values(view: &SettingsView) -> Vec<String> {
    let settings = view.settings;
    let key = settings.key.as_ref().map(|key| if view.shows_key { format!("key {key}") } else { "key".into() });
    let flags = [
        (settings.invite_only, "invite-only"),
        (settings.moderated, "moderated"),
        (settings.secret, "secret"),
        (settings.topic_lock, "topic-lock"),
    ];
    let flags = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned());
    let limit = settings.limit.map(|most| format!("limit {most}"));
    let slow = settings.slow.map(|seconds| format!("slow {seconds}"));
    key.into_iter().chain(flags).chain(limit).chain(slow).collect()
}

/// The room before the arguments of a command; nothing for the current room.
fn prefix(room: Option<&str>) -> impl Display {
    Phrase(move |f: &mut Formatter| room.map_or(Ok(()), |room| write!(f, "#{room} ")))
}

/// Displays a time to the minute.
fn minute(at: OffsetDateTime) -> impl Display {
    Phrase(move |f: &mut Formatter| write!(f, "{} {:02}:{:02}", at.date(), at.hour(), at.minute()))
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        for lang in [Lang::En, Lang::Zh] {
            for line in [Help::Moderator, Help::Operator].into_iter().flat_map(|reader| lang.help(reader)) {
                // A notice begins with `* `.
                assert!("* ".width() + line.width() <= 80, "{line} takes {} columns", line.width());
            }
        }
    }
}
