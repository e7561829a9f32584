//! Decodes bytes from a socket, in pieces of any size, into lines of IRC.
//!
//! LF, CR and CR LF end a line. Empty lines and NUL are ignored. Limits: RFC 1459, section 2.3, and
//! <https://ircv3.net/specs/extensions/message-tags#size-limit>.

use std::borrow::Cow;

use compact_str::CompactString;
use memchr::{memchr, memchr2};
use serde::{Deserialize, Serialize};

use super::clean::clean;

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const NUL: u8 = 0;

/// The most bytes of the tags of a line, from the `@` to the space behind them.
pub const MAX_TAGS: usize = 8191;
/// The most bytes of a line without its tags and its end: 512 with CR LF.
pub const MAX_REST: usize = 510;

/// The longest word that is taken for a command in a line that is not UTF-8.
const MAX_COMMAND: usize = 20;

/// One decoded item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IrcItem<'a> {
    /// A cleaned line, for [`parse`](crate::chat::irc::message::parse).
    Line(Cow<'a, str>),
    /// A line over a limit; returned when the limit is passed, and the rest of the line is dropped. With its command if that was a
    /// word of ASCII, unless its tags were too long.
    TooLong { command: Option<CompactString> },
    /// A line that was not UTF-8, with its command if that was a word of ASCII.
    NotUtf8 { command: Option<CompactString> },
    /// Several lines where one was expected.
    SeveralLines,
}

/// The decoder of one client: 32 bytes, and the partial line if there is one.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IrcLineDecoder {
    /// The partial line, without NUL.
    #[serde(with = "crate::util::base64_bytes")]
    partial: Vec<u8>,
    /// Bytes of the tags in `partial`, with the space behind them; 0 until that has come.
    tags_len: u16,
    /// The line is too long and the rest is being dropped.
    discarding: bool,
}

impl IrcLineDecoder {
    /// Decodes the next item of `bytes`; `None` when more bytes are needed.
    ///
    /// At most [`MAX_TAGS`] and [`MAX_REST`] bytes are kept.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<IrcItem<'a>> {
        while !bytes.is_empty() {
            let end = memchr2(LF, CR, bytes);
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            *bytes = &bytes[end.map_or(piece.len(), |end| end + 1)..];
            let item = match end {
                Some(_) if !self.has_partial() && memchr(NUL, piece).is_none() => whole_line(piece),
                _ => self.take(piece, end.is_some()),
            };
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// Returns the partial line, at the end of input.
    pub fn finish(&mut self) -> Option<IrcItem<'static>> {
        self.end_line()
    }

    /// Whether there is a partial line.
    pub fn has_partial(&self) -> bool {
        !self.partial.is_empty() || self.discarding
    }

    /// Bytes allocated for the partial line.
    pub fn kept(&self) -> usize {
        self.partial.capacity()
    }

    /// Whether it is in its initial state, so that it need not be stored.
    pub fn is_idle(&self) -> bool {
        !self.has_partial()
    }

    /// Takes a piece of a line.
    fn take(&mut self, piece: &[u8], is_end: bool) -> Option<IrcItem<'static>> {
        let is_first_over_limit = !self.discarding && !piece.split(|&byte| byte == NUL).all(|part| self.keep(part));
        let too_long = is_first_over_limit.then(|| too_long(&self.partial));
        if is_first_over_limit {
            *self = IrcLineDecoder { discarding: true, ..IrcLineDecoder::default() };
        }
        let line = is_end.then(|| self.end_line()).flatten();
        too_long.or(line)
    }

    /// Keeps a part of a line without NUL; returns whether it is within the limits.
    fn keep(&mut self, mut part: &[u8]) -> bool {
        if self.tags_len == 0 && self.partial.first().or(part.first()) == Some(&b'@') {
            let room = MAX_TAGS - self.partial.len();
            match memchr(b' ', part) {
                Some(space) if space < room => {
                    let (tags, rest) = part.split_at(space + 1);
                    self.partial.extend_from_slice(tags);
                    self.tags_len = self.partial.len() as u16;
                    part = rest;
                }
                None if part.len() < room => {
                    self.partial.extend_from_slice(part);
                    return true;
                }
                _ => return false,
            }
        }
        let room = MAX_REST - (self.partial.len() - usize::from(self.tags_len));
        self.partial.extend_from_slice(&part[..part.len().min(room)]);
        part.len() <= room
    }

    fn end_line(&mut self) -> Option<IrcItem<'static>> {
        let IrcLineDecoder { partial, discarding, .. } = std::mem::take(self);
        (!partial.is_empty() && !discarding).then(|| text(Cow::Owned(partial)))
    }
}

/// The item of a line without NUL, of which no part was kept before; `None` if it is empty.
fn whole_line(line: &[u8]) -> Option<IrcItem<'_>> {
    if line.is_empty() {
        return None;
    }
    Some(if is_too_long(line) { too_long(line) } else { text(Cow::Borrowed(line)) })
}

/// The item of a line that has come alone, with or without its end; `None` if it is empty.
pub fn single_line(mut line: Vec<u8>) -> Option<IrcItem<'static>> {
    let end = line.iter().rposition(|byte| ![CR, LF].contains(byte)).map_or(0, |last| last + 1);
    line.truncate(end);
    line.retain(|&byte| byte != NUL);
    match line.is_empty() {
        true => None,
        false if memchr2(LF, CR, &line).is_some() => Some(IrcItem::SeveralLines),
        false if is_too_long(&line) => Some(too_long(&line)),
        false => Some(text(Cow::Owned(line))),
    }
}

/// Whether a line without its end is over a limit.
fn is_too_long(line: &[u8]) -> bool {
    let tags = tags_of(line);
    tags > MAX_TAGS || line.len().saturating_sub(tags) > MAX_REST
}

/// The bytes of the tags at the begin of a line, with the space behind them.
fn tags_of(line: &[u8]) -> usize {
    match line {
        // A line that ends within its tags has no space behind them.
        [b'@', ..] => memchr(b' ', line).map_or(line.len() + 1, |space| space + 1),
        _ => 0,
    }
}

/// The item of a line that begins like this and is over a limit.
fn too_long(line: &[u8]) -> IrcItem<'static> {
    let tags = tags_of(line);
    let fits = if tags <= MAX_TAGS { &line[..line.len().min(tags + MAX_REST)] } else { &[] };
    IrcItem::TooLong { command: command_of(fits) }
}

fn text(line: Cow<'_, [u8]>) -> IrcItem<'_> {
    match line {
        Cow::Borrowed(line) => match std::str::from_utf8(line) {
            Ok(line) => IrcItem::Line(clean(line)),
            Err(_) => IrcItem::NotUtf8 { command: command_of(line) },
        },
        Cow::Owned(line) => match String::from_utf8(line) {
            Err(error) => IrcItem::NotUtf8 { command: command_of(error.as_bytes()) },
            Ok(line) => IrcItem::Line(match clean(&line) {
                Cow::Owned(clean) => Cow::Owned(clean),
                Cow::Borrowed(_) => Cow::Owned(line),
            }),
        },
    }
}

/// The command of a line that is not UTF-8, if it is a short word of letters and digits.
fn command_of(line: &[u8]) -> Option<CompactString> {
    let rest = if line.first() == Some(&b'@') { &line[memchr(b' ', line)?..] } else { line };
    let mut words = rest.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let mut word = words.next()?;
    if word[0] == b':' {
        // That was the source.
        word = words.next()?;
    }
    let is_command = word.len() <= MAX_COMMAND && word.iter().all(u8::is_ascii_alphanumeric);
    CompactString::from_utf8(word).ok().filter(|_| is_command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_json::through_json;

    /// Decodes `pieces` and returns all items as text.
    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        decode_in(pieces, |decoder| decoder)
    }

    /// As [`decode`]; `between` replaces the decoder after each piece.
    fn decode_in(pieces: &[&[u8]], between: impl Fn(IrcLineDecoder) -> IrcLineDecoder) -> Vec<String> {
        let mut decoder = IrcLineDecoder::default();
        let mut items = Vec::new();
        let mut show = |item: IrcItem| {
            items.push(match item {
                IrcItem::Line(line) => line.into_owned(),
                IrcItem::TooLong { command } => format!("<too long: {}>", command.as_deref().unwrap_or("-")),
                IrcItem::SeveralLines => "<several lines>".into(),
                IrcItem::NotUtf8 { command } => format!("<not UTF-8: {}>", command.as_deref().unwrap_or("-")),
            });
        };
        for piece in pieces {
            let mut bytes = *piece;
            while let Some(item) = decoder.next(&mut bytes) {
                show(item);
            }
            assert!(bytes.is_empty() && decoder.partial.len() <= MAX_TAGS + MAX_REST);
            decoder = between(decoder);
        }
        decoder.finish().into_iter().for_each(&mut show);
        assert!(decoder.is_idle());
        items
    }

    /// Checks the bytes whole, byte by byte, and split in two at every position, or at the last 20 of a long input.
    fn check(bytes: &[u8], expected: &[&str]) {
        assert_eq!(decode(&[bytes]), expected, "whole: {bytes:?}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single), expected, "byte by byte: {bytes:?}");
        for middle in bytes.len().saturating_sub(if bytes.len() > 600 { 20 } else { 600 })..=bytes.len() {
            let (a, b) = bytes.split_at(middle);
            assert_eq!(decode(&[a, b]), expected, "split at {middle}: {bytes:?}");
            let handed_over = decode_in(&[a, b], |decoder| through_json(&decoder));
            assert_eq!(handed_over, expected, "handed over at {middle}: {bytes:?}");
        }
    }

    #[test]
    fn lf_cr_and_crlf_end_a_line() {
        check(b"a\nb\r\nc\rd\n", &["a", "b", "c", "d"]);
        check("PRIVMSG #茶 :你好\r\nPRIVMSG x :é\r\n".as_bytes(), &["PRIVMSG #茶 :你好", "PRIVMSG x :é"]);
    }

    #[test]
    fn empty_lines_and_nul_are_ignored() {
        check(b"\r\n\n\r\r\na\r\r\n\0\n\0", &["a"]);
        check(b"a\0b\0\r\n\0c\n", &["ab", "c"]);
    }

    #[test]
    fn last_line_without_end_is_returned() {
        check(b"a\nb", &["a", "b"]);
        check(b"a\nb\r", &["a", "b"]);
        check(b"@a=b", &["@a=b"]);
    }

    #[test]
    fn limit_of_a_line_excludes_its_tags_and_its_end() {
        let (fits, tags) = ("x".repeat(MAX_REST), format!("@{} ", "t".repeat(MAX_TAGS - 2)));
        check(format!("{fits}\r\ny\n").as_bytes(), &[&fits, "y"]);
        check(format!("{fits}x\r\ny\n").as_bytes(), &["<too long: ->", "y"]);
        let notice = format!("@a=b :x  notice {fits}\r\ny\n");
        check(notice.as_bytes(), &["<too long: notice>", "y"]);
        check(format!("{fits}x").as_bytes(), &["<too long: ->"]);
        check(format!("\0{fits}\0\n").as_bytes(), &[&fits]);
        check(format!("@a=b {fits}\n").as_bytes(), &[&format!("@a=b {fits}")]);
        check(format!("@a=b {fits}x\ny\n").as_bytes(), &["<too long: ->", "y"]);
        check(format!("{tags}{fits}\r\n").as_bytes(), &[&format!("{tags}{fits}")]);
        check(format!("{tags}{fits}x\ny\r\n").as_bytes(), &["<too long: ->", "y"]);
    }

    #[test]
    fn limit_of_tags_includes_the_space_behind_them() {
        let tags = format!("@{}", "t".repeat(MAX_TAGS - 2));
        check(format!("{tags}\n").as_bytes(), &[&tags]);
        check(format!("{tags} x\n").as_bytes(), &[&format!("{tags} x")]);
        check(format!("{tags}t x\ny\n").as_bytes(), &["<too long: ->", "y"]);
        check(format!("{tags}t\ny\n").as_bytes(), &["<too long: ->", "y"]);
        check(format!(" @{}\ny\n", "t".repeat(MAX_REST)).as_bytes(), &["<too long: ->", "y"]);
    }

    #[test]
    fn invalid_utf8_is_refused_with_the_command() {
        check(b"PRIVMSG #den :\xff\nb\n", &["<not UTF-8: PRIVMSG>", "b"]);
        check(b"@a=\xff :src  privmsg \xc3\n", &["<not UTF-8: privmsg>"]);
        check(b"  :\xff  NOTICE\n", &["<not UTF-8: NOTICE>"]);
        check(b"\xff #den\n@\xff\n:\xff\n @a \xff\n", &["<not UTF-8: ->"; 4]);
        check(b"ABCDEFGHIJKLMNOPQRSTU \xff\n", &["<not UTF-8: ->"]);
    }

    #[test]
    fn lines_are_cleaned() {
        check(b"PRIVMSG x :\x01ACTION \x034,5waves\x1b[31m\x07\x01\n", &["PRIVMSG x :\u{1}ACTION waves\u{1}"]);
        check(b"\x02\n", &[""]);
    }

    #[test]
    fn line_of_plain_ascii_is_not_copied() {
        let mut bytes = &b"PRIVMSG #den :hello\r\n"[..];
        let item = IrcLineDecoder::default().next(&mut bytes);
        assert!(matches!(item, Some(IrcItem::Line(Cow::Borrowed("PRIVMSG #den :hello")))));
    }

    #[test]
    fn endless_line_is_dropped_and_reported_once() {
        for first in [b'x', b'@'] {
            let mut decoder = IrcLineDecoder::default();
            let mut told = 0;
            for n in 0..100 {
                let block = [if n == 0 { first } else { b'x' }; 4096];
                let mut bytes = &block[..];
                while decoder.next(&mut bytes).is_some() {
                    told += 1;
                }
                assert!(decoder.kept() <= 2 * MAX_TAGS);
            }
            assert_eq!(told, 1);
            assert_eq!(decoder.finish(), None);
        }
    }
}
