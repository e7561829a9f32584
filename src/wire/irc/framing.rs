//! How lines of IRC are told apart: by their ends, or by frames of a WebSocket.

use crate::chat::IrcShape;
use crate::wire::frame;

/// Appends one line without its end, as the sessions of a shape read it.
pub fn write_line(out: &mut Vec<u8>, shape: IrcShape, write: impl FnOnce(&mut Vec<u8>)) {
    if shape.contains(IrcShape::TEXT_FRAMES) {
        frame::text_frame(out, write);
    } else if shape.contains(IrcShape::BINARY_FRAMES) {
        frame::binary_frame(out, write);
    } else {
        write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// The lines of `bytes`, which [`write_line`] has written, without their ends.
pub fn lines(mut bytes: &[u8], shape: IrcShape) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (line, rest) = match shape.intersects(IrcShape::FRAMING) {
            true => frame::split_frame(bytes)?,
            false => {
                let end = memchr::memchr(b'\n', bytes)?;
                let line = &bytes[..end];
                (line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..])
            }
        };
        bytes = rest;
        Some(line)
    })
}
