//! The hub and its connections: for any actions of clients and operator it makes progress, never waits without a reason,
//! and writes lines of the five shapes.
//!
//! The input is a script: the settings, one byte each, then steps. A step is a letter, for most steps the digit of a
//! client, and arguments:
//!
//! - `c0` connects; `s0text`, up to byte F8, sends; `e0` ends the input; `b0` breaks the connection;
//! - `k0n` limits its output to n more bytes, `u0` removes the limit; `p0n` limits each read and write to n bytes;
//! - `l0` ends its partial line;
//! - `otext`, up to byte F8, is typed by the operator;
//! - `wn` writes to at most n clients per turn; `tn` lets n tenths of a second pass, `d` a day.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use chinwag::chat::policy::nick::fold;
use chinwag::chat::span::{Side, Since, Span, millis};
use chinwag::chat::{
    Answer, ClientId, Close, Config, DeleteChoice, HistoryRange, Hub, Input, Lang, Login, Lookup, Mode, Now,
    OfflineWhispers,
};
use chinwag::server::connection::{Connection, Flushed, Phase, Received};
use chinwag::store::{InitialState, Message, Record, Whisper};
use chinwag::wire::line::LineDecoder;
use chinwag::wire::renderers;
use time::{Date, PrimitiveDateTime, Time};

use super::socket::Socket;
use super::text::assert_harmless;

/// Maximum clients connected at once.
const CLIENTS: usize = 8;
/// Ends a text in a script; the byte does not occur in UTF-8.
const END: u8 = 0xf8;
/// Settings at the beginning of a script.
const SETTINGS: usize = 12;
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

struct Simulation {
    hub: Hub,
    connections: [Option<Connection<Socket>>; CLIENTS],
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
    fn new(settings: &[u8; SETTINGS]) -> Simulation {
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
            let start = InitialState {
                next_id: 1,
                run: 1,
                cloak_key: [1, 2],
                rooms: Vec::new(),
                stored: Vec::new(),
                bans: Vec::new(),
                accounts: Vec::new(),
            };
            let at = PrimitiveDateTime::new(Date::MIN, Time::MIDNIGHT).assume_utc();
            hub.restore(start, Now { at: Duration::ZERO, local: at });
        }
        Simulation {
            hub,
            stored: Vec::new(),
            is_unreadable: flag(6),
            connections: Default::default(),
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
        if step == b'c' && self.connections[slot].is_none() && !self.hub.is_ending() {
            self.connections[slot] = Some(Connection::new(Socket::new(usize::MAX), 0));
            self.resumes[slot] = Duration::ZERO;
            let is_old = slot.is_multiple_of(2);
            let ip = if is_old { IpAddr::from(Ipv4Addr::LOCALHOST) } else { Ipv6Addr::LOCALHOST.into() };
            // Two connections can come from the same port, to different listeners.
            let addr = SocketAddr::new(ip, 1 + slot as u16 / 4);
            self.hub.handle_plain_connection(id, addr, now);
            return;
        }
        let text = if step == b's' { take_text(script) } else { &[] };
        let number = if matches!(step, b'k' | b'p') { take(script) } else { None };
        let Some(connection) = &mut self.connections[slot] else { return };
        let socket = &mut connection.stream;
        match step {
            b's' if !socket.ended => socket.input.extend(text),
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

    /// Stores the records of the turn and answers store queries.
    fn run_store(&mut self) {
        self.stored.extend(self.hub.poll_records());
        while let Some(query) = self.hub.poll_query() {
            let answer = if self.is_unreadable { Answer::Nothing } else { self.run_query(&query.lookup) };
            self.hub.handle_answer(query, answer, self.now());
        }
    }

    fn run_query(&self, lookup: &Lookup) -> Answer {
        let (room, before, words, n) = match lookup {
            Lookup::History { room, range, n } => return self.history(room, *range, *n),
            Lookup::Span { room, span, n } => return self.span(room, *span, *n),
            Lookup::Search { room, words, before, n } => (room, before, &**words, n),
            Lookup::Delete { room, which } => return Answer::Messages(self.messages_to_delete(room, which)),
            Lookup::Whispers { to } => return Answer::Whispers(self.whispers(to)),
            Lookup::Room { room, .. } => (room, &None, "", &10_000),
        };
        let mut found = self.messages(room);
        found.retain(|message| before.is_none_or(|before| message.id < before) && message.text.contains(words));
        let left_out = found.len().saturating_sub(n + 1);
        Answer::Messages(found.into_iter().skip(left_out).cloned().collect())
    }

    fn history(&self, room: &str, range: HistoryRange, n: usize) -> Answer {
        let is_before = |message: &&Message| match range {
            HistoryRange::Latest => true,
            HistoryRange::Before(id) => message.id < id,
            HistoryRange::After { after: id } | HistoryRange::Around { around: id } => message.id <= id,
            HistoryRange::On { on } => message.at.date() < on,
        };
        let (before, after): (Vec<&Message>, Vec<&Message>) = self.messages(room).into_iter().partition(is_before);
        let (most_before, most_after) = range.counts(n);
        let left_out = before.len().saturating_sub(most_before + 1);
        let before = before.into_iter().skip(left_out).cloned().collect();
        Answer::History { before, after: after.into_iter().take(most_after + 1).cloned().collect() }
    }

    fn span(&self, room: &str, span: Span, n: usize) -> Answer {
        let messages = self.messages(room);
        let first = |since: Since| -> Result<u64, Infallible> {
            let found = messages.iter().find(|message| !since.is_older(millis(message.at)));
            Ok(found.map_or(u64::MAX, |message| message.id))
        };
        let Ok(ids) = span.ids(first);
        let point = if span.side == Side::Newest { ids.end } else { ids.start };
        let is_meant = |message: &&&Message| span.side == Side::Around || ids.contains(&message.id);
        let (before, after): (Vec<&Message>, Vec<&Message>) =
            messages.iter().filter(is_meant).partition(|message| message.id < point);
        let (most_before, most_after) = span.counts(n);
        let left_out = before.len().saturating_sub(most_before + 1);
        let before = before.into_iter().skip(left_out).cloned().collect();
        Answer::History { before, after: after.into_iter().take(most_after + 1).cloned().collect() }
    }

    /// The stored messages of a room.
    fn messages(&self, room: &str) -> Vec<&Message> {
        let mut found: Vec<&Message> = Vec::new();
        for record in &self.stored {
            match record {
                Record::RoomGone { name } if name == room => found.clear(),
                Record::Message(message) if message.room == *room => found.push(message),
                Record::Delete { room: of, ids } if of == room => found.retain(|message| !ids.contains(&message.id)),
                _ => {}
            }
        }
        assert!(found.is_sorted_by(|a, b| a.id < b.id), "ids do not grow");
        found
    }

    fn messages_to_delete(&self, room: &str, which: &DeleteChoice) -> Vec<Message> {
        let (found, n) = match which {
            DeleteChoice::Id(id) => (self.messages(room).into_iter().filter(|message| message.id == *id).collect(), 1),
            DeleteChoice::Of { name, n } => {
                let is_by = |message: &&Message| fold(&message.name) == fold(name);
                (self.messages(room).into_iter().filter(is_by).collect::<Vec<_>>(), *n)
            }
        };
        let left_out = found.len().saturating_sub(n);
        found.into_iter().skip(left_out).cloned().collect()
    }

    fn whispers(&self, to: &str) -> Vec<Whisper> {
        let mut found = Vec::new();
        for record in &self.stored {
            match record {
                Record::Whisper(whisper) if fold(&whisper.to) == fold(to) => found.push(whisper.clone()),
                Record::WhispersRead { to: read } if fold(read) == fold(to) => found.clear(),
                _ => {}
            }
        }
        found
    }

    fn receive(&mut self, slot: usize) {
        let (id, now) = (ClientId::new(slot), self.now());
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
                Received::All | Received::More => {}
                Received::Until(time) => {
                    assert!(time > self.at, "slot {slot} waits for a time that has come");
                    self.resumes[slot] = time;
                    return;
                }
                Received::AfterOthers => return assert!(self.hub.has_work(), "slot {slot} waits for nothing"),
                Received::AfterReplies => {
                    let waits = self.hub.has_queries() || !self.hub.is_up_to_date(id);
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
            assert_lines(&connection.stream.output, whole);
        }
    }

    /// Lets all clients read, then end their input: no input or output may remain.
    fn end(&mut self) {
        for last in [false, true] {
            for slot in 0..CLIENTS {
                if let Some(connection) = &mut self.connections[slot] {
                    let socket = &mut connection.stream;
                    (socket.room, socket.piece) = (usize::MAX, usize::MAX);
                    socket.ended |= last;
                    self.hub.handle_writable(ClientId::new(slot));
                }
            }
            for _ in 0..MAX_TURNS {
                self.turn(usize::MAX);
                self.at += Duration::from_millis(500);
                let waiting = |connection: &Connection<Socket>| {
                    let socket = &connection.stream;
                    !socket.input.is_empty() || socket.ended || socket.broken || connection.has_more_input()
                };
                let waiting = !self.is_shut_down && self.connections.iter().flatten().any(waiting);
                if !waiting && !self.hub.has_work() && self.is_shut_down == self.hub.is_ending() {
                    break;
                }
            }
            for slot in 0..CLIENTS {
                let id = ClientId::new(slot);
                let Some(connection) = &self.connections[slot] else { continue };
                assert!(self.hub.is_up_to_date(id), "slot {slot} is not written to");
                let is_cut_off = self.hub.is_cut_off(id);
                assert_lines(&connection.stream.output, !is_cut_off);
                let is_read = connection.stream.input.is_empty() && !connection.stream.ended;
                assert!(self.is_shut_down || is_read, "slot {slot} is not read from");
            }
        }
    }

    /// A new client must be able to log in to the empty server.
    fn check_login(&mut self) {
        if self.is_shut_down {
            return;
        }
        let mut connection = Connection::new(Socket::new(usize::MAX), 0);
        connection.stream.input.extend(b"alice\n");
        self.connections[0] = Some(connection);
        self.resumes[0] = Duration::ZERO;
        // A documentation address (RFC 5737): only a ban of a large network contains it.
        self.hub.handle_plain_connection(ClientId::new(0), ([192, 0, 2, 77], 7).into(), self.now());
        self.receive(0);
        self.write(usize::MAX);
        let greeting = self.connections[0].take().map(|connection| connection.stream.output).unwrap_or_default();
        let greeting = String::from_utf8_lossy(&greeting);
        let expected = ["1 here: you.", "当前1人", "operator", "管理员", "banned", "封禁"];
        assert!(expected.iter().any(|text| greeting.contains(text)), "the server is not empty: {greeting:?}");
    }
}

/// Checks that the bytes are valid lines for people; unless `whole`, the last one can be cut off.
fn assert_lines(mut bytes: &[u8], whole: bool) {
    while !bytes.is_empty() {
        if let [255, 252 | 254, _, rest @ ..] = bytes {
            bytes = rest;
            continue;
        }
        let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
            return assert!(!whole, "{:?} does not end", bytes.escape_ascii().to_string());
        };
        let line = std::str::from_utf8(&bytes[..end]).expect("a line of UTF-8");
        assert_harmless(line);
        assert!(has_shape(line), "{line:?} has none of the five shapes");
        bytes = &bytes[end + 2..];
    }
}

fn has_shape(line: &str) -> bool {
    if let Some(words) = line.strip_prefix("* ").or_else(|| line.strip_prefix("! ")) {
        return !words.is_empty();
    }
    let Some((time, said)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else { return false };
    // The console also shows the room, and whether the member is muted: `(games) (muted) alice: text`.
    let mut said = said;
    while let Some((remark, rest)) = said.strip_prefix('(').and_then(|said| said.split_once(") ")) {
        if remark.contains(' ') {
            break;
        }
        said = rest;
    }
    let action = said.strip_prefix("* ").unwrap_or(said);
    let (name, text) = action.split_once(' ').unwrap_or((action, ""));
    let is_name = |name: &str| !name.is_empty() && !name.contains([' ', '@']);
    let is_said = name.strip_suffix(':').is_some_and(is_name);
    let is_whisper = is_name(name) && text.strip_prefix("-> ").is_some_and(|text| text.contains(": "));
    time == "23:59:58" && (said != action || is_said || is_whisper) && !text.is_empty()
}
