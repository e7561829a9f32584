//! An account: a registered nickname with a password, and what is kept for its owner.

pub(super) mod table;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::id::MemberId;
use super::policy::cidr::Network;
use super::policy::nick::{Name, fold};
use super::record::{AccountData, AccountRecord};

/// Rooms of which one account remembers how far it has read; then the one that was set first is forgotten.
const MAX_READ: usize = 100;

/// One account.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    pub name: Name,
    /// What is stored of the password: see [`PasswordJob`](crate::chat::PasswordJob).
    pub verifier: Box<str>,
    /// The keys of the password; `None` if it has not been given since there are keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scram: Option<Box<str>>,
    pub data: AccountData,
    /// The member that is logged in as it.
    pub member: Option<MemberId>,
}

impl Account {
    /// An account without a member.
    pub fn new(name: Name, verifier: Box<str>, scram: Option<Box<str>>, data: AccountData) -> Self {
        Account { name, verifier, scram, data, member: None }
    }

    /// The account as it is stored.
    pub fn record(&self) -> AccountRecord {
        let Account { name, verifier, scram, data, .. } = self;
        let (verifier, scram, data) = (verifier.clone(), scram.clone(), data.clone());
        AccountRecord { name: name.shown.to_string(), verifier, scram, data }
    }

    /// The network from which its owner logged in last.
    pub fn network(&self) -> Option<Network> {
        self.data.network.map(Network::from)
    }

    /// Whether it follows a room.
    pub fn follows(&self, room: &str) -> bool {
        let key = fold(room);
        self.data.followed.iter().any(|name| fold(name) == key)
    }

    /// Notes that it follows a room.
    pub fn note_followed(&mut self, room: &str) {
        if !self.follows(room) {
            self.data.followed.push(room.into());
        }
    }

    /// Notes that it no longer follows a room.
    pub fn note_unfollowed(&mut self, room: &str) {
        let key = fold(room);
        self.data.followed.retain(|name| fold(name) != key);
    }

    /// How far it has read a room: the id of a message.
    pub fn read_position(&self, room: &str) -> Option<u64> {
        let key = fold(room);
        self.data.read.iter().find(|(name, _)| fold(name) == key).map(|&(_, id)| id)
    }

    /// Remembers how far it has read a room; `false`, and nothing is done, if it has read further already.
    pub fn note_read(&mut self, room: &str, id: u64) -> bool {
        if self.read_position(room).is_some_and(|before| before >= id) {
            return false;
        }
        let key = fold(room);
        self.data.read.retain(|(name, _)| fold(name) != key);
        if self.data.read.len() >= MAX_READ {
            self.data.read.remove(0);
        }
        self.data.read.push((CompactString::from(room), id));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Account {
        Account::new(Name::new("alice").unwrap(), "v".into(), None, AccountData::default())
    }

    #[test]
    fn read_position_only_grows_and_the_oldest_room_is_forgotten() {
        let mut account = alice();
        assert!(account.note_read("den", 7) && !account.note_read("DEN", 7) && !account.note_read("den", 3));
        assert_eq!((account.read_position("Den"), account.read_position("games")), (Some(7), None));
        for room in 0..MAX_READ {
            assert!(account.note_read(&format!("room{room}"), 1));
        }
        assert_eq!((account.data.read.len(), account.read_position("den")), (MAX_READ, None));
    }

    #[test]
    fn followed_rooms_are_noted_once_in_any_case() {
        let mut account = alice();
        account.note_followed("den");
        account.note_followed("games");
        account.note_followed("DEN");
        assert_eq!(account.data.followed, ["den", "games"]);
        account.note_unfollowed("DEN");
        assert!(!account.follows("den") && account.follows("Games"));
    }
}
