//! Who may enter a room and speak in it, and who operates it.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::change::RestrictionKind;
use crate::chat::id::MemberId;
use crate::chat::member::RoomRole;
use crate::chat::policy::restrictions::Restrictions;
use crate::chat::settings::RoomSettings;

/// The most roles, bans, mutes or invitations of one room.
pub const MAX_LISTED: usize = 100;

/// The settings of a room, and the lists of members with a role, an invitation, a mute or a ban.
#[derive(Default, Serialize, Deserialize)]
pub struct RoomRules {
    pub settings: RoomSettings,
    /// Members with a role, in the order in which it was given; some may have left the server.
    roles: Vec<(MemberId, RoomRole)>,
    /// Members that were invited and have not entered since, the oldest invitation first.
    invited: VecDeque<MemberId>,
    pub bans: Restrictions,
    pub mutes: Restrictions,
    /// In slow mode: members that have spoken, and when, the oldest first.
    spoken: VecDeque<(MemberId, Duration)>,
}

impl RoomRules {
    /// Rules with these settings and empty lists.
    pub fn new(settings: RoomSettings) -> Self {
        RoomRules { settings, ..RoomRules::default() }
    }

    /// The mutes, or the bans.
    pub fn restrictions(&self, kind: RestrictionKind) -> &Restrictions {
        match kind {
            RestrictionKind::Mute => &self.mutes,
            RestrictionKind::Ban => &self.bans,
        }
    }

    /// As [`RoomRules::restrictions`], mutable.
    pub fn restrictions_mut(&mut self, kind: RestrictionKind) -> &mut Restrictions {
        match kind {
            RestrictionKind::Mute => &mut self.mutes,
            RestrictionKind::Ban => &mut self.bans,
        }
    }

    /// Whether anything may keep a member from speaking.
    #[inline]
    pub fn limit_speech(&self) -> bool {
        self.settings.moderated || self.settings.slow.is_some() || !self.mutes.is_empty()
    }

    /// The role of a member.
    pub fn role(&self, member: MemberId) -> Option<RoomRole> {
        self.roles.iter().find(|(id, _)| *id == member).map(|&(_, role)| role)
    }

    /// The members with a role, in the order in which it was given; some may have left the server.
    pub fn roles(&self) -> &[(MemberId, RoomRole)] {
        &self.roles
    }

    /// Gives a member a role in place of the one that it has. Roles of members for which `is_here` is false are removed.
    pub fn give_role(&mut self, member: MemberId, role: RoomRole, is_here: impl Fn(MemberId) -> bool) {
        self.roles.retain(|&(id, _)| id != member && is_here(id));
        self.roles.push((member, role));
    }

    /// Takes the role of a member.
    pub fn take_role(&mut self, member: MemberId) {
        self.roles.retain(|&(id, _)| id != member);
    }

    /// Whether a member is invited.
    pub fn is_invited(&self, member: MemberId) -> bool {
        self.invited.contains(&member)
    }

    /// Invites a member; the oldest invitation ends if there are too many.
    pub fn invite(&mut self, member: MemberId) {
        self.use_invitation(member);
        if self.invited.len() >= MAX_LISTED {
            self.invited.pop_front();
        }
        self.invited.push_back(member);
    }

    /// A member has entered: its invitation is used up.
    pub fn use_invitation(&mut self, member: MemberId) {
        self.invited.retain(|&id| id != member);
    }

    /// In slow mode: notes that a member speaks.
    pub fn note_spoken(&mut self, member: MemberId, now: Duration) {
        let Some(slow) = self.settings.slow else { return };
        let is_over = |at: Duration| at + Duration::from_secs(slow.into()) <= now;
        self.spoken.retain(|&(id, at)| id != member && !is_over(at));
        self.spoken.push_back((member, now));
    }

    /// In slow mode: the time until a member may speak again.
    pub fn slow_wait(&self, member: MemberId, now: Duration) -> Option<Duration> {
        let slow = Duration::from_secs(self.settings.slow?.into());
        let (_, at) = self.spoken.iter().rev().find(|(id, _)| *id == member)?;
        (*at + slow).checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Forgets when members have spoken; slow mode was switched on or off, or its time has changed.
    pub fn forget_spoken(&mut self) {
        self.spoken.clear();
    }

    /// Whether a setting has another value than in a new room.
    pub fn has_settings(&self) -> bool {
        self.settings != RoomSettings::default()
    }

    /// Whether anything may keep a member from entering.
    pub fn limit_entry(&self) -> bool {
        self.has_settings() || !self.bans.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::chat::id::MemberSlot;

    impl RoomRules {
        /// All of it as text, to compare with that of another hub.
        pub fn summary(&self, now: Duration) -> String {
            let RoomRules { settings, roles, invited, bans, mutes, spoken } = self;
            let [bans, mutes] = [bans, mutes].map(|list| list.in_force(now).cloned().collect::<Vec<_>>());
            format!(" {settings:?} {roles:?} {invited:?} {bans:?} {mutes:?} {spoken:?}")
        }
    }

    fn member(number: u32) -> MemberId {
        MemberId { slot: MemberSlot::new(number as usize), serial: NonZeroU32::new(number).unwrap() }
    }

    #[test]
    fn slow_mode_counts_from_the_last_message_of_each_member() {
        let at = Duration::from_secs;
        let mut rules = RoomRules::default();
        rules.note_spoken(member(1), at(0));
        assert_eq!(rules.slow_wait(member(1), at(0)), None, "slow mode is off");
        rules.settings.slow = Some(10);
        rules.note_spoken(member(1), at(0));
        rules.note_spoken(member(2), at(4));
        assert_eq!(rules.slow_wait(member(1), at(9)), Some(at(1)));
        assert_eq!(rules.slow_wait(member(1), at(10)), None);
        assert_eq!(rules.slow_wait(member(2), at(10)), Some(at(4)));
        rules.note_spoken(member(1), at(14));
        rules.note_spoken(member(1), at(14));
        assert_eq!(rules.spoken.len(), 1, "only the members that must wait are kept, each once");
    }

    #[test]
    fn roles_of_members_that_left_are_removed_when_one_is_given() {
        let mut rules = RoomRules::default();
        rules.give_role(member(1), RoomRole::Operator, |_| true);
        rules.give_role(member(2), RoomRole::Voice, |_| true);
        rules.give_role(member(3), RoomRole::Voice, |id| id != member(1));
        assert_eq!(rules.roles(), [(member(2), RoomRole::Voice), (member(3), RoomRole::Voice)]);
        rules.give_role(member(2), RoomRole::Operator, |_| true);
        rules.take_role(member(3));
        assert_eq!((rules.role(member(2)), rules.role(member(3))), (Some(RoomRole::Operator), None));
    }

    #[test]
    fn oldest_invitation_ends_when_there_are_too_many() {
        let mut rules = RoomRules::default();
        (1..=MAX_LISTED as u32 + 1).for_each(|number| rules.invite(member(number)));
        assert!(!rules.is_invited(member(1)) && rules.is_invited(member(2)));
        rules.use_invitation(member(2));
        assert!(!rules.is_invited(member(2)));
    }
}
