//! Seats, and the line of those who wait for one.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chat::id::{ClientId, Session};
use crate::chat::session::client::{Clients, Stage};

/// The least time between two renumberings of the line.
const RENUMBER_EVERY: Duration = Duration::from_secs(1);

/// Who may come in, and in which order the others follow.
pub struct AdmissionQueue {
    most: usize,
    most_waiting: usize,
    taken: usize,
    waiting: usize,
    /// The line; those who have left it stay as holes until the next renumbering.
    line: VecDeque<(ClientId, Session)>,
    /// When the line was renumbered last, and when it will be next.
    renumbered: Duration,
    due: Option<Duration>,
}

impl AdmissionQueue {
    /// All seats free.
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

    /// How many seats are taken, and how many people wait.
    pub fn counts(&self) -> (usize, usize) {
        (self.taken, self.waiting)
    }

    /// Takes a free seat for somebody new; none is free while others wait.
    pub fn take(&mut self) -> bool {
        let free = self.waiting == 0 && self.taken < self.most;
        self.taken += usize::from(free);
        free
    }

    /// Gives a seat back.
    pub fn give_back(&mut self) {
        self.taken -= 1;
    }

    /// Puts somebody at the end of the line; returns their number, or `None` if it is too long.
    pub fn queue(&mut self, id: ClientId, session: Session) -> Option<u32> {
        if self.waiting >= self.most_waiting {
            return None;
        }
        self.line.push_back((id, session));
        self.waiting += 1;
        Some(self.waiting as u32)
    }

    /// Somebody left the line.
    pub fn unqueue(&mut self, now: Duration) {
        self.waiting -= 1;
        self.renumber_soon(now);
        if self.waiting == 0 {
            self.line.clear();
            crate::util::shrink::queue(&mut self.line);
        }
    }

    /// Moves the first in line to a free seat.
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

    /// When the line is to be renumbered.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.due
    }

    /// Renumbers the line if that is due; returns those whose number has changed, with the new one.
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
