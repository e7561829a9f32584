//! The headers by which proxies name their clients, before everything else on a connection.

use std::io::{self, Write};
use std::net::IpAddr;

use log::debug;

use crate::chat::{Now, Refusal, show_addr};
use crate::server::connection::transport::{Listener, ListenerKind, Transport};
use crate::server::connection::{OpeningStep, Protocol};
use crate::server::engine::Engine;
use crate::server::trusted_peer::TrustedPeer;

impl<L: Listener> Engine<L> {
    /// Sets the proxies, whose later connections must begin with a header.
    pub fn set_proxies(&mut self, proxies: Vec<TrustedPeer>) {
        self.proxies = proxies;
    }

    /// The first step of the opening of a connection from `peer`; `None` if its protocol begins at once.
    pub(in crate::server::engine) fn first_step(&self, peer: IpAddr, stream: &L::Transport) -> Option<OpeningStep> {
        match self.proxies.iter().any(|proxy| proxy.is(peer)) {
            true => Some(OpeningStep::ProxyHeader),
            false => stream.needs_handshake().then_some(OpeningStep::Handshake),
        }
    }

    /// Reads the header of a proxy. From then on only the client's address counts, in all limits, bans and texts.
    pub(in crate::server::engine) fn read_proxy_header(&mut self, slot: usize, now: Now) {
        let connection = &mut self.connections[slot];
        let header = connection.take_proxy_header();
        let Protocol::Opening(opening) = &mut connection.protocol else { return };
        let peer = show_addr(opening.addr);
        match header {
            Ok(header) => {
                if let Some(client) = header.client {
                    debug!("{} comes through the proxy {peer}", show_addr(client));
                    opening.addr = client;
                }
                if !connection.stream.needs_handshake() {
                    return self.end_opening(slot, now);
                }
                self.openings.leave(opening.counted_addr());
                opening.step = OpeningStep::Handshake;
                let addr = opening.counted_addr();
                self.count_opening(slot, addr);
                // What came with the header raises no event any more.
                self.read_soon(slot);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.read_soon(slot),
            Err(error) => {
                debug!("the proxy {peer} is refused: {error}");
                if error.kind() == io::ErrorKind::InvalidData {
                    self.ask_for_proxy_header(slot);
                }
                self.shutdown_write(slot, now);
            }
        }
    }

    /// Tells a peer that speaks lines that the header of a proxy has to come first.
    pub(in crate::server::engine) fn ask_for_proxy_header(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        if let Protocol::Opening(opening) = &connection.protocol
            && opening.kind == ListenerKind::Plain
            && !connection.stream.needs_handshake()
        {
            // A new socket has room for it.
            let _ = connection.stream.write_all(&self.hub.refusal_line(Refusal::NoProxyHeader));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use crate::chat::Config;
    use crate::server::connection::transport::ListenerKind;
    use crate::server::engine::opening::tests::Server;
    use crate::simulator::network::peer::{Peer, Speech};
    use crate::simulator::network::proxy::Proxy;
    use crate::simulator::network::{Network, Wire};

    const PROXY: [u8; 4] = [10, 9, 0, 1];
    const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

    /// A server that trusts a proxy, with one connection per address.
    fn server() -> Server {
        let config = Config { max_clients: 10_000, max_per_ip: 1, ..Config::default() };
        let mut server = Server::with(Network::default(), config);
        server.engine.set_proxies(vec!["10.9.0.1".parse().unwrap()]);
        server
    }

    fn header(client: &str) -> Vec<u8> {
        format!("PROXY TCP4 {client} 192.0.2.1 40000 4567\r\n").into_bytes()
    }

    /// Connects without TLS, sends the pieces one after another, and returns what was read.
    fn talk(server: &mut Server, addr: [u8; 4], listener: usize, pieces: &[&[u8]]) -> (Rc<RefCell<Wire>>, String) {
        let wire = server.connect_to(listener, addr, 10_000, None, None);
        for piece in pieces {
            wire.borrow_mut().arrive(piece.iter().copied());
            server.run(1);
        }
        let read = String::from_utf8_lossy(&std::mem::take(&mut wire.borrow_mut().fresh)).into_owned();
        (wire, read)
    }

    #[test]
    fn clients_of_a_proxy_are_limited_by_their_own_addresses() {
        let mut server = server();
        let whole = [&header("10.0.0.1")[..], b"alice\n"].concat();
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert!(talk(&mut server, PROXY, 0, &bytes).1.contains("You are alice"));
        let (other, read) = talk(&mut server, PROXY, 0, &[&header("10.0.0.2"), b"bob\n"]);
        assert!(read.contains("You are bob"), "{read}");
        for (addr, first) in [(PROXY, &header("10.0.0.2")[..]), ([10, 0, 0, 2], b"")] {
            let (_, read) = talk(&mut server, addr, 0, &[first]);
            assert!(read.contains("too many connections from your address (1 at most)"), "{addr:?}: {read}");
        }
        other.borrow_mut().end();
        server.run(1);
        assert!(talk(&mut server, PROXY, 0, &[&header("10.0.0.2"), b"ben\n"]).1.contains("You are ben"));
    }

    #[test]
    fn connections_of_the_proxy_itself_count_for_its_own_address() {
        let mut server = server();
        assert!(talk(&mut server, PROXY, 0, &[LOCAL, b"alice\n"]).1.contains("You are alice"));
        let (_, read) = talk(&mut server, PROXY, 0, &[b"PROXY UNKNOWN\r\n"]);
        assert!(read.contains("too many connections from your address"), "{read}");
        assert!(talk(&mut server, PROXY, 0, &[&header("10.0.0.1"), b"bob\n"]).1.contains("You are bob"));
    }

    #[test]
    fn peer_without_header_is_told_on_a_port_for_lines_and_closed() {
        let mut server = server();
        for first in [&b"alice\n"[..], b"PROXY TCP9", b"GET / HTTP/1.1\r\n\r\n"] {
            let (lines, read) = talk(&mut server, PROXY, 0, &[first]);
            let (web, silence) = talk(&mut server, PROXY, 1, &[first]);
            let expected = if first.starts_with(b"PROXY") { "" } else { "! Connections from your address must begin " };
            assert!(read.starts_with(expected), "{read}");
            assert_eq!(silence, "");
            for wire in [lines, web] {
                wire.borrow_mut().end();
                server.run(1);
                assert!(wire.borrow().closed);
            }
        }
        let (silent, half) = (talk(&mut server, PROXY, 0, &[]).0, talk(&mut server, PROXY, 0, &[b"PROXY TCP4 1"]).0);
        // A header that its end cuts off.
        let (cut, _) = talk(&mut server, PROXY, 0, &[b"PROXY TCP4 1"]);
        cut.borrow_mut().end();
        server.run(2);
        assert!(cut.borrow().closed && cut.borrow().fresh.is_empty());
        server.run(12);
        for wire in [silent, half] {
            assert!(wire.borrow().fresh.starts_with(b"! Connections from your address must begin "));
            wire.borrow_mut().end();
        }
        server.run(13);
        assert_eq!((server.engine.opening_count(), server.engine.connection_count()), (0, 0));
    }

    #[test]
    fn header_of_a_peer_that_is_no_proxy_is_another_protocol() {
        let mut server = server();
        let (_, read) = talk(&mut server, [10, 0, 0, 1], 0, &[&header("10.0.0.2")]);
        assert!(read.contains("! This port is for lines of text"), "{read}");
        let (_, read) = talk(&mut server, [10, 0, 0, 2], 1, &[&header("10.0.0.2"), b"\r\n"]);
        assert!(read.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"), "{read}");
        let (_, read) = talk(&mut server, PROXY, 1, &[&header("10.0.0.2"), b"GET / HTTP/1.0\r\n\r\n"]);
        assert!(read.starts_with("HTTP/1.1 200 OK\r\n"), "{read}");
    }

    #[test]
    fn handshakes_are_limited_by_the_clients_of_the_proxy_and_not_by_its_address() {
        const MANY: usize = 1500;
        let mut server = server();
        let connect = |server: &mut Server, header: &[u8]| {
            let (peer, proxy) = (Peer::new(Speech::Silent, false), Proxy::new(header.to_vec(), 1));
            let wire = server.connect_to(0, PROXY, 1000, Some(peer), Some(proxy));
            wire.borrow_mut().arrive_late();
            wire
        };
        let waiting: Vec<_> = (0..MANY).map(|_| connect(&mut server, b"")).collect();
        server.run(1);
        assert!(server.engine.opening_count() == MANY && waiting.iter().all(|wire| !wire.borrow().closed));
        let shaking: Vec<_> = (0..MANY).map(|_| connect(&mut server, &header("10.0.0.1"))).collect();
        let other = connect(&mut server, &header("10.0.0.2"));
        server.run(2);
        assert!(waiting.iter().chain([&other]).all(|wire| !wire.borrow().closed));
        assert_eq!(shaking.iter().filter(|wire| !wire.borrow().closed).count(), 1024);
        assert_eq!(server.engine.opening_count(), MANY + 1024 + 1);
        server.run(20);
        server.run(30);
        assert_eq!((server.engine.opening_count(), server.engine.connection_count()), (0, 0));
    }

    #[test]
    fn peers_of_unix_sockets_can_be_proxies() {
        let mut server = server();
        server.engine.set_proxies(vec!["unix".parse().unwrap()]);
        let kinds: Vec<_> = server.engine.listeners().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [ListenerKind::Plain, ListenerKind::Web]);
        assert!(talk(&mut server, [0, 0, 0, 0], 0, &[&header("10.0.0.1"), b"alice\n"]).1.contains("You are alice"));
        // Those that name no client are not limited by address.
        for name in ["bob", "carol"] {
            let (_, read) = talk(&mut server, [0, 0, 0, 0], 0, &[LOCAL, format!("{name}\n").as_bytes()]);
            assert!(read.contains(&format!("You are {name}")), "{read}");
        }
    }
}
