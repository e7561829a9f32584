//! Answers questions from the store, together with what waits to be written to it.
//!
//! A turn of the loop spends at most [`TURN`] on questions and a step little more, whatever is asked and stored. After
//! each step the member who asked rests for nine times as long, and all questions rest for as long as they took: one
//! member has a tenth of the processor with them at most, all together a half.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use log::warn;

use super::store_writer::StoreWriter;
use super::unwritten::UnwrittenRecords;
use crate::chat::policy::nick::fold;
use crate::chat::{Answer, ClientId, Hub, Lookup, Query};
use crate::store::{Error, MAX_READ, Message, SearchWords};

/// How long one turn looks things up.
const TURN: Duration = Duration::from_millis(3);
/// How many times as long as a step took the one who asked does without.
const REST: u32 = 9;
/// Members whose rests are remembered before those that are over are forgotten.
const RESTS: usize = 256;

/// Questions that are not answered yet.
#[derive(Default)]
pub(super) struct Lookups {
    /// By the time of their next step, and in the order in which they came.
    queue: BTreeMap<(Duration, u64), Work>,
    number: u64,
    /// Until when a member rests, by its slot: one who comes after it in that slot waits for some milliseconds.
    rests: HashMap<ClientId, Duration>,
    /// Until when all rest.
    rest: Duration,
}

/// A question on the way to its answer.
struct Work {
    query: Query,
    words: Option<SearchWords>,
    /// What was found, the newest first.
    found: Vec<u64>,
    /// What is younger has been looked at.
    before: Option<u64>,
    has_begun: bool,
}

impl Lookups {
    fn add(&mut self, query: Query, now: Duration) {
        let due = self.due_of(query.asker(), now);
        self.put(Work { query, words: None, found: Vec::new(), before: None, has_begun: false }, due);
    }

    /// When a member's next step may be made.
    fn due_of(&self, asker: ClientId, now: Duration) -> Duration {
        self.rests.get(&asker).map_or(now, |&until| until.max(now))
    }

    fn put(&mut self, work: Work, due: Duration) {
        self.number += 1;
        self.queue.insert((due, self.number), work);
    }

    /// The next question of which a step can be made.
    fn next(&mut self, now: Duration) -> Option<Work> {
        let first = self.queue.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    fn rest(&mut self, asker: ClientId, until: Duration, now: Duration) {
        if self.rests.len() >= RESTS {
            self.rests.retain(|_, until| *until > now);
        }
        self.rests.insert(asker, until);
    }

    /// When a step can be made next.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.queue.first_key_value().map(|(&(due, _), _)| due.max(self.rest))
    }

    /// Whether a step can be made now.
    pub fn is_due(&self, now: Duration) -> bool {
        self.next_deadline().is_some_and(|due| due <= now)
    }
}

impl StoreWriter {
    /// Makes steps of questions for a bounded time; the answers to those that are answered by that.
    pub fn run_query(&mut self, hub: &mut Hub, now: Duration) -> Vec<(Query, Answer)> {
        while let Some(query) = hub.poll_query() {
            self.lookups.add(query, now);
        }
        let mut answers = Vec::new();
        if !self.lookups.is_due(now) {
            return answers;
        }
        let began = Instant::now();
        let ends = began + TURN;
        let mut spent = Duration::ZERO;
        while spent < TURN {
            let Some(mut work) = self.lookups.next(now) else { break };
            if !hub.is_awaiting(&work.query) {
                continue;
            }
            let answer = self.step(&mut work, &mut || Instant::now() < ends);
            let until = began.elapsed();
            let due = now + (until - spent) * REST;
            spent = until;
            self.lookups.rest(work.query.asker(), due, now);
            match answer {
                Some(answer) => answers.push((work.query, answer)),
                None => self.lookups.put(work, due),
            }
        }
        self.lookups.rest = now + 2 * spent;
        answers
    }

    /// A step towards an answer; the answer if it was the last one.
    fn step(&mut self, work: &mut Work, more: &mut dyn FnMut() -> bool) -> Option<Answer> {
        let StoreWriter { store, unwritten, .. } = self;
        let answer = match &work.query.lookup {
            Lookup::Whispers { to } => store.whispers(to).map(|mut whispers| {
                unwritten.add_whispers(to, &mut whispers);
                Some(Answer::Whispers(whispers))
            }),
            Lookup::Room { room, .. } => {
                let found = (&mut work.found, &mut work.before);
                if !look_in_memory(unwritten, room, None, usize::MAX, found, more, &mut |_| true) {
                    return None;
                }
                let oldest = work.found.last().copied().unwrap_or(u64::MAX);
                store.recent(room).and_then(|mut stored| {
                    // Some may have been written since they were found in memory.
                    stored.retain(|message| message.id < oldest);
                    self.messages(room, &work.found, stored).map(|all| Some(Answer::Messages(all)))
                })
            }
            Lookup::History { room, before, n } => {
                let found = (&mut work.found, &mut work.before);
                if !look_in_memory(unwritten, room, *before, *n + 1, found, more, &mut |_| true) {
                    return None;
                }
                let left = n + 1 - work.found.len();
                let stored = if left > 0 { store.history(room, work.before.or(*before), left) } else { Ok(Vec::new()) };
                stored
                    .and_then(|stored| self.messages(room, &work.found, stored))
                    .map(|all| Some(Answer::Messages(all)))
            }
            Lookup::Search { room, words, before, n } => {
                if !std::mem::replace(&mut work.has_begun, true) {
                    work.words = SearchWords::new(words);
                }
                let Some(words) = &work.words else { return Some(Answer::Messages(Vec::new())) };
                let found = (&mut work.found, &mut work.before);
                let are_in = &mut |message: &Message| words.are_in(&message.text);
                if !look_in_memory(unwritten, room, *before, *n + 1, found, more, are_in) {
                    return None;
                }
                let left = n + 1 - work.found.len();
                match store.search(room, words, work.before.or(*before), left, more) {
                    Ok(found) => {
                        work.found.extend(found.ids);
                        if found.before.is_some() && work.found.len() <= *n {
                            work.before = found.before;
                            return None;
                        }
                        self.messages(room, &work.found, Vec::new()).map(|all| Some(Answer::Messages(all)))
                    }
                    Err(error) => Err(error),
                }
            }
        };
        answer.unwrap_or_else(|error| {
            warn!("{error}; somebody's question is not answered");
            Some(Answer::Nothing)
        })
    }

    /// These messages, the newest of which is the first, behind those that come from the file already; the oldest
    /// first, and at most [`MAX_READ`] bytes.
    fn messages(&mut self, room: &str, ids: &[u64], stored: Vec<Message>) -> Result<Vec<Message>, Error> {
        let (mut messages, mut bytes) = (Vec::with_capacity(ids.len()), 0);
        for &id in ids {
            let message = match self.unwritten.message(id) {
                Some(message) => Some(message.clone()),
                // It may have been written, or pruned, since it was found.
                None => self.store.message(room, id)?,
            };
            let Some(message) = message else { continue };
            bytes += message.name.len() + message.text.len();
            if bytes > MAX_READ {
                messages.reverse();
                return Ok(messages);
            }
            messages.push(message);
        }
        messages.extend(stored.into_iter().rev());
        messages.reverse();
        Ok(messages)
    }
}

/// Looks through the messages that wait to be written, the newest first, until as many are found as are wanted;
/// whether it is done with that.
fn look_in_memory(
    unwritten: &UnwrittenRecords,
    room: &str,
    first: Option<u64>,
    wanted: usize,
    (found, before): (&mut Vec<u64>, &mut Option<u64>),
    more: &mut dyn FnMut() -> bool,
    fits: &mut dyn FnMut(&Message) -> bool,
) -> bool {
    if unwritten.is_empty() {
        return true;
    }
    let key = fold(room);
    // Names are not folded again for each message.
    let mut last = (room, true);
    for message in unwritten.back_from(before.or(first)) {
        if found.len() == wanted {
            break;
        }
        if last.0 != message.room {
            last = (&message.room, fold(&message.room) == key);
        }
        if last.1 && fits(message) {
            found.push(message.id);
        }
        *before = Some(message.id);
        if !more() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::chat::change::Kind;
    use crate::store::Record;

    fn said(id: u64, room: &str, text: &str) -> Record {
        let (at, room) = (OffsetDateTime::UNIX_EPOCH, room.to_owned());
        Record::Message(Message { id, room, at, kind: Kind::Said, name: "alice".into(), text: text.into() })
    }

    #[test]
    fn what_waits_is_looked_through_in_steps_each_message_once() {
        let mut unwritten = UnwrittenRecords::default();
        unwritten.extend((1..=100).map(|id| said(id, ["Tea", "den", "tea"][id as usize % 3], "red")).collect());
        let (mut found, mut before, mut steps, mut looked) = (Vec::new(), None, 0, 0);
        loop {
            let (mut asked, state) = (0, (&mut found, &mut before));
            let mut more = || {
                asked += 1;
                asked < 7
            };
            let mut fits = |_: &Message| {
                looked += 1;
                true
            };
            steps += 1;
            if look_in_memory(&unwritten, "TEA", Some(91), 1000, state, &mut more, &mut fits) {
                break;
            }
            assert!(asked <= 7);
        }
        assert_eq!(found, (1..=90).rev().filter(|id| id % 3 != 1).collect::<Vec<u64>>());
        assert_eq!((looked, steps), (60, 90 / 7 + 1));
        // It ends when there are as many as are wanted.
        let (mut found, mut before) = (Vec::new(), None);
        assert!(look_in_memory(&unwritten, "den", None, 2, (&mut found, &mut before), &mut || true, &mut |_| true));
        assert_eq!(found, [100, 97]);
    }

    #[test]
    fn one_who_has_cost_something_rests_and_others_do_not() {
        let (ms, mut lookups) = (Duration::from_millis, Lookups::default());
        let [alice, bob] = [0, 1].map(ClientId::new);
        lookups.rest(alice, ms(45), ms(0));
        for (asker, due) in [(alice, 45), (bob, 10)] {
            assert_eq!(lookups.due_of(asker, ms(10)), ms(due));
        }
        assert_eq!(lookups.due_of(alice, ms(50)), ms(50));
        // What is over is not remembered for ever.
        for slot in 0..10_000 {
            lookups.rest(ClientId::new(slot), ms(100 + slot as u64), ms(100 + slot as u64));
        }
        assert!(lookups.rests.len() <= RESTS);
    }
}
