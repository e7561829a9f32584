//! Messages of a client that begins a handshake, also such as no library sends any more.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::harness::Client;

/// The version that a client names, and the one of a record.
pub const SSL_3_0: u16 = 0x0300;
pub const TLS_1_0: u16 = 0x0301;
pub const TLS_1_1: u16 = 0x0302;
pub const TLS_1_2: u16 = 0x0303;
pub const TLS_1_3: u16 = 0x0304;

/// Alerts (RFC 8446, section 6).
pub const HANDSHAKE_FAILURE: u8 = 40;
pub const ACCESS_DENIED: u8 = 49;
pub const PROTOCOL_VERSION: u8 = 70;

/// Longest content of a record.
const RECORD: usize = 1 << 14;

/// A ClientHello (RFC 8446, section 4.1.2).
pub struct Hello {
    /// The version before TLS 1.3.
    pub version: u16,
    pub suites: Vec<u16>,
    pub compression: Vec<u8>,
    /// The versions from TLS 1.3 on; without any there is no such extension.
    pub versions: Vec<u16>,
}

impl Hello {
    /// Offers TLS 1.2 and what comes with it.
    pub fn tls_1_2(suites: &[u16]) -> Hello {
        Hello { version: TLS_1_2, suites: suites.to_vec(), compression: vec![0], versions: Vec::new() }
    }

    /// Offers TLS 1.3 alone.
    pub fn tls_1_3(suites: &[u16]) -> Hello {
        Hello { versions: vec![TLS_1_3], ..Hello::tls_1_2(suites) }
    }

    /// The handshake message.
    pub fn message(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend(with_length(numbers(&self.suites)));
        body.push(self.compression.len() as u8);
        body.extend(&self.compression);
        body.extend(with_length(self.extensions()));
        let mut message = vec![1, (body.len() >> 16) as u8, (body.len() >> 8) as u8, body.len() as u8];
        message.extend(body);
        message
    }

    fn extensions(&self) -> Vec<u8> {
        let groups = with_length(numbers(&[0x001d, 0x0017, 0x0018]));
        let signatures =
            with_length(numbers(&[0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201]));
        let mut all = vec![(10, groups), (11, vec![1, 0]), (13, signatures), (23, Vec::new())];
        if !self.versions.is_empty() {
            let mut versions = vec![2 * self.versions.len() as u8];
            versions.extend(numbers(&self.versions));
            // A public key of X25519: any number is one.
            let mut share = vec![0x00, 0x1d];
            share.extend(with_length(vec![9; 32]));
            all.extend([(43, versions), (51, with_length(share))]);
        }
        let extension =
            |(number, content): (u16, Vec<u8>)| [number.to_be_bytes().to_vec(), with_length(content)].concat();
        all.into_iter().flat_map(extension).collect()
    }

    /// The message in records.
    pub fn records(&self) -> Vec<u8> {
        in_records(&self.message(), RECORD)
    }

    /// Sends it on a new connection.
    pub fn ask(&self, addr: SocketAddr) -> Answer {
        let mut socket = Client::connect(addr).stream;
        socket.write_all(&self.records()).expect("write");
        let mut header = [0; 5];
        if socket.read_exact(&mut header).is_err() {
            return Answer::None;
        }
        let mut body = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        socket.read_exact(&mut body).expect("a record");
        match (header[0], body[0]) {
            (21, _) => Answer::Alert(body[1]),
            (22, 2) => Answer::Hello(ServerHello::parse(&body)),
            _ => panic!("neither an alert nor a ServerHello: {header:?} {body:?}"),
        }
    }
}

/// A handshake message in records of at most `most` bytes.
pub fn in_records(message: &[u8], most: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1][..], &with_length(part.to_vec())].concat();
    message.chunks(most).flat_map(record).collect()
}

/// What the server answers first.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Hello(ServerHello),
    Alert(u8),
    /// The end of the connection.
    None,
}

/// What the server has chosen.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerHello {
    pub version: u16,
    pub random: [u8; 32],
    pub suite: u16,
    pub compression: u8,
}

impl ServerHello {
    /// Parses a handshake message (RFC 8446, section 4.1.3).
    fn parse(message: &[u8]) -> ServerHello {
        let number = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
        let after_id = 39 + usize::from(message[38]);
        let (mut version, mut at) = (number(4), after_id + 5);
        let end = at + usize::from(number(after_id + 3));
        while at < end {
            if number(at) == 43 {
                version = number(at + 4);
            }
            at += 4 + usize::from(number(at + 2));
        }
        ServerHello {
            version,
            random: message[6..38].try_into().expect("32 bytes"),
            suite: number(after_id),
            compression: message[after_id + 2],
        }
    }
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn with_length(content: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("at most 65,535 bytes").to_be_bytes();
    [length.to_vec(), content].concat()
}
