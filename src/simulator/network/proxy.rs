//! Simulated proxies: a header comes before the bytes of a person, perhaps in pieces.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use crate::chat::Network;
use crate::server::trusted_peer::TrustedPeer;
use crate::util::test_support::Random;

/// The address of the proxies.
const PROXY: [u8; 4] = [10, 9, 0, 1];

/// The peer that the server trusts to name persons.
pub fn trusted() -> TrustedPeer {
    TrustedPeer::Network(Network::host(PROXY.into()))
}

/// A proxy between a person and the server.
pub struct Proxy {
    random: Random,
    /// Bytes that are on the way, and how many of them belong to the header.
    late: VecDeque<u8>,
    header: usize,
    /// Bytes stay on the way.
    delays: bool,
    /// What it sends is no header, so that the person never enters.
    is_damaged: bool,
}

/// How the server sees a person who comes through a proxy.
pub struct Route {
    pub proxy: Proxy,
    /// The address from which the connection comes, and the one that counts.
    pub from: SocketAddr,
    pub client: SocketAddr,
}

/// The way of a person to the server: some come through a proxy.
pub fn route(seed: u64, own: SocketAddr, delays: bool) -> Option<Route> {
    let mut random = Random(seed ^ 0x9e37);
    if random.one_in(4) {
        return None;
    }
    let from = SocketAddr::from((PROXY, own.port()));
    let (header, client) = match random.below(10) {
        0 => (v2(0x20, 0x00, &[]), from),
        1 => (b"PROXY UNKNOWN\r\n".to_vec(), from),
        2..=4 => (format!("PROXY TCP4 {} 192.0.2.1 {} 4567\r\n", own.ip(), own.port()).into_bytes(), own),
        5 => (format!("PROXY TCP6 ::ffff:{} ::1 {} 4567\r\n", own.ip(), own.port()).into_bytes(), own),
        _ => (v2(0x21, 0x11, &addresses(own)), own),
    };
    let is_damaged = random.one_in(12);
    let header = if is_damaged { damaged(&mut random, own) } else { header };
    let proxy = Proxy { delays, is_damaged, ..Proxy::new(header, seed) };
    Some(Route { proxy, from, client })
}

fn addresses(own: SocketAddr) -> Vec<u8> {
    let IpAddr::V4(ip) = own.ip() else { panic!("{own} is not IPv4") };
    [&ip.octets()[..], &[192, 0, 2, 1], &own.port().to_be_bytes(), &[17, 215]].concat()
}

/// A header of version 2; some have an additional value.
fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let more: &[u8] = if addresses.last().is_some_and(|last| last % 2 == 1) { &[4, 0, 2, 0, 0] } else { &[] };
    let length = (addresses.len() + more.len()) as u16;
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length.to_be_bytes(), addresses, more].concat()
}

/// Bytes that are no header, or none at all: those of the person come first then.
fn damaged(random: &mut Random, own: SocketAddr) -> Vec<u8> {
    match random.below(5) {
        0 => Vec::new(),
        1 => b"PROXY TCP5 10.0.0.1 192.0.2.1 1 4567\r\n".to_vec(),
        2 => b"PROXY TCP4 0.0.0.0 192.0.2.1 1 4567\r\n".to_vec(),
        3 => v2(0x31, 0x11, &addresses(own)),
        _ => v2(0x21, 0x11, &[0; 2000]),
    }
}

impl Proxy {
    /// A proxy that sends this header at once.
    pub fn new(header: Vec<u8>, seed: u64) -> Proxy {
        let length = header.len();
        Proxy { random: Random(seed), late: header.into(), header: length, delays: false, is_damaged: false }
    }

    /// The bytes that arrive at the server when the person sends `data`; nothing stays on the way if that `ends` the input.
    pub fn send(&mut self, data: Vec<u8>, ends: bool) -> Vec<u8> {
        self.late.extend(data);
        let count = match self.header {
            0 => self.late.len(),
            header if self.delays && !ends && self.random.one_in(2) => 1 + self.random.below(header),
            _ => self.late.len(),
        };
        self.header = self.header.saturating_sub(count);
        self.late.drain(..count).collect()
    }

    /// Whether bytes are on the way.
    pub fn has_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// Whether the person never enters.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }
}
