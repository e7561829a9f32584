//! The events that wait for the caller.

use std::collections::VecDeque;

use super::Event;

/// With more events than this, or more bytes in them, nothing is read.
const MAX_EVENTS: usize = 4096;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Events in their order, and the bytes that they hold.
#[derive(Debug, Default)]
pub struct EventQueue {
    events: VecDeque<Event>,
    bytes: usize,
}

impl EventQueue {
    pub fn push(&mut self, event: Event) {
        self.bytes += size(&event);
        self.events.push_back(event);
    }

    pub fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.bytes -= size(&event);
        Some(event)
    }

    /// Whether so much waits that nothing more should be read.
    pub fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }
}

/// The bytes of an event that came from the server and can be many.
fn size(event: &Event) -> usize {
    match event {
        Event::Entry { entry, .. } => entry.subject.len() + entry.payload.len(),
        Event::Message { subject, payload, .. } => subject.len() + payload.len(),
        Event::Answer { result: Ok(payload), .. } => payload.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_is_full_with_many_events_or_many_bytes() {
        let mut queue = EventQueue::default();
        let answer = |size| Event::Answer { tag: 1, result: Ok(vec![0; size]) };
        (0..MAX_EVENTS - 1).for_each(|_| queue.push(answer(0)));
        assert!(!queue.is_full());
        queue.push(answer(0));
        assert!(queue.is_full());
        while queue.pop().is_some() {}
        queue.push(answer(MAX_BYTES - 1));
        assert!(!queue.is_full());
        queue.push(answer(1));
        assert!(queue.is_full());
        assert!(queue.pop().is_some() && !queue.is_full());
        assert!(queue.pop().is_some() && queue.pop().is_none() && queue.bytes == 0);
    }
}
