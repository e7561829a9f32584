//! What the client does about keys, lines, and connections that come and go. It knows no terminal and
//! no socket: whoever has them calls, with the time as a parameter, and carries out what it wants.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::backoff::Backoff;
use super::completion::{Candidates, Completer};
use super::editor::Editor;
use super::entry::{Entry, Heard};
use super::keys::Action;
use super::lag::Lag;
use super::missed::Seen;
use super::paste::Paste;
use super::recall::Recall;
use super::session::{Ending, Session, Stage};
use super::shape::{Notice, Shape};
use super::text::Line;
use super::{Settings, show};
use crate::chat::Now;
use crate::chat::command::is_blank;
use crate::words::plain_words;

/// How long the server may take to close after we have said that no more will come.
const FAREWELL: Duration = Duration::from_secs(2);

/// Within this time after a line of ours, a server that is not ours and closes does what we asked for.
const ASKED_FOR: Duration = Duration::from_secs(2);

/// A connection that has lasted so long was a good one: the next is tried for at once.
const LASTING: Duration = Duration::from_secs(10);

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
    /// How many lines of ours the server has carried out when it answers the question for the lag.
    mark: u64,
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
            mark: 0,
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
        self.lines.push_back(show::local(text));
    }

    /// A line has not ended for a while: the server waits for an answer.
    pub fn unended(&mut self, text: String) {
        let given = self.entry.prompted(&self.session);
        self.outgoing.extend(given);
        self.prompt = text;
    }

    /// A line has been read.
    pub fn hear(&mut self, text: &str, now: Now) {
        self.prompt.clear();
        let shape = Shape::of(text);
        self.session.hear(&shape);
        if let Shape::Notice(Notice::Pong { text }) = shape
            && self.lag.answered(text, now.at)
        {
            self.seen.confirmed(self.mark);
            return;
        }
        let heard = self.entry.hear(&shape, &self.session, now.at, &mut self.outgoing);
        match heard {
            Heard::Show => self.show(&shape, text),
            Heard::Hide => {}
            Heard::Collect => self.collected.get_or_insert_default().push(text.to_owned()),
            Heard::CaughtUp => self.catch_up(),
        }
        self.follow(&shape);
    }

    /// What a line means for what comes after it.
    fn follow(&mut self, shape: &Shape) {
        match shape {
            Shape::Notice(Notice::Entered { .. } | Notice::EnteredPeer { .. }) => {
                self.entering = true;
                self.lag.wanted(self.up_since);
                if let Some(draft) = self.draft.take() {
                    self.editor.set(&draft);
                }
            }
            Shape::Notice(Notice::EnteredRoom { .. }) => {
                self.entering = true;
                // Coming back one has seen what the room said before.
                if self.entry.is_over() {
                    self.seen.clear();
                }
            }
            Shape::Notice(Notice::HistoryBegins { .. }) => self.in_history = true,
            Shape::Notice(Notice::HistoryEnds) => (self.in_history, self.entering) = (false, false),
            Shape::Refused(_) if self.session.stage() == Stage::Asked && self.entry.has_given() => {
                // What is typed from now on is taken for a nickname; what was typed before was no name.
                if !std::mem::replace(&mut self.names_typed, true) && !self.editor.is_empty() {
                    self.draft = Some(self.editor.take());
                }
            }
            _ => {}
        }
    }

    fn show(&mut self, shape: &Shape, text: &str) {
        // What `/history` shows again has been seen.
        if !self.in_history || self.entering {
            self.seen.shown(text, shape);
        }
        if !self.in_history {
            self.ring |= show::is_for_us(shape, &self.session);
        }
        self.lines.push_back(show::heard(shape, text, &self.session));
    }

    /// Shows what was said while the connection was lost.
    fn catch_up(&mut self) {
        let history = self.collected.take().unwrap_or_default();
        let name = self.session.name().unwrap_or_default().to_owned();
        let missed = self.seen.missed(&history, &name);
        let count = missed.from.iter().filter(|&&at| !history[at].starts_with("* ")).count();
        match (count, missed.gap) {
            (0, _) => self.say("Connected again. Nothing was missed."),
            (_, true) => self.say("Connected again. More was missed than the server keeps; this is the rest of it:"),
            (1, false) => self.say("Connected again. One message was missed:"),
            (count, false) => self.say(&format!("Connected again. {count} messages were missed:")),
        }
        for &at in &missed.from {
            let shape = Shape::of(&history[at]);
            self.ring |= show::is_for_us(&shape, &self.session);
            self.lines.push_back(show::heard(&shape, &history[at], &self.session));
        }
        for text in missed.unsaid {
            self.say(&format!("This was not said any more (arrow up brings it back): {text}"));
            self.recall.push(&text);
        }
    }

    /// A key has been pressed.
    pub fn act(&mut self, action: Action, now: Now) -> Wanted {
        let interrupted = std::mem::take(&mut self.interrupted);
        if self.paste.is_some() {
            self.answer(action, now);
            return Wanted::Nothing;
        }
        if !matches!(action, Action::Complete { .. }) {
            self.completer.reset();
        }
        match action {
            Action::Edit(edit) => self.editor.apply(edit),
            Action::Submit => self.submit(now),
            Action::Older => {
                if let Some(text) = self.recall.older(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            Action::Newer => {
                if let Some(text) = self.recall.newer(self.editor.text()) {
                    self.editor.set(text);
                }
            }
            Action::Complete { back } => self.complete(back),
            Action::Interrupt if interrupted => self.leave(now.at),
            Action::Interrupt => {
                self.interrupted = true;
                self.editor.take();
                self.recall.reset();
            }
            Action::EndOrDelete if self.editor.is_empty() => self.leave(now.at),
            Action::EndOrDelete => self.editor.apply(super::editor::Edit::Delete),
            Action::Redraw => return Wanted::Redraw,
            Action::Suspend => return Wanted::Suspend,
            Action::PageUp => return Wanted::Scroll { back: true },
            Action::PageDown => return Wanted::Scroll { back: false },
            Action::Escape => {}
        }
        Wanted::Nothing
    }

    /// Whether the last key was Ctrl-C, and another one leaves.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    fn complete(&mut self, back: bool) {
        let candidates = Candidates { names: &self.session.names(), rooms: &self.session.rooms() };
        let completed = self.completer.complete(self.editor.text(), self.editor.cursor(), back, &candidates);
        if let Some((text, cursor)) = completed {
            self.editor.set_at(&text, cursor);
        }
    }

    /// A text has been pasted.
    pub fn pasted(&mut self, text: &str, now: Now) {
        self.interrupted = false;
        self.completer.reset();
        let paste = Paste::new(text);
        if paste.lines_to_send(&self.editor) > 0 && !self.can_say_several() {
            // The person has been told.
        } else if paste.must_ask(&self.editor) {
            self.paste = Some(paste);
        } else {
            self.put(paste, now);
        }
    }

    /// The answer to whether many lines are to be sent.
    fn answer(&mut self, action: Action, now: Now) {
        use super::editor::Edit::Insert;
        match action {
            Action::Edit(Insert('y' | 'Y')) => {
                if self.can_say_several()
                    && let Some(paste) = self.paste.take()
                {
                    self.put(paste, now);
                }
            }
            Action::Edit(Insert('n' | 'N')) | Action::Interrupt | Action::EndOrDelete | Action::Escape => {
                self.paste = None;
            }
            _ => {}
        }
    }

    fn put(&mut self, paste: Paste, now: Now) {
        let pasted = paste.apply(&mut self.editor, self.session.is_ours());
        if !pasted.is_whole {
            self.say("The input has no room for all of that.");
        }
        pasted.lines.into_iter().for_each(|line| self.send(line, now));
    }

    /// Whether what is typed reaches the server as what it is meant to be.
    fn can_say(&self) -> bool {
        // What is said before all that was missed is known would be looked for in it.
        let coming_back = match self.session.stage() {
            Stage::Unknown => self.session.name().is_some(),
            Stage::Here => !self.entry.is_over(),
            Stage::Asked | Stage::Waiting(_) => false,
        };
        self.status == Status::Up && !(self.session.is_ours() && coming_back)
    }

    /// Whether several lines would be said, none of them taken for a nickname; if not, the person is told.
    fn can_say_several(&mut self) -> bool {
        let is_in = !self.session.is_ours() || self.session.stage() == Stage::Here;
        let why = match self.can_say() {
            true if is_in => return true,
            true => "You are not in yet: several lines can be pasted once you are.",
            false => "Not connected: several lines can be pasted once the connection is back.",
        };
        self.say(why);
        false
    }

    fn submit(&mut self, now: Now) {
        self.prompt.clear();
        match self.status {
            Status::Down { .. } | Status::Stopped if self.editor.is_empty() => self.status = Status::Dialling,
            _ if !self.can_say() => {
                self.say("Not connected: your line is kept here; Ctrl-C clears it, Ctrl-D on an empty line leaves.");
            }
            _ => {
                let line = self.editor.take();
                if self.session.stage() == Stage::Asked {
                    self.entry.typed();
                } else {
                    self.recall.push(&line);
                }
                self.send(line, now);
            }
        }
    }

    fn send(&mut self, line: String, now: Now) {
        self.sent_at = Some(now.at);
        if let Some(echo) = self.session.said(&line) {
            self.lines.push_back(show::own(&echo, now.local.time(), &self.session));
            self.seen.sent(self.session.name().unwrap_or_default(), echo);
            if self.session.is_ours() {
                self.lag.wanted(now.at);
            }
        } else if is_blank(&line) && self.session.is_ours() {
            return;
        }
        self.outgoing.push(line);
        self.tick(now.at);
    }
}
