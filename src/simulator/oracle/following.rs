//! Several rooms of one member: its current room and those that it follows, topics, days.

use time::Date;

use super::accounts::Member;
use super::committing::Proposed;
use super::entering::{SHAPE, name};
use super::history::Replay;
use super::roles::Rank;
use super::rooms::{Message, day_line};
use super::{NOWHERE, OPERATOR, Oracle, key};
use crate::chat::{Login, Now};

/// The longest text of a topic and of `/away`, in bytes.
const MAX_TEXT: usize = 390;

impl Oracle {
    /// Whether members can follow rooms, and have the commands that belong to that.
    pub(super) fn has_following(&self) -> bool {
        self.config.login == Login::Nickname
    }

    /// The rooms of a member: its current room first, and then those that it follows.
    pub(super) fn rooms_of(&self, who: usize) -> Vec<usize> {
        let reader = &self.members[who];
        std::iter::once(reader.room).filter(|&room| room != NOWHERE).chain(reader.followed.iter().copied()).collect()
    }

    pub(super) fn is_in(&self, who: usize, room: usize) -> bool {
        who != OPERATOR && (self.members[who].room == room || self.members[who].followed.contains(&room))
    }

    pub(super) fn room_name(&self, room: usize) -> String {
        self.rooms[room].as_ref().map_or_else(String::new, |room| room.name.clone())
    }

    /// What stands before a line of a room that is not the reader's current one.
    pub(super) fn label(&self, who: usize, room: usize) -> String {
        if self.members[who].room == room { String::new() } else { format!("({}) ", self.room_name(room)) }
    }

    /// Shows a member the line of a day that has begun in one of its rooms: with several rooms, only once.
    pub(super) fn show_day(&mut self, who: usize, today: Date) {
        for session in self.sessions(who) {
            let reader = &mut self.readers[session];
            if !self.members[who].followed.is_empty() {
                if reader.day.is_some_and(|shown| today <= shown) {
                    continue;
                }
                reader.day = Some(today);
            }
            self.send_day(session, today);
        }
    }

    /// Sends a session the line of a day. Programs read times instead.
    pub(super) fn send_day(&mut self, session: usize, day: Date) {
        if self.readers[session].program.is_none() && !self.is_irc(session) {
            self.send_line(session, &day_line(day));
        }
    }

    /// Sends a message to a session of a member. Programs read its number too.
    pub(super) fn send_message(&mut self, who: usize, room: usize, message: &Message) {
        let Some(member) = self.readers[who].member else { return };
        self.note_source(who, room);
        let Message { id, mark, spoken, .. } = message;
        let number = if self.readers[who].program.is_some() { format!("{id} ") } else { String::new() };
        let label = self.label(member, room);
        self.send_line(who, &format!("{number}{mark}{label}{spoken}"));
    }

    /// Splits the arguments of a command into the room that they may begin with, and the rest.
    pub(super) fn room_argument<'l>(&self, who: usize, rest: &'l str) -> Result<(usize, &'l str), String> {
        let current = if who == OPERATOR { 0 } else { self.members[who].room };
        let Some(named) = rest.strip_prefix('#').filter(|_| self.has_following()) else { return Ok((current, rest)) };
        let (name, more) = super::talking::split(named);
        match self.find_room(name) {
            Some(room) if who == OPERATOR || self.is_in(who, room) => Ok((room, more.trim_start())),
            Some(room) if self.sees(who, room) => {
                let name = self.room_name(room);
                Err(format!("! You are not in {name}. /join {name} or /follow {name} first."))
            }
            _ => Ok((current, rest)),
        }
    }

    /// As `room_argument`, for `/history`: also a room that the member could enter without a key, if it were not full.
    pub(super) fn readable_room<'l>(&self, who: usize, rest: &'l str, now: Now) -> Result<(usize, &'l str), String> {
        let refusal = match self.room_argument(who, rest) {
            Err(refusal) => refusal,
            found => return found,
        };
        let (name, more) = super::talking::split(&rest[1..]);
        let room = self.find_room(name).ok_or(refusal)?;
        match self.refuse_entry(who, room, None, now).filter(|refusal| !refusal.contains(" is full (")) {
            Some(refusal) => Err(refusal),
            None => Ok((room, more.trim_start())),
        }
    }

    /// `#room text`, `##text`, or a text that begins with `#`: the room and the text, or a refusal.
    pub(super) fn parse_hash<'l>(&self, who: usize, line: &'l str) -> Result<(usize, &'l str), String> {
        let current = if who == OPERATOR { 0 } else { self.members[who].room };
        let rest = &line[1..];
        if !self.has_following() {
            return Ok((current, line));
        }
        if rest.starts_with('#') {
            return Ok((current, rest));
        }
        let (name, text) = super::talking::split(rest);
        match self.find_room(name) {
            Some(room) if who == OPERATOR || self.is_in(who, room) => match text.trim().is_empty() {
                true => Err("! Usage: #room text".into()),
                false => Ok((room, text)),
            },
            Some(room) if self.sees(who, room) => {
                let name = self.room_name(room);
                Err(format!("! You are not in {name}. /follow {name} first; ##{name} says it as text."))
            }
            _ => Ok((current, line)),
        }
    }

    pub(super) fn follow(&mut self, who: usize, arg: &str, now: Now) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /follow room");
        }
        match self.place_and_key(arg) {
            Some((room, key)) => self.propose_or_refuse(Proposed::Follow { who, room, key }, now),
            None => self.answer_to(who, super::talking::ROOM_SHAPE),
        }
    }

    /// The room and the key in `/join room KEY`.
    pub(super) fn place_and_key(&self, arg: &str) -> Option<(String, Option<String>)> {
        let (name, key) = if self.has_following() { super::talking::split(arg) } else { (arg, "") };
        let room = self.place(name.strip_prefix('#').unwrap_or(name))?;
        Some((room, Some(key.trim()).filter(|key| !key.is_empty()).map(String::from)))
    }

    /// The reason why a member cannot follow a room.
    pub(super) fn refuse_following(&self, who: usize, room: &str, key: Option<&str>, now: Now) -> Option<String> {
        let reader = &self.members[who];
        let most = self.config.max_follow;
        match self.find_room(room) {
            Some(found) if found == reader.room => Some(format!("! You are in {} already.", self.room_name(found))),
            Some(found) if reader.followed.contains(&found) => {
                Some(format!("! You follow {} already.", self.room_name(found)))
            }
            _ if reader.followed.len() >= most => Some(self.too_many_followed()),
            Some(found) => self.refuse_entry(who, found, key, now),
            None => self.refuse_making(room, key),
        }
    }

    pub(super) fn too_many_followed(&self) -> String {
        let most = self.config.max_follow;
        format!("! You can follow {most} room{} at most. /unfollow room ends one.", if most == 1 { "" } else { "s" })
    }

    /// A member reads another room too.
    pub(super) fn commit_follow(&mut self, who: usize, room: usize, replay: Replay, now: Now) {
        self.counts.followed += 1;
        self.begin_day(self.members[who].room, now);
        for session in self.sessions(who) {
            self.readers[session].day = Some(now.local.date());
        }
        self.keep_followed(who, room, true);
        self.enter(who, room, true, replay, now, |name, here, people| {
            format!("You follow {name}. {here} here: {people}.")
        });
    }

    pub(super) fn unfollow(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /unfollow room");
        }
        let arg = arg.strip_prefix('#').unwrap_or(arg);
        match self.find_room(arg) {
            Some(room) if self.members[who].followed.contains(&room) => {
                self.propose(Proposed::Unfollow { who, room, reason: None });
            }
            None if self.place(arg).is_none() => self.answer_to(who, super::talking::ROOM_SHAPE),
            _ => self.answer_to(who, &format!("! You do not follow {arg}.")),
        }
    }

    /// The reason why a member cannot unfollow a room.
    pub(super) fn refuse_unfollowing(&self, who: usize, room: usize) -> Option<String> {
        let follows = self.members[who].followed.contains(&room);
        let unknown = || (!follows).then(|| format!("! You do not follow {}.", self.room_name(room)));
        self.refuse_gone(room).or_else(unknown)
    }

    /// A member no longer follows a room; `cause` is why it was removed.
    pub(super) fn commit_unfollow(&mut self, who: usize, room: usize, cause: Option<&str>, now: Now) {
        self.keep_followed(who, room, false);
        self.begin_day(self.members[who].room, now);
        self.members[who].followed.retain(|&followed| followed != room);
        if cause.is_none() {
            let name = self.room_name(room);
            self.send_line_to_sessions(who, &format!("* You no longer follow {name}."));
        }
        self.exit(who, room, cause.unwrap_or_default(), now);
    }

    /// A member goes to another room, which it may have followed; `cause` is why it was removed from the old one.
    pub(super) fn go(&mut self, who: usize, room: usize, cause: &str, now: Now) {
        let left = self.members[who].room;
        self.begin_day(left, now);
        if cause.is_empty() {
            self.irc_parted(who, left, None, now);
        }
        let is_followed = self.members[who].followed.contains(&room);
        self.members[who].followed.retain(|&followed| followed != room);
        if is_followed {
            self.keep_followed(who, room, false);
        }
        self.exit(who, left, cause, now);
        let greeting = |name: &str, here: usize, people: &str| format!("You are in {name}. {here} here: {people}.");
        if !is_followed {
            return self.enter(who, room, false, Replay::ALL, now, greeting);
        }
        // The others in the room are not told: it was there already.
        self.begin_day(room, now);
        self.members[who].room = room;
        let here = self.room(room).members.len();
        let mut others = self.names_in(room, 12);
        others.retain(|&other| other != who);
        for session in self.sessions(who) {
            let is_only = self.members[who].followed.is_empty();
            self.greet(session, room, &others, here, Replay::ALL, is_only, now, greeting);
        }
    }

    /// `/topic [#room] [text]`
    pub(super) fn topic(&mut self, who: usize, arg: &str, now: Now) {
        let governed = match self.governed_room(who, arg) {
            Ok((Some(room), text)) if self.rank(who, None) == Rank::Moderator => Some((room, text)),
            _ => None,
        };
        let (room, text) = match governed.map_or_else(|| self.room_argument(who, arg), Ok) {
            Ok(found) => found,
            Err(refusal) => return self.answer_to(who, &refusal),
        };
        let topic = self.room(room).topic.clone();
        let text = match (text, topic) {
            ("" | "-", None) => return self.answer_topic(who, room, "There is no topic.", "no topic"),
            ("", Some((name, text))) => {
                let words = format!("The topic, set by {name}: {text}");
                return self.answer_topic(who, room, &words, &format!("the topic of {name}: {text}"));
            }
            ("-", Some(_)) => None,
            (text, _) if text.len() > MAX_TEXT => return self.refuse_text(who),
            (text, _) => Some(text.into()),
        };
        self.propose_or_refuse(Proposed::Topic { who, room, text }, now);
    }

    /// The reason why a member cannot set the topic of a room.
    pub(super) fn refuse_topic(&self, who: usize, room: usize, now: Now) -> Option<String> {
        let may_anywhere = self.rank(who, None) >= Rank::Moderator;
        if !may_anywhere && !self.members[who].is_member {
            return Some("! Nobody here is called .".into());
        }
        if let Some(refusal) = self.refuse_gone(room) {
            return Some(refusal);
        }
        if !may_anywhere && !self.is_in(who, room) {
            let name = self.room_name(room);
            return Some(format!("! You are not in {name}. /join {name} or /follow {name} first."));
        }
        let is_locked = self.rooms[room].as_ref()?.rules.has("topic-lock");
        let locked = || self.permit(who, Rank::RoomOperator, Some(room)).filter(|_| is_locked);
        self.refuse_speech(who, room, now).or_else(locked)
    }

    /// The reason why a member cannot speak in a room that it has left before its message was committed.
    pub(super) fn refuse_absent(&self, who: usize, room: usize) -> Option<String> {
        if self.is_in(who, room) {
            return None;
        }
        let name = self.room_name(room);
        let left = || Some(format!("! You are not in {name}. /follow {name} first; ##{name} says it as text."));
        self.refuse_gone(room).or_else(left)
    }

    fn refuse_text(&mut self, who: usize) {
        self.answer_to(who, &format!("! That text is too long ({MAX_TEXT} bytes at most)."));
    }

    /// Sends words about a topic; programs read the same event if it is set and if it is asked for. Those of revision
    /// 1 know no topics.
    fn answer_topic(&mut self, who: usize, room: usize, plain: &str, program: &str) {
        if who == OPERATOR {
            return self.send_room_event_to_console(room, "* ", plain);
        }
        let words = self.words_for(self.speaker, plain, program);
        words.into_iter().for_each(|words| self.send_notice(self.speaker, room, words));
    }

    pub(super) fn commit_topic(&mut self, who: usize, room: usize, text: Option<String>, now: Now) {
        self.note_act(who);
        let name = self.actor_name(who);
        let (words, program) = match &text {
            Some(text) => (format!("{name} set the topic: {text}"), format!("the topic of {name}: {text}")),
            None => (format!("{name} cleared the topic."), format!("the topic of {name}: none")),
        };
        self.begin_day(room, now);
        if self.is_muted(who, now) {
            self.irc_act(who, room, "TOPIC", &format!(":{}", text.as_deref().unwrap_or_default()), now);
            self.tell_in(who, room, &words, &program);
            return self.send_room_event_to_console(room, "* ", &format!("(muted) {words}"));
        }
        self.counts.topics += 1;
        let rest = format!(":{}", text.as_deref().unwrap_or_default());
        let found = self.room(room);
        (found.topic, found.topic_at) = (text.map(|text| (name, text)), now.local.unix_timestamp());
        self.irc_act(who, room, "TOPIC", &rest, now);
        self.store_room(room);
        self.tell_room(who, room, &words, &program, now);
        self.remove_if_unkept(room);
    }

    /// The line after a greeting in a room with a topic.
    pub(super) fn send_topic(&mut self, who: usize, room: usize) {
        if let Some((name, text)) = self.room(room).topic.clone() {
            let words = format!("The topic, set by {name}: {text}");
            let program = format!("the topic: {text}");
            let words = self.words_for(who, &words, &program).map(str::to_owned);
            words.into_iter().for_each(|words| self.send_notice(who, room, &words));
        }
    }

    pub(super) fn set_quiet(&mut self, who: usize, arg: &str) {
        let on = match &*arg.to_lowercase() {
            "on" => true,
            "off" => false,
            _ => return self.answer_to(who, "! Usage: /quiet on|off"),
        };
        // Programs go on reading who joins and leaves.
        self.readers[self.speaker].quiet = on && self.readers[self.speaker].program.is_none();
        let words = if on { "no longer read" } else { "read again" };
        self.answer_to(who, &format!("* You {words} who joins and leaves."));
    }

    pub(super) fn away(&mut self, who: usize, arg: &str) {
        match arg.len() > MAX_TEXT {
            true => self.refuse_text(who),
            false => {
                let text = Some(arg).filter(|arg| !arg.is_empty()).map(String::from);
                self.propose(Proposed::Away { who, text });
            }
        }
    }

    pub(super) fn commit_away(&mut self, who: usize, text: Option<String>, now: Now) {
        self.members[who].away = text.clone();
        self.keep(who, |account| account.away = text);
        for session in self.sessions(who) {
            let line = self.own_away_line(session, who);
            self.send_line(session, &line);
        }
        self.show_away(who, now);
    }

    /// Programs in the rooms of a member read whether it is away.
    pub(super) fn show_away(&mut self, who: usize, now: Now) {
        let rooms = self.rooms_of(who);
        self.irc_away(who, &rooms, now);
        rooms.into_iter().for_each(|room| self.show_away_in(room, who, now));
    }

    /// Programs in a room read whether a member is away; of a muted one only its own.
    pub(super) fn show_away_in(&mut self, room: usize, who: usize, now: Now) {
        let Member { name, away, .. } = &self.members[who];
        let words = match away {
            Some(text) => format!("{name} is away in this room: {text}"),
            None => format!("{name} is back in this room."),
        };
        self.grow(room, &format!("* {words}"));
        let readers = if self.is_muted(who, now) { vec![who] } else { self.room(room).members.clone() };
        for session in readers.into_iter().flat_map(|member| self.sessions(member)).collect::<Vec<_>>() {
            if self.readers[session].program == Some(2) {
                self.counts.shown_away += 1;
                self.send_notice(session, room, &words);
            }
        }
    }

    /// A program reads which of the members in a list are away.
    pub(super) fn send_away_names(&mut self, session: usize, room: usize, list: &[usize], now: Now) {
        let is_away = |&&who: &&usize| self.members[who].away.is_some() && !self.is_muted(who, now);
        let names: Vec<&str> = list.iter().filter(is_away).map(|&who| &*self.members[who].name).collect();
        if self.readers[session].program == Some(2) && !names.is_empty() {
            self.counts.listed_away += 1;
            self.send_notice(session, room, &format!("away: {}", names.join(", ")));
        }
    }

    /// What a session reads of whether its member is away.
    fn own_away_line(&self, session: usize, who: usize) -> String {
        let (Member { name, away, .. }, program) = (&self.members[who], self.readers[session].program.is_some());
        match away {
            Some(text) if program => format!("* {name} is away: {text}"),
            None if program => format!("* {name} is back."),
            Some(text) => format!("* You are away: {text}"),
            None => "* You are back.".into(),
        }
    }

    /// Tells a session that has logged in that its account is away.
    pub(super) fn tell_away(&mut self, session: usize, who: usize) {
        if self.members[who].away.is_some() {
            let line = self.own_away_line(session, who);
            self.send_line(session, &line);
        }
    }

    /// What the author of a whisper reads if its reader is away.
    pub(super) fn away_line(&mut self, target: usize, now: Now) -> Option<String> {
        if target == OPERATOR || self.is_muted(target, now) {
            return None;
        }
        let text = self.members[target].away.as_ref()?;
        self.counts.told_away += 1;
        Some(format!("* {} is away: {text}", self.members[target].name))
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

    /// A room name as the server keeps it; `None` if no room can have it.
    pub(super) fn place(&self, text: &str) -> Option<String> {
        // A nickname that nobody can have can be the name of a room.
        let is_name = || name(text).err().is_none_or(|why| why != SHAPE);
        match key(text.trim()) == "lobby" {
            true => Some("lobby".into()),
            false => is_name().then(|| text.trim().into()),
        }
    }
}
