//! What the other parts of the oracle know of IRC: what is said of members, metadata, lines of a message.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::chat::{Config, Host};

/// Keys with their values.
pub type Metadata = BTreeMap<String, String>;

/// What has metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Member(usize),
    Room(usize),
}

/// A line of a message of several ones, and whether it goes on with the line before.
pub type TextLine = (String, bool);

/// What others are shown of a member besides its name.
#[derive(Clone)]
pub struct Identity {
    pub user: String,
    pub host: String,
    /// `None`: its nickname.
    pub real_name: Option<String>,
}

impl Identity {
    /// That of a member without an IRC client.
    pub fn plain(ip: IpAddr, config: &Config) -> Identity {
        Identity { user: "chat".into(), host: Host::of(ip, config.cloak_key).to_string(), real_name: None }
    }
}
