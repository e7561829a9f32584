//! The operator's lines.

use crate::chat::{MessageKind, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::phrases::{clock, split};
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// Runs a line of the operator; members who must leave do so when the server reports it.
    pub fn operate(&mut self, line: &str, now: Now) {
        let (word, rest) = split(line);
        let arg = rest.trim();
        match word {
            "/rooms" => {
                let list = self.list_of_rooms(OPERATOR, false);
                self.send_to_console(&list);
            }
            "/shutdown" => self.ending = true,
            // The world gives the server the new settings.
            "/reload" => {}
            word if Self::is_moderation(word) => self.moderate(OPERATOR, word, rest, now),
            _ if word.starts_with('@') => {
                let name = self.addressee(&word[1..]);
                let Some(target) = self.recipient(name) else {
                    return self.send_to_console(&format!("! Nobody here is called {name}."));
                };
                let to = self.members[target].name.clone();
                self.begin_console_day(now);
                self.send_to_console(&format!("{} you -> {to}: {rest}", clock(now)));
                self.hear_whisper(target, OPERATOR, "server", (MessageKind::Said, rest), now);
                if let Some(line) = self.away_line(target, now) {
                    self.send_to_console(&line);
                }
            }
            "/mod" if self.has_following() => self.change_moderator(true, arg, now),
            "/unmod" if self.has_following() => self.change_moderator(false, arg, now),
            "/mod" | "/unmod" => self.send_to_console(&format!("! There is no command {word}. /help lists them.")),
            "/unregister" if self.has_following() => self.remove_account(arg, now),
            word if self.govern(OPERATOR, word, arg, now) => {}
            "/me" => match self.room_argument(OPERATOR, rest) {
                Ok((room, text)) => {
                    self.propose(Proposed::Say {
                        author: OPERATOR,
                        room,
                        kind: MessageKind::Action,
                        text: text.into(),
                    });
                }
                Err(refusal) => self.send_to_console(&refusal),
            },
            _ if line.starts_with('#') => match self.parse_hash(OPERATOR, line) {
                Ok((room, text)) => {
                    self.propose(Proposed::Say { author: OPERATOR, room, kind: MessageKind::Said, text: text.into() });
                }
                Err(refusal) => self.send_to_console(&refusal),
            },
            _ => self.propose(Proposed::Say { author: OPERATOR, room: 0, kind: MessageKind::Said, text: line.into() }),
        }
    }

    /// Runs a command about a room or its members that members and the operator have; returns whether it is one.
    pub(super) fn govern(&mut self, by: usize, word: &str, arg: &str, now: Now) -> bool {
        let known = ["/room", "/invite", "/op", "/deop", "/voice", "/devoice", "/delete", "/topic", "/whois"];
        if !known.contains(&word) {
            return false;
        }
        match word {
            _ if !self.has_following() => {
                self.answer_to(by, &format!("! There is no command {word}. /help lists them."));
            }
            "/room" => self.room_command(by, arg, now),
            "/invite" => self.invite(by, arg, now),
            "/delete" => self.delete(by, arg, now),
            "/topic" => self.topic(by, arg, now),
            "/whois" => {
                let answer = self.whois(by, arg, now);
                self.answer_to(by, &answer);
            }
            word => self.change_role(by, word, arg, now),
        }
        true
    }
}
