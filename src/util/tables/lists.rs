//! Short lists whose items stand in one allocation, since an allocation for each list would cost more than its items.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// A list in a [`Lists`]; empty at first. A copy of it is the same list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List(Option<NonZeroU32>);

impl List {
    /// Whether it has no items.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_none()
    }

    fn index(self) -> Option<usize> {
        self.0.map(|number| number.get() as usize - 1)
    }

    fn at(index: usize) -> List {
        let number = u32::try_from(index).ok().and_then(|index| NonZeroU32::MIN.checked_add(index));
        List(Some(number.expect("fewer than 2^32 items")))
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Item<T> {
    value: T,
    /// The items after it.
    rest: List,
}

/// The items of many lists. Every operation walks over one list, so the lists must be short.
#[derive(Clone, Serialize, Deserialize)]
pub struct Lists<T> {
    items: Vec<Option<Item<T>>>,
    /// Places without an item.
    free: Vec<u32>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Lists { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Lists<T> {
    fn item(&self, list: List) -> Option<&Item<T>> {
        self.items[list.index()?].as_ref()
    }

    fn item_mut(&mut self, list: List) -> Option<&mut Item<T>> {
        self.items[list.index()?].as_mut()
    }

    /// The items of a list, in the order in which they were added.
    pub fn iter(&self, list: List) -> impl Iterator<Item = &T> {
        let mut rest = list;
        std::iter::from_fn(move || {
            let item = self.item(rest)?;
            rest = item.rest;
            Some(&item.value)
        })
    }

    /// The first item of a list for which `is_meant` is true.
    pub fn find(&self, list: List, mut is_meant: impl FnMut(&T) -> bool) -> Option<&T> {
        self.iter(list).find(|item| is_meant(item))
    }

    /// As [`Lists::find`], mutable.
    pub fn find_mut(&mut self, list: List, mut is_meant: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let mut rest = list;
        while let Some(item) = self.item(rest).filter(|item| !is_meant(&item.value)) {
            rest = item.rest;
        }
        self.item_mut(rest).map(|item| &mut item.value)
    }

    /// Adds an item at the end of a list.
    pub fn push(&mut self, list: &mut List, value: T) {
        let added = self.place(Item { value, rest: List::default() });
        let mut end = *list;
        while let Some(item) = self.item(end).filter(|item| !item.rest.is_empty()) {
            end = item.rest;
        }
        match self.item_mut(end) {
            Some(last) => last.rest = added,
            None => *list = added,
        }
    }

    fn place(&mut self, item: Item<T>) -> List {
        match self.free.pop() {
            Some(index) => {
                self.items[index as usize] = Some(item);
                List::at(index as usize)
            }
            None => {
                self.items.push(Some(item));
                List::at(self.items.len() - 1)
            }
        }
    }

    /// Removes the first item of a list for which `is_meant` is true.
    pub fn remove(&mut self, list: &mut List, mut is_meant: impl FnMut(&T) -> bool) -> Option<T> {
        let (mut before, mut found) = (List::default(), *list);
        while let Some(item) = self.item(found).filter(|item| !is_meant(&item.value)) {
            (before, found) = (found, item.rest);
        }
        let index = found.index()?;
        let Item { value, rest } = self.items[index].take()?;
        match self.item_mut(before) {
            Some(before) => before.rest = rest,
            None => *list = rest,
        }
        self.free.push(index as u32);
        if self.free.len() == self.items.len() {
            *self = Lists::default();
        }
        Some(value)
    }

    /// Removes the first item of a list.
    pub fn pop(&mut self, list: &mut List) -> Option<T> {
        self.remove(list, |_| true)
    }

    /// Bytes allocated for the items.
    /// Whether each of these lists can be read, no two of them share an item, and all other space is free: so it is unless the
    /// lists were read from damaged data.
    pub fn are_sound(&self, lists: impl Iterator<Item = List>) -> bool {
        let mut is_seen = vec![false; self.items.len()];
        let mut take = |index: usize| is_seen.get_mut(index).is_some_and(|seen| !std::mem::replace(seen, true));
        for list in lists {
            let mut rest = list;
            while let Some(index) = rest.index() {
                match self.items.get(index).and_then(Option::as_ref).filter(|_| take(index)) {
                    Some(item) => rest = item.rest,
                    None => return false,
                }
            }
        }
        let is_free = |index: usize| self.items.get(index).is_some_and(Option::is_none) && take(index);
        self.free.iter().map(|&index| index as usize).all(is_free) && is_seen.iter().all(|seen| *seen)
    }

    pub fn capacity_bytes(&self) -> usize {
        self.items.capacity() * size_of::<Option<Item<T>>>() + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_the_order_of_their_items_and_share_the_space() {
        let mut lists = Lists::default();
        let (mut odd, mut even) = (List::default(), List::default());
        for n in 0..6 {
            lists.push(if n % 2 == 0 { &mut even } else { &mut odd }, n);
        }
        assert_eq!(lists.iter(odd).copied().collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(lists.find_mut(odd, |&n| n == 3).map(|n| std::mem::replace(n, 7)), Some(3));
        assert_eq!(lists.remove(&mut odd, |&n| n == 7), Some(7));
        assert_eq!(lists.remove(&mut odd, |&n| n == 7), None);
        assert_eq!(lists.pop(&mut odd), Some(1));
        lists.push(&mut odd, 9);
        assert_eq!(lists.iter(odd).copied().collect::<Vec<_>>(), [5, 9]);
        assert_eq!(lists.find(even, |&n| n > 2), Some(&4));
        while lists.pop(&mut odd).is_some() || lists.pop(&mut even).is_some() {}
        assert!(odd.is_empty() && even.is_empty() && lists.capacity_bytes() == 0);
    }

    #[test]
    fn lists_of_damaged_data_are_told_from_sound_ones() {
        let mut lists = Lists::default();
        let (mut odd, mut even) = (List::default(), List::default());
        (0..6).for_each(|n| lists.push(if n % 2 == 0 { &mut even } else { &mut odd }, n));
        lists.remove(&mut odd, |&n| n == 3);
        let are_sound = |lists: &Lists<i32>, all: &[List]| lists.are_sound(all.iter().copied());
        assert!(are_sound(&lists, &[odd, even, List::default()]));
        assert!(!are_sound(&lists, &[odd]) && !are_sound(&lists, &[odd, even, odd]));
        assert!(!are_sound(&lists, &[odd, even, List::at(9)]) && !are_sound(&Lists::default(), &[odd]));
        let damage = |change: fn(&mut Lists<i32>)| {
            let mut damaged = lists.clone();
            change(&mut damaged);
            !are_sound(&damaged, &[odd, even])
        };
        assert!(damage(|lists| lists.free.push(3)) && damage(|lists| lists.free = vec![9]));
        assert!(
            damage(|lists| lists.free.clear()) && damage(|lists| lists.items[0].as_mut().unwrap().rest = List::at(0))
        );
    }

    #[test]
    fn item_takes_four_bytes_more_than_its_value() {
        assert_eq!(size_of::<Option<Item<(NonZeroU32, u32)>>>(), 12);
    }
}
