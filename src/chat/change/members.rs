//! Changes of members and of their accounts.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::chat::id::AccountId;
use crate::chat::member::identity::Identity;
use crate::chat::policy::cidr::Network;
use crate::chat::policy::host::Host;
use crate::chat::policy::nick::Name;

/// The room that a member enters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place<'a> {
    Lobby,
    /// The room with this name, which is created if there is none.
    Named(Cow<'a, Name>),
    /// No room: a session of IRC has no current one.
    Nowhere,
}

impl Place<'_> {
    /// As a value that borrows nothing.
    pub fn into_owned(self) -> Place<'static> {
        match self {
            Place::Lobby => Place::Lobby,
            Place::Nowhere => Place::Nowhere,
            Place::Named(name) => Place::Named(Cow::Owned(name.into_owned())),
        }
    }
}

/// A session that logs in: the name of its member, the room that this enters, those that it follows, the network from
/// which it comes, which mutes follow, the cloak of its address, and what an IRC client says of its user.
///
/// If it logs in as an account that has a member, the session belongs to that member, which gets the identity if it has none;
/// nothing else changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join<'a> {
    pub name: Name,
    pub place: Place<'a>,
    pub follow: Vec<Place<'a>>,
    pub network: Network,
    #[serde(default)]
    pub account: Option<AccountId>,
    #[serde(default)]
    pub host: Host,
    #[serde(default)]
    pub identity: Option<Box<Identity>>,
}

/// Another name of a member, and the network from which it comes. If it is that of an account, the member has given its
/// password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    pub name: Name,
    pub network: Network,
    #[serde(default)]
    pub account: Option<AccountId>,
}

/// A new account: the present name of the member, and what is stored of the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    pub name: Name,
    pub verifier: Box<str>,
    #[serde(default)]
    pub scram: Option<Box<str>>,
    /// From where it is registered.
    pub network: Network,
}

/// Keys of the password of an account that has none, made when the password was given. `verifier` is the one with which
/// it was compared: if the account has another one, the keys are those of an old password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetScram {
    pub account: AccountId,
    pub verifier: Box<str>,
    pub scram: Box<str>,
}
