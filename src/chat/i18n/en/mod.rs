//! The English texts.

mod accounts;
mod console;
mod moderation;
mod nodes;
mod refusal;

use std::fmt::{Formatter, Result};

pub use self::console::console;
pub use self::refusal::refusal;
use super::{list, minute, prefix, with_nodes};
use crate::chat::cause::Cause;
use crate::chat::config::DEFAULT_NAME;
use crate::chat::event::{CertificateState, Notice, People, Topic, Whois};
use crate::chat::member::Role;
use crate::chat::policy::peer::show_addr;
use crate::chat::query::HistoryRange;

pub const HELP: &[&str] = &[
    "Type a line and press Enter to say it. A line can also be a command:",
    "@name text, /msg name text    whisper; /r text answers the last whisper",
    "@@text, //text, /say text     say @text, /text, or exactly this text",
    "/me text                      an action: * alice waves",
    "/nick name                    take another nickname",
    "/who [room], /rooms           who is here; which rooms there are",
    "/join room, /leave            go to another room; go back to the lobby",
    "/history [n]                  read the last n messages again",
    "/history before ID [n]        read those before message ID, if stored;",
    "                              also after ID, around ID, on YYYY-MM-DD",
    "/search words                 find messages with these words, if stored",
    "/search before ID words       find older ones than message ID",
    "/ignore [name], /unignore name  hide a name's lines; list hidden names",
    "/echo on|off                  whether you read your own lines",
    "/ping [text], /motd           see whether it answers; the message of the day",
    "/quit [reason]                leave; so does q, quit or exit alone on a line",
];

pub const ROOM_HELP: &[&str] = &[
    "/follow room, /unfollow room  read another room too; no longer read it",
    "#room text, ##text            say text in a room you follow; say #text",
    "/topic [text], /topic -       show, set or clear the topic of the room",
    "/quiet on|off                 whether joins and leaves are hidden from you",
    "/away [text], /whois name     be away, or back; who a member is",
    "/delete last|ID|@name [n]     delete your own messages",
    "/register PASSWORD            make your nickname an account, if stored",
    "/nick name PASSWORD           take the nickname of your account",
    "/password OLD NEW             change the password; /unregister PASSWORD",
    "/read [#room] ID              let your account remember what you have read",
    "Commands about a room take #room first: /history #den, /topic #den text",
    "Who makes a room operates it, and has these commands there:",
    "/room [setting value|off]     show or change the settings: key, invite-only,",
    "                              moderated, secret, topic-lock, limit, slow",
    "/invite name                  let a member in",
    "/op, /deop name               give or take the operator role",
    "/voice, /devoice name         let a member speak in a moderated room, or not",
    "/kick name [reason]           remove a member from the room",
    "/mute name [minutes]          a member may not speak; /unmute name, /mutes",
    "/ban name [minutes]           a member may not enter; /unban name, /bans",
    "/delete ID, /delete @name [n]  delete messages of others",
];

pub const MODERATOR_HELP: &[&str] = &[
    "You are a moderator: you have these in every room (with #room first), and",
    "without #room for the whole server:",
    "/kick name [reason]           disconnect a member",
    "/ban name [minutes]           refuse connections from there; /unban, /bans",
    "/mute name [minutes]          shadow ban: only they read it; /unmute, /mutes",
    "/stats                        the server's figures",
];

pub const OPERATOR_HELP: &[&str] = &[
    "What you type is said in the lobby as server. Commands:",
    "@name text, /msg name text    whisper; /r text answers the last whisper",
    "@@text, //text, /say text     say @text, /text, or exactly this text; /me text",
    "/who [room], /rooms, /stats   who is here, the rooms, the server's figures",
    "/motd                         the message of the day",
    "/kick name [reason]           disconnect a member",
    "/ban ADDRESS|name [minutes]   refuse connections from there (10.0.0.0/8 too)",
    "/bans [page], /unban ADDRESS  list the bans; lift one (by name, too)",
    "/mute name [minutes]          shadow ban: other members do not read them",
    "/mutes [page], /unmute name   list the mutes; lift one",
    "/nodes                        the processes that are one chat with this one",
    "/reload                       read the settings again",
    "/shutdown                     end the server",
];

pub const OPERATOR_ROOM_HELP: &[&str] = &[
    "#room text, ##text            say text in that room; say #text",
    "With #room first these act in that room: /kick #den name. There are also:",
    "/room, /topic, /invite, /op, /deop, /voice, /devoice, each with #room",
    "/delete [#room] ID|@name [n]  delete messages",
    "/mod name, /unmod name        make a member a moderator; end that",
    "/unregister name              remove an account",
];

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::Hello { .. } | Notice::MemberAway { .. } => Ok(()),
        // Clients recognise the server by the beginning of this sentence.
        Notice::Welcome { server } => {
            f.write_str("Welcome to chinwag")?;
            if server != DEFAULT_NAME {
                write!(f, " at {server}")?;
            }
            f.write_str(". Type a nickname and press Enter:")
        }
        // English says this in `Entered`.
        Notice::NameSet => Ok(()),
        Notice::Entered { name, people: p, .. } => {
            write!(f, "You are {name}. {} here: ", p.here)?;
            people(&p, f)?;
            f.write_str(". /help lists the commands.")
        }
        Notice::Motd { text } => f.write_str(text),
        Notice::NoMotd => f.write_str("There is no message of the day."),
        Notice::Following { room, people: p, .. } => {
            write!(f, "You follow {room}. {} here: ", p.here)?;
            people(&p, f)?;
            f.write_str(".")
        }
        Notice::Unfollowed { room } => write!(f, "You no longer follow {room}."),
        Notice::TopicSet { name, text: Some(text) } => write!(f, "{name} set the topic: {text}"),
        Notice::TopicSet { name, text: None } => write!(f, "{name} cleared the topic."),
        Notice::Topic(Topic { name, text }) => write!(f, "The topic, set by {name}: {text}"),
        Notice::NoTopic => f.write_str("There is no topic."),
        Notice::YouAreAway { text: Some(text), .. } => write!(f, "You are away: {text}"),
        Notice::YouAreAway { text: None, .. } => f.write_str("You are back."),
        Notice::Away { name, text } => write!(f, "{name} is away: {text}"),
        Notice::Quiet { on: true } => f.write_str("You no longer read who joins and leaves."),
        Notice::Quiet { on: false } => f.write_str("You read again who joins and leaves."),
        Notice::Whois(Whois { name, since, rooms, role, account, away }) => {
            write!(f, "{name}: here since {}; in ", minute(since))?;
            match rooms {
                [] => f.write_str("no room that you see")?,
                rooms => list(f, rooms, ", ", " and ")?,
            }
            match account {
                Some(account) if account == name => f.write_str("; registered")?,
                Some(account) => write!(f, "; registered as {account}")?,
                None => {}
            }
            match role {
                Role::User => {}
                Role::Moderator => f.write_str("; moderator")?,
                Role::Operator => f.write_str("; operator")?,
            }
            away.map_or(Ok(()), |text| write!(f, "; away: {text}"))
        }
        Notice::EnteredPeer { name } => {
            write!(f, "You are {name}, talking with the server's operator. /help lists the commands.")
        }
        Notice::EnteredRoom { room, people: p, .. } => {
            write!(f, "You are in {room}. {} here: ", p.here)?;
            people(&p, f)?;
            f.write_str(".")
        }
        Notice::HistoryBegins { messages, range, .. } => {
            let messages = count(messages as u64, "message");
            match range {
                HistoryRange::Latest => write!(f, "--- the last {messages} ---"),
                HistoryRange::Before(id) => write!(f, "--- the last {messages} before {id} ---"),
                HistoryRange::After { after } => write!(f, "--- the first {messages} after {after} ---"),
                HistoryRange::Around { around } => write!(f, "--- {messages} around {around} ---"),
                HistoryRange::On { on } => write!(f, "--- the first {messages} since {on} ---"),
            }
        }
        Notice::HistoryEnds => f.write_str("--- you are up to date ---"),
        Notice::PageEnds { room, older, newer } => {
            match older {
                Some(id) => write!(f, "--- for what was said before: /history {}before {id}", prefix(room))?,
                None => f.write_str("--- nothing was said here before that")?,
            }
            newer.map_or(Ok(()), |id| write!(f, "; for what was said after: /history {}after {id}", prefix(room)))?;
            f.write_str(" ---")
        }
        Notice::FoundBegins { words, messages: 0 } => write!(f, "--- no message with {words} ---"),
        Notice::FoundBegins { words, messages } => {
            write!(f, "--- {} with {words} ---", count(messages as u64, "message"))
        }
        Notice::FoundEnds { room, words, older: Some(id) } => {
            write!(f, "--- for older ones: /search {}before {id} {words} ---", prefix(room))
        }
        Notice::FoundEnds { older: None, .. } => f.write_str("--- there are no older ones ---"),
        Notice::WhisperStored { name, account: true } => {
            write!(f, "{name} is not here; this is stored until {name} logs in.")
        }
        Notice::WhisperStored { name, account: false } => {
            write!(f, "{name} is not here; this is stored for the next member with that name.")
        }
        Notice::OfflineWhispersBegin { whispers } => {
            write!(f, "--- {} stored for your name ---", count(whispers as u64, "whisper"))
        }
        Notice::OfflineWhispersEnd => f.write_str("--- end of the stored whispers ---"),
        Notice::SomeMissing => f.write_str("Some messages of this time are missing on this server."),
        Notice::NoHistory => f.write_str("Nothing has been said here yet."),
        Notice::Joined { name, here } => write!(f, "{name} joined ({here} here)"),
        Notice::JoinedFrom { name, addr, here } => write!(f, "{name} joined from {} ({here} here)", show_addr(addr)),
        Notice::Left { name, cause, here } => {
            write!(f, "{name} left")?;
            self::cause(cause, f)?;
            write!(f, " ({here} here)")
        }
        Notice::Renamed { old, new } => write!(f, "{old} is now called {new}"),
        Notice::Summed { joined, left, here } => write!(f, "{joined} joined, {left} left ({here} here)"),
        Notice::Day(date) => write!(f, "{} {} {} {}", date.weekday(), date.day(), date.month(), date.year()),
        Notice::Waiting { number } => write!(f, "The room is full. You are number {number} in line."),
        Notice::Pong { text: "" } => f.write_str("pong"),
        Notice::Pong { text } => write!(f, "pong {text}"),
        Notice::People { people: p, nodes, .. } => {
            write!(f, "{} here", p.here)?;
            named(&p, nodes, f)
        }
        Notice::PeopleIn { room, people: p, nodes } => {
            write!(f, "{} in {room}", p.here)?;
            named(&p, nodes, f)
        }
        Notice::Rooms { rooms, more } => {
            write!(f, "{}: ", count((rooms.len() + more) as u64, "room"))?;
            for (index, (room, here, _)) in rooms.iter().enumerate() {
                write!(f, "{}{room} ({here})", if index == 0 { "" } else { ", " })?;
            }
            if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
        }
        Notice::Echo { on: true } => f.write_str("You read your own lines from now on."),
        Notice::Echo { on: false } => f.write_str("You no longer read your own lines."),
        Notice::Ignoring { name } => write!(f, "You no longer read {name}. /unignore {name} ends that."),
        Notice::NoLongerIgnoring { name } => write!(f, "You read {name} again."),
        Notice::IgnoreList { names: [] } => f.write_str("You ignore nobody."),
        Notice::IgnoreList { names } => {
            f.write_str("You ignore ")?;
            list(f, names, ", ", " and ")?;
            f.write_str(".")
        }
        Notice::Goodbye => f.write_str("Goodbye."),
        Notice::ShuttingDown => f.write_str("The server is shutting down."),
        Notice::Line(text) => f.write_str(text),
        Notice::Connected { addr, connected } => write!(f, "connected {} ({connected} connected)", show_addr(addr)),
        Notice::Disconnected { addr, connected } => {
            write!(f, "disconnected {} ({connected} connected)", show_addr(addr))
        }
        Notice::PeerLeft { name } => write!(f, "{name} has left; the server ends."),
        Notice::AskPassword { .. }
        | Notice::Registered { .. }
        | Notice::PasswordChanged
        | Notice::Unregistered { .. }
        | Notice::LoggedInAs { .. }
        | Notice::Read { .. } => accounts::notice(notice, f),
        Notice::SettingChanged { .. }
        | Notice::Settings(_)
        | Notice::RoleChanged { .. }
        | Notice::Restricted { .. }
        | Notice::MaskSet { .. }
        | Notice::Mask { .. }
        | Notice::Deleted { .. }
        | Notice::Removed { .. }
        | Notice::Invited { .. }
        | Notice::Moderator { .. }
        | Notice::Kicked { .. }
        | Notice::KickedBy { .. }
        | Notice::Ban { .. }
        | Notice::Unbanned { .. }
        | Notice::ConfiguredBan { .. }
        | Notice::NoBans
        | Notice::Muted { .. }
        | Notice::Unmuted { .. }
        | Notice::NoMutes => moderation::notice(notice, f),
        Notice::LostTouch | Notice::InTouchAgain | Notice::Node(_) | Notice::NoCluster | Notice::NodeTrouble(_) => {
            nodes::notice(notice, f)
        }
        Notice::PageOf { command, page, pages } if page < pages => {
            write!(f, "--- page {page} of {pages}; {command} {} shows the next one ---", page + 1)
        }
        Notice::PageOf { page, pages, .. } => write!(f, "--- page {page} of {pages} ---"),
        Notice::MoreRooms { rooms } => write!(f, "--- and people in {}: /rooms ---", count(rooms as u64, "other room")),
        Notice::Reloaded { changed, fixed } => {
            match changed {
                [] => f.write_str("Reloaded. Nothing has changed.")?,
                changed => write!(f, "Reloaded. Changed: {}.", changed.join(", "))?,
            }
            match fixed {
                [] => Ok(()),
                fixed => write!(f, " Not before a restart: {}.", fixed.join(", ")),
            }
        }
        Notice::Detached => f.write_str("End of input: the console is detached, the server runs on."),
        Notice::StoreFails { why } => {
            write!(f, "Messages cannot be stored at present and are kept in memory: {why}.")
        }
        Notice::StoreWorks { written, lost: 0 } => {
            write!(f, "Messages are stored again, and waiting ones were written ({}).", count(written, "record"))
        }
        Notice::StoreWorks { written, lost } => write!(
            f,
            "Messages are stored again, and waiting ones were written ({}); {} dropped.",
            count(written, "record"),
            count(lost, "other")
        ),
        Notice::Certificate { file, state } => match state {
            CertificateState::NotYetValid(at) => write!(
                f,
                "The TLS certificate {file} is valid only from {} UTC on: until then clients refuse it. Is the clock right?",
                minute(at)
            ),
            CertificateState::Ends { at, days } => {
                let left = if days == 0 { "today".into() } else { format!("in {}", count(days.into(), "day")) };
                write!(f, "The TLS certificate {file} ends {left}, at {} UTC. Renew it, then /reload.", minute(at))
            }
            CertificateState::Ended(at) => write!(
                f,
                "The TLS certificate {file} has ended, at {} UTC: clients refuse it. Renew it, then /reload.",
                minute(at)
            ),
        },
        Notice::TlsCommand { command } => write!(f, "To connect with TLS: {command}"),
        Notice::TlsWords { words } => write!(f, "To be read over a phone: {words}"),
        Notice::Lost { lines } => write!(f, "{} dropped here, since they were not read in time.", count(lines, "line")),
    }
}

/// A number with its noun, in the plural unless it is 1.
fn count(n: u64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// Writes the reason after `NAME left`; nothing if the member left without a reason.
fn cause(cause: &Cause, f: &mut Formatter) -> Result {
    match cause {
        Cause::Quit(None) | Cause::EndOfInput | Cause::Moved | Cause::ShutDown => Ok(()),
        // Quoted, so that it cannot be mistaken for one of the causes below.
        Cause::Quit(Some(reason)) => write!(f, ": \"{reason}\""),
        Cause::ConnectionLost => f.write_str(": connection lost"),
        Cause::Idle => f.write_str(": idle"),
        Cause::TooSlow => f.write_str(": too slow to read"),
        Cause::Kicked(_) => f.write_str(": kicked"),
        Cause::Banned => f.write_str(": banned"),
        Cause::LoginTimeout => f.write_str(": no nickname in time"),
        Cause::OtherProtocol => f.write_str(": another protocol"),
        Cause::WrongPassword => f.write_str(": wrong password"),
    }
}

fn named(p: &People, nodes: &[(&str, &str)], f: &mut Formatter) -> Result {
    if p.here > 0 {
        f.write_str(": ")?;
        with_nodes(p, nodes, |p| people(p, f))?;
    }
    f.write_str(".")
}

fn people(p: &People, f: &mut Formatter) -> Result {
    match (p.more(), p.you) {
        (0, false) => list(f, p.names, ", ", " and "),
        (0, true) if p.names.is_empty() => f.write_str("you"),
        (0, true) => {
            list(f, p.names, ", ", ", ")?;
            f.write_str(" and you")
        }
        (more, you) => {
            for name in p.names {
                write!(f, "{name}, ")?;
            }
            write!(f, "{more} more{}", if you { " and you" } else { "" })
        }
    }
}
