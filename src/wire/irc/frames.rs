//! Decodes WebSocket frames from clients into lines of IRC: <https://ircv3.net/specs/extensions/websocket>.
//!
//! A message is one line, without its end; with more, it is refused. Sessions of both subprotocols may send text and binary messages. A text must be
//! UTF-8, or else the connection ends (RFC 6455, section 8.1); a binary message that is not is answered as any other line.

use serde::{Deserialize, Serialize};

use super::line::{IrcItem, MAX_REST, MAX_TAGS, single_line};
use crate::wire::websocket::{FrameDecoder, FrameItem, Payload};

/// The subprotocol in which the server sends text messages.
pub const TEXT: &str = "text.ircv3.net";
/// The subprotocol in which the server sends binary messages.
pub const BINARY: &str = "binary.ircv3.net";

/// The most bytes of a message that is decoded, with a line end, which is not needed.
const MAX_MESSAGE: usize = MAX_TAGS + MAX_REST + 2;

/// The decoder of one client.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IrcFrameDecoder {
    frames: FrameDecoder,
}

impl IrcFrameDecoder {
    /// Decodes the next item of `bytes`; `None` when more bytes are needed. An empty message has no line.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Option<FrameItem<Option<IrcItem<'static>>>> {
        let item = self.frames.next_message(bytes, MAX_MESSAGE, true)?;
        Some(item.map(|payload| {
            FrameItem::Line(single_line(match payload {
                Payload::Text(text) => text.into_bytes(),
                Payload::Binary(bytes) => bytes,
            }))
        }))
    }

    /// Whether it is in its initial state, so that it need not be stored.
    pub fn is_idle(&self) -> bool {
        self.frames.is_idle()
    }

    /// Bytes allocated for incomplete frames and messages.
    pub fn kept(&self) -> usize {
        self.frames.kept()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_json::through_json;
    use crate::wire::frame::code;

    /// A masked frame with this first byte; 126 bytes are the fewest of a payload that needs a longer header.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        const MASK: [u8; 4] = [7, 0, 255, 1];
        let length = match payload.len() {
            short @ 0..126 => vec![0x80 | short as u8],
            long => [&[0x80 | 126][..], &(long as u16).to_be_bytes()].concat(),
        };
        let masked = payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [&[first][..], &length, &MASK].concat().into_iter().chain(masked).collect()
    }

    /// Decodes bytes in pieces of this size, and with a decoder that is handed over after each of them; returns all items.
    fn decode_in(bytes: &[u8], piece: usize) -> Vec<String> {
        let (mut decoder, mut items) = (IrcFrameDecoder::default(), Vec::new());
        for mut bytes in bytes.chunks(piece) {
            while let Some(item) = decoder.next(&mut bytes) {
                items.push(match item {
                    FrameItem::Line(None) => "<nothing>".into(),
                    FrameItem::Line(Some(IrcItem::Line(line))) => line.into_owned(),
                    FrameItem::Line(Some(IrcItem::TooLong { .. })) | FrameItem::TooLong => "<too long>".into(),
                    FrameItem::Line(Some(IrcItem::SeveralLines)) => "<several lines>".into(),
                    FrameItem::Line(Some(IrcItem::NotUtf8 { command })) => {
                        format!("<not UTF-8: {}>", command.as_deref().unwrap_or("-"))
                    }
                    FrameItem::Broken(code) => {
                        items.push(format!("<broken: {code}>"));
                        return items;
                    }
                    other => format!("{other:?}"),
                });
            }
            assert!(bytes.is_empty() && decoder.kept() <= 2 * MAX_MESSAGE + 256);
            decoder = through_json(&decoder);
        }
        assert!(decoder.is_idle());
        items
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &[&str]) {
        for piece in [bytes.len(), 7, 1] {
            assert_eq!(decode_in(bytes, piece), expected, "in pieces of {piece} bytes");
        }
    }

    #[test]
    fn text_and_binary_messages_are_lines() {
        check(&[frame(0x81, b"NICK a"), frame(0x82, b"NICK b")].concat(), &["NICK a", "NICK b"]);
        check(&[frame(0x02, b"NICK "), frame(0x89, b""), frame(0x80, b"b")].concat(), &["Ping([])", "NICK b"]);
        check(&frame(0x81, "PRIVMSG #茶 :\x01ACTION 你\x07好\x01".as_bytes()), &["PRIVMSG #茶 :\u{1}ACTION 你好\u{1}"]);
    }

    #[test]
    fn line_needs_no_end_and_stands_alone() {
        for end in ["\r\n", "\n", "\r"] {
            check(&frame(0x81, format!("PING x{end}").as_bytes()), &["PING x"]);
        }
        check(&frame(0x82, b"PING\0 x\n\r\n"), &["PING x"]);
        check(&[frame(0x82, b"PING x\r\nQUIT\n"), frame(0x81, b"PING y")].concat(), &["<several lines>", "PING y"]);
        for empty in [&b""[..], b"\r\n", b"\0"] {
            check(&frame(0x81, empty), &["<nothing>"]);
        }
    }

    #[test]
    fn limits_are_those_of_lines_with_ends() {
        let (fits, tags) = ("x".repeat(MAX_REST), format!("@{} ", "t".repeat(MAX_TAGS - 2)));
        check(&frame(0x81, format!("{tags}{fits}\r\n").as_bytes()), &[&format!("{tags}{fits}")]);
        check(&frame(0x82, format!("{fits}x").as_bytes()), &["<too long>"]);
        check(&frame(0x82, format!("t{tags}{fits}\r\n").as_bytes()), &["<too long>"]);
        // One over all limits is reported when it begins, and the next one is read.
        check(&[frame(0x82, &[0xff; MAX_MESSAGE + 1]), frame(0x81, b"y")].concat(), &["<too long>", "y"]);
        let far = frame(0x02, &[b'x'; 60_000]);
        let endless = [&far[..], &frame(0x00, &[b'x'; 60_000]), &frame(0x00, &[b'x'; 60_000])].concat();
        assert_eq!(decode_in(&endless, 4096), ["<too long>".to_owned(), format!("<broken: {}>", code::TOO_BIG)]);
    }

    #[test]
    fn text_that_is_not_utf8_ends_the_connection_and_binary_is_answered() {
        check(&frame(0x82, b"PRIVMSG #den :\xff"), &["<not UTF-8: PRIVMSG>"]);
        let broken = format!("<broken: {}>", code::NOT_UTF8);
        assert_eq!(decode_in(&frame(0x81, b"PRIVMSG #den :\xff"), 1000), [broken]);
    }
}
