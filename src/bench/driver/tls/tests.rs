//! Connections of the load test to the server's own TLS, over sockets of the kernel.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::ServerConfig;
use rustls::crypto::ring::Ticketer;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::NoServerSessionStorage;

use super::*;
use crate::chat::Lang;
use crate::server::connection::transport::{
    ClientStream, Listener, ListenerKind, ServerListener, TlsServer, Transport, TransportBuffers,
};
use crate::server::tls::TlsConfigs;

const DEADLINE: Duration = Duration::from_secs(10);

fn listen() -> TcpListener {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap()
}

/// A server with a self-signed certificate.
fn server() -> ServerListener {
    let key = rcgen::generate_simple_self_signed(["other.example".to_owned()]).unwrap();
    let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![key.cert.der().clone()], private).unwrap();
    config.ticketer = Ticketer::new().unwrap();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    let config = Arc::new(config);
    let configs = TlsConfigs { lines: config.clone(), irc: config.clone(), web: config };
    let server = TlsServer::new(configs, Lang::En, &TransportBuffers::new(1 << 20));
    ServerListener::Tls(listen(), server, ListenerKind::Plain)
}

/// Waits until one of these can be read.
fn wait_for(sources: &[&dyn AsFd]) {
    let mut fds: Vec<PollFd> = sources.iter().map(|source| PollFd::new(source, PollFlags::IN)).collect();
    let ready = poll(&mut fds, Some(&Timespec::try_from(DEADLINE).unwrap())).unwrap();
    assert!(ready > 0, "nothing has come");
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Reads until there are `wanted` bytes, or the end; the other side goes on with `others`.
fn read_from(client: &mut TlsStream, wanted: usize, mut others: impl FnMut()) -> io::Result<Vec<u8>> {
    let (mut data, mut block) = (Vec::new(), vec![0; BLOCK]);
    while data.len() < wanted {
        match client.read(&mut block) {
            Ok(0) => break,
            Ok(n) => data.extend_from_slice(&block[..n]),
            Err(error) if is_temporary(&error) => {
                others();
                wait_for(&[client.socket()]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(data)
}

struct Pair {
    client: TlsStream,
    server: ClientStream,
}

/// A connection whose handshake is complete.
fn open(listener: &ServerListener, clients: &Rc<TlsClients>) -> Pair {
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    wait_for(&[listener]);
    let (mut server, _) = listener.accept().unwrap();
    let mut client = TlsStream::new(socket, clients).unwrap();
    assert!(client.is_handshaking() && client.write(b"early").is_err());
    client.flush().unwrap();
    let mut block = vec![0; BLOCK];
    while client.is_handshaking() || server.needs_handshake() {
        match server.shake_hands() {
            Err(error) if !is_temporary(&error) => panic!("{error}"),
            _ => {}
        }
        match client.read(&mut block) {
            Err(error) if is_temporary(&error) => {}
            other => assert!(other.is_err_and(|error| is_temporary(&error)), "the server has said nothing"),
        }
        let ClientStream::Tls(stream) = &mut server else { panic!("it is TLS") };
        if client.is_handshaking() || !stream.is_open() {
            wait_for(&[client.socket(), stream.socket_mut()]);
        }
    }
    Pair { client, server }
}

fn numbers(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * n / 7) as u8).collect()
}

#[test]
fn data_passes_in_both_directions_until_the_announced_end() {
    let clients = TlsClients::new();
    let Pair { mut client, mut server } = open(&server(), &clients);
    assert_eq!(clients.negotiated().map(|it| it.version), Some(ProtocolVersion::TLSv1_3));
    // More than sockets hold at once, so that records come in parts.
    let data = numbers(3_000_000);
    let mut sent = 0;
    let got = read_from(&mut client, data.len(), || {
        let _ = server.flush();
        while sent < data.len() {
            match server.write(&data[sent..]) {
                Ok(n) => sent += n,
                Err(error) => return assert!(is_temporary(&error), "{error}"),
            }
        }
    });
    assert!(got.unwrap() == data);
    let (mut back, mut sent) = (Vec::new(), 0);
    let mut block = vec![0; BLOCK];
    while back.len() < data.len() {
        let _ = client.flush();
        while sent < data.len() {
            match client.write(&data[sent..]) {
                Ok(n) => sent += n,
                Err(error) => {
                    assert!(is_temporary(&error), "{error}");
                    break;
                }
            }
        }
        match server.read(&mut block) {
            Ok(n) => back.extend_from_slice(&block[..n]),
            Err(error) => assert!(is_temporary(&error), "{error}"),
        }
    }
    assert!(back == data);
    client.end().unwrap();
    assert_eq!(server.read(&mut block).unwrap(), 0);
    server.end_writing().unwrap();
    assert_eq!(read_from(&mut client, 1, || {}).unwrap(), b"");
}

#[test]
fn handshakes_are_full_unless_resumption_is_set() {
    let (clients, listener) = (TlsClients::new(), server());
    let resumed = || {
        let Pair { mut client, mut server } = open(&listener, &clients);
        // The ticket comes before this.
        server.write_all(b"hello").unwrap();
        assert_eq!(read_from(&mut client, 5, || {}).unwrap(), b"hello");
        client.is_resumed()
    };
    assert_eq!([resumed(), resumed()], [false, false]);
    clients.set_resumption(true);
    assert_eq!([resumed(), resumed(), resumed()], [false, true, true]);
    clients.set_resumption(false);
    assert!(!resumed());
}

#[test]
fn connection_that_breaks_off_has_no_ordinary_end() {
    let Pair { mut client, server } = open(&server(), &TlsClients::new());
    drop(server);
    assert_eq!(read_from(&mut client, 1, || {}).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn server_without_tls_is_noticed() {
    let listener = listen();
    let mut client =
        TlsStream::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap(), &TlsClients::new()).unwrap();
    wait_for(&[&listener]);
    listener.accept().unwrap().0.write_all(b"* Welcome! What is your name?\r\n").unwrap();
    assert_eq!(read_from(&mut client, 1, || {}).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn many_small_records_are_read_at_once() {
    let Pair { mut client, mut server } = open(&server(), &TlsClients::new());
    let data = numbers(1000);
    for byte in data.chunks(1) {
        assert_eq!(server.write(byte).unwrap(), 1);
    }
    // No event would announce what is left of them.
    assert!(read_from(&mut client, data.len(), || {}).unwrap() == data);
}
