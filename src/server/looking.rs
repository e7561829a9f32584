//! What is looked up in the file for whoever asks, together with what waits to be written to it.

use log::warn;

use super::keeping::Keeper;
use crate::chat::name::fold;
use crate::chat::{Answer, Hub, Lookup, Query};
use crate::store::{Error, Found, Message, Record};

/// A search that takes several turns.
pub struct Search {
    query: Query,
    found: Vec<Message>,
    /// What is younger has been looked at.
    before: Option<u64>,
}

impl Keeper {
    fn look_up(&mut self, lookup: &Lookup) -> Answer {
        let found = match lookup {
            Lookup::History { room, before, n } => self.store.history(room, *before, n + 1).map(Answer::Messages),
            // Made in steps, elsewhere.
            Lookup::Search { .. } => return Answer::Nothing,
            Lookup::Whispers { to } => self.store.whispers(to).map(Answer::Whispers),
        };
        match found {
            Ok(answer) => self.with_waiting(lookup, answer),
            Err(error) => unanswered(&error),
        }
    }

    /// The answer to the next question; `None` if it is a search, which is made in steps, or there is none.
    pub fn answer(&mut self, hub: &mut Hub) -> Option<(Query, Answer)> {
        let query = hub.poll_query()?;
        if matches!(query.lookup, Lookup::Search { .. }) {
            self.searches.push_back(Search { query, found: Vec::new(), before: None });
            return None;
        }
        let answer = self.look_up(&query.lookup);
        Some((query, answer))
    }

    /// A step of a search; the answer if it was the last one.
    pub fn search(&mut self, hub: &Hub) -> Option<(Query, Answer)> {
        let Search { query, mut found, before } = self.searches.pop_front().filter(|s| hub.awaits(&s.query))?;
        let Lookup::Search { room, words, before: first, n } = &query.lookup else { return None };
        match self.store.search(room, words, before.or(*first), n + 1 - found.len()) {
            Ok(Found { messages, before }) => {
                found.splice(..0, messages);
                if before.is_some() && found.len() <= *n {
                    self.searches.push_back(Search { query, found, before });
                    return None;
                }
                let answer = self.with_waiting(&query.lookup, Answer::Messages(found));
                Some((query, answer))
            }
            Err(error) => Some((query, unanswered(&error))),
        }
    }

    /// Adds what has not got into the file.
    fn with_waiting(&self, lookup: &Lookup, answer: Answer) -> Answer {
        if self.waiting.is_empty() {
            return answer;
        }
        let messages = self.waiting.iter().filter_map(|record| match record {
            Record::Message(message) => Some(message),
            _ => None,
        });
        let merged = |mut found: Vec<Message>, n: usize, fits: &dyn Fn(&Message) -> bool| {
            let written = found.last().map_or(0, |newest| newest.id);
            found.extend(messages.filter(|message| message.id > written && fits(message)).cloned());
            let left_out = found.len().saturating_sub(n + 1);
            found.drain(..left_out);
            Answer::Messages(found)
        };
        let is_before = |message: &Message, before: Option<u64>| before.is_none_or(|before| message.id < before);
        match (lookup, answer) {
            (Lookup::History { room, before, n }, Answer::Messages(found)) => {
                let room = fold(room);
                merged(found, *n, &|message| is_before(message, *before) && fold(&message.room) == room)
            }
            (Lookup::Search { room, words, before, n }, Answer::Messages(found)) => {
                let (room, words) = (fold(room), fold(words));
                let has_words = |message: &Message| {
                    let text = fold(&message.text);
                    words.split_whitespace().all(|word| text.contains(word))
                };
                let fits = |message: &Message| {
                    is_before(message, *before) && fold(&message.room) == room && has_words(message)
                };
                merged(found, *n, &fits)
            }
            (Lookup::Whispers { to }, Answer::Whispers(mut found)) => {
                let to = fold(to);
                for record in &self.waiting {
                    match record {
                        Record::Whisper(whisper) if fold(&whisper.to) == to => found.push(whisper.clone()),
                        Record::WhispersRead { to: read } if fold(read) == to => found.clear(),
                        _ => {}
                    }
                }
                Answer::Whispers(found)
            }
            (_, answer) => answer,
        }
    }
}

fn unanswered(error: &Error) -> Answer {
    warn!("{error}; somebody's question is not answered");
    Answer::Nothing
}
