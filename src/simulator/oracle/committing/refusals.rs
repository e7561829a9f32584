//! Why a public change is not carried out.

use crate::chat::Now;
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::words::OPERATOR;

impl Oracle {
    pub(super) fn count_refusal(&mut self, proposed: &Proposed, refusal: &str) {
        let keeps_out = ["You are banned from", "needs a key", "is not the key", "is invite-only", "is full ("];
        match proposed {
            Proposed::Say { .. } | Proposed::SayLines { .. } | Proposed::SayToRole { .. } => {
                self.counts.refused_speech += 1
            }
            Proposed::Topic { .. } => {
                let silences = [" is moderated: ", "slow mode", "You are muted in"];
                self.counts.refused_topics += usize::from(silences.iter().any(|words| refusal.contains(words)));
            }
            Proposed::Kick { .. } | Proposed::Restrict { .. } | Proposed::Ban { .. } | Proposed::Unban { .. } => {
                let reasons = ["! That is you.", "! Only the operator of the server can do that."];
                self.counts.refused_acts += usize::from(reasons.contains(&refusal));
            }
            Proposed::Join { .. } | Proposed::Rename { .. } => {
                self.counts.alike_names += usize::from(refusal.contains(" looks like "));
            }
            Proposed::Invite { .. } => self.counts.refused_acts += usize::from(refusal.contains(" is banned from ")),
            Proposed::Move { .. } | Proposed::Follow { .. } => {
                let empty = self.rooms.iter().skip(1).flatten().any(|room| room.members.is_empty());
                self.counts.kept_rooms += usize::from(empty && refusal.contains(" rooms already"));
                self.note_room_name(refusal);
                self.counts.kept_out += usize::from(keeps_out.iter().any(|words| refusal.contains(words)));
            }
            _ => {}
        }
    }

    /// Counts a refusal of a room that is about its name.
    pub(in crate::simulator::oracle) fn note_room_name(&mut self, refusal: &str) {
        let is_name = refusal.starts_with("! The name ");
        self.counts.alike_rooms += usize::from(is_name && refusal.contains(" looks like "));
        self.counts.unfit_names += usize::from(is_name && refusal.contains(" mixes "));
    }

    /// The reason why a change cannot be carried out now.
    pub(in crate::simulator::oracle) fn refusal(&self, proposed: &Proposed, now: Now) -> Option<String> {
        let gone = |who: usize| (!self.members[who].is_member).then(|| "! Nobody here is called .".to_owned());
        match *proposed {
            Proposed::Join { ref name, account, .. } => self.refuse_login(name, account),
            Proposed::Move { who, ref room, ref key } => {
                gone(who).or_else(|| self.refuse_room(who, room, key.as_deref(), now))
            }
            Proposed::Follow { who, ref room, ref key } => {
                gone(who).or_else(|| self.refuse_following(who, room, key.as_deref(), now))
            }
            Proposed::Unfollow { who, room, .. } => gone(who).or_else(|| self.refuse_unfollowing(who, room)),
            Proposed::Topic { who, room, .. } => self.refuse_topic(who, room, now),
            Proposed::Away { who, .. } | Proposed::Leave { who, .. } | Proposed::Introduce { who, .. } => gone(who),
            Proposed::Tag { who, room, .. } => gone(who).or_else(|| self.refuse_absent(who, room)).or_else(|| {
                // Slow mode does not count tags.
                self.refuse_speech(who, room, now).filter(|refusal| !refusal.contains(" is in slow mode"))
            }),
            Proposed::Say { author: OPERATOR, .. } => None,
            Proposed::Say { author, room, .. }
            | Proposed::SayLines { author, room, .. }
            | Proposed::SayToRole { author, room, .. } => gone(author)
                .or_else(|| self.refuse_absent(author, room))
                .or_else(|| self.refuse_speech(author, room, now)),
            Proposed::Post { ref room, .. } => {
                self.find_room(room).is_none().then(|| format!("! There is no room {room}."))
            }
            Proposed::Rename { who, ref name, account, .. } => {
                gone(who).or_else(|| self.refuse_name(who, &self.members[who].name, name, account))
            }
            Proposed::Register { who, .. } => gone(who).or_else(|| self.refuse_registration(who)),
            Proposed::SetPassword { account, .. } => self.refuse_removed(account),
            Proposed::SetKeys { account, ref password } => self.refuse_keys(account, password),
            Proposed::Unregister { by, account } => self.refuse_removal(by, account),
            Proposed::Metadata { by, target, .. } => self.refuse_metadata(by, target),
            Proposed::Kick { by, who, room: Some(room), ref name, .. } => self.refuse_room_kick(by, who, room, name),
            Proposed::Kick { by, who, ref name, .. } | Proposed::Mute { by, who, ref name, .. } => {
                self.refuse_act(by, who, name)
            }
            Proposed::Ban { by, who: Some(who), ref name, .. } => {
                self.refuse_act(by, who, name.as_deref().unwrap_or_default())
            }
            Proposed::Ban { by, who: None, .. } => self.permit(by, Rank::Operator, None),
            Proposed::Unban { by, ip } => {
                let least = if self.is_banned_by_address(ip, now) { Rank::Operator } else { Rank::Moderator };
                self.permit(by, least, None)
            }
            Proposed::Unmute { by, .. } => self.permit(by, Rank::Moderator, None),
            Proposed::Restrict { by, who, room, kind, ref name, .. } => {
                self.refuse_restriction(by, who, room, kind, name, now)
            }
            Proposed::Lift { by, room, .. } => {
                self.permit(by, Rank::RoomOperator, Some(room)).or_else(|| self.refuse_gone(room))
            }
            Proposed::Mask { by, room, ref mask, added } => self.refuse_mask(by, room, mask, added),
            Proposed::Set { by, room, setting, ref value } => self.refuse_setting(by, room, setting, value),
            Proposed::Invite { by, who, room } => self.refuse_invitation(by, who, room, now),
            Proposed::Role { by, who, room, role, given } => self.refuse_role(by, who, room, role, given),
            Proposed::Moderator { who, given } => self.refuse_moderator(who, given),
            Proposed::Delete { by, room, ref ids, .. } => self.refuse_deletion(by, room, ids),
        }
    }
}
