//! The kinds of JSON objects that programs read.

use serde::Serialize;

use super::refused::Refused;

/// The value of a setting; `null` if it is off.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Value<'a> {
    Off,
    On(bool),
    Number(u32),
    Text(&'a str),
}

/// Which messages a requested history has, unless it has the newest ones.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    Before(u64),
    After(u64),
    Around(u64),
    On(String),
}

fn is_empty(names: &&[&str]) -> bool {
    names.is_empty()
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// One JSON object. Times are in seconds since 1970, UTC.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum JsonEvent<'a> {
    Hello {
        rev: u32,
        /// The name of the server.
        name: &'a str,
        /// Empty if it is not known.
        run: String,
        version: &'static str,
        lang: &'static str,
        max_line: usize,
        /// Whether messages are stored: `/history before` and `/search` find older ones.
        store: bool,
    },
    Waiting {
        number: u32,
    },
    Ask,
    AskPassword {
        /// `server` or `account`.
        #[serde(rename = "for")]
        owner: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
    },
    /// What has happened with the reader's account: `registered`, `logged_in`, `password_changed` or `unregistered`.
    Account {
        what: &'static str,
        name: Option<&'a str>,
        text: String,
    },
    Read {
        room: &'a str,
        id: u64,
    },
    Refused(Refused<'a>),
    Entered {
        name: &'a str,
        room: &'a str,
        here: usize,
        names: &'a [&'a str],
        #[serde(skip_serializing_if = "is_empty")]
        away: &'a [&'a str],
        topic: Option<&'a str>,
        role: Option<&'static str>,
        account: bool,
    },
    Motd {
        /// The lines with a line feed between them; `null` if there is no message of the day.
        text: Option<&'a str>,
    },
    Room {
        room: &'a str,
        here: usize,
        names: &'a [&'a str],
        #[serde(skip_serializing_if = "is_empty")]
        away: &'a [&'a str],
        topic: Option<&'a str>,
    },
    Following {
        room: &'a str,
        here: usize,
        names: &'a [&'a str],
        #[serde(skip_serializing_if = "is_empty")]
        away: &'a [&'a str],
        topic: Option<&'a str>,
    },
    Unfollowed {
        room: &'a str,
    },
    Topic {
        room: Option<&'a str>,
        /// Who has set it; `null` if there is no topic.
        name: Option<&'a str>,
        text: Option<&'a str>,
    },
    /// `room` if it has changed for a member of that room.
    Away {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        name: &'a str,
        text: Option<&'a str>,
    },
    Quiet {
        on: bool,
    },
    Whois {
        name: &'a str,
        since: i64,
        rooms: &'a [&'a str],
        away: Option<&'a str>,
        role: Option<&'static str>,
        account: bool,
    },
    History {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        messages: usize,
        gap: bool,
        #[serde(flatten)]
        range: Option<Range>,
    },
    /// `older` and `newer` only at the end of requested history.
    Live {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        older: Option<Option<u64>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        newer: Option<Option<u64>>,
    },
    Search {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        words: &'a str,
        messages: usize,
    },
    Found {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        id: u64,
        at: i64,
        name: &'a str,
        text: &'a str,
        action: bool,
        #[serde(skip_serializing_if = "is_false")]
        notice: bool,
    },
    SearchEnds {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        words: &'a str,
        older: Option<u64>,
    },
    Said {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        id: u64,
        at: i64,
        name: &'a str,
        text: &'a str,
        /// It is a notice of IRC, which programs never answer.
        #[serde(skip_serializing_if = "is_false")]
        notice: bool,
    },
    Action {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        id: u64,
        at: i64,
        name: &'a str,
        text: &'a str,
    },
    Whisper {
        at: i64,
        from: &'a str,
        text: &'a str,
    },
    Whispered {
        at: i64,
        to: &'a str,
        text: &'a str,
    },
    Joined {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        name: &'a str,
        here: usize,
    },
    Left {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        name: &'a str,
        here: usize,
        cause: &'static str,
        reason: Option<&'a str>,
    },
    Renamed {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        old: &'a str,
        new: &'a str,
    },
    Summed {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        joined: u32,
        left: u32,
        here: usize,
    },
    People {
        room: &'a str,
        here: usize,
        names: &'a [&'a str],
        #[serde(skip_serializing_if = "is_empty")]
        away: &'a [&'a str],
        /// Those of `names` that are on another node of the cluster, with the name of the node.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        nodes: &'a [(&'a str, &'a str)],
        you: bool,
    },
    /// A node of the cluster, in the answer to `/nodes`.
    Node {
        name: &'a str,
        this: bool,
        ready: bool,
        members: usize,
        applied: Option<u64>,
        lag: Option<u64>,
        /// How long ago it was heard, in milliseconds.
        heard: Option<u64>,
        /// All that in words.
        text: String,
    },
    Rooms {
        rooms: &'a [(&'a str, usize, Option<&'a str>)],
        more: usize,
    },
    Pong {
        text: &'a str,
    },
    Echo {
        on: bool,
    },
    Ignoring {
        name: &'a str,
    },
    NotIgnoring {
        name: &'a str,
    },
    Ignored {
        names: &'a [&'a str],
    },
    Help {
        lines: Vec<&'static str>,
    },
    Note {
        text: String,
    },
    Kicked {
        why: Option<&'a str>,
        /// The name of the moderator; `null` for the operator.
        by: Option<&'a str>,
    },
    Deleted {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        ids: &'a [u64],
        by: &'a str,
        /// The name of the author.
        name: &'a str,
    },
    Role {
        /// `null` for a role on the server.
        room: Option<&'a str>,
        name: &'a str,
        role: Option<&'static str>,
        by: &'a str,
    },
    Setting {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        setting: &'static str,
        value: Value<'a>,
        by: &'a str,
    },
    Settings {
        room: &'a str,
        /// `true` if the reader may not see it.
        key: Value<'a>,
        invite_only: bool,
        moderated: bool,
        secret: bool,
        topic_lock: bool,
        limit: Option<u32>,
        slow: Option<u32>,
        operators: &'a [&'a str],
        voices: &'a [&'a str],
    },
    Moderation {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        act: &'static str,
        name: &'a str,
        by: &'a str,
    },
    Mask {
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<&'a str>,
        kind: &'static str,
        mask: &'a str,
        by: &'a str,
        added: bool,
    },
    Removed {
        room: &'a str,
        cause: &'static str,
        by: &'a str,
        why: Option<&'a str>,
    },
    Invited {
        room: &'a str,
        name: &'a str,
        by: &'a str,
    },
    Goodbye,
    Ending,
}
