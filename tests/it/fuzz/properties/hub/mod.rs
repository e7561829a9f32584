//! The hub and its connections: for any actions of clients and operator it makes progress, never waits without a reason,
//! and writes lines of the five shapes.
//!
//! The input is a script: the settings, one byte each, then steps. A step is a letter, for most steps the digit of a
//! client, and arguments:
//!
//! - `c0` connects, `i0` with IRC, `f0` and `g0` with IRC in text or binary frames; `s0text`, up to byte F8, sends; `e0` ends the input; `b0` breaks the connection;
//! - `k0n` limits its output to n more bytes, `u0` removes the limit; `p0n` limits each read and write to n bytes;
//! - `l0` ends its partial line;
//! - `otext`, up to byte F8, is typed by the operator;
//! - `wn` writes to at most n clients per turn; `tn` lets n tenths of a second pass, `d` a day.

mod ending;
mod kind;
mod output;
mod store;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use chinwag::chat::{
    ClientId, Close, Config, Hub, Input, Lang, Login, Mode, NewConnection, Now, OfflineWhispers, ResumeRequest,
};
use chinwag::server::connection::{Connection, Flushed, Phase, Received};
use chinwag::store::{InitialState, Record};
use chinwag::wire::line::LineDecoder;
use chinwag::wire::renderers;
use time::{Date, PrimitiveDateTime, Time};

pub use self::kind::Kind;
use self::output::{assert_lines, assert_output};
use super::socket::Socket;

/// Maximum clients connected at once.
const CLIENTS: usize = 8;
/// Ends a text in a script; the byte does not occur in UTF-8.
const END: u8 = 0xf8;
/// Settings at the beginning of a script.
pub const SETTINGS: usize = 12;
/// Turns after which a loop counts as endless.
const MAX_TURNS: usize = 10_000;

pub fn check(input: &[u8]) {
    let Some((settings, mut script)) = input.split_first_chunk::<SETTINGS>() else { return };
    let mut simulation = Simulation::new(settings);
    while let Some(step) = take(&mut script) {
        simulation.step(step, &mut script);
        simulation.turn(simulation.visits);
    }
    simulation.end();
    simulation.check_login();
}

fn take(script: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = script.split_first()?;
    *script = rest;
    Some(first)
}

fn take_text<'a>(script: &mut &'a [u8]) -> &'a [u8] {
    let end = script.iter().position(|&byte| byte == END);
    let (text, rest) = script.split_at(end.unwrap_or(script.len()));
    *script = rest.get(1..).unwrap_or_default();
    text
}

pub struct Simulation {
    hub: Hub,
    connections: [Option<Connection<Socket>>; CLIENTS],
    kinds: [Kind; CLIENTS],
    /// When each connection can be read again.
    resumes: [Duration; CLIENTS],
    console: LineDecoder,
    block: Vec<u8>,
    max_line: usize,
    /// Maximum clients written to in a turn.
    visits: usize,
    /// The hub was told to shut down.
    is_shut_down: bool,
    /// The records that a store would hold.
    stored: Vec<Record>,
    /// Store queries get no answer from the store.
    is_unreadable: bool,
    at: Duration,
    day: Date,
}

impl Simulation {
    pub fn new(settings: &[u8; SETTINGS]) -> Simulation {
        let [flags, users, waiting, per_ip, history, bytes, seconds, line, rate, announced, rooms, listed] =
            settings.map(usize::from);
        let flag = |bit: usize| flags & 1 << bit != 0;
        let config = Config {
            mode: if flag(0) { Mode::P2p } else { Mode::Hub },
            login: if flag(1) { Login::Address } else { Login::Nickname },
            max_clients: 1 + users % CLIENTS,
            max_waiting: waiting % CLIENTS,
            max_per_ip: per_ip % 4,
            history: history % 16,
            history_bytes: 64 * (bytes / 16),
            backlog_bytes: 1024 << (bytes % 16),
            login_timeout: Duration::from_secs(1 + seconds as u64 % 16),
            idle_timeout: Duration::from_secs(seconds as u64 / 16),
            max_line: 8 + 4 * line,
            rate: [0, 1, 10, 1_000_000][rate % 4],
            burst: 1 + (rate / 4 % 32) as u32,
            announce_limit: announced % 8,
            max_rooms: 1 + rooms % 8,
            max_stored_rooms: 1 + rooms / 32 + rooms % 8,
            max_ignored: rooms / 8 % 4,
            max_listed: 1 + listed % 8,
            offline_whispers: [OfflineWhispers::Accounts, OfflineWhispers::All][usize::from(flag(4))],
            ..Config::default()
        };
        let max_line = config.max_line;
        let lang = if flag(2) { Lang::Zh } else { Lang::En };
        let mut hub = Hub::new(config, renderers(lang));
        if flag(3) {
            hub.attach_console();
        }
        if flag(5) {
            let start = InitialState { next_id: 1, run: 1, cloak_key: [1, 2], ..InitialState::default() };
            let at = PrimitiveDateTime::new(Date::MIN, Time::MIDNIGHT).assume_utc();
            hub.restore(start, Now { at: Duration::ZERO, local: at });
        }
        Simulation {
            hub,
            stored: Vec::new(),
            is_unreadable: flag(6),
            connections: Default::default(),
            kinds: [Kind::Plain; CLIENTS],
            resumes: Default::default(),
            console: LineDecoder::default(),
            block: vec![0; 1 + listed / 8 * 16],
            max_line,
            visits: usize::MAX,
            is_shut_down: false,
            at: Duration::ZERO,
            day: Date::from_ordinal_date(2026, 324).expect("a day"),
        }
    }

    fn now(&self) -> Now {
        Now {
            at: self.at,
            local: PrimitiveDateTime::new(self.day, Time::from_hms(23, 59, 58).expect("a time")).assume_utc(),
        }
    }

    /// Makes one step with all of these arguments, and a turn.
    pub fn perform(&mut self, step: u8, slot: usize, mut arguments: &[u8]) {
        match step {
            b'o' | b't' | b'd' => self.step(step, &mut arguments),
            _ => self.client_step(step, slot, &mut arguments),
        }
        self.turn(self.visits);
    }

    fn step(&mut self, step: u8, script: &mut &[u8]) {
        match step {
            b'o' => {
                let text = take_text(script);
                self.operator(text);
            }
            b'w' => self.visits = take(script).map_or(usize::MAX, usize::from),
            b't' => self.at += Duration::from_millis(100 * take(script).map_or(1, u64::from)),
            b'd' => self.day = self.day.next_day().unwrap_or(Date::MIN),
            _ => {
                let slot = take(script).map_or(0, usize::from) % CLIENTS;
                self.client_step(step, slot, script);
            }
        }
    }

    fn client_step(&mut self, step: u8, slot: usize, script: &mut &[u8]) {
        let (id, now) = (ClientId::new(slot), self.now());
        let kind = match step {
            b'c' => Some(Kind::Plain),
            b'i' => Some(Kind::Irc),
            b'f' => Some(Kind::TextFrames),
            b'g' => Some(Kind::BinaryFrames),
            _ => None,
        };
        if let Some(kind) = kind {
            return self.connect(slot, kind);
        }
        let text = if step == b's' { take_text(script) } else { &[] };
        let number = if matches!(step, b'k' | b'p') { take(script) } else { None };
        let Some(connection) = &mut self.connections[slot] else { return };
        let socket = &mut connection.stream;
        match step {
            b's' if !socket.ended => socket.input.extend(self.kinds[slot].framed(text)),
            b'e' => socket.ended = true,
            b'b' => socket.broken = true,
            b'k' => socket.room = number.map_or(0, usize::from),
            b'u' => {
                socket.room = usize::MAX;
                self.hub.handle_writable(id);
            }
            b'p' => socket.piece = 1 + number.map_or(0, usize::from),
            b'l' if connection.has_partial() && !connection.has_more_input() => {
                connection.end_line(&mut self.hub, id, now);
            }
            _ => {}
        }
    }

    /// Connects a client, unless it is connected.
    pub fn connect(&mut self, slot: usize, kind: Kind) {
        if self.connections[slot].is_some() || self.hub.is_ending() {
            return;
        }
        let (id, now) = (ClientId::new(slot), self.now());
        let mut connection = Connection::new(Socket::new(usize::MAX), 0);
        match kind {
            Kind::Plain => {}
            Kind::Irc => connection.begin_irc(),
            Kind::TextFrames | Kind::BinaryFrames => connection.become_web_socket(Vec::new(), true, now),
        }
        self.connections[slot] = Some(connection);
        (self.kinds[slot], self.resumes[slot]) = (kind, Duration::ZERO);
        let is_old = slot.is_multiple_of(2);
        let ip = if is_old { IpAddr::from(Ipv4Addr::LOCALHOST) } else { Ipv6Addr::LOCALHOST.into() };
        // Two connections can come from the same port, to different listeners.
        let addr = SocketAddr::new(ip, 1 + slot as u16 / 4);
        let arrival =
            NewConnection { addr, encoding: kind.encoding(), preface: &[], resume_request: ResumeRequest::default() };
        self.hub.handle_connection(id, arrival, now);
    }

    fn operator(&mut self, text: &[u8]) {
        let now = self.now();
        let mut bytes = text;
        while let Some(item) = self.console.next(&mut bytes, self.max_line) {
            if let Some(input) = item.input() {
                self.hub.handle_line(ClientId::CONSOLE, input, now);
            }
        }
        // The text of this step ends with Enter.
        let rest = self.console.finish();
        if let Some(input @ Input::Line(_)) = rest.as_ref().and_then(|item| item.input()) {
            self.hub.handle_line(ClientId::CONSOLE, input, now);
        }
    }

    /// Does what a reactor does in a turn; writes to at most `visits` clients.
    fn turn(&mut self, visits: usize) {
        for slot in 0..CLIENTS {
            self.receive(slot);
        }
        self.hub.handle_tick(self.now());
        self.run_store();
        self.write(visits);
        self.close();
        let shown = self.hub.poll_console_output();
        assert_lines(&shown, true);
        if self.hub.is_ending() && !self.is_shut_down {
            self.is_shut_down = true;
            self.hub.handle_shutdown(self.now());
        }
    }

    fn receive(&mut self, slot: usize) {
        let (id, now) = (ClientId::new(slot), self.now());
        let is_framed = matches!(self.kinds[slot], Kind::TextFrames | Kind::BinaryFrames);
        for _ in 0..MAX_TURNS {
            let Some(connection) = &mut self.connections[slot] else { return };
            let nothing = connection.stream.input.is_empty() && !connection.stream.ended && !connection.stream.broken;
            let held = connection.has_more_input();
            if connection.phase != Phase::Open || self.resumes[slot] > self.at || self.hub.is_ending() {
                return;
            }
            match connection.receive(&mut self.hub, id, now, &mut self.block, self.max_line) {
                Received::All if nothing => {
                    return assert!(!connection.has_more_input(), "{held} is held without a reason");
                }
                // The end of frames without a close frame, which the socket returns again and again.
                Received::All if is_framed && connection.stream.input.is_empty() && connection.stream.ended => return,
                Received::All | Received::More => {}
                Received::Until(time) => {
                    assert!(time > self.at, "slot {slot} waits for a time that has come");
                    self.resumes[slot] = time;
                    return;
                }
                Received::AfterOthers => return assert!(self.hub.has_work(), "slot {slot} waits for nothing"),
                Received::AfterReplies => {
                    let waits = self.hub.has_queries() || self.hub.awaits_password(id) || !self.hub.is_up_to_date(id);
                    return assert!(waits, "slot {slot} waits for no reply");
                }
                Received::AfterCommit => panic!("slot {slot} waits for a commit, and the hub commits at once"),
                Received::End => return self.hub.handle_end_of_input(id, now),
                Received::Lost => {
                    self.hub.handle_connection_lost(id, now);
                    return self.remove(slot, false);
                }
            }
        }
        panic!("slot {slot} is read endlessly");
    }

    fn write(&mut self, mut visits: usize) {
        for _ in 0..MAX_TURNS {
            if visits == 0 {
                return;
            }
            let Some(id) = self.hub.poll_outbox().or_else(|| self.hub.poll_sweep(&mut visits)) else { return };
            visits = visits.saturating_sub(1);
            self.flush(id);
        }
        panic!("there is always a client to write to");
    }

    fn flush(&mut self, id: ClientId) {
        let Some(connection) = &mut self.connections[id.slot()] else { return };
        match connection.flush(&mut self.hub, id, 256 * 1024) {
            Flushed::More => self.hub.write_later(id),
            Flushed::Blocked => assert_eq!(connection.stream.room, 0),
            Flushed::UpToDate => {
                assert!(self.hub.is_up_to_date(id), "{id:?} has unread output");
                if connection.phase == Phase::Closing {
                    self.remove(id.slot(), true);
                }
            }
            Flushed::Lost => {
                assert!(connection.stream.broken);
                self.hub.handle_connection_lost(id, self.now());
                self.remove(id.slot(), false);
            }
        }
    }

    fn close(&mut self) {
        while let Some((id, how)) = self.hub.poll_close() {
            let Some(connection) = &mut self.connections[id.slot()] else { continue };
            match how {
                Close::AtOnce => self.remove(id.slot(), false),
                Close::WhenRead if self.hub.is_up_to_date(id) => self.remove(id.slot(), true),
                Close::WhenRead => connection.phase = Phase::Closing,
            }
        }
    }

    /// Removes a connection; `whole` if all its output was sent.
    fn remove(&mut self, slot: usize, whole: bool) {
        if let Some(connection) = self.connections[slot].take() {
            let whole = whole && !self.hub.is_cut_off(ClientId::new(slot));
            self.hub.handle_closed(ClientId::new(slot), self.now());
            assert_output(self.kinds[slot], &connection.stream.output, whole);
        }
    }
}
