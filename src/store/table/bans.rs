//! Table of bans.

use ipnet::IpNet;
use rusqlite::Connection;

use super::checksum::Checksum;
use crate::chat::record::BanRecord;
use crate::store::error::{DbError, DbResult};

/// Reads the bans that have not expired, sorted by network.
pub(in crate::store) fn read_all(connection: &Connection, now: i64) -> DbResult<Vec<BanRecord>> {
    let mut statement = connection.prepare_cached("SELECT network, until, name, sum FROM bans")?;
    let mut rows = statement.query([])?;
    let mut bans = Vec::new();
    while let Some(row) = rows.next()? {
        let (network, until, name): (String, Option<i64>, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let damaged = || DbError::Damage("a ban does not match its checksum".into());
        if sum(&network, until, name.as_deref()) != row.get::<_, i64>(3)? {
            return Err(damaged());
        }
        bans.push(BanRecord { network: network.parse().map_err(|_| damaged())?, name, until });
    }
    bans.retain(|ban| ban.until.is_none_or(|until| until > now));
    bans.sort_unstable_by_key(|ban| ban.network);
    Ok(bans)
}

/// Adds a ban, or replaces the ban of that network.
pub(in crate::store) fn add(connection: &Connection, ban: &BanRecord) -> DbResult<()> {
    let (network, until, name) = (ban.network.to_string(), ban.until, ban.name.as_deref());
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO bans (network, until, name, sum) VALUES (?1, ?2, ?3, ?4)")?;
    statement.execute((&network, until, name, sum(&network, until, name)))?;
    Ok(())
}

pub(in crate::store) fn remove(connection: &Connection, network: IpNet) -> DbResult<()> {
    connection.prepare_cached("DELETE FROM bans WHERE network = ?1")?.execute([network.to_string()])?;
    Ok(())
}

/// Whether any ban has expired.
pub(in crate::store) fn any_expired(connection: &Connection, now: i64) -> DbResult<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM bans WHERE until <= ?1 LIMIT 1")?.exists([now])?)
}

/// Deletes expired bans.
pub(in crate::store) fn prune(connection: &Connection, now: i64) -> DbResult<()> {
    connection.prepare_cached("DELETE FROM bans WHERE until <= ?1")?.execute([now])?;
    Ok(())
}

/// Without a name it is the checksum of version 1 of the schema.
pub(in crate::store) fn sum(network: &str, until: Option<i64>, name: Option<&str>) -> i64 {
    let sum = Checksum::of("bans").text(network).int(until.is_some().into()).int(until.unwrap_or_default());
    match name {
        Some(name) => sum.text(name).finish(),
        None => sum.finish(),
    }
}
