//! The notices of the server.

use time::Date;

use super::people::PeopleList;

/// A notice of the server; the fields are those of [`crate::chat::Notice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerNotice<'a> {
    /// The server asks for a nickname.
    Welcome,
    /// The server asks for the password of an account, or for its own if `account` is `None`.
    AskPassword {
        account: Option<&'a str>,
        visible: bool,
    },
    /// We have registered our nickname.
    Registered {
        name: &'a str,
    },
    PasswordChanged,
    Unregistered {
        name: &'a str,
    },
    /// We are logged in as this account from now on.
    LoggedInAs {
        name: &'a str,
    },
    /// Only in Chinese, where the line about the members follows.
    NameSet,
    Entered {
        name: &'a str,
        people: PeopleList<'a>,
    },
    /// The session is a conversation with the operator alone.
    EnteredPeer {
        name: &'a str,
    },
    EnteredRoom {
        room: &'a str,
        people: PeopleList<'a>,
    },
    /// In Chinese the number of messages is not given.
    HistoryBegins {
        messages: Option<usize>,
    },
    HistoryEnds,
    NoHistory,
    Joined {
        name: &'a str,
        here: usize,
    },
    /// The cause is in the server's words; empty if the user just left.
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
    /// A text that makes the line look like a notice about a user called pong is taken for that notice.
    Pong {
        text: &'a str,
    },
    People(PeopleList<'a>),
    PeopleIn {
        room: &'a str,
        people: PeopleList<'a>,
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
    /// Any other notice, as text.
    Other(&'a str),
}
