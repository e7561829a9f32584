//! An index of clients by nickname.

use hashbrown::HashTable;

use crate::chat::id::ClientId;
use crate::chat::policy::nick::fold;
use crate::chat::session::client::Clients;
use crate::util::shrink;

/// An index from nicknames to clients. The names and their hashes are stored only with the clients.
#[derive(Default)]
pub struct NickIndex(HashTable<ClientId>);

impl NickIndex {
    /// The number of nicknames.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Finds the client with that folded name and its keyed hash.
    pub fn get(&self, clients: &Clients, key: &str, hash: u64) -> Option<ClientId> {
        let has = |&id: &ClientId| clients[id].name_hash == hash && fold(&clients[id].name) == key;
        self.0.find(hash, has).copied()
    }

    /// Adds the current name of a client; no other client may have it.
    pub fn insert(&mut self, clients: &Clients, id: ClientId) {
        let hash = |id: &ClientId| clients[*id].name_hash;
        self.0.insert_unique(hash(&id), id, hash);
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Removes the current name of a client.
    pub fn remove(&mut self, clients: &Clients, id: ClientId) {
        if let Ok(entry) = self.0.find_entry(clients[id].name_hash, |&other| other == id) {
            entry.remove();
        }
        if shrink::is_oversized(self.0.len(), self.0.capacity()) {
            self.0.shrink_to(2 * self.0.len(), |id| clients[*id].name_hash);
        }
    }
}
