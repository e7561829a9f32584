//! People whom nobody else reads, and who do not know it.

use std::net::IpAddr;
use std::time::Duration;

use compact_str::CompactString;

use super::client::Session;
use super::network::Network;

struct Mute {
    /// The name that they had, its keyed hash, and where they came from.
    name: CompactString,
    hash: u64,
    from: Network,
    /// The stay that it holds for.
    session: Session,
    until: Option<Duration>,
}

impl Mute {
    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// Those who are muted, each until some time or for as long as the server runs.
#[derive(Default)]
pub struct Mutes(Vec<Mute>);

impl Mutes {
    /// Mutes somebody, or anew; `hash` is that of the name.
    pub fn add(&mut self, name: &str, hash: u64, session: Session, addr: IpAddr, until: Option<Duration>) {
        self.0.retain(|mute| mute.session != session && mute.hash != hash);
        self.0.push(Mute { name: name.into(), hash, from: Network::of_one_person(addr), session, until });
    }

    /// Lifts the mute of a stay, or of a name, if it still holds; returns the name that it was for.
    pub fn lift(&mut self, hash: u64, session: Option<Session>, now: Duration) -> Option<CompactString> {
        self.0.retain(|mute| mute.holds(now));
        let meant = |mute: &Mute| mute.hash == hash || Some(mute.session) == session;
        let place = self.0.iter().position(meant)?;
        Some(self.0.remove(place).name)
    }

    /// Whether a stay is muted now.
    pub fn holds(&self, session: Session, now: Duration) -> bool {
        self.0.iter().any(|mute| mute.session == session && mute.holds(now))
    }

    /// Somebody logs in, and is muted if it is one who was, with the same name from the same place.
    pub fn carry_over(&mut self, hash: u64, session: Session, addr: IpAddr, now: Duration) {
        let same = |mute: &&mut Mute| mute.hash == hash && mute.from == Network::of_one_person(addr) && mute.holds(now);
        if let Some(mute) = self.0.iter_mut().find(same) {
            mute.session = session;
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

    #[test]
    fn a_mute_holds_for_a_stay_and_for_who_comes_back_by_that_name_from_there() {
        let (here, there) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let at = Duration::from_secs;
        let mut mutes = Mutes::default();
        mutes.add("bob", 7, Session(5), here, Some(at(60)));
        assert!(mutes.holds(Session(5), at(59)) && !mutes.holds(Session(5), at(60)));
        for (hash, addr, when) in [(8, here, at(1)), (7, there, at(1)), (7, here, at(60))] {
            mutes.carry_over(hash, Session(6), addr, when);
            assert!(!mutes.holds(Session(6), at(1)), "another name, another place, or it is over");
        }
        mutes.carry_over(7, Session(6), here, at(1));
        assert!(mutes.holds(Session(6), at(1)) && !mutes.holds(Session(5), at(1)));
        assert_eq!(mutes.list(at(20)), [("bob".into(), Some(at(40)))]);
        assert_eq!(mutes.lift(9, None, at(20)), None);
        assert_eq!(mutes.lift(9, Some(Session(6)), at(20)), Some("bob".into()));
        assert_eq!(mutes.list(at(20)), []);
    }

    #[test]
    fn one_who_is_muted_anew_is_muted_once() {
        let mut mutes = Mutes::default();
        mutes.add("bob", 7, Session(5), [10, 0, 0, 1].into(), None);
        mutes.add("bobby", 8, Session(5), [10, 0, 0, 1].into(), Some(Duration::from_secs(60)));
        assert_eq!(mutes.list(Duration::ZERO), [("bobby".into(), Some(Duration::from_secs(60)))]);
        assert!(mutes.lift(8, None, Duration::ZERO).is_some());
        assert!(!mutes.holds(Session(5), Duration::ZERO));
    }
}
