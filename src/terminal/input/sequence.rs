//! Finds the end of each character and sequence in a terminal's bytes (ECMA-48, section 5, and what terminals send
//! beyond it).
//!
//! A parser that gets only complete sequences stays in step after an unknown one.

use std::borrow::Cow;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// The longest sequence that is waited for; all keys and answers are shorter.
const MAX_SEQUENCE: usize = 4096;

/// Returns the length of the first character or sequence in bytes; `None` if its end may still come.
pub fn measure(bytes: &[u8]) -> Option<usize> {
    let size = match bytes {
        [] => None,
        // A key with Alt, as rxvt and others send it; otherwise Escape was pressed before another key.
        [ESC, ESC] => None,
        [ESC, ESC, b'[' | b'O', ..] => measure_escape(&bytes[1..]).map(|size| size + 1),
        [ESC, ESC, ..] => Some(1),
        [ESC, ..] => measure_escape(bytes),
        _ => measure_char(bytes),
    };
    size.or((bytes.len() > MAX_SEQUENCE).then_some(bytes.len()))
}

/// Measures a sequence that begins with one ESC.
fn measure_escape(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [_] => None,
        [_, b'[', b'[', rest @ ..] => Some(if rest.first()?.is_ascii_uppercase() { 4 } else { 3 }),
        // The mouse as X10 reports it: three more bytes of any value.
        [_, b'[', b'M', ..] => (bytes.len() >= 6).then_some(6),
        [_, b'[', rest @ ..] => control_sequence(rest).map(|size| 2 + size),
        [_, b'O', rest @ ..] => {
            let parameters = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
            Some(2 + parameters + usize::from(matches!(rest.get(parameters)?, 0x40..=0x7e)))
        }
        [_, b']' | b'P' | b'_', rest @ ..] => command_string(rest).map(|size| 2 + size),
        [_, rest @ ..] => measure_char(rest).map(|size| 1 + size),
        [] => None,
    }
}

/// Measures what follows CSI. An invalid byte ends the sequence and begins the next one.
fn control_sequence(rest: &[u8]) -> Option<usize> {
    let parameters = rest.iter().take_while(|byte| matches!(byte, 0x30..=0x3f)).count();
    let end = parameters + rest[parameters..].iter().take_while(|byte| matches!(byte, 0x20..=0x2f)).count();
    // With Shift, rxvt ends a numbered key with `$`; in other sequences a final byte follows `$`.
    if rest[parameters..].first() == Some(&b'$') && parameters > 0 && rest[..parameters].iter().all(u8::is_ascii_digit)
    {
        return Some(parameters + 1);
    }
    Some(end + usize::from(matches!(rest.get(end)?, 0x40..=0x7e)))
}

/// Measures what follows OSC, DCS or APC: printable text up to BEL or ST.
fn command_string(rest: &[u8]) -> Option<usize> {
    let end = rest.iter().position(|byte| *byte < b' ')?;
    match rest[end..] {
        [BEL, ..] => Some(end + 1),
        [ESC, b'\\', ..] => Some(end + 2),
        [ESC] => None,
        _ => Some(end),
    }
}

/// Measures one UTF-8 character, or a run of bytes that is not UTF-8.
fn measure_char(bytes: &[u8]) -> Option<usize> {
    let start = &bytes[..bytes.len().min(4)];
    match str::from_utf8(start) {
        Ok(text) => text.chars().next().map(char::len_utf8),
        Err(why) if why.valid_up_to() > 0 => measure_char(&start[..why.valid_up_to()]),
        Err(why) => why.error_len(),
    }
}

/// Returns the sequence that xterm would send for the same key.
pub fn as_xterm(sequence: &[u8]) -> Cow<'_, [u8]> {
    let (parameters, last) = match sequence {
        [ESC, b'[' | b'O', parameters @ .., last] => (parameters, *last),
        _ => return Cow::Borrowed(sequence),
    };
    let is_number = !parameters.is_empty() && parameters.iter().all(u8::is_ascii_digit);
    let with = |modifier: &[u8], last: u8| Cow::Owned([b"\x1b[1;", modifier, &[last]].concat());
    let numbered = |modifier: &[u8]| Cow::Owned([b"\x1b[", parameters, modifier].concat());
    match (sequence[1], last) {
        // rxvt: Shift, Control, and both, with arrows and numbered keys.
        (b'[', b'a'..=b'd') if parameters.is_empty() => with(b"2", last.to_ascii_uppercase()),
        (b'O', b'a'..=b'd') if parameters.is_empty() => with(b"5", last.to_ascii_uppercase()),
        (b'[', b'$') if is_number => numbered(b";2~"),
        (b'[', b'^') if is_number => numbered(b";5~"),
        (b'[', b'@') if is_number => numbered(b";6~"),
        // Enter on a keypad in application mode.
        (b'O', b'M') if parameters.is_empty() => Cow::Borrowed(b"\r"),
        // Modifiers after SS3, as older VTE and Konsole send them.
        (b'O', _) if !parameters.is_empty() => Cow::Owned([b"\x1b[", parameters, &[last]].concat()),
        _ => Cow::Borrowed(sequence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_is_measured_to_its_last_byte() {
        for whole in [
            "a",
            "é",
            "张",
            "👩",
            "\r",
            "\u{1b}a",
            "\u{1b}é",
            "\u{1b}\r",
            "\u{1b}[A",
            "\u{1b}[1;5C",
            "\u{1b}[200~",
            "\u{1b}[7$",
            "\u{1b}[?2004;1$y",
            "\u{1b}[[A",
            "\u{1b}[M !!",
            "\u{1b}OA",
            "\u{1b}O5C",
            "\u{1b}O1;5C",
            "\u{1b}\u{1b}[D",
            "\u{1b}\u{1b}OD",
            "\u{1b}]11;rgb:0/0/0\u{7}",
            "\u{1b}]11;rgb:0/0/0\u{1b}\\",
            "\u{1b}P1$r0m\u{1b}\\",
        ] {
            let more = format!("{whole}x");
            assert_eq!(measure(more.as_bytes()), Some(whole.len()), "{whole:?}");
            for end in 1..whole.len() {
                // Escape and another character are two inputs unless an arrow follows.
                assert_eq!(measure(&whole.as_bytes()[..end]), None, "{whole:?} up to {end}");
            }
        }
    }

    #[test]
    fn invalid_byte_begins_next_sequence() {
        for (bytes, size) in [
            (&b"\x1b[1\x03"[..], 3),
            (b"\x1b[\x1b[A", 2),
            (b"\x1b[1\xe5", 3),
            (b"\x1bO\x03", 2),
            (b"\x1b]0;a\x03", 5),
            (b"\x1b]0;a\x1b[A", 5),
            (b"\x1b\x1ba", 1),
            (b"\x1b\x1b\x1b[A", 1),
            (b"\xff\xffa", 1),
            (b"\xe5\xbca", 2),
            (b"\xc3\x1b", 1),
            (b"\x80", 1),
        ] {
            assert_eq!(measure(bytes), Some(size), "{bytes:?}");
        }
    }

    #[test]
    fn sequence_length_is_limited() {
        let endless = [&b"\x1b]"[..], &b"x".repeat(2 * MAX_SEQUENCE)].concat();
        assert_eq!(measure(&endless[..MAX_SEQUENCE]), None);
        assert_eq!(measure(&endless), Some(endless.len()));
    }
}
