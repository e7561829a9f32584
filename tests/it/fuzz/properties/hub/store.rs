//! The store of a simulation, which is what its records say, and the process that compares passwords.

use std::convert::Infallible;

use chinwag::chat::policy::nick::fold;
use chinwag::chat::span::{Side, Since, Span, millis};
use chinwag::chat::{Answer, DeleteChoice, HistoryRange, Lookup, PasswordAnswer, PasswordJob};
use chinwag::store::{Message, Record, Whisper};

use super::Simulation;

/// What a process answers whose verifier is the password itself.
fn compare(job: &PasswordJob) -> PasswordAnswer {
    let made = match job {
        PasswordJob::Verify { password, verifier, .. } if password.text() != &**verifier => {
            return PasswordAnswer::Wrong;
        }
        PasswordJob::Hash { password } | PasswordJob::Verify { new: Some(password), .. } => Some(password),
        PasswordJob::Verify { new: None, .. } => None,
    };
    PasswordAnswer::Right { verifier: made.map(|password| password.text().into()), scram: None }
}

impl Simulation {
    /// Stores the records of the turn, answers store queries and compares passwords.
    pub(super) fn run_store(&mut self) {
        self.stored.extend(self.hub.poll_records());
        while let Some(query) = self.hub.poll_query() {
            let answer = if self.is_unreadable { Answer::Nothing } else { self.run_query(&query.lookup) };
            self.hub.handle_answer(query, answer, self.now());
        }
        while let Some(request) = self.hub.poll_password(self.now()) {
            let answer = if self.is_unreadable { PasswordAnswer::Failed } else { compare(&request.job) };
            self.hub.handle_password(&request, answer, self.now());
        }
    }

    fn run_query(&self, lookup: &Lookup) -> Answer {
        let (room, before, words, n) = match lookup {
            Lookup::History { room, range, n } => return self.history(room, *range, *n),
            Lookup::Span { room, span, n } => return self.span(room, *span, *n),
            Lookup::Search { room, words, before, n } => (room, before, &**words, n),
            Lookup::Delete { room, which } => return Answer::Messages(self.messages_to_delete(room, which)),
            Lookup::Whispers { to } => return Answer::Whispers(self.whispers(to)),
            Lookup::Room { room, .. } => (room, &None, "", &10_000),
        };
        let mut found = self.messages(room);
        found.retain(|message| before.is_none_or(|before| message.id < before) && message.text.contains(words));
        let left_out = found.len().saturating_sub(n + 1);
        Answer::Messages(found.into_iter().skip(left_out).cloned().collect())
    }

    fn history(&self, room: &str, range: HistoryRange, n: usize) -> Answer {
        let is_before = |message: &&Message| match range {
            HistoryRange::Latest => true,
            HistoryRange::Before(id) => message.id < id,
            HistoryRange::After { after: id } | HistoryRange::Around { around: id } => message.id <= id,
            HistoryRange::On { on } => message.at.date() < on,
        };
        let (before, after): (Vec<&Message>, Vec<&Message>) = self.messages(room).into_iter().partition(is_before);
        let (most_before, most_after) = range.counts(n);
        let left_out = before.len().saturating_sub(most_before + 1);
        let before = before.into_iter().skip(left_out).cloned().collect();
        Answer::History { before, after: after.into_iter().take(most_after + 1).cloned().collect() }
    }

    fn span(&self, room: &str, span: Span, n: usize) -> Answer {
        let messages = self.messages(room);
        let first = |since: Since| -> Result<u64, Infallible> {
            let found = messages.iter().find(|message| !since.is_older(millis(message.at)));
            Ok(found.map_or(u64::MAX, |message| message.id))
        };
        let Ok(ids) = span.ids(first);
        let point = if span.side == Side::Newest { ids.end } else { ids.start };
        let is_meant = |message: &&&Message| span.side == Side::Around || ids.contains(&message.id);
        let (before, after): (Vec<&Message>, Vec<&Message>) =
            messages.iter().filter(is_meant).partition(|message| message.id < point);
        let (most_before, most_after) = span.counts(n);
        let left_out = before.len().saturating_sub(most_before + 1);
        let before = before.into_iter().skip(left_out).cloned().collect();
        Answer::History { before, after: after.into_iter().take(most_after + 1).cloned().collect() }
    }

    /// The stored messages of a room.
    fn messages(&self, room: &str) -> Vec<&Message> {
        let mut found: Vec<&Message> = Vec::new();
        for record in &self.stored {
            match record {
                Record::RoomGone { name } if name == room => found.clear(),
                Record::Message(message) if message.room == *room => found.push(message),
                Record::Delete { room: of, ids } if of == room => found.retain(|message| !ids.contains(&message.id)),
                _ => {}
            }
        }
        assert!(found.is_sorted_by(|a, b| a.id < b.id), "ids do not grow");
        found
    }

    fn messages_to_delete(&self, room: &str, which: &DeleteChoice) -> Vec<Message> {
        let (found, n) = match which {
            DeleteChoice::Id(id) => (self.messages(room).into_iter().filter(|message| message.id == *id).collect(), 1),
            DeleteChoice::Of { name, n } => {
                let is_by = |message: &&Message| fold(&message.name) == fold(name);
                (self.messages(room).into_iter().filter(is_by).collect::<Vec<_>>(), *n)
            }
        };
        let left_out = found.len().saturating_sub(n);
        found.into_iter().skip(left_out).cloned().collect()
    }

    fn whispers(&self, to: &str) -> Vec<Whisper> {
        let mut found = Vec::new();
        for record in &self.stored {
            match record {
                Record::Whisper(whisper) if fold(&whisper.to) == fold(to) => found.push(whisper.clone()),
                Record::WhispersRead { to: read } if fold(read) == fold(to) => found.clear(),
                _ => {}
            }
        }
        found
    }
}
