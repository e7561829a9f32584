//! The admission queue: counts the admitted users and orders the waiting clients.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chat::id::{ClientId, Session};
use crate::chat::session::client::{Clients, Stage};

/// The shortest time between two renumberings of the queue.
const RENUMBER_EVERY: Duration = Duration::from_secs(1);

/// Counts the admitted users, up to the maximum, and queues the clients that wait for a free place.
pub struct AdmissionQueue {
    most: usize,
    most_waiting: usize,
    taken: usize,
    waiting: usize,
    /// The waiting clients. A client that has left stays in it until the next renumbering.
    line: VecDeque<(ClientId, Session)>,
    /// When the queue was renumbered last, and when it will be renumbered next.
    renumbered: Duration,
    due: Option<Duration>,
}

impl AdmissionQueue {
    /// An empty queue for up to `most` users and `most_waiting` waiting clients.
    pub fn new(most: usize, most_waiting: usize) -> Self {
        AdmissionQueue {
            most,
            most_waiting,
            taken: 0,
            waiting: 0,
            line: VecDeque::new(),
            renumbered: Duration::ZERO,
            due: None,
        }
    }

    /// The number of admitted users and of waiting clients.
    pub fn counts(&self) -> (usize, usize) {
        (self.taken, self.waiting)
    }

    /// Admits a new client at once if there is a free place and no client is waiting.
    pub fn take(&mut self) -> bool {
        let free = self.waiting == 0 && self.taken < self.most;
        self.taken += usize::from(free);
        free
    }

    /// An admitted user has left: frees its place.
    pub fn give_back(&mut self) {
        self.taken -= 1;
    }

    /// Adds a client to the end of the queue. Returns its position, or `None` if the queue is full.
    pub fn queue(&mut self, id: ClientId, session: Session) -> Option<u32> {
        if self.waiting >= self.most_waiting {
            return None;
        }
        self.line.push_back((id, session));
        self.waiting += 1;
        Some(self.waiting as u32)
    }

    /// A waiting client has left.
    pub fn unqueue(&mut self, now: Duration) {
        self.waiting -= 1;
        self.renumber_soon(now);
        if self.waiting == 0 {
            self.line.clear();
            crate::util::shrink::queue(&mut self.line);
        }
    }

    /// Admits the first waiting client if there is a free place.
    pub fn admit(&mut self, clients: &Clients, now: Duration) -> Option<ClientId> {
        while self.taken < self.most {
            let (id, session) = self.line.pop_front()?;
            if is_waiting(clients, id, session) {
                self.taken += 1;
                self.waiting -= 1;
                self.renumber_soon(now);
                return Some(id);
            }
        }
        None
    }

    /// When [`AdmissionQueue::renumber`] must be called next.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.due
    }

    /// Renumbers the queue if that is due. Returns the clients with a new position.
    pub fn renumber(&mut self, clients: &mut Clients, now: Duration) -> Vec<(ClientId, u32)> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = None;
        self.renumbered = now;
        self.line.retain(|&(id, session)| is_waiting(clients, id, session));
        let mut changed = Vec::new();
        for (index, &(id, _)) in self.line.iter().enumerate() {
            let number = index as u32 + 1;
            let stage = &mut clients[id].stage;
            if *stage != Stage::Waiting(number) {
                *stage = Stage::Waiting(number);
                changed.push((id, number));
            }
        }
        changed
    }

    fn renumber_soon(&mut self, now: Duration) {
        if self.waiting > 0 {
            self.due.get_or_insert(now.max(self.renumbered + RENUMBER_EVERY));
        }
    }
}

fn is_waiting(clients: &Clients, id: ClientId, session: Session) -> bool {
    clients.get(id).is_some_and(|client| client.session == session && matches!(client.stage, Stage::Waiting(_)))
}
