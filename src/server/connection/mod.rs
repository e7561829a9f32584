//! One connection: from a socket's bytes to the hub's lines, and from the hub's bytes to the socket.

pub(crate) mod transport;
pub(super) mod websocket;

use std::io::{self, IoSlice, Read, Write};
use std::time::Duration;

use log::debug;

use super::http::{Exchange, Frames};
use crate::chat::{Allowance, ClientId, Hub, Now};
use crate::wire::foreign::{FirstLine, Verdict};
use crate::wire::line::{Decoder, Item};

/// Slices written with one system call.
const SLICES: usize = 16;

/// Bytes thrown away of one who has been told to go, before the connection is closed.
const DRAIN_BUDGET: u32 = 256 * 1024;

/// How far a connection is on its way from open to closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its lines are carried out.
    Open,
    /// Its lines no longer count; what is owed to it is still written.
    Closing,
    /// Nothing more will be written; what it still sends is thrown away, since closing with unread
    /// input would turn the last lines into a reset.
    Draining,
    /// To be taken out of the slab at the end of the turn.
    Closed,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// All that there was; an event will tell of more.
    All,
    /// There may be more.
    More,
    /// It is faster than its rate: not before that time.
    Until(Duration),
    /// The others' lines have to be written first.
    AfterOthers,
    /// Its own replies have to be written first.
    AfterReplies,
    /// The peer sends no more.
    End,
    /// The connection broke.
    Lost,
}

/// What came of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Everything.
    UpToDate,
    /// A part; more is possible.
    More,
    /// What the socket took; an event will tell when it takes more.
    Blocked,
    /// The connection broke.
    Lost,
}

/// A client's socket with its buffers.
pub struct Connection<S> {
    pub stream: S,
    pub phase: Phase,
    /// It stands in the queue of those to be read from.
    pub queued: bool,
    /// It is not to be read from, whatever events come, until something else has happened.
    pub read_paused: bool,
    /// It waits for its own replies to be written.
    pub after_replies: bool,
    /// The peer has announced that it sends no more, or has sent urgent data; a short read is not the end then.
    pub hung_up: bool,
    /// The connection is broken; what has come before may still be read.
    pub broken: bool,
    /// The end of its input has been read.
    pub ended: bool,
    /// A deadline for unended input is set.
    pub eol_set: bool,
    /// A WebSocket has been told that it is closed.
    pub close_sent: bool,
    /// A WebSocket has been asked whether it is there, and has sent nothing since.
    pub pinged: bool,
    /// Its first line has been seen, and is no other protocol's.
    has_begun: bool,
    /// Distinguishes it from others in the same slot.
    pub serial: u32,
    /// Milliseconds: when it was last read from, or written to while closing.
    pub progress: u64,
    /// Bytes thrown away since it was told to go.
    drained: u32,
    /// What it speaks, and what is to be kept of it.
    pub protocol: Protocol,
}

/// What is spoken over a connection.
pub enum Protocol {
    /// Lines; `None` while there is nothing to be kept, as is the case with most.
    Lines(Option<Box<Input>>),
    /// HTTP; the hub does not know of it.
    Http(Box<Exchange>),
    /// `None` as above.
    WebSocket(Option<Box<Frames>>),
}

/// What is kept of the input between two reads.
#[derive(Default)]
pub struct Input {
    decoder: Decoder,
    /// What has been read and not been carried out.
    held: Vec<u8>,
    /// Until it has ended.
    first: FirstLine,
}

impl Input {
    fn is_idle(&self) -> bool {
        self.held.is_empty() && self.decoder.is_idle() && self.first.is_idle()
    }
}

impl<S: Read + Write> Connection<S> {
    /// A connection that has just been accepted.
    pub fn new(stream: S, serial: u32) -> Self {
        Connection {
            stream,
            phase: Phase::Open,
            queued: false,
            read_paused: false,
            after_replies: false,
            hung_up: false,
            broken: false,
            ended: false,
            eol_set: false,
            close_sent: false,
            pinged: false,
            has_begun: false,
            serial,
            progress: 0,
            drained: 0,
            protocol: Protocol::Lines(None),
        }
    }

    /// Reads once, into `block`, and gives the lines to the hub for as long as it takes them.
    pub fn receive(&mut self, hub: &mut Hub, id: ClientId, now: Now, block: &mut [u8], max_line: usize) -> Received {
        if self.is_web_socket() {
            return self.receive_frames(hub, id, now, block, max_line);
        }
        self.with_input(|connection, input| connection.receive_into(input, hub, id, now, block, max_line))
    }

    /// Lends the input that is kept, or some that is kept from then on if there is need.
    fn with_input<R>(&mut self, run: impl FnOnce(&mut Self, &mut Input) -> R) -> R {
        match self.lines_mut().and_then(Option::take) {
            Some(mut kept) => {
                let result = run(self, &mut kept);
                self.protocol = Protocol::Lines(Some(kept).filter(|kept| !kept.is_idle()));
                result
            }
            None => {
                let mut fresh = Input::default();
                let result = run(self, &mut fresh);
                if !fresh.is_idle() {
                    self.protocol = Protocol::Lines(Some(Box::new(fresh)));
                }
                result
            }
        }
    }

    fn receive_into(
        &mut self,
        input: &mut Input,
        hub: &mut Hub,
        id: ClientId,
        now: Now,
        block: &mut [u8],
        max_line: usize,
    ) -> Received {
        if !input.held.is_empty() {
            let mut held = std::mem::take(&mut input.held);
            let (taken, stop) = process_lines(&mut input.decoder, &held, hub, id, now, max_line);
            if let Some(stop) = stop {
                held.drain(..taken);
                input.held = held;
                return stop;
            }
        }
        match self.stream.read(block) {
            Ok(0) => {
                self.end_line_of(input, hub, id, now);
                self.ended = true;
                Received::End
            }
            Ok(n) => {
                self.progress = now.at.as_millis() as u64;
                hub.count_received(n);
                if !self.has_begun && self.is_foreign(input, Some(&block[..n]), hub, id, now) {
                    return Received::All;
                }
                let (taken, stop) = process_lines(&mut input.decoder, &block[..n], hub, id, now, max_line);
                if let Some(stop) = stop {
                    input.held = block[taken..n].to_vec();
                    return stop;
                }
                // A short read has emptied the socket (epoll(7)), but an end may stand behind it.
                if n == block.len() || self.hung_up { Received::More } else { Received::All }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::All,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::More,
            Err(_) => Received::Lost,
        }
    }

    fn lines(&self) -> Option<&Input> {
        if let Protocol::Lines(input) = &self.protocol { input.as_deref() } else { None }
    }

    fn lines_mut(&mut self) -> Option<&mut Option<Box<Input>>> {
        if let Protocol::Lines(input) = &mut self.protocol { Some(input) } else { None }
    }

    /// It speaks HTTP from now on.
    pub fn begin_exchange(&mut self, exchange: Exchange) {
        self.protocol = Protocol::Http(Box::new(exchange));
    }

    /// Whether it speaks HTTP.
    pub fn is_exchange(&self) -> bool {
        matches!(self.protocol, Protocol::Http(_))
    }

    /// Whether it speaks frames.
    pub fn is_web_socket(&self) -> bool {
        matches!(self.protocol, Protocol::WebSocket(_))
    }

    /// Whether it is one of the operator's programs.
    pub fn is_admin(&self) -> bool {
        matches!(&self.protocol, Protocol::Http(exchange) if exchange.is_admin)
    }

    /// Bytes kept of its input.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        match &self.protocol {
            Protocol::Lines(input) => input.as_ref().map_or(0, |input| input.held.len() + input.decoder.kept()),
            Protocol::Http(exchange) => exchange.kept(),
            Protocol::WebSocket(frames) => frames.as_ref().map_or(0, |frames| frames.kept()),
        }
    }

    /// Whether a line has begun and not ended.
    pub fn has_partial(&self) -> bool {
        self.lines().is_some_and(|input| input.decoder.has_partial())
    }

    /// Whether the line may go on in what has come and has not been looked at.
    pub fn has_more_input(&self) -> bool {
        self.queued || self.read_paused || self.lines().is_some_and(|input| !input.held.is_empty())
    }

    /// Takes unended input for a line.
    pub fn end_line(&mut self, hub: &mut Hub, id: ClientId, now: Now) {
        self.with_input(|connection, input| connection.end_line_of(input, hub, id, now));
    }

    fn end_line_of(&mut self, input: &mut Input, hub: &mut Hub, id: ClientId, now: Now) {
        if !self.has_begun && self.is_foreign(input, None, hub, id, now) {
            return;
        }
        if let Some(item) = input.decoder.finish() {
            give(hub, id, &item, now);
        }
    }

    /// Whether the next bytes, or `None` for the end of the line, show that another protocol is spoken.
    ///
    /// If so the client is told, and nothing that it has sent or will send counts.
    fn is_foreign(&mut self, input: &mut Input, bytes: Option<&[u8]>, hub: &mut Hub, id: ClientId, now: Now) -> bool {
        let verdict = match bytes {
            Some(bytes) => input.first.take(bytes),
            None => input.first.finish(),
        };
        self.has_begun = verdict != Verdict::Undecided;
        if self.has_begun {
            input.first = FirstLine::default();
        }
        let Verdict::Foreign(protocol) = verdict else { return false };
        debug!("client {} speaks another protocol: {protocol:?}", id.slot());
        *input = Input::default();
        hub.refuse_protocol(id, now);
        true
    }

    /// Writes what is owed to `id` until the socket is full, or `most` bytes have been written.
    pub fn flush(&mut self, hub: &mut Hub, id: ClientId, most: usize) -> Flushed {
        let mut written = 0;
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let lent = hub.gather(id, &mut slices);
            let result = match lent.slices {
                0 => {
                    hub.advance(id, lent, 0);
                    return Flushed::UpToDate;
                }
                1 => self.stream.write(&slices[0]),
                count => self.stream.write_vectored(&slices[..count]),
            };
            match result {
                Ok(0) => return Flushed::Lost,
                Ok(n) => {
                    hub.advance(id, lent, n);
                    written += n;
                    if n == lent.bytes && lent.slices < SLICES {
                        return Flushed::UpToDate;
                    }
                    if written >= most {
                        return Flushed::More;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    hub.blocked(id);
                    return Flushed::Blocked;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Lost,
            }
        }
    }

    /// Throws away what it still sends; whether the connection is now to be closed.
    pub fn drain(&mut self, block: &mut [u8]) -> bool {
        loop {
            match self.stream.read(block) {
                Ok(n) if n > 0 && self.drained < DRAIN_BUDGET => self.drained += n as u32,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => return true,
            }
        }
    }
}

/// Gives lines to the hub; returns how many bytes are done, and what stands in the way of more.
fn process_lines(
    decoder: &mut Decoder,
    bytes: &[u8],
    hub: &mut Hub,
    id: ClientId,
    now: Now,
    max_line: usize,
) -> (usize, Option<Received>) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let stop = match hub.allowance(id, now) {
            Allowance::Now => None,
            Allowance::At(time) => Some(Received::Until(time)),
            Allowance::AfterOthers => Some(Received::AfterOthers),
            Allowance::AfterReplies => Some(Received::AfterReplies),
            Allowance::Never => return (bytes.len(), None),
        };
        if stop.is_some() {
            return (bytes.len() - rest.len(), stop);
        }
        match decoder.next(&mut rest, max_line) {
            Some(Item::Answer(answer)) => hub.send_raw(id, &answer),
            Some(item) => give(hub, id, &item, now),
            None => break,
        }
    }
    (bytes.len(), None)
}

fn give(hub: &mut Hub, id: ClientId, item: &Item, now: Now) {
    if let Some(input) = item.input() {
        hub.line(id, input, now);
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        let size = size_of::<Connection<std::net::TcpStream>>();
        assert!(size <= 48, "{size} bytes");
    }
}
