//! Keeps the passwords that are sent without asking the user: those of the environment, and those that were typed and
//! right.
//!
//! They are in memory only. Each is sent once on a connection, and forgotten if the server calls it wrong. If the server
//! has not compared it, it is sent again after a wait, unless the user types one.

use std::time::Duration;

use super::event::{RefusedLine, ServerEvent};
use super::session::{LoginStage, PasswordOf, Session};
use crate::chat::Password;
use crate::chat::command::{Command, is_blank};
use crate::chat::policy::nick::fold;

/// A password is sent again after this time if the server was too busy to compare it.
const RETRY: Duration = Duration::from_secs(5);

/// The name of an account and its password.
#[derive(Clone, Debug)]
pub struct AccountPassword {
    pub name: String,
    pub password: Password,
}

/// A password that was sent and that the server has not answered yet.
#[derive(Debug)]
struct Attempt {
    of: PasswordOf,
    /// `None`: it is the stored one.
    typed: Option<Password>,
}

/// A password that was sent in a command.
#[derive(Debug)]
struct CommandPassword {
    /// The account, if the command names it.
    name: Option<String>,
    password: Password,
}

/// The passwords of the server and of one account, and what happened to them on this connection.
#[derive(Debug, Default)]
pub struct Passwords {
    server: Option<Password>,
    account: Option<AccountPassword>,
    /// Whether the session is logged in as that account.
    is_account: bool,
    server_sent: bool,
    account_sent: bool,
    /// The name of the account whose password was asked for last.
    asked_name: String,
    attempt: Option<Attempt>,
    /// When the stored password is sent again.
    retry_at: Option<Duration>,
    command: Option<CommandPassword>,
}

impl Passwords {
    /// The passwords that are known at the start.
    pub fn new(server: Option<Password>, account: Option<AccountPassword>) -> Self {
        Passwords { server, account, ..Passwords::default() }
    }

    /// Begins a new connection: keeps only the passwords.
    pub fn reconnected(self) -> Self {
        Passwords::new(self.server, self.account)
    }

    /// The name of the account that the session is logged in as. It differs from the nickname after `/nick`.
    pub fn account_name(&self) -> Option<&str> {
        self.account.as_ref().filter(|_| self.is_account).map(|account| &*account.name)
    }

    /// When [`Passwords::take_due`] must be called.
    pub fn deadline(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Whether a password was sent and its answer is due.
    pub fn is_checking(&self) -> bool {
        self.attempt.is_some()
    }

    /// Whether the password whose answer is due was sent without asking the user.
    pub fn is_checking_stored(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.typed.is_none())
    }

    /// Handles an event that `session` has already processed; returns the password to send.
    pub fn process_event(&mut self, event: &ServerEvent, session: &Session, now: Duration) -> Option<String> {
        match event {
            ServerEvent::AskPassword { name } => {
                let of = if name.is_some() { PasswordOf::Account } else { PasswordOf::Server };
                // Asked again: what was sent has been answered.
                let is_again = self.attempt.take().is_some();
                if session.stage() != LoginStage::PasswordDue(of) || is_again {
                    return None;
                }
                self.asked_name = name.as_deref().unwrap_or_default().to_owned();
                return self.send_first(of);
            }
            ServerEvent::Ask => self.confirm(PasswordOf::Server),
            ServerEvent::Entered { name, .. } => {
                self.confirm(PasswordOf::Account);
                // After `/nick` with a password the session can become one more of a member that is here already.
                if self.command.as_ref().is_some_and(|command| command.name.is_some()) {
                    self.confirm_command(name);
                }
            }
            ServerEvent::Account { what, name, .. } => self.account_changed(what, name.as_deref()),
            ServerEvent::Refused(refused) => self.refused(refused, session, now),
            _ => {}
        }
        None
    }

    /// Something has happened with our account.
    fn account_changed(&mut self, what: &str, name: Option<&str>) {
        match (what, name) {
            ("registered" | "logged_in", Some(name)) => self.confirm_command(name),
            ("password_changed", _) => {
                let name = self.account_name().map(str::to_owned);
                name.iter().for_each(|name| self.confirm_command(name));
            }
            ("unregistered", Some(name)) if self.account_name().is_some_and(|own| fold(own) == fold(name)) => {
                (self.account, self.is_account) = (None, false);
            }
            _ => {}
        }
    }

    /// Sends the stored password if it has not been sent on this connection.
    fn send_first(&mut self, of: PasswordOf) -> Option<String> {
        let sent = match of {
            PasswordOf::Server => &mut self.server_sent,
            PasswordOf::Account => &mut self.account_sent,
        };
        if *sent {
            return None;
        }
        let password = self.stored(of)?.text().to_owned();
        match of {
            PasswordOf::Server => self.server_sent = true,
            PasswordOf::Account => self.account_sent = true,
        }
        self.attempt = Some(Attempt { of, typed: None });
        Some(password)
    }

    fn stored(&self, of: PasswordOf) -> Option<&Password> {
        let is_asked = |account: &&AccountPassword| fold(&account.name) == fold(&self.asked_name);
        match of {
            PasswordOf::Server => self.server.as_ref(),
            PasswordOf::Account => self.account.as_ref().filter(is_asked).map(|account| &account.password),
        }
    }

    /// Returns the stored password if it must be sent again now.
    pub fn take_due(&mut self, session: &Session, now: Duration) -> Option<String> {
        self.retry_at.take_if(|at| *at <= now)?;
        let LoginStage::PasswordDue(of) = session.stage() else { return None };
        let password = self.stored(of)?.text().to_owned();
        self.attempt = Some(Attempt { of, typed: None });
        Some(password)
    }

    /// Stops sending the stored password again, because the user types one.
    pub fn cancel_retry(&mut self) {
        self.retry_at = None;
    }

    /// Records a password that the user has typed at the prompt for it.
    pub fn record_typed(&mut self, line: &str, session: &Session) {
        if let LoginStage::PasswordDue(of) = session.stage() {
            self.retry_at = None;
            self.attempt = Some(Attempt { of, typed: Some(Password::new(line)) });
        }
    }

    /// Records a password in a command that is sent.
    pub fn record_command(&mut self, line: &str) {
        let command = |name, password| CommandPassword { name, password: Password::new(password) };
        self.command = match password_command(line) {
            Some(Command::Register(password)) => Some(command(None, password)),
            Some(Command::Password(words)) => words.split_whitespace().nth(1).map(|new| command(None, new)),
            Some(Command::Nick(words)) => words
                .trim()
                .split_once(char::is_whitespace)
                .map(|(name, password)| command(Some(name.to_owned()), password)),
            _ => return,
        };
    }

    /// The server has taken the password that was sent.
    fn confirm(&mut self, of: PasswordOf) {
        self.retry_at = None;
        let Some(attempt) = self.attempt.take().filter(|attempt| attempt.of == of) else { return };
        match (of, attempt.typed) {
            (PasswordOf::Server, Some(password)) => self.server = Some(password),
            (PasswordOf::Account, Some(password)) => {
                self.account = Some(AccountPassword { name: self.asked_name.clone(), password });
            }
            (_, None) => {}
        }
        self.is_account |= of == PasswordOf::Account;
    }

    /// The server has taken the password in a command; `name` is the account if the command does not name it.
    fn confirm_command(&mut self, name: &str) {
        if let Some(CommandPassword { name: named, password }) = self.command.take() {
            self.account = Some(AccountPassword { name: named.unwrap_or_else(|| name.to_owned()), password });
            self.is_account = true;
        }
    }

    fn refused(&mut self, refused: &RefusedLine, session: &Session, now: Duration) {
        let LoginStage::PasswordDue(of) = session.stage() else {
            if &*refused.what == "wrong_password" {
                self.command = None;
            }
            return;
        };
        let was_stored = self.is_checking_stored();
        self.attempt = None;
        if !was_stored {
            return;
        }
        match (&*refused.what, of) {
            ("wrong_password", PasswordOf::Server) => self.server = None,
            ("wrong_password", PasswordOf::Account) => self.account = None,
            ("too_many_wrong_passwords", _) => {
                self.retry_at = now.checked_add(Duration::from_secs(refused.seconds.unwrap_or_default()));
            }
            ("too_many_logins" | "passwords_fail", _) => self.retry_at = Some(now + RETRY),
            _ => {}
        }
    }
}

/// Parses a line that is a command with a password in it.
fn password_command(line: &str) -> Option<Command<'_>> {
    let command = Command::parse(line);
    let has_password = match command {
        Command::Register(rest) | Command::Password(rest) | Command::Unregister(rest) => !is_blank(rest),
        Command::Nick(rest) => rest.trim().contains(char::is_whitespace),
        _ => false,
    };
    has_password.then_some(command)
}

/// Whether a line is a command with a password in it.
pub fn has_password(line: &str) -> bool {
    password_command(line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_a_password_are_known() {
        for line in
            ["/register fish", "/password a b", "/password a", "/unregister fish", "/nick alice fish", "/REGISTER x"]
        {
            assert!(has_password(line), "{line}");
        }
        for line in
            ["/register", "/nick alice ", "/me /register x", "register x", "//register x", "/say /register x", ""]
        {
            assert!(!has_password(line), "{line}");
        }
    }

    #[test]
    fn debug_output_has_no_password() {
        let account = AccountPassword { name: "alice".into(), password: Password::new("hunter2") };
        let mut passwords = Passwords::new(Some(Password::new("hunter2")), Some(account));
        passwords.record_command("/register hunter2");
        let mut session = Session::default();
        session.update(&ServerEvent::AskPassword { name: None });
        passwords.record_typed("hunter2", &session);
        assert!(passwords.is_checking());
        assert!(!format!("{passwords:?}").contains("hunter2"));
    }
}
