//! What everybody is owed, by the protocol alone: a naive server that copies each line to each
//! reader as it is said.
//!
//! Of the real one it is told only in which order things have come; what was typed it knows from
//! those who typed it, and what follows from that it works out for itself.

mod entering;
mod operating;
mod rooms;
mod talking;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::AddAssign;
use std::time::Duration;

use time::Date;

use self::operating::Mute;
use self::rooms::Room;
use crate::chat::Heard;
use crate::chat::{Cause, ClientId, Config, Now};

/// Somebody who speaks: the number of a reader, or this.
const OPERATOR: usize = usize::MAX;

/// What a person has typed, and the server is to understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Line(String),
    TooLong,
    NotUtf8,
    /// The first line, and one that no person would type: it begins with a zero byte.
    Foreign,
    /// A telnet option was asked for; this is to be answered.
    Option([u8; 3]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In the kernel's queue.
    Outside,
    Waiting(u32),
    Asked,
    Here,
    Gone,
}

/// One connection.
pub struct Reader {
    pub addr: SocketAddr,
    /// It reads JSON, which has no lines for days, and its own messages.
    page: bool,
    pub stage: Stage,
    /// All that it is ever to be sent, and how much of it has been written.
    expected: Vec<u8>,
    written: usize,
    /// What it has typed and the server has not yet carried out.
    pub typed: VecDeque<Typed>,
    name: String,
    key: String,
    room: usize,
    /// Its number among all who ever entered a room.
    entered: usize,
    echo: bool,
    /// The name and its key of that time, and who it was.
    ignored: Vec<(String, String, usize)>,
    whisperer: Option<usize>,
    /// Bytes shown in its room when it was last up to date.
    up_to_date_at: usize,
    /// When it was asked for its name, or last heard of; and when its bucket of lines is empty.
    active: Duration,
    bucket: Duration,
    /// Its last line had no end, and counts all the same, whatever the rate.
    pub unended: bool,
    /// It counts among the connections from its address.
    counted: bool,
    /// What the server is to do next: take leave of it for this reason.
    due: Option<Cause>,
    /// Why it left, and when.
    pub left: Option<(Cause, Duration)>,
}

/// The naive server.
pub struct Oracle {
    config: Config,
    pub readers: Vec<Reader>,
    slots: Vec<Option<usize>>,
    names: HashMap<String, usize>,
    rooms: Vec<Option<Room>>,
    seats: usize,
    line: VecDeque<usize>,
    renumbered: Duration,
    renumber_at: Option<Duration>,
    sums: VecDeque<(Duration, usize)>,
    per_ip: HashMap<IpAddr, usize>,
    bans: HashMap<IpAddr, Option<Duration>>,
    mutes: Vec<Mute>,
    entries: usize,
    /// Grows whenever a room may have become empty.
    emptied: usize,
    connected: usize,
    pub ending: bool,
    /// What is shown to the operator, if there is one.
    console: Option<Vec<u8>>,
    console_day: Option<Date>,
    console_whisperer: Option<usize>,
    pub counts: Counts,
}

/// How often the things that are rare have happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub lines: usize,
    pub dropped: usize,
    pub summed: usize,
    pub admitted: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.lines += other.lines;
        self.dropped += other.dropped;
        self.summed += other.summed;
        self.admitted += other.admitted;
    }
}

/// The key of a name, for all names that the people here think of.
pub fn key(name: &str) -> String {
    match name {
        "ＡＬＩＣＥ" => "alice".into(),
        "É" | "E\u{301}" | "é" | "e\u{301}" => "e\u{301}".into(),
        "straße" | "STRASSE" => "strasse".into(),
        name => name.to_lowercase(),
    }
}

impl Oracle {
    pub fn new(mut config: Config, operator: bool) -> Oracle {
        config.history_bytes = config.history_bytes.min(config.backlog_bytes / 2);
        Oracle {
            config,
            readers: Vec::new(),
            slots: Vec::new(),
            names: HashMap::new(),
            rooms: vec![Some(Room::new("lobby"))],
            seats: 0,
            line: VecDeque::new(),
            renumbered: Duration::ZERO,
            renumber_at: None,
            sums: VecDeque::new(),
            per_ip: HashMap::new(),
            bans: HashMap::new(),
            mutes: Vec::new(),
            entries: 0,
            emptied: 0,
            connected: 0,
            ending: false,
            console: operator.then(Vec::new),
            console_day: None,
            console_whisperer: None,
            counts: Counts::default(),
        }
    }

    /// Somebody has connected and waits in the kernel's queue.
    pub fn add(&mut self, addr: SocketAddr, page: bool) {
        self.readers.push(Reader {
            addr,
            page,
            stage: Stage::Outside,
            expected: Vec::new(),
            written: 0,
            typed: VecDeque::new(),
            name: String::new(),
            key: String::new(),
            room: 0,
            entered: 0,
            echo: page,
            ignored: Vec::new(),
            whisperer: None,
            up_to_date_at: 0,
            active: Duration::ZERO,
            bucket: Duration::ZERO,
            unended: false,
            counted: false,
            due: None,
            left: None,
        });
    }

    /// The reader whose connection has that number.
    pub fn in_slot(&self, id: ClientId) -> usize {
        self.slots.get(id.slot()).copied().flatten().expect("a client who has connected")
    }

    /// Something has come to the server; `who` has just connected, if that is what it was.
    pub fn hear(&mut self, heard: Heard, who: Option<usize>, now: Now) {
        match heard {
            Heard::Connected(id) => {
                let who = who.expect("nobody has connected");
                if self.slots.len() <= id.slot() {
                    self.slots.resize(id.slot() + 1, None);
                }
                assert_eq!(self.slots[id.slot()], None, "{id:?} is given to two");
                self.slots[id.slot()] = Some(who);
                self.connected += 1;
                let (addr, connected) = (self.readers[who].addr, self.connected);
                self.tell_console(&format!("* connected {addr} ({connected} connected)"));
                self.receive(who, now);
            }
            Heard::Line(id) => self.line(self.in_slot(id), now),
            Heard::Raw(id) => {
                let who = self.in_slot(id);
                if self.readers[who].page {
                    // A pong, or the last frame.
                    return;
                }
                match self.readers[who].typed.pop_front() {
                    Some(Typed::Option(answer)) => self.readers[who].expected.extend(answer),
                    typed => panic!("person {who} is answered to a telnet option, but has typed {typed:?}"),
                }
            }
            Heard::Departed(id, cause) => {
                let who = self.in_slot(id);
                if self.readers[who].stage != Stage::Gone {
                    self.depart(who, cause, now);
                } else if cause == Cause::TooSlow {
                    // What was still owed to it is given up.
                    self.may_be_dropped(who);
                    self.readers[who].left = Some((cause, now.at));
                }
            }
            Heard::Ticked => self.tick(now),
            Heard::ShutDown => self.shut_down(now),
            Heard::Closed(id) => {
                let who = self.in_slot(id);
                assert_eq!(self.readers[who].stage, Stage::Gone, "person {who} is closed and has not left");
                self.slots[id.slot()] = None;
                self.connected -= 1;
                let ip = self.readers[who].addr.ip();
                if std::mem::take(&mut self.readers[who].counted) {
                    *self.per_ip.get_mut(&ip).unwrap() -= 1;
                }
                let (addr, connected) = (self.readers[who].addr, self.connected);
                self.tell_console(&format!("* disconnected {addr} ({connected} connected)"));
            }
        }
    }

    /// A line of a client has been taken.
    fn line(&mut self, who: usize, now: Now) {
        self.counts.lines += 1;
        let reader = &mut self.readers[who];
        let typed = reader.typed.pop_front();
        assert_ne!(reader.stage, Stage::Gone, "person {who} has left, and is still listened to");
        if self.config.rate > 0 {
            let interval = Duration::from_micros(1_000_000 / u64::from(self.config.rate));
            let ahead = interval * (self.config.burst - 1);
            assert!(reader.unended || reader.bucket <= now.at + ahead, "person {who} is heard faster than the rate");
            reader.bucket = reader.bucket.max(now.at) + interval;
        }
        if reader.stage == Stage::Here {
            reader.active = now.at;
        }
        match typed {
            Some(Typed::TooLong) => {
                let most = self.config.max_line;
                self.tell(who, &format!("! That line is too long ({most} bytes at most); it was not said."));
            }
            Some(Typed::NotUtf8) => self.tell(who, "! That line is not UTF-8; it was not said."),
            Some(Typed::Line(text)) => match self.readers[who].stage {
                Stage::Waiting(_) => self.wait(who, &text),
                Stage::Asked => self.answer(who, &text, now),
                _ => self.dispatch_command(who, &text, now),
            },
            typed => panic!("a line of person {who} is carried out, who has typed {typed:?}"),
        }
    }

    fn tell(&mut self, who: usize, line: &str) {
        if self.readers[who].page && rooms::is_day_line(line) {
            return;
        }
        let expected = &mut self.readers[who].expected;
        expected.extend_from_slice(line.as_bytes());
        expected.extend_from_slice(b"\r\n");
    }

    fn tell_console(&mut self, line: &str) {
        if let Some(console) = &mut self.console {
            console.extend_from_slice(line.as_bytes());
            console.extend_from_slice(b"\r\n");
        }
    }

    /// These bytes have been written to a reader.
    pub fn written(&mut self, who: usize, bytes: &[u8]) {
        let reader = &mut self.readers[who];
        let owed = &reader.expected[reader.written..];
        if !owed.starts_with(bytes) {
            panic!("person {who} is sent what it is not owed\n{}", difference(bytes, owed));
        }
        reader.written += bytes.len();
        if reader.written == reader.expected.len()
            && let Some(room) = self.rooms[reader.room].as_ref().filter(|_| reader.stage == Stage::Here)
        {
            reader.up_to_date_at = room.bytes;
        }
    }

    /// Bytes that are owed to a reader.
    pub fn owed(&self, who: usize) -> usize {
        self.readers[who].expected.len() - self.readers[who].written
    }

    /// What is owed to a reader, to be told of.
    pub fn what_is_owed(&self, who: usize) -> String {
        let reader = &self.readers[who];
        let owed = &reader.expected[reader.written..];
        String::from_utf8_lossy(&owed[..owed.len().min(300)]).into_owned()
    }

    /// What has been shown to the operator.
    pub fn shown(&mut self, bytes: &[u8]) {
        let Some(console) = &mut self.console else { return };
        if *console != bytes {
            panic!("the operator is shown what is not so\n{}", difference(bytes, console));
        }
        console.clear();
    }

    /// Bytes by which a member may be behind, what it does not read included.
    fn lag(&self, who: usize) -> usize {
        let reader = &self.readers[who];
        let room = self.rooms[reader.room].as_ref().filter(|_| reader.stage == Stage::Here);
        self.owed(who) + room.map_or(0, |room| room.bytes - reader.up_to_date_at)
    }

    /// Whether somebody left at that time.
    pub fn has_left_at(&self, who: usize, at: Duration) -> bool {
        self.readers[who].left.as_ref().is_some_and(|(_, left)| *left == at)
    }

    /// Nobody of these has been waited for longer than is allowed.
    pub fn check_deadlines(&self, alive: &[usize], now: Duration) {
        // A deadline fires up to a tick late, and is put off by whole ticks.
        let late = Duration::from_millis(40);
        for &who in alive {
            let reader = &self.readers[who];
            let most = match reader.stage {
                Stage::Asked => self.config.login_timeout,
                Stage::Here if !self.config.idle_timeout.is_zero() => self.config.idle_timeout,
                _ => continue,
            };
            assert!(reader.active + most + late > now, "person {who} has been {:?} for too long", reader.stage);
            assert_eq!(reader.due, None, "person {who} should have left");
        }
    }
}

/// Where two texts part.
fn difference(got: &[u8], expected: &[u8]) -> String {
    let same = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let begin = got[..same].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let line = |bytes: &[u8]| String::from_utf8_lossy(&bytes[begin..bytes.len().min(begin + 200)]).into_owned();
    format!("  got      {:?}\n  expected {:?}", line(got), line(expected))
}
