//! What the client does about keys, lines, and connections that come and go. It knows no terminal and
//! no socket: whoever has them calls, with the time as a parameter, and carries out what it wants.

mod hearing;
mod typing;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::Settings;
use super::input::completion::Completer;
use super::input::editor::{Editor, cut};
use super::input::input_history::Recall;
use super::input::paste::Paste;
use super::protocol::backoff::Backoff;
use super::protocol::entry::Entry;
use super::protocol::lag::Lag;
use super::protocol::missed::Seen;
use super::protocol::session::{Ending, Session, Stage};
use super::ui::format;
use super::ui::text::Line;
use crate::words::plain_words;

/// How long the server may take to close after we have said that no more will come.
const FAREWELL: Duration = Duration::from_secs(2);

/// Within this time after a line of ours, a server that is not ours and closes does what we asked for.
const ASKED_FOR: Duration = Duration::from_secs(2);

/// A connection that has lasted so long was a good one: the next is tried for at once.
const LASTING: Duration = Duration::from_secs(10);

/// Bytes of an unended line of the server's that are shown before the input.
const MAX_PROMPT: usize = 1024;

/// How things are between the server and us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A connection is to be made, or is on its way.
    Dialling,
    /// Connected.
    Up,
    /// It will be tried again at that time; why it is not there.
    Down { retry_at: Duration, why: String },
    /// The server has closed, and would again: one has to ask for it.
    Stopped,
    /// We leave; the server may say the rest until then.
    Leaving { until: Duration },
    /// Everything is over.
    Over,
}

/// What the keyboard wants of whoever has the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Nothing,
    Redraw,
    Suspend,
    Scroll { back: bool },
}

/// Everything but terminal and socket.
pub struct App {
    pub editor: Editor,
    recall: Recall,
    completer: Completer,
    /// A paste of many lines, about which the person is asked.
    paste: Option<Paste>,
    /// The last key was Ctrl-C.
    interrupted: bool,
    session: Session,
    entry: Entry,
    seen: Seen,
    /// The history that the server showed when we came back.
    collected: Option<Vec<String>>,
    collected_bytes: usize,
    /// How many lines of ours the server has carried out when it answers the question for the lag.
    mark: u64,
    /// Whispers of ours, and how many of them that answer is about; others are told which may not have arrived.
    whispers: Vec<String>,
    whispers_mark: usize,
    /// The messages that come now are those shown to whoever enters.
    entering: bool,
    in_history: bool,
    lag: Lag,
    backoff: Backoff,
    status: Status,
    /// When this connection was made, and when we last sent a line.
    up_since: Duration,
    sent_at: Option<Duration>,
    nick: Option<String>,
    bell: bool,
    ring: bool,
    /// What was being typed when a nickname had to be asked for again.
    draft: Option<String>,
    /// On this connection what is typed is already meant for a nickname.
    names_typed: bool,
    outgoing: Vec<String>,
    lines: VecDeque<Line>,
    /// The beginning of a line of a server that seems to wait for an answer to it.
    prompt: String,
}

impl App {
    /// Nothing is connected yet.
    pub fn new(settings: &Settings, now: Duration) -> Self {
        App {
            editor: Editor::default(),
            recall: Recall::default(),
            completer: Completer::default(),
            paste: None,
            interrupted: false,
            session: Session::default(),
            entry: Entry::new(settings.nick.clone(), false, now),
            seen: Seen::default(),
            collected: None,
            collected_bytes: 0,
            mark: 0,
            whispers: Vec::new(),
            whispers_mark: 0,
            entering: false,
            in_history: false,
            lag: Lag::default(),
            backoff: Backoff::default(),
            status: Status::Dialling,
            up_since: now,
            sent_at: None,
            nick: settings.nick.clone(),
            bell: settings.bell,
            ring: false,
            draft: None,
            names_typed: false,
            outgoing: Vec::new(),
            lines: VecDeque::new(),
            prompt: String::new(),
        }
    }

    /// How things are.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What is known of the connection.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// How long the server takes to answer.
    pub fn lag(&self) -> &Lag {
        &self.lag
    }

    /// The beginning of a line that asks for something.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// How many pasted lines the person is asked about.
    pub fn asks_about(&self) -> Option<usize> {
        self.paste.as_ref().map(|paste| paste.lines_to_send(&self.editor))
    }

    /// Lines to be sent.
    pub fn take_outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outgoing)
    }

    /// Lines to be shown.
    pub fn take_lines(&mut self) -> impl Iterator<Item = Line> {
        self.lines.drain(..)
    }

    /// Whether the bell is to ring.
    pub fn take_bell(&mut self) -> bool {
        std::mem::take(&mut self.ring) && self.bell
    }

    /// When [`App::tick`] is wanted next.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        match self.status {
            // The seconds that are left are shown.
            Status::Down { retry_at, .. } => Some(retry_at.min(now + Duration::from_secs(1))),
            Status::Leaving { until } => Some(until),
            Status::Up => [self.entry.deadline(), self.lag.deadline(now)].into_iter().flatten().min(),
            Status::Dialling | Status::Stopped | Status::Over => None,
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Duration) {
        match self.status {
            Status::Down { retry_at, .. } if retry_at <= now => self.status = Status::Dialling,
            Status::Leaving { until } if until <= now => self.status = Status::Over,
            Status::Up => {
                let due = self.entry.due(&self.session, now);
                self.outgoing.extend(due);
                self.ask(now);
            }
            _ => {}
        }
    }

    /// Asks the server for a sign that it has read what we sent.
    fn ask(&mut self, now: Duration) {
        if self.session.is_ours()
            && self.session.stage() == Stage::Here
            && let Some(line) = self.lag.due(now)
        {
            self.mark = self.seen.mark();
            self.whispers_mark = self.whispers.len();
            self.outgoing.push(line);
        }
    }

    /// A connection has been made.
    pub fn connected(&mut self, now: Duration) {
        let again = self.session.name().is_some();
        let name = self.session.name().map(str::to_owned).or_else(|| self.nick.clone());
        self.session.reconnected();
        self.entry = Entry::new(name, again, now);
        self.collected = again.then(Vec::new);
        self.collected_bytes = 0;
        self.in_history = false;
        self.names_typed = false;
        self.lag.reset();
        self.status = Status::Up;
        self.up_since = now;
        self.sent_at = None;
    }

    /// A connection could not be made.
    pub fn failed(&mut self, error: &io::Error, now: Duration) {
        self.status = Status::Down { retry_at: now + self.backoff.next(), why: plain_words(error) };
    }

    /// The connection is gone: closed by the server, or broken.
    pub fn lost(&mut self, error: Option<&io::Error>, now: Duration) {
        self.prompt.clear();
        self.outgoing.clear();
        let asked_for = !self.session.is_ours() && self.sent_at.is_some_and(|at| now <= at + ASKED_FOR);
        let why = error.map_or_else(|| "the server closed it".to_owned(), plain_words);
        self.status = match self.session.ending() {
            _ if matches!(self.status, Status::Leaving { .. }) => Status::Over,
            Some(Ending::Goodbye) => Status::Over,
            None if error.is_none() && asked_for => Status::Over,
            None | Some(Ending::ShuttingDown) => {
                if now >= self.up_since + LASTING {
                    self.backoff.reset();
                }
                self.say(&format!("The connection is lost: {why}. What you type is kept until it is back."));
                Status::Down { retry_at: now + self.backoff.next(), why }
            }
            Some(_) => {
                self.say("The server closed the connection. Enter tries again, Ctrl-D leaves.");
                Status::Stopped
            }
        };
    }

    /// We are to leave: what is sent is still delivered, and what the server says to it shown.
    pub fn leave(&mut self, now: Duration) {
        self.status = match self.status {
            Status::Up => Status::Leaving { until: now + FAREWELL },
            _ => Status::Over,
        };
    }

    /// There is nobody any more to show anything to, or no more patience.
    pub fn give_up(&mut self) {
        self.status = Status::Over;
    }

    /// The client itself says something.
    pub fn say(&mut self, text: &str) {
        self.lines.push_back(format::local(text));
    }

    /// A line has not ended for a while: the server waits for an answer.
    pub fn unended(&mut self, text: String) {
        let given = self.entry.prompted(&self.session);
        self.outgoing.extend(given);
        self.prompt = cut(&text, MAX_PROMPT).to_owned();
    }
}
