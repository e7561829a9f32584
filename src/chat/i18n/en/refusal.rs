//! The English texts of refusals.

use std::fmt::{Formatter, Result};

use super::{accounts, count};
use crate::chat::change::RestrictionKind;
use crate::chat::event::Refusal;
use crate::chat::id::LOBBY;
use crate::chat::member::RoomRole;
use crate::chat::policy::nick::{InvalidNick, MAX_ROOM_WIDTH, MAX_WIDTH};

/// What is wrong with a name of several scripts.
const MIXES: &str = "mixes scripts that are easily confused, such as Latin and Cyrillic.";

pub fn refusal(refusal: &Refusal, f: &mut Formatter) -> Result {
    match *refusal {
        Refusal::Taken { name, asked: true } => write!(f, "The nickname {name} is taken. Try another:"),
        Refusal::Taken { name, asked: false } => write!(f, "The nickname {name} is taken."),
        Refusal::BadName { why, name, asked } => {
            match why {
                InvalidNick::Shape => write!(
                    f,
                    "A nickname is 1 to {MAX_WIDTH} characters wide: letters and digits of any script, _, - and ., no spaces."
                )?,
                InvalidNick::Reserved => write!(f, "The nickname {name} is reserved.")?,
                InvalidNick::LooksLike(other) => write!(f, "The nickname {name} looks like {other}.")?,
                InvalidNick::Mixed => write!(f, "The nickname {name} {MIXES}")?,
            }
            f.write_str(if asked { " Try another:" } else { "" })
        }
        Refusal::AlreadyCalled { name } => write!(f, "You are called {name} already."),
        Refusal::NamesAreAddresses => f.write_str("Nicknames are addresses on this server."),
        Refusal::LoginTimeout { seconds } => {
            write!(f, "No nickname was given within {}. Goodbye.", count(seconds, "second"))
        }
        Refusal::StillWaiting => f.write_str("You are still waiting; this was not said."),
        Refusal::NoProxyHeader => f.write_str(
            "Connections from your address must begin with a PROXY header (--proxy-protocol). Let the proxy send one, or \
             connect from another address.",
        ),
        Refusal::OtherProtocol => f.write_str(
            "This port is for lines of text: use nc, telnet or chinwag connect. HTTP, TLS, SSH and similar protocols are not supported.",
        ),
        Refusal::Full => f.write_str("The room and the waiting line are full. Try again later."),
        Refusal::TooManyFromAddress { most } => {
            write!(f, "There are too many connections from your address ({most} at most). Close one first.")
        }
        Refusal::Busy => f.write_str("The operator is talking with somebody else. Try again later."),
        Refusal::Banned => f.write_str("Your address is banned from this server."),
        Refusal::Idle { seconds } => write!(f, "Nothing was heard from you for {}. Goodbye.", count(seconds, "second")),
        Refusal::TooLong { most } => write!(f, "That line is too long ({most} bytes at most); it was not said."),
        Refusal::NotUtf8 => f.write_str("That line is not UTF-8; it was not said."),
        Refusal::NoSuchMember { name } => write!(f, "Nobody here is called {name}."),
        Refusal::Yourself => f.write_str("That is you."),
        Refusal::NoWhisperYet => f.write_str("Nobody has whispered to you yet."),
        Refusal::WhispererLeft => f.write_str("The last person who whispered to you has left."),
        Refusal::Usage(usage) => write!(f, "Usage: {usage}"),
        Refusal::NoCommand { word } => write!(f, "There is no command /{word}. /help lists them."),
        Refusal::BadRoomName => write!(
            f,
            "The name of a room is 1 to {MAX_ROOM_WIDTH} characters wide: letters and digits of any script, _, - and ., no spaces."
        ),
        Refusal::MixedRoomName { room } => write!(f, "The name {room} {MIXES}"),
        Refusal::RoomLooksLike { room, other } => write!(f, "The name {room} looks like that of the room {other}."),
        Refusal::NoRoom { room } => write!(f, "There is no room {room}. /rooms lists them, /join {room} makes it."),
        Refusal::TooManyRooms { most } => {
            write!(f, "There are {most} rooms already, and no more can be made. /rooms lists them.")
        }
        Refusal::TooManyStoredRooms { most } => {
            write!(f, "This server stores {most} rooms already, and no new one can be made. /rooms lists them.")
        }
        Refusal::TooManyCreated { most } => {
            write!(f, "You have made {most} rooms that still exist, and cannot make more. /rooms lists them.")
        }
        Refusal::InThatRoom { room } => write!(f, "You are in {room} already."),
        Refusal::NotInRoom { room } => {
            write!(f, "You are not in {room}. /follow {room} first; ##{room} says it as text.")
        }
        Refusal::NotMember { room } => write!(f, "You are not in {room}. /join {room} or /follow {room} first."),
        Refusal::FollowsAlready { room } => write!(f, "You follow {room} already."),
        Refusal::NotFollowed { room } => write!(f, "You do not follow {room}."),
        Refusal::TooManyFollowed { most } => {
            write!(f, "You can follow {} at most. /unfollow room ends one.", count(most as u64, "room"))
        }
        Refusal::TooManyKeys { most } => write!(f, "There are {most} keys already, and no more are possible."),
        Refusal::TextTooLong { most } => write!(f, "That text is too long ({most} bytes at most)."),
        Refusal::NotIgnored { name } => write!(f, "You do not ignore {name}."),
        Refusal::TooManyIgnored { most } => write!(f, "You ignore {most} people already, and no more are possible."),
        Refusal::HistoryRange { most: 0 } => f.write_str("No history is kept here."),
        Refusal::HistoryRange { most } => write!(f, "Usage: /history n, with n from 1 to {most}"),
        Refusal::NoStore => f.write_str("This server does not store messages, so there is nothing to look up."),
        Refusal::LookupFails => f.write_str("That cannot be looked up at present. Try again later."),
        Refusal::ConfiguredBan { network } => {
            write!(f, "{network} is banned in the configuration; change it there and /reload.")
        }
        Refusal::NotBanned { what } => write!(f, "{what} is not a banned address. /bans lists them."),
        Refusal::NotAllowed { room: Some(room) } => write!(f, "Only operators of {room} can do that."),
        Refusal::NotAllowed { room: None } => f.write_str("Only moderators can do that."),
        Refusal::CutOff => f.write_str("Not said: this server is cut off from the others."),
        Refusal::PerhapsNotSaid => {
            f.write_str("Perhaps not said: this server cannot tell. Look whether it is there.")
        }
        Refusal::NotReached { name } => {
            write!(f, "Perhaps not sent: the server of {name} does not answer.")
        }
        Refusal::StoreFails => f.write_str("The store cannot be written at present, so this cannot be done. Try again later."),
        Refusal::OnlyOperator => f.write_str("Only the operator of the server can do that."),
        Refusal::Protected { name } => {
            write!(f, "{name} is a moderator. Only the operator of the server can do that.")
        }
        Refusal::IsBanned { name, room } => write!(f, "{name} is banned from {room}. /unban {name} first."),
        Refusal::NotForLobby => f.write_str("That does not apply to lobby."),
        Refusal::NotThere { name, room } => write!(f, "{name} is not in {room}."),
        Refusal::IsThere { name, room } => write!(f, "{name} is in {room} already."),
        Refusal::HasRole { name, room: Some(room), role: RoomRole::Operator } => {
            write!(f, "{name} is an operator of {room} already.")
        }
        Refusal::HasRole { name, room: Some(room), role: RoomRole::Voice } => {
            write!(f, "{name} has voice in {room} already.")
        }
        Refusal::HasRole { name, room: None, .. } => write!(f, "{name} is a moderator already."),
        Refusal::LacksRole { name, room: Some(room), role: RoomRole::Operator } => {
            write!(f, "{name} is not an operator of {room}.")
        }
        Refusal::LacksRole { name, room: Some(room), role: RoomRole::Voice } => {
            write!(f, "{name} has no voice in {room}.")
        }
        Refusal::LacksRole { name, room: None, .. } => write!(f, "{name} is not a moderator."),
        Refusal::LastOperator { room } => {
            write!(f, "You are the only operator of {room}. /op another member first.")
        }
        Refusal::WrongKey { room, given: false } => write!(f, "{room} needs a key: /join {room} KEY"),
        Refusal::WrongKey { room, given: true } => write!(f, "That is not the key of {room}."),
        Refusal::InviteOnly { room } => write!(f, "{room} is invite-only. One of its operators can invite you."),
        Refusal::RoomFull { room, most } => write!(f, "{room} is full ({} at most).", count(most.into(), "member")),
        Refusal::BannedFrom { room } => write!(f, "You are banned from {room}."),
        Refusal::Moderated { room } => {
            let operators = if room == LOBBY { "moderators" } else { "its operators" };
            write!(f, "{room} is moderated: only {operators} and members with voice speak there.")
        }
        Refusal::MutedIn { room, minutes: None } => write!(f, "You are muted in {room}."),
        Refusal::MutedIn { room, minutes: Some(minutes) } => {
            write!(f, "You are muted in {room} for another {}.", count(minutes, "minute"))
        }
        Refusal::SlowMode { room, every, wait } => {
            let (every, wait) = (count(every, "second"), count(wait, "second"));
            write!(f, "{room} is in slow mode: one message in {every}. Wait another {wait}.")
        }
        Refusal::BadKey { most } => write!(f, "A key is one word of {most} bytes at most."),
        Refusal::NoChange => f.write_str("That is set so already."),
        Refusal::ListFull { room, most } => {
            write!(f, "The list of {room} is full ({} at most).", count(most as u64, "name"))
        }
        Refusal::NotRestricted { name, room, kind: RestrictionKind::Mute } => {
            write!(f, "{name} is not muted in {room}.")
        }
        Refusal::NotRestricted { name, room, kind: RestrictionKind::Ban } => {
            write!(f, "{name} is not banned from {room}.")
        }
        Refusal::NoMask { mask, room } => write!(f, "{room} has no mask {mask}. /bans lists them."),
        Refusal::BadMask { most } => write!(
            f,
            "A mask is NICK!USER@HOST with * and ?, a:ACCOUNT, or m: and one of these; {most} bytes at most, no spaces."
        ),
        Refusal::NoMessage { id, room } => write!(f, "There is no message {id} in {room}."),
        Refusal::NotYours { id } => write!(f, "Message {id} is not yours."),
        Refusal::NothingToDelete { name: None, room } => {
            write!(f, "You have said nothing in {room} that can be deleted.")
        }
        Refusal::NothingToDelete { name: Some(name), room } => {
            write!(f, "There is no message of {name} in {room}.")
        }
        Refusal::SharedAddress { name, others, network } => {
            match others {
                1 => write!(f, "1 other shares")?,
                _ => write!(f, "{others} others share")?,
            }
            write!(f, " the address of {name}. /mute {name} is about {name} alone; ")?;
            match (network, others) {
                (Some(network), 1) => write!(f, "/ban {network} bans both."),
                (Some(network), _) => write!(f, "/ban {network} bans them all."),
                (None, _) => f.write_str("the operator can ban the address."),
            }
        }
        Refusal::NoAddress { name } => write!(
            f,
            "{name} is connected through a Unix socket and has no address to ban. /kick {name} disconnects {name}, \
             /ban #room {name} keeps {name} out of a room, /mute {name} hides what {name} says."
        ),
        Refusal::WrongPassword { .. }
        | Refusal::TooManyWrongPasswords { .. }
        | Refusal::TooManyLogins
        | Refusal::PasswordsFail { .. }
        | Refusal::BadPassword { .. }
        | Refusal::NoAccounts
        | Refusal::TooManyAccounts { .. }
        | Refusal::RegisteredAlready { .. }
        | Refusal::Registered { .. }
        | Refusal::NoAccount { .. }
        | Refusal::NotRegistered { .. }
        | Refusal::AccountRemoved
        | Refusal::OtherSessions { .. } => accounts::refusal(refusal, f),
        Refusal::NotMuted { name } => write!(f, "{name} is not muted. /mutes lists who is."),
        Refusal::NoPage { command, pages } => write!(f, "Usage: {command} n, with n from 1 to {pages}"),
        Refusal::NotReloaded { why } => write!(f, "Not reloaded: {why}"),
        Refusal::ConsoleDoesNotQuit => f.write_str("/shutdown ends the server; /say q says it."),
    }
}
