//! Shadow bans: no other member reads the messages of a muted member, and the muted member is not told.

use std::net::IpAddr;
use std::time::Duration;

use compact_str::CompactString;

use super::cidr::Network;
use crate::chat::id::Session;

/// Maximum nicknames kept for one mute: the muted one and the latest ones.
const MAX_NAMES: usize = 16;

struct Mute {
    /// The current nickname, or the last one.
    name: CompactString,
    /// Keyed hashes of the nicknames since the mute began; the last is that of `name`.
    hashes: Vec<u64>,
    /// The IPv4 address or IPv6 /64 of the muted member.
    from: Network,
    /// The muted session; `None` after it has left.
    session: Option<Session>,
    until: Option<Duration>,
}

impl Mute {
    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Whether a new session with this nickname and network is taken for the muted member who left.
    fn awaits(&self, hash: u64, from: Network) -> bool {
        self.session.is_none() && self.from == from && self.hashes.contains(&hash)
    }

    fn is_called(&self, hash: u64) -> bool {
        self.hashes.last() == Some(&hash)
    }

    /// Sets the current nickname; the first and the latest ones are kept.
    fn rename(&mut self, name: &str, hash: u64) {
        self.name = name.into();
        self.hashes.retain(|&old| old != hash);
        if self.hashes.len() == MAX_NAMES {
            self.hashes.remove(1);
        }
        self.hashes.push(hash);
    }
}

/// The muted members, each until a time or until the server ends.
#[derive(Default)]
pub struct Mutes(Vec<Mute>);

impl Mutes {
    /// Mutes a session, or changes how long it is muted; `hash` is the keyed hash of the folded name.
    pub fn add(
        &mut self,
        name: &str,
        hash: u64,
        session: Session,
        addr: IpAddr,
        until: Option<Duration>,
        now: Duration,
    ) {
        let from = Network::of_client(addr);
        self.0.retain(|mute| mute.holds(now) && !mute.awaits(hash, from));
        let own = self.0.iter().position(|mute| mute.session == Some(session));
        let hashes = own.map_or_else(Vec::new, |place| self.0.remove(place).hashes);
        let mut mute = Mute { name: name.into(), hashes, from, session: Some(session), until };
        mute.rename(name, hash);
        self.0.push(mute);
    }

    /// Lifts the mutes of this nickname that are in force; returns the name.
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

    /// Records a new nickname of a session, and mutes the session if it gets the mute of a member who left.
    pub fn rename(&mut self, session: Session, name: &str, hash: u64, addr: IpAddr, now: Duration) {
        if !self.holds(session, now) {
            return self.carry_over(name, hash, session, addr, now);
        }
        let from = Network::of_client(addr);
        // A muted member who left with that name can no longer be told apart from this one.
        self.0.retain(|mute| !mute.awaits(hash, from));
        for mute in self.0.iter_mut().filter(|mute| mute.session == Some(session)) {
            mute.rename(name, hash);
        }
    }

    /// Records the end of a session; its mute waits for the member to return.
    pub fn leave(&mut self, session: Session) {
        for mute in self.0.iter_mut().filter(|mute| mute.session == Some(session)) {
            mute.session = None;
        }
    }

    /// Mutes a new session if a muted member with this nickname left from the same network.
    ///
    /// If several did, their mutes become one, which lasts as long as the longest.
    pub fn carry_over(&mut self, name: &str, hash: u64, session: Session, addr: IpAddr, now: Duration) {
        let from = Network::of_client(addr);
        let mut same = self.0.extract_if(.., |mute| mute.awaits(hash, from) && mute.holds(now));
        let Some(mut mute) = same.next() else { return };
        for other in same {
            mute.until = mute.until.zip(other.until).map(|(one, other)| one.max(other));
        }
        mute.rename(name, hash);
        mute.session = Some(session);
        self.0.push(mute);
    }

    /// All mutes in force: the name and the remaining time, oldest mute first.
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

    /// Mutes bob for a minute; returns the hash of his name and his address.
    fn bob() -> (Mutes, u64, IpAddr) {
        let (hash, here) = (7, [10, 0, 0, 1].into());
        let mut mutes = Mutes::default();
        mutes.add("bob", hash, session(5), here, Some(AT(60)), AT(0));
        (mutes, hash, here)
    }

    #[test]
    fn mute_holds_for_the_session_and_a_return_with_same_name_and_address() {
        let (mut mutes, bob, here) = bob();
        assert!(mutes.holds(session(5), AT(59)) && !mutes.holds(session(5), AT(60)));
        mutes.carry_over("bob", bob, session(6), here, AT(1));
        assert!(mutes.holds(session(5), AT(1)) && !mutes.holds(session(6), AT(1)), "bob has not left");
        mutes.leave(session(5));
        let there = [10, 0, 0, 2].into();
        for (hash, addr, when) in [(8, here, AT(1)), (bob, there, AT(1)), (bob, here, AT(60))] {
            mutes.carry_over("bob", hash, session(6), addr, when);
            assert!(!mutes.holds(session(6), AT(1)), "another name, another address, or expired");
        }
        mutes.carry_over("bob", bob, session(6), here, AT(1));
        assert!(mutes.holds(session(6), AT(1)) && !mutes.holds(session(5), AT(1)));
        assert_eq!(mutes.list(AT(20)), [("bob".into(), Some(AT(40)))]);
    }

    #[test]
    fn rename_keeps_the_mute() {
        let (mut mutes, bob, here) = bob();
        mutes.rename(session(5), "robert", 8, here, AT(1));
        mutes.carry_over("bob", bob, session(6), here, AT(1));
        assert!(mutes.holds(session(5), AT(1)) && !mutes.holds(session(6), AT(1)), "this is another bob");
        assert_eq!(mutes.lift(bob, AT(1)), None);
        assert_eq!(mutes.lift(8, AT(1)), Some("robert".into()));
        assert!(!mutes.holds(session(5), AT(1)));
    }

    #[test]
    fn muted_member_that_takes_a_muted_name_keeps_one_mute_in_order() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(session(5));
        mutes.add("carol", 8, session(6), here, None, AT(0));
        mutes.add("dave", 9, session(7), here, None, AT(0));
        mutes.rename(session(6), "bob", bob, here, AT(1));
        assert_eq!(mutes.list(AT(1)), [("bob".into(), None), ("dave".into(), None)]);
    }

    #[test]
    fn returning_member_is_muted_on_rename_to_the_muted_name() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(session(5));
        mutes.rename(session(6), "bob", bob, here, AT(1));
        assert!(mutes.holds(session(6), AT(1)));
    }

    #[test]
    fn returning_member_is_muted_under_every_name_since_the_mute() {
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
    fn muted_nickname_is_kept_after_many_renames() {
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
    fn several_waiting_mutes_become_one_that_lasts_longest() {
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
    fn same_name_from_another_address_has_its_own_mute() {
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
    fn muting_twice_leaves_one_mute() {
        let (mut mutes, bob, here) = bob();
        mutes.add("robert", 8, session(5), here, None, AT(0));
        assert_eq!(mutes.list(AT(1)), [("robert".into(), None)]);
        mutes.add("bob", bob, session(6), here, Some(AT(60)), AT(0));
        assert_eq!(mutes.lift(bob, AT(60)), None, "an expired mute counts as lifted");
    }
}
