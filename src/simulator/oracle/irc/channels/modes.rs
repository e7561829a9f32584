//! MODE of channels.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::rooms::rules::Value;

/// The changes that a member makes in a room with one MODE, which are shown in one line.
pub struct ModeChanges {
    by: usize,
    pub(in crate::simulator::oracle::irc) room: usize,
    /// Each with its sign, its letter and its parameter, such as `+o bob`.
    shown: Vec<String>,
}

/// The changes in the parameters of MODE, each as a line of its own has it.
fn read_modes(params: &[String]) -> Vec<String> {
    let (mut sign, mut params, mut changes) = ('+', params.iter(), Vec::new());
    for letter in params.next().into_iter().flat_map(|letters| letters.chars()) {
        match letter {
            '+' | '-' => sign = letter,
            'o' | 'v' | 'k' => {
                changes.push(format!("{sign}{letter} {}", params.next().map_or("", |param| param)).trim_end().into())
            }
            'l' if sign == '+' => changes.push(format!("+l {}", params.next().map_or("", |param| param))),
            _ => changes.push(format!("{sign}{letter}")),
        }
    }
    changes
}

/// Changes with the signs that they share, and their parameters behind them.
fn joined(changes: &[String]) -> String {
    let (mut letters, mut sign, mut params) = (String::new(), "", Vec::new());
    for change in changes {
        let (mode, param) = change.split_once(' ').map_or((&**change, None), |(mode, param)| (mode, Some(param)));
        if mode[..1] != *sign {
            letters += &mode[..1];
        }
        sign = &mode[..1];
        letters += &mode[1..];
        params.extend(param);
    }
    params.into_iter().fold(letters, |line, param| format!("{line} {param}"))
}

impl Oracle {
    /// MODE of a channel. Each change is made when the one before it is committed.
    pub(in crate::simulator::oracle::irc) fn irc_mode(
        &mut self,
        who: usize,
        member: usize,
        room: usize,
        params: &[String],
        now: Now,
    ) {
        if params.is_empty() {
            return self.show_modes(who, member, room);
        }
        if !self.delayed {
            self.irc_modes.get_or_insert(ModeChanges { by: member, room, shown: Vec::new() });
        }
        let changes = read_modes(params);
        if changes.len() > 1 {
            let channel = self.room_name(room);
            self.irc_rest.extend(changes.iter().map(|change| (who, format!("MODE #{channel} {change}"))));
            return self.irc_continue(now);
        }
        let Some(mode) = changes.first().map(|change| change.split(' ').next().unwrap_or_default()) else { return };
        let (given, letter) = (mode.starts_with('+'), &mode[1..]);
        if !["o", "v", "i", "m", "s", "t", "k", "l"].contains(&letter) {
            return self.irc_numeric(who, 472, &format!("{letter} :is unknown mode char to me"));
        }
        if let Some(refusal) = self.permit(member, Rank::RoomOperator, Some(room)) {
            // The others are not tried.
            self.irc_rest.clear();
            return self.send_line(who, &refusal);
        }
        let param = params.get(1).cloned().unwrap_or_default();
        if matches!(letter, "o" | "v") {
            let Some(target) = self.find(&param) else {
                return self.send_line(who, &format!("! Nobody here is called {param}."));
            };
            let role = letter == "o";
            return self.propose_or_refuse(Proposed::Role { by: member, who: target, room, role, given }, now);
        }
        let (setting, value) = match letter {
            "i" => ("invite-only", Value::On),
            "m" => ("moderated", Value::On),
            "s" => ("secret", Value::On),
            "t" => ("topic-lock", Value::On),
            "k" => ("key", Value::Word(param)),
            _ if given => ("limit", Value::Number(param.parse().expect("a number"))),
            _ => ("limit", Value::On),
        };
        let value = Some(value).filter(|_| given);
        self.propose_or_refuse(Proposed::Set { by: member, room, setting, value }, now);
    }

    /// Notes a change that is shown with the others of its MODE; returns whether it is one of them.
    pub(in crate::simulator::oracle::irc) fn note_mode_change(&mut self, by: usize, room: usize, change: &str) -> bool {
        let changes = self.irc_modes.as_mut().filter(|changes| (changes.by, changes.room) == (by, room));
        changes.map(|changes| changes.shown.push(change.into())).is_some()
    }

    /// Shows the changes of a MODE, unless the room is gone.
    pub(in crate::simulator::oracle::irc) fn show_mode_changes(&mut self, now: Now) {
        let Some(ModeChanges { by, room, shown }) = self.irc_modes.take() else { return };
        if !shown.is_empty() && self.rooms[room].is_some() {
            self.counts.irc_joined_modes += usize::from(shown.len() > 1);
            self.irc_act(by, room, "MODE", &joined(&shown), now);
        }
    }

    fn show_modes(&mut self, who: usize, member: usize, room: usize) {
        let settings = &self.rules_of(room).settings;
        let letters = [
            ("invite-only", 'i'),
            ("key", 'k'),
            ("limit", 'l'),
            ("moderated", 'm'),
            ("", 'n'),
            ("secret", 's'),
            ("topic-lock", 't'),
        ];
        let is_on = |name: &str| name.is_empty() || settings.contains_key(name);
        let mut shown: String = letters.iter().filter(|(name, _)| is_on(name)).map(|&(_, letter)| letter).collect();
        if let Some(Value::Word(key)) = settings.get("key") {
            let shows = self.rank(member, Some(room)) >= Rank::RoomOperator;
            shown += &format!(" {}", if shows { key } else { "*" });
        }
        if let Some(Value::Number(most)) = settings.get("limit") {
            shown += &format!(" {most}");
        }
        let (channel, created) = (format!("#{}", self.room_name(room)), self.room(room).created);
        self.irc_numeric(who, 324, &format!("{channel} +{shown}"));
        if let Some(at) = created {
            self.irc_numeric(who, 329, &format!("{channel} {at}"));
        }
    }
}
