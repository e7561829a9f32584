//! The reasons of refusals.

use crate::chat::change::RestrictionKind;
use crate::chat::member::RoomRole;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::nick::InvalidNick;

/// What is due after a refusal that is about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: it was given in a command, or the server asks for something else.
    Nothing,
    /// Another password. `visible`: the reader's terminal shows what is typed.
    Password { visible: bool },
    /// The connection is closed.
    Goodbye,
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
        why: InvalidNick<'a>,
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
    /// The peer is a trusted proxy and did not say who its client is.
    NoProxyHeader,
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
    /// The name of a new room mixes scripts that are easily confused.
    MixedRoomName {
        room: &'a str,
    },
    /// The name of a new room can be mistaken for that of the room `other`.
    RoomLooksLike {
        room: &'a str,
        other: &'a str,
    },
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
    /// A member or a room has as many keys of metadata as it can.
    TooManyKeys {
        most: usize,
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
    /// The configuration bans this network, and no command lifts that.
    ConfiguredBan {
        network: Network,
    },
    NotMuted {
        name: &'a str,
    },
    /// Only operators of this room may do that; `None`: only moderators.
    NotAllowed {
        room: Option<&'a str>,
    },
    /// The store cannot be written at present, so that a deletion or an account might not last.
    StoreFails,
    /// What was typed is not applied, since this node cannot reach the log of its cluster; it will not be applied later.
    CutOff,
    /// It is not known whether what was typed was applied: this node of a cluster has not read that part of the log, or ends before
    /// it reads it.
    PerhapsNotSaid,
    /// A private message has perhaps not reached this member, which is on another node.
    NotReached {
        name: &'a str,
    },
    WrongPassword {
        due: Due,
    },
    /// Nothing is compared for this time, after too many wrong passwords.
    TooManyWrongPasswords {
        seconds: u64,
        due: Due,
    },
    /// Too many passwords wait to be compared.
    TooManyLogins,
    /// Passwords cannot be compared at present.
    PasswordsFail {
        due: Due,
    },
    BadPassword {
        most: usize,
    },
    /// The server has no accounts.
    NoAccounts,
    TooManyAccounts {
        most: usize,
    },
    /// The reader is registered already, with this name.
    RegisteredAlready {
        name: &'a str,
    },
    /// The name belongs to an account; `asked`: the session is at the nickname prompt.
    Registered {
        name: &'a str,
        asked: bool,
    },
    /// The reader, which is called so, has no account.
    NoAccount {
        name: &'a str,
    },
    NotRegistered {
        name: &'a str,
    },
    /// The account that a change or a password is about was removed in the meantime.
    AccountRemoved,
    /// The account has other sessions.
    OtherSessions {
        others: u32,
    },
    /// Only the operator of the server may do that.
    OnlyOperator,
    /// The member is a moderator.
    Protected {
        name: &'a str,
    },
    /// The lobby is open to all, and has no operators.
    NotForLobby,
    /// The member that is invited is banned from the room.
    IsBanned {
        name: &'a str,
        room: &'a str,
    },
    NotThere {
        name: &'a str,
        room: &'a str,
    },
    IsThere {
        name: &'a str,
        room: &'a str,
    },
    /// `room`: `None` for the server.
    HasRole {
        name: &'a str,
        room: Option<&'a str>,
        role: RoomRole,
    },
    LacksRole {
        name: &'a str,
        room: Option<&'a str>,
        role: RoomRole,
    },
    LastOperator {
        room: &'a str,
    },
    /// `given`: a key was given, and it is not that of the room.
    WrongKey {
        room: &'a str,
        given: bool,
    },
    InviteOnly {
        room: &'a str,
    },
    RoomFull {
        room: &'a str,
        most: u32,
    },
    BannedFrom {
        room: &'a str,
    },
    Moderated {
        room: &'a str,
    },
    MutedIn {
        room: &'a str,
        minutes: Option<u64>,
    },
    /// One message in `every` seconds is allowed, the next one after `wait` seconds.
    SlowMode {
        room: &'a str,
        every: u64,
        wait: u64,
    },
    BadKey {
        most: usize,
    },
    NoChange,
    ListFull {
        room: &'a str,
        most: usize,
    },
    /// The member is not muted in the room, or not banned from it.
    NotRestricted {
        name: &'a str,
        room: &'a str,
        kind: RestrictionKind,
    },
    /// The mask is not in that list of the room.
    NoMask {
        mask: &'a str,
        room: &'a str,
    },
    /// A mask is longer than this, empty, or has a space.
    BadMask {
        most: usize,
    },
    NoMessage {
        id: u64,
        room: &'a str,
    },
    NotYours {
        id: u64,
    },
    /// There is no message of that member; `None`: of the reader.
    NothingToDelete {
        name: Option<&'a str>,
        room: &'a str,
    },
    /// Other members come from the same network; `None`: the reader may not see addresses.
    SharedAddress {
        name: &'a str,
        others: usize,
        network: Option<Network>,
    },
    /// A member that is connected through a Unix socket cannot be banned by its address.
    NoAddress {
        name: &'a str,
    },
    /// The list has no such page.
    NoPage {
        command: &'a str,
        pages: usize,
    },
    ConsoleDoesNotQuit,
    /// The settings could not be read again, and stay as they are.
    NotReloaded {
        why: &'a str,
    },
}

impl Refusal<'_> {
    /// The same refusal without the prompt, for a session that gets a prompt of its own.
    pub fn without_prompt(self) -> Self {
        match self {
            Self::Taken { name, .. } => Self::Taken { name, asked: false },
            Self::BadName { why, name, .. } => Self::BadName { why, name, asked: false },
            Self::Registered { name, .. } => Self::Registered { name, asked: false },
            other => other,
        }
    }
}
