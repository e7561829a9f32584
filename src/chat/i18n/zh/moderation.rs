//! The Chinese texts about roles, settings of rooms, kicks, bans, mutes and deletions.

use std::fmt::{Formatter, Result};

use super::super::{list, values};
use crate::chat::change::{RestrictionKind, RoleChange};
use crate::chat::event::{Notice, SettingsView};
use crate::chat::member::RoomRole;
use crate::chat::policy::mask::{MUTE, MaskKind};

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::SettingChanged { by, setting } => {
            write!(f, "{by}更改了设置：{}", setting.name())?;
            match (setting.is_on(), setting.number()) {
                (true, Some(number)) => write!(f, " {number}"),
                (true, None) => Ok(()),
                (false, _) => f.write_str(" off"),
            }
        }
        Notice::Settings(ref view) => settings(view, f),
        Notice::RoleChanged { by, name, change } => match change {
            RoleChange::Give(RoomRole::Operator) => write!(f, "{by}任命{name}为房主"),
            RoleChange::Take(RoomRole::Operator) => write!(f, "{by}收回了{name}的房主身份"),
            RoleChange::Give(RoomRole::Voice) => write!(f, "{by}给予{name}发言权"),
            RoleChange::Take(RoomRole::Voice) => write!(f, "{by}收回了{name}的发言权"),
        },
        Notice::Restricted { by, name, kind, lifted } => {
            let act = match (kind, lifted) {
                (RestrictionKind::Mute, false) => "禁言",
                (RestrictionKind::Mute, true) => "解除禁言",
                (RestrictionKind::Ban, false) => "禁止进入",
                (RestrictionKind::Ban, true) => "重新允许进入",
            };
            write!(f, "{name}被{by}{act}")
        }
        Notice::MaskSet { by, kind, mask, added } => match (kind, added) {
            (MaskKind::Ban, true) if mask.starts_with(MUTE) => write!(f, "{by}将{mask}禁言"),
            (MaskKind::Ban, false) if mask.starts_with(MUTE) => write!(f, "{by}解除了对{mask}的禁言"),
            (MaskKind::Ban, true) => write!(f, "{by}禁止{mask}进入"),
            (MaskKind::Ban, false) => write!(f, "{by}重新允许{mask}进入"),
            (MaskKind::Except, true) => write!(f, "{by}将{mask}列为封禁的例外"),
            (MaskKind::Except, false) => write!(f, "{by}不再将{mask}列为封禁的例外"),
            (MaskKind::InviteExcept, true) => write!(f, "{by}允许{mask}无需邀请进入"),
            (MaskKind::InviteExcept, false) => write!(f, "{by}不再允许{mask}无需邀请进入"),
        },
        Notice::Mask { kind, mask, by } => match kind {
            MaskKind::Ban if mask.starts_with(MUTE) => restricted(mask, "禁言", None, Some(by), f),
            MaskKind::Ban => restricted(mask, "禁止进入", None, Some(by), f),
            MaskKind::Except => restricted(mask, "列为封禁的例外", None, Some(by), f),
            MaskKind::InviteExcept => restricted(mask, "允许无需邀请进入", None, Some(by), f),
        },
        Notice::Deleted { by, name, ids: [] | [_] } => write!(f, "{name}的一条消息被{by}删除。"),
        Notice::Deleted { by, name, ids } => write!(f, "{name}的{}条消息被{by}删除。", ids.len()),
        Notice::Removed { room, by, banned, why } => {
            write!(f, "您被{by}{}房间{room}", if banned { "禁止进入" } else { "请出了" })?;
            reason(why, f)
        }
        Notice::Invited { room, by, to_you: true, .. } => write!(f, "{by}邀请您进入房间{room}：/join {room}"),
        Notice::Invited { room, name, .. } => write!(f, "已邀请{name}进入房间{room}。"),
        Notice::Moderator { by, given: true, to_you: true, .. } => write!(f, "{by}任命您为版主。"),
        Notice::Moderator { by, to_you: true, .. } => write!(f, "{by}收回了您的版主身份。"),
        Notice::Moderator { name, given: true, .. } => write!(f, "{name}现在是版主。"),
        Notice::Moderator { name, .. } => write!(f, "{name}不再是版主。"),
        Notice::Kicked { why, by } => {
            write!(f, "您被{}请出了聊天室", by.unwrap_or("管理员"))?;
            reason(why, f)
        }
        Notice::KickedBy { name, why, by } => {
            write!(f, "{name}被{by}请出了聊天室")?;
            reason(why, f)
        }
        Notice::Ban { what, minutes, by } => restricted(what, "封禁", minutes, by, f),
        Notice::Unbanned { what, by } => lifted(what, "封禁", by, f),
        Notice::ConfiguredBan { network } => write!(f, "{network}已被封禁（配置）。"),
        Notice::NoBans => f.write_str("没有封禁任何地址。"),
        Notice::Muted { name, minutes, by } => restricted(name, "禁言", minutes, by, f),
        Notice::Unmuted { name, by } => lifted(name, "禁言", by, f),
        Notice::NoMutes => f.write_str("没有禁言任何人。"),
        // The others are in the parent.
        _ => Ok(()),
    }
}

/// Ends a sentence, with the reason if there is one.
fn reason(why: Option<&str>, f: &mut Formatter) -> Result {
    match why {
        Some(why) => write!(f, "：{why}"),
        None => f.write_str("。"),
    }
}

fn restricted(what: &str, act: &str, minutes: Option<u64>, by: Option<&str>, f: &mut Formatter) -> Result {
    match by {
        Some(by) => write!(f, "{what}已被{by}{act}")?,
        None => write!(f, "{what}已被{act}")?,
    }
    minutes.map_or(Ok(()), |minutes| write!(f, "，还剩{minutes}分钟"))?;
    f.write_str("。")
}

fn lifted(what: &str, act: &str, by: Option<&str>, f: &mut Formatter) -> Result {
    match by {
        Some(by) => write!(f, "{what}已由{by}解除{act}。"),
        None => write!(f, "{what}已解除{act}。"),
    }
}

fn settings(view: &SettingsView, f: &mut Formatter) -> Result {
    write!(f, "房间{}的设置：", view.room)?;
    match &*values(view) {
        [] => f.write_str("无")?,
        values => list(f, values, "，", "，")?,
    }
    f.write_str("。")?;
    for (title, names) in [("房主", view.operators), ("有发言权", view.voices)] {
        if !names.is_empty() {
            write!(f, "{title}：")?;
            list(f, names, "、", "、")?;
            f.write_str("。")?;
        }
    }
    Ok(())
}
