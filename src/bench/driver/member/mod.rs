//! One connection of the load test: its login, and the checking of what it reads.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::Range;

use memchr::memchr;

use super::clock;
use super::clock::Nanos;
use super::context::RunContext;
use super::group::{Group, Role};
use super::stream::MemberStream;
use crate::bench::error::Error;
use crate::bench::workload::browser::LoginReply;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::{LineContent, MessageKind, Tag};
use crate::bench::workload::transcript::{KnownMessage, Position};

/// The longest line accepted from a server, in bytes.
const MAX_LINE: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The connection is being made, or the server has not sent its prompt.
    Connecting,
    /// An upgrade to WebSocket was requested.
    Upgrading,
    /// The WebSocket is open; no name was requested.
    Upgraded,
    /// The name was sent to a server of IRC, which has not taken it.
    Registering,
    /// The name was sent; on IRC, the wish to enter the room.
    Welcome,
    In,
}

/// Whether a connection stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It stays open.
    Open,
    /// It has ended as expected.
    Closed,
}

/// A connection of the load test.
pub struct Member {
    /// The connection.
    pub stream: MemberStream,
    /// The number of its group.
    pub group: usize,
    encoding: Encoding,
    index: u32,
    state: State,
    /// The rooms in which it has read a probe: bit 0 is room 0.
    probed: u32,
    /// The rooms that it has asked to follow, from the first that is not answered on.
    awaited: Range<usize>,
    leaving: bool,
    /// The server has sent a close frame.
    closing: bool,
    /// Bytes received before the name was due, or since it was sent.
    greeted: u32,
    /// When the login was due.
    due: Nanos,
    /// A line whose end has not arrived yet.
    rest: Vec<u8>,
    /// Bytes not written yet, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// Position in the transcript, if everything received so far equals it.
    position: Option<Position>,
    /// Numbers of the messages that a visitor has read.
    seen: Option<HashSet<u32>>,
}

impl Member {
    /// Creates a member; its connection has been requested.
    pub fn new(stream: MemberStream, encoding: Encoding, group: usize, role: Role, index: usize, due: Nanos) -> Self {
        Member {
            stream,
            group,
            encoding,
            index: index as u32,
            state: State::Connecting,
            probed: 0,
            awaited: 0..0,
            leaving: false,
            closing: false,
            greeted: 0,
            due,
            rest: Vec::new(),
            out: Vec::new(),
            sent: 0,
            position: None,
            seen: (role == Role::Visitor).then(HashSet::new),
        }
    }

    /// The address that it is connected to.
    fn addr(&self, group: &Group) -> SocketAddr {
        group.endpoint.addr(self.index as usize)
    }

    /// Whether it has read a probe in any room.
    pub fn has_read_probe(&self) -> bool {
        self.probed > 0
    }

    /// Reads what has arrived; `closing` if the kernel reports that the other side has closed.
    ///
    /// # Errors
    /// If the server refuses the name or closes.
    pub fn readable(
        &mut self,
        group: &mut Group,
        context: &RunContext,
        block: &mut [u8],
        closing: bool,
    ) -> Result<Flow, Error> {
        loop {
            if group.paused && self.state == State::In {
                return Ok(Flow::Open);
            }
            let was_handshaking = self.stream.is_handshaking();
            let read = self.stream.read(block);
            if was_handshaking && !self.stream.is_handshaking() {
                self.handshake_ended(group, context);
            }
            match read {
                Ok(0) => return self.ended(group, context, None),
                Ok(n) => {
                    if self.state == State::Connecting && self.encoding == Encoding::Plain {
                        self.prompted(group, context, &block[..n]);
                    } else {
                        self.take(group, context, &block[..n], clock::now())?;
                    }
                    if self.stream.has_read_all(n, block.len()) && !closing {
                        return Ok(Flow::Open);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Flow::Open),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    return Err(Error::Tls(self.addr(group), error));
                }
                // A connection that is reset, or ended in a TLS handshake, has been made.
                Err(error)
                    if self.state == State::Connecting
                        && !matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) =>
                {
                    return Err(Error::Connect(self.addr(group), error));
                }
                Err(error) => return self.ended(group, context, Some(error)),
            }
        }
    }

    fn ended(&mut self, group: &mut Group, context: &RunContext, error: Option<io::Error>) -> Result<Flow, Error> {
        if self.leaving {
            group.left += 1;
            group.resets += usize::from(error.is_some() || self.encoding == Encoding::WebSocket && !self.closing);
            group.visits.record(clock::now().saturating_sub(self.due));
            return Ok(Flow::Closed);
        }
        if group.role == Role::Stalled && self.state == State::In {
            group.closed += 1;
            return Ok(Flow::Closed);
        }
        Err(Error::Closed {
            name: group.name(self.index as usize, context.run),
            logged_in: self.state == State::In,
            last_words: group.last_words(self.index),
            error,
        })
    }

    fn take(&mut self, group: &mut Group, context: &RunContext, bytes: &[u8], now: Nanos) -> Result<(), Error> {
        match self.state {
            // What the server says to a client that is about to leave.
            State::In if group.role == Role::Handshaker => return Ok(()),
            State::In => {}
            State::Welcome => {
                self.greeted += bytes.len() as u32;
                group.greeting.1 = self.greeted as usize;
            }
            State::Connecting | State::Upgrading | State::Upgraded | State::Registering => {
                self.greeted += bytes.len() as u32;
                group.greeting.0 = self.greeted as usize;
            }
        }
        if self.state == State::Upgrading {
            return self.take_answer(group, context, bytes, now);
        }
        if self.position.is_some() {
            return self.compare(group, context, bytes, now);
        }
        self.take_units(group, context, bytes, now)
    }

    /// Processes bytes one line or frame at a time.
    fn take_units(&mut self, group: &mut Group, context: &RunContext, bytes: &[u8], now: Nanos) -> Result<(), Error> {
        match self.encoding {
            Encoding::Plain | Encoding::Irc => self.take_lines(group, context, bytes, now),
            Encoding::WebSocket => self.take_frames(group, context, bytes, now),
        }
    }

    fn take_lines(
        &mut self,
        group: &mut Group,
        context: &RunContext,
        mut bytes: &[u8],
        now: Nanos,
    ) -> Result<(), Error> {
        if !self.rest.is_empty()
            && let Some(end) = memchr(b'\n', bytes)
        {
            let mut line = std::mem::take(&mut self.rest);
            line.extend_from_slice(&bytes[..=end]);
            bytes = &bytes[end + 1..];
            self.take_unit(group, context, &line, now)?;
        }
        while let Some(end) = memchr(b'\n', bytes) {
            self.take_unit(group, context, &bytes[..=end], now)?;
            bytes = &bytes[end + 1..];
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() > MAX_LINE {
            return Err(Error::EndlessLine(MAX_LINE));
        }
        Ok(())
    }

    /// Compares bytes with the transcript, which most likely are the same.
    fn compare(&mut self, group: &mut Group, context: &RunContext, got: &[u8], now: Nanos) -> Result<(), Error> {
        let joined;
        let got = if self.rest.is_empty() {
            got
        } else {
            joined = [&std::mem::take(&mut self.rest), got].concat();
            &joined
        };
        let (Some(position), Some(transcript)) = (self.position, group.transcript.take()) else {
            return self.take_units(group, context, got, now);
        };
        let Some(same) = transcript.same(position, got) else {
            self.position = None;
            group.transcript = Some(transcript);
            return self.take_units(group, context, got, now);
        };
        let (lines, position, left) = transcript.whole(position, same);
        // Messages with the same due time are recorded together.
        let (mut time, mut count) = (0, 0);
        for line in lines {
            let Some(KnownMessage { stream, seq, time: due }) = line.known else {
                self.take_unit(group, context, transcript.bytes(line), now)?;
                continue;
            };
            if group.room.record(self.index as usize, usize::from(stream), seq) {
                if due != time {
                    group.latency.record_n(now.saturating_sub(time), count);
                    (time, count) = (due, 0);
                }
                count += 1;
                group.record_by_address(self.index as usize, usize::from(stream), now.saturating_sub(due));
                if let Some(window) = &mut group.window {
                    window.arrived(usize::from(stream), seq);
                }
            }
        }
        group.latency.record_n(now.saturating_sub(time), count);
        self.position = Some(position);
        group.transcript = Some(transcript);
        self.take_units(group, context, &got[same - left..], now)
    }

    /// Processes a complete line, or a text frame.
    #[inline]
    fn take_unit(&mut self, group: &mut Group, context: &RunContext, unit: &[u8], now: Nanos) -> Result<(), Error> {
        let text = self.encoding.text(unit);
        // A page cannot use malformed JSON, even if a message is in it.
        let found = match self.encoding {
            Encoding::WebSocket if self.encoding.login_reply(text) == LoginReply::Broken => LineContent::Damaged,
            _ => context.find(self.encoding, text),
        };
        self.note_position(group, context, unit, &found);
        match found {
            LineContent::Tag(Tag { kind: MessageKind::Message, stream, seq, time }) if self.seen.is_none() => {
                if group.room.record(self.index as usize, usize::from(stream), seq) {
                    group.latency.record(now.saturating_sub(time));
                    group.record_by_address(self.index as usize, usize::from(stream), now.saturating_sub(time));
                    if let Some(window) = &mut group.window {
                        window.arrived(usize::from(stream), seq);
                    }
                }
            }
            LineContent::Tag(tag) => self.handle_other(group, context, tag, unit, now),
            LineContent::Damaged => group.room.tally.damaged += 1,
            LineContent::Other => {
                group.note(self.index, text);
                return self.handle_reply(group, context, text, now);
            }
        }
        Ok(())
    }

    /// Adds new lines to the transcript, and updates the position of this reader.
    fn note_position(&mut self, group: &mut Group, context: &RunContext, unit: &[u8], found: &LineContent) {
        let Some(transcript) = &mut group.transcript else { return };
        let known = match *found {
            LineContent::Tag(Tag { kind: MessageKind::Message, stream, seq, time }) => {
                Some(KnownMessage { stream, seq, time })
            }
            _ => None,
        };
        let leads = self.position.is_some_and(|position| position == transcript.newest());
        if leads || known.is_some_and(|known| transcript.is_new(known)) {
            transcript.push(unit, known);
            if let Some(known) = known {
                let sample = &mut group.samples[context.streams.room(usize::from(known.stream))];
                sample.clear();
                sample.extend_from_slice(unit);
            }
        } else if !known.is_some_and(|known| transcript.is_last(known)) {
            self.position = None;
            return;
        }
        self.position = Some(transcript.newest());
    }

    fn handle_other(&mut self, group: &mut Group, context: &RunContext, tag: Tag, unit: &[u8], now: Nanos) {
        match (tag.kind, group.role) {
            (MessageKind::Message, _) => {
                if let Some(seen) = &mut self.seen
                    && !seen.insert(tag.seq)
                {
                    group.room.tally.duplicates += 1;
                }
            }
            (MessageKind::Probe, _) => {
                let room = context.streams.room(usize::from(tag.stream));
                if group.samples[room].is_empty() {
                    group.samples[room] = unit.to_vec();
                }
                let before = self.probed.count_ones() as usize;
                self.probed |= 1 << room;
                let rooms = self.probed.count_ones() as usize;
                group.ready += usize::from(rooms > before && rooms == context.streams.rooms());
            }
            (_, Role::Whisperer) => self.whispered(group, context, tag, now),
            (MessageKind::Question, Role::Bystander) => {
                if group.private.record(self.index as usize, 0, tag.seq) {
                    group.round_trips.record(now.saturating_sub(tag.time));
                }
            }
            // A whisper to another member.
            _ => group.room.tally.damaged += 1,
        }
    }

    fn whispered(&mut self, group: &mut Group, context: &RunContext, tag: Tag, now: Nanos) {
        let index = self.index as usize;
        let asks = index.is_multiple_of(2);
        if usize::from(tag.stream) != index / 2 {
            group.private.tally.damaged += 1;
        } else if asks == (tag.kind == MessageKind::Question) {
            // Many servers show a whisper to its sender too.
            group.private.tally.echoed += 1;
        } else if group.private.record(index, 0, tag.seq) {
            if asks {
                group.round_trips.record(now.saturating_sub(tag.time));
            } else {
                let answer =
                    context.whisper(&group.name(index - 1, context.run), Tag { kind: MessageKind::Answer, ..tag });
                self.say(&answer, context);
            }
        }
    }
}

mod frames;
#[cfg(test)]
mod model_tests;
mod opening;
mod replies;
mod speaking;
