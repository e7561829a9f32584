//! Who may enter a room and speak in it, and who operates it.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::change::RestrictionKind;
use crate::chat::id::{AccountId, Holder, MemberId};
use crate::chat::member::RoomRole;
use crate::chat::policy::mask::{Mask, MaskEntry, MaskKind, MaskTarget};
use crate::chat::policy::restrictions::Restrictions;
use crate::chat::settings::RoomSettings;

/// The most roles, bans, mutes or invitations of one room, and the most masks of one kind.
pub const MAX_LISTED: usize = 100;

/// The settings of a room, and the lists of members with a role, an invitation, a mute or a ban.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct RoomRules {
    pub settings: RoomSettings,
    /// Who has a role, in the order in which it was given; some members may have left the server.
    roles: Vec<(Holder, RoomRole)>,
    /// Who was invited and has not entered since, the oldest invitation first.
    invited: VecDeque<Holder>,
    pub bans: Restrictions,
    pub mutes: Restrictions,
    /// In slow mode: who has spoken, and when, the oldest first.
    spoken: VecDeque<(Holder, Duration)>,
    /// The masks, in the order in which they were set.
    #[serde(default)]
    masks: Vec<MaskEntry>,
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
        self.settings.moderated || self.settings.slow.is_some() || !self.mutes.is_empty() || self.has_masks()
    }

    /// The role of an account, or of a member without one.
    pub fn role(&self, holder: Holder) -> Option<RoomRole> {
        self.roles.iter().find(|(id, _)| *id == holder).map(|&(_, role)| role)
    }

    /// Who has a role, in the order in which it was given; some members may have left the server.
    pub fn roles(&self) -> &[(Holder, RoomRole)] {
        &self.roles
    }

    /// Whether an account has a role, which is stored.
    pub fn has_account_roles(&self) -> bool {
        self.roles.iter().any(|(holder, _)| matches!(holder, Holder::Account(_)))
    }

    /// Gives a role in place of an earlier one. Roles of members for which `is_here` is false are removed.
    pub fn give_role(&mut self, holder: Holder, role: RoomRole, is_here: impl Fn(MemberId) -> bool) {
        let is_kept = |id: Holder| match id {
            Holder::Member(member) => is_here(member),
            Holder::Account(_) => true,
        };
        self.roles.retain(|&(id, _)| id != holder && is_kept(id));
        self.roles.push((holder, role));
    }

    /// Takes a role.
    pub fn take_role(&mut self, holder: Holder) {
        self.roles.retain(|&(id, _)| id != holder);
    }

    /// Whether there is an invitation.
    pub fn is_invited(&self, holder: Holder) -> bool {
        self.invited.contains(&holder)
    }

    /// Adds an invitation; the oldest one ends if there are too many.
    pub fn invite(&mut self, holder: Holder) {
        self.use_invitation(holder);
        if self.invited.len() >= MAX_LISTED {
            self.invited.pop_front();
        }
        self.invited.push_back(holder);
    }

    /// A member has entered: its invitation is used up.
    pub fn use_invitation(&mut self, holder: Holder) {
        self.invited.retain(|&id| id != holder);
    }

    /// A member has logged in as an account: what it has here belongs to the account from now on. The account keeps a higher
    /// role of its own. Returns whether a role or a ban has changed.
    pub fn adopt(&mut self, member: MemberId, account: AccountId) -> bool {
        let (from, to) = (Holder::Member(member), Holder::Account(account));
        self.invited.iter_mut().filter(|id| **id == from).for_each(|id| *id = to);
        self.spoken.iter_mut().filter(|(id, _)| *id == from).for_each(|(id, _)| *id = to);
        let adopted = [&mut self.mutes, &mut self.bans].map(|list| list.give(from, Some(to)));
        let Some(role) = self.role(from) else { return adopted[1] };
        self.take_role(from);
        if self.role(to) < Some(role) {
            self.give_role(to, role, |_| true);
        }
        true
    }

    /// An account was removed: its role and its invitation end, and its restrictions go over to `member`, which was
    /// logged in as it. Returns whether there was anything that is stored.
    pub fn forget(&mut self, account: AccountId, member: Option<MemberId>) -> bool {
        let (from, to) = (Holder::Account(account), member.map(Holder::Member));
        let had_role = self.role(from).is_some();
        self.take_role(from);
        self.use_invitation(from);
        if let Some(to) = to {
            self.spoken.iter_mut().filter(|(id, _)| *id == from).for_each(|(id, _)| *id = to);
        }
        let forgot = [&mut self.mutes, &mut self.bans].map(|list| list.give(from, to));
        had_role || forgot[1]
    }

    /// In slow mode: notes that a member speaks.
    pub fn note_spoken(&mut self, holder: Holder, now: Duration) {
        let Some(slow) = self.settings.slow else { return };
        let is_over = |at: Duration| at + Duration::from_secs(slow.into()) <= now;
        self.spoken.retain(|&(id, at)| id != holder && !is_over(at));
        self.spoken.push_back((holder, now));
    }

    /// In slow mode: the time until a member may speak again.
    pub fn slow_wait(&self, holder: Holder, now: Duration) -> Option<Duration> {
        let slow = Duration::from_secs(self.settings.slow?.into());
        let (_, at) = self.spoken.iter().rev().find(|(id, _)| *id == holder)?;
        (*at + slow).checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// In slow mode: when members have spoken.
    pub fn times_spoken(&self) -> impl Iterator<Item = Duration> {
        self.spoken.iter().map(|&(_, at)| at)
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
        self.has_settings() || !self.bans.is_empty() || self.has_masks()
    }

    /// Whether there are masks of any kind.
    #[inline]
    pub fn has_masks(&self) -> bool {
        !self.masks.is_empty()
    }

    /// All masks, in the order in which they were set.
    pub fn masks(&self) -> &[MaskEntry] {
        &self.masks
    }

    /// The masks of one kind.
    pub fn masks_of(&self, kind: MaskKind) -> impl Iterator<Item = &MaskEntry> {
        self.masks.iter().filter(move |entry| entry.kind == kind)
    }

    /// Whether a mask is in the list of this kind.
    pub fn has_mask(&self, kind: MaskKind, mask: &Mask) -> bool {
        self.masks_of(kind).any(|entry| entry.mask == *mask)
    }

    /// Adds a mask in place of an equal one.
    pub fn add_mask(&mut self, entry: MaskEntry) {
        self.remove_mask(entry.kind, &entry.mask);
        self.masks.push(entry);
    }

    /// Removes a mask.
    pub fn remove_mask(&mut self, kind: MaskKind, mask: &Mask) {
        self.masks.retain(|entry| entry.kind != kind || entry.mask != *mask);
    }

    fn has_match(&self, kind: MaskKind, target: &MaskTarget, with_mutes: bool) -> bool {
        self.masks_of(kind).any(|entry| (with_mutes || !entry.mask.is_mute()) && entry.mask.matches(target))
    }

    /// Whether masks keep a member from entering: one bans it, and none makes an exception of it.
    pub fn masks_keep_out(&self, target: &MaskTarget) -> bool {
        self.has_match(MaskKind::Ban, target, false) && !self.has_match(MaskKind::Except, target, false)
    }

    /// Whether masks keep a member from speaking: one bans or mutes it, and none makes an exception of it.
    pub fn masks_silence(&self, target: &MaskTarget) -> bool {
        self.has_match(MaskKind::Ban, target, true) && !self.has_match(MaskKind::Except, target, true)
    }

    /// Whether a mask lets a member enter without invitation.
    pub fn masks_let_in(&self, target: &MaskTarget) -> bool {
        self.has_match(MaskKind::InviteExcept, target, false)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::chat::id::MemberSlot;
    use crate::chat::policy::host::Host;

    impl RoomRules {
        /// All of it as text, to compare with that of another hub.
        pub fn summary(&self, now: Duration) -> String {
            let RoomRules { settings, roles, invited, bans, mutes, spoken, masks } = self;
            let [bans, mutes] = [bans, mutes].map(|list| list.in_force(now).cloned().collect::<Vec<_>>());
            format!(" {settings:?} {roles:?} {invited:?} {bans:?} {mutes:?} {spoken:?} {masks:?}")
        }
    }

    fn member(number: u32) -> Holder {
        Holder::Member(MemberId { slot: MemberSlot::new(number as usize), serial: NonZeroU32::new(number).unwrap() })
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
        rules.give_role(member(3), RoomRole::Voice, |id| Holder::Member(id) != member(1));
        assert_eq!(rules.roles(), [(member(2), RoomRole::Voice), (member(3), RoomRole::Voice)]);
        rules.give_role(member(2), RoomRole::Operator, |_| true);
        rules.take_role(member(3));
        assert_eq!((rules.role(member(2)), rules.role(member(3))), (Some(RoomRole::Operator), None));
    }

    fn entry(kind: MaskKind, mask: &str) -> MaskEntry {
        MaskEntry { kind, mask: Mask::new(mask).unwrap(), by: "alice".into(), at: 7 }
    }

    #[test]
    fn exceptions_undo_bans_and_mutes_by_masks() {
        let bob = MaskTarget::new("bob", "chat", Host::LOCAL, None);
        let mut rules = RoomRules::default();
        let effect =
            |rules: &RoomRules| [rules.masks_keep_out(&bob), rules.masks_silence(&bob), rules.masks_let_in(&bob)];
        assert_eq!(effect(&rules), [false, false, false]);
        rules.add_mask(entry(MaskKind::Ban, "m:b*"));
        assert_eq!(effect(&rules), [false, true, false], "a mute does not keep out");
        rules.add_mask(entry(MaskKind::Except, "m:*"));
        assert_eq!(effect(&rules), [false, false, false]);
        rules.add_mask(entry(MaskKind::Ban, "bob"));
        assert_eq!(effect(&rules), [true, false, false], "who may speak need not be let in");
        rules.add_mask(entry(MaskKind::Except, "*!*@local.cloak"));
        assert_eq!(effect(&rules), [false, false, false]);
        rules.remove_mask(MaskKind::Except, &Mask::new("m:*").unwrap());
        assert_eq!(effect(&rules), [false, false, false], "an exception holds for mutes, too");
        rules.add_mask(entry(MaskKind::InviteExcept, "m:bob"));
        assert_eq!(effect(&rules), [false, false, false]);
        rules.add_mask(entry(MaskKind::InviteExcept, "bob"));
        assert_eq!(effect(&rules), [false, false, true]);
    }

    #[test]
    fn mask_is_listed_once_for_each_kind() {
        let mut rules = RoomRules::default();
        for kind in [MaskKind::Ban, MaskKind::Except, MaskKind::Ban] {
            rules.add_mask(entry(kind, "bob"));
        }
        assert_eq!(rules.masks().iter().map(|entry| entry.kind).collect::<Vec<_>>(), [MaskKind::Except, MaskKind::Ban]);
        rules.remove_mask(MaskKind::Ban, &Mask::new("BOB!*@*").unwrap());
        assert!(
            rules.has_mask(MaskKind::Except, &Mask::new("bob").unwrap()) && rules.masks_of(MaskKind::Ban).count() == 0
        );
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
