//! Messages for the members of a room with a role: `@#room`, `+#room`.

use super::Oracle;
use super::events::PRIVATE_ID;
use crate::chat::{MessageKind, Now};
use crate::simulator::oracle::commands::whispers::star;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::clock;

impl Oracle {
    /// Sends a message to the members of a room that are operators or, if `operators` is false, have voice.
    pub(in crate::simulator::oracle) fn say_to_role(
        &mut self,
        author: usize,
        speaker: Option<usize>,
        room: usize,
        operators: bool,
        (kind, text): (MessageKind, &str),
        now: Now,
    ) {
        self.counts.irc_role_messages += 1;
        let must_wait = self.rank(author, Some(room)) < Rank::Voice;
        let holder = self.holder(author);
        let rules = self.rules(room);
        if rules.has("slow") && must_wait {
            rules.spoken.insert(holder, now.at);
        }
        let target = format!("{}#{}", if operators { '@' } else { '+' }, self.room_name(room));
        let name = self.members[author].name.clone();
        let roles = self.rules(room).roles.clone();
        for (holder, role) in roles {
            let found = self.room(room).members.clone().into_iter().find(|&member| self.holder(member) == holder);
            let Some(to) = found.filter(|&to| to != author && (role || !operators)) else { continue };
            if self.is_muted(author, now) || self.ignores_now(to, author) {
                continue;
            }
            self.begin_day(self.members[to].room, now);
            self.members[to].whisperer = Some(author);
            for session in self.sessions(to) {
                match self.is_irc(session) {
                    true => self.irc_message(session, author, &name, &target, kind, text, PRIVATE_ID, now),
                    false => {
                        let line = format!("{} {name} -> you: {}({target}) {text}", clock(now), star(kind));
                        self.send_line(session, &line);
                    }
                }
            }
        }
        for session in self.sessions(author) {
            if self.readers[session].has_cap("echo-message") {
                self.begin_console_day(now);
                self.irc_message(session, author, &name, &target, kind, text, PRIVATE_ID, now);
            } else if Some(session) != speaker && !self.is_irc(session) {
                self.send_line(session, &format!("{} you -> {target}: {text}", clock(now)));
            }
        }
    }
}
