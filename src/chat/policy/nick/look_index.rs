//! An index of names by what they look like.

use std::collections::BTreeSet;

use compact_str::CompactString;

use super::lookalike::Looks;

/// The canonical forms of names, such as those of all rooms, each with the key of its name.
///
/// Names of an older store may look alike, so a form can have several keys.
#[derive(Clone, Default)]
pub struct LookIndex(BTreeSet<(CompactString, Box<str>)>);

impl LookIndex {
    /// Adds a name as shown, and its key.
    pub fn add(&mut self, name: &str, key: &str) {
        self.0.extend(Looks::of(name).forms().map(|form| (form.into(), key.into())));
    }

    /// Removes a name.
    pub fn remove(&mut self, name: &str, key: &str) {
        for form in Looks::of(name).forms() {
            self.0.remove(&(form.into(), key.into()));
        }
    }

    /// The key of a name that looks like this one or is equal to it; that with the key `own` does not count.
    pub fn find(&self, name: &str, own: Option<&str>) -> Option<&str> {
        let other = |form: &str| {
            let alike = self.0.range((form.into(), Box::default())..).take_while(|(found, _)| found == form);
            alike.map(|(_, key)| &**key).find(|&key| Some(key) != own)
        };
        Looks::find_map(name, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl LookIndex {
        /// All forms with their keys.
        pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
            self.0.iter().map(|(form, key)| (&**form, &**key))
        }
    }

    #[test]
    fn names_that_look_alike_are_found_until_the_last_is_removed() {
        let mut looks = LookIndex::default();
        for (name, key) in [("games", "games"), ("garnes", "garnes"), ("Iobby", "iobby")] {
            looks.add(name, key);
        }
        let found = |looks: &LookIndex, name| looks.find(name, None).map(str::to_owned);
        assert_eq!(found(&looks, "GAMES").as_deref(), Some("games"));
        assert_eq!(["lobby", "Iobby", "iobby", "1OBBY"].map(|name| looks.find(name, None)), [Some("iobby"); 4]);
        assert_eq!(looks.find("games", Some("games")), Some("garnes"));
        looks.remove("games", "games");
        assert_eq!(found(&looks, "games").as_deref(), Some("garnes"));
        looks.remove("garnes", "garnes");
        looks.remove("Iobby", "iobby");
        assert!(looks.0.is_empty());
    }
}
