//! Topics of rooms.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::MAX_TEXT;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// `/topic [#room] [text]`
    pub(in crate::simulator::oracle) fn topic(&mut self, who: usize, arg: &str, now: Now) {
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
    pub(in crate::simulator::oracle) fn refuse_topic(&self, who: usize, room: usize, now: Now) -> Option<String> {
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

    /// Sends words about a topic; programs read the same event if it is set and if it is asked for. Those of revision
    /// 1 know no topics.
    fn answer_topic(&mut self, who: usize, room: usize, plain: &str, program: &str) {
        if who == OPERATOR {
            return self.send_room_event_to_console(room, "* ", plain);
        }
        let words = self.words_for(self.speaker, plain, program);
        words.into_iter().for_each(|words| self.send_notice(self.speaker, room, words));
    }

    pub(in crate::simulator::oracle) fn commit_topic(
        &mut self,
        who: usize,
        room: usize,
        text: Option<String>,
        now: Now,
    ) {
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
}
