//! Members that do the same, and what they have seen together.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::clock::Nanos;
use crate::bench::report::latency::Latency;
use crate::bench::workload::checker::Checker;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::transcript::Transcript;

/// How one gets into a server.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Door {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What is spoken there.
    pub encoding: Encoding,
    /// Whether it says something before the name is due.
    pub prompt: bool,
    /// Whether it answers the name.
    pub welcome: bool,
}

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads what is said, and says what it is told to.
    Talker,
    /// The even ones ask, by whisper, and the odd ones answer.
    Whisperer,
    /// Comes, says one message, and goes.
    Visitor,
    /// Reads what is said, but for a while nothing; the server may close it for that.
    Stalled,
    /// Tells the floor what to send.
    Control,
}

/// The last line that was none of ours, and who got it.
#[derive(Debug, Default)]
pub struct Notice {
    index: u32,
    text: Vec<u8>,
}

/// See the module.
pub struct Group {
    /// How they get in.
    pub door: Door,
    /// What they do.
    pub role: Role,
    /// What the first one's name is made from; the others follow.
    pub first_name: u32,
    /// Their keys in the generator, by index.
    pub keys: Vec<usize>,
    /// How many have got in.
    pub logged_in: usize,
    /// How many have read a probe.
    pub ready: usize,
    /// How many have gone of their own wish.
    pub left: usize,
    /// How many of those found their connection reset, or ended without a last frame, instead of closed.
    pub resets: usize,
    /// Whether they read nothing at present.
    pub paused: bool,
    /// How many the server has closed that may be closed.
    pub closed: usize,
    /// From connecting to the answer to the name.
    pub logins: Latency,
    /// Messages of the room.
    pub room: Checker,
    /// What one of them got, for the others to be compared with, if all get the same.
    pub transcript: Option<Transcript>,
    /// From when a message was due until it was read.
    pub latency: Latency,
    /// Whispers.
    pub private: Checker,
    /// From when a whisper was due until its answer was read.
    pub round_trips: Latency,
    /// From when a visitor was due until the server had closed.
    pub visits: Latency,
    /// What is in flight, where that is bounded.
    pub window: Option<Window>,
    /// A message, or a probe, as it was delivered last, with the line's end.
    pub sample: Vec<u8>,
    /// Bytes of the prompt and of the answer to the name, as they came to the last newcomer.
    pub greeting: (usize, usize),
    /// Lines that were none of ours.
    pub notices: u64,
    notice: Notice,
}

impl Group {
    /// Members to be, who read messages of so many streams.
    pub fn new(door: Door, role: Role, first_name: u32, streams: usize, span: Nanos) -> Self {
        Group {
            door,
            role,
            first_name,
            keys: Vec::new(),
            logged_in: 0,
            ready: 0,
            left: 0,
            resets: 0,
            paused: false,
            closed: 0,
            logins: Latency::new(span),
            room: Checker::new(streams, true),
            transcript: None,
            latency: Latency::new(span),
            private: Checker::new(1, true),
            round_trips: Latency::new(span),
            visits: Latency::new(span),
            window: None,
            sample: Vec::new(),
            greeting: (0, 0),
            notices: 0,
            notice: Notice::default(),
        }
    }

    /// The name of a member: eight bytes that no server should object to.
    pub fn name(&self, index: usize, run: u16) -> String {
        if self.role == Role::Control {
            return crate::bench::baseline::CONTROL.into();
        }
        let number = self.first_name as usize + index;
        format!("b{}{}", base36::<3>(usize::from(run)), base36::<4>(number))
    }

    /// Notes a line of the server's own.
    pub fn note(&mut self, index: u32, text: &[u8]) {
        self.notices += 1;
        self.notice.index = index;
        self.notice.text.clear();
        self.notice.text.extend_from_slice(&text[..text.len().min(200)]);
    }

    /// The server's last words to a member, if nobody got any since.
    pub fn last_words(&self, index: u32) -> Option<String> {
        let Notice { index: to, text } = &self.notice;
        (*to == index && !text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
    }
}

fn base36<const N: usize>(mut number: usize) -> String {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
        number /= 36;
    }
    digits.into_iter().map(char::from).collect()
}

/// Messages that have been said but not yet read by all, so many a stream at most.
#[derive(Debug)]
pub struct Window {
    flight: u32,
    readers: u32,
    /// Slots of a stream, less one: a power of two is found without a division.
    mask: u32,
    /// How many have read each message in flight.
    arrived: Vec<u32>,
    /// Messages of each stream that all have read.
    complete: Vec<u32>,
}

impl Window {
    /// For `flight` messages of each of `streams`, read by `readers`.
    pub fn new(streams: usize, flight: u32, readers: usize) -> Self {
        let slots = flight.next_power_of_two();
        let arrived = vec![0; streams * slots as usize];
        Window { flight, readers: readers as u32, mask: slots - 1, arrived, complete: vec![0; streams] }
    }

    /// How many messages of a stream may have been said by now.
    pub fn allowed(&self, stream: usize) -> u32 {
        self.complete[stream] + self.flight
    }

    fn slot(&mut self, stream: usize, seq: u32) -> &mut u32 {
        &mut self.arrived[stream * (self.mask as usize + 1) + (seq & self.mask) as usize]
    }

    /// A reader has this message.
    #[inline]
    pub fn arrived(&mut self, stream: usize, seq: u32) {
        let complete = self.complete[stream];
        if seq.wrapping_sub(complete) >= self.flight {
            return;
        }
        let slot = self.slot(stream, seq);
        *slot += 1;
        if seq == complete && *slot >= self.readers {
            self.advance(stream);
        }
    }

    fn advance(&mut self, stream: usize) {
        let (mut complete, readers) = (self.complete[stream], self.readers);
        while *self.slot(stream, complete) >= readers {
            *self.slot(stream, complete) = 0;
            complete += 1;
        }
        self.complete[stream] = complete;
    }

    /// Waits no longer for what was said so far.
    pub fn give_up(&mut self, said: &[u32]) {
        self.arrived.fill(0);
        self.complete.copy_from_slice(said);
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::SECOND;
    use super::*;

    #[test]
    fn names_are_eight_bytes_and_different() {
        let door =
            Door { addr: "127.0.0.1:1".parse().unwrap(), encoding: Encoding::Plain, prompt: true, welcome: true };
        let group = Group::new(door, Role::Talker, 35, 1, SECOND);
        assert_eq!(group.name(0, 37), "b011000z");
        assert_eq!(group.name(1, 37), "b0110010");
        assert_eq!(group.name(1_000_000, 65_535).len(), 8);
    }

    #[test]
    fn a_window_opens_when_all_have_read() {
        let mut window = Window::new(2, 2, 3);
        assert_eq!([window.allowed(0), window.allowed(1)], [2, 2]);
        for seq in [0, 0, 1] {
            window.arrived(1, seq);
        }
        assert_eq!(window.allowed(1), 2);
        window.arrived(1, 0);
        assert_eq!([window.allowed(0), window.allowed(1)], [2, 3]);
        window.arrived(1, 1);
        window.arrived(1, 1);
        assert_eq!(window.allowed(1), 4);
        window.arrived(1, 1);
        assert_eq!(window.allowed(1), 4, "what is complete counts no more");
        window.give_up(&[2, 4]);
        assert_eq!([window.allowed(0), window.allowed(1)], [4, 6]);
    }
}
