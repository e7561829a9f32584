//! What a line of the server's is.
//!
//! The counterpart of [`crate::wire::plain`] and of the phrases of both languages: the tests here read all that
//! those write. Words in which the reader has no use for a field are left as they stand.

mod en;
mod people;
#[cfg(test)]
mod shape_tests;
mod zh;

use time::{Date, Time};

pub use self::people::People;

use crate::client::input::name_cache::MAX_BYTES;

/// One line, understood; every line is something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// Said in the room.
    Said { at: Time, name: &'a str, text: &'a str },
    /// `/me`.
    Action { at: Time, name: &'a str, text: &'a str },
    /// A whisper to us.
    Whisper { at: Time, from: &'a str, text: &'a str },
    /// A whisper of ours.
    Whispered { at: Time, to: &'a str, text: &'a str },
    /// The server speaks.
    Notice(Notice<'a>),
    /// What was asked is refused.
    Refused(Refusal<'a>),
    /// A line of a server that is not ours.
    Raw(&'a str),
}

/// What the server says; the fields are those of [`crate::chat::Notice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A nickname is asked for.
    Welcome,
    /// Only in Chinese, where the line about who is here follows.
    NameSet,
    Entered {
        name: &'a str,
        people: People<'a>,
    },
    /// To talk with the operator alone.
    EnteredPeer {
        name: &'a str,
    },
    EnteredRoom {
        room: &'a str,
        people: People<'a>,
    },
    /// How many messages follow is not said in Chinese.
    HistoryBegins {
        messages: Option<usize>,
    },
    HistoryEnds,
    NoHistory,
    Joined {
        name: &'a str,
        here: usize,
    },
    /// The cause is in the server's words, and empty where it was merely their own wish.
    Left {
        name: &'a str,
        cause: &'a str,
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
    /// A text that makes it look like a line about somebody called pong is taken for that line.
    Pong {
        text: &'a str,
    },
    People(People<'a>),
    PeopleIn {
        room: &'a str,
        people: People<'a>,
    },
    Rooms {
        rooms: Vec<(&'a str, usize)>,
        more: usize,
    },
    Echo {
        on: bool,
    },
    Goodbye,
    Kicked {
        why: Option<&'a str>,
    },
    ShuttingDown,
    /// Anything else, for people to read.
    Other(&'a str),
}

/// Why something was not done; the fields are those of [`crate::chat::Refusal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// Which name it was is not said in Chinese. `asked`: a nickname is asked for again.
    Taken {
        name: Option<&'a str>,
        asked: bool,
    },
    /// The nickname has the wrong shape or is reserved.
    BadName {
        asked: bool,
    },
    StillWaiting,
    OtherProtocol,
    LoginTimeout {
        seconds: u64,
    },
    Idle {
        seconds: u64,
    },
    Full,
    Busy,
    Banned,
    TooManyFromAddress {
        most: usize,
    },
    TooManyRooms {
        most: usize,
    },
    InThatRoom {
        room: &'a str,
    },
    NobodyCalled {
        name: &'a str,
    },
    /// Anything else, for people to read.
    Other(&'a str),
}

impl<'a> Shape<'a> {
    /// Understands a line without its end, from which control characters have been removed.
    pub fn of(line: &'a str) -> Self {
        if let Some(text) = line.strip_prefix("* ") {
            return Shape::Notice(en::notice(text).or_else(|| zh::notice(text)).unwrap_or(Notice::Other(text)));
        }
        if let Some(text) = line.strip_prefix("! ") {
            return Shape::Refused(en::refusal(text).or_else(|| zh::refusal(text)).unwrap_or(Refusal::Other(text)));
        }
        spoken(line).unwrap_or(Shape::Raw(line))
    }
}

/// What somebody says. A name holds no space, so the first words tell which shape it is.
fn spoken(line: &str) -> Option<Shape<'_>> {
    let (at, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let at = time(at)?;
    let (word, text) = rest.split_once(' ')?;
    let fits = |name: &str| (1..=MAX_BYTES).contains(&name.len());
    if word == "*" {
        let (name, text) = text.split_once(' ')?;
        return fits(name).then_some(Shape::Action { at, name, text });
    }
    if let Some(name) = word.strip_suffix(':') {
        return fits(name).then_some(Shape::Said { at, name, text });
    }
    let (to, text) = text.strip_prefix("-> ")?.split_once(' ')?;
    let to = to.strip_suffix(':')?;
    match (word, to) {
        _ if !(fits(word) && fits(to)) => None,
        ("you", _) => Some(Shape::Whispered { at, to, text }),
        (from, "you") => Some(Shape::Whisper { at, from, text }),
        _ => None,
    }
}

/// `HH:MM:SS`.
fn time(text: &str) -> Option<Time> {
    let two = |at: usize| text.get(at..at + 2).and_then(people::number);
    let colons = text.len() == 8 && text.as_bytes()[2] == b':' && text.as_bytes()[5] == b':';
    colons.then_some(())?;
    Time::from_hms(two(0)?, two(3)?, two(6)?).ok()
}
