//! Recognises clients of other protocols by their first bytes, in pieces of any size.
//!
//! A web page can make a browser send an HTTP request to any port of any machine, with any body
//! (`fetch`, mode `no-cors`). If only the first line were refused, the lines of the body would run as commands.
//!
//! HTTP/0.9 (`GET /` alone) is not recognised: such a request has neither fields nor body, so nothing follows it.

use serde::{Deserialize, Serialize};

use Protocol::{Binary, Http, Proxy, Rdp, Ssh, Tls};

/// A protocol that the line port does not support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// An HTTP request line of any version and method (RFC 9112, section 3).
    Http,
    /// The first record of a TLS handshake (RFC 8446, section 5.1).
    Tls,
    /// The identification string of an SSH client (RFC 4253, section 4.2).
    Ssh,
    /// The header, version 1, by which a proxy names its client (HAProxy, "The PROXY protocol"). Version 2 has a
    /// zero byte after its first line ends, and so counts as binary.
    Proxy,
    /// The packet header of Remote Desktop (RFC 1006, section 6).
    Rdp,
    /// A zero byte at the start, as in SMB, STUN and others; no text starts with one.
    Binary,
}

/// The result for the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first non-empty line has not ended.
    Undecided,
    /// An ordinary line.
    Line,
    /// Another protocol; all later bytes belong to it too.
    Foreign(Protocol),
}

/// The first bytes of a TLS client.
pub const TLS_START: &[u8] = b"\x16\x03";
/// The alert `handshake_failure`, which ends the connection of a TLS client (RFC 8446, section 6.2).
pub const TLS_ALERT: [u8; 7] = [21, 3, 1, 0, 2, 2, 40];

/// First bytes that identify a protocol before the line has ended.
const BEGINNINGS: [(&[u8], Protocol); 9] = [
    (TLS_START, Tls),
    (b"SSH-2.0-", Ssh),
    (b"SSH-1.99-", Ssh),
    (b"SSH-1.5-", Ssh),
    (b"PROXY TCP4 ", Proxy),
    (b"PROXY TCP6 ", Proxy),
    (b"PROXY UNKNOWN", Proxy),
    (b"\x03\0", Rdp),
    (b"\0", Binary),
];
/// The length of the longest one.
const LONGEST: usize = 13;
/// The start of an HTTP version.
const HTTP_NAME: &[u8] = b"HTTP/";

/// The state of the first word of the line, the method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Method {
    #[default]
    Begun,
    /// It is a token (RFC 9110, section 5.6.2) and was followed by a space.
    Ended,
    /// It is not a method.
    No,
}

/// The state of the last word of the line, the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    /// It is the first bytes of [`HTTP_NAME`], this many.
    Name(u8),
    /// The name and digits or dots.
    Numbered,
    /// As `Numbered`, followed by spaces.
    Ended,
    No,
}

/// The first line of a connection, as far as it has arrived; takes constant memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FirstLine {
    /// The first bytes; used only while one of [`BEGINNINGS`] is possible.
    head: [u8; LONGEST],
    length: u8,
    may_begin: bool,
    after_cr: bool,
    method: Method,
    version: Version,
}

impl Default for FirstLine {
    fn default() -> Self {
        FirstLine {
            head: [0; LONGEST],
            length: 0,
            may_begin: true,
            after_cr: false,
            method: Method::Begun,
            version: Version::Name(0),
        }
    }
}

impl FirstLine {
    /// Checks the next bytes of a connection; do not call it again after a decision.
    pub fn take(&mut self, bytes: &[u8]) -> Verdict {
        for &byte in bytes {
            let verdict = self.byte(byte);
            if verdict != Verdict::Undecided {
                return verdict;
            }
        }
        Verdict::Undecided
    }

    /// Decides at the end of input, or after a pause, as if the line had ended.
    pub fn finish(&mut self) -> Verdict {
        let is_request = self.method == Method::Ended && matches!(self.version, Version::Numbered | Version::Ended);
        match () {
            () if is_request => Verdict::Foreign(Http),
            () if self.is_empty() => Verdict::Undecided,
            () => Verdict::Line,
        }
    }

    /// Whether it is in its initial state, so that it need not be stored.
    pub fn is_idle(&self) -> bool {
        self.is_empty() && !self.after_cr
    }

    fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn byte(&mut self, byte: u8) -> Verdict {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\n' => return self.finish(),
            // CR NUL ends a line in telnet: see `line`.
            b'\0' if after_cr => return self.finish(),
            b'\r' => return Verdict::Undecided,
            _ => {}
        }
        if self.may_begin {
            self.head[usize::from(self.length)] = byte;
            let head = &self.head[..=usize::from(self.length)];
            if let Some(&(_, protocol)) = BEGINNINGS.iter().find(|(beginning, _)| *beginning == head) {
                return Verdict::Foreign(protocol);
            }
            self.may_begin = BEGINNINGS.iter().any(|(beginning, _)| beginning.starts_with(head));
        }
        self.method = match (self.method, byte) {
            (Method::Begun, b' ' | b'\t') if !self.is_empty() => Method::Ended,
            (Method::Begun, byte) if !is_token(byte) => Method::No,
            (method, _) => method,
        };
        self.version = self.version.with(byte);
        self.length = self.length.saturating_add(1);
        if self.method == Method::No && !self.may_begin { Verdict::Line } else { Verdict::Undecided }
    }
}

impl Version {
    fn with(self, byte: u8) -> Version {
        match (self, byte) {
            (Version::Numbered | Version::Ended, b' ' | b'\t') => Version::Ended,
            (_, b' ' | b'\t') => Version::Name(0),
            (Version::Name(count), byte) if HTTP_NAME.get(usize::from(count)) == Some(&byte) => {
                Version::Name(count + 1)
            }
            (Version::Name(count), b'0'..=b'9') if usize::from(count) == HTTP_NAME.len() => Version::Numbered,
            (Version::Numbered, b'0'..=b'9' | b'.') => Version::Numbered,
            (Version::Ended, byte) => Version::Name(0).with(byte),
            _ => Version::No,
        }
    }
}

/// Whether a byte may stand in a token.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_json::through_json;

    fn decide(pieces: &[&[u8]]) -> Verdict {
        let mut line = FirstLine::default();
        let found = pieces.iter().map(|piece| line.take(piece)).find(|&verdict| verdict != Verdict::Undecided);
        found.unwrap_or_else(|| line.finish())
    }

    /// Checks the bytes whole, byte by byte, and split in two at every position.
    #[track_caller]
    fn check(bytes: &[u8], expected: Verdict) {
        assert_eq!(decide(&[bytes]), expected, "whole: {}", bytes.escape_ascii());
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decide(&single), expected, "byte by byte: {}", bytes.escape_ascii());
        for middle in 0..=bytes.len() {
            let (a, b) = bytes.split_at(middle);
            assert_eq!(decide(&[a, b]), expected, "split at {middle}: {}", bytes.escape_ascii());
            let mut line = FirstLine::default();
            if line.take(a) == Verdict::Undecided {
                assert_eq!(through_json(&line), line, "handed over at {middle}: {}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn http_requests_of_any_method_version_and_length_are_foreign() {
        let long = format!("POST /{} HTTP/1.1\r\n", "a".repeat(10_000));
        for line in [
            "GET / HTTP/1.1\r\nHost: x\r\n",
            "POST /a?b=c HTTP/1.0\n",
            "OPTIONS * HTTP/1.1\r\n",
            "CONNECT localhost:4567 HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n",
            "PROPFIND /\tHTTP/1.1 \t\r\n",
            "m-search http://x/ HTTP/1.1\r\0",
            "GET /a b HTTP/1 HTTP/1.1\n",
            "\r\n\n\r\0GET / HTTP/1.1\n",
            "GET / HTTP/1.1",
            &long,
        ] {
            check(line.as_bytes(), Verdict::Foreign(Http));
        }
    }

    #[test]
    fn greetings_of_other_protocols_are_foreign() {
        for (bytes, protocol) in [
            (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], Tls),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Ssh),
            (b"SSH-1.99-x\r\n", Ssh),
            (b"\0\0\0\x54\xffSMBr\0\0\0\0", Binary),
            (b"\0\0\0\xa4\xfeSMB\x40\0", Binary),
            (b"\0\x01\0\0\x21\x12\xa4\x42", Binary),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", Binary),
            (b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 4567\r\nalice\r\n", Proxy),
            (b"PROXY UNKNOWN\r\n", Proxy),
            (b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=x\r\n", Rdp),
        ] {
            check(bytes, Verdict::Foreign(protocol));
        }
    }

    #[test]
    fn ordinary_first_lines_are_lines() {
        for line in [
            "alice\n",
            "alice",
            "\r\nalice\r\n",
            "\r\0alice\r\0",
            "GET\n",
            "GET /\n",
            "HTTP/1.1\n",
            " HTTP/1.1\n",
            "HTTP/1.1 is spoken where?\n",
            "do you know HTTP/1.1?\n",
            "I know HTTP/ and HTTP/x\n",
            "你好 HTTP/1.1\n",
            "SSH-2.0\n",
            "PROXY TCP\n",
            "/json room=lobby\n",
            "\x03alice\n",
            "\x16alice\n",
            "\x1b[Aalice\n",
        ] {
            check(line.as_bytes(), Verdict::Line);
        }
        check(&[255, 253, 1, b'a', b'\n'], Verdict::Line);
    }

    #[test]
    fn empty_lines_decide_nothing() {
        for bytes in [&b""[..], b"\r", b"\r\n\n\r\0", b"\n\r"] {
            check(bytes, Verdict::Undecided);
        }
        let mut line = FirstLine::default();
        assert!(line.is_idle());
        assert_eq!(line.take(b"\r\n"), Verdict::Undecided);
        assert!(line.is_idle());
        // A zero byte after this CR would end a line.
        line.take(b"\r");
        assert!(!line.is_idle());
    }
}
