//! Runs store queries and merges unwritten records into the answers.
//!
//! A turn spends at most [`TURN_TIME`] on queries and one step little more, whatever is asked and stored. After
//! each step the asking member pauses for nine times its duration, and all queries pause for as long as they took: one
//! member gets a tenth of the processor at most, all together a half.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use log::warn;
use serde::{Deserialize, Serialize};

use super::unwritten::UnwrittenRecords;
use crate::chat::policy::nick::fold;
use crate::chat::{Answer, ClientId, Hub, Lookup, Query};
use crate::store::{Error, MAX_READ, Message, SearchWords, Store};

/// Time that one turn spends on queries.
const TURN_TIME: Duration = Duration::from_millis(3);
/// A member's pause after a step, as a multiple of the step's duration.
const PAUSE_FACTOR: u32 = 9;
/// Pauses kept before those that are over are removed.
const MAX_PAUSES: usize = 256;

/// Store queries that are not answered yet.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "QueryQueueState", into = "QueryQueueState")]
pub(super) struct QueryQueue {
    /// Queries by the time of their next step, then by arrival.
    queue: BTreeMap<(Duration, u64), PendingQuery>,
    number: u64,
    /// The end of each member's pause, by slot; a successor in the slot inherits a pause of milliseconds.
    paused_until: BTreeMap<ClientId, Duration>,
    /// The end of the pause of all queries.
    all_paused_until: Duration,
}

/// A query that is not answered yet.
#[derive(Clone, Serialize, Deserialize)]
struct PendingQuery {
    query: Query,
    /// Made from the query in the first step, also in the first one after a handover.
    #[serde(skip)]
    words: Option<SearchWords>,
    /// Ids of found messages, the newest first.
    found: Vec<u64>,
    /// Messages from this id on have been searched.
    before: Option<u64>,
    #[serde(skip)]
    has_begun: bool,
}

/// The queue as plain data.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct QueryQueueState {
    /// Queries in their order, with the time of their next step.
    queue: Vec<(Duration, PendingQuery)>,
    paused_until: BTreeMap<ClientId, Duration>,
    all_paused_until: Duration,
}

impl From<QueryQueue> for QueryQueueState {
    fn from(queries: QueryQueue) -> Self {
        QueryQueueState {
            queue: queries.queue.into_iter().map(|((due, _), pending)| (due, pending)).collect(),
            paused_until: queries.paused_until,
            all_paused_until: queries.all_paused_until,
        }
    }
}

impl From<QueryQueueState> for QueryQueue {
    fn from(state: QueryQueueState) -> Self {
        let QueryQueueState { queue, paused_until, all_paused_until } = state;
        let mut queries = QueryQueue { paused_until, all_paused_until, ..QueryQueue::default() };
        queue.into_iter().for_each(|(due, pending)| queries.put(pending, due));
        queries
    }
}

impl QueryQueue {
    fn add(&mut self, query: Query, now: Duration) {
        let due = self.due_of(query.asker(), now);
        self.put(PendingQuery { query, words: None, found: Vec::new(), before: None, has_begun: false }, due);
    }

    /// The time of a member's next step.
    fn due_of(&self, asker: ClientId, now: Duration) -> Duration {
        self.paused_until.get(&asker).map_or(now, |&until| until.max(now))
    }

    fn put(&mut self, pending: PendingQuery, due: Duration) {
        self.number += 1;
        self.queue.insert((due, self.number), pending);
    }

    /// The next query that is due.
    fn next(&mut self, now: Duration) -> Option<PendingQuery> {
        let first = self.queue.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    fn pause(&mut self, asker: ClientId, until: Duration, now: Duration) {
        if self.paused_until.len() >= MAX_PAUSES {
            self.paused_until.retain(|_, until| *until > now);
        }
        self.paused_until.insert(asker, until);
    }

    /// The time of the next step.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.queue.first_key_value().map(|(&(due, _), _)| due.max(self.all_paused_until))
    }

    /// Whether a step is due.
    pub fn is_due(&self, now: Duration) -> bool {
        self.next_deadline().is_some_and(|due| due <= now)
    }

    /// Runs query steps for a bounded time; returns the finished queries with their answers.
    pub fn run(
        &mut self,
        store: &mut Store,
        unwritten: &UnwrittenRecords,
        hub: &mut Hub,
        now: Duration,
    ) -> Vec<(Query, Answer)> {
        while let Some(query) = hub.poll_query() {
            self.add(query, now);
        }
        let mut answers = Vec::new();
        if !self.is_due(now) {
            return answers;
        }
        let mut sources = Sources { store, unwritten };
        let began = Instant::now();
        let ends = began + TURN_TIME;
        let mut spent = Duration::ZERO;
        while spent < TURN_TIME {
            let Some(mut pending) = self.next(now) else { break };
            if !hub.is_awaiting(&pending.query) {
                continue;
            }
            let answer = sources.step(&mut pending, &mut || Instant::now() < ends);
            let until = began.elapsed();
            let due = now + (until - spent) * PAUSE_FACTOR;
            spent = until;
            self.pause(pending.query.asker(), due, now);
            match answer {
                Some(answer) => answers.push((pending.query, answer)),
                None => self.put(pending, due),
            }
        }
        self.all_paused_until = now + 2 * spent;
        answers
    }
}

/// What queries are answered from: the store and the records that are not in it yet.
struct Sources<'a> {
    store: &'a mut Store,
    unwritten: &'a UnwrittenRecords,
}

impl Sources<'_> {
    /// Runs one step of a query; returns the answer if it was the last step.
    fn step(&mut self, pending: &mut PendingQuery, more: &mut dyn FnMut() -> bool) -> Option<Answer> {
        let Sources { store, unwritten } = self;
        let answer = match &pending.query.lookup {
            Lookup::Whispers { to } => store.whispers(to).map(|mut whispers| {
                unwritten.append_whispers(to, &mut whispers);
                Some(Answer::Whispers(whispers))
            }),
            Lookup::Room { room, .. } => {
                let found = (&mut pending.found, &mut pending.before);
                if !search_unwritten(unwritten, room, None, usize::MAX, found, more, &mut |_| true) {
                    return None;
                }
                let oldest = pending.found.last().copied().unwrap_or(u64::MAX);
                store.recent(room).and_then(|mut stored| {
                    // Some may have been written since they were found in memory.
                    stored.retain(|message| message.id < oldest);
                    self.messages(room, &pending.found, stored).map(|all| Some(Answer::Messages(all)))
                })
            }
            Lookup::History { room, before, n } => {
                let found = (&mut pending.found, &mut pending.before);
                if !search_unwritten(unwritten, room, *before, *n + 1, found, more, &mut |_| true) {
                    return None;
                }
                let left = n + 1 - pending.found.len();
                let stored =
                    if left > 0 { store.history(room, pending.before.or(*before), left) } else { Ok(Vec::new()) };
                stored
                    .and_then(|stored| self.messages(room, &pending.found, stored))
                    .map(|all| Some(Answer::Messages(all)))
            }
            Lookup::Search { room, words, before, n } => {
                if !std::mem::replace(&mut pending.has_begun, true) {
                    pending.words = SearchWords::new(words);
                }
                let Some(words) = &pending.words else { return Some(Answer::Messages(Vec::new())) };
                let found = (&mut pending.found, &mut pending.before);
                let are_in = &mut |message: &Message| words.are_in(&message.text);
                if !search_unwritten(unwritten, room, *before, *n + 1, found, more, are_in) {
                    return None;
                }
                let left = n + 1 - pending.found.len();
                match store.search(room, words, pending.before.or(*before), left, more) {
                    Ok(found) => {
                        pending.found.extend(found.ids);
                        if found.before.is_some() && pending.found.len() <= *n {
                            pending.before = found.before;
                            return None;
                        }
                        self.messages(room, &pending.found, Vec::new()).map(|all| Some(Answer::Messages(all)))
                    }
                    Err(error) => Err(error),
                }
            }
        };
        answer.unwrap_or_else(|error| {
            warn!("{error}; a store query was not answered");
            Some(Answer::Nothing)
        })
    }

    /// Loads the messages `ids` (newest first) and appends them to those from the store; returns them oldest
    /// first, with at most [`MAX_READ`] bytes.
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

/// Searches the unwritten messages, the newest first, until `wanted` are found; returns whether the search
/// is complete.
fn search_unwritten(
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
    // The folded name is reused for messages of the same room.
    let mut last = (room, true);
    for message in unwritten.newest_first(before.or(first)) {
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
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::chat::record::MessageKind;
    use crate::store::Record;
    use crate::util::test_json::through_json;

    fn said(id: u64, room: &str, text: &str) -> Record {
        let (at, room) = (OffsetDateTime::UNIX_EPOCH, room.to_owned());
        Record::Message(Message { id, room, at, kind: MessageKind::Said, name: "alice".into(), text: text.into() })
    }

    #[test]
    fn unwritten_messages_are_searched_in_steps_each_once() {
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
            if search_unwritten(&unwritten, "TEA", Some(91), 1000, state, &mut more, &mut fits) {
                break;
            }
            assert!(asked <= 7);
        }
        assert_eq!(found, (1..=90).rev().filter(|id| id % 3 != 1).collect::<Vec<u64>>());
        assert_eq!((looked, steps), (60, 90 / 7 + 1));
        // The search ends when enough are found.
        let (mut found, mut before) = (Vec::new(), None);
        assert!(search_unwritten(&unwritten, "den", None, 2, (&mut found, &mut before), &mut || true, &mut |_| true));
        assert_eq!(found, [100, 97]);
    }

    #[test]
    fn only_the_asking_member_pauses() {
        let (ms, mut queries) = (Duration::from_millis, QueryQueue::default());
        let [alice, bob] = [0, 1].map(ClientId::new);
        queries.pause(alice, ms(45), ms(0));
        for (asker, due) in [(alice, 45), (bob, 10)] {
            assert_eq!(queries.due_of(asker, ms(10)), ms(due));
        }
        assert_eq!(queries.due_of(alice, ms(50)), ms(50));
        // Pauses that are over are removed.
        for slot in 0..10_000 {
            queries.pause(ClientId::new(slot), ms(100 + slot as u64), ms(100 + slot as u64));
        }
        assert!(queries.paused_until.len() <= MAX_PAUSES);
    }

    #[test]
    fn queries_and_pauses_are_the_same_after_a_handover() {
        let query = |asker: usize| -> Query {
            let lookup = json!({ "Search": { "room": "den", "words": "red", "before": null, "n": 5 } });
            let origin = json!({ "client": 1 + asker, "session": 3 + asker });
            serde_json::from_value(json!({ "origin": origin, "lookup": lookup })).unwrap()
        };
        let (ms, mut queries) = (Duration::from_millis, QueryQueue::default());
        queries.pause(ClientId::new(1), ms(45), ms(0));
        [1, 0, 2].into_iter().for_each(|asker| queries.add(query(asker), ms(10)));
        let mut first = queries.next(ms(10)).unwrap();
        (first.found, first.before, first.has_begun) = (vec![9, 7], Some(7), true);
        queries.put(first, ms(20));
        queries.all_paused_until = ms(12);

        let mut queries = through_json(&queries);
        assert_eq!(queries.next_deadline(), Some(ms(12)));
        assert_eq!(queries.due_of(ClientId::new(1), ms(10)), ms(45));
        let mut next = |now| {
            let pending = queries.next(ms(now))?;
            // The words are made again from the query.
            assert!(pending.words.is_none() && !pending.has_begun);
            Some((pending.query.asker().slot(), pending.found, pending.before))
        };
        assert_eq!(next(10), Some((2, vec![], None)));
        assert_eq!(next(10), None);
        assert_eq!(next(20), Some((0, vec![9, 7], Some(7))));
        assert_eq!(next(44), None);
        assert_eq!(next(45), Some((1, vec![], None)));
    }
}
