//! Several rooms of one member: its current room and those that it follows.

use crate::chat::{Login, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::phrases::{ROOM_SHAPE, split};
use crate::simulator::oracle::rooms::replay::Replay;

impl Oracle {
    /// Whether members can follow rooms, and have the commands that belong to that.
    pub(in crate::simulator::oracle) fn has_following(&self) -> bool {
        self.config.login == Login::Nickname
    }

    pub(in crate::simulator::oracle) fn follow(&mut self, who: usize, arg: &str, now: Now) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /follow room");
        }
        match self.place_and_key(arg) {
            Some((room, key)) => self.propose_or_refuse(Proposed::Follow { who, room, key }, now),
            None => self.answer_to(who, ROOM_SHAPE),
        }
    }

    /// The room and the key in `/join room KEY`.
    fn place_and_key(&self, arg: &str) -> Option<(String, Option<String>)> {
        let (name, key) = if self.has_following() { split(arg) } else { (arg, "") };
        let room = self.place(name.strip_prefix('#').unwrap_or(name))?;
        Some((room, Some(key.trim()).filter(|key| !key.is_empty()).map(String::from)))
    }

    /// The reason why a member cannot follow a room.
    pub(in crate::simulator::oracle) fn refuse_following(
        &self,
        who: usize,
        room: &str,
        key: Option<&str>,
        now: Now,
    ) -> Option<String> {
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

    pub(in crate::simulator::oracle) fn too_many_followed(&self) -> String {
        let most = self.config.max_follow;
        format!("! You can follow {most} room{} at most. /unfollow room ends one.", if most == 1 { "" } else { "s" })
    }

    /// A member reads another room too.
    pub(in crate::simulator::oracle) fn commit_follow(&mut self, who: usize, room: usize, replay: Replay, now: Now) {
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

    pub(in crate::simulator::oracle) fn unfollow(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /unfollow room");
        }
        let arg = arg.strip_prefix('#').unwrap_or(arg);
        match self.find_room(arg) {
            Some(room) if self.members[who].followed.contains(&room) => {
                self.propose(Proposed::Unfollow { who, room, reason: None });
            }
            None if self.place(arg).is_none() => self.answer_to(who, ROOM_SHAPE),
            _ => self.answer_to(who, &format!("! You do not follow {arg}.")),
        }
    }

    /// The reason why a member cannot unfollow a room.
    pub(in crate::simulator::oracle) fn refuse_unfollowing(&self, who: usize, room: usize) -> Option<String> {
        let follows = self.members[who].followed.contains(&room);
        let unknown = || (!follows).then(|| format!("! You do not follow {}.", self.room_name(room)));
        self.refuse_gone(room).or_else(unknown)
    }

    /// A member no longer follows a room; `cause` is why it was removed.
    pub(in crate::simulator::oracle) fn commit_unfollow(
        &mut self,
        who: usize,
        room: usize,
        cause: Option<&str>,
        now: Now,
    ) {
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
    pub(in crate::simulator::oracle) fn go(&mut self, who: usize, room: usize, cause: &str, now: Now) {
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

    pub(in crate::simulator::oracle) fn join(&mut self, who: usize, arg: &str, now: Now) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /join room");
        }
        match self.place_and_key(arg) {
            Some((room, key)) => self.propose_or_refuse(Proposed::Move { who, room, key }, now),
            None => self.answer_to(who, ROOM_SHAPE),
        }
    }

    /// The reason why a member cannot go to a room.
    pub(in crate::simulator::oracle) fn refuse_room(
        &self,
        who: usize,
        room: &str,
        key: Option<&str>,
        now: Now,
    ) -> Option<String> {
        match self.find_room(room) {
            Some(found) if found == self.members[who].room => {
                let name = &self.rooms[found].as_ref().expect("a room that exists").name;
                Some(format!("! You are in {name} already."))
            }
            Some(found) if self.members[who].followed.contains(&found) => None,
            Some(found) => self.refuse_entry(who, found, key, now),
            None => self.refuse_making(room, key),
        }
    }

    /// The reason why a member cannot make a room. Who gives a key means another room.
    fn refuse_making(&self, room: &str, key: Option<&str>) -> Option<String> {
        match key {
            Some(_) => Some(format!("! There is no room {room}. /rooms lists them, /join {room} makes it.")),
            None => self.refuse_opening(room),
        }
    }

    /// The reason why a room cannot be made.
    pub(in crate::simulator::oracle) fn refuse_opening(&self, room: &str) -> Option<String> {
        if self.find_room(room).is_some() {
            return None;
        }
        let most = self.config.max_rooms;
        let full = || format!("! There are {most} rooms already, and no more can be made. /rooms lists them.");
        self.refuse_room_name(room).or_else(|| (!self.can_open()).then(full))
    }
}
