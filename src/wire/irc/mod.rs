//! IRC: the third encoding of events, and the lines of its clients.
//!
//! Sources: <https://modern.ircdocs.horse/>, RFC 1459, <https://ircv3.net/irc/>.

pub mod clean;
pub mod frames;
mod framing;
mod label;
pub mod line;
mod multiline;
mod notice;
mod refusal;
mod render;
mod server_lines;
pub mod split;
mod writer;

pub use self::server_lines::Irc;
