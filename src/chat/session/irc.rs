//! What an IRC session has besides what every session has.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::open_commands::{OpenCommand, OpenCommands};
use crate::chat::change::TextLine;
use crate::chat::encoding::{IrcShape, Optional};
use crate::chat::event::MessageKind;
use crate::chat::id::AccountId;
use crate::chat::irc::scram::ScramExchange;
use crate::chat::password::Password;

bitflags::bitflags! {
    /// The capabilities that an IRC session has asked for, and what else of it is a yes or no.
    ///
    /// Source: <https://ircv3.net/irc/>
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct Caps: u32 {
        const MESSAGE_TAGS = 1 << 0;
        const SERVER_TIME = 1 << 1;
        const ACCOUNT_TAG = 1 << 2;
        const ACCOUNT_NOTIFY = 1 << 3;
        const AWAY_NOTIFY = 1 << 4;
        const BATCH = 1 << 5;
        const CAP_NOTIFY = 1 << 6;
        const ECHO_MESSAGE = 1 << 8;
        const EXTENDED_JOIN = 1 << 9;
        const INVITE_NOTIFY = 1 << 10;
        const LABELED_RESPONSE = 1 << 11;
        const MULTI_PREFIX = 1 << 12;
        const SASL = 1 << 13;
        const SETNAME = 1 << 14;
        const USERHOST_IN_NAMES = 1 << 15;
        const STANDARD_REPLIES = 1 << 16;
        const CHATHISTORY = 1 << 17;
        const READ_MARKER = 1 << 18;
        const REDACTION = 1 << 19;
        const ACCOUNT_REGISTRATION = 1 << 20;
        const NO_IMPLICIT_NAMES = 1 << 21;
        const EXTENDED_MONITOR = 1 << 22;
        const METADATA = 1 << 23;
        const MULTILINE = 1 << 24;

        /// No capability: it has asked for `CAP LS 302`, so values of capabilities are shown, and it is told of new ones.
        const KNOWS_VALUES = 1 << 29;
        /// No capability: it is not listed to members that share no room with it (user mode `i`).
        const INVISIBLE = 1 << 30;
        /// No capability: its lines do not cross the network unencrypted.
        const ENCRYPTED = 1 << 31;
    }
}

impl Caps {
    /// The shape of the lines of a session with these capabilities; how they are framed is left open.
    pub fn shape(self) -> IrcShape {
        let mut shape = IrcShape::empty();
        shape.set(IrcShape::TAGS, self.contains(Caps::MESSAGE_TAGS));
        shape.set(IrcShape::TIME, self.contains(Caps::SERVER_TIME));
        shape.set(IrcShape::ACCOUNT, self.contains(Caps::ACCOUNT_TAG));
        shape.set(IrcShape::EXTENDED_JOIN, self.contains(Caps::EXTENDED_JOIN));
        shape.set(IrcShape::MULTILINE, self.contains(Caps::MULTILINE | Caps::BATCH | Caps::MESSAGE_TAGS));
        shape.set(IrcShape::OPTIONAL, OPTIONAL.iter().any(|(cap, _)| self.contains(*cap)));
        shape
    }

    /// The lines of its logs that a session with these capabilities does not read, one bit for each kind.
    pub fn skips(self) -> u8 {
        if !self.shape().contains(IrcShape::OPTIONAL) {
            return 0;
        }
        let lacking = OPTIONAL.iter().filter(|(cap, _)| !self.contains(*cap));
        lacking.fold(0, |bits, (_, what)| bits | 1 << *what as u8)
    }
}

/// The capability of each kind of optional line.
const OPTIONAL: [(Caps, Optional); 6] = [
    (Caps::AWAY_NOTIFY, Optional::Away),
    (Caps::ACCOUNT_NOTIFY, Optional::Account),
    (Caps::SETNAME, Optional::SetName),
    (Caps::INVITE_NOTIFY, Optional::Invite),
    (Caps::REDACTION, Optional::Redaction),
    (Caps::MESSAGE_TAGS, Optional::Tags),
];

/// What an IRC session has said about itself before it is registered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Registration {
    /// The nickname that it wants.
    pub nick: Option<CompactString>,
    /// What it gave with USER: the user name and the real name.
    pub user: Option<(CompactString, Box<str>)>,
    /// What it gave with PASS.
    pub pass: Option<Password>,
    /// It asks for capabilities, and is not registered before it ends that.
    pub negotiates: bool,
    /// A login is on its way.
    pub pending: bool,
}

/// A login with SASL: <https://ircv3.net/specs/extensions/sasl-3.2>.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sasl {
    /// The pieces of the message that the client is sending, in base64.
    pub received: String,
    pub step: SaslStep,
}

/// What comes next in a login with SASL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SaslStep {
    /// The message of PLAIN.
    Plain,
    /// The first message of SCRAM-SHA-256.
    ScramFirst,
    /// The last one.
    ScramFinal(Box<ScramExchange>),
    /// The client has read that the server has its keys; it is logged in to this account.
    ScramDone(AccountId),
    /// The answer of the process that compares passwords.
    Pending,
}

/// A message of several lines that a client is sending: <https://ircv3.net/specs/extensions/multiline>.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Multiline {
    /// The reference of its batch.
    pub reference: Box<str>,
    pub target: Box<str>,
    /// That of its first line.
    pub kind: Option<MessageKind>,
    /// The client-only tags, in their escaped form.
    pub tags: Option<Box<str>>,
    /// The label of the begin of the batch, in its escaped form.
    pub label: Option<Box<str>>,
    pub lines: Vec<TextLine>,
    /// The bytes of the lines, with one more for each end of a line.
    pub bytes: usize,
    /// A line was refused; the rest is ignored.
    pub failed: bool,
}

/// The label of a command: <https://ircv3.net/specs/extensions/labeled-response>.
#[derive(Clone, Debug)]
pub struct Label {
    /// In its escaped form.
    pub text: Box<str>,
    /// The bytes of the outbox before the answer, or before the part that follows.
    pub from: usize,
    /// The reference of the batch in which a part of the answer was sent.
    pub batch: Option<Box<str>>,
}

/// What an IRC session has begun and not finished; an idle session has none of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Unfinished {
    /// Before it is registered.
    pub registration: Option<Registration>,
    /// The account whose password it has given; after it is registered, its member has the account.
    pub account: Option<AccountId>,
    /// A login with SASL that has begun.
    pub sasl: Option<Box<Sasl>>,
    /// It is away, with this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Box<str>>,
    /// A message of several lines that it is sending.
    pub multiline: Option<Box<Multiline>>,
    /// The command that is processed.
    #[serde(skip)]
    pub command: &'static str,
    /// What it is about, such as a channel, if a refusal must name it.
    #[serde(skip)]
    pub subject: CompactString,
    /// The label of the command that is processed.
    #[serde(skip)]
    pub label: Option<Label>,
    /// Its commands that are not answered yet.
    #[serde(default, skip_serializing_if = "OpenCommands::is_empty")]
    pub open_commands: OpenCommands,
}

impl Unfinished {
    const NOTHING: &Unfinished = &Unfinished {
        registration: None,
        account: None,
        sasl: None,
        away: None,
        multiline: None,
        command: "",
        subject: CompactString::const_new(""),
        label: None,
        open_commands: OpenCommands::EMPTY,
    };

    /// The open command of the line that is processed.
    pub fn current_command(&mut self) -> &mut OpenCommand {
        self.open_commands.current(self.command)
    }

    fn is_nothing(&self) -> bool {
        let Unfinished { registration, account, sasl, away, multiline, command, subject, label, open_commands } = self;
        registration.is_none()
            && account.is_none()
            && sasl.is_none()
            && away.is_none()
            && multiline.is_none()
            && command.is_empty()
            && subject.is_empty()
            && label.is_none()
            && open_commands.is_empty()
    }
}

/// What an IRC session has besides what every session has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IrcSession {
    pub caps: Caps,
    /// When it has sent its last message, or was registered; in seconds.
    spoke: u32,
    unfinished: Option<Box<Unfinished>>,
}

impl IrcSession {
    /// A session that is not registered.
    pub fn new() -> Self {
        let unfinished = Unfinished { registration: Some(Registration::default()), ..Unfinished::default() };
        let unfinished = Some(Box::new(unfinished));
        IrcSession { caps: Caps::empty(), spoke: 0, unfinished }
    }

    /// The nickname that it wants, before it is registered.
    pub fn wanted_nick(&self) -> Option<&str> {
        self.unfinished().registration.as_ref()?.nick.as_deref()
    }

    /// What it has begun and not finished.
    pub fn unfinished(&self) -> &Unfinished {
        self.unfinished.as_deref().unwrap_or(Unfinished::NOTHING)
    }

    /// As [`IrcSession::unfinished`], mutable.
    pub fn unfinished_mut(&mut self) -> &mut Unfinished {
        self.unfinished.get_or_insert_default()
    }

    /// Frees the memory of what is finished.
    pub fn free_finished(&mut self) {
        self.unfinished.take_if(|unfinished| unfinished.is_nothing());
    }

    /// When it has sent its last message, or was registered; in microseconds.
    pub fn spoke(&self) -> u64 {
        u64::from(self.spoke) * MICROS
    }

    /// Notes when it sends a message, in microseconds.
    pub fn note_spoken(&mut self, now: u64) {
        self.spoke = u32::try_from(now / MICROS).unwrap_or(u32::MAX);
    }
}

/// Microseconds of a second.
const MICROS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_session_is_small_and_what_is_finished_is_freed() {
        assert!(size_of::<Option<IrcSession>>() <= 24, "{} bytes", size_of::<Option<IrcSession>>());
        let mut session = IrcSession::new();
        session.unfinished_mut().command = "NICK";
        session.free_finished();
        assert_eq!(session.unfinished().command, "NICK");
        (session.unfinished_mut().registration, session.unfinished_mut().command) = (None, "");
        session.free_finished();
        assert!(session.unfinished.is_none() && session.unfinished().command.is_empty());
    }
}
