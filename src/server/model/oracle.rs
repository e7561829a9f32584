//! The naive model: what each reader should ever be sent, copied to each of them as it is said.

use time::Date;

use super::{HISTORY, ROOMS, World};

/// What the model keeps of a room.
#[derive(Default)]
pub(super) struct Room {
    history: Vec<Message>,
    /// Bytes ever shown to the room.
    bytes: usize,
    /// Day lines between them: before which message of all ever said.
    days: Vec<(usize, Date)>,
    said: usize,
    day: Option<Date>,
}

/// A message of the history.
struct Message {
    author: usize,
    /// The author's name at the time, folded.
    key: String,
    line: String,
    day: Date,
    /// Bytes shown to the room before it.
    begun: usize,
}

/// The key of a name; the names of the test differ in nothing but case.
fn key(name: &str) -> String {
    name.to_lowercase()
}

impl World {
    // What the model says.

    pub(super) fn tell(&mut self, reader: usize, line: impl AsRef<str>) {
        self.readers[reader].expected.push_str(line.as_ref());
        self.readers[reader].expected.push_str("\r\n");
    }

    pub(super) fn members(&self, room: &str) -> Vec<usize> {
        self.slots
            .iter()
            .flatten()
            .copied()
            .filter(|&reader| self.readers[reader].name.is_some() && self.readers[reader].room == room)
            .collect()
    }

    pub(super) fn day_line(day: Date) -> String {
        format!("* {} {} {} {}", day.weekday(), day.day(), day.month(), day.year())
    }

    pub(super) fn begin_day(&mut self, name: &'static str) {
        let today = self.day;
        let room = self.rooms.entry(name).or_default();
        let said = room.said;
        if room.day.replace(today).is_some_and(|day| day != today) {
            room.days.push((said, today));
            self.grow(name, &Self::day_line(today));
            for member in self.members(name) {
                self.tell(member, Self::day_line(today));
            }
        }
    }

    /// The room's log has grown by a line.
    pub(super) fn grow(&mut self, room: &'static str, line: &str) {
        let most = self.history_bytes;
        let room = self.rooms.get_mut(room).unwrap();
        room.bytes += line.len() + 2;
        let bytes = room.bytes;
        room.history.retain(|message| bytes - message.begun <= most);
    }

    pub(super) fn show(&mut self, room: &'static str, but: Option<usize>, line: &str) {
        self.begin_day(room);
        self.grow(room, line);
        for member in self.members(room) {
            if Some(member) != but {
                self.tell(member, line);
            }
        }
    }

    pub(super) fn name(&self, reader: usize) -> String {
        self.readers[reader].name.clone().unwrap()
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let named = |reader: &usize| self.readers[*reader].name.as_ref().is_some_and(|own| key(own) == key(name));
        self.slots.iter().flatten().copied().find(named)
    }

    pub(super) fn ignores(&self, reader: usize, author: usize, author_key: &str) -> bool {
        author != reader
            && self.readers[reader].ignored.iter().any(|(name, who)| *who == author || key(name) == author_key)
    }

    pub(super) fn replay(&mut self, reader: usize, n: usize, live: bool) {
        let room = &self.rooms[self.readers[reader].room];
        let first = room.history.len().saturating_sub(n);
        let shown = &room.history[first..];
        if shown.iter().all(|message| self.ignores(reader, message.author, &message.key)) {
            if !live {
                self.tell(reader, "* Nothing has been said here yet.");
            }
            return;
        }
        let read = |message: &&Message| !self.ignores(reader, message.author, &message.key);
        let (all, count, day) = (shown.len(), shown.iter().filter(read).count(), shown[0].day);
        let mut lines = vec![format!("* --- the last {count} message{} ---", if count == 1 { "" } else { "s" })];
        if day != self.day {
            lines.push(Self::day_line(day));
        }
        let before = room.said - all;
        for (index, message) in shown.iter().enumerate() {
            let days = room.days.iter().filter(|(at, _)| *at == before + index && index > 0);
            lines.extend(days.map(|(_, day)| Self::day_line(*day)));
            if !self.ignores(reader, message.author, &message.key) {
                lines.push(message.line.clone());
            }
        }
        lines.extend(room.days.iter().filter(|(at, _)| *at == room.said).map(|(_, day)| Self::day_line(*day)));
        lines.push("* --- you are up to date ---".into());
        for line in lines {
            self.tell(reader, line);
        }
    }

    pub(super) fn people(&self, room: &str, reader: usize) -> String {
        let mut others = self.members(room);
        others.retain(|&other| other != reader);
        others.sort_unstable_by_key(|&other| self.readers[other].entered);
        let names: Vec<String> = others.iter().map(|&other| self.name(other)).collect();
        if names.is_empty() { "you".into() } else { format!("{} and you", names.join(", ")) }
    }

    pub(super) fn enter(&mut self, reader: usize, room: &'static str, greeting: impl FnOnce(usize, String) -> String) {
        self.begin_day(room);
        self.entries += 1;
        self.readers[reader].entered = self.entries;
        self.readers[reader].room = room;
        let here = self.members(room).len();
        let people = self.people(room, reader);
        self.tell(reader, greeting(here, people));
        self.replay(reader, HISTORY, true);
        let name = self.name(reader);
        self.show(room, Some(reader), &format!("* {name} joined ({here} here)"));
    }

    pub(super) fn exit(&mut self, reader: usize, cause: &str) {
        let (name, room) = (self.name(reader), self.readers[reader].room);
        self.readers[reader].room = "";
        let here = self.members(room).len();
        self.show(room, None, &format!("* {name} left{cause} ({here} here)"));
        let state = self.rooms.get_mut(room).unwrap();
        if here == 0 && state.history.is_empty() && room != "lobby" {
            *state = Room::default();
        }
    }

    pub(super) fn say(&mut self, reader: usize, action: bool, text: &str) {
        let (name, room) = (self.name(reader), self.readers[reader].room);
        let line = if action { format!("[12:34:56] * {name} {text}") } else { format!("[12:34:56] {name}: {text}") };
        self.begin_day(room);
        for member in self.members(room) {
            let own = member == reader;
            if if own { self.readers[member].echo } else { !self.ignores(member, reader, &key(&name)) } {
                self.tell(member, &line);
            }
        }
        let day = self.day;
        let state = self.rooms.get_mut(room).unwrap();
        state.said += 1;
        state.history.push(Message { author: reader, key: key(&name), line: line.clone(), day, begun: state.bytes });
        if state.history.len() > HISTORY {
            state.history.remove(0);
        }
        self.grow(room, &line);
    }

    pub(super) fn whisper(&mut self, reader: usize, target: usize, text: &str) {
        let (from, to) = (self.name(reader), self.name(target));
        self.begin_day(self.readers[reader].room);
        self.tell(reader, format!("[12:34:56] you -> {to}: {text}"));
        if !self.ignores(target, reader, &key(&from)) {
            self.begin_day(self.readers[target].room);
            self.readers[target].whisperer = Some(reader);
            self.tell(target, format!("[12:34:56] {from} -> you: {text}"));
        }
    }

    /// The model's half of a line from a member.
    pub(super) fn expect(&mut self, reader: usize, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "/me" => self.say(reader, true, rest),
            "/nick" => self.expect_nick(reader, rest),
            "/join" => {
                let room = *ROOMS.iter().find(|room| **room == rest).unwrap();
                if room == self.readers[reader].room {
                    self.tell(reader, format!("! You are in {room} already."));
                } else {
                    self.exit(reader, "");
                    self.enter(reader, room, |here, people| format!("* You are in {room}. {here} here: {people}."));
                }
            }
            "/history" => {
                let n = rest.parse().unwrap();
                self.replay(reader, n, false);
            }
            "/ignore" => match self.find(rest) {
                None => self.tell(reader, format!("! Nobody here is called {rest}.")),
                Some(target) if target == reader => self.tell(reader, "! That is you."),
                Some(target) => {
                    let name = self.name(target);
                    let ignored = &mut self.readers[reader].ignored;
                    ignored.retain(|(old, who)| key(old) != key(&name) && *who != target);
                    ignored.push((name.clone(), target));
                    self.tell(reader, format!("* You no longer read {name}. /unignore {name} ends that."));
                }
            },
            "/unignore" => {
                let target = self.find(rest);
                let now_called = target.map(|target| self.name(target));
                let ignored = &mut self.readers[reader].ignored;
                let meant = |(old, who): &(String, usize)| key(old) == key(rest) || Some(*who) == target;
                let line = match ignored.iter().find(|person| meant(person)) {
                    Some((_, who)) if Some(*who) == target => format!("* You read {} again.", now_called.unwrap()),
                    Some((name, _)) => format!("* You read {name} again."),
                    None => format!("! You do not ignore {rest}."),
                };
                ignored.retain(|person| !meant(person));
                self.tell(reader, line);
            }
            "/echo" => {
                self.readers[reader].echo = rest == "on";
                let line = if rest == "on" {
                    "* You read your own lines from now on."
                } else {
                    "* You no longer read your own lines."
                };
                self.tell(reader, line);
            }
            "/who" => {
                let room = self.readers[reader].room;
                let line = format!("* {} here: {}.", self.members(room).len(), self.people(room, reader));
                self.tell(reader, line);
            }
            "/ping" => self.tell(reader, format!("* pong {rest}")),
            "/r" => match self.readers[reader].whisperer {
                Some(target) if self.slots.contains(&Some(target)) => self.whisper(reader, target, rest),
                Some(_) => self.tell(reader, "! Who whispered to you last is no longer here."),
                None => self.tell(reader, "! Nobody has whispered to you yet."),
            },
            "/nonsense" => self.tell(reader, "! There is no command /nonsense. /help lists them."),
            "" => {}
            _ if word.starts_with('@') => match self.find(&word[1..]) {
                None => self.tell(reader, format!("! Nobody here is called {}.", &word[1..])),
                Some(target) if target == reader => self.tell(reader, "! That is you."),
                Some(target) => self.whisper(reader, target, rest),
            },
            _ => self.say(reader, false, line),
        }
    }

    pub(super) fn expect_nick(&mut self, reader: usize, name: &str) {
        let old = self.name(reader);
        match self.find(name) {
            _ if old == name => self.tell(reader, format!("! You are called {old} already.")),
            Some(owner) if owner != reader => self.tell(reader, format!("! The nickname {name} is taken.")),
            _ => {
                self.readers[reader].name = Some(name.into());
                let room = self.readers[reader].room;
                self.show(room, None, &format!("* {old} is now called {name}"));
            }
        }
    }
}
