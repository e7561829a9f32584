//! How many come from one address and are nobody yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use crate::chat::Network;

/// Connections that a browser opens for a page, before it is known who comes; besides those allowed to one address.
const SPARE: usize = 8;

/// Exchanges by where they come from; counted only where connections from one address are limited.
#[derive(Default)]
pub struct Newcomers {
    counts: HashMap<Network, usize>,
}

impl Newcomers {
    /// One more from there; `false`, and not counted, if it is one too many. `most` is 0 for no limit.
    pub fn enter(&mut self, addr: IpAddr, most: usize) -> bool {
        if most == 0 {
            return true;
        }
        let count = self.counts.entry(Network::of_one_person(addr)).or_default();
        let is_free = *count < most + SPARE;
        *count += usize::from(is_free);
        is_free
    }

    /// One of them is gone, or is known by now.
    pub fn leave(&mut self, addr: IpAddr) {
        if let Entry::Occupied(mut count) = self.counts.entry(Network::of_one_person(addr)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        crate::util::shrink::map(&mut self.counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_can_be_had_where_few_may_come_and_no_more() {
        let (mut newcomers, here, there) = (Newcomers::default(), [10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert_eq!((0..20).filter(|_| newcomers.enter(here, 1)).count(), 1 + SPARE);
        assert!(newcomers.enter(there, 1) && newcomers.enter(here, 0));
        newcomers.leave(here);
        assert!(newcomers.enter(here, 1) && !newcomers.enter(here, 1));
        (0..1 + SPARE).for_each(|_| newcomers.leave(here));
        newcomers.leave(there);
        assert!(newcomers.counts.is_empty());
    }
}
