//! Who has which nickname.

use hashbrown::HashTable;

use crate::chat::id::ClientId;
use crate::chat::policy::nick::fold;
use crate::chat::session::client::Clients;
use crate::util::shrink;

/// An index from nicknames to clients that keeps neither the names nor their hashes: those are with the clients.
#[derive(Default)]
pub struct NickIndex(HashTable<ClientId>);

impl NickIndex {
    /// How many have one.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Who has the name with that key and that keyed hash of it.
    pub fn get(&self, clients: &Clients, key: &str, hash: u64) -> Option<ClientId> {
        let has = |&id: &ClientId| clients[id].name_hash == hash && fold(&clients[id].name) == key;
        self.0.find(hash, has).copied()
    }

    /// Notes the name that a client has by now; nobody else may have it.
    pub fn insert(&mut self, clients: &Clients, id: ClientId) {
        let hash = |id: &ClientId| clients[*id].name_hash;
        self.0.insert_unique(hash(&id), id, hash);
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Forgets the name that a client still has.
    pub fn remove(&mut self, clients: &Clients, id: ClientId) {
        if let Ok(entry) = self.0.find_entry(clients[id].name_hash, |&other| other == id) {
            entry.remove();
        }
        if shrink::is_loose(self.0.len(), self.0.capacity()) {
            self.0.shrink_to(2 * self.0.len(), |id| clients[*id].name_hash);
        }
    }
}
