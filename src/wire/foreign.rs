//! Recognises clients of other protocols by what they send first, in whatever pieces it comes.
//!
//! A web page can have a browser send an HTTP request to any port of any machine, with a body of the page's choice
//! (`fetch`, mode `no-cors`). If its first line were merely refused, the lines of the body would be carried out.
//!
//! HTTP/0.9 (`GET /` alone) is not looked for: such a request has neither fields nor body, so nothing follows it.

use Protocol::{Binary, Http, Proxy, Rdp, Ssh, Tls};

/// A protocol that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A request line of HTTP, any version and method (RFC 9112, section 3).
    Http,
    /// The first record of a handshake (RFC 8446, section 5.1).
    Tls,
    /// The identification of a client (RFC 4253, section 4.2).
    Ssh,
    /// A header by which a proxy tells for whom it comes, version 1 (HAProxy, "The PROXY protocol"). Version 2 has a
    /// zero byte behind its first line ends, and so counts as binary.
    Proxy,
    /// The header of a packet as Remote Desktop sends it (RFC 1006, section 6).
    Rdp,
    /// No text begins with a zero byte, but the messages of SMB, STUN and others do.
    Binary,
}

/// What is known so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first line that is not empty has not ended.
    Undecided,
    /// A line as any other.
    Line,
    /// Not for us, nor what comes after it.
    Foreign(Protocol),
}

/// Beginnings that tell the protocol before the line has ended.
const BEGINNINGS: [(&[u8], Protocol); 9] = [
    (b"\x16\x03", Tls),
    (b"SSH-2.0-", Ssh),
    (b"SSH-1.99-", Ssh),
    (b"SSH-1.5-", Ssh),
    (b"PROXY TCP4 ", Proxy),
    (b"PROXY TCP6 ", Proxy),
    (b"PROXY UNKNOWN", Proxy),
    (b"\x03\0", Rdp),
    (b"\0", Binary),
];
/// The longest of them.
const LONGEST: usize = 13;
/// What a version of HTTP begins with.
const NAME: &[u8] = b"HTTP/";

/// How the first word of the line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Method {
    #[default]
    Begun,
    /// It is a token (RFC 9110, section 5.6.2), and ends at a space.
    Ended,
    /// It is no method.
    No,
}

/// How the last word of the line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// It has so many of the bytes of [`NAME`], and no others.
    Name(u8),
    /// Digits and dots follow the name.
    Numbered,
    /// As before, and spaces follow.
    Ended,
    No,
}

/// The first line of a connection, as far as it has come; nothing of its length is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstLine {
    /// Its first bytes; only looked at while one of the beginnings is possible.
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
    /// Looks at the next bytes of a connection; not to be called again once it has decided.
    pub fn take(&mut self, bytes: &[u8]) -> Verdict {
        for &byte in bytes {
            let verdict = self.byte(byte);
            if verdict != Verdict::Undecided {
                return verdict;
            }
        }
        Verdict::Undecided
    }

    /// The line is over, though no line end has come.
    pub fn finish(&mut self) -> Verdict {
        let is_request = self.method == Method::Ended && matches!(self.version, Version::Numbered | Version::Ended);
        match () {
            () if is_request => Verdict::Foreign(Http),
            () if self.is_empty() => Verdict::Undecided,
            () => Verdict::Line,
        }
    }

    /// Whether it is as it was at first, so that it need not be kept.
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
            // As in telnet: see `line`.
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
            (Version::Name(count), byte) if NAME.get(usize::from(count)) == Some(&byte) => Version::Name(count + 1),
            (Version::Name(count), b'0'..=b'9') if usize::from(count) == NAME.len() => Version::Numbered,
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

    fn decide(pieces: &[&[u8]]) -> Verdict {
        let mut line = FirstLine::default();
        let found = pieces.iter().map(|piece| line.take(piece)).find(|&verdict| verdict != Verdict::Undecided);
        found.unwrap_or_else(|| line.finish())
    }

    /// The same bytes whole, byte by byte, and split in two at every place.
    #[track_caller]
    fn check(bytes: &[u8], expected: Verdict) {
        assert_eq!(decide(&[bytes]), expected, "whole: {}", bytes.escape_ascii());
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decide(&single), expected, "byte by byte: {}", bytes.escape_ascii());
        for middle in 0..=bytes.len() {
            let (a, b) = bytes.split_at(middle);
            assert_eq!(decide(&[a, b]), expected, "split at {middle}: {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn requests_of_http_are_foreign_whatever_their_method_version_and_length() {
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
    fn what_people_and_programs_send_first_is_a_line() {
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
    fn nothing_is_decided_before_something_has_come() {
        for bytes in [&b""[..], b"\r", b"\r\n\n\r\0", b"\n\r"] {
            check(bytes, Verdict::Undecided);
        }
        let mut line = FirstLine::default();
        assert!(line.is_idle());
        assert_eq!(line.take(b"\r\n"), Verdict::Undecided);
        assert!(line.is_idle());
        // A zero byte behind this CR would be the end of a line.
        line.take(b"\r");
        assert!(!line.is_idle());
    }
}
