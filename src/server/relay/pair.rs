//! One relayed connection: moves bytes between a client with TLS and the server.

use std::io;
use std::time::Duration;

use crate::server::connection::transport::Transport;

/// What a pair waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// For an event.
    Wait,
    /// For its next turn: there may be more to move.
    More,
    /// For nothing: both directions have ended, or the connection of the client is lost.
    Over,
}

/// The two sides of a relayed connection, and what is between them.
pub struct Pair<S> {
    pub client: S,
    /// The socket to the server.
    pub server: S,
    input: Flow,
    output: Flow,
    /// It is queued for its next turn.
    pub is_queued: bool,
    /// The server has ended its side, and the rest of its output has a deadline.
    pub is_ending: bool,
    /// When bytes of the output were last moved, or the server has ended its side.
    pub progress: Duration,
}

impl<S: Transport> Pair<S> {
    pub fn new(client: S, server: S) -> Self {
        let (input, output) = Default::default();
        Pair { client, server, input, output, is_queued: false, is_ending: false, progress: Duration::ZERO }
    }

    /// Moves at most one block in each direction.
    ///
    /// The loss of the client's connection ends the pair, and the server notices that its socket is closed. The loss of the
    /// server's side ends its output like an announced end: what it has written before is still delivered.
    pub fn turn(&mut self, block: &mut [u8], now: Duration) -> Step {
        let Pair { client, server, input, output, progress, .. } = self;
        let input_step = match input.turn(client, server, block) {
            Ok(step) => step,
            Err(Failure::Reading) => return Step::Over,
            Err(Failure::Writing) => input.discard(),
        };
        let output_step = match output.turn(server, client, block) {
            Ok(step) => step,
            Err(Failure::Reading) => output.end(),
            // The client has announced its end: the server must not take that for a lost connection.
            Err(Failure::Writing) if input.is_over() => output.discard(),
            Err(Failure::Writing) => return Step::Over,
        };
        if std::mem::take(&mut output.has_moved) {
            *progress = now;
        }
        match (input_step, output_step) {
            (Step::Over, Step::Over) => Step::Over,
            (Step::More, _) | (_, Step::More) => Step::More,
            _ => Step::Wait,
        }
    }

    /// Whether the client has been sent everything, and the end.
    pub fn is_output_over(&self) -> bool {
        self.output.is_over()
    }
}

/// The side of a direction that has failed.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Reading,
    Writing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FlowPhase {
    #[default]
    Open,
    /// The end has been read, and what is left is written.
    Ending,
    /// The other side takes no more bytes: they are read until the end, and dropped.
    Discarding,
    /// The end has been passed on.
    Over,
}

/// One direction of a pair.
#[derive(Default)]
struct Flow {
    /// Bytes that were read and have not been taken: at most one block, and nothing more is read before they are.
    rest: Vec<u8>,
    phase: FlowPhase,
    /// Bytes have moved.
    has_moved: bool,
}

impl Flow {
    fn is_over(&self) -> bool {
        self.phase == FlowPhase::Over
    }

    fn discard(&mut self) -> Step {
        (self.rest, self.phase) = (Vec::new(), FlowPhase::Discarding);
        Step::More
    }

    fn end(&mut self) -> Step {
        self.phase = FlowPhase::Ending;
        Step::More
    }

    /// Writes what is left of the last block, and then reads the next one.
    fn turn(&mut self, from: &mut impl Transport, to: &mut impl Transport, block: &mut [u8]) -> Result<Step, Failure> {
        if self.phase == FlowPhase::Over {
            return Ok(Step::Over);
        }
        let discards = self.phase == FlowPhase::Discarding;
        if !discards && !self.write_rest(to)? {
            return Ok(Step::Wait);
        }
        if self.phase == FlowPhase::Ending {
            to.end_writing().map_err(|_| Failure::Writing)?;
            self.phase = FlowPhase::Over;
            return Ok(Step::Over);
        }
        match from.read(block) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Step::Wait),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Step::More),
            Ok(1..) if discards => Ok(Step::More),
            _ if discards => {
                self.phase = FlowPhase::Over;
                Ok(Step::Over)
            }
            Ok(0) => Ok(self.end()),
            Ok(length) => {
                let written = self.write(to, &block[..length])?;
                self.rest.extend_from_slice(&block[written..length]);
                Ok(Step::More)
            }
            Err(_) => Err(Failure::Reading),
        }
    }

    /// Writes what is left, also in the buffer of the transport; returns whether everything has been taken.
    fn write_rest(&mut self, to: &mut impl Transport) -> Result<bool, Failure> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            let written = self.write(to, &rest)?;
            if written < rest.len() {
                self.rest = rest;
                self.rest.drain(..written);
                return Ok(false);
            }
        }
        match to.flush() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(_) => Err(Failure::Writing),
        }
    }

    /// Writes what `to` takes; returns the number of bytes.
    fn write(&mut self, to: &mut impl Transport, bytes: &[u8]) -> Result<usize, Failure> {
        let mut written = 0;
        while written < bytes.len() {
            match to.write(&bytes[written..]) {
                Ok(n @ 1..) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(0) | Err(_) => return Err(Failure::Writing),
            }
        }
        self.has_moved |= written > 0;
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::server::connection::transport::{ClientStream, StreamKind};
    use crate::server::relay::BLOCK;

    /// A pair without TLS, with its peers.
    struct Rig {
        pair: Pair<ClientStream>,
        client: UnixStream,
        server: ClientStream,
    }

    impl Rig {
        fn new() -> Rig {
            let [(client, near), (server, far)] = [(); 2].map(|()| {
                let (one, other) = UnixStream::pair().unwrap();
                one.set_nonblocking(true).unwrap();
                other.set_nonblocking(true).unwrap();
                (one, ClientStream::from_fd(StreamKind::Unix, other.into()))
            });
            let server = ClientStream::from_fd(StreamKind::Relayed, server.into());
            Rig { pair: Pair::new(near, far), client, server }
        }
    }

    /// Moves bytes until the pair waits or is over; returns whether it is over.
    fn run(pair: &mut Pair<ClientStream>) -> bool {
        let mut block = vec![0; BLOCK];
        loop {
            match pair.turn(&mut block, Duration::ZERO) {
                Step::More => {}
                step => return step == Step::Over,
            }
        }
    }

    /// Reads what is there; `None` after it if the input has ended.
    fn read(from: &mut impl Read) -> (Vec<u8>, Option<ErrorKind>) {
        let (mut all, mut block) = (Vec::new(), [0; 5000]);
        loop {
            match from.read(&mut block) {
                Ok(0) => return (all, None),
                Ok(length) => all.extend_from_slice(&block[..length]),
                Err(error) => return (all, Some(error.kind())),
            }
        }
    }

    const WAITS: Option<ErrorKind> = Some(ErrorKind::WouldBlock);

    #[test]
    fn each_direction_ends_alone() {
        let mut rig = Rig::new();
        rig.client.write_all(b"question").unwrap();
        rig.client.shutdown(Shutdown::Write).unwrap();
        assert!(!run(&mut rig.pair));
        assert_eq!(read(&mut rig.server), (b"question".to_vec(), None));
        rig.server.write_all(b"answer").unwrap();
        assert!(!run(&mut rig.pair));
        assert_eq!(read(&mut rig.client), (b"answer".to_vec(), WAITS));
        rig.server.end_writing().unwrap();
        assert!(run(&mut rig.pair));
        assert_eq!(read(&mut rig.client), (Vec::new(), None));
    }

    #[test]
    fn side_that_does_not_read_stops_the_other_and_gets_everything_later() {
        let mut rig = Rig::new();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
        for is_input in [true, false] {
            let (mut sent, mut received) = (0, Vec::new());
            while received.len() < bytes.len() {
                let from: &mut dyn Write = if is_input { &mut rig.client } else { &mut rig.server };
                let before = sent;
                while let Ok(length) = from.write(&bytes[sent..])
                    && length > 0
                {
                    sent += length;
                }
                assert!(!run(&mut rig.pair));
                let rest = rig.pair.input.rest.len() + rig.pair.output.rest.len();
                assert!(rest <= BLOCK, "{rest} bytes are kept");
                // The other side is read only when everything is full.
                if sent == before || sent == bytes.len() {
                    received.extend(if is_input { read(&mut rig.server).0 } else { read(&mut rig.client).0 });
                    assert!(!run(&mut rig.pair));
                }
            }
            assert!(received == bytes);
        }
        assert_eq!((rig.pair.input.rest.capacity(), rig.pair.output.rest.capacity()), (0, 0));
    }

    #[test]
    fn lost_connection_of_the_client_is_no_announced_end() {
        let mut rig = Rig::new();
        rig.client.write_all(b"last words").unwrap();
        rig.server.write_all(b"unread").unwrap();
        assert!(!run(&mut rig.pair));
        // A socket that is closed with unread input resets the connection.
        drop(rig.client);
        assert!(run(&mut rig.pair));
        drop(rig.pair);
        assert_eq!(read(&mut rig.server), (b"last words".to_vec(), Some(ErrorKind::UnexpectedEof)));
    }

    #[test]
    fn output_of_a_server_that_is_gone_is_delivered_while_input_is_discarded() {
        let mut rig = Rig::new();
        rig.server.write_all(&[b'x'; 100_000]).unwrap();
        drop(rig.server);
        rig.client.write_all(b"for nobody").unwrap();
        let mut all = Vec::new();
        while !run(&mut rig.pair) {
            let (some, end) = read(&mut rig.client);
            all.extend(some);
            if end.is_none() {
                rig.client.shutdown(Shutdown::Write).unwrap();
            }
        }
        assert_eq!(all.len(), 100_000);
        assert!(rig.pair.is_output_over());
    }

    #[test]
    fn announced_end_of_a_client_that_reads_no_more_is_no_lost_connection() {
        let mut rig = Rig::new();
        rig.client.write_all(b"bye").unwrap();
        rig.client.shutdown(Shutdown::Write).unwrap();
        assert!(!run(&mut rig.pair));
        drop(rig.client);
        rig.server.write_all(b"good bye").unwrap();
        assert!(!run(&mut rig.pair));
        assert_eq!(read(&mut rig.server), (b"bye".to_vec(), None));
        rig.server.end_writing().unwrap();
        assert!(run(&mut rig.pair));
    }
}
