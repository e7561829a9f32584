//! Masks in one room: bans by patterns.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::mask::is_like;
use crate::simulator::oracle::moderation::mask::{Mask, composed};
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::phrases::split;
use crate::simulator::oracle::rooms::rules::MAX_LISTED;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    /// Whether a member matches one of the masks of a room.
    pub(in crate::simulator::oracle) fn is_masked(&self, who: usize, room: usize, with_mutes: bool) -> bool {
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let is_like = |pattern: &str, text: &str| is_like(&chars(pattern), &chars(text));
        let account = if who == OPERATOR { None } else { self.members[who].account };
        let account = account.and_then(|account| Some(composed(&self.accounts[account].as_ref()?.name)));
        let matches = |mask: &Mask| match &mask.account {
            Some(pattern) => account.as_ref().is_some_and(|account| is_like(pattern, account)),
            None => {
                let [nick, user, host] = &mask.parts;
                let (own_user, own_host) = match who {
                    OPERATOR => ("chat", ""),
                    who => (&*self.members[who].identity.user, &*self.members[who].identity.host),
                };
                is_like(nick, &composed(&self.actor_name(who)))
                    && is_like(user, &own_user.to_lowercase())
                    && is_like(host, own_host)
            }
        };
        let masks = self.rules_of(room).masks.iter().map(|(mask, _)| mask);
        masks.filter(|mask| with_mutes || !mask.is_mute).any(matches)
    }

    /// `/ban #room MASK`, `/unban #room MASK`
    pub(super) fn set_mask(&mut self, by: usize, room: usize, rest: &str, added: bool, now: Now) {
        let (word, more) = split(rest);
        if !more.trim().is_empty() {
            return self.answer_to(by, &format!("! Usage: /{} MASK", if added { "ban" } else { "unban" }));
        }
        match Mask::parse(word) {
            Some(mask) => self.propose_or_refuse(Proposed::Mask { by, room, mask, added }, now),
            None => {
                let words = "A mask is NICK!USER@HOST with * and ?, a:ACCOUNT, or m: and one of these; 100 bytes at most, no spaces.";
                self.answer_to(by, &format!("! {words}"));
            }
        }
    }

    pub(in crate::simulator::oracle) fn refuse_mask(
        &self,
        by: usize,
        room: usize,
        mask: &Mask,
        added: bool,
    ) -> Option<String> {
        if let Some(refusal) = self.permit(by, Rank::RoomOperator, Some(room)).or_else(|| self.refuse_gone(room)) {
            return Some(refusal);
        }
        if room == 0 && !mask.is_mute {
            return Some("! That does not apply to lobby.".into());
        }
        let masks = &self.rules_of(room).masks;
        let name = self.room_name(room);
        match (masks.iter().any(|(other, _)| other == mask), added) {
            (true, true) => Some("! That is set so already.".into()),
            (false, false) => Some(format!("! {name} has no mask {}. /bans lists them.", mask.text())),
            (false, true) if masks.len() >= MAX_LISTED => {
                Some(format!("! The list of {name} is full ({MAX_LISTED} names at most)."))
            }
            _ => None,
        }
    }

    pub(in crate::simulator::oracle) fn commit_mask(
        &mut self,
        by: usize,
        room: usize,
        mask: Mask,
        added: bool,
        now: Now,
    ) {
        self.note_act(by);
        let (actor, text) = (self.actor_name(by), mask.text());
        let words = match added {
            true => format!("{actor} {} {text}", mask.act()),
            false => format!("{actor} lifted the {} of {text}", if mask.is_mute { "mute" } else { "ban" }),
        };
        match added {
            true => {
                self.counts.masks += 1;
                self.rules(room).masks.push((mask, actor));
            }
            false => {
                self.counts.lifted_masks += 1;
                self.rules(room).masks.retain(|(other, _)| *other != mask);
            }
        }
        self.irc_act(by, room, "MODE", &format!("{}b {text}", if added { '+' } else { '-' }), now);
        self.tell_room(by, room, &words, &words, now);
        self.store_room(room);
        self.remove_if_unkept(room);
    }

    /// The masks of a room as `/bans` shows them.
    pub(super) fn listed_masks(&self, room: usize) -> impl Iterator<Item = String> {
        self.rules_of(room).masks.iter().map(|(mask, by)| format!("* {} is {} by {by}.", mask.text(), mask.act()))
    }
}
