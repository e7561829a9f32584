//! Shadow bans: a muted person's messages reach nobody else, and the person is not told.

use std::net::IpAddr;
use std::time::Duration;

use compact_str::CompactString;

use super::cidr::Network;
use crate::chat::id::Session;

/// The most nicknames that are remembered for one mute: the one that was muted and the last ones since then.
const MAX_NAMES: usize = 16;

struct Mute {
    /// The nickname now, or the last one.
    name: CompactString,
    /// Keyed hashes of the nicknames since the mute began; the last is that of `name`.
    hashes: Vec<u64>,
    /// The address, or for IPv6 its /64.
    from: Network,
    /// The session that is muted; `None` after it has left.
    session: Option<Session>,
    until: Option<Duration>,
}

impl Mute {
    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Whether a newcomer with that nickname from there is the person who was muted and has left.
    fn awaits(&self, hash: u64, from: Network) -> bool {
        self.session.is_none() && self.from == from && self.hashes.contains(&hash)
    }

    fn is_called(&self, hash: u64) -> bool {
        self.hashes.last() == Some(&hash)
    }

    /// Takes another nickname; the first and the last ones are remembered.
    fn rename(&mut self, name: &str, hash: u64) {
        self.name = name.into();
        self.hashes.retain(|&old| old != hash);
        if self.hashes.len() == MAX_NAMES {
            self.hashes.remove(1);
        }
        self.hashes.push(hash);
    }
}

/// The people who are muted, each until some time or until the server ends.
#[derive(Default)]
pub struct Mutes(Vec<Mute>);

impl Mutes {
    /// Mutes a session, or changes how long it is muted; `hash` is that of the name.
    pub fn add(
        &mut self,
        name: &str,
        hash: u64,
        session: Session,
        addr: IpAddr,
        until: Option<Duration>,
        now: Duration,
    ) {
        let from = Network::of_one_person(addr);
        self.0.retain(|mute| mute.holds(now) && !mute.awaits(hash, from));
        let own = self.0.iter().position(|mute| mute.session == Some(session));
        let hashes = own.map_or_else(Vec::new, |place| self.0.remove(place).hashes);
        let mut mute = Mute { name: name.into(), hashes, from, session: Some(session), until };
        mute.rename(name, hash);
        self.0.push(mute);
    }

    /// Ends the mutes of that nickname if they still hold; returns the name.
    pub fn lift(&mut self, hash: u64, now: Duration) -> Option<CompactString> {
        self.0.retain(|mute| mute.holds(now));
        let name = self.0.iter().find(|mute| mute.is_called(hash))?.name.clone();
        self.0.retain(|mute| !mute.is_called(hash));
        Some(name)
    }

    /// Whether a session is muted now.
    pub fn holds(&self, session: Session, now: Duration) -> bool {
        self.0.iter().any(|mute| mute.session == Some(session) && mute.holds(now))
    }

    /// Notes another nickname of a session, and mutes it if a muted person who has left had that name there.
    pub fn rename(&mut self, session: Session, name: &str, hash: u64, addr: IpAddr, now: Duration) {
        if !self.holds(session, now) {
            return self.carry_over(name, hash, session, addr, now);
        }
        let from = Network::of_one_person(addr);
        // A person who left and had that name can no longer be told from this one.
        self.0.retain(|mute| !mute.awaits(hash, from));
        for mute in self.0.iter_mut().filter(|mute| mute.session == Some(session)) {
            mute.rename(name, hash);
        }
    }

    /// Notes that a session ends; its person may come back.
    pub fn leave(&mut self, session: Session) {
        for mute in self.0.iter_mut().filter(|mute| mute.session == Some(session)) {
            mute.session = None;
        }
    }

    /// Mutes a new session if a muted person with one of these nicknames has left from the same place.
    ///
    /// Where several have, their mutes become one, which holds as long as the longest.
    pub fn carry_over(&mut self, name: &str, hash: u64, session: Session, addr: IpAddr, now: Duration) {
        let from = Network::of_one_person(addr);
        let mut same = self.0.extract_if(.., |mute| mute.awaits(hash, from) && mute.holds(now));
        let Some(mut mute) = same.next() else { return };
        for other in same {
            mute.until = mute.until.zip(other.until).map(|(one, other)| one.max(other));
        }
        mute.rename(name, hash);
        mute.session = Some(session);
        self.0.push(mute);
    }

    /// Every mute that holds now: the name and the time that is left to it, in the order of muting.
    pub fn list(&mut self, now: Duration) -> Vec<(CompactString, Option<Duration>)> {
        self.0.retain(|mute| mute.holds(now));
        self.0.iter().map(|mute| (mute.name.clone(), mute.until.map(|until| until - now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u32) -> Session {
        Session(std::num::NonZeroU32::new(number).unwrap())
    }

    const AT: fn(u64) -> Duration = Duration::from_secs;

    /// Bob, whose name has that hash, is muted for a minute.
    fn bob() -> (Mutes, u64, IpAddr) {
        let (hash, here) = (7, [10, 0, 0, 1].into());
        let mut mutes = Mutes::default();
        mutes.add("bob", hash, session(5), here, Some(AT(60)), AT(0));
        (mutes, hash, here)
    }

    #[test]
    fn a_mute_holds_for_a_stay_and_for_who_comes_back_by_that_name_from_there() {
        let (mut mutes, bob, here) = bob();
        assert!(mutes.holds(session(5), AT(59)) && !mutes.holds(session(5), AT(60)));
        mutes.carry_over("bob", bob, session(6), here, AT(1));
        assert!(mutes.holds(session(5), AT(1)) && !mutes.holds(session(6), AT(1)), "bob has not gone");
        mutes.leave(session(5));
        let there = [10, 0, 0, 2].into();
        for (hash, addr, when) in [(8, here, AT(1)), (bob, there, AT(1)), (bob, here, AT(60))] {
            mutes.carry_over("bob", hash, session(6), addr, when);
            assert!(!mutes.holds(session(6), AT(1)), "another name, another place, or it is over");
        }
        mutes.carry_over("bob", bob, session(6), here, AT(1));
        assert!(mutes.holds(session(6), AT(1)) && !mutes.holds(session(5), AT(1)));
        assert_eq!(mutes.list(AT(20)), [("bob".into(), Some(AT(40)))]);
    }

    #[test]
    fn a_mute_goes_with_the_name() {
        let (mut mutes, bob, here) = bob();
        mutes.rename(session(5), "robert", 8, here, AT(1));
        mutes.carry_over("bob", bob, session(6), here, AT(1));
        assert!(mutes.holds(session(5), AT(1)) && !mutes.holds(session(6), AT(1)), "that is another bob");
        assert_eq!(mutes.lift(bob, AT(1)), None);
        assert_eq!(mutes.lift(8, AT(1)), Some("robert".into()));
        assert!(!mutes.holds(session(5), AT(1)));
    }

    #[test]
    fn one_who_takes_the_name_of_one_who_is_gone_takes_their_mute_too_and_the_order_stays() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(session(5));
        mutes.add("carol", 8, session(6), here, None, AT(0));
        mutes.add("dave", 9, session(7), here, None, AT(0));
        mutes.rename(session(6), "bob", bob, here, AT(1));
        assert_eq!(mutes.list(AT(1)), [("bob".into(), None), ("dave".into(), None)]);
    }

    #[test]
    fn one_who_comes_back_by_another_name_and_takes_the_old_one_is_muted() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(session(5));
        mutes.rename(session(6), "bob", bob, here, AT(1));
        assert!(mutes.holds(session(6), AT(1)));
    }

    #[test]
    fn every_nickname_since_the_mute_is_muted_for_a_newcomer() {
        for name in [7, 8, 9] {
            let (mut mutes, _, here) = bob();
            mutes.rename(session(5), "robert", 8, here, AT(1));
            mutes.rename(session(5), "bobby", 9, here, AT(1));
            mutes.leave(session(5));
            mutes.carry_over("back", name, session(6), here, AT(1));
            assert!(mutes.holds(session(6), AT(1)), "{name}");
            assert_eq!(mutes.list(AT(1)), [("back".into(), Some(AT(59)))]);
        }
    }

    #[test]
    fn the_nickname_that_was_muted_is_remembered_after_many_others() {
        let (mut mutes, bob, here) = bob();
        for hash in 100..100_000 {
            mutes.rename(session(5), "other", hash, here, AT(1));
        }
        assert_eq!(mutes.0[0].hashes.len(), MAX_NAMES);
        mutes.leave(session(5));
        mutes.carry_over("bob", bob, session(6), here, AT(1));
        assert!(mutes.holds(session(6), AT(1)));
    }

    #[test]
    fn several_mutes_that_await_a_newcomer_become_one_that_holds_longest() {
        let (mut mutes, bob, here) = bob();
        mutes.rename(session(5), "robert", 8, here, AT(1));
        mutes.add("bob", bob, session(6), here, Some(AT(90)), AT(0));
        mutes.leave(session(5));
        mutes.leave(session(6));
        mutes.carry_over("bob", bob, session(7), here, AT(1));
        assert_eq!(mutes.list(AT(1)), [("bob".into(), Some(AT(89)))]);
        assert!(mutes.holds(session(7), AT(89)));
    }

    #[test]
    fn the_mute_of_a_namesake_from_elsewhere_is_another() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(session(5));
        mutes.add("bob", bob, session(6), [10, 0, 0, 2].into(), Some(AT(2)), AT(0));
        mutes.leave(session(6));
        mutes.carry_over("bob", bob, session(7), here, AT(3));
        assert!(mutes.holds(session(7), AT(3)));
        assert_eq!(mutes.lift(bob, AT(1)), Some("bob".into()));
        assert_eq!(mutes.list(AT(1)), []);
    }

    #[test]
    fn one_who_is_muted_anew_is_muted_once() {
        let (mut mutes, bob, here) = bob();
        mutes.add("robert", 8, session(5), here, None, AT(0));
        assert_eq!(mutes.list(AT(1)), [("robert".into(), None)]);
        mutes.add("bob", bob, session(6), here, Some(AT(60)), AT(0));
        assert_eq!(mutes.lift(bob, AT(60)), None, "it is over, though nobody has looked");
    }
}
