//! Messages from node to node, outside of the common order: what is for one member alone. No node keeps them.

use std::collections::{BTreeMap, VecDeque};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::chat::change::{Origin, TextLine};
use crate::chat::event::MessageKind;
use crate::chat::id::{Holder, Incarnation, MemberId};

/// The most bytes of a message that is read. A line of 32 KiB fits, also if each of its bytes takes six in JSON.
const MAX_MESSAGE: usize = 256 << 10;
/// The most texts of a message of several lines; an IRC client sends fewer.
const MAX_TEXTS: usize = 64;

/// A message for another node, which is to be given to its [`Hub::handle_node_message`](crate::chat::Hub::handle_node_message).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMessage {
    /// The run of the node that it is for.
    pub to: Incarnation,
    /// The number with which its answer is given back; no other message of this process has it.
    pub tag: u64,
    /// JSON.
    #[serde(with = "crate::util::base64_bytes")]
    pub payload: Vec<u8>,
}

/// A node has not answered in time, or there is no such node any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeUnreachable;

/// What one member has sent to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateMessage {
    pub author: MemberId,
    /// The node of the author, if that is an operator at a console: every node can have one.
    pub console: Option<Incarnation>,
    /// The name of the author.
    pub from: CompactString,
    pub to: MemberId,
    pub to_name: CompactString,
    pub kind: MessageKind,
    /// The ids of its texts, which IRC shows.
    pub ids: Vec<u64>,
    /// Client-only tags of IRC, in their escaped form.
    pub tags: Option<Box<str>>,
    pub content: PrivateContent,
}

/// What is in a private message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrivateContent {
    Text(Box<str>),
    /// A message of several lines of an IRC client.
    Lines(Vec<TextLine>),
    /// A question or an answer of CTCP, which only IRC clients understand.
    Ctcp(Box<str>),
    /// Tags alone (TAGMSG of IRC).
    Tags,
}

impl PrivateMessage {
    /// Its texts, if it is a whisper, as those read them that do not have IRC.
    pub fn texts(&self) -> Vec<String> {
        match &self.content {
            PrivateContent::Text(text) => vec![text.to_string()],
            PrivateContent::Lines(lines) => TextLine::join(lines),
            PrivateContent::Ctcp(_) | PrivateContent::Tags => Vec::new(),
        }
    }

    /// Whether it is a whisper, which sessions of all encodings read.
    pub fn is_whisper(&self) -> bool {
        matches!(self.content, PrivateContent::Text(_) | PrivateContent::Lines(_))
    }

    /// Whether it can be shown: no text makes another line than its own, and each text of a whisper has an id.
    fn is_valid(&self) -> bool {
        let texts = match &self.content {
            PrivateContent::Text(text) | PrivateContent::Ctcp(text) => vec![&**text],
            PrivateContent::Lines(lines) => lines.iter().map(|line| &*line.text).collect(),
            PrivateContent::Tags => Vec::new(),
        };
        let has_ids = if self.is_whisper() {
            (1..=MAX_TEXTS).contains(&self.ids.len()) && self.texts().len() == self.ids.len()
        } else {
            true
        };
        let is_tag = |tags: &str| is_one_line(tags) && !tags.contains(' ');
        let names = [&*self.from, &*self.to_name];
        has_ids
            && names.into_iter().all(|name| !name.is_empty() && is_one_line(name))
            && texts.into_iter().all(is_one_line)
            && self.tags.as_deref().is_none_or(is_tag)
    }
}

/// Whether a text is shown as it is: no end of a line, and no begin of a command to a terminal.
fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\0', '\u{1b}'])
}

/// A whisper that its author has deleted (REDACT of IRC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactedMessage {
    pub by: MemberId,
    /// The name of the author.
    pub from: CompactString,
    /// The other one of the two, and how it is called.
    pub other: Holder,
    pub target: Box<str>,
    pub id: u64,
    /// The id as IRC shows it.
    pub msgid: Box<str>,
    pub reason: Option<Box<str>>,
}

impl RedactedMessage {
    fn is_valid(&self) -> bool {
        let words = [&*self.from, &*self.target, &*self.msgid];
        let is_word = |word: &str| !word.is_empty() && is_one_line(word) && !word.contains(' ');
        words.into_iter().all(is_word) && self.reason.as_deref().is_none_or(is_one_line)
    }
}

/// What a node asks another one to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRequest {
    /// To show a member there what another one has sent to it.
    Deliver(PrivateMessage),
    /// To show the sessions of a member there what it has sent to another one.
    Copy(PrivateMessage),
    Redact(RedactedMessage),
}

impl NodeRequest {
    /// Reads a request of another node; `None` if it is none, or cannot be shown.
    pub fn read(payload: &[u8]) -> Option<NodeRequest> {
        if payload.len() > MAX_MESSAGE {
            return None;
        }
        let request = serde_json::from_slice(payload).ok()?;
        let is_valid = match &request {
            NodeRequest::Deliver(message) | NodeRequest::Copy(message) => message.is_valid(),
            NodeRequest::Redact(redacted) => redacted.is_valid(),
        };
        is_valid.then_some(request)
    }
}

/// What has become of a private message: on one node, or on all, where the last one of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The member has no session there.
    Absent,
    /// The node has not answered, or did not understand.
    Failed,
    /// The member ignores the author, who is not told.
    Hidden,
    Shown,
}

/// A private message whose author waits for the answers of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMessage {
    pub origin: Origin,
    pub message: PrivateMessage,
    /// What is known so far.
    pub delivery: Delivery,
    /// The tags of the messages that are not answered.
    open: Vec<u64>,
}

/// The messages for other nodes, and those whose answers are awaited.
#[derive(Default, Serialize, Deserialize)]
pub struct NodeMessages {
    last_tag: u64,
    queue: VecDeque<NodeMessage>,
    /// By their first tag.
    pending: BTreeMap<u64, PendingMessage>,
    /// Messages of other nodes that were not understood.
    not_understood: u64,
}

impl NodeMessages {
    /// Whether it has never been used, as without a cluster.
    pub fn is_empty(&self) -> bool {
        self.last_tag == 0 && self.not_understood == 0
    }

    /// Queues a message; returns its tag.
    pub fn push(&mut self, to: Incarnation, request: &NodeRequest) -> u64 {
        self.last_tag += 1;
        let payload = serde_json::to_vec(request).expect("requests are plain data");
        self.queue.push_back(NodeMessage { to, tag: self.last_tag, payload });
        self.last_tag
    }

    /// Takes the next message to send.
    pub fn pop(&mut self) -> Option<NodeMessage> {
        self.queue.pop_front()
    }

    /// Waits for the answers to the messages with these tags, of which there is at least one.
    pub fn wait(&mut self, origin: Origin, message: PrivateMessage, delivery: Delivery, tags: Vec<u64>) {
        let first = tags.first().copied().unwrap_or_default();
        self.pending.insert(first, PendingMessage { origin, message, delivery, open: tags });
    }

    /// Notes an answer; returns the private message if it was the last one.
    pub fn note_answer(&mut self, tag: u64, delivery: Delivery) -> Option<PendingMessage> {
        let (&first, pending) = self.pending.range_mut(..=tag).next_back()?;
        let before = pending.open.len();
        pending.open.retain(|&open| open != tag);
        if pending.open.len() < before {
            pending.delivery = pending.delivery.max(delivery);
        }
        if pending.open.is_empty() { self.pending.remove(&first) } else { None }
    }

    /// Whether a session waits for the answer to another private message.
    pub fn awaits(&self, origin: Origin) -> bool {
        self.pending.values().any(|pending| pending.origin == origin)
    }

    /// The tags of all messages that were taken to be sent and are not answered.
    pub fn open_tags(&self) -> Vec<u64> {
        // Messages are taken in the order of their tags.
        let first = self.queue.front().map_or(u64::MAX, |message| message.tag);
        self.pending.values().flat_map(|pending| &pending.open).copied().filter(|&tag| tag < first).collect()
    }

    /// Counts a message of another node that was not understood.
    pub fn count_not_understood(&mut self) {
        self.not_understood += 1;
    }

    /// Messages of other nodes that were not understood.
    pub fn not_understood(&self) -> u64 {
        self.not_understood
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::{ClientId, SessionId};
    use crate::util::test_json::through_json;

    fn whisper(text: &str) -> PrivateMessage {
        PrivateMessage {
            author: MemberId::OPERATOR,
            console: Some(Incarnation(1)),
            from: "server".into(),
            to: MemberId::OPERATOR,
            to_name: "bob".into(),
            kind: MessageKind::Said,
            ids: vec![1],
            tags: None,
            content: PrivateContent::Text(text.into()),
        }
    }

    fn read(message: PrivateMessage) -> Option<NodeRequest> {
        NodeRequest::read(&serde_json::to_vec(&NodeRequest::Deliver(message)).unwrap())
    }

    #[test]
    fn message_that_would_make_other_lines_or_has_no_ids_is_not_read() {
        assert!(read(whisper("hi")).is_some());
        for text in ["a\nb", "a\rb", "a\0b", "\u{1b}[2J"] {
            assert!(read(whisper(text)).is_none(), "{text:?}");
            assert!(read(PrivateMessage { from: text.into(), ..whisper("hi") }).is_none());
            assert!(read(PrivateMessage { tags: Some(text.into()), ..whisper("hi") }).is_none());
        }
        assert!(read(PrivateMessage { from: "".into(), ..whisper("hi") }).is_none());
        assert!(read(PrivateMessage { tags: Some("+a=b c".into()), ..whisper("hi") }).is_none());
        assert!(read(PrivateMessage { ids: vec![], ..whisper("hi") }).is_none());
        let lines = |texts: &[&str]| {
            let lines = texts.iter().map(|&text| TextLine { text: text.into(), concat: false }).collect();
            PrivateMessage { content: PrivateContent::Lines(lines), ..whisper("") }
        };
        assert!(read(lines(&["a"])).is_some());
        assert!(read(lines(&["a", "b"])).is_none(), "each text has an id");
    }

    #[test]
    fn nonsense_and_what_is_too_large_or_too_deep_is_not_read() {
        let deep = format!("{{\"deliver\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let large = serde_json::to_vec(&NodeRequest::Deliver(whisper(&"x".repeat(MAX_MESSAGE)))).unwrap();
        for payload in [b"".as_slice(), b"{}", b"\xff\xfe", b"{\"later\":1}", deep.as_bytes(), &large] {
            assert!(NodeRequest::read(payload).is_none());
        }
    }

    #[test]
    fn longest_line_can_be_read() {
        assert!(read(whisper(&"\u{1f}".repeat(32 << 10))).is_some());
    }

    #[test]
    fn last_answer_ends_the_waiting_and_the_best_one_counts() {
        let mut messages = NodeMessages::default();
        assert!(messages.is_empty());
        let origin = Origin { client: ClientId::new(0), session: SessionId::FIRST };
        let request = NodeRequest::Deliver(whisper("hi"));
        let tags = vec![messages.push(Incarnation(1), &request), messages.push(Incarnation(2), &request)];
        messages.wait(origin, whisper("hi"), Delivery::Absent, tags.clone());
        let other = messages.push(Incarnation(1), &request);
        messages.wait(origin, whisper("ho"), Delivery::Absent, vec![other]);
        let mut messages = through_json(&messages);
        assert_eq!(messages.open_tags(), [0; 0], "none is sent yet");
        messages.pop();
        assert_eq!(messages.open_tags(), [tags[0]]);
        assert_eq!(std::iter::from_fn(|| messages.pop()).count(), 2);
        assert_eq!(messages.open_tags(), [tags[0], tags[1], other]);
        assert_eq!(messages.note_answer(tags[0], Delivery::Shown), None);
        // A second answer to the same message does not count.
        assert_eq!(messages.note_answer(tags[0], Delivery::Shown), None);
        assert_eq!(messages.note_answer(99, Delivery::Shown), None);
        let done = messages.note_answer(tags[1], Delivery::Failed).unwrap();
        assert_eq!((done.delivery, messages.awaits(origin)), (Delivery::Shown, true));
        let done = messages.note_answer(other, Delivery::Failed).unwrap();
        assert_eq!((done.delivery, messages.awaits(origin)), (Delivery::Failed, false));
        assert_eq!(messages.note_answer(other, Delivery::Shown), None);
    }
}
