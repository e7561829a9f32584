//! Commands of IRC sessions about channels.

mod modes;

pub(in crate::simulator::oracle) use self::modes::ModeChanges;
use super::vocabulary::Identity;
use super::{MAX_LINE, Oracle, lines_of};
use crate::chat::Now;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::words::Optional;

/// The most bytes of a topic.
const MAX_TEXT: usize = 390;

impl Oracle {
    pub(super) fn irc_channel_command(
        &mut self,
        who: usize,
        member: usize,
        command: &str,
        params: &[String],
        now: Now,
    ) {
        let Some(name) = params.first() else {
            return match command {
                "NAMES" => self.irc_numeric(who, 366, "* :End of /NAMES list"),
                _ => self.irc_numeric(who, 337, ":End of /INVITE list"),
            };
        };
        if command == "JOIN" {
            return self.irc_join(who, member, name, params.get(1), now);
        }
        let channel = if command == "INVITE" { params.get(1).expect("a channel") } else { name };
        let room = channel.strip_prefix('#').and_then(|name| self.find_room(name));
        let room = room.filter(|&room| self.sees(member, room));
        if command == "NAMES" {
            room.into_iter().for_each(|room| self.send_names(who, room));
            return self.irc_numeric(who, 366, &format!("{name} :End of /NAMES list"));
        }
        let Some(room) = room else { return self.irc_numeric(who, 403, &format!("{channel} :No such channel")) };
        self.irc_note_channel(who, room);
        let is_in = self.is_in(member, room);
        match command {
            "TOPIC" => match params.get(1) {
                Some(text) => {
                    let text = text[..text.floor_char_boundary(MAX_TEXT)].trim();
                    let text = Some(text.to_owned()).filter(|text| !text.is_empty());
                    self.propose_or_refuse(Proposed::Topic { who: member, room, text }, now);
                }
                None => self.show_topic(who, member, room),
            },
            "MODE" => self.irc_mode(who, member, room, &params[1..], now),
            "PART" if is_in => {
                let reason = params.get(1).cloned();
                self.propose_or_refuse(Proposed::Unfollow { who: member, room, reason }, now);
            }
            "KICK" | "INVITE" if is_in || self.rank(member, None) >= Rank::Moderator => {
                let (kicks, name) = (command == "KICK", if command == "KICK" { &params[1] } else { name });
                if let Some(refusal) = self.permit(member, Rank::RoomOperator, Some(room)) {
                    return self.send_line(who, &refusal);
                }
                if room == 0 {
                    return self.send_line(who, "! That does not apply to lobby.");
                }
                let Some(target) = self.find(name) else {
                    return self.send_line(who, &format!("! Nobody here is called {name}."));
                };
                let proposed = match kicks {
                    true => {
                        let why = params.get(2).map(|why| why.trim().to_owned()).filter(|why| !why.is_empty());
                        Proposed::Kick { by: member, who: target, room: Some(room), name: name.into(), why }
                    }
                    false => Proposed::Invite { by: member, who: target, room },
                };
                self.propose_or_refuse(proposed, now);
            }
            _ => self.irc_numeric(who, 442, &format!("{channel} :You're not on that channel")),
        }
    }

    fn irc_join(&mut self, who: usize, member: usize, channel: &str, key: Option<&String>, now: Now) {
        let Some(room) = channel.strip_prefix('#').and_then(|name| self.place(name)) else {
            return self.irc_numeric(who, 403, &format!("{channel} :No such channel"));
        };
        let found = self.find_room(&room);
        if found.is_some_and(|room| self.is_in(member, room)) {
            return;
        }
        let has_key = found.is_some_and(|room| self.rules_of(room).has("key"));
        let key = key.filter(|_| has_key).cloned();
        self.irc_mut(who).given.subject = channel.into();
        self.propose_or_refuse(Proposed::Follow { who: member, room, key }, now);
    }

    fn show_topic(&mut self, who: usize, member: usize, room: usize) {
        let channel = format!("#{}", self.room_name(room));
        if self.rules_of(room).has("secret") && !self.is_in(member, room) {
            return self.irc_numeric(who, 442, &format!("{channel} :You're not on that channel"));
        }
        if !self.send_topic_numerics(who, room) {
            self.irc_numeric(who, 331, &format!("{channel} :No topic is set"));
        }
    }

    fn send_topic_numerics(&mut self, who: usize, room: usize) -> bool {
        let found = self.room(room);
        let (channel, at) = (format!("#{}", found.name), found.topic_at);
        let Some((name, text)) = found.topic.clone() else { return false };
        self.irc_numeric(who, 332, &format!("{channel} :{text}"));
        self.irc_numeric(who, 333, &format!("{channel} {name} {at}"));
        true
    }

    /// Lets a session enter a room.
    pub(in crate::simulator::oracle) fn irc_greet(&mut self, session: usize, room: usize, now: Now) {
        let Some(member) = self.readers[session].member else { return };
        self.send_join(session, member, room, now);
        self.send_topic_numerics(session, room);
        if self.readers[session].has_cap("draft/read-marker") {
            let channel = format!("#{}", self.room_name(room));
            let line = format!(":{} MARKREAD {channel} {}", self.config.name, self.marker(member, &channel));
            self.irc_send(session, &line);
        }
        if !self.readers[session].has_cap("draft/no-implicit-names") {
            self.send_names(session, room);
            self.irc_numeric(session, 366, &format!("#{} :End of /NAMES list", self.room_name(room)));
        }
        self.replay_on_irc(session, member, room);
        self.sync_on_join(session, member, room, now);
    }

    fn send_names(&mut self, session: usize, room: usize) {
        let has_hosts = self.readers[session].has_cap("userhost-in-names");
        let kind = if self.rules_of(room).has("secret") { '@' } else { '=' };
        let mut words = Vec::new();
        for member in self.room(room).members.clone() {
            let sign = match self.role(member, room) {
                Some(true) => "@",
                Some(false) => "+",
                None => "",
            };
            let Identity { user, host, .. } = &self.members[member].identity;
            let name = &self.members[member].name;
            words.push(if has_hosts { format!("{sign}{name}!{user}@{host}") } else { format!("{sign}{name}") });
        }
        let start = format!("{kind} #{} :", self.room_name(room));
        let around = format!(":{} 353 {} {start}", self.config.name, self.irc_nick(session)).len();
        for names in lines_of(&words, MAX_LINE - around) {
            let begin = self.readers[session].expected.len();
            let may_stop = self.may_be_cut(session, 4);
            self.irc_numeric(session, 353, &format!("{start}{names}"));
            if may_stop {
                let end = self.readers[session].expected.len();
                self.readers[session].optional.push(Optional { place: begin..end, instead: Vec::new() });
            }
        }
    }
}
