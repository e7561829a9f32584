//! The entries of the log. They are text, so that an operator can read them with the tools of the engine.
//!
//! The first line is the header in JSON. Each further line is one change of the application: how many ids it takes, a
//! space, and its text. A `!` before that says that a node that does not know the change must stop. The entry of a
//! snapshot has one piece of it instead.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chat::Incarnation;

/// Bytes of an entry at most.
pub const MAX_ENTRY: usize = 64 * 1024;
/// Ids in an entry at most: the id of a message has eight bits for its place in the entry. A change takes at least one.
pub const MAX_IDS: usize = 256;
/// Bytes of a change at most: what the header leaves, whose numbers may be long.
pub const MAX_CHANGE: usize = MAX_ENTRY - 512;
/// The version of the entries that this program writes.
const VERSION: u16 = 1;
/// The mark of a change that each node must understand.
const MUST_UNDERSTAND: char = '!';

/// The name of a node: 1 to 32 letters, digits, `_` and `-` of ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(Box<str>);

/// A name that no node can have.
#[derive(Debug, Error)]
#[error("the name of a node has 1 to 32 letters, digits, `_` and `-`, and this one has not")]
pub struct NodeNameError;

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NodeName {
    type Error = NodeNameError;

    fn try_from(name: String) -> Result<NodeName, NodeNameError> {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        match (1..=32).contains(&name.len()) && name.bytes().all(is_valid) {
            true => Ok(NodeName(name.into())),
            false => Err(NodeNameError),
        }
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> String {
        name.0.into()
    }
}

/// The versions of changes that a node can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Versions {
    pub lowest: u16,
    pub highest: u16,
}

/// What the nodes say about themselves and about one another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Control {
    /// A new incarnation of a node. It ends the one before. If the node is not informed, it asks for a snapshot.
    Hello { node: NodeName, versions: Versions, informed: bool },
    /// One of `count` pieces of the state at the Hello in this position, for the incarnation that said it.
    Snapshot { to: Incarnation, hello: u64, piece: u32, count: u32 },
    /// No node has answered the Hello in this position: the state begins anew, with the node alone that said Hello.
    Genesis { hello: u64, node: NodeName, versions: Versions },
    /// An incarnation is not heard any more; its last entry that counts is this one.
    Gone { incarnation: Incarnation, last: u64 },
    /// The node ends as planned.
    Leave,
    /// Something that a later version says.
    #[serde(other)]
    Unknown,
}

/// The first line of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub version: u16,
    pub incarnation: Incarnation,
    /// 1 for the first entry of the incarnation, greater by one for each further one.
    pub n: u64,
    /// `None` if the entry has changes of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// Whether a node that does not know the control must stop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_understand: bool,
}

impl Header {
    /// The header of an entry that this program writes.
    pub fn new(incarnation: Incarnation, n: u64, control: Option<Control>) -> Header {
        Header { version: VERSION, incarnation, n, control, must_understand: false }
    }
}

/// An entry, borrowed from its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub header: Header,
    /// What follows the header, without the end of its line.
    pub rest: &'a str,
}

/// Why something in the log is no entry.
#[derive(Debug, Error)]
pub enum EntryError {
    #[error("it has more than 65,536 bytes")]
    TooLarge,
    #[error("it is not text in UTF-8")]
    NotText(#[from] std::str::Utf8Error),
    #[error("it does not begin with the header of an entry")]
    NoHeader(#[from] serde_json::Error),
    #[error("a line of it is not a change")]
    NoChange,
    #[error("it takes more than 256 ids")]
    TooManyIds,
}

/// One change in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeLine<'a> {
    /// Whether a node that does not know it must stop.
    pub must_understand: bool,
    /// How many ids it takes; at least one.
    pub ids: usize,
    pub text: &'a str,
}

impl<'a> ChangeLine<'a> {
    fn parse(line: &'a str) -> Option<ChangeLine<'a>> {
        let (must_understand, line) = match line.strip_prefix(MUST_UNDERSTAND) {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (ids, text) = line.split_once(' ')?;
        let ids = ids.parse().ok().filter(|ids| (1..=MAX_IDS).contains(ids))?;
        Some(ChangeLine { must_understand, ids, text })
    }
}

impl<'a> Entry<'a> {
    /// Reads an entry.
    ///
    /// # Errors
    /// If the bytes are not an entry; then each node skips them.
    pub fn decode(bytes: &'a [u8]) -> Result<Entry<'a>, EntryError> {
        if bytes.len() > MAX_ENTRY {
            return Err(EntryError::TooLarge);
        }
        let text = std::str::from_utf8(bytes)?;
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let entry = Entry { header: serde_json::from_str(first)?, rest };
        let mut ids = 0;
        for line in entry.change_lines() {
            ids += ChangeLine::parse(line).ok_or(EntryError::NoChange)?.ids;
            if ids > MAX_IDS {
                return Err(EntryError::TooManyIds);
            }
        }
        Ok(entry)
    }

    fn change_lines(&self) -> std::str::Lines<'a> {
        if self.header.control.is_none() { self.rest.lines() } else { "".lines() }
    }

    /// The changes.
    pub fn changes(&self) -> impl Iterator<Item = ChangeLine<'a>> + use<'a> {
        self.change_lines().filter_map(ChangeLine::parse)
    }
}

/// Writes one entry.
pub struct EntryWriter {
    text: String,
    ids: usize,
}

impl EntryWriter {
    /// Begins an entry with its header.
    pub fn new(header: &Header) -> EntryWriter {
        EntryWriter { text: serde_json::to_string(header).expect("a header is numbers and plain text"), ids: 0 }
    }

    /// Whether one more change of this size fits.
    pub fn has_room(&self, ids: usize, change: &str) -> bool {
        // The number of ids has up to three digits.
        self.ids + ids <= MAX_IDS && self.text.len() + change.len() + "\n!256 ".len() <= MAX_ENTRY
    }

    /// Adds a change, which has no end of line in it.
    pub fn push(&mut self, change: ChangeLine) {
        let mark = if change.must_understand { "!" } else { "" };
        write!(self.text, "\n{mark}{} {}", change.ids, change.text).expect("a text grows");
        self.ids += change.ids;
    }

    /// The entry, after its changes or with this piece of a snapshot.
    pub fn finish(mut self, piece: &str) -> String {
        if !piece.is_empty() {
            self.text.push('\n');
            self.text.push_str(piece);
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(control: Option<Control>) -> Header {
        Header::new(Incarnation(7), 3, control)
    }

    #[test]
    fn an_entry_with_changes_is_read_back() {
        let changes = [
            ChangeLine { must_understand: false, ids: 1, text: "{\"a\":1}" },
            ChangeLine { must_understand: true, ids: 24, text: "{\"b\": 2}" },
        ];
        let mut writer = EntryWriter::new(&header(None));
        changes.into_iter().for_each(|change| writer.push(change));
        let text = writer.finish("");
        assert_eq!(text, "{\"version\":1,\"incarnation\":7,\"n\":3}\n1 {\"a\":1}\n!24 {\"b\": 2}");
        assert_eq!(Entry::decode(text.as_bytes()).unwrap().changes().collect::<Vec<_>>(), changes);
    }

    #[test]
    fn a_piece_of_a_snapshot_keeps_its_lines() {
        let control = Control::Snapshot { to: Incarnation(u64::MAX), hello: 9, piece: 0, count: 2 };
        let text = EntryWriter::new(&header(Some(control.clone()))).finish("one\n!two\n");
        let entry = Entry::decode(text.as_bytes()).unwrap();
        assert_eq!((entry.header.control, entry.rest), (Some(control), "one\n!two\n"));
    }

    #[test]
    fn an_unknown_control_is_read_with_its_number() {
        let text = r#"{"version":9,"incarnation":7,"n":3,"control":{"kind":"dance","with":[1]},"new":true}"#;
        let entry = Entry::decode(text.as_bytes()).unwrap();
        assert_eq!((entry.header.n, entry.header.control), (3, Some(Control::Unknown)));
    }

    #[test]
    fn foreign_bytes_are_refused() {
        let deep = format!("{{\"version\":1,\"incarnation\":7,\"n\":3,\"x\":{}", "[".repeat(10_000));
        let named = r#"{"version":1,"incarnation":7,"n":1,"control":{"kind":"hello","node":"a b","informed":true}}"#;
        let deep_control = format!(
            "{{\"version\":1,\"incarnation\":7,\"n\":3,\"control\":{}1{}}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        for text in [
            "",
            "x",
            "{}",
            "{\"version\":1}",
            "{\"version\":1,\"incarnation\":-7,\"n\":3}",
            &deep,
            named,
            &deep_control,
        ] {
            assert!(matches!(Entry::decode(text.as_bytes()), Err(EntryError::NoHeader(_))), "{text:.80}");
        }
        assert!(matches!(Entry::decode(&[b'{', 0xff]), Err(EntryError::NotText(_))));
        assert!(matches!(Entry::decode(&vec![b' '; 10_000_000]), Err(EntryError::TooLarge)));
        for (line, is_expected) in [("x", false), ("0 x", false), ("257 x", false), ("-1 x", false), ("256 x", true)] {
            let text = format!("{}\n{line}", EntryWriter::new(&header(None)).finish(""));
            assert_eq!(Entry::decode(text.as_bytes()).is_ok(), is_expected, "{line}");
        }
        let many = format!("{}{}", EntryWriter::new(&header(None)).finish(""), "\n2 x".repeat(129));
        assert!(matches!(Entry::decode(many.as_bytes()), Err(EntryError::TooManyIds)));
    }

    #[test]
    fn an_entry_has_room_for_its_bounds_only() {
        let mut writer = EntryWriter::new(&Header::new(Incarnation(u64::MAX), u64::MAX, None));
        let large = "x".repeat(MAX_CHANGE);
        assert!(writer.has_room(MAX_IDS, &large));
        writer.push(ChangeLine { must_understand: true, ids: MAX_IDS, text: &large });
        assert!(writer.finish("").len() <= MAX_ENTRY);
        let mut writer = EntryWriter::new(&header(None));
        (0..MAX_IDS).for_each(|_| writer.push(ChangeLine { must_understand: false, ids: 1, text: "1" }));
        assert!(!writer.has_room(1, "1"));
        assert_eq!(Entry::decode(writer.finish("").as_bytes()).unwrap().changes().count(), 256);
    }

    #[test]
    fn names_of_nodes_are_plain() {
        for name in ["", "a b", "a.b", "ä", "*", &"a".repeat(33)] {
            assert!(NodeName::try_from(name.to_string()).is_err(), "{name}");
        }
        assert_eq!(NodeName::try_from("web-1_b".to_string()).unwrap().as_str(), "web-1_b");
    }
}
