//! Readers with IRC clients: the lines of IRC that they are to be sent, rendered here line by line.

mod channels;
mod commands;
mod events;
mod refusals;
mod registering;
mod rules;
mod welcome;

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::registering::Registration;
use super::{OPERATOR, Oracle, POSTER, Reader, Typed};
use crate::chat::{Config, Host, Now};

/// The most bytes of a line without its tags and its end.
const MAX_LINE: usize = 510;

/// Words in lines of at most `most` bytes.
fn lines_of(words: &[String], most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut().filter(|line| line.len() + 1 + word.len() <= most) {
            Some(line) => *line += &format!(" {word}"),
            None => lines.push(word.clone()),
        }
    }
    lines
}

/// What a reader with an IRC client has besides what every reader has.
pub(super) struct IrcReader {
    /// The nickname with which it is addressed.
    nick: String,
    caps: BTreeSet<String>,
    /// It has asked for `CAP LS 302`.
    knows_values: bool,
    /// Before it is registered.
    registration: Option<Registration>,
    /// The command that is processed, and the channel of a JOIN.
    command: String,
    subject: String,
}

impl Default for IrcReader {
    fn default() -> Self {
        let (nick, registration) = ("*".into(), Some(Registration::default()));
        let (command, subject) = (String::new(), String::new());
        IrcReader { nick, caps: BTreeSet::new(), knows_values: false, registration, command, subject }
    }
}

/// What others are shown of a member besides its name.
#[derive(Clone)]
pub(super) struct Identity {
    pub user: String,
    pub host: String,
    /// `None`: its nickname.
    pub real_name: Option<String>,
}

impl Identity {
    /// That of a member without an IRC client.
    pub fn plain(ip: IpAddr, config: &Config) -> Identity {
        Identity { user: "chat".into(), host: Host::of(ip, config.cloak_key).to_string(), real_name: None }
    }
}

impl Reader {
    pub(super) fn has_cap(&self, cap: &str) -> bool {
        self.irc.as_ref().is_some_and(|irc| irc.caps.contains(cap))
    }
}

impl Oracle {
    /// A reader has an IRC client.
    pub fn begin_irc(&mut self, who: usize) {
        self.readers[who].irc = Some(IrcReader::default());
    }

    pub(super) fn is_irc(&self, session: usize) -> bool {
        self.readers[session].irc.is_some()
    }

    /// The readers of a room with IRC clients.
    fn irc_readers(&self, room: usize) -> Vec<usize> {
        let members = self.rooms[room].iter().flat_map(|room| room.members.iter().copied());
        members.flat_map(|member| self.sessions(member)).filter(|&session| self.is_irc(session)).collect()
    }

    /// The line of a session with an IRC client.
    pub(super) fn irc_input(&mut self, who: usize, typed: Option<Typed>, now: Now) {
        match typed {
            Some(Typed::TooLong) => self.irc_numeric(who, 417, ":Input line was too long"),
            Some(Typed::NotUtf8) => {
                let server = self.config.name.clone();
                let reason = "The line is not UTF-8, and was not processed";
                self.irc_send(who, &format!(":{server} FAIL PRIVMSG INVALID_UTF8 :{reason}"));
            }
            Some(Typed::Line(text)) => {
                self.irc_command(who, &text, now);
                self.irc_mut(who).command.clear();
                self.irc_mut(who).subject.clear();
            }
            typed => panic!("a line of person {who} is carried out, who has typed {typed:?}"),
        }
    }

    fn irc_mut(&mut self, session: usize) -> &mut IrcReader {
        self.readers[session].irc.as_mut().expect("an IRC client")
    }

    fn irc_nick(&self, session: usize) -> String {
        self.readers[session].irc.as_ref().map_or_else(String::new, |irc| irc.nick.clone())
    }

    /// Sends a line without tags, as much of it as fits.
    fn irc_send(&mut self, session: usize, line: &str) {
        self.irc_send_tagged(session, "", line);
    }

    fn irc_send_tagged(&mut self, session: usize, tags: &str, line: &str) {
        let line = &line[..line.floor_char_boundary(MAX_LINE)];
        let expected = &mut self.readers[session].expected;
        expected.extend_from_slice(format!("{tags}{line}\r\n").as_bytes());
    }

    /// Sends a numeric reply; `rest` stands behind the nickname.
    fn irc_numeric(&mut self, session: usize, code: u16, rest: &str) {
        let (server, nick) = (&self.config.name, self.irc_nick(session));
        let line = format!(":{server} {code:03} {nick} {rest}");
        self.irc_send(session, &line);
    }

    fn irc_notice(&mut self, session: usize, text: &str) {
        let line = format!(":{} NOTICE {} :{text}", self.config.name, self.irc_nick(session));
        self.irc_send(session, &line);
    }

    /// Sends what a member does. `name` is the one that it has, or had.
    fn irc_event(&mut self, session: usize, by: usize, name: &str, line: &str, now: Now) {
        let tags = self.irc_tags(session, None, now);
        let source = self.irc_source(by, name);
        self.irc_send_tagged(session, &tags, &format!(":{source} {line}"));
    }

    /// `NAME!USER@HOST`
    fn irc_source(&self, who: usize, name: &str) -> String {
        match who {
            OPERATOR => format!("{name}!chat@local.cloak"),
            POSTER => format!("{name}!bot@local.cloak"),
            who => {
                let Identity { user, host, .. } = &self.members[who].identity;
                format!("{name}!{user}@{host}")
            }
        }
    }

    /// The tags of a line as a session reads them, with the space behind them.
    fn irc_tags(&self, session: usize, msgid: Option<&str>, now: Now) -> String {
        let reader = &self.readers[session];
        let mut tags = Vec::new();
        if reader.has_cap("server-time") {
            let at = now.local;
            let (hour, minute, second, milli) = at.to_hms_milli();
            tags.push(format!("time={}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", at.date()));
        }
        tags.extend(msgid.filter(|_| reader.has_cap("message-tags")).map(|id| format!("msgid={id}")));
        if tags.is_empty() { String::new() } else { format!("@{} ", tags.join(";")) }
    }
}
