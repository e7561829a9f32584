//! A table whose items have indexes; a new item always gets the lowest free one.
//!
//! The index of an item follows from the insertions and removals alone, also after the table was written as plain data
//! and read again.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::shrink;

/// Items by index.
pub struct Slots<T> {
    /// The last one is an item.
    items: Vec<Option<T>>,
    /// The free indexes below `items.len()`.
    free: BTreeSet<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { items: Vec::new(), free: BTreeSet::new() }
    }
}

impl<T> Slots<T> {
    /// The number of items.
    pub fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an item; returns its index. Takes logarithmic time in the number of free indexes.
    pub fn insert(&mut self, item: T) -> usize {
        match self.free.pop_first() {
            Some(index) => {
                self.items[index] = Some(item);
                index
            }
            None => {
                self.items.push(Some(item));
                self.items.len() - 1
            }
        }
    }

    /// Removes an item.
    ///
    /// # Panics
    /// If there is none at `index`.
    pub fn remove(&mut self, index: usize) -> T {
        let item = self.items[index].take().expect("an item at this index");
        self.free.insert(index);
        while self.items.last().is_some_and(Option::is_none) {
            self.items.pop();
            self.free.remove(&self.items.len());
        }
        shrink::vec(&mut self.items);
        item
    }

    /// The item at an index.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.items.get(index)?.as_ref()
    }

    /// As [`Slots::get`], mutable.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.items.get_mut(index)?.as_mut()
    }

    /// All items with their indexes, in the order of the indexes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.items.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_ref()?)))
    }

    /// As [`Slots::iter`], mutable and without the indexes.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().flatten()
    }

    /// The items that are made of these, with the same indexes.
    pub fn map<U>(&self, make: impl Fn(&T) -> U) -> Slots<U> {
        let items = self.items.iter().map(|item| item.as_ref().map(&make)).collect();
        Slots { items, free: self.free.clone() }
    }

    /// Bytes allocated for the items.
    pub fn capacity_bytes(&self) -> usize {
        self.items.capacity() * size_of::<Option<T>>()
    }
}

impl<T> Index<usize> for Slots<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        self.items[index].as_ref().expect("an item at this index")
    }
}

impl<T> IndexMut<usize> for Slots<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        self.items[index].as_mut().expect("an item at this index")
    }
}

impl<T: Serialize> Serialize for Slots<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.items.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Slots<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut items = Vec::<Option<T>>::deserialize(deserializer)?;
        while items.last().is_some_and(Option::is_none) {
            items.pop();
        }
        let free = items.iter().enumerate().filter(|(_, item)| item.is_none()).map(|(index, _)| index).collect();
        Ok(Slots { items, free })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::test_support::Random;

    #[test]
    fn lowest_free_index_is_used_also_after_a_round_trip() {
        let (mut slots, mut random, mut model) = (Slots::default(), Random(1), BTreeSet::new());
        for step in 0..10_000_usize {
            if model.is_empty() || random.one_in(2) {
                let lowest = (0..).find(|index| !model.contains(index)).unwrap();
                assert_eq!(slots.insert(step), lowest);
                model.insert(lowest);
            } else {
                let index = *model.iter().nth(random.below(model.len())).unwrap();
                slots.remove(index);
                model.remove(&index);
            }
            if step.is_multiple_of(100) {
                slots = serde_json::from_str(&serde_json::to_string(&slots).unwrap()).unwrap();
            }
            assert_eq!((slots.len(), slots.iter().map(|(index, _)| index).collect()), (model.len(), model.clone()));
        }
    }
}
