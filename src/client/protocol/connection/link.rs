//! Reads and writes lines on the connection to the server.

use std::borrow::Cow;
use std::io;

use super::transport::Transport;
use crate::wire::line::{LineDecoder, LineItem};
use crate::wire::sanitize;

/// The longest line that is accepted from a server, in bytes.
pub const MAX_LINE: usize = 1024 * 1024;

/// The size of one read in bytes.
const BLOCK: usize = 16 * 1024;

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// There may be more to read.
    More,
    /// Everything has been read; an event will report more.
    All,
    /// The server has closed its side.
    End,
}

/// Whether our side of the connection is open for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteState {
    Open,
    /// Writing ends after the queued bytes.
    Closing,
    /// The connection is shut down for writing.
    Closed,
}

/// A connection with its output queue and the unfinished input line.
pub struct Link {
    transport: Transport,
    decoder: LineDecoder,
    outgoing: Vec<u8>,
    /// How many bytes of `outgoing` the transport has accepted.
    sent: usize,
    write_state: WriteState,
}

impl Link {
    /// Takes a connection whose events the caller has registered.
    pub fn new(transport: Transport) -> Self {
        Link {
            transport,
            decoder: LineDecoder::default(),
            outgoing: Vec::new(),
            sent: 0,
            write_state: WriteState::Open,
        }
    }

    /// Queues a line.
    pub fn queue_line(&mut self, line: &str) {
        self.outgoing.extend_from_slice(line.as_bytes());
        self.outgoing.push(b'\n');
    }

    /// Queues bytes unchanged.
    pub fn queue_bytes(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Returns the number of bytes that the transport has not accepted yet.
    pub fn unwritten(&self) -> usize {
        self.outgoing.len() - self.sent
    }

    /// Shuts down writing once all queued bytes are written.
    pub fn finish(&mut self) {
        if self.write_state == WriteState::Open {
            self.write_state = WriteState::Closing;
        }
    }

    /// Writes what the socket accepts.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.unwritten() > 0 {
            match self.transport.write(&self.outgoing[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        if self.outgoing.capacity() > BLOCK {
            self.outgoing = Vec::new();
        }
        let is_flushed = match self.write_state {
            WriteState::Open => self.transport.flush()?,
            WriteState::Closing => self.transport.close()?,
            WriteState::Closed => return Ok(()),
        };
        if is_flushed && self.write_state == WriteState::Closing {
            self.write_state = WriteState::Closed;
        }
        Ok(())
    }

    /// Reads a block and calls `handle_line` with each line, without control characters.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn receive(&mut self, mut handle_line: impl FnMut(&str)) -> io::Result<ReadOutcome> {
        let mut block = [0; BLOCK];
        let n = match self.transport.read(&mut block) {
            Ok(0) => {
                if let Some(item) = self.decoder.finish() {
                    handle_line(&shown(&item));
                }
                return Ok(ReadOutcome::End);
            }
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(ReadOutcome::More),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(ReadOutcome::All),
            Err(error) => return Err(error),
        };
        let mut bytes = &block[..n];
        while let Some(item) = self.decoder.next(&mut bytes, MAX_LINE) {
            match item {
                LineItem::Telnet(answer) => self.outgoing.extend(answer.into_iter().flatten()),
                item => handle_line(&shown(&item)),
            }
        }
        Ok(ReadOutcome::More)
    }

    /// Returns the unfinished line; it is a prompt if nothing follows.
    pub fn unended(&self) -> String {
        let mut bytes = self.decoder.partial();
        // Leaves out a character whose last bytes have not come yet.
        if let Some(last) = bytes.utf8_chunks().last()
            && str::from_utf8(last.invalid()).is_err_and(|error| error.error_len().is_none())
        {
            bytes = &bytes[..bytes.len() - last.invalid().len()];
        }
        sanitize::clean(&String::from_utf8_lossy(bytes)).into_owned()
    }

    /// Whether there is an unfinished line.
    pub fn has_unended(&self) -> bool {
        !self.decoder.partial().is_empty()
    }
}

fn shown<'a>(item: &'a LineItem) -> Cow<'a, str> {
    match item {
        LineItem::Line(line) => Cow::Borrowed(line),
        LineItem::NotUtf8(bytes) => sanitize::clean(&String::from_utf8_lossy(bytes)).into_owned().into(),
        LineItem::TooLong => Cow::Owned(format!("(a line of more than {MAX_LINE} bytes is left out)")),
        LineItem::Telnet(_) => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use mio::net::TcpStream;

    use super::*;

    /// Returns a link and its other end.
    fn pair() -> (Link, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_nonblocking(true).unwrap();
        let (far, _) = listener.accept().unwrap();
        (Link::new(Transport::Plain(TcpStream::from_std(near))), far)
    }

    /// Reads all lines up to the end.
    fn all_lines(link: &mut Link) -> Vec<String> {
        let mut lines = Vec::new();
        while link.receive(|line| lines.push(line.to_owned())).unwrap() != ReadOutcome::End {}
        lines
    }

    #[test]
    fn server_control_sequences_are_removed() {
        let (mut link, mut far) = pair();
        far.write_all("\x1b[31mred\x1b[0m\x07\r\n\x1b]0;title\x07x\n\u{9b}2Jy\na\u{202e}b\n".as_bytes()).unwrap();
        far.write_all(b"\x1b[2Junended").unwrap();
        drop(far);
        assert_eq!(all_lines(&mut link), ["red", "x", "y", "ab", "unended"]);
    }

    #[test]
    fn invalid_utf8_is_replaced_and_rest_shown() {
        let (mut link, mut far) = pair();
        far.write_all(b"caf\xe9 \x1b[2Jau lait\n").unwrap();
        drop(far);
        assert_eq!(all_lines(&mut link), ["caf\u{fffd} au lait"]);
    }

    #[test]
    fn overlong_line_is_reported_and_next_is_whole() {
        let (mut link, mut far) = pair();
        far.set_nonblocking(true).unwrap();
        let sent = [&vec![b'x'; MAX_LINE + 1][..], b"\nnext\n"].concat();
        let (mut rest, mut lines) = (&sent[..], Vec::new());
        while lines.len() < 2 {
            if let Ok(n) = far.write(rest) {
                rest = &rest[n..];
            }
            let _ = link.receive(|line| lines.push(line.to_owned())).unwrap();
        }
        assert_eq!(lines, [format!("(a line of more than {MAX_LINE} bytes is left out)"), "next".into()]);
    }

    #[test]
    fn telnet_options_are_refused_and_not_shown() {
        let (mut link, mut far) = pair();
        far.write_all(b"\xff\xfb\x01name: ").unwrap();
        while link.unended() != "name: " {
            let _ = link.receive(|line| panic!("{line}")).unwrap();
        }
        link.queue_line("alice");
        link.finish();
        link.flush().unwrap();
        let mut got = Vec::new();
        far.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"\xff\xfe\x01alice\n");
    }
}
