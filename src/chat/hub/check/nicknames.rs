//! Whether a member can have a nickname.

use crate::chat::event::Refusal;
use crate::chat::hub::Shared;
use crate::chat::id::{AccountId, MemberId};
use crate::chat::policy::nick::{InvalidNick, Name, fold};

/// Checks whether a nickname is free and looks like no other one. `own` is the member that wants it instead of its present
/// one, `account` the account that it is logged in as; `asked`: the name was typed at the nickname prompt.
///
/// Names that look like reserved words are invalid already ([`Name::new`]). Names that are addresses never look alike, since
/// all their digits have different forms.
///
/// # Errors
/// The name is that of another member or account, or can be mistaken for it.
pub fn check_name<'a>(
    shared: &'a Shared,
    name: &'a Name,
    own: Option<MemberId>,
    account: Option<AccountId>,
    asked: bool,
) -> Result<(), Refusal<'a>> {
    let Shared { members, accounts, .. } = shared;
    let (shown, is_equal) = (&*name.shown, |other: &str| fold(other) == *name.key);
    let alike = |other| Err(Refusal::BadName { why: InvalidNick::LooksLike(other), name: shown, asked });
    if let Some(owner) = members.find_alike(name, own) {
        let other = &*members[owner.slot].name;
        return if is_equal(other) { Err(Refusal::Taken { name: shown, asked }) } else { alike(other) };
    }
    match accounts.find_alike(shown, account).map(|account| accounts.name(account)) {
        Some(other) if is_equal(other) => Err(Refusal::Registered { name: shown, asked }),
        Some(other) => alike(other),
        None => Ok(()),
    }
}
