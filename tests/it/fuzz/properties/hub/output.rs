//! What clients are sent: lines for people, or lines of IRC with their ends or in frames.

use std::collections::BTreeSet;

use chinwag::chat::irc::message::parse;
use chinwag::wire::irc::line::{MAX_REST, MAX_TAGS};

use super::super::irc::check_message;
use super::super::text::assert_harmless;
use super::Kind;

/// Stands around CTCP messages.
const CTCP: char = '\u{1}';

/// Checks what a client was sent; unless `whole`, the end can be missing.
pub fn assert_output(kind: Kind, bytes: &[u8], whole: bool) {
    match kind {
        Kind::Plain => assert_lines(bytes, whole),
        Kind::Irc => assert_irc(ended_lines(bytes, whole).into_iter()),
        Kind::TextFrames | Kind::BinaryFrames => assert_irc(frames(kind, bytes, whole).into_iter()),
    }
}

/// The lines of IRC without their ends.
fn ended_lines(mut bytes: &[u8], whole: bool) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        lines.push(&bytes[..end]);
        bytes = &bytes[end + 2..];
    }
    assert!(!whole || bytes.is_empty(), "{:?} does not end", bytes.escape_ascii().to_string());
    lines
}

/// The lines of IRC in frames; pongs and the last frame are skipped.
fn frames(kind: Kind, mut bytes: &[u8], whole: bool) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    loop {
        let (start, length) = match *bytes {
            [_, short @ 0..=125, ..] => (2, usize::from(short)),
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            _ => break,
        };
        let Some(payload) = bytes.get(start..start + length) else { break };
        match (bytes[0], kind) {
            (0x81, Kind::TextFrames) | (0x82, Kind::BinaryFrames) => lines.push(payload),
            (0x88 | 0x8a, _) => {}
            (first, _) => panic!("a frame begins with {first:#x}"),
        }
        bytes = &bytes[start + length..];
    }
    assert!(!whole || bytes.is_empty(), "{:?} is no frame", bytes.escape_ascii().to_string());
    lines
}

fn assert_irc<'b>(lines: impl Iterator<Item = &'b [u8]>) {
    let mut open = BTreeSet::new();
    for bytes in lines {
        let line = std::str::from_utf8(bytes).expect("a line of UTF-8");
        assert_harmless(&line.replace(CTCP, ""));
        let tags = if line.starts_with('@') { line.find(' ').expect("a line behind its tags") + 1 } else { 0 };
        assert!(tags <= MAX_TAGS && line.len() - tags <= MAX_REST, "{} bytes: {line:?}", line.len());
        let message = parse(line).unwrap_or_else(|| panic!("{line:?} has no command"));
        check_message(&message, line);
        let is_numeric = message.command.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = message.command.bytes().all(|byte| byte.is_ascii_uppercase());
        assert!(is_word || is_numeric && message.command.len() == 3, "{line:?} has an odd command");
        assert!(message.source.is_some() || message.command == "ERROR", "{line:?} comes from nobody");
        assert!(!is_numeric || !message.params.is_empty(), "{line:?} is not addressed");
        if let Some(batch) = message.tags.get("batch") {
            assert!(open.contains(&*batch), "{line:?} belongs to no batch");
        }
        if message.command == "BATCH" {
            let (sign, name) = message.params[0].split_at(1);
            let is_right = match sign {
                "+" => open.insert(name.to_owned()),
                _ => open.remove(name),
            };
            assert!(is_right, "{line:?} begins twice, or has not begun");
        }
    }
}

/// Checks that the bytes are valid lines for people; unless `whole`, the last one can be cut off.
pub fn assert_lines(mut bytes: &[u8], whole: bool) {
    while !bytes.is_empty() {
        if let [255, 252 | 254, _, rest @ ..] = bytes {
            bytes = rest;
            continue;
        }
        let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
            return assert!(!whole, "{:?} does not end", bytes.escape_ascii().to_string());
        };
        let line = std::str::from_utf8(&bytes[..end]).expect("a line of UTF-8");
        assert_harmless(line);
        assert!(has_shape(line), "{line:?} has none of the five shapes");
        bytes = &bytes[end + 2..];
    }
}

fn has_shape(line: &str) -> bool {
    if let Some(words) = line.strip_prefix("* ").or_else(|| line.strip_prefix("! ")) {
        return !words.is_empty();
    }
    let Some((time, said)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else { return false };
    // The console also shows the room, and whether the member is muted: `(games) (muted) alice: text`.
    let mut said = said;
    while let Some((remark, rest)) = said.strip_prefix('(').and_then(|said| said.split_once(") ")) {
        if remark.contains(' ') {
            break;
        }
        said = rest;
    }
    let action = said.strip_prefix("* ").unwrap_or(said);
    let (name, text) = action.split_once(' ').unwrap_or((action, ""));
    let is_name = |name: &str| !name.is_empty() && !name.contains([' ', '@']);
    let is_said = name.strip_suffix(':').is_some_and(is_name);
    let is_whisper = is_name(name) && text.strip_prefix("-> ").is_some_and(|text| text.contains(": "));
    time == "23:59:58" && (said != action || is_said || is_whisper) && !text.is_empty()
}
