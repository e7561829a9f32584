//! Simulated persons: what they type, and the bytes that their programs send.

pub mod accounts;
pub mod acts;
pub mod irc;
pub mod lines;
pub mod names;
pub mod page;
pub mod plain;
pub mod program;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use self::irc::IrcClient;
use self::page::SimulatedPage;
use self::program::LineProgram;
use super::network::Wire;

/// How a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingPace {
    /// All that comes, soon.
    Eager,
    /// A little now and then.
    Slow,
    /// Not until the pace changes.
    Stalled,
    /// Never again.
    Never,
}

/// A person with a connection.
pub struct Person {
    pub wire: Rc<RefCell<Wire>>,
    pub pace: ReadingPace,
    /// The browser page; `None` for a plain client.
    pub page: Option<SimulatedPage>,
    /// A program on the plain port; `None` for a person or a page.
    pub program: Option<LineProgram>,
    /// An IRC client.
    pub irc: Option<IrcClient>,
    /// The revision of the protocol that the page or program knows.
    pub revision: u32,
    /// Bytes that were typed and have not arrived.
    pub unsent: VecDeque<u8>,
    /// Nothing more will be typed; the end follows the unsent bytes.
    pub ends: bool,
    /// Telnet options that may still be asked for; past 100 the server answers no more.
    pub options: usize,
    /// The last line has no end, and must be processed before more is typed.
    pub pauses: bool,
    /// A line that is not empty has been typed.
    pub has_begun: bool,
    /// Time of the last write to the person.
    pub written_at: Duration,
    /// The connection is closed, and has been checked.
    pub done: bool,
}

impl Person {
    /// Whether it sends frames of a WebSocket.
    pub fn has_frames(&self) -> bool {
        self.page.is_some() || self.irc.as_ref().is_some_and(IrcClient::has_frames)
    }
}
