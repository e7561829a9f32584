//! The English texts about roles, settings of rooms, kicks, bans, mutes and deletions.

use std::fmt::{Formatter, Result};

use super::super::{list, values};
use super::count;
use crate::chat::change::{RestrictionKind, RoleChange};
use crate::chat::event::{Notice, SettingsView};
use crate::chat::member::RoomRole;
use crate::chat::policy::mask::{MUTE, MaskKind};

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::SettingChanged { by, setting } => {
            write!(f, "{by} changed the settings: {}", setting.name())?;
            match (setting.is_on(), setting.number()) {
                (true, Some(number)) => write!(f, " {number}"),
                (true, None) => Ok(()),
                (false, _) => f.write_str(" off"),
            }
        }
        Notice::Settings(ref view) => settings(view, f),
        Notice::RoleChanged { by, name, change } => match change {
            RoleChange::Give(RoomRole::Operator) => write!(f, "{by} made {name} an operator"),
            RoleChange::Take(RoomRole::Operator) => write!(f, "{by} took the operator role from {name}"),
            RoleChange::Give(RoomRole::Voice) => write!(f, "{by} gave {name} voice"),
            RoleChange::Take(RoomRole::Voice) => write!(f, "{by} took voice from {name}"),
        },
        Notice::Restricted { by, name, kind, lifted } => {
            let act = match (kind, lifted) {
                (RestrictionKind::Mute, false) => "muted",
                (RestrictionKind::Mute, true) => "unmuted",
                (RestrictionKind::Ban, false) => "banned",
                (RestrictionKind::Ban, true) => "unbanned",
            };
            write!(f, "{name} was {act} by {by}")
        }
        Notice::MaskSet { by, kind, mask, added } => match (kind, added) {
            (MaskKind::Ban, true) if mask.starts_with(MUTE) => write!(f, "{by} muted {mask}"),
            (MaskKind::Ban, false) if mask.starts_with(MUTE) => write!(f, "{by} lifted the mute of {mask}"),
            (MaskKind::Ban, true) => write!(f, "{by} banned {mask}"),
            (MaskKind::Ban, false) => write!(f, "{by} lifted the ban of {mask}"),
            (MaskKind::Except, true) => write!(f, "{by} excepted {mask} from bans"),
            (MaskKind::Except, false) => write!(f, "{by} no longer excepts {mask} from bans"),
            (MaskKind::InviteExcept, true) => write!(f, "{by} lets {mask} enter without invitation"),
            (MaskKind::InviteExcept, false) => write!(f, "{by} no longer lets {mask} enter without invitation"),
        },
        Notice::Mask { kind, mask, by } => match kind {
            MaskKind::Ban if mask.starts_with(MUTE) => restricted(mask, "muted", None, Some(by), f),
            MaskKind::Ban => restricted(mask, "banned", None, Some(by), f),
            MaskKind::Except => restricted(mask, "excepted from bans", None, Some(by), f),
            MaskKind::InviteExcept => restricted(mask, "let in without invitation", None, Some(by), f),
        },
        Notice::Deleted { by, name, ids: [] | [_] } => write!(f, "A message of {name} was deleted by {by}."),
        Notice::Deleted { by, name, ids } => {
            write!(f, "{} of {name} were deleted by {by}.", count(ids.len() as u64, "message"))
        }
        Notice::Removed { room, by, banned, why } => {
            write!(f, "You were {} from {room} by {by}", if banned { "banned" } else { "kicked" })?;
            reason(why, f)
        }
        Notice::Invited { room, by, to_you: true, .. } => write!(f, "{by} invites you to {room}: /join {room}"),
        Notice::Invited { room, name, .. } => write!(f, "{name} is invited to {room}."),
        Notice::Moderator { by, given: true, to_you: true, .. } => write!(f, "{by} made you a moderator."),
        Notice::Moderator { by, to_you: true, .. } => write!(f, "{by} took the moderator role from you."),
        Notice::Moderator { name, given: true, .. } => write!(f, "{name} is now a moderator."),
        Notice::Moderator { name, .. } => write!(f, "{name} is no longer a moderator."),
        Notice::Kicked { why, by } => {
            write!(f, "You were kicked by {}", by.unwrap_or("the operator"))?;
            reason(why, f)
        }
        Notice::KickedBy { name, why, by } => {
            write!(f, "{name} is kicked by {by}")?;
            reason(why, f)
        }
        Notice::Ban { what, minutes, by } => restricted(what, "banned", minutes, by, f),
        Notice::Unbanned { what, by } => lifted(what, "banned", by, f),
        Notice::ConfiguredBan { network } => write!(f, "{network} is banned (configuration)."),
        Notice::NoBans => f.write_str("Nobody is banned."),
        Notice::Muted { name, minutes, by } => restricted(name, "muted", minutes, by, f),
        Notice::Unmuted { name, by } => lifted(name, "muted", by, f),
        Notice::NoMutes => f.write_str("Nobody is muted."),
        // The others are in the parent.
        _ => Ok(()),
    }
}

/// Ends a sentence, with the reason if there is one.
fn reason(why: Option<&str>, f: &mut Formatter) -> Result {
    match why {
        Some(why) => write!(f, ": {why}"),
        None => f.write_str("."),
    }
}

fn restricted(what: &str, act: &str, minutes: Option<u64>, by: Option<&str>, f: &mut Formatter) -> Result {
    write!(f, "{what} is {act}")?;
    by.map_or(Ok(()), |by| write!(f, " by {by}"))?;
    minutes.map_or(Ok(()), |minutes| write!(f, " for another {}", count(minutes, "minute")))?;
    f.write_str(".")
}

fn lifted(what: &str, act: &str, by: Option<&str>, f: &mut Formatter) -> Result {
    match by {
        Some(by) => write!(f, "{by} decided that {what} is no longer {act}."),
        None => write!(f, "{what} is no longer {act}."),
    }
}

fn settings(view: &SettingsView, f: &mut Formatter) -> Result {
    write!(f, "Settings of {}: ", view.room)?;
    match &*values(view) {
        [] => f.write_str("none")?,
        values => list(f, values, ", ", ", ")?,
    }
    f.write_str(".")?;
    for (title, names) in [("Operators", view.operators), ("Voice", view.voices)] {
        if !names.is_empty() {
            write!(f, " {title}: ")?;
            list(f, names, ", ", ", ")?;
            f.write_str(".")?;
        }
    }
    Ok(())
}
