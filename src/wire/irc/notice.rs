//! Notices of the server as lines of IRC.

use super::framing::write_line;
use super::server_lines::Irc;
use super::writer::{Tags, limit, write_params, write_prefix};
use crate::chat::change::RestrictionKind;
use crate::chat::irc::modes::{self, ChannelMode};
use crate::chat::{IrcContext, IrcShape, Notice, Sender};

/// Appends a notice to `out`. Those that IRC shows in another way, and those that it does not know, write nothing.
pub fn render(irc: &Irc, notice: &Notice, context: &IrcContext, out: &mut Vec<u8>) {
    let room = context.room.map(|room| format!("#{room}")).unwrap_or_default();
    let member = |from: &str, command: &str, middle: &[&str], text: Option<&str>, out: &mut Vec<u8>| {
        irc.command(context, Sender::Member(from), command, middle.iter().copied(), text, out);
    };
    match *notice {
        // IRC has commands and numerics of its own for what these say, or does not show it.
        Notice::Hello { .. }
        | Notice::Welcome { .. }
        | Notice::AskPassword { .. }
        | Notice::NameSet
        | Notice::Entered { .. }
        | Notice::EnteredPeer { .. }
        | Notice::EnteredRoom { .. }
        | Notice::Following { .. }
        | Notice::HistoryBegins { .. }
        | Notice::HistoryEnds
        | Notice::PageEnds { .. }
        | Notice::NoHistory
        | Notice::SomeMissing
        | Notice::Read { .. }
        | Notice::Left { .. }
        | Notice::Summed { .. }
        | Notice::Day(_)
        | Notice::Deleted { .. }
        | Notice::Motd { .. }
        | Notice::NoMotd
        | Notice::Whois(_)
        | Notice::Topic(_)
        | Notice::NoTopic => {}
        Notice::Registered { name } => {
            let text = "Account created";
            irc.command(context, Sender::Server, "REGISTER", ["SUCCESS", name], Some(text), out);
            logged_in(irc, context, name, out);
        }
        Notice::LoggedInAs { name } => logged_in(irc, context, name, out),
        Notice::Joined { name, .. } => joined(name, &room, context, out),
        Notice::Renamed { old, new } => member(old, "NICK", &[], Some(new), out),
        Notice::TopicSet { name, text } => member(name, "TOPIC", &[&room], Some(text.unwrap_or_default()), out),
        Notice::SettingChanged { by, .. }
        | Notice::RoleChanged { by, .. }
        | Notice::MaskSet { by, .. }
        | Notice::Restricted { by, kind: RestrictionKind::Ban, .. } => match ChannelMode::of(notice) {
            Some(mode) => modes::params(&[mode]).iter().for_each(|params| {
                let params = std::iter::once(&*room).chain(params.iter().map(String::as_str));
                irc.command(context, Sender::Member(by), "MODE", params, None, out);
            }),
            None => in_room(irc, notice, context, &room, out),
        },
        Notice::Restricted { .. } => in_room(irc, notice, context, &room, out),
        Notice::Unfollowed { room } => member(context.nick, "PART", &[&format!("#{room}")], None, out),
        Notice::Removed { room, by, why, .. } => {
            let by_name = by;
            let by = context.detail.source.map_or(Sender::Server, |_| Sender::Member(by_name));
            let room = format!("#{room}");
            irc.command(context, by, "KICK", [&*room, context.nick], Some(why.unwrap_or(by_name)), out);
        }
        Notice::Invited { room, by, to_you: true, .. } => {
            member(by, "INVITE", &[context.nick, &format!("#{room}")], None, out);
        }
        Notice::Invited { room, name, .. } => irc.numeric(context, 341, [name, &*format!("#{room}")], None, out),
        Notice::YouAreAway { text: Some(_), .. } => {
            irc.numeric(context, 306, [], Some("You have been marked as being away"), out);
        }
        Notice::YouAreAway { text: None, .. } => {
            irc.numeric(context, 305, [], Some("You are no longer marked as being away"), out);
        }
        Notice::Away { name, text } => irc.numeric(context, 301, [name], Some(text), out),
        Notice::MemberAway { name, text } => member(name, "AWAY", &[], text, out),
        Notice::Goodbye => {
            irc.command(context, Sender::Nobody, "ERROR", [], Some("Closing link: quit"), out);
        }
        Notice::Kicked { why, by } => {
            if let Some(by) = by {
                member(by, "KILL", &[context.nick], Some(why.unwrap_or("no reason given")), out);
            }
            let by = by.unwrap_or("server");
            let text = format!("Closing link: killed by {by}: {}", why.unwrap_or("no reason given"));
            irc.command(context, Sender::Nobody, "ERROR", [], Some(&text), out);
        }
        _ => irc.notice(context, &irc.lang.notice(notice).to_string(), out),
    }
}

/// Writes 900: the session is logged in to an account.
fn logged_in(irc: &Irc, context: &IrcContext, account: &str, out: &mut Vec<u8>) {
    let mut mask = Vec::new();
    write_prefix(&mut mask, context.nick, context.detail.source);
    let mask = String::from_utf8_lossy(&mask);
    let mask = mask.trim_start_matches(':').trim_end();
    irc.numeric(context, 900, [mask, account], Some(&format!("You are now logged in as {account}")), out);
}

/// Writes a notice for a room as a NOTICE to the channel.
fn in_room(irc: &Irc, notice: &Notice, context: &IrcContext, room: &str, out: &mut Vec<u8>) {
    let text = irc.lang.notice(notice).to_string();
    irc.command(context, Sender::Server, "NOTICE", [room], Some(&text), out);
}

/// Writes `:NAME!USER@HOST JOIN #room`, with the account and the real name for sessions that read these:
/// <https://ircv3.net/specs/extensions/extended-join>.
fn joined(name: &str, room: &str, context: &IrcContext, out: &mut Vec<u8>) {
    let source = context.detail.source;
    write_line(out, context.shape, |out| {
        Tags::of(context).write(out, context.shape);
        let start = out.len();
        write_prefix(out, name, source);
        out.extend_from_slice(b"JOIN");
        match source.filter(|_| context.shape.contains(IrcShape::EXTENDED_JOIN)) {
            Some(source) => write_params(out, [room, source.account.unwrap_or("*")], Some(source.real_name)),
            None => write_params(out, [room], None),
        }
        limit(out, start);
    });
}
