//! What the names of rooms look like.

use std::collections::BTreeSet;

use compact_str::CompactString;

use crate::chat::policy::nick::lookalike::Looks;

/// The canonical forms of the names of rooms, each with the key of its room.
///
/// Rooms of an older store may look alike, so a form can have several keys.
#[derive(Default)]
pub struct RoomLooks(BTreeSet<(CompactString, Box<str>)>);

impl RoomLooks {
    /// Adds a room by its name as shown and its key.
    pub fn add(&mut self, name: &str, key: &str) {
        self.0.extend(Looks::of(name).forms().map(|form| (form.into(), key.into())));
    }

    /// Removes a room.
    pub fn remove(&mut self, name: &str, key: &str) {
        for form in Looks::of(name).forms() {
            self.0.remove(&(form.into(), key.into()));
        }
    }

    /// The key of a room whose name looks like this one or is equal to it.
    pub fn find(&self, name: &str) -> Option<&str> {
        let first =
            |form: &str| self.0.range((form.into(), Box::default())..).next().filter(|(found, _)| found == form);
        Looks::of(name).forms().find_map(first).map(|(_, key)| &**key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl RoomLooks {
        /// All forms with the keys of their rooms.
        pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
            self.0.iter().map(|(form, key)| (&**form, &**key))
        }
    }

    #[test]
    fn rooms_that_look_alike_are_found_until_the_last_is_removed() {
        let mut looks = RoomLooks::default();
        for (name, key) in [("games", "games"), ("garnes", "garnes"), ("Iobby", "iobby")] {
            looks.add(name, key);
        }
        let found = |looks: &RoomLooks, name| looks.find(name).map(str::to_owned);
        assert_eq!(found(&looks, "GAMES").as_deref(), Some("games"));
        assert_eq!(["lobby", "Iobby", "iobby", "1OBBY"].map(|name| looks.find(name)), [Some("iobby"); 4]);
        looks.remove("games", "games");
        assert_eq!(found(&looks, "games").as_deref(), Some("garnes"));
        looks.remove("garnes", "garnes");
        looks.remove("Iobby", "iobby");
        assert!(looks.0.is_empty());
    }
}
