//! Addresses that are not let in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The banned addresses, each until some time or for as long as the server runs.
#[derive(Default)]
pub struct Bans(HashMap<IpAddr, Option<Duration>>);

impl Bans {
    /// Bans an address, or bans it anew.
    pub fn add(&mut self, addr: IpAddr, until: Option<Duration>) {
        self.0.insert(addr, until);
    }

    /// Lifts a ban; whether there was one.
    pub fn lift(&mut self, addr: IpAddr) -> bool {
        self.0.remove(&addr).is_some()
    }

    /// Whether an address is banned now.
    pub fn holds(&mut self, addr: IpAddr, now: Duration) -> bool {
        let held = self.0.get(&addr).copied();
        if let Some(Some(until)) = held
            && until <= now
        {
            self.0.remove(&addr);
            return false;
        }
        held.is_some()
    }

    /// Every ban that holds now, with the time that is left to it, by address.
    pub fn list(&mut self, now: Duration) -> Vec<(IpAddr, Option<Duration>)> {
        self.0.retain(|_, until| until.is_none_or(|until| until > now));
        let mut bans: Vec<_> = self.0.iter().map(|(&addr, until)| (addr, until.map(|until| until - now))).collect();
        bans.sort_unstable();
        bans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_ends_with_its_time() {
        let (short, long): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let at = Duration::from_secs;
        let mut bans = Bans::default();
        bans.add(short, Some(at(60)));
        bans.add(long, None);
        assert!(bans.holds(short, at(59)) && bans.holds(long, at(59)));
        assert_eq!(bans.list(at(0)), [(short, Some(at(60))), (long, None)]);
        assert!(!bans.holds(short, at(60)));
        assert!(bans.lift(long) && !bans.lift(long));
        assert_eq!(bans.list(at(61)), []);
    }
}
