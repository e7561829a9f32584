//! Names that members had, for WHOWAS.

use std::collections::VecDeque;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Member;
use super::identity::{DEFAULT_USER, Identity};
use crate::chat::policy::host::Host;

/// Names that are remembered at most.
pub const MAX_PAST: usize = 200;

/// A name that a member had, and what others were shown of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PastMember {
    pub name: CompactString,
    /// Keyed hash of the folded name.
    name_hash: u64,
    pub host: Host,
    identity: Option<Box<Identity>>,
    /// When the member left or took another name, in Unix seconds.
    pub until: i64,
}

impl PastMember {
    /// The user name.
    pub fn user(&self) -> &str {
        self.identity.as_ref().map_or(DEFAULT_USER, |identity| identity.user())
    }

    /// The real name: the nickname if it had given none.
    pub fn real_name(&self) -> &str {
        self.identity.as_ref().map_or(&self.name, |identity| identity.real_name())
    }
}

/// The last names that members gave up, on any node. No store has them.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PastMembers(VecDeque<PastMember>);

impl PastMembers {
    /// Notes a member that gives its name up at `until`, in Unix seconds.
    pub fn note(&mut self, member: &Member, identity: Option<&Identity>, until: i64) {
        if self.0.len() >= MAX_PAST {
            self.0.pop_front();
        }
        let identity = identity.cloned().map(Box::new);
        let Member { name, name_hash, host, .. } = member;
        self.0.push_back(PastMember { name: name.clone(), name_hash: *name_hash, host: *host, identity, until });
    }

    /// The members that had the name with this hash, the last one first.
    pub fn find(&self, name_hash: u64) -> impl Iterator<Item = &PastMember> {
        self.0.iter().rev().filter(move |past| past.name_hash == name_hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::member::table::MemberTable;
    use crate::chat::policy::nick::Name;

    #[test]
    fn only_the_last_names_are_remembered_the_last_one_first() {
        let mut table = MemberTable::new([1, 2]);
        let mut past = PastMembers::default();
        let alice = table.insert(&Name::new("Alice").unwrap(), 0);
        let bob = table.insert(&Name::new("bob").unwrap(), 0);
        past.note(&table[bob.slot], None, 0);
        (1..MAX_PAST as i64).for_each(|until| past.note(&table[alice.slot], None, until));
        let until = |past: &PastMembers, key: &str| -> Vec<i64> {
            past.find(table.name_hash(key)).map(|past| past.until).collect()
        };
        assert_eq!((until(&past, "bob"), until(&past, "alice").len()), (vec![0], MAX_PAST - 1));
        past.note(&table[alice.slot], None, MAX_PAST as i64);
        assert_eq!((until(&past, "bob"), until(&past, "alice")[0]), (vec![], MAX_PAST as i64));
        let found = past.find(table.name_hash("alice")).next().expect("a name");
        assert_eq!((found.user(), found.real_name()), (DEFAULT_USER, "Alice"));
    }
}
