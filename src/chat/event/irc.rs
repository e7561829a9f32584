//! Lines of IRC for one session alone; sessions of other encodings are never sent one.

use super::message::MessageKind;
use crate::chat::change::TextLine;

/// Who a line of IRC comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender<'a> {
    /// The line names no sender.
    Nobody,
    /// The server.
    Server,
    /// The member with this name; what else is shown of it comes with the line.
    Member(&'a str),
}

/// A line of IRC.
#[derive(Clone, Copy, Debug)]
pub enum IrcLine<'a> {
    /// `:SERVER CODE NICK middle... :text`
    Numeric { code: u16, middle: &'a [&'a str], text: Option<&'a str> },
    /// A message of several lines, in a room or for one member; its id is that of the first line.
    Multiline { id: u64, kind: MessageKind, name: &'a str, lines: &'a [TextLine] },
    /// `:SENDER COMMAND middle... :text`; `in_room`: the channel of the event's room stands before the other parameters.
    Command { from: Sender<'a>, command: &'a str, in_room: bool, middle: &'a [&'a str], text: Option<&'a str> },
}
