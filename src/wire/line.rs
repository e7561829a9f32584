//! Line framing: bytes as they come from a socket, in whatever pieces, to lines.
//!
//! LF ends a line, and CR LF and CR NUL do (RFC 854, "The Telnet Protocol"). Telnet commands are
//! taken out and options refused. BS and DEL take back a character, as a teletype's would.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use super::sanitize;
use crate::chat::Input;

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const NUL: u8 = 0;
const BS: u8 = 0x08;
const DEL: u8 = 0x7f;

/// RFC 854: Interpret As Command, and the commands that concern us.
const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const EL: u8 = 248;
const EC: u8 = 247;
const SE: u8 = 240;

/// Telnet options that are answered; no client has so many, and who asks on only wants the work done.
const MAX_ANSWERS: u8 = 100;

/// What the bytes held.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A line, cleaned of what must not reach others.
    Line(Cow<'a, str>),
    /// A line over the limit: told as soon as it is known; the rest of it will not be seen.
    TooLong,
    /// A line that was not UTF-8, as it came.
    NotUtf8(Cow<'a, [u8]>),
    /// What is to be answered to a telnet option: that we do not have it (RFC 1143 allows that).
    Answer([u8; 3]),
}

impl Item<'_> {
    /// What the hub is told of it; `None` for a telnet answer.
    pub fn input(&self) -> Option<Input<'_>> {
        match self {
            Item::Line(line) => Some(Input::Line(line)),
            Item::TooLong => Some(Input::TooLong),
            Item::NotUtf8(_) => Some(Input::NotUtf8),
            Item::Answer(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After a CR: LF or NUL would make it the end of a line.
    Cr,
    /// After IAC.
    Command,
    /// After IAC and DO, DONT, WILL or WONT.
    Option(u8),
    /// Between IAC SB and IAC SE; `true` after an IAC in there.
    Subnegotiation(bool),
}

/// The state between two reads from one client: 32 bytes, and the unended line if there is one.
#[derive(Default)]
pub struct Decoder {
    /// The unended line, without what was taken out of it.
    partial: Vec<u8>,
    state: State,
    /// The line is too long and is being thrown away.
    discarding: bool,
    /// Telnet options that have been refused.
    answers: u8,
}

impl Decoder {
    /// Takes the next item out of `bytes`; `None` when more bytes are needed.
    ///
    /// `max` is the longest line in bytes, without its end. At most so many are kept.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8], max: usize) -> Option<Item<'a>> {
        // Where a line begins with what needs editing, the end is not looked for again and again.
        if self.state == State::Text
            && !self.has_partial()
            && !bytes.first().is_some_and(|byte| is_special(*byte))
            && let Some(line) = whole_line(bytes)
        {
            return Some(if line.len() > max { Item::TooLong } else { text(Cow::Borrowed(line)) });
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.state == State::Text && self.discarding {
                // Nothing of it is wanted but its end.
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

    /// The input has ended, or been quiet for long: an unended line counts.
    pub fn finish(&mut self) -> Option<Item<'static>> {
        if self.state == State::Cr {
            self.state = State::Text;
        }
        let line = !self.partial.is_empty() && !self.discarding;
        self.discarding = false;
        line.then(|| text(Cow::Owned(std::mem::take(&mut self.partial))))
    }

    /// Whether a line has begun and not ended.
    pub fn has_partial(&self) -> bool {
        !self.partial.is_empty() || self.discarding
    }

    /// The unended line, as far as it has come.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Bytes that are set aside for the unended line.
    pub fn kept(&self) -> usize {
        self.partial.capacity()
    }

    /// Whether it is as it was at first, so that it need not be kept.
    pub fn is_idle(&self) -> bool {
        !self.has_partial() && self.state == State::Text && self.answers == 0
    }

    fn byte(&mut self, byte: u8, max: usize) -> Option<Item<'static>> {
        match self.state {
            State::Text => self.text_byte(byte, max),
            State::Cr => {
                self.state = State::Text;
                match byte {
                    LF | NUL => self.end_line(),
                    // A CR that ends nothing is a control character and disappears.
                    _ => self.text_byte(byte, max),
                }
            }
            State::Command => self.command(byte, max),
            State::Option(verb) => {
                self.state = State::Text;
                let refusal = match verb {
                    DO => WONT,
                    WILL => DONT,
                    _ => return None,
                };
                self.answers = self.answers.saturating_add(1);
                (self.answers <= MAX_ANSWERS).then_some(Item::Answer([IAC, refusal, byte]))
            }
            State::Subnegotiation(iac) => {
                self.state = match (iac, byte) {
                    (true, SE) => State::Text,
                    (false, IAC) => State::Subnegotiation(true),
                    _ => State::Subnegotiation(false),
                };
                None
            }
        }
    }

    fn command(&mut self, byte: u8, max: usize) -> Option<Item<'static>> {
        self.state = State::Text;
        match byte {
            DO | DONT | WILL | WONT => self.state = State::Option(byte),
            SB => self.state = State::Subnegotiation(false),
            EC => self.erase(),
            EL => self.partial.clear(),
            // An escaped 255, which no UTF-8 text has: the line will be refused as it should be.
            IAC => return self.keep(IAC, max),
            _ => {}
        }
        None
    }

    fn text_byte(&mut self, byte: u8, max: usize) -> Option<Item<'static>> {
        match byte {
            LF => return self.end_line(),
            CR => self.state = State::Cr,
            IAC => self.state = State::Command,
            BS | DEL => self.erase(),
            _ => return self.keep(byte, max),
        }
        None
    }

    fn keep(&mut self, byte: u8, max: usize) -> Option<Item<'static>> {
        if self.discarding {
            return None;
        }
        if self.partial.len() >= max {
            self.partial = Vec::new();
            self.discarding = true;
            return Some(Item::TooLong);
        }
        self.partial.push(byte);
        None
    }

    /// Takes the last character back, all bytes of it.
    fn erase(&mut self) {
        while let Some(byte) = self.partial.pop() {
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
    }

    fn end_line(&mut self) -> Option<Item<'static>> {
        if std::mem::take(&mut self.discarding) {
            return None;
        }
        Some(text(Cow::Owned(std::mem::take(&mut self.partial))))
    }
}

/// Whether a byte is more than a part of the text.
fn is_special(byte: u8) -> bool {
    matches!(byte, CR | BS | DEL | IAC)
}

/// Takes a line out of `bytes` if it is all there and needs no editing; the usual case.
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

fn text(line: Cow<'_, [u8]>) -> Item<'_> {
    match line {
        Cow::Borrowed(line) => match std::str::from_utf8(line) {
            Ok(line) => Item::Line(sanitize::clean(line)),
            Err(_) => Item::NotUtf8(Cow::Borrowed(line)),
        },
        Cow::Owned(line) => match String::from_utf8(line) {
            Err(error) => Item::NotUtf8(Cow::Owned(error.into_bytes())),
            Ok(line) => Item::Line(match sanitize::clean(&line) {
                Cow::Owned(clean) => Cow::Owned(clean),
                Cow::Borrowed(_) => Cow::Owned(line),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All items that `pieces` make, as text.
    fn decode(pieces: &[&[u8]], max: usize) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut items = Vec::new();
        let mut show = |item: Item| {
            items.push(match item {
                Item::Line(line) => line.into_owned(),
                Item::TooLong => "<too long>".into(),
                Item::NotUtf8(_) => "<not UTF-8>".into(),
                Item::Answer(bytes) => format!("<{bytes:?}>"),
            });
        };
        for piece in pieces {
            let mut bytes = *piece;
            while let Some(item) = decoder.next(&mut bytes, max) {
                show(item);
            }
            assert!(decoder.partial.len() <= max);
        }
        decoder.finish().into_iter().for_each(&mut show);
        items
    }

    /// The same bytes whole, byte by byte, and split in two at every place.
    fn check(bytes: &[u8], max: usize, expected: &[&str]) {
        assert_eq!(decode(&[bytes], max), expected, "whole: {bytes:?}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single, max), expected, "byte by byte: {bytes:?}");
        for middle in 0..=bytes.len() {
            let (a, b) = bytes.split_at(middle);
            assert_eq!(decode(&[a, b], max), expected, "split at {middle}: {bytes:?}");
        }
    }

    #[test]
    fn lines_end_in_three_ways() {
        check(b"a\nb\r\nc\r\0d\n", 99, &["a", "b", "c", "d"]);
        check(b"\n\r\n\r\0", 99, &["", "", ""]);
        check("你好\né\r\n".as_bytes(), 99, &["你好", "é"]);
    }

    #[test]
    fn a_cr_that_ends_nothing_disappears() {
        check(b"a\rb\n", 99, &["ab"]);
        check(b"a\r\r\nb\r\r\0", 99, &["a", "b"]);
    }

    #[test]
    fn the_last_unended_line_counts() {
        check(b"a\nb", 99, &["a", "b"]);
        check(b"a\nb\r", 99, &["a", "b"]);
        check(b"a\n", 99, &["a"]);
    }

    #[test]
    fn the_limit_is_on_the_line_without_its_end() {
        check(b"12345\n12345\r\n12345\r\0", 5, &["12345", "12345", "12345"]);
        check(b"123456\nx\n", 5, &["<too long>", "x"]);
        check(b"123456\r\nx\n", 5, &["<too long>", "x"]);
        check(b"1234567890\r1234\r\0x\n", 5, &["<too long>", "x"]);
        check(b"1234567890", 5, &["<too long>"]);
        check(b"12345\x08\x0867\n", 5, &["12367"]);
    }

    #[test]
    fn backspace_takes_back_a_whole_character() {
        check("你好\x08\x08a\n".as_bytes(), 99, &["a"]);
        check("abc\x7f\x7fé\x7fd\n".as_bytes(), 99, &["ad"]);
        check(b"\x08\x08a\n", 99, &["a"]);
    }

    #[test]
    fn telnet_options_are_refused_and_never_seen() {
        check(&[b'a', IAC, DO, 1, b'b', LF], 99, &["<[255, 252, 1]>", "ab"]);
        check(&[IAC, WILL, 31, IAC, DONT, 3, IAC, WONT, 4, b'a', LF], 99, &["<[255, 254, 31]>", "a"]);
        check(&[IAC, SB, 31, 0, 80, IAC, IAC, LF, 0, IAC, SE, b'a', LF], 99, &["a"]);
        check(&[b'a', b'b', IAC, EC, b'c', LF, b'x', IAC, EL, b'y', LF], 99, &["ac", "y"]);
        check(&[IAC, 241, b'a', LF], 99, &["a"]);
    }

    #[test]
    fn who_negotiates_without_end_is_no_longer_answered() {
        let items = decode(&[&[IAC, DO, 1].repeat(1000), b"hello\n"], 99);
        assert_eq!(items.len(), usize::from(MAX_ANSWERS) + 1);
        assert_eq!(items.last().map(String::as_str), Some("hello"));
    }

    #[test]
    fn what_is_not_utf8_is_refused_as_a_line() {
        check(b"a\xc3\nb\n\xed\xa0\x80\n", 99, &["<not UTF-8>", "b", "<not UTF-8>"]);
        check(&[b'a', IAC, IAC, LF, b'b', LF], 99, &["<not UTF-8>", "b"]);
    }

    #[test]
    fn lines_come_out_clean() {
        check(b"\x1b[31mred\x1b[0m\x07\n", 99, &["red"]);
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut decoder = Decoder::default();
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
