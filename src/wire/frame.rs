//! Encodes WebSocket frames (RFC 6455) for clients, without masks.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Close codes: RFC 6455, section 7.4.1.
pub mod code {
    pub const NORMAL: u16 = 1000;
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL_ERROR: u16 = 1002;
    pub const UNACCEPTABLE: u16 = 1003;
    pub const NOT_UTF8: u16 = 1007;
    pub const TOO_BIG: u16 = 1009;
}

/// Maximum bytes of a header: two, eight for the length, four for the mask.
pub const MAX_HEADER: usize = 14;

/// Appends a text frame with the output of `write`.
pub fn text_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    data_frame(out, Data::Text, write);
}

/// Appends a binary frame with the output of `write`.
pub fn binary_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    data_frame(out, Data::Binary, write);
}

fn data_frame(out: &mut Vec<u8>, kind: Data, write: impl FnOnce(&mut Vec<u8>)) {
    // Most headers have four bytes; for others the payload is moved once the length is known.
    const USUAL: usize = 4;
    let start = out.len();
    out.extend_from_slice(&[0; USUAL]);
    write(out);
    let (header, len) = header(OpCode::Data(kind), out.len() - start - USUAL);
    match len {
        USUAL => out[start..start + len].copy_from_slice(&header[..len]),
        _ => drop(out.splice(start..start + USUAL, header[..len].iter().copied())),
    }
}

/// Splits the first of several frames that this file has written off; returns its payload and the other frames.
pub fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut cursor = Cursor::new(bytes);
    let (_, length) = FrameHeader::parse(&mut cursor).ok()??;
    let (begin, length) = (cursor.position() as usize, usize::try_from(length).ok()?);
    let end = begin.checked_add(length).filter(|&end| end <= bytes.len())?;
    Some((&bytes[begin..end], &bytes[end..]))
}

/// A close frame.
pub fn close_frame(code: u16) -> Vec<u8> {
    control_frame(Control::Close, &code.to_be_bytes())
}

/// A ping without a payload.
pub fn ping_frame() -> Vec<u8> {
    control_frame(Control::Ping, &[])
}

/// A pong frame, the answer to a ping.
pub fn pong_frame(payload: &[u8]) -> Vec<u8> {
    control_frame(Control::Pong, payload)
}

fn control_frame(control: Control, payload: &[u8]) -> Vec<u8> {
    let (header, len) = header(OpCode::Control(control), payload.len());
    [&header[..len], payload].concat()
}

/// The header of a final, unmasked frame, and its length.
fn header(opcode: OpCode, payload: usize) -> ([u8; MAX_HEADER], usize) {
    let mut bytes = [0; MAX_HEADER];
    let mut cursor = Cursor::new(&mut bytes[..]);
    let header = FrameHeader { is_final: true, opcode, ..FrameHeader::default() };
    // The buffer has room for every header.
    let _ = header.format(payload as u64, &mut cursor);
    let len = cursor.position() as usize;
    (bytes, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_shortest_possible_header() {
        for (length, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65535, &[0x81, 126, 0xff, 0xff]),
            (65536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![b'x'; length];
            let mut out = b"before".to_vec();
            text_frame(&mut out, |out| out.extend_from_slice(&payload));
            assert_eq!(out, [b"before", header, &payload].concat(), "{length} bytes");
        }
        assert_eq!(close_frame(1001), [0x88, 2, 0x03, 0xe9]);
        assert_eq!((ping_frame(), pong_frame(b"x")), (vec![0x89, 0], vec![0x8a, 1, b'x']));
    }
}
