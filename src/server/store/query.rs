//! Runs store queries and merges unwritten records into the answers.
//!
//! A turn spends at most [`TURN_TIME`] on queries and one step little more, whatever is asked and stored. After
//! each step the asking member pauses for nine times its duration, and all queries pause for as long as they took: one
//! member gets a tenth of the processor at most, all together a half.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::query_step::{Found, FoundAfter, Sources};
use super::unwritten::UnwrittenRecords;
use crate::chat::{Answer, ClientId, Hub, Lookup, Query};
use crate::store::{SearchWords, Store};

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
    /// What a history has found after the point that its range names.
    #[serde(default)]
    after: FoundAfter,
    #[serde(skip)]
    has_begun: bool,
}

impl PendingQuery {
    /// Makes the words of a search, before the first step.
    fn begin(&mut self) {
        if let Lookup::Search { words, .. } = &self.query.lookup
            && !std::mem::replace(&mut self.has_begun, true)
        {
            self.words = SearchWords::new(words);
        }
    }
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
        let (found, after) = (Vec::new(), FoundAfter::default());
        self.put(PendingQuery { query, words: None, found, before: None, after, has_begun: false }, due);
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
            pending.begin();
            let PendingQuery { query, words, found, before, after, .. } = &mut pending;
            let found = &mut Found { ids: found, before, after };
            let answer = sources.step(&query.lookup, words.as_ref(), found, &mut || Instant::now() < ends);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::util::test_json::through_json;

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
