//! Who a message comes from, as IRC clients are shown it.

use crate::chat::policy::host::Host;

/// What is shown of a member besides its nickname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    pub user: &'a str,
    pub host: Host,
    /// The name of the account that it is logged in as.
    pub account: Option<&'a str>,
    pub real_name: &'a str,
    pub is_bot: bool,
}

impl<'a> Source<'a> {
    /// What is shown of the poster with this name, which is no member.
    pub fn of_poster(name: &'a str) -> Self {
        Source { user: "bot", host: Host::LOCAL, account: None, real_name: name, is_bot: true }
    }
}
