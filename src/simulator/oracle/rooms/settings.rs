//! `/room` and `/invite`.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::split;
use crate::simulator::oracle::rooms::rules::{SETTINGS, Value};
use crate::simulator::oracle::words::OPERATOR;

pub(super) const USAGE: &str =
    "! Usage: /room [key WORD|limit N|slow SECONDS|invite-only|moderated|secret|topic-lock], each with off to end it";

/// The longest key of a room, in bytes.
const MAX_KEY: usize = 64;

/// A setting and its new value; `None` for off.
type NewValue = (&'static str, Option<Value>);

/// Parses the name of a setting and its value.
fn read_setting(text: &str) -> Result<NewValue, String> {
    let (word, value) = split(text);
    let (word, value) = (word.to_lowercase(), value.trim());
    let Some(&name) = SETTINGS.iter().find(|name| **name == word) else { return Err(USAGE.into()) };
    if value.eq_ignore_ascii_case("off") {
        return Ok((name, None));
    }
    let most = match name {
        "limit" => 1_000_000,
        "slow" => 86_400,
        "key" if value.is_empty() => return Err(USAGE.into()),
        "key" if value.len() > MAX_KEY || value.contains(char::is_whitespace) => {
            return Err("! A key is one word of 64 bytes at most.".into());
        }
        "key" => return Ok((name, Some(Value::Word(value.into())))),
        _ if value.is_empty() || value.eq_ignore_ascii_case("on") => return Ok((name, Some(Value::On))),
        _ => return Err(USAGE.into()),
    };
    let number = value.parse().ok().filter(|number| (1..=most).contains(number));
    number.map(|number| (name, Some(Value::Number(number)))).ok_or(USAGE.into())
}

/// The mode that a setting is on IRC, if it is one.
fn mode_of(setting: &str, value: Option<&Value>) -> Option<String> {
    let letter = match setting {
        "key" => 'k',
        "invite-only" => 'i',
        "moderated" => 'm',
        "secret" => 's',
        "topic-lock" => 't',
        "limit" => 'l',
        _ => return None,
    };
    let shown = match value {
        // Not all may see the key.
        _ if letter == 'k' => " *".into(),
        Some(Value::Number(number)) => format!(" {number}"),
        _ => String::new(),
    };
    Some(format!("{}{letter}{shown}", if value.is_some() { '+' } else { '-' }))
}

impl Oracle {
    /// `/room`, `/room [#room] setting value`
    pub(in crate::simulator::oracle) fn room_command(&mut self, by: usize, rest: &str, now: Now) {
        let (room, rest) = match self.governed_room(by, rest) {
            Ok(found) => found,
            Err(refusal) => return self.answer_to(by, &refusal),
        };
        let room = room.unwrap_or(self.current_room(by));
        if rest.is_empty() {
            return self.show_settings(by, room);
        }
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)) {
            return self.answer_to(by, &refusal);
        }
        match read_setting(rest) {
            Ok((setting, value)) => self.propose_or_refuse(Proposed::Set { by, room, setting, value }, now),
            Err(refusal) => self.answer_to(by, &refusal),
        }
    }

    fn show_settings(&mut self, asker: usize, room: usize) {
        let shows_key = self.rank(asker, Some(room)) >= Rank::RoomOperator;
        let found = self.rooms[room].as_ref().expect("a room that exists");
        let describe = |name: &&str| match found.rules.settings.get(*name)? {
            Value::On => Some((*name).into()),
            Value::Number(number) => Some(format!("{name} {number}")),
            Value::Word(key) if shows_key => Some(format!("{name} {key}")),
            Value::Word(_) => Some((*name).into()),
        };
        let values: Vec<String> = SETTINGS.iter().filter_map(describe).collect();
        let values = if values.is_empty() { "none".into() } else { values.join(", ") };
        let mut words = format!("Settings of {}: {values}.", found.name);
        for (title, role) in [("Operators", true), ("Voice", false)] {
            let with = found.rules.roles.iter().filter(|&&(_, has)| has == role);
            let names: Vec<String> = with.filter_map(|&(holder, _)| self.holder_name(holder)).collect();
            if !names.is_empty() {
                words += &format!(" {title}: {}.", names.join(", "));
            }
        }
        let is_shown = asker == OPERATOR || self.readers[self.speaker].program != Some(1);
        if is_shown {
            self.answer_to(asker, &format!("* {words}"));
        }
    }

    /// The reason why a setting cannot be changed.
    pub(in crate::simulator::oracle) fn refuse_setting(
        &self,
        by: usize,
        room: usize,
        setting: &str,
        value: &Option<Value>,
    ) -> Option<String> {
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)).or_else(|| self.refuse_gone(room)) {
            return Some(refusal);
        }
        if room == 0 && !["moderated", "topic-lock", "slow"].contains(&setting) {
            return Some("! That does not apply to lobby.".into());
        }
        let before = self.rooms[room].as_ref()?.rules.settings.get(setting);
        (before == value.as_ref()).then(|| "! That is set so already.".into())
    }

    pub(in crate::simulator::oracle) fn commit_setting(
        &mut self,
        by: usize,
        room: usize,
        setting: &'static str,
        value: Option<Value>,
        now: Now,
    ) {
        self.counts.settings += 1;
        self.note_act(by);
        let shown = match &value {
            None => " off".into(),
            Some(Value::Number(number)) => format!(" {number}"),
            Some(_) => String::new(),
        };
        let mode = mode_of(setting, value.as_ref());
        let rules = self.rules(room);
        match value {
            Some(value) => drop(rules.settings.insert(setting, value)),
            None => drop(rules.settings.remove(setting)),
        }
        if setting == "slow" {
            rules.spoken.clear();
        }
        let words = format!("{} changed the settings: {setting}{shown}", self.actor_name(by));
        match mode {
            Some(mode) => self.irc_act(by, room, "MODE", &mode, now),
            None => self.irc_note(by, room, &words, now),
        }
        self.tell_room(by, room, &words, &words, now);
        self.store_room(room);
        self.remove_if_unkept(room);
    }
}
