//! Remembers names for completion.

use std::collections::HashMap;

use compact_str::CompactString;

use crate::chat::policy::nick::fold;

/// The most names that are kept; beyond it the names that were not seen for the longest time are dropped.
pub const MAX_NAMES: usize = 2000;

/// The longest name in bytes; names of a chinwag server are shorter.
pub const MAX_BYTES: usize = 256;

#[derive(Debug)]
struct CachedName {
    shown: CompactString,
    here: bool,
    /// When the name was last active; 0 if it was only listed.
    last_active: u64,
    /// When the name was first seen.
    first_seen: u64,
}

/// Names of users or rooms, by their folded form.
#[derive(Debug, Default)]
pub struct NameCache {
    names: HashMap<String, CachedName>,
    clock: u64,
}

impl NameCache {
    /// Records a name of a list; `here` if it is a list of our room.
    pub fn record_listed(&mut self, name: &str, here: bool) {
        let entry = self.entry_of(name);
        entry.here |= here;
    }

    /// Records that a name was active just now; `here` if this shows that it is in our room.
    pub fn record_active(&mut self, name: &str, here: bool) {
        let clock = self.clock + 1;
        let entry = self.entry_of(name);
        entry.here |= here;
        entry.last_active = clock;
    }

    /// Records that a name left our room; it may be in another.
    pub fn record_left(&mut self, name: &str) {
        self.entry_of(name).here = false;
    }

    /// Records that we left the room.
    pub fn record_all_left(&mut self) {
        self.names.values_mut().for_each(|entry| entry.here = false);
    }

    /// Removes a name that does not exist.
    pub fn remove(&mut self, name: &str) {
        self.names.remove(&fold(name));
    }

    /// Returns the names: those in our room first, and the most recently active first in each group.
    pub fn list(&self) -> Vec<&str> {
        let mut all: Vec<&CachedName> = self.names.values().collect();
        all.sort_unstable_by_key(|entry| (!entry.here, std::cmp::Reverse((entry.last_active, entry.first_seen))));
        all.into_iter().map(|entry| &*entry.shown).collect()
    }

    /// Returns the entry of a name, new if there was none, with the name as it is spelt now.
    fn entry_of(&mut self, name: &str) -> &mut CachedName {
        // A server may send anything as a name.
        let end = (0..=name.len().min(MAX_BYTES)).rev().find(|&at| name.is_char_boundary(at));
        let name = &name[..end.unwrap_or(0)];
        self.clock += 1;
        let key = fold(name);
        if self.names.len() >= MAX_NAMES && !self.names.contains_key(&key) {
            self.shrink();
        }
        let new = || CachedName { shown: name.into(), here: false, last_active: 0, first_seen: self.clock };
        let entry = self.names.entry(key).or_insert_with(new);
        if entry.shown != name {
            entry.shown = name.into();
        }
        entry
    }

    /// Drops an eighth of the names, so that this is not needed for each new one.
    fn shrink(&mut self) {
        let age = |entry: &CachedName| (entry.here, entry.last_active, entry.first_seen);
        let mut ages: Vec<_> = self.names.values().map(age).collect();
        let (_, &mut oldest, _) = ages.select_nth_unstable(MAX_NAMES / 8);
        self.names.retain(|_, entry| age(entry) >= oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_sorts_by_presence_then_last_activity() {
        let mut names = NameCache::default();
        for name in ["alice", "bob", "carol", "dan"] {
            names.record_listed(name, true);
        }
        names.record_active("bob", true);
        names.record_active("ALICE", true);
        assert_eq!(names.list(), ["ALICE", "bob", "dan", "carol"]);
        names.record_left("Alice");
        assert_eq!(names.list(), ["bob", "dan", "carol", "Alice"]);
        names.record_all_left();
        names.record_listed("carol", true);
        names.remove("BOB");
        assert_eq!(names.list(), ["carol", "Alice", "dan"]);
    }

    #[test]
    fn overlong_name_is_cut() {
        let mut names = NameCache::default();
        names.record_active(&"好".repeat(1000), true);
        assert_eq!(names.list(), ["好".repeat(MAX_BYTES / 3)]);
    }

    #[test]
    fn oldest_names_are_dropped_at_the_limit() {
        let mut names = NameCache::default();
        names.record_active("first", false);
        names.record_listed("present", true);
        for number in 0..3 * MAX_NAMES {
            names.record_active(&format!("p{number}"), false);
            assert!(names.names.len() <= MAX_NAMES);
        }
        let list = names.list();
        assert!(list.len() > MAX_NAMES * 3 / 4, "{} are left", list.len());
        assert_eq!(list[..2], ["present", &*format!("p{}", 3 * MAX_NAMES - 1)]);
        assert!(!list.contains(&"first"));
    }
}
