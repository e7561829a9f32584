//! The side of a person in simulated TLS, of which `tls` is that of the server.

use std::collections::VecDeque;

use crate::util::test_support::Random;

/// Data of a record at most; from a person it fits into the smallest block of a read.
const FROM_PERSON: usize = 16;
/// The handshake, in each direction.
pub const HELLO: [u8; 2] = [22, 7];

/// What a person's program speaks at a TLS port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    Tls,
    /// Lines or HTTP, so that the handshake fails.
    Plain,
    /// Nothing: the handshake never begins.
    Silent,
}

/// What a person speaks who connects to a TLS port.
pub fn speech(seed: u64) -> Speech {
    match seed % 12 {
        0 => Speech::Plain,
        1 => Speech::Silent,
        _ => Speech::Tls,
    }
}

/// The person's side.
pub struct Peer {
    speech: Speech,
    delays: bool,
    has_greeted: bool,
    /// Bytes of records that are on the way.
    late: VecDeque<u8>,
    /// Received bytes that are no whole record yet, and whether the server's greeting has come.
    received: Vec<u8>,
    is_greeted: bool,
}

impl Peer {
    /// Bytes stay on the way only if `delays`.
    pub fn new(speech: Speech, delays: bool) -> Peer {
        Peer { speech, delays, has_greeted: false, late: VecDeque::new(), received: Vec::new(), is_greeted: false }
    }

    /// Whether its handshake is to succeed.
    pub fn speaks_tls(&self) -> bool {
        self.speech == Speech::Tls
    }

    /// The bytes that arrive at the server when the person sends `data`; `ends` announces the end. A part of them may stay on
    /// the way until the next call.
    pub fn send(&mut self, data: impl Iterator<Item = u8>, ends: bool, random: &mut Random) -> Vec<u8> {
        match self.speech {
            Speech::Silent => return Vec::new(),
            Speech::Plain => return data.collect(),
            Speech::Tls => {}
        }
        if !std::mem::replace(&mut self.has_greeted, true) {
            self.late.extend(HELLO);
        }
        let data: Vec<u8> = data.collect();
        let mut rest = &data[..];
        while !rest.is_empty() {
            let (record, after) = rest.split_at((1 + random.below(FROM_PERSON)).min(rest.len()));
            self.late.push_back(record.len() as u8);
            self.late.extend(record);
            rest = after;
        }
        if ends {
            self.late.push_back(0);
        }
        let stays = if self.delays && !ends && !data.is_empty() && random.one_in(3) {
            random.below(self.late.len())
        } else {
            0
        };
        self.late.drain(..self.late.len() - stays).collect()
    }

    /// Whether bytes are on the way.
    pub fn has_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// The server has written these bytes; appends the data of whole records to `fresh`.
    pub fn receive(&mut self, bytes: &[u8], fresh: &mut Vec<u8>) {
        if self.speech != Speech::Tls {
            return;
        }
        self.received.extend_from_slice(bytes);
        if !self.is_greeted && self.received.len() >= HELLO.len() {
            self.is_greeted = true;
            let greeting: Vec<u8> = self.received.drain(..HELLO.len()).collect();
            if greeting != HELLO {
                // Nothing of the person's handshake has come in time.
                assert_eq!(greeting, b"Th", "the server's handshake");
                self.speech = Speech::Plain;
            }
        }
        while self.speech == Speech::Tls
            && self.is_greeted
            && let Some(length) = first_length(&self.received)
        {
            fresh.extend_from_slice(&self.received[1..=length]);
            self.received.drain(..=length);
        }
    }
}

/// The length of the data in the first record, if all of it is there.
pub fn first_length(bytes: &[u8]) -> Option<usize> {
    bytes.first().map(|&length| usize::from(length)).filter(|length| *length < bytes.len())
}
