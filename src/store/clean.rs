//! Removes the words of deleted messages from the search index, in small steps.
//!
//! To remove a word so that no byte of it stays takes tens of microseconds, and a message can have hundreds. So a
//! deletion only moves the text to the table `removed_texts`, and this module does the rest later.

use rusqlite::Connection;

use super::error::DbResult;
use super::search;
use super::table::removed_texts;

/// Removes the words of the texts that wait for it: of one text, then of others up to `most` while `more` returns `true`.
///
/// Returns whether texts are left.
pub(super) fn clean(connection: &Connection, most: usize, more: &mut dyn FnMut() -> bool) -> DbResult<bool> {
    search::begin_overwriting(connection)?;
    let mut cleaned = 0;
    while let Some((id, text)) = removed_texts::first(connection)? {
        search::overwrite(connection, id, &text)?;
        removed_texts::remove(connection, id)?;
        cleaned += 1;
        if cleaned >= most || !more() {
            break;
        }
    }
    search::end_overwriting(connection)?;
    let left = !removed_texts::is_empty(connection)?;
    if !left {
        removed_texts::overwrite(connection)?;
    }
    Ok(left)
}
