//! A relay between client and server that can break the connection.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::connect::{ClientTerminal, FakeConnection, FakeServer};
use crate::harness::{DEADLINE, Server};

/// Passes bytes on, but only while the test waits for something.
pub struct Relay {
    near: TcpStream,
    far: TcpStream,
}

impl Relay {
    /// Accepts the client's next connection and makes one to the server.
    pub fn new(fake: &FakeServer, server: &Server) -> Relay {
        let FakeConnection { stream: near, .. } = fake.accept();
        let far = TcpStream::connect(server.addr).expect("connect");
        near.set_nonblocking(true).expect("O_NONBLOCK");
        far.set_nonblocking(true).expect("O_NONBLOCK");
        Relay { near, far }
    }

    /// Passes bytes on in both directions until `found` is true.
    #[track_caller]
    pub fn until(&mut self, terminal: &mut ClientTerminal, mut found: impl FnMut(&mut ClientTerminal) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !found(terminal) {
            assert!(Instant::now() < until, "it is not shown:\n{}", terminal.rows().join("\n"));
            pass(&mut self.near, &mut self.far);
            pass(&mut self.far, &mut self.near);
            terminal.read_for(Duration::from_millis(5));
        }
    }

    /// Breaks the client's connection; the server does not notice while the returned one exists.
    pub fn cut_client(self) -> TcpStream {
        socket2::SockRef::from(&self.near).set_linger(Some(Duration::ZERO)).expect("linger");
        self.far
    }

    /// Breaks the connection on both sides.
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
