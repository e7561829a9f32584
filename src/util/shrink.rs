//! Giving memory back in steps, so that a table that was large once does not stay so.
//!
//! A table shrinks to a half of its room when less than a quarter of it is used. That is O(n), and comes after at least
//! as many removals: amortised, each costs a constant.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};

use slab::Slab;

/// Capacity in items that is never given back.
const SPARE: usize = 64;

/// Whether a table of that many items has too much room.
pub fn is_loose(len: usize, capacity: usize) -> bool {
    capacity > SPARE && len < capacity / 4
}

/// Shrinks a vector.
pub fn vec<T>(items: &mut Vec<T>) {
    if is_loose(items.len(), items.capacity()) {
        items.shrink_to((2 * items.len()).max(SPARE));
    }
}

/// Shrinks a queue.
pub fn queue<T>(items: &mut VecDeque<T>) {
    if is_loose(items.len(), items.capacity()) {
        items.shrink_to((2 * items.len()).max(SPARE));
    }
}

/// Shrinks a map.
pub fn map<K: Eq + Hash, V, S: BuildHasher>(items: &mut HashMap<K, V, S>) {
    if is_loose(items.len(), items.capacity()) {
        items.shrink_to((2 * items.len()).max(SPARE));
    }
}

/// Shrinks a slab from its end, since items cannot move; from then on its lowest keys are given first.
///
/// It is done each time that the number of items is halved, as it may come to nothing.
pub fn slab<T>(items: &mut Slab<T>) {
    let len = items.len();
    if is_loose(len, items.capacity()) && (len == 0 || len.is_power_of_two()) {
        items.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_shrinks_behind_its_last_item_and_gives_low_keys_again() {
        let mut items: Slab<usize> = (0..10_000).map(|n| (n, n)).collect();
        for n in (0..10_000).filter(|&n| n != 100) {
            items.remove(n);
            slab(&mut items);
        }
        assert!(items.capacity() <= 2 * 101, "room for {}", items.capacity());
        assert_eq!((items[100], items.insert(0), items.insert(1)), (100, 0, 1));
        items.clear();
        slab(&mut items);
        assert!(items.capacity() <= SPARE);
    }

    #[test]
    fn tables_keep_at_most_four_times_of_what_they_need() {
        let mut list: Vec<usize> = (0..10_000).collect();
        let mut line: VecDeque<usize> = (0..10_000).collect();
        let mut table: HashMap<usize, ()> = (0..10_000).map(|n| (n, ())).collect();
        for n in 0..10_000 {
            list.pop();
            line.pop_front();
            table.remove(&n);
            vec(&mut list);
            queue(&mut line);
            map(&mut table);
            let most = (8 * list.len()).max(4 * SPARE);
            assert!(list.capacity().max(line.capacity()).max(table.capacity()) <= most, "{} are left", list.len());
        }
    }
}
