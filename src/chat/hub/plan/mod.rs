//! Plans: what a line of a member leads to. A plan reads the state and changes nothing.
//!
//! One file for each group of commands.

mod accounts;
mod login;
mod moderation;
mod operators;
mod query;
mod rooms;
mod talk;

use std::time::Duration;

use self::moderation::or_refuse;
use super::Shared;
use super::check::permissions::Act;
use crate::chat::change::{Change, RestrictionKind};
use crate::chat::command::{Command, Typist, is_blank};
use crate::chat::config::{Config, Login, Mode, OfflineWhispers};
use crate::chat::event::{Event, Help, MessageKind, Notice, Refusal};
use crate::chat::hub::login::passwords::PasswordUse;
use crate::chat::id::{AccountId, ClientId, Incarnation, MemberId, RoomId};
use crate::chat::member::Role;
use crate::chat::policy::nick::Name;
use crate::chat::query::Lookup;
use crate::chat::session::table::SessionTable;

/// The longest text of a topic and of `/away`, in bytes. It fits into a line of IRC.
pub const MAX_TEXT: usize = 390;

/// What a plan may look at.
pub struct View<'s, 'v> {
    pub config: &'s Config,
    pub shared: &'s Shared,
    pub sessions: &'v SessionTable,
    /// The present run of this node, in a cluster.
    pub node: Option<Incarnation>,
    /// The server has a store.
    pub has_store: bool,
    /// Accounts are kept: there is a store or a cluster.
    pub has_accounts: bool,
    /// Whispers to those who are not there are kept: there is a store or a bucket.
    pub keeps_whispers: bool,
    /// The id of the newest message of all rooms.
    pub last_message_id: u64,
    /// The time by which mutes, bans and slow mode end: in a cluster that of the log.
    pub at: Duration,
}

/// The member whose line is planned, and its session.
#[derive(Clone, Copy)]
pub struct Asker {
    pub id: ClientId,
    pub member: MemberId,
    pub role: Role,
    /// The room that it is in; the operator speaks in the lobby.
    pub room: RoomId,
}

impl Asker {
    /// Whether it is the console, which is in no room.
    pub fn is_console(&self) -> bool {
        self.member == MemberId::OPERATOR
    }

    /// What decides which commands it has.
    fn typist(&self) -> Typist {
        Typist { role: self.role, is_console: self.is_console() }
    }
}

/// What a line leads to. `'s` is the state that was looked at, `'l` the line.
pub enum Plan<'s, 'l> {
    Nothing,
    /// An answer for the session alone.
    Reply(Event<'s>),
    /// As [`Plan::Reply`], about a room.
    ReplyIn(RoomId, Event<'s>),
    /// An answer that is put together from much of the state when it is shown.
    Report(Report<'l>),
    /// A question for the store; the answer comes later.
    Query(Lookup),
    /// A change that concerns the session or its member alone.
    Local(LocalChange<'l>),
    Whisper {
        to: MemberId,
        text: &'l str,
    },
    /// A whisper to the operator at the console of another node.
    WhisperToConsole {
        node: Incarnation,
        text: &'l str,
    },
    /// A whisper for the next member with this name.
    StoreWhisper {
        to: Name,
        text: &'l str,
    },
    /// The session logs in with this name.
    LogIn(Name),
    /// The session is asked for the password of this account.
    AskPassword(AccountId),
    /// A new account, which is made when the password is hashed.
    Register {
        name: Name,
        password: &'l str,
    },
    /// A password is compared with that of an account; `new` is the next password of the account.
    Password {
        purpose: PasswordUse,
        typed: &'l str,
        new: Option<&'l str>,
    },
    /// A public change.
    Propose(Change<'l>),
    /// Several public changes.
    ProposeEach(Vec<Change<'l>>),
    /// Two public changes; the second is allowed once the first is made.
    ProposeBoth(Change<'l>, Change<'l>),
    /// The settings are read again.
    Reload,
    /// The server shuts down.
    ShutDown,
}

/// A list or table.
pub enum Report<'l> {
    /// The members of one room, or of all rooms for the operator.
    Who(Option<RoomId>),
    Rooms,
    /// The last messages of the room, this many.
    Replay(RoomId, usize),
    Whois(MemberId),
    /// The settings of a room.
    Settings(RoomId),
    /// A page of the mutes or bans of a room; the text is the typed page number.
    Restrictions(RoomId, RestrictionKind, &'l str),
    Ignored,
    Stats,
    /// The nodes of the cluster.
    Nodes,
    /// A page of the bans or mutes; the text is the typed page number.
    Bans(&'l str),
    Mutes(&'l str),
}

/// A change of one session or its member that no other member notices.
pub enum LocalChange<'l> {
    Echo(bool),
    Quiet(bool),
    Ignore(MemberId),
    IgnorePoster(Name),
    /// The typed name.
    Unignore(&'l str),
    /// The reason, or an empty text.
    Quit(&'l str),
    /// How far an account has read a room.
    Read {
        account: AccountId,
        room: RoomId,
        id: u64,
    },
}

impl<'s> View<'s, '_> {
    /// The plan for a line of a member.
    pub fn line<'l: 's>(&self, asker: Asker, line: &'l str) -> Plan<'s, 'l> {
        let command = Command::parse_as(line, asker.typist());
        if asker.role >= Role::Moderator
            && let Some(rest) = command.governed_arguments()
            && let Some(plan) = self.load_room_argument(asker, line, rest)
        {
            return plan;
        }
        match command {
            // Messages are by far the most.
            Command::Say(text) if is_blank(text) => refuse(Refusal::Usage("/say text")),
            Command::Say(text) => talk::say(asker, asker.room, text, MessageKind::Said),
            Command::Nothing => Plan::Nothing,
            // In p2p mode there is one room, and the operator is in it.
            Command::Join(_) | Command::Leave | Command::Rooms
                if self.config.mode == Mode::P2p && asker.role == Role::User =>
            {
                let word = crate::chat::command::split(line.trim_start_matches('/')).0;
                refuse(Refusal::NoCommand { word })
            }
            command
                if !self.config.has_followed_rooms()
                    && (command.needs_rooms() || command.is_moderation() && asker.role == Role::User) =>
            {
                let word = crate::chat::command::split(line.trim_start_matches('/')).0;
                refuse(Refusal::NoCommand { word })
            }
            Command::Hash(rest) => self.hash(asker, line, rest),
            Command::Action(text) if is_blank(text) => refuse(Refusal::Usage("/me text")),
            Command::Action(text) => self.action(asker, text),
            Command::Whisper { to, text } => self.whisper(asker, to, text),
            Command::Reply(text) => self.reply(asker, text),
            Command::Nick(name) => self.rename(asker, name),
            Command::Who(room) => self.who(asker, room),
            Command::Rooms => Plan::Report(Report::Rooms),
            Command::Join(room) => self.join(asker, room),
            Command::Leave => self.leave(asker),
            Command::History(rest) if self.has_store => self.query_history(asker, line, rest),
            Command::History(rest) => self.replay(asker, rest),
            Command::Follow(room) => self.follow(asker, room),
            Command::Unfollow(room) => self.unfollow(asker, room),
            Command::Topic(rest) => self.topic(asker, rest),
            Command::Quiet(choice) => talk::quiet(choice),
            Command::Away(text) => talk::away(asker, text),
            Command::Whois(name) => self.whois(name),
            Command::Room(rest) => or_refuse(self.room(asker, rest)),
            Command::Invite(rest) => or_refuse(self.invite(asker, rest)),
            Command::RoomRole(change, rest) => or_refuse(self.change_role(asker, change, rest)),
            Command::Delete(rest) => or_refuse(self.delete(asker, rest)),
            Command::Moderator(given, name) => or_refuse(self.change_moderator(asker, given, name)),
            Command::Register(password) => or_refuse(self.register(asker, password)),
            Command::Password(rest) => or_refuse(self.change_password(asker, rest)),
            Command::Unregister(rest) => or_refuse(self.unregister(asker, rest)),
            Command::Read(rest) => or_refuse(self.read(asker, rest)),
            Command::Search(rest) => self.search(asker, line, rest),
            Command::Ignore(name) => self.ignore(asker, name),
            Command::Unignore("") => refuse(Refusal::Usage("/unignore name")),
            Command::Unignore(name) => Plan::Local(LocalChange::Unignore(name)),
            Command::Echo(choice) => talk::echo(choice),
            Command::Ping(text) => Plan::Reply(Event::Notice(Notice::Pong { text })),
            Command::Help => Plan::Reply(Event::Help(self.help(asker))),
            Command::Motd => {
                let motd = self.config.motd.as_deref();
                Plan::Reply(Event::Notice(motd.map_or(Notice::NoMotd, |text| Notice::Motd { text })))
            }
            Command::Quit(_) if asker.is_console() => match self.config.mode {
                Mode::P2p => Plan::ShutDown,
                Mode::Hub => refuse(Refusal::ConsoleDoesNotQuit),
            },
            Command::Quit(reason) => Plan::Local(LocalChange::Quit(reason)),
            Command::Stats => Plan::Report(Report::Stats),
            Command::Kick(rest) => or_refuse(self.kick(asker, rest)),
            Command::Ban(rest) => or_refuse(self.ban(asker, rest)),
            Command::Bans(rest) => or_refuse(self.bans(asker, rest)),
            Command::Unban(rest) => or_refuse(self.unban(asker, rest)),
            Command::Mute(rest) => or_refuse(self.mute(asker, rest)),
            Command::Mutes(rest) => or_refuse(self.mutes(asker, rest)),
            Command::Unmute(rest) => or_refuse(self.unmute(asker, rest)),
            Command::Nodes => match self.shared.permit(asker.member, Act::SeeNodes, None) {
                Ok(()) => Plan::Report(Report::Nodes),
                Err(refusal) => refuse(refusal),
            },
            Command::Reload => match self.shared.permit(asker.member, Act::Reload, None) {
                Ok(()) => Plan::Reload,
                Err(refusal) => refuse(refusal),
            },
            Command::ShutDown => match self.shared.permit(asker.member, Act::ShutDown, None) {
                Ok(()) => Plan::ShutDown,
                Err(refusal) => refuse(refusal),
            },
            Command::Other(word, _) => refuse(Refusal::NoCommand { word }),
        }
    }

    /// Whether whispers to this absent name are stored.
    pub fn stores_whispers(&self, name: &str) -> bool {
        self.keeps_whispers
            && match self.config.offline_whispers {
                OfflineWhispers::Off => false,
                OfflineWhispers::Accounts => self.shared.accounts.find(name).is_some(),
                OfflineWhispers::All => self.config.login == Login::Nickname,
            }
    }

    /// Which commands `/help` lists.
    fn help(&self, asker: Asker) -> Help {
        match asker.role {
            _ if asker.is_console() && self.config.has_followed_rooms() => Help::Operator,
            _ if asker.is_console() => Help::GuestOperator,
            Role::Moderator | Role::Operator => Help::Moderator,
            Role::User if self.config.has_followed_rooms() => Help::Member,
            Role::User => Help::Guest,
        }
    }

    /// The name of a room.
    fn room_name(&self, room: RoomId) -> String {
        self.shared.rooms[room].name.to_string()
    }
}

/// A plan that refuses the line.
fn refuse<'s, 'l>(refusal: Refusal<'s>) -> Plan<'s, 'l> {
    Plan::Reply(Event::Refusal(refusal))
}

/// Checks the text of a topic or of `/away`.
///
/// # Errors
/// It is too long.
fn check_text(text: &str) -> Result<(), Refusal<'static>> {
    if text.len() > MAX_TEXT { Err(Refusal::TextTooLong { most: MAX_TEXT }) } else { Ok(()) }
}
