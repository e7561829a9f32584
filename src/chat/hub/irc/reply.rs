//! Sends lines of IRC to a session.

use compact_str::CompactString;

use crate::chat::event::{Event, IrcLine, Refusal, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, MemberId, Now};

/// The most bytes of a line without its tags and its end: RFC 1459, section 2.3.
pub const MAX_LINE: usize = 510;

/// The bytes that are left for the text of `:SERVER CODE NICK MIDDLE... :TEXT`, where the code has three characters.
pub fn space_for_text(server: &str, nick: &str, middle: &[&str]) -> usize {
    let middle: usize = middle.iter().map(|word| 1 + word.len()).sum();
    MAX_LINE.saturating_sub(":  000  :".len() - 1 + server.len() + nick.len() + middle)
}

/// Joins words to lines of at most `most` bytes; a longer word has its own.
pub fn in_lines<T: AsRef<str>>(words: impl IntoIterator<Item = T>, separator: char, most: usize) -> Vec<String> {
    each_line(words, separator, most).collect()
}

/// As [`in_lines`], one line after the other.
pub fn each_line<T: AsRef<str>>(
    words: impl IntoIterator<Item = T>,
    separator: char,
    most: usize,
) -> impl Iterator<Item = String> {
    let mut words = words.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut line = words.next()?.as_ref().to_owned();
        while let Some(word) = words.next_if(|word| line.len() + separator.len_utf8() + word.as_ref().len() <= most) {
            line.push(separator);
            line.push_str(word.as_ref());
        }
        Some(line)
    })
}

/// Lines, or an empty one if there are none.
pub fn one_at_least(mut lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

impl Hub {
    /// As [`space_for_text`], of a line of the server for a session.
    pub(super) fn space_for_text(&self, id: ClientId, middle: &[&str]) -> usize {
        let nick = self.sessions.nick(&self.shared.members, id);
        space_for_text(&self.config.name, nick, middle)
    }

    /// The name with which a session is addressed.
    pub(super) fn irc_name(&self, id: ClientId) -> CompactString {
        self.sessions.nick(&self.shared.members, id).into()
    }

    /// Sends a numeric reply: `:SERVER CODE NICK middle... :text`.
    pub(super) fn numeric(&mut self, id: ClientId, code: u16, middle: &[&str], text: &str) {
        self.irc_reply(id, IrcLine::Numeric { code, middle, text: Some(text) });
    }

    /// Sends numeric replies with these texts; if there are none, one with an empty text.
    pub(super) fn numeric_lines(&mut self, id: ClientId, code: u16, lines: Vec<String>) {
        one_at_least(lines).iter().for_each(|line| self.numeric(id, code, &[], line));
    }

    /// As [`Hub::numeric`], without a text.
    pub(super) fn numeric_without_text(&mut self, id: ClientId, code: u16, middle: &[&str]) {
        self.irc_reply(id, IrcLine::Numeric { code, middle, text: None });
    }

    /// Sends a line of the server with a command.
    pub(super) fn server_line(&mut self, id: ClientId, command: &str, middle: &[&str], text: Option<&str>) {
        self.irc_reply(id, IrcLine::Command { from: Sender::Server, command, in_room: false, middle, text });
    }

    /// Sends a standard reply: `FAIL COMMAND CODE context... :text` (<https://ircv3.net/specs/extensions/standard-replies>).
    pub(super) fn fail(&mut self, id: ClientId, command: &str, code: &str, context: &[&str], text: &str) {
        let middle = [&[command, code], context].concat();
        self.server_line(id, "FAIL", &middle, Some(text));
    }

    /// Sends a NOTICE of the server.
    pub(super) fn server_notice(&mut self, id: ClientId, text: &str) {
        let nick = self.irc_name(id);
        self.server_line(id, "NOTICE", &[&nick], Some(text));
    }

    /// Sends a line to a session, which shows it as coming from a member.
    pub(super) fn reply_by(&mut self, id: ClientId, member: MemberId, line: IrcLine, now: &Now) {
        self.fanout_by(member, now).send(id, &Event::Irc(line));
    }

    /// Answers a session with a refusal.
    pub(super) fn refuse_irc(&mut self, asker: Asker, refusal: Refusal) {
        self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Refusal(refusal));
    }

    /// Sends a line to a session.
    pub(super) fn irc_reply(&mut self, id: ClientId, line: IrcLine) {
        self.outbound.send(&mut self.sessions, &self.shared.members, id, &Event::Irc(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_to_lines_of_bounded_length() {
        let lines = |words: &[&str]| in_lines(words, ',', 5);
        assert_eq!(lines(&["ab", "cd", "e"]), ["ab,cd", "e"]);
        assert_eq!(lines(&["abcdef", "g"]), ["abcdef", "g"]);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn text_fills_the_line() {
        let line = ":chat.example 353 alice = #den :";
        assert_eq!(line.len() + space_for_text("chat.example", "alice", &["=", "#den"]), MAX_LINE);
    }
}
