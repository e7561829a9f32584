//! WebSocket frames are decoded as by tungstenite, however the input is split.

use std::io::{Cursor, Read, Write};

use chinwag::wire::sanitize;
use chinwag::wire::websocket::{FrameDecoder, FrameItem};
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// Maximum line and maximum message; the inputs are too short to reach the second.
const MAX_LINE: usize = 64;
const MAX_MESSAGE: usize = 16 * MAX_LINE;

/// The first byte sets the size of the pieces.
pub fn check(input: &[u8]) {
    let Some((&piece, input)) = input.split_first() else { return };
    let whole = decode(input, input.len().max(1), MAX_MESSAGE);
    assert_eq!(decode(input, 1 + usize::from(piece % 32), MAX_MESSAGE), whole, "in pieces");
    // Tungstenite waits for the end of a frame before it reports an error.
    let is_broken = matches!(whole.last(), Some(FrameItem::Broken(_)));
    let padding = if is_broken { 32 * MAX_MESSAGE } else { 0 };
    compare(&whole, decode_with_tungstenite(&[input, &vec![0; padding]].concat()));

    // With a lower limit the lines are the same, except those over it, which can contain any bytes.
    if whole.last() == Some(&FrameItem::Broken(1007)) {
        return;
    }
    let mut limited = decode(input, 1 + usize::from(piece % 32), MAX_LINE);
    let too_big = limited.last() == Some(&FrameItem::Broken(1009));
    if too_big {
        limited.pop();
    }
    let mut rest = whole.iter();
    for item in limited.iter().filter(|item| **item != FrameItem::TooLong) {
        assert!(rest.any(|other| other == item), "{item:?} is not among {whole:?}");
    }
}

fn decode(input: &[u8], piece: usize, max: usize) -> Vec<FrameItem> {
    let (mut decoder, mut items) = (FrameDecoder::default(), Vec::new());
    for mut bytes in input.chunks(piece) {
        while let Some(item) = decoder.next(&mut bytes, max) {
            let is_last = matches!(item, FrameItem::Close(_) | FrameItem::Broken(_));
            items.push(item);
            if is_last {
                return items;
            }
        }
        assert!(bytes.is_empty(), "all bytes are consumed");
        assert!(decoder.kept() <= 2 * max + 256, "{} bytes are kept", decoder.kept());
    }
    items
}

/// Bytes that a client sends; what it is sent is dropped.
pub struct Stream<'a>(pub Cursor<&'a [u8]>);

impl Read for Stream<'_> {
    fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(block)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The messages that tungstenite decodes, and whether it found a violation of RFC 6455.
fn decode_with_tungstenite(input: &[u8]) -> (Vec<Message>, bool) {
    let limit = Some(16 * MAX_MESSAGE);
    let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
    let mut socket = WebSocket::from_raw_socket(Stream(Cursor::new(input)), Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => {
                let is_last = message.is_close() || message.is_binary();
                messages.push(message);
                if is_last {
                    return (messages, false);
                }
            }
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return (messages, false),
            Err(_) => return (messages, true),
        }
    }
}

fn compare(items: &[FrameItem], (messages, is_wrong): (Vec<Message>, bool)) {
    for (index, item) in items.iter().enumerate() {
        match (item, messages.get(index)) {
            (FrameItem::Line(line), Some(Message::Text(text))) => {
                let text = text.replace(['\n', '\r'], " ");
                assert_eq!(*line, sanitize::clean(&text));
            }
            (FrameItem::Ping(payload), Some(Message::Ping(other))) => assert_eq!(payload[..], other[..]),
            (FrameItem::Pong, Some(Message::Pong(_))) => {}
            (FrameItem::Close(_), Some(Message::Close(_))) => return,
            // Tungstenite knows fewer close codes.
            (FrameItem::Close(1014), None) => return,
            // The server rejects binary messages before they end.
            (FrameItem::Broken(1003), _) => return,
            // Tungstenite has no limit for lines.
            (FrameItem::TooLong, _) => return,
            // Tungstenite answers a close code that must not be sent (RFC 6455, 7.4.1) itself.
            (FrameItem::Broken(1002), Some(Message::Close(Some(frame)))) if frame.code == CloseCode::Protocol => return,
            (FrameItem::Broken(_), other) => {
                assert!(is_wrong && other.is_none(), "broken off, where there is {other:?}, {is_wrong}");
                return;
            }
            (item, other) => panic!("{item:?} is {other:?}"),
        }
    }
    assert_eq!((items.len(), false), (messages.len(), is_wrong), "{items:?} and {messages:?}");
}
