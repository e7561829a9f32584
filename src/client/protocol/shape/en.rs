//! Parses the server's English sentences.

use time::{Date, Month, Weekday};

use super::notice::ServerNotice;
use super::people::{ListWords, is_name, number};
use super::refusal::ServerRefusal;
use crate::chat::{Due, is_server_name};

const WORDS: ListWords = ListWords { comma: ", ", and: " and ", you: "you", more: ("", " more") };

/// The note behind a password prompt that what is typed there can be read.
pub const VISIBLE: &str = " (visible as you type)";

pub fn notice(text: &str) -> Option<ServerNotice<'_>> {
    Some(match text {
        "--- you are up to date ---" => ServerNotice::HistoryEnds,
        "--- nothing was said here before that ---" => ServerNotice::HistoryEnds,
        "Nothing has been said here yet." => ServerNotice::NoHistory,
        "You read your own lines from now on." => ServerNotice::Echo { on: true },
        "You no longer read your own lines." => ServerNotice::Echo { on: false },
        "Goodbye." => ServerNotice::Goodbye,
        "The password is changed." => ServerNotice::PasswordChanged,
        "The server is shutting down." => ServerNotice::ShuttingDown,
        _ => {
            return welcome(text)
                .or_else(|| entered(text))
                .or_else(|| about_user(text))
                .or_else(|| summed(text))
                .or_else(|| listed(text))
                .or_else(|| about_account(text))
                .or_else(|| other(text));
        }
    })
}

/// Parses the prompt for a nickname, in which the server may have a name.
fn welcome(text: &str) -> Option<ServerNotice<'_>> {
    let name = text.strip_prefix("Welcome to chinwag")?.strip_suffix(". Type a nickname and press Enter:")?;
    (name.is_empty() || name.strip_prefix(" at ").is_some_and(is_server_name)).then_some(ServerNotice::Welcome)
}

fn entered(text: &str) -> Option<ServerNotice<'_>> {
    let (word, rest) = text.strip_prefix("You are ")?.split_once(' ')?;
    if rest == "talking with the server's operator. /help lists the commands." {
        return Some(ServerNotice::EnteredPeer { name: word.strip_suffix(',').filter(|name| is_name(name))? });
    }
    let (place, rest) = if word == "in" { rest.split_once(' ')? } else { (word, rest) };
    let place = place.strip_suffix('.').filter(|name| is_name(name))?;
    let (here, rest) = rest.split_once(" here: ")?;
    let people = |list| WORDS.people(list, number(here)?, true);
    Some(match word {
        "in" => ServerNotice::EnteredRoom { room: place, people: people(rest.strip_suffix('.')?)? },
        _ => ServerNotice::Entered { name: place, people: people(rest.strip_suffix(". /help lists the commands.")?)? },
    })
}

/// Parses a sentence that begins with a name.
fn about_user(text: &str) -> Option<ServerNotice<'_>> {
    let (name, what) = text.split_once(' ').filter(|(name, _)| is_name(name))?;
    if let Some(new) = what.strip_prefix("is now called ") {
        return is_name(new).then_some(ServerNotice::Renamed { old: name, new });
    }
    let (what, here) = what.strip_suffix(" here)")?.rsplit_once(" (")?;
    let here = number(here)?;
    match what {
        "joined" => Some(ServerNotice::Joined { name, here }),
        "left" => Some(ServerNotice::Left { name, cause: "", here }),
        _ => Some(ServerNotice::Left { name, cause: what.strip_prefix("left: ")?, here }),
    }
}

fn about_account(text: &str) -> Option<ServerNotice<'_>> {
    if let Some(visible) = password(text) {
        return Some(ServerNotice::AskPassword { account: None, visible });
    }
    if let Some(name) = text.strip_prefix("You are logged in as ").and_then(|rest| rest.strip_suffix('.')) {
        return is_name(name).then_some(ServerNotice::LoggedInAs { name });
    }
    let (name, what) = text.split_once(' ').filter(|(name, _)| is_name(name))?;
    if let Some(prompt) = what.strip_prefix("is registered. ") {
        return Some(ServerNotice::AskPassword { account: Some(name), visible: password(prompt)? });
    }
    if what == "is no longer registered." {
        return Some(ServerNotice::Unregistered { name });
    }
    let again = what.strip_prefix("is registered now: who logs in as ")?.strip_suffix(" is asked for the password.")?;
    (again == name).then_some(ServerNotice::Registered { name })
}

/// Parses the prompt for a password; returns whether it has the note that what is typed can be read.
fn password(text: &str) -> Option<bool> {
    let prompt = text.strip_suffix(VISIBLE).unwrap_or(text);
    (prompt == "Password:").then_some(prompt.len() < text.len())
}

/// Parses what follows a refusal about a password.
fn due(text: &str) -> Option<Due> {
    Some(match text {
        "" => Due::Nothing,
        " Goodbye." => Due::Goodbye,
        _ => Due::Password { visible: password(text.strip_prefix(' ')?)? },
    })
}

fn summed(text: &str) -> Option<ServerNotice<'_>> {
    let (joined, rest) = text.split_once(" joined, ")?;
    let (left, here) = rest.strip_suffix(" here)")?.split_once(" left (")?;
    Some(ServerNotice::Summed { joined: number(joined)?, left: number(left)?, here: number(here)? })
}

/// Parses the answers to `/who` and `/rooms`.
fn listed(text: &str) -> Option<ServerNotice<'_>> {
    let (count, rest) = text.split_once(' ')?;
    let count = number(count)?;
    if let Some(list) = rest.strip_prefix("here").and_then(|rest| rest.strip_suffix('.')) {
        let list = if list.is_empty() { list } else { list.strip_prefix(": ")? };
        return Some(ServerNotice::People(WORDS.people(list, count, true)?));
    }
    if let Some(rest) = rest.strip_prefix("in ").and_then(|rest| rest.strip_suffix('.')) {
        let (room, list) = rest.split_once(": ").unwrap_or((rest, ""));
        let people = WORDS.people(list, count, false)?;
        return is_name(room).then_some(ServerNotice::PeopleIn { room, people });
    }
    rooms(rest.strip_prefix("rooms: ").or_else(|| rest.strip_prefix("room: "))?, count)
}

fn rooms(list: &str, count: usize) -> Option<ServerNotice<'_>> {
    let (list, more) = match list.strip_suffix(" more") {
        Some(list) => list.rsplit_once(" and ").and_then(|(list, more)| Some((list, number(more)?)))?,
        None => (list, 0),
    };
    let mut rooms = Vec::new();
    for item in list.split(", ") {
        let (room, here) = item.strip_suffix(')')?.split_once(" (").filter(|(room, _)| is_name(room))?;
        rooms.push((room, number(here)?));
    }
    (rooms.len().checked_add(more) == Some(count)).then_some(ServerNotice::Rooms { rooms, more })
}

fn other(text: &str) -> Option<ServerNotice<'_>> {
    if let Some(rest) = text.strip_prefix("--- the last ") {
        let (messages, _) = rest.strip_suffix(" ---")?.split_once(" message")?;
        return Some(ServerNotice::HistoryBegins { messages: Some(number(messages)?) });
    }
    if let Some(rest) = text.strip_prefix("--- for what was said before: /history before ") {
        return rest.strip_suffix(" ---").and_then(number::<u64>).map(|_| ServerNotice::HistoryEnds);
    }
    if let Some(rest) = text.strip_prefix("The room is full. You are number ") {
        return Some(ServerNotice::Waiting { number: number(rest.strip_suffix(" in line.")?)? });
    }
    if let Some(rest) = text.strip_prefix("You were kicked by ") {
        let (by, why) = match rest.split_once(": ") {
            Some((by, why)) => (by, Some(why)),
            None => (rest.strip_suffix('.')?, None),
        };
        return (by == "the operator" || is_name(by)).then_some(ServerNotice::Kicked { why });
    }
    if let Some(text) = text.strip_prefix("pong") {
        return Some(ServerNotice::Pong { text: if text.is_empty() { text } else { text.strip_prefix(' ')? } });
    }
    day(text).map(ServerNotice::Day)
}

fn day(text: &str) -> Option<Date> {
    let mut words = text.split(' ');
    let weekday: Weekday = words.next()?.parse().ok()?;
    let (day, month): (u8, Month) = (number(words.next()?)?, words.next()?.parse().ok()?);
    let date = Date::from_calendar_date(number(words.next()?)?, month, day).ok()?;
    (words.next().is_none() && date.weekday() == weekday).then_some(date)
}

pub fn refusal(text: &str) -> Option<ServerRefusal<'_>> {
    let (sentence, asked) = text.strip_suffix(" Try another:").map_or((text, false), |text| (text, true));
    if asked && sentence.starts_with("The nickname ") && sentence.ends_with(" is registered.") {
        return Some(ServerRefusal::BadName { asked });
    }
    if let Some(name) = sentence.strip_prefix("The nickname ") {
        return match name.strip_suffix(" is taken.") {
            Some(name) => Some(ServerRefusal::Taken { name: Some(name), asked }),
            None => is_bad_name(name).then_some(ServerRefusal::BadName { asked }),
        };
    }
    if sentence.starts_with("A nickname is 1 to ") {
        return Some(ServerRefusal::BadName { asked });
    }
    Some(match text {
        "You are still waiting; this was not said." => ServerRefusal::StillWaiting,
        "This port is for lines of text: use nc, telnet or chinwag connect. HTTP, TLS, SSH and similar protocols are not supported." => {
            ServerRefusal::OtherProtocol
        }
        "The room and the waiting line are full. Try again later." => ServerRefusal::Full,
        "The operator is talking with somebody else. Try again later." => ServerRefusal::Busy,
        "Your address is banned from this server." => ServerRefusal::Banned,
        "Too many logins at once; try again." => ServerRefusal::TooManyLogins,
        _ => return about_password(text).or_else(|| with_fields(text)),
    })
}

/// Whether this, after `The nickname `, is a nickname and the reason why it cannot be taken.
fn is_bad_name(text: &str) -> bool {
    text.ends_with(" is reserved.") || text.contains(" looks like ") || text.contains(" mixes scripts ")
}

fn about_password(text: &str) -> Option<ServerRefusal<'_>> {
    if let Some(rest) = text.strip_prefix("Wrong password.") {
        return Some(ServerRefusal::WrongPassword { due: due(rest)? });
    }
    if let Some(rest) = text.strip_prefix("Passwords cannot be checked at present. Try again later.") {
        return Some(ServerRefusal::PasswordsFail { due: due(rest)? });
    }
    let (count, rest) = text.strip_prefix("Too many wrong passwords. Try again in ")?.split_once('.')?;
    Some(ServerRefusal::TooManyWrongPasswords { seconds: seconds(count)?, due: due(rest)? })
}

/// Parses a number of seconds.
fn seconds(text: &str) -> Option<u64> {
    number(text.strip_suffix(" seconds").or_else(|| text.strip_suffix(" second"))?)
}

/// Parses the refusals that contain a number or a name.
fn with_fields(text: &str) -> Option<ServerRefusal<'_>> {
    let between = |before: &str, after: &str| text.strip_prefix(before)?.strip_suffix(after);
    if let Some(count) = between("No nickname was given within ", ". Goodbye.") {
        return Some(ServerRefusal::LoginTimeout { seconds: seconds(count)? });
    }
    if let Some(count) = between("Nothing was heard from you for ", ". Goodbye.") {
        return Some(ServerRefusal::Idle { seconds: seconds(count)? });
    }
    if let Some(most) = between("There are too many connections from your address (", " at most). Close one first.") {
        return Some(ServerRefusal::TooManyFromAddress { most: number(most)? });
    }
    if let Some(most) = between("There are ", " rooms already, and no more can be made. /rooms lists them.") {
        return Some(ServerRefusal::TooManyRooms { most: number(most)? });
    }
    if let Some(room) = between("You are in ", " already.") {
        return is_name(room).then_some(ServerRefusal::InThatRoom { room });
    }
    between("Nobody here is called ", ".").map(|name| ServerRefusal::NobodyCalled { name })
}
