//! Readers with IRC clients: the lines of IRC that they are to be sent, rendered here line by line.

mod channels;
mod commands;
mod events;
mod history;
mod labels;
mod metadata;
mod monitoring;
mod multiline;
mod queries;
mod refusals;
mod registering;
mod role_messages;
pub(super) mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::channels::ModeChanges;
pub(super) use self::labels::Label;
use self::multiline::Multiline;
use self::registering::Registration;
use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::irc::vocabulary::Identity;
use crate::simulator::oracle::words::{OPERATOR, POSTER, Typed};

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
pub struct IrcReader {
    /// The nickname with which it is addressed.
    nick: String,
    pub(super) caps: BTreeSet<String>,
    /// It has asked for `CAP LS 302`.
    knows_values: bool,
    /// Before it is registered.
    registration: Option<Registration>,
    /// The command that is processed.
    given: IrcCommand,
    /// The names that it monitors, by their keys.
    monitored: BTreeMap<String, String>,
    multiline: Option<Multiline>,
    /// The keys of metadata to which it has subscribed.
    subscribed: BTreeSet<String>,
    /// It is connected with TLS, and has frames.
    is_encrypted: bool,
    pub(super) has_frames: bool,
}

/// A command of IRC, and the channel that it is about.
#[derive(Clone, Default)]
pub struct IrcCommand {
    pub name: String,
    subject: String,
}

impl IrcReader {
    fn new(is_encrypted: bool, has_frames: bool) -> IrcReader {
        IrcReader {
            nick: "*".into(),
            caps: BTreeSet::new(),
            knows_values: false,
            registration: Some(Registration::default()),
            given: IrcCommand::default(),
            monitored: BTreeMap::new(),
            multiline: None,
            subscribed: BTreeSet::new(),
            is_encrypted,
            has_frames,
        }
    }
}

impl Oracle {
    /// A reader has an IRC client.
    pub fn begin_irc(&mut self, who: usize, is_encrypted: bool, has_frames: bool) {
        self.readers[who].irc = Some(IrcReader::new(is_encrypted, has_frames));
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
                self.begin_label(who, &text);
                self.irc_command(who, &text, now);
                self.irc_set_command(who, IrcCommand::default());
                self.irc_settle(now);
            }
            typed => panic!("a line of person {who} is carried out, who has typed {typed:?}"),
        }
    }

    /// The command of IRC that a session has given; none for other sessions.
    pub(super) fn irc_command_of(&self, session: usize) -> IrcCommand {
        let irc = self.readers[session].irc.as_ref();
        irc.map_or_else(IrcCommand::default, |irc| irc.given.clone())
    }

    /// What a session with an IRC client is told next answers this command.
    pub(super) fn irc_set_command(&mut self, session: usize, command: IrcCommand) {
        if let Some(irc) = &mut self.readers[session].irc {
            irc.given = command;
        }
    }

    /// Notes the channel of the command of a session.
    fn irc_note_channel(&mut self, session: usize, room: usize) {
        self.irc_mut(session).given.subject = format!("#{}", self.room_name(room));
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
