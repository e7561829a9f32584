//! SQLite as it is used here.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::Sync;
use super::batch::Known;
use super::error::{Attempt, Fault};
use super::file::beside;
use super::table::schema;
use super::table::schema::STEPS;

/// Tables that are small: all of each is checked at start.
const SMALL: [&str; 4] = ["state", "rooms", "bans", "whispers"];

/// Opens a file that is ours, for this process alone, and brings it to this version.
pub(super) fn open(path: &Path, sync: Sync) -> Attempt<(Connection, Known)> {
    open_as(path, sync, STEPS)
}

fn open_as(path: &Path, sync: Sync, steps: &[&str]) -> Attempt<(Connection, Known)> {
    let mut connection = connect(path, sync)?;
    let version = schema::version(&connection)?;
    if version > steps.len() as i64 {
        return Err(Fault::Newer(version));
    }
    if version < steps.len() as i64 {
        keep_copy(&connection, path, version)?;
        schema::upgrade(&mut connection, steps)?;
    }
    for table in SMALL {
        check(&connection, table)?;
    }
    let mut known = Known::read(&connection)?;
    known.state.starts += 1;
    known.state.write(&connection)?;
    Ok((connection, known))
}

fn connect(path: &Path, sync: Sync) -> Attempt<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // SQLite opens for reading what it may not write.
    if connection.is_readonly(MAIN_DB)? {
        return Err(Fault::ReadOnly);
    }
    connection.set_prepared_statement_cache_capacity(64);
    // Waiting would hold up everybody.
    connection.busy_timeout(Duration::ZERO)?;
    // Before anything is read: then no other process gets in, and the index of the log is memory of our own.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let sync = match sync {
        Sync::Off => "OFF",
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", sync)?;
    // A checkpoint that fails would make the write fail that is done already.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Moves what is in the write-ahead log to the file, and empties the log.
pub(super) fn checkpoint(connection: &Connection) -> Attempt<()> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Keeps a file of an earlier version beside it, once.
fn keep_copy(connection: &Connection, path: &Path, version: i64) -> Attempt<()> {
    let copy = beside(path, &format!(".schema{version}"));
    if copy.exists() {
        return Ok(());
    }
    let draft = beside(&copy, ".new");
    let kept = || {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let name = draft.to_str().ok_or_else(|| Fault::Refused("its path is not UTF-8".into()))?;
        connection.execute("VACUUM INTO ?1", [name])?;
        Ok(fs::rename(&draft, &copy)?)
    };
    kept().inspect_err(|_| drop(fs::remove_file(&draft)))
}

fn check(connection: &Connection, table: &str) -> Attempt<()> {
    let mut found = String::new();
    connection.pragma(None, "integrity_check", table, |row| {
        found = row.get(0)?;
        Ok(())
    })?;
    if found == "ok" { Ok(()) } else { Err(Fault::Damage(found)) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Directory, said, texts};
    use super::super::{Error, Sync};
    use super::*;

    const ONE_MORE: &[&str] = &[STEPS[0], "ALTER TABLE bans ADD COLUMN why TEXT"];
    const BROKEN: &[&str] = &[STEPS[0], "DROP TABLE bans; DROP TABLE nothing"];

    fn version(path: &Path) -> i64 {
        schema::version(&connect(path, Sync::Off).unwrap()).unwrap()
    }

    #[test]
    fn an_old_schema_is_brought_up_to_date_and_a_copy_kept() {
        let directory = Directory::new();
        directory.open().0.write(&[said(1, "lobby", "one")]).unwrap();
        let path = directory.options().path;
        let (connection, known) = open_as(&path, Sync::Off, ONE_MORE).unwrap();
        assert_eq!((schema::version(&connection).unwrap(), known.state.messages), (2, 1));
        drop(connection);
        let refused = super::super::Store::open(&directory.options(), 0).err();
        assert_eq!(refused, Some(Error::Newer(path.clone(), 2)));
        fs::rename(directory.join("history.schema1"), &path).unwrap();
        let (_, start) = directory.open();
        assert_eq!(texts(&start.rooms[0].1), ["one"]);
    }

    #[test]
    fn a_schema_that_cannot_be_brought_up_to_date_is_left_as_it_is() {
        let directory = Directory::new();
        directory.open().0.write(&[said(1, "lobby", "one")]).unwrap();
        let path = directory.options().path;
        assert!(open_as(&path, Sync::Off, BROKEN).is_err());
        assert_eq!(version(&path), 1);
        let (_, start) = directory.open();
        assert_eq!(texts(&start.rooms[0].1), ["one"]);
    }
}
