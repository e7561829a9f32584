//! Who is here, and which rooms there are.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::members::entering::name;
use crate::simulator::oracle::phrases::{ROOM_SHAPE, SHAPE};
use crate::simulator::oracle::rooms::OracleRoom;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    pub(in crate::simulator::oracle) fn who(&mut self, who: usize, arg: &str, now: Now) {
        let arg = arg.strip_prefix('#').unwrap_or(arg);
        let own = self.members[who].room;
        let seen = || self.find_room(arg).filter(|&room| self.sees(who, room));
        let Some(shown) = (if arg.is_empty() { Some(own) } else { seen() }) else {
            return match name(arg) {
                Err(why) if why == SHAPE => self.answer_to(who, ROOM_SHAPE),
                _ => {
                    self.answer_to(who, &format!("! There is no room {arg}. /rooms lists them, /join {arg} makes it."))
                }
            };
        };
        let mut others = self.names_in(shown, self.config.max_listed);
        others.retain(|&other| other != who);
        let room = self.rooms[shown].as_ref().expect("a room that exists");
        let here = room.members.len();
        let place = if shown == own { "here".to_owned() } else { format!("in {}", room.name) };
        let you = self.is_in(who, shown);
        let people = if here > 0 { format!(": {}", self.list(&others, here, you)) } else { String::new() };
        self.answer_to(who, &format!("* {here} {place}{people}."));
        self.send_away_names(self.speaker, shown, &others, now);
    }

    /// The answer to `/rooms`, for programs with the topics.
    pub(super) fn list_of_rooms(&self, asker: usize, topics: bool) -> String {
        let seen = self.rooms.iter().enumerate().filter_map(|(number, room)| Some((number, room.as_ref()?)));
        let mut all: Vec<&OracleRoom> =
            seen.filter(|&(number, _)| self.sees(asker, number)).map(|(_, room)| room).collect();
        all.sort_by(|a, b| b.members.len().cmp(&a.members.len()).then(a.name.cmp(&b.name)));
        let describe = |room: &&OracleRoom| {
            let topic = room.topic.as_ref().filter(|_| topics).map(|(_, text)| format!(", {text}"));
            format!("{} ({}{})", room.name, room.members.len(), topic.unwrap_or_default())
        };
        let list: Vec<String> = all.iter().map(describe).collect();
        format!("* {} room{}: {}", all.len(), if all.len() == 1 { "" } else { "s" }, list.join(", "))
    }

    /// The answer to `/whois`; `asker` may be the operator.
    pub(super) fn whois(&self, asker: usize, name: &str, now: Now) -> String {
        if name.is_empty() {
            return "! Usage: /whois name".into();
        }
        let Some(who) = self.find(name) else { return format!("! Nobody here is called {name}.") };
        let reader = &self.members[who];
        let (date, hour, minute) = (reader.since.date(), reader.since.hour(), reader.since.minute());
        let rooms = self.rooms_of(who).into_iter().filter(|&room| asker == OPERATOR || self.sees(asker, room));
        let rooms: Vec<String> = rooms.map(|room| self.room_name(room)).collect();
        let rooms = match rooms.as_slice() {
            [one] => one.clone(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
            [] => "no room that you see".into(),
        };
        let role = if reader.is_moderator { "; moderator" } else { "" };
        let is_program = asker != OPERATOR && self.readers[self.speaker].program.is_some();
        let is_shown = asker == who || !self.is_muted(who, now);
        let away = reader.away.as_ref().filter(|_| is_shown).map(|text| format!("; away: {text}"));
        let away = away.unwrap_or_default();
        let account = reader.account.and_then(|account| self.accounts[account].as_ref());
        let registered = match account {
            Some(account) if account.name == reader.name || is_program => "; registered".into(),
            Some(account) => format!("; registered as {}", account.name),
            None => String::new(),
        };
        format!("* {}: here since {date} {hour:02}:{minute:02}; in {rooms}{registered}{role}{away}", reader.name)
    }
}
