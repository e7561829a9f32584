//! Members and accounts as the oracle knows them.

use std::collections::HashMap;
use std::net::IpAddr;

use time::OffsetDateTime;

use crate::chat::{Cause, Now};
use crate::simulator::oracle::irc::vocabulary::{Identity, Metadata};

/// A name in the chat. It stays in the list after it has left.
pub struct Member {
    pub name: String,
    pub key: String,
    /// Its current room, and those that it follows.
    pub room: usize,
    pub followed: Vec<usize>,
    pub identity: Identity,
    /// Its number among all logins, and the time of its login.
    pub joined: usize,
    pub since: OffsetDateTime,
    pub away: Option<String>,
    /// Up to when it has read targets of IRC, by their keys.
    pub markers: HashMap<String, String>,
    pub metadata: Metadata,
    /// The name and its key at that time, and the member if it was known.
    pub ignored: Vec<(String, String, Option<usize>)>,
    pub whisperer: Option<usize>,
    /// It has a name and a room, also after its sessions have ended until that is committed.
    pub is_member: bool,
    pub is_moderator: bool,
    pub account: Option<usize>,
    /// Its sessions that have not ended, and the number of those whose leave is not committed.
    pub sessions: Vec<usize>,
    pub joins: usize,
    /// It is kicked: the cause and the time.
    pub kicked: Option<(Cause, Now)>,
}

/// A registered name.
pub struct Account {
    pub name: String,
    pub key: String,
    pub password: String,
    /// The keys of the password are stored.
    pub has_keys: bool,
    pub member: Option<usize>,
    /// The address from which its owner logged in last.
    pub last_ip: Option<IpAddr>,
    pub is_moderator: bool,
    pub followed: Vec<String>,
    pub ignored: Vec<String>,
    pub away: Option<String>,
}
