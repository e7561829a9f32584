//! Groups of members with the same role, and what they have received.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::clock::Nanos;
use crate::bench::report::addresses::AddressLatencies;
use crate::bench::report::latency::Latency;
use crate::bench::workload::checker::Checker;
use crate::bench::workload::encoding::Encoding;
use crate::bench::workload::streams::{MAX_ROOMS, Streams};
use crate::bench::workload::transcript::Transcript;

/// Sent in place of a name by the one connection that tells the baseline process what to send.
pub const CONTROL: &str = "#control";

/// The addresses of a chat and how its login works.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where it listens, at least one address; several may be those of one server or of several.
    pub addrs: Vec<SocketAddr>,
    /// The encoding spoken there.
    pub encoding: Encoding,
    /// Whether it sends a prompt before the name.
    pub prompt: bool,
    /// Whether it answers the name.
    pub welcome: bool,
    /// Whether it speaks TLS.
    pub tls: bool,
}

impl Endpoint {
    /// Which of the addresses member `index` of a group connects to: each in turn.
    pub fn place(&self, index: usize) -> usize {
        index % self.addrs.len()
    }

    /// The address that member `index` of a group connects to.
    pub fn addr(&self, index: usize) -> SocketAddr {
        self.addrs[self.place(index)]
    }
}

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads all messages, and sends messages on request.
    Talker,
    /// Members with an even number ask by whisper, those with an odd number answer.
    Whisperer,
    /// Logs in, sends one message, and leaves.
    Visitor,
    /// Reads messages, but stops reading for a while; the server may close it for that.
    Stalled,
    /// Logs in and sends pings.
    Bystander,
    /// Does a TLS handshake and leaves, without a name.
    Handshaker,
    /// Tells the baseline process what to send.
    Control,
}

/// The last line from the server itself, and which member got it.
#[derive(Debug, Default)]
pub struct LastNotice {
    index: u32,
    text: Vec<u8>,
}

/// Members with one role, and their results.
pub struct Group {
    /// The server and its login.
    pub endpoint: Endpoint,
    /// What the members do.
    pub role: Role,
    /// The number of the first member's name; the others follow.
    pub first_name: u32,
    /// Keys of the members in the generator, by index.
    pub keys: Vec<usize>,
    /// Number of members logged in.
    pub logged_in: usize,
    /// Number of members that have read a probe in each room.
    pub ready: usize,
    /// Number of members that have asked to follow rooms.
    pub asked: usize,
    /// Number of members that follow all of these.
    pub following: usize,
    /// Number of members that have left on their own.
    pub left: usize,
    /// Number of those whose connection was reset, or ended without a close frame.
    pub resets: usize,
    /// Number of TLS handshakes that are complete, and of those that have gone on from an earlier session.
    pub handshakes: u64,
    pub resumed: u64,
    /// Whether the members have stopped reading; whether they do not begin their TLS handshakes.
    pub paused: bool,
    /// Number of stalled members that the server has closed.
    pub closed: usize,
    /// From the connection attempt to the answer to the name; of handshakers, to the end of the handshake.
    pub logins: Latency,
    /// Room messages received.
    pub room: Checker,
    /// What the first reader got, for comparison, if all readers get the same.
    pub transcript: Option<Transcript>,
    /// From the due time of a message until it was read.
    pub latency: Latency,
    /// The same by the addresses of readers and senders, if there are several.
    pub by_address: Option<AddressLatencies>,
    /// Whispers received.
    pub private: Checker,
    /// From the due time of a whisper until its answer was read.
    pub round_trips: Latency,
    /// From the due time of a visitor until the server had closed.
    pub visits: Latency,
    /// Limit of messages in flight, if there is one.
    pub window: Option<SendWindow>,
    /// The last message, or probe, of each room as it was delivered, with its line end.
    pub samples: [Vec<u8>; MAX_ROOMS],
    /// Bytes of the prompt and of the answer to the name, as the last member got them.
    pub greeting: (usize, usize),
    /// Number of lines from the server itself.
    pub notices: u64,
    notice: LastNotice,
}

impl Group {
    /// Creates a group without members, which reads messages of `streams` senders.
    pub fn new(endpoint: Endpoint, role: Role, first_name: u32, streams: usize, span: Nanos) -> Self {
        Group {
            endpoint,
            role,
            first_name,
            keys: Vec::new(),
            logged_in: 0,
            ready: 0,
            asked: 0,
            following: 0,
            left: 0,
            resets: 0,
            handshakes: 0,
            resumed: 0,
            paused: false,
            closed: 0,
            logins: Latency::new(span),
            room: Checker::new(streams, true),
            transcript: None,
            latency: Latency::new(span),
            by_address: None,
            private: Checker::new(1, true),
            round_trips: Latency::new(span),
            visits: Latency::new(span),
            window: None,
            samples: Default::default(),
            greeting: (0, 0),
            notices: 0,
            notice: LastNotice::default(),
        }
    }

    /// Creates a group of readers without members; `talkers` send the messages.
    pub fn of_readers(endpoint: Endpoint, first_name: u32, streams: Streams, talkers: usize, span: Nanos) -> Self {
        let mut group = Group::new(endpoint, Role::Talker, first_name, streams.count(talkers), span);
        group.transcript = Some(Transcript::default());
        let addresses = group.endpoint.addrs.len();
        if addresses > 1 {
            group.room.compare_order();
            let sender = |stream| group.endpoint.place(streams.talker(stream));
            let senders = (0..streams.count(talkers)).map(sender).collect();
            group.by_address = Some(AddressLatencies::new(addresses, senders));
        }
        group
    }

    /// Records how long a message of a stream took to a member by their addresses, if there are several.
    #[inline]
    pub fn record_by_address(&mut self, index: usize, stream: usize, span: Nanos) {
        if let Some(by_address) = &mut self.by_address {
            by_address.record(self.endpoint.place(index), stream, span);
        }
    }

    /// The name of a member: eight ASCII letters and digits, which every server should accept.
    pub fn name(&self, index: usize, run: u16) -> String {
        if self.role == Role::Control {
            return CONTROL.into();
        }
        let number = self.first_name as usize + index;
        format!("b{}{}", digits::<3>(usize::from(run)), digits::<4>(number))
    }

    /// Records a line from the server itself.
    pub fn note(&mut self, index: u32, text: &[u8]) {
        self.notices += 1;
        self.notice.index = index;
        self.notice.text.clear();
        self.notice.text.extend_from_slice(&text[..text.len().min(200)]);
    }

    /// Size of a delivered line in bytes: the mean of all rooms.
    pub fn line_bytes(&self) -> usize {
        let sizes = || self.samples.iter().map(Vec::len).filter(|&size| size > 0);
        let (sum, rooms) = (sizes().sum::<usize>(), sizes().count().max(1));
        (sum + rooms / 2) / rooms
    }

    /// The last line from the server itself, if this member got it.
    pub fn last_words(&self, index: u32) -> Option<String> {
        let LastNotice { index: to, text } = &self.notice;
        (*to == index && !text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
    }
}

/// Digits of names. Without `l`, `m` and `o`, no two names look alike: like `1`, `rn` and `0`.
const DIGITS: &[u8; 33] = b"0123456789abcdefghijknpqrstuvwxyz";

fn digits<const N: usize>(mut number: usize) -> String {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[number % DIGITS.len()];
        number /= DIGITS.len();
    }
    digits.into_iter().map(char::from).collect()
}

/// Limits the messages of each stream that were sent but not yet read by all.
#[derive(Debug)]
pub struct SendWindow {
    flight: u32,
    readers: u32,
    /// Slots per stream minus one; a power of two avoids a division.
    mask: u32,
    /// How many readers have each message in flight.
    arrived: Vec<u32>,
    /// Messages of each stream that all have read.
    complete: Vec<u32>,
}

impl SendWindow {
    /// For `flight` messages of each of `streams`, read by `readers`.
    pub fn new(streams: usize, flight: u32, readers: usize) -> Self {
        let slots = flight.next_power_of_two();
        let arrived = vec![0; streams * slots as usize];
        SendWindow { flight, readers: readers as u32, mask: slots - 1, arrived, complete: vec![0; streams] }
    }

    /// Total number of messages of a stream that may have been sent by now.
    pub fn allowed(&self, stream: usize) -> u32 {
        self.complete[stream] + self.flight
    }

    fn slot(&mut self, stream: usize, seq: u32) -> &mut u32 {
        &mut self.arrived[stream * (self.mask as usize + 1) + (seq & self.mask) as usize]
    }

    /// Records that a reader has this message.
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

    /// Stops waiting for all messages sent so far.
    pub fn give_up(&mut self, said: &[u32]) {
        self.arrived.fill(0);
        self.complete.copy_from_slice(said);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::clock::SECOND;
    use super::*;
    use crate::chat::policy::nick::lookalike::canonical;

    #[test]
    fn names_are_distinct_and_eight_bytes() {
        let addrs = vec!["127.0.0.1:1".parse().unwrap()];
        let endpoint = Endpoint { addrs, encoding: Encoding::Plain, prompt: true, welcome: true, tls: false };
        let group = Group::new(endpoint, Role::Talker, 32, 1, SECOND);
        assert_eq!(group.name(0, 34), "b011000z");
        assert_eq!(group.name(1, 34), "b0110010");
        assert_eq!(group.name(1_000_000, 65_535).len(), 8);
        let all = DIGITS.len().pow(2);
        let looks: HashSet<_> = (0..all).map(|number| canonical(&digits::<2>(number))).collect();
        assert_eq!(looks.len(), all, "names that look alike would be refused");
    }

    #[test]
    fn window_opens_when_all_readers_have_a_message() {
        let mut window = SendWindow::new(2, 2, 3);
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
