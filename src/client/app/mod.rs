//! Decides what the client does about keys, lines and connection changes.
//!
//! It knows neither terminal nor socket: the event loop calls it, passes the time as a parameter, and carries out what
//! it asks for.

mod events;
mod messages;
mod password;
mod resume;
mod routing;
mod secret_commands;
#[cfg(test)]
mod tests;
mod text_lines;
mod typing;
mod view_commands;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use time::Date;

use super::error::Error;
use super::protocol::connection::backoff::Backoff;
use super::protocol::entry::LoginFlow;
use super::protocol::lag::Lag;
use super::protocol::plain_text::PlainText;
use super::protocol::positions::Positions;
use super::protocol::sent::SentLines;
use super::protocol::session::{CloseReason, LoginStage, Session};
use super::settings::Settings;
use super::ui::format;
use super::views::Views;
use crate::chat::LOBBY;
use crate::terminal::input::grapheme::cut;
use crate::terminal::input::line_input::LineInput;
use crate::terminal::screen::text::StyledLine;
use crate::terminal::screen::view::{ScreenChange, ViewId};
use crate::util::io_error::plain_words;

/// How long the server may take to close the connection after we have shut down writing.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// If a server that is not chinwag closes the connection within this time after one of our lines, that line asked
/// for it.
const REQUESTED_CLOSE: Duration = Duration::from_secs(2);

/// A connection that lasted this long resets the delay before the next attempt.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);

/// If a server says nothing for this time, it may wait for a request, as web servers do.
const SILENCE: Duration = Duration::from_secs(3);

/// If a line has no answer after this time, a `/ping` asks for one; after the longer time the status line tells it.
const ASK_AFTER: Duration = Duration::from_secs(1);
const LATE_AFTER: Duration = Duration::from_secs(2);

/// If a `/ping` has no answer after this time, and nothing else comes, the connection is given up.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest unfinished server line that is shown as a prompt, in bytes.
const MAX_PROMPT: usize = 1024;

/// The state of the connection to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// A connection attempt is running or about to start.
    Connecting,
    Connected,
    /// The next attempt starts at `retry_at`; `why` is the reason of the failure.
    WaitingToRetry {
        retry_at: Duration,
        why: String,
    },
    /// The server closed the connection for a reason that would apply again; the user must ask for a new attempt.
    Stopped,
    /// The client is leaving; lines of the server are shown until then.
    Leaving {
        until: Duration,
    },
    /// The client ends.
    Ended,
}

/// The client's state without terminal and socket.
pub struct App {
    pub input: LineInput,
    text: PlainText,
    session: Session,
    login: LoginFlow,
    positions: Positions,
    sent: SentLines,
    resume: resume::ResumeState,
    views: Views,
    lag: Lag,
    backoff: Backoff,
    status: ConnectionStatus,
    /// When this connection was made, and when we last sent a line on it.
    up_since: Duration,
    sent_at: Option<Duration>,
    /// When the last line has come.
    heard_at: Duration,
    /// When the user is told that the server says nothing.
    silent_at: Option<Duration>,
    /// The address of the server.
    addr: String,
    /// Where its page is, if it turns out to be a web server.
    web_addr: String,
    nick: Option<String>,
    bell: bool,
    ring: bool,
    /// Whether a command was sent that changes the current room, or that asks for a topic.
    expects_room: bool,
    expects_topic: bool,
    /// A command whose passwords are being typed.
    secret: Option<secret_commands::SecretCommand>,
    /// The input line as it was when the server asked for a nickname again.
    draft: Option<String>,
    /// Whether the input on this connection is already meant as a nickname.
    typing_name: bool,
    today: Option<Date>,
    /// Who has whispered last.
    whisperer: Option<String>,
    outgoing: Vec<String>,
    changes: VecDeque<ScreenChange>,
    /// The unfinished line of a server that seems to wait for an answer.
    prompt: String,
    error: Option<Error>,
}

impl App {
    /// Creates the state of a client that is not connected yet.
    pub fn new(settings: &Settings, now: Duration) -> Self {
        App {
            input: LineInput::default(),
            text: PlainText::default(),
            session: Session::default(),
            login: LoginFlow::new(settings.nick.clone(), false, now).with_passwords(settings.passwords()),
            positions: Positions::default(),
            sent: SentLines::default(),
            resume: resume::ResumeState::default(),
            views: Views::new(LOBBY),
            lag: Lag::default(),
            backoff: Backoff::default(),
            status: ConnectionStatus::Connecting,
            up_since: now,
            sent_at: None,
            heard_at: now,
            silent_at: None,
            addr: settings.addr(),
            web_addr: settings.web_addr(),
            nick: settings.nick.clone(),
            bell: settings.bell,
            ring: false,
            expects_room: false,
            expects_topic: false,
            secret: None,
            draft: None,
            typing_name: false,
            today: None,
            whisperer: None,
            outgoing: Vec::new(),
            changes: VecDeque::new(),
            prompt: String::new(),
            error: None,
        }
    }

    pub fn status(&self) -> &ConnectionStatus {
        &self.status
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn views(&self) -> &Views {
        &self.views
    }

    /// What is asked for instead of the server's question: a password for a command.
    pub fn secret_question(&self) -> Option<&'static str> {
        self.secret.as_ref().map(secret_commands::SecretCommand::question)
    }

    /// Returns the address of the server as the user gave it.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Returns the measured response time of the server.
    pub fn lag(&self) -> &Lag {
        &self.lag
    }

    /// Returns the unfinished line that is shown before the input, or an empty text.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// How many lines have been on their way for a while.
    pub fn late_lines(&self, now: Duration) -> Option<usize> {
        self.sent.unconfirmed().filter(|(_, at)| *at + LATE_AFTER <= now).map(|(count, _)| count)
    }

    /// Takes the lines to send.
    pub fn take_outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outgoing)
    }

    /// Takes the changes of what is shown.
    pub fn take_changes(&mut self) -> impl Iterator<Item = ScreenChange> {
        self.changes.drain(..)
    }

    /// Takes the request to ring the bell.
    pub fn take_bell(&mut self) -> bool {
        std::mem::take(&mut self.ring) && self.bell
    }

    /// Takes the error that ends the client.
    pub fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// When [`App::run_timers`] must be called next, or the status line changes.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        match self.status {
            // The remaining seconds are shown.
            ConnectionStatus::WaitingToRetry { retry_at, .. } => Some(retry_at.min(now + Duration::from_secs(1))),
            ConnectionStatus::Leaving { until } => Some(until),
            ConnectionStatus::Connected => {
                let sent_at = self.sent.unconfirmed().map(|(_, at)| at);
                let late = [ASK_AFTER, LATE_AFTER].map(|after| sent_at.map(|at| at + after).filter(|at| *at > now));
                let others = [self.login.deadline(), self.lag.deadline(now), self.silent_at];
                others.into_iter().chain(late).flatten().min()
            }
            ConnectionStatus::Connecting | ConnectionStatus::Stopped | ConnectionStatus::Ended => None,
        }
    }

    /// Does what is due at this time.
    pub fn run_timers(&mut self, now: Duration) {
        match self.status {
            ConnectionStatus::WaitingToRetry { retry_at, .. } if retry_at <= now => {
                self.status = ConnectionStatus::Connecting
            }
            ConnectionStatus::Leaving { until } if until <= now => self.status = ConnectionStatus::Ended,
            ConnectionStatus::Connected => {
                if self.silent_at.take_if(|at| *at <= now).is_some() {
                    self.tell_silence();
                }
                let due = self.login.take_due_line(&self.session, now);
                self.outgoing.extend(due);
                self.ask_for_late_lines(now);
                self.send_ping(now);
            }
            _ => {}
        }
    }

    /// Asks whether lines have arrived that have been on their way for a while: the server may have refused them.
    fn ask_for_late_lines(&mut self, now: Duration) {
        let is_late = self.sent.unconfirmed().is_some_and(|(_, at)| at + ASK_AFTER <= now);
        if is_late && !self.sent.is_pinged() {
            self.lag.request_now(now);
        }
    }

    /// Whether a `/ping` has had no answer for [`STALL_TIMEOUT`], and nothing else has come in this time.
    pub fn is_stalled(&self, now: Duration) -> bool {
        let since = self.lag.waiting_since().map(|since| since.max(self.heard_at));
        self.status == ConnectionStatus::Connected && since.is_some_and(|since| since + STALL_TIMEOUT <= now)
    }

    /// Tells at the end how many lines may not have arrived.
    pub fn tell_unconfirmed(&mut self) {
        match self.sent.unconfirmed() {
            Some((1, _)) => self.show_local("The last line was perhaps not delivered."),
            Some((count, _)) => self.show_local(&format!("The last {count} lines were perhaps not delivered.")),
            None => {}
        }
    }

    /// Sends a `/ping` if one is due; its answer confirms all lines sent before.
    fn send_ping(&mut self, now: Duration) {
        if self.session.stage() == LoginStage::LoggedIn
            && let Some(line) = self.lag.take_ping(now)
        {
            self.sent.pinged();
            self.outgoing.push(line);
        }
    }

    /// Starts a new session on a new connection.
    pub fn connected(&mut self, now: Duration) {
        let again = self.session.name().is_some();
        let passwords = std::mem::take(&mut self.login.passwords);
        // The member of an account can have another nickname; its password belongs to the name of the account.
        let name = passwords.account_name().or(self.session.name()).map(str::to_owned).or_else(|| self.nick.clone());
        self.text.reconnected();
        self.session.reconnected();
        self.outgoing.clear();
        self.update_editor();
        self.login = LoginFlow::new(name, again, now).with_passwords(passwords.reconnected());
        self.resume = self.resume.reconnected();
        self.typing_name = false;
        self.lag.reset();
        self.status = ConnectionStatus::Connected;
        self.up_since = now;
        self.sent_at = None;
        self.silent_at = Some(now + SILENCE);
    }

    /// Records that a connection could not be made.
    pub fn connect_failed(&mut self, why: String, now: Duration) {
        self.status = ConnectionStatus::WaitingToRetry { retry_at: now + self.backoff.next(), why };
    }

    /// Records that the server closed the connection, or that it broke.
    pub fn connection_lost(&mut self, error: Option<&io::Error>, now: Duration) {
        self.prompt.clear();
        self.outgoing.clear();
        self.secret.iter_mut().for_each(secret_commands::SecretCommand::lose);
        (self.expects_room, self.expects_topic) = (false, false);
        let requested = !self.session.is_chinwag() && self.sent_at.is_some_and(|at| now <= at + REQUESTED_CLOSE);
        let why = error.map_or_else(|| "the server closed it".to_owned(), plain_words);
        let reason = self.session.close_reason().or(self.text.close_reason());
        self.status = match reason {
            _ if matches!(self.status, ConnectionStatus::Leaving { .. } | ConnectionStatus::Ended) => {
                ConnectionStatus::Ended
            }
            Some(CloseReason::Goodbye) => ConnectionStatus::Ended,
            None if error.is_none() && requested => ConnectionStatus::Ended,
            None | Some(CloseReason::ShuttingDown) => {
                if now >= self.up_since + GOOD_CONNECTION {
                    self.backoff.reset();
                }
                let kept = if self.input.is_hidden() { "" } else { " What you type is kept until it is back." };
                self.show_local(&format!("The connection is lost: {why}.{kept}"));
                ConnectionStatus::WaitingToRetry { retry_at: now + self.backoff.next(), why }
            }
            Some(_) => {
                self.show_local("The server closed the connection. Enter tries again, Ctrl-D leaves.");
                ConnectionStatus::Stopped
            }
        };
    }

    /// Leaves: lines already queued are still sent, and answers of the server are shown.
    pub fn leave(&mut self, now: Duration) {
        self.status = match self.status {
            ConnectionStatus::Connected => ConnectionStatus::Leaving { until: now + CLOSE_TIMEOUT },
            _ => ConnectionStatus::Ended,
        };
    }

    /// Ends at once.
    pub fn end(&mut self) {
        self.status = ConnectionStatus::Ended;
    }

    /// Shows a message of the client itself.
    pub fn show_local(&mut self, text: &str) {
        self.show_line(format::client_message(text));
    }

    /// Shows a line in the view on the screen.
    fn show_line(&mut self, line: StyledLine) {
        self.show_line_in(self.views.active().1.id, line);
    }

    fn show_line_in(&mut self, view: ViewId, line: StyledLine) {
        self.changes.push_back(ScreenChange::Line(view, line));
    }

    /// Takes an unfinished line as a prompt: nothing followed it for a while, so the server waits for an answer.
    pub fn show_prompt(&mut self, text: String) {
        self.silent_at = None;
        if !self.text.is_json() {
            let given = self.login.answer_prompt(&self.session);
            self.outgoing.extend(given);
            self.prompt = cut(&text, MAX_PROMPT).to_owned();
        }
    }
}
