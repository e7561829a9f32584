//! Who may do what: the table of permissions, and the rank of a member.

use crate::chat::event::Refusal;
use crate::chat::hub::Shared;
use crate::chat::id::{MemberId, RoomId};
use crate::chat::member::{Rank, Role, RoomRole};

/// What some members may do and others may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    SpeakModerated,
    SetLockedTopic,
    ChangeSettings,
    SeeKey,
    Invite,
    ChangeRoles,
    Kick,
    Mute,
    Ban,
    DeleteOthers,
    EnterAlways,
    ModerateServer,
    SeeSecretRooms,
    SeeAddresses,
    BanAddress,
    ChangeModerators,
    RemoveAccounts,
    SeeNodes,
    Reload,
    ShutDown,
}

/// The least rank that each act needs, in the room that it is about; `chinwag manual roles` shows this table.
pub const PERMISSIONS: &[(Act, Rank, &str)] = &[
    (Act::SpeakModerated, Rank::Voice, "speak in a moderated room; speak without slow mode"),
    (Act::SetLockedTopic, Rank::RoomOperator, "set the topic with `topic-lock`"),
    (Act::ChangeSettings, Rank::RoomOperator, "change the settings (`/room`)"),
    (Act::SeeKey, Rank::RoomOperator, "see the key"),
    (Act::Invite, Rank::RoomOperator, "invite (`/invite`)"),
    (Act::ChangeRoles, Rank::RoomOperator, "give and take roles (`/op`, `/deop`, `/voice`, `/devoice`)"),
    (Act::Kick, Rank::RoomOperator, "remove a member from the room (`/kick`)"),
    (Act::Mute, Rank::RoomOperator, "mute openly in the room (`/mute`, `/unmute`, `/mutes`)"),
    (Act::Ban, Rank::RoomOperator, "ban from the room (`/ban`, `/unban`, `/bans`)"),
    (Act::DeleteOthers, Rank::RoomOperator, "delete messages of others (`/delete`)"),
    (Act::EnterAlways, Rank::RoomOperator, "enter in spite of key, `invite-only`, limit and bans"),
    (Act::ModerateServer, Rank::Moderator, "all that in every room; kick, ban and mute on the server; `/stats`"),
    (Act::SeeSecretRooms, Rank::Moderator, "see secret rooms without being in them"),
    (Act::SeeAddresses, Rank::Operator, "see addresses"),
    (Act::BanAddress, Rank::Operator, "ban addresses and networks (`/ban ADDRESS`)"),
    (Act::ChangeModerators, Rank::Operator, "make moderators (`/mod`, `/unmod`)"),
    (Act::RemoveAccounts, Rank::Operator, "remove accounts of others (`/unregister` at the console)"),
    (Act::SeeNodes, Rank::Operator, "see the nodes of a cluster (`/nodes`)"),
    (Act::Reload, Rank::Operator, "have the settings read again (`/reload`)"),
    (Act::ShutDown, Rank::Operator, "shut the server down (`/shutdown`)"),
];

impl Act {
    /// The least rank that it needs.
    pub fn least_rank(self) -> Rank {
        let found = PERMISSIONS.iter().find(|(act, ..)| *act == self);
        found.map_or(Rank::Operator, |&(_, rank, _)| rank)
    }
}

impl Shared {
    /// The rank of a member in a room, or on the server; a member that has left has none.
    pub fn rank(&self, member: MemberId, room: Option<RoomId>) -> Rank {
        // A room still lists the roles of members that have left.
        let role =
            || self.members.get(member).and_then(|_| self.rooms.get(room?)?.rules.role(self.members.holder(member)));
        match self.members.role(member) {
            Role::Operator => Rank::Operator,
            Role::Moderator => Rank::Moderator,
            Role::User => match role() {
                Some(RoomRole::Operator) => Rank::RoomOperator,
                Some(RoomRole::Voice) => Rank::Voice,
                None => Rank::Member,
            },
        }
    }

    /// Whether a member may do something in a room, or on the server.
    pub fn may(&self, member: MemberId, act: Act, room: Option<RoomId>) -> bool {
        self.rank(member, room) >= act.least_rank()
    }

    /// As [`Shared::may`].
    ///
    /// # Errors
    /// The refusal, if it may not.
    pub fn permit(&self, member: MemberId, act: Act, room: Option<RoomId>) -> Result<(), Refusal<'_>> {
        match self.may(member, act, room) {
            true => Ok(()),
            false if act.least_rank() == Rank::Operator => Err(Refusal::OnlyOperator),
            false => Err(Refusal::NotAllowed { room: self.operated(act, room) }),
        }
    }

    /// Whether a member is shown that a room exists: it is not secret, or the member is in it, operates it, or moderates.
    pub fn sees(&self, member: MemberId, room: RoomId) -> bool {
        !self.rooms[room].rules.settings.secret
            || self.may(member, Act::SeeSecretRooms, None)
            || self.rank(member, Some(room)) >= Rank::RoomOperator
            || self.members.get(member).is_some() && self.members.is_in(member.slot, room)
    }

    /// The name of a room whose operators may do something; `None` if only moderators may.
    fn operated(&self, act: Act, room: Option<RoomId>) -> Option<&str> {
        let room = room.filter(|&room| room != RoomId::LOBBY && act.least_rank() <= Rank::RoomOperator)?;
        self.rooms.get(room).map(|room| &*room.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_has_the_same_permissions() {
        let manual = include_str!("../../../manual/roles.md");
        let section = manual.split("## Who may do what").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        let rows: Vec<(&str, &str)> = rows.skip(2).collect();
        let name = |rank| match rank {
            Rank::Member => "member",
            Rank::Voice => "voice",
            Rank::RoomOperator => "operator of the room",
            Rank::Moderator => "moderator",
            Rank::Operator => "operator of the server",
        };
        let ours: Vec<(&str, &str)> = PERMISSIONS.iter().map(|&(_, rank, words)| (name(rank), words)).collect();
        assert_eq!(rows, ours);
    }

    #[test]
    fn every_act_has_one_permission() {
        for (index, (act, rank, words)) in PERMISSIONS.iter().enumerate() {
            assert!(PERMISSIONS[..index].iter().all(|(other, ..)| other != act), "{act:?} is listed twice");
            assert!(*rank > Rank::Member && !words.is_empty());
        }
        assert_eq!(PERMISSIONS.last().map(|(act, ..)| *act as usize), Some(PERMISSIONS.len() - 1));
    }
}
