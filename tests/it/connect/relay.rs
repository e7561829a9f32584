//! A connection between a client and a server that can be lost.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::connect::{Other, Peer, Terminal};
use crate::harness::{DEADLINE, Server};

/// Passes bytes on, but only while somebody waits for something.
pub struct Relay {
    near: TcpStream,
    far: TcpStream,
}

impl Relay {
    /// Takes the next connection, and makes one to the server.
    pub fn new(other: &Other, server: &Server) -> Relay {
        let Peer { stream: near, .. } = other.accept();
        let far = TcpStream::connect(server.addr).expect("connect");
        near.set_nonblocking(true).expect("O_NONBLOCK");
        far.set_nonblocking(true).expect("O_NONBLOCK");
        Relay { near, far }
    }

    /// Passes on both ways until the terminal shows what is looked for.
    #[track_caller]
    pub fn until(&mut self, terminal: &mut Terminal, mut found: impl FnMut(&mut Terminal) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !found(terminal) {
            assert!(Instant::now() < until, "it is not shown:\n{}", terminal.rows().join("\n"));
            pass(&mut self.near, &mut self.far);
            pass(&mut self.far, &mut self.near);
            terminal.read_for(Duration::from_millis(5));
        }
    }

    /// The connection breaks on both sides.
    pub fn cut(self) {
        for stream in [self.near, self.far] {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("linger");
        }
    }
}

fn pass(from: &mut TcpStream, to: &mut TcpStream) {
    let mut block = [0; 65536];
    match from.read(&mut block) {
        Ok(n) => to.write_all(&block[..n]).expect("as little as this fits"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
}
