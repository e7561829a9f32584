//! Decides what the client does about keys, lines and connection changes.
//!
//! It knows neither terminal nor socket: the event loop calls it, passes the time as a parameter, and carries out what
//! it asks for.

mod hearing;
mod password;
mod typing;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::protocol::backoff::Backoff;
use super::protocol::entry::LoginFlow;
use super::protocol::lag::Lag;
use super::protocol::missed::SeenMessages;
use super::protocol::session::{CloseReason, LoginStage, Session};
use super::settings::Settings;
use super::ui::format;
use crate::terminal::input::completion::Completer;
use crate::terminal::input::editor::Editor;
use crate::terminal::input::grapheme::cut;
use crate::terminal::input::input_history::InputHistory;
use crate::terminal::input::paste::Paste;
use crate::terminal::screen::text::StyledLine;
use crate::util::io_error::plain_words;

/// How long the server may take to close the connection after we have shut down writing.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// If a server that is not chinwag closes the connection within this time after one of our lines, that line asked
/// for it.
const REQUESTED_CLOSE: Duration = Duration::from_secs(2);

/// A connection that lasted this long resets the delay before the next attempt.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);

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

/// What a key asks the event loop to do with the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalRequest {
    Nothing,
    Redraw,
    Suspend,
    Scroll { back: bool },
}

/// The client's state without terminal and socket.
pub struct App {
    pub editor: Editor,
    /// The editor of messages, while the other one is for a password; see [`App::is_typing_hidden`].
    message_editor: Option<Editor>,
    input_history: InputHistory,
    completer: Completer,
    /// A paste of many lines that waits for the user's confirmation.
    paste: Option<Paste>,
    /// Whether the last key was Ctrl-C.
    interrupted: bool,
    session: Session,
    login: LoginFlow,
    known: SeenMessages,
    /// The history that the server sends after a reconnect, while it is collected.
    collected: Option<Vec<String>>,
    collected_bytes: usize,
    /// The number of our lines that the server has processed once it answers the current `/ping`.
    ping_sent_count: u64,
    /// Whispers that we have sent, and how many of them the answer to the current `/ping` confirms. After a reconnect
    /// the others are reported as possibly not delivered.
    whispers: Vec<String>,
    ping_whispers: usize,
    /// Whether the messages that come now are the history that is shown on entering a room.
    entering_room: bool,
    in_history: bool,
    lag: Lag,
    backoff: Backoff,
    status: ConnectionStatus,
    /// When this connection was made, and when we last sent a line on it.
    up_since: Duration,
    sent_at: Option<Duration>,
    nick: Option<String>,
    bell: bool,
    ring: bool,
    /// The input line as it was when the server asked for a nickname again.
    draft: Option<String>,
    /// Whether the input on this connection is already meant as a nickname.
    typing_name: bool,
    outgoing: Vec<String>,
    lines: VecDeque<StyledLine>,
    /// The unfinished line of a server that seems to wait for an answer.
    prompt: String,
}

impl App {
    /// Creates the state of a client that is not connected yet.
    pub fn new(settings: &Settings, now: Duration) -> Self {
        App {
            editor: Editor::default(),
            message_editor: None,
            input_history: InputHistory::default(),
            completer: Completer::default(),
            paste: None,
            interrupted: false,
            session: Session::default(),
            login: LoginFlow::new(settings.nick.clone(), false, now).with_passwords(settings.passwords()),
            known: SeenMessages::default(),
            collected: None,
            collected_bytes: 0,
            ping_sent_count: 0,
            whispers: Vec::new(),
            ping_whispers: 0,
            entering_room: false,
            in_history: false,
            lag: Lag::default(),
            backoff: Backoff::default(),
            status: ConnectionStatus::Connecting,
            up_since: now,
            sent_at: None,
            nick: settings.nick.clone(),
            bell: settings.bell,
            ring: false,
            draft: None,
            typing_name: false,
            outgoing: Vec::new(),
            lines: VecDeque::new(),
            prompt: String::new(),
        }
    }

    pub fn status(&self) -> &ConnectionStatus {
        &self.status
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the measured response time of the server.
    pub fn lag(&self) -> &Lag {
        &self.lag
    }

    /// Returns the unfinished line that is shown before the input, or an empty text.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// Returns how many pasted lines wait for the user's confirmation.
    pub fn unconfirmed_lines(&self) -> Option<usize> {
        self.paste.as_ref().filter(|_| !self.is_typing_hidden()).map(|paste| paste.lines_to_send(&self.editor))
    }

    /// Takes the lines to send.
    pub fn take_outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outgoing)
    }

    /// Takes the lines to show.
    pub fn take_lines(&mut self) -> impl Iterator<Item = StyledLine> {
        self.lines.drain(..)
    }

    /// Takes the request to ring the bell.
    pub fn take_bell(&mut self) -> bool {
        std::mem::take(&mut self.ring) && self.bell
    }

    /// When [`App::run_timers`] must be called next.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        match self.status {
            // The remaining seconds are shown.
            ConnectionStatus::WaitingToRetry { retry_at, .. } => Some(retry_at.min(now + Duration::from_secs(1))),
            ConnectionStatus::Leaving { until } => Some(until),
            ConnectionStatus::Connected => [self.login.deadline(), self.lag.deadline(now)].into_iter().flatten().min(),
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
                let due = self.login.take_due_line(&self.session, now);
                self.outgoing.extend(due);
                self.send_ping(now);
            }
            _ => {}
        }
    }

    /// Sends a `/ping` if one is due; its answer confirms all lines sent before.
    fn send_ping(&mut self, now: Duration) {
        if self.session.is_chinwag()
            && self.session.stage() == LoginStage::LoggedIn
            && let Some(line) = self.lag.take_ping(now)
        {
            self.ping_sent_count = self.known.sent_count();
            self.ping_whispers = self.whispers.len();
            self.outgoing.push(line);
        }
    }

    /// Starts a new session on a new connection.
    pub fn connected(&mut self, now: Duration) {
        let again = self.session.name().is_some();
        let passwords = std::mem::take(&mut self.login.passwords);
        // The member of an account can have another nickname; its password belongs to the name of the account.
        let name = passwords.account_name().or(self.session.name()).map(str::to_owned).or_else(|| self.nick.clone());
        self.session.reconnected();
        self.update_editor();
        self.login = LoginFlow::new(name, again, now).with_passwords(passwords.reconnected());
        self.collected = again.then(Vec::new);
        self.collected_bytes = 0;
        self.in_history = false;
        self.typing_name = false;
        self.lag.reset();
        self.status = ConnectionStatus::Connected;
        self.up_since = now;
        self.sent_at = None;
    }

    /// Records that a connection could not be made.
    pub fn connect_failed(&mut self, why: String, now: Duration) {
        self.status = ConnectionStatus::WaitingToRetry { retry_at: now + self.backoff.next(), why };
    }

    /// Records that the server closed the connection, or that it broke.
    pub fn connection_lost(&mut self, error: Option<&io::Error>, now: Duration) {
        self.prompt.clear();
        self.outgoing.clear();
        let requested = !self.session.is_chinwag() && self.sent_at.is_some_and(|at| now <= at + REQUESTED_CLOSE);
        let why = error.map_or_else(|| "the server closed it".to_owned(), plain_words);
        self.status = match self.session.close_reason() {
            _ if matches!(self.status, ConnectionStatus::Leaving { .. }) => ConnectionStatus::Ended,
            Some(CloseReason::Goodbye) => ConnectionStatus::Ended,
            None if error.is_none() && requested => ConnectionStatus::Ended,
            None | Some(CloseReason::ShuttingDown) => {
                if now >= self.up_since + GOOD_CONNECTION {
                    self.backoff.reset();
                }
                let kept = if self.is_typing_hidden() { "" } else { " What you type is kept until it is back." };
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
        self.lines.push_back(format::client_message(text));
    }

    /// Takes an unfinished line as a prompt: nothing followed it for a while, so the server waits for an answer.
    pub fn show_prompt(&mut self, text: String) {
        let given = self.login.answer_prompt(&self.session);
        self.outgoing.extend(given);
        self.prompt = cut(&text, MAX_PROMPT).to_owned();
    }
}
