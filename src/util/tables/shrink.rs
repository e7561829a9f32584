//! Shrinks tables in steps, so that a table that was once large frees its memory.
//!
//! A table shrinks to half of its capacity when less than a quarter is used. This is O(n) and follows at least n
//! removals, so the amortised cost of a removal is constant.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};

use slab::Slab;

/// Capacity in items that is never freed.
const SPARE: usize = 64;

/// Whether a table with `len` items has too much capacity.
pub fn is_oversized(len: usize, capacity: usize) -> bool {
    capacity > SPARE && len < capacity / 4
}

/// Shrinks a vector.
pub fn vec<T>(items: &mut Vec<T>) {
    if is_oversized(items.len(), items.capacity()) {
        items.shrink_to((2 * items.len()).max(SPARE));
    }
}

/// Removes the empty places at the end of a table, and shrinks it.
pub fn sparse<T>(items: &mut Vec<Option<T>>) {
    while items.last().is_some_and(Option::is_none) {
        items.pop();
    }
    vec(items);
}

/// Shrinks a queue.
pub fn queue<T>(items: &mut VecDeque<T>) {
    if is_oversized(items.len(), items.capacity()) {
        items.shrink_to((2 * items.len()).max(SPARE));
    }
}

/// Shrinks a map.
pub fn map<K: Eq + Hash, V, S: BuildHasher>(items: &mut HashMap<K, V, S>) {
    if is_oversized(items.len(), items.capacity()) {
        items.shrink_to((2 * items.len()).max(SPARE));
    }
}

/// Shrinks a slab from its end, since items cannot move; afterwards the lowest free keys are used first.
///
/// It is tried each time that the number of items has halved, since it may free nothing.
pub fn slab<T>(items: &mut Slab<T>) {
    let len = items.len();
    if is_oversized(len, items.capacity()) && (len == 0 || len.is_power_of_two()) {
        items.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slab_shrinks_after_its_last_item_and_reuses_low_keys() {
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
    fn tables_keep_a_bounded_multiple_of_what_they_need() {
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
