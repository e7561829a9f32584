//! The connection to the server: lines out, lines in.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::wire::hygiene;
use crate::wire::line::{Decoder, Item};

/// The longest line that is taken from a server, in bytes.
pub const MAX_LINE: usize = 1024 * 1024;

/// Bytes read at once.
const BLOCK: usize = 16 * 1024;

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// There may be more.
    More,
    /// All that there was; an event will tell of more.
    All,
    /// The server sends no more.
    End,
}

/// Whether more is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Open,
    /// No more than what is outgoing.
    Wanted,
    /// The server has been told that no more will come.
    Done,
}

/// A connected socket with what it has not taken yet and the line that has not ended yet.
pub struct Link {
    stream: TcpStream,
    decoder: Decoder,
    outgoing: Vec<u8>,
    /// How many of `outgoing` the socket has taken.
    sent: usize,
    ending: Ending,
}

impl Link {
    /// Has the events of `stream` come under `token`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(mut stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Link { stream, decoder: Decoder::default(), outgoing: Vec::new(), sent: 0, ending: Ending::Open })
    }

    /// Queues a line.
    pub fn say(&mut self, line: &str) {
        self.outgoing.extend_from_slice(line.as_bytes());
        self.outgoing.push(b'\n');
    }

    /// Queues bytes as they are.
    pub fn pass_on(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Bytes that the socket has not taken yet.
    pub fn owed(&self) -> usize {
        self.outgoing.len() - self.sent
    }

    /// Tells the server that no more will come, once all that is queued is written.
    pub fn end(&mut self) {
        if self.ending == Ending::Open {
            self.ending = Ending::Wanted;
        }
    }

    /// Writes what the socket takes.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.owed() > 0 {
            match self.stream.write(&self.outgoing[self.sent..]) {
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
        if self.ending == Ending::Wanted {
            self.ending = Ending::Done;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Reads a block; `hear` gets each line, cleaned of all that could be a command to a terminal.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn receive(&mut self, mut hear: impl FnMut(&str)) -> io::Result<Received> {
        let mut block = [0; BLOCK];
        let n = match self.stream.read(&mut block) {
            Ok(0) => {
                if let Some(item) = self.decoder.finish() {
                    hear(&shown(&item));
                }
                return Ok(Received::End);
            }
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Received::More),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received::All),
            Err(error) => return Err(error),
        };
        let mut bytes = &block[..n];
        while let Some(item) = self.decoder.next(&mut bytes, MAX_LINE) {
            match item {
                Item::Answer(answer) => self.outgoing.extend_from_slice(&answer),
                item => hear(&shown(&item)),
            }
        }
        Ok(Received::More)
    }

    /// What has come of a line that has not ended: a prompt, if nothing follows.
    pub fn unended(&self) -> String {
        let mut bytes = self.decoder.partial();
        // Of a character only the beginning may have come.
        if let Some(last) = bytes.utf8_chunks().last()
            && str::from_utf8(last.invalid()).is_err_and(|error| error.error_len().is_none())
        {
            bytes = &bytes[..bytes.len() - last.invalid().len()];
        }
        hygiene::clean(&String::from_utf8_lossy(bytes)).into_owned()
    }

    /// Whether a line has begun and not ended.
    pub fn has_unended(&self) -> bool {
        !self.decoder.partial().is_empty()
    }
}

fn shown<'a>(item: &'a Item) -> Cow<'a, str> {
    match item {
        Item::Line(line) => Cow::Borrowed(line),
        Item::NotUtf8(bytes) => hygiene::clean(&String::from_utf8_lossy(bytes)).into_owned().into(),
        Item::TooLong => Cow::Owned(format!("(a line of more than {MAX_LINE} bytes is left out)")),
        Item::Answer(_) => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use mio::Poll;

    use super::*;

    /// A link and its other end.
    fn pair() -> (Link, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_nonblocking(true).unwrap();
        let (far, _) = listener.accept().unwrap();
        let poll = Poll::new().unwrap();
        (Link::new(TcpStream::from_std(near), poll.registry(), Token(0)).unwrap(), far)
    }

    /// All lines up to the end.
    fn heard(link: &mut Link) -> Vec<String> {
        let mut lines = Vec::new();
        while link.receive(|line| lines.push(line.to_owned())).unwrap() != Received::End {}
        lines
    }

    #[test]
    fn no_control_sequence_of_the_server_comes_through() {
        let (mut link, mut far) = pair();
        far.write_all("\x1b[31mred\x1b[0m\x07\r\n\x1b]0;title\x07x\n\u{9b}2Jy\na\u{202e}b\n".as_bytes()).unwrap();
        far.write_all(b"\x1b[2Junended").unwrap();
        drop(far);
        assert_eq!(heard(&mut link), ["red", "x", "y", "ab", "unended"]);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_shown_as_far_as_they_are() {
        let (mut link, mut far) = pair();
        far.write_all(b"caf\xe9 \x1b[2Jau lait\n").unwrap();
        drop(far);
        assert_eq!(heard(&mut link), ["caf\u{fffd} au lait"]);
    }

    #[test]
    fn a_line_past_the_bound_is_told_of_and_the_next_one_is_whole() {
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
    fn telnet_options_are_refused_and_never_shown() {
        let (mut link, mut far) = pair();
        far.write_all(b"\xff\xfb\x01name: ").unwrap();
        while link.unended() != "name: " {
            let _ = link.receive(|line| panic!("{line}")).unwrap();
        }
        link.say("alice");
        link.end();
        link.flush().unwrap();
        let mut got = Vec::new();
        far.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"\xff\xfe\x01alice\n");
    }
}
