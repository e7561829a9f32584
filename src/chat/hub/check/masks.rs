//! Checks the masks of a room: which members they keep out, silence or let in, and whether a change of them is allowed.

use super::existing;
use super::permissions::Act;
use crate::chat::event::Refusal;
use crate::chat::hub::Shared;
use crate::chat::id::{MemberId, RoomId};
use crate::chat::policy::mask::{Mask, MaskKind, MaskTarget};
use crate::chat::room::rules::{MAX_LISTED, RoomRules};

/// Checks whether a mask can be added to a list of a room, or removed from it.
pub fn check_mask<'a>(
    shared: &'a Shared,
    by: MemberId,
    room: RoomId,
    kind: MaskKind,
    mask: &'a Mask,
    add: bool,
) -> Result<(), Refusal<'a>> {
    shared.permit(by, Act::Ban, Some(room))?;
    let name = existing(shared, room)?;
    // The lobby is open to all.
    if room == RoomId::LOBBY && (kind == MaskKind::InviteExcept || !mask.is_mute()) {
        return Err(Refusal::NotForLobby);
    }
    let rules = &shared.rooms[room].rules;
    match (rules.has_mask(kind, mask), add) {
        (true, true) => Err(Refusal::NoChange),
        (false, false) => Err(Refusal::NoMask { mask: mask.text(), room: name }),
        (false, true) if rules.masks_of(kind).count() >= MAX_LISTED => {
            Err(Refusal::ListFull { room: name, most: MAX_LISTED })
        }
        _ => Ok(()),
    }
}

impl Shared {
    /// A member as masks see it; `None` if it has left.
    fn mask_target(&self, member: MemberId) -> Option<MaskTarget> {
        let found = self.members.get(member)?;
        let source = self.accounts.source_of(&self.members, member.slot);
        Some(MaskTarget::new(&found.name, source.user, source.host, source.account))
    }

    fn is_masked(
        &self,
        rules: &RoomRules,
        member: MemberId,
        applies: impl Fn(&RoomRules, &MaskTarget) -> bool,
    ) -> bool {
        rules.has_masks() && self.mask_target(member).is_some_and(|target| applies(rules, &target))
    }

    /// Whether masks keep a member from entering a room with these rules.
    pub fn is_masked_out(&self, rules: &RoomRules, member: MemberId) -> bool {
        self.is_masked(rules, member, RoomRules::masks_keep_out)
    }

    /// Whether masks keep a member from speaking.
    pub fn is_masked_mute(&self, rules: &RoomRules, member: MemberId) -> bool {
        self.is_masked(rules, member, RoomRules::masks_silence)
    }

    /// Whether a mask lets a member enter without invitation.
    pub fn is_masked_in(&self, rules: &RoomRules, member: MemberId) -> bool {
        self.is_masked(rules, member, RoomRules::masks_let_in)
    }
}
