//! What clients speak, and the bytes in which they say it.

use chinwag::chat::{Encoding, IrcShape};

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Irc,
    /// IRC in frames of a WebSocket.
    TextFrames,
    BinaryFrames,
}

impl Kind {
    pub fn encoding(self) -> Encoding {
        match self {
            Kind::Plain => Encoding::Plain,
            Kind::Irc => Encoding::Irc(IrcShape::empty()),
            Kind::TextFrames => Encoding::Irc(IrcShape::TEXT_FRAMES),
            Kind::BinaryFrames => Encoding::Irc(IrcShape::BINARY_FRAMES),
        }
    }

    /// The bytes of a text: as it is, or as one masked frame (RFC 6455, section 5.2). The mask changes nothing.
    pub fn framed(self, text: &[u8]) -> Vec<u8> {
        let first = match self {
            Kind::Plain | Kind::Irc => return text.to_vec(),
            Kind::TextFrames => 0x81,
            Kind::BinaryFrames => 0x82,
        };
        let header = match text.len() {
            short @ 0..126 => vec![first, 0x80 | short as u8],
            long => [&[first, 0x80 | 126][..], &(long as u16).to_be_bytes()].concat(),
        };
        [&header[..], &[0; 4], text].concat()
    }
}
