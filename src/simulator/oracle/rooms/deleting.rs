//! The deletion of messages, and the check that no deleted text is shown afterwards.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::split;
use crate::simulator::oracle::words::key;

pub(super) const USAGE: &str = "! Usage: /delete last|ID|@name [n]";

const MAX_DELETED: usize = 100;

/// The text of a deleted message that no session may receive, from a position of its expected bytes on.
pub struct DeletedText {
    /// The unique word of the text.
    pub word: String,
    /// For each session that had connected: the bytes that it was to be sent before the deletion.
    pub before: Vec<usize>,
}

/// The unique words of a text: `n` and six digits.
fn unique_words(text: &str) -> impl Iterator<Item = &str> {
    let is_unique = |word: &&str| {
        let digits = word.strip_prefix('n').unwrap_or_default();
        digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split(' ').filter(is_unique)
}

impl Oracle {
    /// `/delete [#room] last|ID|@name [n]`
    pub(in crate::simulator::oracle) fn delete(&mut self, by: usize, rest: &str, now: Now) {
        let (room, rest) = match self.governed_room(by, rest) {
            Ok(found) => found,
            Err(refusal) => return self.answer_to(by, &refusal),
        };
        let room = room.unwrap_or(self.current_room(by));
        let (what, more) = split(rest);
        let more = more.trim();
        let may_any = self.rank(by, Some(room)) >= Rank::RoomOperator;
        match what.strip_prefix('@') {
            Some("") => self.answer_to(by, USAGE),
            Some(name) => match if more.is_empty() { Ok(1) } else { more.parse() } {
                Ok(n) if (1..=MAX_DELETED).contains(&n) => self.delete_of(by, room, name, n, may_any, now),
                _ => self.answer_to(by, USAGE),
            },
            None if !more.is_empty() => self.answer_to(by, USAGE),
            None if what.eq_ignore_ascii_case("last") => {
                let refusal = format!("! You have said nothing in {} that can be deleted.", self.room_name(room));
                let history = &self.room(room).history;
                let last = history.iter().rev().find(|entry| entry.message.author == by);
                match last.map(|entry| entry.message.id) {
                    Some(id) => self.propose_deletion(by, room, (vec![id], None), now),
                    None => self.find_nothing(by, room, true, &refusal, now),
                }
            }
            None => match what.parse() {
                Ok(id) => self.delete_id(by, room, id, may_any, now),
                Err(_) => self.answer_to(by, USAGE),
            },
        }
    }

    pub(in crate::simulator::oracle) fn author_of(&self, room: usize, id: u64) -> Option<usize> {
        let history = &self.rooms[room].as_ref()?.history;
        history.iter().find(|entry| entry.message.id == id).map(|entry| entry.message.author)
    }

    fn delete_id(&mut self, by: usize, room: usize, id: u64, may_any: bool, now: Now) {
        match self.author_of(room, id) {
            Some(author) if may_any || author == by => self.propose_deletion(by, room, (vec![id], None), now),
            Some(_) => self.answer_to(by, &format!("! Message {id} is not yours.")),
            None => {
                let refusal = format!("! There is no message {id} in {}.", self.room_name(room));
                // A message of a muted member could have this number.
                let may_exist = (1..=self.messages).contains(&id);
                self.find_nothing(by, room, may_exist, &refusal, now);
            }
        }
    }

    fn delete_of(&mut self, by: usize, room: usize, name: &str, n: usize, may_any: bool, now: Now) {
        let is_own_name = self.find(name) == Some(by);
        if !may_any
            && !is_own_name
            && let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room))
        {
            return self.answer_to(by, &refusal);
        }
        let history = self.room(room).history.iter().rev().map(|entry| &entry.message);
        let meant = history.filter(|message| message.key == key(name) && (may_any || message.author == by));
        let ids: Vec<u64> = meant.take(n).map(|message| message.id).collect();
        if ids.is_empty() {
            let refusal = format!("! There is no message of {name} in {}.", self.room_name(room));
            return self.find_nothing(by, room, is_own_name, &refusal, now);
        }
        self.propose_deletion(by, room, (ids, None), now);
    }

    /// There is nothing to delete. A muted member must believe that its message is deleted.
    fn find_nothing(&mut self, by: usize, room: usize, is_own: bool, refusal: &str, now: Now) {
        if !is_own || !self.is_muted(by, now) {
            return self.answer_to(by, refusal);
        }
        let name = self.members[by].name.clone();
        let plain = format!("A message of {name} was deleted by {name}.");
        let program = format!("deleted [] of {name} by {name}");
        let words = self.words_for(self.speaker, &plain, &program);
        words.into_iter().for_each(|words| self.send_notice(self.speaker, room, words));
    }

    /// The newest messages in the rooms of a session's member: the room and the id of each; mostly its own ones.
    pub fn recent_messages(&self, session: usize) -> Vec<(String, u64)> {
        let Some(member) = self.readers[session].member else { return Vec::new() };
        let newest = |room: usize| {
            let found = self.rooms[room].as_ref()?;
            let own = found.history.iter().rev().find(|entry| entry.message.author == member);
            own.or(found.history.last()).map(|entry| (found.name.clone(), entry.message.id))
        };
        self.rooms_of(member).into_iter().filter_map(newest).collect()
    }

    /// Proposes to delete messages, on IRC with a reason.
    pub(in crate::simulator::oracle) fn propose_deletion(
        &mut self,
        by: usize,
        room: usize,
        (mut ids, reason): (Vec<u64>, Option<String>),
        now: Now,
    ) {
        ids.sort_unstable();
        let newest = ids.last().copied();
        let history = &self.room(room).history;
        let message = history.iter().map(|entry| &entry.message).find(|message| Some(message.id) == newest);
        let name = message.map_or_else(String::new, |message| message.name.clone());
        self.propose_or_refuse(Proposed::Delete { by, room, name, ids, reason }, now);
    }

    pub(in crate::simulator::oracle) fn refuse_deletion(&self, by: usize, room: usize, ids: &[u64]) -> Option<String> {
        if let Some(refusal) = self.refuse_gone(room) {
            return Some(refusal);
        }
        if self.rank(by, Some(room)) >= Rank::RoomOperator {
            return None;
        }
        if !self.members[by].is_member {
            return Some("! Nobody here is called .".into());
        }
        ids.iter().find_map(|&id| match self.author_of(room, id) {
            None => Some(format!("! There is no message {id} in {}.", self.room_name(room))),
            Some(author) if author != by => Some(format!("! Message {id} is not yours.")),
            Some(_) => None,
        })
    }

    pub(in crate::simulator::oracle) fn commit_deletion(
        &mut self,
        by: usize,
        room: usize,
        name: &str,
        (ids, reason): (&[u64], Option<&str>),
        now: Now,
    ) {
        self.note_act(by);
        let before: Vec<usize> = self.readers.iter().map(|reader| reader.expected.len()).collect();
        for &id in ids {
            let found = self.room(room);
            let Some(index) = found.history.iter().position(|entry| entry.message.id == id) else { continue };
            let position = found.said - found.history.len() + index;
            let removed = found.history.remove(index);
            // The days after it move with the messages after it.
            found.said -= 1;
            found.days.iter_mut().filter(|(at, _)| *at > position).for_each(|(at, _)| *at -= 1);
            found.has_deleted = true;
            for word in unique_words(&removed.message.spoken[removed.message.name.len()..]) {
                self.deleted.push(DeletedText { word: word.into(), before: before.clone() });
            }
            self.counts.deleted += 1;
        }
        let actor = self.actor_name(by);
        let words = match ids.len() {
            1 => format!("A message of {name} was deleted by {actor}."),
            n => format!("{n} messages of {name} were deleted by {actor}."),
        };
        let list: Vec<String> = ids.iter().map(u64::to_string).collect();
        let program = format!("deleted [{}] of {name} by {actor}", list.join(","));
        self.irc_redacted(by, room, (ids, reason), now);
        self.tell_room(by, room, &words, &program, now);
        self.remove_if_unkept(room);
    }

    /// Checks that bytes as they were written contain no deleted text, unless they were to be sent before the deletion.
    ///
    /// Must be called before the same bytes are compared with those expected.
    pub fn check_deleted(&mut self, who: usize, fresh: &[u8]) {
        let reader = &mut self.readers[who];
        reader.raw_end.extend_from_slice(fresh);
        for DeletedText { word, before } in &self.deleted {
            if reader.written < before.get(who).copied().unwrap_or_default() {
                continue;
            }
            let is_found = reader.raw_end.windows(word.len()).any(|bytes| bytes == word.as_bytes());
            assert!(!is_found, "person {who} is sent the deleted text {word}");
        }
        // A text may come in two pieces.
        let kept = reader.raw_end.len().saturating_sub(6);
        reader.raw_end.drain(..kept);
    }
}
