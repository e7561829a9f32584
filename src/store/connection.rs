//! Opens, checks and upgrades the SQLite database.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::batch::CachedState;
use super::error::{DbError, DbResult};
use super::file::with_suffix;
use super::options::Sync;
use super::schema;
use super::schema::{STEPS, Step};

/// The first version of the schema of which the files have no copies of deleted content in their unused space.
const OVERWRITTEN: i64 = 2;

/// Small tables, whose integrity is checked completely at start.
const CHECKED_TABLES: [&str; 7] = ["state", "rooms", "bans", "whispers", "removed_texts", "cluster", "gaps"];

/// Opens a store for this process only and upgrades its schema to this version.
pub(super) fn open(path: &Path, sync: Sync) -> DbResult<(Connection, CachedState)> {
    open_as(path, sync, STEPS)
}

fn open_as(path: &Path, sync: Sync, steps: &[Step]) -> DbResult<(Connection, CachedState)> {
    let mut connection = connect(path, sync)?;
    let version = schema::version(&connection)?;
    if version > steps.len() as i64 {
        return Err(DbError::Newer(version));
    }
    if version < steps.len() as i64 {
        keep_copy(&connection, path, version)?;
        if version < OVERWRITTEN {
            vacuum(&connection)?;
        }
        schema::upgrade(&mut connection, steps)?;
    }
    for table in CHECKED_TABLES {
        check(&connection, table)?;
    }
    let mut cached = CachedState::read(&connection)?;
    cached.state.starts += 1;
    cached.state.write(&connection)?;
    Ok((connection, cached))
}

fn connect(path: &Path, sync: Sync) -> DbResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // SQLite opens a file that it cannot write as read-only.
    if connection.is_readonly(MAIN_DB)? {
        return Err(DbError::ReadOnly);
    }
    connection.set_prepared_statement_cache_capacity(64);
    // Waiting for a lock would block the event loop.
    connection.busy_timeout(Duration::ZERO)?;
    // Set before the first read: keeps other processes out, and the index of the write-ahead log in private memory.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let sync = match sync {
        Sync::Off => "OFF",
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", sync)?;
    // An automatic checkpoint that fails would report an error for a write that succeeded.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Deleted content is overwritten with zeros.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Moves the write-ahead log into the database file and empties the log.
pub(super) fn checkpoint(connection: &Connection) -> DbResult<()> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Copies a store of an earlier schema to `PATH.schemaN`, unless that copy exists.
fn keep_copy(connection: &Connection, path: &Path, version: i64) -> DbResult<()> {
    let copy = with_suffix(path, &format!(".schema{version}"));
    if copy.exists() {
        return Ok(());
    }
    let draft = with_suffix(&copy, ".new");
    let kept = || {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let name = draft.to_str().ok_or_else(|| DbError::Refused("its path is not valid UTF-8".into()))?;
        connection.execute("VACUUM INTO ?1", [name])?;
        Ok(fs::rename(&draft, &copy)?)
    };
    kept().inspect_err(|_| drop(fs::remove_file(&draft)))
}

/// Writes the file anew, without copies of messages in its unused space.
pub(super) fn vacuum(connection: &Connection) -> DbResult<()> {
    // The temporary copy can be as long as the file.
    connection.pragma_update(None, "temp_store", "FILE")?;
    let vacuumed = connection.execute_batch("VACUUM");
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(vacuumed?)
}

fn check(connection: &Connection, table: &str) -> DbResult<()> {
    let mut found = String::new();
    connection.pragma(None, "integrity_check", table, |row| {
        found = row.get(0)?;
        Ok(())
    })?;
    if found == "ok" { Ok(()) } else { Err(DbError::Damage(found)) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Directory, said, texts};
    use super::super::{Error, Sync};
    use super::*;

    fn with_one_more(sql: &'static str) -> Vec<Step> {
        [STEPS, &[Step { sql, then: None }]].concat()
    }

    fn version(path: &Path) -> i64 {
        schema::version(&connect(path, Sync::Off).unwrap()).unwrap()
    }

    #[test]
    fn old_schema_is_upgraded_and_a_copy_is_kept() {
        let directory = Directory::new();
        directory.open().0.write(&[said(1, "lobby", "one")]).unwrap();
        let path = directory.options().path;
        let (connection, cached) =
            open_as(&path, Sync::Off, &with_one_more("ALTER TABLE bans ADD COLUMN why TEXT")).unwrap();
        assert_eq!((schema::version(&connection).unwrap(), cached.state.messages), (6, 1));
        drop(connection);
        let refused = super::super::Store::open(&directory.options(), 0).err();
        assert_eq!(refused, Some(Error::Newer(path.clone(), 6)));
        fs::rename(directory.join("history.schema5"), &path).unwrap();
        let (_, start) = directory.open();
        assert_eq!(texts(&start.rooms[0].messages), ["one"]);
    }

    #[test]
    fn failed_upgrade_leaves_the_file_unchanged() {
        let directory = Directory::new();
        directory.open().0.write(&[said(1, "lobby", "one")]).unwrap();
        let path = directory.options().path;
        assert!(open_as(&path, Sync::Off, &with_one_more("DROP TABLE bans; DROP TABLE nothing")).is_err());
        assert_eq!(version(&path), 5);
        let (_, start) = directory.open();
        assert_eq!(texts(&start.rooms[0].messages), ["one"]);
    }
}
