//! A server without sockets: drives the hub and its connections as the reactor does.

use std::hint::black_box;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use chinwag::chat::{ClientId, Close, Config, Hub, Lang, Now};
use chinwag::server::connection::transport::Transport;
use chinwag::server::connection::{Connection, Flushed, Received};
use chinwag::wire::renderers;
use time::{Date, Month, PrimitiveDateTime, Time};

const MAX_LINE: usize = 4096;

/// A socket with minimal cost: counts its output, and records it only on request.
#[derive(Default)]
struct Socket {
    /// Input from the client; read as a whole.
    sent: Vec<u8>,
    /// Bytes of output.
    taken: usize,
    /// The output, while it is recorded.
    recorded: Option<Vec<u8>>,
}

impl Transport for Socket {
    type Poll = ();

    fn watch(&mut self, (): &(), _slot: usize) -> io::Result<()> {
        Ok(())
    }

    fn peek(&mut self, _block: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn take_peeked(&mut self, _block: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn end_writing(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if self.sent.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = self.sent.len();
        block[..n].copy_from_slice(&self.sent);
        self.sent.clear();
        Ok(n)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken += black_box(bytes).len();
        if let Some(recorded) = &mut self.recorded {
            recorded.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice]) -> io::Result<usize> {
        let before = self.taken;
        for slice in slices {
            self.write(slice)?;
        }
        Ok(self.taken - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A hub with connections. A client is identified by its slot; its nickname is `p` and five digits.
pub struct TestServer {
    pub hub: Hub,
    connections: Vec<Connection<Socket>>,
    block: Vec<u8>,
    at: Duration,
}

impl TestServer {
    /// A server with `members` members in the lobby, who have read everything.
    pub fn with_members(members: usize) -> TestServer {
        let config = Config { max_clients: members + 1, ..Config::default() };
        let mut server = TestServer {
            hub: Hub::new(config, renderers(Lang::En)),
            connections: Vec::new(),
            block: vec![0; 16 * 1024],
            at: Duration::from_secs(1),
        };
        for slot in 0..members {
            server.log_in(slot);
        }
        server.pass_time();
        server
    }

    pub fn now(&self) -> Now {
        let day = Date::from_calendar_date(2026, Month::November, 20).expect("a date");
        Now {
            at: self.at,
            local: PrimitiveDateTime::new(day, Time::from_hms(12, 34, 56).expect("a time")).assume_utc(),
        }
    }

    /// Advances the clock by a second, runs all timers, and writes all output.
    pub fn pass_time(&mut self) {
        self.at += Duration::from_secs(1);
        self.hub.handle_tick(self.now());
        self.write();
    }

    /// Connects a client and logs it in.
    pub fn log_in(&mut self, slot: usize) {
        self.connect(slot);
        self.type_in(slot, &format!("{}\n", name(slot)));
        self.process_nickname(slot);
    }

    /// Accepts a connection and writes the prompt.
    pub fn connect(&mut self, slot: usize) {
        let connection = Connection::new(Socket::default(), 0);
        match self.connections.get_mut(slot) {
            Some(old) => *old = connection,
            None => self.connections.push(connection),
        }
        let addr = SocketAddr::from(([127, 0, 0, 1], 40_000));
        self.hub.handle_plain_connection(ClientId::new(slot), addr, self.now());
        self.write_private();
    }

    /// Processes the nickname and writes the welcome.
    pub fn process_nickname(&mut self, slot: usize) {
        self.receive(slot);
        self.write_private();
    }

    /// Processes `q` of a member, writes the goodbye and closes the connection.
    pub fn leave(&mut self, slot: usize) {
        self.receive(slot);
        let id = ClientId::new(slot);
        assert_eq!(self.hub.poll_close(), Some((id, Close::WhenRead)));
        self.write_private();
        self.hub.handle_closed(id, self.now());
    }

    /// Puts a line into a client's input, late enough after the line before for the rate limit.
    pub fn type_in(&mut self, slot: usize, line: &str) {
        self.at += Duration::from_millis(100);
        self.connections[slot].stream.sent.extend_from_slice(line.as_bytes());
    }

    /// Reads and processes a client's input.
    pub fn receive(&mut self, slot: usize) {
        let now = self.now();
        let received =
            self.connections[slot].receive(&mut self.hub, ClientId::new(slot), now, &mut self.block, MAX_LINE);
        assert_eq!(received, Received::All);
    }

    /// A client sends a line, which is processed.
    pub fn say(&mut self, slot: usize, line: &str) {
        self.type_in(slot, line);
        self.receive(slot);
    }

    /// Writes the output of single clients, such as replies.
    pub fn write_private(&mut self) {
        while let Some(id) = self.hub.poll_outbox() {
            self.flush(id.slot());
        }
    }

    /// Writes all output.
    pub fn write(&mut self) {
        self.write_private();
        while let Some(id) = self.hub.poll_sweep(&mut 64) {
            self.flush(id.slot());
        }
    }

    /// Writes the output of one client.
    pub fn flush(&mut self, slot: usize) {
        let flushed = self.connections[slot].flush(&mut self.hub, ClientId::new(slot), 256 * 1024);
        assert_eq!(flushed, Flushed::UpToDate);
    }

    /// Starts to record a client's output.
    pub fn start_recording(&mut self, slot: usize) {
        self.connections[slot].stream.recorded = Some(Vec::new());
    }

    /// Stops recording; returns the recorded output.
    pub fn stop_recording(&mut self, slot: usize) -> String {
        String::from_utf8(self.connections[slot].stream.recorded.take().unwrap_or_default()).expect("UTF-8")
    }

    /// Total bytes of output of a client.
    pub fn taken(&self, slot: usize) -> usize {
        self.connections[slot].stream.taken
    }

    /// Total bytes of output of all clients.
    pub fn taken_by_all(&self) -> usize {
        self.connections.iter().map(|connection| connection.stream.taken).sum()
    }
}

/// Nickname of the client in a slot.
pub fn name(slot: usize) -> String {
    format!("p{slot:05}")
}
