//! What public changes do when they are committed.

use crate::chat::{Cause, Now};
use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::moderation::rank::Rank;
use crate::simulator::oracle::rooms::replay::Replay;
use crate::simulator::oracle::rooms::rules::Value;

impl Oracle {
    /// Carries a change out; `session` is the one that has proposed it.
    pub(super) fn carry_out(&mut self, session: Option<usize>, proposed: Proposed, now: Now) {
        match proposed {
            Proposed::Join { who, name, room, follow, account } => {
                let has_member = account.and_then(|account| self.accounts[account].as_ref()?.member);
                let member = match has_member {
                    Some(member) => self.log_in_again(who, session, member, now),
                    None => self.log_in(who, session, name, account, (&room, &follow), now),
                };
                if session.is_none() {
                    // Its session has ended in the meantime.
                    self.propose(Proposed::Leave { who: member, cause: Cause::ConnectionLost });
                }
            }
            Proposed::Move { who, room, key } => {
                let room = self.open(&room, who, now).expect("a room that can be opened");
                self.note_key(who, room, key);
                self.go(who, room, "", now);
            }
            Proposed::Follow { who, room, key } => {
                let room = self.open(&room, who, now).expect("a room that can be opened");
                self.note_key(who, room, key);
                self.commit_follow(who, room, Replay::ALL, now);
            }
            Proposed::Unfollow { who, room, reason } => {
                let is_silent = self.is_muted(who, now) || self.refuse_speech(who, room, now).is_some();
                self.counts.dropped_reasons += usize::from(is_silent && reason.is_some());
                self.irc_parted(who, room, reason.as_deref().filter(|_| !is_silent), now);
                self.commit_unfollow(who, room, None, now);
            }
            Proposed::Topic { who, room, text } => self.commit_topic(who, room, text, now),
            Proposed::Away { who, text } => self.commit_away(who, text, now),
            Proposed::Leave { who, cause } => self.leave(who, &cause, now),
            Proposed::Tag { who, room, tags } => self.irc_tagged(who, room, &tags, now),
            Proposed::Introduce { who, real_name } => self.irc_introduced(who, &real_name, now),
            Proposed::Say { author, room, kind, text } => self.say(author, session, room, kind, &text, now),
            Proposed::Metadata { by, target, key, value } => {
                self.commit_metadata((by, session), target, (key, value), now);
            }
            Proposed::SayLines { author, room, kind, tags, lines } => {
                self.say_lines(author, session, room, kind, tags.as_deref(), &lines, now);
            }
            Proposed::SayToRole { author, room, operators, kind, text } => {
                self.say_to_role(author, session, room, operators, (kind, &text), now);
            }
            Proposed::Post { room, name, lines } => self.commit_post(&room, &name, &lines, now),
            Proposed::Rename { who, name, account, ip } => self.set_name(who, &name, account, ip, now),
            Proposed::Register { who, password, has_keys, ip } => {
                self.commit_registration(who, password, has_keys, ip, now);
            }
            Proposed::SetPassword { account, password, has_keys, .. } => {
                self.commit_password(account, password, has_keys);
            }
            Proposed::SetKeys { account, .. } => self.commit_keys(account),
            Proposed::Unregister { by, account } => self.commit_removal(by, account),
            Proposed::Kick { by, who, room: Some(room), why, .. } => {
                self.commit_room_kick(by, who, room, why.as_deref(), now);
            }
            Proposed::Kick { by, who, why, .. } => self.commit_kick(by, who, why.as_deref(), now),
            Proposed::Ban { by, ip, name, minutes, .. } => self.commit_ban(by, ip, name, minutes, now),
            Proposed::Unban { by, ip } => self.commit_unban(by, ip, now),
            Proposed::Mute { by, who, ip, minutes, .. } => self.commit_mute(by, who, ip, minutes, now),
            Proposed::Unmute { by, key } => self.commit_unmute(by, &key, now),
            Proposed::Restrict { by, who, room, kind, minutes, .. } => {
                self.commit_restriction(by, who, room, kind, minutes, now);
            }
            Proposed::Lift { by, room, kind, key } => self.commit_lift(by, room, kind, &key, now),
            Proposed::Mask { by, room, mask, added } => self.commit_mask(by, room, mask, added, now),
            Proposed::Set { by, room, setting, value } => self.commit_setting(by, room, setting, value, now),
            Proposed::Invite { by, who, room } => self.commit_invitation(by, who, room, now),
            Proposed::Role { by, who, room, role, given } => self.commit_role(by, who, room, role, given, now),
            Proposed::Moderator { who, given } => self.commit_moderator(who, given),
            Proposed::Delete { by, room, name, ids, reason } => {
                self.commit_deletion(by, room, &name, (&ids, reason.as_deref()), now);
            }
        }
    }

    /// Counts a member that enters a room with its key.
    fn note_key(&mut self, who: usize, room: usize, given: Option<String>) {
        let is_needed = self.rank(who, Some(room)) < Rank::RoomOperator && !self.is_in(who, room);
        let is_right = given.is_some_and(|given| self.rules(room).settings.get("key") == Some(&Value::Word(given)));
        self.counts.entered_with_key += usize::from(is_needed && is_right);
    }
}
