//! Asks for the passwords of commands that are typed without them, so that they are not shown.

use super::App;
use crate::chat::Now;
use crate::chat::command::is_blank;

/// The commands that are completed with passwords, and what is asked for.
const COMMANDS: [(&str, &[&str]); 3] = [
    ("/register", &["new password: ", "again: "]),
    ("/password", &["old password: ", "new password: ", "again: "]),
    ("/unregister", &["password: "]),
];

/// A command whose passwords are being typed.
#[derive(Debug)]
pub struct SecretCommand {
    word: &'static str,
    questions: &'static [&'static str],
    given: Vec<String>,
    /// Whether the connection was lost meanwhile. What is typed stays hidden until Enter.
    is_lost: bool,
}

impl SecretCommand {
    /// The command of a line that has no password in it.
    pub fn parse(line: &str) -> Option<Self> {
        let is_meant = |(word, _): &&(&str, _)| word.eq_ignore_ascii_case(line.trim());
        let &(word, questions) = COMMANDS.iter().find(is_meant)?;
        Some(SecretCommand { word, questions, given: Vec::new(), is_lost: false })
    }

    /// What is asked for now.
    pub fn question(&self) -> &'static str {
        self.questions[self.given.len()]
    }

    /// Gives the command up at the next Enter.
    pub fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Takes the next password; returns the line to send once all are there, or an error if the last two differ.
    fn give(&mut self, password: String) -> Option<Result<String, &'static str>> {
        self.given.push(password);
        if self.given.len() < self.questions.len() {
            return None;
        }
        let is_repeated = self.questions.last() == Some(&"again: ");
        if is_repeated && self.given.pop() != self.given.last().cloned() {
            return Some(Err("The two passwords differ: nothing was sent."));
        }
        Some(Ok(format!("{} {}", self.word, self.given.join(" "))))
    }
}

impl App {
    /// Begins to ask for the passwords of a command.
    pub(super) fn begin_secret(&mut self, command: SecretCommand) {
        self.input.take();
        self.input.hide();
        self.secret = Some(command);
    }

    /// Handles a password that was typed for a command; an empty one gives the command up, as Escape and Ctrl-C do.
    pub(super) fn submit_secret(&mut self, now: Now) {
        if is_blank(self.input.text()) || self.secret.as_ref().is_some_and(|command| command.is_lost) {
            return self.give_up_secret();
        }
        let password = self.input.take();
        let given = self.secret.as_mut().and_then(|command| command.give(password));
        let Some(line) = given else { return };
        self.secret = None;
        self.input.reveal();
        match line {
            Ok(line) => self.send(&line, now),
            Err(why) => self.show_local(why),
        }
    }

    /// Gives up a command whose passwords are being typed.
    pub(super) fn give_up_secret(&mut self) {
        self.input.take();
        self.input.reveal();
        if let Some(SecretCommand { word, is_lost, .. }) = self.secret.take() {
            let why = if is_lost { ", since the connection was lost" } else { "" };
            self.show_local(&format!("{word} was given up{why}."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_collected_until_the_command_is_complete() {
        let mut command = SecretCommand::parse(" /PASSWORD ").unwrap();
        for (question, password, line) in [
            ("old password: ", "one", None),
            ("new password: ", "two", None),
            ("again: ", "two", Some(Ok("/password one two".to_owned()))),
        ] {
            assert_eq!((command.question(), command.give(password.into())), (question, line));
        }
        let mut command = SecretCommand::parse("/register").unwrap();
        command.give("one".into());
        assert!(command.give("two".into()).unwrap().is_err());
        let mut command = SecretCommand::parse("/unregister").unwrap();
        assert_eq!(command.give("one".into()), Some(Ok("/unregister one".into())));
        assert!(SecretCommand::parse("/register fish").is_none() && SecretCommand::parse("/who").is_none());
    }
}
