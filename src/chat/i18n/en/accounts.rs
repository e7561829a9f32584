//! The English texts about accounts and passwords.

use std::fmt::{Formatter, Result};

use super::count;
use crate::chat::event::{Due, Notice, Refusal};

pub fn notice(notice: &Notice, f: &mut Formatter) -> Result {
    match *notice {
        Notice::AskPassword { account, visible } => {
            account.map_or(Ok(()), |name| write!(f, "{name} is registered. "))?;
            f.write_str(password(visible))
        }
        Notice::Registered { name } => {
            write!(f, "{name} is registered now: who logs in as {name} is asked for the password.")
        }
        Notice::PasswordChanged => f.write_str("The password is changed."),
        Notice::Unregistered { name } => write!(f, "{name} is no longer registered."),
        Notice::LoggedInAs { name } => write!(f, "You are logged in as {name}."),
        Notice::Read { room, id, own: true } => write!(f, "You have read {room} up to message {id}."),
        _ => Ok(()),
    }
}

pub fn refusal(refusal: &Refusal, f: &mut Formatter) -> Result {
    match *refusal {
        Refusal::WrongPassword { due } => {
            f.write_str("Wrong password.")?;
            what_is_due(due, f)
        }
        Refusal::TooManyWrongPasswords { seconds, due } => {
            write!(f, "Too many wrong passwords. Try again in {}.", count(seconds, "second"))?;
            what_is_due(due, f)
        }
        Refusal::TooManyLogins => f.write_str("Too many logins at once; try again."),
        Refusal::PasswordsFail { due } => {
            f.write_str("Passwords cannot be checked at present. Try again later.")?;
            what_is_due(due, f)
        }
        Refusal::BadPassword { most } => write!(
            f,
            "A password is one word of 1 to {most} bytes. q, quit, exit and words that begin with / are commands."
        ),
        Refusal::NoAccounts => f.write_str("This server has no accounts, since it stores nothing."),
        Refusal::TooManyAccounts { most } => {
            write!(f, "This server has {} already, and no more can be made.", count(most as u64, "account"))
        }
        Refusal::RegisteredAlready { name } => write!(f, "You are registered already, as {name}."),
        Refusal::Registered { name, asked: true } => write!(f, "The nickname {name} is registered. Try another:"),
        Refusal::Registered { name, asked: false } => {
            write!(f, "The nickname {name} is registered. If it is yours: /nick {name} PASSWORD")
        }
        Refusal::NoAccount { name } => {
            write!(f, "You have no account. /register PASSWORD makes the nickname {name} yours.")
        }
        Refusal::NotRegistered { name } => write!(f, "The nickname {name} is not registered."),
        Refusal::AccountRemoved => f.write_str("The account was removed."),
        Refusal::OtherSessions { others } => {
            write!(f, "The account has {} at present. Close them first.", count(others.into(), "other connection"))
        }
        _ => Ok(()),
    }
}

/// The prompt for a password.
fn password(visible: bool) -> &'static str {
    if visible { "Password: (visible as you type)" } else { "Password:" }
}

/// Writes the prompt after a refusal.
fn what_is_due(due: Due, f: &mut Formatter) -> Result {
    match due {
        Due::Nothing => Ok(()),
        Due::Password { visible } => write!(f, " {}", password(visible)),
        Due::Goodbye => f.write_str(" Goodbye."),
    }
}
