//! The oracle: the output that each reader should get, computed by a naive server that copies each line to each
//! reader at once.
//!
//! It learns only the order of events from the real server; it knows what was typed from the
//! persons, and computes all else itself.

mod commands;
mod committing;
mod configuring;
mod counts;
mod irc;
mod members;
mod moderation;
mod phrases;
mod reader;
mod reading;
mod rooms;
mod words;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use time::{Date, OffsetDateTime};

pub use self::commands::programs::Wanted;
use self::committing::proposed::Proposed;
pub use self::counts::Counts;
use self::irc::{IrcCommand, Label, ModeChanges};
use self::members::member::{Account, Member};
use self::members::passwords::Failures;
pub use self::members::passwords::{Compared, scram, verifier};
use self::moderation::bans::Ban;
use self::moderation::mutes::Mute;
pub use self::moderation::surroundings::Surroundings;
use self::reader::Reader;
use self::rooms::OracleRoom;
use self::rooms::deleting::DeletedText;
pub use self::words::{OPERATOR, ReaderStage, Typed};
use crate::chat::TraceEvent;
use crate::chat::{Cause, ClientId, Config, Now};

/// The naive server.
pub struct Oracle {
    config: Config,
    /// Settings that the server is given, and when it took the last ones over.
    pub configs: VecDeque<Config>,
    configured_at: Duration,
    pub readers: Vec<Reader>,
    slots: Vec<Option<usize>>,
    /// All members that there ever were, and all accounts; a number is never used again.
    members: Vec<Member>,
    accounts: Vec<Option<Account>>,
    /// The members by the keys of their names.
    names: HashMap<String, usize>,
    /// The session whose line is processed.
    speaker: usize,
    /// There is a store, and so there are accounts.
    has_store: bool,
    /// Passwords that wait to be compared, the sessions of those that are, and the wrong ones.
    requests: Vec<(IpAddr, usize)>,
    /// Their addresses; that of the next one first.
    turns: VecDeque<IpAddr>,
    compared: VecDeque<usize>,
    /// As `compared`, with the address and the account of each.
    taken: VecDeque<(usize, IpAddr, Option<usize>)>,
    failures: Failures,
    rooms: Vec<Option<OracleRoom>>,
    seats: usize,
    line: VecDeque<usize>,
    renumbered: Duration,
    renumber_at: Option<Duration>,
    sums: VecDeque<(Duration, usize)>,
    per_ip: HashMap<IpAddr, usize>,
    bans: HashMap<IpAddr, Ban>,
    mutes: Vec<Mute>,
    deleted: Vec<DeletedText>,
    logins: usize,
    /// The most members that there ever were at once.
    most_members: usize,
    /// When the first connection came.
    started: Option<OffsetDateTime>,
    /// The messages that were ever said, muted ones too.
    pub messages: u64,
    /// Grows each time a room may have become empty.
    emptied: usize,
    connected: usize,
    pub ending: bool,
    /// Expected output for the operator, if there is a console.
    console: Option<Vec<u8>>,
    console_day: Option<Date>,
    console_whisperer: Option<usize>,
    /// Lines of the operator that the server has not processed.
    pub orders: VecDeque<String>,
    /// Changes are committed some turns after they were proposed.
    delayed: bool,
    /// Public changes that are proposed and not committed, in their order: the session of each, and its command of IRC.
    proposed: VecDeque<(Option<usize>, IrcCommand, Proposed)>,
    /// Sessions that will be registered when what is proposed is committed.
    registering: VecDeque<usize>,
    /// What becomes of messages that were posted: the id of the first line, or `None` for a refusal.
    pub posted: VecDeque<Option<u64>>,
    /// The rest of a command of IRC about several targets: for each one, the session and a line about it alone.
    irc_rest: VecDeque<(usize, String)>,
    /// The changes of a MODE that are shown when all of them are made.
    irc_modes: Option<ModeChanges>,
    /// The label of the command that is processed.
    irc_label: Option<Label>,
    pub counts: Counts,
}

impl Oracle {
    pub fn new(mut config: Config, operator: bool, delayed: bool, has_store: bool) -> Oracle {
        config.history_bytes = config.history_bytes.min(config.backlog_bytes / 2);
        Oracle {
            config,
            configs: VecDeque::new(),
            configured_at: Duration::ZERO,
            readers: Vec::new(),
            slots: Vec::new(),
            members: Vec::new(),
            accounts: Vec::new(),
            names: HashMap::new(),
            speaker: 0,
            has_store,
            requests: Vec::new(),
            turns: VecDeque::new(),
            compared: VecDeque::new(),
            taken: VecDeque::new(),
            failures: Failures::default(),
            rooms: vec![Some(OracleRoom::new("lobby"))],
            seats: 0,
            line: VecDeque::new(),
            renumbered: Duration::ZERO,
            renumber_at: None,
            sums: VecDeque::new(),
            per_ip: HashMap::new(),
            bans: HashMap::new(),
            mutes: Vec::new(),
            deleted: Vec::new(),
            logins: 0,
            most_members: 0,
            started: None,
            messages: 0,
            emptied: 0,
            connected: 0,
            ending: false,
            console: operator.then(Vec::new),
            console_day: None,
            console_whisperer: None,
            orders: VecDeque::new(),
            delayed,
            proposed: VecDeque::new(),
            registering: VecDeque::new(),
            posted: VecDeque::new(),
            irc_rest: VecDeque::new(),
            irc_modes: None,
            irc_label: None,
            counts: Counts::default(),
        }
    }

    /// Adds a reader that waits in the kernel's queue. A page wants to continue somewhere.
    pub fn add(&mut self, addr: SocketAddr, page: Option<Wanted>, revision: u32) {
        self.readers.push(Reader {
            addr,
            page: page.is_some(),
            program: page.is_some().then_some(revision),
            irc: None,
            revision,
            stage: ReaderStage::Outside,
            expected: Vec::new(),
            optional: Vec::new(),
            written: 0,
            raw_end: Vec::new(),
            typed: VecDeque::new(),
            member: None,
            prompt: None,
            awaits: None,
            day: None,
            echo: page.is_some(),
            quiet: false,
            wanted: page,
            resumes: false,
            up_to_date: Vec::new(),
            sources: VecDeque::new(),
            active: Duration::ZERO,
            bucket: Duration::ZERO,
            unended: false,
            counted: false,
            due: None,
            committed_at: Duration::ZERO,
            left: None,
            uncommitted_messages: 0,
            uncommitted_changes: 0,
        });
    }

    /// The reader whose connection has that number.
    pub fn in_slot(&self, id: ClientId) -> usize {
        self.slots.get(id.slot()).copied().flatten().expect("a client who has connected")
    }

    /// Records an event of the server; `who` is the new reader if it has just connected.
    pub fn record_heard(&mut self, heard: TraceEvent, who: Option<usize>, now: Now) {
        match heard {
            TraceEvent::Connected(id) => {
                let who = who.expect("a reader that has connected");
                if self.slots.len() <= id.slot() {
                    self.slots.resize(id.slot() + 1, None);
                }
                assert_eq!(self.slots[id.slot()], None, "{id:?} is given to two");
                self.slots[id.slot()] = Some(who);
                self.connected += 1;
                self.started.get_or_insert(now.local);
                let (addr, connected) = (self.readers[who].addr, self.connected);
                self.send_to_console(&format!("* connected {addr} ({connected} connected)"));
                self.receive(who, now);
            }
            TraceEvent::Line(ClientId::CONSOLE) => {
                let order = self.orders.pop_front().expect("a line that the operator has typed");
                self.operate(&order, now);
            }
            TraceEvent::Line(id) => self.line(self.in_slot(id), now),
            TraceEvent::Committed { time, change, is_applied, .. } => self.commit(&change, is_applied, time, now),
            TraceEvent::Raw(id) => {
                let who = self.in_slot(id);
                if self.readers[who].has_frames() {
                    // A pong, or the last frame.
                    return;
                }
                match self.readers[who].typed.pop_front() {
                    Some(Typed::Option(answer)) => self.readers[who].expected.extend(answer),
                    typed => panic!("person {who} is answered to a telnet option, but has typed {typed:?}"),
                }
            }
            TraceEvent::Departed(id, cause) => {
                let who = self.in_slot(id);
                if self.readers[who].stage != ReaderStage::Gone {
                    self.depart(who, cause, now);
                } else if cause == Cause::TooSlow {
                    // Its unread output is dropped.
                    self.check_drop_allowed(who);
                    self.readers[who].left = Some((cause, now.at));
                }
            }
            TraceEvent::Ticked => self.tick(now),
            TraceEvent::Configured => self.configure(now),
            TraceEvent::ShutDown => self.shut_down(now),
            TraceEvent::Closed(id) => {
                let who = self.in_slot(id);
                assert_eq!(self.readers[who].stage, ReaderStage::Gone, "person {who} is closed and has not left");
                self.slots[id.slot()] = None;
                self.connected -= 1;
                let ip = self.readers[who].addr.ip();
                if std::mem::take(&mut self.readers[who].counted) {
                    *self.per_ip.get_mut(&ip).unwrap() -= 1;
                }
                let (addr, connected) = (self.readers[who].addr, self.connected);
                self.send_to_console(&format!("* disconnected {addr} ({connected} connected)"));
            }
        }
    }

    /// The server has processed a line.
    fn line(&mut self, who: usize, now: Now) {
        self.counts.lines += 1;
        let reader = &mut self.readers[who];
        let typed = reader.typed.pop_front();
        assert_ne!(reader.stage, ReaderStage::Gone, "person {who} has left, and is still listened to");
        assert!(reader.awaits.is_none(), "a line of person {who} is processed before its password is compared");
        assert!(
            reader.uncommitted_changes == 0,
            "a line of person {who} is processed before the last change is committed"
        );
        assert!(
            reader.uncommitted_messages < 32,
            "person {who} has {} uncommitted messages",
            reader.uncommitted_messages
        );
        if self.config.rate > 0 {
            let interval = Duration::from_micros(1_000_000 / u64::from(self.config.rate));
            let ahead = interval * (self.config.burst - 1);
            assert!(reader.unended || reader.bucket <= now.at + ahead, "person {who} is heard faster than the rate");
            reader.bucket = reader.bucket.max(now.at) + interval;
        }
        if reader.stage == ReaderStage::Here {
            reader.active = now.at;
        }
        self.speaker = who;
        if self.is_irc(who) {
            return self.irc_input(who, typed, now);
        }
        match typed {
            Some(Typed::TooLong) => {
                let most = self.config.max_line;
                self.send_line(who, &format!("! That line is too long ({most} bytes at most); it was not said."));
            }
            Some(Typed::NotUtf8) => self.send_line(who, "! That line is not UTF-8; it was not said."),
            Some(Typed::Line(text)) => match self.readers[who].stage {
                ReaderStage::Waiting(_) | ReaderStage::Asked if self.asks_for_json(who, &text) => {
                    self.begin_json(who, &text)
                }
                ReaderStage::Waiting(_) => self.wait(who, &text),
                ReaderStage::Asked => self.answer(who, &text, now),
                _ => self.dispatch_command(self.readers[who].member.expect("a member"), &text, now),
            },
            typed => panic!("a line of person {who} is carried out, who has typed {typed:?}"),
        }
    }

    fn send_to_console(&mut self, line: &str) {
        if let Some(console) = &mut self.console {
            console.extend_from_slice(line.as_bytes());
            console.extend_from_slice(b"\r\n");
        }
    }

    /// Whether the reader left at that time.
    pub fn has_left_at(&self, who: usize, at: Duration) -> bool {
        self.readers[who].left.as_ref().is_some_and(|(_, left)| *left == at)
    }

    /// Checks that no timeout is overdue.
    pub fn check_deadlines(&self, alive: &[usize], now: Duration) {
        // A deadline fires up to a tick late, and is postponed by whole ticks, or by 100 ms during a commit or while a
        // password is compared.
        let late = Duration::from_millis(if self.delayed || self.has_store { 160 } else { 40 });
        for &who in alive {
            let reader = &self.readers[who];
            let most = match reader.stage {
                _ if reader.uncommitted_changes > 0 || reader.awaits.is_some() => continue,
                ReaderStage::Asked => self.config.login_timeout,
                ReaderStage::Here if !self.config.idle_timeout.is_zero() => self.config.idle_timeout,
                _ => continue,
            };
            let since = (reader.active + most).max(reader.committed_at).max(self.configured_at);
            assert!(since + late > now, "person {who} has been {:?} for too long", reader.stage);
            assert_eq!(reader.due, None, "person {who} should have left");
        }
    }
}
