//! People whom nobody else reads, and who do not know it.

use std::net::IpAddr;
use std::time::Duration;

use compact_str::CompactString;

use super::client::Session;
use super::network::Network;

struct Mute {
    /// The name that they have, or had last; its keyed hash; and where they come from.
    name: CompactString,
    hash: u64,
    from: Network,
    /// The stay that it holds for; `None` while they are gone.
    session: Option<Session>,
    until: Option<Duration>,
}

impl Mute {
    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    fn is_of(&self, hash: u64, from: Network) -> bool {
        self.hash == hash && self.from == from
    }
}

/// Those who are muted, each until some time or for as long as the server runs.
#[derive(Default)]
pub struct Mutes(Vec<Mute>);

impl Mutes {
    /// Mutes somebody, or anew; `hash` is that of the name.
    pub fn add(&mut self, name: &str, hash: u64, session: Session, addr: IpAddr, until: Option<Duration>) {
        let from = Network::of_one_person(addr);
        self.0.retain(|mute| mute.session != Some(session) && !mute.is_of(hash, from));
        self.0.push(Mute { name: name.into(), hash, from, session: Some(session), until });
    }

    /// Lifts the mutes of whoever has that name, or had it last, if they still hold; returns the name.
    pub fn lift(&mut self, hash: u64, now: Duration) -> Option<CompactString> {
        self.0.retain(|mute| mute.holds(now));
        let name = self.0.iter().find(|mute| mute.hash == hash)?.name.clone();
        self.0.retain(|mute| mute.hash != hash);
        Some(name)
    }

    /// Whether a stay is muted now.
    pub fn holds(&self, session: Session, now: Duration) -> bool {
        self.0.iter().any(|mute| mute.session == Some(session) && mute.holds(now))
    }

    /// Somebody takes another name; if that is of one who was muted and has gone from there, it is them.
    pub fn rename(&mut self, session: Session, name: &str, hash: u64, addr: IpAddr, now: Duration) {
        if !self.holds(session, now) {
            return self.carry_over(hash, session, addr, now);
        }
        let (own, from) = (|mute: &Mute| mute.session == Some(session), Network::of_one_person(addr));
        // One who is gone and had that name can no longer be told from them.
        self.0.retain(|mute| own(mute) || !mute.is_of(hash, from));
        for mute in self.0.iter_mut().filter(|mute| own(mute)) {
            (mute.name, mute.hash) = (name.into(), hash);
        }
    }

    /// Somebody leaves, and may come back.
    pub fn leave(&mut self, session: Session) {
        if let Some(mute) = self.0.iter_mut().find(|mute| mute.session == Some(session)) {
            mute.session = None;
        }
    }

    /// Somebody logs in, and is muted if it is one who was and has gone, with the same name from the same place.
    pub fn carry_over(&mut self, hash: u64, session: Session, addr: IpAddr, now: Duration) {
        let from = Network::of_one_person(addr);
        let same = |mute: &&mut Mute| mute.session.is_none() && mute.is_of(hash, from) && mute.holds(now);
        if let Some(mute) = self.0.iter_mut().find(same) {
            mute.session = Some(session);
        }
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
        mutes.add("bob", hash, session(5), here, Some(AT(60)));
        (mutes, hash, here)
    }

    #[test]
    fn a_mute_holds_for_a_stay_and_for_who_comes_back_by_that_name_from_there() {
        let (mut mutes, bob, here) = bob();
        assert!(mutes.holds(session(5), AT(59)) && !mutes.holds(session(5), AT(60)));
        mutes.carry_over(bob, session(6), here, AT(1));
        assert!(mutes.holds(session(5), AT(1)) && !mutes.holds(session(6), AT(1)), "bob has not gone");
        mutes.leave(session(5));
        let there = [10, 0, 0, 2].into();
        for (hash, addr, when) in [(8, here, AT(1)), (bob, there, AT(1)), (bob, here, AT(60))] {
            mutes.carry_over(hash, session(6), addr, when);
            assert!(!mutes.holds(session(6), AT(1)), "another name, another place, or it is over");
        }
        mutes.carry_over(bob, session(6), here, AT(1));
        assert!(mutes.holds(session(6), AT(1)) && !mutes.holds(session(5), AT(1)));
        assert_eq!(mutes.list(AT(20)), [("bob".into(), Some(AT(40)))]);
    }

    #[test]
    fn a_mute_goes_with_the_name() {
        let (mut mutes, bob, here) = bob();
        mutes.rename(session(5), "robert", 8, here, AT(1));
        mutes.carry_over(bob, session(6), here, AT(1));
        assert!(mutes.holds(session(5), AT(1)) && !mutes.holds(session(6), AT(1)), "that is another bob");
        assert_eq!(mutes.lift(bob, AT(1)), None);
        assert_eq!(mutes.lift(8, AT(1)), Some("robert".into()));
        assert!(!mutes.holds(session(5), AT(1)));
    }

    #[test]
    fn one_who_takes_the_name_of_one_who_is_gone_takes_their_mute_too_and_the_order_stays() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(session(5));
        mutes.add("carol", 8, session(6), here, None);
        mutes.add("dave", 9, session(7), here, None);
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
    fn the_mute_of_a_namesake_from_elsewhere_is_another() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(session(5));
        mutes.add("bob", bob, session(6), [10, 0, 0, 2].into(), Some(AT(2)));
        mutes.leave(session(6));
        mutes.carry_over(bob, session(7), here, AT(3));
        assert!(mutes.holds(session(7), AT(3)));
        assert_eq!(mutes.lift(bob, AT(1)), Some("bob".into()));
        assert_eq!(mutes.list(AT(1)), []);
    }

    #[test]
    fn one_who_is_muted_anew_is_muted_once() {
        let (mut mutes, bob, here) = bob();
        mutes.add("robert", 8, session(5), here, None);
        assert_eq!(mutes.list(AT(1)), [("robert".into(), None)]);
        mutes.add("bob", bob, session(6), here, Some(AT(60)));
        assert_eq!(mutes.lift(bob, AT(60)), None, "it is over, though nobody has looked");
    }
}
