//! The operations of a client, written to a buffer with a limit.

use std::io::Write;

use serde::Serialize;

/// The longest subject that is sent, in bytes; far below nats-server's limit for a line.
pub const MAX_SUBJECT: usize = 1024;

/// Answers to pings may be beyond the limit by so many bytes: then a full buffer alone is no reason to leave a server that
/// asks whether the client is there.
const ANSWERS: usize = 64 * 1024;

/// Whether a text can be the subject of a message: words without white space, separated by dots.
pub fn is_subject(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control());
    text.len() <= MAX_SUBJECT && text.split('.').all(is_word)
}

/// The bytes that wait to be written to the server.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    /// So many of them are written.
    written: usize,
    /// The most bytes that wait; beyond it nothing more is published.
    limit: usize,
}

impl Output {
    /// Makes an empty buffer.
    pub fn new(limit: usize) -> Self {
        Output { bytes: Vec::new(), written: 0, limit }
    }

    /// The bytes that wait.
    pub fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Whether so many more bytes are within the limit.
    pub fn has_room(&self, count: usize) -> bool {
        self.unwritten().len().saturating_add(count) <= self.limit
    }

    /// Notes that so many of the waiting bytes are written.
    pub fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
            self.bytes.shrink_to(self.limit / 16);
        } else if self.written > self.bytes.len() / 2 {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// Forgets all bytes, for a new connection.
    pub fn clear(&mut self) {
        *self = Output::new(self.limit);
    }

    /// Says who the client is and what it can do.
    pub fn connect(&mut self, what: &impl Serialize) {
        let json = serde_json::to_string(what).unwrap_or_default();
        self.line(format_args!("CONNECT {json}"));
    }

    pub fn ping(&mut self) {
        self.line(format_args!("PING"));
    }

    /// Answers a ping; returns whether there was room for that.
    pub fn pong(&mut self) -> bool {
        let has_room = self.unwritten().len() < self.limit.saturating_add(ANSWERS);
        if has_room {
            self.line(format_args!("PONG"));
        }
        has_room
    }

    pub fn subscribe(&mut self, subject: &str, sid: u64) {
        self.line(format_args!("SUB {subject} {sid}"));
    }

    pub fn unsubscribe(&mut self, sid: u64) {
        self.line(format_args!("UNSUB {sid}"));
    }

    /// Publishes a message. Names and values of headers must not have line ends.
    pub fn publish(&mut self, subject: &str, reply: Option<&str>, headers: &[(&str, &str)], payload: &[u8]) {
        let (op, reply) = (if headers.is_empty() { "PUB" } else { "HPUB" }, reply.unwrap_or_default());
        let space = if reply.is_empty() { "" } else { " " };
        if headers.is_empty() {
            self.line(format_args!("{op} {subject}{space}{reply} {}", payload.len()));
        } else {
            let size = headers_size(headers);
            self.line(format_args!("{op} {subject}{space}{reply} {size} {}", size + payload.len()));
            self.line(format_args!("NATS/1.0"));
            headers.iter().for_each(|(name, value)| self.line(format_args!("{name}: {value}")));
            self.line(format_args!(""));
        }
        self.bytes.extend_from_slice(payload);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, text: std::fmt::Arguments) {
        // Writing to a vector does not fail.
        let _ = self.bytes.write_fmt(text);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// The size of a block of headers in bytes.
pub fn headers_size(headers: &[(&str, &str)]) -> usize {
    let size = |(name, value): &(&str, &str)| name.len() + ": ".len() + value.len() + "\r\n".len();
    "NATS/1.0\r\n\r\n".len() + headers.iter().map(size).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Output)) -> String {
        let mut output = Output::new(4096);
        write(&mut output);
        String::from_utf8(output.unwritten().to_vec()).unwrap()
    }

    #[test]
    fn operations_have_the_form_of_the_protocol() {
        assert_eq!(written(|o| o.connect(&serde_json::json!({"echo": true}))), "CONNECT {\"echo\":true}\r\n");
        assert_eq!(written(Output::ping), "PING\r\n");
        assert_eq!(written(|o| assert!(o.pong())), "PONG\r\n");
        assert_eq!(written(|o| o.subscribe("a.*", 7)), "SUB a.* 7\r\n");
        assert_eq!(written(|o| o.unsubscribe(7)), "UNSUB 7\r\n");
        assert_eq!(written(|o| o.publish("a.b", None, &[], b"hi")), "PUB a.b 2\r\nhi\r\n");
        assert_eq!(written(|o| o.publish("a.b", Some("in.1"), &[], b"")), "PUB a.b in.1 0\r\n\r\n");
        let headers = [("A", "b"), ("Nats-X", "12")];
        assert_eq!(
            written(|o| o.publish("a", Some("r"), &headers, b"hi")),
            "HPUB a r 30 32\r\nNATS/1.0\r\nA: b\r\nNats-X: 12\r\n\r\nhi\r\n"
        );
    }

    #[test]
    fn only_what_is_written_is_removed() {
        let mut output = Output::new(32);
        output.publish("a", None, &[], b"0123456789");
        assert!(output.has_room(10) && !output.has_room(11) && !output.has_room(usize::MAX));
        output.advance(6);
        assert_eq!(output.unwritten(), b"10\r\n0123456789\r\n");
        output.advance(10);
        assert_eq!(output.unwritten(), b"6789\r\n");
        output.advance(6);
        assert_eq!(output.unwritten(), b"");
        assert!(output.has_room(32));
    }

    #[test]
    fn pings_are_answered_a_little_beyond_the_limit() {
        let mut output = Output::new(32);
        output.publish("a", None, &[], &[b'x'; 32]);
        let waiting = output.unwritten().len();
        let answers = (0..100_000).filter(|_| output.pong()).count();
        assert!(!output.has_room(1) && answers > 1 && waiting + answers * "PONG\r\n".len() < 32 + ANSWERS + 6);
        output.advance(waiting);
        assert!(output.pong() && output.unwritten().ends_with(b"PONG\r\n"));
    }

    #[test]
    fn subjects_have_no_white_space_and_no_empty_words() {
        for subject in ["a", "a.b", "$JS.API.INFO", "_INBOX.x.1", "聊.天"] {
            assert!(is_subject(subject), "{subject}");
        }
        let long = "a".repeat(MAX_SUBJECT + 1);
        for text in ["", ".", "a.", ".a", "a..b", "a b", "a\r\nPUB b 0\r\n", "a\t", "a\0", long.as_str()] {
            assert!(!is_subject(text), "{text:?}");
        }
    }
}
