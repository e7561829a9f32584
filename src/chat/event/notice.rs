//! The messages of the server.

use std::net::SocketAddr;

use time::{Date, OffsetDateTime};

use super::{NodeLine, NodeTrouble, People, SettingsView, Topic, Whois};
use crate::chat::cause::Cause;
use crate::chat::change::{RestrictionKind, RoleChange};
use crate::chat::member::Role;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::mask::MaskKind;
use crate::chat::query::HistoryRange;
use crate::chat::settings::Setting;

/// What is wrong with the dates of a certificate. All times are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// It is valid from this time on.
    NotYetValid(OffsetDateTime),
    /// It ends at this time, after that many whole days.
    Ends { at: OffsetDateTime, days: u32 },
    /// It has ended at this time.
    Ended(OffsetDateTime),
}

/// A message of the server.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// The first event of a connection: the name and the run of the server, the longest line in bytes, and whether
    /// messages are stored. At a node of a cluster that does not take part yet the run is not known; it comes again later.
    Hello {
        server: &'a str,
        run: Option<u64>,
        max_line: usize,
        store: bool,
    },
    /// The server, which calls itself so, asks for a nickname.
    Welcome {
        server: &'a str,
    },
    /// A password is due: that of an account, or that of the server if `account` is `None`. `visible`: the reader's terminal
    /// shows what is typed.
    AskPassword {
        account: Option<&'a str>,
        visible: bool,
    },
    NameSet,
    /// The reader has registered its nickname.
    Registered {
        name: &'a str,
    },
    PasswordChanged,
    /// An account was removed.
    Unregistered {
        name: &'a str,
    },
    /// The reader's member is logged in as an account from now on.
    LoggedInAs {
        name: &'a str,
    },
    /// How far the account has read a room; `own`: this session has set it.
    Read {
        room: &'a str,
        id: u64,
        own: bool,
    },
    Entered {
        name: &'a str,
        room: &'a str,
        people: People<'a>,
        topic: Option<Topic<'a>>,
        role: Role,
        /// Whether the member is logged in as an account.
        account: bool,
    },
    EnteredPeer {
        name: &'a str,
    },
    EnteredRoom {
        room: &'a str,
        people: People<'a>,
        topic: Option<Topic<'a>>,
    },
    /// The message of the day, of one or more lines.
    Motd {
        text: &'a str,
    },
    NoMotd,
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
    /// A member has changed a setting of the room.
    SettingChanged {
        by: &'a str,
        setting: &'a Setting<'a>,
    },
    /// The answer to `/room`.
    Settings(SettingsView<'a>),
    /// A member has given another one a role in the room, or has taken it.
    RoleChanged {
        by: &'a str,
        name: &'a str,
        change: RoleChange,
    },
    /// A member was muted in the room or banned from it; or that has ended.
    Restricted {
        by: &'a str,
        name: &'a str,
        kind: RestrictionKind,
        lifted: bool,
    },
    /// A mask was added to a list of the room, or removed from it.
    MaskSet {
        by: &'a str,
        kind: MaskKind,
        mask: &'a str,
        added: bool,
    },
    /// A mask in a list of a room: `by` has set it.
    Mask {
        kind: MaskKind,
        mask: &'a str,
        by: &'a str,
    },
    /// Messages of a member were deleted.
    Deleted {
        by: &'a str,
        name: &'a str,
        ids: &'a [u64],
    },
    /// The reader was removed from a room.
    Removed {
        room: &'a str,
        by: &'a str,
        banned: bool,
        why: Option<&'a str>,
    },
    /// A member was invited to a room; `to_you`: the reader is that member.
    Invited {
        room: &'a str,
        name: &'a str,
        by: &'a str,
        to_you: bool,
    },
    /// A member is a moderator of the server from now on, or no longer; `to_you`: the reader is that member.
    Moderator {
        name: &'a str,
        by: &'a str,
        given: bool,
        to_you: bool,
    },
    /// The reader is away from now on, or back.
    YouAreAway {
        name: &'a str,
        text: Option<&'a str>,
    },
    /// A member of the room is away from now on, or back. Only programs are shown this.
    MemberAway {
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
    /// `range`: which messages the session asked for.
    HistoryBegins {
        messages: usize,
        gap: bool,
        range: HistoryRange,
    },
    HistoryEnds,
    /// The store lacks messages of the history that follows. Programs read it in `HistoryBegins`.
    SomeMissing,
    /// The end of requested history: there are older messages before the id `older`, newer ones after the id `newer`. `room`:
    /// if it is not the current one.
    PageEnds {
        room: Option<&'a str>,
        older: Option<u64>,
        newer: Option<u64>,
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
    /// A whisper was stored for an account, or for the next member with this name.
    WhisperStored {
        name: &'a str,
        account: bool,
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
    /// For the operator, who sees no connections: a member has joined from this address.
    JoinedFrom {
        name: &'a str,
        addr: SocketAddr,
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
    /// `nodes`: members that are named and are on another node, each with the name of that node.
    People {
        room: &'a str,
        people: People<'a>,
        nodes: &'a [(&'a str, &'a str)],
    },
    PeopleIn {
        room: &'a str,
        people: People<'a>,
        nodes: &'a [(&'a str, &'a str)],
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
    /// The reader was removed from the server; `by`: the name of the moderator, or `None` for the operator.
    Kicked {
        why: Option<&'a str>,
        by: Option<&'a str>,
    },
    /// For the operator: a moderator has removed a member from the server.
    KickedBy {
        name: &'a str,
        why: Option<&'a str>,
        by: &'a str,
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
    /// A network or member is banned; `by`: the moderator, if that is told.
    Ban {
        what: &'a str,
        minutes: Option<u64>,
        by: Option<&'a str>,
    },
    Unbanned {
        what: &'a str,
        by: Option<&'a str>,
    },
    /// A network that the configuration bans.
    ConfiguredBan {
        network: Network,
    },
    NoBans,
    Muted {
        name: &'a str,
        minutes: Option<u64>,
        by: Option<&'a str>,
    },
    Unmuted {
        name: &'a str,
        by: Option<&'a str>,
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
    /// The settings were read again: the options that have changed, and those that can change only with a restart.
    Reloaded {
        changed: &'a [String],
        fixed: &'a [String],
    },
    Detached,
    Lost {
        lines: u64,
    },
    /// The store cannot write messages at present.
    StoreFails {
        why: &'a str,
    },
    /// A TLS certificate needs attention: the file that it is in, and why.
    Certificate {
        file: &'a str,
        state: CertificateState,
    },
    /// The command by which a client connects with TLS and checks the key of the server.
    TlsCommand {
        command: &'a str,
    },
    /// The fingerprint of the server's key as words.
    TlsWords {
        words: &'a str,
    },
    /// This node has lost touch with the other nodes of its cluster.
    LostTouch,
    /// This node is in touch with the other nodes again.
    InTouchAgain,
    /// A line of `/nodes`.
    Node(NodeLine<'a>),
    /// The answer to `/nodes` of a server that is one process.
    NoCluster,
    /// For operators: something is wrong with the cluster.
    NodeTrouble(NodeTrouble<'a>),
    /// The store works again: `written` waiting records were written, `lost` records were dropped.
    StoreWorks {
        written: u64,
        lost: u64,
    },
}
