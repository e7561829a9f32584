//! Decodes WebSocket frames (RFC 6455) from clients, in pieces of any size, into lines.
//!
//! A message is a line. No extension is negotiated, so a reserved bit is an error.

use std::borrow::Cow;
use std::io::Cursor;

use memchr::memchr2;
use serde::{Deserialize, Serialize};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::frame::{MAX_HEADER, code};
use super::sanitize;
use crate::chat::Input;

/// A message of up to this many times the maximum line is dropped; a longer one closes the connection.
const MAX_OVERSIZE: u64 = 16;
/// Maximum payload of a control frame: section 5.5.
const MAX_CONTROL: u64 = 125;

/// One decoded item.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameItem {
    /// A cleaned line.
    Line(String),
    /// A line over the limit; returned when the limit is passed, and the rest of the line is dropped.
    TooLong,
    /// A ping; answer it with a pong of the same payload.
    Ping(Vec<u8>),
    /// A pong, whether or not a ping was sent.
    Pong,
    /// The client closes with this code; answer with the same code.
    Close(u16),
    /// A protocol error: close with this code and decode nothing more.
    Broken(u16),
}

impl FrameItem {
    /// The input for the hub; `None` if it is not a line.
    pub fn input(&self) -> Option<Input<'_>> {
        match self {
            FrameItem::Line(line) => Some(Input::Line(line)),
            FrameItem::TooLong => Some(Input::TooLong),
            _ => None,
        }
    }
}

/// A frame whose payload is incomplete.
#[derive(Serialize, Deserialize)]
struct IncomingFrame {
    #[serde(with = "opcode_byte")]
    opcode: OpCode,
    is_final: bool,
    /// Missing bytes of the payload.
    left: u64,
    /// Rotated so that its first byte is for the next payload byte.
    mask: [u8; 4],
}

/// A message whose frames are incomplete.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct IncomingMessage {
    #[serde(with = "crate::util::base64_bytes")]
    text: Vec<u8>,
    /// Bytes of the text that are checked to be UTF-8.
    valid: usize,
    /// Total payload length of its frames so far.
    announced: u64,
    /// The message is too long and the rest is being dropped.
    discarding: bool,
}

/// The decoder of one client.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FrameDecoder {
    header: [u8; MAX_HEADER],
    header_len: usize,
    frame: Option<IncomingFrame>,
    /// The incomplete message; control frames may interrupt it (section 5.4).
    message: Option<IncomingMessage>,
    #[serde(with = "crate::util::base64_bytes")]
    control: Vec<u8>,
}

impl FrameDecoder {
    /// Decodes the next item of `bytes`; `None` when more bytes are needed.
    ///
    /// `max` is the maximum line length in bytes. At most `max` bytes are kept, besides a header and a control frame.
    pub fn next(&mut self, bytes: &mut &[u8], max: usize) -> Option<FrameItem> {
        loop {
            if self.frame.is_none() {
                let (header, length) = match self.take_header(bytes)? {
                    Ok(header) => header,
                    Err(code) => return Some(FrameItem::Broken(code)),
                };
                match self.begin(header, length, max as u64) {
                    Err(code) => return Some(FrameItem::Broken(code)),
                    Ok(true) => return Some(FrameItem::TooLong),
                    Ok(false) => {}
                }
            }
            let frame = self.frame.as_mut()?;
            let step = bytes.len().min(usize::try_from(frame.left).unwrap_or(usize::MAX));
            let (piece, rest) = bytes.split_at(step);
            *bytes = rest;
            let unmasked = piece.iter().zip(frame.mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
            match frame.opcode {
                OpCode::Control(_) => self.control.extend(unmasked),
                OpCode::Data(_) => {
                    if !self.message.get_or_insert_default().take(unmasked) {
                        return Some(FrameItem::Broken(code::NOT_UTF8));
                    }
                }
            }
            frame.left -= step as u64;
            frame.mask.rotate_left(step % 4);
            if frame.left > 0 {
                return None;
            }
            let item = self.end_frame();
            if item.is_some() {
                return item;
            }
        }
    }

    /// Whether it is in its initial state, so that it need not be stored.
    pub fn is_idle(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Bytes allocated for incomplete frames and messages.
    pub fn kept(&self) -> usize {
        self.control.capacity() + self.message.as_ref().map_or(0, |message| message.text.capacity())
    }

    /// Takes a header once it is complete; an error is the close code.
    fn take_header(&mut self, bytes: &mut &[u8]) -> Option<Result<(FrameHeader, u64), u16>> {
        loop {
            let wanted = match self.header[..self.header_len] {
                [] | [_] => 2,
                [_, second, ..] => {
                    let extended = match second & 0x7f {
                        126 => 2,
                        127 => 8,
                        _ => 0,
                    };
                    2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
                }
            };
            if self.header_len >= 2 && wanted == self.header_len {
                break;
            }
            let (&byte, rest) = bytes.split_first()?;
            *bytes = rest;
            self.header[self.header_len] = byte;
            self.header_len += 1;
        }
        let header = FrameHeader::parse(&mut Cursor::new(&self.header[..self.header_len]));
        self.header_len = 0;
        // Parsing fails only at an undefined opcode.
        Some(header.ok().flatten().ok_or(code::PROTOCOL_ERROR))
    }

    /// Starts a frame; returns whether the message is now too long. An error is the close code.
    fn begin(&mut self, header: FrameHeader, length: u64, max: u64) -> Result<bool, u16> {
        let FrameHeader { is_final, rsv1, rsv2, rsv3, opcode, mask } = header;
        let Some(mask) = mask.filter(|_| !(rsv1 || rsv2 || rsv3)) else { return Err(code::PROTOCOL_ERROR) };
        let mut too_long = false;
        match opcode {
            OpCode::Control(_) if !is_final || length > MAX_CONTROL => return Err(code::PROTOCOL_ERROR),
            OpCode::Control(_) => {}
            // Only a continuation may follow an unfinished message, and it needs one.
            OpCode::Data(data) if (data == Data::Continue) != self.message.is_some() => {
                return Err(code::PROTOCOL_ERROR);
            }
            OpCode::Data(Data::Binary) => return Err(code::UNACCEPTABLE),
            OpCode::Data(_) => {
                let message = self.message.get_or_insert_default();
                message.announced = message.announced.saturating_add(length);
                if message.announced > MAX_OVERSIZE * max {
                    return Err(code::TOO_BIG);
                }
                too_long = message.announced > max && !message.discarding;
                if too_long {
                    *message = IncomingMessage {
                        announced: message.announced,
                        discarding: true,
                        ..IncomingMessage::default()
                    };
                }
            }
        }
        self.frame = Some(IncomingFrame { opcode, is_final, left: length, mask });
        Ok(too_long)
    }

    /// Ends a complete frame; returns the item that it completes.
    fn end_frame(&mut self) -> Option<FrameItem> {
        let frame = self.frame.take()?;
        match frame.opcode {
            OpCode::Control(Control::Ping) => Some(FrameItem::Ping(std::mem::take(&mut self.control))),
            OpCode::Control(Control::Close) => Some(closing(&std::mem::take(&mut self.control))),
            OpCode::Control(_) => {
                self.control = Vec::new();
                Some(FrameItem::Pong)
            }
            OpCode::Data(_) if frame.is_final => self.message.take()?.end(),
            OpCode::Data(_) => None,
        }
    }
}

impl IncomingMessage {
    /// Adds bytes to the text; `false` if it can no longer become valid UTF-8.
    fn take(&mut self, bytes: impl Iterator<Item = u8>) -> bool {
        if self.discarding {
            return true;
        }
        self.text.extend(bytes);
        match std::str::from_utf8(&self.text[self.valid..]) {
            Ok(_) => self.valid = self.text.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return false,
        }
        true
    }

    fn end(self) -> Option<FrameItem> {
        if self.discarding {
            return None;
        }
        let Ok(text) = String::from_utf8(self.text) else { return Some(FrameItem::Broken(code::NOT_UTF8)) };
        // A message is one line, so line ends in it become spaces.
        let text = match memchr2(b'\n', b'\r', text.as_bytes()) {
            Some(_) => text.replace(['\n', '\r'], " "),
            None => text,
        };
        Some(FrameItem::Line(match sanitize::clean(&text) {
            Cow::Owned(clean) => clean,
            Cow::Borrowed(_) => text,
        }))
    }
}

/// An opcode as its number (section 5.2), for serde.
mod opcode_byte {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use tungstenite::protocol::frame::coding::OpCode;

    pub fn serialize<S: Serializer>(opcode: &OpCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(*opcode))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OpCode, D::Error> {
        match u8::deserialize(deserializer)? {
            byte @ 0..16 => Ok(OpCode::from(byte)),
            byte => Err(de::Error::custom(format!("{byte} is no opcode"))),
        }
    }
}

/// The item for the payload of a close frame: section 5.5.1.
fn closing(payload: &[u8]) -> FrameItem {
    match payload {
        [] => FrameItem::Close(code::NORMAL),
        [_] => FrameItem::Broken(code::PROTOCOL_ERROR),
        [high, low, reason @ ..] => match u16::from_be_bytes([*high, *low]) {
            _ if std::str::from_utf8(reason).is_err() => FrameItem::Broken(code::NOT_UTF8),
            // Sections 7.4.1 and 7.4.2, and the codes that IANA registered later.
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => FrameItem::Close(code),
            _ => FrameItem::Broken(code::PROTOCOL_ERROR),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_json::through_json;
    use crate::util::test_support::Random;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// A masked frame with this first byte.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            len @ 0..126 => bytes.push(0x80 | len as u8),
            len @ 126..65536 => {
                bytes.push(0x80 | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(0x80 | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn decode(bytes: &[u8], max: usize, mut piece: impl FnMut() -> usize) -> Vec<FrameItem> {
        let (mut decoder, mut items) = (FrameDecoder::default(), Vec::new());
        let mut rest = bytes;
        while !rest.is_empty() {
            let (mut now, later) = rest.split_at(piece().min(rest.len()));
            rest = later;
            while let Some(item) = decoder.next(&mut now, max) {
                let is_end = matches!(item, FrameItem::Broken(_));
                items.push(item);
                if is_end {
                    return items;
                }
            }
            assert!(now.is_empty() && decoder.kept() <= 2 * max + 256);
            if rest.len().is_multiple_of(2) {
                decoder = through_json(&decoder);
            }
        }
        items
    }

    #[test]
    fn message_decodes_to_a_line_in_pieces_of_any_size() {
        let long = "x".repeat(3000);
        let bytes = [
            frame(0x81, b"hello"),
            frame(0x01, b"a \x1b[1mb \xe4"),
            frame(0x89, b"are you there"),
            frame(0x00, b""),
            frame(0x8a, b""),
            frame(0x80, b"\xbd\xa0\n\xe5\xa5\xbd"),
            frame(0x81, long.as_bytes()),
            frame(0x81, b""),
            frame(0x88, &[0x03, 0xe8, b'b', b'y', b'e']),
        ]
        .concat();
        let line = |text: &str| FrameItem::Line(text.into());
        let expected = [
            line("hello"),
            FrameItem::Ping(b"are you there".into()),
            FrameItem::Pong,
            line("a b 你 好"),
            line(&long),
            line(""),
            FrameItem::Close(1000),
        ];
        for seed in 0..200 {
            let mut random = Random(seed);
            let piece = || {
                let most = 1 << random.below(12);
                1 + random.below(most)
            };
            assert_eq!(decode(&bytes, 4096, piece), expected, "seed {seed}");
        }
    }

    #[test]
    fn protocol_errors_have_their_close_codes() {
        let unmasked = vec![0x81, 1, b'x'];
        for (what, bytes, code) in [
            ("unmasked", unmasked, 1002),
            ("a reserved bit", frame(0xc1, b"x"), 1002),
            ("an undefined opcode", frame(0x83, b"x"), 1002),
            ("an undefined control opcode", frame(0x8b, b"x"), 1002),
            ("a ping in fragments", frame(0x09, b"x"), 1002),
            ("a long ping", frame(0x89, &[b'x'; 126]), 1002),
            ("a continuation of nothing", frame(0x80, b"x"), 1002),
            ("a message in a message", [frame(0x01, b"x"), frame(0x81, b"y")].concat(), 1002),
            ("half a close code", frame(0x88, &[3]), 1002),
            ("an undefined close code", frame(0x88, &[0x03, 0xed]), 1002),
            ("a close code below 1000", frame(0x88, &[0, 0]), 1002),
            ("binary", frame(0x82, b"x"), 1003),
            ("not UTF-8", frame(0x81, b"a\xff"), 1007),
            ("an unended character", frame(0x81, b"a\xe4\xbd"), 1007),
            ("a surrogate", frame(0x81, b"\xed\xa0\x80"), 1007),
            ("a reason that is not UTF-8", frame(0x88, &[0x03, 0xe8, 0xff]), 1007),
            ("far too long", frame(0x81, &[b'x'; 1601]), 1009),
            ("far too long in all", [frame(0x01, &[b'x'; 1600]), frame(0x80, b"y")].concat(), 1009),
        ] {
            let items = decode(&bytes, 100, || 1);
            assert_eq!(items.last(), Some(&FrameItem::Broken(code)), "{what}");
        }
    }

    #[test]
    fn invalid_utf8_is_reported_before_the_message_ends() {
        let mut decoder = FrameDecoder::default();
        let bytes = [frame(0x01, b"\xe4"), frame(0x00, b"\xbd"), frame(0x00, b"x")].concat();
        let mut rest = &bytes[..];
        assert_eq!(decoder.next(&mut rest, 100), Some(FrameItem::Broken(code::NOT_UTF8)));
    }

    #[test]
    fn too_long_message_is_reported_once_and_dropped() {
        let bytes = [frame(0x01, &[b'x'; 101]), frame(0x00, &[0xff; 50]), frame(0x80, b"z"), frame(0x81, b"y")];
        let expected = [FrameItem::TooLong, FrameItem::Line("y".into())];
        assert_eq!(decode(&bytes.concat(), 100, || 7), expected);
        let mut decoder = FrameDecoder::default();
        assert_eq!(decoder.next(&mut &bytes[0][..8], 100), Some(FrameItem::TooLong));
        assert_eq!(decode(&frame(0x81, &[b'x'; 100]), 100, || 50), [FrameItem::Line("x".repeat(100))]);
    }
}
