//! What sessions watch: names, whose members come and go (<https://ircv3.net/specs/extensions/monitor>), or keys of metadata
//! (<https://ircv3.net/specs/extensions/metadata>).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use compact_str::CompactString;
use serde::{Deserialize, Serialize, Serializer};

use crate::chat::id::ClientId;
use crate::chat::policy::nick::Name;

/// The names or keys that each session monitors, with an index from these to sessions.
#[derive(Default, Deserialize)]
#[serde(from = "Lists")]
pub struct Monitors {
    lists: Lists,
    /// The sessions that monitor a folded name.
    watchers: HashMap<Box<str>, BTreeSet<ClientId>>,
}

/// The folded names that each session monitors, with the names as it gave them.
type Lists = BTreeMap<ClientId, BTreeMap<Box<str>, CompactString>>;

impl Monitors {
    /// Whether no session monitors a name.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// Lets a session monitor a name; returns whether it does now. It does not if it monitors `most` other names.
    pub fn add(&mut self, id: ClientId, name: &Name, most: usize) -> bool {
        self.add_key(id, &name.key, &name.shown, most)
    }

    /// As [`Monitors::add`], for the folded name or the key `key`, which is listed as `shown`.
    pub fn add_key(&mut self, id: ClientId, key: &str, shown: &str, most: usize) -> bool {
        let list = self.lists.entry(id).or_default();
        if list.contains_key(key) {
            return true;
        }
        if list.len() >= most {
            return false;
        }
        list.insert(key.into(), shown.into());
        self.watchers.entry(key.into()).or_default().insert(id);
        true
    }

    /// A session no longer monitors a folded name.
    pub fn remove(&mut self, id: ClientId, key: &str) {
        let Some(list) = self.lists.get_mut(&id) else { return };
        if list.remove(key).is_some() {
            self.unwatch(id, key);
        }
    }

    /// A session no longer monitors any name.
    pub fn clear(&mut self, id: ClientId) {
        let Some(list) = self.lists.remove(&id) else { return };
        list.into_keys().for_each(|key| self.unwatch(id, &key));
    }

    fn unwatch(&mut self, id: ClientId, key: &str) {
        let Some(watchers) = self.watchers.get_mut(key) else { return };
        watchers.remove(&id);
        if watchers.is_empty() {
            self.watchers.remove(key);
        }
    }

    /// The names that a session monitors, in the order of their folded forms.
    pub fn names(&self, id: ClientId) -> impl Iterator<Item = &CompactString> {
        self.lists.get(&id).into_iter().flat_map(|list| list.values())
    }

    /// The sessions that monitor a folded name.
    pub fn watchers(&self, key: &str) -> Vec<ClientId> {
        self.watchers.get(key).into_iter().flatten().copied().collect()
    }
}

impl From<Lists> for Monitors {
    fn from(lists: Lists) -> Self {
        let mut watchers: HashMap<Box<str>, BTreeSet<ClientId>> = HashMap::new();
        for (&id, list) in &lists {
            for key in list.keys() {
                watchers.entry(key.clone()).or_default().insert(id);
            }
        }
        Monitors { lists, watchers }
    }
}

impl Serialize for Monitors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lists.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn name_is_monitored_once_in_any_case_until_it_is_removed() {
        let (mut monitors, [alice, bob]) = (Monitors::default(), [0, 1].map(ClientId::new));
        assert!(monitors.add(alice, &name("Qux"), 2) && monitors.add(alice, &name("qux"), 2));
        assert!(monitors.add(bob, &name("QUX"), 2) && monitors.add(bob, &name("baz"), 2));
        assert_eq!(monitors.watchers("qux"), [alice, bob]);
        assert_eq!(monitors.names(alice).collect::<Vec<_>>(), ["Qux"]);
        monitors.remove(alice, "qux");
        monitors.remove(alice, "baz");
        assert_eq!((monitors.watchers("qux"), monitors.watchers("baz")), (vec![bob], vec![bob]));
        monitors.clear(bob);
        assert!(monitors.is_empty() && monitors.names(bob).next().is_none());
    }

    #[test]
    fn list_of_a_session_is_bounded() {
        let (mut monitors, id) = (Monitors::default(), ClientId::new(0));
        assert!(monitors.add(id, &name("a1"), 2) && monitors.add(id, &name("a2"), 2));
        assert!(!monitors.add(id, &name("a3"), 2) && monitors.add(id, &name("A1"), 2));
        assert_eq!((monitors.names(id).count(), monitors.watchers("a3")), (2, vec![]));
    }

    #[test]
    fn index_is_made_again_from_the_lists() {
        let (mut monitors, id) = (Monitors::default(), ClientId::new(3));
        monitors.add(id, &name("Qux"), 2);
        let state = serde_json::to_string(&monitors).unwrap();
        let monitors: Monitors = serde_json::from_str(&state).unwrap();
        assert_eq!((monitors.watchers("qux"), monitors.names(id).count()), (vec![id], 1));
    }
}
