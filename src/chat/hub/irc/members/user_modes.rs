//! MODE with a nickname: `i` (invisible), `B` (a program), `o` (an operator of the server).

use crate::chat::change::Change;
use crate::chat::event::{IrcLine, Sender};
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::plan::Asker;
use crate::chat::member::Role;
use crate::chat::session::irc::Caps;

impl Hub {
    /// MODE of the member itself; that of others is neither shown nor changed.
    pub(in crate::chat::hub::irc) fn user_mode(&mut self, asker: Asker, call: &Call) {
        let nick = call.text(0);
        match self.shared.members.find(nick) {
            Some(member) if member == asker.member => {}
            Some(_) => return self.numeric(asker.id, 502, &[], "Can't change mode for other users"),
            None => {
                let nick = if nick.is_empty() || nick.contains(' ') { "*" } else { nick };
                return self.numeric(asker.id, 401, &[nick], "No such nick/channel");
            }
        }
        match call.param(1) {
            Some(modes) => self.change_user_modes(asker, modes, call),
            None => {
                let modes = self.user_modes(asker);
                self.numeric_without_text(asker.id, 221, &[&modes]);
            }
        }
    }

    /// The modes that are on, such as `+io`.
    fn user_modes(&self, asker: Asker) -> String {
        let member = &self.shared.members[asker.member.slot];
        let is_invisible = self.has_mode_i(asker);
        let flags = [
            (self.shared.members.is_bot(asker.member.slot), 'B'),
            (is_invisible, 'i'),
            (member.role() == Role::Operator, 'o'),
        ];
        let letters: String = flags.iter().filter(|(is_on, _)| *is_on).map(|&(_, letter)| letter).collect();
        format!("+{letters}")
    }

    /// Whether the user mode `i` of a session is on, or in a cluster that of its member.
    fn has_mode_i(&self, asker: Asker) -> bool {
        match self.is_node() {
            true => self.is_invisible(asker.member.slot),
            false => self.sessions.irc(asker.id).is_some_and(|irc| irc.caps.contains(Caps::INVISIBLE)),
        }
    }

    fn change_user_modes(&mut self, asker: Asker, modes: &str, call: &Call) {
        let member = asker.member;
        let (mut on, mut is_unknown, mut gives_up) = (true, false, false);
        let is_invisible = self.has_mode_i(asker);
        let is_bot = self.shared.members.is_bot(member.slot);
        let (mut invisible, mut bot) = (is_invisible, is_bot);
        for letter in modes.chars() {
            match letter {
                '+' | '-' => on = letter == '+',
                'i' => invisible = on,
                'B' => bot = on,
                // Only OPER gives it.
                'o' => gives_up |= !on,
                _ => is_unknown = true,
            }
        }
        if is_unknown {
            self.numeric(asker.id, 501, &[], "Unknown MODE flag");
        }
        if !self.is_node() {
            self.set_invisible(asker.id, invisible);
        }
        let changed = changed_modes(&[(is_invisible, invisible, 'i'), (is_bot, bot, 'B')]);
        if !changed.is_empty() {
            let nick = self.name_of(member);
            let line = IrcLine::Command {
                from: Sender::Member(&nick),
                command: "MODE",
                in_room: false,
                middle: &[&nick],
                text: Some(&changed),
            };
            self.reply_by(asker.id, member, line, call.now);
        }
        let (new_bot, new_i) = (Some(bot).filter(|bot| *bot != is_bot), Some(invisible).filter(|i| *i != is_invisible));
        let new_i = new_i.filter(|_| self.is_node());
        if new_bot.is_some() || new_i.is_some() {
            let change = Change::SetIdentity { member, real_name: None, bot: new_bot, invisible: new_i };
            self.propose_checked(asker.id, change, call.now);
        }
        if gives_up && self.shared.members[member.slot].has_oper_role() {
            self.propose_checked(asker.id, Change::Operator { member, given: false }, call.now);
        }
    }
}

/// The changes among modes that were on before and are on now, such as `+B-i`.
fn changed_modes(modes: &[(bool, bool, char)]) -> String {
    let with = |sign: char, is_on: bool| {
        let letters = modes.iter().filter(|&&(before, now, _)| before != now && now == is_on);
        let letters: String = letters.map(|&(.., letter)| letter).collect();
        if letters.is_empty() { letters } else { format!("{sign}{letters}") }
    };
    with('+', true) + &with('-', false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_modes_are_shown() {
        assert_eq!(changed_modes(&[(false, true, 'i'), (true, false, 'B')]), "+i-B");
        assert_eq!(changed_modes(&[(true, false, 'i'), (true, false, 'B')]), "-iB");
        assert_eq!(changed_modes(&[(true, true, 'i'), (false, false, 'B')]), "");
    }
}
