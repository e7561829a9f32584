//! WHO, with and without chosen fields (WHOX).
//!
//! Sources: <https://modern.ircdocs.horse/#who-message>, <https://ircv3.net/specs/extensions/whox>

use std::fmt::Write;

use crate::chat::event::{Event, IrcLine};
use crate::chat::hub::fanout::sign;
use crate::chat::hub::irc::Call;
use crate::chat::hub::irc::search::{TRY_AGAIN, steps_of};
use crate::chat::hub::plan::Asker;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{MemberId, MemberSlot, Now, RoomId};
use crate::chat::member::{Member, Role};
use crate::chat::policy::cidr::Network;
use crate::chat::policy::mask::{MAX_MASK, folded, is_like};

/// Members that one answer has at most; a smaller backlog makes it shorter.
const MAX_ANSWERS: usize = 1000;
/// The least bytes that one line of an answer takes of the backlog.
const BYTES_PER_ANSWER: usize = 512;
/// The fields of WHOX in their order in an answer.
const FIELDS: &str = "tcuihsnfdlaor";
/// The steps in which it is found out whether a member is listed, in the worst case: whether it shares a room.
const STEPS_TO_LIST: usize = 4;
/// The steps in which the line about a member is made.
const STEPS_TO_SHOW: usize = 4;
/// The fields in which a mask can be searched: nickname, user name, host, real name, account.
const SEARCHED: &str = "nuhra";
/// The longest token of WHOX.
const MAX_TOKEN: usize = 3;

/// What is asked for besides the mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    /// Only operators are listed.
    operators: bool,
    /// The fields in which a mask is searched, such as `nu`; empty for all.
    searched: &'a str,
    /// The fields that are shown, if not the usual ones.
    fields: Option<&'a str>,
    token: &'a str,
}

impl<'a> Options<'a> {
    /// Parses `FLAGS%FIELDS,TOKEN`, of which each part may be missing.
    fn parse(text: &'a str) -> Self {
        let (flags, whox) = text.split_once('%').map_or((text, None), |(flags, whox)| (flags, Some(whox)));
        let whox = whox.map(|whox| whox.split_once(',').unwrap_or((whox, "")));
        let token = whox.map_or("", |(_, token)| token);
        let is_token = (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_digit());
        let searched = flags.trim_matches('o');
        let is_field = |c: char| SEARCHED.contains(c);
        Options {
            operators: flags.contains('o'),
            searched: if searched.chars().all(is_field) { searched } else { "" },
            fields: whox.map(|(fields, _)| fields),
            token: if is_token { token } else { "0" },
        }
    }

    fn searches(&self, field: char) -> bool {
        self.searched.is_empty() && field != 'a' || self.searched.contains(field)
    }

    /// The number of fields in which a mask is searched.
    fn fields_searched(&self) -> usize {
        SEARCHED.chars().filter(|&field| self.searches(field)).count()
    }
}

impl Hub {
    /// WHO
    pub(in crate::chat::hub::irc) fn irc_who(&mut self, call: &Call) {
        let Some(asker) = self.caller(call) else { return };
        let options = Options::parse(call.text(1));
        let mask = match call.text(0) {
            "" | "0" => "*",
            mask => mask,
        };
        let most = MAX_ANSWERS.min(self.config.backlog_bytes / 4 / BYTES_PER_ANSWER).max(1);
        let Some((room, mut found)) = self.search(asker, mask, &options, most + 1, call.now) else {
            return self.numeric(asker.id, 263, &["WHO"], TRY_AGAIN);
        };
        let is_cut = found.len() > most;
        found.truncate(most);
        for slot in found {
            self.send_who(asker, slot, room, &options, call.now);
        }
        // A parameter that is not the last one has no spaces.
        let shown = Some(call.text(0)).filter(|mask| !mask.is_empty() && !mask.contains(' ')).unwrap_or("*");
        if is_cut {
            self.numeric(asker.id, 416, &["WHO", shown], &format!("Only the first {most} are shown"));
        }
        self.numeric(asker.id, 315, &[shown], "End of /WHO list");
    }

    /// Finds up to `most` members: those of a channel, the one with a nickname, or else those that are like a mask. `None` if
    /// there were too many searches.
    fn search(
        &mut self,
        asker: Asker,
        mask: &str,
        options: &Options,
        most: usize,
        now: &Now,
    ) -> Option<(Option<RoomId>, Vec<MemberSlot>)> {
        let network = Network::of_client(self.sessions.ip(asker.id));
        let members = &self.shared.members;
        let is_wanted = |member: &Member| !options.operators || member.role() == Role::Operator;
        if mask.starts_with('#') {
            let Some(room) = self.channel(asker, mask) else { return Some((None, Vec::new())) };
            if !self.searches.allows(network, now.at) {
                return None;
            }
            let mut visited = 0;
            let all = self.shared.rooms[room].members.iter().copied().inspect(|_| visited += 1);
            let all = all.filter(|&slot| is_wanted(&members[slot]) && self.lists(asker, slot));
            let found: Vec<MemberSlot> = all.take(most).collect();
            let steps = visited * STEPS_TO_LIST + found.len() * STEPS_TO_SHOW;
            self.searches.take(network, steps, now.at);
            return Some((Some(room), found));
        }
        if let Some(member) = members.find(mask) {
            let found = Some(member.slot).filter(|&slot| is_wanted(&members[slot]));
            return Some((None, found.into_iter().collect()));
        }
        if mask.len() > MAX_MASK {
            return Some((None, Vec::new()));
        }
        if !self.searches.allows(network, now.at) {
            return None;
        }
        let (pattern, mut visited) = (folded(mask), 0);
        let all = self.shared.members.iter().inspect(|_| visited += 1);
        let matches = |(slot, member)| is_wanted(member) && self.matches(slot, &pattern, options);
        let mut matching = 0;
        let found = all.filter(|&found| matches(found)).inspect(|_| matching += 1);
        let found = found.filter(|&(slot, _)| self.lists(asker, slot));
        let found = found.map(|(slot, _)| slot).take(most).collect();
        let found: Vec<MemberSlot> = found;
        let compared = visited * options.fields_searched() * steps_of(&pattern);
        let steps = compared + matching * STEPS_TO_LIST + found.len() * STEPS_TO_SHOW;
        self.searches.take(network, steps, now.at);
        Some((None, found))
    }

    /// Whether a member is like a folded mask in one of the fields that are searched.
    fn matches(&self, slot: MemberSlot, pattern: &str, options: &Options) -> bool {
        let is_like = |field: char, text: &str| options.searches(field) && is_like(pattern, &folded(text));
        let Shared { members, accounts, .. } = &self.shared;
        let member = &members[slot];
        is_like('n', &member.name)
            || is_like('u', members.user(slot))
            || is_like('h', &member.host().text())
            || is_like('r', members.real_name(slot))
            || is_like('a', accounts.source_of(members, slot).account.unwrap_or_default())
    }

    /// Whether a member is listed to another one: it is visible, is the other one, or shares a room with it.
    fn lists(&self, asker: Asker, slot: MemberSlot) -> bool {
        !self.is_invisible(slot) || slot == asker.member.slot || self.share_a_room(asker.member.slot, slot)
    }

    /// Whether two members have a room in common.
    pub(in crate::chat::hub::irc) fn share_a_room(&self, one: MemberSlot, other: MemberSlot) -> bool {
        let members = &self.shared.members;
        members.rooms(one).any(|room| members.is_in(other, room))
    }

    /// The text of a member that is away, if the other one is shown it: that of a muted one is not.
    pub(in crate::chat::hub::irc) fn shown_away(&self, reader: MemberId, member: MemberId, now: &Now) -> Option<&str> {
        let is_shown = reader == member || !self.shared.mutes.holds(member, now.at);
        self.shared.members[member.slot].away().filter(|_| is_shown)
    }

    /// For how many seconds the sessions of a member have sent no message; `None` if it has none here.
    pub(in crate::chat::hub::irc) fn idle_seconds(&self, slot: MemberSlot, now: &Now) -> Option<u64> {
        let spoke = |id| self.sessions.irc(id).map_or(self.sessions[id].active, |irc| irc.spoke());
        let last = self.shared.members[slot].sessions().map(spoke).max()?;
        Some(now.micros().saturating_sub(last) / 1_000_000)
    }

    /// The flags of a member: `H` for here or `G` for gone, `*` for an operator, its sign in the room, `B` for a program.
    fn who_flags(&self, asker: Asker, slot: MemberSlot, room: Option<RoomId>, now: &Now) -> String {
        let (member, id) = (&self.shared.members[slot], self.shared.members.id(slot));
        let mut flags = String::from(if self.shown_away(asker.member, id, now).is_some() { "G" } else { "H" });
        if member.role() == Role::Operator {
            flags.push('*');
        }
        if let Some(room) = room {
            flags.push_str(sign(self.shared.rooms[room].rules.role(member.holder(slot))));
        }
        if self.shared.members.is_bot(slot) {
            flags.push('B');
        }
        flags
    }

    /// Sends the line about one member.
    fn send_who(&mut self, asker: Asker, slot: MemberSlot, room: Option<RoomId>, options: &Options, now: &Now) {
        let flags = self.who_flags(asker, slot, room, now);
        let idle = self.idle_seconds(slot, now).unwrap_or_default().to_string();
        let member = &self.shared.members[slot];
        let source = self.shared.accounts.source_of(&self.shared.members, slot);
        let host = source.host.text();
        let channel = room.map_or("*".into(), |room| format!("#{}", self.shared.rooms.name(room)));
        let server = self.nodes.elsewhere(&self.shared, slot).unwrap_or(&self.config.name);
        let mut text = String::new();
        let (code, middle, text) = match options.fields {
            None => {
                let _ = write!(text, "0 {}", source.real_name);
                (352, vec![&*channel, source.user, &host, server, &member.name, &flags], Some(&*text))
            }
            Some(fields) => {
                let value = |field| match field {
                    't' => options.token,
                    'c' => &channel,
                    'u' => source.user,
                    // Addresses are not shown.
                    'i' => "255.255.255.255",
                    'h' => &host,
                    's' => server,
                    'n' => &member.name,
                    'f' => &flags,
                    'd' => "0",
                    'l' => &idle,
                    'a' => source.account.unwrap_or("0"),
                    _ => "n/a",
                };
                let shown = FIELDS.chars().filter(|&field| field != 'r' && fields.contains(field)).map(value);
                (354, shown.collect(), fields.contains('r').then_some(source.real_name))
            }
        };
        let line = IrcLine::Numeric { code, middle: &middle, text };
        self.outbound.send(&mut self.sessions, &self.shared.members, asker.id, &Event::Irc(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_flags_fields_and_a_token() {
        let parse = Options::parse;
        let plain = Options { token: "0", ..Options::default() };
        assert_eq!((parse(""), parse("x")), (plain, plain));
        assert_eq!(parse("o"), Options { operators: true, ..plain });
        assert_eq!(parse("%tna,42"), Options { fields: Some("tna"), token: "42", ..plain });
        assert_eq!(parse("nuo%f"), Options { operators: true, searched: "nu", fields: Some("f"), ..plain });
        for long in ["%t,1234", "%t,", "%t,1a"] {
            assert_eq!(parse(long), Options { fields: Some("t"), ..plain });
        }
    }

    #[test]
    fn accounts_are_searched_only_if_asked_for() {
        assert!(!Options::parse("").searches('a') && Options::parse("").searches('n'));
        assert!(Options::parse("a").searches('a') && !Options::parse("a").searches('n'));
    }
}
