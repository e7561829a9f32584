//! What only members with an IRC client say of themselves.

use compact_str::{CompactString, format_compact};
use serde::{Deserialize, Serialize};

/// The user name of members without an identity.
pub const DEFAULT_USER: &str = "chat";

/// The user name and real name of a member (RFC 2812, section 3.1.3), and whether it is a program. They are what it says;
/// nothing checks them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "IdentityState", into = "IdentityState")]
pub struct Identity {
    /// The user name, and the real name after it: most have room without memory of their own.
    names: CompactString,
    user_len: u8,
    is_bot: bool,
}

/// An [`Identity`] as plain data.
#[derive(Serialize, Deserialize)]
struct IdentityState {
    user: CompactString,
    real_name: CompactString,
    #[serde(default)]
    is_bot: bool,
}

impl Identity {
    /// An identity of a person. `user` has at most 255 bytes, or is cut there.
    pub fn new(user: &str, real_name: &str) -> Self {
        let is_end = |&len: &usize| user.is_char_boundary(len);
        let user_len = (0..=user.len().min(u8::MAX.into())).rev().find(is_end).unwrap_or(0);
        let names = format_compact!("{}{real_name}", &user[..user_len]);
        Identity { names, user_len: user_len as u8, is_bot: false }
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.names[..usize::from(self.user_len)]
    }

    /// The real name.
    pub fn real_name(&self) -> &str {
        &self.names[usize::from(self.user_len)..]
    }

    /// Sets the real name.
    pub fn set_real_name(&mut self, real_name: &str) {
        self.names.truncate(self.user_len.into());
        self.names.push_str(real_name);
    }

    /// Whether it is a program, and says so.
    pub fn is_bot(&self) -> bool {
        self.is_bot
    }

    /// Sets whether it is a program.
    pub fn set_bot(&mut self, is_bot: bool) {
        self.is_bot = is_bot;
    }
}

impl From<IdentityState> for Identity {
    fn from(state: IdentityState) -> Self {
        Identity { is_bot: state.is_bot, ..Identity::new(&state.user, &state.real_name) }
    }
}

impl From<Identity> for IdentityState {
    fn from(identity: Identity) -> Self {
        let (user, real_name) = (identity.user().into(), identity.real_name().into());
        IdentityState { user, real_name, is_bot: identity.is_bot }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_small_and_returns_its_names() {
        assert!(size_of::<Option<Identity>>() <= 32, "{} bytes", size_of::<Option<Identity>>());
        let mut identity = Identity::new("~alice", "Alice");
        assert_eq!((identity.user(), identity.real_name()), ("~alice", "Alice"));
        identity.set_real_name("Alice of Wonderland, the Great");
        identity.set_bot(true);
        let copy: Identity = serde_json::from_str(&serde_json::to_string(&identity).unwrap()).unwrap();
        assert_eq!((copy.user(), copy.real_name(), copy.is_bot()), ("~alice", "Alice of Wonderland, the Great", true));
    }
}
