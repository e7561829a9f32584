//! Mutes in a room and bans from it, by name; they follow the member while it is on the server, and an account always.

use std::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::nick::fold;
use crate::chat::id::Holder;

/// One restriction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Restriction {
    /// The name of the member at the time.
    pub name: CompactString,
    key: Box<str>,
    /// The account or the member; `None` if the restriction was stored before this run of the server, for a member.
    pub holder: Option<Holder>,
    pub until: Option<Duration>,
}

impl Restriction {
    /// A restriction of an account or a member, and of each member with this name.
    pub fn new(name: &str, holder: Option<Holder>, until: Option<Duration>) -> Self {
        Restriction { name: name.into(), key: fold(name).into(), holder, until }
    }

    fn holds(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    fn is_of(&self, holder: Holder, key: &str) -> bool {
        self.holder == Some(holder) || *self.key == *key
    }

    /// The time that is left; `None` if it has no end.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(now))
    }
}

/// The mutes or the bans of one room, the oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Restrictions(Vec<Restriction>);

impl Restrictions {
    /// Whether there are none, in force or over.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a restriction in place of that of the same member, or of a stored one of the same name; removes those that are
    /// over.
    pub fn add(&mut self, restriction: Restriction, now: Duration) {
        // Another member may have had the same name when it was restricted.
        let is_same = |other: &Restriction| match other.holder {
            Some(_) => other.holder == restriction.holder,
            None => other.key == restriction.key,
        };
        self.0.retain(|other| other.holds(now) && !is_same(other));
        self.0.push(restriction);
    }

    /// The restriction of a member with this name that is in force.
    pub fn find(&self, holder: Holder, name: &str, now: Duration) -> Option<&Restriction> {
        if self.0.is_empty() {
            return None;
        }
        let key = fold(name);
        self.in_force(now).find(|restriction| restriction.is_of(holder, &key))
    }

    /// The restriction of a folded name, or of the member that has this name now.
    pub fn find_key(&self, key: &str, holder: Option<Holder>, now: Duration) -> Option<&Restriction> {
        let is_meant =
            |restriction: &&Restriction| *restriction.key == *key || holder.is_some() && restriction.holder == holder;
        self.in_force(now).find(is_meant)
    }

    /// Lifts the restrictions of a folded name, and of the member that has it now; returns the name of the first one.
    pub fn lift(&mut self, key: &str, holder: Option<Holder>, now: Duration) -> Option<CompactString> {
        self.0.retain(|restriction| restriction.holds(now));
        let name = self.find_key(key, holder, now)?.name.clone();
        self.0.retain(|restriction| *restriction.key != *key && (holder.is_none() || restriction.holder != holder));
        Some(name)
    }

    /// The restrictions of one holder are those of another one from now on, or of their names alone. Returns whether there
    /// are any.
    pub fn give(&mut self, from: Holder, to: Option<Holder>) -> bool {
        let own = self.0.iter_mut().filter(|restriction| restriction.holder == Some(from));
        own.map(|restriction| restriction.holder = to).count() > 0
    }

    /// All restrictions in force.
    pub fn in_force(&self, now: Duration) -> impl Iterator<Item = &Restriction> {
        self.0.iter().filter(move |restriction| restriction.holds(now))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::chat::id::{MemberId, MemberSlot};

    const AT: fn(u64) -> Duration = Duration::from_secs;

    fn member(number: u32) -> Holder {
        Holder::Member(MemberId { slot: MemberSlot::new(number as usize), serial: NonZeroU32::new(number).unwrap() })
    }

    #[test]
    fn restriction_holds_for_the_member_and_for_the_name() {
        let mut bans = Restrictions::default();
        bans.add(Restriction::new("Bob", Some(member(5)), Some(AT(60))), AT(0));
        let holds = |bans: &Restrictions, number, name, now| bans.find(member(number), name, AT(now)).is_some();
        assert!(holds(&bans, 5, "robert", 59), "the member has another name");
        assert!(holds(&bans, 6, "BOB", 59), "another member has the name");
        assert!(!holds(&bans, 6, "robert", 59) && !holds(&bans, 5, "bob", 60));
        bans.add(Restriction::new("robert", Some(member(5)), None), AT(1));
        assert_eq!(bans.in_force(AT(1)).count(), 1, "a member is restricted once");
        bans.add(Restriction::new("robert", Some(member(7)), None), AT(1));
        assert!(holds(&bans, 5, "x", 1) && holds(&bans, 7, "x", 1), "each has its own");
        assert_eq!(bans.lift("bob", Some(member(5)), AT(2)), Some("robert".into()));
        assert_eq!(bans.lift("bob", None, AT(2)), None);
        assert_eq!(bans.lift("robert", None, AT(2)), Some("robert".into()));
        assert!(bans.is_empty());
    }
}
