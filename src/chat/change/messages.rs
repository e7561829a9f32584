//! Messages, and the deletion of some.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::chat::event::MessageKind;
use crate::chat::id::{MemberId, RoomId};
use crate::chat::member::RoomRole;
use crate::chat::policy::nick::Name;

/// A text for the members of a room with this role, or with a higher one (`@#room` of IRC); `tags` are as in
/// [`Change::Say`](super::Change::Say). It is shown and not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayToRole<'a> {
    pub member: MemberId,
    pub room: RoomId,
    pub role: RoomRole,
    pub text: Cow<'a, str>,
    pub kind: MessageKind,
    pub tags: Option<Box<str>>,
}

/// One line of a message of several lines, as an IRC client has sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextLine {
    pub text: Box<str>,
    /// It goes on with the line before.
    pub concat: bool,
}

impl TextLine {
    /// Whether it shows nothing.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The texts of these lines: one that goes on with another is joined to it, and blank ones are left out.
    pub fn join(lines: &[TextLine]) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for line in lines {
            match texts.last_mut().filter(|_| line.concat) {
                Some(text) => text.push_str(&line.text),
                None => texts.push(line.text.to_string()),
            }
        }
        texts.retain(|text| !text.trim().is_empty());
        texts
    }
}

/// A message of several lines, which others than IRC clients read as several messages; at least one line is not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayLines {
    pub member: MemberId,
    pub room: RoomId,
    pub kind: MessageKind,
    /// As those of [`Change::Say`](super::Change::Say).
    pub tags: Option<Box<str>>,
    pub lines: Vec<TextLine>,
}

/// A message of a poster, a program that is no member, in the room with this name. Each line is shown as a message; there is at
/// least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// With the mark of posters: [`Name::poster`].
    pub name: Name,
    pub room: Name,
    pub lines: Vec<Box<str>>,
}

/// Messages of a room that are deleted: the name of their author, their ids, and the reason, which IRC shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete<'a> {
    pub by: MemberId,
    pub room: RoomId,
    pub name: Cow<'a, str>,
    pub ids: Vec<u64>,
    #[serde(default)]
    pub reason: Option<Cow<'a, str>>,
}
