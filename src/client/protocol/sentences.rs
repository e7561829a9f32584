//! Says in words what an event of the server tells, in the server's language and with its own sentences.

use super::event::{Name, RefusedLine, RoomEntry, RoomSettingsList, ServerEvent, Value};
use super::session::Session;
use crate::chat::change::{RestrictionKind, RoleChange};
use crate::chat::settings::{RoomSettings, Setting};
use crate::chat::{
    Cause, Event, HistoryRange, Lang, MaskKind, MessageKind, Notice, People, Role, RoomRole, SettingsView, Whois,
};

/// Returns the sentence for an event that is no message; `None` if nothing is said about it. A message of the day and
/// `/help` have several lines.
///
/// `session` has not processed the event yet.
pub fn sentence(event: &ServerEvent, session: &Session) -> Option<String> {
    let lang = session.lang();
    let say = |notice: Notice| Some(lang.notice(&notice).to_string()).filter(|text| !text.is_empty());
    match event {
        ServerEvent::Note { text } | ServerEvent::Node { text } | ServerEvent::Account { text, .. } => {
            Some(text.to_string())
        }
        ServerEvent::Refused(RefusedLine { text, .. }) => Some(text.to_string()),
        ServerEvent::Entered { name, entry, role, .. } => of_entry(entry, |people| {
            let role = server_role(role.as_deref());
            say(Notice::Entered { name, room: &entry.room, people, topic: None, role, account: false })
        }),
        ServerEvent::Room(entry) => {
            of_entry(entry, |people| say(Notice::EnteredRoom { room: &entry.room, people, topic: None }))
        }
        ServerEvent::Following(entry) => {
            of_entry(entry, |people| say(Notice::Following { room: &entry.room, people, topic: None }))
        }
        ServerEvent::People { room, here, names, you } => of_names(names, |names| {
            let people = people(*here, names, *you);
            if session.is_current(room) {
                say(Notice::People { room, people, nodes: &[] })
            } else {
                say(Notice::PeopleIn { room, people, nodes: &[] })
            }
        }),
        ServerEvent::Rooms { rooms, more } => {
            let rooms: Vec<_> = rooms.iter().map(|(room, here, topic)| (&**room, *here, topic.as_deref())).collect();
            say(Notice::Rooms { rooms: &rooms, more: (*more).min(usize::MAX - rooms.len()) })
        }
        ServerEvent::Ignored { names } => of_names(names, |names| say(Notice::IgnoreList { names })),
        ServerEvent::Whois { name, since, rooms, away, role, account } => of_names(rooms, |rooms| {
            let since = session.to_local(*since);
            let account = account.then_some(&**name);
            say(Notice::Whois(Whois {
                name,
                since,
                rooms,
                role: server_role(role.as_deref()),
                account,
                away: away.as_deref(),
            }))
        }),
        ServerEvent::Left { name, here, cause, reason, .. } => {
            let cause = cause_named(cause, reason.as_deref());
            say(Notice::Left { name, cause: &cause, here: *here })
        }
        ServerEvent::Setting { setting, value, by, .. } => {
            say(Notice::SettingChanged { by, setting: &setting_named(setting, value)? })
        }
        ServerEvent::Settings(list) => settings(list, lang),
        ServerEvent::Role { room: Some(room), name, role, by } => {
            let change = match role.as_deref() {
                Some("op") => RoleChange::Give(RoomRole::Operator),
                Some("voice") => RoleChange::Give(RoomRole::Voice),
                _ => RoleChange::Take(session.role_in(room, name)),
            };
            say(Notice::RoleChanged { by, name, change })
        }
        ServerEvent::Deleted { ids, by, name, .. } => say(Notice::Deleted { by, name, ids }),
        ServerEvent::Found { message, action } => {
            let at = session.to_local(message.at);
            let kind = if *action { MessageKind::Action } else { MessageKind::Said };
            Some(found(Event::Found { id: message.id, at, name: &message.name, text: &message.text, kind }, lang))
        }
        _ => say(notice(event, session)?),
    }
}

/// The notice of an event whose texts can be lent as they are.
fn notice<'a>(event: &'a ServerEvent, session: &'a Session) -> Option<Notice<'a>> {
    Some(match *event {
        ServerEvent::Ask => Notice::Welcome { server: session.server_name() },
        ServerEvent::Waiting { number } => Notice::Waiting { number },
        ServerEvent::AskPassword { ref name } => Notice::AskPassword { account: name.as_deref(), visible: false },
        ServerEvent::Motd { text: None } => Notice::NoMotd,
        ServerEvent::Unfollowed { ref room } => Notice::Unfollowed { room },
        ServerEvent::Topic { name: Some(ref name), ref text, .. } => Notice::TopicSet { name, text: text.as_deref() },
        ServerEvent::Topic { .. } => Notice::NoTopic,
        // As people in a terminal, we are told when we whisper to that member.
        ServerEvent::Away { room: Some(_), .. } => return None,
        ServerEvent::Away { ref name, ref text, .. } if session.is_own_name(name) => {
            Notice::YouAreAway { name, text: text.as_deref() }
        }
        ServerEvent::Away { ref name, text: Some(ref text), .. } => Notice::Away { name, text },
        ServerEvent::Quiet { on } => Notice::Quiet { on },
        ServerEvent::History { messages, gap, before, after, around, ref on, .. } => {
            let on = on.as_deref().and_then(HistoryRange::parse_day);
            let ranges = [
                before.map(HistoryRange::Before),
                after.map(|after| HistoryRange::After { after }),
                around.map(|around| HistoryRange::Around { around }),
                on.map(|on| HistoryRange::On { on }),
            ];
            let range = ranges.into_iter().flatten().next().unwrap_or(HistoryRange::Latest);
            Notice::HistoryBegins { messages, gap, range }
        }
        ServerEvent::Live { older: None, .. } => Notice::HistoryEnds,
        ServerEvent::Live { ref room, older: Some(older), newer } => {
            Notice::PageEnds { room: elsewhere(room, session), older, newer }
        }
        ServerEvent::Search { ref words, messages, .. } => Notice::FoundBegins { words, messages },
        ServerEvent::SearchEnds { ref room, ref words, older } => {
            Notice::FoundEnds { room: elsewhere(room, session), words, older }
        }
        ServerEvent::Joined { ref name, here, .. } => Notice::Joined { name, here },
        ServerEvent::Renamed { ref old, ref new, .. } => Notice::Renamed { old, new },
        ServerEvent::Summed { joined, left, here, .. } => Notice::Summed { joined, left, here },
        ServerEvent::Pong { ref text } => Notice::Pong { text },
        ServerEvent::Echo { on } => Notice::Echo { on },
        ServerEvent::Ignoring { ref name } => Notice::Ignoring { name },
        ServerEvent::NotIgnoring { ref name } => Notice::NoLongerIgnoring { name },
        ServerEvent::Kicked { ref why, ref by } => Notice::Kicked { why: why.as_deref(), by: by.as_deref() },
        ServerEvent::Role { room: None, ref name, ref role, ref by } => {
            Notice::Moderator { name, by, given: role.is_some(), to_you: session.is_own_name(name) }
        }
        ServerEvent::Moderation { ref act, ref name, ref by, .. } => {
            let (kind, lifted) = match &**act {
                "muted" => (RestrictionKind::Mute, false),
                "unmuted" => (RestrictionKind::Mute, true),
                "banned" => (RestrictionKind::Ban, false),
                "unbanned" => (RestrictionKind::Ban, true),
                _ => return None,
            };
            Notice::Restricted { by, name, kind, lifted }
        }
        ServerEvent::Mask { ref kind, ref mask, ref by, added, .. } => {
            let kind = match &**kind {
                "ban" => MaskKind::Ban,
                "except" => MaskKind::Except,
                "invite_except" => MaskKind::InviteExcept,
                _ => return None,
            };
            Notice::MaskSet { by, kind, mask, added }
        }
        ServerEvent::Removed { ref room, ref cause, ref by, ref why } => {
            Notice::Removed { room, by, banned: &**cause == "banned", why: why.as_deref() }
        }
        ServerEvent::Invited { ref room, ref name, ref by } => {
            Notice::Invited { room, name, by, to_you: session.is_own_name(name) }
        }
        ServerEvent::Goodbye => Notice::Goodbye,
        ServerEvent::Ending => Notice::ShuttingDown,
        _ => return None,
    })
}

/// The sentence about the topic of a room that we enter. The server does not tell who has set it.
pub fn topic(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("The topic: {text}"),
        Lang::Zh => format!("话题：{text}"),
    }
}

/// The name of a room, unless it is the current one.
fn elsewhere<'a>(room: &'a Option<Name>, session: &Session) -> Option<&'a str> {
    room.as_deref().filter(|room| !session.is_current(room))
}

fn of_entry(entry: &RoomEntry, say: impl Fn(People) -> Option<String>) -> Option<String> {
    of_names(&entry.names, |names| say(people(entry.here, names, true)))
}

/// Calls `say` with names as plain texts.
fn of_names(names: &[Name], say: impl FnOnce(&[&str]) -> Option<String>) -> Option<String> {
    say(&names.iter().map(|name| &**name).collect::<Vec<_>>())
}

/// The members of a room; at least those that are named.
fn people<'a>(here: usize, names: &'a [&'a str], you: bool) -> People<'a> {
    People { here: here.max(names.len() + usize::from(you)), names, away: &[], you }
}

fn server_role(role: Option<&str>) -> Role {
    match role {
        Some("moderator") => Role::Moderator,
        Some("operator") => Role::Operator,
        _ => Role::User,
    }
}

fn cause_named(cause: &str, reason: Option<&str>) -> Cause {
    match cause {
        "moved" => Cause::Moved,
        "connection_lost" => Cause::ConnectionLost,
        "idle" => Cause::Idle,
        "too_slow" => Cause::TooSlow,
        "kicked" => Cause::Kicked(reason.map(Box::from)),
        "banned" => Cause::Banned,
        "shut_down" => Cause::ShutDown,
        "other_protocol" => Cause::OtherProtocol,
        _ => Cause::Quit(reason.map(Box::from)),
    }
}

/// The setting with this name; `None` if it is unknown.
fn setting_named<'a>(name: &str, value: &'a Value) -> Option<Setting<'a>> {
    let is_on = !matches!(value, Value::Off | Value::On(false));
    let number = if let Value::Number(number) = value { Some(*number) } else { None };
    Some(match name {
        "key" => Setting::Key(is_on.then_some("".into())),
        "invite-only" => Setting::InviteOnly(is_on),
        "moderated" => Setting::Moderated(is_on),
        "secret" => Setting::Secret(is_on),
        "topic-lock" => Setting::TopicLock(is_on),
        "limit" => Setting::Limit(number),
        "slow" => Setting::Slow(number),
        _ => return None,
    })
}

fn settings(list: &RoomSettingsList, lang: Lang) -> Option<String> {
    let RoomSettingsList { room, key, operators, voices, .. } = list;
    let settings = RoomSettings {
        key: match key {
            Value::Text(key) => Some((&**key).into()),
            Value::On(true) => Some("".into()),
            _ => None,
        },
        invite_only: list.invite_only,
        moderated: list.moderated,
        secret: list.secret,
        topic_lock: list.topic_lock,
        limit: list.limit,
        slow: list.slow,
    };
    let shows_key = matches!(key, Value::Text(_));
    of_names(operators, |operators| {
        of_names(voices, |voices| {
            let view = SettingsView { room, settings: &settings, shows_key, operators, voices };
            Some(lang.notice(&Notice::Settings(view)).to_string())
        })
    })
}

/// A result of a search, as it reads in plain text.
fn found(event: Event, lang: Lang) -> String {
    use crate::chat::{Render, RoomLabel};
    let mut out = Vec::new();
    crate::wire::plain::Plain { lang }.render(&event, RoomLabel::None, &mut out);
    let line = String::from_utf8_lossy(&out);
    line.trim_end_matches("\r\n").strip_prefix("* ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests;
