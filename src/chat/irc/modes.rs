//! The modes of channels: which letter stands for which setting, role or mask.
//!
//! Source: <https://modern.ircdocs.horse/#channel-modes>.

use serde::{Deserialize, Serialize};

use crate::chat::change::{RestrictionKind, RoleChange};
use crate::chat::event::Notice;
use crate::chat::member::RoomRole;
use crate::chat::policy::mask::MaskKind;
use crate::chat::settings::Setting;

/// The most bytes of letters and parameters in one line: it has 512 bytes, and its source and channel need some.
const MAX_LINE_BYTES: usize = 300;

/// One change of a mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelMode {
    pub on: bool,
    pub letter: char,
    pub param: Option<String>,
}

impl ChannelMode {
    /// The mode that a notice is about; `None` if IRC has no letter for it.
    pub fn of(notice: &Notice) -> Option<ChannelMode> {
        match *notice {
            Notice::SettingChanged { setting, .. } => ChannelMode::of_setting(setting),
            Notice::RoleChanged { name, change, .. } => {
                let (on, role) = match change {
                    RoleChange::Give(role) => (true, role),
                    RoleChange::Take(role) => (false, role),
                };
                let letter = if role == RoomRole::Operator { 'o' } else { 'v' };
                Some(ChannelMode { on, letter, param: Some(name.to_owned()) })
            }
            Notice::Restricted { name, kind: RestrictionKind::Ban, lifted, .. } => {
                Some(ChannelMode { on: !lifted, letter: 'b', param: Some(format!("{name}!*@*")) })
            }
            Notice::MaskSet { kind, mask, added, .. } => {
                let letter = match kind {
                    MaskKind::Ban => 'b',
                    MaskKind::Except => 'e',
                    MaskKind::InviteExcept => 'I',
                };
                Some(ChannelMode { on: added, letter, param: Some(mask.to_owned()) })
            }
            _ => None,
        }
    }

    fn of_setting(setting: &Setting) -> Option<ChannelMode> {
        let (letter, param) = match setting {
            // Only operators of the room may see the key.
            Setting::Key(_) => ('k', Some("*".to_owned())),
            Setting::InviteOnly(_) => ('i', None),
            Setting::Moderated(_) => ('m', None),
            Setting::Secret(_) => ('s', None),
            Setting::TopicLock(_) => ('t', None),
            Setting::Limit(most) => ('l', most.map(|most| most.to_string())),
            Setting::Slow(_) => return None,
        };
        Some(ChannelMode { on: setting.is_on(), letter, param })
    }
}

/// The parameters of MODE after the channel that show some changes: letters with signs, and their parameters. With many long
/// parameters, they are those of several lines.
pub fn params(modes: &[ChannelMode]) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let (mut bytes, mut sign) = (0, None);
    for ChannelMode { on, letter, param } in modes {
        let more = 2 + param.as_ref().map_or(0, |param| param.len() + 1);
        bytes += more;
        if bytes > MAX_LINE_BYTES || lines.is_empty() {
            (bytes, sign) = (more, None);
            lines.push(vec![String::new()]);
        }
        let line = lines.last_mut().expect("a line");
        if sign.replace(*on) != Some(*on) {
            line[0].push(if *on { '+' } else { '-' });
        }
        line[0].push(*letter);
        line.extend(param.clone());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(on: bool, letter: char, param: Option<&str>) -> ChannelMode {
        ChannelMode { on, letter, param: param.map(str::to_owned) }
    }

    #[test]
    fn changes_share_signs_and_have_their_parameters_in_order() {
        let modes = [
            mode(true, 'i', None),
            mode(true, 'k', Some("fish")),
            mode(false, 't', None),
            mode(false, 'v', Some("bob")),
            mode(true, 'l', Some("5")),
        ];
        assert_eq!(params(&modes), [["+ik-tv+l", "fish", "bob", "5"]]);
        assert!(params(&[]).is_empty());
    }

    #[test]
    fn many_long_parameters_are_shown_in_several_lines() {
        let long = "x".repeat(140);
        let modes = [mode(true, 'b', Some(&long)), mode(true, 'b', Some(&long)), mode(true, 'b', Some(&long))];
        let lines = params(&modes);
        assert_eq!(lines, [vec!["+bb", &long, &long], vec!["+b", &long]]);
    }
}
