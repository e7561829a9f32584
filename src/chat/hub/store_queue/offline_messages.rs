//! Offline messages: whispers to an account or a name that is not logged in, stored and delivered at the next login.

use serde::{Deserialize, Serialize};

use crate::chat::change::Origin;
use crate::chat::config::{Login, OfflineWhispers};
use crate::chat::encoding::Private;
use crate::chat::event::{Event, MessageKind, Notice};
use crate::chat::hub::Hub;
use crate::chat::hub::plan::Asker;
use crate::chat::id::{ClientId, Now};
use crate::chat::policy::nick::Name;
use crate::chat::query::Lookup;
use crate::chat::record::{Record, Whisper};

/// A session that has not been sent all its offline messages yet, and the name that these were stored for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnackedDelivery {
    pub origin: Origin,
    pub to: String,
}

impl Hub {
    /// Stores a whisper to a name that no member has.
    pub(in crate::chat::hub) fn store_whisper(&mut self, asker: Asker, to: &Name, text: &str, now: Now) {
        // A muted member gets the usual answer, but nothing is stored.
        if !self.shared.mutes.holds(asker.member, now.at) {
            let from = self.shared.members[asker.member.slot].name.to_string();
            let whisper = Whisper { to: to.shown.to_string(), from, at: now.local, text: text.to_owned() };
            match self.kept.is_some() {
                true => self.keep_whisper(to, whisper),
                false => self.record(|| Record::Whisper(whisper)),
            }
        }
        self.stats.whispers += 1;
        let account = self.shared.accounts.find_key(&to.key).is_some();
        let private = Private { kind: MessageKind::Said, id: self.private_id(&now), target: None };
        let mut fanout = self.fanout_by(asker.member, &now).privately(private);
        let event = Event::Whispered { at: now.local, to: &to.shown, text };
        fanout.send_own_whisper(asker.member.slot, asker.id, &event, &now);
        fanout.notice(asker.id, Notice::WhisperStored { name: &to.shown, account });
    }

    /// Queries the offline messages for the account of a session's member, or for its new name.
    pub(in crate::chat::hub) fn request_offline_messages(&mut self, id: ClientId, time: Now) {
        let is_stored = self.store.is_some() || self.kept.is_some();
        let Some(slot) = self.sessions[id].member.filter(|_| is_stored) else { return };
        let member = &self.shared.members[slot];
        let to = match (self.config.offline_whispers, member.account()) {
            (OfflineWhispers::Off, _) => return,
            (_, Some(account)) => self.shared.accounts.name(account).to_owned(),
            (OfflineWhispers::All, None) if self.config.login == Login::Nickname => member.name.to_string(),
            (OfflineWhispers::All | OfflineWhispers::Accounts, None) => return,
        };
        match self.kept.is_some() {
            true => self.deliver_kept_whispers(id, &to, time),
            false => self.queue_query(id, Lookup::Whispers { to }),
        }
    }

    /// Sends a session the offline messages for its name.
    pub(in crate::chat::hub) fn deliver_offline_messages(
        &mut self,
        id: ClientId,
        to: &str,
        whispers: &[Whisper],
        now: Now,
    ) {
        let origin = self.sessions.origin(id);
        if whispers.is_empty() {
            return;
        }
        let unacked = UnackedDelivery { origin, to: to.into() };
        match (self.kept.is_some(), &mut self.store) {
            (true, _) => self.note_delivery(unacked, whispers),
            (false, Some(store)) => store.unacked_and_records().0.push(unacked),
            (false, None) => return,
        }
        let mut fanout = self.fanout();
        fanout.notice(id, Notice::OfflineWhispersBegin { whispers: whispers.len() });
        let today = now.local.date();
        let mut day = today;
        for Whisper { from, at, text, .. } in whispers {
            fanout.send_of_day(id, &mut day, at.date(), &Event::Whisper { at: *at, from, text });
        }
        fanout.send_day(id, &mut day, today);
        fanout.notice(id, Notice::OfflineWhispersEnd);
    }

    /// Records the deliveries that are written completely; until then the messages stay in the store.
    pub(in crate::chat::hub) fn acknowledge_deliveries(&mut self) {
        self.acknowledge_kept_deliveries();
        let Some(store) = self.store.as_mut().filter(|store| !store.unacked().is_empty()) else { return };
        let sessions = &mut self.sessions;
        let (unacked, records) = store.unacked_and_records();
        unacked.retain(|UnackedDelivery { origin, to }| {
            let unsent = sessions.find(*origin).map(|session| session.private_bytes());
            if unsent == Some(0) {
                records.push(Record::WhispersRead { to: to.clone() });
            }
            unsent.is_some_and(|unsent| unsent > 0)
        });
    }

    /// Cancels the delivery to `id` when it gives up its name. Messages that are not written completely stay in the
    /// store.
    pub(in crate::chat::hub) fn cancel_deliveries(&mut self, id: ClientId) {
        self.acknowledge_deliveries();
        self.cancel_kept_deliveries(id);
        if let Some(store) = &mut self.store {
            store.unacked_and_records().0.retain(|unacked| unacked.origin.client != id);
        }
    }

    /// Whether a delivery is written completely and must be recorded.
    pub(in crate::chat::hub) fn has_finished_deliveries(&self) -> bool {
        let mut unacked = self.store.iter().flat_map(|store| store.unacked());
        unacked.any(|UnackedDelivery { origin, .. }| {
            self.sessions.get(origin.client).is_some_and(|session| session.private_bytes() == 0)
        }) || self.has_finished_kept_deliveries()
    }
}
