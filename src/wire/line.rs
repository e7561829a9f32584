//! Decodes bytes from a socket, in pieces of any size, into lines.
//!
//! LF, CR LF and CR NUL end a line (RFC 854, "The Telnet Protocol"). Telnet commands are
//! removed and telnet options refused. BS and DEL erase a character.

use std::borrow::Cow;

use memchr::{memchr, memchr3};
use serde::{Deserialize, Serialize};

use super::sanitize;
use crate::chat::Input;

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const NUL: u8 = 0;
const BS: u8 = 0x08;
const DEL: u8 = 0x7f;

/// RFC 854: Interpret As Command, and the commands that the decoder handles.
const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const EL: u8 = 248;
const EC: u8 = 247;
const SE: u8 = 240;

/// Maximum answers to telnet options; no client has more options, so more requests are an attack.
const MAX_ANSWERS: u8 = 100;

/// One decoded item.
#[derive(Debug, PartialEq, Eq)]
pub enum LineItem<'a> {
    /// A cleaned line.
    Line(Cow<'a, str>),
    /// A line over the limit; returned when the limit is passed, and the rest of the line is dropped.
    TooLong,
    /// A line that was not UTF-8, unchanged.
    NotUtf8(Cow<'a, [u8]>),
    /// A telnet command; for an option, with the refusal that answers it (RFC 1143 allows this).
    Telnet(Option<[u8; 3]>),
}

impl LineItem<'_> {
    /// The input for the hub; `None` for a telnet command.
    pub fn input(&self) -> Option<Input<'_>> {
        match self {
            LineItem::Line(line) => Some(Input::Line(line)),
            LineItem::TooLong => Some(Input::TooLong { command: None }),
            LineItem::NotUtf8(_) => Some(Input::NotUtf8 { command: None }),
            LineItem::Telnet(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum DecoderState {
    #[default]
    Text,
    /// After a CR: LF or NUL ends the line.
    Cr,
    /// After IAC.
    Command,
    /// After IAC and DO, DONT, WILL or WONT.
    Option(u8),
    /// Between IAC SB and IAC SE; `true` after an IAC inside.
    Subnegotiation(bool),
}

/// The decoder of one client: 32 bytes, and the partial line if there is one.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LineDecoder {
    /// The partial line, without removed bytes.
    #[serde(with = "crate::util::base64_bytes")]
    partial: Vec<u8>,
    state: DecoderState,
    /// The line is too long and the rest is being dropped.
    discarding: bool,
    /// The number of refused telnet options.
    answers: u8,
}

impl LineDecoder {
    /// Decodes the next item of `bytes`; `None` when more bytes are needed.
    ///
    /// `max` is the maximum line length in bytes, without the line end. At most `max` bytes are kept.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8], max: usize) -> Option<LineItem<'a>> {
        // After a special byte the slow path runs, so that the line end is not searched for again and again.
        if self.state == DecoderState::Text
            && !self.has_partial()
            && !bytes.first().is_some_and(|byte| is_special(*byte))
            && let Some(line) = whole_line(bytes)
        {
            return Some(if line.len() > max { LineItem::TooLong } else { text(Cow::Borrowed(line)) });
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.state == DecoderState::Text && self.discarding {
                // Only the end of the line matters.
                let skip = memchr3(LF, CR, IAC, bytes).unwrap_or(bytes.len());
                if skip > 0 {
                    *bytes = &bytes[skip..];
                    continue;
                }
            }
            *bytes = rest;
            if let Some(item) = self.byte(byte, max) {
                return Some(item);
            }
        }
        None
    }

    /// Returns the partial line, at the end of input or after a long pause.
    pub fn finish(&mut self) -> Option<LineItem<'static>> {
        if self.state == DecoderState::Cr {
            self.state = DecoderState::Text;
        }
        let line = !self.partial.is_empty() && !self.discarding;
        self.discarding = false;
        line.then(|| text(Cow::Owned(std::mem::take(&mut self.partial))))
    }

    /// Whether there is a partial line.
    pub fn has_partial(&self) -> bool {
        !self.partial.is_empty() || self.discarding
    }

    /// The partial line.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Bytes allocated for the partial line.
    pub fn kept(&self) -> usize {
        self.partial.capacity()
    }

    /// Whether it is in its initial state, so that it need not be stored.
    pub fn is_idle(&self) -> bool {
        !self.has_partial() && self.state == DecoderState::Text && self.answers == 0
    }

    fn byte(&mut self, byte: u8, max: usize) -> Option<LineItem<'static>> {
        match self.state {
            DecoderState::Text => self.text_byte(byte, max),
            DecoderState::Cr => {
                self.state = DecoderState::Text;
                match byte {
                    LF | NUL => self.end_line(),
                    // A CR that ends no line is a control character and is removed.
                    _ => self.text_byte(byte, max),
                }
            }
            DecoderState::Command => self.command(byte, max),
            DecoderState::Option(verb) => {
                self.state = DecoderState::Text;
                let refusal = match verb {
                    DO => WONT,
                    WILL => DONT,
                    _ => return None,
                };
                self.answers = self.answers.saturating_add(1);
                (self.answers <= MAX_ANSWERS).then_some(LineItem::Telnet(Some([IAC, refusal, byte])))
            }
            DecoderState::Subnegotiation(iac) => {
                self.state = match (iac, byte) {
                    (true, SE) => DecoderState::Text,
                    (false, IAC) => DecoderState::Subnegotiation(true),
                    _ => DecoderState::Subnegotiation(false),
                };
                None
            }
        }
    }

    fn command(&mut self, byte: u8, max: usize) -> Option<LineItem<'static>> {
        self.state = DecoderState::Text;
        match byte {
            DO | DONT | WILL | WONT => self.state = DecoderState::Option(byte),
            SB => self.state = DecoderState::Subnegotiation(false),
            EC => self.erase(),
            EL => self.partial.clear(),
            // An escaped byte 255, which is never in UTF-8: the line will be refused.
            IAC => return self.keep(IAC, max),
            _ => {}
        }
        None
    }

    fn text_byte(&mut self, byte: u8, max: usize) -> Option<LineItem<'static>> {
        match byte {
            LF => return self.end_line(),
            CR => self.state = DecoderState::Cr,
            IAC => {
                self.state = DecoderState::Command;
                return Some(LineItem::Telnet(None));
            }
            BS | DEL => self.erase(),
            _ => return self.keep(byte, max),
        }
        None
    }

    fn keep(&mut self, byte: u8, max: usize) -> Option<LineItem<'static>> {
        if self.discarding {
            return None;
        }
        if self.partial.len() >= max {
            self.partial = Vec::new();
            self.discarding = true;
            return Some(LineItem::TooLong);
        }
        self.partial.push(byte);
        None
    }

    /// Erases the last character with all its bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.partial.pop() {
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
    }

    fn end_line(&mut self) -> Option<LineItem<'static>> {
        if std::mem::take(&mut self.discarding) {
            return None;
        }
        Some(text(Cow::Owned(std::mem::take(&mut self.partial))))
    }
}

/// Whether a byte is not plain text.
fn is_special(byte: u8) -> bool {
    matches!(byte, CR | BS | DEL | IAC)
}

/// Takes a line from `bytes` if it is complete and has no special bytes; the usual case.
fn whole_line<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = memchr(LF, bytes)?;
    let line = &bytes[..end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.iter().copied().any(is_special) {
        return None;
    }
    *bytes = &bytes[end + 1..];
    Some(line)
}

fn text(line: Cow<'_, [u8]>) -> LineItem<'_> {
    match line {
        Cow::Borrowed(line) => match std::str::from_utf8(line) {
            Ok(line) => LineItem::Line(sanitize::clean(line)),
            Err(_) => LineItem::NotUtf8(Cow::Borrowed(line)),
        },
        Cow::Owned(line) => match String::from_utf8(line) {
            Err(error) => LineItem::NotUtf8(Cow::Owned(error.into_bytes())),
            Ok(line) => LineItem::Line(match sanitize::clean(&line) {
                Cow::Owned(clean) => Cow::Owned(clean),
                Cow::Borrowed(_) => Cow::Owned(line),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_json::through_json;

    /// Decodes `pieces` and returns all items as text.
    fn decode(pieces: &[&[u8]], max: usize) -> Vec<String> {
        decode_in(pieces, max, |decoder| decoder)
    }

    /// As [`decode`]; `between` replaces the decoder after each piece.
    fn decode_in(pieces: &[&[u8]], max: usize, between: impl Fn(LineDecoder) -> LineDecoder) -> Vec<String> {
        let mut decoder = LineDecoder::default();
        let mut items = Vec::new();
        let mut show = |item: LineItem| {
            items.push(match item {
                LineItem::Line(line) => line.into_owned(),
                LineItem::TooLong => "<too long>".into(),
                LineItem::NotUtf8(_) => "<not UTF-8>".into(),
                LineItem::Telnet(Some(bytes)) => format!("<{bytes:?}>"),
                LineItem::Telnet(None) => return,
            });
        };
        for piece in pieces {
            let mut bytes = *piece;
            while let Some(item) = decoder.next(&mut bytes, max) {
                show(item);
            }
            assert!(decoder.partial.len() <= max);
            decoder = between(decoder);
        }
        decoder.finish().into_iter().for_each(&mut show);
        items
    }

    /// Checks the bytes whole, byte by byte, and split in two at every position.
    fn check(bytes: &[u8], max: usize, expected: &[&str]) {
        assert_eq!(decode(&[bytes], max), expected, "whole: {bytes:?}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single, max), expected, "byte by byte: {bytes:?}");
        for middle in 0..=bytes.len() {
            let (a, b) = bytes.split_at(middle);
            assert_eq!(decode(&[a, b], max), expected, "split at {middle}: {bytes:?}");
            let handed_over = decode_in(&[a, b], max, |decoder| through_json(&decoder));
            assert_eq!(handed_over, expected, "handed over at {middle}: {bytes:?}");
        }
    }

    #[test]
    fn lf_crlf_and_crnul_end_a_line() {
        check(b"a\nb\r\nc\r\0d\n", 99, &["a", "b", "c", "d"]);
        check(b"\n\r\n\r\0", 99, &["", "", ""]);
        check("你好\né\r\n".as_bytes(), 99, &["你好", "é"]);
    }

    #[test]
    fn lone_cr_is_removed() {
        check(b"a\rb\n", 99, &["ab"]);
        check(b"a\r\r\nb\r\r\0", 99, &["a", "b"]);
    }

    #[test]
    fn last_line_without_end_is_returned() {
        check(b"a\nb", 99, &["a", "b"]);
        check(b"a\nb\r", 99, &["a", "b"]);
        check(b"a\n", 99, &["a"]);
    }

    #[test]
    fn limit_excludes_the_line_end() {
        check(b"12345\n12345\r\n12345\r\0", 5, &["12345", "12345", "12345"]);
        check(b"123456\nx\n", 5, &["<too long>", "x"]);
        check(b"123456\r\nx\n", 5, &["<too long>", "x"]);
        check(b"1234567890\r1234\r\0x\n", 5, &["<too long>", "x"]);
        check(b"1234567890", 5, &["<too long>"]);
        check(b"12345\x08\x0867\n", 5, &["12367"]);
    }

    #[test]
    fn backspace_erases_a_whole_character() {
        check("你好\x08\x08a\n".as_bytes(), 99, &["a"]);
        check("abc\x7f\x7fé\x7fd\n".as_bytes(), 99, &["ad"]);
        check(b"\x08\x08a\n", 99, &["a"]);
    }

    #[test]
    fn telnet_options_are_refused_and_removed() {
        check(&[b'a', IAC, DO, 1, b'b', LF], 99, &["<[255, 252, 1]>", "ab"]);
        check(&[IAC, WILL, 31, IAC, DONT, 3, IAC, WONT, 4, b'a', LF], 99, &["<[255, 254, 31]>", "a"]);
        check(&[IAC, SB, 31, 0, 80, IAC, IAC, LF, 0, IAC, SE, b'a', LF], 99, &["a"]);
        check(&[b'a', b'b', IAC, EC, b'c', LF, b'x', IAC, EL, b'y', LF], 99, &["ac", "y"]);
        check(&[IAC, 241, b'a', LF], 99, &["a"]);
    }

    #[test]
    fn endless_telnet_options_are_answered_only_up_to_the_limit() {
        let items = decode(&[&[IAC, DO, 1].repeat(1000), b"hello\n"], 99);
        assert_eq!(items.len(), usize::from(MAX_ANSWERS) + 1);
        assert_eq!(items.last().map(String::as_str), Some("hello"));
    }

    #[test]
    fn invalid_utf8_is_returned_as_one_refused_line() {
        check(b"a\xc3\nb\n\xed\xa0\x80\n", 99, &["<not UTF-8>", "b", "<not UTF-8>"]);
        check(&[b'a', IAC, IAC, LF, b'b', LF], 99, &["<not UTF-8>", "b"]);
    }

    #[test]
    fn lines_are_cleaned() {
        check(b"\x1b[31mred\x1b[0m\x07\n", 99, &["red"]);
    }

    #[test]
    fn endless_line_is_dropped_and_reported_once() {
        let mut decoder = LineDecoder::default();
        let block = [b'x'; 4096];
        let mut told = 0;
        for _ in 0..2560 {
            let mut bytes = &block[..];
            while decoder.next(&mut bytes, 4096).is_some() {
                told += 1;
            }
            assert!(decoder.kept() <= 8192);
        }
        assert_eq!(told, 1);
        assert_eq!(decoder.finish(), None);
    }
}
