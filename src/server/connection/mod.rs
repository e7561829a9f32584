//! One connection: decodes a socket's bytes to lines for the hub, and writes the hub's bytes.

pub(crate) mod transport;
pub(super) mod websocket;

use std::io::{self, IoSlice, Read, Write};
use std::time::Duration;

use log::debug;

use super::http::{Exchange, FrameInput};
use crate::chat::{Allowance, ClientId, Hub, Now};
use crate::wire::foreign::{FirstLine, Verdict};
use crate::wire::line::{LineDecoder, LineItem};

/// Slices written with one system call.
const SLICES: usize = 16;

/// Input bytes discarded from a closing connection before it is closed at once.
const DRAIN_BUDGET: u32 = 256 * 1024;

/// The phase of a connection, from open to closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its lines are processed.
    Open,
    /// Its lines are ignored; its unread output is still written.
    Closing,
    /// Writing is shut down; its input is discarded, since closing a socket with unread
    /// input would send a reset and lose the last lines.
    Draining,
    /// To be removed from the slab at the end of the turn.
    Closed,
}

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Everything was read; an event announces more.
    All,
    /// There may be more.
    More,
    /// The client is over its rate limit until this time.
    Until(Duration),
    /// Other clients' lines have to be written first.
    AfterOthers,
    /// Its own replies have to be written first.
    AfterReplies,
    /// End of input.
    End,
    /// The connection broke.
    Lost,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Everything.
    UpToDate,
    /// A part; the socket takes more.
    More,
    /// The socket is full; an event announces room.
    Blocked,
    /// The connection broke.
    Lost,
}

/// A client's socket with its buffers.
pub struct Connection<S> {
    pub stream: S,
    pub phase: Phase,
    /// It is queued for reading.
    pub queued: bool,
    /// Reading is paused, whatever events come.
    pub read_paused: bool,
    /// It is paused until its own replies have been written.
    pub after_replies: bool,
    /// The peer has shut down sending, or sent urgent data; a short read does not mean an empty socket then.
    pub hung_up: bool,
    /// The connection is broken; earlier input may still be read.
    pub broken: bool,
    /// The end of its input has been read.
    pub ended: bool,
    /// A deadline for unended input is set.
    pub eol_set: bool,
    /// A close frame has been queued.
    pub close_sent: bool,
    /// A ping has been sent, and nothing received since.
    pub pinged: bool,
    /// Its first line has been checked, and is not of another protocol.
    has_begun: bool,
    /// Distinguishes it from earlier connections in its slot.
    pub serial: u32,
    /// Time of the last read, or of the last write while closing, in milliseconds.
    pub progress: u64,
    /// Input bytes discarded while draining.
    drained: u32,
    /// The protocol, with the state of its input.
    pub protocol: Protocol,
}

/// The protocol of a connection, with the state of its input.
pub enum Protocol {
    /// Lines; `None` while there is no state to keep, which is the common case.
    Lines(Option<Box<LineInput>>),
    /// HTTP, which is unknown to the hub.
    Http(Box<Exchange>),
    /// WebSocket frames; `None` as above.
    WebSocket(Option<Box<FrameInput>>),
}

/// Line input kept between two reads.
#[derive(Default)]
pub struct LineInput {
    decoder: LineDecoder,
    /// Bytes that have been read and not processed.
    held: Vec<u8>,
    /// The check of the first line, until that ends.
    first: FirstLine,
}

impl LineInput {
    fn is_idle(&self) -> bool {
        self.held.is_empty() && self.decoder.is_idle() && self.first.is_idle()
    }
}

impl<S: Read + Write> Connection<S> {
    /// Creates a connection that has just been accepted.
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

    /// Reads once, into `block`, and passes lines to the hub while it accepts them.
    pub fn receive(&mut self, hub: &mut Hub, id: ClientId, now: Now, block: &mut [u8], max_line: usize) -> Received {
        if self.is_web_socket() {
            return self.receive_frames(hub, id, now, block, max_line);
        }
        self.with_input(|connection, input| connection.receive_into(input, hub, id, now, block, max_line))
    }

    /// Runs `run` on the kept input, or on a new one that is kept only if it holds something.
    fn with_input<R>(&mut self, run: impl FnOnce(&mut Self, &mut LineInput) -> R) -> R {
        match self.lines_mut().and_then(Option::take) {
            Some(mut kept) => {
                let result = run(self, &mut kept);
                self.protocol = Protocol::Lines(Some(kept).filter(|kept| !kept.is_idle()));
                result
            }
            None => {
                let mut fresh = LineInput::default();
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
        input: &mut LineInput,
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
                // A short read has emptied the socket (epoll(7)), but an end may follow.
                if n == block.len() || self.hung_up { Received::More } else { Received::All }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::All,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::More,
            Err(_) => Received::Lost,
        }
    }

    fn lines(&self) -> Option<&LineInput> {
        if let Protocol::Lines(input) = &self.protocol { input.as_deref() } else { None }
    }

    fn lines_mut(&mut self) -> Option<&mut Option<Box<LineInput>>> {
        if let Protocol::Lines(input) = &mut self.protocol { Some(input) } else { None }
    }

    /// Switches the connection to HTTP.
    pub fn begin_exchange(&mut self, exchange: Exchange) {
        self.protocol = Protocol::Http(Box::new(exchange));
    }

    /// Whether it speaks HTTP.
    pub fn is_exchange(&self) -> bool {
        matches!(self.protocol, Protocol::Http(_))
    }

    /// Whether it is a WebSocket.
    pub fn is_web_socket(&self) -> bool {
        matches!(self.protocol, Protocol::WebSocket(_))
    }

    /// Whether it belongs to the admin listener.
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

    /// Whether an unfinished line is buffered.
    pub fn has_partial(&self) -> bool {
        self.lines().is_some_and(|input| input.decoder.has_partial())
    }

    /// Whether unread or unprocessed input may continue the line.
    pub fn has_more_input(&self) -> bool {
        self.queued || self.read_paused || self.lines().is_some_and(|input| !input.held.is_empty())
    }

    /// Ends the unfinished line, as if a line end had come.
    pub fn end_line(&mut self, hub: &mut Hub, id: ClientId, now: Now) {
        self.with_input(|connection, input| connection.end_line_of(input, hub, id, now));
    }

    fn end_line_of(&mut self, input: &mut LineInput, hub: &mut Hub, id: ClientId, now: Now) {
        if !self.has_begun && self.is_foreign(input, None, hub, id, now) {
            return;
        }
        if let Some(item) = input.decoder.finish() {
            pass_line(hub, id, &item, now);
        }
    }

    /// Whether the next bytes, or `None` for the end of the line, show that another protocol is spoken.
    ///
    /// If so the client is refused, and all its input is ignored.
    fn is_foreign(
        &mut self,
        input: &mut LineInput,
        bytes: Option<&[u8]>,
        hub: &mut Hub,
        id: ClientId,
        now: Now,
    ) -> bool {
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
        *input = LineInput::default();
        hub.handle_foreign_protocol(id, now);
        true
    }

    /// Writes the unread bytes of `id` until the socket is full, or `most` bytes have been written.
    pub fn flush(&mut self, hub: &mut Hub, id: ClientId, most: usize) -> Flushed {
        let mut written = 0;
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let lent = hub.gather(id, &mut slices);
            let result = match lent.slices {
                0 => {
                    hub.handle_written(id, lent, 0);
                    return Flushed::UpToDate;
                }
                1 => self.stream.write(&slices[0]),
                count => self.stream.write_vectored(&slices[..count]),
            };
            match result {
                Ok(0) => return Flushed::Lost,
                Ok(n) => {
                    hub.handle_written(id, lent, n);
                    written += n;
                    if n == lent.bytes && lent.slices < SLICES {
                        return Flushed::UpToDate;
                    }
                    if written >= most {
                        return Flushed::More;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    hub.handle_blocked(id);
                    return Flushed::Blocked;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Lost,
            }
        }
    }

    /// Discards input; returns whether the connection can be closed now.
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

/// Passes lines to the hub; returns the number of processed bytes, and the reason to stop before the end.
fn process_lines(
    decoder: &mut LineDecoder,
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
            Allowance::AfterReplies | Allowance::AfterCommit => Some(Received::AfterReplies),
            Allowance::Never => return (bytes.len(), None),
        };
        if stop.is_some() {
            return (bytes.len() - rest.len(), stop);
        }
        match decoder.next(&mut rest, max_line) {
            Some(LineItem::Answer(answer)) => hub.send_raw(id, &answer),
            Some(item) => pass_line(hub, id, &item, now),
            None => break,
        }
    }
    (bytes.len(), None)
}

fn pass_line(hub: &mut Hub, id: ClientId, item: &LineItem, now: Now) {
    if let Some(input) = item.input() {
        hub.handle_line(id, input, now);
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connection_takes_at_most_48_bytes() {
        let size = size_of::<Connection<std::net::TcpStream>>();
        assert!(size <= 48, "{size} bytes");
    }
}
