//! IRC: the same bytes give the same lines, however they are split; a parsed line is the same after it was written again.

use chinwag::chat::irc::message::{IrcMessage, MAX_PARAMS, parse, write_tag_value};
use chinwag::wire::irc::line::{IrcItem, IrcLineDecoder, MAX_REST, MAX_TAGS};
use chinwag::wire::irc::split::pieces;

use super::text::{is_harmful, with_few_marks};

/// Inputs up to this length are split in two at every position, longer ones at some.
const SPLIT_EVERYWHERE: usize = 32;

/// Stands around CTCP messages.
const CTCP: char = '\u{1}';

/// The first byte sets by what each `xxx` in the input is lengthened, the second where the input is split; the others come
/// from a client.
pub fn check(input: &[u8]) {
    let [longer, split, bytes @ ..] = input else { return };
    let bytes = &lengthened(bytes, added(*longer));
    let whole = decode(&[bytes]);
    assert_eq!(whole, naive(bytes));
    for item in &whole {
        check_item(item, usize::from(*split));
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(decode(&single), whole, "byte by byte");
    let step = 1 + bytes.len() / SPLIT_EVERYWHERE;
    for middle in (usize::from(*split) % step..bytes.len()).step_by(step) {
        let (a, b) = bytes.split_at(middle);
        assert_eq!(decode(&[a, b]), whole, "split at {middle}");
    }
    let chunks: Vec<&[u8]> = bytes.chunks(1 + usize::from(*split)).collect();
    assert_eq!(decode(&chunks), whole, "in pieces of {}", 1 + usize::from(*split));
}

/// By what a run is lengthened: by nothing, or nearly to one of the two limits.
fn added(longer: u8) -> usize {
    match longer {
        0 => 0,
        1..128 => MAX_REST - 100 + usize::from(longer),
        128.. => MAX_TAGS - 130 + usize::from(longer - 128),
    }
}

/// The input with `more` bytes in each `xxx`, so that short inputs pass the limits.
fn lengthened(bytes: &[u8], more: usize) -> Vec<u8> {
    let mut long = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        long.push(byte);
        if bytes[..=at].ends_with(b"xxx") && long.len() < MAX_TAGS {
            long.extend(std::iter::repeat_n(b'x', more));
        }
    }
    long
}

/// All items decoded from `pieces`.
fn decode(pieces: &[&[u8]]) -> Vec<IrcItem<'static>> {
    let mut decoder = IrcLineDecoder::default();
    let mut items = Vec::new();
    for piece in pieces {
        let mut bytes = *piece;
        loop {
            let before = bytes.len();
            let Some(item) = decoder.next(&mut bytes) else { break };
            assert!(bytes.len() < before, "an item was made from no bytes");
            items.push(owned(item));
        }
        assert!(bytes.is_empty(), "{} bytes were left", bytes.len());
        // A vector's capacity doubles at most.
        assert!(decoder.kept() <= 2 * (MAX_TAGS + MAX_REST), "{} bytes are kept", decoder.kept());
    }
    items.extend(decoder.finish());
    assert!(decoder.is_idle() && decoder.finish().is_none(), "the input has ended twice");
    items
}

fn owned(item: IrcItem) -> IrcItem<'static> {
    match item {
        IrcItem::Line(line) => IrcItem::Line(line.into_owned().into()),
        IrcItem::TooLong { command } => IrcItem::TooLong { command },
        IrcItem::NotUtf8 { command } => IrcItem::NotUtf8 { command },
        IrcItem::SeveralLines => panic!("an end of a line divides lines"),
    }
}

/// Decodes lines with the whole input at once; only the text of a line and the command of a refused one come from the
/// decoder that is checked.
fn naive(bytes: &[u8]) -> Vec<IrcItem<'static>> {
    let lines = bytes.split(|byte| b"\r\n".contains(byte));
    let lines = lines.map(|line| line.iter().copied().filter(|&byte| byte != 0).collect::<Vec<u8>>());
    let item = |line: Vec<u8>| {
        let space = line.iter().position(|&byte| byte == b' ');
        let tags = if line[0] == b'@' { space.map_or(line.len(), |space| space + 1) } else { 0 };
        let is_unended = line[0] == b'@' && space.is_none();
        if tags + usize::from(is_unended) > MAX_TAGS {
            return IrcItem::TooLong { command: None };
        }
        if line.len() - tags > MAX_REST {
            let text = String::from_utf8_lossy(&line[tags..tags + MAX_REST]);
            let mut words = text.split(' ').filter(|word| !word.is_empty());
            let first = words.next().unwrap_or_default();
            let word = if first.starts_with(':') { words.next().unwrap_or_default() } else { first };
            let is_command = (1..=20).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphanumeric());
            let command = is_command.then_some(word);
            return IrcItem::TooLong { command: command.map(Into::into) };
        }
        let mut decoder = IrcLineDecoder::default();
        let mut rest = &line[..];
        assert_eq!(decoder.next(&mut rest), None, "a line has ended without an end");
        let item = decoder.finish().expect("an item of a line");
        assert_eq!(matches!(item, IrcItem::Line(_)), std::str::from_utf8(&line).is_ok());
        item
    };
    lines.filter(|line| !line.is_empty()).map(item).collect()
}

fn check_item(item: &IrcItem, max_piece: usize) {
    match item {
        IrcItem::Line(line) => check_line(line, max_piece),
        IrcItem::SeveralLines | IrcItem::TooLong { command: None } | IrcItem::NotUtf8 { command: None } => {}
        IrcItem::TooLong { command: Some(command) } | IrcItem::NotUtf8 { command: Some(command) } => {
            assert!(!command.is_empty() && command.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{command:?}");
        }
    }
}

fn check_line(line: &str, max_piece: usize) {
    assert!(line.len() <= MAX_TAGS + MAX_REST, "{} bytes in a line", line.len());
    let without_marks: String = line.chars().filter(|&c| c != CTCP).collect();
    assert!(!without_marks.contains(is_harmful), "{line:?} contains a control character");
    assert_eq!(with_few_marks(&without_marks), without_marks, "a character has too many combining marks");

    let message = parse(line);
    let marked = message.and_then(|message| message.params.last().copied()).filter(|text| text.starts_with(CTCP));
    match marked {
        Some(text) => {
            let inner = &text[1..];
            assert!(!inner.strip_suffix(CTCP).unwrap_or(inner).contains(CTCP), "{line:?} has a mark inside a text");
            assert_eq!(line.matches(CTCP).count(), text.matches(CTCP).count(), "{line:?} has a mark elsewhere");
        }
        None => assert!(!line.contains(CTCP), "{line:?} has marks without a CTCP message"),
    }
    let Some(message) = message else {
        let rest = if line.starts_with('@') { line.split_once(' ').map_or("", |(_, rest)| rest) } else { line };
        let rest = rest.trim_start_matches(' ');
        assert!(rest.is_empty() || rest.starts_with(':'), "{line:?} has a command");
        return;
    };
    check_message(&message, line);
    for text in message.params.iter() {
        check_pieces(text, max_piece);
    }
}

/// Checks that a message is the same after it was written again, and so are the values of its tags.
pub fn check_message(message: &IrcMessage, line: &str) {
    assert!(!message.command.is_empty() && !message.command.contains(' ') && message.params.len() <= MAX_PARAMS);
    if let Some((_, others)) = message.params.split_last() {
        assert!(others.iter().all(|param| !param.is_empty() && !param.contains(' ') && !param.starts_with(':')));
    }
    let written = written(message);
    assert_eq!(parse(&written).as_ref(), Some(message), "{line:?} was written as {written:?}");

    for (key, _) in message.tags.iter() {
        check_value(key, &message.tags.get(key).expect("the value of a tag"));
    }
    message.params.iter().for_each(|text| check_value("x", text));
    if let Some(tags) = message.tags.client_only() {
        let line = format!("@{tags} TAGMSG x");
        let again = parse(&line).expect("a message");
        assert_eq!(again.tags.client_only().as_deref(), Some(&*tags));
        assert!(again.tags.iter().all(|(key, _)| key.starts_with('+') && message.tags.get(key) == again.tags.get(key)));
    }
}

/// Checks that a value is the same after it was escaped.
fn check_value(key: &str, value: &str) {
    let mut tagged = format!("@{key}=").into_bytes();
    write_tag_value(&mut tagged, value);
    tagged.extend_from_slice(b" PING");
    let tagged = String::from_utf8(tagged).expect("UTF-8");
    assert!(!tagged.contains(['\r', '\n']), "{tagged:?} has a line end");
    assert_eq!(parse(&tagged).and_then(|parsed| parsed.tags.get(key)).as_deref(), Some(value), "{tagged:?}");
}

/// A message as a line.
fn written(message: &IrcMessage) -> String {
    let mut line = String::new();
    // Without tags before it, a word with `@` would be one of them.
    if !message.tags.raw().is_empty() || message.source.is_none() && message.command.starts_with('@') {
        line += &format!("@{} ", message.tags.raw());
    }
    line.extend(message.source.map(|source| format!(":{source} ")));
    line += message.command;
    for (at, param) in message.params.iter().enumerate() {
        line += if at + 1 == message.params.len() { " :" } else { " " };
        line += param;
    }
    line
}

fn check_pieces(text: &str, max_bytes: usize) {
    let pieces: Vec<&str> = pieces(text, max_bytes).collect();
    assert_eq!(pieces.concat(), text);
    let fits = |piece: &&str| !piece.is_empty() && (piece.len() <= max_bytes || piece.chars().count() == 1);
    assert!(pieces.iter().all(fits), "{pieces:?} in pieces of at most {max_bytes}");
}
