//! The line decoder: the same bytes give the same lines, however they are split.

use chinwag::wire::foreign::{FirstLine, Verdict};
use chinwag::wire::line::{LineDecoder, LineItem};
use chinwag::wire::sanitize;

use super::text::assert_harmless;

/// Inputs up to this length are split in two at every position, longer ones at some.
const SPLIT_EVERYWHERE: usize = 32;

const LF: u8 = b'\n';
const NUL: u8 = 0;
const BS: u8 = 8;
const DEL: u8 = 127;
const IAC: u8 = 255;

/// The first byte sets the maximum line, the second where the input is split; the others come from a client.
pub fn check(input: &[u8]) {
    let [longest, split, bytes @ ..] = input else { return };
    let max = match *longest {
        short @ ..200 => usize::from(short),
        long => 64 * usize::from(long - 199),
    };
    let whole = decode(&[bytes], max);
    check_items(&whole, bytes, max);

    let verdict = first_line(&[bytes]);
    assert_eq!(verdict, naive_first_line(bytes));
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(first_line(&single), verdict, "byte by byte");
    assert_eq!(decode(&single, max), whole, "byte by byte, at most {max} in a line");
    let step = 1 + bytes.len() / SPLIT_EVERYWHERE;
    for middle in (usize::from(*split) % step..bytes.len()).step_by(step) {
        let (a, b) = bytes.split_at(middle);
        assert_eq!(first_line(&[a, b]), verdict, "split at {middle}");
        assert_eq!(decode(&[a, b], max), whole, "split at {middle}, at most {max} in a line");
    }
    let (mut pieces, mut rest, mut size) = (Vec::new(), bytes, usize::from(*split));
    while !rest.is_empty() {
        size = (size * 5 + 3) % 17;
        let (piece, others) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = others;
    }
    assert_eq!(decode(&pieces, max), whole, "in pieces from {split}, at most {max} in a line");
}

/// Whether the first line belongs to another protocol.
fn first_line(pieces: &[&[u8]]) -> bool {
    let mut line = FirstLine::default();
    let decided = pieces.iter().map(|piece| line.take(piece)).find(|verdict| *verdict != Verdict::Undecided);
    matches!(decided.unwrap_or_else(|| line.finish()), Verdict::Foreign(_))
}

/// As [`first_line`], with the whole input at once.
fn naive_first_line(bytes: &[u8]) -> bool {
    let (mut line, mut rest) = (Vec::new(), bytes);
    while let [byte, others @ ..] = rest {
        rest = others;
        match (*byte, rest.first()) {
            (b'\r', Some(&NUL)) => rest = &rest[1..],
            (LF, _) => {}
            (b'\r', _) => continue,
            (byte, _) => {
                line.push(byte);
                continue;
            }
        }
        if !line.is_empty() {
            break;
        }
    }
    let begins = |beginnings: &[&[u8]]| beginnings.iter().any(|beginning| line.starts_with(beginning));
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ' || byte == b'\t').collect();
    let is_token = |word: &[u8]| {
        let is_sign = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
        !word.is_empty() && word.iter().all(|&byte| byte.is_ascii_alphanumeric() || is_sign(byte))
    };
    let is_version = |word: &[u8]| {
        word.strip_prefix(b"HTTP/").is_some_and(|rest| {
            rest.first().is_some_and(u8::is_ascii_digit) && rest.iter().all(|byte| b"0123456789.".contains(byte))
        })
    };
    let last = words.iter().skip(1).rfind(|word| !word.is_empty());
    begins(&[b"\0", b"\x16\x03", b"\x03\0", b"SSH-2.0-", b"SSH-1.99-", b"SSH-1.5-"])
        || begins(&[b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"])
        || is_token(words[0]) && last.is_some_and(|word| is_version(word))
}

/// All items decoded from `pieces`.
fn decode(pieces: &[&[u8]], max: usize) -> Vec<LineItem<'static>> {
    let mut decoder = LineDecoder::default();
    let mut items = Vec::new();
    for piece in pieces {
        let mut bytes = *piece;
        loop {
            let before = bytes.len();
            let Some(item) = decoder.next(&mut bytes, max) else { break };
            assert!(bytes.len() < before, "an item was made from no bytes");
            items.push(owned(item));
        }
        assert!(bytes.is_empty(), "{} bytes were left", bytes.len());
        // A vector's capacity doubles and begins with 8 bytes.
        assert!(decoder.kept() <= 8.max(2 * max), "{} bytes are kept of a line of at most {max}", decoder.kept());
    }
    items.extend(decoder.finish());
    assert!(!decoder.has_partial() && decoder.finish().is_none(), "the input has ended twice");
    items
}

fn owned(item: LineItem) -> LineItem<'static> {
    match item {
        LineItem::Line(line) => LineItem::Line(line.into_owned().into()),
        LineItem::TooLong => LineItem::TooLong,
        LineItem::NotUtf8(line) => LineItem::NotUtf8(line.into_owned().into()),
        LineItem::Telnet(answer) => LineItem::Telnet(answer),
    }
}

fn check_items(items: &[LineItem], bytes: &[u8], max: usize) {
    let (mut size, mut answers) = (0, 0);
    for item in items {
        match item {
            LineItem::Line(line) => {
                assert!(line.len() <= max, "{} bytes in a line of at most {max}", line.len());
                assert_harmless(line);
                size += line.len();
            }
            LineItem::Telnet(None) => {}
            LineItem::Telnet(Some(answer)) => {
                assert!(matches!(answer, [IAC, 252 | 254, _]), "{answer:?} refuses nothing");
                answers += 1;
                size += 3;
            }
            LineItem::TooLong => size += max + 1,
            LineItem::NotUtf8(line) => {
                assert!(line.len() <= max, "{} bytes in a line of at most {max}", line.len());
                size += line.len();
            }
        }
    }
    assert!(answers <= 100, "{answers} options were answered");
    assert!(size <= bytes.len(), "{size} bytes were made from {}", bytes.len());
    // One more line than line ends, if the last line has none.
    let ends = bytes.iter().filter(|&&byte| byte == LF || byte == NUL).count();
    let lines = items.iter().filter(|item| !matches!(item, LineItem::Telnet(_))).count();
    assert!(lines <= ends + 1, "{lines} lines of {ends} ends");

    if !bytes.contains(&IAC) {
        assert_eq!(items, naive(bytes, max), "at most {max} in a line");
    }
}

/// Decodes lines without telnet commands, byte by byte, with the whole input at once.
fn naive(bytes: &[u8], max: usize) -> Vec<LineItem<'static>> {
    let (mut items, mut line, mut is_long) = (Vec::new(), Vec::new(), false);
    let mut rest = bytes;
    while let [byte, others @ ..] = rest {
        rest = others;
        match (*byte, rest.first()) {
            (b'\r', Some(&(LF | NUL))) => rest = &rest[1..],
            (LF, _) => {}
            (b'\r', _) => continue,
            (BS | DEL, _) => {
                while line.pop().is_some_and(|byte| (0x80..0xc0).contains(&byte)) {}
                continue;
            }
            _ if is_long => continue,
            (byte, _) => {
                is_long = line.len() == max;
                line.push(byte);
                if is_long {
                    items.push(LineItem::TooLong);
                    line.clear();
                }
                continue;
            }
        }
        if !std::mem::take(&mut is_long) {
            items.push(decoded(std::mem::take(&mut line)));
        }
    }
    if !line.is_empty() {
        items.push(decoded(line));
    }
    items
}

fn decoded(line: Vec<u8>) -> LineItem<'static> {
    match String::from_utf8(line) {
        Ok(line) => LineItem::Line(sanitize::clean(&line).into_owned().into()),
        Err(error) => LineItem::NotUtf8(error.into_bytes().into()),
    }
}
