//! Events that sessions are shown; the hub makes them and each encoding renders them.

use std::net::SocketAddr;

use time::{Date, OffsetDateTime};

use super::cause::Cause;
use super::policy::cidr::Network;
use super::policy::nick::InvalidNick;

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
    /// A whisper, as its recipient reads it.
    Whisper { at: OffsetDateTime, from: &'a str, text: &'a str },
    /// The answer to `/help`, in several lines.
    Help(Help),
    /// A whisper, as its author reads it.
    Whispered { at: OffsetDateTime, to: &'a str, text: &'a str },
    /// A result of `/search`.
    Found { id: u64, at: OffsetDateTime, name: &'a str, text: &'a str, action: bool },
}

/// The reader of `/help`, whose commands are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// A member that can follow rooms.
    Member,
    /// A member of a server with addresses as names, or of a server of two.
    Guest,
    Operator,
}

/// A message of the server.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// The first event of a connection: the run of the server, and the longest line in bytes.
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
        topic: Option<Topic<'a>>,
    },
    EnteredPeer {
        name: &'a str,
    },
    EnteredRoom {
        room: &'a str,
        people: People<'a>,
        topic: Option<Topic<'a>>,
    },
    /// The reader follows a room from now on.
    Following {
        room: &'a str,
        people: People<'a>,
        topic: Option<Topic<'a>>,
    },
    Unfollowed {
        room: &'a str,
    },
    /// A member has set the topic of the room, or cleared it.
    TopicSet {
        name: &'a str,
        text: Option<&'a str>,
    },
    Topic(Topic<'a>),
    NoTopic,
    /// The reader is away from now on, or back.
    YouAreAway {
        name: &'a str,
        text: Option<&'a str>,
    },
    /// The member that the reader has whispered to is away.
    Away {
        name: &'a str,
        text: &'a str,
    },
    Quiet {
        on: bool,
    },
    Whois(Whois<'a>),
    /// The start of replayed messages.
    ///
    /// `gap`: older messages that the returning session has not read are no longer kept.
    /// `before`: the session asked for messages before this id.
    HistoryBegins {
        messages: usize,
        gap: bool,
        before: Option<u64>,
    },
    HistoryEnds,
    /// The end of requested history; there are older messages before the id `older`. `room`: if it is not the current one.
    PageEnds {
        room: Option<&'a str>,
        older: Option<u64>,
    },
    FoundBegins {
        words: &'a str,
        messages: usize,
    },
    FoundEnds {
        room: Option<&'a str>,
        words: &'a str,
        older: Option<u64>,
    },
    /// A whisper was stored for the next member with this name.
    WhisperStored {
        name: &'a str,
    },
    /// The start of whispers that were stored while the name was unused.
    OfflineWhispersBegin {
        whispers: usize,
    },
    OfflineWhispersEnd,
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
    /// The name, the number of members, and the topic of each room.
    Rooms {
        rooms: &'a [(&'a str, usize, Option<&'a str>)],
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
    /// One line of a table for the operator.
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
    /// The end of one page of a list, and the command that shows the next page.
    PageOf {
        command: &'a str,
        page: usize,
        pages: usize,
    },
    /// The number of other rooms that have members.
    MoreRooms {
        rooms: usize,
    },
    Detached,
    Lost {
        lines: u64,
    },
    /// The store cannot write messages at present.
    StoreFails {
        why: &'a str,
    },
    /// The store works again: `written` waiting records were written, `lost` records were dropped.
    StoreWorks {
        written: u64,
        lost: u64,
    },
}

/// The reason why a command or connection was refused.
#[derive(Clone, Copy, Debug)]
pub enum Refusal<'a> {
    /// `asked`: the session is at the nickname prompt, and the text repeats the prompt.
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
    /// The first line belongs to another protocol, such as HTTP.
    OtherProtocol,
    Full,
    /// The only place of a p2p server is taken.
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
    NoSuchMember {
        name: &'a str,
    },
    Yourself,
    NoWhisperYet,
    WhispererLeft,
    /// An argument is missing or invalid; the text is the correct usage.
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
    /// The limit on rooms in memory and in the store is reached.
    TooManyStoredRooms {
        most: usize,
    },
    /// The limit on existing rooms created by one member is reached.
    TooManyCreated {
        most: usize,
    },
    InThatRoom {
        room: &'a str,
    },
    /// `#room text` for a room that the member neither is in nor follows.
    NotInRoom {
        room: &'a str,
    },
    /// A command about a room that the member neither is in nor follows.
    NotMember {
        room: &'a str,
    },
    FollowsAlready {
        room: &'a str,
    },
    NotFollowed {
        room: &'a str,
    },
    TooManyFollowed {
        most: usize,
    },
    TextTooLong {
        most: usize,
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
    /// The server has no store.
    NoStore,
    /// The store cannot be read at present.
    LookupFails,
    NotBanned {
        what: &'a str,
    },
    NotMuted {
        name: &'a str,
    },
    /// The list has no such page.
    NoPage {
        command: &'a str,
        pages: usize,
    },
    ConsoleDoesNotQuit,
}

/// The topic of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// The name of the member that has set it, at that time.
    pub name: &'a str,
    pub text: &'a str,
}

/// What `/whois` shows of a member.
#[derive(Clone, Copy, Debug)]
pub struct Whois<'a> {
    pub name: &'a str,
    /// When it joined the server.
    pub since: OffsetDateTime,
    /// Its current room, and then the rooms that it follows.
    pub rooms: &'a [&'a str],
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
pub(super) const LINE_OVERHEAD: usize = 96;
