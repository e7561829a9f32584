//! Tests of TLS connections, with a rustls client on the other end of a pipe in memory.

mod ends;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::ListenerKind;
use super::buffers::{Handshakes, TransportBuffers};
use super::records::{MAX_DATA, MAX_RECORD};
use super::tls::{TlsStream, is_temporary};
use super::tls_server::TlsServer;
use crate::chat::Lang;
use crate::server::tls::TlsConfigs;
use crate::util::test_support::Random;

/// The bytes on the way in both directions.
struct Pipe {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// The client has closed its side.
    is_closed: bool,
    /// Bytes that one read gives at most.
    step: usize,
    /// Bytes to the client that the pipe holds at most.
    capacity: usize,
}

/// The server's end of a pipe.
struct Socket(Rc<RefCell<Pipe>>);

impl Read for Socket {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let pipe = &mut *self.0.borrow_mut();
        let length = block.len().min(pipe.step);
        match pipe.to_server.read(&mut block[..length])? {
            0 if !pipe.is_closed => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pipe = &mut *self.0.borrow_mut();
        match bytes.len().min(pipe.capacity - pipe.to_client.len().min(pipe.capacity)) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => pipe.to_client.write(&bytes[..n]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server's shared part and the settings of its clients.
struct World {
    server: Rc<TlsServer>,
    buffers: Rc<TransportBuffers>,
    client: Arc<ClientConfig>,
}

/// A server connection with its client.
struct Pair {
    pipe: Rc<RefCell<Pipe>>,
    stream: TlsStream<Socket>,
    client: ClientConnection,
    block: Vec<u8>,
}

impl World {
    fn new(versions: &[&'static SupportedProtocolVersion]) -> World {
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = key.cert.der().clone();
        let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate.clone()], private).unwrap();
        config.ticketer = Ticketer::new().unwrap();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        let config = Arc::new(config);
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut client = builder.with_root_certificates(roots).with_no_client_auth();
        client.resumption = Resumption::in_memory_sessions(8);
        let buffers = TransportBuffers::new(1 << 20);
        let configs = TlsConfigs { lines: config.clone(), irc: config.clone(), web: config };
        World { server: TlsServer::new(configs, Lang::En, &buffers), buffers, client: Arc::new(client) }
    }

    fn stream(&self, kind: ListenerKind, step: usize, capacity: usize) -> (Rc<RefCell<Pipe>>, TlsStream<Socket>) {
        let (to_server, to_client) = Default::default();
        let pipe = Rc::new(RefCell::new(Pipe { to_server, to_client, is_closed: false, step, capacity }));
        let stream = TlsStream::new(Socket(pipe.clone()), &self.server, kind);
        (pipe, stream)
    }

    /// A client whose handshake has not begun.
    fn pair(&self, step: usize, capacity: usize) -> Pair {
        let (pipe, stream) = self.stream(ListenerKind::Plain, step, capacity);
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(self.client.clone(), name).unwrap();
        Pair { pipe, stream, client, block: vec![0; MAX_DATA] }
    }

    /// A client whose handshake is complete.
    fn open(&self, step: usize, capacity: usize) -> Pair {
        let mut pair = self.pair(step, capacity);
        while !pair.stream.is_open() || pair.client.is_handshaking() {
            pair.exchange();
            match pair.stream.shake_hands() {
                Err(error) if !is_temporary(&error) => panic!("{error}"),
                _ => {}
            }
        }
        pair
    }
}

impl Pair {
    /// Moves bytes between the client and the pipe.
    fn exchange(&mut self) {
        let pipe = &mut *self.pipe.borrow_mut();
        while self.client.wants_write() {
            self.client.write_tls(&mut pipe.to_server).unwrap();
        }
        while !pipe.to_client.is_empty() && self.client.wants_read() {
            self.client.read_tls(&mut pipe.to_client).unwrap();
            self.client.process_new_packets().unwrap();
        }
    }

    /// Reads all that the server can read now, and the error or end after it.
    fn read(&mut self) -> (Vec<u8>, Option<io::ErrorKind>) {
        let mut data = Vec::new();
        loop {
            self.exchange();
            let _ = self.stream.flush();
            self.exchange();
            match self.stream.read(&mut self.block) {
                Ok(0) => return (data, None),
                Ok(n) => data.extend_from_slice(&self.block[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // With an edge-triggered poll, only new bytes raise an event.
                    if self.pipe.borrow().to_server.is_empty() && !self.stream.has_pending_read() {
                        return (data, Some(error.kind()));
                    }
                }
                Err(error) => return (data, Some(error.kind())),
            }
        }
    }

    /// The data that the client has received.
    fn received(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        loop {
            self.exchange();
            let mut block = [0; 1000];
            match self.client.reader().read(&mut block) {
                Ok(n) if n > 0 => data.extend_from_slice(&block[..n]),
                _ => return data,
            }
        }
    }
}

fn versions() -> [Vec<&'static SupportedProtocolVersion>; 2] {
    [vec![&rustls::version::TLS13], vec![&rustls::version::TLS12]]
}

fn numbers(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * n / 7) as u8).collect()
}

#[test]
fn data_passes_in_both_directions_whatever_the_socket_does() {
    for version in versions() {
        let world = World::new(&version);
        for (step, capacity) in [(1, 1), (7, 100), (1000, 20_000), (usize::MAX, usize::MAX)] {
            let mut pair = world.open(step, capacity);
            let sent = numbers(40_000);
            let mut data = Vec::new();
            for piece in sent.chunks(9_999) {
                pair.client.writer().write_all(piece).unwrap();
                data.extend(pair.read().0);
            }
            assert!(data == sent, "step {step}, capacity {capacity}");
            while pair.stream.wants_write() {
                let _ = pair.stream.flush();
                pair.exchange();
            }
            assert_eq!(world.buffers.bytes(), 0, "an idle session keeps nothing");
            let (mut written, mut received) = (0, Vec::new());
            while received.len() < sent.len() {
                match pair.stream.write(&sent[written..]) {
                    _ if written == sent.len() => {
                        let _ = pair.stream.flush();
                    }
                    Ok(n) => written += n,
                    Err(error) => assert!(is_temporary(&error)),
                }
                assert!(world.buffers.bytes() <= MAX_RECORD);
                received.extend(pair.received());
            }
            assert!(received == sent && !pair.stream.wants_write(), "step {step}, capacity {capacity}");
            assert_eq!(world.buffers.bytes(), 0);
        }
    }
}

#[test]
fn several_slices_become_one_record() {
    let world = World::new(&versions()[0]);
    let mut pair = world.open(usize::MAX, usize::MAX);
    pair.exchange();
    let slices = [b"alice: hello\r\n".as_slice(), b"bob: hi\r\n", b"* carol joined\r\n"];
    let n = pair.stream.write_vectored(&slices.map(IoSlice::new)).unwrap();
    // Header, data, type of the data, and the tag of AES-GCM or ChaCha20-Poly1305.
    assert_eq!((n, pair.pipe.borrow().to_client.len()), (slices.concat().len(), 5 + n + 1 + 16));
    assert_eq!(pair.received(), slices.concat());
    // What does not fit into a record is left to the next write.
    let big = vec![b'x'; 10_000];
    assert_eq!(pair.stream.write_vectored(&[IoSlice::new(&big), IoSlice::new(&big)]).unwrap(), MAX_DATA);
    assert_eq!(pair.stream.write(&big).unwrap(), big.len());
}

#[test]
fn many_small_records_fill_a_block_and_the_rest_is_announced() {
    let world = World::new(&versions()[0]);
    let mut pair = world.open(usize::MAX, usize::MAX);
    for _ in 0..200 {
        pair.client.writer().write_all(&[b'x'; 150]).unwrap();
    }
    pair.exchange();
    let n = pair.stream.read(&mut pair.block).unwrap();
    assert!(n > MAX_DATA / 2 && n.is_multiple_of(150), "{n}");
    assert!(pair.stream.has_pending_read());
    let (rest, _) = pair.read();
    assert_eq!(n + rest.len(), 200 * 150);
    assert!(!pair.stream.has_pending_read());
}

#[test]
fn flood_of_tiny_records_is_read_in_bounded_steps() {
    let world = World::new(&versions()[0]);
    let mut pair = world.open(usize::MAX, usize::MAX);
    for _ in 0..3000 {
        pair.client.writer().write_all(b"x").unwrap();
        pair.exchange();
    }
    let (mut data, mut reads) = (0, 0);
    while data < 3000 {
        reads += 1;
        match pair.stream.read(&mut pair.block) {
            Ok(n) => {
                assert!((1..=64).contains(&n), "{n} records in one read");
                data += n;
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
        }
        assert!(data == 3000 || pair.stream.has_pending_read());
    }
    assert!(reads >= 3000 / 64);
}

#[test]
fn data_that_comes_with_the_end_of_the_handshake_is_read() {
    for version in versions() {
        let world = World::new(&version);
        let mut pair = world.pair(usize::MAX, usize::MAX);
        pair.client.writer().write_all(b"alice\n").unwrap();
        while !pair.stream.is_open() {
            pair.exchange();
            let _ = pair.stream.shake_hands();
        }
        assert_eq!(pair.read().0, b"alice\n");
    }
}

#[test]
fn later_session_goes_on_with_the_ticket_of_an_earlier_one() {
    for version in versions() {
        let world = World::new(&version);
        for round in 1..=2 {
            let mut pair = world.open(usize::MAX, usize::MAX);
            // The ticket comes after the handshake.
            pair.received();
            let expected = Handshakes { complete: round, resumed: round - 1, failed: 0 };
            assert_eq!(world.buffers.handshakes(), expected);
        }
    }
}

#[test]
fn plain_client_is_told_that_tls_is_spoken() {
    let world = World::new(&versions()[0]);
    for (kind, sent, start) in [
        (ListenerKind::Plain, "alice\n", "! This port speaks TLS. "),
        (ListenerKind::Plain, "", "! This port speaks TLS. "),
        (ListenerKind::Web, "GET / HTTP/1.1\r\n", "HTTP/1.1 400 Bad Request\r\n"),
    ] {
        let (pipe, mut stream) = world.stream(kind, usize::MAX, usize::MAX);
        pipe.borrow_mut().to_server.extend(sent.as_bytes());
        match stream.shake_hands().unwrap_err().kind() {
            io::ErrorKind::WouldBlock => stream.give_up(),
            kind => assert_eq!(kind, io::ErrorKind::InvalidData),
        }
        let answer = String::from_utf8(pipe.borrow_mut().to_client.drain(..).collect()).unwrap();
        assert!(answer.starts_with(start), "{answer:?}");
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer:?}");
        }
        // Nothing of it is taken for data later.
        pipe.borrow_mut().to_server.extend(b"more");
        assert_eq!(stream.read(&mut [0; MAX_DATA]).unwrap(), 4);
        stream.end_writing().unwrap();
    }
    assert_eq!(world.buffers.handshakes().failed, 3);
}

#[test]
fn connection_that_ends_in_its_handshake_is_never_open() {
    for version in versions() {
        let world = World::new(&version);
        let mut pair = world.pair(usize::MAX, usize::MAX);
        pair.client.send_close_notify();
        let error = loop {
            pair.exchange();
            match pair.stream.shake_hands() {
                Ok(()) => panic!("an open connection"),
                Err(error) if is_temporary(&error) => pair.pipe.borrow_mut().is_closed = true,
                Err(error) => break error.kind(),
            }
        };
        assert!(matches!(error, io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData), "{error}");
        assert!(!pair.stream.is_open());
    }
}

#[test]
fn failed_handshake_is_answered_with_an_alert() {
    let world = World::new(&versions()[0]);
    let (pipe, mut stream) = world.stream(ListenerKind::Plain, usize::MAX, usize::MAX);
    pipe.borrow_mut().to_server.extend([22, 3, 1, 0, 4, 99, 0, 0, 0]);
    assert_eq!(stream.shake_hands().unwrap_err().kind(), io::ErrorKind::InvalidData);
    let answer: Vec<u8> = pipe.borrow_mut().to_client.drain(..).collect();
    assert_eq!((answer[0], answer.len()), (21, 7), "an alert: {answer:?}");
}

#[test]
fn damaged_records_end_the_connection_and_keep_nothing() {
    let mut random = Random(7);
    for version in versions() {
        let world = World::new(&version);
        for _ in 0..200 {
            let mut pair = world.open(usize::MAX, usize::MAX);
            pair.received();
            for _ in 0..3 {
                pair.client.writer().write_all(&numbers(1 + random.below(3000))).unwrap();
            }
            pair.exchange();
            let place = random.below(pair.pipe.borrow().to_server.len());
            pair.pipe.borrow_mut().to_server[place] ^= 1 << random.below(8);
            pair.pipe.borrow_mut().is_closed = true;
            let mut reads = 0;
            let error = loop {
                reads += 1;
                assert!(reads < 100);
                match pair.stream.read(&mut pair.block) {
                    Ok(n) => assert!(n > 0, "a damaged connection has no ordinary end"),
                    Err(error) if is_temporary(&error) => {}
                    Err(error) => break error.kind(),
                }
            };
            // A record whose length was made greater may lack its end.
            assert!(matches!(error, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof), "{error}");
            drop(pair);
            assert_eq!(world.buffers.bytes(), 0);
        }
    }
}

#[test]
fn any_bytes_instead_of_a_handshake_are_refused() {
    let world = World::new(&versions()[0]);
    let mut random = Random(11);
    for _ in 0..2000 {
        let (pipe, mut stream) = world.stream(ListenerKind::Plain, 1 + random.below(600), usize::MAX);
        let length = random.below(2000);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        let head = [22, 3, 1, random.below(3) as u8, random.below(256) as u8, 1, 0];
        bytes.splice(0..0, head[..random.below(head.len() + 1)].iter().copied());
        pipe.borrow_mut().to_server.extend(bytes);
        pipe.borrow_mut().is_closed = true;
        let error = loop {
            match stream.shake_hands() {
                Ok(()) => panic!("a handshake of random bytes"),
                Err(error) if is_temporary(&error) => {}
                Err(error) => break error.kind(),
            }
        };
        assert!(matches!(error, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof), "{error}");
    }
    assert_eq!(world.buffers.bytes(), 0);
}
