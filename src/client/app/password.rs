//! Handles keys while the server asks the user for a password.

use super::{App, ConnectionStatus};
use crate::chat::Now;
use crate::chat::command::is_blank;
use crate::client::protocol::passwords::has_password;
use crate::client::protocol::session::{LoginStage, PasswordOf};

impl App {
    /// Whether a password was sent and its answer is due.
    pub fn is_checking_password(&self) -> bool {
        self.login.passwords.is_checking()
    }

    /// Begins or ends the input of a password.
    ///
    /// The text in the input line is not the beginning of the password. If it is a message, it is kept until the login;
    /// behind a typed nickname it may be anything, and is dropped. After the password was asked for, the input stays
    /// hidden until the server asks for something else, also while there is no connection.
    pub(super) fn update_editor(&mut self) {
        let LoginStage::PasswordDue(of) = self.session.stage() else {
            if self.secret.is_none() {
                self.input.reveal();
            }
            return;
        };
        if self.input.is_hidden() || self.login.passwords.is_checking_stored() {
            return;
        }
        let text = self.input.take();
        if self.login.has_name() && !self.typing_name && !text.is_empty() {
            self.draft.get_or_insert(text);
        }
        // What is typed after the password of an account is a nickname again, or the login is done.
        self.typing_name |= of == PasswordOf::Account;
        self.input.hide();
    }

    /// Sends the password that was typed.
    pub(super) fn submit_password(&mut self, now: Now) {
        match self.status {
            ConnectionStatus::WaitingToRetry { .. } | ConnectionStatus::Stopped => {
                self.input.take();
                self.status = ConnectionStatus::Connecting;
            }
            _ if is_blank(self.input.text()) => drop(self.input.take()),
            ConnectionStatus::Connected if self.is_checking_password() => {
                self.show_local("The password is being checked.");
            }
            ConnectionStatus::Connected => {
                let line = self.input.take();
                self.sent_at = Some(now.at);
                self.login.passwords.record_typed(&line, &self.session);
                self.outgoing.push(line);
            }
            _ => {}
        }
    }

    /// Adds a sent line to the input history, but no password.
    pub(super) fn remember(&mut self, line: &str) {
        if has_password(line) {
            self.input.forget_unsent();
        } else {
            self.input.remember(line);
        }
    }
}

#[cfg(test)]
mod tests;
