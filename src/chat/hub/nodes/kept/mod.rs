//! What outlives a full stop of all nodes: the values of a bucket, which the engine keeps beside the log.
//!
//! Accounts, bans and rooms follow from the log: the oldest node lets the bucket have them, and only the node that begins
//! the state anew reads them. What an account keeps for itself, and whispers to those who are not there, are in no log:
//! the node where they change puts them, and all nodes take over what others have put. At its start a node reads the bucket before
//! the log; later only a node that begins the state anew waits for it.

mod key;
mod private;
mod shared;
mod whispers;

use std::collections::BTreeMap;

use log::{debug, warn};
use serde::{Deserialize, Serialize};

pub(in crate::chat::hub) use self::key::Key;
use self::private::KeptPrivate;
use self::shared::Sweep;
use self::whispers::{Delivery, Mailbox};
use crate::chat::hub::{Hub, Shared};
use crate::chat::id::{Now, RoomId};

/// The longest value in bytes; a longer one is not ours. JetStream takes 1 MiB unless it was told otherwise.
pub const MAX_VALUE: usize = 768 * 1024;
/// Keys that one step of a comparison adds at most.
const SWEPT_PER_STEP: usize = 64;

/// A value for the bucket.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    pub key: String,
    /// `None`: the key is to be deleted.
    pub value: Option<String>,
    /// The value is to be put only if the bucket has none.
    pub if_missing: bool,
}

/// What has changed here of a value that others may change, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The ignored names of an account.
    ignored: bool,
    /// How far it has read.
    read: bool,
}

impl Parts {
    pub const IGNORED: Parts = Parts { ignored: true, read: false };
    pub const READ: Parts = Parts { ignored: false, read: true };

    /// What is in either.
    pub fn and(self, other: Parts) -> Parts {
        Parts { ignored: self.ignored || other.ignored, read: self.read || other.read }
    }
}

/// What a node knows of the bucket.
#[derive(Default, Serialize, Deserialize)]
pub struct KeptState {
    /// The keys whose values may have to be put.
    changed: BTreeMap<Key, Parts>,
    /// Those that were handed out, and of which it is not known whether the bucket has them.
    sent: BTreeMap<Key, Parts>,
    /// The node takes part, or has the state of which it has taken part last: its state is newer than the bucket.
    has_state: bool,
    /// The whole bucket must be told again, since its shared values were dropped.
    #[serde(skip)]
    must_be_told: bool,
    /// This is the oldest node, which lets the bucket have the shared state.
    #[serde(skip)]
    leads: bool,
    /// How far the whole state was compared with the bucket.
    #[serde(skip)]
    sweep: Option<Sweep>,
    /// The shared values of the bucket, until the node takes part.
    #[serde(skip)]
    founding: BTreeMap<Key, Vec<u8>>,
    /// What is kept of accounts that are not known here yet.
    early: BTreeMap<Box<str>, KeptPrivate>,
    mailboxes: BTreeMap<Box<str>, Mailbox>,
    deliveries: Vec<Delivery>,
    /// Values that were skipped.
    #[serde(skip)]
    skipped: u64,
}

impl KeptState {
    /// Notes that a value may have changed. Those that follow from the log are a matter of the oldest node.
    fn note(&mut self, key: Key, parts: Parts) {
        if self.leads || !key.is_shared() {
            let noted = self.changed.entry(key).or_default();
            *noted = noted.and(parts);
        }
    }

    /// What has changed here of a value, and is not in the bucket yet.
    fn unsettled(&self, key: &Key) -> Parts {
        let [changed, sent] = [&self.changed, &self.sent].map(|keys| keys.get(key).copied().unwrap_or_default());
        changed.and(sent)
    }

    /// Counts a value that is not ours or is damaged. The first one is named in the log of the server, without the value.
    fn skip(&mut self, key: &str) {
        let key: String = key.escape_debug().take(200).collect();
        match self.skipped {
            0 => warn!("cluster: the value of {key} in the bucket is not ours or is damaged; it is skipped"),
            _ => debug!("cluster: the value of {key} in the bucket is skipped"),
        }
        self.skipped += 1;
    }
}

impl Hub {
    /// This hub is a node whose cluster has a bucket. Must be called before the first connection, or after [`Hub::from_state`].
    pub fn use_bucket(&mut self) {
        let kept = self.kept.get_or_insert_default();
        // Whether the predecessor's last values are in the bucket is not known.
        for (key, parts) in std::mem::take(&mut kept.sent) {
            let noted = kept.changed.entry(key).or_default();
            *noted = noted.and(parts);
        }
        kept.mailboxes.values_mut().for_each(Mailbox::note_failed);
    }

    /// Sets whether this node is the oldest one, which lets the bucket have the shared state. When it becomes that, it compares
    /// all of it; the caller asks it to compare each key of the bucket with [`Hub::check_kept`].
    pub fn lead_bucket(&mut self, leads: bool) {
        let Some(kept) = &mut self.kept else { return };
        if leads && !kept.leads {
            kept.sweep = Some(Sweep::default());
        }
        kept.leads = leads;
        if !leads {
            kept.sweep = None;
            kept.changed.retain(|key, _| !key.is_shared());
        }
    }

    /// Takes a value of the bucket, or that it has none. What is not ours is skipped.
    pub fn handle_kept(&mut self, key: &[u8], value: Option<&[u8]>, now: Now) {
        let Some(kept) = &mut self.kept else { return };
        let text = String::from_utf8_lossy(key);
        let Some(key) = Key::parse(&text).filter(|_| value.is_none_or(|value| value.len() <= MAX_VALUE)) else {
            return kept.skip(&text);
        };
        match key {
            Key::Private(name) => self.take_private(&name, value),
            Key::Whispers(name) => self.take_whispers(name, value, now),
            // Another node may have put it.
            key if kept.has_state => kept.note(key, Parts::default()),
            key => match value {
                Some(value) => drop(kept.founding.insert(key, value.to_vec())),
                None => drop(kept.founding.remove(&key)),
            },
        }
    }

    /// All values of the bucket were given to [`Hub::handle_kept`]; `is_empty` if it has none.
    pub fn handle_bucket_complete(&mut self, is_empty: bool) {
        self.compare_mailboxes(is_empty);
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.leads) {
            kept.sweep = Some(Sweep::default());
        }
    }

    /// The oldest node compares a key of the bucket with its state: what should not be there is deleted.
    pub fn check_kept(&mut self, key: &[u8]) {
        let Some(kept) = self.kept.as_mut().filter(|kept| kept.leads) else { return };
        if let Some(key) = Key::parse(&String::from_utf8_lossy(key)).filter(Key::is_shared) {
            kept.note(key, Parts::default());
        }
    }

    /// Takes the next value that the bucket should have; it may have it already. Its key is not returned again before
    /// [`Hub::handle_kept_result`].
    pub fn poll_kept(&mut self) -> Option<Kept> {
        self.step_sweep();
        loop {
            let kept = self.kept.as_mut()?;
            let key = kept.changed.keys().find(|key| !kept.sent.contains_key(key))?.clone();
            let parts = kept.changed.remove(&key)?;
            let Some((value, if_missing)) = self.kept_value(&key, parts) else { continue };
            let text = key.to_string();
            self.kept.as_mut()?.sent.insert(key, parts);
            return Some(Kept { key: text, value, if_missing });
        }
    }

    /// Whether [`Hub::poll_kept`] may return something.
    pub fn has_kept(&self) -> bool {
        let Some(kept) = &self.kept else { return false };
        kept.sweep.is_some() || kept.changed.keys().any(|key| !kept.sent.contains_key(key))
    }

    /// The bucket has the value that was handed out, and if it was changed by others meanwhile, [`Hub::handle_kept`] was given
    /// their value; or, if not `is_stored`, the value must be handed out again.
    pub fn handle_kept_result(&mut self, key: &str, is_stored: bool) {
        let Some(kept) = &mut self.kept else { return };
        let Some((key, parts)) = Key::parse(key).and_then(|key| kept.sent.remove_entry(&key)) else { return };
        if let Key::Whispers(name) = &key
            && let Some(mailbox) = kept.mailboxes.get_mut(name)
        {
            if is_stored {
                mailbox.note_stored()
            } else {
                mailbox.note_failed()
            }
            if mailbox.is_empty() {
                kept.mailboxes.remove(name);
            }
        }
        if !is_stored {
            let noted = kept.changed.entry(key).or_default();
            *noted = noted.and(parts);
        }
    }

    /// Values of the bucket that are not ours or are damaged.
    pub fn skipped_kept(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.skipped)
    }

    /// This node takes part from now on: its state is newer than the bucket.
    pub(super) fn leave_founding(&mut self) {
        if let Some(kept) = &mut self.kept {
            (kept.has_state, kept.founding) = (true, BTreeMap::new());
        }
    }

    /// The state that this node has is not the newest any more: it has missed changes. Should it begin the state anew, the bucket has
    /// what is newer.
    pub fn note_behind(&mut self) {
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.has_state) {
            (kept.has_state, kept.must_be_told) = (false, true);
        }
    }

    /// Whether all values of the bucket must be given to [`Hub::handle_kept`] again, before the state is begun anew.
    pub fn must_be_told(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.must_be_told)
    }

    /// Takes that note.
    pub fn take_must_be_told(&mut self) -> bool {
        self.kept.as_mut().is_some_and(|kept| std::mem::take(&mut kept.must_be_told))
    }

    /// The value that the bucket should have for a key, and whether only if it has none; `None` if that is no matter of this node.
    fn kept_value(&mut self, key: &Key, parts: Parts) -> Option<(Option<String>, bool)> {
        let leads = self.kept.as_ref()?.leads;
        match key {
            Key::Private(name) => self.private_value(name, parts),
            Key::Whispers(name) => self.whispers_value(name),
            _ if !leads => None,
            key => Some((self.shared_value(key), false)),
        }
    }

    /// A shared value may have changed; the caller asks for `key` only if this node lets the bucket have them.
    pub(in crate::chat::hub) fn note_kept(&mut self, key: impl FnOnce(&Shared) -> Option<Key>) {
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.leads)
            && let Some(key) = key(&self.shared)
        {
            kept.note(key, Parts::default());
        }
    }

    /// As [`Hub::note_kept`], for a room.
    pub(in crate::chat::hub) fn note_kept_room(&mut self, room: RoomId) {
        self.note_kept(|shared| Some(Key::Room(shared.rooms.get(room)?.key.clone())));
    }
}

/// Whether a text can be shown in one line, and has at most `most` bytes.
fn is_clean(text: &str, most: usize) -> bool {
    text.len() <= most && !text.contains(char::is_control)
}
