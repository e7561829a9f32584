//! The server's side of WebSockets (RFC 6455): frames as they come, in whatever pieces, to lines.
//!
//! A message is a line. No extension is negotiated, so that a reserved bit is an error.

use std::borrow::Cow;
use std::io::Cursor;

use memchr::memchr2;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::frame::{MAX_HEADER, code};
use super::sanitize;
use crate::chat::Input;

/// How many times longer than a line a message may be, to be thrown away; a longer one ends the connection.
const PATIENCE: u64 = 16;
/// The longest payload of a control frame: section 5.5.
const MAX_CONTROL: u64 = 125;

/// What the bytes held.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A line, cleaned of what must not reach others.
    Line(String),
    /// A line over the limit: told as soon as it is known; the rest of it will not be seen.
    TooLong,
    /// To be answered with a pong of the same payload.
    Ping(Vec<u8>),
    /// The answer to a ping, or none.
    Pong,
    /// The peer closes, for that reason; to be answered with the same.
    Close(u16),
    /// The peer is to be closed for that reason; nothing that it sends is understood any more.
    Broken(u16),
}

impl Item {
    /// What the hub is told of it; `None` for what is not a line.
    pub fn input(&self) -> Option<Input<'_>> {
        match self {
            Item::Line(line) => Some(Input::Line(line)),
            Item::TooLong => Some(Input::TooLong),
            _ => None,
        }
    }
}

/// A frame whose payload is still coming.
struct Frame {
    opcode: OpCode,
    is_final: bool,
    /// Bytes of the payload that are still to come.
    left: u64,
    /// Turned so that it begins with the byte for the next one.
    mask: [u8; 4],
}

/// A message whose frames are still coming.
#[derive(Default)]
struct Message {
    text: Vec<u8>,
    /// So many bytes of the text are known to be UTF-8.
    valid: usize,
    /// Bytes announced by all its frames so far.
    announced: u64,
    /// It is too long and is being thrown away.
    discarding: bool,
}

/// The state between two reads from one client.
#[derive(Default)]
pub struct Decoder {
    header: [u8; MAX_HEADER],
    header_len: usize,
    frame: Option<Frame>,
    /// A message may be interrupted by control frames: section 5.4.
    message: Option<Message>,
    control: Vec<u8>,
}

impl Decoder {
    /// Takes the next item out of `bytes`; `None` when more bytes are needed.
    ///
    /// `max` is the longest line in bytes. At most so many are kept, besides a header and a control frame.
    pub fn next(&mut self, bytes: &mut &[u8], max: usize) -> Option<Item> {
        loop {
            if self.frame.is_none() {
                let (header, length) = match self.take_header(bytes)? {
                    Ok(header) => header,
                    Err(code) => return Some(Item::Broken(code)),
                };
                match self.begin(header, length, max as u64) {
                    Err(code) => return Some(Item::Broken(code)),
                    Ok(true) => return Some(Item::TooLong),
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
                        return Some(Item::Broken(code::NOT_UTF8));
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

    /// Whether it is as it was at first, so that it need not be kept.
    pub fn is_idle(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Bytes that are set aside for what is unended.
    pub fn kept(&self) -> usize {
        self.control.capacity() + self.message.as_ref().map_or(0, |message| message.text.capacity())
    }

    /// Takes a header, once it is all there; an error is the code to close with.
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
        // What fails is an opcode that nobody has defined.
        Some(header.ok().flatten().ok_or(code::PROTOCOL_ERROR))
    }

    /// Begins a frame; returns whether with it a line turns out to be too long, or the code to close with.
    fn begin(&mut self, header: FrameHeader, length: u64, max: u64) -> Result<bool, u16> {
        let FrameHeader { is_final, rsv1, rsv2, rsv3, opcode, mask } = header;
        let Some(mask) = mask.filter(|_| !(rsv1 || rsv2 || rsv3)) else { return Err(code::PROTOCOL_ERROR) };
        let mut too_long = false;
        match opcode {
            OpCode::Control(_) if !is_final || length > MAX_CONTROL => return Err(code::PROTOCOL_ERROR),
            OpCode::Control(_) => {}
            // A continuation needs something to go on with, and nothing else may come between.
            OpCode::Data(data) if (data == Data::Continue) != self.message.is_some() => {
                return Err(code::PROTOCOL_ERROR);
            }
            OpCode::Data(Data::Binary) => return Err(code::UNACCEPTABLE),
            OpCode::Data(_) => {
                let message = self.message.get_or_insert_default();
                message.announced = message.announced.saturating_add(length);
                if message.announced > PATIENCE * max {
                    return Err(code::TOO_BIG);
                }
                too_long = message.announced > max && !message.discarding;
                if too_long {
                    *message = Message { announced: message.announced, discarding: true, ..Message::default() };
                }
            }
        }
        self.frame = Some(Frame { opcode, is_final, left: length, mask });
        Ok(too_long)
    }

    /// All of a frame is there; what it brings.
    fn end_frame(&mut self) -> Option<Item> {
        let frame = self.frame.take()?;
        match frame.opcode {
            OpCode::Control(Control::Ping) => Some(Item::Ping(std::mem::take(&mut self.control))),
            OpCode::Control(Control::Close) => Some(closing(&std::mem::take(&mut self.control))),
            OpCode::Control(_) => {
                self.control = Vec::new();
                Some(Item::Pong)
            }
            OpCode::Data(_) if frame.is_final => self.message.take()?.end(),
            OpCode::Data(_) => None,
        }
    }
}

impl Message {
    /// Takes some more of the text; `false` if it cannot be UTF-8, whatever follows.
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

    fn end(self) -> Option<Item> {
        if self.discarding {
            return None;
        }
        let Ok(text) = String::from_utf8(self.text) else { return Some(Item::Broken(code::NOT_UTF8)) };
        // It is one line, whatever is in it.
        let text = match memchr2(b'\n', b'\r', text.as_bytes()) {
            Some(_) => text.replace(['\n', '\r'], " "),
            None => text,
        };
        Some(Item::Line(match sanitize::clean(&text) {
            Cow::Owned(clean) => clean,
            Cow::Borrowed(_) => text,
        }))
    }
}

/// What a close frame says: section 5.5.1.
fn closing(payload: &[u8]) -> Item {
    match payload {
        [] => Item::Close(code::NORMAL),
        [_] => Item::Broken(code::PROTOCOL_ERROR),
        [high, low, reason @ ..] => match u16::from_be_bytes([*high, *low]) {
            _ if std::str::from_utf8(reason).is_err() => Item::Broken(code::NOT_UTF8),
            // Section 7.4.1, and what IANA has registered since; 7.4.2.
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Item::Close(code),
            _ => Item::Broken(code::PROTOCOL_ERROR),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_support::Random;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// A masked frame; the first byte is as given.
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

    fn decode(bytes: &[u8], max: usize, mut piece: impl FnMut() -> usize) -> Vec<Item> {
        let (mut decoder, mut items) = (Decoder::default(), Vec::new());
        let mut rest = bytes;
        while !rest.is_empty() {
            let (mut now, later) = rest.split_at(piece().min(rest.len()));
            rest = later;
            while let Some(item) = decoder.next(&mut now, max) {
                let is_end = matches!(item, Item::Broken(_));
                items.push(item);
                if is_end {
                    return items;
                }
            }
            assert!(now.is_empty() && decoder.kept() <= 2 * max + 256);
        }
        items
    }

    #[test]
    fn a_message_is_a_line_whatever_pieces_it_comes_in() {
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
        let line = |text: &str| Item::Line(text.into());
        let expected = [
            line("hello"),
            Item::Ping(b"are you there".into()),
            Item::Pong,
            line("a b 你 好"),
            line(&long),
            line(""),
            Item::Close(1000),
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
    fn what_is_against_the_rfc_is_told_by_its_code() {
        let unmasked = vec![0x81, 1, b'x'];
        for (what, bytes, code) in [
            ("unmasked", unmasked, 1002),
            ("a reserved bit", frame(0xc1, b"x"), 1002),
            ("an opcode of nobody", frame(0x83, b"x"), 1002),
            ("a control opcode of nobody", frame(0x8b, b"x"), 1002),
            ("a ping in fragments", frame(0x09, b"x"), 1002),
            ("a long ping", frame(0x89, &[b'x'; 126]), 1002),
            ("a continuation of nothing", frame(0x80, b"x"), 1002),
            ("a message in a message", [frame(0x01, b"x"), frame(0x81, b"y")].concat(), 1002),
            ("half a close code", frame(0x88, &[3]), 1002),
            ("a close code of nobody", frame(0x88, &[0x03, 0xed]), 1002),
            ("a close code below", frame(0x88, &[0, 0]), 1002),
            ("binary", frame(0x82, b"x"), 1003),
            ("not UTF-8", frame(0x81, b"a\xff"), 1007),
            ("an unended character", frame(0x81, b"a\xe4\xbd"), 1007),
            ("a surrogate", frame(0x81, b"\xed\xa0\x80"), 1007),
            ("a reason that is not UTF-8", frame(0x88, &[0x03, 0xe8, 0xff]), 1007),
            ("far too long", frame(0x81, &[b'x'; 1601]), 1009),
            ("far too long in all", [frame(0x01, &[b'x'; 1600]), frame(0x80, b"y")].concat(), 1009),
        ] {
            let items = decode(&bytes, 100, || 1);
            assert_eq!(items.last(), Some(&Item::Broken(code)), "{what}");
        }
    }

    #[test]
    fn bad_text_is_told_before_its_message_ends() {
        let mut decoder = Decoder::default();
        let bytes = [frame(0x01, b"\xe4"), frame(0x00, b"\xbd"), frame(0x00, b"x")].concat();
        let mut rest = &bytes[..];
        assert_eq!(decoder.next(&mut rest, 100), Some(Item::Broken(code::NOT_UTF8)));
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_not_kept() {
        let bytes = [frame(0x01, &[b'x'; 101]), frame(0x00, &[0xff; 50]), frame(0x80, b"z"), frame(0x81, b"y")];
        let expected = [Item::TooLong, Item::Line("y".into())];
        assert_eq!(decode(&bytes.concat(), 100, || 7), expected);
        let mut decoder = Decoder::default();
        assert_eq!(decoder.next(&mut &bytes[0][..8], 100), Some(Item::TooLong));
        assert_eq!(decode(&frame(0x81, &[b'x'; 100]), 100, || 50), [Item::Line("x".repeat(100))]);
    }
}
