//! Offline messages: whispers to a name that is not logged in, stored and delivered at its next login.

use compact_str::CompactString;

use super::Hub;
use crate::chat::change::{Record, WHISPERS_PER_NAME, Whisper};
use crate::chat::config::Login;
use crate::chat::event::{Event, Notice, Refusal};
use crate::chat::id::Now;
use crate::chat::id::{ClientId, Session};
use crate::chat::policy::nick::Name;
use crate::chat::query::Lookup;

/// The longest offline message in bytes. All messages stored for one name fit into the backlog of one client.
const MAX_OFFLINE_MESSAGE: usize = 4096;

/// Clients that have not been sent all their offline messages yet, with the name that these were stored for.
pub type UnackedDeliveries = Vec<(ClientId, Session, CompactString)>;

impl Hub {
    /// Whether offline messages are stored: the option is on, clients choose their names, and there is a store.
    pub(super) fn stores_whispers(&self) -> bool {
        self.config.offline_whispers && self.config.login == Login::Nickname && self.store.is_some()
    }

    /// Stores a whisper of `id` to a name that no client has.
    pub(super) fn store_whisper(&mut self, id: ClientId, to: &str, text: &str, now: Now) {
        let Ok(Name { shown: to, .. }) = Name::new(to) else {
            return self.refuse(id, Refusal::NoSuchMember { name: to });
        };
        let longest = MAX_OFFLINE_MESSAGE.min(self.config.backlog_bytes / 2 / WHISPERS_PER_NAME);
        if text.len() > longest {
            return self.refuse(id, Refusal::TooLong { most: longest });
        }
        // A muted client gets the usual answer, but nothing is stored.
        if !self.is_muted(id, now) {
            let from = self.clients[id].name.to_string();
            self.record(|| Record::Whisper(Whisper { to: to.to_string(), from, at: now.local, text: text.to_owned() }));
        }
        self.stats.whispers += 1;
        self.begin_day(self.clients[id].room, now);
        self.send_event(id, &Event::Whispered { at: now.local, to: &to, text });
        self.notice(id, Notice::WhisperStored { name: &to });
    }

    /// Queries the offline messages for the new name of a client.
    pub(super) fn request_offline_messages(&mut self, id: ClientId) {
        if self.stores_whispers() {
            let to = self.clients[id].name.to_string();
            self.queue_query(id, Lookup::Whispers { to });
        }
    }

    /// Sends a client the offline messages for its name.
    pub(super) fn deliver_offline_messages(&mut self, id: ClientId, to: &str, whispers: &[Whisper], now: Now) {
        let session = self.clients[id].session;
        let Some(store) = self.store.as_mut().filter(|_| !whispers.is_empty()) else { return };
        store.unacked.push((id, session, to.into()));
        self.notice(id, Notice::OfflineWhispersBegin { whispers: whispers.len() });
        let today = now.local.date();
        let mut day = today;
        for Whisper { from, at, text, .. } in whispers {
            if std::mem::replace(&mut day, at.date()) != day {
                self.notice(id, Notice::Day(day));
            }
            self.send_event(id, &Event::Whisper { at: *at, from, text });
        }
        if day != today {
            self.notice(id, Notice::Day(today));
        }
        self.notice(id, Notice::OfflineWhispersEnd);
    }

    /// Records the deliveries that are written completely; until then the messages stay in the store.
    pub(super) fn acknowledge_deliveries(&mut self) {
        let Some(store) = self.store.as_mut().filter(|store| !store.unacked.is_empty()) else { return };
        let clients = &self.clients;
        store.unacked.retain(|&(id, session, ref to)| {
            let client = clients.get(id).filter(|client| client.session == session);
            let is_sent = client.is_some_and(|client| client.private_bytes() == 0);
            if is_sent {
                store.records.push(Record::WhispersRead { to: to.to_string() });
            }
            !is_sent && client.is_some()
        });
    }

    /// Cancels the delivery to `id` when it gives up its name. Messages that are not written completely stay in the
    /// store.
    pub(super) fn cancel_deliveries(&mut self, id: ClientId) {
        self.acknowledge_deliveries();
        if let Some(store) = &mut self.store {
            store.unacked.retain(|&(unacked, ..)| unacked != id);
        }
    }

    /// Whether a delivery is written completely and must be recorded.
    pub(super) fn has_finished_deliveries(&self) -> bool {
        let mut unacked = self.store.iter().flat_map(|store| &store.unacked);
        unacked.any(|&(id, ..)| self.clients.get(id).is_some_and(|client| client.private_bytes() == 0))
    }
}
