//! What a server hands over beside its state: its sockets, the control socket, and the standard input of its console.
//!
//! In the place of a socket with TLS, one end of a pair of Unix sockets is handed over.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use serde::{Deserialize, Serialize};
use socket2::SockRef;

use crate::server::connection::transport::{
    ClientStream, ListenerKind, ServerListener, SocketFile, StreamKind, UnixServer,
};
use crate::server::console::{Console, ConsoleState};
use crate::server::engine::Engine;
use crate::server::listen::{ListenerEntry, Listening, PassedListener};
use crate::server::listen_addr::{ListenAddr, ListenPlace};

/// What the descriptors are that are handed over. Their order is: standard input, the listeners, the streams, the control
/// socket.
#[derive(Serialize, Deserialize)]
pub struct Inventory {
    /// Input and output of the console that were not processed; `None` if there is no console.
    pub console: Option<ConsoleState>,
    listeners: Vec<ListenerEntry>,
    /// The streams with the slots of their connections.
    streams: Vec<(usize, StreamKind)>,
    /// The file of the control socket, if there is one.
    #[serde(default)]
    control: Option<SocketFile>,
}

/// The pairs of sockets between the successor and the relay, by the slots of their connections with TLS.
#[derive(Default)]
pub struct SocketPairs(HashMap<usize, SocketPair>);

struct SocketPair {
    /// The end that stays in this process.
    ours: OwnedFd,
    /// The end that is handed over.
    theirs: OwnedFd,
}

impl SocketPairs {
    /// A pair for each connection with TLS.
    ///
    /// # Errors
    /// If the kernel has no descriptors left.
    pub fn of(engine: &Engine<ServerListener>) -> io::Result<Self> {
        engine
            .unmovable()
            .map(|slot| Ok((slot, SocketPair::new(engine.send_buffer())?)))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// The number of pairs.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The ends that stay in this process, by slot; the others are closed.
    pub fn into_ours(self) -> HashMap<usize, OwnedFd> {
        self.0.into_iter().map(|(slot, pair)| (slot, pair.ours)).collect()
    }

    /// What is handed over for the connection in `slot` with this stream.
    fn stream_for<'a>(&'a self, slot: usize, stream: &'a ClientStream) -> Option<(StreamKind, BorrowedFd<'a>)> {
        match stream.kind() {
            Some(kind) => Some((kind, stream.as_fd())),
            None => self.0.get(&slot).map(|pair| (StreamKind::Relayed, pair.theirs.as_fd())),
        }
    }
}

impl SocketPair {
    fn new(send_buffer: usize) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        if send_buffer > 0 {
            // Without it the connection works as well.
            let _ = SockRef::from(&theirs).set_send_buffer_size(send_buffer);
        }
        Ok(SocketPair { ours, theirs })
    }
}

/// What was received.
pub struct Received {
    pub stdin: OwnedFd,
    pub listeners: Vec<PassedListener>,
    pub streams: Vec<(usize, ClientStream)>,
    pub console: Option<ConsoleState>,
    pub control: Option<(SocketFile, OwnedFd)>,
}

impl Inventory {
    /// What a server has; `listening` describes its listeners in their order. Each connection with TLS needs a pair.
    pub fn of(
        engine: &Engine<ServerListener>,
        pairs: &SocketPairs,
        listening: &[Listening],
        control: Option<&UnixServer>,
        console: Option<&mut Console>,
    ) -> Self {
        let entry = |((_, listener), listening): ((ListenerKind, &ServerListener), &Listening)| ListenerEntry {
            kind: listening.kind,
            addr: listening.addr.clone(),
            asked: listening.asked.clone(),
            is_activated: listening.is_activated,
            file: listener.file().cloned(),
        };
        Inventory {
            control: control.and_then(UnixServer::file).cloned(),
            console: console.map(Console::take_state),
            listeners: engine.listeners().zip(listening).map(entry).collect(),
            streams: engine
                .connections()
                .filter_map(|(slot, connection)| Some((slot, pairs.stream_for(slot, &connection.stream)?.0)))
                .collect(),
        }
    }

    /// The number of descriptors.
    pub fn descriptor_count(&self) -> usize {
        1 + self.listeners.len() + self.streams.len() + usize::from(self.control.is_some())
    }

    /// The descriptors, in their order.
    pub fn descriptors<'a>(
        engine: &'a Engine<ServerListener>,
        pairs: &'a SocketPairs,
        control: Option<&'a UnixServer>,
    ) -> Vec<BorrowedFd<'a>> {
        let listeners = engine.listeners().map(|(_, listener)| listener.as_fd());
        let streams = engine.connections().filter_map(|(slot, connection)| pairs.stream_for(slot, &connection.stream));
        let control = control.filter(|control| control.file().is_some()).map(UnixServer::as_fd);
        let first = std::iter::once(rustix::stdio::stdin());
        first.chain(listeners).chain(streams.map(|(_, fd)| fd)).chain(control).collect()
    }

    /// Puts received descriptors to what they are.
    ///
    /// # Errors
    /// If their number is another one.
    pub fn receive(self, descriptors: Vec<OwnedFd>) -> io::Result<Received> {
        if descriptors.len() != self.descriptor_count() {
            return Err(io::Error::other(format!(
                "{} descriptors came for {}",
                descriptors.len(),
                self.descriptor_count()
            )));
        }
        let Inventory { console, listeners, streams, control } = self;
        let mut descriptors = descriptors.into_iter();
        let Some(stdin) = descriptors.next() else { return Err(io::Error::other("no descriptors came")) };
        let listeners = listeners.into_iter().zip(descriptors.by_ref());
        let listeners = listeners.map(|(entry, socket)| PassedListener { entry, socket }).collect();
        let streams = streams.into_iter().zip(descriptors.by_ref());
        let streams = streams.map(|((slot, kind), socket)| (slot, ClientStream::from_fd(kind, socket))).collect();
        Ok(Received { stdin, listeners, streams, console, control: control.zip(descriptors.next()) })
    }
}

/// Takes the listener out that can serve for `addr`: one at the same address, at best of the same kind. Port 0 in the options
/// is the port that it had found before.
pub fn take_listener(
    passed: &mut Vec<PassedListener>,
    kind: ListenerKind,
    addr: &ListenAddr,
) -> Option<PassedListener> {
    let is_any_port = matches!(addr.place, ListenPlace::Tcp(place) if place.port() == 0);
    let is_same = |passed: &PassedListener| match is_any_port {
        true => passed.entry.asked == addr.place && passed.entry.kind == kind,
        false => passed.entry.addr.place == addr.place,
    };
    let free = || passed.iter().enumerate().filter(|(_, passed)| !passed.entry.is_activated && is_same(passed));
    let best = free().find(|(_, passed)| passed.entry.kind == kind && passed.entry.addr.tls == addr.tls);
    let index = best.or_else(|| free().next()).map(|(index, _)| index)?;
    Some(passed.remove(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(kind: ListenerKind, asked: &str, real: &str, is_activated: bool) -> PassedListener {
        let place = |text: &str| ListenPlace::Tcp(text.parse().unwrap());
        let addr = ListenAddr { place: place(real), tls: false };
        let entry = ListenerEntry { kind, addr, asked: place(asked), is_activated, file: None };
        PassedListener { entry, socket: std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into() }
    }

    /// The real address of the listener that is taken.
    fn taken(passed: &mut Vec<PassedListener>, kind: ListenerKind, addr: &str) -> Option<String> {
        let addr = ListenAddr { place: ListenPlace::Tcp(addr.parse().unwrap()), tls: false };
        take_listener(passed, kind, &addr).map(|passed| format!("{:?} {}", passed.entry.kind, passed.entry.addr.place))
    }

    #[test]
    fn listeners_are_found_by_address_and_those_with_port_0_by_what_was_asked_for() {
        use ListenerKind::{Irc, Plain, Web};
        let mut all = vec![
            passed(Plain, "127.0.0.1:0", "127.0.0.1:40001", false),
            passed(Plain, "127.0.0.1:0", "127.0.0.1:40002", false),
            passed(Web, "127.0.0.1:0", "127.0.0.1:40003", false),
            passed(Irc, "127.0.0.1:6667", "127.0.0.1:6667", false),
            passed(Plain, "0.0.0.0:4567", "0.0.0.0:4567", true),
        ];
        assert_eq!(taken(&mut all, Web, "127.0.0.1:0").unwrap(), "Web 127.0.0.1:40003");
        assert_eq!(taken(&mut all, Plain, "127.0.0.1:40002").unwrap(), "Plain 127.0.0.1:40002");
        assert_eq!(taken(&mut all, Plain, "127.0.0.1:0").unwrap(), "Plain 127.0.0.1:40001");
        assert_eq!(taken(&mut all, Plain, "127.0.0.1:0"), None);
        // The address is in use, so that its socket serves for another kind.
        assert_eq!(taken(&mut all, Web, "127.0.0.1:6667").unwrap(), "Irc 127.0.0.1:6667");
        assert_eq!(taken(&mut all, Irc, "127.0.0.1:6667"), None);
        assert_eq!(taken(&mut all, Plain, "0.0.0.0:4567"), None);
        assert_eq!(all.len(), 1);
    }
}
