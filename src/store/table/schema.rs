//! The tables, and whose file it is.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::error::{Attempt, Fault};

/// `chwg`: by this, where SQLite's file format has its application id, ours is told from others.
pub(in crate::store) const APPLICATION_ID: i32 = 0x6368_7767;

/// What makes each version of the schema from the one before it; the first from nothing.
///
/// - `state`: one row. `starts` counts how often it was opened, so that opening it writes to it and finds out if it can.
/// - `rooms`: `last` and `pruned` are the ids of the newest message and of the newest that was pruned. A room that
///   is gone has no name, until its messages are pruned.
/// - `messages`: `previous` is the id of the one before it in its room, so that one that is lost is missed.
/// - `search`: the words of each message; only the index, the text is in `messages`. Its column `room` is not used.
pub(in crate::store) const STEPS: &[&str] = &["
    CREATE TABLE state (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        run INTEGER NOT NULL,
        next_id INTEGER NOT NULL,
        messages INTEGER NOT NULL,
        starts INTEGER NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE rooms (
        room INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT UNIQUE,
        last INTEGER NOT NULL,
        pruned INTEGER NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        previous INTEGER NOT NULL,
        at INTEGER NOT NULL,
        minutes INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX messages_of_room ON messages (room);
    CREATE VIRTUAL TABLE search USING fts5 (
        text, room, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TABLE bans (
        network TEXT PRIMARY KEY,
        until INTEGER,
        sum INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE whispers (
        number INTEGER PRIMARY KEY,
        reader TEXT NOT NULL,
        recipient TEXT NOT NULL,
        sender TEXT NOT NULL,
        at INTEGER NOT NULL,
        minutes INTEGER NOT NULL,
        text TEXT NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX whispers_of_reader ON whispers (reader);
"];

/// The version that a file has.
pub(in crate::store) fn version(connection: &Connection) -> Attempt<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Takes a file from the version that it has to the last, all or nothing.
pub(in crate::store) fn upgrade(connection: &mut Connection, steps: &[&str]) -> Attempt<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = usize::try_from(version(&transaction)?).ok().filter(|&from| from <= steps.len());
    let from = from.ok_or_else(|| Fault::Damage("no such schema".into()))?;
    for step in &steps[from..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    Ok(transaction.commit()?)
}
