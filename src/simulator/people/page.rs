//! Simulated pages: the frames that a browser sends and receives.

use super::program::Program;
use crate::simulator::oracle::Typed;
use crate::util::test_support::Random;

/// A browser's request for a WebSocket, with words such as `room=den` in its URL.
pub fn upgrade(words: &str) -> String {
    upgrade_of("/ws", words, "")
}

/// A request for a WebSocket that speaks a subprotocol, unless that is empty.
pub fn upgrade_of(path: &str, words: &str, protocol: &str) -> String {
    let words: Vec<String> = words.split_whitespace().map(|word| word.replace('!', "%21")).collect();
    let query = if words.is_empty() { String::new() } else { format!("?{}", words.join("&")) };
    let protocol = match protocol {
        "" => String::new(),
        protocol => format!("Sec-WebSocket-Protocol: {protocol}\r\n"),
    };
    format!(
        "GET {path}{query} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
    )
}

/// The frames that a browser receives.
#[derive(Default)]
pub struct Frames {
    /// Received bytes that are no whole frame yet.
    bytes: Vec<u8>,
    is_upgraded: bool,
    /// The upgrade was refused: its request did not come in time.
    is_refused: bool,
    /// The last frame has come.
    is_closed: bool,
}

impl Frames {
    /// Returns the first bytes and the payloads of the messages that have come whole.
    pub fn read(&mut self, fresh: &[u8]) -> Vec<(u8, Vec<u8>)> {
        self.bytes.extend_from_slice(fresh);
        let mut messages = Vec::new();
        if !self.is_upgraded && !self.is_refused {
            let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return messages };
            self.is_upgraded = self.bytes.starts_with(b"HTTP/1.1 101 ");
            self.is_refused = !self.is_upgraded;
            assert!(self.is_upgraded || self.bytes.starts_with(b"HTTP/1.1 408 "), "an answer of what kind?");
            self.bytes.drain(..end + 4);
        }
        while !self.is_refused
            && let Some((first, payload, length)) = frame(&self.bytes)
        {
            assert!(!self.is_closed, "a frame behind the last one");
            match first {
                0x81 | 0x82 => messages.push((first, payload.to_vec())),
                0x88 => self.is_closed = true,
                0x8a => {}
                first => panic!("a frame that begins with {first:#x}"),
            }
            self.bytes.drain(..length);
        }
        messages
    }
}

/// The reading side of a page.
pub struct SimulatedPage {
    program: Program,
    frames: Frames,
}

impl SimulatedPage {
    /// A page that has received nothing.
    pub fn new(program: Program) -> Self {
        SimulatedPage { program, frames: Frames::default() }
    }

    /// Returns what a plain client would have received instead of these bytes, as far as known.
    pub fn read(&mut self, fresh: &[u8]) -> Vec<u8> {
        let mut lines = Vec::new();
        for (first, payload) in self.frames.read(fresh) {
            assert_eq!(first, 0x81, "a page reads texts");
            self.program.show(&payload, &mut lines);
        }
        lines
    }
}

/// The first whole frame: its first byte, its payload, its length in all.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (start, length) = match *bytes {
        [_, length @ 0..=125, ..] => (2, usize::from(length)),
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    Some((bytes[0], bytes.get(start..start + length)?, start + length))
}

/// A frame as a browser sends it.
fn masked(random: &mut Random, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = (random.next() as u32).to_ne_bytes();
    let mut bytes = match payload.len() {
        length @ 0..126 => vec![first, 0x80 | length as u8],
        length => [&[first, 0x80 | 126][..], &(length as u16).to_be_bytes()].concat(),
    };
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The bytes that a browser sends for a line, and how the server should understand them.
pub fn bytes(random: &mut Random, line: String, max_line: usize) -> (Vec<u8>, Vec<Typed>) {
    let mut text = line.clone();
    let mut typed = Typed::Line(line);
    match random.below(40) {
        0 => {
            text = "x".repeat(max_line + 1 + random.below(2 * max_line));
            typed = Typed::TooLong;
        }
        1..=5 if text.len() + 5 <= max_line => {
            let noise = *random.pick(&["\u{7}", "\u{1b}[31m", "\u{202e}"]);
            let end = text.char_indices().map(|(at, _)| at).nth(random.below(5)).unwrap_or(text.len());
            text.insert_str(end, noise);
        }
        _ => {}
    }
    (message(random, 1, text.as_bytes()), vec![typed])
}

/// A message in fragments of any size, with pings and pongs between them.
pub fn message(random: &mut Random, mut opcode: u8, mut rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let step = if random.one_in(3) { random.below(rest.len() + 1) } else { rest.len() };
        let (piece, later) = rest.split_at(step);
        let is_last = later.is_empty() && !random.one_in(10);
        bytes.extend(masked(random, if is_last { 0x80 } else { 0 } | opcode, piece));
        if is_last {
            return bytes;
        }
        (rest, opcode) = (later, 0);
        if random.one_in(4) {
            let first = *random.pick(&[0x89, 0x8a]);
            bytes.extend(masked(random, first, b"still there?"));
        }
    }
}

/// The last bytes of a browser: a closing handshake, nothing, or a violation of the RFC. IRC may have binary messages.
pub fn end(random: &mut Random, is_irc: bool) -> Vec<u8> {
    match random.below(4) {
        0 => Vec::new(),
        1 => {
            let bad: [(u8, &[u8]); 4] = [(0x83, b""), (0x81, b"\xff"), (0xc1, b"x"), (0x82, b"x")];
            let (first, payload) = *random.pick(if is_irc { &bad[..3] } else { &bad });
            masked(random, first, payload)
        }
        2 => masked(random, 0x88, &[]),
        _ => masked(random, 0x88, &1001_u16.to_be_bytes()),
    }
}
