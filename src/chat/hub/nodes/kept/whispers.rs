//! Whispers to names that no member had, in the bucket: any node may leave one, and any node may deliver them.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::{Parts, is_clean};
use crate::chat::config::{Login, OfflineWhispers};
use crate::chat::hub::store_queue::offline_messages::UnackedDelivery;
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{ClientId, Now};
use crate::chat::policy::nick::{Name, fold};
use crate::chat::record::{Record, WHISPERS_PER_NAME, Whisper};

/// Whispers to all names together at most; the oldest are deleted.
const MAX_WHISPERS: usize = 10_000;
/// The longest text of a whisper in bytes; members write shorter ones.
const MAX_TEXT: usize = 32 * 1024;
/// The longest name in bytes, also of a poster.
const MAX_NAME: usize = 512;
/// When whispers were sent: such times can be shown in each time zone.
const YEARS: RangeInclusive<i32> = 1970..=9000;

/// The whispers to one name in the bucket.
#[derive(Serialize, Deserialize)]
struct KeptWhispers {
    /// When the account with that name was registered, in Unix seconds: another account is not shown them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    whispers: Vec<Whisper>,
}

impl KeptWhispers {
    /// Reads a value; `None` if it is damaged.
    fn read(name: &str, value: &[u8]) -> Option<KeptWhispers> {
        let kept: KeptWhispers = serde_json::from_slice(value).ok()?;
        let is_clean = |Whisper { to, from, text, at }: &Whisper| {
            fold(to) == name && is_clean(from, MAX_NAME) && is_clean(text, MAX_TEXT) && YEARS.contains(&at.year())
        };
        (kept.whispers.len() <= WHISPERS_PER_NAME && kept.whispers.iter().all(is_clean)).then_some(kept)
    }
}

/// The whispers to one name: those of the bucket, and what has changed here.
#[derive(Default, Serialize, Deserialize)]
pub struct Mailbox {
    since: Option<i64>,
    /// Those of the bucket.
    known: Vec<Whisper>,
    /// Those that were left here, and are not in the bucket yet.
    added: Vec<Whisper>,
    /// Those of the bucket, and on their way to it, that were delivered here and are to be deleted.
    removed: Vec<Whisper>,
    /// How many of `added` are in the value that was handed out.
    sent: usize,
    /// The bucket has a value, or had one.
    #[serde(skip)]
    is_told: bool,
}

impl Mailbox {
    /// The whispers to deliver: the newest ones if there are too many.
    fn whispers(&self) -> Vec<Whisper> {
        let mut whispers = without(&[&self.known[..], &self.added].concat(), &self.removed);
        whispers.drain(..whispers.len().saturating_sub(WHISPERS_PER_NAME));
        whispers
    }

    /// Whether they are for the owner of the name, whose account, if it has one, was registered at this time.
    fn is_for(&self, since: Option<i64>) -> bool {
        self.since.is_none() || self.since == since
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }

    /// Takes the whispers of the bucket; returns those that are new here. What was left here and is among them was not there before.
    fn take(&mut self, known: Vec<Whisper>) -> Vec<Whisper> {
        let mut new = without(&known, &self.known);
        new.retain(|whisper| {
            let Some(index) = self.added.iter().position(|added| added == whisper) else { return true };
            self.added.remove(index);
            self.sent -= usize::from(index < self.sent);
            false
        });
        let mut left = [&known[..], &self.added].concat();
        self.removed.retain(|removed| take_out(&mut left, removed));
        self.known = known;
        new
    }

    /// Removes whispers that were delivered.
    fn remove(&mut self, delivered: &[Whisper]) {
        for whisper in delivered {
            match self.added[self.sent..].iter().position(|added| added == whisper) {
                Some(index) => drop(self.added.remove(self.sent + index)),
                // Those that are on their way are removed when they are there.
                None => self.removed.push(whisper.clone()),
            }
        }
    }

    /// The bucket has the value that was handed out, or has had it.
    pub fn note_stored(&mut self) {
        self.added.drain(..self.sent);
        self.sent = 0;
        // Another node may have deleted what was delivered here.
        let mut left = [&self.known[..], &self.added].concat();
        self.removed.retain(|removed| take_out(&mut left, removed));
    }

    /// How many whispers were not delivered.
    fn count(&self) -> usize {
        (self.known.len() + self.added.len()).saturating_sub(self.removed.len())
    }

    /// The oldest whisper that was not delivered.
    fn oldest(&self) -> Option<&Whisper> {
        let mut removed: Vec<&Whisper> = self.removed.iter().collect();
        let mut left = self.known.iter().chain(&self.added).filter(|whisper| {
            let found = removed.iter().position(|removed| removed == whisper);
            found.map(|index| removed.swap_remove(index)).is_none()
        });
        left.next()
    }

    /// The bucket may not have the value that was handed out.
    pub fn note_failed(&mut self) {
        self.sent = 0;
    }
}

/// Takes one item out that is equal; returns whether there was one.
fn take_out(whispers: &mut Vec<Whisper>, whisper: &Whisper) -> bool {
    let found = whispers.iter().position(|other| other == whisper);
    found.map(|index| whispers.remove(index)).is_some()
}

/// The whispers of one list without those of another, each as often as it is there.
fn without(whispers: &[Whisper], others: &[Whisper]) -> Vec<Whisper> {
    let mut others = others.to_vec();
    whispers.iter().filter(|whisper| !take_out(&mut others, whisper)).cloned().collect()
}

/// A delivery that is not written completely yet.
#[derive(Serialize, Deserialize)]
pub struct Delivery {
    unacked: UnackedDelivery,
    whispers: Vec<Whisper>,
}

impl Hub {
    /// Keeps a whisper to a name that no member has.
    pub(in crate::chat::hub) fn keep_whisper(&mut self, to: &Name, whisper: Whisper) {
        let Shared { accounts, .. } = &self.shared;
        let since = accounts.find_key(&to.key).map(|account| accounts[account].data.since);
        let Some(kept) = &mut self.kept else { return };
        let mailbox = kept.mailboxes.entry(to.key.clone()).or_default();
        if since.is_some() && mailbox.since.is_some() && mailbox.since != since {
            (mailbox.removed, mailbox.added, mailbox.sent) = (mailbox.known.clone(), Vec::new(), 0);
        }
        mailbox.since = since.or(mailbox.since);
        let before = mailbox.whispers();
        // The oldest one that is not on its way makes space.
        if mailbox.added.len() - mailbox.sent >= WHISPERS_PER_NAME {
            mailbox.added.remove(mailbox.sent);
        }
        mailbox.added.push(whisper);
        let after = mailbox.whispers();
        kept.note(Key::Whispers(to.key.clone()), Parts::default());
        self.record_whispers(&to.key, &before, &after);
        self.limit_whispers();
    }

    /// Deletes the oldest whispers if there are too many.
    fn limit_whispers(&mut self) {
        let Some(kept) = &mut self.kept else { return };
        while kept.mailboxes.values().map(Mailbox::count).sum::<usize>() > MAX_WHISPERS {
            let oldest = kept.mailboxes.iter().filter_map(|(name, mailbox)| Some((name, mailbox.oldest()?)));
            let Some((name, whisper)) = oldest.min_by_key(|(_, whisper)| whisper.at) else { return };
            let (name, whisper) = (name.clone(), whisper.clone());
            if let Some(mailbox) = kept.mailboxes.get_mut(&name) {
                mailbox.remove(std::slice::from_ref(&whisper));
            }
            kept.note(Key::Whispers(name), Parts::default());
        }
    }

    /// The value of a name, which the bucket should have; only if it has none, unless something has changed here.
    pub(super) fn whispers_value(&mut self, name: &str) -> Option<(Option<String>, bool)> {
        let Some(mailbox) = self.kept.as_mut()?.mailboxes.get_mut(name) else { return Some((None, false)) };
        let if_missing = mailbox.added.is_empty() && mailbox.removed.is_empty();
        mailbox.sent = mailbox.added.len();
        let whispers = mailbox.whispers();
        if whispers.is_empty() {
            return Some((None, if_missing));
        }
        let kept = KeptWhispers { since: mailbox.since, whispers };
        Some((Some(serde_json::to_string(&kept).expect("names, times and texts")), if_missing))
    }

    /// Takes what the bucket has for a name.
    pub(super) fn take_whispers(&mut self, name: Box<str>, value: Option<&[u8]>, now: Now) {
        let Some(kept) = &mut self.kept else { return };
        let read = match value.map(|value| KeptWhispers::read(&name, value)) {
            Some(None) => return kept.skip(&Key::Whispers(name).to_string()),
            Some(Some(read)) => read,
            None => KeptWhispers { since: None, whispers: Vec::new() },
        };
        let mailbox = kept.mailboxes.entry(name.clone()).or_default();
        let before = mailbox.whispers();
        mailbox.is_told = true;
        mailbox.since = read.since.or(mailbox.since);
        let new = mailbox.take(read.whispers);
        let after = mailbox.whispers();
        if mailbox.is_empty() {
            kept.mailboxes.remove(&name);
        }
        self.record_whispers(&name, &before, &after);
        self.deliver_late(&name, &new, now);
    }

    /// Sends whispers to the member that has their name by now: they were left at another node when it logged in.
    fn deliver_late(&mut self, name: &str, whispers: &[Whisper], now: Now) {
        let Shared { accounts, members, .. } = &self.shared;
        let account = accounts.find_key(name);
        let member = match account {
            Some(account) => accounts[account].member,
            None => members.find_key(name).filter(|_| self.config.login == Login::Nickname),
        };
        let since = account.map(|account| accounts[account].data.since);
        let is_meant =
            self.kept.as_ref().and_then(|kept| kept.mailboxes.get(name)).is_some_and(|mailbox| mailbox.is_for(since));
        let session = member.and_then(|member| members[member.slot].session_at(0));
        if let Some(id) = session.filter(|_| is_meant && self.config.offline_whispers != OfflineWhispers::Off) {
            self.deliver_offline_messages(id, name, whispers, now);
        }
    }

    /// The store has these whispers, of which the bucket may have some, or none that are not delivered by now. Must be called
    /// before the bucket is read.
    pub fn restore_whispers(&mut self, whispers: Vec<Whisper>) {
        let Some(kept) = &mut self.kept else { return };
        for whisper in whispers {
            kept.mailboxes.entry(fold(&whisper.to).into()).or_default().known.push(whisper);
        }
    }

    /// All whispers of the bucket are known: those of the store alone were delivered, unless the bucket is new.
    pub(super) fn compare_mailboxes(&mut self, is_empty: bool) {
        let Some(kept) = &mut self.kept else { return };
        let mut gone = Vec::new();
        for (name, mailbox) in kept.mailboxes.iter_mut().filter(|(_, mailbox)| !mailbox.is_told) {
            let known = std::mem::take(&mut mailbox.known);
            match is_empty {
                true => drop(mailbox.added.splice(0..0, known)),
                false => gone.push((name.clone(), known, mailbox.whispers())),
            }
        }
        kept.mailboxes.retain(|_, mailbox| !mailbox.is_empty());
        let added: Vec<_> = kept
            .mailboxes
            .iter()
            .filter(|(_, mailbox)| !mailbox.added.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        added.into_iter().for_each(|name| kept.note(Key::Whispers(name), Parts::default()));
        gone.into_iter().for_each(|(name, before, after)| self.record_whispers(&name, &before, &after));
    }

    /// Records other whispers to a name than before, if there is a store.
    fn record_whispers(&mut self, name: &str, before: &[Whisper], after: &[Whisper]) {
        let Some(store) = &mut self.store else { return };
        let new = after.strip_prefix(before).unwrap_or_else(|| {
            store.record_whisper(Record::WhispersRead { to: name.to_owned() });
            after
        });
        new.iter().for_each(|whisper| store.record_whisper(Record::Whisper(whisper.clone())));
    }

    /// Sends a session the whispers for this name.
    pub(in crate::chat::hub) fn deliver_kept_whispers(&mut self, id: ClientId, to: &str, now: Now) {
        let Shared { accounts, .. } = &self.shared;
        let key = fold(to);
        let since = accounts.find_key(&key).map(|account| accounts[account].data.since);
        let Some(kept) = &self.kept else { return };
        let mailbox = kept.mailboxes.get(&*key).filter(|mailbox| mailbox.is_for(since));
        let whispers = mailbox.map(Mailbox::whispers).unwrap_or_default();
        self.deliver_offline_messages(id, to, &whispers, now);
    }

    /// Notes that whispers of the bucket are sent to a session.
    pub(in crate::chat::hub) fn note_delivery(&mut self, unacked: UnackedDelivery, whispers: &[Whisper]) {
        if let Some(kept) = &mut self.kept {
            kept.deliveries.push(Delivery { unacked, whispers: whispers.to_vec() });
        }
    }

    /// Whispers that are written completely are deleted.
    pub(in crate::chat::hub) fn acknowledge_kept_deliveries(&mut self) {
        let Some(kept) = self.kept.as_mut().filter(|kept| !kept.deliveries.is_empty()) else { return };
        let sessions = &mut self.sessions;
        let mut done = Vec::new();
        for delivery in std::mem::take(&mut kept.deliveries) {
            match sessions.find(delivery.unacked.origin).map(|session| session.private_bytes()) {
                Some(0) => done.push(delivery),
                Some(_) => kept.deliveries.push(delivery),
                None => {}
            }
        }
        for Delivery { unacked, whispers } in done {
            let key: Box<str> = fold(&unacked.to).into();
            let Some(kept) = &mut self.kept else { return };
            let Some(mailbox) = kept.mailboxes.get_mut(&key) else { continue };
            let before = mailbox.whispers();
            // Two sessions may have read the same.
            let left: Vec<Whisper> = without(&whispers, &without(&whispers, &before));
            mailbox.remove(&left);
            let after = mailbox.whispers();
            if mailbox.is_empty() {
                kept.mailboxes.remove(&key);
            }
            kept.note(Key::Whispers(key.clone()), Parts::default());
            self.record_whispers(&key, &before, &after);
        }
    }

    /// Whether whispers of the bucket are written completely, which must be noted.
    pub(in crate::chat::hub) fn has_finished_kept_deliveries(&self) -> bool {
        let deliveries = self.kept.iter().flat_map(|kept| &kept.deliveries);
        let mut sessions = deliveries.map(|delivery| self.sessions.get(delivery.unacked.origin.client));
        sessions.any(|session| session.is_some_and(|session| session.private_bytes() == 0))
    }

    /// A session gives up its name: what is not written completely stays.
    pub(in crate::chat::hub) fn cancel_kept_deliveries(&mut self, id: ClientId) {
        if let Some(kept) = &mut self.kept {
            kept.deliveries.retain(|delivery| delivery.unacked.origin.client != id);
        }
    }
}
