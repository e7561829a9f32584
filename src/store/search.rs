//! The words of messages, for searching.
//!
//! SQLite's FTS5 finds words. Scripts that are written without spaces have none that it could find, so each character
//! of theirs is made a word of its own, and what is searched for must have them in that order.

use caseless::Caseless;
use rusqlite::{Connection, params};
use unicode_normalization::UnicodeNormalization;

use super::Message;
use super::error::{Attempt, Fault};
use super::message;
use super::room::Room;

/// What was found, and how far was looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The oldest first.
    pub messages: Vec<Message>,
    /// If not all messages were looked at: those from this id on were.
    pub before: Option<u64>,
}

/// Words that are searched for at once; more than these do not narrow it.
const MAX_WORDS: usize = 8;
/// Characters of what is searched for.
const MAX_CHARACTERS: usize = 256;
/// Ids that one search goes through: bounds the time it takes.
const REACH: u64 = 20_000;

/// Makes a message's words known.
pub(super) fn add(connection: &Connection, room: i64, message: &Message) -> Attempt<()> {
    let mut statement = connection.prepare_cached("INSERT INTO search (rowid, text, room) VALUES (?1, ?2, ?3)")?;
    statement.execute(params![message.id as i64, spaced(&message.text), room])?;
    Ok(())
}

/// Forgets them.
pub(super) fn forget(connection: &Connection, id: u64) -> Attempt<()> {
    connection.prepare_cached("DELETE FROM search WHERE rowid = ?1")?.execute([id as i64])?;
    Ok(())
}

/// The last messages of a room before that id that have all of the words, at most `n`.
///
/// Of the ids before it a bounded number is looked at.
pub(super) fn find(connection: &Connection, room: &Room, words: &str, before: Option<u64>, n: usize) -> Attempt<Found> {
    let Some(words) = query(words) else { return Ok(Found::default()) };
    let end = before.unwrap_or(u64::MAX).min(room.last + 1);
    let start = end.saturating_sub(REACH).max(room.pruned + 1);
    if n == 0 || start >= end {
        return Ok(Found::default());
    }
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid DESC LIMIT ?4",
    )?;
    let words = format!("room : \"{}\" AND text : ({words})", room.number);
    let limit = i64::try_from(n).unwrap_or(i64::MAX);
    let mut rows = statement.query((words, start as i64, end as i64, limit))?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let stored = message::get(connection, room, id as u64)?;
        let stored = stored.ok_or_else(|| Fault::Damage(format!("its index has message {id}, which is not there")))?;
        messages.push(stored.message);
    }
    let looked = if messages.len() < n { start } else { messages.last().map_or(start, |oldest: &Message| oldest.id) };
    messages.reverse();
    Ok(Found { messages, before: (looked > room.pruned + 1).then_some(looked) })
}

/// What is typed, as a query of FTS5 in which nothing is an operator; none if there is no word in it.
///
/// Each word is a string in quotes, of one word or of several in this order.
/// <https://www.sqlite.org/fts5.html#full_text_query_syntax>
fn query(typed: &str) -> Option<String> {
    let typed: String = typed.chars().take(MAX_CHARACTERS).map(|c| if c == '"' { ' ' } else { c }).collect();
    let words = typed.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).take(MAX_WORDS);
    let quoted: Vec<_> = words.map(|word| format!("\"{}\"", spaced(word))).collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

/// The text with a space around each character that is a word by itself, and the same whatever its case and width.
fn spaced(text: &str) -> String {
    if text.is_ascii() {
        // What is bound to a statement may hold a NUL, what is a query ends there.
        return text.replace('\0', " ");
    }
    let mut spaced = String::with_capacity(2 * text.len());
    for c in text.nfkc().default_case_fold().nfkc() {
        if is_word(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(if c == '\0' { ' ' } else { c });
        }
    }
    spaced
}

/// Whether a character is of a script without spaces between words, or of one whose words are also looked for in part:
/// Thai, Lao, Burmese, Khmer, Hangul, Bopomofo, Kana and Han, by blocks (Blocks.txt).
fn is_word(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{1aff0}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}')
}
