//! The schema, its upgrades, and the application id.

use rusqlite::{Connection, TransactionBehavior};

use super::error::{DbError, DbResult};
use super::search;
use super::table::cloak_key;

/// `chwg`: SQLite's application id, which marks a file as a store of chinwag.
pub(super) const APPLICATION_ID: i32 = 0x6368_7767;

/// A step from one version of the schema to the next.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub sql: &'static str,
    /// Runs after the SQL, in the same transaction.
    pub then: Option<fn(&Connection) -> DbResult<()>>,
}

/// The steps that make each version of the schema from the one before; the first from an empty database.
///
/// - `state`: one row. `starts` counts how often the file was opened, so that each opening writes and detects a file that
///   cannot be written.
/// - `rooms`: `last` and `pruned` are the ids of the newest message and of the newest pruned message. A removed room has
///   no name until its messages are pruned. `record` is a [`RoomRecord`](crate::chat::record::RoomRecord) in JSON, NULL
///   for the default.
/// - `messages`: `previous` is the id of the message before it in its room, so that a lost message is noticed. The row of
///   a deleted message stays, without its name and text.
/// - `search`: full-text index of the messages, without their text. In version 1 it had a column `room` that was not used,
///   and deleted words stayed in the file.
/// - `removed_texts`: texts of deleted messages whose words are still in the index.
/// - `bans`: `name` is the member that was named in the command, if any.
/// - `accounts`: `owner` is the folded name. `verifier` is an argon2id hash of the password with its salt and parameters.
///   `data` is an [`AccountData`](crate::chat::record::AccountData) in JSON. `scram` is a
///   [`ScramKeys`](crate::chat::scram_keys::ScramKeys) as a text, NULL if there is none.
/// - `cloak_key`: one row, a number of 128 bits: the secret key of the hosts of members.
/// - `cluster`: one row if the store belongs to a cluster: what its log says up to `position` is stored.
/// - `checkpoint`: one row, or none: a [`CheckpointRecord`](crate::chat::record::CheckpointRecord) of that cluster.
/// - `gaps`: messages with ids from `from_id` on and below `to_id` may be missing.
pub(super) const STEPS: &[Step] = &[
    Step { sql: VERSION_1, then: None },
    Step { sql: VERSION_2, then: Some(search::rebuild) },
    Step { sql: VERSION_3, then: None },
    Step { sql: VERSION_4, then: Some(cloak_key::create) },
    Step { sql: VERSION_5, then: None },
];

const VERSION_1: &str = "
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
";

const VERSION_2: &str = "
    ALTER TABLE rooms ADD COLUMN record TEXT;
    ALTER TABLE bans ADD COLUMN name TEXT;
    DROP TABLE search;
    CREATE VIRTUAL TABLE search USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2');
    CREATE TABLE removed_texts (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL
    ) STRICT;
";

const VERSION_3: &str = "
    CREATE TABLE accounts (
        owner TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        verifier TEXT NOT NULL,
        data TEXT NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

const VERSION_4: &str = "
    ALTER TABLE accounts ADD COLUMN scram TEXT;
    CREATE TABLE cloak_key (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        high INTEGER NOT NULL,
        low INTEGER NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
";

const VERSION_5: &str = "
    CREATE TABLE cluster (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        name TEXT NOT NULL,
        position INTEGER NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE checkpoint (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        position INTEGER NOT NULL,
        ids INTEGER NOT NULL,
        checkpoint TEXT NOT NULL,
        snapshot TEXT NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE gaps (
        from_id INTEGER PRIMARY KEY,
        to_id INTEGER NOT NULL,
        sum INTEGER NOT NULL
    ) STRICT;
";

/// The schema version of a file.
pub(super) fn version(connection: &Connection) -> DbResult<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Upgrades a file to the last version in one transaction.
pub(super) fn upgrade(connection: &mut Connection, steps: &[Step]) -> DbResult<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = usize::try_from(version(&transaction)?).ok().filter(|&from| from <= steps.len());
    let from = from.ok_or_else(|| DbError::Damage("unknown schema version".into()))?;
    for Step { sql, then } in &steps[from..] {
        transaction.execute_batch(sql)?;
        then.map_or(Ok(()), |then| then(&transaction))?;
    }
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    Ok(transaction.commit()?)
}
