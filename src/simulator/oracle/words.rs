//! What the parts of the oracle call alike.

use std::ops::Range;

/// The number of the operator; others are numbers of members.
pub const OPERATOR: usize = usize::MAX;

/// The current room of a member that has none: it has an IRC client.
pub const NOWHERE: usize = usize::MAX;
/// The author of what programs post.
pub const POSTER: usize = usize::MAX - 1;

/// An input of a person, as the server should understand it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Line(String),
    TooLong,
    NotUtf8,
    /// The first line, of another protocol: it begins with a zero byte.
    Foreign,
    /// A telnet option was asked for; the server should send this answer.
    Option([u8; 3]),
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderStage {
    /// In the kernel's queue.
    Outside,
    Waiting(u32),
    Asked,
    Here,
    Gone,
}

/// Lines that may be left out: where they stand, and what stands there then.
pub struct Optional {
    pub place: Range<usize>,
    pub instead: Vec<u8>,
}

/// The key of a name, for all names that are used here.
pub fn key(name: &str) -> String {
    match name {
        "ＡＬＩＣＥ" => "alice".into(),
        "É" | "E\u{301}" | "é" | "e\u{301}" => "e\u{301}".into(),
        "straße" | "STRASSE" => "strasse".into(),
        name => name.to_lowercase(),
    }
}
