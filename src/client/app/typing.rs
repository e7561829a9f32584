//! Handles keys and pastes.

use super::routing::{Place, RoutedLine};
use super::secret_commands::SecretCommand;
use super::view_commands::{WORDS, is_view_command};
use super::{App, ConnectionStatus};
use crate::chat::command::{self, Command, Typist, is_blank};
use crate::chat::{Now, Role};
use crate::client::protocol::session::LoginStage;
use crate::client::ui::format;
use crate::terminal::input::completion::Candidates;
use crate::terminal::input::keys::KeyAction;
use crate::terminal::input::line_input::{LineRequest, TerminalRequest};

impl App {
    /// Handles a key; returns what it asks for the terminal.
    pub fn press_key(&mut self, action: KeyAction, now: Now) -> Option<TerminalRequest> {
        if let KeyAction::Edit(_) = action {
            self.login.passwords.cancel_retry();
        }
        if self.secret.is_some() && matches!(action, KeyAction::Escape | KeyAction::Interrupt) {
            self.give_up_secret();
            return None;
        }
        match self.input.press(action) {
            LineRequest::Nothing => {}
            LineRequest::Submit if self.secret.is_some() => self.submit_secret(now),
            LineRequest::Submit if self.input.is_hidden() => self.submit_password(now),
            LineRequest::Submit => self.submit(now),
            LineRequest::Complete { back } => self.complete(back),
            LineRequest::SendPaste => {
                if self.can_say_several() {
                    self.send_paste(now);
                }
            }
            LineRequest::Leave => self.leave(now.at),
            LineRequest::Select(number) => self.select_number(number),
            LineRequest::Terminal(request) => return Some(request),
        }
        None
    }

    fn complete(&mut self, back: bool) {
        let role = if self.session.is_moderator() { Role::Moderator } else { Role::User };
        let commands: Vec<&str> = command::words(Typist { role, is_console: false }).chain(WORDS).collect();
        let candidates =
            Candidates { names: &self.session.names(), rooms: &self.session.known_rooms(), commands: &commands };
        self.input.complete(back, &candidates);
    }

    /// Handles a paste.
    pub fn paste_text(&mut self, text: &str, now: Now) {
        self.login.passwords.cancel_retry();
        if self.input.paste(text) > 0 && !self.can_say_several() {
            // The reason has been shown.
            self.input.drop_paste();
        } else if !self.input.needs_confirmation() {
            self.send_paste(now);
        }
    }

    fn send_paste(&mut self, now: Now) {
        let pasted = self.input.apply_paste(self.text.is_json() || self.text.is_chinwag());
        if !pasted.is_whole {
            self.show_local("The pasted text does not fit into the input line (64 KiB at most).");
        }
        pasted.lines.iter().for_each(|line| self.send(line, now));
    }

    /// Whether the server would handle a submitted line as the user means it.
    fn can_say(&self) -> bool {
        let is_ready = match self.session.stage() {
            // A server that was chinwag is waited for, unless another one has its place.
            LoginStage::Unknown => {
                self.text.is_text() || !self.text.is_waiting_for_json() && !self.session.is_chinwag()
            }
            LoginStage::LoggedIn => self.login.is_over(),
            // The password is sent without asking the user.
            LoginStage::PasswordDue(_) => false,
            LoginStage::Asked | LoginStage::Queued(_) => true,
        };
        self.status == ConnectionStatus::Connected && is_ready
    }

    /// Whether several lines would be sent as messages and none taken as a nickname; if not, shows why.
    fn can_say_several(&mut self) -> bool {
        if self.input.is_hidden() {
            self.show_local("A password is one line: paste it without line ends.");
            return false;
        }
        let is_in = self.text.is_text() || !self.session.is_chinwag() || self.session.stage() == LoginStage::LoggedIn;
        let why = match self.can_say() {
            true if is_in => return true,
            true => "Not logged in yet: several lines can be pasted after the login.",
            false => "Not connected: several lines can be pasted once the connection is back.",
        };
        self.show_local(why);
        false
    }

    fn submit(&mut self, now: Now) {
        self.prompt.clear();
        let is_chinwag = self.session.is_chinwag() && !self.text.is_text();
        let is_command = self.session.stage() != LoginStage::Asked && is_chinwag;
        match self.status {
            ConnectionStatus::WaitingToRetry { .. } | ConnectionStatus::Stopped if self.input.is_empty() => {
                self.status = ConnectionStatus::Connecting
            }
            _ if is_command && is_view_command(self.input.text()) => {
                let line = self.input.take();
                self.remember(&line);
                self.run_view_command(&line);
            }
            _ if !self.can_say() => {
                let what = if self.status == ConnectionStatus::Connected { "Not ready yet" } else { "Not connected" };
                self.show_local(&format!(
                    "{what}: your line is kept here; Ctrl-C clears it, Ctrl-D on an empty line leaves."
                ));
            }
            _ if is_chinwag
                && self.session.stage() == LoginStage::LoggedIn
                && let Some(command) = SecretCommand::parse(self.input.text()) =>
            {
                self.begin_secret(command)
            }
            _ => {
                let line = self.input.take();
                if self.session.stage() == LoginStage::Asked {
                    self.login.cancel_name();
                } else {
                    self.remember(&line);
                }
                self.send(&line, now);
            }
        }
    }

    pub(super) fn send(&mut self, line: &str, now: Now) {
        self.sent_at = Some(now.at);
        if !self.text.is_json() {
            return self.send_text(line);
        }
        if is_blank(line) {
            return;
        }
        self.login.passwords.record_command(line);
        if self.session.stage() != LoginStage::LoggedIn {
            return self.outgoing.push(line.to_owned());
        }
        let place =
            Place { view: &self.views.active().1.target, session: &self.session, whisperer: self.whisperer.as_deref() };
        match place.route(line) {
            Ok(RoutedLine { line: routed, said }) => {
                if let Some((to, text)) = said {
                    self.sent.push(line, to, &text, now.at);
                    self.lag.request(now.at);
                }
                let routed = routed.into_owned();
                self.record_request(&Command::parse(&routed));
                self.outgoing.push(routed);
            }
            Err(why) => self.show_local(why),
        }
        self.run_timers(now.at);
    }

    /// Remembers what is asked of the server, to know its answer.
    fn record_request(&mut self, command: &Command) {
        self.resume.record_key(command, self.session.room());
        match command {
            Command::Join(_) | Command::Leave => self.expects_room = true,
            // `/topic` or `/topic #room`
            Command::Topic(rest) => {
                self.expects_topic = rest.is_empty() || rest.starts_with('#') && !rest.contains(' ')
            }
            _ => {}
        }
    }

    /// Sends a line to a server that does not speak JSON.
    fn send_text(&mut self, line: &str) {
        if let Some(text) = self.text.echo_of(line) {
            self.show_line(format::own_text(text));
        }
        self.outgoing.push(line.to_owned());
    }
}
