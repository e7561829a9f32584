//! Names that have been heard of, for completion.

use std::collections::HashMap;

use compact_str::CompactString;

use crate::chat::name::fold;

/// So many at most; past it those that have not been heard of for longest are forgotten.
pub const MAX_KNOWN: usize = 2000;

/// The longest name in bytes that is known as a name; those of our server are shorter.
pub const MAX_BYTES: usize = 256;

#[derive(Debug)]
struct CachedName {
    shown: CompactString,
    here: bool,
    /// When it was heard of last; 0 for what was only listed.
    heard: u64,
    /// When it was heard of first.
    learnt: u64,
}

/// People or rooms by their folded names.
#[derive(Debug, Default)]
pub struct NameCache {
    known: HashMap<String, CachedName>,
    clock: u64,
}

impl NameCache {
    /// It is in a list of those who are here, or elsewhere.
    pub fn listed(&mut self, name: &str, here: bool) {
        let known = self.known_as(name);
        known.here |= here;
    }

    /// It was heard of just now; `here` if that shows that it is in our room.
    pub fn heard(&mut self, name: &str, here: bool) {
        let clock = self.clock + 1;
        let known = self.known_as(name);
        known.here |= here;
        known.heard = clock;
    }

    /// It is no longer in our room; it may be in another.
    pub fn left(&mut self, name: &str) {
        self.known_as(name).here = false;
    }

    /// We are in another room, or in none.
    pub fn all_left(&mut self) {
        self.known.values_mut().for_each(|known| known.here = false);
    }

    /// There is nobody of that name.
    pub fn forget(&mut self, name: &str) {
        self.known.remove(&fold(name));
    }

    /// Those who are here, then the others; of each, whoever was heard of last comes first.
    pub fn list(&self) -> Vec<&str> {
        let mut all: Vec<&CachedName> = self.known.values().collect();
        all.sort_unstable_by_key(|known| (!known.here, std::cmp::Reverse((known.heard, known.learnt))));
        all.into_iter().map(|known| &*known.shown).collect()
    }

    /// The entry of that name, made if need be, with the name as it is spelt now.
    fn known_as(&mut self, name: &str) -> &mut CachedName {
        // A server may call anything a name.
        let end = (0..=name.len().min(MAX_BYTES)).rev().find(|&at| name.is_char_boundary(at));
        let name = &name[..end.unwrap_or(0)];
        self.clock += 1;
        let key = fold(name);
        if self.known.len() >= MAX_KNOWN && !self.known.contains_key(&key) {
            self.shrink();
        }
        let new = || CachedName { shown: name.into(), here: false, heard: 0, learnt: self.clock };
        let known = self.known.entry(key).or_insert_with(new);
        if known.shown != name {
            known.shown = name.into();
        }
        known
    }

    /// Forgets an eighth, so that this need not be done for each new name.
    fn shrink(&mut self) {
        let age = |known: &CachedName| (known.here, known.heard, known.learnt);
        let mut ages: Vec<_> = self.known.values().map(age).collect();
        let (_, &mut oldest, _) = ages.select_nth_unstable(MAX_KNOWN / 8);
        self.known.retain(|_, known| age(known) >= oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_heard_last_comes_first_and_those_who_left_come_last() {
        let mut names = NameCache::default();
        for name in ["alice", "bob", "carol", "dan"] {
            names.listed(name, true);
        }
        names.heard("bob", true);
        names.heard("ALICE", true);
        assert_eq!(names.list(), ["ALICE", "bob", "dan", "carol"]);
        names.left("Alice");
        assert_eq!(names.list(), ["bob", "dan", "carol", "Alice"]);
        names.all_left();
        names.listed("carol", true);
        names.forget("BOB");
        assert_eq!(names.list(), ["carol", "Alice", "dan"]);
    }

    #[test]
    fn of_a_name_that_is_none_only_the_beginning_is_kept() {
        let mut names = NameCache::default();
        names.heard(&"好".repeat(1000), true);
        assert_eq!(names.list(), ["好".repeat(MAX_BYTES / 3)]);
    }

    #[test]
    fn no_more_are_kept_than_the_bound_and_the_oldest_go_first() {
        let mut names = NameCache::default();
        names.heard("first", false);
        names.listed("present", true);
        for number in 0..3 * MAX_KNOWN {
            names.heard(&format!("p{number}"), false);
            assert!(names.known.len() <= MAX_KNOWN);
        }
        let list = names.list();
        assert!(list.len() > MAX_KNOWN * 3 / 4, "{} are left", list.len());
        assert_eq!(list[..2], ["present", &*format!("p{}", 3 * MAX_KNOWN - 1)]);
        assert!(!list.contains(&"first"));
    }
}
