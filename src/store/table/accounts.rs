//! Table of accounts.

use rusqlite::Connection;

use super::checksum::Checksum;
use crate::chat::policy::nick::fold;
use crate::chat::record::{AccountData, AccountRecord};
use crate::store::error::{DbError, DbResult};

/// Reads all accounts, sorted by folded name.
pub(in crate::store) fn read_all(connection: &Connection) -> DbResult<Vec<AccountRecord>> {
    let mut statement =
        connection.prepare_cached("SELECT owner, name, verifier, scram, data, sum FROM accounts ORDER BY owner")?;
    let mut rows = statement.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let (owner, name, verifier): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (scram, data): (Option<String>, String) = (row.get(3)?, row.get(4)?);
        let damaged = |why: &str| DbError::Damage(format!("an account {why}"));
        if sum([&owner, &name, &verifier, &data], scram.as_deref()) != row.get::<_, i64>(5)? {
            return Err(damaged("does not match its checksum"));
        }
        let data: AccountData = serde_json::from_str(&data).map_err(|_| damaged("cannot be read"))?;
        accounts.push(AccountRecord { name, verifier: verifier.into(), scram: scram.map(Into::into), data });
    }
    Ok(accounts)
}

/// Adds an account, or replaces the one with that name in any case.
pub(in crate::store) fn write(connection: &Connection, account: &AccountRecord) -> DbResult<()> {
    let AccountRecord { name, verifier, scram, data } = account;
    let unfit = |error| DbError::Refused(format!("its data is no JSON: {error}"));
    let (owner, data) = (fold(name), serde_json::to_string(data).map_err(unfit)?);
    let sum = sum([&owner, name, verifier, &data], scram.as_deref());
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO accounts (owner, name, verifier, scram, data, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((&owner, name, &**verifier, scram.as_deref(), &data, sum))?;
    Ok(())
}

/// Removes the account with that name in any case.
pub(in crate::store) fn remove(connection: &Connection, name: &str) -> DbResult<()> {
    connection.prepare_cached("DELETE FROM accounts WHERE owner = ?1")?.execute([fold(name)])?;
    Ok(())
}

/// Without keys it is the checksum of version 3 of the schema.
pub(in crate::store) fn sum(texts: [&str; 4], scram: Option<&str>) -> i64 {
    texts.into_iter().chain(scram).fold(Checksum::of("accounts"), Checksum::text).finish()
}
