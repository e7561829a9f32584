//! A server without sockets: the hub and its connections, driven as the reactor drives them.

use std::hint::black_box;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use chinwag::chat::{ClientId, Close, Config, Hub, Lang, Now};
use chinwag::server::connection::{Connection, Flushed, Received};
use chinwag::wire::plain::Plain;
use time::{Date, Month, PrimitiveDateTime, Time};

const MAX_LINE: usize = 4096;

/// A socket that costs next to nothing: it counts what it takes, and keeps it only where that is asked for.
#[derive(Default)]
struct Socket {
    /// What the client has sent; read as a whole.
    sent: Vec<u8>,
    /// Bytes that the client was sent.
    taken: usize,
    /// The bytes themselves.
    kept: Option<Vec<u8>>,
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
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
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

/// Hub and connections; a client is known by its slot, and in the room as `p` and five digits.
pub struct House {
    pub hub: Hub,
    connections: Vec<Connection<Socket>>,
    block: Vec<u8>,
    at: Duration,
}

impl House {
    /// A server with so many members in the lobby, who have read everything.
    pub fn with_members(members: usize) -> House {
        let config = Config { max_clients: members + 1, ..Config::default() };
        let mut house = House {
            hub: Hub::new(config, Box::new(Plain { lang: Lang::En })),
            connections: Vec::new(),
            block: vec![0; 16 * 1024],
            at: Duration::from_secs(1),
        };
        for slot in 0..members {
            house.log_in(slot);
        }
        house.pass_time();
        house
    }

    pub fn now(&self) -> Now {
        let day = Date::from_calendar_date(2026, Month::November, 20).expect("a date");
        Now {
            at: self.at,
            local: PrimitiveDateTime::new(day, Time::from_hms(12, 34, 56).expect("a time")).assume_utc(),
        }
    }

    /// Lets a second go by, in which everything is done that is due, and everybody reads.
    pub fn pass_time(&mut self) {
        self.at += Duration::from_secs(1);
        self.hub.tick(self.now());
        self.write();
    }

    /// The whole way in.
    pub fn log_in(&mut self, slot: usize) {
        self.connect(slot);
        self.type_in(slot, &format!("{}\n", name(slot)));
        self.name_given(slot);
    }

    /// A connection is accepted and written the prompt.
    pub fn connect(&mut self, slot: usize) {
        let connection = Connection::new(Socket::default(), 0);
        match self.connections.get_mut(slot) {
            Some(place) => *place = connection,
            None => self.connections.push(connection),
        }
        let addr = SocketAddr::from(([127, 0, 0, 1], 40_000));
        self.hub.connected(ClientId::new(slot), addr, self.now());
        self.write_private();
    }

    /// The nickname is taken and the welcome written.
    pub fn name_given(&mut self, slot: usize) {
        self.receive(slot);
        self.write_private();
    }

    /// A member's farewell is read, the goodbye written, the connection closed.
    pub fn part(&mut self, slot: usize) {
        self.receive(slot);
        let id = ClientId::new(slot);
        assert_eq!(self.hub.poll_close(), Some((id, Close::WhenRead)));
        self.write_private();
        self.hub.closed(id, self.now());
    }

    /// A client sends a line, as much later than the line before as the rate asks for; nobody has looked at it yet.
    pub fn type_in(&mut self, slot: usize, line: &str) {
        self.at += Duration::from_millis(100);
        self.connections[slot].stream.sent.extend_from_slice(line.as_bytes());
    }

    /// Reads what a client has sent and carries it out.
    pub fn receive(&mut self, slot: usize) {
        let now = self.now();
        let received =
            self.connections[slot].receive(&mut self.hub, ClientId::new(slot), now, &mut self.block, MAX_LINE);
        assert_eq!(received, Received::All);
    }

    /// A client sends a line, which is carried out.
    pub fn say(&mut self, slot: usize, line: &str) {
        self.type_in(slot, line);
        self.receive(slot);
    }

    /// Writes what is owed to single people.
    pub fn write_private(&mut self) {
        while let Some(id) = self.hub.poll_private() {
            self.flush(id.slot());
        }
    }

    /// Writes everything that is owed to anybody.
    pub fn write(&mut self) {
        self.write_private();
        while let Some(id) = self.hub.poll_sweep(&mut 64) {
            self.flush(id.slot());
        }
    }

    /// Writes what is owed to one client.
    pub fn flush(&mut self, slot: usize) {
        let flushed = self.connections[slot].flush(&mut self.hub, ClientId::new(slot), 256 * 1024);
        assert_eq!(flushed, Flushed::UpToDate);
    }

    /// What a client is sent from now on is kept.
    pub fn keep(&mut self, slot: usize) {
        self.connections[slot].stream.kept = Some(Vec::new());
    }

    /// What was kept since then; no more is.
    pub fn kept(&mut self, slot: usize) -> String {
        String::from_utf8(self.connections[slot].stream.kept.take().unwrap_or_default()).expect("UTF-8")
    }

    /// The bytes that a client was sent in all.
    pub fn taken(&self, slot: usize) -> usize {
        self.connections[slot].stream.taken
    }

    /// The same for all clients together.
    pub fn taken_by_all(&self) -> usize {
        self.connections.iter().map(|connection| connection.stream.taken).sum()
    }
}

/// What the client in that slot is called.
pub fn name(slot: usize) -> String {
    format!("p{slot:05}")
}
