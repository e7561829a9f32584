//! Finds the operations of a server in the bytes that come.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::headers::Headers;

/// The longest line of an operation in bytes; nats-server's own limit for lines of clients.
pub const MAX_LINE: usize = 4096;

/// The longest line of an `INFO` in bytes: it lists the addresses of all servers of the cluster.
pub const MAX_INFO: usize = 64 * 1024;

/// Read bytes before this place are removed once there are so many.
const COMPACT_AT: usize = 64 * 1024;

/// An operation of the server.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerOp<'a> {
    /// What the server says of itself, in JSON.
    Info(&'a [u8]),
    Message(Message<'a>),
    Ping,
    Pong,
    Ok,
    /// The text of an error.
    Error(Cow<'a, str>),
}

/// A message that the server delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub subject: &'a str,
    /// The subscription that it is for.
    pub sid: u64,
    /// Where an answer is expected.
    pub reply: Option<&'a str>,
    pub headers: Headers<'a>,
    pub payload: &'a [u8],
}

/// Why bytes are no NATS; the connection cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("a line of more than {0} bytes")]
    Line(usize),
    #[error("an unknown operation")]
    Operation,
    #[error("a message without a valid subject, subscription or length")]
    Arguments,
    #[error("a message of {size} bytes; {limit} are allowed")]
    Size { size: usize, limit: usize },
    #[error("damaged headers")]
    Headers,
    #[error("a message that does not end where it says")]
    End,
}

/// Where the parts of a message are in the buffer, from the start of its line.
struct Layout {
    subject: Range<usize>,
    sid: u64,
    reply: Option<Range<usize>>,
    /// The length of the headers, then of headers and payload.
    headers: usize,
    total: usize,
}

/// Keeps the bytes that came until an operation is complete.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// The bytes before it have been read.
    start: usize,
    /// So many of the unread bytes are known to have no end of a line.
    scanned: usize,
    /// The most bytes of headers and payload together.
    max_message: usize,
}

impl Decoder {
    /// Makes an empty decoder; a message may have `max_message` bytes of headers and payload.
    pub fn new(max_message: usize) -> Self {
        Decoder { buffer: Vec::new(), start: 0, scanned: 0, max_message }
    }

    /// Takes bytes that came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start >= COMPACT_AT {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Forgets all bytes, for a new connection.
    pub fn clear(&mut self) {
        *self = Decoder::new(self.max_message);
    }

    /// The bytes that are no complete operation.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Returns the next operation; `None` until more bytes come.
    ///
    /// # Errors
    /// If the bytes are no operation, or one that is too long.
    pub fn next(&mut self) -> Result<Option<ServerOp<'_>>, ProtocolError> {
        let unread = &self.buffer[self.start..];
        let limit =
            if unread.get(..4).is_some_and(|op| op.eq_ignore_ascii_case(b"INFO")) { MAX_INFO } else { MAX_LINE };
        let end = memchr(b'\n', &unread[self.scanned..]).map(|at| self.scanned + at);
        self.scanned = end.unwrap_or(unread.len());
        if self.scanned > limit {
            return Err(ProtocolError::Line(limit));
        }
        let Some(end) = end else { return Ok(None) };
        let line = unread[..end].strip_suffix(b"\r").unwrap_or(&unread[..end]);
        let name = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        let mut op = [0; 4];
        let Some(upper) = op.get_mut(..name) else { return Err(ProtocolError::Operation) };
        upper.copy_from_slice(&line[..name]);
        upper.make_ascii_uppercase();
        let layout = match &op {
            b"MSG\0" => layout(line, name, false)?,
            b"HMSG" => layout(line, name, true)?,
            _ => {
                let arguments = self.start + name..self.start + line.len();
                self.consume(end + 1);
                return simple(op, self.buffer[arguments].trim_ascii()).map(Some);
            }
        };
        if layout.total > self.max_message {
            return Err(ProtocolError::Size { size: layout.total, limit: self.max_message });
        }
        let body = end + 1;
        let Some(rest) = unread.get(body + layout.total..body + layout.total + 2) else { return Ok(None) };
        if rest != b"\r\n" {
            return Err(ProtocolError::End);
        }
        let start = self.start;
        self.consume(body + layout.total + 2);
        message(&self.buffer[start..], body, &layout).map(|message| Some(ServerOp::Message(message)))
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.scanned = 0;
    }
}

/// An operation that is a line alone.
fn simple(op: [u8; 4], arguments: &[u8]) -> Result<ServerOp<'_>, ProtocolError> {
    match &op {
        b"INFO" => Ok(ServerOp::Info(arguments)),
        b"PING" => Ok(ServerOp::Ping),
        b"PONG" => Ok(ServerOp::Pong),
        b"+OK\0" => Ok(ServerOp::Ok),
        b"-ERR" => {
            let text = arguments.strip_prefix(b"'").unwrap_or(arguments);
            Ok(ServerOp::Error(String::from_utf8_lossy(text.strip_suffix(b"'").unwrap_or(text))))
        }
        _ => Err(ProtocolError::Operation),
    }
}

/// Reads the line of a message: `MSG SUBJECT SID [REPLY] TOTAL` or `HMSG SUBJECT SID [REPLY] HEADERS TOTAL`.
fn layout(line: &[u8], name: usize, has_headers: bool) -> Result<Layout, ProtocolError> {
    let text = str::from_utf8(line).map_err(|_| ProtocolError::Arguments)?;
    let mut words = [""; 5];
    let mut count = 0;
    for word in text[name..].split_ascii_whitespace() {
        *words.get_mut(count).ok_or(ProtocolError::Arguments)? = word;
        count += 1;
    }
    let numbers = 1 + usize::from(has_headers);
    let has_reply = match count.checked_sub(2 + numbers) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(ProtocolError::Arguments),
    };
    let place = |word: &str| {
        let at = word.as_ptr().addr() - text.as_ptr().addr();
        at..at + word.len()
    };
    let number = |word: &str| word.parse::<usize>().map_err(|_| ProtocolError::Arguments);
    let (headers, total) = (if has_headers { number(words[count - 2])? } else { 0 }, number(words[count - 1])?);
    if headers > total {
        return Err(ProtocolError::Headers);
    }
    Ok(Layout {
        subject: place(words[0]),
        sid: words[1].parse().map_err(|_| ProtocolError::Arguments)?,
        reply: has_reply.then(|| place(words[2])),
        headers,
        total,
    })
}

fn message<'a>(bytes: &'a [u8], body: usize, layout: &Layout) -> Result<Message<'a>, ProtocolError> {
    let text = |range: &Range<usize>| str::from_utf8(&bytes[range.clone()]).map_err(|_| ProtocolError::Arguments);
    let headers = match &bytes[body..body + layout.headers] {
        [] => Headers::default(),
        headers => Headers::new(headers).ok_or(ProtocolError::Headers)?,
    };
    Ok(Message {
        subject: text(&layout.subject)?,
        sid: layout.sid,
        reply: layout.reply.as_ref().map(text).transpose()?,
        headers,
        payload: &bytes[body + layout.headers..body + layout.total],
    })
}

#[cfg(test)]
mod tests;
