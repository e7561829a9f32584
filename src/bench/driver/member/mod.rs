//! One connection of the load test: how it gets in, and what it makes of what it reads.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Read};

use memchr::memchr;
use mio::net::TcpStream;

use super::clock;
use super::clock::Nanos;
use super::common::Common;
use super::group::{Group, Role};
use crate::bench::error::Error;
use crate::bench::workload::browser::Word;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::message::{Found, Kind, Tag};
use crate::bench::workload::transcript::{Known, Place};

/// The longest line that a server may send.
const MAX_LINE: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The connection is being made, or the server, which has the first word, has not said it.
    Connecting,
    /// A WebSocket has been asked for.
    Upgrading,
    /// It is there, and no name has been asked for.
    Upgraded,
    /// The name has been said.
    Welcome,
    In,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Open,
    /// It has ended, as it should.
    Closed,
}

/// See the module.
pub struct Member {
    /// The connection.
    pub stream: TcpStream,
    /// The number of its group.
    pub group: usize,
    encoding: Encoding,
    index: u32,
    state: State,
    ready: bool,
    hung_up: bool,
    /// The server has sent the last frame.
    closing: bool,
    /// Bytes that it has sent before the name was due.
    greeted: u32,
    /// When it was due.
    due: Nanos,
    /// A line of which the end has not come yet.
    rest: Vec<u8>,
    /// What could not be written yet, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// How far one is in the transcript, if all that one has got is as it is there.
    place: Option<Place>,
    /// What a visitor has read.
    seen: Option<HashSet<u32>>,
}

impl Member {
    /// The connection has been asked for.
    pub fn new(stream: TcpStream, encoding: Encoding, group: usize, role: Role, index: usize, due: Nanos) -> Self {
        Member {
            stream,
            group,
            encoding,
            index: index as u32,
            state: State::Connecting,
            ready: false,
            hung_up: false,
            closing: false,
            greeted: 0,
            due,
            rest: Vec::new(),
            out: Vec::new(),
            sent: 0,
            place: None,
            seen: (role == Role::Visitor).then(HashSet::new),
        }
    }

    /// The connection may have been made, or there may be room for more.
    ///
    /// # Errors
    /// If it could not be made.
    pub fn writable(&mut self, group: &mut Group, common: &Common) -> Result<(), Error> {
        // Where the server has the first word, that or an error tells how it went.
        if self.state == State::Connecting && (!group.door.prompt || self.encoding == Encoding::WebSocket) {
            match self.stream.take_error() {
                Ok(None) => {}
                Ok(Some(error)) | Err(error) => return Err(Error::Connect(group.door.addr, error)),
            }
            match self.stream.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(Error::Connect(group.door.addr, error)),
            }
            match self.encoding {
                Encoding::Plain => self.introduce(group, common),
                Encoding::WebSocket => self.ask_for_upgrade(group, common),
            }
        }
        self.flush();
        Ok(())
    }

    /// Reads what there is; `closing` if the kernel says that the other side has closed.
    ///
    /// # Errors
    /// If the server refuses the name or closes.
    pub fn readable(
        &mut self,
        group: &mut Group,
        common: &Common,
        block: &mut [u8],
        closing: bool,
    ) -> Result<Flow, Error> {
        loop {
            if group.paused && self.state == State::In {
                return Ok(Flow::Open);
            }
            match self.stream.read(block) {
                Ok(0) => return self.ended(group, common, None),
                Ok(n) => {
                    if self.state == State::Connecting && self.encoding == Encoding::Plain {
                        self.prompted(group, common, &block[..n]);
                    } else {
                        self.take(group, common, &block[..n], clock::now())?;
                    }
                    // There is nothing more, or a new event will tell: epoll(7).
                    if n < block.len() && !closing {
                        return Ok(Flow::Open);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Flow::Open),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // One that is reset has been made.
                Err(error) if self.state == State::Connecting && error.kind() != ErrorKind::ConnectionReset => {
                    return Err(Error::Connect(group.door.addr, error));
                }
                Err(error) => return self.ended(group, common, Some(error)),
            }
        }
    }

    fn ended(&mut self, group: &mut Group, common: &Common, error: Option<io::Error>) -> Result<Flow, Error> {
        if self.hung_up {
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
            name: group.name(self.index as usize, common.run),
            logged_in: self.state == State::In,
            last_words: group.last_words(self.index),
            error,
        })
    }

    fn prompted(&mut self, group: &mut Group, common: &Common, bytes: &[u8]) {
        group.greeting.0 = bytes.len();
        group.note(self.index, bytes.trim_ascii());
        self.introduce(group, common);
    }

    fn take(&mut self, group: &mut Group, common: &Common, bytes: &[u8], now: Nanos) -> Result<(), Error> {
        match self.state {
            State::In => {}
            State::Welcome => group.greeting.1 = bytes.len(),
            State::Connecting | State::Upgrading | State::Upgraded => {
                self.greeted += bytes.len() as u32;
                group.greeting.0 = self.greeted as usize;
            }
        }
        if self.state == State::Upgrading {
            return self.take_answer(group, common, bytes, now);
        }
        if self.place.is_some() {
            return self.follow(group, common, bytes, now);
        }
        self.take_units(group, common, bytes, now)
    }

    /// Takes bytes of which all are to be looked at.
    fn take_units(&mut self, group: &mut Group, common: &Common, bytes: &[u8], now: Nanos) -> Result<(), Error> {
        match self.encoding {
            Encoding::Plain => self.take_lines(group, common, bytes, now),
            Encoding::WebSocket => self.take_frames(group, common, bytes, now),
        }
    }

    fn take_lines(&mut self, group: &mut Group, common: &Common, mut bytes: &[u8], now: Nanos) -> Result<(), Error> {
        if !self.rest.is_empty()
            && let Some(end) = memchr(b'\n', bytes)
        {
            let mut line = std::mem::take(&mut self.rest);
            line.extend_from_slice(&bytes[..=end]);
            bytes = &bytes[end + 1..];
            self.unit(group, common, &line, now)?;
        }
        while let Some(end) = memchr(b'\n', bytes) {
            self.unit(group, common, &bytes[..=end], now)?;
            bytes = &bytes[end + 1..];
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() > MAX_LINE {
            return Err(Error::EndlessLine(MAX_LINE));
        }
        Ok(())
    }

    /// Takes bytes that are most likely what another reader has got.
    fn follow(&mut self, group: &mut Group, common: &Common, got: &[u8], now: Nanos) -> Result<(), Error> {
        let joined;
        let got = if self.rest.is_empty() {
            got
        } else {
            joined = [&std::mem::take(&mut self.rest), got].concat();
            &joined
        };
        let (Some(place), Some(transcript)) = (self.place, group.transcript.take()) else {
            return self.take_units(group, common, got, now);
        };
        let Some(same) = transcript.same(place, got) else {
            self.place = None;
            group.transcript = Some(transcript);
            return self.take_units(group, common, got, now);
        };
        let (lines, place, left) = transcript.whole(place, same);
        // Messages that were due at one time are noted together.
        let (mut time, mut count) = (0, 0);
        for line in lines {
            let Some(Known { stream, seq, time: due }) = line.known else {
                self.unit(group, common, transcript.bytes(line), now)?;
                continue;
            };
            if group.room.record(self.index as usize, usize::from(stream), seq) {
                if due != time {
                    group.latency.record_n(now.saturating_sub(time), count);
                    (time, count) = (due, 0);
                }
                count += 1;
                if let Some(window) = &mut group.window {
                    window.arrived(usize::from(stream), seq);
                }
            }
        }
        group.latency.record_n(now.saturating_sub(time), count);
        self.place = Some(place);
        group.transcript = Some(transcript);
        self.take_units(group, common, &got[same - left..], now)
    }

    /// Takes a whole line, or a frame of text.
    #[inline]
    fn unit(&mut self, group: &mut Group, common: &Common, unit: &[u8], now: Nanos) -> Result<(), Error> {
        let text = self.encoding.text(unit);
        // A page can do nothing with an object that is none, whatever is in it.
        let found = match self.encoding {
            Encoding::WebSocket if self.encoding.word(text) == Word::Broken => Found::Damaged,
            _ => common.format.find(text),
        };
        self.note_place(group, unit, &found);
        match found {
            Found::Tag(Tag { kind: Kind::Message, stream, seq, time }) if self.seen.is_none() => {
                if group.room.record(self.index as usize, usize::from(stream), seq) {
                    group.latency.record(now.saturating_sub(time));
                    if let Some(window) = &mut group.window {
                        window.arrived(usize::from(stream), seq);
                    }
                }
            }
            Found::Tag(tag) => self.rare(group, common, tag, unit, now),
            Found::Damaged => group.room.tally.damaged += 1,
            Found::Other => {
                group.note(self.index, text);
                if self.state != State::In {
                    return self.hear(group, common, text, now);
                }
            }
        }
        Ok(())
    }

    /// The server's own words before one is in.
    fn hear(&mut self, group: &mut Group, common: &Common, text: &[u8], now: Nanos) -> Result<(), Error> {
        match self.encoding.word(text) {
            Word::Refused(answer) => {
                let name = group.name(self.index as usize, common.run);
                return Err(Error::Refused { name, answer });
            }
            Word::Asked if self.state == State::Upgraded => self.introduce(group, common),
            Word::Entered if self.state == State::Welcome => self.enter(group, common, now),
            _ => {}
        }
        Ok(())
    }

    /// Adds to the transcript what is new, and finds out where in it this reader is.
    fn note_place(&mut self, group: &mut Group, unit: &[u8], found: &Found) {
        let Some(transcript) = &mut group.transcript else { return };
        let known = match *found {
            Found::Tag(Tag { kind: Kind::Message, stream, seq, time }) => Some(Known { stream, seq, time }),
            _ => None,
        };
        let leads = self.place.is_some_and(|place| place == transcript.newest());
        if leads || known.is_some_and(|known| transcript.is_new(known)) {
            transcript.push(unit, known);
            if known.is_some() {
                group.sample.clear();
                group.sample.extend_from_slice(unit);
            }
        } else if !known.is_some_and(|known| transcript.is_last(known)) {
            self.place = None;
            return;
        }
        self.place = Some(transcript.newest());
    }

    fn rare(&mut self, group: &mut Group, common: &Common, tag: Tag, unit: &[u8], now: Nanos) {
        match (tag.kind, group.role) {
            (Kind::Message, _) => {
                if let Some(seen) = &mut self.seen
                    && !seen.insert(tag.seq)
                {
                    group.room.tally.duplicates += 1;
                }
            }
            (Kind::Probe, _) => {
                if group.sample.is_empty() {
                    group.sample = unit.to_vec();
                }
                group.ready += usize::from(!self.ready);
                self.ready = true;
            }
            (_, Role::Whisperer) => self.whispered(group, common, tag, now),
            // A whisper to somebody else.
            _ => group.room.tally.damaged += 1,
        }
    }

    fn whispered(&mut self, group: &mut Group, common: &Common, tag: Tag, now: Nanos) {
        let index = self.index as usize;
        let asks = index.is_multiple_of(2);
        if usize::from(tag.stream) != index / 2 {
            group.private.tally.damaged += 1;
        } else if asks == (tag.kind == Kind::Question) {
            // What one whispers is often shown to oneself too.
            group.private.tally.echoed += 1;
        } else if group.private.record(index, 0, tag.seq) {
            if asks {
                group.round_trips.record(now.saturating_sub(tag.time));
            } else {
                let answer = common.whisper(&group.name(index - 1, common.run), Tag { kind: Kind::Answer, ..tag });
                self.say(&answer, common);
            }
        }
    }
}

mod frames;
#[cfg(test)]
mod model_tests;
mod speaking;
