//! What can be shown to a person: the vocabulary between the hub and the dialects.

use std::net::SocketAddr;

use time::{Date, OffsetDateTime};

use super::policy::cidr::Network;
use super::policy::nick::InvalidNick;

/// The form in which somebody reads events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Lines of text.
    #[default]
    Plain,
    /// JSON in the frames of a WebSocket.
    WebSocket,
}

impl Encoding {
    /// How many there are.
    pub const COUNT: usize = 2;
    /// All of them.
    pub const ALL: [Encoding; Self::COUNT] = [Encoding::Plain, Encoding::WebSocket];
}

/// Turns events into the bytes of one dialect.
pub trait Render {
    /// Appends `event` to `out`, complete with whatever ends a line or frame in this dialect.
    fn render(&self, event: &Event, out: &mut Vec<u8>);
}

/// What speaks the dialects.
pub struct Renderers {
    pub plain: Box<dyn Render>,
    /// `None` where there are no WebSockets.
    pub web: Option<Box<dyn Render>>,
}

impl Renderers {
    /// What speaks a dialect that the server speaks.
    pub fn of(&self, encoding: Encoding) -> &dyn Render {
        match encoding {
            Encoding::Plain => &*self.plain,
            Encoding::WebSocket => self.web.as_deref().expect("a dialect that the server speaks"),
        }
    }
}

/// One line for a person to read.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The server speaks.
    Notice(Notice<'a>),
    /// What was just asked is refused; only who asked reads it.
    Refusal(Refusal<'a>),
    /// Said in the room; `id` grows with every message of the server.
    Said { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str },
    /// `/me`.
    Action { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str },
    /// A whisper, as its reader gets it.
    Whisper { at: OffsetDateTime, from: &'a str, text: &'a str },
    /// The answer to `/help`, in as many lines as it takes.
    Help { operator: bool },
    /// A whisper, as its writer gets it.
    Whispered { at: OffsetDateTime, to: &'a str, text: &'a str },
    /// A message in which words were found that somebody looks for.
    Found { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str, action: bool },
}

/// What the server says.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// To whoever connects: which run of the server this is, and the longest line in bytes.
    Hello {
        run: u64,
        max_line: usize,
    },
    Welcome,
    NameSet,
    Entered {
        name: &'a str,
        room: &'a str,
        people: People<'a>,
    },
    EnteredPeer {
        name: &'a str,
    },
    EnteredRoom {
        room: &'a str,
        people: People<'a>,
    },
    /// `gap`: before these there were others that one who comes back has not read, and that are no longer kept.
    ///
    /// `before`: those before that message were asked for.
    HistoryBegins {
        messages: usize,
        gap: bool,
        before: Option<u64>,
    },
    HistoryEnds,
    /// Of what was asked for; there are others before message `older`.
    PageEnds {
        older: Option<u64>,
    },
    FoundBegins {
        words: &'a str,
        messages: usize,
    },
    FoundEnds {
        words: &'a str,
        older: Option<u64>,
    },
    /// A whisper waits for who has that name next.
    Kept {
        name: &'a str,
    },
    /// What was whispered to that name while nobody had it.
    MissedBegins {
        whispers: usize,
    },
    MissedEnds,
    NoHistory,
    Joined {
        name: &'a str,
        here: usize,
    },
    Left {
        name: &'a str,
        cause: &'a Cause,
        here: usize,
    },
    Renamed {
        old: &'a str,
        new: &'a str,
    },
    Summed {
        joined: u32,
        left: u32,
        here: usize,
    },
    Day(Date),
    Waiting {
        number: u32,
    },
    Pong {
        text: &'a str,
    },
    People {
        room: &'a str,
        people: People<'a>,
    },
    PeopleIn {
        room: &'a str,
        people: People<'a>,
    },
    Rooms {
        rooms: &'a [(&'a str, usize)],
        more: usize,
    },
    Echo {
        on: bool,
    },
    Ignoring {
        name: &'a str,
    },
    NoLongerIgnoring {
        name: &'a str,
    },
    IgnoreList {
        names: &'a [&'a str],
    },
    Goodbye,
    Kicked {
        why: Option<&'a str>,
    },
    ShuttingDown,
    /// A line of a table for the operator.
    Line(&'a str),
    Connected {
        addr: SocketAddr,
        connected: usize,
    },
    Disconnected {
        addr: SocketAddr,
        connected: usize,
    },
    PeerLeft {
        name: &'a str,
    },
    Ban {
        network: Network,
        minutes: Option<u64>,
    },
    Unbanned {
        network: Network,
    },
    NoBans,
    Muted {
        name: &'a str,
        minutes: Option<u64>,
    },
    Unmuted {
        name: &'a str,
    },
    NoMutes,
    /// The end of one page of several, and the command that shows the next one.
    PageOf {
        command: &'a str,
        page: usize,
        pages: usize,
    },
    /// Rooms with people in them that a list leaves out.
    MoreRooms {
        rooms: usize,
    },
    Detached,
    Lost {
        lines: u64,
    },
    /// What is said cannot be written to the file for now.
    StoreFails {
        why: &'a str,
    },
    /// It can be again, and what waited has been; so much that was said is not there.
    StoreWorks {
        written: u64,
        lost: u64,
    },
}

/// Why something was not done.
#[derive(Clone, Copy, Debug)]
pub enum Refusal<'a> {
    /// `asked`: at the prompt for a nickname, which is thereby given again.
    Taken {
        name: &'a str,
        asked: bool,
    },
    BadName {
        why: InvalidNick,
        name: &'a str,
        asked: bool,
    },
    AlreadyCalled {
        name: &'a str,
    },
    NamesAreAddresses,
    LoginTimeout {
        seconds: u64,
    },
    StillWaiting,
    /// Its first line is that of another protocol, such as HTTP.
    OtherProtocol,
    Full,
    /// In p2p, where one person is all there is room for.
    Busy,
    TooManyFromAddress {
        most: usize,
    },
    Banned,
    Idle {
        seconds: u64,
    },
    TooLong {
        most: usize,
    },
    NotUtf8,
    NobodyCalled {
        name: &'a str,
    },
    Yourself,
    NobodyWhispered,
    WhispererLeft,
    /// An argument is missing or cannot be read; how it is written.
    Usage(&'a str),
    NoCommand {
        word: &'a str,
    },
    BadRoomName,
    NoRoom {
        room: &'a str,
    },
    TooManyRooms {
        most: usize,
    },
    /// There are so many rooms in memory and in the file.
    TooManyStoredRooms {
        most: usize,
    },
    /// So many rooms that one has made still exist.
    TooManyMade {
        most: usize,
    },
    InThatRoom {
        room: &'a str,
    },
    NotIgnored {
        name: &'a str,
    },
    TooManyIgnored {
        most: usize,
    },
    HistoryRange {
        most: usize,
    },
    /// Nothing is kept in a file.
    NoStore,
    /// The file cannot be read now.
    LookupFails,
    NotBanned {
        what: &'a str,
    },
    NotMuted {
        name: &'a str,
    },
    /// There is no such page of a list.
    NoPage {
        command: &'a str,
        pages: usize,
    },
    ConsoleDoesNotQuit,
}

/// Who is in a room.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    /// How many in all, the reader included.
    pub here: usize,
    /// The names of some or all of the others.
    pub names: &'a [&'a str],
    /// Whether the reader is among them.
    pub you: bool,
}

impl People<'_> {
    /// How many others are there whose names are not given.
    pub fn more(&self) -> usize {
        self.here - self.names.len() - usize::from(self.you)
    }
}

/// By what way somebody left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By `/quit` or one of its like, perhaps with a reason.
    Quit(Option<Box<str>>),
    /// The client closed its side after all that it had to say.
    EndOfInput,
    /// For another room.
    Moved,
    ConnectionLost,
    Idle,
    TooSlow,
    /// By the operator, who may have told them why.
    Kicked(Option<Box<str>>),
    Banned,
    /// Did not give a nickname in time.
    LoginTimeout,
    /// Spoke another protocol, such as HTTP.
    OtherProtocol,
    /// The server ended first.
    ShutDown,
}

impl Cause {
    /// What each is called by programs, in the order of [`Cause::number`].
    pub const NAMES: [&str; 11] = [
        "quit",
        "end_of_input",
        "moved",
        "connection_lost",
        "idle",
        "too_slow",
        "kicked",
        "banned",
        "login_timeout",
        "shut_down",
        "other_protocol",
    ];

    /// Its place among all of them.
    pub fn number(&self) -> usize {
        match self {
            Cause::Quit(_) => 0,
            Cause::EndOfInput => 1,
            Cause::Moved => 2,
            Cause::ConnectionLost => 3,
            Cause::Idle => 4,
            Cause::TooSlow => 5,
            Cause::Kicked(_) => 6,
            Cause::Banned => 7,
            Cause::LoginTimeout => 8,
            Cause::ShutDown => 9,
            Cause::OtherProtocol => 10,
        }
    }
}

/// Bytes that a line takes besides its text, by and large.
pub(super) const FRAME: usize = 96;

/// Why a session will be disconnected when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingDisconnect {
    /// It is further behind than the backlog allows; what it has not read is given up already.
    TooSlow,
    /// Its address is banned; it is let off if the ban is lifted before.
    Banned,
}
