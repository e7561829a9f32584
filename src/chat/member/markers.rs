//! How far a member has read: <https://ircv3.net/specs/extensions/read-marker>.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::chat::policy::nick::fold;

/// Targets of which one member remembers how far it has read; then the one that was set first is forgotten.
const MAX_MARKERS: usize = 100;

/// For each target, a room with its `#` or a nickname, the time up to which a member has read, in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markers(Vec<(CompactString, i64)>);

impl Markers {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each target with the time.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(target, at)| (&**target, *at))
    }

    /// Their memory in bytes, approximately.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(target, _)| target.len() + 32).sum()
    }

    /// Up to when it has read a target.
    pub fn get(&self, target: &str) -> Option<i64> {
        let key = fold(target);
        self.0.iter().find(|(name, _)| **name == *key).map(|&(_, at)| at)
    }

    /// Notes up to when it has read a target; `false`, and nothing is done, if it has read further already.
    pub fn advance(&mut self, target: &str, at: i64) -> bool {
        let key = fold(target);
        match self.0.iter().position(|(name, _)| **name == *key) {
            Some(index) if self.0[index].1 >= at => return false,
            Some(index) => drop(self.0.remove(index)),
            None if self.0.len() >= MAX_MARKERS => drop(self.0.remove(0)),
            None => {}
        }
        self.0.push((key.into(), at));
        true
    }

    /// Takes over those of `other` that are further.
    pub fn merge(&mut self, other: &Markers) {
        for (target, at) in &other.0 {
            self.advance(target, *at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marker_only_grows_and_the_oldest_target_is_forgotten() {
        let mut markers = Markers::default();
        assert!(markers.advance("#den", 7) && !markers.advance("#DEN", 7) && !markers.advance("#den", 3));
        assert_eq!((markers.get("#Den"), markers.get("den")), (Some(7), None));
        for room in 0..MAX_MARKERS {
            assert!(markers.advance(&format!("#room{room}"), 1));
        }
        assert_eq!((markers.0.len(), markers.get("#den")), (MAX_MARKERS, None));
    }

    #[test]
    fn merged_markers_are_the_furthest() {
        let (mut own, mut others) = (Markers::default(), Markers::default());
        [("#a", 1), ("#b", 5)].into_iter().for_each(|(target, at)| {
            own.advance(target, at);
        });
        [("#a", 3), ("#b", 2), ("c", 4)].into_iter().for_each(|(target, at)| {
            others.advance(target, at);
        });
        own.merge(&others);
        assert_eq!(["#a", "#b", "c"].map(|target| own.get(target)), [Some(3), Some(5), Some(4)]);
    }
}
