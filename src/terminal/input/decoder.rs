//! Decodes the terminal's bytes into keys and pastes.

use std::collections::VecDeque;

use memchr::memmem;
use termina::event::{Event, KeyEvent, Modifiers};

use super::keys::KeyAction;
use super::sequence::{as_xterm, measure};

const PASTE_START: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
const CTRL_C: u8 = 0x03;

/// The longest paste in bytes.
pub const MAX_PASTE: usize = 1024 * 1024;

/// One input from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalInput {
    Do(KeyAction),
    /// A bracketed paste as the terminal sent it, with control characters.
    Paste(String),
    /// A paste of more than [`MAX_PASTE`] bytes; its text is dropped.
    PasteTooLong,
    /// An input without meaning here: an answer, another key, bytes that are not UTF-8.
    Other,
}

/// Decodes bytes given to [`KeyDecoder::feed`] into inputs that [`Iterator::next`] returns in order.
///
/// An ESC alone may be the key or the beginning of a sequence. While [`KeyDecoder::is_pending`], call
/// [`KeyDecoder::flush`] after a short time without further bytes (50 ms are enough for most connections).
#[derive(Default)]
pub struct KeyDecoder {
    /// The bytes of an unfinished sequence, without the paste.
    bytes: Vec<u8>,
    paste: Option<PasteBuffer>,
    inputs: VecDeque<TerminalInput>,
}

/// A paste whose end has not come.
#[derive(Default)]
struct PasteBuffer {
    text: Vec<u8>,
    is_too_long: bool,
}

impl KeyDecoder {
    /// Decodes bytes that were read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = &bytes[..];
        loop {
            if self.paste.is_some() {
                rest = self.read_paste(rest);
            }
            if self.paste.is_some() {
                break;
            }
            let Some(size) = measure(rest) else { break };
            let (whole, next) = rest.split_at(size);
            rest = next;
            match whole {
                PASTE_START => self.paste = Some(PasteBuffer::default()),
                _ => self.take(whole),
            }
        }
        self.bytes.extend_from_slice(rest);
    }

    /// Whether more bytes may decide what the last ones mean.
    pub fn is_pending(&self) -> bool {
        self.paste.is_none() && !self.bytes.is_empty()
    }

    /// Takes the pending bytes as complete. A paste continues until its end comes or Ctrl-C is pressed.
    pub fn flush(&mut self) {
        if !self.is_pending() {
            return;
        }
        match std::mem::take(&mut self.bytes)[..] {
            [0x1b] => self.inputs.push_back(TerminalInput::Do(KeyAction::Escape)),
            [0x1b, 0x1b] => {
                self.inputs.extend([TerminalInput::Do(KeyAction::Escape), TerminalInput::Do(KeyAction::Escape)])
            }
            _ => self.inputs.push_back(TerminalInput::Other),
        }
    }

    /// Takes the bytes of the paste, and returns the rest.
    fn read_paste<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(paste) = &mut self.paste else { return bytes };
        let end = memmem::find(bytes, PASTE_END);
        // Terminals remove Ctrl-C from a paste: the key was pressed, because the end of the paste was lost.
        if let Some(at) = memchr::memchr(CTRL_C, &bytes[..end.unwrap_or(bytes.len())]) {
            self.paste = None;
            return &bytes[at..];
        }
        // Bytes that may begin the end mark wait for more.
        let kept = (1..PASTE_END.len()).rev().find(|&size| bytes.ends_with(&PASTE_END[..size])).unwrap_or(0);
        let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len() - kept));
        if paste.text.len() + text.len() > MAX_PASTE {
            *paste = PasteBuffer { text: Vec::new(), is_too_long: true };
        } else if !paste.is_too_long {
            paste.text.extend_from_slice(text);
        }
        if end.is_none() {
            return rest;
        }
        let paste = self.paste.take().unwrap_or_default();
        self.inputs.push_back(match paste.is_too_long {
            true => TerminalInput::PasteTooLong,
            false => TerminalInput::Paste(String::from_utf8_lossy(&paste.text).into_owned()),
        });
        &rest[PASTE_END.len()..]
    }

    /// Decodes one complete character or sequence.
    fn take(&mut self, whole: &[u8]) {
        let input = match whole {
            [0x1b] => Some(KeyAction::Escape),
            [0x1b, 0x1b, ..] => key(&whole[1..]).and_then(|mut key| {
                key.modifiers |= Modifiers::ALT;
                KeyAction::of(key)
            }),
            _ => key(whole).and_then(KeyAction::of),
        };
        self.inputs.push_back(input.map_or(TerminalInput::Other, TerminalInput::Do));
    }
}

/// Returns the key of a complete character or sequence. Each call uses a new parser, so that no state remains.
fn key(whole: &[u8]) -> Option<KeyEvent> {
    let mut parser = termina::Parser::default();
    parser.parse(&as_xterm(whole), false);
    match (parser.pop(), parser.pop()) {
        (Some(Event::Key(key)), None) => Some(key),
        _ => None,
    }
}

impl Iterator for KeyDecoder {
    type Item = TerminalInput;

    /// Returns the next decoded input; `None` until more bytes come.
    fn next(&mut self) -> Option<TerminalInput> {
        self.inputs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::super::editor::Edit;
    use super::*;
    use crate::util::test_support::Random;

    fn decode(bytes: &[u8]) -> Vec<TerminalInput> {
        let mut decoder = KeyDecoder::default();
        decoder.feed(bytes);
        decoder.flush();
        decoder.by_ref().collect()
    }

    fn edit(edit: Edit) -> TerminalInput {
        TerminalInput::Do(KeyAction::Edit(edit))
    }

    fn typed(text: &str) -> Vec<TerminalInput> {
        text.chars().map(|c| edit(Edit::Insert(c))).collect()
    }

    const KEYS: &[(KeyAction, &[&[u8]])] = &[
        (KeyAction::Edit(Edit::Left), &[b"\x1b[D", b"\x1bOD", b"\x02", b"\x1b[d", b"\x1b[1;2D"]),
        (KeyAction::Edit(Edit::Right), &[b"\x1b[C", b"\x1bOC", b"\x06", b"\x1b[c"]),
        (KeyAction::Older, &[b"\x1b[A", b"\x1bOA", b"\x10", b"\x1bOa"]),
        (KeyAction::Newer, &[b"\x1b[B", b"\x1bOB", b"\x0e"]),
        // xterm and VT, rxvt, tmux and the Linux console, Shift in rxvt.
        (
            KeyAction::Edit(Edit::Home),
            &[b"\x1b[H", b"\x1bOH", b"\x1b[7~", b"\x1b[1~", b"\x1b[7$", b"\x01", b"\x1b[1;5H"],
        ),
        (KeyAction::Edit(Edit::End), &[b"\x1b[F", b"\x1bOF", b"\x1b[8~", b"\x1b[4~", b"\x1b[8^", b"\x05", b"\x1b[8@"]),
        (
            KeyAction::Edit(Edit::WordLeft),
            &[
                b"\x1b[1;5D",
                b"\x1b[1;3D",
                b"\x1bOd",
                b"\x1b[5D",
                b"\x1bO5D",
                b"\x1bO1;5D",
                b"\x1b\x1b[D",
                b"\x1b\x1bOD",
                b"\x1bb",
                b"\x1bB",
            ],
        ),
        (
            KeyAction::Edit(Edit::WordRight),
            &[b"\x1b[1;5C", b"\x1b[1;3C", b"\x1bOc", b"\x1b[5C", b"\x1b\x1b[C", b"\x1bf"],
        ),
        (KeyAction::Edit(Edit::Backspace), &[b"\x7f", b"\x08", b"\x1b[127u"]),
        (KeyAction::Edit(Edit::Delete), &[b"\x1b[3~", b"\x1b[3$"]),
        (KeyAction::Edit(Edit::KillWordBack), &[b"\x1b\x7f", b"\x1b\x08", b"\x1b[127;5u"]),
        (KeyAction::Edit(Edit::KillWordForward), &[b"\x1bd", b"\x1b[3;5~", b"\x1b[3^", b"\x1b\x1b[3~"]),
        (KeyAction::Edit(Edit::RuboutWord), &[b"\x17"]),
        (KeyAction::Edit(Edit::KillToStart), &[b"\x15"]),
        (KeyAction::Edit(Edit::KillToEnd), &[b"\x0b"]),
        (KeyAction::Edit(Edit::Yank), &[b"\x19"]),
        (KeyAction::Edit(Edit::Transpose), &[b"\x14"]),
        (KeyAction::Submit, &[b"\r", b"\n", b"\x1bOM", b"\x1b[13u"]),
        (KeyAction::Complete { back: false }, &[b"\t"]),
        (KeyAction::Complete { back: true }, &[b"\x1b[Z"]),
        (KeyAction::Interrupt, &[b"\x03", b"\x1b[99;5u"]),
        (KeyAction::EndOrDelete, &[b"\x04"]),
        (KeyAction::Redraw, &[b"\x0c"]),
        (KeyAction::Suspend, &[b"\x1a"]),
        (KeyAction::PageUp, &[b"\x1b[5~", b"\x1b[5;2~"]),
        (KeyAction::PageDown, &[b"\x1b[6~"]),
        (KeyAction::Escape, &[b"\x1b", b"\x1b[27u"]),
        (KeyAction::Edit(Edit::Insert('张')), &["张".as_bytes()]),
    ];

    #[test]
    fn key_sequences_of_terminals_are_decoded() {
        for (action, variants) in KEYS {
            for bytes in *variants {
                let what = bytes.escape_ascii();
                assert_eq!(decode(bytes), [TerminalInput::Do(*action)], "{what}");
                if **bytes != *b"\x1b" {
                    let between = [b"<", *bytes, b">"].concat();
                    let expected = [edit(Edit::Insert('<')), TerminalInput::Do(*action), edit(Edit::Insert('>'))];
                    assert_eq!(decode(&between), expected, "{what}");
                }
            }
        }
    }

    #[test]
    fn unknown_sequence_is_ignored_without_delay() {
        for bytes in [
            &b"\x1b[[A"[..],
            b"\x1b[11~",
            b"\x1bOP",
            b"\x1b[>0;276;0c",
            b"\x1b[?1;2c",
            b"\x1b[?2004;1$y",
            b"\x1b[24;80R",
            b"\x1b[I",
            b"\x1b[201~",
            b"\x1b[M !!",
            b"\x1b[<0;1;1M",
            b"\x1b[27;5;9~",
            b"\x1b[999;999;999;999~",
            b"\x1b]11;rgb:0000/0000/0000\x07",
            b"\x1b]52;c;aGVsbG8=\x1b\\",
            b"\x1bP>|term\x1b\\",
            b"\x1b_Gi=31;OK\x1b\\",
            b"\x1b[1;5x",
            b"\xff",
            b"\x1bx",
            b"\0",
            b"\x1c",
            b"\x1b[97;1:3u",
        ] {
            let what = bytes.escape_ascii();
            assert_eq!(decode(&[bytes, b"ok"].concat()), [vec![TerminalInput::Other], typed("ok")].concat(), "{what}");
        }
    }

    #[test]
    fn lone_escape_is_a_key_after_flush() {
        let mut decoder = KeyDecoder::default();
        decoder.feed(b"\x1b");
        assert!(decoder.is_pending());
        assert_eq!(decoder.next(), None);
        decoder.flush();
        assert!(!decoder.is_pending());
        assert_eq!(decoder.next(), Some(TerminalInput::Do(KeyAction::Escape)));
        decoder.feed(b"[A");
        assert_eq!(decoder.by_ref().collect::<Vec<_>>(), typed("[A"));
        for incomplete in [&b"\x1b["[..], b"\x1bO", b"\x1b]0;", b"\x1b[1;5", b"\xe5\xbc"] {
            decoder.feed(incomplete);
            assert!(decoder.is_pending());
            decoder.flush();
            decoder.feed(b"x");
            assert!(!decoder.is_pending());
            assert_eq!(decoder.by_ref().collect::<Vec<_>>(), [vec![TerminalInput::Other], typed("x")].concat());
        }
        assert_eq!(decode(b"\x1b\x1b"), [TerminalInput::Do(KeyAction::Escape), TerminalInput::Do(KeyAction::Escape)]);
    }

    #[test]
    fn invalid_utf8_does_not_swallow_following_keys() {
        assert_eq!(decode(b"\xe5\xbca"), [vec![TerminalInput::Other], typed("a")].concat());
        assert_eq!(decode(b"\xc3\x1b[A"), [TerminalInput::Other, TerminalInput::Do(KeyAction::Older)]);
        assert_eq!(decode(b"\xc3\x03"), [TerminalInput::Other, TerminalInput::Do(KeyAction::Interrupt)]);
        assert_eq!(decode(b"\x1b[1\x03"), [TerminalInput::Other, TerminalInput::Do(KeyAction::Interrupt)]);
    }

    #[test]
    fn paste_is_unchanged_for_any_split() {
        let text = "a\rb\u{1b}[A\u{1b}[20张\t\u{1b}";
        let bytes = format!("<\u{1b}[200~{text}\u{1b}[201~>");
        let expected = [edit(Edit::Insert('<')), TerminalInput::Paste(text.into()), edit(Edit::Insert('>'))];
        for at in 0..=bytes.len() {
            let mut decoder = KeyDecoder::default();
            decoder.feed(&bytes.as_bytes()[..at]);
            // A pause inside the start mark would make it another key.
            if decoder.paste.is_some() {
                assert!(!decoder.is_pending());
                decoder.flush();
            }
            decoder.feed(&bytes.as_bytes()[at..]);
            assert_eq!(decoder.by_ref().collect::<Vec<_>>(), expected, "split at {at}");
        }
    }

    #[test]
    fn paste_ends_at_ctrl_c_and_has_a_limit() {
        let mut decoder = KeyDecoder::default();
        decoder.feed(b"\x1b[200~lost\x03x");
        assert_eq!(
            decoder.by_ref().collect::<Vec<_>>(),
            [vec![TerminalInput::Do(KeyAction::Interrupt)], typed("x")].concat()
        );
        let chunk = [b'x'; 1000];
        decoder.feed(PASTE_START);
        (0..3000).for_each(|_| decoder.feed(&chunk));
        assert!(decoder.paste.as_ref().unwrap().text.len() <= MAX_PASTE);
        decoder.feed(b"\x1b[201~x");
        assert_eq!(decoder.by_ref().collect::<Vec<_>>(), [vec![TerminalInput::PasteTooLong], typed("x")].concat());
    }

    #[test]
    fn decoding_is_equal_for_any_split() {
        let keys: Vec<&[u8]> = KEYS.iter().flat_map(|(_, variants)| *variants).copied().collect();
        let others: &[&[u8]] = &[
            b"\xff",
            b"\xe5\xbc",
            b"\x1b[1\x03",
            b"\x1b[200~a\x1b[20\r\xe5\xbc\xa0\x1b[201~",
            b"\x1b]0;t\x07",
            "é👩".as_bytes(),
        ];
        for seed in 0..3000 {
            let mut random = Random(seed);
            let mut bytes = Vec::new();
            for _ in 0..random.below(20) {
                let any = [random.next() as u8];
                bytes.extend_from_slice(match random.below(4) {
                    0 => random.pick::<&[u8]>(others),
                    1 => &any,
                    _ => random.pick::<&[u8]>(&keys),
                });
            }
            let mut decoder = KeyDecoder::default();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (read, later) = rest.split_at(1 + random.below(rest.len()));
                decoder.feed(read);
                rest = later;
            }
            decoder.flush();
            assert_eq!(decoder.by_ref().collect::<Vec<_>>(), decode(&bytes), "seed {seed}: {}", bytes.escape_ascii());
        }
    }
}
