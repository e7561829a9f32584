//! One step of a store query: finds messages in the store and among the records that are not written yet.

mod history;

use log::warn;

use super::unwritten::UnwrittenRecords;
use crate::chat::policy::nick::fold;
use crate::chat::{Answer, DeleteChoice, Lookup};
use crate::store::{Error, HistoryStep, MAX_READ, Message, SearchWords, Step, Store};

pub(super) use self::history::FoundAfter;

/// What queries are answered from: the store and the records that are not in it yet.
pub(super) struct Sources<'a> {
    pub store: &'a mut Store,
    pub unwritten: &'a UnwrittenRecords,
}

impl Sources<'_> {
    /// Runs one step of a query; returns the answer if it was the last step. `words` are those of a search, if it has any.
    pub fn step(
        &mut self,
        lookup: &Lookup,
        words: Option<&SearchWords>,
        found: &mut Found,
        more: &mut dyn FnMut() -> bool,
    ) -> Option<Answer> {
        let answer = match lookup {
            Lookup::Whispers { to } => self.store.whispers(to).map(|mut whispers| {
                self.unwritten.append_whispers(to, &mut whispers);
                Some(Answer::Whispers(whispers))
            }),
            Lookup::Room { room, .. } => self.recent(room, found, more).map(|all| all.map(Answer::Messages)),
            Lookup::History { room, range, n } => self.history(room, *range, *n, found, more),
            Lookup::Span { room, span, n } => self.span(room, *span, *n, found, more),
            Lookup::Search { room, before, n, .. } => {
                let Some(words) = words else { return Some(Answer::Messages(Vec::new())) };
                self.search(room, words, (*before, n + 1), found, more).map(|all| all.map(Answer::Messages))
            }
            Lookup::Delete { room, which: DeleteChoice::Id(id) } => {
                self.message(room, *id).map(|message| Some(Answer::Messages(message.into_iter().collect())))
            }
            Lookup::Delete { room, which: DeleteChoice::Of { name, n } } => {
                self.of_author(room, (name, *n), found, more).map(|all| all.map(Answer::Messages))
            }
        };
        answer.unwrap_or_else(|error| {
            warn!("{error}; a store query was not answered");
            Some(Answer::Nothing)
        })
    }

    /// The newest messages of a room; `None` if another step is needed, here and below.
    fn recent(&mut self, room: &str, found: &mut Found, more: &mut dyn FnMut() -> bool) -> StepResult {
        if !search_unwritten(self.unwritten, room, (None, usize::MAX), found, more, &mut |_| true) {
            return Ok(None);
        }
        let is_hidden = is_hidden(self.unwritten, room);
        // Some of those that were found in memory may have been written since.
        let read = self.store.recent(room, *found.before, &mut Step { is_hidden: &is_hidden, more })?;
        self.finish_page(room, found, read)
    }

    fn finish_page(&mut self, room: &str, found: &mut Found, read: HistoryStep) -> StepResult {
        let HistoryStep { messages, before } = read;
        if before.is_none() {
            return self.messages(room, found.ids, messages).map(Some);
        }
        found.ids.extend(messages.iter().rev().map(|message| message.id));
        *found.before = before;
        Ok(None)
    }

    /// The last messages of a room before an id that contain all words, at most `n`.
    fn search(
        &mut self,
        room: &str,
        words: &SearchWords,
        (first, n): (Option<u64>, usize),
        found: &mut Found,
        more: &mut dyn FnMut() -> bool,
    ) -> StepResult {
        let are_in = &mut |message: &Message| words.are_in(&message.text);
        if !search_unwritten(self.unwritten, room, (first, n), found, more, are_in) {
            return Ok(None);
        }
        let read = self.store.search(room, words, found.before.or(first), n - found.ids.len(), more)?;
        let is_hidden = is_hidden(self.unwritten, room);
        found.ids.extend(read.ids.into_iter().filter(|&id| !is_hidden(id)));
        if read.before.is_some() && found.ids.len() < n {
            *found.before = read.before;
            return Ok(None);
        }
        self.messages(room, found.ids, Vec::new()).map(Some)
    }

    /// The last `n` messages of a room by an author.
    fn of_author(
        &mut self,
        room: &str,
        (author, n): (&str, usize),
        found: &mut Found,
        more: &mut dyn FnMut() -> bool,
    ) -> StepResult {
        let key = fold(author);
        let mut is_of_author = |message: &Message| fold(&message.name) == key;
        if !search_unwritten(self.unwritten, room, (None, n), found, more, &mut is_of_author) {
            return Ok(None);
        }
        let is_hidden = is_hidden(self.unwritten, room);
        let left = n - found.ids.len();
        let mut step = Step { is_hidden: &is_hidden, more };
        let read = self.store.find_of_author(room, author, *found.before, left, &mut step)?;
        found.ids.extend(read.ids);
        if read.before.is_some() {
            *found.before = read.before;
            return Ok(None);
        }
        self.messages(room, found.ids, Vec::new()).map(Some)
    }

    /// The message of a room with an id.
    fn message(&mut self, room: &str, id: u64) -> Result<Option<Message>, Error> {
        if is_hidden(self.unwritten, room)(id) {
            return Ok(None);
        }
        match self.unwritten.message(id) {
            Some(message) => Ok(Some(message).filter(|message| fold(&message.room) == fold(room)).cloned()),
            None => self.store.message(room, id),
        }
    }

    /// Loads the messages `ids` (newest first) and appends them to those from the store; returns them oldest
    /// first, with at most [`MAX_READ`] bytes.
    fn messages(&mut self, room: &str, ids: &[u64], stored: Vec<Message>) -> Result<Vec<Message>, Error> {
        let (mut messages, are_all) = self.load(room, ids)?;
        if are_all {
            messages.extend(stored.into_iter().rev());
        }
        messages.reverse();
        Ok(messages)
    }

    /// Loads the messages `ids` in their order, until they have [`MAX_READ`] bytes; returns whether all were loaded.
    fn load(&mut self, room: &str, ids: &[u64]) -> Result<(Vec<Message>, bool), Error> {
        let (mut messages, mut bytes) = (Vec::with_capacity(ids.len()), 0);
        for &id in ids {
            // It may have been written, deleted or pruned since it was found.
            let Some(message) = self.message(room, id)? else { continue };
            bytes += message.name.len() + message.text.len();
            if bytes > MAX_READ {
                return Ok((messages, false));
            }
            messages.push(message);
        }
        Ok((messages, true))
    }
}

/// The messages, or `None` if another step is needed.
type StepResult = Result<Option<Vec<Message>>, Error>;

/// What the steps of a query have found up to now.
pub(super) struct Found<'a> {
    /// Ids of the messages, the newest first.
    pub ids: &'a mut Vec<u64>,
    /// The messages from this id on have been searched.
    pub before: &'a mut Option<u64>,
    /// What a history has found after the point that its range names.
    pub after: &'a mut FoundAfter,
}

/// Whether a stored message of a room is deleted by a record that is not written yet.
fn is_hidden<'a>(unwritten: &'a UnwrittenRecords, room: &str) -> impl Fn(u64) -> bool + use<'a> {
    let deleted = unwritten.deleted_in(room);
    move |id| deleted.is_some_and(|deleted| deleted.contains(&id))
}

/// Searches the unwritten messages before an id, the newest first, until `wanted` are found; returns whether the search is
/// complete.
fn search_unwritten(
    unwritten: &UnwrittenRecords,
    room: &str,
    (first, wanted): (Option<u64>, usize),
    found: &mut Found,
    more: &mut dyn FnMut() -> bool,
    fits: &mut dyn FnMut(&Message) -> bool,
) -> bool {
    if unwritten.is_empty() {
        return true;
    }
    let messages = unwritten.newest_first(found.before.or(first));
    collect_unwritten(unwritten, room, messages, (found.ids, wanted), found.before, more, fits)
}

/// Adds the ids of unwritten messages of a room until there are `wanted`, and notes the last message that was searched;
/// returns whether the search is complete.
fn collect_unwritten<'a>(
    unwritten: &'a UnwrittenRecords,
    room: &'a str,
    messages: impl Iterator<Item = &'a Message>,
    (ids, wanted): (&mut Vec<u64>, usize),
    searched: &mut Option<u64>,
    more: &mut dyn FnMut() -> bool,
    fits: &mut dyn FnMut(&Message) -> bool,
) -> bool {
    let (key, is_hidden) = (fold(room), is_hidden(unwritten, room));
    // The folded name is reused for messages of the same room.
    let mut last = (room, true);
    for message in messages {
        if ids.len() == wanted {
            break;
        }
        if last.0 != message.room {
            last = (&message.room, fold(&message.room) == key);
        }
        if last.1 && !is_hidden(message.id) && fits(message) {
            ids.push(message.id);
        }
        *searched = Some(message.id);
        if !more() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use time::OffsetDateTime;
    use time::macros::date;

    use super::*;
    use crate::chat::HistoryRange;
    use crate::chat::MessageKind;
    use crate::chat::span::{Point, Side, Span};
    use crate::store::{Options, Record};

    fn said(id: u64, room: &str, text: &str) -> Record {
        let (at, room) = (OffsetDateTime::UNIX_EPOCH + time::Duration::hours(2 * id as i64), room.to_owned());
        Record::Message(Message { id, room, at, kind: MessageKind::Said, name: "alice".into(), text: text.into() })
    }

    #[test]
    fn unwritten_messages_are_searched_in_steps_each_once() {
        let mut unwritten = UnwrittenRecords::default();
        unwritten.extend((1..=100).map(|id| said(id, ["Tea", "den", "tea"][id as usize % 3], "red")).collect());
        let (mut found, mut before, mut steps, mut looked) = (Vec::new(), None, 0, 0);
        loop {
            let after = &mut FoundAfter::default();
            let (mut asked, state) = (0, &mut Found { ids: &mut found, before: &mut before, after });
            let mut more = || {
                asked += 1;
                asked < 7
            };
            let mut fits = |_: &Message| {
                looked += 1;
                true
            };
            steps += 1;
            if search_unwritten(&unwritten, "TEA", (Some(91), 1000), state, &mut more, &mut fits) {
                break;
            }
            assert!(asked <= 7);
        }
        assert_eq!(found, (1..=90).rev().filter(|id| id % 3 != 1).collect::<Vec<u64>>());
        assert_eq!((looked, steps), (60, 90 / 7 + 1));
        // The search ends when enough are found.
        let (mut found, mut before) = (Vec::new(), None);
        let state = &mut Found { ids: &mut found, before: &mut before, after: &mut FoundAfter::default() };
        assert!(search_unwritten(&unwritten, "den", (None, 2), state, &mut || true, &mut |_| true));
        assert_eq!(found, [100, 97]);
    }

    /// A store in a directory of its own, which is removed with the value.
    struct TestStore(Store, PathBuf);

    impl TestStore {
        fn new(name: &str, records: &[Record]) -> Self {
            let directory = std::env::temp_dir().join(format!("chinwag-query-{}-{name}", std::process::id()));
            fs::create_dir(&directory).unwrap();
            let mut store = Store::open(&Options::of_test(directory.join("history"), 6), 0).unwrap().0;
            store.write(records).unwrap();
            TestStore(store, directory)
        }

        /// Answers a query in steps of one unit of work; returns the ids.
        fn ids(&mut self, unwritten: &UnwrittenRecords, lookup: &Lookup) -> Vec<u64> {
            let (mut ids, mut before, mut after) = (Vec::new(), None, FoundAfter::default());
            let words = SearchWords::new("red");
            let mut sources = Sources { store: &mut self.0, unwritten };
            for _ in 0..1000 {
                let found = &mut Found { ids: &mut ids, before: &mut before, after: &mut after };
                match sources.step(lookup, words.as_ref(), found, &mut || false) {
                    Some(Answer::Messages(messages)) => return messages.iter().map(|message| message.id).collect(),
                    Some(Answer::History { before, after }) => {
                        return before.iter().chain(&after).map(|message| message.id).collect();
                    }
                    Some(other) => panic!("{other:?}"),
                    None => {}
                }
            }
            panic!("no answer");
        }
    }

    impl Drop for TestStore {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.1);
        }
    }

    #[test]
    fn waiting_deletion_hides_messages_in_memory_and_in_the_store() {
        let all: Vec<Record> = (1..=20).map(|id| said(id, ["tea", "den"][id as usize % 2], "red")).collect();
        let delete = |room: &str, ids: &[u64]| Record::Delete { room: room.into(), ids: ids.to_vec() };
        // The last one changes nothing, since these are of the other room.
        let deletions = [delete("TEA", &[2, 8, 10, 14, 20]), delete("den", &[4, 16])];
        let room = || "Tea".to_owned();
        let history = |range, n| Lookup::History { room: room(), range, n };
        let of = |name: &str, n| Lookup::Delete { room: room(), which: DeleteChoice::Of { name: name.into(), n } };
        let id = |id| Lookup::Delete { room: room(), which: DeleteChoice::Id(id) };
        for stored in [0, 7, 12, 20] {
            let mut store = TestStore::new(&format!("hidden-{stored}"), &all[..stored]);
            let mut unwritten = UnwrittenRecords::from([&all[stored..], &deletions].concat());
            for round in ["waiting", "written"] {
                let mut ids = |lookup| store.ids(&unwritten, &lookup);
                assert_eq!(ids(history(HistoryRange::Latest, 2)), [12, 16, 18], "{stored} {round}");
                // One more than wanted on each side.
                assert_eq!(ids(history(HistoryRange::Before(16), 9)), [4, 6, 12, 16], "{stored} {round}");
                assert_eq!(ids(history(HistoryRange::After { after: 3 }, 2)), [4, 6, 12], "{stored} {round}");
                assert_eq!(ids(history(HistoryRange::After { after: 4 }, 9)), [4, 6, 12, 16, 18], "{stored} {round}");
                assert_eq!(ids(history(HistoryRange::After { after: 18 }, 9)), [18], "{stored} {round}");
                assert_eq!(ids(history(HistoryRange::Around { around: 12 }, 1)), [6, 12, 16], "{stored} {round}");
                assert_eq!(ids(history(HistoryRange::Around { around: 7 }, 2)), [4, 6, 12, 16], "{stored} {round}");
                let on = |on| HistoryRange::On { on };
                assert_eq!(ids(history(on(date!(1970 - 01 - 01)), 2)), [4, 6, 12], "{stored} {round}");
                assert_eq!(ids(history(on(date!(1970 - 01 - 02)), 9)), [6, 12, 16, 18], "{stored} {round}");
                assert_eq!(ids(history(on(date!(1970 - 01 - 03)), 9)), [18], "{stored} {round}");
                let between =
                    |(after, before), side, n| Lookup::Span { room: room(), span: Span { after, before, side }, n };
                let hour = |hour: i64| Some(Point::Time(hour * 3_600_000));
                let point = |id| Some(Point::Id(id));
                assert_eq!(ids(between((point(4), point(18)), Side::Oldest, 2)), [6, 12, 16], "{stored} {round}");
                assert_eq!(ids(between((point(4), point(18)), Side::Newest, 2)), [6, 12, 16], "{stored} {round}");
                assert_eq!(ids(between((point(4), point(12)), Side::Newest, 9)), [6], "{stored} {round}");
                assert_eq!(ids(between((hour(12), hour(32)), Side::Oldest, 9)), [12], "{stored} {round}");
                assert_eq!(ids(between((hour(11), hour(33)), Side::Newest, 9)), [6, 12, 16], "{stored} {round}");
                assert_eq!(ids(between((hour(32), None), Side::Oldest, 9)), [18], "{stored} {round}");
                assert_eq!(ids(between((hour(24), None), Side::Around, 1)), [6, 12, 16], "{stored} {round}");
                let search = |n| Lookup::Search { room: room(), words: "red".into(), before: None, n };
                assert_eq!(ids(search(3)), [6, 12, 16, 18], "{stored} {round}");
                let recent = ids(Lookup::Room { room: room(), then: crate::chat::RoomUse::Follow { key: None } });
                assert_eq!(recent, [4, 6, 12, 16, 18], "{stored} {round}");
                assert_eq!(ids(of("ALICE", 2)), [16, 18], "{stored} {round}");
                assert_eq!(ids(of("bob", 2)), [0; 0], "{stored} {round}");
                for (asked, there) in [(16, true), (4, true), (20, false), (8, false), (5, false), (99, false)] {
                    assert_eq!(ids(id(asked)) == [asked], there, "{stored} {round}: {asked}");
                }
                let records: Vec<Record> = std::mem::take(&mut unwritten).into();
                store.0.write(&records).unwrap();
            }
        }
    }
}
