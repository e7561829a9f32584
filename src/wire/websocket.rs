//! Decodes WebSocket frames (RFC 6455) from clients, in pieces of any size, into lines.
//!
//! A message is a line. No extension is negotiated, so a reserved bit is an error. The clients of the page send text;
//! [`irc`](super::irc::frames) takes binary messages too.

#[cfg(test)]
mod websocket_tests;

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
pub enum FrameItem<L = String> {
    /// A line, which is cleaned.
    Line(L),
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

impl<L> FrameItem<L> {
    /// The same item, with what `line` makes of a line in it.
    pub fn map<M>(self, line: impl FnOnce(L) -> FrameItem<M>) -> FrameItem<M> {
        match self {
            FrameItem::Line(text) => line(text),
            FrameItem::TooLong => FrameItem::TooLong,
            FrameItem::Ping(payload) => FrameItem::Ping(payload),
            FrameItem::Pong => FrameItem::Pong,
            FrameItem::Close(code) => FrameItem::Close(code),
            FrameItem::Broken(code) => FrameItem::Broken(code),
        }
    }
}

impl FrameItem {
    /// The input for the hub; `None` if it is not a line.
    pub fn input(&self) -> Option<Input<'_>> {
        match self {
            FrameItem::Line(line) => Some(Input::Line(line)),
            FrameItem::TooLong => Some(Input::TooLong { command: None }),
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

/// The payload of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

/// A message whose frames are incomplete.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct IncomingMessage {
    #[serde(with = "crate::util::base64_bytes")]
    text: Vec<u8>,
    /// It is no text, and need not be UTF-8.
    is_binary: bool,
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
        let item = self.next_message(bytes, max, false)?;
        Some(item.map(|payload| match payload {
            Payload::Text(text) => FrameItem::Line(one_line(text)),
            Payload::Binary(_) => FrameItem::Broken(code::UNACCEPTABLE),
        }))
    }

    /// As [`FrameDecoder::next`], with the payload of a message as it was sent. Binary messages break the protocol unless
    /// `takes_binary`.
    pub fn next_message(&mut self, bytes: &mut &[u8], max: usize, takes_binary: bool) -> Option<FrameItem<Payload>> {
        loop {
            if self.frame.is_none() {
                let (header, length) = match self.take_header(bytes)? {
                    Ok(header) => header,
                    Err(code) => return Some(FrameItem::Broken(code)),
                };
                match self.begin(header, length, max as u64, takes_binary) {
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
    fn begin(&mut self, header: FrameHeader, length: u64, max: u64, takes_binary: bool) -> Result<bool, u16> {
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
            OpCode::Data(Data::Binary) if !takes_binary => return Err(code::UNACCEPTABLE),
            OpCode::Data(data) => {
                let is_binary = data == Data::Binary;
                let message =
                    self.message.get_or_insert_with(|| IncomingMessage { is_binary, ..IncomingMessage::default() });
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
    fn end_frame(&mut self) -> Option<FrameItem<Payload>> {
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
    /// Adds bytes to the message; `false` if it is a text that can no longer become valid UTF-8.
    fn take(&mut self, bytes: impl Iterator<Item = u8>) -> bool {
        if self.discarding {
            return true;
        }
        self.text.extend(bytes);
        if self.is_binary {
            return true;
        }
        match std::str::from_utf8(&self.text[self.valid..]) {
            Ok(_) => self.valid = self.text.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return false,
        }
        true
    }

    fn end(self) -> Option<FrameItem<Payload>> {
        match self {
            IncomingMessage { discarding: true, .. } => None,
            IncomingMessage { is_binary: true, text, .. } => Some(FrameItem::Line(Payload::Binary(text))),
            IncomingMessage { text, .. } => Some(match String::from_utf8(text) {
                Ok(text) => FrameItem::Line(Payload::Text(text)),
                Err(_) => FrameItem::Broken(code::NOT_UTF8),
            }),
        }
    }
}

/// A message as one cleaned line: line ends in it become spaces.
fn one_line(text: String) -> String {
    let text = match memchr2(b'\n', b'\r', text.as_bytes()) {
        Some(_) => text.replace(['\n', '\r'], " "),
        None => text,
    };
    match sanitize::clean(&text) {
        Cow::Owned(clean) => clean,
        Cow::Borrowed(_) => text,
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
fn closing<L>(payload: &[u8]) -> FrameItem<L> {
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
