//! Whether a member can have a nickname.

use super::Shared;
use crate::chat::event::Refusal;
use crate::chat::id::MemberId;
use crate::chat::policy::nick::{InvalidNick, Name, fold};

/// Checks whether a nickname is free and looks like no other one. `own` is the member that wants it instead of its present
/// one; `asked`: it was typed at the nickname prompt.
///
/// Names that look like reserved words are invalid already ([`Name::new`]). Names that are addresses never look alike, since
/// all their digits have different forms.
///
/// # Errors
/// The name is that of another member, or can be mistaken for it.
pub fn check_name<'a>(
    shared: &'a Shared,
    name: &'a Name,
    own: Option<MemberId>,
    asked: bool,
) -> Result<(), Refusal<'a>> {
    let Some(owner) = shared.members.find_alike(name, own) else { return Ok(()) };
    let (name, key, other) = (&*name.shown, &name.key, &*shared.members[owner.slot].name);
    match fold(other) == **key {
        true => Err(Refusal::Taken { name, asked }),
        false => Err(Refusal::BadName { why: InvalidNick::LooksLike(other), name, asked }),
    }
}
