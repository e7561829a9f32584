//! MODE with masks: `b`, `e` and `I` of a channel.

use std::borrow::Cow;

use crate::chat::change::{Change, Lift, RestrictionKind};
use crate::chat::hub::Hub;
use crate::chat::hub::check::permissions::Act;
use crate::chat::hub::irc::Call;
use crate::chat::hub::plan::Asker;
use crate::chat::id::RoomId;
use crate::chat::policy::mask::{Mask, MaskKind};
use crate::chat::policy::nick::key_of;

impl Hub {
    /// Adds a mask to a list of a room, or removes it. `-b name!*@*` ends a ban of `/ban name`, too.
    pub(in crate::chat::hub::irc) fn set_mask(
        &mut self,
        asker: Asker,
        room: RoomId,
        kind: MaskKind,
        mask: Mask,
        on: bool,
        call: &Call,
    ) {
        let by = asker.member;
        let lifted = if on || kind != MaskKind::Ban { None } else { self.banned_key(room, &mask, call) };
        // Without that mask, the end of the other ban is all that was asked for.
        if lifted.is_none() || self.shared.rooms[room].rules.has_mask(kind, &mask) {
            self.propose_checked(asker.id, Change::SetMask { by, room, kind, mask, add: on }, call.now);
        }
        if let Some(key) = lifted {
            let lift = Lift { by, room, kind: RestrictionKind::Ban, key: Cow::Owned(key) };
            self.propose_checked(asker.id, Change::Lift(Box::new(lift)), call.now);
        }
    }

    /// The folded name that is banned from a room and shown as this mask.
    fn banned_key(&self, room: RoomId, mask: &Mask, call: &Call) -> Option<String> {
        let key = key_of(mask.text().strip_suffix("!*@*")?)?;
        let holder = self.shared.members.find_key(&key).map(|member| self.shared.members.holder(member));
        let bans = &self.shared.rooms[room].rules.bans;
        bans.find_key(&key, holder, call.now.at).is_some().then_some(key)
    }

    /// Lists the masks of a kind to a member of the room; the names of `/ban` are among the bans.
    pub(in crate::chat::hub::irc) fn list_masks(&mut self, asker: Asker, room: RoomId, kind: MaskKind, call: &Call) {
        let channel = format!("#{}", self.shared.rooms.name(room));
        let is_in = self.shared.members.is_in(asker.member.slot, room);
        if !is_in && !self.shared.may(asker.member, Act::Ban, Some(room)) {
            return self.numeric(asker.id, 442, &[&channel], "You're not on that channel");
        }
        let (code, end) = match kind {
            MaskKind::Ban => (367, "End of channel ban list"),
            MaskKind::Except => (348, "End of channel exception list"),
            MaskKind::InviteExcept => (346, "End of channel invite exception list"),
        };
        let rules = &self.shared.rooms[room].rules;
        let names = rules.bans.in_force(call.now.at).filter(|_| kind == MaskKind::Ban);
        let mut lines: Vec<Vec<String>> = names.map(|ban| vec![format!("{}!*@*", ban.name)]).collect();
        let masks = rules.masks_of(kind);
        lines.extend(masks.map(|entry| vec![entry.mask.text().to_owned(), entry.by.to_string(), entry.at.to_string()]));
        for line in lines {
            let middle: Vec<&str> = std::iter::once(&*channel).chain(line.iter().map(String::as_str)).collect();
            self.numeric_without_text(asker.id, code, &middle);
        }
        self.numeric(asker.id, code + 1, &[&channel], end);
    }
}
