//! Names that can be mistaken for each other, judged naively: by a list of the characters that persons use.

use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::words::key;

/// The reserved words that persons come near to.
const RESERVED: [&str; 5] = ["you", "me", "all", "server", "admin"];

/// What a text looks like if case does not matter.
pub(in crate::simulator::oracle) fn looks(text: &str) -> String {
    let looks = |c: char| match c {
        'I' | 'l' | 'L' | '1' | 'Ｉ' | 'Ｌ' => "l".into(),
        'o' | 'O' | '0' | 'о' => "o".into(),
        'm' | 'M' => "rn".into(),
        'а' | 'Ａ' => "a".into(),
        'с' | 'Ｃ' => "c".into(),
        'е' | 'Ｅ' => "e".into(),
        'É' | 'é' => "e\u{301}".into(),
        'ß' => "β".into(),
        c => c.to_lowercase().to_string(),
    };
    text.chars().map(looks).collect()
}

/// All that a name looks like.
fn all_looks(name: &str) -> [String; 2] {
    [looks(&key(name)), looks(name)]
}

/// What a name looks like if it is in capitals, with each `l` read as a capital I.
fn capitals(name: &str) -> Option<String> {
    let is_line = |c: char| matches!(c, 'I' | 'l' | '1' | 'Ｉ');
    let is_small = name.contains(|c: char| c.is_lowercase() && c != 'l');
    let has_capital = name.contains(|c: char| c.is_uppercase() && !is_line(c));
    (!is_small && has_capital && name.contains(is_line)).then(|| looks(&key(&name.replace(is_line, "I"))))
}

/// A name among others that looks like this one.
fn find_alike<'n>(name: &str, others: &[&'n String]) -> Option<&'n String> {
    all_looks(name)
        .into_iter()
        .chain(capitals(name))
        .collect::<Vec<_>>()
        .iter()
        .find_map(|look| others.iter().copied().find(|other| all_looks(other).contains(look)))
}

/// Why no member can have this name, although it has the right shape.
pub(super) fn refuse_look(name: &str) -> Option<String> {
    let looks = all_looks(name).into_iter().chain(capitals(name));
    match looks.collect::<Vec<_>>().iter().find_map(|look| RESERVED.iter().find(|word| all_looks(word).contains(look)))
    {
        Some(word) => Some(format!("The nickname {name} looks like {word}.")),
        None => is_mixed(name).then(|| format!("The nickname {name} {MIXES}")),
    }
}

const MIXES: &str = "mixes scripts that are easily confused, such as Latin and Cyrillic.";

/// Whether it is a small Cyrillic letter.
pub(super) fn is_cyrillic(c: char) -> bool {
    ('а'..='я').contains(&c)
}

/// Whether a name has Latin and Cyrillic letters.
fn is_mixed(name: &str) -> bool {
    name.contains(is_cyrillic) && name.contains(|c: char| c.is_ascii_alphabetic())
}

impl Oracle {
    /// The reason why a name is not free; `own` is the member that wants it instead of its present one, `account` the account
    /// that it is logged in as; `asked`: at the nickname prompt.
    pub(super) fn refuse_taken(
        &self,
        name: &str,
        own: Option<usize>,
        account: Option<usize>,
        asked: bool,
    ) -> Option<String> {
        let again = if asked { " Try another:" } else { "" };
        if self.find(name).is_some_and(|owner| Some(owner) != own) {
            return Some(format!("! The nickname {name} is taken.{again}"));
        }
        let members: Vec<&String> =
            self.names.values().filter(|&&who| Some(who) != own).map(|&who| &self.members[who].name).collect();
        if let Some(other) = find_alike(name, &members) {
            return Some(format!("! The nickname {name} looks like {other}.{again}"));
        }
        if self.find_account(name).is_some_and(|owner| Some(owner) != account) {
            return Some(match asked {
                true => format!("! The nickname {name} is registered.{again}"),
                false => super::accounts::refuse_registered(name),
            });
        }
        let other = self.find_alike_account(name, account)?;
        Some(format!("! The nickname {name} looks like {other}.{again}"))
    }

    /// The name of an account that is equal to this one or looks like it.
    pub(super) fn find_alike_account(&self, name: &str, own: Option<usize>) -> Option<&String> {
        let accounts = self.accounts.iter().enumerate().filter(|&(number, _)| Some(number) != own);
        let names: Vec<&String> = accounts.filter_map(|(_, account)| Some(&account.as_ref()?.name)).collect();
        find_alike(name, &names)
    }

    /// The reason why no new room can have a name.
    pub(in crate::simulator::oracle) fn refuse_room_name(&self, name: &str) -> Option<String> {
        if !self.has_following() {
            return None;
        }
        let others = self.rooms.iter().flatten().map(|room| &room.name);
        match all_looks(name).iter().find_map(|look| others.clone().find(|other| all_looks(other).contains(look))) {
            Some(other) => Some(format!("! The name {name} looks like that of the room {other}.")),
            None => is_mixed(name).then(|| format!("! The name {name} {MIXES}")),
        }
    }
}
