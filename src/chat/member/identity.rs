//! What only members with an IRC client say of themselves.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The user name of members without an identity.
pub const DEFAULT_USER: &str = "chat";

/// The user name and real name of a member (RFC 2812, section 3.1.3). They are what it says; nothing checks them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub user: CompactString,
    pub real_name: Box<str>,
    /// It is a program, and says so.
    #[serde(default)]
    pub is_bot: bool,
}
