//! The admission queue: counts the admitted users and orders the waiting sessions.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::id::{ClientId, SessionId};
use crate::chat::session::table::SessionTable;
use crate::chat::session::{Session, SessionStage};

/// The shortest time between two renumberings of the queue.
const RENUMBER_INTERVAL: Duration = Duration::from_secs(1);

/// A session in the queue.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Waiter {
    id: ClientId,
    session: SessionId,
    /// The position that it was last told.
    told: u32,
}

/// Counts the admitted users, up to the maximum, and queues the sessions that wait for a free place.
#[derive(Serialize, Deserialize)]
pub struct AdmissionQueue {
    max_users: usize,
    max_waiting: usize,
    users: usize,
    waiting: usize,
    /// The waiting sessions. A session that has left stays in it until the next renumbering.
    queue: VecDeque<Waiter>,
    /// When the queue was renumbered last, and when it will be renumbered next.
    last_renumbered: Duration,
    renumber_due: Option<Duration>,
}

impl AdmissionQueue {
    /// An empty queue for up to `max_users` users and `max_waiting` waiting sessions.
    pub fn new(max_users: usize, max_waiting: usize) -> Self {
        AdmissionQueue {
            max_users,
            max_waiting,
            users: 0,
            waiting: 0,
            queue: VecDeque::new(),
            last_renumbered: Duration::ZERO,
            renumber_due: None,
        }
    }

    /// Sets other limits. Users and waiting sessions above them stay.
    pub fn set_limits(&mut self, max_users: usize, max_waiting: usize) {
        (self.max_users, self.max_waiting) = (max_users, max_waiting);
    }

    /// The number of admitted users and of waiting sessions.
    pub fn counts(&self) -> (usize, usize) {
        (self.users, self.waiting)
    }

    /// Admits a new session at once if there is a free place and no session is waiting.
    pub fn admit_new(&mut self) -> bool {
        let free = self.waiting == 0 && self.users < self.max_users;
        self.users += usize::from(free);
        free
    }

    /// An admitted user has left: frees its place.
    pub fn release(&mut self) {
        self.users -= 1;
    }

    /// Adds a session to the end of the queue. Returns its position, or `None` if the queue is full.
    pub fn enqueue(&mut self, id: ClientId, session: SessionId) -> Option<u32> {
        if self.waiting >= self.max_waiting {
            return None;
        }
        self.waiting += 1;
        let told = self.waiting as u32;
        self.queue.push_back(Waiter { id, session, told });
        Some(told)
    }

    /// A waiting session has left.
    pub fn leave(&mut self, now: Duration) {
        self.waiting -= 1;
        self.renumber_soon(now);
        if self.waiting == 0 {
            self.queue.clear();
            crate::util::tables::shrink::queue(&mut self.queue);
        }
    }

    /// Admits the first waiting session if there is a free place.
    pub fn admit_next(&mut self, sessions: &SessionTable, now: Duration) -> Option<ClientId> {
        while self.users < self.max_users {
            let waiter = self.queue.pop_front()?;
            if is_waiting(sessions, &waiter) {
                self.users += 1;
                self.waiting -= 1;
                self.renumber_soon(now);
                return Some(waiter.id);
            }
        }
        None
    }

    /// When [`AdmissionQueue::renumber`] must be called next.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.renumber_due
    }

    /// Renumbers the queue if that is due. Returns the sessions with a new position.
    pub fn renumber(&mut self, sessions: &SessionTable, now: Duration) -> Vec<(ClientId, u32)> {
        if self.renumber_due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.renumber_due = None;
        self.last_renumbered = now;
        self.queue.retain(|waiter| is_waiting(sessions, waiter));
        let mut changed = Vec::new();
        for (waiter, number) in self.queue.iter_mut().zip(1..) {
            if std::mem::replace(&mut waiter.told, number) != number {
                changed.push((waiter.id, number));
            }
        }
        changed
    }

    /// The position that a waiting session was last told.
    pub fn position(&self, session: SessionId) -> Option<u32> {
        // Not by the connection: one that has left stays in the queue for a while, and its number can be reused.
        self.queue.iter().find(|waiter| waiter.session == session).map(|waiter| waiter.told)
    }

    fn renumber_soon(&mut self, now: Duration) {
        if self.waiting > 0 {
            self.renumber_due.get_or_insert(now.max(self.last_renumbered + RENUMBER_INTERVAL));
        }
    }
}

fn is_waiting(sessions: &SessionTable, waiter: &Waiter) -> bool {
    let is_meant = |found: &Session| found.id == waiter.session && found.stage == SessionStage::Waiting;
    sessions.get(waiter.id).is_some_and(is_meant)
}
