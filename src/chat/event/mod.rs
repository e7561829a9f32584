//! Events that sessions are shown; the hub makes them and each encoding renders them.

mod console_text;
mod irc;
mod message;
mod nodes;
mod notice;
mod refusal;
mod source;

use time::OffsetDateTime;

pub use self::console_text::ConsoleText;
pub use self::irc::{IrcLine, Sender};
pub use self::message::{MessageKind, MessageView, kind_or_flag};
pub use self::nodes::{NodeLine, NodeTrouble};
pub use self::notice::{CertificateState, Notice};
pub use self::refusal::{Due, Refusal};
pub use self::source::Source;
use super::member::Role;
use super::settings::RoomSettings;

/// One event for a reader.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A message of the server.
    Notice(Notice<'a>),
    /// A command is refused; only its sender reads this.
    Refusal(Refusal<'a>),
    /// A message in the room; `id` grows with every message of the server.
    Said { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str },
    /// `/me`.
    Action { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str },
    /// A message that programs never answer: NOTICE of IRC. People are shown it as what is said.
    Noticed { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str },
    /// A whisper, as its recipient reads it.
    Whisper { at: OffsetDateTime, from: &'a str, text: &'a str },
    /// The answer to `/help`, in several lines.
    Help(Help),
    /// A whisper, as its author reads it.
    Whispered { at: OffsetDateTime, to: &'a str, text: &'a str },
    /// A line of IRC, for an IRC session.
    Irc(IrcLine<'a>),
    /// A result of `/search`.
    Found { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str, kind: MessageKind },
}

/// The reader of `/help`, whose commands are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// A member that can follow rooms.
    Member,
    Moderator,
    /// A member of a server with addresses as names, or of a server of two.
    Guest,
    Operator,
    /// The operator of a server with addresses as names, or of a server of two.
    GuestOperator,
}

/// The topic of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The name of the member that has set it, at that time.
    pub name: &'a str,
    pub text: &'a str,
}

/// What `/room` shows of a room.
#[derive(Clone, Copy, Debug)]
pub struct SettingsView<'a> {
    pub room: &'a str,
    pub settings: &'a RoomSettings,
    /// Whether the reader may see the key.
    pub shows_key: bool,
    pub operators: &'a [&'a str],
    pub voices: &'a [&'a str],
}

/// What `/whois` shows of a member.
#[derive(Clone, Copy, Debug)]
pub struct Whois<'a> {
    pub name: &'a str,
    /// When it joined the server.
    pub since: OffsetDateTime,
    /// Its current room, and then the rooms that it follows, without those that are hidden from the reader.
    pub rooms: &'a [&'a str],
    pub role: Role,
    /// The name of its account.
    pub account: Option<&'a str>,
    /// The text, if it is away.
    pub away: Option<&'a str>,
}

/// The members of a room, as one reader is shown them.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    /// The number of all members, the reader included.
    pub here: usize,
    /// The names of some or all other members.
    pub names: &'a [&'a str],
    /// Those of `names` that are away. Only programs are shown this.
    pub away: &'a [&'a str],
    /// Whether the reader is a member.
    pub you: bool,
}

impl People<'_> {
    /// The number of other members whose names are left out.
    pub fn more(&self) -> usize {
        self.here - self.names.len() - usize::from(self.you)
    }
}

/// Estimated bytes of a rendered line besides its text.
pub(in crate::chat) const LINE_OVERHEAD: usize = 96;
