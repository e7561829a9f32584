//! Shadow bans: no other member reads the messages of a muted member, and the muted member is not told.
//!
//! A mute follows an account, or else a nickname from the same network.

use std::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::cidr::Network;
use super::nick::{Name, fold};
use crate::chat::id::{AccountId, MemberId};

/// Maximum nicknames kept for one mute: the muted one and the latest ones.
const MAX_NAMES: usize = 16;

#[derive(Clone, Serialize, Deserialize)]
struct Mute {
    /// The current nickname, or the last one.
    name: CompactString,
    /// The folded nicknames since the mute began; the last is that of `name`.
    keys: Vec<Box<str>>,
    /// The IPv4 address or IPv6 /64 of the muted member.
    from: Network,
    /// The muted member; `None` after it has left.
    member: Option<MemberId>,
    /// Its account. The mute waits for the account then, whatever the nickname and the network.
    #[serde(default)]
    account: Option<AccountId>,
    until: Option<Duration>,
}

impl Mute {
    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Whether a new member with this folded nickname and network is taken for the muted member who left.
    fn awaits(&self, key: &str, from: Network) -> bool {
        self.member.is_none()
            && self.account.is_none()
            && self.from == from
            && self.keys.iter().any(|known| **known == *key)
    }

    fn is_called(&self, key: &str) -> bool {
        self.keys.last().is_some_and(|last| **last == *key)
    }

    /// Sets the current nickname; the first and the latest ones are kept.
    fn rename(&mut self, name: &str, key: &str) {
        self.name = name.into();
        self.keys.retain(|old| **old != *key);
        if self.keys.len() == MAX_NAMES {
            self.keys.remove(1);
        }
        self.keys.push(key.into());
    }
}

/// A member that is muted: its current name, its account, and the network from which it comes.
#[derive(Clone, Copy)]
pub struct MutedMember<'a> {
    pub name: &'a str,
    pub member: MemberId,
    pub account: Option<AccountId>,
    pub network: Network,
}

/// The muted members, each until a time or until the server ends.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Mutes(Vec<Mute>);

impl Mutes {
    /// Mutes a member from this network, or changes how long it is muted.
    pub fn add(&mut self, muted: MutedMember, until: Option<Duration>, now: Duration) {
        let MutedMember { name, member, account, network: from } = muted;
        let key = fold(name);
        self.0.retain(|mute| mute.holds(now) && !mute.awaits(&key, from));
        let own = self.0.iter().position(|mute| mute.member == Some(member));
        let keys = own.map_or_else(Vec::new, |place| self.0.remove(place).keys);
        let mut mute = Mute { name: name.into(), keys, from, member: Some(member), account, until };
        mute.rename(name, &key);
        self.0.push(mute);
    }

    /// Restores the mute of an account, which has no member yet.
    pub fn restore(&mut self, name: &Name, account: AccountId, until: Option<Duration>) {
        let (from, keys) = (Network::host([0, 0, 0, 0].into()), vec![name.key.clone()]);
        let name = name.shown.clone();
        self.0.push(Mute { name, keys, from, member: None, account: Some(account), until });
    }

    /// A member has logged in as an account: it is muted if the account is, and a mute of the member holds for the account.
    /// If both are muted, the longer mute stays.
    pub fn adopt(&mut self, member: MemberId, account: AccountId, now: Duration) {
        let is_meant = |mute: &mut Mute| mute.member == Some(member) || mute.account == Some(account);
        let mut own = self.0.extract_if(.., is_meant).filter(|mute| mute.holds(now));
        let Some(mut mute) = own.next() else { return };
        for other in own {
            mute.until = mute.until.zip(other.until).map(|(one, other)| one.max(other));
        }
        (mute.member, mute.account) = (Some(member), Some(account));
        self.0.push(mute);
    }

    /// Whether an account is muted, and for how long; `None` inside for no end.
    pub fn of_account(&self, account: AccountId, now: Duration) -> Option<Option<Duration>> {
        let mute = self.0.iter().find(|mute| mute.account == Some(account) && mute.holds(now))?;
        Some(mute.until.map(|until| until - now))
    }

    /// An account was removed: its mute holds for its member, which is connected from `network`, or ends if the account has
    /// none.
    pub fn forget(&mut self, account: AccountId, network: Option<Network>) {
        self.0.retain(|mute| mute.account != Some(account) || mute.member.is_some());
        for mute in self.0.iter_mut().filter(|mute| mute.account == Some(account)) {
            mute.account = None;
            mute.from = network.unwrap_or(mute.from);
        }
    }

    /// The accounts whose mutes are called so: those of [`Mutes::lift`].
    pub fn accounts_of(&self, key: &str) -> Vec<AccountId> {
        self.0.iter().filter(|mute| mute.is_called(key)).filter_map(|mute| mute.account).collect()
    }

    /// Lifts the mutes of this folded nickname that are in force; returns the name.
    pub fn lift(&mut self, key: &str, now: Duration) -> Option<CompactString> {
        self.0.retain(|mute| mute.holds(now));
        let name = self.find(key, now)?.into();
        self.0.retain(|mute| !mute.is_called(key));
        Some(name)
    }

    /// The name of a muted member with this folded nickname.
    pub fn find(&self, key: &str, now: Duration) -> Option<&str> {
        self.0.iter().find(|mute| mute.is_called(key) && mute.holds(now)).map(|mute| &*mute.name)
    }

    /// Whether a member is muted now.
    pub fn holds(&self, member: MemberId, now: Duration) -> bool {
        self.0.iter().any(|mute| mute.member == Some(member) && mute.holds(now))
    }

    /// Records a new nickname of a member, and mutes the member if it gets the mute of a member who left.
    pub fn rename(&mut self, member: MemberId, name: &Name, from: Network, now: Duration) {
        if !self.holds(member, now) {
            return self.carry_over(member, name, from, now);
        }
        // A muted member who left with that name can no longer be told apart from this one.
        self.0.retain(|mute| !mute.awaits(&name.key, from));
        for mute in self.0.iter_mut().filter(|mute| mute.member == Some(member)) {
            mute.rename(&name.shown, &name.key);
        }
    }

    /// Records that a member has left; its mute waits for the member to return.
    pub fn leave(&mut self, member: MemberId) {
        for mute in self.0.iter_mut().filter(|mute| mute.member == Some(member)) {
            mute.member = None;
        }
    }

    /// Mutes a new member if a muted member with this nickname left from the same network.
    ///
    /// If several did, their mutes become one, which lasts as long as the longest.
    pub fn carry_over(&mut self, member: MemberId, name: &Name, from: Network, now: Duration) {
        if self.0.is_empty() {
            return;
        }
        let mut same = self.0.extract_if(.., |mute| mute.awaits(&name.key, from) && mute.holds(now));
        let Some(mut mute) = same.next() else { return };
        for other in same {
            mute.until = mute.until.zip(other.until).map(|(one, other)| one.max(other));
        }
        mute.rename(&name.shown, &name.key);
        mute.member = Some(member);
        self.0.push(mute);
    }

    /// All mutes in force: the name and the remaining time, oldest mute first.
    pub fn list(&self, now: Duration) -> Vec<(CompactString, Option<Duration>)> {
        let in_force = self.0.iter().filter(|mute| mute.holds(now));
        in_force.map(|mute| (mute.name.clone(), mute.until.map(|until| until - now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::chat::id::MemberSlot;

    fn member(number: u32) -> MemberId {
        MemberId { slot: MemberSlot::new(number as usize), serial: NonZeroU32::new(number).unwrap() }
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn network(last: u8) -> Network {
        Network::of_client([10, 0, 0, last].into())
    }

    fn muted(name: &str, number: u32, network: Network) -> MutedMember<'_> {
        MutedMember { name, member: member(number), account: None, network }
    }

    const AT: fn(u64) -> Duration = Duration::from_secs;

    /// Mutes bob for a minute; returns his name and his network.
    fn bob() -> (Mutes, Name, Network) {
        let here = network(1);
        let mut mutes = Mutes::default();
        mutes.add(muted("bob", 5, here), Some(AT(60)), AT(0));
        (mutes, name("bob"), here)
    }

    #[test]
    fn mute_holds_for_the_session_and_a_return_with_same_name_and_address() {
        let (mut mutes, bob, here) = bob();
        assert!(mutes.holds(member(5), AT(59)) && !mutes.holds(member(5), AT(60)));
        mutes.carry_over(member(6), &bob, here, AT(1));
        assert!(mutes.holds(member(5), AT(1)) && !mutes.holds(member(6), AT(1)), "bob has not left");
        mutes.leave(member(5));
        let carol = name("carol");
        for (name, from, when) in [(&carol, here, AT(1)), (&bob, network(2), AT(1)), (&bob, here, AT(60))] {
            mutes.carry_over(member(6), name, from, when);
            assert!(!mutes.holds(member(6), AT(1)), "another name, another address, or expired");
        }
        mutes.carry_over(member(6), &bob, here, AT(1));
        assert!(mutes.holds(member(6), AT(1)) && !mutes.holds(member(5), AT(1)));
        assert_eq!(mutes.list(AT(20)), [("bob".into(), Some(AT(40)))]);
    }

    #[test]
    fn rename_keeps_the_mute() {
        let (mut mutes, bob, here) = bob();
        mutes.rename(member(5), &name("robert"), here, AT(1));
        mutes.carry_over(member(6), &bob, here, AT(1));
        assert!(mutes.holds(member(5), AT(1)) && !mutes.holds(member(6), AT(1)), "this is another bob");
        assert_eq!(mutes.lift(&bob.key, AT(1)), None);
        assert_eq!(mutes.lift("robert", AT(1)), Some("robert".into()));
        assert!(!mutes.holds(member(5), AT(1)));
    }

    #[test]
    fn muted_member_that_takes_a_muted_name_keeps_one_mute_in_order() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(member(5));
        mutes.add(muted("carol", 6, here), None, AT(0));
        mutes.add(muted("dave", 7, here), None, AT(0));
        mutes.rename(member(6), &bob, here, AT(1));
        assert_eq!(mutes.list(AT(1)), [("bob".into(), None), ("dave".into(), None)]);
    }

    #[test]
    fn returning_member_is_muted_on_rename_to_the_muted_name() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(member(5));
        mutes.rename(member(6), &bob, here, AT(1));
        assert!(mutes.holds(member(6), AT(1)));
    }

    #[test]
    fn returning_member_is_muted_under_every_name_since_the_mute() {
        for back in ["bob", "robert", "bobby"] {
            let (mut mutes, _, here) = bob();
            mutes.rename(member(5), &name("robert"), here, AT(1));
            mutes.rename(member(5), &name("bobby"), here, AT(1));
            mutes.leave(member(5));
            mutes.carry_over(member(6), &name(back), here, AT(1));
            assert!(mutes.holds(member(6), AT(1)), "{back}");
            assert_eq!(mutes.list(AT(1)), [(back.into(), Some(AT(59)))]);
        }
    }

    #[test]
    fn muted_nickname_is_kept_after_many_renames() {
        let (mut mutes, bob, here) = bob();
        for number in 100..10_000 {
            mutes.rename(member(5), &name(&format!("other{number}")), here, AT(1));
        }
        assert_eq!(mutes.0[0].keys.len(), MAX_NAMES);
        mutes.leave(member(5));
        mutes.carry_over(member(6), &bob, here, AT(1));
        assert!(mutes.holds(member(6), AT(1)));
    }

    #[test]
    fn several_waiting_mutes_become_one_that_lasts_longest() {
        let (mut mutes, bob, here) = bob();
        mutes.rename(member(5), &name("robert"), here, AT(1));
        mutes.add(muted("bob", 6, here), Some(AT(90)), AT(0));
        mutes.leave(member(5));
        mutes.leave(member(6));
        mutes.carry_over(member(7), &bob, here, AT(1));
        assert_eq!(mutes.list(AT(1)), [("bob".into(), Some(AT(89)))]);
        assert!(mutes.holds(member(7), AT(89)));
    }

    #[test]
    fn same_name_from_another_address_has_its_own_mute() {
        let (mut mutes, bob, here) = bob();
        mutes.leave(member(5));
        mutes.add(muted("bob", 6, network(2)), Some(AT(2)), AT(0));
        mutes.leave(member(6));
        mutes.carry_over(member(7), &bob, here, AT(3));
        assert!(mutes.holds(member(7), AT(3)));
        assert_eq!(mutes.lift(&bob.key, AT(1)), Some("bob".into()));
        assert_eq!(mutes.list(AT(1)), []);
    }

    #[test]
    fn muting_twice_leaves_one_mute() {
        let (mut mutes, bob, here) = bob();
        mutes.add(muted("robert", 5, here), None, AT(0));
        assert_eq!(mutes.list(AT(1)), [("robert".into(), None)]);
        mutes.add(muted("bob", 6, here), Some(AT(60)), AT(0));
        assert_eq!(mutes.lift(&bob.key, AT(60)), None, "an expired mute counts as lifted");
    }

    #[test]
    fn mute_of_an_account_waits_for_it_under_every_name_and_from_every_network() {
        let account = AccountId::after(None);
        let (mut mutes, bob, here) = bob();
        mutes.adopt(member(5), account, AT(1));
        assert_eq!(mutes.of_account(account, AT(1)), Some(Some(AT(59))));
        mutes.leave(member(5));
        mutes.carry_over(member(6), &bob, here, AT(1));
        assert!(!mutes.holds(member(6), AT(1)), "the name is of another member now");
        mutes.adopt(member(7), account, AT(1));
        assert!(mutes.holds(member(7), AT(59)));
        mutes.forget(account, None);
        assert!(mutes.holds(member(7), AT(1)), "its member is muted");
        mutes.leave(member(7));
        mutes.adopt(member(8), account, AT(1));
        assert_eq!((mutes.of_account(account, AT(1)), mutes.holds(member(8), AT(1))), (None, false));
    }

    #[test]
    fn member_that_logs_in_as_a_muted_account_has_the_longer_mute() {
        let account = AccountId::after(None);
        let (mut mutes, ..) = bob();
        mutes.restore(&name("alice"), account, Some(AT(90)));
        mutes.adopt(member(5), account, AT(1));
        assert!(mutes.holds(member(5), AT(89)));
        assert_eq!(mutes.list(AT(1)).len(), 1);
    }
}
