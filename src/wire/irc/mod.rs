//! IRC: the third encoding of events.
//!
//! Sources: <https://modern.ircdocs.horse/>, RFC 1459, <https://ircv3.net/irc/>.

mod framing;
mod label;
mod notice;
mod refusal;
mod render;
mod writer;

pub use self::render::Irc;
