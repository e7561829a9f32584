//! Whether the server commits what was proposed.

use crate::chat::change::{Change, MetadataChange, Place, RestrictionKind, RoleChange};
use crate::chat::settings::Setting;
use crate::chat::{MaskKind, RoomRole};
use crate::simulator::oracle::committing::proposed::Proposed;
use crate::simulator::oracle::members::passwords::{scram, verifier};
use crate::simulator::oracle::rooms::rules::{Kind, Value};
use crate::simulator::oracle::words;

impl Proposed {
    /// Whether the server has committed a change of this kind.
    pub fn is_like(&self, change: &Change) -> bool {
        match (self, change) {
            (Proposed::Say { text, kind, .. }, Change::Say { text: said, kind: given, .. }) => {
                text == said && kind == given
            }
            (Proposed::Metadata { key, value, .. }, Change::SetMetadata(set)) => match &set.change {
                MetadataChange::Set { key: set, value: new } => {
                    key.as_deref() == Some(&**set) && value.as_deref() == Some(&**new)
                }
                MetadataChange::Unset { key: unset } => key.as_deref() == Some(&**unset) && value.is_none(),
                MetadataChange::Clear => key.is_none(),
            },
            (Proposed::SayLines { lines, kind, tags, .. }, Change::SayLines(say)) => {
                let said = say.lines.iter().map(|line| (line.text.to_string(), line.concat));
                *kind == say.kind && tags.as_deref() == say.tags.as_deref() && said.eq(lines.iter().cloned())
            }
            (Proposed::SayToRole { text, kind, operators, .. }, Change::SayToRole(said)) => {
                *text == said.text && *kind == said.kind && *operators == (said.role == RoomRole::Operator)
            }
            (Proposed::Post { room, name, lines }, Change::Post(post)) => {
                *name == *post.name.shown
                    && words::key(room) == words::key(&post.room.shown)
                    && lines.iter().map(String::as_str).eq(post.lines.iter().map(|line| &**line))
            }
            (Proposed::Join { name, room, follow, account, .. }, Change::Join(join)) => {
                let follows = join.follow.iter().map(place_name);
                *name == *join.name.shown
                    && *room == place_name(&join.place)
                    && follows.eq(follow.iter().cloned())
                    && account.is_some() == join.account.is_some()
            }
            (Proposed::Topic { text, .. }, Change::Topic { text: set, .. }) => text.as_deref() == set.as_deref(),
            (Proposed::Away { text, .. }, Change::Away { text: set, .. }) => text.as_deref() == set.as_deref(),
            (Proposed::Rename { name, account, .. }, Change::Rename { to, .. }) => {
                *name == *to.name.shown && account.is_some() == to.account.is_some()
            }
            (Proposed::Register { password, has_keys, .. }, Change::Register { register, .. }) => {
                *register.verifier == verifier(password) && is_scram(register.scram.as_deref(), *has_keys, password)
            }
            (
                Proposed::SetPassword { password, has_keys, .. },
                Change::SetPassword { verifier: made, scram: keys, .. },
            ) => **made == verifier(password) && is_scram(keys.as_deref(), *has_keys, password),
            (Proposed::SetKeys { password, .. }, Change::SetScram(set)) => {
                *set.verifier == verifier(password) && *set.scram == scram(password)
            }
            (Proposed::Leave { cause, .. }, Change::Leave { cause: given, .. }) => cause == given,
            (Proposed::Tag { tags, .. }, Change::Tag { tags: given, .. }) => **tags == **given,
            (Proposed::Introduce { real_name, .. }, Change::SetIdentity { real_name: given, .. }) => {
                Some(&**real_name) == given.as_deref()
            }
            (Proposed::Move { room, key, .. }, Change::Move { place, key: given, .. })
            | (Proposed::Follow { room, key, .. }, Change::Follow { place, key: given, .. }) => {
                words::key(room) == words::key(&place_name(place)) && key.as_deref() == given.as_deref()
            }
            (Proposed::Kick { room, name, why, .. }, Change::Kick { kick, .. }) => {
                room.is_some() == kick.room.is_some() && *name == kick.name && why.as_deref() == kick.reason.as_deref()
            }
            (Proposed::Ban { who, name, minutes, .. }, Change::Ban(ban)) => {
                name.as_deref() == ban.name.as_deref()
                    && *minutes == ban.minutes
                    && who.is_some() == ban.member.is_some()
            }
            (Proposed::Mute { name, minutes, .. }, Change::Mute { mute, .. }) => {
                *name == mute.name && *minutes == mute.minutes
            }
            (Proposed::Restrict { kind, name, minutes, .. }, Change::Restrict { restrict, .. }) => {
                is_kind(*kind, restrict.kind) && *name == restrict.name && *minutes == restrict.minutes
            }
            (Proposed::Lift { kind, .. }, Change::Lift(lift)) => is_kind(*kind, lift.kind),
            (Proposed::Mask { mask, added, .. }, Change::SetMask { kind: MaskKind::Ban, mask: set, add, .. }) => {
                mask.text() == set.text() && added == add
            }
            (Proposed::Set { setting, value, .. }, Change::Set { setting: set, .. }) => {
                *setting == set.name() && *value == value_of(set)
            }
            (Proposed::Role { role, given, .. }, Change::RoomRole { change, .. }) => {
                let named = if *role { RoomRole::Operator } else { RoomRole::Voice };
                *change == if *given { RoleChange::Give(named) } else { RoleChange::Take(named) }
            }
            (Proposed::Moderator { given, .. }, Change::Moderator { given: made, .. }) => given == made,
            (Proposed::Delete { name, ids, reason, .. }, Change::Delete(delete)) => {
                *name == delete.name && *ids == delete.ids && reason.as_deref() == delete.reason.as_deref()
            }
            (Proposed::Unfollow { reason, .. }, Change::Unfollow { reason: given, .. }) => {
                reason.as_deref() == given.as_deref()
            }
            (Proposed::Invite { .. }, Change::Invite { .. })
            | (Proposed::Unregister { .. }, Change::Unregister { .. })
            | (Proposed::Unban { .. }, Change::Unban { .. })
            | (Proposed::Unmute { .. }, Change::Unmute { .. }) => true,
            _ => false,
        }
    }
}

/// Whether these are the keys of a password, or none if there should be none.
fn is_scram(made: Option<&str>, has_keys: bool, password: &str) -> bool {
    made == has_keys.then(|| scram(password)).as_deref()
}

fn place_name(place: &Place) -> String {
    match place {
        Place::Lobby => "lobby".into(),
        Place::Nowhere => String::new(),
        Place::Named(name) => name.shown.to_string(),
    }
}

fn is_kind(kind: Kind, given: RestrictionKind) -> bool {
    (kind == Kind::Mute) == (given == RestrictionKind::Mute)
}

pub(in crate::simulator::oracle) fn value_of(setting: &Setting) -> Option<Value> {
    match (setting, setting.number()) {
        (Setting::Key(key), _) => key.as_ref().map(|key| Value::Word(key.to_string())),
        (_, Some(number)) => Some(Value::Number(number)),
        _ => setting.is_on().then_some(Value::On),
    }
}
