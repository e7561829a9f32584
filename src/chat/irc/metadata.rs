//! What members say of themselves and of rooms in keys and values: <https://ircv3.net/specs/extensions/metadata>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most keys of one member or room.
pub const MAX_KEYS: usize = 20;
/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 64;
/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 300;

/// The keys of a member or of a room with their values, in the order of the keys. It takes no memory but a pointer if it is
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[expect(clippy::box_collection, reason = "one pointer in place of three in each room")]
pub struct Metadata(Option<Box<BTreeMap<Box<str>, Box<str>>>>);

impl Metadata {
    /// No keys.
    pub const EMPTY: Metadata = Metadata(None);

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |values| values.len())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.get(key).map(|value| &**value)
    }

    /// The keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|values| values.iter()).map(|(key, value)| (&**key, &**value))
    }

    /// Sets the value of a key, or removes the key.
    pub fn set(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.0.get_or_insert_default().insert(key.into(), value.into())),
            None => {
                self.0.as_mut().and_then(|values| values.remove(key));
                self.0.take_if(|values| values.is_empty());
            }
        }
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

/// Whether a text is a key: 1 to [`MAX_KEY_BYTES`] of `a-z`, `0-9`, `_`, `.`, `/` and `-`.
pub fn is_key(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-');
    (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_set_replaced_and_removed() {
        let mut metadata = Metadata::default();
        metadata.set("url", Some("a"));
        metadata.set("avatar", Some("b"));
        metadata.set("url", Some("c"));
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("avatar", "b"), ("url", "c")]);
        assert_eq!((metadata.get("url"), metadata.get("other"), metadata.len()), (Some("c"), None, 2));
        metadata.set("other", None);
        metadata.set("url", None);
        assert!(!metadata.is_empty());
        metadata.set("avatar", None);
        assert_eq!(metadata, Metadata::default());
        metadata.set("url", Some("d"));
        metadata.clear();
        assert!(metadata.is_empty());
    }

    #[test]
    fn keys_have_few_characters() {
        let long = "k".repeat(MAX_KEY_BYTES + 1);
        for key in ["", "A", "a b", ":a", "ä", "a:b", "*", &long] {
            assert!(!is_key(key), "{key:?}");
        }
        for key in ["a", "display-name", "example.org/x_1", &long[1..]] {
            assert!(is_key(key), "{key:?}");
        }
    }
}
