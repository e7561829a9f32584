//! The decoder of lines of IRC in frames: the same messages as those of tungstenite, each one line.

use std::io::Cursor;

use chinwag::wire::irc::frames::IrcFrameDecoder;
use chinwag::wire::irc::line::{IrcItem, IrcLineDecoder, MAX_REST, MAX_TAGS};
use chinwag::wire::websocket::FrameItem;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::frames::Stream;

type Item = FrameItem<Option<IrcItem<'static>>>;

/// The first byte sets the size of the pieces.
pub fn check(input: &[u8]) {
    let Some((&piece, input)) = input.split_first() else { return };
    let whole = decode(input, input.len().max(1));
    assert_eq!(decode(input, 1 + usize::from(piece % 32)), whole, "in pieces");
    compare(&whole, input);
}

fn decode(input: &[u8], piece: usize) -> Vec<Item> {
    let (mut decoder, mut items) = (IrcFrameDecoder::default(), Vec::new());
    for mut bytes in input.chunks(piece) {
        while let Some(item) = decoder.next(&mut bytes) {
            let is_last = matches!(item, FrameItem::Close(_) | FrameItem::Broken(_));
            items.push(item);
            if is_last {
                return items;
            }
        }
        assert!(bytes.is_empty(), "all bytes are consumed");
        assert!(decoder.kept() <= 2 * (MAX_TAGS + MAX_REST) + 256, "{} bytes are kept", decoder.kept());
    }
    items
}

/// Compares the items with the messages that tungstenite decodes, until one of the two ends.
fn compare(items: &[Item], input: &[u8]) {
    let mut socket =
        WebSocket::from_raw_socket(Stream(Cursor::new(input)), Role::Server, Some(WebSocketConfig::default()));
    for item in items {
        let message = socket.read().ok();
        match (item, message) {
            // Another limit, or an error that tungstenite reports when the frame has ended.
            (FrameItem::TooLong | FrameItem::Broken(_) | FrameItem::Close(_), _) => return,
            (FrameItem::Line(line), Some(Message::Text(text))) => assert_eq!(*line, line_of(text.as_bytes())),
            (FrameItem::Line(line), Some(Message::Binary(bytes))) => assert_eq!(*line, line_of(&bytes)),
            (FrameItem::Ping(payload), Some(Message::Ping(other))) => assert_eq!(payload[..], other[..]),
            (FrameItem::Pong, Some(Message::Pong(_))) => {}
            (item, other) => panic!("{item:?} is {other:?}"),
        }
    }
    assert!(socket.read().is_err(), "a message is missing");
}

/// The line of a message, which is one at most.
fn line_of(message: &[u8]) -> Option<IrcItem<'static>> {
    let end = message.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    if message[..end].iter().any(|byte| b"\r\n".contains(byte)) {
        return Some(IrcItem::SeveralLines);
    }
    let line: Vec<u8> = message[..end].iter().copied().filter(|&byte| byte != 0).collect();
    let (mut decoder, mut bytes) = (IrcLineDecoder::default(), &line[..]);
    match decoder.next(&mut bytes) {
        Some(IrcItem::TooLong { command }) => Some(IrcItem::TooLong { command }),
        Some(item) => panic!("{item:?} ends without an end"),
        None => decoder.finish(),
    }
}
