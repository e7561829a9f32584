//! The rooms that commands are about.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::{ROOM_SHAPE, split};
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// Splits the arguments of a command into the room that they may begin with, and the rest.
    pub(in crate::simulator::oracle) fn room_argument<'l>(
        &self,
        who: usize,
        rest: &'l str,
    ) -> Result<(usize, &'l str), String> {
        let current = if who == OPERATOR { 0 } else { self.members[who].room };
        let Some(named) = rest.strip_prefix('#').filter(|_| self.has_following()) else { return Ok((current, rest)) };
        let (name, more) = split(named);
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
    pub(in crate::simulator::oracle) fn readable_room<'l>(
        &self,
        who: usize,
        rest: &'l str,
        now: Now,
    ) -> Result<(usize, &'l str), String> {
        let refusal = match self.room_argument(who, rest) {
            Err(refusal) => refusal,
            found => return found,
        };
        let (name, more) = split(&rest[1..]);
        let room = self.find_room(name).ok_or(refusal)?;
        match self.refuse_entry(who, room, None, now).filter(|refusal| !refusal.contains(" is full (")) {
            Some(refusal) => Err(refusal),
            None => Ok((room, more.trim_start())),
        }
    }

    /// `#room text`, `##text`, or a text that begins with `#`: the room and the text, or a refusal.
    pub(in crate::simulator::oracle) fn parse_hash<'l>(
        &self,
        who: usize,
        line: &'l str,
    ) -> Result<(usize, &'l str), String> {
        let current = if who == OPERATOR { 0 } else { self.members[who].room };
        let rest = &line[1..];
        if !self.has_following() {
            return Ok((current, line));
        }
        if rest.starts_with('#') {
            return Ok((current, rest));
        }
        let (name, text) = split(rest);
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

    /// The current room; the operator's is the lobby.
    pub(in crate::simulator::oracle) fn current_room(&self, who: usize) -> usize {
        if who == OPERATOR { 0 } else { self.members[who].room }
    }

    /// Splits the arguments of an operator's command into the room that they may begin with, and the rest.
    pub(in crate::simulator::oracle) fn governed_room<'l>(
        &self,
        who: usize,
        rest: &'l str,
    ) -> Result<(Option<usize>, &'l str), String> {
        let Some(named) = rest.strip_prefix('#').filter(|_| self.has_following()) else { return Ok((None, rest)) };
        let (name, more) = split(named);
        let may_name_any = self.rank(who, None) >= Rank::Moderator;
        match self.find_room(name) {
            Some(room) if may_name_any || self.is_in(who, room) => Ok((Some(room), more.trim_start())),
            Some(room) if self.sees(who, room) => {
                let name = self.room_name(room);
                Err(format!("! You are not in {name}. /join {name} or /follow {name} first."))
            }
            None if self.place(name).is_none() => Err(ROOM_SHAPE.into()),
            _ => Err(format!("! There is no room {name}. /rooms lists them, /join {name} makes it.")),
        }
    }

    /// The room and the member that an operator's command is about.
    pub(in crate::simulator::oracle) fn room_and_member(
        &self,
        by: usize,
        rest: &str,
        usage: &str,
        is_for_lobby: bool,
    ) -> Result<(usize, usize), String> {
        let (room, rest) = self.governed_room(by, rest)?;
        let room = room.unwrap_or(self.current_room(by));
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)) {
            return Err(refusal);
        }
        let name = split(rest).0;
        if name.is_empty() {
            return Err(format!("! Usage: {usage}"));
        }
        if room == 0 && !is_for_lobby {
            return Err("! That does not apply to lobby.".into());
        }
        self.find(name).map(|who| (room, who)).ok_or(format!("! Nobody here is called {name}."))
    }
}
