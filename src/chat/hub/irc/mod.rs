//! Commands of IRC: what each leads to. Sources: <https://modern.ircdocs.horse/>, <https://ircv3.net/irc/>.
//!
//! A command that changes what others see proposes a change, as a line of another encoding does. Its answers are numerics
//! (`reply.rs`). One file for each group of commands.

pub(super) mod channels;
mod commands;
mod help;
pub(super) mod history;
mod label;
mod members;
mod messages;
mod news;
mod operators;
mod registration;
pub(super) mod reply;
pub(super) mod search;
mod server;

use self::commands::COMMANDS;
use super::Hub;
use super::plan::Asker;
use crate::chat::event::Refusal;
use crate::chat::id::{ClientId, Now};
use crate::chat::input::Input;
use crate::chat::irc::message::{self, IrcMessage};

/// One command of a session.
#[derive(Clone, Copy)]
struct Call<'a> {
    id: ClientId,
    message: &'a IrcMessage<'a>,
    now: &'a Now,
}

impl<'a> Call<'a> {
    /// The parameter with this index.
    fn param(&self, index: usize) -> Option<&'a str> {
        self.message.params.get(index).copied()
    }

    /// As [`Call::param`]; an empty text if it is missing.
    fn text(&self, index: usize) -> &'a str {
        self.param(index).unwrap_or_default()
    }
}

impl Hub {
    /// Processes a line of an IRC session.
    pub(super) fn irc_line(&mut self, id: ClientId, input: Input, now: &Now) {
        let text = match input {
            Input::Line(text) => text,
            // A NOTICE is never answered: RFC 2812, section 3.3.2.
            Input::TooLong { command } | Input::NotUtf8 { command }
                if command.is_some_and(|command| command.eq_ignore_ascii_case("NOTICE")) =>
            {
                return;
            }
            Input::TooLong { .. } => {
                let most = self.config.max_line;
                return self.fanout().refuse(id, Refusal::TooLong { most });
            }
            Input::NotUtf8 { command } => {
                let text = "The line is not UTF-8, and was not processed";
                return self.fail(id, command.unwrap_or("*"), "INVALID_UTF8", &[], text);
            }
            Input::SeveralLines => {
                let text = "A message of a WebSocket has one line; this one was not processed";
                return self.fail(id, "*", "SEVERAL_LINES", &[], text);
            }
        };
        let Some(parsed) = message::parse(text) else { return };
        self.begin_label(id, &parsed);
        self.irc_command(Call { id, message: &parsed, now });
        self.end_command(id);
    }

    fn irc_command(&mut self, call: Call) {
        let Call { id, message, .. } = call;
        let Some(session) = self.sessions.get(id) else { return };
        let is_registered = session.member.is_some();
        let found = COMMANDS.iter().find(|command| command.name.eq_ignore_ascii_case(message.command));
        let Some(command) = found else {
            return match is_registered {
                true => self.numeric(id, 421, &[message.command], "Unknown command"),
                false => self.numeric(id, 451, &[], "You have not registered"),
            };
        };
        if let Some(irc) = self.sessions.irc_mut(id) {
            irc.unfinished_mut().command = command.name;
        }
        if !is_registered && !command.early {
            return self.numeric(id, 451, &[], "You have not registered");
        }
        if message.params.len() < command.params {
            return self.numeric(id, 461, &[command.name], "Not enough parameters");
        }
        if matches!(command.name, "PRIVMSG" | "NOTICE")
            && let Some(irc) = self.sessions.irc_mut(id)
        {
            irc.note_spoken(call.now.micros());
        }
        (command.run)(self, &call);
    }

    /// The member of a session that gives a command, which is registered.
    fn caller(&self, call: &Call) -> Option<Asker> {
        let slot = self.sessions.get(call.id)?.member?;
        Some(self.asker(call.id, slot))
    }
}
